"""Learning rates over time: each function here returns a schedule, a function of t = 1, 2, …

The first step is t = 1, and has the rate that was given (a warm-up has its part of it). A schedule
that has an end reaches it right after its last step, and stays there: no step is spent at a rate of
0. In torch and optax the first step is number 0; otherwise the numbers are theirs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial, wraps
from inspect import signature
from typing import Any, ParamSpec

import numpy as np

from optimizers import checks

Given = ParamSpec("Given")
POSITIVE = checks.Range("a finite number > 0", lambda v: v > 0)


class Schedule:
    """A function of the step that shows how it was made, and can be sent to other processes.

    Examples
    --------
    >>> cosine(0.1, steps=100)
    cosine(lr=0.1, steps=100)
    """

    def __init__(
        self,
        formula: Callable[[int], Any],
        maker: Callable[..., Schedule],
        arguments: dict[str, Any],
    ) -> None:
        self._formula = formula
        self._maker = maker
        self._arguments = arguments

    def __call__(self, t: int) -> Any:
        """The learning rate of step t = 1, 2, …: a number, or one per run, (runs, 1)."""
        return self._formula(checks.whole("t", t, 1))

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={_short(value)}" for name, value in self._arguments.items())
        return f"{self._maker.__name__}({given})"

    def __reduce__(self) -> Any:
        """Made anew from its arguments: the formula inside cannot be pickled."""
        return partial(self._maker, **self._arguments), ()


def _short(value: Any) -> str:
    if np.ndim(value):
        return f"<{np.size(value)} values, {np.min(value):.3g} to {np.max(value):.3g}>"
    return str(getattr(value, "__name__", repr(value)))


def _schedule(maker: Callable[Given, Callable[[int], Any]]) -> Callable[Given, Schedule]:
    """Let the function that `maker` returns remember how it was made."""

    @wraps(maker)
    def make(*args: Given.args, **keywords: Given.kwargs) -> Schedule:
        formula = maker(*args, **keywords)
        return Schedule(formula, make, signature(maker).bind(*args, **keywords).arguments)

    return make


def _number(name: str, value: Any) -> Any:
    return checks.number_or_runs(name, value, checks.NOT_NEGATIVE)


@_schedule
def constant(lr: Any) -> Callable[[int], Any]:
    r"""The same learning rate at every step.

    .. math::

        \eta_t = \eta

    Parameters
    ----------
    lr
        η ≥ 0: a number, or one per run (shape (runs,) or (runs, 1)).

    Returns
    -------
    Schedule
        A function of t = 1, 2, … that returns a number, or one per run: (runs, 1).

    Raises
    ------
    TypeError, ValueError
        For lr that is not finite or below 0.

    Examples
    --------
    >>> schedule = constant(0.1)
    >>> [schedule(t) for t in (1, 2, 1000)]
    [0.1, 0.1, 0.1]

    Notes
    -----
    Source: optax.constant_schedule, whose numbers these are. Under noise the steps never settle:
    for that the rates must go to zero, and not too fast (Robbins and Monro, "A stochastic
    approximation method", 1951).
    """
    lr = _number("lr", lr)

    def schedule(t: int) -> Any:
        return lr

    return schedule


@_schedule
def step_decay(lr: Any, every: int, factor: Any = 0.1) -> Callable[[int], Any]:
    r"""A staircase: the learning rate is multiplied by a factor after every so many steps.

    .. math::

        \eta_t = \eta\, \gamma^{\lfloor (t - 1) / k \rfloor}

    Parameters
    ----------
    lr
        η ≥ 0, the rate of the first k steps: a number, or one per run (shape (runs,) or (runs, 1)).
    every
        k, how many steps a stair is long, 1 or more.
    factor
        γ ≥ 0, what the rate is multiplied by; below 1 it falls.

    Returns
    -------
    Schedule
        A function of t = 1, 2, … that returns a number, or one per run: (runs, 1). It has no end.

    Raises
    ------
    TypeError, ValueError
        For numbers that are not finite or below 0, and every below 1.

    Examples
    --------
    >>> schedule = step_decay(0.8, every=3, factor=0.5)
    >>> [schedule(t) for t in range(1, 8)]
    [0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2]

    Notes
    -----
    Source: He et al., "Deep residual learning for image recognition" (2016), section 3.4: divided
    by 10 when the error no longer falls. The numbers are those of torch's StepLR(step_size=every,
    gamma=factor) and of optax.exponential_decay(staircase=True).
    """
    lr, factor = _number("lr", lr), _number("factor", factor)
    every = checks.whole("every", every, 1)

    def schedule(t: int) -> Any:
        return lr * factor ** ((t - 1) // every)

    return schedule


@_schedule
def exponential(lr: Any, every: int, factor: Any = 0.1) -> Callable[[int], Any]:
    r"""`step_decay` without the stairs: a little at every step.

    .. math::

        \eta_t = \eta\, \gamma^{(t - 1) / k}

    Parameters
    ----------
    lr
        η ≥ 0, the rate of the first step: a number, or one per run (shape (runs,) or (runs, 1)).
    every
        k, in how many steps the rate changes by the factor, 1 or more.
    factor
        γ ≥ 0; below 1 the rate falls, above it rises.

    Returns
    -------
    Schedule
        A function of t = 1, 2, … that returns a number, or one per run: (runs, 1). It has no end.

    Raises
    ------
    TypeError, ValueError
        For numbers that are not finite or below 0, and every below 1.

    Examples
    --------
    >>> schedule = exponential(0.8, every=2, factor=0.25)
    >>> [schedule(t) for t in (1, 2, 3, 4, 5)]
    [0.8, 0.4, 0.2, 0.1, 0.05]

    Notes
    -----
    Source: Senior et al., "An empirical study of learning rates in deep neural networks for speech
    recognition" (2013), exponential scheduling. The numbers are those of
    optax.exponential_decay(transition_steps=every, decay_rate=factor), and with every=1 of torch's
    ExponentialLR.
    """
    lr, factor = _number("lr", lr), _number("factor", factor)
    every = checks.whole("every", every, 1)

    def schedule(t: int) -> Any:
        return lr * factor ** ((t - 1) / every)

    return schedule


@_schedule
def inverse_sqrt(lr: Any) -> Callable[[int], Any]:
    r"""α / √t, the schedule of the proofs: slow enough to get anywhere, fast enough to settle.

    .. math::

        \eta_t = \alpha / \sqrt t

    Parameters
    ----------
    lr
        α ≥ 0, the rate of the first step: a number, or one per run (shape (runs,) or (runs, 1)).

    Returns
    -------
    Schedule
        A function of t = 1, 2, … that returns a number, or one per run: (runs, 1). It has no end.

    Raises
    ------
    TypeError, ValueError
        For lr that is not finite or below 0.

    Examples
    --------
    >>> schedule = inverse_sqrt(0.5)
    >>> [schedule(t) for t in (1, 4, 16)]
    [0.5, 0.25, 0.125]

    Notes
    -----
    Source: Zinkevich, "Online convex programming and generalized infinitesimal gradient ascent"
    (2003), theorem 1; Kingma and Ba prove Adam's bound with it (2015, theorem 4.1).
    """
    lr = _number("lr", lr)

    def schedule(t: int) -> Any:
        return lr / math.sqrt(t)

    return schedule


@_schedule
def cosine(lr: Any, steps: int, end: Any = 0.0) -> Callable[[int], Any]:
    r"""Half a period of a cosine: late to leave, steep in the middle, gentle at the end.

    .. math::

        \eta_t = \eta_T + \tfrac12 (\eta - \eta_T)
            \left(1 + \cos \frac{\pi \min(t - 1, T)}{T}\right)

    Parameters
    ----------
    lr
        η ≥ 0, the rate of the first step: a number, or one per run (shape (runs,) or (runs, 1)).
    steps
        T, 1 or more. Step T is the last before the end is reached; from step T + 1 on the rate
        stays at `end`.
    end
        η_T ≥ 0.

    Returns
    -------
    Schedule
        A function of t = 1, 2, … that returns a number, or one per run: (runs, 1).

    Raises
    ------
    TypeError, ValueError
        For numbers that are not finite or below 0, and steps below 1.

    Examples
    --------
    >>> schedule = cosine(0.1, steps=4)
    >>> [round(schedule(t), 4) for t in range(1, 8)]
    [0.1, 0.0854, 0.05, 0.0146, 0.0, 0.0, 0.0]

    Notes
    -----
    Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts" (2017),
    eq. 5, without the restarts. The numbers are those of optax.cosine_decay_schedule(alpha=end/lr)
    and of torch's CosineAnnealingLR(T_max=steps, eta_min=end), which goes up again after T steps.
    """
    lr, end = _number("lr", lr), _number("end", end)
    steps = checks.whole("steps", steps, 1)

    def schedule(t: int) -> Any:
        done = min(t - 1, steps) / steps
        return end + (lr - end) * (1 + math.cos(math.pi * done)) / 2

    return schedule


@_schedule
def polynomial(lr: Any, steps: int, power: Any = 1.0, end: Any = 0.0) -> Callable[[int], Any]:
    r"""A straight line down to the end, or a power of it.

    .. math::

        \eta_t = \eta_T + (\eta - \eta_T) \left(1 - \frac{\min(t - 1, T)}{T}\right)^p

    Parameters
    ----------
    lr
        η ≥ 0, the rate of the first step: a number, or one per run (shape (runs,) or (runs, 1)).
    steps
        T, 1 or more. Step T is the last before the end is reached; from step T + 1 on the rate
        stays at `end`.
    power
        p > 0: 1 is a line, more falls earlier, less later.
    end
        η_T ≥ 0.

    Returns
    -------
    Schedule
        A function of t = 1, 2, … that returns a number, or one per run: (runs, 1).

    Raises
    ------
    TypeError, ValueError
        For numbers that are not finite or below 0, a power of 0, and steps below 1.

    Examples
    --------
    >>> schedule = polynomial(1.0, steps=4)
    >>> [schedule(t) for t in range(1, 8)]
    [1.0, 0.75, 0.5, 0.25, 0.0, 0.0, 0.0]

    Notes
    -----
    Source: Devlin et al., "BERT: pre-training of deep bidirectional transformers" (2019), appendix
    A.2 (linear), and its code. The numbers are those of optax.polynomial_schedule, and with end=0
    of torch's PolynomialLR.
    """
    lr, end = _number("lr", lr), _number("end", end)
    power = checks.number_or_runs("power", power, POSITIVE)
    steps = checks.whole("steps", steps, 1)

    def schedule(t: int) -> Any:
        left = 1 - min(t - 1, steps) / steps
        return end + (lr - end) * left**power

    return schedule


@_schedule
def warmup(steps: int, schedule: Callable[[int], Any]) -> Callable[[int], Any]:
    r"""Rise in a straight line for some steps, then follow another schedule from its beginning.

    .. math::

        \eta_t = \begin{cases}
            s(1)\, t / w & t \le w \\
            s(t - w) & t > w
        \end{cases}

    Parameters
    ----------
    steps
        w, how many steps the rise takes, 0 or more. The last of them has the full rate s(1).
    schedule
        s, any function of t = 1, 2, …; it is not told of the steps of the rise, so that the two
        together take w more than it alone.

    Returns
    -------
    Schedule
        A function of t = 1, 2, … that returns what `schedule` does.

    Raises
    ------
    TypeError, ValueError
        If `steps` is not a whole number, or `schedule` not a function.

    Examples
    --------
    Ten steps, four of them to warm up:

    >>> schedule = warmup(4, polynomial(0.8, steps=6))
    >>> [round(schedule(t), 3) for t in range(1, 11)]
    [0.2, 0.4, 0.6, 0.8, 0.8, 0.667, 0.533, 0.4, 0.267, 0.133]
    >>> schedule
    warmup(steps=4, schedule=polynomial(lr=0.8, steps=6))

    Notes
    -----
    Source: Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour" (2017),
    section 2.2, gradual warm-up. The numbers are those of optax.join_schedules and torch's
    SequentialLR with a line from s(1)/w to s(1). optax.warmup_cosine_decay_schedule and many
    others begin at 0 instead, with a step that does nothing.
    """
    steps = checks.whole("steps", steps, 0)
    if not callable(schedule):
        raise TypeError(
            "schedule must be a function of the step t = 1, 2, …, such as cosine(0.1, steps=100); "
            f"got {checks.shown(schedule)}"
        )

    def joined(t: int) -> Any:
        return schedule(1) * t / steps if t <= steps else schedule(t - steps)

    return joined


@_schedule
def warmup_polynomial(lr: Any, steps: int, warmup: int, power: Any = 1.0) -> Callable[[int], Any]:
    r"""LAMB's schedule, which is BERT's: a linear rise, then the polynomial decay to 0.

    .. math::

        \eta_t = \begin{cases}
            \eta\, t / w & t \le w \\
            \eta \left(1 - \frac{\min(t - 1, T)}{T}\right)^p & t > w
        \end{cases}

    The decay is counted from the first step of all, so that at the end of the warm-up the rate
    drops from η to η (1 − w/T)^p. `warmup(w, polynomial(lr, T - w))` does not drop.

    Parameters
    ----------
    lr
        η ≥ 0, the rate at the top: a number, or one per run (shape (runs,) or (runs, 1)).
    steps
        T, all steps, the warm-up's among them; from step T + 1 on the rate is 0.
    warmup
        w, how many steps the rise takes, from 0 to T.
    power
        p > 0: 1 is a line, more falls earlier, less later.

    Returns
    -------
    Schedule
        A function of t = 1, 2, … that returns a number, or one per run: (runs, 1).

    Raises
    ------
    TypeError, ValueError
        For numbers that are not finite or below 0, a power of 0, and a warm-up longer than all.

    Examples
    --------
    >>> schedule = warmup_polynomial(0.8, steps=8, warmup=2)
    >>> [round(schedule(t), 2) for t in range(1, 11)]
    [0.4, 0.8, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0, 0.0]

    Notes
    -----
    Source: You et al., "Large batch optimization for deep learning: training BERT in 76 minutes"
    (2020), section 4, η (1 − t/T) after a warm-up; the drop is in the code of BERT that it builds
    on. There the first step is number 0 and has a rate of 0; here it has η/w.
    """
    decay = polynomial(lr, steps, power)
    lr = _number("lr", lr)
    warmup = checks.whole("warmup", warmup, 0)
    if warmup > steps:
        raise ValueError(f"warmup must be at most steps, {steps}, got {warmup}")

    def schedule(t: int) -> Any:
        return lr * t / warmup if t <= warmup else decay(t)

    return schedule


def square_root_rule(lr: float, batch_size: int, base_batch_size: int) -> float:
    r"""The learning rate for another batch size, if the noise of a step shall stay as it is.

    .. math::

        \eta' = \eta\, \sqrt{B' / B}

    Parameters
    ----------
    lr
        η ≥ 0, the rate that is good at the base batch size.
    batch_size
        B′, the batch size that it is wanted for.
    base_batch_size
        B, the batch size that lr is known for.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        For lr that is not finite or below 0, and batch sizes below 1.

    Examples
    --------
    >>> square_root_rule(0.01, batch_size=1024, base_batch_size=64)
    0.04

    Notes
    -----
    Source: Krizhevsky, "One weird trick for parallelizing convolutional neural networks" (2014). A
    mean over k times as many examples has a standard deviation of 1/√k; √k times the rate gives
    the step the same noise again. LAMB's authors scale by this rule, Goyal et al. (2017) by k.
    """
    lr = checks.number("lr", lr, checks.NOT_NEGATIVE)
    batch_size = checks.whole("batch_size", batch_size, 1)
    base_batch_size = checks.whole("base_batch_size", base_batch_size, 1)
    return lr * math.sqrt(batch_size / base_batch_size)
