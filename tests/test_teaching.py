"""What a teacher reads: the tables of minutes, and the lesson for one evening."""

import re
from pathlib import Path

import nbformat
import pytest
from lessons import COURSE

ROOT = Path(__file__).parent.parent
EXERCISES = ROOT / "notebooks" / "exercises"
READMES = [ROOT / "README.md", ROOT / "README.zh-CN.md"]
TEACHING = EXERCISES / "TEACHING.md"
LESSON = ROOT / "notebooks" / "a_lesson_tomorrow.md"
LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")
MAKE = re.compile(r"make ([a-z-]+)")

each_table = pytest.mark.parametrize("page", [*READMES, TEACHING], ids=lambda page: page.name)


def rows(page):
    """Of the table of the course: the lesson, the notebook's minutes, exercises with theirs."""
    found, lesson = [], ""
    for line in page.read_text("utf8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) < 5 or not re.search(r"\d\d_\w+\.ipynb", line):
            continue
        lesson = cells[0] or lesson
        numbers = "|".join(cells[2:])
        minutes = re.fullmatch(r"\d*", cells[2])[0]
        exercises = re.findall(r"(\d\d_\w+)\.ipynb\)(?:\D*?)(\d+)", numbers)
        found.append((lesson, int(minutes or 0), dict(exercises)))
    return found


def sources():
    return sorted(EXERCISES.glob("solutions/[0-9]*.ipynb"))


@each_table
def test_a_lesson_takes_90_minutes(page):
    total = {}
    for lesson, minutes, _ in rows(page):
        total[lesson] = total.get(lesson, 0) + minutes
    assert [total[lesson] for lesson in "1234"] == [90] * 4
    assert len(total) == 5  # and those to go on with


@pytest.mark.parametrize("page", [*READMES, TEACHING, COURSE[0]], ids=lambda page: page.name)
def test_the_minutes_of_the_notebooks_are_those_at_their_heads(page):
    heads = {file.stem: nbformat.read(file, as_version=4).cells[0].source for file in COURSE}
    named = {stem: re.search(r"· (\d+) minutes ·", head)[1] for stem, head in heads.items()}
    rows = re.findall(r"\[\d\d [^]]*\]\([^)]*?(\w+)\.ipynb\) \| (\d+) \|", page.read_text("utf8"))
    named.pop(page.stem, None)  # the first one does not send its readers to itself
    assert {stem: minutes for stem, minutes in rows if stem in named} == named


@each_table
def test_the_minutes_of_the_exercises_are_those_that_they_name_themselves(page):
    told = {}
    for _, _, exercises in rows(page):
        told |= exercises
    heads = {file.stem: nbformat.read(file, as_version=4).cells[0].source for file in sources()}
    named = {stem: re.search(r"about (\d+) minutes", head)[1] for stem, head in heads.items()}
    assert told == named


def test_the_points_are_those_of_the_tests():
    text = TEACHING.read_text("utf8")
    for file in sources():
        cells = nbformat.read(file, as_version=4).cells
        points = [
            c.metadata.nbgrader.points for c in cells if c.metadata.get("nbgrader", {}).get("grade")
        ]
        row = " + ".join(map(str, points)) + f" | {sum(points)} |"
        assert f"[{file.stem}]({file.name}) |" in text
        assert row in next(line for line in text.splitlines() if f"({file.name}) |" in line)


def test_the_minutes_of_the_lesson_for_tomorrow_follow_each_other():
    clock = re.findall(r"^\| (\d):(\d\d) \| (\d+) \|", LESSON.read_text("utf8"), re.MULTILINE)
    begins = [60 * int(hour) + int(minute) for hour, minute, _ in clock]
    ends = [begin + int(length) for begin, (*_, length) in zip(begins, clock, strict=True)]
    assert begins[0] == 0
    assert begins[1:] == ends[:-1]
    assert ends[-1] == 90


@pytest.mark.parametrize("page", [TEACHING, LESSON], ids=lambda page: page.name)
def test_what_a_teacher_is_sent_to_is_there(page):
    text = page.read_text("utf8")
    assert not [link for link in LINK.findall(text) if not (page.parent / link).exists()]
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf8"), re.MULTILINE)
    assert set(MAKE.findall(" ".join(re.findall(r"`([^`]+)`", text)))) <= set(targets)


def test_the_lesson_s_pages_are_written_by_its_commands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    commands = re.findall(
        r'^    \.venv/bin/python -c "(.*)"$', LESSON.read_text("utf8"), re.MULTILINE
    )
    for command in commands:
        exec(command, {})
    assert {file.name for file in tmp_path.iterdir()} == {"parabola.html", "oscillator.html"}
