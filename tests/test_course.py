"""The course: what stands at the head of a lesson, what a lesson holds, and how its letters are."""

import re
from itertools import pairwise

import nbformat
import pytest
from lessons import (
    COURSE,
    DEEPER,
    LESSONS,
    ORDER,
    html_of,
    is_folded,
    is_page,
    pictures_of,
    text_of,
)

MINUTES = dict(zip(ORDER, (20, 40, 30, 40, 50, 25, 30, 35, 60, 30, 45, 60, 60, 60), strict=True))
LESSON_OF = dict(zip(ORDER, [*"111", *"22", *"333", *"44", *[None] * 4], strict=True))
HEADINGS = (
    "Touch it first",
    "The idea",
    "The formula",
    "From scratch",
    "The library does the same",
)
HEADINGS += ("What to try", "Exercise", "Go deeper", "Sources")
FEW = {"01": 5, "07": 7}  # pictures beside the page; else four
TITLE = 62  # letters, that fit over a picture
PRINTED = 8  # lines
TITLES = re.compile(r'(?:title=|(?:headline|dress)\([\w\[\]]+, |set_title\()f?"([^"]+)"')

each_of_the_course = pytest.mark.parametrize("file", COURSE, ids=lambda file: file.stem)
each_deeper = pytest.mark.parametrize("file", DEEPER, ids=lambda file: file.stem)
each = pytest.mark.parametrize("file", LESSONS, ids=lambda file: file.stem)


def read(file):
    return nbformat.read(file, as_version=4)


def links_of(text):
    return re.findall(r"\]\((?!https?:)([^)#]+)", text)


def code_of(notebook, folded):
    return [c for c in notebook.cells if c.cell_type == "code" and is_folded(c) == folded]


@each_of_the_course
def test_a_lesson_begins_with_its_question_its_minutes_and_its_neighbours(file):
    number = file.stem[:2]
    head, cells = read(file).cells[0].source, read(file).cells
    assert head.startswith(f"# {number} · ")
    assert re.search(r"^\*\*[^*]+\?[^*]*\*\*$", head, re.MULTILINE), "the question comes first"
    lesson = LESSON_OF[number]
    where = f"Lesson {lesson} of 4" if lesson else "To go on"
    said = rf"\*{where} · {MINUTES[number]} minutes · Before: .+ · After: .+\*"
    assert re.search(said, head.replace("\n", " "))
    arrows = head.splitlines()[-1]
    at = COURSE.index(file)
    before, after = (COURSE[at - 1] if at else None), (COURSE[at + 1] if COURSE[at + 1 :] else None)
    assert not before or arrows.startswith(f"← [{before.stem[:2]}]({before.name})")
    assert not after or arrows.endswith(f"[{after.stem[:2]}]({after.name}) →")
    assert cells[-1].source.splitlines()[-1] == arrows


@each_deeper
def test_a_deeper_notebook_begins_with_its_question_and_a_way_back(file):
    head = read(file).cells[0].source
    assert re.match(r"# Deeper · .+\n\n\*\*[^*]+\?[^*]*\*\*\n", head)
    assert re.search(r"\*Deeper · \d+ minutes · Before: .+ · After: .+\*", head.replace("\n", " "))
    back = [link for link in links_of(head) if re.match(r"\.\./\d\d_", link)]
    assert back
    core = {file.parent.parent / link.removeprefix("../") for link in back}
    assert any(f"(deeper/{file.name})" in text_of(read(one)) for one in core)


def test_a_lesson_takes_90_minutes():
    total = {}
    for number, lesson in LESSON_OF.items():
        total[lesson] = total.get(lesson, 0) + MINUTES[number]
    assert [total[lesson] for lesson in "1234"] == [90] * 4


def test_the_overview_names_every_notebook():
    overview = text_of(read(COURSE[0]))
    assert not [file.name for file in COURSE[1:] if f"({file.name})" not in overview]
    assert len(DEEPER) <= 12


@each_of_the_course
def test_a_lesson_has_its_parts_in_their_order(file):
    notebook = read(file)
    found = re.findall(r"^## (.+)$", text_of(notebook), re.MULTILINE)
    at = [next((i for i, f in enumerate(found) if f.startswith(h)), None) for h in HEADINGS]
    missing = [h for h, i in zip(HEADINGS, at, strict=True) if i is None]
    assert not missing
    assert at == sorted(at), f"the parts stand in another order: {found}"
    scratch = next(i for i, c in enumerate(notebook.cells) if "## From scratch" in c.source)
    assert any(pictures_of(c) and not is_page(c) for c in notebook.cells[:scratch])


@each_of_the_course
def test_a_lesson_has_a_page_to_touch_a_question_before_it_and_a_folded_answer(file):
    cells = read(file).cells
    (at,) = (i for i, cell in enumerate(cells) if is_page(cell))
    assert is_folded(cells[at])
    assert pictures_of(cells[at]), "a still, where no scripts run"
    before = "\n".join(cell.source for cell in cells[:at])
    assert re.search(r"\*\*[^*]*\?[^*]*\*\*", before[before.index("## Touch it first") :])
    assert "<details><summary>Answer</summary>" in cells[at + 1].source


@each
def test_code_that_is_folded_only_draws_and_its_caption_stands_below(file):
    cells = read(file).cells
    for cell, below in pairwise(cells):
        if cell.cell_type != "code":
            continue
        assert is_folded(cell) == bool(pictures_of(cell) or is_page(cell)), cell.id
        if is_folded(cell) and not is_page(cell):
            assert re.match(r"\*[^*]", below.source), f"{cell.id}: no caption"


@each
def test_titles_fit_over_their_pictures(file):
    for cell in code_of(read(file), folded=True):
        if not is_page(cell):
            titles = TITLES.findall(cell.source)
            assert not [title for title in titles if len(title) > TITLE], cell.id


@each_of_the_course
def test_a_lesson_is_short(file):
    number, notebook = file.stem[:2], read(file)
    is_core = LESSON_OF[number] is not None
    seen = code_of(notebook, folded=False)
    pictures = [c for c in code_of(notebook, folded=True) if not is_page(c)]
    assert len(seen) <= (12 if is_core else 14)
    assert len(pictures) <= (FEW.get(number, 4) if is_core else 6)
    words = len(re.sub(r"<[^>]+>", "", text_of(notebook)).split())
    assert words <= (1_500 if number == "07" else 1_100 if is_core else 1_600)
    lines = [line for cell in seen for line in cell.source.splitlines() if line.strip()]
    assert not is_core or len(lines) <= (190 if number == "07" else 130)


@each
def test_what_is_printed_can_be_taken_in_at_a_glance(file):
    for cell in read(file).cells:
        if "listing" in cell.metadata.get("tags", ()):
            continue
        said = "".join(o.get("text", "") for o in cell.get("outputs", []))
        assert len(said.splitlines()) <= PRINTED, cell.id


@each
def test_cells_are_numbered(file):
    cells = read(file).cells
    prefix = "d" * (file in DEEPER) + file.stem[:2]
    assert [cell.id for cell in cells] == [f"{prefix}-{i:02d}" for i in range(1, len(cells) + 1)]


@each
def test_links_lead_somewhere(file):
    targets = links_of(text_of(read(file)))
    assert not [target for target in targets if not (file.parent / target).exists()]


@each
def test_a_letter_means_one_thing(file):
    """λ is weight decay, h a curvature, ρ a rate of decay, p a sum and m a mean of gradients."""
    notebook, number = read(file), file.stem[:2]
    text = "\n".join(cell.source for cell in notebook.cells)
    never = [
        r"2 ?/ ?(λ|\\lambda)",
        r"\\lambda_\{?\\?(max|min|1)",
        "λmax|λ₁",
        r"\\partial L",
        r"\|\\rho\|",
    ]
    assert not re.search("|".join(never), text)
    if file in COURSE and number in ("00", "01", "02", "03", "04"):
        course = re.sub(r"\n## Letters\n.*?(?=\n## )", "", text, flags=re.DOTALL)  # 00's table
        assert not re.search(r"λ|\\lambda", course), "weight decay comes in 05"
    for cell in notebook.cells:
        if re.search(r"self\.m\b", cell.source):
            assert re.search("beta|β|MyLion|Muon", cell.source), f"{cell.id}: a sum is p, a mean m"


@each
def test_what_cannot_be_seen_is_said(file):
    for cell in read(file).cells:
        assert all(words for words, _ in pictures_of(cell)), cell.id
        assert "<img" not in html_of(cell) or is_folded(cell), f"{cell.id}: drawing is not folded"
