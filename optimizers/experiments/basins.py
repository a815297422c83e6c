"""basins: which minimum a rule reaches from where."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from optimizers import checks
from optimizers.experiments.inputs import Rule, check_rule, label_of
from optimizers.experiments.runs import finish
from optimizers.gradients import Gradient
from optimizers.problem import Problem, as_problem, domain_of


@dataclass(frozen=True, eq=False)
class Basins:
    """Which minimum a rule reaches from each start on a grid.

    Attributes
    ----------
    rule, hyper_parameters, problem, steps
        What was run.
    x, y
        The coordinates of the starts: (nx,), (ny,). Of one weight, y is None.
    minima
        Where runs came to rest: (k, n), the function's global minima first.
    known
        How many of these are global minima; None if that is not known.
    reached
        For each start the row of `minima` that it reached, -1 if it ended at none, -2 if it
        diverged: (ny, nx), or (nx,).
    final_loss
        The loss after the last step, shaped likewise; inf where the run diverged.
    """

    rule: str
    hyper_parameters: dict[str, Any]
    problem: Problem
    steps: int
    x: np.ndarray
    y: np.ndarray | None
    minima: np.ndarray
    known: int | None
    reached: np.ndarray
    final_loss: np.ndarray

    @property
    def function(self) -> Any:
        """What was minimised, as it was given."""
        return self.problem.given

    def plot(self, ax: Any = None) -> Any:
        """Colour each start by the minimum it reaches. Returns the Axes."""
        from optimizers.plotting import plot_basins

        return plot_basins(self, ax=ax)

    def __repr__(self) -> str:
        shares = [f"{np.mean(self.reached == i):.0%}" for i in range(len(self.minima))]
        at_none, diverged = np.mean(self.reached == -1), np.mean(self.reached == -2)
        return (
            f"<Basins of {self.rule} on {self.problem.name}: {self.reached.size} starts, "
            f"{', '.join(shares)} to the minima; {at_none:.0%} at none, "
            f"{diverged:.0%} diverged>"
        )


def basins(
    rule: Rule,
    function: Any,
    *,
    steps: int = 500,
    resolution: int = 100,
    domain: Any = None,
    progress: bool = True,
    **hyper_parameters: Any,
) -> Basins:
    """Start a rule at every point of a grid and see where it ends.

    Parameters
    ----------
    rule
        A rule's class, or a functools.partial of one.
    function
        A test function, or any loss, of one vector of two weights (or one).
    steps
        How many steps each run makes.
    resolution
        How many starts along each axis.
    domain
        Lowest and highest start along each axis, [(low, high), (low, high)]; left out, the
        function's own domain.
    progress
        Whether to show a bar when it takes longer than a moment.
    **hyper_parameters
        Handed to the rule, such as lr=0.01.

    Returns
    -------
    Basins

    Raises
    ------
    TypeError, ValueError
        For a function of more than two variables or without a domain, and as `sweep`.

    Examples
    --------
    >>> from optimizers import SGD, basins
    >>> from optimizers.functions import himmelblau
    >>> result = basins(SGD, himmelblau, lr=0.01, steps=200, resolution=20)
    >>> len(result.minima)
    4
    """
    check_rule(rule)
    steps = checks.whole("steps", steps, 1)
    resolution = checks.whole("resolution", resolution, 2)
    frame = domain_of(function, domain, "basins")
    problem = as_problem(function, frame.mean(axis=1))
    axes = [np.linspace(low, high, resolution) for low, high in frame]
    starts = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, len(frame))
    settled: Rule = partial(rule, **hyper_parameters)
    ends = finish(settled, problem, steps, {}, starts, progress=progress)
    minima, reached = _assign(ends.theta, ends.diverged, problem, frame)
    final = np.where(ends.diverged, np.inf, problem.values(ends.theta))
    shape = (resolution,) * len(frame)
    return Basins(
        label_of(rule),
        settled(problem, starts[0]).hyper_parameters,
        problem,
        steps,
        axes[0],
        axes[1] if len(axes) > 1 else None,
        minima,
        None if problem.minima is None else len(problem.minima),
        reached.reshape(shape),
        final.reshape(shape),
    )


def _assign(
    ends: np.ndarray, diverged: np.ndarray, problem: Problem, frame: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Group the ends: the known minima first, then every other minimum where runs came to rest."""
    near = 0.01 * np.ptp(frame, axis=1).max()
    minima = [] if problem.minima is None else list(problem.minima)
    reached = np.where(diverged, -2, -1)
    for i, place in enumerate(minima):
        reached[(reached == -1) & _within(near, ends, place)] = i
    resting = (reached == -1) & _at_minimum(near, np.where(diverged[:, None], 0.0, ends), problem)
    while np.any(resting):
        place = ends[np.argmax(resting)]
        reached[(reached == -1) & _within(near, ends, place)] = len(minima)
        minima.append(place)
        resting &= reached == -1
    return np.array(minima).reshape(-1, len(frame)), reached


def _within(near: float, ends: np.ndarray, place: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.linalg.norm(ends - place, axis=1) <= near


def _at_minimum(near: float, points: np.ndarray, problem: Problem) -> np.ndarray:
    """Whether a minimum lies near: the surface is hollow, and Newton's step to it is short."""
    exact = problem.without_chance
    gradient = Gradient(exact, exact.layout)
    with np.errstate(all="ignore"):
        (_, g), hessian = gradient(points), gradient.hessian(points)
        curvature, axes = np.linalg.eigh(np.where(np.isfinite(hessian), hessian, 0.0))
        step = np.einsum("nij,ni->nj", axes, g) / curvature
        return (curvature > 0).all(axis=1) & (np.linalg.norm(step, axis=1) <= near)
