"""The exercises as they are handed out: made from the teacher's sources, and whole."""

import gc
import re
from pathlib import Path

import nbformat
import pytest

EXERCISES = Path(__file__).parent.parent / "notebooks" / "exercises"
SOURCES = sorted(EXERCISES.glob("solutions/[0-9][0-9]_*.ipynb"))
SOLUTION = {"grade_id", "grade", "locked", "solution", "schema_version", "task"}
WATCHED = """
from optimizers.classroom.compare import watched


def factor(lr, curvature):
    with watched():
        return 1 - lr * curvature
"""

each = pytest.mark.parametrize("file", SOURCES, ids=lambda file: file.stem)


@pytest.fixture(autouse=True, scope="module")
def _everything_is_seen():
    """Among all objects the hidden tests look for the library's own formulas."""
    gc.unfreeze()
    yield
    gc.freeze()


@pytest.fixture
def samples(monkeypatch):
    monkeypatch.syspath_prepend(str(EXERCISES / "classroom"))
    import samples

    return samples


def read(file):
    return nbformat.read(file, as_version=4)


def entries(notebook):
    return [c.metadata.nbgrader for c in notebook.cells if "nbgrader" in c.metadata]


def test_every_source_is_handed_out_and_nothing_else():
    handed_out = sorted(file.name for file in EXERCISES.glob("*.ipynb"))
    assert handed_out == [file.name for file in SOURCES]
    assert [file.name[:2] for file in SOURCES] == [f"{i:02d}" for i in range(1, len(SOURCES) + 1)]


@each
def test_the_students_version_is_made_from_the_source(file, samples):
    made = samples.student_version(read(file))
    assert read(EXERCISES / file.name) == made, "python notebooks/exercises/classroom/release.py"


@each
def test_the_students_version_gives_nothing_away(file):
    for cell in read(EXERCISES / file.name).cells:
        assert not re.search("(BEGIN|END) (SOLUTION|HIDDEN)", cell.source), cell.id
        if cell.cell_type == "code":
            assert not cell.outputs, cell.id
        if cell.metadata.get("nbgrader", {}).get("grade"):
            assert all(line.startswith("#") for line in cell.source.split("\n")), cell.id


@each
def test_tasks_come_in_pairs_of_an_answer_and_its_test(file):
    found = entries(read(file))
    assert 3 <= len(found) / 2 <= 8
    for answer, test in zip(found[::2], found[1::2], strict=True):
        assert set(answer) == SOLUTION
        assert (answer.solution, answer.grade, answer.locked) == (True, False, False)
        assert set(test) == SOLUTION | {"points"}
        assert (test.solution, test.grade, test.locked) == (False, True, True)
        assert test.grade_id == f"{answer.grade_id}-test"
        assert answer.schema_version == test.schema_version == 3
        assert re.fullmatch(r"[a-zA-Z0-9_-]+", answer.grade_id)
        assert test.points == int(test.points) > 0
    assert len({entry.grade_id for entry in found}) == len(found)
    assert sum(test.points for test in found[1::2]) in (10, 20)


@each
def test_the_solutions_to_read_alone_hold_every_answer_and_nothing_of_the_marks(file, samples):
    import solution

    source = read(file)
    made = solution.clean(source)
    nbformat.validate(made)
    text = "\n".join(cell.source for cell in made.cells)
    assert not re.search(r"(BEGIN|END) (SOLUTION|HIDDEN)|hidden_tests|YOUR CODE|\d points?\b", text)
    assert not entries(made)
    answers = samples.Assignment(file).answers.values()
    assert all(answer.rstrip() in text for answer in answers)
    pictures = [[c.outputs for c in n.cells if c.get("outputs")] for n in (source, made)]
    assert pictures[0] == pictures[1]


def test_solutions_are_written_by_number(samples, monkeypatch, tmp_path, capsys):
    import solution

    monkeypatch.setattr(solution, "ROOT", tmp_path)
    monkeypatch.setattr(solution, "FOLDER", tmp_path / "build")
    solution.main(["04"])
    assert [file.name for file in (tmp_path / "build").iterdir()] == ["04_adam.ipynb"]
    assert capsys.readouterr().out == "build/04_adam.ipynb\n"
    with pytest.raises(SystemExit, match="no exercises 4; there are 01, 02"):
        solution.main(["4"])


@each
def test_the_sample_submissions_can_be_made(file, samples):
    assignment = samples.Assignment(file)
    for name, sample in (samples.EVERYWHERE | samples.HOSTILE).items():
        notebook, lost = sample(assignment)
        nbformat.validate(notebook)
        assert set(lost) <= set(assignment.points)
        assert 0 <= assignment.mark(lost) <= assignment.mark(), name
    wrong = samples.mistaken_answers(assignment)
    assert 0 < assignment.mark(wrong) < assignment.mark()


def failed(assignment, answers):
    """The tasks whose hidden tests fail, as in the sandbox, but here and at once."""
    space, lost = {"__name__": "student"}, set()
    for cell in assignment.source.cells:
        entry = cell.metadata.get("nbgrader", {})
        if entry.get("grade"):
            try:
                exec(cell.source, space)
            except AssertionError:
                lost.add(entry["grade_id"].removesuffix("-test"))
        elif entry:
            exec(answers[entry["grade_id"]], space)
        elif re.match("(import|from|def|class) ", cell.source) and "plotting" not in cell.source:
            exec(cell.source, space)
    return lost


@each
def test_the_tests_refuse_the_librarys_own_and_nothing_else(file, samples):
    assignment = samples.Assignment(file)  # test_notebooks runs the solutions that these replace
    borrowed = samples.LIBRARY.get(assignment.name, {})
    assert failed(assignment, assignment.answers | borrowed) == set(borrowed)


def test_what_yields_is_refused_like_any_formula(samples):
    assignment = samples.Assignment(SOURCES[0])
    answer = {"gradient-descent-2": WATCHED}
    assert failed(assignment, assignment.answers | answer) == set(answer)


def test_regions_are_replaced_at_their_own_indent(samples):
    import release

    cell = nbformat.v4.new_code_cell(
        "def f():\n    ### BEGIN SOLUTION\n    a\n    ### END SOLUTION\n"
    )
    release.without(cell, "SOLUTION", release.STUB)
    assert cell.source == "def f():\n    # YOUR CODE HERE\n    raise NotImplementedError()\n"
