"""Functions moved, and seen through noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import autograd.numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import ArrayLike

from optimizers import checks
from optimizers.checks import shown
from optimizers.functions.function import Array, Function, real
from optimizers.problem import Problem


@dataclass(frozen=True, eq=False, repr=False)
class NoisyFunction(Function):
    r"""A function seen through noise, as `noisy` makes it: f(x) + σ ξ·x, with ξ ~ N(0, I).

    Its gradient is that of f plus σ ξ, as if f were estimated from a mini-batch.

    Examples
    --------
    >>> from optimizers.functions import noisy, sphere
    >>> f = noisy(sphere, sigma=0.5, seed=1)
    >>> noise = f.noise(t=1)
    >>> bool(f([3, 4], noise) == f.exact([3, 4]) + 0.5 * noise @ [3, 4])
    True
    """

    noiseless: Function = field(kw_only=True)
    sigma: float = field(kw_only=True)
    seed: int = field(kw_only=True)
    _generator: Generator = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "_generator", default_rng(self.seed))

    @property
    def exact(self) -> Function:
        """The function without its noise."""
        return self.noiseless

    def as_problem(self, start: Any) -> Problem:
        """Its noise belongs to the steps, and its losses are told without."""
        problem = super().as_problem(start)
        if problem.given is not self:
            return problem
        return replace(
            problem,
            batch=self.noise,
            exact=self.noiseless,
            seed=self.seed,
            reseeded=partial(self._with_seed, start),
            chance=f"Noise σ = {self.sigma:.3g}, seed {self.seed}; losses without it.",
        )

    def _with_seed(self, start: Any, seed: int) -> Problem:
        return replace(self, seed=seed).as_problem(start)

    def noise(self, t: int, n: int | None = None) -> Array:
        """Return the noise ξ of step t = 1, 2, …, shape (n,): it depends on the seed and t alone.

        Parameters
        ----------
        t : int
            The step.
        n : int, optional
            Number of coordinates; left out, `dimension`.

        Examples
        --------
        >>> from optimizers.functions import noisy, sphere
        >>> f = noisy(sphere, sigma=0.5, seed=1)
        >>> bool(np.all(f.noise(7) == f.noise(7))), bool(np.any(f.noise(7) == f.noise(8)))
        (True, False)
        """
        return default_rng((self.seed, t)).standard_normal(self.dimension if n is None else n)

    def __call__(self, x: ArrayLike, noise: ArrayLike | None = None) -> Any:
        """Return the noisy value at each point.

        Parameters
        ----------
        x : array-like (..., n)
            Points.
        noise : array-like (n,) or (..., n), optional
            ξ; without it the next one of the function's own, the same for all points.

        Returns
        -------
        float, or array (...)

        Raises
        ------
        TypeError
            If x or noise is not made of real numbers.
        ValueError
            If x or noise has the wrong number of coordinates.
        """
        points = self._points(x)
        n = points.shape[-1]
        drawn = self._generator.standard_normal(n) if noise is None else real("noise", noise)
        if drawn.shape[-1:] != (n,):
            raise ValueError(f"noise must have {n} coordinates, as x has, got shape {drawn.shape}")
        return self.body(points, drawn)


def shifted(function: Function, by: ArrayLike) -> Function:
    r"""Return the function moved: its minima, start and domain lie `by` further on.

    .. math:: g(x) = f(x - \mathrm{by})

    Parameters
    ----------
    function : Function
        Any function of this module, noisy ones too.
    by : float or array-like (n,)
        The way to move. Moved by one number for all coordinates, a function of any dimension stays
        one; moved by a vector, it keeps the dimension of the vector.

    Returns
    -------
    Function

    Raises
    ------
    TypeError
        If the function is none, or `by` is not made of real numbers.
    ValueError
        If `by` is not finite or has the wrong length.

    Examples
    --------
    >>> from optimizers.functions import shifted, sphere
    >>> moved = shifted(sphere, [1, 2])
    >>> moved.minima.tolist(), float(moved([1, 2]))
    ([[1.0, 2.0]], 0.0)
    """
    _function(function)
    move = real("by", by)
    if not np.all(np.isfinite(move)):
        raise ValueError(f"by must be finite, got {shown(by)}")
    if move.ndim > 1 or (move.ndim and not function._takes(len(move))):
        raise ValueError(
            f"by must be a number or have {function._expected()} for {function.name}, "
            f"got shape {move.shape}"
        )
    if move.ndim:
        function = function.in_dimension(len(move))
    stays = function.any_dimension and not move.ndim
    changes: dict[str, Any] = {
        "body": partial(_moved, function.body, move),
        "name": f"{function.name}, shifted",
        "label": f"{function.label}_shifted",
        "code": f"shifted({function.written}, {move.tolist()})",
        "formula": function.formula and rf"\left[{function.formula}\right](\theta - s)",
        "domain": _plus(function.domain, np.reshape(move, (-1, 1))),
        "start": _plus(function.start, move),
        "minima": _plus(function.minima, move),
        "family": partial(_shifted_family, function, move) if stays else None,
    }
    if isinstance(function, NoisyFunction):
        changes["noiseless"] = shifted(function.noiseless, move)
    return replace(function, **changes)


def _plus(values: Array | None, move: Array) -> Array | None:
    return None if values is None else values + move


def _moved(body: Callable[..., Any], by: Array, x: Array, *noise: Array) -> Any:
    return body(x - by, *noise)


def _shifted_family(function: Function, by: Array, n: int) -> Function:
    return shifted(function.in_dimension(n), by)


def noisy(function: Function, sigma: float, seed: int = 0) -> NoisyFunction:
    r"""Return the function with a stochastic gradient, g + σ ξ with ξ ~ N(0, I).

    .. math:: f(x) + \sigma\, \xi \cdot x

    Called as `f(x)` it draws a new ξ each time; `f(x, noise)` takes the ξ it is given.
    `f.noise(t)` is the ξ of step t, always the same; `f.exact` is the function without noise.

    Parameters
    ----------
    function : Function
        Any function of this module without noise, moved ones too.
    sigma : float
        σ, the standard deviation of each coordinate of the gradient; not negative.
    seed : int
        Seed of the noise; not negative.

    Returns
    -------
    NoisyFunction

    Raises
    ------
    TypeError
        If the function is none or noisy already, sigma not a number, or seed not a whole one.
    ValueError
        If sigma is negative or not finite, or seed negative.

    Examples
    --------
    >>> from optimizers.functions import noisy, sphere
    >>> from autograd import grad
    >>> f = noisy(sphere, sigma=0.1, seed=0)
    >>> noise = f.noise(t=1)
    >>> bool(np.allclose(grad(f)(np.array([3.0, 4.0]), noise), [6, 8] + 0.1 * noise))
    True
    """
    _function(function)
    if isinstance(function, NoisyFunction):
        raise TypeError(f"function must be without noise, got {function!r}: give its .exact")
    sigma = checks.number("sigma", sigma, checks.NOT_NEGATIVE)
    seed = checks.whole("seed", seed, 0)
    return NoisyFunction(
        body=partial(_tilted, function.body, sigma),
        name=f"{function.name}, noisy",
        label=f"{function.label}_noisy",
        code=f"noisy({function.written}, {sigma!r}, seed={seed})",
        formula=function.formula
        and rf"\left[{function.formula}\right] + \sigma \, \xi \cdot \theta",
        domain=function.domain,
        start=function.start,
        minima=function.minima,
        minimum=function.minimum,
        source=function.source,
        summary=function.summary,
        smallest_dimension=function.smallest_dimension,
        family=partial(_noisy_family, function, sigma, seed) if function.any_dimension else None,
        pure=function.pure,
        noiseless=function,
        sigma=sigma,
        seed=seed,
    )


def _tilted(body: Callable[..., Any], sigma: float, x: Array, noise: Array) -> Any:
    return body(x) + sigma * np.sum(noise * x, axis=-1)


def _noisy_family(function: Function, sigma: float, seed: int, n: int) -> Function:
    return noisy(function.in_dimension(n), sigma, seed)


def _function(given: Any) -> None:
    if not isinstance(given, Function):
        raise TypeError(f"function must be a Function, such as rosenbrock, got {shown(given)}")
