"""Whether a step that was written down goes Python's way, tried on its first steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from optimizers.engine.javascript import step_in_javascript
from optimizers.engine.scalars import evaluated
from optimizers.engine.seen import Seen, by_prefix
from optimizers.engine.step import Step
from optimizers.experiments.inputs import Rule
from optimizers.optimizer import Optimizer
from optimizers.problem import Problem

ALIKE = 3  # steps after which it is known what a rule does and keeps


def goes_the_way(
    step: Step,
    rule: Rule,
    problem: Problem,
    settings: Mapping[str, Any],
    name: str = "",
) -> bool:
    """Whether the first steps are Python's; with another value of that hyper-parameter, if any."""
    given = dict(settings)
    if name:
        value = given[name]
        other = not value if isinstance(value, bool) else value + 1 if value else 1
        given[name] = other if isinstance(value, (bool, int)) else 0.75 * value or 0.25
    try:
        optimizer, start = _set_to(rule, problem, given), _set_to(rule, problem, settings)
    except (TypeError, ValueError):  # no value that may be given
        return True
    same = all(map(np.array_equal, _carried(optimizer).values(), _carried(start).values()))
    if not same:  # its state begins elsewhere
        return False
    asks_for_hessian = "hessian[" in step_in_javascript(step)
    for t in range(1, ALIKE + 1):
        before = _carried(optimizer)
        optimizer.minimize_raw()
        known = {**before, **given, "g": optimizer.g, "t": t, "eta": optimizer.eta, "loss": np.nan}
        if asks_for_hessian:
            known["hessian"] = optimizer.gradient.hessian(before["theta"], optimizer.batch)
        for key, now in _carried(optimizer).items():
            told = evaluated(step.after[key], known)
            if not _near(told, now):
                return False
        if not _near(evaluated(step.out, given | _carried(optimizer)), optimizer.theta):
            return False
    return True


def _near(one: Any, other: Any) -> bool:
    return bool(np.allclose(one, other, rtol=1e-9, atol=1e-300, equal_nan=True))


def _set_to(rule: Rule, problem: Problem, given: Mapping[str, Any]) -> Optimizer:
    """The optimizer with these hyper-parameters, named as a step names them."""
    made = rule(problem, problem.start)
    own = {n: v for n, v in given.items() if n in type(made).__hyper_parameters__}
    made = rule(problem, problem.start, **own)
    for prefix, part in by_prefix(made).items():
        for name, value in given.items():
            if prefix and name.startswith(prefix):
                setattr(part, name.removeprefix(prefix), value)
    return made


def _carried(optimizer: Optimizer) -> dict[str, np.ndarray]:
    return {name: np.array(value) for name, value in Seen(optimizer).carried.items()}
