"""What a landscape is looked at of: the loss on all data, without chance, and the held-out one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from optimizers.checks import shown
from optimizers.experiments.comparison import Comparison
from optimizers.experiments.training import Training
from optimizers.gradients import Gradient
from optimizers.problem import Problem, as_problem
from optimizers.trajectory import Trajectory
from optimizers.weights import Layout


@dataclass(frozen=True, eq=False)
class Objective:
    """The loss whose gradient a rule follows, with all of its data at once.

    Attributes
    ----------
    problem
        What was given, with the batches of its steps.
    """

    problem: Problem

    @classmethod
    def of(cls, function: Any, weights: Any = None) -> Objective:
        """Of a function, with weights in the nesting of its own start, or else of these."""
        problem = as_problem(function)
        if problem.start is None or problem.layout.is_vector:
            problem = as_problem(function, weights)
        return cls(problem)

    @property
    def layout(self) -> Layout:
        """The nesting of the weights."""
        return self.problem.layout

    @cached_property
    def whole(self) -> Problem:
        """The loss on all data that is trained on, or without noise."""
        given = self.problem.given
        if isinstance(given, Training):
            return replace(
                self.problem,
                name=given.name.removesuffix(f", batch {given.batch_size}"),
                batch=None,
                exact=None,
                noun="training loss",
                chance="",
            )
        return replace(self.problem.without_chance, name=self.problem.name)

    @property
    def by_chance(self) -> bool:
        """Whether a step sees noise, or some of the data only."""
        given = self.problem.given
        is_whole = isinstance(given, Training) and given.batch_size == len(given.data.train[0])
        return self.problem.batch is not None and not is_whole

    @cached_property
    def gradient(self) -> Gradient:
        """Its gradient, at flat weights."""
        return Gradient(self.whole, self.whole.layout)

    def held_out(self, theta: np.ndarray) -> np.ndarray | None:
        """The loss on held-out data, (..., P) → (...); None where there are none."""
        if not isinstance(self.problem.given, Training):
            return None
        with np.errstate(all="ignore"):
            return np.asarray(self.problem.given.exact(theta))

    def at(self, weights: Any, argument: str) -> np.ndarray:
        """These weights flat, (P,): they may be flat already. None is the function's start."""
        if weights is None:
            return self.problem.theta.copy()
        if isinstance(weights, np.ndarray) and weights.shape == (self.layout.size,):
            theta = weights.astype(float)
        else:
            theta = self.layout.ravel(weights, argument)
        if not np.isfinite(theta).all():
            raise ValueError(f"{argument} must be finite, got {shown(weights)}")
        return theta


def paths_of(paths: Any, caller: str) -> dict[str, Trajectory]:
    """Trajectories by label; of a race those from the start itself, if it has any."""
    if isinstance(paths, Trajectory):
        return {paths.rule: paths}
    if isinstance(paths, Comparison) and paths.once:
        return dict(paths.once)
    if not isinstance(paths, Mapping):
        raise TypeError(
            f"{caller}: paths must be a Trajectory (minimize returns one), or a mapping of labels "
            f"to them; got {shown(paths)}"
        )
    if not paths:
        raise ValueError(f"{caller}: paths is empty, there is nothing to look at")
    for label, path in paths.items():
        if not isinstance(path, Trajectory):
            raise TypeError(f"{caller}: paths[{label!r}] must be a Trajectory, got {shown(path)}")
    return {str(label): path for label, path in paths.items()}


def objective_of(function: Any, path: Trajectory) -> Objective:
    """Of what a path went down, its weights in the nesting of the path."""
    start = path.theta[0].reshape(-1, path.theta.shape[-1])[0]
    return Objective.of(function, path.layout.unflatten(start))
