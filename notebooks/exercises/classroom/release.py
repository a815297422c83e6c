"""Make the student's versions of the assignments, as nbgrader's release step makes them.

    python notebooks/exercises/classroom/release.py

The same is written here without nbgrader, so that `make test` can hold the student's versions to
their sources; `make classroom` holds that nbgrader makes the same.
"""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path
from typing import Any

import nbformat

EXERCISES = Path(__file__).resolve().parents[1]
SOLUTIONS = sorted((EXERCISES / "solutions").glob("[0-9][0-9]_*.ipynb"))
STUB = ["# YOUR CODE HERE", "raise NotImplementedError()"]


def student_version(source: Any) -> Any:
    """Without solutions, hidden tests and outputs; the tests locked."""
    notebook = copy.deepcopy(source)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        entry = cell.metadata.get("nbgrader")
        if entry:
            without(cell, "SOLUTION", STUB)
            without(cell, "HIDDEN TESTS", [])
            cell.metadata["deletable"] = False
            if entry.grade:
                cell.metadata["editable"] = False
            entry["cell_type"] = cell.cell_type
            entry["checksum"] = checksum(cell)
    return notebook


def without(cell: Any, region: str, stub: list[str]) -> None:
    """Replace what stands between the two marks."""
    lines: list[str] = []
    inside = False
    for line in cell.source.split("\n"):
        if f"BEGIN {region}" in line:
            inside = True
            indent = line[: len(line) - len(line.lstrip())]
            lines += [indent + each for each in stub]
        elif f"END {region}" in line:
            inside = False
        elif not inside:
            lines.append(line)
    cell.source = "\n".join(lines)


def checksum(cell: Any) -> str:
    """nbgrader's: by it a changed test and an unchanged answer are known."""
    entry = cell.metadata.nbgrader
    grade, solution = entry.grade, entry.solution
    parts = [cell.source, cell.cell_type, grade, solution, not solution and (grade or entry.locked)]
    parts += [entry.grade_id, *([float(entry.points)] if grade else [])]
    return hashlib.md5("".join(map(str, parts)).encode()).hexdigest()


def main() -> None:
    for file in SOLUTIONS:
        student = student_version(nbformat.read(file, as_version=4))
        nbformat.write(student, EXERCISES / file.name)
        print(f"notebooks/exercises/{file.name}")


if __name__ == "__main__":
    main()
