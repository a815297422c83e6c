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
from optimizers.experiments.comparison import Comparison, Entry, Target
from optimizers.experiments.inputs import (
    Rule,
    check_schedule,
    folders,
    kept_steps,
    labelled,
    made,
    rates_of,
    seeds_to_tune_and_show,
)
from optimizers.experiments.kept import made_by
from optimizers.experiments.runs import follow
from optimizers.experiments.tuning import Tuner
from optimizers.optimizer import Optimizer, Schedule
from optimizers.problem import SCATTER, as_problem
from optimizers.rules import LAMB, LARS, SOAP, Adafactor, Muon, Shampoo
from optimizers.rules.wrapper import Wrapper

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
        Tune over this many points of each rule's own search space instead (`Adam.space`): its
        learning rate and what else it names, the same number for every rule, quasi-random.
    budget
        "gradients": `steps` counts gradients of the loss. Newton's step takes one for each weight
        beside its own, so it makes fewer steps. A step of a rule that searches along a line takes
        a varying number: no budget of gradients can be matched with it.
    seeds
        Tune for the median over these seeds (how many, or which), then show the race on as many
        others. "auto": 32 and 32; for a training, and where runs are slow (over 64 weights, or a
        loss that takes one point at a time and cannot be traced), 5 and 12, or as many as it takes
        to separate so many rules. None: a single run from the start as it is, as in a textbook,
        tuned on itself.
    scatter
        How far a seed moves the start (see `sweep`); a training's seeds draw the first weights.
    target
        A loss, or {"accuracy": share}: the table says after how many steps it is reached. Left
        out, 0.1% of the first gap to the minimum, where that is known.
    hypothesis
        What you expect, in words, before you know: the report shows it beside what came out.
    schedule, n_jobs, progress
        As in `sweep`; processes share the tuning.
    store
        A folder that keeps what is finished of the tuning (see `sweep`), a folder per rule. Delete
        it yourself after a change in a file that is read, in compiled code, in an installed
        package or in what is reached through `getattr`: these are not noticed.

    Returns
    -------
    Comparison
        A mapping from labels to trajectories, one run per seed; it prints as a table.

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
    if not isinstance(hypothesis, str | None):
        raise TypeError(f"hypothesis must be words, got {shown(hypothesis)}")
    goal = Target.of(target, problem)
    grid, given = rates_of(lr, trials, named)
    tune_on, show_on = seeds_to_tune_and_show(problem, seeds, scatter, len(named))
    every = kept_steps(problem, steps, len(named) * len(show_on or (0,)))
    how = {"schedule": schedule, "n_jobs": n_jobs, "progress": progress}
    tuner = Tuner(problem, tune_on, scatter, grid, trials, how)

    entries = {}
    for label, folder in folders(named).items():
        rule = named[label]
        racer = made(rule, problem)
        check_schedule(schedule, given.get(label, racer.lr))
        inside = None if store is None else Path(store) / folder
        cost = racer.gradients_per_step
        if budget == "gradients" and cost is None:
            raise ValueError(
                f"a step of {label} takes a varying number of evaluations, so it cannot be "
                "given as many gradients as others: race with budget='steps', where its "
                "evaluations are counted"
            )
        its_steps = steps if budget == "steps" else steps // (cost or 1)
        if not its_steps:
            raise ValueError(
                f"steps must pay for at least one step of {label}, which costs {cost} gradients; "
                f"the budget is {steps}"
            )
        tuning, luck, once = None, None, None
        others: dict[str, np.ndarray] = {}
        chosen = {"lr": given.get(label, racer.lr)}
        if not given:  # tune: who has the lowest median over the tuning's seeds
            tuning, others = tuner(rule, its_steps, inside)
            chosen |= tuning.best
        settled: Rule = partial(rule, **_scheduled(chosen, schedule))
        kept: Any = {"every": every, "watch": () if cost is not None else ("evaluations",)}
        if show_on is None or not problem.draws_start:  # race: from the start itself,
            path = once = made(settled, problem).minimize(its_steps, **kept)
        if show_on is not None:  # and on seeds that it was not tuned on
            path = follow(settled, problem, its_steps, show_on, scatter, **kept, progress=progress)
        if others:  # and what would other tunings have raced with?
            (luck,), _ = tuner.ends(
                rule, its_steps, [(others, show_on)], inside and inside / "luck"
            )
        drawn, instead = _is_drawn_to_origin(made(settled, problem)), _falls_back_to(racer)
        entries[label] = Entry(chosen, path, once, tuning, luck, cost, drawn, instead)
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
    """Whether the rule decays any of the weights, or scales its steps by their length."""
    if isinstance(racer, Wrapper):
        return _is_drawn_to_origin(racer.wrapped)
    decay = racer.hyper_parameters.get("weight_decay", 0) * getattr(racer, "decayed", 1)
    if isinstance(racer, Muon):
        decay = np.where(racer.in_matrix, racer.weight_decay, racer.adam_weight_decay)
    return bool(np.any(decay > 0)) or isinstance(racer, (LAMB, LARS, Adafactor))


def _falls_back_to(racer: Optimizer) -> str:
    """Whose steps a rule for matrices makes where there are none; nothing if it is itself."""
    axes = max(map(len, racer.layout.shapes))
    has_matrices = any(len(shape) == 2 for shape in racer.layout.shapes)
    match racer:
        case Wrapper():
            return _falls_back_to(racer.wrapped)
        case Muon() if not has_matrices:
            return "AdamW with Nesterov's m̂" if racer.nesterov else "AdamW"
        case SOAP() if not has_matrices:
            return "AdamW, a step late"
        case Shampoo() if axes < 2:  # each axis has a matrix
            return "AdaGrad with a whole matrix"
    return ""


def _scheduled(chosen: dict[str, Any], schedule: Any) -> dict[str, Any]:
    return chosen if schedule is None else chosen | {"lr": schedule(chosen["lr"])}
