"""Where to look for good hyper-parameters: ranges that a rule names beside its formula.

space = Optimizer.space | {"momentum": Linear(0.5, 0.99), "nesterov": Choice(False, True)}
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Log:
    """From low to high in equal ratios; both are positive.

    Examples
    --------
    >>> Log(1e-4, 1.0).at(np.array([0.0, 0.5, 1.0])).round(6).tolist()
    [0.0001, 0.01, 1.0]
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high < np.inf:
            raise ValueError(f"a log range must have 0 < low < high, got {self}")

    @property
    def ends(self) -> tuple[float, float]:
        """What a hyper-parameter must be able to be."""
        return self.low, self.high

    def at(self, shares: np.ndarray) -> np.ndarray:
        """The values at these shares of the range, from 0 to 1."""
        return self.low * (self.high / self.low) ** shares


@dataclass(frozen=True)
class Linear:
    """From low to high in equal steps.

    Examples
    --------
    >>> Linear(0.0, 0.8).at(np.array([0.0, 0.5, 1.0])).tolist()
    [0.0, 0.4, 0.8]
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not -np.inf < self.low < self.high < np.inf:
            raise ValueError(f"a linear range must have low < high, got {self}")

    @property
    def ends(self) -> tuple[float, float]:
        """What a hyper-parameter must be able to be."""
        return self.low, self.high

    def at(self, shares: np.ndarray) -> np.ndarray:
        """The values at these shares of the range, from 0 to 1."""
        return self.low + (self.high - self.low) * shares


class Choice:
    """One of these values, each as often as the others.

    Examples
    --------
    >>> Choice(0.9, 0.99, 0.999).at(np.array([0.1, 0.5, 0.9])).tolist()
    [0.9, 0.99, 0.999]
    """

    def __init__(self, *values: Any) -> None:
        if not values:
            raise ValueError("a choice must have at least one value")
        self.ends: Sequence[Any] = values

    def at(self, shares: np.ndarray) -> np.ndarray:
        """The values at these shares, from 0 to 1."""
        which = np.minimum(shares * len(self.ends), len(self.ends) - 1).astype(int)
        is_number = {type(value) for value in self.ends} in ({int}, {float}, {bool})
        values = np.array(self.ends) if is_number else np.empty(len(self.ends), object)
        if not is_number:
            values[:] = self.ends
        return values[which]

    def __repr__(self) -> str:
        return f"Choice({', '.join(map(repr, self.ends))})"


Space = dict[str, Log | Linear | Choice]


def quasi_random(space: Space, trials: int) -> dict[str, np.ndarray]:
    """So many points that fill a space evenly: one array a hyper-parameter, (trials,).

    A scrambled Halton sequence: its first k points fill the space, for every k.

    Examples
    --------
    >>> points = quasi_random({"lr": Log(1e-3, 1.0), "momentum": Linear(0.5, 1.0)}, trials=20)
    >>> bool((points["lr"] < 0.03).mean().round(1) == 0.5), points["momentum"].shape
    (True, (20,))
    """
    from scipy.stats.qmc import Halton  # slow to import

    shares = Halton(len(space), rng=0).random(trials)
    return {name: part.at(shares[:, i]) for i, (name, part) in enumerate(space.items())}
