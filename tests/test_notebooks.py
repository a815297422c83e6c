"""The course: every notebook runs, shows what it shows in the repository, and has its parts.

    python tests/test_notebooks.py [00 04 …]

executes them (or those with these numbers) in place, for the repository to show.

What a cell tagged "varies" prints is not compared: it depends on how quick the machine is, or a
rule dances so wildly in it that the last bit of the arithmetic shows, which is the machine's own.
"""

import base64
import json
import math
import re
import sys
from itertools import zip_longest
from pathlib import Path
from time import perf_counter

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parent.parent / "notebooks"
COURSE = sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))
SOLUTIONS = sorted(FOLDER.glob("exercises/solutions/[0-9][0-9]_*.ipynb"))
NOTEBOOKS = [*COURSE, *SOLUTIONS]  # the students' exercises wait for answers

HEADINGS = ("The idea", "The formula", "From scratch", "What to try", "Exercise", "Sources")
PICTURE, NOTEBOOK = 200_000, 1_500_000  # bytes at most
NUMBER = re.compile(r"[-−]?\d+(?:[.,]\d+)*(?:e[-+]?\d+)?|\binf\b|\bnan\b")
DIGITS = 5e-3  # relative: numbers agree to 3 significant digits …
NOTHING = 1e-9  # … or are both no more than rounding


def execute(file):
    notebook = nbformat.read(file, as_version=4)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    here = {"metadata": {"path": str(file.parent)}}
    options = {"timeout": 300, "record_timing": False, "coalesce_streams": True}
    NotebookClient(notebook, resources=here, **options).execute()
    notebook.metadata["language_info"] = {"name": "python"}  # without the version of Python
    return notebook


def outputs_of(cell):
    return cell.get("outputs", [])


def told(cell):
    """What a cell says, in words, and which pictures and pages it shows."""
    said, shown = "", []
    for output in outputs_of(cell):
        data = output.get("data", {})
        said += output.get("text") or data.get("text/plain", "") + "\n"
        shown += [kind for kind in data if kind not in ("text/plain", "text/markdown")]
    return said, shown


def differences(ours, theirs):
    """Where two texts differ, but for spaces and for numbers beyond their third digit."""
    both = [[" ".join(line.split()) for line in text.split("\n")] for text in (ours, theirs)]
    pairs = zip_longest(*(list(filter(None, lines)) for lines in both), fillvalue="")
    return [(one, other) for one, other in pairs if not alike(one, other)]


def alike(line, other):
    if NUMBER.sub("#", line) != NUMBER.sub("#", other):
        return False
    return all(map(equal, NUMBER.findall(line), NUMBER.findall(other)))


def equal(one, other):
    x, y = (float(text.replace("−", "-").replace(",", "")) for text in (one, other))
    return x == y or (x != x and y != y) or math.isclose(x, y, rel_tol=DIGITS, abs_tol=NOTHING)


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_notebook_runs_and_shows_what_it_shows_in_the_repository(file, monkeypatch):
    monkeypatch.setenv("PYTHONWARNINGS", "error::UserWarning,error::RuntimeWarning")
    committed = nbformat.read(file, as_version=4)
    fresh = execute(file)
    complaints = [
        output.text
        for cell in fresh.cells
        for output in outputs_of(cell)
        if output.get("name") == "stderr"
    ]
    assert not complaints
    if file not in COURSE:
        return
    stale = {}
    for before, now in zip(committed.cells, fresh.cells, strict=True):
        (said, shown), (said_now, shown_now) = told(before), told(now)
        assert shown_now == shown, f"cell {before.id} shows something else than in the repository"
        if "varies" not in before.metadata.get("tags", ()) and (d := differences(said, said_now)):
            stale[before.id] = d
    assert not stale, "make notebooks executes them anew"


@pytest.mark.parametrize("file", COURSE, ids=lambda file: file.stem)
def test_a_notebook_of_the_course_has_its_parts(file):
    notebook = nbformat.read(file, as_version=4)
    number, first = file.stem[:2], notebook.cells[0].source
    assert first.startswith(f"# {number} · ")
    assert re.search(r"^\*\*[^*]+\?[^*]*\*\*", first, re.MULTILINE), "the question comes first"
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    found = re.findall(r"^## (.+)$", text, re.MULTILINE)
    at = [next((i for i, f in enumerate(found) if f.startswith(h)), None) for h in HEADINGS]
    missing = [h for h, i in zip(HEADINGS, at, strict=True) if i is None]
    assert not missing
    assert at == sorted(at), f"the parts stand in another order: {found}"
    scratch = next(i for i, c in enumerate(notebook.cells) if "## From scratch" in c.source)
    assert "image/png" in [kind for c in notebook.cells[:scratch] for kind in told(c)[1]]
    assert [cell.id for cell in notebook.cells] == [
        f"{number}-{i:02d}" for i in range(1, len(notebook.cells) + 1)
    ]


@pytest.mark.parametrize("file", COURSE, ids=lambda file: file.stem)
def test_a_notebook_of_the_course_is_committed_as_it_should_be(file):
    notebook = nbformat.read(file, as_version=4)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert file.stat().st_size <= NOTEBOOK
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1)), "not executed from top to bottom"
    for cell in notebook.cells:
        for output in outputs_of(cell):
            assert output.output_type != "error", cell.id
            assert output.get("name") != "stderr", cell.id
            page = output.get("data", {}).get("text/html", "")
            assert all("alt=" in tag for tag in re.findall("<img[^>]*>", page)), cell.id
            if picture := output.get("data", {}).get("image/png"):
                about = output.metadata.get("image/png", {})
                assert about.get("alt"), f"{cell.id}: show the figure with show(…, alt=…)"
                assert len(base64.b64decode(picture)) <= PICTURE, cell.id
    text = json.dumps(notebook)
    assert not re.search(r"/(home|root|tmp|work|Users)/", text), "a path of somebody's machine"


@pytest.mark.parametrize("file", COURSE, ids=lambda file: file.stem)
def test_links_lead_somewhere(file):
    notebook = nbformat.read(file, as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    assert not [target for target in targets if not (file.parent / target).exists()]


def test_the_overview_names_every_notebook():
    overview = COURSE[0].read_text("utf8")
    assert not [file.name for file in COURSE[1:] if f"({file.name})" not in overview]


def test_differences_are_found():
    assert not differences("loss 0.12345 at 1,000", "loss 0.12346 at 1,000")
    assert not differences("off by 1.1e-16", "off by 0.0")
    assert not differences("a  b\n− 2", "a b\n− 2")
    assert differences("loss 0.123", "loss 0.125")
    assert differences("Adam is best", "SGD is best")
    assert differences("one line", "one line\nand another")


if __name__ == "__main__":
    for notebook_file in [*COURSE, *SOLUTIONS]:
        if not sys.argv[1:] or notebook_file.stem[:2] in sys.argv[1:]:
            begun = perf_counter()
            nbformat.write(execute(notebook_file), notebook_file)
            print(f"{notebook_file.name:40}{perf_counter() - begun:4.0f} s")
