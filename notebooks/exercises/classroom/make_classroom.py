"""Run a whole course on sample submissions, and hold every mark to the one that is expected.

    make classroom

In build/classroom: releases the assignments, hands in the samples of samples.py, grades them in
the sandbox, writes the feedback and grades.csv, and prints a table of the marks. It fails when a
mark is not as expected, when something was written outside of a submission's folder, when a
submission reached the network, or when nbgrader releases something else than the repository.
"""

from __future__ import annotations

import csv
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

import course
import nbformat
from mistakes import LIBRARY
from samples import EVERYWHERE, HOSTILE, MARK, Assignment, Sample, caller, spy, writer
from tqdm import tqdm

EXERCISES = Path(__file__).resolve().parents[1]
ROOT = EXERCISES.parents[1]
COURSE = ROOT / "build" / "classroom"
HOSTILE_IN = ("01_gradient_descent", "04_adam")  # in two assignments: the others are marked alike
CLASS_OF = 30
AT_ONCE = 2
NBGRADER = [sys.executable, "-m", "nbgrader"]


def main() -> None:
    assignments = [Assignment(file) for file in sorted(EXERCISES.glob("solutions/[0-9]*.ipynb"))]
    sandbox = sandbox_runs()
    shutil.rmtree(COURSE, ignore_errors=True)
    course.make(COURSE, [a.file for a in assignments])
    outside = [Path.home(), Path("/tmp"), ROOT, COURSE, COURSE / "submitted", COURSE / "source"]
    target = COURSE / "overwritten"
    with Listener() as listener:
        nbgrader("generate_assignment", assignments[0].name)  # alone: it makes the gradebook
        each("release", assignments[1:], lambda a: nbgrader("generate_assignment", a.name))
        unlike = [a.name for a in assignments if not released_as_committed(a)]
        expected = {}
        for a in assignments:
            for student, (notebook, lost) in submissions(a, sandbox, outside, target, listener):
                hand_in(notebook, student, a.name)
                status = "autograde failed" if student == "breaker" else "graded"
                expected[student, a.name] = (a.mark(lost), status)
        seconds = each("autograde", assignments, lambda a: nbgrader("autograde", a.name))
        each("feedback", assignments, lambda a: nbgrader("generate_feedback", a.name))
        nbgrader("export", "--to", "grades.csv")
    marks = read_marks()
    wrong = [which for which, due in expected.items() if marks.get(which) != due]
    written = [folder / MARK for folder in outside if (folder / MARK).exists()]
    written += [target] if target.exists() else []
    print(table(marks, expected, assignments))
    per = sum(seconds.values()) / len(expected)
    print(f"{len(expected)} submissions graded, {AT_ONCE} at a time; {per:.1f} s each.")
    print(f"A class of {CLASS_OF}: {grade_a_class(assignments[0]):.0f} s.")
    complaints = {
        "marks that are not as expected": [f"{s} in {a}: {marks.get((s, a))}" for s, a in wrong],
        "written outside": written,
        "connections from a submission": listener.calls,
        "nbgrader releases something else than the repository": unlike,
    }
    if not sandbox:
        print("WITHOUT BUBBLEWRAP: what writes outside, opens a socket and spies was left out.")
    for what, found in complaints.items():
        if found:
            print(f"{what}: {', '.join(map(str, found))}")
    print(f"In {COURSE.relative_to(ROOT)}: grades.csv, feedback, and the log of all commands.")
    raise SystemExit(any(complaints.values()))


def sandbox_runs() -> bool:
    sys.path.insert(0, str(course.HERE / "kernels" / "python3"))
    from sandbox import works

    return works("bwrap")


def submissions(
    a: Assignment, sandbox: bool, outside: list[Path], target: Path, listener: Listener
) -> Iterable[tuple[str, Sample]]:
    """The samples of one assignment, by the student's name."""
    for name, sample in (EVERYWHERE | (HOSTILE if a.name in HOSTILE_IN else {})).items():
        if name != "library" or a.name in LIBRARY:
            yield name, sample(a)
    if a.name in HOSTILE_IN and sandbox:
        yield "writer", writer(a, outside, target)
        yield "caller", caller(a, listener.port)
        yield "spy", spy(a, COURSE)


def hand_in(notebook: nbformat.NotebookNode, student: str, assignment: str) -> None:
    folder = COURSE / "submitted" / student / assignment
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, folder / f"{assignment}.ipynb")


def nbgrader(*arguments: str) -> None:
    """What it says goes to the log. That a submission failed shows in the marks."""
    with open(COURSE / "log.txt", "ab") as log:
        subprocess.run([*NBGRADER, *arguments], cwd=COURSE, stdout=log, stderr=log)


def each(what: str, assignments: list[Assignment], step) -> dict[str, float]:
    """Do it for each assignment, two at a time; returns the seconds."""

    def timed(a: Assignment) -> tuple[str, float]:
        start = perf_counter()
        step(a)
        return a.name, perf_counter() - start

    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = pool.map(timed, assignments)
        return dict(tqdm(done, desc=f"{what:10}", total=len(assignments), unit=" assignments"))


def released_as_committed(a: Assignment) -> bool:
    ours, theirs = EXERCISES / a.file.name, COURSE / "release" / a.name / a.file.name
    return theirs.exists() and nbformat.read(ours, 4) == nbformat.read(theirs, 4)


def read_marks() -> dict[tuple[str, str], tuple[float, str]]:
    with open(COURSE / "grades.csv", encoding="utf8") as file:
        rows = list(csv.DictReader(file))
    return {(r["student_id"], r["assignment"]): (float(r["score"]), r["status"]) for r in rows}


def table(marks, expected, assignments: list[Assignment]) -> str:
    """Students × assignments: the mark, the one expected, and a tick where they agree."""
    students = list(dict.fromkeys(student for student, _ in expected))
    lines = ["mark/expected  " + "".join(f"{a.name[:2]:>9}" for a in assignments)]
    for student in students:
        cells = []
        for a in assignments:
            if (student, a.name) not in expected:
                cells.append(f"{'·':>9}")
                continue
            found, due = marks.get((student, a.name), (0.0, "missing")), expected[student, a.name]
            cells.append(f"{found[0]:g}/{due[0]:g} {'✓' if found == due else '✗'}".rjust(9))
        lines.append(f"{student:15}" + "".join(cells))
    lines.append(f"{'of':15}" + "".join(f"{a.mark():g}  ".rjust(9) for a in assignments))
    return "\n".join(lines)


def grade_a_class(a: Assignment) -> float:
    """Seconds to grade a class, two halves at a time."""
    for i in range(CLASS_OF):
        hand_in(a.submitted(a.answers), f"class-{i % AT_ONCE}-{i:02d}", a.name)
    start = perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        halves = [f"class-{half}-*" for half in range(AT_ONCE)]
        list(pool.map(lambda half: nbgrader("autograde", a.name, "--student", half), halves))
    return perf_counter() - start


class Listener:
    """Counts who calls on a port of this machine."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]

    def __enter__(self) -> Listener:
        threading.Thread(target=self.listen, daemon=True).start()
        return self

    def listen(self) -> None:
        while True:
            try:
                self.calls.append(f"{self.server.accept()[1]}")
            except OSError:
                return

    def __exit__(self, *_: object) -> None:
        self.server.close()


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
