"""How `make slides` makes slides and pages: code that JupyterLab folds is folded there as well."""

from pathlib import Path

c = get_config()  # noqa: F821  # type: ignore[name-defined]

c.TemplateExporter.extra_template_basedirs = [str(Path(__file__).parent)]
c.HTMLExporter.template_name = "page"
c.SlidesExporter.template_name = "slides"
c.SlidesExporter.reveal_width = "1280"
c.SlidesExporter.reveal_height = "720"
c.SlidesExporter.reveal_transition = "none"
c.SlidesExporter.reveal_number = "c/t"
c.SlidesExporter.reveal_scroll = True  # what is taller than the screen
