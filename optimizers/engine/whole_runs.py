"""Whole runs in machine code: where it pays, and only where plain steps say the same.

What compiling rests on may change behind our back: a global that the loss reads, an attribute of
the rule. So what is not the library's own is traced anew whenever it is used, and what was compiled
serves only if the trace is the same. A loss that is marked `pure` is spared that. The first step is
held against one of Python's; losses and gradients at the start and at the end against autograd's.
Nothing that the loss or the rule does beside computing is lost or done twice.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimizers import trajectory
from optimizers.engine.machine_code import Machine, Path
from optimizers.engine.scalars import RUN, Untraceable
from optimizers.engine.step import (
    WEIGHTS,
    Step,
    by_prefix,
    replayed,
    same_steps,
    settings_of,
    step_of,
)
from optimizers.engine.surroundings import Surroundings
from optimizers.engine.trace import NotTraceable, Trace, alike, trace
from optimizers.hyper_parameters import LOOP_WORDS
from optimizers.reads import is_ours
from optimizers.state import extras, is_library, parts, select

FEWEST = 8  # steps: of fewer, looking whether they are right takes longer than making them
COMPILING = 0.02  # seconds that it takes, about: runs that take as long on NumPy come first
BY_AUTOGRAD, BY_LINES, EACH = 2.5e-4, 2.5e-5, 2e-8  # seconds a step takes, and each number in it
WATCHED = {"t", "eta", "g", "d"}  # of what the loop keeps, what can be recorded there
MOST = 64  # compiled steps of one loss
LOOKED_AT = 4  # of many runs


@dataclass(eq=False)
class _Known:
    """What was made of a rule on a loss: the step as scalars, and machines by number of runs."""

    trace: Trace
    step: Step
    machines: dict[Any, Machine]
    is_right: bool = False  # it was held against plain steps, and cannot change


@np.errstate(all="ignore")  # runs diverge
def whole_run(
    optimizer: Any,
    steps: int,
    every: int = 1,
    tol: float | None = None,
    watch: tuple[str, ...] = (),
    leave: int = 0,
) -> Path:
    """Make steps in machine code; the optimizer is as it would be after so many steps.

    Parameters
    ----------
    optimizer
        Whose steps are made.
    steps, every, tol, watch
        As in `minimize`.
    leave
        How many steps to leave for NumPy to make, at the end.

    What a formula leaves on `self` beside its state is not there: a plain step brings it back.

    Raises
    ------
    Untraceable
        If they are to be made by NumPy; the optimizer is as it was. The message says why.
    """
    _see_if_it_pays(optimizer, steps, watch)
    try:
        before = now = Surroundings(*_of_the_user(optimizer))
    except Untraceable as error:
        raise _refused(optimizer, watch, str(error)) from None
    try:
        run = _run(optimizer, steps, every, tol, watch, leave)
        if run is None or now.changed:  # what is kept from a first call on is there now
            _forget(optimizer, watch)
            now = Surroundings(*_of_the_user(optimizer))
            run = _run(optimizer, steps, every, tol, watch, leave)
        if run is None or now.changed:
            reason = "it keeps something from call to call, or draws by chance"
            if not now.changed:
                reason = "it reads what changes: plain steps do not say the same"
            raise _refused(optimizer, watch, reason)
    except BaseException:
        before.put_back()
        raise
    path, made, batches = run
    for prefix, part in by_prefix(optimizer).items():
        for name in ("_theta", *part.state):
            key = "theta" if name == "_theta" else prefix + name
            if key in path.state and not (prefix and name == "_theta"):
                vars(part)[name] = np.array(path.state[key], order="K")
    vars(optimizer).update(t=optimizer.t + made, _value=path.loss[-1])
    if batches is not None:
        vars(optimizer)["batch"] = batches[made]
    return path


def _run(
    optimizer: Any, steps: int, every: int, tol: float | None, watch: tuple[str, ...], leave: int
) -> tuple[Path, int, Any] | None:
    """The path, the steps made, and the batches; None if plain steps say something else."""
    known, machine, at_start = _machine(optimizer, watch)
    shared = _shared(known.step, machine)
    numbers = (steps // every + 2) * machine.width * machine.ld
    if 8 * numbers > trajectory.ROOM * trajectory.memory():
        raise Untraceable("its record is too long to be made in one go")
    start = {n: np.copy(x, order="K") for n, x in carried_by(optimizer).items()}
    so_far = {name: getattr(optimizer, name, None) for name in watch}
    start |= {name: np.copy(value) for name, value in so_far.items() if value is not None}
    t, settings = optimizer.t, settings_of(optimizer)
    how = {**_of_each_step(optimizer, steps), "diverged_at": optimizer._diverged_at}
    path = machine.run(start, t, steps - leave, settings, every=every, tol=tol, **how)
    made = int(path.step[-1]) - t
    near = tol is not None and np.all((path.grad_norm[-1] <= tol) | path.diverged)
    if leave and (made < steps - leave or near or np.all(path.diverged)):  # it ends there
        if made < 2:
            raise Untraceable("the run is short")
        path = machine.run(start, t, made - leave, settings, every=every, **how)
        made -= leave
    for name in shared:
        path.watched[name] = path.watched[name][:, 0]
    right = known.is_right or _is_right(optimizer, machine, start, path, settings, how, at_start)
    if not right:
        return None
    known.is_right = _cannot_change(optimizer)
    return path, made, how["batches"]


def carried_by(optimizer: Any) -> dict[str, np.ndarray]:
    """Weights and state, by the names that a step gives them."""
    found = {"theta": optimizer._theta}
    for prefix, part in by_prefix(optimizer).items():
        found |= {prefix + name: vars(part)[name] for name in part.state}
    return found


# ------------------------------------------------------------------------------- what is compiled


def _see_if_it_pays(optimizer: Any, steps: int, watch: tuple[str, ...]) -> None:
    gradient, theta = optimizer.gradient, optimizer._theta
    if gradient.grad is not None:
        raise Untraceable("the gradient is the user's own")
    if theta.shape[-1] > WEIGHTS:
        raise Untraceable(f"it has more than {WEIGHTS} weights")
    if steps < FEWEST:
        raise Untraceable("the run is short")
    if not LOOP_WORDS.isdisjoint(set(watch) - WATCHED):
        raise Untraceable("it watches what the loop keeps")
    kept, key = gradient.compiled, _key(optimizer, watch)
    known = kept.get(key)
    if isinstance(known, str):
        raise Untraceable(known)
    if not isinstance(known, _Known):
        a_step = (BY_LINES if gradient.problem.pure else BY_AUTOGRAD) + EACH * theta.size
        spent = (known or 0.0) + steps * a_step
        if spent < COMPILING:
            kept[key] = spent
            raise Untraceable("it made too few steps for compiling to pay")


def _machine(optimizer: Any, watch: tuple[str, ...]) -> tuple[_Known, Machine, Any]:
    """What was compiled, if it still stands, or a new one; loss and g here, if they are known."""
    kept, key = optimizer.gradient.compiled, _key(optimizer, watch)
    runs = None if optimizer._theta.ndim == 1 else len(optimizer._theta)
    columns = columns_of(optimizer)
    if len(kept) > MOST:
        kept.clear()
    try:
        known, at_start = _renewed(kept.get(key), optimizer, watch)
        kept[key] = known
        if (runs, columns) not in known.machines:
            known.machines[runs, columns] = Machine(known.step, runs, columns)
    except (Untraceable, NotTraceable) as reason:
        raise _refused(optimizer, watch, str(reason)) from reason
    return known, known.machines[runs, columns], at_start


def _renewed(known: Any, optimizer: Any, watch: tuple[str, ...]) -> tuple[_Known, Any]:
    """What is known, if a trace says the same today; else what a trace says."""
    problem, is_known, at_start = optimizer.gradient.problem, isinstance(known, _Known), None
    if not (is_known and (problem.is_library or problem.pure)):
        traced = _traced(optimizer, again=is_known)
        if not (is_known and alike(traced, known.trace)):
            return _Known(traced, _step(optimizer, replayed(traced), watch), {}), None
        at_start = traced.example if optimizer._theta.ndim == 1 else None
    if not is_librarys(optimizer):
        gradient = known.step.loss, known.step.gradient
        step = _step(optimizer, lambda *weights: gradient, watch)
        if not same_steps(step, known.step):
            return _Known(known.trace, step, {}), at_start
    return known, at_start


def columns_of(optimizer: Any) -> frozenset[str]:
    """The settings that differ from run to run, and "eta" if a schedule's learning rate does."""
    columns = {n for n, v in settings_of(optimizer).items() if np.ndim(v) > 1}
    if callable(optimizer.lr) and np.ndim(optimizer._scheduled(optimizer.t + 1)) > 1:
        columns |= {"eta"}
    return frozenset(columns)


def traced_step(optimizer: Any, watch: tuple[str, ...] = ()) -> Step:
    """One run's step, gradient and rule together, as scalars."""
    return _step(optimizer, replayed(_traced(optimizer)), watch)


def _traced(optimizer: Any, again: bool = False) -> Trace:
    """The loss and its gradient."""
    gradient, theta = optimizer.gradient, optimizer._theta
    if theta.ndim > 2:
        raise Untraceable("its runs are more than a row")
    batch = optimizer._next_noise()
    if theta.ndim > 1 and gradient.takes_runs(theta, *batch):
        theta = theta[:1]  # as one of many, which is how it is computed
    elif theta.ndim > 1:
        theta = theta[0]
    if batch and not (type(batch[0]) is np.ndarray and batch[0].ndim == 1):
        raise Untraceable("the loss is taken on batches of data")
    return trace(gradient.by_autograd, theta, *batch, again=again)


def _step(optimizer: Any, gradient: Any, watch: tuple[str, ...]) -> Step:
    batch = optimizer._next_noise()
    return step_of(optimizer, gradient, batch[0].shape if batch else None, watch)


def _of_the_user(optimizer: Any) -> list[Any]:
    """What may do more than compute: the loss, the rule, a schedule, a projection, …"""
    found = [] if optimizer.gradient.problem.is_library else [optimizer.gradient.problem.given]
    for part in by_prefix(optimizer).values():
        settings = (vars(part).get(name) for name in type(part).__hyper_parameters__)
        found += [type(part), part.project, *filter(callable, settings)]
    return found


def _refused(optimizer: Any, watch: tuple[str, ...], reason: str) -> Untraceable:
    """The reason, which is remembered."""
    optimizer.gradient.compiled[_key(optimizer, watch)] = reason
    return Untraceable(reason)


def _key(optimizer: Any, watch: tuple[str, ...]) -> Any:
    """What a step depends on besides its inputs, as far as it is known."""
    settings = settings_of(optimizer)
    fixed = [
        (type(part), name, _frozen(vars(part)[name]))
        for prefix, part in by_prefix(optimizer).items()
        for name in type(part).__hyper_parameters__
        if prefix + name not in settings and name in vars(part) and not (prefix and name == "lr")
    ]
    nesting = repr(optimizer.layout.tree), optimizer.layout.shapes
    how = optimizer._theta.ndim, watch, callable(optimizer.lr), is_librarys(optimizer)
    formulas = [(type(p), type(p).direction, type(p).update) for p in by_prefix(optimizer).values()]
    return nesting, *how, *formulas, *fixed


def _frozen(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.shape, value.tobytes()
    if callable(value):
        return "schedule" if not isinstance(value, type) else value
    return type(value), repr(value)


def _forget(optimizer: Any, watch: tuple[str, ...]) -> None:
    optimizer.gradient.compiled.pop(_key(optimizer, watch), None)


def _shared(step: Step, machine: Machine) -> list[str]:
    """What is watched and one number for all runs."""
    if machine.runs is None:
        return []
    numbers = {n: x.item().depends for n, x in step.watched.items() if x.shape == ()}
    shared = [name for name, depends in numbers.items() if not depends & RUN]
    if shared and machine.columns:
        raise Untraceable(f"it watches {shared[0]!r}, which may be one number or one a run")
    return shared


def _of_each_step(optimizer: Any, steps: int) -> dict[str, Any]:
    """Learning rates and noise of the steps to come, where they have their own."""
    try:
        etas = None
        if callable(optimizer.lr):
            etas = [optimizer._scheduled(optimizer.t + i) for i in range(1, steps + 1)]
        noise = None
        if optimizer._batch_of is not None:
            first, size = optimizer.t + 1, optimizer._theta.shape[-1]
            noise = [optimizer._batch_of(first + i, size) for i in range(steps + 1)]
    except Exception as error:  # a step that may never be made: the loop will see
        raise Untraceable(f"{type(error).__name__}: {error}") from error
    return {"etas": etas, "batches": noise}


# ------------------------------------------------------------------------------- whether it holds


def is_librarys(optimizer: Any) -> bool:
    """Whether nothing but the library's own formulas makes the step."""
    for part in by_prefix(optimizer).values():
        settings = {n: vars(part).get(n) for n in type(part).__hyper_parameters__}
        more = [v for n, v in settings.items() if callable(v) and n not in ("lr", "inner")]
        formulas = type(part).direction, type(part).update
        own = is_library(type(part)) and all(is_ours(f.__module__) for f in formulas)
        if more or not own or part.project is not None:
            return False
    return True


def _cannot_change(optimizer: Any) -> bool:
    """Whether it is the library's own rule on its own function."""
    return is_librarys(optimizer) and optimizer.gradient.problem.is_library


def _is_right(
    optimizer: Any,
    machine: Machine,
    start: Mapping[str, np.ndarray],
    path: Path,
    settings: Mapping[str, Any],
    how: Mapping[str, Any],
    at_start: Any,
) -> bool:
    """Whether plain steps say the same: at the start with all that is carried on, at the end g."""
    gradient, first = optimizer.gradient, int(path.step[0])
    some = _some_runs(optimizer)

    def plainly(row: int) -> tuple[Any, np.ndarray]:
        theta = path.theta[row] if some is None else path.theta[row][some]
        noise = how["batches"] and how["batches"][int(path.step[row]) - first]
        return gradient.plainly(np.array(theta, order="K"), noise)

    def is_right(row: int, plain: tuple[Any, np.ndarray]) -> bool:
        ours = path.loss[row], path.gradient[row]
        return all(map(_equal, ours if some is None else [x[some] for x in ours], plain))

    before = plainly(0) if at_start is None else at_start
    return (
        is_right(0, before)
        and _first_step_is_right(optimizer, machine, start, before[1], some, settings, how)
        and is_right(-1, plainly(-1))
    )


def _some_runs(optimizer: Any) -> np.ndarray | None:
    theta = optimizer._theta
    if theta.ndim == 1:
        return None
    return np.unique(np.linspace(0, len(theta) - 1, LOOKED_AT).astype(int))


def _first_step_is_right(
    optimizer: Any,
    machine: Machine,
    start: Mapping[str, np.ndarray],
    g: np.ndarray,
    some: np.ndarray | None,
    settings: Mapping[str, Any],
    how: Mapping[str, Any],
) -> bool:
    batches = how["batches"] and how["batches"][:2]
    one = machine.run(
        start,
        optimizer.t,
        1,
        settings,
        **{**how, "batches": batches, "etas": how["etas"] and how["etas"][:1]},
    )
    trial = copy.copy(optimizer)
    for part in parts(trial):
        vars(part).update(copy.deepcopy(extras(part)))
    if some is not None:
        chosen = np.zeros(len(optimizer._theta), bool)
        chosen[some] = True
        select(trial, chosen)
        if callable(trial.lr) and np.ndim(how["etas"][0]) > 1:
            vars(trial)["lr"] = how["etas"][0][some]
    vars(trial)["batch"] = batches and batches[0]
    fine = np.isfinite(g).all()
    trial._step(g)
    return not fine or all(
        _equal(one.state[name] if some is None else one.state[name][some], value)
        for name, value in carried_by(trial).items()
    )


def _equal(one: Any, other: Any) -> bool:
    return np.array_equal(one, other, equal_nan=True)
