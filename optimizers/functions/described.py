"""describe: a formula and what one knows of its landscape, as a `Function`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import autograd.numpy as np
from autograd.tracer import getval
from numpy.typing import ArrayLike

from optimizers.functions.function import Array, Function
from optimizers.side_by_side import side_by_side
from optimizers.weights import flatten


def describe(
    name: str,
    formula: str = "",
    *,
    domain: ArrayLike | None = None,
    start: ArrayLike | None = None,
    minima: Sequence[Sequence[float]] | Callable[[int], Array] | None = None,
    source: str = "",
    minimum: float | None = None,
    from_dimension: int | None = None,
    pure: bool = False,
) -> Callable[[Callable[[Any], Any]], Function]:
    r"""Turn a formula into a `Function`, with what you know of its landscape (a decorator).

    The formula may be written for many points, `x[..., 0]`, or for one, `x[0]` or `x @ A @ x`.

    Parameters
    ----------
    name : str
        The name to print; the label is the formula's Python name.
    formula : str, optional
        LaTeX, without dollar signs, as far as matplotlib can draw it.
    domain : array-like (n, 2), optional
        Lowest and highest value of each coordinate, for drawing.
    start : array-like (n,), optional
        Where a run should start.
    minima : array-like (k, n), or callable, optional
        All global minima; [] if it is unbounded below; left out, nothing is said of minima. For a
        function of any dimension whose coordinates differ: a callable from n to an array (k, n).
    source : str, optional
        Author and year.
    minimum : float, optional
        The value at the minima; otherwise the formula's own value at the first of them.
    from_dimension : int, optional
        The fewest coordinates, if the function takes any number of them. `domain`, `start` and
        `minima` are then repeated coordinate by coordinate as often as needed.
    pure : bool, optional
        Promise that the formula depends on x alone (see `optimizers.pure`).

    Returns
    -------
    callable
        From the formula to the `Function`.

    Raises
    ------
    ValueError
        If domain, start and minima differ in their number of coordinates.

    Examples
    --------
    >>> @describe("Bowl", start=[-1.5, 1])
    ... def bowl(x):
    ...     return x[0] ** 2 + 3 * x[1] ** 2
    >>> bowl, float(bowl(bowl.start)), bowl([[1, 0], [0, 1], [1, 1]])
    (<Bowl, 2-D>, 5.25, array([1., 3., 4.]))
    """

    def described(body: Callable[[Any], Any]) -> Function:
        label = body.__name__
        body.__qualname__ = f"{label}.body.formula"  # where pickle finds it once this is a Function
        sizes = {np.shape(v)[i] for v, i in ((domain, 0), (start, -1)) if v is not None}
        if minima is not None and not callable(minima) and np.size(minima):
            sizes |= {np.shape(minima)[-1]}
        if len(sizes) > 1:
            raise ValueError(
                f"describe {name!r}: domain (n, 2), start (n,) and minima (k, n) must have one "
                f"number n of coordinates, got {' and '.join(map(str, sorted(sizes)))}"
            )
        n = next(iter(sizes), 0)
        points = ManyPoints(body)
        places = None
        if minima is not None:
            places = minima(n) if callable(minima) else np.reshape(np.array(minima, float), (-1, n))
        function = Function(
            body=points,
            name=name,
            label=label,
            formula=formula,
            domain=None if domain is None else np.array(domain),
            start=None if start is None else np.array(start),
            minima=places,
            minimum=_value_at(places, points) if minimum is None else minimum,
            source=source,
            summary=inspect.cleandoc(body.__doc__ or ""),
            pure=pure,
        )
        if from_dimension is None:
            return function
        function = replace(function, smallest_dimension=from_dimension)
        return cycled(function, minima if callable(minima) else None, n)

    return described


class ManyPoints:
    """A formula as a function of any number of points: (..., n) → (...).

    If it takes no more than one point, it is called for one after the other.
    """

    def __init__(self, formula: Callable[..., Any]) -> None:
        self.formula = formula
        self._ways: dict[int, Callable[..., Any] | None] = {}  # by n

    def __getstate__(self) -> dict[str, Any]:
        """The formula; how it takes many points is found again where it arrives."""
        return {"formula": self.formula, "_ways": {}}

    def __call__(self, x: Any) -> Any:
        """The value at each point."""
        if np.ndim(x) == 1:
            # as one of many: what NumPy does with numbers differs in the last digit from arrays
            return self(np.reshape(x, (1, -1)))[0]
        n = x.shape[-1]
        if n not in self._ways:
            points = np.reshape(getval(x), (-1, n))
            points = points[np.isfinite(points).all(axis=1)]
            self._ways[n] = side_by_side(self.formula, *flatten([*points, np.zeros(n)][0]))
        together = self._ways[n]
        if together is not None:
            return together(x)
        rows = np.reshape(x, (-1, n))
        values = [self.formula(rows[i]) for i in range(len(rows))]
        return np.reshape(np.array(values), x.shape[:-1])


def _value_at(minima: Array | None, body: Callable[[Any], Any]) -> float | None:
    if minima is None:
        return None
    return float(body(minima[0])) if len(minima) else -np.inf


def cycled(function: Function, minima: Callable[[int], Array] | None, n: int) -> Function:
    """Return the function in n coordinates: what is known of each is repeated in turn."""
    known = function.dimension
    if known is None:
        return replace(function, family=partial(cycled, function, minima))
    cycle = np.arange(n) % known
    places = minima(n) if minima else _each(function.minima, (slice(None), cycle))
    return replace(
        function,
        domain=_each(function.domain, cycle),
        start=_each(function.start, cycle),
        minima=places,
        minimum=_value_at(places, function.body),
        family=partial(cycled, function, minima),
    )


def _each(values: Array | None, where: Any) -> Array | None:
    return None if values is None else values[where]
