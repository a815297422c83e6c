"""The notebooks of the course: which there are, in which order, and what their cells show."""

import base64
import re
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "notebooks"
ORDER = "00 01 02 03 04 05 06 09 07 08 10 11 12 13".split()  # in which they are read
COURSE = [next(FOLDER.glob(f"{number}_*.ipynb")) for number in ORDER]
DEEPER = sorted(FOLDER.glob("deeper/[0-9][0-9]_*.ipynb"))
LESSONS = [*COURSE, *DEEPER]
SOLUTIONS = sorted(FOLDER.glob("exercises/solutions/[0-9][0-9]_*.ipynb"))
# students' exercises are not among them: they wait for answers


def outputs_of(cell):
    return cell.get("outputs", [])


def html_of(cell):
    return "".join(o.get("data", {}).get("text/html", "") for o in outputs_of(cell))


def is_folded(cell):
    """Whether it only draws."""
    return "hide-input" in cell.metadata.get("tags", ())


def is_page(cell):
    return "<iframe" in html_of(cell)


def pictures_of(cell):
    """The pictures that a cell shows: the words for those who cannot see them, and the bytes."""
    found = []
    for tag in re.findall("<img[^>]*>", html_of(cell)):
        words, letters = (re.search(p, tag) for p in ('alt="([^"]+)"', 'base64,([^"]+)"'))
        found.append((words and words[1], base64.b64decode(letters[1])))
    return found


def text_of(notebook):
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
