"""Test functions: small losses whose minima are known, to watch an optimizer on.

Each is a plain `autograd.numpy` formula, together with what one wants to know of it: where its
minima are, which part of the plane to draw, where a run should start, who published it.

    f(x)        x of shape (..., n) gives values of shape (...): the last axis is the coordinates,
                the axes before it are the points of a grid, or independent runs

`FUNCTIONS` has them all by label. `shifted` moves one, `noisy` makes its gradient stochastic,
`describe` turns a formula of your own into one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar

import autograd.numpy as np
from autograd.extend import Box
from numpy.random import Generator, default_rng
from numpy.typing import ArrayLike, NDArray

from optimizers import checks
from optimizers.checks import shown

Array = NDArray[Any]

AT_LEAST_1 = checks.Range("a finite number >= 1", lambda v: v >= 1)


@dataclass(frozen=True, eq=False, repr=False)
class Function:
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

    Examples
    --------
    >>> rosenbrock
    <Rosenbrock, 2-D>
    >>> float(rosenbrock([1, 2]))
    100.0
    >>> rosenbrock([[1, 2], [1, 1]]).tolist()
    [100.0, 0.0]
    >>> rosenbrock.minima.tolist(), rosenbrock.minimum
    ([[1.0, 1.0]], 0.0)
    """

    batched: ClassVar[bool] = True  # takes any axes before the last
    pure: ClassVar[bool] = True  # depends on its arguments alone

    body: Callable[..., Any]
    name: str
    label: str
    formula: str
    domain: Array
    start: Array
    minima: Array
    minimum: float
    source: str
    summary: str
    smallest_dimension: int = 1
    family: Callable[[int], Function] | None = None

    def __post_init__(self) -> None:
        for known in ("domain", "start", "minima"):
            values = np.array(getattr(self, known), dtype=float)
            values.setflags(write=False)  # everyone who imports the function shares them
            object.__setattr__(self, known, values)
        # what `rosenbrock?` shows in a notebook
        about = f"{self.name}. {self.summary}\n\nf = {self.formula}\n\nSource: {self.source}"
        object.__setattr__(self, "__doc__", about)

    @property
    def dimension(self) -> int:
        """How many coordinates `start`, `domain` and `minima` have."""
        return len(self.start)

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
        >>> rosenbrock.in_dimension(4).start.tolist()
        [-1.5, 2.0, -1.5, 2.0]
        """
        n = checks.whole("n", n, 1)
        if not self._takes(n):
            raise ValueError(f"n must fit: {self.name} takes {self._expected()}, got {n}")
        return self.family(n) if self.family else self

    def _points(self, x: ArrayLike) -> Any:
        """Return x as floats (or as the box that autograd puts around them), its shape checked."""
        if isinstance(x, dict):
            raise TypeError(f"x must be an array of coordinates for {self.name}, got a dict")
        points = _real("x", x)
        if not (points.shape and self._takes(points.shape[-1])):
            raise ValueError(
                f"x must have {self._expected()} on its last axis for {self.name}, "
                f"got shape {points.shape}"
            )
        return points

    def _takes(self, n: int) -> bool:
        return n >= self.smallest_dimension if self.any_dimension else n == self.dimension

    def _expected(self) -> str:
        if self.any_dimension:
            return f"{self.smallest_dimension} or more coordinates"
        return f"exactly {self.dimension} coordinates"

    def __repr__(self) -> str:
        return f"<{self.name}, {self.dimension}-D>"

    def _repr_latex_(self) -> str:
        return rf"$f(\theta) = {self.formula}$"


@dataclass(frozen=True, eq=False, repr=False)
class NoisyFunction(Function):
    r"""A function seen through noise, as `noisy` makes it: f(x) + σ ξ·x, with ξ ~ N(0, I).

    Its gradient is that of f plus σ ξ, as if f were estimated from a mini-batch.

    Examples
    --------
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
        drawn = self._generator.standard_normal(n) if noise is None else _real("noise", noise)
        if drawn.shape[-1:] != (n,):
            raise ValueError(f"noise must have {n} coordinates, as x has, got shape {drawn.shape}")
        return self.body(points, drawn)


def describe(
    name: str,
    formula: str,
    *,
    domain: ArrayLike,
    start: ArrayLike,
    minima: Sequence[Sequence[float]] | Callable[[int], Array],
    source: str,
    minimum: float | None = None,
    from_dimension: int | None = None,
) -> Callable[[Callable[[Any], Any]], Function]:
    r"""Turn a formula into a `Function` that knows its landscape (a decorator).

    Parameters
    ----------
    name : str
        The name to print; the label is the formula's Python name.
    formula : str
        LaTeX, without dollar signs, as far as matplotlib can draw it.
    domain : array-like (n, 2)
        Lowest and highest value of each coordinate, for drawing.
    start : array-like (n,)
        Where a run should start.
    minima : array-like (k, n), or callable
        All global minima; [] if it is unbounded below. For a function of any dimension whose
        coordinates differ: a callable from n to an array (k, n).
    source : str
        Author and year.
    minimum : float, optional
        The value at the minima; otherwise the formula's own value at the first of them.
    from_dimension : int, optional
        The fewest coordinates, if the function takes any number of them. `domain`, `start` and
        `minima` are then repeated coordinate by coordinate as often as needed.

    Returns
    -------
    callable
        From the formula to the `Function`.

    Examples
    --------
    >>> @describe("Bowl", "x^2 + 3 y^2", domain=[(-2, 2), (-2, 2)], start=[-1.5, 1],
    ...           minima=[[0, 0]], source="made for this example, 2026")
    ... def bowl(x):
    ...     return x[..., 0] ** 2 + 3 * x[..., 1] ** 2
    >>> bowl, float(bowl(bowl.start))
    (<Bowl, 2-D>, 5.25)
    """

    def described(body: Callable[[Any], Any]) -> Function:
        label = body.__name__
        body.__qualname__ = f"{label}.body"  # where pickle finds it, once the label is a Function
        dimension = np.shape(start)[-1]
        places = minima(dimension) if callable(minima) else np.reshape(minima, (-1, dimension))
        function = Function(
            body=body,
            name=name,
            label=label,
            formula=formula,
            domain=np.array(domain),
            start=np.array(start),
            minima=places,
            minimum=_value_at(places, body) if minimum is None else minimum,
            source=source,
            summary=inspect.cleandoc(body.__doc__ or ""),
        )
        if from_dimension is None:
            return function
        function = replace(function, smallest_dimension=from_dimension)
        return _cycled(function, minima if callable(minima) else None, dimension)

    return described


def _value_at(minima: Array, body: Callable[[Any], Any]) -> float:
    return float(body(minima[0])) if len(minima) else -np.inf


def _cycled(function: Function, minima: Callable[[int], Array] | None, n: int) -> Function:
    """Return the function in n coordinates: what is known of each is repeated in turn."""
    cycle = np.arange(n) % function.dimension
    places = minima(n) if minima else function.minima[:, cycle]
    return replace(
        function,
        domain=function.domain[cycle],
        start=function.start[cycle],
        minima=places,
        minimum=_value_at(places, function.body),
        family=partial(_cycled, function, minima),
    )


# ------------------------------------------------------------------ in any number of coordinates


@describe(
    "Sphere",
    r"\sum_{i=1}^{n} x_i^2",
    domain=[(-5, 5), (-5, 5)],
    start=[-4.0, 2.5],
    minima=[[0, 0]],
    source="De Jong (1975), An analysis of the behavior of a class of genetic adaptive systems, F1",
    from_dimension=1,
)
def sphere(x: Array) -> Any:
    """The easiest bowl: the gradient points away from the minimum, everywhere."""
    return np.sum(x**2, axis=-1)


def quadratic(condition: float = 10, rotation: float = 0, dimension: int = 2) -> Function:
    r"""Return an elongated bowl, the quadratic form with a given condition number.

    .. math:: \frac{1}{2} \sum_i \lambda_i u_i^2, \quad u = Q (x - 1), \quad
              \lambda_i = \kappa^{(i-1)/(n-1)}

    The eigenvalues λ are spaced geometrically from 1 to the condition number κ. The minimum lies at
    (1, …, 1): at the origin it would favour the rules that pull the weights there.

    Parameters
    ----------
    condition : float
        κ, the ratio of the largest curvature to the smallest, at least 1.
    rotation : float
        Degrees by which the bowl is turned (Q) in the plane of the first and the last coordinate.
        Turned, the bowl no longer fits the rules that scale each coordinate for itself.
    dimension : int
        Number of coordinates, at least 2.

    Returns
    -------
    Function

    Raises
    ------
    TypeError
        If an argument is not a number, or the dimension not a whole one.
    ValueError
        If the condition is below 1, the dimension below 2, or a number not finite.

    Examples
    --------
    >>> quadratic(condition=100)([[2, 1], [1, 2]]).tolist()
    [0.5, 50.0]
    >>> float(quadratic(condition=100, rotation=90)([2, 1]).round(9))
    50.0

    Source: Goh (2017), Why momentum really works, Distill.
    """
    condition = checks.number("condition", condition, AT_LEAST_1)
    rotation = checks.number("rotation", rotation, checks.FINITE)
    dimension = checks.whole("dimension", dimension, 2)
    function = Function(
        body=partial(_quadratic_form, condition, rotation),
        name="Quadratic",
        label="quadratic",
        formula=(
            r"\frac{1}{2} \sum_{i=1}^{n} \lambda_i u_i^2, \quad u = Q (x - 1), \quad "
            rf"\lambda_i = \kappa^{{(i-1)/(n-1)}}, \quad \kappa = {condition:g}"
        ),
        domain=np.array([(-3, 5), (-3, 5)]),
        start=np.array([-2.5, 3.0]),
        minima=np.array([[1, 1]]),
        minimum=0.0,
        source="Goh (2017), Why momentum really works, Distill",
        summary="An elongated bowl: what is steep one way and flat the other slows descent down.",
        smallest_dimension=2,
    )
    return _cycled(function, None, dimension)


def _quadratic_form(condition: float, rotation: float, x: Array) -> Any:
    n = x.shape[-1]
    curvature = condition ** np.linspace(0, 1, n)
    u = x - 1
    if rotation:
        u = u @ _turn(n, rotation)
    return np.sum(curvature * u**2, axis=-1) / 2


def _turn(n: int, degrees: float) -> Array:
    """Return the matrix that turns the plane of the first and the last of n coordinates."""
    angle = np.deg2rad(degrees)
    turn: Array = np.eye(n)
    turn[0, 0] = turn[-1, -1] = np.cos(angle)
    turn[0, -1] = -np.sin(angle)
    turn[-1, 0] = np.sin(angle)
    return turn


@describe(
    "Rosenbrock",
    r"\sum_{i=1}^{n-1} 100 \left(x_{i+1} - x_i^2\right)^2 + (1 - x_i)^2",
    domain=[(-2, 2), (-1, 3)],
    start=[-1.5, 2.0],
    minima=[[1, 1]],
    source="Rosenbrock (1960), An automatic method for finding the greatest or least value",
    from_dimension=2,
)
def rosenbrock(x: Array) -> Any:
    """The banana: into the curved valley at once, then along its nearly flat floor for long."""
    head, tail = x[..., :-1], x[..., 1:]
    return np.sum(100 * (tail - head**2) ** 2 + (1 - head) ** 2, axis=-1)


@describe(
    "Rastrigin",
    r"\sum_{i=1}^{n} x_i^2 + 10 \left(1 - \cos 2 \pi x_i\right)",
    domain=[(-5.12, 5.12), (-5.12, 5.12)],
    start=[-3.4, 2.3],
    minima=[[0, 0]],
    source="Rastrigin (1974), Systems of extremal control; n-D: Mühlenbein et al. (1991)",
    from_dimension=1,
)
def rastrigin(x: Array) -> Any:
    """An egg box in a bowl: a local minimum beside nearly every whole number."""
    return np.sum(x**2 + 10 * (1 - np.cos(2 * np.pi * x)), axis=-1)


@describe(
    "Ackley",
    r"20 - 20 \exp\left(-0.2 \sqrt{\frac{1}{n} \sum_{i=1}^{n} x_i^2}\right)"
    r" + e - \exp\left(\frac{1}{n} \sum_{i=1}^{n} \cos 2 \pi x_i\right)",
    domain=[(-5, 5), (-5, 5)],
    start=[-3.3, 2.6],
    minima=[[0, 0]],
    source="Ackley (1987), A connectionist machine for genetic hillclimbing",
    from_dimension=1,
)
def ackley(x: Array) -> Any:
    """A rippled plain around a funnel; the minimum is the tip of a cone, where no slope exists.

    The gradient at the tip is taken as 0.
    """
    n = x.shape[-1]
    # 1e-300 is lost in any other sum, and gives the root a slope at 0
    radius = np.sqrt(np.sum(x**2, axis=-1) / n + 1e-300)
    ripple = np.sum(np.cos(2 * np.pi * x), axis=-1) / n
    return (20 - 20 * np.exp(-0.2 * radius)) + (np.e - np.exp(ripple))


@describe(
    "Styblinski–Tang",
    r"\frac{1}{2} \sum_{i=1}^{n} x_i^4 - 16 x_i^2 + 5 x_i",
    domain=[(-5, 5), (-5, 5)],
    start=[-0.5, 4.5],
    minima=[[-2.903534027771177, -2.903534027771177]],  # the least root of 4 x³ − 32 x + 5
    source="Styblinski and Tang (1990), Experiments in nonconvex optimization, Neural Networks 3",
    from_dimension=1,
)
def styblinski_tang(x: Array) -> Any:
    """Two basins a coordinate, one a little deeper: who starts on the wrong side stays there."""
    return np.sum(x**4 - 16 * x**2 + 5 * x, axis=-1) / 2


@describe(
    "Griewank",
    r"1 + \sum_{i=1}^{n} \frac{x_i^2}{4000} - \prod_{i=1}^{n} \cos \frac{x_i}{\sqrt{i}}",
    domain=[(-10, 10), (-10, 10)],
    start=[-8.5, 6.0],
    minima=[[0, 0]],
    source="Griewank (1981), Generalized descent for global optimization, JOTA 34",
    from_dimension=1,
)
def griewank(x: Array) -> Any:
    """A wide, shallow bowl under regular ripples, drawn here near its centre (published: ±600)."""
    i = np.arange(1, x.shape[-1] + 1)
    return 1 + np.sum(x**2, axis=-1) / 4000 - np.prod(np.cos(x / np.sqrt(i)), axis=-1)


@describe(
    "Lévy",
    r"\sin^2 \pi z_1 + \sum_{i=1}^{n-1} z_i^2 \left(1 + 10 \sin^2 (\pi z_i + 1)\right)"
    r" + z_n^2 \left(1 + \sin^2 2 \pi z_n\right), \quad z = \frac{x - 1}{4}",
    domain=[(-10, 10), (-10, 10)],
    start=[-7.0, 6.0],
    minima=[[1, 1]],
    source="Lévy and Montalvo (1985), The tunneling algorithm; this form: Laguna and Martí (2005)",
    from_dimension=1,
)
def levy(x: Array) -> Any:
    """Parallel ripples over a bowl, with different wavelengths in the two directions.

    Published with w = 1 + z; the sines have whole periods between them, so the values are the same.
    """
    z = (x - 1) / 4
    first, head, last = z[..., 0], z[..., :-1], z[..., -1]
    return (
        np.sin(np.pi * first) ** 2
        + np.sum(head**2 * (1 + 10 * np.sin(np.pi * head + 1) ** 2), axis=-1)
        + last**2 * (1 + np.sin(2 * np.pi * last) ** 2)
    )


def _michalewicz_minima(n: int) -> Array:
    """Return the one minimum in [0, π]ⁿ, coordinate by coordinate.

    Coordinate i is best on one of the two ridges of sin²⁰(i x²/π) that lie next to π/2, where the
    factor sin(x) is largest. From there Newton's method finds the root of the logarithm's slope.
    """
    i = np.arange(1, n + 1)
    left = np.maximum(np.floor(i / 4 - 0.5), 0)
    x = np.pi * np.sqrt((np.stack([left, left + 1]) + 0.5) / i)
    for _ in range(8):
        u, slope, bend = i * x**2 / np.pi, 2 * i * x / np.pi, 2 * i / np.pi
        first = 1 / np.tan(x) + 20 * slope / np.tan(u)
        second = -1 / np.sin(x) ** 2 + 20 * (bend / np.tan(u) - slope**2 / np.sin(u) ** 2)
        x = x - first / second
    height = np.sin(x) * np.sin(i * x**2 / np.pi) ** 20
    best: Array = np.where(height[0] >= height[1], x[0], x[1])[np.newaxis]
    return best


@describe(
    "Michalewicz",
    r"-\sum_{i=1}^{n} \sin(x_i) \, \sin^{20} \left(\frac{i x_i^2}{\pi}\right)",
    domain=[(0, np.pi), (0, np.pi)],
    start=[2.7, 2.0],
    minima=_michalewicz_minima,
    source="Michalewicz (1992), Genetic algorithms + data structures = evolution programs",
    from_dimension=1,
)
def michalewicz(x: Array) -> Any:
    """Narrow trenches in a plain without slope. The minimum is that of the domain, [0, π]ⁿ."""
    i = np.arange(1, x.shape[-1] + 1)
    return -np.sum(np.sin(x) * np.sin(i * x**2 / np.pi) ** 20, axis=-1)


# ------------------------------------------------------------------------------ in the plane


@describe(
    "Beale",
    r"(1.5 - x + x y)^2 + (2.25 - x + x y^2)^2 + (2.625 - x + x y^3)^2",
    domain=[(-4.5, 4.5), (-4.5, 4.5)],
    start=[1.0, 1.5],
    minima=[[3, 0.5]],
    source="Beale (1958), On an iterative method for finding a local minimum",
)
def beale(x: Array) -> Any:
    """A flat cross with steep corners: steps that suit the floor are too long for the walls."""
    x, y = x[..., 0], x[..., 1]
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


@describe(
    "Booth",
    r"(x + 2 y - 7)^2 + (2 x + y - 5)^2",
    domain=[(-10, 10), (-10, 10)],
    start=[-8.0, 7.0],
    minima=[[1, 3]],
    source="Jamil and Yang (2013), A literature survey of benchmark functions",
)
def booth(x: Array) -> Any:
    """A quadratic bowl turned by 45 degrees, condition number 9."""
    x, y = x[..., 0], x[..., 1]
    return (x + 2 * y - 7) ** 2 + (2 * x + y - 5) ** 2


@describe(
    "Matyas",
    r"0.26 (x^2 + y^2) - 0.48 x y",
    domain=[(-10, 10), (-10, 10)],
    start=[-8.0, 3.0],
    minima=[[0, 0]],
    source="Matyas (1965), Random optimization, Automation and Remote Control 26",
)
def matyas(x: Array) -> Any:
    """A long valley along the diagonal: a quadratic with condition number 25."""
    x, y = x[..., 0], x[..., 1]
    return 0.26 * (x**2 + y**2) - 0.48 * x * y


@describe(
    "Himmelblau",
    r"(x^2 + y - 11)^2 + (x + y^2 - 7)^2",
    domain=[(-5, 5), (-5, 5)],
    start=[-0.5, -1.5],
    minima=[  # x is a root of x⁴ − 22 x² + x + 114, and y = 11 − x²
        [3, 2],
        [-2.805118086952745, 3.131312518250573],
        [-3.779310253377747, -3.2831859912861696],
        [3.5844283403304917, -1.8481265269644036],
    ],
    minimum=0.0,
    source="Himmelblau (1972), Applied nonlinear programming",
)
def himmelblau(x: Array) -> Any:
    """Four minima, equally deep: which one a run reaches depends on the start and on the rule."""
    x, y = x[..., 0], x[..., 1]
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


@describe(
    "Three-hump camel",
    r"2 x^2 - 1.05 x^4 + \frac{x^6}{6} + x y + y^2",
    domain=[(-2.5, 2.5), (-2.5, 2.5)],
    start=[-2.3, 1.5],
    minima=[[0, 0]],
    source="Jamil and Yang (2013), A literature survey of benchmark functions",
)
def three_hump_camel(x: Array) -> Any:
    """Three basins in a row, the middle one the deepest, drawn near its centre (published: ±5)."""
    x, y = x[..., 0], x[..., 1]
    return 2 * x**2 - 1.05 * x**4 + x**6 / 6 + x * y + y**2


@describe(
    "Six-hump camel",
    r"4 x^2 - 2.1 x^4 + \frac{x^6}{3} + x y - 4 y^2 + 4 y^4",
    domain=[(-2, 2), (-1.2, 1.2)],
    start=[-1.9, 0.3],
    minima=[  # x = 8 y − 16 y³ in 8 x − 8.4 x³ + 2 x⁵ + y = 0
        [0.08984201310031806, -0.7126564030207396],
        [-0.08984201310031806, 0.7126564030207396],
    ],
    source="Dixon and Szegő (1978), The global optimization problem: an introduction",
)
def six_hump_camel(x: Array) -> Any:
    """Six basins in three depths, two of them global, drawn near the centre (published: ±3, ±2)."""
    x, y = x[..., 0], x[..., 1]
    return 4 * x**2 - 2.1 * x**4 + x**6 / 3 + x * y - 4 * y**2 + 4 * y**4


@describe(
    "Goldstein–Price",
    r"\left[1 + (x + y + 1)^2 (19 - 14 x + 3 x^2 - 14 y + 6 x y + 3 y^2)\right]"
    r" \left[30 + (2 x - 3 y)^2 (18 - 32 x + 12 x^2 + 48 y - 36 x y + 27 y^2)\right]",
    domain=[(-2, 2), (-2, 2)],
    start=[-1.5, 0.5],
    minima=[[0, -1]],
    source="Goldstein and Price (1971), On descent from local minima, Math. Comp. 25",
)
def goldstein_price(x: Array) -> Any:
    """Values from 3 to a million in one picture, four local minima, and very steep walls."""
    x, y = x[..., 0], x[..., 1]
    a = 19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2
    b = 18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2
    return (1 + (x + y + 1) ** 2 * a) * (30 + (2 * x - 3 * y) ** 2 * b)


@describe(
    "Easom",
    r"-\cos x \, \cos y \, \exp\left(-(x - \pi)^2 - (y - \pi)^2\right)",
    domain=[(0, 2 * np.pi), (0, 2 * np.pi)],
    start=[2.0, 4.0],
    minima=[[np.pi, np.pi]],
    source="Easom (1990), A survey of global optimization techniques, University of Louisville",
)
def easom(x: Array) -> Any:
    """A needle's eye in a plain without slope, drawn near the needle (published: ±100)."""
    x, y = x[..., 0], x[..., 1]
    return -np.cos(x) * np.cos(y) * np.exp(-((x - np.pi) ** 2) - (y - np.pi) ** 2)


@describe(
    "McCormick",
    r"\sin(x + y) + (x - y)^2 - 1.5 x + 2.5 y + 1",
    domain=[(-1.5, 4), (-3, 4)],
    start=[-1.0, 3.0],
    minima=[[0.5 - np.pi / 3, -0.5 - np.pi / 3]],
    minimum=-np.sqrt(3) / 2 - np.pi / 3,
    source="Jamil and Yang (2013), A literature survey of benchmark functions",
)
def mccormick(x: Array) -> Any:
    """A sheet with waves across it. The minimum is that of the domain: beyond it they sink on."""
    x, y = x[..., 0], x[..., 1]
    return np.sin(x + y) + (x - y) ** 2 - 1.5 * x + 2.5 * y + 1


@describe(
    "Saddle",
    r"\frac{x^2}{2} + \frac{y^4}{4} - \frac{y^2}{2}",
    domain=[(-2, 2), (-2, 2)],
    start=[-1.5, 0.01],
    minima=[[0, -1], [0, 1]],
    source="Nesterov (2004), Introductory lectures on convex optimization, example 1.2.2",
)
def saddle(x: Array) -> Any:
    """A saddle point at the origin between two minima: slow in arriving, slower in leaving."""
    x, y = x[..., 0], x[..., 1]
    return x**2 / 2 + y**4 / 4 - y**2 / 2


@describe(
    "Monkey saddle",
    r"x^3 - 3 x y^2",
    domain=[(-1.5, 1.5), (-1.5, 1.5)],
    start=[1.2, 0.05],
    minima=[],
    source="Hilbert and Cohn-Vossen (1932), Anschauliche Geometrie",
)
def monkey_saddle(x: Array) -> Any:
    """A saddle for two legs and a tail: even the curvature is 0 in the middle. It has no floor."""
    x, y = x[..., 0], x[..., 1]
    return x**3 - 3 * x * y**2


@describe(
    "Plateau",
    r"\frac{u}{1 + u}, \quad u = (x - 3)^2 + 4 (y - 1)^2",
    domain=[(-5, 6), (-4, 5)],
    start=[-4.0, 2.5],
    minima=[[3, 1]],
    source="made for this toolkit, 2026, from the loss of Geman and McClure (1987)",
)
def plateau(x: Array) -> Any:
    """A hole in a plain that is nearly flat: far away the slope is 1 over distance cubed.

    Plain gradient descent crawls there, at any learning rate that can settle in the hole.
    """
    x, y = x[..., 0], x[..., 1]
    u = (x - 3) ** 2 + 4 * (y - 1) ** 2
    return u / (1 + u)


@describe(
    "Trap",
    r"\frac{x^4}{4} - \frac{x^3}{3} - x^2 + 4 (y - 1)^2",
    domain=[(-2.3, 3.2), (-0.8, 2.8)],
    start=[-1.9, 0.2],
    minima=[[2, 1]],
    source="made for this toolkit, 2026",
)
def trap(x: Array) -> Any:
    """A worse minimum at (−1, 1) lies between the start and the better one at (2, 1).

    The slope along x is x (x + 1)(x − 2): the barrier stands at x = 0. Plain gradient descent ends
    in the trap at every learning rate below 0.25, where it starts to diverge; a heavy ball with
    momentum 0.9 rolls over the barrier (learning rates 0.013 to 0.16).
    """
    x, y = x[..., 0], x[..., 1]
    return x**4 / 4 - x**3 / 3 - x**2 + 4 * (y - 1) ** 2


# ------------------------------------------------------------------------- moved, and with noise


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
    >>> moved = shifted(sphere, [1, 2])
    >>> moved.minima.tolist(), float(moved([1, 2]))
    ([[1.0, 2.0]], 0.0)
    """
    _function(function)
    move = _real("by", by)
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
        "formula": rf"\left[{function.formula}\right](\theta - s)",
        "domain": function.domain + np.reshape(move, (-1, 1)),
        "start": function.start + move,
        "minima": function.minima + move,
        "family": partial(_shifted_family, function, move) if stays else None,
    }
    if isinstance(function, NoisyFunction):
        changes["noiseless"] = shifted(function.noiseless, move)
    return replace(function, **changes)


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
        formula=rf"\left[{function.formula}\right] + \sigma \, \xi \cdot \theta",
        domain=function.domain,
        start=function.start,
        minima=function.minima,
        minimum=function.minimum,
        source=function.source,
        summary=function.summary,
        smallest_dimension=function.smallest_dimension,
        family=partial(_noisy_family, function, sigma, seed) if function.any_dimension else None,
        noiseless=function,
        sigma=sigma,
        seed=seed,
    )


def _tilted(body: Callable[..., Any], sigma: float, x: Array, noise: Array) -> Any:
    return body(x) + sigma * np.sum(noise * x, axis=-1)


def _noisy_family(function: Function, sigma: float, seed: int, n: int) -> Function:
    return noisy(function.in_dimension(n), sigma, seed)


# ------------------------------------------------------------------------------------- checks


def _function(given: Any) -> None:
    if not isinstance(given, Function):
        raise TypeError(f"function must be a Function, such as rosenbrock, got {shown(given)}")


def _real(argument: str, given: Any) -> Any:
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


# ------------------------------------------------------------------------------------ the list


FUNCTIONS: dict[str, Function] = {
    function.label: function
    for function in (
        sphere,
        quadratic(),
        rosenbrock,
        beale,
        booth,
        matyas,
        himmelblau,
        rastrigin,
        ackley,
        styblinski_tang,
        griewank,
        levy,
        three_hump_camel,
        six_hump_camel,
        goldstein_price,
        easom,
        mccormick,
        michalewicz,
        saddle,
        monkey_saddle,
        plateau,
        trap,
    )
}
