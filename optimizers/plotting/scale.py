"""Which scale a quantity asks for, and where its axis ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.scale import LogTransform, SymmetricalLogTransform
from matplotlib.ticker import (
    FuncFormatter,
    Locator,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
)

from optimizers.plotting.frame import Cut, cut
from optimizers.plotting.style import SOFT, number

BEYOND = 1e300  # outside every frame, and yet a number that can be computed with
LARGEST = 1e200  # matplotlib seeks ticks beyond the ends of an axis, and they must be numbers
TICKS = 8  # on a symlog axis, at most
FARTHEST = 1e190  # … so that the farthest value that is shown leaves some room for them
SPAN = 10.0  # positive values whose ratio is larger are drawn on a log axis
WIDE = 100.0  # values that are so many times the typical one would make a flat line of the rest
TOWER = 1e3  # values above the median by so many times the typical size are as good as diverged


@dataclass(frozen=True)
class Scale:
    """How heights are drawn; "symlog" is linear up to `near` on both sides of zero, then log."""

    kind: Literal["linear", "log", "symlog"]
    near: float = 1.0

    def on(self, ax: Axes) -> None:
        """Give it to the vertical axis."""
        if self.kind != "symlog":
            ax.set_yscale(self.kind)
            return
        ax.set_yscale("symlog", linthresh=self.near)
        ax.yaxis.set_major_locator(FewTicks(self))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: power(value)))
        ax.yaxis.set_minor_locator(NullLocator())

    @property
    def words(self) -> str:
        """What the name of the axis ends with."""
        return "" if self.kind == "linear" else f" ({self.kind})"

    def drawn(self, values: Any) -> np.ndarray:
        """How high values lie; a decade is 1, except on a linear axis."""
        values = np.asarray(values, float)
        if self.kind == "linear":
            return values / 2  # the distance of two large numbers must not overflow
        return np.asarray(self._log.transform(values / self.near))

    @property
    def _log(self) -> Any:
        """The transform of what is so many times as large as `near`."""
        return LogTransform(10) if self.kind == "log" else SymmetricalLogTransform(10, 1.0, 1.0)

    def widened(
        self, low: float, high: float, below: float = 0.0, above: float = 0.0
    ) -> tuple[float, float]:
        """Limits with room for these shares of their distance, as it is drawn."""
        bottom, top = self.drawn([low, high])
        wide = np.array([bottom - below * (top - bottom), top + above * (top - bottom)])
        with np.errstate(over="ignore"):
            values = (
                2 * wide
                if self.kind == "linear"
                else self.near * self._log.inverted().transform(wide)
            )
        low, high = np.clip(values, -LARGEST, LARGEST)
        return float(low), float(high)

    def raised(self, low: float, high: float, share: float) -> float:
        """The upper limit that leaves this share of the axis above `high`."""
        return self.widened(low, high, above=share / (1 - share))[1]


class FewTicks(Locator):
    """Zero and powers of ten on a symlog axis, so few that they do not overlap."""

    def __init__(self, scale: Scale) -> None:
        self.scale = scale

    def __call__(self) -> Any:
        """Where the ticks stand on the axis as it is now."""
        assert self.axis is not None
        return self.tick_values(*self.axis.get_view_interval())

    def tick_values(self, vmin: float, vmax: float) -> Any:
        """Where they stand between these limits."""
        apart = float(np.ptp(self.scale.drawn([vmin, vmax]))) / TICKS
        last = np.floor(np.log10(max(abs(vmin), abs(vmax), self.scale.near)))
        powers = 10.0 ** np.arange(np.ceil(np.log10(self.scale.near)), last + 1)
        powers = powers[self.scale.drawn(powers) >= apart][:: int(np.ceil(apart))]
        values = np.concatenate([-powers[::-1], [0.0], powers])
        seen = values[(values >= vmin) & (values <= vmax)]
        return seen if len(seen) > 1 else MaxNLocator(4).tick_values(vmin, vmax)


def power(value: float) -> str:
    """A tick of an axis with powers of ten: "−100", "−$10^{26}$".

    Examples
    --------
    >>> power(0.0), power(-100.0), power(1e26)
    ('0', '−100', '$10^{26}$')
    """
    size = abs(value)
    if value == 0 or 1e-2 <= size < 1e3:
        return number(value)
    tens = round(float(np.log10(size)))
    sign = "−" if value < 0 else ""
    return f"{sign}$10^{{{tens}}}$" if np.isclose(size, 10.0**tens) else number(value)


def scale_of(values: np.ndarray) -> Scale:
    """The scale for finite values of any sign: log, symlog, or linear where nothing asks for more.

    Examples
    --------
    >>> scale_of(np.array([2.0, 1.5])).kind, scale_of(np.array([2.0, 1e-3])).kind
    ('linear', 'log')
    >>> scale_of(np.array([25.0, -500.0])).kind, scale_of(np.array([1.0, 2.0, -1e9])).kind
    ('linear', 'symlog')
    """
    size = np.abs(values[values != 0])
    if not size.size:
        return Scale("linear")
    if values.min() > 0:
        return Scale("log" if values.max() / SPAN >= values.min() else "linear")
    typical, largest = float(np.median(size)), float(size.max())
    if largest / WIDE <= typical:
        return Scale("linear")
    return Scale("symlog", max(typical, largest / LARGEST))


def calm(values: np.ndarray) -> np.ndarray:
    """Of finite values those that do not tower above the others.

    Examples
    --------
    >>> calm(np.array([-500.0, 2.0, 25.0, 1e200])).tolist()
    [-500.0, 2.0, 25.0]
    """
    if not values.size:
        return values
    return values[values <= np.median(values) + TOWER * np.median(np.abs(values))]


def framed(scale: Scale, low: float, high: float, rise: float = 0.0) -> tuple[float, float]:
    """The limits of an axis on which values from `low` to `high` are seen, also if they are one.

    `rise`: the share of the axis that is kept above them.
    """
    low, high = (float(np.clip(value, -FARTHEST, FARTHEST)) for value in (low, max(low, high)))
    if scale.kind == "log":
        low, high = max(low, 1 / LARGEST), max(high, 1 / LARGEST)
    if scale.kind == "log":
        if high < SPAN * low:  # a decade, around the middle
            middle = np.sqrt(low) * np.sqrt(high)
            low, high = middle / SPAN**0.5, middle * SPAN**0.5
    elif high - low <= 1e-9 * max(abs(low), abs(high)):
        half = abs(high) / 2 or 1.0
        low, high = low - half, high + half
    return scale.widened(low, high, 0.04, 0.04 + rise)


def log_spaced(grid: np.ndarray) -> bool:
    """Whether a grid is drawn better on a log axis: positive, and its ratios vary less."""
    if len(grid) < 3 or np.min(grid) <= 0:
        return False
    ordered = np.unique(grid)
    if len(ordered) < 3:
        return False
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
    return bool(positive.size and positive.max() / 10 > np.median(positive))


def edges(centres: np.ndarray, log: bool) -> np.ndarray:
    """The borders of cells around sorted centres, halfway between them."""
    at = np.log(centres) if log else centres.astype(float)
    if len(at) == 1:
        at = np.array([at[0] - 0.5, at[0] + 0.5])
        return np.exp(at) if log else at
    half = np.diff(at) / 2
    borders = np.concatenate([[at[0] - half[0]], at[:-1] + half, [at[-1] + half[-1]]])
    return np.exp(borders) if log else borders


def draw_floor(ax: Axes, floor: float) -> None:
    """Say that what lies on this height is as low as numbers tell."""
    ax.axhline(floor, color=SOFT, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
    ax.annotate(
        "limit of float64",
        (0, floor),
        (4, -4),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        va="top",
        fontsize=10,
        color=SOFT,
    )


def cut_on(ax: Axes, points: np.ndarray, low: np.ndarray, high: np.ndarray) -> Cut:
    """Cut a curve (n, 2) at a frame, along the straight lines that the axes' scales draw."""
    forth, back = ax.transScale, ax.transScale.inverted()
    part = cut(forth.transform(points), *forth.transform([low, high]))
    exits = back.transform(part.exits) if len(part.exits) else part.exits
    return Cut(back.transform(part.points), exits, part.sides, part.inside)
