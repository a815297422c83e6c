"""Many runs of a loss side by side, also of a loss that was written for one vector."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import autograd.numpy as np
import numpy

from optimizers.weights import Layout


def side_by_side(
    loss: Callable[..., Any], theta: numpy.ndarray, layout: Layout, *batch: Any
) -> Callable[..., Any] | None:
    """The loss as a function of many runs, or None if it has to be called run by run.

    Either it takes them as it is (`x[..., 0]`), or, if it was written for one vector, with the
    coordinates first (`x[0]`), or, if it was written for one number, as numbers (`x**2`). It is
    tried on a few points near θ, and on some of all sizes: what it says of them together must be
    what it says of each alone.

    Examples
    --------
    >>> from optimizers.weights import flatten
    >>> theta, layout = flatten([3.0, 4.0])
    >>> points = numpy.array([[1.0, 2.0], [5.0, 6.0], [7.0, 8.0]])
    >>> side_by_side(lambda x: x[0] ** 2 + 3 * x[1], theta, layout)(points)
    array([ 7., 43., 73.])
    >>> side_by_side(lambda x: x[0] if x[1] > 0 else x[1], theta, layout) is None
    True
    """
    kinds: list[Callable[..., Any]] = [loss]
    if layout.is_vector:
        kinds.append(CoordinatesFirst(loss))
    if layout.is_vector and layout.size == 1:
        kinds.append(OfANumber(loss))
    points = _near(theta), _far(theta)
    for kind in kinds:
        near, far = (_agrees(kind, loss, some, layout, batch) for some in points)
        if near and far is not False:
            return kind
    return None


def mixes_runs(loss: Callable[..., Any], theta: numpy.ndarray, layout: Layout, *batch: Any) -> bool:
    """Whether a loss that takes many runs says something else of them than of each alone."""
    return any(
        _agrees(loss, loss, points, layout, batch) is False
        for points in (_near(theta), _far(theta))
    )


def _near(theta: numpy.ndarray) -> numpy.ndarray:
    """A few points: more than weights, or fewer, so that one cannot be taken for the other."""
    runs = 4 if theta.size == 3 else 3
    steps = numpy.random.default_rng(0).uniform(-0.2, 0.2, (runs, theta.size))
    return theta + steps * (1 + numpy.abs(theta).max())


def _far(theta: numpy.ndarray) -> numpy.ndarray:
    """Points of many sizes: what looks at all of them at once (a norm) is far off for some."""
    runs = 12 if theta.size == 11 else 11
    sizes = numpy.geomspace(0.01, 100, runs)[:, numpy.newaxis]
    return theta + sizes * numpy.random.default_rng(1).standard_normal((runs, theta.size))


def _agrees(
    kind: Callable[..., Any],
    loss: Callable[..., Any],
    points: numpy.ndarray,
    layout: Layout,
    batch: tuple[Any, ...],
) -> bool | None:
    """Whether the same is said of points together as of each alone; None if nothing is said."""
    alone, there = [], []
    with numpy.errstate(all="ignore"):
        for point in points:
            with suppress(Exception):  # the loss may not be defined there
                alone.append(one_number(loss(layout.unflatten(point.copy()), *batch)))
                there.append(point)
        if numpy.isfinite(alone).sum() < 2:
            return None
        try:
            values = kind(layout.unflatten(numpy.array(there).view(_Runs)), *batch)
            together = numpy.asarray(values, float).view(numpy.ndarray)
        except Exception:  # whatever it is: the run that calls the loss in earnest will say
            return None
    return _close(together, numpy.array(alone)) if together.shape == (len(there),) else None


def one_number(value: Any) -> float:
    """What a loss returned as a float; an array of one number is one."""
    return float(numpy.asarray(value).reshape(()))


class _Runs(numpy.ndarray):
    """Many runs, none of which stands for all: a Python branch on their values is refused."""

    def _refuse(self) -> Any:
        raise TypeError("many runs have no single value")

    __bool__ = __float__ = __int__ = __index__ = item = tolist = _refuse


def _close(values: numpy.ndarray, alone: numpy.ndarray) -> bool:
    """Whether these are the same numbers but for rounding."""
    size = numpy.median(numpy.abs(alone[numpy.isfinite(alone)]))
    return numpy.allclose(values, alone, rtol=1e-9, atol=1e-12 * size, equal_nan=True)


@dataclass(frozen=True, eq=False)
class CoordinatesFirst:
    """A loss of one vector, called with the runs behind the coordinates: (..., P) as (P, ...)."""

    loss: Callable[..., Any]

    def __call__(self, x: Any, *batch: Any) -> Any:
        """One number a run: (..., P) → (...)."""
        return self.loss(np.moveaxis(x, -1, 0), *batch)


@dataclass(frozen=True, eq=False)
class OfANumber:
    """A loss of one number, called with a number a run: (..., 1) as (...)."""

    loss: Callable[..., Any]

    def __call__(self, x: Any, *batch: Any) -> Any:
        """One number a run: (..., 1) → (...)."""
        return self.loss(x[..., 0], *batch)
