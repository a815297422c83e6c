"""What grading needs beside nbgrader's own steps; nbgrader_config.py names it."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.plugins import ExportPlugin
from nbgrader.preprocessors import NbGraderPreprocessor

COURSE = Path(__file__).resolve().parent
GRADEBOOK = f"sqlite:///{COURSE / 'gradebook.db'}"
COLUMNS = ["assignment", "student_id", "score", "max_score", "status"]


def forget_old_scores(notebooks: list[str], **_: Any) -> None:
    """Before grading: whatever goes wrong from here on, no old mark and no old feedback is left.

    A mark that was given by hand stays.
    """
    folder = Path(notebooks[0]).parent
    assignment, student = folder.name, folder.parent.name
    shutil.rmtree(COURSE / "feedback" / student / assignment, ignore_errors=True)
    with Gradebook(GRADEBOOK) as gradebook:
        try:
            submission = gradebook.find_submission(assignment, student)
        except MissingEntry:
            return
        for notebook in submission.notebooks:
            for grade in notebook.grades:
                grade.auto_score = 0
        gradebook.db.commit()


class RestoreTests(NbGraderPreprocessor):
    """Put nbgrader's own entries back as they were released, and the tests that are missing.

    Cells get lost, doubled, split and pasted between notebooks; none of it may cost a student
    more than the task itself, or stop the grading of the others.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        name = resources["nbgrader"]["notebook"]
        file = COURSE / "release" / resources["nbgrader"]["assignment"] / f"{name}.ipynb"
        released = [c for c in nbformat.read(file, as_version=4).cells if "nbgrader" in c.metadata]
        submitted = {}
        for cell in nb.cells:
            entry = cell.metadata.pop("nbgrader", None)
            if isinstance(entry, dict):
                submitted[entry.get("grade_id")] = cell
        at = 0
        for original in released:
            entry = original.metadata.nbgrader
            if entry.grade_id in submitted:
                cell = submitted[entry.grade_id]
                cell.metadata.nbgrader = entry
                at = next(i for i, other in enumerate(nb.cells) if other is cell) + 1
            elif entry.grade:
                nb.cells.insert(at, original)
                at += 1
        return nb, resources


class ForTheStudent(NbGraderPreprocessor):
    """In the feedback, of a test that failed: what went wrong, without the tests' own code."""

    def preprocess_cell(self, cell: Any, resources: Any, index: int) -> tuple[Any, Any]:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            for output in cell.get("outputs", []):
                if output.output_type == "error":
                    said = output.evalue or "the answer is not the one that the test expects"
                    output.traceback = [f"{output.ename}: {said}"]
        return cell, resources


class ExportWithStatus(ExportPlugin):
    """A table of marks that tells a 0 that was earned from one that stands for a failure."""

    def export(self, gradebook: Gradebook) -> None:
        handed_in = {folder.name for folder in (COURSE / "submitted").glob("*") if folder.is_dir()}
        students = sorted(handed_in | {student.id for student in gradebook.students})
        with open(self.to or "grades.csv", "w", newline="", encoding="utf8") as file:
            table = csv.writer(file)
            table.writerow(COLUMNS)
            for assignment in sorted(gradebook.assignments, key=lambda each: each.name):
                for student in students:
                    score, status = result(gradebook, assignment.name, student)
                    table.writerow([assignment.name, student, score, assignment.max_score, status])


def result(gradebook: Gradebook, assignment: str, student: str) -> tuple[float, str]:
    """The score, and what it stands for. A failed autograde leaves no notebook behind."""
    if not (COURSE / "submitted" / student / assignment).is_dir():
        return 0.0, "not submitted"
    try:
        submission = gradebook.find_submission(assignment, student)
    except MissingEntry:
        return 0.0, "not graded yet"
    if not (COURSE / "autograded" / student / assignment).is_dir():
        return submission.score, "autograde failed"
    return submission.score, "needs your eye" if submission.needs_manual_grade else "graded"
