"""Constraints: weights brought back after each step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from optimizers.checks import shown
from optimizers.weights import Layout

FAR = 1e150  # no bound is farther out
TRIED = 32  # points at which a projection is compared with a box


class Projection:
    """A function from weights to weights, as one of flat weights, (..., P) → (..., P).

    Attributes
    ----------
    box
        The lowest and the highest value of each weight, (2, P), ±inf where there is no bound; None
        if it is not a box.

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
        self.box = self._as_box()

    def __call__(self, theta: np.ndarray) -> np.ndarray:
        """Bring the weights back, run by run."""
        if self.box is not None:
            return np.clip(theta, *self.box)
        if theta.ndim == 1:
            return self._one(theta)
        rows = theta.reshape(-1, theta.shape[-1])
        return np.stack([self._one(row) for row in rows]).reshape(theta.shape)

    def _one(self, theta: np.ndarray) -> np.ndarray:
        weights = self.function(self.layout.unflatten(theta.copy()))
        return self.layout.ravel(weights, "what project returns")

    def _as_box(self) -> np.ndarray | None:
        """The corners, if it does at all points tried what clipping to a box does."""
        rng, size = np.random.default_rng(0), self.layout.size
        points = rng.standard_normal((TRIED, size)) * 10.0 ** rng.uniform(-3, 6, (TRIED, 1))
        with np.errstate(all="ignore"):
            try:
                low, high = (self._one(np.full(size, end)) for end in (-FAR, FAR))
                inside = low + rng.random((TRIED, size)) * (high - low)
                for point in (*points, *inside):
                    if not np.array_equal(self._one(point), np.clip(point, low, high)):
                        return None
            except Exception:  # whatever it is: the step in earnest will say
                return None
        return np.array([np.where(low == -FAR, -np.inf, low), np.where(high == FAR, np.inf, high)])
