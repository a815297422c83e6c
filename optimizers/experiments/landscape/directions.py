"""Where a plane in the space of the weights lies: through points, along paths, at random."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from optimizers.trajectory import Trajectory
from optimizers.weights import Layout

ROWS = 1000  # of all paths, the plane is laid through so many at most
STRAIGHT = 1e-7  # a second direction shorter than this share of the first is rounding


def coordinates(theta: np.ndarray, origin: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Where the nearest points of the plane lie: (..., P) → (..., 2)."""
    gram = directions @ directions.T
    with np.errstate(all="ignore"):
        return np.asarray((theta - origin) @ directions.T @ np.linalg.inv(gram))


def settled(path: Trajectory) -> np.ndarray:
    """The runs that did not diverge: (rows, runs, P)."""
    runs = path.theta.reshape(len(path.theta), -1, path.theta.shape[-1])
    return np.asarray(runs[:, ~np.ravel(path.diverged)])


def spanned(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The plane through three points: the first axis goes from the first to the second."""
    first, second = b - a, c - a
    length = np.linalg.norm(first)
    if length > 0:
        second = second - (second @ first) / length**2 * first
    if not np.linalg.norm(second) > STRAIGHT * np.linalg.norm(c - a) or not length > 0:
        raise ValueError(
            "plane: through must be three weights that do not lie on one line; "
            "line(function, start, end) draws the loss between two"
        )
    return a, np.stack([first / length, second / np.linalg.norm(second)])


def random_directions(layout: Layout, origin: np.ndarray, normalised: str, seed: int) -> np.ndarray:
    """Two random directions as long as the weights, filter by filter or layer by layer."""
    rng = np.random.default_rng(seed)
    directions = np.zeros((2, layout.size))
    has_matrix = any(len(shape) > 1 for shape in layout.shapes)
    for place, shape in zip(layout.slices, layout.shapes, strict=True):
        drawn = rng.standard_normal((2, place.stop - place.start))
        if has_matrix and len(shape) < 2:
            continue  # biases and scales stay
        columns = shape[-1] if normalised == "filter" and len(shape) > 1 else 1
        drawn = drawn.reshape(2, -1, columns)
        lengths = np.linalg.norm(origin[place].reshape(-1, columns), axis=0)
        drawn *= lengths / np.linalg.norm(drawn, axis=1, keepdims=True)
        directions[:, place] = drawn.reshape(2, -1)
    if np.linalg.matrix_rank(directions) < 2:
        raise ValueError(
            "plane: directions are normalised by the weights around which they lie, and these are "
            "0 or too few: give other weights as around, or paths"
        )
    return directions


def main_directions(paths: Mapping[str, Trajectory]) -> tuple[np.ndarray, np.ndarray]:
    """The mean of the paths' ends, and the two main directions of the iterates around it."""
    runs = [run for path in paths.values() for run in settled(path).swapaxes(0, 1)]
    if not runs:
        raise ValueError("plane: all paths diverged, there is none to lay a plane through")
    origin = np.mean([run[-1] for run in runs], axis=0)
    each = max(2, ROWS // len(runs))
    away = []
    for run in runs:  # all count the same, however many iterates were kept
        some = np.unique(np.linspace(0, len(run) - 1, each).round().astype(int))
        away.append((run[some] - origin) / np.sqrt(len(some)))
    rows = np.concatenate(away)
    size = np.abs(rows).max()
    if not size > 0:
        raise ValueError("plane: no path moves, there is nothing to lay a plane through")
    rows /= size
    values, vectors = np.linalg.eigh(rows @ rows.T)  # the smaller product: many are the weights
    first = rows.T @ vectors[:, -1]
    first /= np.linalg.norm(first)
    second = rows.T @ vectors[:, -2]
    second -= (second @ first) * first
    if not np.linalg.norm(second) > STRAIGHT * np.sqrt(values[-1]):  # a straight path
        second = np.random.default_rng(0).standard_normal(len(first))
        second -= (second @ first) * first
    directions = np.stack([first, second / np.linalg.norm(second)])
    starts = np.mean([run[0] for run in runs], axis=0) - origin
    # paths begin on the left, above the middle
    signs = np.where(directions @ starts * [-1, 1] < 0, -1.0, 1.0)
    return origin, directions * signs[:, np.newaxis]
