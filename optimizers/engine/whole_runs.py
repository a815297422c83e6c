"""Whole runs in machine code: where it pays, and only where plain steps say the same.

What compiling rests on may change behind our back: a global that the loss reads, an attribute of
the rule. So all that a loss of the user's reads is looked at before a run. If something has changed
or lies out of sight, the loss is traced anew, and what was compiled serves only if the trace is the
same. A loss that is marked `pure` is spared that. The first step is held against one of Python's;
losses and gradients at the start and at the end against autograd's. Nothing that the loss or the
rule does beside computing is lost or done twice.
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from optimizers import trajectory
from optimizers.engine.machine_code import Machine, Path
from optimizers.engine.one_run import LONG
from optimizers.engine.scalars import RUN, Symbols, Untraceable, inputs
from optimizers.engine.seen import Seen, check_formulas
from optimizers.engine.step import WEIGHTS, Hessian, Step, replayed, same_steps, step_of
from optimizers.engine.surroundings import Surroundings
from optimizers.engine.trace import NotTraceable, Trace, alike, trace
from optimizers.hyper_parameters import LOOP_WORDS
from optimizers.optimizer import hands_out_others
from optimizers.state import extras, parts, select

FEWEST = 8  # steps: of fewer, looking whether they are right takes longer than making them
COMPILING = 0.004, 0.0015  # seconds that it takes, and for each weight: others come first
BY_AUTOGRAD, BY_LINES, EACH = 2.5e-4, 2.5e-5, 2e-8  # seconds a step takes, and each number in it
AHEAD = 10_000  # steps of a schedule that are looked up before it is known whether they come
WATCHED = {"t", "eta", "g", "d"}  # of what the loop keeps, what can be recorded there
MOST = 64  # compiled steps of one loss
LOOKED_AT = 4  # of many runs


@dataclass(eq=False)
class _Known:
    """What was made of a rule on a loss: the step as scalars, and machines by number of runs.

    Attributes
    ----------
    trace, hessian
        The loss and its gradient; and second derivatives, if the rule asks for them.
    around, roots
        What it rests on, as it was; and whose that is, but for the loss.
    was_right
        Whether it was held against plain steps.
    """

    trace: Trace
    hessian: Trace | None
    step: Step
    machines: dict[Any, Machine]
    around: Surroundings | None = None
    roots: list[Any] = field(default_factory=list)
    was_right: bool = False

    def stands(self, roots: list[Any]) -> bool:
        """Whether all that it rests on is in sight, and as it was."""
        around, mine = self.around, self.roots
        if around is None or not around.sees_all or len(mine) != len(roots):
            return False
        return all(map(operator.is_, mine, roots)) and not around.changed


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
    seen = Seen(optimizer)
    key = seen.key(watch)
    known = optimizer.gradient.compiled.get(key)
    run = _Run(seen, key, known, steps, every, tol, watch, leave)
    path, made, batches = run.made()
    for prefix, part in seen.parts.items():
        held = vars(part)
        for name in ("_theta", *part.state):
            key = "theta" if name == "_theta" else prefix + name
            if key in path.state and not (prefix and name == "_theta"):
                held[name] = np.array(path.state[key], order="K")
    vars(optimizer).update(t=optimizer.t + made, _value=path.loss[-1])
    if batches is not None:
        vars(optimizer)["batch"] = batches[made]
    return path


@dataclass(eq=False)
class _Run:
    """A run that is to be made: whose, what is known of it by its key, what `minimize` was told."""

    seen: Seen
    key: Any
    known: Any
    steps: int
    every: int
    tol: float | None
    watch: tuple[str, ...]
    leave: int
    at_start: Any = None  # loss and g of the first run, as they were at the first call

    def made(self) -> tuple[Path, int, Any]:
        """The path, the steps made, and the batches; the rule's state does not move yet."""
        self._see_if_it_pays()
        problem, roots = self.seen.optimizer.gradient.problem, self.seen.of_the_user
        others = [root for root in roots if root is not problem.given]
        is_trusted = isinstance(self.known, _Known) and self.known.stands(others)
        try:
            before = now = self.known.around if is_trusted else Surroundings(*roots)
        except Untraceable as error:
            raise self._refused(str(error)) from None
        try:
            run = self._tried(is_trusted or problem.is_library or problem.pure)
            if run is None or now.changed:  # what is kept from a first call on is there now
                self.known, first = None, self.at_start
                now = Surroundings(*roots)
                run = self._tried(False)
                if run is not None and not self._begins_so(run[0], first):
                    run = None  # the first call counts
            if run is None or now.changed:
                reason = "it keeps something from call to call, or draws random numbers"
                if not now.changed:
                    reason = "it reads something that changes: plain steps give other numbers"
                raise self._refused(reason)
        except BaseException as error:
            before.put_back()
            if isinstance(error, Untraceable) or not isinstance(error, Exception):
                raise
            raise Untraceable(f"{type(error).__name__}: {error}") from error  # the loop meets it
        self.known.around, self.known.roots = now, others
        return run

    def _tried(self, is_trusted: bool) -> tuple[Path, int, Any] | None:
        """The path, the steps made, and the batches; None if plain steps say something else."""
        seen, steps, every, tol, leave = self.seen, self.steps, self.every, self.tol, self.leave
        optimizer = seen.optimizer
        machine, at_start = self._machine(is_trusted)
        shared = _shared(machine)
        numbers = (steps // every + 2) * machine.width * machine.ld
        if 8 * numbers > trajectory.room():
            raise Untraceable("its record is too long to make in one go")
        start = seen.carried
        for name in self.watch:
            value = getattr(optimizer, name, None)
            if value is not None:
                start[name] = value
        t = optimizer.t
        how = {**_of_each_step(optimizer, steps), "diverged_at": optimizer._diverged_at}
        path = machine.run(start, t, steps - leave, seen.settings, every=every, tol=tol, **how)
        made = int(path.step[-1]) - t
        near = tol is not None and np.all((path.grad_norm[-1] <= tol) | path.diverged)
        if leave and (made < steps - leave or near or path.diverged.all()):  # it ends there
            if made < 2:
                raise Untraceable("the run is short")
            path = machine.run(start, t, made - leave, seen.settings, every=every, **how)
            made -= leave
        for name in shared:
            path.watched[name] = path.watched[name][:, 0]
        if self.known.was_right and seen.cannot_change:
            return path, made, how["batches"]
        try:
            ends = _Ends(seen, path, start, how["batches"])
            right = ends.gradients_are_right(at_start)
            if right and self.known.hessian is not None:
                right = ends.hessians_are_right(self.known.hessian)
        except NotTraceable:  # it keeps a value of the trace
            return None
        if right and not (self.known.was_right and seen.is_librarys):
            right = _first_step_is_right(seen, machine, start, path.gradient[0], how)
        if not right:
            return None
        self.known.was_right = True
        return path, made, how["batches"]

    def _begins_so(self, path: Path, first: Any) -> bool:
        ours = path.loss[0], path.gradient[0]
        return first is None or all(
            _equal(np.ravel(mine)[: np.size(theirs)], np.ravel(theirs))
            for mine, theirs in zip(ours, first, strict=True)
        )

    def _see_if_it_pays(self) -> None:
        known, optimizer = self.known, self.seen.optimizer
        gradient, theta = optimizer.gradient, optimizer._theta
        check_formulas(self.seen.parts)
        if gradient.grad is not None:
            raise Untraceable("the gradient is the user's own")
        if theta.shape[-1] > WEIGHTS:
            raise Untraceable(f"it has more than {WEIGHTS} weights")
        if self.steps < FEWEST:
            raise Untraceable("the run is short")
        by_step = callable(optimizer.lr) or optimizer._batch_of is not None
        if self.tol is not None and by_step and self.steps > AHEAD:
            raise Untraceable("it may stop long before its schedule ends")
        if not LOOP_WORDS.isdisjoint(set(self.watch) - WATCHED):
            raise Untraceable("it watches what the loop keeps")
        if isinstance(known, str):
            raise Untraceable(known)
        if not isinstance(known, _Known):
            by_lines = gradient.problem.pure or self.steps >= LONG
            a_step = (BY_LINES if by_lines else BY_AUTOGRAD) + EACH * theta.size
            spent = (known or 0.0) + self.steps * a_step
            if spent < COMPILING[0] + COMPILING[1] * theta.shape[-1]:
                gradient.compiled[self.key] = spent
                raise Untraceable("it made too few steps for compiling to pay")

    def _machine(self, is_trusted: bool) -> tuple[Machine, Any]:
        """What was compiled, if it still stands, or a new one; loss and g here, if known."""
        seen, kept = self.seen, self.seen.optimizer.gradient.compiled
        columns = seen.columns
        if len(kept) > MOST:
            kept.clear()
        try:
            known, at_start = self._renewed(self.known, is_trusted)
            kept[self.key] = self.known = known
            if (seen.runs, columns) not in known.machines:
                machine = Machine(known.step, seen.runs, columns, self.steps)
                known.machines[seen.runs, columns] = machine
        except (Untraceable, NotTraceable) as reason:
            raise self._refused(str(reason)) from reason
        return known.machines[seen.runs, columns], at_start

    def _renewed(self, known: Any, is_trusted: bool) -> tuple[_Known, Any]:
        """What is known, if a trace says the same today; else what a trace says."""
        optimizer, is_known, at_start = self.seen.optimizer, isinstance(known, _Known), None
        if not (is_known and is_trusted):
            at = _one_run(optimizer)
            traced, self.at_start = _traced(optimizer.gradient, at, again=is_known)
            at_start = self.at_start if self.seen.runs is None else None
            hessian = Hessian(optimizer.gradient, at)
            if not (is_known and alike(traced, known.trace) and _alike(hessian, known.hessian)):
                step = _step(optimizer, replayed(traced), hessian, self.watch, replayed(traced))
                return _Known(traced, hessian.trace, step, {}), at_start
        if not self.seen.is_librarys:
            gradient = known.step.loss, known.step.gradient
            hessian = Hessian(optimizer.gradient, _one_run(optimizer), known.hessian)
            elsewhere = replayed(known.trace)
            step = _step(optimizer, lambda *weights: gradient, hessian, self.watch, elsewhere)
            if not same_steps(step, known.step):
                return _Known(known.trace, hessian.trace, step, {}), at_start
        return known, at_start

    def _refused(self, reason: str) -> Untraceable:
        """The reason, which is remembered."""
        self.seen.optimizer.gradient.compiled[self.key] = reason
        return Untraceable(reason)


# ------------------------------------------------------------------------------- what is compiled


def traced_step(optimizer: Any, watch: tuple[str, ...] = ()) -> Step:
    """One run's step, gradient and rule together, as scalars."""
    at = _one_run(optimizer)
    gradient = replayed(_traced(optimizer.gradient, at)[0])
    return _step(optimizer, gradient, Hessian(optimizer.gradient, at), watch, gradient)


def settled_step(optimizer: Any) -> Step:
    """`traced_step`, of what computes and does nothing else: it may run where no Python is.

    Raises
    ------
    NotTraceable, Untraceable
        If it cannot be written as scalars, keeps something from call to call, draws by chance or
        reads the world outside. All is as it was.
    """
    roots = Seen(optimizer).of_the_user
    before = Surroundings(*roots)
    try:
        for _ in range(2):  # what is kept from a first call on is there at the second
            now = Surroundings(*roots)
            step = traced_step(optimizer)
            if not now.changed:
                return step
    finally:
        before.put_back()
    raise Untraceable("it keeps something from call to call, or draws random numbers")


def traced_hessian(optimizer: Any) -> Symbols:
    """The second derivatives of one run's loss, (P, P), of the inputs "theta" and "batch"."""
    at = _one_run(optimizer)
    theta, *batch = (
        inputs(name, np.shape(x)[-1:]) for name, x in zip(("theta", "batch"), at, strict=False)
    )
    return Hessian(optimizer.gradient, at)(theta, *batch)


def _one_run(optimizer: Any) -> tuple[np.ndarray, ...]:
    """The weights of one run, as one of many if that is how it is computed; and the batch."""
    gradient, theta = optimizer.gradient, optimizer._theta
    if theta.ndim > 2:
        raise Untraceable("its runs have more than one axis")
    batch = optimizer._next_noise()
    if theta.ndim > 1 and gradient.takes_runs(theta, *batch):
        theta = theta[:1]
    elif theta.ndim > 1:
        theta = theta[0]
    if batch and not (type(batch[0]) is np.ndarray and batch[0].ndim == 1):
        raise Untraceable("the loss is taken on batches of data")
    return theta, *batch


def _traced(gradient: Any, at: tuple[np.ndarray, ...], again: bool = False) -> tuple[Trace, Any]:
    """The loss and its gradient; and what they are here, of one run.

    What a loss makes once and keeps is not to be made of traced values: it is called before.
    """
    right = None
    if not again:
        with suppress(Exception):  # the trace will say what is wrong
            right = gradient.by_autograd(*at)
    traced = trace(gradient.by_autograd, *at, again=True)
    return traced, traced.example if right is None else right


def _alike(hessian: Hessian, known: Trace | None) -> bool:
    return known is None or alike(hessian.traced(), known)


def _step(
    optimizer: Any, gradient: Any, hessian: Hessian, watch: tuple[str, ...], elsewhere: Any
) -> Step:
    batch = optimizer._next_noise()
    shape = batch[0].shape if batch else None
    return step_of(optimizer, gradient, shape, watch, hessian, elsewhere=elsewhere)


def _shared(machine: Machine) -> list[str]:
    """What is watched and one number for all runs."""
    if machine.runs is None:
        return []
    numbers = {n: x.item().depends for n, x in machine.step.watched.items() if x.shape == ()}
    shared = [name for name, depends in numbers.items() if not depends & RUN]
    if shared and machine.columns:
        raise Untraceable(f"it watches {shared[0]!r}, which may be one number or one per run")
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


class _Ends:
    """The first row of a path and its last, to be held against what plain autograd says there.

    Parameters
    ----------
    seen, path, batches
        Whose it is, and the noise of each step if there is any.
    start
        The weights and the state that it started with.
    """

    def __init__(self, seen: Seen, path: Path, start: Mapping[str, Any], batches: Any) -> None:
        self.gradient, self.path, self.some = seen.optimizer.gradient, path, _some_runs(seen)
        thetas = {row: path.theta[row] for row in (0, -1)}
        self.hands_out = hands_out_others(seen.optimizer)
        if self.hands_out:
            thetas = {0: start["theta"], -1: path.state["theta"]}
            self.out_at_start = self._of(seen.optimizer.handed_out(start["theta"]))
        self.thetas = {row: self._of(theta) for row, theta in thetas.items()}
        self.noise = {
            row: batches and batches[int(path.step[row] - path.step[0])] for row in (0, -1)
        }

    def _of(self, rows: Any) -> np.ndarray:
        """Those of some runs, if there are many."""
        return np.array(rows if self.some is None else rows[self.some], order="K")

    def gradients_are_right(self, at_start: Any) -> bool:
        """Whether losses and gradients are; `at_start` is known, or None."""

        if self.hands_out and not _equal(self._of(self.path.theta[0]), self.out_at_start):
            return False

        def are_right(row: int, plain: Any = None) -> bool:
            theta, noise = self.thetas[row], self.noise[row]
            loss, g = self.gradient.plainly(theta, noise) if plain is None else plain
            ours = self._of(self.path.loss[row]), self._of(self.path.gradient[row])
            if not self.hands_out:
                return all(map(_equal, ours, (loss, g)))
            loss = self.gradient.value(self._of(self.path.theta[row]), noise)
            fine = np.isfinite(theta).all(axis=-1)  # else the run has just diverged
            return _equal(ours[0], loss) and _equal(ours[1][fine], g[fine])

        return are_right(0, at_start) and are_right(-1)

    def hessians_are_right(self, hessian: Trace) -> bool:
        """Whether second derivatives are."""
        ours = replayed(hessian, made={})
        for row, theta in self.thetas.items():
            noise = [] if self.noise[row] is None else [self.noise[row]]
            for one in np.atleast_2d(theta):
                at = one.reshape(hessian.inputs[0].shape), *noise
                if not _equal(ours(*at)[0], self.gradient.hessian(*at)):
                    return False
        return True


def _some_runs(seen: Seen) -> np.ndarray | None:
    if seen.runs is None:
        return None
    return np.unique(np.linspace(0, seen.runs - 1, LOOKED_AT).astype(int))


def _first_step_is_right(
    seen: Seen,
    machine: Machine,
    start: Mapping[str, np.ndarray],
    g: np.ndarray,
    how: Mapping[str, Any],
) -> bool:
    some = _some_runs(seen)
    g = g if some is None else g[some]
    optimizer, batches = seen.optimizer, how["batches"] and how["batches"][:2]
    first = {**how, "batches": batches, "etas": how["etas"] and how["etas"][:1]}
    one = machine.run(start, optimizer.t, 1, seen.settings, **first)
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
    ours, theirs = one.state | {"": one.theta[-1]}, Seen(trial).carried
    theirs[""] = trial.handed_out(trial._theta)
    return not fine or all(
        _equal(ours[name] if some is None else ours[name][some], value)
        for name, value in theirs.items()
    )


def _equal(one: Any, other: Any) -> bool:
    return np.array_equal(one, other, equal_nan=True)
