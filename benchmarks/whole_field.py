"""Row 9: every rule on every function, over learning rates and starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.report import OURS, Agreement, Goal, Limit, Row, difference
from benchmarks.timing import interleave
from optimizers import RULES
from optimizers.experiments.runs import finish
from optimizers.functions import FUNCTIONS, Function
from optimizers.problem import as_problem

RATES = np.geomspace(1e-5, 10, 60)
STARTS = 32
STEPS = 500
NEAR = 0.02  # of the domain's width: how far the starts lie from the function's own, normally


def measure(quick: bool) -> Row:
    """Time all of it; quick or not, it is the same."""
    timings, results = interleave({OURS: lambda: losses(RULES)}, 1, warm_up=False)
    work = (
        f"{len(RULES)} rules × {len(FUNCTIONS)} functions × {len(RATES)} learning rates × "
        f"{STARTS} starts × {STEPS} steps"
    )
    alone = one_by_one(results[OURS])
    return Row(
        9,
        work,
        timings,
        [Goal(work, timings[OURS].median, Limit("", 20), Limit("", 5))],
        [Agreement("some of the runs, one by one", alone, 0.0)],
        ["Nothing is compiled when it begins."],
    )


def starts(function: Function) -> np.ndarray:
    """Points near the function's own start, (STARTS, 2)."""
    assert function.domain is not None
    assert function.start is not None
    away = np.random.default_rng(0).standard_normal((STARTS, 2))
    return function.start + NEAR * np.ptp(function.domain, axis=1) * away


def losses(rules: Mapping[str, Any]) -> dict[tuple[str, str], np.ndarray]:
    """The final losses by rule and function, (STARTS, rates)."""
    found = {}
    for label, function in FUNCTIONS.items():
        problem = as_problem(function)
        columns = {"lr": np.tile(RATES, STARTS)}
        at = np.repeat(starts(function), len(RATES), axis=0)
        for name, rule in rules.items():
            ends = finish(rule, problem, STEPS, columns, at, progress=False)
            found[name, label] = ends.loss.reshape(STARTS, len(RATES))
    return found


def one_by_one(found: Mapping[tuple[str, str], np.ndarray]) -> float:
    """How far a run of each pair is from the same run alone on NumPy."""
    far = []
    for i, ((name, label), ends) in enumerate(found.items()):
        function, at = FUNCTIONS[label], divmod(i * 97 % ends.size, len(RATES))
        alone = RULES[name](function, starts(function)[at[0]], lr=RATES[at[1]])
        path = alone.minimize(STEPS, every=STEPS, callback=lambda optimizer: None)
        both = ends[at], path.loss[-1]  # of runs that diverged, one may be nan and the other inf
        far.append(difference(*both, floor=1.0) if np.isfinite(both).any() else 0.0)
    return max(far)
