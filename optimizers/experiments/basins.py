"""basins: which minimum a rule reaches from where."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from optimizers import checks
from optimizers.checks import shown
from optimizers.experiments.inputs import Rule, check_rule, label_of, name_of
from optimizers.experiments.runs import finish
from optimizers.gradients import Gradient
from optimizers.weights import flatten


@dataclass(frozen=True, eq=False)
class Basins:
    """Which minimum a rule reaches from each start on a grid.

    Attributes
    ----------
    rule, hyper_parameters, function, steps
        What was run.
    x, y
        The coordinates of the starts: (nx,), (ny,).
    minima
        Where runs came to rest: (k, 2), the function's global minima first.
    reached
        For each start the row of `minima` that it reached, -1 if it was still under way, -2 if it
        diverged: (ny, nx).
    final_loss
        The loss after the last step: (ny, nx), inf where the run diverged.
    """

    rule: str
    hyper_parameters: dict[str, Any]
    function: Any
    steps: int
    x: np.ndarray
    y: np.ndarray
    minima: np.ndarray
    reached: np.ndarray
    final_loss: np.ndarray

    def plot(self, ax: Any = None) -> Any:
        """Colour each start by the minimum it reaches. Returns the Axes."""
        from optimizers.plotting import plot_basins

        return plot_basins(self, ax=ax)

    def __repr__(self) -> str:
        shares = [f"{np.mean(self.reached == i):.0%}" for i in range(len(self.minima))]
        under_way, diverged = np.mean(self.reached == -1), np.mean(self.reached == -2)
        return (
            f"<Basins of {self.rule} on {name_of(self.function)}: {self.reached.size} starts, "
            f"{', '.join(shares)} to the minima; {under_way:.0%} under way, "
            f"{diverged:.0%} diverged>"
        )


def basins(
    rule: Rule,
    function: Any,
    *,
    steps: int = 500,
    resolution: int = 100,
    progress: bool = True,
    **hyper_parameters: Any,
) -> Basins:
    """Start a rule at every point of a grid over the function's domain and see where it ends.

    Parameters
    ----------
    rule
        A rule's class, or a functools.partial of one.
    function
        A test function of two variables.
    steps
        How many steps each run makes.
    resolution
        How many starts along each axis.
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
        For a function that is not one of two variables, and as `sweep`.

    Examples
    --------
    >>> from optimizers import SGD, basins
    >>> from optimizers.functions import himmelblau
    >>> result = basins(SGD, himmelblau, lr=0.01, steps=200, resolution=20)
    >>> len(result.minima)
    4
    """
    check_rule(rule)
    if getattr(function, "dimension", None) != 2:
        raise ValueError(f"basins needs a test function of two variables, got {shown(function)}")
    steps = checks.whole("steps", steps, 1)
    resolution = checks.whole("resolution", resolution, 2)
    x, y = (np.linspace(low, high, resolution) for low, high in function.domain)
    starts = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    settled: Rule = partial(rule, **hyper_parameters)
    ends = finish(settled, function, None, steps, {}, starts, progress=progress)
    minima, reached = _assign(ends.theta, ends.diverged, function)
    with np.errstate(all="ignore"):
        final = np.where(ends.diverged, np.inf, function.exact(ends.theta))
    shape = (resolution, resolution)
    return Basins(
        label_of(rule),
        rule(function, starts[0], **hyper_parameters).hyper_parameters,
        function,
        steps,
        x,
        y,
        minima,
        reached.reshape(shape),
        final.reshape(shape),
    )


def _assign(ends: np.ndarray, diverged: np.ndarray, function: Any) -> tuple[np.ndarray, np.ndarray]:
    """Group the ends: the known minima first, then every other minimum where runs came to rest."""
    near = 0.01 * np.ptp(function.domain, axis=1).max()
    minima = list(function.minima)
    reached = np.where(diverged, -2, -1)
    for i, place in enumerate(minima):
        reached[(reached == -1) & _within(near, ends, place)] = i
    resting = (reached == -1) & _at_minimum(near, np.where(diverged[:, None], 0.0, ends), function)
    while np.any(resting):
        place = ends[np.argmax(resting)]
        reached[(reached == -1) & _within(near, ends, place)] = len(minima)
        minima.append(place)
        resting &= reached == -1
    return np.array(minima).reshape(-1, 2), reached


def _within(near: float, ends: np.ndarray, place: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.linalg.norm(ends - place, axis=1) <= near


def _at_minimum(near: float, points: np.ndarray, function: Any) -> np.ndarray:
    """Whether a minimum lies near: the surface is hollow, and Newton's step to it is short."""
    gradient = Gradient(function.exact, flatten(points, runs=True)[1])
    with np.errstate(all="ignore"):
        (_, g), hessian = gradient(points), gradient.hessian(points)
        curvature, axes = np.linalg.eigh(np.where(np.isfinite(hessian), hessian, 0.0))
        step = np.einsum("nij,ni->nj", axes, g) / curvature
        return (curvature > 0).all(axis=1) & (np.linalg.norm(step, axis=1) <= near)
