"""The part of the line or the plane that is drawn, and paths cut at its edges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimizers.functions import Function
from optimizers.plotting.paths import problem_of
from optimizers.problem import Problem, as_problem, domain_of
from optimizers.trajectory import Trajectory

FAR = 1e150  # beyond it, differences overflow
ROOM = 0.08  # around fitted paths, as a share of their extent
NEAR = 2.0  # so many times as far as the runs that fall, the others are followed
WORLDS = 100.0  # so many times as far as the middle one, none is
NARROW = 0.25  # of its longer side a fitted frame has at the least
ROUNDING = 1e-6  # of the weights: closer up, there is nothing to see but rounding


def frame_of(
    function: Any,
    paths: Mapping[str, Trajectory] | None = None,
    domain: Any = None,
    caller: str = "plot_paths",
) -> np.ndarray:
    """The part to draw, (1, 2) or (2, 2): lowest and highest value of each weight.

    What is given; else the domain that is known and every start; else what the paths take up.
    """
    problem = problem_of(function, paths, caller) if paths else as_problem(function)
    starts = [path.theta[0].reshape(-1, path.theta.shape[-1]) for path in (paths or {}).values()]
    size = starts[0].shape[-1] if starts else None
    known = problem.domain
    if domain is None and known is None and paths:
        return _fitted(paths)
    if domain is None and known is not None:
        check_few(problem, len(known), caller)
    frame = domain_of(problem, domain, caller)
    if size is not None and size != len(frame):
        raise ValueError(
            f"{caller}: domain must have a pair (low, high) for each weight of the paths, {size} "
            f"in all; got {len(frame)}"
        )
    return frame if domain is not None else _widened(frame, starts, problem)


def check_few(problem: Problem, size: int, caller: str) -> None:
    """Raise a ValueError unless there are one or two weights."""
    if size > 2:
        scalable = isinstance(problem.given, Function) and problem.given.any_dimension
        raise ValueError(
            f"{caller} draws losses of one or two weights, but {problem.name} has {size}"
            + (": take function.in_dimension(2)" if scalable else "")
        )


def _widened(frame: np.ndarray, starts: list[np.ndarray], problem: Problem) -> np.ndarray:
    """The frame with every start in it that has a loss."""
    margin = 0.04 * np.ptp(frame, axis=1)
    for points in starts:
        outside = ((points < frame[:, 0]) | (points > frame[:, 1])).any(axis=1)
        if outside.any():
            points = points[np.isfinite(problem.values(points))]
        if len(points):
            low, high = points.min(axis=0), points.max(axis=0)
            below, above = low < frame[:, 0], high > frame[:, 1]
            frame[below, 0] = (low - margin)[below]
            frame[above, 1] = (high + margin)[above]
    return frame


def _fitted(paths: Mapping[str, Trajectory]) -> np.ndarray:
    """What the paths take up, and some room.

    Runs that end lower than they began are shown whole, unless one of them is worlds away; the
    others as far as they stay near these.
    """
    runs = [_Run(path, i) for path in paths.values() for i in range(np.size(path.diverged))]
    calm = [run for run in runs if run.falls]
    usual = [1.0, *(float(np.abs(run.theta[0]).max()) for run in runs)]
    if calm:
        far = WORLDS * max(*usual, sorted(run.extent for run in calm)[(len(calm) - 1) // 2])
        extent = max((run.extent for run in calm if run.extent <= far), default=far)
        reach = NEAR * extent
    else:
        extent = reach = NEAR * min((run.first for run in runs if run.first > 0), default=0.0)
    points = np.concatenate([run.within(extent if run.falls else reach) for run in runs])
    low, high = points.min(axis=0), points.max(axis=0)
    middle, half = low / 2 + high / 2, (high / 2 - low / 2) * (1 + 2 * ROOM)
    half = np.maximum(np.maximum(half, NARROW * half.max()), ROUNDING * np.abs(middle))
    if not (high > low).any():  # nobody moved
        half = np.maximum(1.0, np.abs(middle)) / 2
    return np.stack([middle - half, middle + half], axis=1)


class _Run:
    """One run of a path: where it was, and how far from its start."""

    def __init__(self, path: Trajectory, number: int) -> None:
        rows, size = len(path.theta), path.theta.shape[-1]
        self.theta = path.theta.reshape(rows, -1, size)[:, number]
        loss = path.loss.reshape(rows, -1)[:, number]
        with np.errstate(all="ignore"):
            away = np.abs(self.theta - self.theta[0]).max(axis=-1)
        self.away = np.where(np.isnan(away), np.inf, away)
        self.extent = float(self.away.max())
        self.first = float(self.away[1]) if rows > 1 and np.isfinite(self.away[1]) else 0.0
        self.falls = not np.ravel(path.diverged)[number] and bool(loss[-1] <= loss[0])

    def within(self, reach: float) -> np.ndarray:
        """The points no farther away than this."""
        return self.theta[self.away <= reach]


@dataclass(frozen=True)
class Cut:
    """The part of a path inside a frame.

    Attributes
    ----------
    points
        (n, 2), with a row of nan where the path is outside for a while.
    exits
        Where it leaves: (k, 2), on the frame's edges.
    sides
        Which edge each exit lies on, as the marker that points outwards: "<", ">", "v" or "^".
    inside
        Whether the path ends inside.
    """

    points: np.ndarray
    exits: np.ndarray
    sides: list[str]
    inside: bool


def cut(path: np.ndarray, low: np.ndarray, high: np.ndarray) -> Cut:
    """Cut a path at the rectangle from `low` to `high`.

    Also keeps coordinates of 1e300 from the renderer, which cannot draw them.

    Parameters
    ----------
    path
        Points (n, 2); from the first one that is not finite on, nothing is drawn.
    low, high
        The corners of the frame: (2,).

    Examples
    --------
    >>> part = cut(np.array([[0.0, 0.0], [2.0, 0.0]]), np.array([-1.0, -1.0]), np.array([1.0, 1.0]))
    >>> part.points.tolist(), part.exits.tolist(), part.sides, part.inside
    ([[0.0, 0.0], [1.0, 0.0]], [[1.0, 0.0]], ['>'], False)
    """
    finite = np.isfinite(path).all(axis=1)
    if not finite.all():
        path = path[: int(np.argmin(finite))]
    far = max(FAR, 4 * float(np.abs([low, high]).max()))
    path = np.clip(path, -far, far)
    inside = bool(len(path) and ((path[-1] >= low) & (path[-1] <= high)).all())
    if len(path) < 2:
        return Cut(path if inside else path[:0], path[:0], [], inside)
    a, b = path[:-1], path[1:]
    d = b - a
    along = np.where(d == 0, 1e-300, d)  # parallel to an edge: it crosses it far away, or never
    with np.errstate(over="ignore"):
        at_low, at_high = (low - a) / along, (high - a) / along
    enter = np.minimum(at_low, at_high).max(axis=1).clip(0)
    leaves = np.maximum(at_low, at_high)
    leave = leaves.min(axis=1).clip(max=1)
    seen = np.flatnonzero(enter <= leave)
    first = _within(a[seen] + enter[seen, np.newaxis] * d[seen], low, high)
    last = _within(a[seen] + leave[seen, np.newaxis] * d[seen], low, high)
    whole = leave[seen] == 1
    last[whole] = b[seen][whole]

    out = np.flatnonzero(~whole)
    axis = leaves[seen[out]].argmin(axis=1)
    upwards = d[seen[out], axis] > 0
    last[out, axis] = np.where(upwards, high[axis], low[axis])  # on the edge, not nearly so
    sides = ["<>v^"[2 * i + int(up)] for i, up in zip(axis, upwards, strict=True)]

    goes_on = np.zeros(len(seen), dtype=bool)
    goes_on[1:] = (np.diff(seen) == 1) & whole[:-1]
    rows = np.stack([np.full_like(first, np.nan), first, last], axis=1)
    keep = np.stack([~goes_on, ~goes_on, np.ones_like(goes_on)], axis=1)
    return Cut(rows[keep][1:], last[out], sides, inside)  # the first row separates nothing


def _within(points: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Rounding must not leave a cut point a hair outside."""
    return np.asarray(np.clip(points, low, high))
