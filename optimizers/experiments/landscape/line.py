"""line: the loss along a line: between two solutions, or along the gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from optimizers import checks
from optimizers.experiments.landscape.objective import Objective
from optimizers.problem import Problem

BEYOND = 0.25  # the line goes on behind both ends, by this share
STEPS = 3.0  # along the gradient it goes so many times as far as to the parabola's minimum
EVEN = 1e-9  # a rise of no more than this share of the loss is rounding


@dataclass(frozen=True, eq=False)
class Line:
    """The loss at start + x·direction.

    Attributes
    ----------
    problem
        The loss on all training data, or without noise.
    between
        Whether the line goes from one solution, x = 0, to another, x = 1; else it goes down the
        gradient, and x is the step η.
    start, direction
        (P,) each.
    x, loss, held_out
        (n,) each; `held_out` is None where no data are held out.
    slope, curvature
        First and second derivative of the loss along the line at its start.
    """

    problem: Problem
    between: bool
    start: np.ndarray
    direction: np.ndarray
    x: np.ndarray
    loss: np.ndarray
    held_out: np.ndarray | None
    slope: float
    curvature: float

    @property
    def barrier(self) -> float | None:
        """How far the loss between the ends rises above the straight line from one to the other.

        0 where it does not; None along the gradient, and where a loss between is not finite.
        """
        if not self.between:
            return None
        inside = (self.x >= 0) & (self.x <= 1)
        x, loss = self.x[inside], self.loss[inside]
        if not np.isfinite(loss).all():
            return None
        rise = float(np.max(loss - (1 - x) * loss[0] - x * loss[-1]))
        return rise if rise > EVEN * np.abs(loss).max() else 0.0

    @property
    def parabola(self) -> np.ndarray:
        """The loss that slope and curvature at the start alone predict: (n,)."""
        at_start = self.loss[np.argmin(np.abs(self.x))]
        return np.asarray(at_start + self.slope * self.x + self.curvature * self.x**2 / 2)

    def plot(self, ax: Any = None) -> Any:
        """Draw the loss along the line. Returns the Axes."""
        from optimizers.plotting import plot_line

        return plot_line(self, ax=ax)

    def __repr__(self) -> str:
        if self.between:
            found = "not finite" if self.barrier is None else f"barrier {self.barrier:.3g}"
            return f"<Line of {self.problem.name} between two solutions: {found}>"
        lowest = self.x[np.nanargmin(np.where(np.isfinite(self.loss), self.loss, np.inf))]
        return f"<Line of {self.problem.name} along the gradient: lowest at step {lowest:.3g}>"


def line(
    function: Any, start: Any = None, end: Any = None, *, reach: Any = None, points: int = 201
) -> Line:
    """The loss between two solutions, or, without an end, down the gradient from the start.

    Parameters
    ----------
    function
        A `Training`, a test function, any loss.
    start
        Weights, in their nesting or flat; left out, the function's start.
    end
        Weights, in their nesting or flat. Left out, the line goes down the gradient: its points are
        start − η·g.
    reach
        The largest step η down the gradient, a number; left out, three times the step to the
        minimum of the parabola of the loss's slope and curvature there.
    points
        How many points the line has, or nearly so many: both ends are among them.

    Returns
    -------
    Line

    Raises
    ------
    TypeError, ValueError
        If start and end are the same, if there is no gradient, or if it is not known how far to go.

    Examples
    --------
    >>> def two_hollows(w):
    ...     return (w[0] ** 2 - 1) ** 2 + w[1] ** 2
    >>> line(two_hollows, [-1.0, 0.0], [1.0, 0.0])
    <Line of two_hollows between two solutions: barrier 1>
    >>> line(two_hollows, [2.0, 3.0]).slope
    -612.0

    Notes
    -----
    Goodfellow, Vinyals and Saxe, "Qualitatively characterizing neural network optimization
    problems" (2015), drew such lines; the barrier is that of Entezari et al., "The role of
    permutation invariance in linear mode connectivity of neural networks" (2022), definition 2.2.
    """
    objective = Objective.of(function, start)
    theta = objective.at(start, "start")
    points = checks.whole("points", points, 3)
    if end is not None:
        if reach is not None:
            raise ValueError(
                "line: reach is for a line along the gradient; leave it out between start and end"
            )
        direction = objective.at(end, "end") - theta
        if not direction.any():
            raise ValueError("line: start and end are the same weights, give two others")
    slope_of = objective.gradient
    with np.errstate(all="ignore"):
        _, g = slope_of(theta)
    if end is None:
        direction = -g
        if not (np.isfinite(g).all() and g.any()):
            raise ValueError(
                "line: the gradient at start is 0 or not finite, and shows no way down: "
                "give an end, or another start"
            )
    slope = float(g @ direction)
    with np.errstate(all="ignore"):
        curvature = float(direction @ slope_of.hessian_times(theta)(direction))
    x = _along(points) if end is not None else _down(reach, slope, curvature, points)
    weights = theta + x[:, np.newaxis] * direction
    return Line(
        objective.whole,
        end is not None,
        theta,
        direction,
        x,
        objective.whole.values(weights),
        objective.held_out(weights),
        slope,
        curvature,
    )


def _along(points: int) -> np.ndarray:
    """From before the start, 0, to behind the end, 1: both are among them."""
    inside = 4 * max(1, round((points - 1) / (1 + 2 * BEYOND) / 4))  # the middle is one of them
    outside = round(BEYOND * inside)
    return np.arange(-outside, inside + outside + 1) / inside


def _down(reach: Any, slope: float, curvature: float, points: int) -> np.ndarray:
    """Steps from 0 to the largest."""
    if reach is None:
        if not curvature > 0:
            raise ValueError(
                "line: along the gradient the loss is not curved upwards at start, so how far "
                "to go is not known: give reach, the largest step, such as reach=1.0"
            )
        return np.linspace(0, STEPS * -slope / curvature, points)
    reach = checks.number("reach", reach, checks.Range("a finite number > 0", lambda v: v > 0))
    return np.linspace(0, reach, points)
