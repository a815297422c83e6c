"""What the experiments take in: rules with their labels, grids, seeds, spaces."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np

from optimizers import checks
from optimizers.checks import shown
from optimizers.engine.scalars import Untraceable
from optimizers.engine.trace import NotTraceable
from optimizers.engine.whole_runs import traced_step
from optimizers.experiments.standing import fewest_seeds
from optimizers.optimizer import Optimizer
from optimizers.problem import Problem
from optimizers.rules import SGD
from optimizers.spaces import Space
from optimizers.trajectory import room, row_size

Rule = type[Optimizer] | partial
Seeds = tuple[int, ...] | None
LEARNING_RATES = np.geomspace(1e-5, 10, 60)
LEARNING_RATES.setflags(write=False)  # every race shares them
MANY, FEW, ENOUGH = 32, 5, 12  # seeds: of quick runs; of slow ones, and to show these on
SMALL = 64  # weights: with more, runs are slow
ROWS = 100  # of a training, about so many are kept
RECORD = 1 << 28  # bytes of all paths; of longer ones, not every step is kept
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


def seeds_of(seeds: Any) -> Seeds:
    """The seeds that were asked for: so many, from 0 on, or these."""
    if seeds is None:
        return None
    if isinstance(seeds, str):
        raise TypeError(f"seeds must be how many, a list of seeds, or None, got {seeds!r}")
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
    try:
        made = schedule(lr)
    except TypeError as error:
        raise TypeError(f"{expected}; {error}") from error
    if not callable(made):
        raise TypeError(f"{expected}; this one returns {shown(made)}")


def short(value: Any) -> str:
    """A value as a label shows it."""
    if isinstance(value, partial):
        return label_of(value)
    if isinstance(value, str):
        return value
    return f"{value:.3g}" if isinstance(value, float) else getattr(value, "__name__", repr(value))


def plain(value: Any) -> Any:
    """A NumPy number as Python's own, so that a rule's checks take it for what it is."""
    return value.item() if isinstance(value, np.generic) else value


# ----------------------------------------------------------------------------- of a race


def seeds_to_tune_and_show(
    problem: Problem, seeds: Any, scatter: float, rules: int
) -> tuple[Seeds, Seeds]:
    """The seeds to tune on, and others to show: what was chosen on a seed looks better there."""
    if not scatter and problem.reseeded is None:
        return None, None  # they would decide nothing
    if isinstance(seeds, str) and seeds == "auto":
        slow = _is_slow(problem)
        tune_on = tuple(range(FEW if slow else MANY))
        count = max(ENOUGH, fewest_seeds(rules)) if slow else MANY
    else:
        chosen = seeds_of(seeds)
        if chosen is None:
            return None, None
        tune_on, count = chosen, len(chosen)
    return tune_on, tuple(max(tune_on) + 1 + i for i in range(count))


def _is_slow(problem: Problem) -> bool:
    """Whether thousands of runs would take minutes: those of a training, or made one by one."""
    if problem.draws_start or problem.theta.size > SMALL:
        return True
    if problem.together is not None:
        return False
    try:
        traced_step(SGD(problem, problem.start))
    except (Untraceable, NotTraceable):
        return True
    return False


def kept_steps(problem: Problem, steps: int, runs: int) -> int:
    """Which steps are kept; an error, before anything is tuned, if they will not fit."""
    row = row_size(problem.theta) * runs
    every = max(1, steps // ROWS) if problem.accuracy else -(-(steps * row) // RECORD)
    size, there = row * (steps // every + 2), room()
    if size > there:
        raise MemoryError(
            f"the paths of this race would take {size / 1e9:.3g} GB, and {there / 1e9:.3g} GB "
            "are free: race with fewer steps, rules or seeds, or `sweep`, which keeps none"
        )
    return every


def rates_of(
    lr: Any, trials: int | None, named: Mapping[str, Rule]
) -> tuple[np.ndarray, dict[str, Any]]:
    """The grid to tune over, and the learning rates that were given instead, by label."""
    if trials is not None:
        checks.whole("trials", trials, 1)
        if lr is not None:
            raise ValueError("give lr, to tune over it, or trials, to tune over each rule's space")
        for label, rule in named.items():
            if not free_space(rule):
                raise ValueError(f"{label}: all of its space is set, nothing is left to tune")
        return LEARNING_RATES, {}
    if isinstance(lr, Mapping) or callable(lr) or (lr is not None and np.ndim(lr) == 0):
        return LEARNING_RATES, _given(lr, named)
    for label, rule in named.items():
        if "lr" in getattr(rule, "keywords", {}):
            raise ValueError(
                f"{label}: compare tunes lr, so leave it out of the partial, "
                "or give every rule's: compare(..., lr={label: number})"
            )
    grid = LEARNING_RATES if lr is None else as_grid("lr", lr)
    if grid.dtype == object:
        raise TypeError(
            "lr must be numbers to tune over; rates for each layer or schedules can race if each "
            f"rule has its own, compare(..., lr={{label: rates}}), got {shown(lr)}"
        )
    return grid, {}


def _given(lr: Any, named: Mapping[str, Rule]) -> dict[str, Any]:
    """The learning rates that the caller chose, by label."""
    if not isinstance(lr, Mapping):
        return dict.fromkeys(named, lr)
    for label in lr:
        if label not in named:
            raise ValueError(
                f"lr names {label!r}, which does not race.{checks.nearest(str(label), named)}"
            )
    missing = [label for label in named if label not in lr]
    if missing:
        raise ValueError(f"lr must name every rule; missing: {', '.join(missing)}")
    several = [label for label, value in lr.items() if np.ndim(value) > 0]
    if several:
        raise ValueError(
            f"lr must be one number per rule; {several[0]} has {shown(lr[several[0]])}"
        )
    return dict(lr)


def free_space(rule: Rule) -> Space:
    """The search space of a rule, but for what a partial of it has set."""
    made: Any = rule
    set_here: dict[str, Any] = {}
    while isinstance(made, partial):
        set_here |= made.keywords
        made = made.func
    return {name: part for name, part in made.space.items() if name not in set_here}


def made(rule: Rule, problem: Problem) -> Optimizer:
    """An optimizer of a rule, or of a partial of one, at the start."""
    optimizer: Optimizer = partial(rule)(problem, problem.start)
    return optimizer
