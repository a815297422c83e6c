"""Value and gradient of a loss at flat weights, by autograd, in one pass."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import finalize

import autograd.numpy as np
import numpy
from autograd.core import VJPNode, backward_pass, make_vjp
from autograd.extend import vspace
from autograd.tracer import isbox, new_box, trace_stack

from optimizers.checks import shown
from optimizers.diagnosis import explained, refusal
from optimizers.problem import Problem
from optimizers.weights import Layout

if TYPE_CHECKING:
    from optimizers.engine.numpy_lines import NumpyLines  # imported when something is recorded
    from optimizers.engine.one_run import OneRun

ELSEWHERE = 8  # points at which a constant is looked at again
BESIDE = (0.1, 1.0, -1.0, 10.0, -10.0)  # steps, to look at a recording again
AGREES = 1e-3  # a gradient of the user's own with autograd's, relative to its largest entry


class Recorded(NamedTuple):
    """Whether a gradient is replayed from a recording, and why, or why not."""

    yes: bool
    why: str

    def __bool__(self) -> bool:
        return self.yes

    def __repr__(self) -> str:
        return f"{'recorded' if self.yes else 'not recorded'}: {self.why}"


class Followed(NamedTuple):
    """A loss that autograd followed from the weights: its value, and its node in the graph."""

    value: Any
    node: Any


# The recordings of each loss (by its identity: equal losses may compute different things), by the
# nesting, shapes and dtypes of what it is given; where it cannot be replayed, the reason stands
# there. What is called but once is not recorded.
_shared: dict[int, dict[Any, Any]] = {}
_machines: dict[int, dict[Any, Any]] = {}  # likewise, the steps of rules on each loss, compiled
_ONCE = object()
_UNKNOWN = object()
MOST = 64  # shapes of one loss; batches of ever other lengths are not worth it


def _kept_of(loss: Any, shared: dict[int, dict[Any, Any]]) -> dict[Any, Any]:
    if id(loss) not in shared:
        try:
            finalize(loss, shared.pop, id(loss), None).atexit = False
        except TypeError:  # nobody says when it is gone
            return {}
        shared[id(loss)] = {}
    return shared[id(loss)]


def _equal(one: tuple[Any, Any], other: tuple[Any, Any]) -> bool:
    """Whether two values and gradients are the same numbers."""
    return all(numpy.array_equal(a, b, equal_nan=True) for a, b in zip(one, other, strict=True))


class Gradient:
    """g = ∂loss/∂θ at flat weights.

    The gradient of a loss that is marked `pure` is recorded when it is taken a second time, and
    replayed from then on (see engine/trace.py). The numbers are the same.

    Parameters
    ----------
    problem
        What is minimised. A loss that promises to be `batched` takes arrays of shape (..., P) and
        returns one number a run; another is tried, and looped over if it does not take them.
    layout
        The nesting in which the loss wants its weights.
    grad
        A gradient of the user's own, in that nesting.
    """

    def __init__(
        self, problem: Problem, layout: Layout, grad: Callable[..., Any] | None = None
    ) -> None:
        if grad is not None and not callable(grad):
            raise TypeError(
                f"grad must be a function of the weights, like the loss; got {shown(grad)}"
            )
        self.problem = problem
        self.loss = problem.loss
        self.layout = layout
        self.grad = grad
        self.is_checked = False  # `grad`, against autograd
        self._traced = False  # whether the loss was ever seen to depend on the weights
        self.nesting = (repr(layout.tree), layout.shapes)
        self._start_recording()

    def _start_recording(self) -> None:
        self.lines: NumpyLines | None = None  # the recording in use
        pure = self.problem.pure and self.grad is None
        self._why_not = (
            "it will be at a run's second step" if pure else "the loss is not marked @pure"
        )
        if self.grad is not None:
            self._why_not = "the gradient is the user's own"
        # without a batch, a loss may read data of its own: that recording is not shared
        self._recordings_without_batch = _kept_of(self.problem.given, _shared)
        self._recordings = _kept_of(self.problem.formula, _shared)
        self.compiled = _kept_of(self.problem.given, _machines)
        self._trusted: set[Any] = set()  # the recordings that agreed with autograd since `begin`
        self._in_this_run: OneRun | None = None  # of a loss that promises nothing
        self._together: Any = _UNKNOWN

    def begin(self, steps: int = 0, alone: Callable[[], bool] = lambda: False) -> None:
        """Compare with autograd once more before a recording is used: what it reads may differ.

        Parameters
        ----------
        steps
            How many are to come. In a long run the gradient is recorded without a promise as well.
        alone
            Whether only the library's own runs between them, which changes nothing.
        """
        self.lines = None
        if not self.problem.is_library:
            self._trusted.clear()
        if steps and not self.problem.pure and self.grad is None:
            from optimizers.engine.one_run import LONG, OneRun

            if steps >= LONG:
                problem = self.problem
                self._in_this_run = OneRun(self.by_autograd, problem.given, problem.name, alone())

    def end(self) -> None:
        """Forget what holds for a run alone."""
        self._in_this_run = None

    def __call__(self, theta: numpy.ndarray, batch: Any = None) -> tuple[Any, numpy.ndarray]:
        """Loss and gradient at theta (..., P): shapes (...) and (..., P)."""
        lines = self.lines if self.problem.pure and batch is None else None
        if lines is not None and lines.fits(theta):
            return lines.replay(theta)
        one_by_one = theta.ndim > 1 and self._loss_of_runs(theta, batch) is None
        if self._in_this_run is not None and not one_by_one:
            found = self._in_this_run(theta, batch)
            self.lines = self._in_this_run.lines
            self._why_not = self._in_this_run.why_not or self._why_not
            return found
        if not self.problem.pure or self.grad is not None or one_by_one:
            return self.plainly(theta, batch)
        return self._recorded(theta, batch)

    def once(self, theta: numpy.ndarray, batch: Any = None) -> tuple[Any, numpy.ndarray]:
        """The same where no more calls are to come: checking a recording would not pay."""
        return self(theta, batch) if self.problem.is_library else self.plainly(theta, batch)

    def plainly(self, theta: numpy.ndarray, batch: Any = None) -> tuple[Any, numpy.ndarray]:
        """The same without a recording: what the loss reads may have changed since the last."""
        self.lines = None
        if theta.ndim > 1 and self._loss_of_runs(theta, batch) is None:
            pairs = [self.plainly(run, batch) for run in theta]
            return numpy.stack([p[0] for p in pairs]), numpy.stack([p[1] for p in pairs])
        if self.grad is not None:
            return self._by_the_user(theta, batch)
        return self.by_autograd(theta, batch)

    def elsewhere(self, theta: numpy.ndarray, batch: Any = None) -> numpy.ndarray:
        """The gradient at other weights than the optimizer's, for a formula that asks for one."""
        return self.plainly(theta, batch)[1]

    def value(self, theta: numpy.ndarray, batch: Any = None) -> Any:
        """The loss alone at theta (..., P): (...)."""
        if theta.ndim > 1 and self._loss_of_runs(theta, batch) is None:
            return numpy.stack([self.value(run, batch) for run in theta])
        value = self._at(theta, batch)(theta.copy())  # the loss may write into it
        self._check(value, theta.shape[:-1])
        return value

    def takes_runs(self, theta: numpy.ndarray, batch: Any = None) -> bool:
        """Whether the loss is taken of these runs side by side."""
        return self._loss_of_runs(theta, batch) is not None

    def _loss_of_runs(self, theta: numpy.ndarray, batch: Any) -> Callable[..., Any] | None:
        """The loss as one of many runs side by side; None if it is called run by run."""
        if self.grad is not None:
            return None
        if self._together is _UNKNOWN:
            more = () if batch is None else (batch,)
            finite = theta[numpy.isfinite(theta).all(axis=-1)]
            near = finite[0] if len(finite) else numpy.zeros(theta.shape[-1])
            self._together = self.problem.of_runs(near, self.layout, *more)
        return self._together

    def _recorded(self, theta: numpy.ndarray, batch: Any) -> tuple[Any, numpy.ndarray]:
        from optimizers.engine.numpy_lines import record
        from optimizers.engine.trace import NotTraceable, leaves, signature

        inputs = (theta,) if batch is None else (theta, batch)
        recordings = self._recordings_without_batch if batch is None else self._recordings
        key = self.nesting, signature(*inputs)
        self.lines = None
        if key not in recordings:
            if len(recordings) < MOST:
                recordings[key] = _ONCE
            return self.by_autograd(theta, batch)
        known = recordings[key]
        if isinstance(known, str):
            self._why_not = known
            return self.by_autograd(theta, batch)
        if key not in self._trusted and (known is _ONCE or not self.problem.is_library):
            right = self.by_autograd(theta, batch)
            if known is _ONCE or not self._still_holds(known, right, theta, batch):
                # not recorded yet, or the loss reads something else than it did then
                try:
                    recordings[key] = record(self.by_autograd, *inputs, title=self.problem.name)
                except NotTraceable as reason:
                    recordings[key] = self._why_not = str(reason)
                    return right
            self._trusted.add(key)
            self.lines = recordings[key]
            return right
        self.lines = known
        return known.replay(*leaves(inputs))

    def _still_holds(self, lines: NumpyLines, right: Any, theta: numpy.ndarray, batch: Any) -> bool:
        """Whether a recording gives what autograd gives, here and beside: 0 hides a changed λ."""
        from optimizers.engine.trace import leaves

        if not _equal(lines.replay(*leaves((theta, batch))), right):
            return False
        size = numpy.abs(theta) + 1
        size *= numpy.random.default_rng(0).uniform(0.5, 1.0, theta.shape)
        far: list[Any] = list(BESIDE)
        if theta.ndim > 1:  # one of these for each run
            far = [numpy.resize(BESIDE, theta.shape[:-1])[..., numpy.newaxis]]
        return all(
            _equal(lines.replay(*leaves((point, batch))), self.by_autograd(point, batch))
            for point in (theta + step * size for step in far)
        )

    @property
    def recorded(self) -> Recorded:
        """Whether the gradient is replayed, and if not, why."""
        if self.lines is None:
            return Recorded(False, self._why_not)
        return Recorded(True, f"{self.lines.source.count(chr(10) + '    v')} lines of NumPy")

    def __getstate__(self) -> dict[str, Any]:
        """Recordings stay behind when an optimizer is copied or sent to another process."""
        left = (
            "lines",
            "_in_this_run",
            "_recordings",
            "_recordings_without_batch",
            "compiled",
            "_trusted",
            "_together",
        )
        return {k: v for k, v in vars(self).items() if k not in left}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._start_recording()

    def by_autograd(self, theta: numpy.ndarray, batch: Any = None) -> tuple[Any, numpy.ndarray]:
        """Loss and gradient by plain autograd, in one pass."""
        end = self._boxed(theta, batch)
        if not isinstance(end, Followed):
            if not self._traced and not self._depends_elsewhere(theta, end, batch):
                raise refusal(end, self.problem.called)
            return float(end), numpy.zeros_like(theta)  # Python's max or an `if` chose a constant
        self._traced = True
        value, node = end
        self._check(value, theta.shape[:-1])
        return value, backward_pass(vspace(value).ones(), node)

    def _boxed(self, theta: numpy.ndarray, batch: Any) -> Any:
        """The loss, `Followed`; or what it gave if it does not depend on the weights here."""
        try:
            with trace_stack.new_trace() as here:
                end = self._at(theta, batch)(new_box(theta, here, VJPNode.new_root()))
        except (TypeError, ValueError, AttributeError, NotImplementedError) as error:
            if better := explained(error, self.problem.called):
                raise better from error
            raise
        return Followed(end._value, end._node) if isbox(end) and end._trace == here else end

    def _depends_elsewhere(self, theta: numpy.ndarray, end: Any, batch: Any) -> bool:
        """Whether the loss, a constant here, depends on the weights at some other place."""
        is_number = isinstance(end, (int, float, numpy.number, numpy.ndarray))
        if isinstance(end, bool) or not is_number or numpy.shape(end) or theta.ndim > 1:
            return False
        rng = numpy.random.default_rng(0)
        for size in numpy.geomspace(0.1, 1000, ELSEWHERE):
            step = size * rng.standard_normal(theta.shape)
            for point in (theta + step, theta - step):
                with suppress(Exception):  # the loss may not be defined there
                    if isinstance(self._boxed(point, batch), Followed):
                        return True
        return False

    def _by_the_user(self, theta: numpy.ndarray, batch: Any) -> tuple[Any, numpy.ndarray]:
        assert self.grad is not None
        value = self.value(theta, batch)
        g = self._users(theta, batch)
        if not self.is_checked:
            self.is_checked = True
            self._hold_to_autograd(theta, batch)
        return value, g

    def _users(self, theta: numpy.ndarray, batch: Any) -> numpy.ndarray:
        assert self.grad is not None
        weights = self.layout.unflatten(theta.copy())  # the user may write into them
        g = self.grad(weights) if batch is None else self.grad(weights, batch)
        return self.layout.ravel(g, "what grad returns")

    def _hold_to_autograd(self, theta: numpy.ndarray, batch: Any) -> None:
        """Compare beside θ, which itself may lie on a kink or where the gradient vanishes."""
        rng = numpy.random.default_rng(0)
        beside = theta + rng.uniform(0.01, 0.1, theta.shape) * (1 + numpy.abs(theta))
        try:
            right = self.by_autograd(beside, batch)[1]
            g = self._users(beside, batch)
        except Exception:  # that is what a gradient of one's own is for
            return
        off = numpy.abs(g - right)
        allowed = AGREES * numpy.abs(right).max(initial=1e-12)
        by_chance = not numpy.array_equal(g, self._users(beside, batch), equal_nan=True)
        if numpy.isfinite(right).all() and not (off <= allowed).all() and not by_chance:
            i = int(numpy.argmax(numpy.where(numpy.isnan(off), numpy.inf, off)))
            raise ValueError(
                f"grad differs from the gradient that autograd takes of {self.problem.called}: "
                f"near the start, at weight {i} of {g.size}, it is {g[i]:.6g}, "
                f"autograd's {right[i]:.6g}"
            )

    def hessian(self, theta: numpy.ndarray, batch: Any = None) -> numpy.ndarray:
        """Second derivatives at theta (..., P): shape (..., P, P)."""
        if theta.ndim > 1 and self._loss_of_runs(theta, batch) is None:
            return numpy.stack([self.hessian(run, batch) for run in theta])
        times = self.hessian_times(theta, batch)
        basis = numpy.eye(theta.shape[-1])
        rows = [times(numpy.broadcast_to(unit, theta.shape)) for unit in basis]
        return numpy.stack(rows, axis=-2)

    def hessian_times(
        self, theta: numpy.ndarray, batch: Any = None
    ) -> Callable[[numpy.ndarray], numpy.ndarray]:
        """The product of the second derivatives at theta with a vector: v → H v, (..., P)."""

        def gradient(theta: Any) -> Any:
            loss = self._at(theta, batch)
            # a loss may be constant here, and of a linear one g is: the slope of either is zero
            vjp, value = make_vjp(lambda theta: loss(theta) + 0 * np.sum(theta, axis=-1), theta)
            return vjp(np.ones(np.shape(value))) + 0 * theta

        times, _ = make_vjp(gradient, theta)
        return times

    def _at(self, theta: numpy.ndarray, batch: Any) -> Callable[[Any], Any]:
        """The loss as a function of flat weights like these."""
        more = () if batch is None else (batch,)
        if theta.ndim > 1:
            together: Any = self._loss_of_runs(theta, batch)
            return lambda theta: together(self.layout.unflatten(theta), *more)

        def loss(theta: Any) -> Any:
            value = self.loss(self.layout.unflatten(theta), *more)
            shape = getattr(value, "shape", ())
            return np.reshape(value, ()) if shape and set(shape) == {1} else value

        return loss

    def _check(self, value: Any, runs: tuple[int, ...]) -> None:
        if numpy.iscomplexobj(value):
            raise TypeError(f"{self._expected()}, got a complex one: {shown(value)}")
        if numpy.shape(value) != runs:
            raise ValueError(
                f"{self._expected()}, got an array of shape {numpy.shape(value)}; "
                + (
                    f"expected shape {runs}, one per run"
                    if runs
                    else "take np.sum or np.mean of it"
                )
            )

    def _expected(self) -> str:
        return f"{self.problem.called} must return one number"
