"""Final loss against learning rate: how good each rule gets, and how much it takes to tune it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from optimizers.plotting.labels import Entry, label_ends
from optimizers.plotting.layout import axes_for
from optimizers.plotting.scale import cut_on, draw_floor, log_spaced, log_ticks, precision_floor
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
    rule_of,
    weigh,
)

ROW = 0.028  # height of a row of the "diverged" zone, as a share of the axes
FALL = 20.0  # without a minimum, no more is shown than this many times the median loss
TOWER = 1e3  # losses above the median by more than this are as good as diverged


def plot_learning_rates(
    lr_grid: Any,
    final_loss: Mapping[str, Any],
    minimum: float | None = 0.0,
    tuned: Mapping[str, float] | None = None,
    ax: Axes | None = None,
    *,
    rules: Mapping[str, str] | None = None,
) -> Axes:
    """Draw the final loss against the learning rate, one curve a rule.

    A curve stops where the runs diverge; the bars in the zone at the top show for which learning
    rates they do. ● marks the tuned value.

    Parameters
    ----------
    lr_grid
        The learning rates: (G,).
    final_loss
        By label, the loss after the last step at each of them: (G,), inf where the run diverged.
    minimum
        Of the function; None (or −inf) if nobody knows.
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
    ValueError
        For no curves, or curves and a grid of different lengths.

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
    """Final losses over a grid of learning rates, checked, sorted, above the minimum."""

    def __init__(
        self,
        lr_grid: Any,
        final_loss: Mapping[str, Any],
        minimum: float | None = 0.0,
        tuned: Mapping[str, float] | None = None,
        rules: Mapping[str, str] | None = None,
        *,
        name: str = "learning rate",
    ) -> None:
        grid = np.asarray(lr_grid, dtype=float)
        if not final_loss:
            raise ValueError("plot_learning_rates: final_loss is empty, there is nothing to draw")
        if grid.ndim != 1 or not len(grid):
            raise ValueError(
                f"plot_learning_rates: lr_grid must have one axis, got shape {grid.shape}"
            )
        order = np.argsort(grid)
        self.grid = grid[order]
        self.name = name
        self.what = "loss"
        self.log_x = log_spaced(self.grid)
        known = minimum is not None and np.isfinite(minimum)
        self.minimum = float(minimum) if known and minimum is not None else None
        self.curves: dict[str, np.ndarray] = {}
        for label, values in final_loss.items():
            curve = np.asarray(values, dtype=float)
            if curve.shape != grid.shape:
                raise ValueError(
                    f"plot_learning_rates: final_loss[{label!r}] must have one value for each of "
                    f"the {len(grid)} learning rates, got shape {curve.shape}"
                )
            curve = np.where(np.isnan(curve), np.inf, curve)[order]
            self.curves[label] = curve if self.minimum is None else curve - self.minimum
        self.tuned = {
            label: float(self.grid[np.argmin(curve)]) if tuned is None else tuned.get(label)
            for label, curve in self.curves.items()
        }
        self.rules = {label: (rules or {}).get(label, rule_of(label)) for label in self.curves}
        together = np.concatenate(list(self.curves.values()))
        self.finite = together[np.isfinite(together)]
        self.log_y = self.minimum is not None or bool(self.finite.size and self.finite.min() > 0)
        self.floor = (
            None
            if self.minimum is None
            else precision_floor(self._typical() * np.ones(1), self.minimum)
        )

    def _typical(self) -> float:
        return float(np.median(self.finite)) if self.finite.size else 1.0

    @property
    def ylabel(self) -> str:
        """Quantity and scale."""
        what = f"final {self.what}" + ("" if self.minimum is None else " − minimum")
        return what + (" (log)" if self.log_y else "")

    @property
    def limits(self) -> tuple[float, float]:
        """The lowest and the highest value worth showing."""
        if not self.finite.size:
            return (0.1, 10.0)
        low, high = float(self.finite.min()), float(self.finite.max())
        if self.log_y:
            low = max(low, self.floor or 0.0)
            low = low / 10 if self.at_floor else low  # room for a word below the floor
            high = max(min(high, TOWER * max(self._typical(), low)), 10 * low)
            return low / (high / low) ** 0.04, high * (high / low) ** 0.02
        typical = self._typical()
        span = FALL * max(abs(typical), 1.0)
        low, high = max(low, typical - span), min(high, typical + span)
        room = 0.05 * (high - low) or 0.5
        return low - room, high + room

    @property
    def at_floor(self) -> bool:
        """Whether some value is as low as numbers tell."""
        return bool(self.floor and (self.finite <= self.floor).any())

    @property
    def diverging(self) -> list[str]:
        """The labels that diverge somewhere on the grid, those that hold out longest first."""
        some = [label for label, curve in self.curves.items() if np.isinf(curve).any()]
        return sorted(some, key=lambda label: int(np.isinf(self.curves[label]).sum()))

    def finding(self) -> str:
        """Which rule gets lowest, and where."""
        best = min(self.curves, key=lambda label: float(self.curves[label].min()))
        lowest = float(self.curves[best].min())
        if np.isinf(lowest):
            return "Diverged at every value"
        done = [c for c in self.curves.values() if self.floor is not None and c.min() <= self.floor]
        if len(done) > 1:
            return f"{len(done)} of {len(self.curves)} can reach the limit of float64"
        at = number(self.grid[np.argmin(self.curves[best])])
        word = "is best" if len(self.curves) == 1 else "gets lowest,"
        return f"{best} {word} at {self.name} {at}"

    def caption(self) -> str:
        """How the figure was made."""
        g = self.grid
        values = f"{len(g)} values of {self.name} from {number(g[0])} to {number(g[-1])}"
        return f"{values}; ● the {'best' if len(self.curves) == 1 else 'tuned'} one."


def draw_learning_rates(
    ax: Axes,
    curves: RateCurves,
    *,
    limits: tuple[float, float] | None = None,
    names: bool = True,
) -> None:
    """Curves, the zone of the diverged, names and title."""
    low, high = limits or curves.limits
    zone = ROW * (len(curves.diverging) + 1) if curves.diverging else 0.0
    top = _raised(low, high, zone, curves.log_y)
    if curves.log_x:
        ax.set_xscale("log")
        log_ticks(ax.xaxis, curves.grid[0], curves.grid[-1])
    if curves.log_y:
        ax.set_yscale("log")
    ax.margins(x=0.02)
    ax.set_ylim(low, top)
    ax.grid(True, color="#e6e6e6", linewidth=0.8)
    ax.set_axisbelow(True)
    look = looks(curves.rules)
    entries = []
    for label, curve in curves.curves.items():
        end = _draw_curve(ax, curves, curve, look[label], (low, high), curves.tuned[label])
        entries.append(Entry(label, look[label], end, float(curve.min())))
    if curves.at_floor and curves.floor is not None:
        draw_floor(ax, curves.floor)
    _draw_zone(ax, curves, look, zone, high)
    ax.autoscale(axis="x")
    if names:
        label_ends(ax, entries)
    dress(ax, curves.finding(), curves.name + (" (log)" if curves.log_x else ""), curves.ylabel)


def zoned_top(low: float, high: float, curves: RateCurves) -> float:
    """The upper limit of the axis when the zone of the diverged is added above `high`."""
    zone = ROW * (len(curves.diverging) + 1) if curves.diverging else 0.0
    return _raised(low, high, zone, curves.log_y)


def _raised(low: float, high: float, zone: float, log: bool) -> float:
    if log:
        return float(low * (high / low) ** (1 / (1 - zone)))
    return low + (high - low) / (1 - zone)


def _draw_curve(
    ax: Axes,
    curves: RateCurves,
    curve: np.ndarray,
    look: Look,
    limits: tuple[float, float],
    tuned: float | None,
) -> tuple[float, float]:
    """One curve, marked where it leaves the picture. Returns the point to name it at."""
    low, high = limits
    values = curve if curves.floor is None else np.maximum(curve, max(curves.floor, low))
    corners = np.array([[curves.grid[0], low], [curves.grid[-1], high]])
    end = (float(curves.grid[-1]), high)
    for first, last in _runs(np.isfinite(values)):
        points = np.stack([curves.grid[first:last], values[first:last]], axis=1)
        if len(points) == 1:
            ax.plot(*points.T, ".", **marker(look.color, size=7), zorder=3)
            end = tuple(points[0])
            continue
        part = cut_on(ax, points, *corners)
        (line,) = ax.plot(*part.points.T, color=look.color, linestyle=look.line)
        drawn = ax.transLimits.transform(ax.transScale.transform(part.points))
        weigh(line, float(np.nansum(np.abs(np.diff(drawn, axis=0)))))
        for (x, y), side in zip(part.exits, part.sides, strict=True):
            ax.plot(x, y, side, **marker(look.color, size=8), zorder=4, clip_on=False)
        end = tuple(part.points[-1]) if len(part.points) else end
    if tuned is not None and np.isfinite(curve).any():
        height = np.interp(tuned, curves.grid, values)
        if low <= height <= high:
            ax.plot(tuned, height, END, **marker(look.color, size=10), zorder=5, clip_on=False)
            return float(tuned), float(height)  # the lowest point says more than the last
    return end


def _draw_zone(
    ax: Axes, curves: RateCurves, look: Mapping[str, Look], zone: float, high: float
) -> None:
    """One bar a rule over the learning rates at which it diverges, ✕ where that begins."""
    if not zone:
        return
    across = ax.get_xaxis_transform()
    ax.axhspan(high, ax.get_ylim()[1], facecolor="#f1f1f1", zorder=0.1)
    first = min(int(np.isinf(curves.curves[label]).argmax()) for label in curves.diverging)
    ax.annotate(
        "diverged",
        (curves.grid[first], 1 - zone / 2),
        (-10, 0),
        xycoords=across,
        textcoords="offset points",
        ha="right",
        va="center",
        fontsize=10,
        color=SOFT,
        annotation_clip=False,
    )
    for row, label in enumerate(curves.diverging):
        height = 1 - ROW * (row + 1)
        for start, stop in _runs(np.isinf(curves.curves[label])):
            x = curves.grid[[start, stop - 1]]
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
