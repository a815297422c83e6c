"""The one door for losses: whatever is to be minimised becomes one plain `Problem`.

A test function, a training, any Python function of the weights: `as_problem` looks at it once, by
its type, and whoever stands behind the door asks the `Problem`. What is not known is None, and of
that nothing is claimed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property, partial
from typing import Any, TypeVar

import numpy as np

from optimizers.checks import shown
from optimizers.diagnosis import explained, refusal
from optimizers.side_by_side import mixes_runs, one_number, side_by_side
from optimizers.weights import Layout, flatten

Loss = TypeVar("Loss", bound=Callable[..., Any])

SCATTER = 0.02  # how far seeds move a start, as a share of the domain's width
DRAWS = 20  # so often a start is drawn, until the loss is finite there
STARTS = 0, 1  # the stream of a seed that draws starts; noise has (t,)


class Known(ABC):
    """A loss that knows more of itself than its value: the base of `Function` and `Training`."""

    @abstractmethod
    def as_problem(self, start: Any) -> Problem:
        """Say what is known, to run from this start (None: from its own)."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A loss, and what is known of it; None where nothing is.

    Attributes
    ----------
    given
        What the user handed in.
    loss
        `loss(weights)`, or `loss(weights, batch)`, in the nesting of `start`.
    name
        What to call it.
    start
        The weights to start from.
    domain, minima, minimum
        Of the landscape: the part to draw, (n, 2); the global minima, (k, n), none if it is
        unbounded below; the value there, −inf if it is.
    batch
        From the step t = 1, 2, … and the number of weights to the batch of that step.
    exact
        The loss without noise or on held-out data, at flat weights: (..., P) → (...). None if that
        is `loss` itself.
    accuracy
        The share that is told right, at flat weights: (..., P) → (...).
    seed, reseeded
        The seed of the noise and the batches, and the same problem with another; None without any.
    draws_start
        Whether the seed draws the start as well, such as a network's first weights.
    pure, batched, is_library
        Whether the loss promises to depend on its arguments alone, and to take many runs; whether
        it is the library's own, which cannot change.
    formula
        Losses with the same formula share what was recorded of it.
    noun, chance
        What the values are called, and a sentence on the part that chance has in them.
    """

    given: Any
    loss: Callable[..., Any]
    name: str
    start: Any = None
    domain: np.ndarray | None = None
    minima: np.ndarray | None = None
    minimum: float | None = None
    batch: Callable[[int, int], Any] | None = None
    exact: Callable[[np.ndarray], Any] | None = None
    accuracy: Callable[[np.ndarray], Any] | None = None
    seed: int | None = None
    reseeded: Callable[[int], Problem] | None = None
    draws_start: bool = False
    pure: bool = False
    batched: bool = False
    is_library: bool = False
    formula: Any = None
    noun: str = "loss"
    chance: str = ""

    def __getstate__(self) -> dict[str, Any]:
        """What is made on demand stays behind, and the formula is found again where it arrives."""
        return {part.name: vars(self)[part.name] for part in fields(self) if part.name != "formula"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        again = as_problem(state["given"]) if isinstance(state["given"], Known) else None
        vars(self).update(state, formula=state["given"] if again is None else again.formula)

    def __call__(self, weights: Any, *batch: Any) -> Any:
        """The loss: a problem may stand wherever one does."""
        return self.loss(weights, *batch)

    @cached_property
    def _flat(self) -> tuple[np.ndarray, Layout]:
        if self.start is None:
            raise ValueError(f"{self.name} has no start of its own: give start=weights")
        return flatten(self.start, name="start")

    @property
    def layout(self) -> Layout:
        """The nesting of the start."""
        return self._flat[1]

    @property
    def theta(self) -> np.ndarray:
        """The start, flat: (P,)."""
        return self._flat[0]

    @property
    def called(self) -> str:
        """What an error calls it: "the loss 'ridge'"."""
        return "the loss" if self.name == "loss" else f"the loss {self.name!r}"

    @property
    def known_minimum(self) -> float | None:
        """The value at the minima; None where nobody knows it, or there is none."""
        return self.minimum if self.minimum is not None and np.isfinite(self.minimum) else None

    @property
    def is_bounded(self) -> bool:
        """False where the loss is known to fall without end."""
        return self.minimum != -np.inf

    def first_batch(self, size: int) -> tuple[Any, ...]:
        """What the loss takes beside the weights at step 1, as a tuple of one or none."""
        return () if self.batch is None else (self.batch(1, size),)

    @property
    def without_chance(self) -> Problem:
        """The problem of the exact loss, at flat weights; itself where there is no chance in it."""
        return self if self.exact is None else as_problem(self.exact, self.theta)

    @cached_property
    def depends_on_chance(self) -> bool:
        """Whether the loss, called twice with the same weights and batch, gives two values.

        At its start, and beside it: a start of 0 hides chance that multiplies the weights.
        """
        steps = np.random.default_rng(0).uniform(0.01, 0.1, self.theta.shape)
        beside = self.theta + steps * (1 + np.abs(self.theta))
        return any(self._varies(theta) for theta in (self.theta, beside))

    def _varies(self, theta: np.ndarray) -> bool:
        more = self.first_batch(theta.size)
        with np.errstate(all="ignore"):
            try:
                first, second = (
                    one_number(self.loss(self.layout.unflatten(theta.copy()), *more))
                    for _ in range(2)
                )
            except Exception:  # whatever it is: the run that calls the loss in earnest will say
                return False
        return not np.array_equal(first, second, equal_nan=True)

    def values(self, points: np.ndarray) -> np.ndarray:
        """The losses, without noise, at flat weights: (..., P) → (...); nan where there is none."""
        points = np.asarray(points, float)
        with np.errstate(all="ignore"):
            if self.exact is not None:
                return np.asarray(self.exact(points))
            if points.ndim == 1:
                return np.asarray(self._value(points))
            together = self.together
            if together is not None:
                return np.asarray(together(self.layout.unflatten(points)), float)
            rows = points.reshape(-1, points.shape[-1])
            return np.array([self._value(row) for row in rows]).reshape(points.shape[:-1])

    def _value(self, theta: np.ndarray) -> float:
        try:
            value = self.loss(self.layout.unflatten(theta))
        except (ArithmeticError, ValueError):  # math.log of a negative number, say
            return np.nan
        except TypeError as error:
            if better := explained(error, self.called):
                raise better from error
            raise
        if not isinstance(value, (int, float, np.number, np.ndarray)):
            raise refusal(value, self.called)
        if np.size(value) != 1:
            raise ValueError(
                f"{self.called} must return one number, got an array of shape {np.shape(value)}; "
                "take np.sum or np.mean of it"
            )
        return one_number(value)

    @cached_property
    def together(self) -> Callable[..., Any] | None:
        """The loss as a function of many runs side by side, if it can be taken so."""
        return self.of_runs(self.theta, self.layout, *self.first_batch(self.theta.size))

    def of_runs(self, theta: np.ndarray, layout: Layout, *batch: Any) -> Callable[..., Any] | None:
        """The loss of many runs, tried near θ; a ValueError if it promised more than it holds."""
        if not self.batched:
            return side_by_side(self.loss, theta, layout, *batch)
        if _promises_of(self.formula).batched and mixes_runs(self.loss, theta, layout, *batch):
            raise ValueError(
                f"{self.called} promises to be batched, but gives different numbers for runs side "
                "by side than for one: take sums and means with axis=-1, or leave out the promise"
            )
        return self.loss

    def seeded(self, seed: int, scatter: float = SCATTER) -> Problem:
        """The same problem as a seed has it: its noise, its batches, a start near the given one."""
        other = self if self.reseeded is None else self.reseeded(seed)
        if self.draws_start:
            return other
        return replace(other, start=self.layout.unflatten(self.starts((seed,), scatter)[0]))

    def starts(self, seeds: Sequence[int], scatter: float = SCATTER) -> np.ndarray:
        """Where these seeds start, flat: (seeds, P).

        Normally around the start, by `scatter` times the domain's width in each coordinate; without
        a domain, times the start's length, and by `scatter` at the least. A start at which the loss
        is not finite is drawn again.
        """
        missing = [seed for seed in dict.fromkeys(seeds) if (seed, scatter) not in self._drawn]
        drawn = self._draw_starts(missing, scatter)
        self._drawn.update(((seed, scatter), x) for seed, x in zip(missing, drawn, strict=True))
        return np.array([self._drawn[seed, scatter] for seed in seeds])

    @cached_property
    def _drawn(self) -> dict[tuple[int, float], np.ndarray]:
        """Starts that were drawn already, by seed and scatter."""
        return {}

    @property
    def scale_of_starts(self) -> tuple[np.ndarray, str]:
        """What `scatter` is a share of, in each coordinate, (P,); and its name."""
        if self.domain is not None and len(self.domain) == self.theta.size:
            return np.ptp(self.domain, axis=1), "the domain's width"
        with np.errstate(over="ignore"):  # then every start is the given one
            length = float(np.linalg.norm(self.theta))
        name = "the start's length" if length > 1 else "1"
        return np.full(self.theta.size, max(1.0, length)), name

    def _draw_starts(self, seeds: Sequence[int], scatter: float) -> np.ndarray:
        """One start a seed: (seeds, P)."""
        draws = [np.random.default_rng((seed, *STARTS)) for seed in seeds]
        width, _ = self.scale_of_starts
        starts = np.tile(self.theta, (len(draws), 1))
        left = np.arange(len(draws)) if scatter else np.zeros(0, int)
        for _ in range(DRAWS):
            if not len(left):
                break
            drawn = np.array([draws[i].standard_normal(self.theta.size) for i in left])
            starts[left] = self.theta + scatter * width * drawn
            left = left[~np.isfinite(self.values(starts[left]))]
        starts[left] = self.theta
        return starts

    def checked(self) -> Problem:
        """Itself; an error if there is no start, or if it breaks the promise to be batched."""
        _ = self.together if self.batched else self.theta
        return self

    def at(self, start: Any) -> Problem:
        """The same problem from another start, in as many coordinates as that has."""
        return self if start is None else as_problem(self.given, start)


def as_problem(function: Any, start: Any = None) -> Problem:
    """Make a `Problem` of whatever is to be minimised.

    Parameters
    ----------
    function
        A test function, a `Training`, any function of the weights that returns one number, or a
        `Problem`.
    start
        The weights to start from; left out, its own, if it has any.

    Returns
    -------
    Problem

    Raises
    ------
    TypeError, ValueError
        For what cannot be called, and for a start that makes no sense.

    Examples
    --------
    >>> as_problem(lambda w: np.sum(w**2), [3.0, 4.0]).values([[1.0, 2.0], [0.0, 3.0]])
    array([5., 9.])
    >>> class Ridge:
    ...     noise, seed, start = 0.1, "none", "here"  # its own affair
    ...     def __call__(self, w):
    ...         return np.sum(w**2)
    >>> problem = as_problem(Ridge(), [3.0, 4.0])
    >>> problem.name, problem.start, problem.batch, problem.minimum
    ('Ridge', [3.0, 4.0], None, None)
    """
    if isinstance(function, Problem):
        return function.at(start)
    if isinstance(function, Known):
        problem = function.as_problem(start)
    elif callable(function):
        promises = _promises_of(function)
        problem = Problem(
            function, function, name_of(function), start, formula=function, **vars(promises)
        )
    else:
        raise TypeError(
            "the loss must be a function of the weights that returns one number, "
            f"such as optimizers.functions.rosenbrock; got {shown(function)}"
        )
    if start is not None:
        _ = problem.theta  # says what is wrong with it
    return problem


def name_of(function: Any) -> str:
    """The name of a function, or the one of an object's class; a lambda is just a loss."""
    while isinstance(function, partial):
        function = function.func
    name = str(getattr(function, "__name__", type(function).__name__))
    return "loss" if name == "<lambda>" else name


def domain_of(function: Any, domain: Any, caller: str) -> np.ndarray:
    """The part of the line or the plane to look at, (1, 2) or (2, 2): given, or the domain known.

    Raises
    ------
    TypeError, ValueError
        For what is no domain of one or two coordinates, or if there is none.
    """
    expected = (
        f"{caller}: domain must be pairs (low, high) with low < high, one for each of one or two "
        "weights, such as [(-2, 2), (-1, 3)]"
    )
    if domain is None:
        domain = as_problem(function).domain
        if domain is None:
            raise ValueError(f"{expected}; {as_problem(function).name} has none of its own")
    try:
        frame = np.atleast_2d(np.array(domain, float))
    except (TypeError, ValueError) as error:
        raise type(error)(f"{expected}; got {shown(domain)}") from error
    right = frame.shape in ((1, 2), (2, 2)) and bool(np.isfinite(frame).all())
    if not right or (frame[:, 0] >= frame[:, 1]).any():
        raise ValueError(f"{expected}; got {shown(domain)}")
    return frame


# ------------------------------------------------------------------------------------- promises


@dataclass(frozen=True)
class Promises:
    """What the author of a loss promises of it."""

    pure: bool = False
    batched: bool = False


def pure(loss: Loss) -> Loss:
    """Promise that a loss depends on its arguments alone: no globals that change, no randomness.

    Then it is not traced anew for each run, and where compiling does not pay, its gradient is
    replayed as NumPy lines.

    Examples
    --------
    >>> import autograd.numpy as np
    >>> @pure
    ... def loss(x):
    ...     return np.sum((x - 1) ** 2)
    >>> as_problem(loss).pure
    True
    """
    return _promised(loss, pure=True)


def batched(loss: Loss) -> Loss:
    """Promise that a loss takes many runs: weights (runs, …) give one number per run, (runs,).

    A lone array of shape (runs, P) is then that many runs of P weights. Without the promise its
    whole shape is weights, and the loss is tried where many runs are wanted.

    Examples
    --------
    >>> import autograd.numpy as np
    >>> @batched
    ... def loss(x):
    ...     return np.sum(x**2, axis=-1)
    >>> from optimizers import SGD
    >>> SGD(loss, [[1.0, 0.0], [0.0, 2.0]]).minimize_raw()
    array([1., 4.])
    """
    return _promised(loss, batched=True)


def _promised(loss: Loss, **promise: bool) -> Loss:
    if not callable(loss):
        raise TypeError(
            f"only a loss, a function of the weights, can be promised; got {shown(loss)}"
        )
    loss.__promises__ = replace(_promises_of(loss), **promise)  # type: ignore[attr-defined]
    return loss


def _promises_of(loss: Any) -> Promises:
    """The promises made for this very loss: a wrapper (functools.wraps) copies those of another."""
    made = getattr(loss, "__promises__", None)
    copied = made is not None and made is getattr(_wrapped(loss), "__promises__", None)
    return made if isinstance(made, Promises) and not copied else Promises()


def _wrapped(loss: Any) -> Any:
    return getattr(loss, "__wrapped__", None)
