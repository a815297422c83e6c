"""One step of a rule on a loss, as scalars: from the weights and the state to the next ones."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimizers.engine.scalars import (
    HYPER,
    STEP,
    Symbols,
    Untraceable,
    explored,
    inputs,
    limited,
    symbols,
)
from optimizers.engine.trace import Trace, added_at, filled
from optimizers.hyper_parameters import RuleClass
from optimizers.state import parts

WEIGHTS = 256  # of one run; of more, a step is no straight line
Gradient = Callable[..., tuple[Any, Any]]  # (θ, batch or None) → loss, g, on symbols


@dataclass(frozen=True, eq=False)
class Step:
    """What a step makes of what it is given.

    Attributes
    ----------
    before, after
        "theta" and the names in `state`, as the inputs of the step and as what follows them, made
        of these and of the inputs `g`.
    loss, gradient
        At the weights before the step; loss () and gradient (P,), which the step is given as `g`.
    watched
        Attributes of the rule after the step, state or not.
    hyper_parameters
        The settings that are inputs; all others are written into the expressions.
    """

    before: dict[str, Symbols]
    after: dict[str, Symbols]
    loss: Symbols
    gradient: Symbols
    g: Symbols
    watched: dict[str, Symbols]
    hyper_parameters: dict[str, Any]


def _made(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *how, **keywords: symbols(function(*how, **keywords))


# what makes new arrays: expressions may be written into them
MADE = {function: _made(function) for function in (np.zeros, np.ones, np.full, np.eye)}
MADE |= {function: lambda x, *how, **keywords: symbols(x) for function in (np.array, np.asarray)}
MADE[added_at] = lambda total, key, part: symbols(added_at(symbols(total), key, part))


def replayed(trace: Trace) -> Gradient:
    """The loss and the gradient that were traced, as a function of symbols."""

    def gradient(theta: Symbols, batch: Symbols | None = None) -> tuple[Any, Any]:
        values = dict(zip(trace.inputs, [theta] if batch is None else [theta, batch], strict=True))
        for node in trace.nodes:
            if np.dtype(node.dtype).kind in "fc" and node.dtype != np.float64:
                raise Untraceable(f"it computes in {node.dtype}")
            args, keywords = filled((node.args, node.kwargs), values)
            values[node] = MADE.get(node.fun, node.fun)(*args, **keywords)
        loss, g = filled(trace.outputs, values)
        return loss, g

    return gradient


def step_of(
    optimizer: Any,
    gradient: Gradient,
    batch: tuple[int, ...] | None = None,
    watch: tuple[str, ...] = (),
) -> Step:
    """Run a rule's own formula on symbols.

    Parameters
    ----------
    optimizer
        It is looked at, not changed; of many runs, the step of one.
    gradient
        The loss and its gradient, on symbols.
    batch
        The shape of the array that is handed in at each step, if there is one.
    watch
        Names of attributes to know as well.

    Raises
    ------
    Untraceable
        If the step cannot be written as scalars.
    """
    try:
        with limited(), np.errstate(all="ignore"):
            try:
                return _traced(optimizer, gradient, batch, watch, _settings(optimizer))
            except Untraceable:  # a setting may be no number to the formula: written in, it is one
                if any(np.ndim(v) for v in _settings(optimizer).values()):
                    raise
                return _traced(optimizer, gradient, batch, watch, {})
    except Untraceable:
        raise
    except Exception as error:
        raise Untraceable(f"{type(error).__name__}: {error}") from error


def _parts(optimizer: Any) -> dict[str, Any]:
    """The optimizer and those inside it, by what stands before the names of what they hold."""
    found = parts(optimizer)
    return {"": found[0]} | {f"{type(p).__name__}_": p for p in found[1:]}


def _settings(optimizer: Any) -> dict[str, Any]:
    """The hyper-parameters that are numbers, or one number a run, by name."""
    found = {}
    for prefix, part in _parts(optimizer).items():
        for name, known in type(part).__hyper_parameters__.items():
            value = vars(part).get(name)
            if known.kind.range is None or (prefix and name == "lr"):
                continue
            if isinstance(value, float) or (isinstance(value, np.ndarray) and value.ndim > 1):
                found[prefix + name] = value
    return found


def _traced(
    optimizer: Any,
    gradient: Gradient,
    batch: tuple[int, ...] | None,
    watch: tuple[str, ...],
    settings: Mapping[str, Any],
) -> Step:
    size = optimizer._theta.shape[-1]
    if size > WEIGHTS:
        raise Untraceable(f"it has more than {WEIGHTS} weights")
    runs = optimizer._theta.ndim - 1
    before = {"theta": inputs("theta", (size,))}
    for prefix, part in _parts(optimizer).items():
        for name in part.state:
            before[prefix + name] = inputs(prefix + name, np.shape(vars(part)[name])[runs:])
    given = None if batch is None else inputs("batch", batch, STEP)
    loss, slope = map(symbols, gradient(before["theta"], given))
    g = inputs("g", (size,))
    eta = settings.get("lr", optimizer.lr)
    if callable(eta):
        eta = np.asarray(optimizer._scheduled(optimizer.t + 1))
        eta = inputs("eta", eta.shape if eta.ndim == 1 else (), STEP)[()]
    elif "lr" in settings:
        eta = inputs("lr", (), HYPER)[()]

    def run() -> dict[str, Symbols]:
        clone = _clone(optimizer)
        own = vars(clone)
        for prefix, part in _parts(clone).items():
            for name in part.state:
                vars(part)[name] = before[prefix + name].copy()
            for name in type(part).__hyper_parameters__:
                if prefix + name in settings:
                    vars(part)[name] = inputs(prefix + name, (), HYPER)[()]
            vars(part).update(_is_library=True)
        own.update(t=inputs("t", (), STEP)[()], eta=eta, g=g, batch=given, _is_made=False)
        theta = before["theta"].view()
        theta.setflags(write=False)  # the loop moves the weights
        found = {"theta": clone.moved(theta, g.copy())}
        for prefix, part in _parts(clone).items():
            found |= {prefix + name: vars(part)[name] for name in part.state}
        found |= {name: getattr(clone, name) for name in watch if name not in found}
        for name, value in found.items():
            if name in before and np.shape(value) != before[name].shape:
                raise Untraceable(f"{name!r} changes its shape in a step")
        return {name: symbols(value) for name, value in found.items()}

    found = explored(run)
    return Step(
        before,
        {name: found[name] for name in before},
        loss,
        slope,
        g,
        {name: found[name] for name in watch},
        dict(settings),
    )


def _clone(optimizer: Any) -> Any:
    """A copy that may be changed, its inner rules as well."""
    clone = copy.copy(optimizer)
    inner = {k: v for k, v in vars(clone).items() if isinstance(type(v), RuleClass)}
    vars(clone).update({name: _clone(part) for name, part in inner.items()})
    return clone
