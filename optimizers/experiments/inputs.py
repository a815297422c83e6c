"""What the experiments take in: rules with their labels, grids, starts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np

from optimizers import checks
from optimizers.checks import shown
from optimizers.optimizer import Optimizer

Rule = type[Optimizer] | partial
ONE_TUPLE = ("phi", "ns_coefficients")  # hyper-parameters that a tuple is one value of
SEED = "seed"  # the axis of the seeds; no rule may have a hyper-parameter of that name


def check_rule(rule: Any) -> None:
    """Raise a TypeError for what is neither a rule's class nor a partial of one."""
    made = rule.func if isinstance(rule, partial) else rule
    if not (isinstance(made, type) and issubclass(made, Optimizer)):
        raise TypeError(
            f"a rule must be a class such as SGD or Adam, or a partial of one, got {shown(rule)}"
        )


def label_of(rule: Rule, keywords: Mapping[str, Any] | None = None) -> str:
    """Say which rule it is: "Adam", or "Lookahead(inner=SGD)" where something is set."""
    set_here = dict(keywords or {})
    made: Any = rule
    while isinstance(made, partial):
        set_here = {**made.keywords, **set_here}
        made = made.func
    values = ", ".join(f"{name}={short(value)}" for name, value in set_here.items())
    return f"{made.__name__}({values})" if values else made.__name__


def is_grid(name: str, value: Any) -> bool:
    """Whether a value is several: a list or an array is, but for a list of patterns.

    A tuple of numbers is as well, except where it is one value, such as phi's bounds.
    """
    if name == "exclude_from_weight_decay":
        return isinstance(value, list) and not all(isinstance(v, str) for v in value)
    if name in ONE_TUPLE and isinstance(value, tuple):
        return False
    return isinstance(value, (list, tuple, range)) or np.ndim(value) > 0


def as_grid(name: str, value: Any) -> np.ndarray:
    """The values of a grid as an array with one axis; what is no number stays an object."""
    values = list(value)
    if not values:
        raise ValueError(f"the grid of {name} is empty: give at least one value")
    if isinstance(value, np.ndarray) and value.ndim != 1:
        raise ValueError(f"the grid of {name} must have one axis, got shape {value.shape}")
    if all(isinstance(v, (int, float, np.number, np.bool_)) for v in values):
        return np.asarray(values)
    grid = np.empty(len(values), object)
    for i, one in enumerate(values):
        grid[i] = one
    return grid


def seeds_of(seeds: Any) -> tuple[int, ...] | None:
    """The seeds that were asked for: so many, from 0 on, or these."""
    if seeds is None:
        return None
    if isinstance(seeds, str):
        raise TypeError(f"seeds must be how many, or which, or None, got {seeds!r}")
    if not isinstance(seeds, Iterable):
        return tuple(range(checks.whole("seeds", seeds, 1)))
    chosen = tuple(checks.whole("seeds", seed, 0) for seed in seeds)
    if not chosen or len({*chosen}) < len(chosen):
        raise ValueError(f"seeds must be different whole numbers, at least one, got {chosen}")
    return chosen


def labelled(rules: Any) -> dict[str, Rule]:
    """The rules that race by their labels; those without one get their name."""
    if isinstance(rules, (type, partial)):
        rules = [rules]
    if isinstance(rules, Mapping):
        pairs = list(rules.items())
    else:
        if isinstance(rules, str) or not isinstance(rules, Iterable):
            raise TypeError(
                f"rules must be a list of rules such as [SGD, Adam], got {shown(rules)}"
            )
        pairs = [(None, rule) for rule in rules]
    if not pairs:
        raise ValueError("compare needs at least one rule, such as [SGD, Adam]")
    named: dict[str, Rule] = {}
    for given, rule in pairs:
        check_rule(rule)
        label = str(given) if given is not None else label_of(rule)
        if label in named:
            raise ValueError(
                f"two rules are called {label!r}: give a dict by label, "
                "such as {'Adam, beta1 0.9': Adam, 'Adam, beta1 0.5': partial(Adam, beta1=0.5)}"
            )
        named[label] = rule
    return named


def folders(labels: Iterable[str]) -> dict[str, str]:
    """A folder for each label, no two the same, also where upper and lower case count as one."""
    found: dict[str, str] = {}
    for label in labels:
        name = plain_name = re.sub(r'[<>:"/\\|?*\s]+', "_", label).rstrip(".") or "_"
        number = 2
        while name.lower() in {folder.lower() for folder in found.values()}:
            name, number = f"{plain_name}-{number}", number + 1
        found[label] = name
    return found


def check_schedule(schedule: Any, lr: Any) -> None:
    """Raise an error for what does not make a schedule of a learning rate."""
    if schedule is None:
        return
    expected = (
        "schedule must be a function from a learning rate to a function of the step, such as "
        "partial(cosine, steps=500)"
    )
    if not callable(schedule):
        raise TypeError(f"{expected}; got {shown(schedule)}")
    if callable(lr):
        raise ValueError("give lr as numbers and schedule=, or lr as a schedule, not both")
    if not callable(schedule(lr)):
        raise TypeError(f"{expected}; this one returns {shown(schedule(lr))}")


def short(value: Any) -> str:
    """A value as a label shows it."""
    if isinstance(value, partial):
        return label_of(value)
    return f"{value:.3g}" if isinstance(value, float) else getattr(value, "__name__", repr(value))


def plain(value: Any) -> Any:
    """A NumPy number as Python's own, so that a rule's checks take it for what it is."""
    return value.item() if isinstance(value, np.generic) else value
