"""Lessons as slides and as pages: what begins a slide, and what becomes of code that is folded."""

import base64
import re
from pathlib import Path

import nbformat
import pytest
from lessons import LESSONS
from slides import PAGE, dress, height_of
from test_notebooks import execute

CONFIG = Path(__file__).parent.parent / "notebooks" / "nbconvert" / "config.py"


def text(words):
    return nbformat.v4.new_markdown_cell(words)


def code(words, *tags):
    return nbformat.v4.new_code_cell(words, metadata={"tags": [*tags]} if tags else {})


def picture(width, height):
    size = b"".join(number.to_bytes(4, "big") for number in (width, height))
    data = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + size).decode()
    cell = code("show(ax)", "hide-input")
    html = f'<img alt="a ball" src="data:image/png;base64,{data}">'
    cell.outputs = [nbformat.v4.new_output("display_data", {"text/html": html})]
    return cell


def notebook(*cells):
    return nbformat.v4.new_notebook(cells=[*cells])


def parts(*cells):
    return [cell.metadata.slideshow.slide_type for cell in dress(notebook(*cells)).cells]


LONG = "1 + 1\n" * 30  # takes a page by itself


def test_a_heading_begins_a_slide_and_what_it_has_no_room_for_a_page_below_it():
    cells = text("# 02 · Momentum"), code("1 + 1"), text("## The idea\n\nA ball."), code(LONG)
    assert parts(*cells) == ["slide", "-", "slide", "subslide"]


def test_a_caption_stands_with_its_picture_and_a_heading_with_its_words():
    cells = (
        text("## The idea"),
        text("A ball."),
        picture(width=850, height=500),
        text("*It rolls.*"),
    )
    assert parts(*cells) == ["slide", "-", "subslide", "-"]


def test_words_stand_with_the_code_that_they_lead_to():
    above = text("# One"), code("1 + 1\n" * 18)
    assert parts(*above, text("A word."), code("2 + 2\n" * 9)) == ["slide", "-", "subslide", "-"]
    assert parts(*above, text("A word."), code("2 + 2\n" * 3))[2:] == ["-", "-"]
    assert parts(*above, text("A word."), code(LONG))[2:] == ["-", "subslide"]


def test_words_that_do_not_fit_have_a_page_of_their_own():
    many = text("word " * 25 * 24)
    assert parts(text("# One"), many, text("few")) == ["slide", "subslide", "subslide"]
    assert parts(text("# One"), text("few"), many) == ["slide", "-", "subslide"]


def test_what_is_seen_takes_room_and_what_is_folded_takes_little():
    assert height_of(code(LONG, "hide-input")) < height_of(code("1 + 1")) < height_of(code(LONG))
    assert height_of(text("<details>\n\n" + "word " * 200 + "</details>")) < 100
    small, large = picture(width=850, height=300), picture(width=850, height=400)
    assert height_of(large) - height_of(small) == 100
    assert height_of(picture(width=850, height=9000)) < PAGE


def test_sources_are_left_out_until_the_next_heading():
    cells = text("# One"), text("## Sources\n\nOne."), text("Two."), text("## Exercise")
    assert parts(*cells) == ["slide", "skip", "skip", "slide"]


def test_to_dress_twice_changes_nothing():
    one = dress(notebook(text("# One"), code("x = 1", "hide-input"), text("## Sources")))
    before = nbformat.writes(one)
    assert nbformat.writes(dress(one)) == before


def test_code_that_is_tagged_is_folded_and_stays_so_when_it_is_executed(tmp_path):
    cells = code("x = 1", "hide-input"), code("x + 1"), code("x", "varies")
    nbformat.write(dress(notebook(*cells)), tmp_path / "one.ipynb")
    done = execute(tmp_path / "one.ipynb")
    assert [cell.metadata.get("jupyter") for cell in done.cells] == [
        *({"source_hidden": True}, None, None),
    ]
    assert [bool(cell.outputs) for cell in done.cells] == [False, True, True]


@pytest.mark.parametrize("file", LESSONS, ids=lambda file: file.stem)
def test_a_lesson_is_dressed_as_the_rule_says(file):
    before = nbformat.read(file, as_version=4)
    dressed = dress(nbformat.read(file, as_version=4))
    assert [cell.metadata for cell in before.cells] == [
        *(cell.metadata for cell in dressed.cells),
    ], "make notebooks dresses them"


@pytest.mark.parametrize("kind", ["HTMLExporter", "SlidesExporter"])
def test_folded_code_is_folded_in_pages_and_slides_and_other_code_is_not(kind):
    exporters = pytest.importorskip("nbconvert.exporters")
    loader = pytest.importorskip("traitlets.config.loader")
    config = loader.PyFileConfigLoader(CONFIG.name, str(CONFIG.parent)).load_config()
    lesson = dress(
        notebook(text("# One"), code("folded = 1", "hide-input"), code("seen = 2\n" * 30))
    )
    html, _ = getattr(exporters, kind)(config=config).from_notebook_node(lesson)
    folded = "".join(re.findall(r"<details class=\"folded\">.*?</details>", html, re.DOTALL))
    assert ">folded<" in folded
    assert ">seen<" in html.replace(folded, "")
    assert ">seen<" not in folded
    assert html.count("<section") == (3 if kind == "SlidesExporter" else 0)  # one holds the two
