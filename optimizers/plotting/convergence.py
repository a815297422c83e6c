"""Loss against step: how fast each path came down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from optimizers.plotting.labels import EndLabels, Entry, label_ends
from optimizers.plotting.layout import axes_for
from optimizers.plotting.paths import (
    Paths,
    chance,
    known_minimum,
    label_with_end,
    last_step,
    loss_name,
    losses,
    mapping,
)
from optimizers.plotting.scale import cut_on, draw_floor, precision_floor
from optimizers.plotting.style import (
    CROSS,
    WIDTH,
    Look,
    caption,
    casing,
    dress,
    looks,
    marker,
    number,
    put,
    weigh,
)
from optimizers.trajectory import Trajectory

FALL = 20.0  # without a minimum, no more is shown than this many times the first loss
SURGE = 1e3  # a curve that rises above the highest start by more than this leaves the picture


def plot_convergence(paths: Paths, function: Any = None, ax: Axes | None = None) -> Axes:
    """Draw the loss above the minimum against the step, on a log axis.

    Of many runs side by side the median is drawn, and a band from quartile to quartile; a run that
    diverged counts as infinitely high. For a noisy function the loss shown is the noiseless one.

    Parameters
    ----------
    paths
        A trajectory, or a mapping from labels to trajectories.
    function
        What was minimised; without it, or where its minimum is unknown, the loss itself is drawn.
    ax
        Where to draw; a new figure if None.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        For what is not a trajectory, nothing at all, or 3-D axes.

    Examples
    --------
    >>> from optimizers import Adam
    >>> from optimizers.functions import rosenbrock
    >>> path = Adam(rosenbrock, [-1.5, 2.0], lr=0.05).minimize(500)
    >>> ax = plot_convergence(path, rosenbrock)
    >>> ax.get_yscale()
    'log'
    """
    named = mapping(paths, "plot_convergence")
    ax, ours = axes_for(ax, "plot_convergence", (8.0, 5.0))
    curves = Curves(named, function)
    draw_convergence(ax, curves)
    if ours:
        caption(ax.get_figure(root=True), curves.caption())  # type: ignore[arg-type]
    return ax


class Curves:
    """The losses of every label as they are drawn: gaps to the minimum, where it is known.

    Attributes
    ----------
    shown
        By label, (rows, 3): lower quartile, median, upper quartile over runs (inf: diverged). For a
        single run all three are the same.
    floor
        The height below which a gap is rounding, and where it is drawn; None for plain losses.
    """

    def __init__(self, paths: Mapping[str, Trajectory], function: Any) -> None:
        self.paths = paths
        self.function = function
        self.minimum = known_minimum(function)
        values = {label: losses(path, function) for label, path in paths.items()}
        self.floor: float | None = None
        if self.minimum is not None:
            starts = np.concatenate([np.ravel(v[0]) for v in values.values()])
            self.floor = precision_floor(starts - self.minimum, self.minimum)
            values = {label: v - self.minimum for label, v in values.items()}
        self.shown = {label: quartiles(v) for label, v in values.items()}
        all_of_them = np.concatenate([np.ravel(v) for v in self.shown.values()])
        self.finite = all_of_them[np.isfinite(all_of_them)]
        bounded = getattr(function, "minimum", 0.0) != -np.inf
        positive = bool(self.finite.size and self.finite.min() > 0)
        self.log = self.floor is not None or (bounded and positive)
        self.at_floor = bool(self.floor and (self.finite <= self.floor).any())

    @property
    def ylabel(self) -> str:
        """Quantity and scale."""
        what = loss_name(self.function) if self.minimum is None else "loss − minimum"
        return what + (" (log)" if self.log else "")

    @property
    def limits(self) -> tuple[float, float]:
        """The lowest and the highest value worth showing."""
        if not self.finite.size:
            return (0.1, 10.0)
        starts = np.array([v[0, 1] for v in self.shown.values()])
        start = float(np.max(starts[np.isfinite(starts)], initial=self.finite.min()))
        calm = [start]
        for label, v in self.shown.items():
            if not np.any(self.paths[label].diverged):
                calm += [v[np.isfinite(v)].min(), v[np.isfinite(v)].max()]
        if self.log:
            low = max(float(self.finite.min()), self.floor or 0.0)
            low = low / 10 if self.at_floor else low  # room for a word below the floor
            high = max(min(max(calm), SURGE * start), 10 * low)
            room = (high / low) ** 0.04
            return low / room, high * room
        span = max(abs(start), 1.0)
        low, high = max(min(calm), start - FALL * span), min(max(calm), start + FALL * span)
        low = low if low < high else high - span
        room = 0.05 * (high - low)
        return low - room, high + room

    def finding(self) -> str:
        """Who is lowest at the end, unless several are as low as numbers go."""
        steps = last_step(self.paths)
        ends = {
            label: np.inf if np.all(self.paths[label].diverged) else float(v[-1, 1])
            for label, v in self.shown.items()
        }
        best = min(ends, key=lambda label: ends[label])
        if np.isinf(ends[best]):
            return "Diverged" if len(ends) == 1 else "All diverged"
        done = [label for label, v in ends.items() if self.floor is not None and v <= self.floor]
        if len(done) > 1:
            return f"{len(done)} of {len(ends)} reach the limit of float64"
        above = "loss" if self.minimum is None else "loss − minimum"
        if len(ends) == 1:
            return f"{best}: {above} {number(ends[best])} after {steps} steps"
        return f"{best} is lowest after {steps} steps"

    def caption(self) -> str:
        """How the figure was made."""
        runs = {int(np.prod(path.loss.shape[1:])) for path in self.paths.values()}
        words = [f"{last_step(self.paths)} steps."]
        if self.function is not None:
            words.insert(0, f"{getattr(self.function, 'name', 'Loss')},")
        if max(runs) > 1:
            words.append(f"Line: median of {max(runs)} runs, band: quartiles.")
        words.append(chance(self.function))
        if any(np.any(path.diverged) for path in self.paths.values()):
            words.append("✕ diverged.")
        return " ".join(filter(None, words))


def draw_convergence(
    ax: Axes,
    curves: Curves,
    *,
    limits: tuple[float, float] | None = None,
    names: bool = True,
) -> tuple[list[DrawnCurve], EndLabels | None]:
    """Curves, bands, names and title; the artists come back so that they can be moved."""
    low, high = limits or curves.limits
    ax.set_yscale("log" if curves.log else "linear")
    first = min(int(path.step[0]) for path in curves.paths.values())
    last = max(last_step(curves.paths), first + 1)
    ax.set_xlim(first, last)
    ax.set_ylim(low, high)
    ax.grid(True, color="#e6e6e6", linewidth=0.8)
    ax.set_axisbelow(True)
    look = looks({label: path.rule for label, path in curves.paths.items()})
    drawn, entries = [], []
    for label, path in curves.paths.items():
        curve = DrawnCurve(ax, look[label])
        curve.show(path.step, curves.shown[label], curves.floor, bool(np.all(path.diverged)))
        rank = np.inf if np.all(path.diverged) else float(curves.shown[label][-1, 1])
        near = curve.end[0] > first + 0.97 * (last - first)
        entries.append(Entry(label_with_end(label, path), look[label], curve.end, rank, tied=near))
        drawn.append(curve)
    if curves.at_floor and curves.floor is not None:
        draw_floor(ax, curves.floor)
    labels = label_ends(ax, entries) if names else None
    dress(ax, curves.finding(), "step", curves.ylabel)
    return drawn, labels


class DrawnCurve:
    """One label's curve, cut at the frame of its Axes; `show` moves it."""

    def __init__(self, ax: Axes, look: Look) -> None:
        self.ax = ax
        self.look = look
        (self.line,) = ax.plot(
            [],
            [],
            color=look.color,
            linestyle=look.line,
            linewidth=WIDTH,
            path_effects=casing(),
            zorder=3,
        )
        cased: dict[str, Any] = {"zorder": 5, "clip_on": False}
        (self.cross,) = ax.plot([], [], CROSS, **marker(look.color, size=11), **cased)
        (self.exits,) = ax.plot([], [], "^", **marker(look.color, size=9), **cased)
        (self.falls,) = ax.plot([], [], "v", **marker(look.color, size=9), **cased)
        self.band: Any = None
        self.end = (0.0, 0.0)

    def show(
        self, step: np.ndarray, quartiles: np.ndarray, floor: float | None, diverged: bool
    ) -> None:
        """Draw the median, (rows, 3)[:, 1], and the band between the others if there is one."""
        (left, right), (low, high) = self.ax.get_xlim(), self.ax.get_ylim()
        bottom = low if floor is None else max(low, floor)
        seen = np.where(np.isnan(quartiles), np.inf, quartiles)
        seen = np.maximum(seen, bottom) if floor is not None else seen
        points = np.stack([step, seen[:, 1]], axis=1).astype(float)
        part = cut_on(self.ax, points, np.array([left, low]), np.array([right, high]))
        self.line.set_data(*part.points.T)
        drawn = self.ax.transLimits.transform(self.ax.transScale.transform(part.points))
        weigh(self.line, float(np.nansum(np.abs(np.diff(drawn, axis=0)))))
        self.end = tuple(part.points[-1]) if len(part.points) else (left, high)
        put(self.cross, [self.end] if diverged else [])
        marks = list(zip(part.exits, part.sides, strict=True))
        marks = marks[:-1] if diverged and not part.inside else marks  # there stands ✕
        put(self.exits, [point for point, side in marks if side == "^"])
        put(self.falls, [point for point, side in marks if side == "v"])
        if self.band is not None:
            self.band.remove()
            self.band = None
        if not np.array_equal(seen[:, 0], seen[:, 2]):
            lower, upper = np.clip(seen[:, [0, 2]].T, low, high)
            self.band = self.ax.fill_between(
                step, lower, upper, color=self.look.color, alpha=0.18, linewidth=0, zorder=2
            )


def quartiles(values: np.ndarray) -> np.ndarray:
    """Lower quartile, median, upper quartile over runs: (rows, ...) → (rows, 3); nan is inf.

    One that lies between two runs is their mean, so that an inf makes no nan.
    """
    flat = values.reshape(len(values), -1)
    flat = np.sort(np.where(np.isnan(flat), np.inf, flat), axis=1)
    at = np.array([0.25, 0.5, 0.75]) * (flat.shape[1] - 1)
    return (flat[:, np.floor(at).astype(int)] + flat[:, np.ceil(at).astype(int)]) / 2
