"""Final loss against learning rate: how good each rule gets, and how much it takes to tune it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis, XAxis
from matplotlib.ticker import NullLocator

from optimizers.checks import shown
from optimizers.experiments.metrics import precision, quartiles
from optimizers.experiments.standing import NO_ORDER
from optimizers.plotting.finding import NO_BEST, by_chance, leaders, together
from optimizers.plotting.labels import Entry, label_ends
from optimizers.plotting.layout import axes_for
from optimizers.plotting.scale import (
    BEYOND,
    TOWER,
    Scale,
    calm,
    cut_on,
    draw_floor,
    framed,
    log_spaced,
    log_ticks,
    scale_of,
)
from optimizers.plotting.style import (
    CROSS,
    END,
    SOFT,
    Look,
    caption,
    dress,
    looks,
    marker,
    number,
    panel_width,
    rule_of,
    weigh,
)
from optimizers.plotting.words import brief, lettered, room, wrapped
from optimizers.problem import Problem

ROW = 0.028  # height of a row of the "diverged" zone, as a share of the axes
WORD = 0.06  # … of the row with the word, where it has no room beside the bars
WORD_WIDTH = 66.0  # points that the word takes
TICK_LETTERS, TICK_LINES = 24, 3  # of a value that has a name
MOST_NAMES = 12  # that an axis can carry


def plot_learning_rates(
    lr_grid: Any,
    final_loss: Mapping[str, Any],
    minimum: float | None = None,
    tuned: Mapping[str, float] | None = None,
    ax: Axes | None = None,
    *,
    rules: Mapping[str, str] | None = None,
) -> Axes:
    """Draw the final loss against the learning rate, one curve per rule.

    A curve stops where the runs diverge; the bars in the zone at the top show for which learning
    rates they do. ● marks the tuned value.

    Parameters
    ----------
    lr_grid
        The learning rates, (G,), or by label those of each.
    final_loss
        By label, the loss after the last step at each of them, (G,), inf where the run diverged; or
        of many runs, (G, runs): the median is drawn, and a band from quartile to quartile.
    minimum
        Of the function, where it is known; then the losses above it are drawn.
    tuned
        By label, the learning rate that was chosen; left out, the best of the grid.
    ax
        Where to draw; a new figure if None.
    rules
        By label, the rule whose colour it gets; left out, the rule that the label begins with.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        For what is no mapping, no curves, or curves and a grid of different lengths.

    Examples
    --------
    >>> losses = {"SGD": [0.5, 0.01, np.inf], "Adam": [0.9, 0.1, 0.3]}
    >>> ax = plot_learning_rates([0.1, 1, 10], losses)
    >>> ax.get_xscale()
    'log'
    """
    curves = RateCurves(lr_grid, final_loss, minimum, tuned, rules)
    ax, ours = axes_for(ax, "plot_learning_rates", (8.0, 5.0))
    draw_learning_rates(ax, curves)
    if ours:
        caption(ax.get_figure(root=True), curves.caption())  # type: ignore[arg-type]
    return ax


class RateCurves:
    """Final losses over a grid of learning rates, checked, sorted, above the minimum.

    `values`: the names of what the grid stands for, if it is no numbers; `problem`: what was
    minimised, if that is known.
    """

    def __init__(
        self,
        lr_grid: Any,
        final_loss: Mapping[str, Any],
        minimum: float | None = None,
        tuned: Mapping[str, float] | None = None,
        rules: Mapping[str, str] | None = None,
        *,
        name: str = "learning rate",
        values: Sequence[str] | None = None,
        problem: Problem | None = None,
    ) -> None:
        _check(final_loss, tuned, rules)
        self.name = name
        self.values = values
        self.problem = problem
        known = minimum is not None and np.isfinite(minimum)
        self.minimum = float(minimum) if known and minimum is not None else None
        self.grids: dict[str, np.ndarray] = {}
        self.bands: dict[str, np.ndarray] = {}  # (G, 3): lower quartile, median, upper quartile
        for label, losses in final_loss.items():
            grid = _grid(lr_grid, label)
            curve = np.asarray(losses, dtype=float)
            if curve.ndim not in (1, 2) or len(curve) != len(grid):
                raise ValueError(
                    f"plot_learning_rates: final_loss[{label!r}] must have one value for each of "
                    f"the {len(grid)} learning rates, got shape {curve.shape}"
                )
            order = np.argsort(grid, kind="stable")
            curve = np.where(np.isfinite(curve), curve.clip(-BEYOND, BEYOND), np.inf)[order]
            band = quartiles(curve.reshape(len(curve), -1))
            self.grids[str(label)] = grid[order]
            self.bands[str(label)] = band if self.minimum is None else band - self.minimum
        self.curves = {label: band[:, 1] for label, band in self.bands.items()}
        whole = np.unique(np.concatenate(list(self.grids.values())))
        self.low, self.high = float(whole[0]), float(whole[-1])
        self.log_x = values is None and log_spaced(next(iter(self.grids.values())))
        self.tuned = {
            label: float(self.grids[label][np.argmin(curve)]) if tuned is None else tuned.get(label)
            for label, curve in self.curves.items()
        }
        self.rules = {label: (rules or {}).get(label, rule_of(label)) for label in self.curves}
        together = np.concatenate(list(self.curves.values()))
        self.finite = together[np.isfinite(together)]
        self.scale = Scale("log") if self.minimum is not None else scale_of(calm(self.finite))
        self.floor = (
            None if self.minimum is None else precision(self._typical() * np.ones(1), self.minimum)
        )

    def _typical(self) -> float:
        return float(np.median(self.finite)) if self.finite.size else 1.0

    @property
    def ylabel(self) -> str:
        """Quantity and scale."""
        noun = "loss" if self.problem is None else self.problem.noun
        known = self.minimum is not None
        return f"final {'loss − minimum' if known else noun}{self.scale.words}"

    @property
    def limits(self) -> tuple[float, float]:
        """The lowest and the highest value worth showing."""
        if not self.finite.size:
            return (0.1, 10.0) if self.scale.kind == "log" else (-1.0, 1.0)
        low, high = float(self.finite.min()), float(self.finite.max())
        if self.scale.kind == "log":
            low = max(low, self.floor or 0.0)
            low = low / 10 if self.at_floor else low  # room for a word below the floor
            high = min(high, TOWER * max(self._typical(), low))
        else:
            high = float(calm(self.finite).max())
        return framed(self.scale, low, high)

    def lowest_below(self, high: float) -> float:
        """The lower limit of an axis that ends there."""
        if self.scale.kind == "log" or not self.finite.size:
            return self.limits[0]
        low = float(self.finite.min())
        return framed(self.scale, low, max(low, min(high, float(self.finite.max()))))[0]

    @property
    def at_floor(self) -> bool:
        """Whether some value is as low as numbers tell."""
        return bool(self.floor and (self.finite <= self.floor).any())

    @property
    def diverging(self) -> list[str]:
        """The labels that diverge somewhere on the grid, those that hold out longest first."""
        some = [label for label, curve in self.curves.items() if np.isinf(curve).any()]
        return sorted(some, key=lambda n: -float(self.grids[n][np.isinf(self.curves[n]).argmax()]))

    @property
    def first(self) -> float:
        """The lowest learning rate at which one of them diverges."""
        return min(float(self.grids[n][np.isinf(self.curves[n]).argmax()]) for n in self.diverging)

    def word_beside(self, ax: Axes) -> bool:
        """Whether "diverged" has room to the left of all bars."""
        ends = np.array([self.low, self.first, self.high])
        low, first, high = np.log(ends) if self.log_x else ends
        share = (first - low) / ((high - low) or 1.0)
        return bool(share * 0.7 * panel_width(ax) * 72 > WORD_WIDTH)

    def zone(self, ax: Axes) -> float:
        """The share of the axis that tells what diverges."""
        if not self.diverging:
            return 0.0
        return ROW * (len(self.diverging) + 1) + (0.0 if self.word_beside(ax) else WORD)

    def at(self, value: float) -> str:
        """A value of the grid as one says it."""
        return number(value) if self.values is None else self.values[int(value)]

    def finding(self) -> str:
        """Which rule gets lowest, and where."""
        ends = {label: float(curve.min()) for label, curve in self.curves.items()}
        first = leaders(ends)
        if not first:
            return "Diverged at every value"
        if by_chance(self.problem):
            return NO_ORDER if len(ends) > 1 else NO_BEST
        if len(ends) == 1:
            return self._best(first[0])
        done = [
            label for label, end in ends.items() if self.floor is not None and end <= self.floor
        ]
        if len(done) > 1:
            return f"{len(done)} of {len(ends)} can reach the limit of float64"
        if len(first) > 1:
            return f"{together(first, len(ends))} get equally low"
        at = self.at(self.grids[first[0]][np.argmin(self.curves[first[0]])])
        return f"{brief(first[0])} gets lowest, at {self.name} {at}"

    def _best(self, label: str) -> str:
        """Of a single curve: its best value, if there is one."""
        (curve,), (grid,) = self.curves.values(), self.grids.values()
        seen = curve if self.floor is None else np.maximum(curve, self.floor)
        best = leaders({str(i): float(value) for i, value in enumerate(seen)})
        if len(best) == 1:
            return f"{brief(label)} is best at {self.name} {self.at(grid[np.argmin(curve)])}"
        some = "all" if len(best) == len(curve) else f"{len(best)} of {len(curve)}"
        return f"{brief(label)} is equally good at {some} values of {self.name}"

    def caption(self) -> str:
        """How the figure was made: for numbers."""
        count = max(map(len, self.grids.values()))
        values = f"{count} values of {self.name} from {number(self.low)} to {number(self.high)}"
        return f"{values}; ● the {'best' if len(self.curves) == 1 else 'tuned'} one."


def _grid(lr_grid: Any, label: str) -> np.ndarray:
    """The learning rates of one label."""
    grid = np.asarray(lr_grid[label] if isinstance(lr_grid, Mapping) else lr_grid, dtype=float)
    if grid.ndim != 1 or not len(grid):
        raise ValueError(f"plot_learning_rates: lr_grid must have one axis, got shape {grid.shape}")
    return grid


def _check(final_loss: Any, tuned: Any, rules: Any) -> None:
    """Raise a TypeError for what is no mapping by label, a ValueError for an empty one."""
    for argument, given in (("final_loss", final_loss), ("tuned", tuned), ("rules", rules)):
        if not isinstance(given, Mapping) and (given is not None or argument == "final_loss"):
            raise TypeError(
                f"plot_learning_rates: {argument} must be a mapping by label, such as "
                f"{{'Adam': …}}; got {shown(given)}"
            )
    if not final_loss:
        raise ValueError("plot_learning_rates: final_loss is empty, there is nothing to draw")


def draw_learning_rates(
    ax: Axes,
    curves: RateCurves,
    *,
    limits: tuple[float, float] | None = None,
    names: bool = True,
    title: str = "",
) -> None:
    """Curves, the zone of the diverged, names and title."""
    low, high = limits or curves.limits
    curves.scale.on(ax)
    if curves.log_x:
        ax.set_xscale("log")
        log_ticks(ax.xaxis, curves.low, curves.high)
    ax.set_xlim(*_sides(curves))
    ax.set_ylim(low, curves.scale.raised(low, high, curves.zone(ax)))
    if curves.scale.kind == "log":
        log_ticks(ax.yaxis, low, high)
    ax.grid(True, color="#e6e6e6", linewidth=0.8)
    ax.set_axisbelow(True)
    look = looks(curves.rules)
    entries = []
    for label, curve in curves.curves.items():
        end = _draw_curve(ax, curves, label, look[label], (low, high))
        entries.append(Entry(label, look[label], end, float(curve.min())))
    if curves.at_floor and curves.floor is not None and curves.floor < high:
        draw_floor(ax, curves.floor)
    _draw_zone(ax, curves, look, high)
    if curves.values is not None:
        name_ticks(ax.xaxis, curves.values)
    if names and len(entries) > 1:  # the title names a single one
        label_ends(ax, entries)
    xlabel = curves.name + (" (log)" if curves.log_x else "")
    dress(ax, title or curves.finding(), xlabel, curves.ylabel)


def _sides(curves: RateCurves) -> tuple[float, float]:
    """The limits of the grid, with a little room at both sides."""
    left, right = curves.low, curves.high
    if curves.log_x:
        return Scale("log").widened(left, right, 0.02, 0.02)
    beside = 0.5 if curves.values is not None else 0.02 * (right - left) or 0.5 * abs(left) or 0.5
    return left - beside, right + beside


def name_ticks(axis: Axis, names: Sequence[str]) -> None:
    """Name the places 0, 1, 2, … of an axis, in words that fit; of too many, not all."""
    places = range(0, len(names), -(-len(names) // MOST_NAMES))
    share = 0.7 / len(places) if isinstance(axis, XAxis) else 0.3
    fits = max(min(room(share * panel_width(axis.axes), 11), TICK_LETTERS), 5)
    axis.set_ticks(places, [wrapped(names[i], fits, TICK_LINES) for i in places])
    axis.set_minor_locator(NullLocator())
    lettered(*axis.get_ticklabels())


def _draw_curve(
    ax: Axes, curves: RateCurves, label: str, look: Look, limits: tuple[float, float]
) -> tuple[float, float]:
    """One curve, marked where it leaves the picture. Returns the point to name it at."""
    low, high = limits
    grid, tuned, bottom = curves.grids[label], curves.tuned[label], -np.inf
    if curves.floor is not None:
        bottom = max(curves.floor, low)
    band = np.maximum(curves.bands[label], bottom)
    values = band[:, 1]
    left, right = ax.get_xlim()
    corners = np.array([[left, low], [right, high]])
    end = (float(grid[-1]), high)
    if not np.array_equal(band[:, 0], band[:, 2]):
        lower, upper = np.clip(band[:, [0, 2]].T, low, high)
        ax.fill_between(grid, lower, upper, color=look.color, alpha=0.15, linewidth=0, zorder=1.5)
    for first, last in _runs(np.isfinite(values)):
        points = np.stack([grid[first:last], values[first:last]], axis=1)
        if len(points) == 1 or curves.values is not None:  # no line between things
            for x, y in points:
                sign = END if low <= y <= high else "^" if y > high else "v"
                end = (float(x), float(np.clip(y, low, high)))
                ax.plot(*end, sign, **marker(look.color, size=7), zorder=3, clip_on=False)
            continue
        part = cut_on(ax, points, *corners)
        (line,) = ax.plot(*part.points.T, color=look.color, linestyle=look.line)
        drawn = ax.transLimits.transform(ax.transScale.transform(part.points))
        weigh(line, float(np.nansum(np.abs(np.diff(drawn, axis=0)))))
        for (x, y), side in zip(part.exits, part.sides, strict=True):
            ax.plot(x, y, side, **marker(look.color, size=8), zorder=4, clip_on=False)
        end = tuple(part.points[-1]) if len(part.points) else end
    if tuned is not None and np.isfinite(values).any():
        height = np.interp(tuned, grid, values)
        if low <= height <= high:
            ax.plot(tuned, height, END, **marker(look.color, size=10), zorder=5, clip_on=False)
            return float(tuned), float(height)  # the lowest point says more than the last
    return end


def _draw_zone(ax: Axes, curves: RateCurves, look: Mapping[str, Look], high: float) -> None:
    """One bar a rule over the learning rates at which it diverges, ✕ where that begins."""
    if not curves.diverging:
        return
    zone = curves.zone(ax)
    across = ax.get_xaxis_transform()
    ax.axhspan(high, ax.get_ylim()[1], facecolor="#f1f1f1", linewidth=0, zorder=0.1)
    beside = curves.word_beside(ax)
    ax.annotate(
        "diverged",
        (curves.first, 1 - (zone if beside else WORD) / 2),
        (-10 if beside else -4, 0),
        xycoords=across,
        textcoords="offset points",
        ha="right" if beside else "left",
        va="center",
        fontsize=10,
        color=SOFT,
        annotation_clip=False,
    )
    for row, label in enumerate(curves.diverging):
        height = 1 - ROW * (row + 1) - (0.0 if beside else WORD - ROW / 2)
        for start, stop in _runs(np.isinf(curves.curves[label])):
            x = curves.grids[label][[start, stop - 1]]
            style: dict[str, Any] = {"color": look[label].color, "transform": across, "zorder": 3}
            ax.plot(x, [height, height], linewidth=2.2, linestyle=look[label].line, **style)
            ax.plot(
                x[0],
                height,
                CROSS,
                **marker(look[label].color, size=8),
                transform=across,
                zorder=4,
            )


def _runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """Where a mask is true, as pairs [first, last)."""
    steps = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(int)))
    return [(int(a), int(b)) for a, b in zip(steps[::2], steps[1::2], strict=True)]
