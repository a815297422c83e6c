"""Many runs of a loss side by side, also of a loss that was written for one vector."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

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
    near, far = (_alone(loss, points, layout, batch) for points in (_near(theta), _far(theta)))
    if len(near) < 2:
        return None
    for kind in kinds:
        if all(_agrees(kind, tried, layout, batch) for tried in (near, far) if len(tried) > 1):
            return kind
    return None


def mixes_runs(loss: Callable[..., Any], theta: numpy.ndarray, layout: Layout, *batch: Any) -> bool:
    """Whether a loss that takes many runs says something else of them than of each alone."""
    for points in (_near(theta), _far(theta)):
        tried = _alone(loss, points, layout, batch)
        together = None if len(tried) < 2 else _together(loss, tried.points, layout, batch)
        if together is not None and not _close(together, tried.values, 1e-6):
            again = _alone(loss, tried.points, layout, batch).values
            return numpy.array_equal(again, tried.values)  # or there is chance in it
    return False


class Tried(NamedTuple):
    """What a loss says of points, each alone: (runs, P), (runs,)."""

    points: numpy.ndarray
    values: numpy.ndarray

    def __len__(self) -> int:
        return len(self.values)


def _near(theta: numpy.ndarray) -> numpy.ndarray:
    """A few points: more than weights, or fewer, so that one cannot be taken for the other."""
    runs = 4 if theta.size == 3 else 3
    steps = numpy.random.default_rng(0).uniform(-0.2, 0.2, (runs, theta.size))
    return theta + steps * (1 + numpy.abs(theta).max())


def _far(theta: numpy.ndarray) -> numpy.ndarray:
    """Points of all sizes, around θ and around 0: for some, a norm of all of them is far off."""
    runs = 12 if theta.size == 10 else 10
    sizes = numpy.geomspace(0.1, 100, runs)[:, numpy.newaxis]
    around = theta * (numpy.arange(runs) % 2)[:, numpy.newaxis]
    return around + sizes * numpy.random.default_rng(1).uniform(-1, 1, (runs, theta.size))


def _alone(
    loss: Callable[..., Any], points: numpy.ndarray, layout: Layout, batch: tuple[Any, ...]
) -> Tried:
    """The loss at each of these points where it is finite."""
    there, values = [], []
    with numpy.errstate(all="ignore"):
        for point in points:
            with suppress(Exception):  # whatever it is: the run that calls it in earnest will say
                value = one_number(loss(layout.unflatten(point.copy()), *batch))
                if numpy.isfinite(value):
                    there.append(point)
                    values.append(value)
    return Tried(numpy.array(there), numpy.array(values))


def _together(
    kind: Callable[..., Any], points: numpy.ndarray, layout: Layout, batch: tuple[Any, ...]
) -> numpy.ndarray | None:
    """What it says of these points side by side; None if nothing."""
    with numpy.errstate(all="ignore"):
        try:
            values = kind(layout.unflatten(points.copy()), *batch)
            return numpy.asarray(values, float).view(numpy.ndarray)
        except Exception:  # whatever it is: the run that calls the loss in earnest will say
            return None


def _agrees(kind: Callable[..., Any], tried: Tried, layout: Layout, batch: tuple[Any, ...]) -> bool:
    together = _together(kind, tried.points.view(_Runs), layout, batch)
    return together is not None and _close(together, tried.values)


def _close(values: numpy.ndarray, alone: numpy.ndarray, within: float = 1e-9) -> bool:
    """Whether these are the same numbers, as many of them, but for rounding."""
    if values.shape != alone.shape:
        return False
    size = numpy.median(numpy.abs(alone))
    return numpy.allclose(values, alone, rtol=within, atol=within * 1e-3 * size)


def one_number(value: Any) -> float:
    """What a loss returned as a float; an array of one number is one."""
    return float(numpy.asarray(value).reshape(()))


class _Runs(numpy.ndarray):
    """Many runs, none of which stands for all: a Python branch on their values is refused.

    So is one on what is computed of them, such as a norm, which NumPy would give as a plain float.
    """

    def __array_function__(self, function: Any, types: Any, inputs: Any, named: Any) -> Any:
        found = super().__array_function__(function, types, inputs, named)
        return self._refuse() if isinstance(found, bool) else _as_runs(found)

    def _refuse(self, *inputs: Any) -> Any:
        raise TypeError("many runs have no single value")


def _as_runs(found: Any) -> Any:
    if isinstance(found, (numpy.ndarray, numpy.generic)):
        return numpy.asarray(found).view(_Runs)
    return type(found)(map(_as_runs, found)) if type(found) in (list, tuple) else found


def _of_runs(name: str) -> Callable[..., Any]:
    method = getattr(numpy.ndarray, name)
    return lambda self, *inputs, **named: _as_runs(method(self, *inputs, **named))


for _name in ("__bool__", "__float__", "__int__", "__index__", "__contains__", "item", "tolist"):
    setattr(_Runs, _name, _Runs._refuse)
for _name in ("__getitem__", "argmax", "argmin", "dot", "trace"):
    setattr(_Runs, _name, _of_runs(_name))


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
