"""η: a number, one per run, one for each layer, or a schedule: a function of t to any of these."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np

from optimizers import checks
from optimizers.hyper_parameters import Kind, number
from optimizers.weights import Layout


def _learning_rate(name: str, value: Any) -> Any:
    if callable(value) or is_by_layer(value):
        return value  # the optimizer, who knows the layers, goes on from here
    return number(checks.NOT_NEGATIVE, name, value)


LearningRate = Annotated[Any, Kind(_learning_rate, checks.NOT_NEGATIVE)]


def is_by_layer(value: Any) -> bool:
    """Whether a learning rate comes in the nesting of the weights, or by their names."""
    if isinstance(value, Mapping):
        return True
    if not isinstance(value, (list, tuple)) or _is_column(value):
        return False
    return any(isinstance(v, (Mapping, list, tuple)) or np.ndim(v) for v in value)


def _is_column(value: Any) -> bool:
    """Whether it is a list of runs, [[0.1], [0.2]]."""
    return all(isinstance(v, (list, tuple)) and len(v) == 1 and np.ndim(v[0]) == 0 for v in value)


def by_weight(name: str, values: Any, layout: Layout, rest: Any) -> np.ndarray:
    """One for each layer as one for each weight, (P,); who is not named has `rest`."""
    if isinstance(values, (list, tuple)) and isinstance(layout.tree, int):
        checks.number_or_runs(name, values, checks.NOT_NEGATIVE)  # says what is wrong with it
    rates = layout.per_weight(name, values, rest if np.ndim(rest) == 0 else 0.0)
    checks.number_or_runs(name, rates, checks.NOT_NEGATIVE)
    return rates


def moving(values: Any, eta: Any) -> Any:
    """Those of the weights that move, 0 for those that η freezes: 0, where each has its own.

    Examples
    --------
    >>> moving(np.array([3.0, 4.0]), np.array([0.1, 0.0]))
    array([3., 0.])
    >>> moving(np.array([3.0, 4.0]), 0.0)
    array([3., 4.])
    """
    return np.where(eta > 0, values, 0.0) if np.ndim(eta) == 1 else values


def scheduled(schedule: Any, t: int, layout: Layout, rest: Any) -> Any:
    """What a schedule says for step t."""
    name, eta = f"the schedule's lr at t = {t}", schedule(t)
    if is_by_layer(eta):
        return by_weight(name, eta, layout, rest)
    return checks.number_or_runs(name, eta, checks.NOT_NEGATIVE)


def check_runs(name: str, value: Any, runs: tuple[int, ...]) -> None:
    """Raise an error for numbers that are one a run, but for other runs than these."""
    if np.ndim(value) > 1 and value.shape[:-1] not in ((1,), runs):
        raise ValueError(
            f"{name} must be a number, or one per run; got {len(value)} for "
            f"{runs or 'a single run'}"
        )


def warn_of_runs(lr: Any, theta: np.ndarray, layout: Layout) -> None:
    """Say that a plain list is one learning rate a run where it may be meant otherwise."""
    if not isinstance(lr, (list, tuple, np.ndarray)) or is_by_layer(lr) or np.ndim(lr) != 1:
        return
    parts = 0 if isinstance(layout.tree, int) or layout.tree[0] == "dict" else len(layout.tree[1])
    if theta.ndim == 1 and len(lr) > 1 and len(lr) in (theta.size, parts):
        warnings.warn(
            f"lr has {len(lr)} values, as many as there are weights: taken as {len(lr)} runs, one "
            f"per learning rate. For one per weight, give them by name, lr={{{layout.names[0]!r}: "
            f"…}}; for runs, in shape ({len(lr)}, 1)",
            stacklevel=4,
        )
