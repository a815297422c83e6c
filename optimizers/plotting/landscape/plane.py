"""A plane through the space of the weights: the loss on it, and paths in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from optimizers.checks import shown
from optimizers.experiments.landscape.plane import Plane
from optimizers.plotting.contour import draw_relief, in_a_row
from optimizers.plotting.labels import Entry, label_ends
from optimizers.plotting.layout import axes_for, color_bar, map_size
from optimizers.plotting.paths import label_with_end, titled
from optimizers.plotting.relief import Relief
from optimizers.plotting.style import (
    END,
    INK,
    caption,
    dress,
    looks,
    marker,
    number,
    percent,
)
from optimizers.plotting.trail import DrawnPath
from optimizers.plotting.words import brief

NAMED = 4  # paths that the title names


def plot_plane(plane: Plane, ax: Axes | None = None, *, held_out: bool = False) -> Axes:
    """Draw the loss on a plane, and where paths are nearest to it.

    ○ is the start of a path, ● its end or a solution. The caption says how much of the paths the
    plane holds: what lies off it is not seen.

    Parameters
    ----------
    plane
        What `plane` returns.
    ax
        Where to draw; a new figure if None.
    held_out
        Whether to draw the loss on the held-out data.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        For what is not a plane, and if no data are held out.

    Examples
    --------
    >>> from optimizers import SGD
    >>> from optimizers.experiments import plane
    >>> from optimizers.functions import rosenbrock
    >>> path = SGD(rosenbrock, [-1.2, 1.0, 1.0, 0.5], lr=0.001).minimize(100)
    >>> ax = plot_plane(plane(rosenbrock, path, resolution=21))
    """
    if not isinstance(plane, Plane):
        raise TypeError(f"plot_plane: plane must be what plane returns, got {shown(plane)}")
    if held_out and plane.held_out is None:
        raise ValueError(
            f"plot_plane: {plane.problem.name} has no held-out data; leave out held_out"
        )
    problem, values = plane.problem, plane.loss
    if held_out:
        assert plane.held_out is not None
        problem, values = replace(problem, noun="held-out loss", minimum=None), plane.held_out
    frame = np.array([[grid[0], grid[-1]] for grid in (plane.x, plane.y)])
    ax, ours = axes_for(ax, "plot_plane", map_size(frame, 8.0))
    relief = Relief(problem, None, values)
    filled = draw_relief(ax, plane.x, plane.y, relief)
    _draw_paths(ax, plane, frame)
    _draw_solutions(ax, plane)
    if filled is not None and not plane.paths:
        color_bar(ax, filled, relief.what, filled.levels)
    dress(ax, relief.nothing or _finding(plane), *_axis_names(plane))
    if ours:
        caption(ax.get_figure(root=True), _told(plane, relief))  # type: ignore[arg-type]
    return ax


def _draw_paths(ax: Axes, plane: Plane, frame: np.ndarray) -> None:
    look = looks({label: path.rule for label, path in plane.paths.items()})
    entries = []
    for label, path in plane.paths.items():
        drawn = DrawnPath(ax, look[label], frame)
        drawn.show(plane.coordinates(path.theta), path.diverged)
        rank = float(np.median(path.loss[-1]))
        entries.append(
            Entry(label_with_end(label, path), look[label], drawn.end, rank, tied=drawn.seen)
        )
    if entries:
        label_ends(ax, entries)


def _draw_solutions(ax: Axes, plane: Plane) -> None:
    for label, theta in plane.solutions.items():
        x, y = plane.coordinates(theta)
        is_right = x > 0.2 * plane.x[0] + 0.8 * plane.x[-1]  # the label has no room there
        ax.plot(x, y, END, **marker(INK, size=8), zorder=5, clip_on=False)
        ax.annotate(
            label,
            (float(x), float(y)),
            (-7 if is_right else 7, 5),
            textcoords="offset points",
            ha="right" if is_right else "left",
            fontsize=12,
            fontweight="bold",
            color=INK,
            path_effects=[withStroke(linewidth=2.5, foreground="white")],
            zorder=5.1,
        )


def _finding(plane: Plane) -> str:
    """How much of the paths is seen; else, what the plane is."""
    if plane.kind == "solutions":
        names = [brief(label) for label in plane.solutions]
        return f"The plane through {names[0]}, {names[1]} and {names[2]}"
    if plane.kind == "random":
        return f"Along two random directions, normalised by {plane.normalised}"
    low, high = (percent(f(h.variance for h in plane.held.values())) for f in (min, max))
    seen = low if low == high else f"{low} to {high}"
    names = [brief(label) for label in plane.held]
    if len(names) == 1:
        return f"{names[0]}: the plane holds {seen} of the path's variance"
    if len(names) > NAMED:
        return f"{len(names)} paths in one plane, which holds {seen} of their variance"
    listed = f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{listed} in one plane, which holds {seen} of their variance"


def _axis_names(plane: Plane) -> tuple[str, str]:
    if plane.kind == "solutions":
        first, second, third = (brief(label) for label in plane.solutions)
        return f"distance from {first} towards {second}", f"distance towards {third}"
    kind = {"paths": "main", "random": "random"}[plane.kind]
    return f"first {kind} direction", f"second {kind} direction"


def _told(plane: Plane, relief: Relief) -> str:
    """What is drawn, how much of the paths is seen, and that the rest is not."""
    low, high = number(relief.lowest), number(relief.highest)
    told = [f"{titled(plane.problem)}: {relief.noun}, from {low} to {high} in the picture."]
    held = plane.held
    if held:
        lengths = [f"{percent(share.length)} of {brief(label)}" for label, share in held.items()]
        told.append(f"Of the length of the paths, the plane holds {', '.join(lengths)}.")
    unseen = [
        f"{brief(label)} ends at {number(share.loss)}, the plane below at {number(share.nearest)}"
        for label, share in held.items()
        if relief.noun == plane.problem.noun
    ]
    beside = ": " + "; ".join(unseen) if unseen else ""
    told.append(f"What lies off the plane is not seen{beside}")
    marks = ["○ start", "● end"] if plane.paths else []
    return f"{' '.join(told)}.\n{in_a_row(marks)}".strip()
