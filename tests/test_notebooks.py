"""The course: every notebook runs, and shows what it shows in the repository.

    python tests/test_notebooks.py [solutions] [00 04 …]

executes the lessons, or the solved exercises (or those of them with these numbers) in place, for
the repository to show, as many at a time as there are cores; what is a slide in a lesson and what
is folded says slides.py.

What a cell tagged "varies" prints is not compared: it depends on how quick the machine is, or a
rule dances so wildly in it that the last bit of the arithmetic shows, which is the machine's own.
"""

import json
import math
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from time import perf_counter

import nbformat
import pytest
from lessons import LESSONS, SOLUTIONS, outputs_of, pictures_of
from nbclient import NotebookClient
from slides import dress

PICTURE, FILM, NOTEBOOK = 200_000, 500_000, 1_500_000  # bytes at most
NUMBER = re.compile(r"[-−]?\d+(?:[.,]\d+)*(?:e[-+]?\d+)?|\binf\b|\bnan\b")
DIGITS = 5e-3  # relative: numbers agree to 3 significant digits …
NOTHING = 1e-9  # … or are both no more than rounding


def execute(file):
    notebook = nbformat.read(file, as_version=4)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    here = {"metadata": {"path": str(file.parent)}}
    options = {"timeout": 300, "record_timing": False, "coalesce_streams": True}
    alone = os.environ | {"OMP_NUM_THREADS": "1"}  # others use the machine's cores
    NotebookClient(notebook, resources=here, **options).execute(env=alone)
    notebook.metadata["language_info"] = {"name": "python"}  # without the version of Python
    return notebook


def renew(file):
    """Execute a notebook in place; how many seconds it took."""
    begun = perf_counter()
    done = execute(file)
    nbformat.write(done if file in SOLUTIONS else dress(done), file)
    return perf_counter() - begun


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


@pytest.mark.parametrize("file", [*LESSONS, *SOLUTIONS], ids=lambda file: file.stem)
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
    if file in SOLUTIONS:
        return
    stale = {}
    for before, now in zip(committed.cells, fresh.cells, strict=True):
        (said, shown), (said_now, shown_now) = told(before), told(now)
        assert shown_now == shown, f"cell {before.id} shows something else than in the repository"
        if "varies" not in before.metadata.get("tags", ()) and (d := differences(said, said_now)):
            stale[before.id] = d
    assert not stale, "make notebooks executes them anew"


@pytest.mark.parametrize("file", LESSONS, ids=lambda file: file.stem)
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
            assert "image/png" not in output.get("data", {}), (
                f"{cell.id}: of this picture no reader shows words: show(…, alt=…) does"
            )
        for words, picture in pictures_of(cell):
            assert words, cell.id
            assert len(picture) <= (FILM if picture.startswith(b"GIF") else PICTURE), cell.id
    text = json.dumps(notebook)
    assert not re.search(r"/(home|root|tmp|work|Users)/", text), "a path of somebody's machine"


def test_differences_are_found():
    assert not differences("loss 0.12345 at 1,000", "loss 0.12346 at 1,000")
    assert not differences("off by 1.1e-16", "off by 0.0")
    assert not differences("a  b\n− 2", "a b\n− 2")
    assert differences("loss 0.123", "loss 0.125")
    assert differences("Adam is best", "SGD is best")
    assert differences("one line", "one line\nand another")


if __name__ == "__main__":
    numbers = [given for given in sys.argv[1:] if given != "solutions"]
    which = SOLUTIONS if "solutions" in sys.argv else LESSONS
    wanted = [file for file in which if not numbers or file.stem[:2] in numbers]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for notebook_file, seconds in zip(wanted, pool.map(renew, wanted), strict=True):
            print(f"{notebook_file.name:40}{seconds:4.0f} s", flush=True)
