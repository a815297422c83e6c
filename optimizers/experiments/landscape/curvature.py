"""Eigenvalues of the second derivatives: all of a small Hessian, the largest of a large one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

FEW = 48  # weights: with so few, all eigenvalues take no longer than the largest
CLOSE = 1e-5  # how exactly the largest are found, relative to them

Times = Callable[[np.ndarray], np.ndarray]


def all_eigenvalues(times: Times, size: int) -> np.ndarray:
    """The eigenvalues of a symmetric matrix that is known by its products, the largest first."""
    matrix = np.stack([times(unit) for unit in np.eye(size)])
    if not np.isfinite(matrix).all():
        return np.full(size, np.nan)
    return np.linalg.eigvalsh((matrix + matrix.T) / 2)[::-1]


class Largest:
    """The largest eigenvalues of matrices, of which each is much like the last."""

    def __init__(self, size: int, count: int) -> None:
        self.size, self.count = size, count
        # Lanczos begins with a vector: always the same one, then the last eigenvector
        self.guess = np.random.default_rng(0).standard_normal(size)

    def __call__(self, times: Times) -> np.ndarray:
        """The largest first, (count,); nan where they cannot be found."""
        if self.size <= FEW or self.count > self.size // 4:
            return all_eigenvalues(times, self.size)[: self.count]
        from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

        if not np.isfinite(times(self.guess)).all():
            return np.full(self.count, np.nan)
        operator = LinearOperator((self.size, self.size), matvec=times, dtype=float)
        try:
            values, vectors = eigsh(operator, self.count, which="LA", v0=self.guess, tol=CLOSE)
        except ArpackError:  # it did not converge
            return np.full(self.count, np.nan)
        self.guess = vectors.sum(axis=1)
        return values[::-1]
