"""Write solved exercises without the machinery of marks, for those who learn alone.

    python notebooks/exercises/classroom/solution.py 04

writes build/solutions/04_adam.ipynb: the text, the answers, the checks and the pictures, without
the teacher's tests. Without a number it writes all of them.
"""

from __future__ import annotations

import copy
import re
import sys
from typing import Any

import nbformat
from release import EXERCISES, SOLUTIONS

ROOT = EXERCISES.parents[1]
FOLDER = ROOT / "build" / "solutions"
MARKS = re.compile(r"^ *### (BEGIN|END) SOLUTION\n?", re.MULTILINE)
POINTS = re.compile(r"^(## .*) \(\d+ points?\)$", re.MULTILINE)
FOR_STUDENTS = re.compile(r"\n\n\*\*(How it works|Stuck\?).*?(?=\n\n|\Z)", re.DOTALL)


def clean(source: Any) -> Any:
    """The notebook without tests, without marks, and without the words about filling it in."""
    notebook = copy.deepcopy(source)
    notebook.cells = [c for c in notebook.cells if not c.metadata.get("nbgrader", {}).get("grade")]
    for cell in notebook.cells:
        cell.metadata.pop("nbgrader", None)
        cell.source = POINTS.sub(r"\1", MARKS.sub("", cell.source).rstrip("\n"))
    first = notebook.cells[0]
    first.source = FOR_STUDENTS.sub("", first.source).replace("# Exercises", "# Solutions", 1)
    return notebook


def main(numbers: list[str]) -> None:
    files = {file.stem[:2]: file for file in SOLUTIONS}
    for number in numbers:
        if number not in files:
            raise SystemExit(f"there are no exercises {number}; there are {', '.join(files)}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for number in numbers or files:
        file = files[number]
        nbformat.write(clean(nbformat.read(file, as_version=4)), FOLDER / file.name)
        print((FOLDER / file.name).relative_to(ROOT))


if __name__ == "__main__":
    main(sys.argv[1:])
