"""The look of every figure: one colour a rule, a white casing, titles that fit, captions below."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from zlib import crc32

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

# Found by search: as far apart as eight colours get in CIELAB for normal sight and for the three
# kinds of colour blindness (24.9 at the least), 2.8:1 or more on white, eight steps of grey.
PALETTE = {
    "navy": "#0a1a3a",
    "green": "#0c724d",
    "khaki": "#a39a51",
    "pink": "#db6da2",
    "azure": "#048aff",
    "red": "#a90000",
    "purple": "#981c99",
    "indigo": "#4a1bc6",
}
Line = Literal["-"] | tuple[int, tuple[float, ...]]
LINES: tuple[Line, ...] = (
    "-",
    (0, (4, 1.5)),
    (0, (1, 1.2)),
    (0, (5, 1.5, 1, 1.5)),
    (0, (8, 2)),
    (0, (2, 3)),
)
WIDTH = 2.0
INK = "#222222"  # text and marks
SOFT = "#666666"  # captions, what is said in passing
START, END, CROSS, STAR = "o", "o", "X", "*"  # ○ ● ✕ ★
DANCES = 12.0  # diagonals of the frame: a longer line is drawn thin
# how areas of runs that diverged are filled
HATCHED: dict[str, Any] = {"facecolor": "#f1f1f1", "edgecolor": "#b0b0b0", "hatch": "////"}
LABELLED = 6  # up to so many curves are labelled at their ends, more go to a legend


@dataclass(frozen=True)
class Look:
    """How the curves of one label are drawn."""

    color: str
    line: Line = "-"


# The article's eight have a colour each; the others have that of a relative, broken.
SLOTS: dict[str, Look] = {
    "SGD": Look(PALETTE["navy"]),
    "Momentum": Look(PALETTE["green"]),
    "AdaGrad": Look(PALETTE["khaki"]),
    "RMSProp": Look(PALETTE["pink"]),
    "Adam": Look(PALETTE["azure"]),
    "AdamW": Look(PALETTE["red"]),
    "LAMB": Look(PALETTE["purple"]),
    "Lion": Look(PALETTE["indigo"]),
    "AdaDelta": Look(PALETTE["khaki"], LINES[1]),
    "AMSGrad": Look(PALETTE["azure"], LINES[1]),
    "NAdam": Look(PALETTE["red"], LINES[1]),
    "LARS": Look(PALETTE["green"], LINES[1]),
    "Muon": Look(PALETTE["indigo"], LINES[1]),
    "Lookahead": Look(PALETTE["pink"], LINES[1]),
    "Newton": Look(PALETTE["navy"], LINES[1]),
}


def looks(rules: Mapping[str, str]) -> dict[str, Look]:
    """Give every label of a figure the colour of its rule.

    A rule that is not in the library gets a colour that its name decides, or the next one that
    nobody in the figure has. Labels that share a rule share the colour and differ in line style.

    Parameters
    ----------
    rules
        The name of the rule of each label.

    Returns
    -------
    dict
        A `Look` for each label, all different up to 48 labels.

    Examples
    --------
    >>> both = looks({"Adam": "Adam", "slow Adam": "Adam"})
    >>> both["Adam"].color == both["slow Adam"].color, both["Adam"].line, both["slow Adam"].line
    (True, '-', (0, (4, 1.5)))
    """
    first = {rule: SLOTS[rule] for rule in rules.values() if rule in SLOTS}
    colors = list(PALETTE.values())
    for rule in sorted(set(rules.values()) - set(first)):
        turn = crc32(rule.encode()) % len(colors)
        wheel = colors[turn:] + colors[:turn]
        used = {look.color for look in first.values()}
        color = next((c for c in wheel if c not in used), wheel[0])
        first[rule] = _free(color, set(first.values()))
    taken = set(first.values())
    given: dict[str, Look] = {}
    for label, rule in rules.items():
        again = first[rule] in given.values()
        given[label] = _free(first[rule].color, taken) if again else first[rule]
        taken.add(given[label])
    return given


def _free(color: str, taken: set[Look]) -> Look:
    """The first line style in which this colour is not taken."""
    free = (Look(color, line) for line in LINES if Look(color, line) not in taken)
    return next(free, Look(color, LINES[-1]))


def rule_of(label: str) -> str:
    """The rule that a label begins with ("Adam(beta1=0.5)" is Adam), or the whole label."""
    word = re.match(r"\w*", label)
    return word.group() if word and word.group() in SLOTS else label


def casing(width: float = WIDTH) -> list[patheffects.AbstractPathEffect]:
    """The thin white line around a path, which keeps it apart from what it crosses."""
    return [patheffects.Stroke(linewidth=width + 2, foreground="white"), patheffects.Normal()]


def marker(color: str, *, hollow: bool = False, size: float = 8) -> dict[str, Any]:
    """Properties of a mark that stands alone: filled and cased in white, or hollow."""
    return {
        "linestyle": "none",
        "markersize": size,
        "markerfacecolor": "white" if hollow else color,
        "markeredgecolor": color if hollow else "white",
        "markeredgewidth": 1.8 if hollow else 1.0,
    }


def weigh(line: Line2D, length: float) -> None:
    """Give a line its width and its place among others.

    Parameters
    ----------
    length
        How long the line is, in diagonals of the frame. A line that dances to and fro is drawn
        below the others, and one that would paint the picture over is drawn thin.
    """
    width = WIDTH if length < DANCES else WIDTH / 2
    line.set_linewidth(width)
    line.set_path_effects(casing(width))
    line.set_zorder(4 - length / (1 + length))


def put(mark: Line2D, points: Any) -> None:
    """Move a mark to these points, (n, 2); hide it where there are none.

    An empty line is not nothing to a layout engine: it counts as a point in the figure's corner.
    """
    at = np.reshape(points, (-1, 2))
    mark.set_data(at[:, 0], at[:, 1])
    mark.set_visible(len(at) > 0)


def panel_width(ax: Axes) -> float:
    """The share of the figure's width, in inches, that belongs to this Axes."""
    spec = ax.get_subplotspec()
    columns = spec.get_gridspec().ncols if spec is not None else 1
    figure = ax.get_figure(root=True)
    assert figure is not None
    return float(figure.get_size_inches()[0]) / columns


def dress(ax: Axes, title: str, xlabel: str = "", ylabel: str = "") -> None:
    """Write the finding above, the quantities beside, and take away what nobody reads."""
    headline(ax, title)
    ax.set_xlabel(xlabel, fontsize=12, color=INK)
    ax.set_ylabel(ylabel, fontsize=12, color=INK)
    ax.tick_params(labelsize=11, color=SOFT, labelcolor=INK)
    for name in ("top", "right"):
        if name in ax.spines:
            ax.spines[name].set_visible(False)
    for spine in ax.spines.values():
        spine.set_color(SOFT)


def headline(ax: Axes, title: str) -> None:
    """Write the finding above the axes, in lines that fit them."""
    fits = int(panel_width(ax) * 0.9 * 72 / (12.5 * 0.62))
    ax.set_title(
        textwrap.fill(title, max(fits, 20)), loc="left", fontsize=12.5, fontweight="bold", color=INK
    )


def caption(figure: Figure, text: str) -> None:
    """Say below the figure how it was made, in lines that fit its width."""
    fits = int(figure.get_size_inches()[0] * 0.97 * 72 / (10 * 0.57))
    lines = [line for part in text.split("\n") for line in textwrap.wrap(part, fits)]
    figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=10, color=SOFT, linespacing=1.25)


def number(value: float) -> str:
    """Three significant digits at most, with a true minus."""
    return f"{value:.3g}".replace("-", "−")


def place(point: Any) -> str:
    """Coordinates as text: "(−1.5, 2)"."""
    return f"({', '.join(number(float(value)) for value in point)})"
