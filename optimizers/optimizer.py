"""Optimizer: the loop that every rule shares.

    θ ← θ − η_t · d_t          d_t = direction(θ, g)          g = ∂loss/∂θ, by autograd

A rule is a subclass with a `direction`; everything else is here.
"""

from __future__ import annotations

import inspect
import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import Any, Literal

import numpy as np

from optimizers import checks
from optimizers.checks import shown
from optimizers.gradients import Gradient, Recorded
from optimizers.hyper_parameters import OWN_DEFAULT
from optimizers.learning_rate import LearningRate, check_runs, scheduled, warn_of_runs
from optimizers.problem import as_problem
from optimizers.progress import Progress
from optimizers.projection import Projection
from optimizers.settings import Settings
from optimizers.slots import Slots
from optimizers.spaces import Log, Space
from optimizers.state import (
    check_kept,
    is_library,
    parts,
    restore,
    select,
    snapshot,
    working_copies,
)
from optimizers.trajectory import Recorder, Trajectory
from optimizers.weights import flatten, read_only

Schedule = Callable[[int], Any]
MANY = 40_000  # weights: of fewer, NumPy's steps are as quick as those in one pass


class Optimizer(Settings):
    """The base of every rule: holds the loss and the weights, makes the steps, keeps the record.

    A rule is a subclass with a `direction`. Its class attributes are its hyper-parameters and their
    defaults, which become keywords: with `gamma = 0.5` in the class, `Rule(loss, weights, gamma=1)`
    works, and `self.gamma` is there in the formula. `state` names what survives a step; `batched`
    promises that `direction` takes any run axes in front; `slots` says in words what the rule is
    made of: memory, direction, magnitude, decay.

    Examples
    --------
    >>> import autograd.numpy as np
    >>> from optimizers import Optimizer
    >>> class HeavyBall(Optimizer):
    ...     mu = 0.5
    ...     state = ("p",)
    ...     def direction(self, theta, g):
    ...         self.p = self.mu * self.p + g
    ...         return self.p
    >>> HeavyBall(lambda x: np.sum(x**2), [4.0], lr=0.25).minimize(3).theta[:, 0]
    array([ 4.,  2.,  0., -1.])
    """

    state: tuple[str, ...] = ()  # names what survives a step: arrays, zero before the first
    batched = False  # promises that `direction` takes any run axes in front
    space: Space = {"lr": Log(1e-5, 10.0)}  # noqa: RUF012  # where good values are looked for
    slots = Slots()  # what it is made of, in words

    lr: LearningRate = 0.01

    @abstractmethod
    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        """d, where the step is −η·d.

        Parameters
        ----------
        theta, g
            The weights and the gradient, flat: (..., P). `self.t` is 1 at the first step.
        """

    def update(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        """The one equation: θ − η·d."""
        self.d = self.direction(theta, g)
        if getattr(self.d, "shape", None) != theta.shape:
            raise ValueError(
                f"{type(self).__name__}.direction must return an array shaped like theta, "
                f"{theta.shape}; got {shown(self.d)}"
            )
        return theta - self.eta * self.d

    def handed_out(self, theta: np.ndarray) -> np.ndarray:
        """The weights that the user is given: θ, unless a rule keeps better ones in its state.

        The gradient is taken at θ. `theta`, `value` and the path are of the weights handed out;
        for the path, the loss is taken there at each step, one evaluation more without a gradient.

        Examples
        --------
        >>> from optimizers import SGD
        >>> from optimizers.functions import sphere
        >>> class Halfway(SGD):
        ...     state = ("before",)
        ...     def update(self, theta, g):
        ...         self.before = theta
        ...         return super().update(theta, g)
        ...     def handed_out(self, theta):
        ...         return theta if self.t == 0 else (self.before + theta) / 2
        >>> Halfway(sphere, [4.0], lr=0.25).minimize(2).theta[:, 0]
        array([4. , 3. , 1.5])
        """
        return theta

    def _evaluate(
        self, batch: Any, gradient: Callable[..., tuple[Any, np.ndarray]]
    ) -> tuple[Any, np.ndarray]:
        if batch is None and self._batch_of is not None:
            # the noise belongs to the step, so that every rule meets the same
            batch = self._batch_of(self.t + 1, self._theta.shape[-1])
        own = self.__dict__  # past __setattr__, which checks what a user sets
        own["batch"] = batch
        loss, g = gradient(self._theta, batch)
        if hands_out_others(self):
            loss = self.gradient.value(self.handed_out(self._theta), batch)
        own["_value"] = loss
        return loss, g

    def _in_machine_code(self, recorder: Recorder, steps: int, tol: float | None) -> int:
        """Make all steps but the last in machine code, if that can be; return how many they are.

        The last one, made plainly, leaves on `self` what a formula leaves there.
        """
        from optimizers.engine.scalars import Untraceable
        from optimizers.engine.whole_runs import whole_run

        try:
            path = whole_run(self, steps, recorder.every, tol, recorder.watch, leave=1)
        except Untraceable as reason:
            vars(self)["_not_compiled"] = str(reason)
            return 0
        vars(self)["_not_compiled"] = ""
        recorder.take(path)
        return int(path.step[-1] - path.step[0])

    @property
    def _is_alone(self) -> bool:
        """Whether only the library's own runs between two evaluations of the loss."""
        from optimizers.engine.seen import Seen

        return self._batch_of is None and not callable(self.lr) and Seen(self).is_librarys

    def _next_noise(self) -> tuple[Any, ...]:
        """What the loss takes beside the weights at the next step, as a tuple of one or none."""
        return (
            () if self._batch_of is None else (self._batch_of(self.t + 1, self._theta.shape[-1]),)
        )

    def _step(self, g: np.ndarray) -> None:
        own = self.__dict__
        own["t"] += 1
        own["g"], own["_is_made"] = g, False  # a formula may make attributes
        own["eta"] = self._scheduled(self.t) if callable(self.lr) else self.lr
        if self._theta.ndim == 1 and self._theta.size >= MANY:
            from optimizers.engine.fused import fused_step

            own["_theta"] = fused_step(self, g)
        else:
            own["_theta"] = self.moved(self._theta, g)
        own["_value"], own["_is_made"] = None, True

    def moved(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        """The weights after a step, brought back by `project` if there is one."""
        if not self._is_library:
            if self.t > 1 and self.t & (self.t - 1) == 0:  # 2, 4, 8, …: some begin to keep late
                check_kept(self, theta, g)
            theta, g = working_copies(self, theta, g)
        theta = self.update(theta, g)
        return theta if self.project is None else self.project(theta)

    def minimize_raw(self, batch: Any = None) -> Any:
        """Make one step.

        Parameters
        ----------
        batch
            Handed to the loss as its second argument, if given.

        Returns
        -------
        loss
            The loss before the step: a float, or one per run.
        """
        before = snapshot(parts(self))
        try:
            with np.errstate(all="ignore"):
                loss, g = self._evaluate(batch, self.gradient.plainly)
                self._step(g)
        except BaseException:
            restore(before)
            raise
        return loss

    def minimize(
        self,
        steps: int,
        *,
        batches: Iterable[Any] | None = None,
        tol: float | None = None,
        watch: Iterable[str] = (),
        every: int = 1,
        progress: bool = False,
        callback: Callable[[Any], Any] | None = None,
    ) -> Trajectory:
        """Make `steps` steps; another call continues from there.

        Parameters
        ----------
        steps
            How many steps, 0 or more.
        batches
            One batch per step, handed to the loss as its second argument. The loss of the last
            iterate is taken on the last batch.
        tol
            Stop as soon as the gradient's norm is at most this (in every run).
        watch
            Names of inner state to record as well, such as ("m_hat", "v_hat").
        every
            Keep a row every so many steps; the first and the last are always kept.
        progress
            Whether to show a progress bar.
        callback
            Called with the optimizer after each step; `optimizer.value` is the loss there. If it
            returns True or raises StopIteration, that step was the last. Weights that it sets,
            `optimizer.theta = …`, are where the path goes on from, and stand in it.

        Returns
        -------
        Trajectory
            steps + 1 rows (with every=1), first the start, last the last iterate. A run
            whose loss or weights stop being finite ends there, marked `diverged`.

        Raises
        ------
        TypeError, ValueError
            If an argument is wrong, or the batches run out.
        MemoryError
            If the record would not fit into memory; the message says which `every` would.

        Examples
        --------
        >>> from optimizers import Adam
        >>> from optimizers.functions import rosenbrock
        >>> path = Adam(rosenbrock, [-1.5, 2.0], lr=0.05).minimize(500, watch=("m_hat",))
        >>> path.theta.shape, path.loss.shape, path["m_hat"].shape
        ((501, 2), (501,), (501, 2))
        """
        steps = checks.whole("steps", steps, 0)
        every = checks.whole("every", every, 1)
        if tol is not None:
            tol = checks.number("tol", tol, checks.NOT_NEGATIVE)
        if callback is not None and not callable(callback):
            raise TypeError(f"callback must be a function of the optimizer, got {shown(callback)}")
        stream = self._batch_stream(batches)
        may_stop = tol is not None or callback is not None
        recorder = Recorder(self, steps, every, _names("watch", watch), may_stop)
        bar = Progress(steps, type(self).__name__) if progress else None
        moving = parts(self)
        self.gradient.begin(
            steps if callback is None else 0, lambda: batches is None and self._is_alone
        )
        try:
            with np.errstate(all="ignore"):
                made, gradient = 0, self.gradient.__call__
                if callback is None and batches is None:
                    made = self._in_machine_code(recorder, steps, tol)
                g, batch = recorder.gradient, None
                if made:
                    gradient = self.gradient.once
                if not made:
                    batch = self._next_batch(stream, 0, steps) if steps else None
                    loss, g = self._evaluate(batch, gradient)
                    recorder.add(self._theta, loss, g)
                for done in range(made + 1, steps + 1):
                    if recorder.all_diverged or (tol is not None and recorder.within(tol)):
                        break
                    before = snapshot(moving)
                    try:
                        self._step(g)
                        if done < steps:
                            batch = self._next_batch(stream, done, steps)
                        loss, g = self._evaluate(batch, gradient)
                        vars(self)["_theta"] = here = recorder.add(self._theta, loss, g)
                    except BaseException:
                        restore(before)
                        raise
                    if bar is not None:
                        bar.update()
                    if callback is None:
                        continue
                    is_enough = _says_stop(callback, self)
                    if self._theta is not here:
                        loss, g = self._evaluate(batch, self.gradient)
                        recorder.amend(self._theta, loss, g)
                    if is_enough:
                        break
        finally:
            vars(self)["path"] = recorded = recorder.trajectory()
            self._diverged_at = recorder.diverged_at
            self.gradient.end()
            if bar is not None:
                bar.close()
        return recorded

    # -------------------------------------------------------------------------- how it is made

    def __init__(
        self,
        loss: Callable[..., Any],
        weights: Any,
        lr: Any = OWN_DEFAULT,
        *,
        grad: Any = None,
        project: Any = None,
        **hyper_parameters: Any,
    ) -> None:
        """Take in the loss, the weights, and the hyper-parameters by name.

        Parameters
        ----------
        loss
            `loss(weights)` → one number, written with autograd.numpy (or `loss(weights, batch)`).
        weights
            An array of shape (P,), or any nesting of lists, tuples and dicts of arrays; it is
            copied. If the loss promises to take many runs (a test function, `@batched`), a lone
            array (..., P) is that many runs.
        lr
            The learning rate η: a number; one per run (shape (runs,) or (runs, 1)); one for each
            layer, by name or in the weights' nesting (0 freezes; who is not named has the rule's
            own); or a schedule: a function of the step t = 1, 2, … that returns any of these.
        grad
            The gradient, `grad(weights)` or `grad(weights, batch)`, in the weights' nesting; left
            out, autograd takes it. It is compared with autograd's once, where that can follow.
        project
            A function from weights to weights, applied after each step: for constraints.
        **hyper_parameters
            By name. A number may be one per run, as lr.

        Raises
        ------
        TypeError, ValueError
            For a keyword that the rule does not have (the nearest name is suggested), and for
            values that make no sense.
        """
        problem = as_problem(loss)
        theta, self.layout = flatten(weights, runs=problem.batched)
        self.loss: Any = problem.given
        self.gradient = Gradient(problem, self.layout, grad)
        self._batch_of = problem.batch
        self.project = None if project is None else Projection(project, self.layout)
        if lr is not OWN_DEFAULT:
            hyper_parameters["lr"] = lr
        shapes = {}
        for name, known in type(self).__hyper_parameters__.items():
            value = hyper_parameters.get(name, known.default)
            if value is not inspect.Parameter.empty:  # else an __init__ of the rule's own sets it
                value = vars(self)[name] = self._checked(name, known, value)
                if known.kind.range is not None and np.ndim(value) > 1:
                    shapes[name] = value.shape[:-1]
        warn_of_runs(lr, theta, self.layout)
        if callable(self.lr) and np.ndim(self.lr(1)):
            shapes["lr"] = np.shape(self._scheduled(1))[:-1]
        if any(shapes.values()) and not self.batched:
            raise ValueError(
                f"{type(self).__name__} does not promise `batched = True`, so it takes one value "
                f"of {' and '.join(shapes)} at a time; `sweep` loops over them"
            )
        try:
            alone = theta.shape[:-1]
            runs = np.broadcast_shapes(alone, *shapes.values()) if shapes else alone
        except ValueError as error:
            counts = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
            raise ValueError(
                f"the numbers of runs do not match: weights {theta.shape[:-1]}, {counts}"
            ) from error
        self.t, self.batch = 0, None
        self._is_library = is_library(type(self))
        self._value, self._not_compiled = None, None
        self._fused, self._unseen = None, None
        self._diverged_at = -1
        self._theta = np.array(
            np.broadcast_to(theta, runs + theta.shape[-1:]), order=_order(runs, theta.shape[-1])
        )
        for name in self.state:
            setattr(self, name, np.zeros_like(self._theta))
        self._ours = frozenset(vars(self)) - set(self.state)

    # ------------------------------------------------------------------- what the loop asks for

    def _scheduled(self, t: int) -> Any:
        eta = scheduled(self.lr, t, self.layout, self._own_lr)
        if "_theta" in vars(self):
            check_runs(f"the schedule's lr at t = {t}", eta, self._theta.shape[:-1])
        return eta

    def _batch_stream(self, batches: Iterable[Any] | None) -> Iterator[Any]:
        try:
            return repeat(None) if batches is None else iter(batches)
        except TypeError as error:
            raise TypeError(
                f"batches must be an iterable with one batch per step, got {shown(batches)}"
            ) from error

    def _next_batch(self, stream: Iterator[Any], done: int, steps: int) -> Any:
        for batch in stream:
            return batch
        raise ValueError(
            f"batches ran out after {done} of {steps} steps: give at least as many batches as "
            "steps (itertools.cycle repeats a list)"
        )

    # -------------------------------------------------------------------- looking and changing

    @property
    def theta(self) -> Any:
        """The current weights, read-only, in the nesting that was given; assign to change them."""
        now = self.handed_out(self._theta).copy()
        now.setflags(write=False)
        return read_only(self.layout.unflatten(now))

    @theta.setter
    def theta(self, weights: Any) -> None:
        theta, layout = flatten(weights, runs=self.layout.is_vector and self._theta.ndim > 1)
        if (layout.names, layout.shapes) != (self.layout.names, self.layout.shapes):
            raise ValueError(
                f"theta must be {self.layout}; got {layout.names} of shapes {layout.shapes}"
            )
        try:
            self._theta = np.array(np.broadcast_to(theta, self._theta.shape))
        except ValueError as error:
            raise ValueError(
                f"theta must be weights for {self._theta.shape[:-1]} runs, got {theta.shape[:-1]}"
            ) from error
        self._value, self._diverged_at = None, -1
        self._placed()

    def _placed(self) -> None:
        """The weights were set: what a rule holds beside them can follow."""

    @property
    def value(self) -> Any:
        """The loss at the newest weights (in a formula, before a step): a float, or one per run."""
        if self._value is None:
            batch = self.batch
            if self._batch_of is not None:
                batch = self._batch_of(self.t + 1, self._theta.shape[-1])
            with np.errstate(all="ignore"):
                self._value = self.gradient.value(self.handed_out(self._theta), batch)
        return self._value

    @property
    def gradients_per_step(self) -> int | None:
        """What a step costs, in gradients of the loss; None if that varies."""
        return 1

    def select(self, runs: np.ndarray) -> None:
        """Continue with some of the runs only.

        Parameters
        ----------
        runs
            Which: an array of bool, (runs,).
        """
        select(self, runs)
        self._value = None
        self._diverged_at = np.broadcast_to(self._diverged_at, runs.shape)[runs]

    @property
    def recorded(self) -> Recorded:
        """Which language the steps were made in, other than plain autograd (false), and why."""
        if self._not_compiled == "":
            return Recorded(True, "whole runs in machine code")
        found = self.gradient.recorded
        why = [found.why]
        if self._not_compiled not in (None, found.why):
            why.append(f"no machine code, since {self._not_compiled}")
        if self._fused is not None:
            why.append(str(self._fused))
        return Recorded(found.yes, "; ".join(why))

    def _repr_markdown_(self) -> str:
        lines = formula(type(self))
        return f"`{self!r}`\n\n$$\n\\begin{{aligned}}\n{lines}\n\\end{{aligned}}\n$$"


def hands_out_others(optimizer: Optimizer) -> bool:
    """Whether the weights that it hands out are not those at which it takes the gradient."""
    return type(optimizer).handed_out is not Optimizer.handed_out


def _order(runs: tuple[int, ...], size: int) -> Literal["C", "F"]:
    """Many runs of few weights lie in memory weight by weight: long stretches are quick.

    Of eight weights and more, NumPy would then add in another order than in a single run.
    """
    return "F" if size < 8 and size * 8 <= np.prod(runs) else "C"


def _says_stop(callback: Callable[[Any], Any], optimizer: Optimizer) -> bool:
    try:
        answer = callback(optimizer)
    except StopIteration:
        return True
    return isinstance(answer, (bool, np.bool_)) and bool(answer)


def formula(thing: Any) -> str:
    """The LaTeX of the `.. math::` block in a docstring; its text stands there and nowhere else."""
    block = re.search(r"\.\. math::\n\n((?:[ ]+.*\n|\n)+)", inspect.cleandoc(thing.__doc__ or ""))
    return inspect.cleandoc(block.group(1)) if block else r"\theta \leftarrow \theta - \eta\,d"


def _names(argument: str, names: Iterable[str]) -> tuple[str, ...]:
    """One name or several as a tuple; a plain string is one name, not a list of letters."""
    if isinstance(names, str):
        return (names,)
    try:
        names = tuple(names)
    except TypeError as error:
        raise TypeError(f"{argument} must be names, got {shown(names)}") from error
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"{argument} must be names, got {shown(name)}")
    return names
