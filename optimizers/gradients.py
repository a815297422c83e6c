"""Value and gradient of a loss at flat weights, by autograd, in one pass."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import autograd.numpy as np
import numpy
from autograd.core import VJPNode, backward_pass, make_vjp
from autograd.extend import vspace
from autograd.tracer import isbox, new_box, trace_stack

from optimizers.checks import shown
from optimizers.weights import Layout

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


class Gradient:
    """g = ∂loss/∂θ at flat weights.

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
        self._traced = False  # whether the loss was ever seen to depend on the weights

    def __call__(self, theta: numpy.ndarray, batch: Any = None) -> tuple[Any, numpy.ndarray]:
        """Loss and gradient at theta (..., P): shapes (...) and (..., P)."""
        if theta.ndim > 1 and not self.batched:
            return self._looped(theta, batch)
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
        return str(getattr(self.loss, "__name__", type(self.loss).__name__))

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
