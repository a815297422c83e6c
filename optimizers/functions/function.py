"""What a test function knows: its formula, where its minima are, where to start and to draw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import autograd.numpy as np
from autograd.extend import Box
from numpy.typing import ArrayLike, NDArray

from optimizers import checks
from optimizers.checks import shown
from optimizers.problem import Known, Problem
from optimizers.weights import flatten

Array = NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False)
class Function(Known):
    r"""A loss with a known landscape: call it as f(x), or ask it what it knows.

    Parameters
    ----------
    body : callable
        The formula: an array (..., n) to an array (...), in `autograd.numpy`.
    name, label : str
        The name to print ("Rosenbrock") and the one to type ("rosenbrock").
    formula : str
        LaTeX, without dollar signs.
    domain : array (n, 2)
        Lowest and highest value of each coordinate, for drawing.
    start : array (n,)
        A starting point from which the journey is worth watching.
    minima : array (k, n)
        All global minima (those inside the domain, where `summary` says so); none, k = 0, where the
        function is unbounded below.
    minimum : float
        The value there; -inf where the function is unbounded below.
    source : str
        Who published it, and when.
    summary : str
        What there is to see.
    smallest_dimension : int
        The fewest coordinates it takes, if it takes any number.
    family : callable, optional
        From a number of coordinates to the same function in so many; None if the number is fixed.
    code : str
        How to write it, if it has no name to type: "quadratic(condition=100)".

    Examples
    --------
    >>> from optimizers.functions import rosenbrock
    >>> rosenbrock
    <Rosenbrock, 2-D>
    >>> float(rosenbrock([1, 2]))
    100.0
    >>> rosenbrock([[1, 2], [1, 1]]).tolist()
    [100.0, 0.0]
    >>> rosenbrock.minima.tolist(), rosenbrock.minimum
    ([[1.0, 1.0]], 0.0)
    """

    body: Callable[..., Any]
    name: str
    label: str
    formula: str = ""
    domain: Array | None = None
    start: Array | None = None
    minima: Array | None = None
    minimum: float | None = None
    source: str = ""
    summary: str = ""
    smallest_dimension: int = 1
    family: Callable[[int], Function] | None = None
    pure: bool = False
    code: str = ""

    def __post_init__(self) -> None:
        for known in ("domain", "start", "minima"):
            if getattr(self, known) is not None:
                values = np.array(getattr(self, known), dtype=float)
                values.setflags(write=False)  # everyone who imports the function shares them
                object.__setattr__(self, known, values)
        # what `rosenbrock?` shows in a notebook
        told = (self.summary, self.formula and f"f = {self.formula}", self.source)
        about = "\n\n".join([f"{self.name}.", *filter(None, told)])
        object.__setattr__(self, "__doc__", about)

    @property
    def dimension(self) -> int | None:
        """How many coordinates `start`, `domain` and `minima` have; None if none is known."""
        known = [self.start, self.domain, *([] if self.minima is None else self.minima[:1])]
        return next((len(values) for values in known if values is not None), None)

    @property
    def any_dimension(self) -> bool:
        """Whether it takes any number of coordinates, from `smallest_dimension` on."""
        return self.family is not None

    @property
    def exact(self) -> Function:
        """The function without noise: itself, unless it is `noisy`."""
        return self

    def __call__(self, x: ArrayLike) -> Any:
        """Return the value at each point.

        Parameters
        ----------
        x : array-like (..., n)
            Points: n is `dimension`, or any number where `any_dimension`.

        Returns
        -------
        float, or array (...)

        Raises
        ------
        TypeError
            If x is not made of real numbers.
        ValueError
            If x has the wrong number of coordinates.

        Examples
        --------
        >>> from optimizers.functions import sphere
        >>> sphere([[3, 4], [1, 0]]).tolist()
        [25.0, 1.0]
        """
        return self.body(self._points(x))

    def in_dimension(self, n: int) -> Function:
        """Return the same function with `start`, `domain` and `minima` of n coordinates.

        Parameters
        ----------
        n : int
            Number of coordinates.

        Returns
        -------
        Function

        Raises
        ------
        TypeError
            If n is not a whole number.
        ValueError
            If the function takes another, fixed number of coordinates, or more than n.

        Examples
        --------
        >>> from optimizers.functions import rosenbrock
        >>> rosenbrock.in_dimension(4).start.tolist()
        [-1.5, 2.0, -1.5, 2.0]
        """
        n = checks.whole("n", n, 1)
        if not self._takes(n):
            raise ValueError(f"n must fit: {self.name} takes {self._expected()}, got {n}")
        if not self.family or n == self.dimension:
            return self
        return replace(self.family(n), code=f"{self.written}.in_dimension({n})")

    @property
    def written(self) -> str:
        """How to write it: its name, or the call that makes it."""
        return self.code or self.label

    def _points(self, x: ArrayLike) -> Any:
        """Return x as floats (or as the box that autograd puts around them), its shape checked."""
        if isinstance(x, dict):
            raise TypeError(f"x must be an array of coordinates for {self.name}, got a dict")
        points = real("x", x)
        if not (points.shape and self._takes(points.shape[-1])):
            raise ValueError(
                f"x must have {self._expected()} on its last axis for {self.name}, "
                f"got shape {points.shape}"
            )
        return points

    def _takes(self, n: int) -> bool:
        if self.any_dimension:
            return n >= self.smallest_dimension
        return self.dimension in (None, n)

    def _expected(self) -> str:
        if self.any_dimension:
            return f"{self.smallest_dimension} or more coordinates"
        return f"exactly {self.dimension} coordinates"

    def as_problem(self, start: Any) -> Problem:
        """What the experiments and the pictures ask of it."""
        if start is not None:
            flat, layout = flatten(start, name="start")
            if not layout.is_vector:
                raise ValueError(f"start must be one point, shape (n,), got {shown(start)}")
            self._points(flat)  # says what is wrong with it
            if self.any_dimension and len(flat) != self.dimension:
                return self.in_dimension(len(flat)).as_problem(start)
        return Problem(
            given=self,
            loss=self,
            name=self.name,
            start=self.start if start is None else start,
            domain=self.domain,
            minima=self.minima,
            minimum=self.minimum,
            pure=self.pure,
            batched=True,
            is_library=_is_ours(self.body),
            formula=self,
        )

    def __repr__(self) -> str:
        return f"<{self.name}>" if self.dimension is None else f"<{self.name}, {self.dimension}-D>"

    def _repr_latex_(self) -> str | None:
        return rf"$f(\theta) = {self.formula}$" if self.formula else None


def _is_ours(body: Any) -> bool:
    """Whether a formula is one of this library, all of it: a moved one is made of two."""
    if isinstance(body, partial):
        return all(map(_is_ours, filter(callable, (body.func, *body.args))))
    formula = getattr(body, "formula", body)
    return formula.__module__.startswith("optimizers.functions.")


def real(argument: str, given: Any) -> Any:
    """Return an array of floats, or autograd's box around one, untouched."""
    try:
        # a list may hold boxes, and only autograd's own `array` joins those
        array = given if hasattr(given, "shape") else np.array(given)
        if isinstance(array, Box):
            return array
        array = np.asarray(array)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{argument} must be an array of numbers, got {shown(given)}") from error
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{argument} must be made of real numbers, got {shown(given)}")
    return array.astype(float, copy=False)
