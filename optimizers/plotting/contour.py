"""A quiet contour map, and loud paths on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize, PowerNorm
from matplotlib.patches import FancyArrowPatch

from optimizers.plotting.frame import Cut, cut
from optimizers.plotting.labels import EndLabels, Entry, label_ends
from optimizers.plotting.layout import axes_for, color_bar, equal_units, map_size
from optimizers.plotting.paths import (
    Paths,
    distance,
    exact,
    final_loss,
    in_the_plane,
    known_minimum,
    label_with_end,
    last_step,
    mapping,
    plane,
)
from optimizers.plotting.scale import wants_log
from optimizers.plotting.style import (
    CROSS,
    END,
    INK,
    STAR,
    START,
    WIDTH,
    Look,
    caption,
    casing,
    dress,
    looks,
    marker,
    number,
    place,
    put,
    weigh,
)
from optimizers.trajectory import Trajectory

POINTS = 201  # of the grid along each axis
LEVELS = 12
PALE = LinearSegmentedColormap.from_list("pale", ["#ffffff", "#eceef0", "#d0d5da"])
# joined by hard spaces, so that no line breaks between a sign and its meaning
SIGNS = "   ".join(
    meaning.replace(" ", "\N{NO-BREAK SPACE}")
    for meaning in ("○ start", "● end", "★ minimum", "✕ diverged", "▲ leaves the picture")
)
ARROWS = (1 / 3, 2 / 3)  # where along a path the arrowheads sit
SETTLED = 0.08  # of the frame's diagonal: nearer to its end than this, a path counts as arrived


def plot_contour(function: Any, ax: Axes | None = None, *, domain: Any = None) -> Axes:
    """Draw a function of two variables as a contour map with its minima.

    Parameters
    ----------
    function
        A test function of two variables.
    ax
        Where to draw; a new figure if None.
    domain
        Lowest and highest value of each coordinate, (2, 2); the function's own if None.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        For a function that is not one of two variables, or 3-D axes.

    Examples
    --------
    >>> from optimizers.functions import himmelblau
    >>> ax = plot_contour(himmelblau)
    """
    plane(function, "plot_contour")
    frame = frame_of(function, domain=domain)
    ax, ours = axes_for(ax, "plot_contour", map_size(frame, 7.4))
    filled, label = draw_contour(ax, function, frame)
    color_bar(ax, filled, label, filled.levels)
    dress(ax, _about(function), r"$\theta_1$", r"$\theta_2$")
    if ours:
        caption(ax.get_figure(root=True), f"{function.name}. ★ global minimum.")  # type: ignore[arg-type]
    return ax


def plot_paths(paths: Paths, function: Any, ax: Axes | None = None, *, domain: Any = None) -> Axes:
    """Draw paths on the contours of the function they went down.

    ○ is the start, ● the end, ★ a minimum; arrowheads tell the direction. A path that leaves the
    picture is cut there, with a mark at the edge; one that diverges ends in ✕.

    Parameters
    ----------
    paths
        A trajectory, or a mapping from labels to trajectories (a comparison is one). Runs side by
        side (rows, runs, 2) are drawn in one colour.
    function
        The test function of two variables.
    ax
        Where to draw; a new figure if None.
    domain
        Lowest and highest value of each coordinate, (2, 2); the function's own, widened to the
        starts, if None.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        For what is not a trajectory, not two weights or not two variables, or 3-D axes.

    Examples
    --------
    >>> from optimizers import Adam
    >>> from optimizers.functions import rosenbrock
    >>> path = Adam(rosenbrock, [-1.5, 2.0], lr=0.05).minimize(500)
    >>> ax = plot_paths(path, rosenbrock)
    """
    named = mapping(paths, "plot_paths")
    plane(function, "plot_paths")
    in_the_plane(named, "plot_paths")
    frame = frame_of(function, named, domain)
    ax, ours = axes_for(ax, "plot_paths", map_size(frame, 8.0))
    draw_paths(ax, named, function, frame)
    if ours:
        caption(ax.get_figure(root=True), f"{journey(named, function)}\n{SIGNS}")  # type: ignore[arg-type]
    return ax


def draw_paths(
    ax: Axes,
    paths: Mapping[str, Trajectory],
    function: Any,
    frame: np.ndarray,
    names: bool = True,
) -> tuple[list[DrawnPath], EndLabels | None]:
    """Contours, paths, names and title; the artists come back so that they can be moved."""
    draw_contour(ax, function, frame)
    look = looks({label: path.rule for label, path in paths.items()})
    drawn = [DrawnPath(ax, look[label], frame) for label in paths]
    entries = []
    for (label, path), line in zip(paths.items(), drawn, strict=True):
        line.show(path.theta, np.any(path.diverged))
        text = label_with_end(label, path)
        entries.append(Entry(text, look[label], line.end, final_loss(path, function)))
    labels = label_ends(ax, entries) if names else None
    dress(ax, closest(paths, function), r"$\theta_1$", r"$\theta_2$")
    return drawn, labels


def frame_of(
    function: Any, paths: Mapping[str, Trajectory] | None = None, domain: Any = None
) -> np.ndarray:
    """The rectangle to draw, [[low, high], [low, high]]: the domain and every start."""
    if domain is not None:
        frame = np.asarray(domain, dtype=float)
        right = frame.shape == (2, 2) and bool(np.isfinite(frame).all())
        if not right or (frame[:, 0] >= frame[:, 1]).any():
            raise ValueError(
                f"domain must be two pairs (low, high) with low < high, got {domain!r}"
            )
        return frame
    frame = np.array(function.domain, dtype=float)
    for path in (paths or {}).values():
        starts = path.theta[0].reshape(-1, 2)
        margin = 0.04 * np.ptp(frame, axis=1)
        below, above = starts.min(axis=0) < frame[:, 0], starts.max(axis=0) > frame[:, 1]
        frame[below, 0] = (starts.min(axis=0) - margin)[below]
        frame[above, 1] = (starts.max(axis=0) + margin)[above]
    return frame


def draw_contour(ax: Axes, function: Any, frame: np.ndarray) -> tuple[Any, str]:
    """The map and the minima. Returns what a colour bar needs, and its label."""
    x, y = (np.linspace(low, high, POINTS) for low, high in frame)
    values = np.asarray(exact(function)(np.stack(np.meshgrid(x, y), axis=-1)))
    minimum = known_minimum(function)
    gaps = values - (np.nanmin(values) if minimum is None else minimum)
    what = "loss − lowest in the picture" if minimum is None else "loss − minimum"
    log = wants_log(gaps)
    norm: Normalize
    if log:
        levels = _log_levels(float(np.quantile(gaps[gaps > 0], 0.005)), float(gaps.max()))
        norm = LogNorm(levels[0], levels[-1])
    else:
        # even steps of the square root: a bowl gets rings at even distances
        levels = gaps.max() * np.linspace(0, 1, LEVELS + 1) ** 2
        norm = PowerNorm(0.5, levels[0], levels[-1])
    filled = ax.contourf(
        x, y, gaps.clip(levels[0]), levels, cmap=PALE, norm=norm, zorder=0, extend="neither"
    )
    ax.contour(x, y, gaps, levels, colors="#9aa3ab", linewidths=0.6, linestyles="-", zorder=0.5)
    inside = ((function.minima >= frame[:, 0]) & (function.minima <= frame[:, 1])).all(axis=1)
    if inside.any():
        minima = function.minima[inside]
        ax.plot(*minima.T, STAR, **marker(INK, size=21), zorder=4.5, clip_on=False)
    ax.set_xlim(*frame[0])
    ax.set_ylim(*frame[1])
    equal_units(ax, frame)
    return filled, what


def _log_levels(low: float, high: float) -> np.ndarray:
    """Powers of ten from below `low` to above `high`, and as many between them as there is room."""
    low, high = np.log10(low), np.log10(high)
    per = next((n for n in (4, 3, 2, 1) if (high - low) * n <= LEVELS), 1)
    return np.asarray(10.0 ** (np.arange(np.floor(low * per), np.ceil(high * per) + 1) / per))


class DrawnPath:
    """One label's path on the map; `show` moves it, so that sliders and films reuse it."""

    def __init__(self, ax: Axes, look: Look, frame: np.ndarray) -> None:
        self.low, self.high = frame[:, 0], frame[:, 1]
        self.diagonal = float(np.linalg.norm(self.high - self.low))
        (self.line,) = ax.plot(
            [],
            [],
            color=look.color,
            linestyle=look.line,
            linewidth=WIDTH,
            path_effects=casing(),
            solid_joinstyle="round",
            zorder=3,
        )
        cased: dict[str, Any] = {"zorder": 5, "clip_on": False}
        (self.starts,) = ax.plot([], [], START, **marker(INK, hollow=True), **cased)
        (self.ends,) = ax.plot([], [], END, **marker(look.color, size=8), **cased)
        (self.crosses,) = ax.plot([], [], CROSS, **marker(look.color, size=11), **cased)
        self.exits = {
            side: ax.plot([], [], side, **marker(look.color, size=10), **cased)[0]
            for side in "<>v^"
        }
        self.arrows = [
            FancyArrowPatch(
                (0, 0),
                (1, 1),
                arrowstyle="-|>,head_length=0.5,head_width=0.28",
                mutation_scale=17,
                linewidth=0.8,
                facecolor=look.color,
                edgecolor="white",
                shrinkA=0,
                shrinkB=0,
                zorder=4.1,
            )
            for _ in ARROWS
        ]
        for arrow in self.arrows:
            ax.add_patch(arrow)
        self.end = (0.0, 0.0)

    def show(self, theta: np.ndarray, diverged: Any) -> None:
        """Draw this path, (rows, 2), or these, (rows, runs, 2)."""
        runs = theta.reshape(len(theta), -1, 2)
        parts = [cut(runs[:, i], self.low, self.high) for i in range(runs.shape[1])]
        gone = np.broadcast_to(diverged, len(parts))
        gap = np.full((1, 2), np.nan)
        rows = [piece for part in parts for piece in (part.points, gap)]
        points = np.concatenate(rows)
        self.line.set_data(*points.T)
        dense = np.nansum(np.linalg.norm(np.diff(points, axis=0), axis=1)) / self.diagonal
        weigh(self.line, dense / len(parts))
        put(self.starts, runs[0])
        tips = np.array([self._tip(part, runs[0, i]) for i, part in enumerate(parts)])
        stays = np.array([part.inside for part in parts])
        put(self.ends, tips[stays & ~gone])
        put(self.crosses, tips[gone])
        for side, mark in self.exits.items():
            at = [
                point
                for part, is_gone in zip(parts, gone, strict=True)
                for point, s in self._marks(part, is_gone)
                if s == side
            ]
            put(mark, at)
        self._point(parts[0].points if len(parts) == 1 else gap)
        self.end = (float(tips[0, 0]), float(tips[0, 1]))

    @staticmethod
    def _tip(part: Cut, start: np.ndarray) -> np.ndarray:
        """The last point that is seen."""
        return part.points[-1] if len(part.points) else start

    @staticmethod
    def _marks(part: Cut, diverged: bool) -> list[tuple[np.ndarray, str]]:
        """The exits to mark: where ✕ stands, no other mark does."""
        marks = list(zip(part.exits, part.sides, strict=True))
        return marks[:-1] if diverged and not part.inside else marks

    def _point(self, points: np.ndarray) -> None:
        """Set arrowheads along the way, by length, not counting the dance around the end."""
        places = _arrowheads(points, self.diagonal)
        for arrow, found in zip(self.arrows, places, strict=True):
            arrow.set_visible(found is not None)
            if found is not None:
                arrow.set_positions(tuple(found[0]), tuple(found[1]))


def _arrowheads(points: np.ndarray, diagonal: float) -> list[tuple[np.ndarray, np.ndarray] | None]:
    """Tail and tip of each arrowhead, or None where the path is too short to carry it."""
    nothing: list[tuple[np.ndarray, np.ndarray] | None] = [None] * len(ARROWS)
    points = points[np.isfinite(points).all(axis=1)]
    if len(points) < 2:
        return nothing
    away = np.flatnonzero(np.linalg.norm(points - points[-1], axis=1) > SETTLED * diagonal)
    if not len(away):
        return nothing
    points = points[: away[-1] + 2]
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])

    def at(length: float) -> np.ndarray:
        return np.array([np.interp(length, along, points[:, i]) for i in (0, 1)])

    total = along[-1]
    reach = 0.015 * diagonal  # the direction is taken over this length, so zigzags do not turn it
    found = nothing
    for i, share in enumerate(ARROWS):
        if total < 0.3 * diagonal and i > 0:
            break
        tip = at(share * total + reach)
        ahead = tip - at(share * total - reach)
        length = np.linalg.norm(ahead)
        if length > 0:
            found[i] = (tip - ahead / length * 1e-3 * diagonal, tip)
    return found


def closest(paths: Mapping[str, Trajectory], function: Any) -> str:
    """The finding: who came nearest to a minimum."""
    steps = last_step(paths)
    if all(np.all(path.diverged) for path in paths.values()):
        return "Diverged" if len(paths) == 1 else "All diverged"
    if not len(function.minima):
        ends = {label: final_loss(path, function) for label, path in paths.items()}
        best = min(ends, key=lambda label: ends[label])
        return (
            f"{best} is lowest after {steps} steps"
            if len(paths) > 1
            else (f"{best} is at {number(ends[best])} after {steps} steps")
        )
    apart = {label: distance(path, function) for label, path in paths.items()}
    best = min(apart, key=lambda label: apart[label])
    near = 1e-6 * float(np.ptp(function.domain, axis=1).max())
    target = "the minimum" if len(function.minima) == 1 else "a minimum"
    there = [label for label, d in apart.items() if d <= near]
    if len(paths) == 1:
        if there:
            return f"{best} reaches {target} within {steps} steps"
        return f"{best} ends {number(apart[best])} from {target} after {steps} steps"
    if len(there) > 1:
        return f"{len(there)} of {len(paths)} reach {target} within {steps} steps"
    return f"{best} is closest after {steps} steps"


def journey(paths: Mapping[str, Trajectory], function: Any) -> str:
    """Where the paths began, how long they are, and under which noise."""
    starts = np.unique(np.concatenate([p.theta[0].reshape(-1, 2) for p in paths.values()]), axis=0)
    start = f"from {place(starts[0])}" if len(starts) == 1 else "from several starts"
    seed = getattr(function, "seed", None)
    noise = "" if seed is None else f", noise σ = {number(function.sigma)}, seed {seed}"
    return f"{function.name} {start}, {last_step(paths)} steps{noise}."


def _about(function: Any) -> str:
    count = len(function.minima)
    if count == 0:
        return f"{function.name}: unbounded below"
    if count == 1:
        return f"{function.name}: minimum at {place(function.minima[0])}"
    return f"{function.name}: {count} global minima"
