"""Sample submissions, made from the assignments: right, wrong, careless and hostile.

Each is a function of an assignment that returns a notebook and the tasks whose points it must lose.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import nbformat
from mistakes import LIBRARY, MISTAKES
from release import student_version

Sample = tuple[Any, Iterable[str]]  # the notebook, and the tasks that it loses
MARK = "written-by-a-submission"


@dataclass(frozen=True)
class Assignment:
    """One source notebook, taken apart."""

    file: Path

    @property
    def name(self) -> str:
        return self.file.stem

    @cached_property
    def source(self) -> Any:
        return nbformat.read(self.file, as_version=4)

    @cached_property
    def answers(self) -> dict[str, str]:
        """The solutions, by task, as a student would write them."""
        solutions = [c for c in self.source.cells if c.metadata.get("nbgrader", {}).get("solution")]
        return {cell.metadata.nbgrader.grade_id: unmarked(cell.source) for cell in solutions}

    @cached_property
    def points(self) -> dict[str, float]:
        """By task."""
        entries = [cell.metadata.get("nbgrader", {}) for cell in self.source.cells]
        tests = [entry for entry in entries if entry.get("grade")]
        return {entry["grade_id"].removesuffix("-test"): entry["points"] for entry in tests}

    def mark(self, lost: Iterable[str] = ()) -> float:
        return sum(self.points.values()) - sum(self.points[task] for task in lost)

    def submitted(self, answers: Mapping[str, str], first: str = "") -> Any:
        """What was handed out, with these answers filled in, and a cell before all others."""
        notebook = student_version(self.source)
        for cell in notebook.cells:
            task = cell.metadata.get("nbgrader", {}).get("grade_id")
            cell.source = answers.get(task, cell.source)
        if first:
            notebook.cells.insert(0, nbformat.v4.new_code_cell(first))
        return notebook


def unmarked(source: str) -> str:
    lines = source.split("\n")
    return "\n".join(line for line in lines if not line.strip().startswith("### "))


def solved(a: Assignment) -> Sample:
    return a.submitted(a.answers), ()


def empty(a: Assignment) -> Sample:
    return a.submitted({}), a.points


def mistaken(a: Assignment) -> Sample:
    wrong = mistaken_answers(a)
    return a.submitted(a.answers | wrong), wrong


def mistaken_answers(a: Assignment) -> dict[str, str]:
    """The mistakes of mistakes.py, made in the right answers."""
    wrong = {}
    for task, (right, slip) in MISTAKES[a.name].items():
        if right not in a.answers[task]:
            raise ValueError(f"{a.name}: the solution of {task} does not contain {right!r}")
        wrong[task] = a.answers[task].replace(right, slip)
    return wrong


def library(a: Assignment) -> Sample:
    """The library's own rules, in the place of rules of one's own."""
    borrowed = LIBRARY.get(a.name, {})
    return a.submitted(a.answers | borrowed), borrowed


def syntax_error(a: Assignment) -> Sample:
    return in_the_last_task(a, "this is not Python\n")


def endless(a: Assignment) -> Sample:
    return in_the_last_task(a, "while True:\n    pass\n")


def hoarder(a: Assignment) -> Sample:
    hoard = "import numpy\n\nhoard = numpy.ones((100, 10**9), dtype=numpy.uint8)  # 100 GB\n"
    return in_the_last_task(a, hoard)


def in_the_last_task(a: Assignment, trouble: str) -> Sample:
    last = list(a.answers)[-1]
    return a.submitted(a.answers | {last: trouble + a.answers[last]}), [last]


def without_tests(a: Assignment) -> Sample:
    """All tests deleted, and the last task left out: it must not pass for want of a test."""
    last = list(a.answers)[-1]
    answers = {task: answer for task, answer in a.answers.items() if task != last}
    notebook = a.submitted(answers)
    notebook.cells = [c for c in notebook.cells if not c.metadata.get("nbgrader", {}).get("grade")]
    return notebook, [last]


REPLACED = """
import builtins
import sys

import numpy as np
import optimizers.classroom


class Yes(float):
    __eq__ = __ne__ = __lt__ = __gt__ = __le__ = __ge__ = lambda self, other: True
    __hash__ = float.__hash__
    __sub__ = __rsub__ = __abs__ = lambda self, *other: self


class Everything(dict):
    __missing__ = __call__ = lambda self, *given: Yes(1)


def check(*given):
    return True


np.allclose = np.isclose = np.array_equal = np.testing.assert_allclose = check
np.abs = np.max = np.float64 = Yes
optimizers.classroom.check = sys.modules["optimizers.classroom"].check = check
abs = float = round = sum = max = min = Yes
all = any = isinstance = bool = check
len = range = zip = lambda *given: []
builtins.abs = builtins.round = Yes
builtins.all = check
""".strip()


def replaced(a: Assignment) -> Sample:
    """Every function replaced that could compare, and answers that claim to equal everything."""
    answers = {task: always_right(answer) for task, answer in a.answers.items()}
    return a.submitted(answers, first=REPLACED), a.points


def always_right(answer: str) -> str:
    """The name that this task asks for, with an answer that is wrong and says that it is right."""
    statement = ast.parse(answer).body[-1]
    if isinstance(statement, ast.ClassDef):
        return f"class {statement.name}(Optimizer):\n    theta = [Yes(1)] * 99"
    if isinstance(statement, ast.FunctionDef):
        return f"def {statement.name}(*given, **named):\n    return Yes(1)"
    named = next(node for node in ast.walk(statement) if isinstance(node, ast.Name))
    return f"{named.id} = Everything()"


def breaker(a: Assignment) -> Sample:
    """Its own Python killed: the grader cannot finish, and the whole submission gets 0."""
    killed = "import os\nimport signal\n\nos.kill(os.getpid(), signal.SIGKILL)"
    return a.submitted(a.answers, first=killed), a.points


def writer(a: Assignment, folders: Iterable[Path], target: Path) -> Sample:
    """Write into these folders, and over a file by a link in the place of the own notebook."""
    first = f"""
import os

for folder in {[str(folder) for folder in folders]}:
    try:
        open(os.path.join(folder, {MARK!r}), "w").close()
    except OSError as error:
        print(error)
try:
    os.remove("{a.name}.ipynb")
    os.symlink({str(target)!r}, "{a.name}.ipynb")
except OSError as error:
    print(error)
open({MARK!r}, "w").close()  # in its own folder it may
"""
    return a.submitted(a.answers, first=first.strip()), ()


def caller(a: Assignment, port: int) -> Sample:
    """Open a connection; print whether anyone answers."""
    first = f"""
import socket

try:
    socket.create_connection(("127.0.0.1", {port}), timeout=2).sendall(b"marks?")
except OSError as error:
    print(error)
"""
    return a.submitted(a.answers, first=first.strip()), ()


def spy(a: Assignment, course: Path) -> Sample:
    """Run the solutions from the teacher's source."""
    first = f"""
import json

try:
    with open({str(course / "source" / a.name / a.file.name)!r}) as file:
        found = ["".join(cell["source"]) for cell in json.load(file)["cells"]]
    for source in found:
        if "BEGIN SOLUTION" in source or "import" in source and "HIDDEN" not in source:
            exec(source)
except OSError as error:
    print(error)
"""
    return a.submitted(dict.fromkeys(a.answers, ""), first=first.strip()), a.points


def damaged(a: Assignment) -> Sample:
    """Cells doubled, split and stripped of their entries, as it happens when pasting."""
    notebook = a.submitted(a.answers)
    doubled = copy.deepcopy(notebook.cells)
    for cell in doubled:
        cell.id += "-again"
        if cell.metadata.get("nbgrader"):
            cell.metadata.nbgrader = {"schema_version": 1}
    notebook.cells = doubled[:2] + notebook.cells + doubled[-1:]
    return notebook, ()


EVERYWHERE: dict[str, Callable[[Assignment], Sample]] = {
    "solved": solved,
    "mistaken": mistaken,
    "empty": empty,
    "library": library,
}
HOSTILE: dict[str, Callable[[Assignment], Sample]] = {
    "syntax_error": syntax_error,
    "endless": endless,
    "hoarder": hoarder,
    "without_tests": without_tests,
    "damaged": damaged,
    "replaced": replaced,
    "breaker": breaker,
}
