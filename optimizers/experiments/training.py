"""A model on its data, as a function of its weights that rules, `sweep` and `compare` take."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from optimizers import checks
from optimizers.checks import shown
from optimizers.datasets import Batch, Dataset, Minibatches, minibatches
from optimizers.models import Model
from optimizers.problem import Known, Problem, as_problem
from optimizers.weights import flatten


@dataclass(frozen=True, eq=False, repr=False)
class Training(Known):
    """The loss of a model on mini-batches, and what you want to know about the training.

    It is a noisy function of the weights: each step t has a mini-batch of its own, which depends on
    the seed and on t alone, so that every rule meets the same ones.

    Parameters
    ----------
    model, data
        From `optimizers.models` and `optimizers.datasets`, or of your own making.
    batch_size
        How many examples a step sees.
    scheme
        How the weights start (see `Model.init`).
    seed
        Of the start and of the order of the examples.

    Examples
    --------
    >>> from optimizers import Adam, sweep
    >>> from optimizers.datasets import two_moons
    >>> from optimizers.models import mlp
    >>> moons = Training(mlp([2, 16, 2]), two_moons(), batch_size=32)
    >>> adam = Adam(moons, moons.start, lr=0.03)
    >>> path = adam.minimize(moons.steps(epochs=20))
    >>> bool(moons.accuracy(path.theta[-1]) > 0.9)
    True
    >>> sweep(Adam, moons, steps=100, seeds=3, lr=[0.001, 0.03]).best["lr"]
    0.03
    """

    model: Model
    data: Dataset
    batch_size: int = 64
    scheme: str = "he"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, kind in (("model", Model), ("data", Dataset)):
            if not isinstance(getattr(self, name), kind):
                raise TypeError(
                    f"{name} must be a {kind.__name__} (see optimizers.{kind.__name__.lower()}s), "
                    f"got {shown(getattr(self, name))}"
                )
        checks.whole("seed", self.seed, 0)
        self.steps(1)  # says what is wrong with batch_size

    @property
    def name(self) -> str:
        """Model and data: "MLP 64-32-10 on digits, batch 64"."""
        return f"{self.model.name} on {self.data.name}, batch {self.batch_size}"

    @cached_property
    def batches(self) -> Minibatches:
        """The mini-batches of this seed."""
        return minibatches(self.data, self.batch_size, self.seed)

    @cached_property
    def start(self) -> Any:
        """The weights that this seed starts from."""
        return self.model.init(self.seed, self.scheme)

    @cached_property
    def _layout(self) -> Any:
        return flatten(self.start)[1]

    def as_problem(self, start: Any) -> Problem:
        """What the experiments and the pictures ask of it."""
        promises = as_problem(self.model.loss)
        plain = type(self) is Training  # a subclass may compute another loss, and promises nothing
        return Problem(
            given=self,
            loss=self,
            name=self.name,
            start=self.start if start is None else start,
            batch=self.noise,
            exact=self.exact,
            accuracy=None if self.model.accuracy is None else self.accuracy,
            seed=self.seed,
            reseeded=partial(self._with_seed, start),
            draws_start=True,
            pure=plain and promises.pure,
            batched=plain and promises.batched,
            formula=self.model.loss if plain else self,
            noun="held-out loss",
            chance="Losses are those on held-out data.",
        )

    def _with_seed(self, start: Any, seed: int) -> Problem:
        other = copy.copy(self)  # a subclass may have an __init__ of its own
        object.__setattr__(other, "seed", seed)
        other.__post_init__()  # a subclass may make something of the seed there
        return other.as_problem(start)

    def steps(self, epochs: int) -> int:
        """How many steps this many passes through the data take."""
        return self.batches.steps(epochs)

    def __call__(self, weights: Any, batch: Batch | None = None) -> Any:
        """The loss on a batch, or on all training data: one number a run."""
        return self.model.loss(weights, self.data.train if batch is None else batch)

    def noise(self, t: int, size: int | None = None) -> Batch:
        """The mini-batch of step t = 1, 2, …"""
        return self.batches.at(t)

    def exact(self, theta: np.ndarray) -> Any:
        """The loss on the held-out data at flat weights: (..., P) → (...)."""
        return self._held_out(self.model.loss, theta)

    def accuracy(self, theta: np.ndarray) -> Any:
        """The share of held-out data classified correctly at flat weights: (..., P) → (...).

        Weights that are not finite get nothing right.
        """
        if self.model.accuracy is None:
            raise TypeError(f"{self.model.name} has no accuracy: there are no classes to get right")
        with np.errstate(all="ignore"):
            share = self._held_out(self.model.accuracy, theta)
        return np.where(np.isfinite(theta).all(axis=-1), share, 0.0)

    def _held_out(self, measure: Any, theta: np.ndarray) -> Any:
        runs = as_problem(self.model.loss).batched
        if theta.ndim > 1 + runs:  # of many rows of runs one at a time, to spare memory
            return np.stack([self._held_out(measure, row) for row in theta])
        return measure(self._layout.unflatten(theta), self.data.held_out)

    def __getstate__(self) -> dict[str, Any]:
        """Leave behind what is made on demand."""
        kind = type(self)
        return {
            name: value
            for name, value in vars(self).items()
            if not isinstance(getattr(kind, name, None), cached_property)
        }

    def __repr__(self) -> str:
        return f"<Training of {self.name}, {self.scheme} start, seed {self.seed}>"
