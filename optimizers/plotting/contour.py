"""A quiet map of the loss, and loud paths on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize, PowerNorm

from optimizers.plotting.curve import draw_curve
from optimizers.plotting.frame import frame_of
from optimizers.plotting.labels import EndLabels, Entry, label_ends
from optimizers.plotting.layout import axes_for, color_bar, equal_units, map_size
from optimizers.plotting.paths import (
    Paths,
    about,
    check_drawable,
    closest,
    final_loss,
    journey,
    label_with_end,
    points_of,
    problem_of,
    spot,
    titled,
    with_others,
)
from optimizers.plotting.relief import Relief, minima_in, problem_in, say_not_finite
from optimizers.plotting.style import (
    HATCHED,
    INK,
    STAR,
    caption,
    dress,
    looks,
    marker,
    number,
    put,
)
from optimizers.plotting.trail import DrawnPath, bounds_of, draw_bounds, draw_thinly
from optimizers.problem import Problem
from optimizers.trajectory import Trajectory

POINTS = 201  # of the grid along each axis,
COARSE = 101  # and of a loss that takes one point at a time
PALE = LinearSegmentedColormap.from_list("pale", ["#ffffff", "#eceef0", "#d0d5da"])


def plot_contour(function: Any, ax: Axes | None = None, *, domain: Any = None) -> Axes:
    """Draw a loss of two weights as a contour map with its minima; of one weight, as a curve.

    Where the loss is not finite, the picture is hatched.

    Parameters
    ----------
    function
        A test function, or any function of one or two weights.
    ax
        Where to draw; a new figure if None.
    domain
        Lowest and highest value of each weight, [(low, high), (low, high)], or (low, high) for a
        single one; left out, the function's own.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        For what is no function of one or two weights, one that has no domain if none is given, or
        3-D axes.

    Examples
    --------
    >>> from optimizers.functions import himmelblau
    >>> ax = plot_contour(himmelblau)
    >>> ax = plot_contour(lambda w: w[0] ** 2 + 3 * w[1] ** 4, domain=[(-2, 2), (-1, 1)])
    """
    frame = frame_of(function, domain=domain, caller="plot_contour")
    problem = problem_in(function, frame)
    ax, ours = axes_for(ax, "plot_contour", map_size(frame, 7.4))
    if len(frame) == 1:
        relief, _ = draw_curve(ax, problem, frame)
    else:
        filled, relief = draw_contour(ax, problem, frame)
        if filled is not None:
            color_bar(ax, filled, relief.what, filled.levels)
    dress(ax, relief.nothing or about(problem), *axis_names(frame, problem))
    if ours:
        ends = f", from {number(relief.lowest)} to {number(relief.highest)} in the picture."
        told = ". ★ global minimum." if has_minima(problem) else "." if relief.nothing else ends
        caption(ax.get_figure(root=True), titled(problem) + told)  # type: ignore[arg-type]
    return ax


def plot_paths(paths: Paths, function: Any, ax: Axes | None = None, *, domain: Any = None) -> Axes:
    """Draw paths on the contours of the loss they went down; of one weight, on its curve.

    ○ is the start, ● the end, ★ a minimum; arrowheads show the direction. A path that leaves the
    picture is cut there, with a mark at the edge; one that diverges ends in ✕. On a curve every
    step has a dot. A box that `project` keeps the weights in is drawn with broken lines.

    Parameters
    ----------
    paths
        A trajectory, or a mapping from labels to trajectories. Runs side by side (rows, runs, 2)
        are drawn in one colour. Of a comparison, the paths from the start itself are drawn, and
        thin lines behind them for its seeds.
    function
        What they went down: a test function, or any function of one or two weights.
    ax
        Where to draw; a new figure if None.
    domain
        Lowest and highest value of each weight, [(low, high), (low, high)], or (low, high) for a
        single one; left out, the function's own, widened to the starts, or what the paths take up.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        For what is not a trajectory, not one or two weights, or 3-D axes.

    Examples
    --------
    >>> from optimizers import Adam
    >>> from optimizers.functions import rosenbrock
    >>> path = Adam(rosenbrock, [-1.5, 2.0], lr=0.05).minimize(500)
    >>> ax = plot_paths(path, rosenbrock)
    >>> def loss(w):
    ...     return (w[0] - 1) ** 2 + 10 * w[1] ** 2
    >>> ax = plot_paths(Adam(loss, [3.0, 1.0], lr=0.1).minimize(100), loss)
    """
    named, others = with_others(paths, "plot_paths")
    check_drawable(named, "plot_paths")
    problem = problem_of(function, named, "plot_paths")
    frame = frame_of(problem, named, domain, "plot_paths")
    ax, ours = axes_for(ax, "plot_paths", map_size(frame, 8.0))
    draw_paths(ax, named, problem, frame, others=others)
    if ours:
        made = f"{journey(named, problem)}\n{signs(problem, named)}"
        caption(ax.get_figure(root=True), made)  # type: ignore[arg-type]
    return ax


def draw_paths(
    ax: Axes,
    paths: Mapping[str, Trajectory],
    function: Any,
    frame: np.ndarray,
    names: bool = True,
    others: Mapping[str, Trajectory] | None = None,
) -> tuple[list[DrawnPath], EndLabels | None]:
    """Landscape, paths, names and title; the artists come back so that they can be moved."""
    problem = problem_of(function, paths, "plot_paths")
    plane = draw_landscape(ax, problem, frame, paths)
    put(draw_bounds(ax), bounds_of(paths.values(), plane))
    look = looks({label: path.rule for label, path in paths.items()})
    for label, runs in (others or {}).items():
        draw_thinly(ax, points_of(runs, problem), look[label], plane)
    drawn = [DrawnPath(ax, look[label], plane, dotted=len(frame) == 1) for label in paths]
    entries = []
    for (label, path), line in zip(paths.items(), drawn, strict=True):
        line.show(points_of(path, problem), np.any(path.diverged))
        is_outside = not line.seen and not np.any(path.diverged)
        text = f"{label}, outside" if is_outside else label_with_end(label, path)
        rank = final_loss(path, problem)
        entries.append(Entry(text, look[label], line.end, rank, tied=line.seen))
    labels = label_ends(ax, entries) if names else None
    # of a race, these are single runs: they do not say who is first
    title = f"{titled(problem)}, from {spot(problem.theta)}" if others else closest(paths, problem)
    dress(ax, title, *axis_names(frame, problem))
    return drawn, labels


def draw_landscape(
    ax: Axes, problem: Problem, frame: np.ndarray, paths: Mapping[str, Trajectory]
) -> np.ndarray:
    """The map, or the curve, and the part of the plane that is shown: (2, 2)."""
    if len(frame) == 1:
        return draw_curve(ax, problem, frame, paths.values())[1]
    draw_contour(ax, problem, frame)
    return frame


def draw_contour(ax: Axes, function: Any, frame: np.ndarray) -> tuple[Any, Relief]:
    """The map and the minima. Returns what a colour bar needs, if there is anything to tell."""
    problem = problem_in(function, frame)
    one_by_one = problem.exact is None and problem.together is None
    x, y = (np.linspace(low, high, COARSE if one_by_one else POINTS) for low, high in frame)
    relief = Relief(problem, np.stack(np.meshgrid(x, y), axis=-1))
    filled = draw_relief(ax, x, y, relief)
    minima = minima_in(problem, frame)
    if len(minima):
        ax.plot(*minima.T, STAR, **marker(INK, size=21), zorder=4.5, clip_on=False)
    return filled, relief


def draw_relief(ax: Axes, x: np.ndarray, y: np.ndarray, relief: Relief) -> Any:
    """The map of heights over this grid. Returns what a colour bar needs, None for a flat map."""
    filled = None if relief.nothing else _fill(ax, x, y, relief)
    if not relief.is_whole:
        ax.patch.set(**HATCHED)  # seen where the map has holes
        say_not_finite(ax)
    frame = np.array([[x[0], x[-1]], [y[0], y[-1]]])
    ax.set_xlim(*frame[0])
    ax.set_ylim(*frame[1])
    equal_units(ax, frame)
    return filled


def _fill(ax: Axes, x: np.ndarray, y: np.ndarray, relief: Relief) -> Any:
    """Colours and lines of equal loss."""
    levels, heights = relief.levels, relief.heights
    norm: Normalize
    norm = LogNorm(levels[0], levels[-1]) if relief.log else PowerNorm(0.5, levels[0], levels[-1])
    filled = ax.contourf(
        x, y, heights.clip(levels[0]), levels, cmap=PALE, norm=norm, zorder=0, extend="neither"
    )
    ax.contour(x, y, heights, levels, colors="#9aa3ab", linewidths=0.6, linestyles="-", zorder=0.5)
    return filled


def axis_names(frame: np.ndarray, problem: Problem) -> tuple[str, str]:
    """What the two axes of the picture show."""
    return (r"$\theta_1$", r"$\theta_2$") if len(frame) == 2 else (r"$\theta$", problem.noun)


def has_minima(problem: Problem) -> bool:
    """Whether some minimum is known, so that the picture may have a ★."""
    return problem.minima is not None and len(problem.minima) > 0


def signs(problem: Problem, paths: Mapping[str, Trajectory]) -> str:
    """What the marks mean, those that the picture may have."""
    meanings = ["○ start", "● end", "✕ diverged", "▲ leaves the picture"]
    if has_minima(problem):
        meanings.insert(2, "★ minimum")
    if any(path.box is not None for path in paths.values()):
        meanings.append("╌ bound")
    return in_a_row(meanings)


def in_a_row(meanings: Sequence[str]) -> str:
    """Signs with their meanings; hard spaces let a line break between them only."""
    hard = "\N{NO-BREAK SPACE}"
    return f"{hard}{hard} ".join(meaning.replace(" ", hard) for meaning in meanings)
