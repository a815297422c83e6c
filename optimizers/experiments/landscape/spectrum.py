"""spectrum: the curvature in all directions at a point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from optimizers import checks
from optimizers.experiments.landscape.curvature import Largest, all_eigenvalues
from optimizers.experiments.landscape.objective import Objective
from optimizers.problem import Problem

MOST = 2000  # weights: of more, all eigenvalues take minutes


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The eigenvalues of the Hessian at a point.

    Attributes
    ----------
    problem
        The loss on all training data, or without noise.
    theta
        Where: (P,).
    eigenvalues
        In falling order: all P, or the largest.
    """

    problem: Problem
    theta: np.ndarray
    eigenvalues: np.ndarray

    @property
    def is_whole(self) -> bool:
        """Whether these are all eigenvalues."""
        return len(self.eigenvalues) == len(self.theta)

    @property
    def condition(self) -> float | None:
        """The largest over the smallest eigenvalue; None unless all are known and positive."""
        if not self.is_whole or not self.eigenvalues[-1] > 0:
            return None
        return float(self.eigenvalues[0] / self.eigenvalues[-1])

    def plot(self, ax: Any = None) -> Any:
        """Draw the eigenvalues by rank. Returns the Axes."""
        from optimizers.plotting import plot_spectrum

        return plot_spectrum(self, ax=ax)

    def __repr__(self) -> str:
        highest, lowest = self.eigenvalues[[0, -1]]
        count = len(self.eigenvalues)
        told = f"all {count}" if self.is_whole else f"the largest {count} of {len(self.theta)}"
        return f"<Spectrum of {self.problem.name}: {told}, from {highest:.3g} to {lowest:.3g}>"


def spectrum(function: Any, weights: Any = None, *, count: int | None = None) -> Spectrum:
    """The eigenvalues of the Hessian at a point: the curvature in all directions.

    Parameters
    ----------
    function
        A `Training`, a test function, any loss. Of a training, the loss is that on all its data.
    weights
        Where, in their nesting or flat; left out, the function's start.
    count
        How many, the largest first; left out, all.

    Returns
    -------
    Spectrum

    Raises
    ------
    TypeError, ValueError
        For weights that make no sense, for more eigenvalues than weights, and for all those of
        more than 2000 weights.

    Examples
    --------
    >>> from optimizers.functions import quadratic
    >>> found = spectrum(quadratic(condition=100), [1.0, 1.0])
    >>> found.eigenvalues.round(6).tolist(), round(found.condition, 6)
    ([100.0, 1.0], 100.0)

    Notes
    -----
    Sagun et al., "Empirical analysis of the Hessian of over-parametrized neural networks" (2018):
    a bulk near zero, and a few large ones that stand out.
    """
    objective = Objective.of(function, weights)
    theta = objective.at(weights, "weights")
    if count is None and theta.size > MOST:
        raise ValueError(
            f"spectrum: all eigenvalues of {theta.size} weights would take too long; give count, "
            "how many of the largest, such as count=20"
        )
    count = theta.size if count is None else checks.whole("count", count, 1)
    if count > theta.size:
        raise ValueError(f"count must be at most the number of weights, {theta.size}; got {count}")
    with np.errstate(all="ignore"):
        times = objective.gradient.hessian_times(theta)
        if count == theta.size:
            found = all_eigenvalues(times, theta.size)
        else:
            found = Largest(theta.size, count)(times)
    if not np.isfinite(found).all():
        raise ValueError("spectrum: the second derivatives are not finite at weights, give others")
    return Spectrum(objective.whole, theta, found)
