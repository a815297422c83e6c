"""Value and gradient of a loss at flat weights, by autograd, in one pass."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from weakref import finalize

import autograd.numpy as np
import numpy
from autograd.core import VJPNode, backward_pass, make_vjp
from autograd.extend import vspace
from autograd.tracer import isbox, new_box, trace_stack

from optimizers.checks import shown
from optimizers.weights import Layout

if TYPE_CHECKING:
    from optimizers.tape import Tape  # imported when something is recorded

Loss = TypeVar("Loss", bound=Callable[..., Any])

USE_AUTOGRAD_NUMPY = "write it with `import autograd.numpy as np`"


def pure(loss: Loss) -> Loss:
    """Promise that a loss depends on its arguments alone: no globals that change, no chance.

    Examples
    --------
    >>> @pure
    ... def loss(x):
    ...     return np.sum((x - 1) ** 2)
    >>> loss.pure
    True
    """
    loss.pure = True  # type: ignore[attr-defined]
    return loss


class Recorded(NamedTuple):
    """Whether a gradient is replayed from a recording, and why, or why not."""

    yes: bool
    why: str

    def __bool__(self) -> bool:
        return self.yes

    def __repr__(self) -> str:
        return f"{'recorded' if self.yes else 'not recorded'}: {self.why}"


# The recordings of each loss (by its identity: equal losses may compute different things), by the
# nesting, shapes and dtypes of what it is given; where it cannot be replayed, the reason stands
# there. What is called but once is not recorded.
_shared: dict[int, dict[Any, Any]] = {}
_ONCE = object()
MOST = 64  # shapes of one loss; batches of ever other lengths are not worth it


def _recordings_of(loss: Any) -> dict[Any, Any]:
    if id(loss) not in _shared:
        try:
            finalize(loss, _shared.pop, id(loss), None).atexit = False
        except TypeError:  # nobody says when it is gone
            return {}
        _shared[id(loss)] = {}
    return _shared[id(loss)]


class Gradient:
    """g = ∂loss/∂θ at flat weights.

    The gradient of a loss that is marked `pure` is recorded when it is taken a second time, and
    replayed from then on (see tape.py). The numbers are the same.

    Parameters
    ----------
    loss
        `loss(weights)` or `loss(weights, batch)` → one number, written with autograd.numpy. If it
        has an attribute `batched` that is True, it takes arrays of shape (..., P) and returns one
        number a run; otherwise runs are looped over.
    layout
        The nesting in which the loss wants its weights.
    """

    def __init__(self, loss: Callable[..., Any], layout: Layout) -> None:
        if not callable(loss):
            raise TypeError(
                "loss must be a function of the weights that returns one number, "
                f"such as optimizers.functions.rosenbrock; got {shown(loss)}"
            )
        self.loss = loss
        self.layout = layout
        self.batched = bool(getattr(loss, "batched", False))
        self.pure = bool(getattr(loss, "pure", False))
        self._traced = False  # whether the loss was ever seen to depend on the weights
        self._nesting = (repr(layout.tree), layout.shapes)
        self._start_recording()

    def _start_recording(self) -> None:
        self.tape: Tape | None = None  # the recording in use
        self._why_not = "its second call will be" if self.pure else "the loss is not marked @pure"
        # without a batch, a loss may read data of its own: that recording is not shared
        self._recordings_without_batch = _recordings_of(self.loss)
        self._recordings = _recordings_of(getattr(self.loss, "recorded_as", self.loss))

    def __call__(self, theta: numpy.ndarray, batch: Any = None) -> tuple[Any, numpy.ndarray]:
        """Loss and gradient at theta (..., P): shapes (...) and (..., P)."""
        if self.tape is not None and batch is None and self.tape.fits(theta):
            return self.tape.replay(theta)
        if theta.ndim > 1 and not self.batched:
            return self._looped(theta, batch)
        if not self.pure:
            return self.by_autograd(theta, batch)
        return self._recorded(theta, batch)

    def _recorded(self, theta: numpy.ndarray, batch: Any) -> tuple[Any, numpy.ndarray]:
        from optimizers.tape import NotReplayable, leaves, record, signature

        inputs = (theta,) if batch is None else (theta, batch)
        recordings = self._recordings_without_batch if batch is None else self._recordings
        key = self._nesting, signature(*inputs)
        if key not in recordings:
            if len(recordings) < MOST:
                recordings[key] = _ONCE
            return self.by_autograd(theta, batch)
        if recordings[key] is _ONCE:
            try:
                recordings[key] = record(self.by_autograd, *inputs, title=self._name())
            except NotReplayable as reason:
                recordings[key] = str(reason)
        known = recordings[key]
        if isinstance(known, str):
            self.tape, self._why_not = None, known
            return self.by_autograd(theta, batch)
        self.tape = known
        return known.replay(*leaves(inputs))

    @property
    def recorded(self) -> Recorded:
        """Whether the gradient is replayed, and if not, why."""
        if self.tape is None:
            return Recorded(False, self._why_not)
        return Recorded(True, f"{self.tape.source.count(chr(10) + '    v')} lines of NumPy")

    def __getstate__(self) -> dict[str, Any]:
        """Recordings stay behind when an optimizer is copied or sent to another process."""
        left = ("tape", "_recordings", "_recordings_without_batch")
        return {k: v for k, v in vars(self).items() if k not in left}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._start_recording()

    def by_autograd(self, theta: numpy.ndarray, batch: Any = None) -> tuple[Any, numpy.ndarray]:
        """Loss and gradient by plain autograd, in one pass."""
        try:
            with trace_stack.new_trace() as here:
                end = self._at(batch)(new_box(theta, here, VJPNode.new_root()))
        except (TypeError, ValueError, AttributeError, NotImplementedError) as error:
            self._explain(error)
            raise
        if not (isbox(end) and end._trace == here):
            if self._traced and isinstance(end, float):
                return end, numpy.zeros_like(theta)  # Python's max or an `if` chose a constant
            self._refuse(end)
        self._traced = True
        self._check(end._value, theta.shape[:-1])
        return end._value, backward_pass(vspace(end._value).ones(), end._node)

    def hessian(self, theta: numpy.ndarray, batch: Any = None) -> numpy.ndarray:
        """Second derivatives at theta (..., P): shape (..., P, P)."""
        if theta.ndim > 1 and not self.batched:
            return numpy.stack([self.hessian(run, batch) for run in theta])

        def gradient(theta: Any) -> Any:
            vjp, value = make_vjp(self._at(batch), theta)
            return vjp(np.ones(np.shape(value)))

        vjp, _ = make_vjp(gradient, theta)
        basis = numpy.eye(theta.shape[-1])
        rows = [vjp(numpy.broadcast_to(unit, theta.shape)) for unit in basis]
        return numpy.stack(rows, axis=-2)

    def _at(self, batch: Any) -> Callable[[Any], Any]:
        if batch is None:
            return lambda theta: self.loss(self.layout.unflatten(theta))
        return lambda theta: self.loss(self.layout.unflatten(theta), batch)

    def _looped(self, theta: numpy.ndarray, batch: Any) -> tuple[numpy.ndarray, numpy.ndarray]:
        pairs = [self(run, batch) for run in theta]
        return numpy.stack([p[0] for p in pairs]), numpy.stack([p[1] for p in pairs])

    def _refuse(self, value: Any) -> None:
        """Say why a loss whose value autograd did not trace cannot be minimised."""
        if value is None:
            raise TypeError(f"{self._expected()}, got None: is its `return` missing?")
        if not isinstance(value, (int, float, numpy.number, numpy.ndarray)):
            raise TypeError(f"{self._expected()}, got a {type(value).__name__}: {shown(value)}")
        raise ValueError(
            f"the loss {self._name()!r} does not depend on the weights as far as autograd can see. "
            f"If it calls `math` or makes the weights plain numbers, {USE_AUTOGRAD_NUMPY}"
        )

    def _check(self, value: Any, runs: tuple[int, ...]) -> None:
        if numpy.iscomplexobj(value):
            raise TypeError(f"{self._expected()}, got a complex one: {shown(value)}")
        if numpy.shape(value) != runs:
            raise ValueError(
                f"{self._expected()}, got an array of shape {numpy.shape(value)}; "
                + (f"expected shape {runs}, one a run" if runs else "take np.sum or np.mean of it")
            )

    def _name(self) -> str:
        named = getattr(self.loss, "__name__", getattr(self.loss, "name", None))
        return str(named or type(self.loss).__name__)

    def _expected(self) -> str:
        return f"the loss {self._name()!r} must return one number"

    def _explain(self, error: Exception) -> None:
        """Turn autograd's words for common slips into a sentence; the original stays the cause."""
        words = str(error)
        if isinstance(error, NotImplementedError):
            raise TypeError(
                f"the loss {self._name()!r} uses what autograd has no gradient for: {words}"
            ) from error
        if re.search(r"item assignment|read-only|setting an array element", words):
            raise TypeError(
                f"the loss {self._name()!r} assigns to an array in place (x[i] = ... or x += ...), "
                "which autograd cannot follow: build a new array, with np.stack or np.where, say"
            ) from error
        if "Box" in words:
            raise TypeError(
                f"the loss {self._name()!r} passes the weights to something that autograd cannot "
                "see through (math, float(), an f-string with a format, an array that is changed "
                f"in place): {USE_AUTOGRAD_NUMPY}"
            ) from error
