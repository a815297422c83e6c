"""What the cells of a lesson are in its slides, and which code is folded: by rule, not by hand."""

import re

from lessons import html_of, is_folded, outputs_of, pictures_of

LEFT_OUT = ("Go deeper", "Sources")  # sections to be read at home
PAGE, PICTURE, WIDTH = 684, (1200, 520), 125  # pixels, and letters in a line
ROW, CODE = 26, 21  # pixels of a line


def dress(notebook):
    """Give every cell its part in the slides, and fold the code that is tagged "hide-input".

    A heading begins a slide, and what the one before has no room for begins a page below it. Words
    stand with the code that they lead to, a caption with its picture.
    """
    is_left_out, headings, room = False, [], 0
    cells = notebook.cells
    whole = [cells[i : i + 1 + has_caption(notebook, i)] for i in range(len(cells))]
    for i, cell in enumerate(cells):
        if is_folded(cell):
            cell.metadata["jupyter"] = {"source_hidden": True}
        height, both = sum(map(height_of, whole[i])), 0
        if leads_to_code(notebook, i) and not headings:  # else the heading would stand alone
            both = height + sum(map(height_of, whole[i + 1]))
        headings = re.findall(r"^##? (.+)", cell.source, re.MULTILINE) if is_text(cell) else []
        if headings:
            is_left_out = headings[0].startswith(LEFT_OUT)
            kind, room = "slide", PAGE - height
        elif i and has_caption(notebook, i - 1):
            kind = "-"  # its room is taken
        elif height > room or room < both <= PAGE:
            kind, room = "subslide", PAGE - height
        else:
            kind, room = "-", room - height
        cell.metadata["slideshow"] = {"slide_type": "skip" if is_left_out else kind}
    return notebook


def is_text(cell):
    return cell.cell_type == "markdown"


def has_caption(notebook, i):
    """Whether a picture stands before its caption, and there is room for both on a page."""
    both = notebook.cells[i : i + 2]
    is_caption = re.match(r"\*[^*]", both[-1].source)
    return is_folded(both[0]) and bool(is_caption) and sum(map(height_of, both)) <= PAGE


def leads_to_code(notebook, i):
    """Whether words stand before code."""
    below = notebook.cells[i + 1 : i + 2]
    return is_text(notebook.cells[i]) and not any(map(is_text, below)) and bool(below)


def height_of(cell):
    """About how many pixels of a slide a cell takes."""
    if is_text(cell):
        words = re.sub(r"<details>.*</details>", "Answer", cell.source, flags=re.DOTALL)
        words = re.sub(r"\]\([^)]*\)|[*`]", "", words)
        return 20 + sum(map(height_of_words, re.split(r"\n\n+", words)))
    source = len(cell.source.splitlines())
    return (24 if is_folded(cell) else 32 + CODE * source) + height_of_outputs(cell)


def height_of_words(paragraph):
    if paragraph.startswith("#"):
        return 80
    if "$$" in paragraph:
        return 60 + 40 * paragraph.count(r"\\")
    items = re.split(r"\n(?=[-|\d])", paragraph)
    return 20 + sum(ROW * -(-len(item) // WIDTH) + 5 * (len(items) > 1) for item in items)


def height_of_outputs(cell):
    page = re.search(r"<iframe[^>]*height:(\d+)px", html_of(cell))
    if page:
        return int(page[1]) + 20
    if pictures_of(cell):
        return sum(height_of_picture(data) for _, data in pictures_of(cell)) + 10
    lines, is_table = 0, bool(html_of(cell))
    for output in outputs_of(cell):
        lines += len((output.get("text") or output["data"]["text/plain"]).splitlines())
    return (17 + (28 if is_table else CODE) * lines) if lines else 0


def height_of_picture(data):
    """Of a PNG or a GIF, as large as it is shown."""
    if data.startswith(b"GIF"):
        width, height = (int.from_bytes(data[i : i + 2], "little") for i in (6, 8))
    else:
        width, height = (int.from_bytes(data[i : i + 4], "big") for i in (16, 20))
    most, tallest = PICTURE
    return min(tallest, height, height * most // width)
