"""Constraints: weights brought back after each step."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from optimizers.checks import shown
from optimizers.weights import Layout

FAR = 1e150  # no bound is farther out
TRIED = 32  # points at which a projection is compared with a box,
NUMBERS = 1 << 14  # or fewer, if they have many coordinates


class Projection:
    """A function from weights to weights, as one of flat weights, (..., P) → (..., P).

    The function is called at every step, so that what it reads may change.

    Attributes
    ----------
    box
        The lowest and the highest value of each weight, (2, P), ±inf where there is no bound; None
        if it is not a box. It is there for the pictures.

    Examples
    --------
    >>> from optimizers.weights import flatten
    >>> _, layout = flatten([0.0, 0.0])
    >>> Projection(lambda w: np.clip(w, -1, 2), layout).box
    array([[-1., -1.],
           [ 2.,  2.]])
    >>> Projection(lambda w: w / max(1, np.linalg.norm(w)), layout).box is None
    True
    """

    def __init__(self, function: Callable[[Any], Any], layout: Layout) -> None:
        if not callable(function):
            raise TypeError(
                "project must be a function from weights to weights, such as "
                f"lambda w: np.clip(w, -1, 1); got {shown(function)}"
            )
        self.function, self.layout = function, layout
        self._corners: np.ndarray | None = None  # those of `_box`
        self._box: np.ndarray | None = None

    def __call__(self, theta: np.ndarray) -> np.ndarray:
        """Bring the weights back, run by run."""
        if theta.ndim == 1 or self._takes_runs:
            return self._brought_back(theta)
        rows = theta.reshape(-1, theta.shape[-1])
        return np.stack([self._brought_back(row) for row in rows]).reshape(theta.shape)

    def _brought_back(self, theta: np.ndarray) -> np.ndarray:
        weights = self.function(self.layout.unflatten(theta.copy()))
        return self.layout.ravel(weights, "what project returns", theta.shape[:-1])

    @cached_property
    def _takes_runs(self) -> bool:
        """Whether it says of points of all sizes side by side what it says of each alone."""
        points = self._points(4 if self.layout.size != 4 else 5)  # not to be taken for weights
        with np.errstate(all="ignore"):
            try:
                alone = np.stack([self._brought_back(point) for point in points])
                return np.allclose(self._brought_back(points), alone, rtol=1e-9, atol=0)
            except Exception:  # whatever it is: the step in earnest will say
                return False

    @property
    def box(self) -> np.ndarray | None:
        """The corners as they are now: the bounds may be numbers that change."""
        with np.errstate(all="ignore"):
            try:
                corners = np.stack(
                    [self._brought_back(np.full(self.layout.size, end)) for end in (-FAR, FAR)]
                )
                if self._corners is None or not np.array_equal(corners, self._corners):
                    self._box = self._as_box(*corners)
                    self._corners = corners
            except Exception:  # whatever it is: the step in earnest will say
                return None
        return self._box

    def _as_box(self, low: np.ndarray, high: np.ndarray) -> np.ndarray | None:
        """The box with these corners, if it does at all points tried what clipping to it does."""
        rng = np.random.default_rng(0)
        for point in self._points(max(2, min(TRIED, NUMBERS // self.layout.size))):
            inside = low + rng.random(point.shape) * (high - low)
            for tried in (point, inside):
                if not np.array_equal(self._brought_back(tried), np.clip(tried, low, high)):
                    return None
        return np.array([np.where(low == -FAR, -np.inf, low), np.where(high == FAR, np.inf, high)])

    def _points(self, count: int) -> np.ndarray:
        """Points of all sizes: (count, P)."""
        sizes = np.geomspace(1e-3, 1e6, count)[:, np.newaxis]
        return np.random.default_rng(0).standard_normal((count, self.layout.size)) * sizes
