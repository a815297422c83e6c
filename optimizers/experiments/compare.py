"""compare: every rule tuned in the same way, then raced.

Fair means: the same number of trials and of steps (or of gradients) for every rule, tuned for the
length that is shown, by the median over many seeds, shown on others, and nothing clipped. What
diverged, and what the seeds do not tell apart, is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np

from optimizers import checks
from optimizers.checks import shown
from optimizers.engine.scalars import Untraceable
from optimizers.engine.trace import NotTraceable
from optimizers.engine.whole_runs import traced_step
from optimizers.experiments.comparison import Comparison, Entry, Target
from optimizers.experiments.inputs import Rule, as_grid, folders, labelled, seeds_of
from optimizers.experiments.runs import follow
from optimizers.experiments.tuning import LEARNING_RATES, Tuner, free_space
from optimizers.experiments.words import made_by
from optimizers.optimizer import Optimizer, Schedule
from optimizers.problem import SCATTER, Problem, as_problem
from optimizers.rules import LAMB, LARS, SGD
from optimizers.trajectory import room, row_size

MANY, FEW, ENOUGH = 32, 5, 12  # seeds: of quick runs; of slow ones, and to show these on
SMALL = 64  # weights: with more, runs are slow
ROWS = 100  # of a training, about so many are kept
RECORD = 1 << 28  # bytes of all paths; of longer ones, not every step is kept
BUDGETS = ("steps", "gradients")


def compare(
    rules: Iterable[Rule] | Mapping[str, Rule],
    function: Callable[..., Any],
    *,
    start: Any = None,
    steps: int = 500,
    lr: Any = None,
    trials: int | None = None,
    budget: Literal["steps", "gradients"] = "steps",
    seeds: int | Iterable[int] | Literal["auto"] | None = "auto",
    scatter: float = SCATTER,
    schedule: Callable[[Any], Schedule] | None = None,
    target: float | Mapping[str, float] | None = None,
    hypothesis: str | None = None,
    n_jobs: int | None = None,
    store: str | PathLike[str] | None = None,
    progress: bool = True,
) -> Comparison:
    """Tune every rule in the same way, then race them.

    Parameters
    ----------
    rules
        Classes, functools.partials of classes, or a dict of them by label.
    function
        A test function, any loss, or a `Training`: a model on its data.
    start
        The weights to start from; left out, the function's own `start`.
    steps
        How many steps each rule makes: in the tuning, and in what is shown.
    lr
        Left out: tuned over 60 values from 1e-5 to 10. An array is another grid. Twice, some more
        values are tried on both sides of the best, a quarter as many as the grid has. A number, or
        a dict by label, is taken as it is, untuned.
    trials
        Tune over so many points of each rule's own search space instead (`Adam.space`): its
        learning rate and what else it names, the same number for every rule, quasi-random.
    budget
        "gradients": `steps` counts gradients of the loss. Newton's step takes one for each weight
        beside its own, so it makes fewer steps.
    seeds
        Tune for the median over these seeds (how many, or which), then show the race on as many
        others. "auto": 32 and 32; for a training, and where runs are slow (over 64 weights, or a
        loss that takes one point at a time and cannot be traced), 5 and 12. None: a single run from
        the start as it is, as in a textbook, tuned on itself.
    scatter
        How far a seed moves the start (see `sweep`); a training's seeds draw the first weights.
    target
        A loss, or {"accuracy": share}: the table says after how many steps it is reached. Left
        out, 0.1% of the first gap to the minimum, where that is known.
    hypothesis
        What you expect, in words, before you know: the report shows it beside what came out.
    schedule, n_jobs, progress
        As in `sweep`.
    store
        A folder that keeps what is finished of the tuning (see `sweep`), a folder a rule. Delete
        it yourself after a change in a file that is read, in compiled code, in an installed
        package or in what is reached through `getattr`: these are not noticed.

    Returns
    -------
    Comparison
        A mapping from labels to trajectories, a run a seed; it prints as a table.

    Raises
    ------
    TypeError, ValueError
        For no rules, what is no rule, an empty grid, labels that do not match.
    MemoryError
        If the paths would not fit into memory.

    Examples
    --------
    >>> from optimizers import SGD, Momentum, compare
    >>> from optimizers.functions import booth
    >>> race = compare([SGD, Momentum], booth, steps=20)
    >>> [row["rule"] for row in race.rows()]
    ['SGD', 'Momentum']
    """
    named, problem = labelled(rules), as_problem(function, start).checked()
    steps = checks.whole("steps", steps, 1)
    if budget not in BUDGETS:
        raise ValueError(f"budget must be one of {', '.join(BUDGETS)}, got {shown(budget)}")
    scatter = checks.number("scatter", scatter, checks.NOT_NEGATIVE)
    goal = Target.of(target, problem)
    grid, given = _rates(lr, trials, named)
    tune_on, show_on = _seeds(problem, seeds)
    every = _every(problem, steps, len(named) * len(show_on or (0,)))
    how = {"schedule": schedule, "n_jobs": n_jobs, "progress": progress}
    tuner = Tuner(problem, tune_on, scatter, grid, trials, how)

    entries = {}
    for label, folder in folders(named).items():
        rule = named[label]
        probe: Rule = partial(rule)  # a rule, or a partial of one
        racer = probe(problem, problem.start)
        its_steps = steps if budget == "steps" else max(1, steps // racer.gradients_per_step)
        tuning, luck = None, None
        others: dict[str, np.ndarray] = {}
        chosen = {"lr": given.get(label, racer.lr)}
        if not given:
            tuning, others = tuner(rule, its_steps, None if store is None else Path(store) / folder)
            chosen |= tuning.best
        settled: Rule = partial(rule, **_scheduled(chosen, schedule))
        if show_on is None:
            path = once = settled(problem, problem.start).minimize(its_steps, every=every)
        else:
            path, once = follow(
                settled, problem, its_steps, show_on, scatter, every=every, progress=progress
            )
        if others:
            (luck,), _ = tuner.ends(rule, its_steps, [(others, show_on)])
        cost, drawn = racer.gradients_per_step, _is_drawn_to_origin(settled(problem, problem.start))
        entries[label] = Entry(chosen, path, once, tuning, luck, cost, drawn)
    said = {"lr": lr, "trials": trials, "budget": budget, "seeds": seeds, "scatter": scatter}
    said |= {"schedule": schedule, "target": target, "hypothesis": hypothesis}
    return Comparison(
        problem,
        entries,
        steps=steps,
        budget=budget,
        trials=trials,
        seeds=tune_on,
        race_seeds=show_on,
        scatter=scatter,
        target=goal,
        hypothesis=hypothesis,
        made=made_by(named, problem, {"start": start, "steps": steps, **said}),
    )


def _is_drawn_to_origin(racer: Optimizer) -> bool:
    """Whether the rule decays the weights, or scales its steps by their length."""
    decays = np.any(racer.hyper_parameters.get("weight_decay", 0) > 0)
    return bool(decays) or isinstance(racer, (LAMB, LARS))


def _seeds(problem: Problem, seeds: Any) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None]:
    """The seeds to tune on, and others to show: what was chosen on a seed looks better there."""
    if isinstance(seeds, str) and seeds == "auto":
        slow = _is_slow(problem)
        tune_on, count = tuple(range(FEW if slow else MANY)), ENOUGH if slow else MANY
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


def _every(problem: Problem, steps: int, runs: int) -> int:
    """Which steps are kept; an error, before anything is tuned, if they will not fit."""
    row = row_size(problem.theta) * runs
    every = max(1, steps // ROWS) if problem.accuracy else -(-(steps * row) // RECORD)
    size, there = row * (steps // every + 2), room()
    if size > there:
        raise MemoryError(
            f"the paths of this race would take {size / 1e9:.3g} GB, and {there / 1e9:.3g} GB are "
            "there for them: race with fewer steps, rules or seeds, or `sweep`, which keeps none"
        )
    return every


def _scheduled(chosen: dict[str, Any], schedule: Any) -> dict[str, Any]:
    return chosen if schedule is None else chosen | {"lr": schedule(chosen["lr"])}


def _rates(
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
            "lr must be numbers to be tuned over; rates for each layer or schedules race if each "
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
        raise ValueError(f"lr must be one number a rule; {several[0]} has {shown(lr[several[0]])}")
    return dict(lr)
