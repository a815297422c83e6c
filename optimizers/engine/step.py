"""One step of a rule on a loss, as scalars: from the weights and the state to the next ones."""

from __future__ import annotations

import copy
import operator
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from optimizers.engine.scalars import (
    HYPER,
    STEP,
    Scalar,
    Symbols,
    Untraceable,
    explored,
    inputs,
    limited,
    symbols,
)
from optimizers.engine.seen import by_prefix, settings_of
from optimizers.engine.trace import NotTraceable, Trace, added_at, filled, trace
from optimizers.optimizer import hands_out_others
from optimizers.state import extras, is_library, parts

WEIGHTS = 256  # of one run; of more, a step is no straight line
OUT = "handed out"  # before the step
Gradient = Callable[..., Any]  # (θ, batch or None) → loss, g, on symbols


@dataclass(frozen=True, eq=False)
class Step:
    """What a step makes of what it is given.

    Attributes
    ----------
    before, after
        "theta" and the names in `state`, as the inputs of the step and as what follows them, made
        of these and of the inputs `g`.
    out
        The weights that are handed out before the step, (P,); those of "theta" itself, mostly.
    loss, gradient
        The loss of `out`, (), and the gradient at "theta", (P,), which the step is given as `g`.
    watched
        Attributes of the rule after the step, state or not.
    settings
        The hyper-parameters that are inputs; all others are written into the expressions.
    """

    before: dict[str, Symbols]
    after: dict[str, Symbols]
    out: Symbols
    loss: Symbols
    gradient: Symbols
    g: Symbols
    watched: dict[str, Symbols]
    settings: dict[str, Any]


def _made(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *how, **keywords: symbols(function(*how, **keywords))


# what makes new arrays: expressions may be written into them
MADE: dict[Any, Callable[..., Any]] = {
    function: _made(function) for function in (np.zeros, np.ones, np.full, np.eye)
}
MADE |= {function: lambda x, *how, **keywords: symbols(x) for function in (np.array, np.asarray)}
MADE[added_at] = lambda total, key, part: symbols(added_at(symbols(total), key, part))


def replayed(trace: Trace, made: Mapping[Any, Callable[..., Any]] = MADE) -> Gradient:
    """What was traced of the loss, as a function of symbols; of numbers, if `made` is empty.

    Traced at weights (1, P), they have the numbers of runs side by side: NumPy's ** of one number
    may differ in the last bit from that of an array.
    """

    def derivatives(theta: Any, batch: Any = None) -> Any:
        given = [theta.reshape(trace.inputs[0].shape), *([] if batch is None else [batch])]
        values = dict(zip(trace.inputs, given, strict=True))
        for node in trace.nodes:
            if node.dtype is not None and node.dtype.kind in "fc" and node.dtype != np.float64:
                raise Untraceable(f"it computes in {node.dtype}")
            args, keywords = filled((node.args, node.kwargs), values)
            call: Any = made.get(node.fun, node.fun)
            if call is operator.pow and made and any(map(_is_array, node.args)):
                call = np.power  # which Python's ** is if one of the two is an array
            values[node] = call(*args, **keywords)
        return filled(trace.returned, values)

    return derivatives


def _is_array(argument: Any) -> bool:
    return isinstance(argument, np.ndarray) or getattr(argument, "kind", None) is np.ndarray


class Hessian:
    """The second derivatives, on symbols; they are traced when a formula first asks for them.

    Parameters
    ----------
    gradient
        Whose `hessian` it is.
    at
        Weights, (P,) or (1, P), and the batch if there is one.
    trace
        What was traced before, if it holds.
    """

    def __init__(self, gradient: Any, at: Sequence[Any], trace: Trace | None = None) -> None:
        self.gradient, self.at, self.trace = gradient, at, trace

    def traced(self) -> Trace:
        """The trace; with the Hessian, which may be constant, it returns the weights."""

        def hessian(theta: Any, *batch: Any) -> tuple[Any, Any]:
            return self.gradient.hessian(theta, *batch), theta

        if self.trace is None:
            try:
                self.trace = trace(hessian, *self.at, again=True)
            except NotTraceable as reason:
                raise Untraceable(str(reason)) from reason
        return self.trace

    def __call__(self, theta: Any, batch: Any = None) -> Symbols:
        """At weights (P,): (P, P)."""
        theta, (P,) = symbols(theta), self.at[0].shape[-1:]
        if theta.shape != (P,) or (batch is None) != (len(self.at) == 1):
            raise Untraceable("it asks for the Hessian at other weights, or of another batch")
        H, _ = replayed(self.traced())(theta, batch)
        return symbols(symbols(H).reshape(P, P))


def step_of(
    optimizer: Any,
    gradient: Gradient,
    batch: tuple[int, ...] | None = None,
    watch: tuple[str, ...] = (),
    hessian: Callable[..., Symbols] | None = None,
    settings: Mapping[str, Any] | None = None,
    elsewhere: Gradient | None = None,
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
    hessian
        What `gradient.hessian` of the optimizer is, if the formula may ask for it.
    settings
        The hyper-parameters that are inputs; left out, those that are floats.
    elsewhere
        The loss and its gradient at any weights, if the formula may ask for it.

    Raises
    ------
    Untraceable
        If the step cannot be written as scalars.
    """
    given = settings_of(by_prefix(optimizer)) if settings is None else settings
    try:
        with limited(), np.errstate(all="ignore"):
            try:
                return _traced(optimizer, gradient, batch, watch, given, hessian, elsewhere)
            except Untraceable:  # a setting may be no number to the formula: written in, it is one
                if settings is not None or any(map(np.ndim, given.values())):
                    raise
                return _traced(optimizer, gradient, batch, watch, {}, hessian, elsewhere)
    except Untraceable:
        raise
    except Exception as error:
        raise Untraceable(f"{type(error).__name__}: {error}") from error


def rule_of(
    optimizer: Any, watch: tuple[str, ...] = (), settings: Mapping[str, Any] | None = None
) -> Step:
    """Run a rule's own formula on symbols, whatever the loss: its gradient is given to it.

    The loss is the input "loss", the Hessian "hessian", if the formula asks for it. `settings`: the
    hyper-parameters that are inputs; left out, those that are floats.

    Examples
    --------
    >>> from optimizers import Momentum
    >>> from optimizers.functions import sphere
    >>> step = rule_of(Momentum(sphere, [3.0, 4.0]))
    >>> step.after["p"][0].op, list(step.settings)
    ('add', ['lr', 'momentum'])
    """
    P = optimizer._theta.shape[-1]
    given = symbols(inputs("loss", ())), inputs("g", (P,))

    def hessian(theta: Any, batch: Any = None) -> Symbols:
        return inputs("hessian", (P, P))

    return step_of(optimizer, lambda *at: given, watch=watch, hessian=hessian, settings=settings)


def same_steps(one: Step, other: Step) -> bool:
    """Whether two steps are made of the same expressions."""
    if one.settings.keys() != other.settings.keys():
        return False
    told = [_told([step.after, step.out, step.watched]) for step in (one, other)]
    return bool(told[0] == told[1])


def _traced(
    optimizer: Any,
    gradient: Gradient,
    batch: tuple[int, ...] | None,
    watch: tuple[str, ...],
    settings: Mapping[str, Any],
    hessian: Callable[..., Symbols] | None,
    elsewhere: Gradient | None,
) -> Step:
    size = optimizer._theta.shape[-1]
    if size > WEIGHTS:
        raise Untraceable(f"it has more than {WEIGHTS} weights")
    runs = optimizer._theta.ndim - 1
    before = {"theta": inputs("theta", (size,))}
    for prefix, part in by_prefix(optimizer).items():
        for name in part.state:
            if not isinstance(vars(part)[name], np.ndarray):
                raise Untraceable(f"its state {name!r} is not an array")
            before[prefix + name] = inputs(prefix + name, np.shape(vars(part)[name])[runs:])
    given = None if batch is None else inputs("batch", batch, STEP)
    loss, slope = map(symbols, gradient(before["theta"], given))
    set_ = {name: inputs(name, (), HYPER)[()] for name in settings}
    eta = set_.get("lr", optimizer.lr)
    if callable(eta):
        shape = np.shape(optimizer._scheduled(optimizer.t + 1))
        eta = inputs("eta", shape if len(shape) == 1 else (), STEP)[()]
    g = inputs("g", (size,))
    found = moved(
        optimizer, before, set_, g, eta, given, watch, hessian=hessian, elsewhere=elsewhere
    )
    after, watched, out = {n: found[n] for n in before}, {n: found[n] for n in watch}, found[OUT]
    if hands_out_others(optimizer):
        loss = symbols(gradient(out, given)[0])
    loss, slope = symbols(loss.reshape(())), symbols(slope.reshape(size))
    return Step(before, after, out, loss, slope, g, watched, dict(settings))


def moved(
    optimizer: Any,
    before: Mapping[str, Symbols],
    settings: Mapping[str, Any],
    g: Symbols,
    eta: Any,
    batch: Any = None,
    watch: tuple[str, ...] = (),
    layout: Any = None,
    ways: set[frozenset[tuple[str, str]]] | None = None,
    hessian: Callable[..., Symbols] | None = None,
    elsewhere: Gradient | None = None,
) -> dict[str, Symbols]:
    """What the rule makes of these: the weights, the state, what is watched, and what it hands out.

    What else it sets on itself is added to `ways`, by prefix and name, for each way it can go.
    """

    def step(
        clone: Any, before: Mapping[str, Symbols], g: Symbols, ways: Any = None
    ) -> dict[str, Symbols]:
        for prefix, part in by_prefix(clone).items():
            own = vars(part)
            own |= {name: Absent() for name in ("gradient", "loss", "path")} | {"_value": None}
            if hessian is not None:
                vars(own["gradient"])["hessian"] = hessian
            if elsewhere is not None:
                vars(own["gradient"])["elsewhere"] = partial(_slope, elsewhere)
            own |= {name: before[prefix + name].copy() for name in part.state}
            own |= {
                n: settings[prefix + n]
                for n in type(part).__hyper_parameters__
                if prefix + n in settings
            }
            if part.project is not None and not isinstance(part.project, partial):
                own["project"] = partial(_projected, part.project)
            own |= {"_is_library": True, "_is_made": False, "layout": layout or part.layout}
        theta = before["theta"].view()
        theta.setflags(write=False)  # the loop moves the weights
        vars(clone).update(dict.fromkeys(("t", "eta", "g", "batch"), Absent()), _theta=theta)
        out = clone.handed_out(theta)  # of what a step leaves
        vars(clone).update(t=inputs("t", (), STEP)[()], eta=eta, g=g, batch=batch)
        held = {prefix: dict(vars(part)) for prefix, part in by_prefix(clone).items()}
        found = {OUT: out, "theta": clone.moved(theta, g.copy())}
        for prefix, part in by_prefix(clone).items():
            for name in _not_its_own(part, is_inner=bool(prefix)):
                if vars(part).get(name) is not held[prefix].get(name):
                    raise Untraceable(f"the formula sets {name!r}")
        if ways is not None:
            ways.add(
                frozenset(
                    (prefix, name)
                    for prefix, part in by_prefix(clone).items()
                    for name, value in vars(part).items()
                    if name not in part.state and value is not held[prefix].get(name, ...)
                )
            )
        for prefix, part in by_prefix(clone).items():
            found |= {prefix + name: vars(part)[name] for name in part.state}
        found |= {name: getattr(clone, name) for name in watch if name not in found}
        for name in before:
            if np.shape(found[name]) != before[name].shape:
                raise Untraceable(f"{name!r} changes its shape in a step")
        return {name: symbols(value) for name, value in found.items()}

    def run() -> dict[str, Symbols]:
        clone = _clone(optimizer)
        found = step(clone, before, g, ways)
        if not all(is_library(type(part)) for part in parts(clone)):
            # a step from elsewhere must not show that this one was made
            other = {name: inputs(f"another {name}", x.shape) for name, x in before.items()}
            elsewhere, fresh = inputs("another g", g.shape), _clone(optimizer)
            after, anew = step(clone, other, elsewhere), step(fresh, other, elsewhere)
            left = [_told([extras(part) for part in parts(one)]) for one in (clone, fresh)]
            if left[0] != left[1] or _told(after) != _told(anew):
                raise Untraceable(
                    "it keeps something from step to step that `state` does not name, or draws "
                    "random numbers"
                )
        return found

    return explored(run)


def _slope(gradient: Gradient, theta: Any, batch: Any = None) -> Symbols:
    theta = symbols(theta)
    return symbols(symbols(gradient(theta, batch)[1]).reshape(theta.shape))


def _refuse(*looked: Any, **how: Any) -> Any:
    raise Untraceable("the formula looks at the loss, or at the path")


class Absent:
    """What a formula is not to look at; comparing it would be a look."""

    __getattr__ = __call__ = __bool__ = __hash__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse


def _not_its_own(part: Any, is_inner: bool) -> set[str]:
    """What the loop and the user set, or a rule around it, and its own formula does not."""
    if is_library(type(part)):
        return set()
    names = {"layout", "project", *type(part).__hyper_parameters__}
    return names - {"lr"} if is_inner else names | {"t", "eta", "batch"}


def _told(value: Any, depth: int = 8) -> Any:
    """What a value holds, to be compared: an expression is told by what it is."""
    if isinstance(value, Scalar):
        return id(value)
    if isinstance(value, np.ndarray):
        return value.shape, [_told(x) for x in value.ravel().tolist()]
    if isinstance(value, dict):
        return {name: _told(child, depth - 1) for name, child in value.items()}
    if isinstance(value, (list, tuple, set, deque)):
        return [_told(child, depth - 1) for child in value]
    if isinstance(value, (int, float, str, bytes, type(None))):
        return repr(value)
    is_open = depth and hasattr(value, "__dict__") and not callable(value)
    return _told(vars(value), depth - 1) if is_open else type(value)


def _projected(project: Any, theta: Symbols) -> Symbols:
    if not project.layout.is_vector:
        raise Untraceable("it returns weights that are not a vector")
    return symbols(project.function(theta.copy()))


def _clone(optimizer: Any) -> Any:
    """A copy that may be changed, with all that a rule of the user's own has put on itself."""
    clone = copy.copy(optimizer)  # and of the inner rule
    for part in parts(clone):
        if not is_library(type(part)):
            vars(part).update(copy.deepcopy(extras(part)))
    return clone
