"""Which scale a quantity asks for, and where its axis ends."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from optimizers.plotting.frame import Cut, cut
from optimizers.plotting.style import SOFT, number


def log_spaced(grid: np.ndarray) -> bool:
    """Whether a grid is drawn better on a log axis: positive, and its ratios vary less."""
    if len(grid) < 3 or np.min(grid) <= 0:
        return False
    ordered = np.sort(grid)
    steps, ratios = np.diff(ordered), np.diff(np.log(ordered))
    return bool(np.std(ratios) / np.mean(ratios) < np.std(steps) / np.mean(steps))


def log_ticks(axis: Axis, low: float, high: float) -> None:
    """Write 1, 2 and 5 of each power of ten on a log axis too short for powers of ten alone."""
    if high / low < 100:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
        axis.set_minor_formatter(NullFormatter())


def wants_log(gaps: np.ndarray) -> bool:
    """Whether values above a minimum span so much that half of them would share one level."""
    positive = gaps[np.isfinite(gaps) & (gaps > 0)]
    return bool(positive.size and positive.max() > 10 * np.median(positive))


def edges(centres: np.ndarray, log: bool) -> np.ndarray:
    """The borders of cells around sorted centres, halfway between them."""
    at = np.log(centres) if log else centres.astype(float)
    if len(at) == 1:
        at = np.array([at[0] - 0.5, at[0] + 0.5])
        return np.exp(at) if log else at
    half = np.diff(at) / 2
    borders = np.concatenate([[at[0] - half[0]], at[:-1] + half, [at[-1] + half[-1]]])
    return np.exp(borders) if log else borders


def precision_floor(values: np.ndarray, minimum: float) -> float:
    """Below this, loss − minimum is rounding: relative to where it began and to the minimum."""
    finite = values[np.isfinite(values)]
    size = max(abs(minimum), float(np.max(finite, initial=0.0)))
    return float(np.finfo(float).eps * (size if size > 0 else 1.0))


def draw_floor(ax: Axes, floor: float) -> tuple[Line2D, Annotation]:
    """Say that what lies on this height is as low as numbers tell."""
    line = ax.axhline(floor, color=SOFT, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
    words = ax.annotate(
        "as near as float64 tells",
        (0, floor),
        (4, -4),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        va="top",
        fontsize=10,
        color=SOFT,
    )
    return line, words


def steady(
    now: tuple[float, float] | None, wanted: tuple[float, float], log: bool
) -> tuple[float, float]:
    """Limits that stay as they are while what is wanted fits them and fills half of them.

    Otherwise they go to whole powers of ten (every second one, if there are many), or get a tenth
    of room. Axes that follow every move of a slider cannot be read.

    Examples
    --------
    >>> steady(None, (0.02, 3.0), log=True)
    (0.01, 10.0)
    >>> steady((0.01, 10.0), (0.05, 7.0), log=True)
    (0.01, 10.0)
    """
    low, high = np.log10(wanted) if log else wanted
    if now is not None:
        bottom, top = np.log10(now) if log else now
        if bottom <= low and high <= top and high - low >= (top - bottom) / 2:
            return now
    if log:
        every = 2 if high - low > 4 else 1
        low, high = every * np.floor(low / every), every * np.ceil(high / every)
        return float(10.0**low), float(10.0 ** max(high, low + 1))
    room = 0.1 * (high - low) or 1.0
    return float(low - room), float(high + room)


def cut_on(ax: Axes, points: np.ndarray, low: np.ndarray, high: np.ndarray) -> Cut:
    """Cut a curve (n, 2) at a frame, along the straight lines that the axes' scales draw."""
    forth, back = ax.transScale, ax.transScale.inverted()
    part = cut(forth.transform(points), *forth.transform([low, high]))
    exits = back.transform(part.exits) if len(part.exits) else part.exits
    return Cut(back.transform(part.points), exits, part.sides, part.inside)
