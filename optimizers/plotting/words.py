"""Words that fit: wrapped to a width, shortened in the middle, in fonts that have their letters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from matplotlib import font_manager
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text

NARROW, BOLD = 0.6, 0.63  # ems that a letter takes on average
AFTER = "(,/-"  # where a word may be broken that is longer than a line
MATH = re.compile(r"(?<!\\)\$.*?(?<!\\)\$")
MISSING = "□"  # stands for a letter that no font of this machine has
SANS = ("Sans CJK SC", "Sans")  # preferred among the fonts that have a letter


def columns(text: str) -> int:
    """How wide a text is, in letters: a Chinese one takes two.

    Examples
    --------
    >>> columns("Adam"), columns("动量")
    (4, 4)
    """
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))


def room(inches: float, size: float, *, letter: float = NARROW) -> int:
    """How many letters of this size, in points, stand side by side."""
    return int(inches * 72 / (size * letter))


def wrapped(text: str, width: int, lines: int | None = None) -> str:
    """Break a text into lines of so many letters; if it takes too many lines, leave out its middle.

    Examples
    --------
    >>> print(wrapped("Lookahead(inner=Momentum, k=5)", 16))
    Lookahead(
    inner=Momentum,
    k=5)
    >>> wrapped("a label that goes on and on and on", 12, lines=1)
    'a label…on'
    """
    broken = "\n".join(line for part in text.split("\n") for line in _lines(part, width))
    if lines is None or broken.count("\n") < lines:
        return broken
    for length in range(width * lines, 2, -1):
        shorter = "\n".join(_lines(shortened(text.replace("\n", " "), length), width))
        if shorter.count("\n") < lines:
            return shorter
    return shortened(text, width)


def shortened(text: str, width: int) -> str:
    """A text that is no wider than this: what is too much is left out of its middle.

    Examples
    --------
    >>> shortened("Momentum(momentum=0.9, nesterov=True)", 24)
    'Momentum(momentu…v=True)'
    """
    if columns(text) <= width:
        return text
    head, tail = (2 * width) // 3, width
    while columns(text[:head]) > (2 * width) // 3:
        head -= 1
    while tail and columns(text[-tail:]) >= width - columns(text[:head]):
        tail -= 1
    return f"{text[:head].rstrip()}…{text[-tail:].lstrip() if tail else ''}"


def distinct(texts: Sequence[str], width: int, lines: int) -> list[str]:
    """Texts wrapped and shortened; those that then are the same get a number.

    Examples
    --------
    >>> distinct(["Momentum, slow and nesterov", "Momentum, fast and nesterov"], 16, lines=1)
    ['Momentum,…terov', 'Momentum…rov (2)']
    """
    said: list[str] = []
    for text in texts:
        words, count = wrapped(text, width, lines), 1
        while words in said:
            count += 1
            mark = f" ({count})"
            words = wrapped(shortened(text, width * lines - len(mark)) + mark, width, lines)
        said.append(words)
    return said


def brief(label: str) -> str:
    """A label as a sentence names it."""
    return shortened(label, 40)


def _lines(text: str, width: int) -> list[str]:
    """The words side by side while they fit."""
    lines: list[str] = []
    line = ""
    for word in re.split(r"[ \t]+", text.strip(" \t")):
        for i, piece in enumerate(_pieces(word, width)):
            joined = f"{line}{' ' if line and not i else ''}{piece}"
            if line and columns(joined) > width:
                lines.append(line)
                joined = piece
            line = joined
    return [*lines, line] if line else lines


def _pieces(word: str, width: int) -> Iterator[str]:
    """A word that is longer than a line in parts, preferably where signs or Chinese letters end."""
    if columns(word) <= width:
        yield word
        return
    wide = [unicodedata.east_asian_width(letter) in "WF" for letter in word]
    piece = ""
    for i, letter in enumerate(word):
        piece += letter
        ends = i + 1 == len(word) or letter in AFTER or wide[i] or wide[i + 1]
        if ends or columns(piece) >= width:
            yield piece
            piece = ""


# ---------------------------------------------------------------------------------------- fonts


def lettered(*texts: Text) -> None:
    """Give texts whose font lacks some letters another one to take them from.

    Letters that no font of the machine has become boxes, and matplotlib has nothing to warn of.
    """
    for text in texts:
        said = text.get_text()
        lacking = _lacking(text, MATH.sub("", said))
        if not lacking:
            continue
        families = dict.fromkeys(family_with(letter) for letter in lacking)
        found = [family for family in families if family is not None]
        unknown = [letter for letter in lacking if family_with(letter) is None]
        text.set_text(said.translate({ord(letter): MISSING for letter in unknown}))
        before = text.get_fontfamily()
        # among formulas, matplotlib takes all letters from the first font
        text.set_fontfamily([*found, *before] if MATH.search(said) else [*before, *found])
        if any(not _is_bold(family) for family in found):
            text.set_fontweight("normal")


def _lacking(text: Text, said: str) -> list[str]:
    """The letters that none of the text's fonts has."""
    letters = sorted({letter for letter in said if ord(letter) > 127 and letter.isprintable()})
    if not letters:
        return []
    fonts = []
    for family in text.get_fontfamily():
        wanted = text.get_fontproperties().copy()
        wanted.set_family(family)
        try:
            fonts.append(font_manager.findfont(wanted, fallback_to_default=False))
        except ValueError:  # no such font: matplotlib goes on with the next
            continue
    fonts = fonts or [font_manager.findfont(FontProperties())]
    return [letter for letter in letters if not any(_has(font, letter) for font in fonts)]


@cache
def family_with(letter: str) -> str | None:
    """The font family of this machine that has a letter, one without serifs if there is one."""
    for fonts in (_known, _new):
        for entry in fonts():
            if _has(_file(entry), letter):
                return str(entry.name)
    return None


def _has(font: str, letter: str) -> bool:
    return font_manager.get_font(font).get_char_index(ord(letter)) != 0


def _file(entry: font_manager.FontEntry) -> str:
    """What `get_font` takes: in a collection of fonts, it is more than the name of the file."""
    kind: dict[str, Any] = {
        name: getattr(entry, name) for name in ("style", "variant", "weight", "stretch")
    }
    return font_manager.findfont(FontProperties(family=entry.name, **kind))


def _known() -> list[font_manager.FontEntry]:
    """The fonts that matplotlib knows, one a family."""
    return _sorted(font_manager.fontManager.ttflist)


@cache
def _new() -> list[font_manager.FontEntry]:
    """Fonts that were installed since matplotlib made its list, which now go to it."""
    entries = font_manager.fontManager.ttflist
    files = {entry.fname for entry in entries}
    before = len(entries)
    for file in font_manager.findSystemFonts():
        if file not in files:
            try:
                font_manager.fontManager.addfont(file)
            except (OSError, RuntimeError):  # damaged, or of a kind that it cannot read
                continue
    return _sorted(entries[before:])


def _sorted(entries: Sequence[font_manager.FontEntry]) -> list[font_manager.FontEntry]:
    def order(entry: font_manager.FontEntry) -> tuple[object, ...]:
        kind = next((i for i, word in enumerate(SANS) if word in entry.name), len(SANS))
        return kind, "Mono" in entry.name, entry.name, entry.style != "normal"

    families = {entry.name: entry for entry in sorted(entries, key=order, reverse=True)}
    return [entry for name, entry in reversed(families.items()) if "Last Resort" not in name]


@cache
def _is_bold(family: str) -> bool:
    weights = [e.weight for e in font_manager.fontManager.ttflist if e.name == family]
    return any(weight in ("bold", "heavy", "black") or weight == 700 for weight in weights)
