"""The look of every figure: one colour a rule, a white casing, titles that fit, captions below."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import cycle
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from optimizers.plotting.words import BOLD, lettered, room, wrapped

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
PAPER = "white"
INK = "#222222"  # text and marks
SOFT = "#666666"  # captions, what is said in passing
PLAIN = (INK, "#808080")  # what is no rule of the library's has none of their colours
START, END, CROSS, STAR = "o", "o", "X", "*"  # ○ ● ✕ ★
DANCES = 12.0  # diagonals of the frame: a longer line is drawn thin
# how areas of runs that diverged are filled
HATCHED: dict[str, Any] = {"facecolor": "#f1f1f1", "edgecolor": "#b0b0b0", "hatch": "////"}
LABELLED = 6  # up to so many curves are labelled at their ends, more go to a legend
GREY = 10.0  # colours nearer in lightness (0 is black, 100 white) look alike in grey
TITLE_LINES = 4
BESIDE = 0.6  # inches left of the axes, where no title stands


@dataclass(frozen=True)
class Look:
    """How the curves of one label are drawn."""

    color: str
    line: Line = "-"


# The article's eight have a colour each; the others have that of a relative, broken. In a picture,
# who comes first here chooses first.
USUAL: dict[str, Look] = {
    "SGD": Look(PALETTE["navy"]),
    "Momentum": Look(PALETTE["green"]),
    "Adam": Look(PALETTE["azure"]),
    "AdamW": Look(PALETTE["red"]),
    "AdaGrad": Look(PALETTE["khaki"]),
    "RMSProp": Look(PALETTE["pink"]),
    "LAMB": Look(PALETTE["purple"]),
    "Lion": Look(PALETTE["indigo"]),
    "AdaDelta": Look(PALETTE["khaki"], LINES[1]),
    "AMSGrad": Look(PALETTE["azure"], LINES[1]),
    "NAdam": Look(PALETTE["red"], LINES[1]),
    "LARS": Look(PALETTE["green"], LINES[1]),
    "Muon": Look(PALETTE["indigo"], LINES[1]),
    "Lookahead": Look(PALETTE["pink"], LINES[1]),
    "Newton": Look(PALETTE["navy"], LINES[1]),
    "RAdam": Look(PALETTE["azure"], LINES[2]),
    "ADOPT": Look(PALETTE["red"], LINES[2]),
    "Adafactor": Look(PALETTE["pink"], LINES[2]),
    "Shampoo": Look(PALETTE["khaki"], LINES[2]),
    "SOAP": Look(PALETTE["navy"], LINES[4]),
    "DoG": Look(PALETTE["navy"], LINES[2]),
    "Prodigy": Look(PALETTE["green"], LINES[2]),
    "Cautious": Look(PALETTE["indigo"], LINES[2]),
    "LBFGS": Look(PALETTE["navy"], LINES[3]),
    "NonlinearCG": Look(PALETTE["green"], LINES[3]),
    "ScheduleFreeSGD": Look(PALETTE["khaki"], LINES[3]),
    "ScheduleFreeAdamW": Look(PALETTE["purple"], LINES[2]),
    "Averaged": Look(PALETTE["pink"], LINES[3]),
}


def looks(rules: Mapping[str, str]) -> dict[str, Look]:
    """Give every label of a figure the colour of its rule, and a line of its own.

    A rule has its usual colour, unless another rule of the figure has it already: then the next
    one that is free, while there is any. What is not a rule of the library (a rule of one's own, a
    layer, a schedule) is black or grey. Labels that share a rule share the colour. Two lines whose
    colours are the same, or alike in grey, are broken differently.

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
    >>> two = looks({"Adam": "Adam", "AMSGrad": "AMSGrad"})
    >>> two["Adam"].color == two["AMSGrad"].color, two["Adam"].line == two["AMSGrad"].line
    (False, False)
    """
    order = [rule for rule in USUAL if rule in rules.values()]
    order += sorted(set(rules.values()) - set(USUAL))
    colors = _colors(order)
    given: dict[str, Look] = {}
    for label in sorted(rules, key=lambda label: order.index(rules[label])):
        rule = rules[label]
        usual = USUAL.get(rule, Look(colors[rule]))
        kin = [given[k].line for k in given if _usually(rules[k]) == usual.color]
        given[label] = _apart(Look(colors[rule], usual.line), given.values(), kin)
    return {label: given[label] for label in rules}


def _usually(rule: str) -> str | None:
    return USUAL[rule].color if rule in USUAL else None


def _colors(rules: Iterable[str]) -> dict[str, str]:
    """A colour for each rule: its usual one, or the first that is free; for others, plain ones."""
    colors: dict[str, str] = {}
    plain = cycle(PLAIN)
    for rule in rules:
        if rule in USUAL:
            first, wheel = USUAL[rule].color, list(PALETTE.values())
            wheel = wheel[wheel.index(first) :] + wheel[: wheel.index(first)]
            colors[rule] = next((c for c in wheel if c not in colors.values()), first)
        else:
            colors[rule] = next(plain)
    return colors


def _apart(usual: Look, others: Iterable[Look], kin: Iterable[Line]) -> Look:
    """This colour in a line that is told apart from all others, in grey if that can be.

    `kin`: the lines of those who usually have the same colour. When all lines are taken, so are
    the other colours.
    """
    light = lightness(usual.color)
    alike = {*kin, *(o.line for o in others if abs(lightness(o.color) - light) < GREY)}
    lines = [usual.line, *(line for line in LINES if line != usual.line)]
    wanted = [Look(usual.color, line) for line in lines]
    best = [look for look in wanted if look.line not in alike]
    rest = [Look(color, line) for line in lines for color in PALETTE.values()]
    return next((look for look in best + wanted + rest if look not in others), usual)


def lightness(color: str) -> float:
    """How light a colour is to the eye, and in grey: 0 is black, 100 white (CIE L*)."""
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(116 * np.cbrt(linear @ [0.2126, 0.7152, 0.0722]) - 16)


def rule_of(label: str) -> str:
    """The rule that a label begins with ("Adam(beta1=0.5)" is Adam), or the whole label."""
    word = re.match(r"\w*", label)
    return word.group() if word and word.group() in USUAL else label


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
        How long the line is, in diagonals of the frame. A line that dances back and forth is drawn
        below the others, and one that would paint the picture over is drawn thin.
    """
    width = WIDTH if length < DANCES else WIDTH / 2
    line.set_linewidth(width)
    line.set_path_effects(casing(width))
    line.set_zorder(4 - length / (1 + length))


def dot_alone(line: Line2D) -> None:
    """Give points between which there is no line a dot: a lone point would not be seen."""
    there = np.isfinite(line.get_xydata()).all(axis=1)
    beside = np.concatenate([[False], there, [False]])
    alone = np.flatnonzero(there & ~beside[:-2] & ~beside[2:])
    line.set(marker=END if len(alone) else "None", markersize=5, markevery=alone.tolist())


def put(mark: Line2D, points: Any) -> None:
    """Move a mark to these points, (n, 2); hide it where there are none.

    An empty line is not nothing to a layout engine: it counts as a point in the figure's corner.
    """
    at = np.reshape(points, (-1, 2))
    mark.set_data(at[:, 0], at[:, 1])
    mark.set_visible(len(at) > 0)


def panel_size(ax: Axes) -> tuple[float, float]:
    """The share of the figure's width and height, in inches, that belongs to this Axes."""
    spec = ax.get_subplotspec()
    rows, columns = spec.get_gridspec().get_geometry() if spec is not None else (1, 1)
    figure = ax.get_figure(root=True)
    assert figure is not None
    width, height = figure.get_size_inches()
    return float(width) / columns, float(height) / rows


def panel_width(ax: Axes) -> float:
    """The share of the figure's width, in inches, that belongs to this Axes."""
    return panel_size(ax)[0]


def on_paper(ax: Axes) -> None:
    """Make the paper white, as our ink asks for, whatever style sheet made the Axes."""
    figure: Any = ax.get_figure(root=True)
    for part in (ax, figure):
        part.set_facecolor(PAPER)
    ax.grid(False)
    saved = matplotlib.rcParams["savefig.facecolor"]
    if saved == "auto" or any(artist.get_gid() == "paper" for artist in figure.patches):
        return
    # figures are saved on that colour, whatever theirs is: a sheet of paper below everything
    sheet = Rectangle((-1, -1), 3, 3, color=PAPER, transform=figure.transFigure, gid="paper")
    sheet.set(zorder=-9, clip_on=False, in_layout=False)
    figure.patches.append(sheet)


def dress(ax: Axes, title: str, xlabel: str = "", ylabel: str = "") -> None:
    """Write the finding above, the quantities beside, and take away what nobody reads."""
    headline(ax, title)
    ax.set_xlabel(xlabel, fontsize=12, color=INK)
    ax.set_ylabel(ylabel, fontsize=12, color=INK)
    lettered(ax.xaxis.label, ax.yaxis.label)
    ax.tick_params(labelsize=11)
    ax.tick_params(which="both", color=SOFT, labelcolor=INK)
    for name in ("top", "right"):
        if name in ax.spines:
            ax.spines[name].set_visible(False)
    for spine in ax.spines.values():
        spine.set_color(SOFT)


def headline(ax: Axes, title: str) -> None:
    """Write the finding above the axes, in lines that fit them."""
    fits = max(room(panel_width(ax) - BESIDE, 12.5, letter=BOLD), 20)
    text = ax.set_title(
        wrapped(title, fits, TITLE_LINES),
        loc="left",
        fontsize=12.5,
        fontweight="bold",
        color=INK,
        pad=9,  # points: above the marks on the upper edge
    )
    lettered(text)


def caption(figure: Figure, text: str) -> None:
    """Say below the figure how it was made, in lines that fit its width."""
    fits = room(0.97 * figure.get_size_inches()[0], 10, letter=0.57)
    words = figure.supxlabel(
        wrapped(text, fits), x=0.01, ha="left", fontsize=10, color=SOFT, linespacing=1.25
    )
    lettered(words)


def number(value: float) -> str:
    """Three significant digits at most, with a true minus."""
    return f"{value:.3g}".replace("-", "−")


def percent(share: Any) -> str:
    """A share in whole percent; some are not none, and most are not all.

    Examples
    --------
    >>> percent(0.253), percent(0.001), percent(0.999), percent(1)
    ('25%', '<1%', '>99%', '100%')
    """
    if 0 < share < 0.005:
        return "<1%"
    return ">99%" if 0.995 <= share < 1 else f"{share:.0%}"


def place(point: Any) -> str:
    """Coordinates as text: "(−1.5, 2)"."""
    return f"({', '.join(number(float(value)) for value in point)})"
