"""The loss of one weight: a curve over the line, on which paths take their steps."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes

from optimizers.plotting.frame import FAR
from optimizers.plotting.paths import points_of
from optimizers.plotting.relief import Relief, minima_in, say_not_finite
from optimizers.plotting.style import HATCHED, INK, STAR, marker, put
from optimizers.problem import Problem
from optimizers.trajectory import Trajectory

POINTS = 801  # along the line
SPIKE = 20.0  # nothing is shown that rises above nine tenths of the curve by more than this
ROOM = 0.06  # below and above the curve, as a share of its height
LINE, GROUND = "#8b949c", "#eef0f2"


def draw_curve(
    ax: Axes,
    problem: Problem,
    frame: np.ndarray,
    paths: Iterable[Trajectory] = (),
    *,
    ground: bool = True,
) -> tuple[Relief, np.ndarray]:
    """Draw the curve, the ground below it and the minima.

    Parameters
    ----------
    frame
        Lowest and highest weight, (1, 2).
    paths
        What has to fit in.
    ground
        Whether to draw more than the curve, behind which somebody may want colours.

    Returns
    -------
    relief, plane
        What was drawn, and the part of the plane that is shown, (2, 2).
    """
    ((left, right),) = frame
    minima = minima_in(problem, frame)
    weights = np.union1d(np.linspace(left, right, POINTS), minima)
    relief = Relief(problem, weights[:, np.newaxis])
    low, high = _limits(relief.values, _heights(problem, frame, paths))
    values = np.clip(relief.values, low - (high - low), high + (high - low))
    ax.plot(weights, values, color=LINE if ground else INK, linewidth=1.6, zorder=1.5)
    ax.set_xlim(left, right)
    ax.set_ylim(low, high)
    if ground:
        ax.fill_between(weights, values, low, color=GROUND, linewidth=0, zorder=0.5)
        for start, stop in _gaps(relief.values):
            ax.axvspan(weights[start], weights[stop], **HATCHED, linewidth=0, zorder=0.4)
        if not relief.is_whole:
            say_not_finite(ax)
        stars = ax.plot([], [], STAR, **marker(INK, size=21), zorder=4.5, clip_on=False)[0]
        put(stars, np.column_stack([minima, problem.values(minima)]))
    return relief, np.array([[left, right], [low, high]])


def _heights(problem: Problem, frame: np.ndarray, paths: Iterable[Trajectory]) -> np.ndarray:
    """Of the steps in the frame; of a run that diverged, of its start alone."""
    found = [np.empty(0)]
    for path in paths:
        theta, heights = np.moveaxis(points_of(path, problem), -1, 0)
        seen = np.isfinite(heights) & (theta >= frame[0, 0]) & (theta <= frame[0, 1])
        seen[1:] &= ~np.ravel(path.diverged)
        found.append(heights[seen])
    return np.concatenate(found)


def _limits(curve: np.ndarray, steps: np.ndarray) -> tuple[float, float]:
    """The lowest and the highest loss to show."""
    curve = curve[np.isfinite(curve)].clip(-FAR, FAR)
    if not curve.size:
        return 0.0, 1.0
    low, most = float(curve.min()), float(np.quantile(curve, 0.9))
    high = min(float(curve.max()), low + SPIKE * (most - low)) if most > low else curve.max()
    low = min(low, float(steps.clip(-FAR, FAR).min(initial=low)))
    high = max(high, float(steps.clip(-FAR, FAR).max(initial=high)))
    room = ROOM * (high - low)
    if not room > 1e-12 * max(abs(low), abs(high)):  # the same everywhere
        room = max(1.0, abs(low)) / 2
    return low - room, high + room


def _gaps(values: np.ndarray) -> list[tuple[int, int]]:
    """Where a curve is broken, from the last point before to the first after."""
    broken = np.concatenate([[False], np.isnan(values), [False]])
    steps = np.flatnonzero(np.diff(broken.astype(int)))
    last = len(values) - 1
    return [
        (max(int(a) - 1, 0), min(int(b), last))
        for a, b in zip(steps[::2], steps[1::2], strict=True)
    ]
