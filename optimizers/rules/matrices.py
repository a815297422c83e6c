"""The matrices among the weights, and arrays of several shapes in one flat array."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from math import prod

import numpy as np

from optimizers.weights import Layout

Shape = tuple[int, ...]


def split(flat: np.ndarray, shapes: Sequence[Shape]) -> list[np.ndarray]:
    """The arrays of these shapes: (..., sum of sizes) → (..., *shape) each.

    Examples
    --------
    >>> [array.tolist() for array in split(np.arange(5), [(2, 2), (1,)])]
    [[[0, 1], [2, 3]], [4]]
    """
    ends = accumulate(map(prod, shapes), initial=0)
    return [
        flat[..., end : end + prod(shape)].reshape(*flat.shape[:-1], *shape)
        for end, shape in zip(ends, shapes, strict=False)
    ]


def joined(arrays: Iterable[np.ndarray], runs: Shape) -> np.ndarray:
    """The same back in a flat one, (*runs, sum of sizes); of no arrays, one of size 0."""
    return np.concatenate([np.zeros((*runs, 0)), *[a.reshape(*runs, -1) for a in arrays]], axis=-1)


class Matrices:
    """The arrays with two axes among the weights.

    Attributes
    ----------
    shapes
        Theirs, (rows, columns) each.
    mask
        Which weights are in one of them: (P,).
    """

    def __init__(self, layout: Layout) -> None:
        self.shapes = [shape for shape in layout.shapes if len(shape) == 2]
        self.mask = np.repeat([len(shape) == 2 for shape in layout.shapes], layout.sizes)

    def of(self, flat: np.ndarray) -> list[np.ndarray]:
        """Take them out: (..., P) → (..., rows, columns) each."""
        return split(flat[..., self.mask], self.shapes)

    def put(self, flat: np.ndarray, matrices: Iterable[np.ndarray]) -> np.ndarray:
        """A copy of the flat array with these in their place."""
        flat = flat.copy()
        flat[..., self.mask] = joined(matrices, flat.shape[:-1])
        return flat


def eigh(A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and eigenvectors of symmetric matrices; nan where they are not finite.

    LAPACK refuses these, and would stop the runs beside them.
    """
    is_finite = np.isfinite(A).all(axis=(-2, -1), keepdims=True)
    eigenvalues, V = np.linalg.eigh(np.where(is_finite, A, 0.0))
    return eigenvalues, np.where(is_finite, V, np.nan)
