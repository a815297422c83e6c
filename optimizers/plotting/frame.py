"""Cut a path at the frame of a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FAR = 1e150  # beyond it, differences overflow


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
    path = np.clip(path, -FAR, FAR)
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
