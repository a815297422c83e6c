"""Build static pages: first the live page, behind it the course.

    python notebooks/site/build.py

The live page is JavaScript, and is there at once. The Python of the notebooks runs in the browser:
it is Pyodide, which is fetched from its official distribution. With `--pyodide FOLDER`, an unpacked
distribution of the version below becomes a part of the site: for a room without a connection to
the outside.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat

from optimizers import explore
from optimizers.functions import rosenbrock

ROOT = Path(__file__).resolve().parents[2]
FIRST = "00_start_here.ipynb"

PYODIDE = "314.0.6"  # jupyterlite-pyodide-kernel is made for this one; its Python is 3.14
SITE_PACKAGES = "/lib/python3.14/site-packages"
FROM_PYODIDE = ["numpy", "matplotlib", "tqdm", "ipython", "jedi", "micropip"]  # from the start
FROM_PYPI = ["autograd", "comm"]  # what Pyodide lacks; comm is for the kernel
KERNEL = "@jupyterlite/pyodide-kernel-extension"
TO_THE_TOP = "../../../.."  # of the site, from the script that starts Python
KERNEL_SPEC = {"name": "python", "display_name": "Python (Pyodide)", "language": "python"}

SETTINGS = {
    "@jupyterlab/docmanager-extension:plugin": {"autosaveInterval": 10},  # seconds
    "@jupyterlab/filebrowser-extension:browser": {"showLastModifiedColumn": False},
}

NOTE = """> **This page is all you need.** Python runs in your browser. It starts while you read;
> that takes half a minute, and longer the first time. What you change is kept in this browser, and
> *File → Download* takes it along. To have a notebook as it was, delete it in the list of files
> and load the page again.
"""

# the notebooks look for a script of that name in the page that lies above theirs
HEADER = """<style>
body {{ box-sizing: border-box; padding-top: 34px; }}
#site {{ position: absolute; inset: 0 0 auto; height: 34px; display: flex; align-items: center;
  gap: 1.5em; padding: 0 10px; font: 14px system-ui, sans-serif; background: #f1f3f5; }}
</style>
<nav id="site">
<b>Optimizers</b>
<a href="course.html" title="Notebooks whose Python runs in this browser">The course</a>
<a href="pypi/{wheel}" download title="pip install it">The library</a>
</nav>
<script id="jupyter-config-data" data-jupyter-lite-root="." type="application/json">{{}}</script>
"""

OPEN_FIRST = f"""<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Optimizers</title>
    <link rel="icon" href="lab/favicon.ico">
    <script>
      const app = screen.width < 700 ? "notebooks" : "lab";  // on a phone without side bars
      location.replace(`${{app}}/index.html?path=notebooks/{FIRST}`);
    </script>
  </head>
  <body>
    <noscript>The course runs in your browser. For that, JavaScript must be on.</noscript>
  </body>
</html>
"""


def build(site: Path, pyodide: Path | None = None) -> None:
    """Bring together what the site is made of, in a folder of its own, and build it from there."""
    if site.exists() and any(site.iterdir()) and not (site / "jupyter-lite.json").exists():
        raise SystemExit(f"{site} is no site that was built by this: name an empty folder")
    if pyodide and not (pyodide / "pyodide.mjs").exists():
        raise SystemExit(f"{pyodide} is no unpacked Pyodide: there is no pyodide.mjs in it")
    stage = ROOT / "build" / "site-stage"
    for folder in (site, stage):
        shutil.rmtree(folder, ignore_errors=True)
    stage.mkdir(parents=True)
    wheels = make_wheels(stage / "pypi", stage / "source")
    copy_contents(stage / "files")
    if pyodide:
        shutil.copytree(pyodide, stage / "static" / "pyodide")
    write(stage / "jupyter-lite.json", page_config([wheel.name for wheel in wheels]))
    write(stage / "overrides.json", SETTINGS)
    write(stage / "jupyter_lite_config.json", build_config(site))
    lite = [sys.executable, "-m", "jupyterlite_core", "build"]
    done = subprocess.run(lite, cwd=stage, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise SystemExit(done.stdout.decode())
    ours = next(wheel.name for wheel in wheels if wheel.name.startswith("optimizers"))
    (site / "index.html").write_text(front_page(ours), "utf8")
    (site / "course.html").write_text(OPEN_FIRST, "utf8")
    shutil.rmtree(stage)


def front_page(wheel: str) -> str:
    """The live page, below a line that leads to the course and to the library, in this wheel."""
    before, body, page = explore(rosenbrock).html.partition("<body>\n")
    return before + body + HEADER.format(wheel=wheel) + page


def make_wheels(wheels: Path, source: Path) -> list[Path]:
    """Our package, with what it does when Python starts in a browser; and what Pyodide lacks."""
    left_out = shutil.ignore_patterns("node_modules", "__pycache__")
    shutil.copytree(ROOT / "optimizers", source / "optimizers", ignore=left_out)
    shutil.copy(Path(__file__).with_name("startup.py"), source / "optimizers")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    constraints = ["--no-deps", "--constraint", ROOT / "constraints.txt"]
    subprocess.run([*pip, *constraints, "--wheel-dir", wheels, source, *FROM_PYPI], check=True)
    return sorted(wheels.glob("*.whl"))


def copy_contents(files: Path) -> None:
    """The notebooks, the measurements that they read, and the files that they link to."""
    course = ROOT / "notebooks"
    folders = (course, course / "deeper", course / "exercises")  # not those with solutions
    notebooks = [notebook for folder in folders for notebook in folder.glob("[0-9]*.ipynb")]
    wanted = {*notebooks, *ROOT.glob("figures/claims/*.json")}
    for notebook in notebooks:
        wanted |= {(notebook.parent / link).resolve() for link in links_of(notebook)}
    for file in sorted(wanted):
        if file.is_file() and file.is_relative_to(ROOT):
            copy = files / file.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            if file.suffix == ".ipynb":
                write(copy, for_the_browser(file))
            else:
                shutil.copy(file, copy)


def links_of(file: Path) -> list[str]:
    """The files that a notebook's text links to."""
    cells = nbformat.read(file, as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return re.findall(r"\]\((?!https?:)([^)#\s]+)", text)


def for_the_browser(file: Path) -> nbformat.NotebookNode:
    """A notebook with the name of the browser's Python; the first one says where we are.

    As nbformat reads it, texts are whole. JupyterLite trips over texts in lists of lines.
    """
    notebook = nbformat.read(file, as_version=4)
    notebook.metadata.kernelspec = KERNEL_SPEC
    if file.name == FIRST:
        notebook.cells.insert(1, nbformat.v4.new_markdown_cell(NOTE, id="site"))
    return notebook


def page_config(wheels: list[str]) -> dict[str, Any]:
    """What the page asks for: which Python, from where, and what is in it from the start."""
    python = {
        "pyodideUrl": f"https://cdn.jsdelivr.net/pyodide/v{PYODIDE}/full/pyodide.mjs",
        "loadPyodideOptions": {
            "packages": [*FROM_PYODIDE, *(f"{TO_THE_TOP}/pypi/{wheel}" for wheel in wheels)],
            "env": {"PYTHONSTARTUP": f"{SITE_PACKAGES}/optimizers/startup.py"},
        },
    }
    config = {"appName": "Optimizers", "litePluginSettings": {f"{KERNEL}:kernel": python}}
    return {"jupyter-lite-schema-version": 0, "jupyter-config-data": config}


def build_config(site: Path) -> dict[str, Any]:
    """What JupyterLite needs to know. Other extensions of this environment stay outside."""
    installed = Path(sys.prefix) / "share" / "jupyter" / "labextensions"
    return {
        "LiteBuildConfig": {
            "output_dir": str(site),
            "contents": ["files"],
            "apps": ["lab", "notebooks", "tree"],
            "federated_extensions": [str(installed / KERNEL)],
            "ignore_sys_prefix": True,
            "settings_overrides": ["overrides.json"],
            "no_sourcemaps": True,
            "no_unused_shared_packages": True,
        }
    }


def write(file: Path, content: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=1), "utf8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Build the static site.")
    parser.add_argument("--pyodide", type=Path, help="an unpacked distribution to include")
    parser.add_argument("--to", type=Path, default=ROOT / "build" / "site", help="its folder")
    given = parser.parse_args()
    build(given.to.resolve(), given.pyodide)
    megabytes = sum(file.stat().st_size for file in given.to.rglob("*")) / 1e6
    print(f"{given.to}: {megabytes:.0f} MB. Any web server can serve it, under any path.")
