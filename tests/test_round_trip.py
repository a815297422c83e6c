"""What grading does when things go wrong. `make classroom` runs it; it needs nbgrader.

The marks of all the sample submissions are held by notebooks/exercises/classroom/make_classroom.py.
"""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

EXERCISES = Path(__file__).parent.parent / "notebooks" / "exercises"
NAME = "01_gradient_descent"

pytestmark = pytest.mark.skipif("CLASSROOM" not in os.environ, reason="`make classroom` runs it")


@pytest.fixture(scope="module")
def samples():
    sys.path.insert(0, str(EXERCISES / "classroom"))
    import samples

    return samples


@pytest.fixture(scope="module")
def assignment(samples):
    return samples.Assignment(EXERCISES / "solutions" / f"{NAME}.ipynb")


@pytest.fixture(scope="module")
def course(samples, assignment, tmp_path_factory):
    import course

    folder = tmp_path_factory.mktemp("course")
    course.make(folder, [assignment.file])
    nbgrader(folder, "generate_assignment", NAME)
    return folder


def nbgrader(course, *arguments, path=None):
    command = [sys.executable, "-m", "nbgrader", *arguments]
    env = os.environ | ({"PATH": str(path)} if path else {})
    return subprocess.run(command, cwd=course, env=env, capture_output=True, text=True)


def graded(course, student, submission, **how):
    """Hand in, grade, export, and return the mark, its status, and what the grader said."""
    file = course / "submitted" / student / NAME / f"{NAME}.ipynb"
    file.parent.mkdir(parents=True, exist_ok=True)
    text = submission if isinstance(submission, str) else nbformat.writes(submission)
    file.write_text(text, "utf8")
    done = nbgrader(course, "autograde", NAME, "--student", student, "--force", **how)
    nbgrader(course, "export")
    with open(course / "grades.csv", encoding="utf8") as table:
        row = next(row for row in csv.DictReader(table) if row["student_id"] == student)
    return float(row["score"]), row["status"], done.stdout + done.stderr


def feedback(course, student):
    nbgrader(course, "generate_feedback", NAME, "--student", student)
    return course / "feedback" / student / NAME / f"{NAME}.html"


@pytest.mark.parametrize("bad", ["no notebook", "breaker"])
def test_a_failed_autograde_leaves_no_old_mark_and_no_old_feedback(
    samples, assignment, course, bad
):
    student = bad.replace(" ", "-")
    right, _ = samples.solved(assignment)
    assert graded(course, student, right)[:2] == (assignment.mark(), "graded")
    page = feedback(course, student)
    assert page.exists()
    submission = "{" if bad == "no notebook" else samples.breaker(assignment)[0]
    assert graded(course, student, submission)[:2] == (0, "autograde failed")
    assert not page.exists()


def test_the_feedback_shows_marks_and_no_tests(samples, assignment, course):
    notebook, lost = samples.mistaken(assignment)
    graded(course, "reader", notebook)
    page = feedback(course, "reader").read_text("utf8")
    assert f"Score: {assignment.mark(lost):.1f}" in page
    assert "the answer is not the one that the test expects" in page
    assert "HIDDEN TESTS" not in page


def test_a_task_deleted_with_its_test_costs_that_task_only(samples, assignment, course):
    notebook, _ = samples.solved(assignment)
    task = list(assignment.points)[1]
    notebook.cells = [
        cell
        for cell in notebook.cells
        if not cell.metadata.get("nbgrader", {}).get("grade_id", "").startswith(task)
    ]
    mark, status, _ = graded(course, "tidy", notebook)
    assert (mark, status) == (assignment.mark([task]), "graded")


def test_a_folder_without_a_notebook_is_named_in_the_table(course):
    (course / "submitted" / "absent" / NAME).mkdir(parents=True)
    nbgrader(course, "autograde", NAME, "--student", "absent")
    nbgrader(course, "export")
    assert f"{NAME},absent,0.0" in (course / "grades.csv").read_text("utf8")


@pytest.mark.skipif(not shutil.which("prlimit"), reason="prlimit is missing")
def test_without_bubblewrap_there_is_a_loud_warning(samples, assignment, course, tmp_path):
    (tmp_path / "prlimit").symlink_to(shutil.which("prlimit"))
    right, _ = samples.solved(assignment)
    mark, status, said = graded(course, "bare", right, path=tmp_path)
    assert (mark, status) == (assignment.mark(), "graded")
    assert "UNPROTECTED" in said
    assert "UNPROTECTED" not in graded(course, "bare", right)[2] or not shutil.which("bwrap")
