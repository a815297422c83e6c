"""What a page runs: losses and rules as JavaScript, and what it has to know of them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from optimizers.engine.javascript import (
    gradient_in_javascript,
    handed_out_in_javascript,
    hessian_in_javascript,
    loss_in_javascript,
    step_in_javascript,
)
from optimizers.engine.scalars import Untraceable
from optimizers.engine.seen import Seen, by_prefix
from optimizers.engine.step import Step, rule_of
from optimizers.engine.trace import NotTraceable
from optimizers.engine.whole_runs import settled_step, traced_hessian, traced_step
from optimizers.experiments.inputs import Rule
from optimizers.optimizer import Optimizer, hands_out_others
from optimizers.page.formula import lines_of
from optimizers.page.sliders import slider
from optimizers.page.tried import ALIKE, goes_the_way
from optimizers.problem import Problem
from optimizers.rules import SGD
from optimizers.state import parts

MOST_STEPS = 1000


class Unwritten(ValueError):
    """A loss or a rule that cannot be written as JavaScript; the message says which, and why."""


class Written(NamedTuple):
    """Data, and the functions that go with it, by name."""

    data: dict[str, Any]
    code: dict[str, str]

    @property
    def text(self) -> str:
        """An object of JavaScript's."""
        functions = "".join(f",\n{json.dumps(name)}: {code}" for name, code in self.code.items())
        return f"{{...{literal(self.data)}{functions}}}"


def literal(value: Any) -> str:
    """A value as JavaScript, which may stand in the script of a page.

    Examples
    --------
    >>> print(literal({"minimum": np.inf, "name": "</script>"}))
    {"minimum": Infinity, "name": "\\u003c/script>"}
    """
    return json.dumps(_plain(value), ensure_ascii=False).replace("<", "\\u003c")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(child) for key, child in value.items()}
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    return list(map(_plain, value)) if isinstance(value, (list, tuple)) else value


def numbers(array: np.ndarray) -> str:
    """An array of floats in few letters, every bit of them."""
    return base64.b64encode(np.ascontiguousarray(array, "<f8").tobytes()).decode()


# ------------------------------------------------------------------------------------- functions


def written_function(problem: Problem, knobs: Sequence[Mapping[str, Any]] = ()) -> Written:
    """A loss of one or two weights, its gradient and its Hessian.

    Parameters
    ----------
    problem
        With a start, and the domain that is to be looked at.
    knobs
        What `problem` takes beside the weights, in place of the noise: the sliders of these.

    Raises
    ------
    Unwritten
        If it cannot be traced.
    """
    try:
        optimizer = SGD(problem, problem.start)
        step = settled_step(optimizer)
        theta = step.before["theta"]
        code = {"gradient": gradient_in_javascript(theta, step.loss.item(), step.gradient)}
        exact = step
        if problem.exact is not None and not knobs:
            plain = problem.without_chance
            exact = traced_step(SGD(plain, plain.start))
        code["loss"] = loss_in_javascript(exact.before["theta"], exact.loss.item())
        with suppress(Exception):  # whatever it is: rules that ask for it cannot run then
            code["curvature"] = hessian_in_javascript(theta, traced_hessian(optimizer))
    except (Untraceable, NotTraceable) as reason:
        raise Unwritten(f"{problem.name} cannot run in a page: {reason}") from reason
    noise = "" if knobs else noise_of(problem)
    return Written(about(problem, knobs) | {"noise": noise}, code)


def about(problem: Problem, knobs: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """What is known of a loss, for the page."""
    return {
        "name": problem.name,
        "python": getattr(problem.given, "written", problem.name),
        "domain": problem.domain,
        "start": problem.theta,
        "minima": [] if problem.minima is None else problem.minima,
        "minimum": problem.known_minimum,
        "bounded": problem.is_bounded,
        "noun": problem.noun,
        "chance": "" if knobs else problem.chance,
        "noise": "",
        "knobs": list(knobs),
    }


def noise_of(problem: Problem, steps: int = MOST_STEPS + 1) -> str:
    """The noise of so many steps, as `numbers`; nothing where there is none."""
    if problem.batch is None:
        return ""
    return numbers(np.array([problem.batch(t, problem.theta.size) for t in range(1, steps + 1)]))


# ----------------------------------------------------------------------------------------- rules


def written_rule(label: str, rule: Rule, problem: Problem) -> Written:
    """A rule's step, for as many weights as a problem has.

    Parameters
    ----------
    label
        Its name on the page.
    rule
        A class, or a partial of one.
    problem
        Where it starts, and what its first steps are tried on.

    Raises
    ------
    Unwritten
        If it cannot be traced.
    ValueError
        If it was given one number a run.
    """
    optimizer = rule(problem, problem.start)
    if optimizer._theta.ndim > 1:
        raise ValueError(f"{label} must make one run: give one number for each hyper-parameter")
    if optimizer.gradient.grad is not None:
        raise Unwritten(f"{label} cannot run in a page: its gradient is the user's own")
    kept = kept_by(rule, problem)
    watch = tuple(name for name in (*kept, "d") if name not in optimizer.state)
    settings = _settings(optimizer)
    for name in (*settings, *kept):
        if not name.isidentifier():
            raise Unwritten(f"{label} cannot run in a page: {name!r} is not a name in JavaScript")
    try:
        step, settings = _traced(rule, problem, watch, settings)
        code = {"step": step_in_javascript(step)}
        if hands_out_others(optimizer):
            code["handedOut"] = handed_out_in_javascript(step)
        names = [name for name in step.before if name != "theta"]
        state = {name: _at_first(name, optimizer, rule, problem) for name in names}
    except (Untraceable, NotTraceable) as reason:
        raise Unwritten(f"{label} cannot run in a page: {reason}") from reason
    times = range(1, MOST_STEPS + 2) if callable(optimizer.lr) else ()
    etas = [float(optimizer._scheduled(t)) for t in times]
    used = {name: value for name, value in settings.items() if _is_in(name, code["step"])}
    data = {
        "label": label,
        "rule": type(optimizer).__name__,
        "python": _spelled(rule),
        "hyper": settings,
        "sliders": list(filter(None, (slider(n, v, optimizer) for n, v in used.items()))),
        "etas": numbers(np.array(etas)) if etas else "",
        "given": "lr" in getattr(rule, "keywords", {}),
        "state": state,
        "seen": {name: x.size for name, x in step.watched.items()},
        "panels": panels_of(kept),
        "lines": lines_of(optimizer, kept),
        "curved": "hessian[" in code["step"],
    }
    return Written(data, code)


def _traced(
    rule: Rule, problem: Problem, watch: tuple[str, ...], settings: dict[str, Any]
) -> tuple[Step, dict[str, Any]]:
    """The step, and those of the hyper-parameters that are its inputs.

    A whole number may count the turns of a loop, and a formula may ask whether a switch `is True`:
    what does not go Python's way as an input is written in.
    """
    optimizer = rule(problem, problem.start)
    numbers = {name: value for name, value in settings.items() if type(value) is not int}
    floats = {name: value for name, value in settings.items() if type(value) is float}
    for inputs in (settings, numbers, floats, {}):
        with suppress(Untraceable):
            step = rule_of(optimizer, watch, inputs)
            if Seen(optimizer).is_librarys:  # which tests hold
                return step, inputs
            if goes_the_way(step, rule, problem, inputs):
                break
    else:
        rule_of(optimizer, watch, {})  # says why, if it cannot be traced at all
        raise Untraceable("its steps are not those of Python")
    wrong = [n for n in inputs if not goes_the_way(step, rule, problem, inputs, n)]
    if wrong:
        inputs = {name: value for name, value in inputs.items() if name not in wrong}
        step = rule_of(optimizer, watch, inputs)
    return step, inputs


def _is_in(name: str, code: str) -> bool:
    return re.search(rf"hyper\.{name}\b", code) is not None


def kept_by(rule: Rule, problem: Problem) -> list[str]:
    """What a rule, and one inside it, changes from step to step, by name."""
    optimizer: Optimizer = rule(problem, problem.start)

    def arrays() -> dict[str, np.ndarray]:
        held = {name: value for part in parts(optimizer) for name, value in vars(part).items()}
        return {
            name: value
            for name, value in held.items()
            if isinstance(value, np.ndarray) and value.ndim == 1 and name[0] != "_"
        }

    before = arrays()
    for _ in range(ALIKE):
        optimizer.minimize_raw()
    changed = [name for name, value in arrays().items() if value is not before.get(name)]
    named = [name for part in parts(optimizer) for name in part.state]
    return [name for name in dict.fromkeys(named + changed) if name not in ("g", "d", "batch")]


def panels_of(kept: Sequence[str]) -> list[str]:
    """Which parts of the state deserve a picture: m̂ rather than m; d if there is nothing.

    With v̂ comes the effective step size η / (√v̂ + ε).
    """
    known = sorted(kept, key=lambda name: not name.endswith("_hat"))
    found = [name for name in known if f"{name}_hat" not in known] or ["d"]
    return [*found[:2], "effective", *found[2:]] if "v_hat" in found else found


def _settings(optimizer: Optimizer) -> dict[str, Any]:
    """The hyper-parameters that are numbers or switches, by the names that a step gives them."""
    found = {}
    for prefix, part in by_prefix(optimizer).items():
        for name in type(part).__hyper_parameters__:
            value = vars(part).get(name)
            if isinstance(value, (bool, int, float)) and not (prefix and name == "lr"):
                found[prefix + name] = value
    return found


def _at_first(name: str, optimizer: Optimizer, rule: Rule, problem: Problem) -> Any:
    """The state before the first step: numbers, or "theta" if it begins as the weights do."""

    def of(one: Optimizer) -> np.ndarray:
        (value,) = (
            vars(part)[name.removeprefix(prefix)]
            for prefix, part in by_prefix(one).items()
            if name.startswith(prefix) and name.removeprefix(prefix) in part.state
        )
        return np.ravel(value)

    elsewhere = problem.layout.unflatten(problem.theta + np.sqrt(2) * (1 + np.abs(problem.theta)))
    here, there = of(optimizer), of(rule(problem, elsewhere))
    if np.array_equal(here, there):
        return here
    if np.array_equal(here, problem.theta):
        return "theta"
    raise Untraceable(f"its state {name!r} begins in a way that is not known")


def _spelled(rule: Any) -> str:
    """How to write it in Python."""
    if not isinstance(rule, partial):
        return str(rule.__name__)
    told = [f"{name}={_code(value)}" for name, value in rule.keywords.items()]
    return f"partial({', '.join([_spelled(rule.func), *told])})"


def _code(value: Any) -> str:
    if isinstance(value, (type, partial)):
        return _spelled(value)
    code = repr(value)
    return str(getattr(value, "__name__", code)) if code.startswith("<") else code
