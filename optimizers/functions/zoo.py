"""The formulas: small losses whose minima are known, each with its source."""

from __future__ import annotations

from functools import partial
from typing import Any

import autograd.numpy as np

from optimizers import checks
from optimizers.functions.described import cycled, describe
from optimizers.functions.function import Array, Function

AT_LEAST_1 = checks.Range("a finite number >= 1", lambda v: v >= 1)
describe_pure = partial(describe, pure=True)  # the formulas of this file read nothing else

# ------------------------------------------------------------------ in any number of coordinates


@describe_pure(
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

    .. math:: \frac{1}{2} \sum_i h_i u_i^2, \quad u = Q (x - 1), \quad
              h_i = \kappa^{(i-1)/(n-1)}

    The curvatures h are spaced geometrically from 1 to the condition number κ. The minimum lies at
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
        pure=True,
        name="Quadratic",
        label="quadratic",
        code=_quadratic_code(condition, rotation),
        formula=(
            r"\frac{1}{2} \sum_{i=1}^{n} h_i u_i^2, \quad u = Q (x - 1), \quad "
            rf"h_i = \kappa^{{(i-1)/(n-1)}}, \quad \kappa = {condition:g}"
        ),
        domain=np.array([(-3, 5), (-3, 5)]),
        start=np.array([-2.5, 3.0]),
        minima=np.array([[1, 1]]),
        minimum=0.0,
        source="Goh (2017), Why momentum really works, Distill",
        summary="An elongated bowl: steep one way and flat the other, it slows descent down.",
        smallest_dimension=2,
    )
    return cycled(function, None, dimension)


def _quadratic_code(condition: float, rotation: float) -> str:
    given = {"condition": (condition, 10), "rotation": (rotation, 0)}
    named = [f"{name}={value!r}" for name, (value, usual) in given.items() if value != usual]
    return f"quadratic({', '.join(named)})" if named else ""


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


@describe_pure(
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


@describe_pure(
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


@describe_pure(
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


@describe_pure(
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
    u = x**2
    return np.sum(u**2 - 16 * u + 5 * x, axis=-1) / 2


@describe_pure(
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


@describe_pure(
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


@describe_pure(
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
    squares = np.sin(i * x**2 / np.pi) ** 2
    return -np.sum(np.sin(x) * squares**10, axis=-1)


# ------------------------------------------------------------------------------ in the plane


@describe_pure(
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


@describe_pure(
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


@describe_pure(
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


@describe_pure(
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


@describe_pure(
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
    u = x**2
    return 2 * u - 1.05 * u**2 + u**3 / 6 + x * y + y**2


@describe_pure(
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
    u, v = x**2, y**2
    return (4 - 2.1 * u + u**2 / 3) * u + x * y + 4 * (v - 1) * v


@describe_pure(
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


@describe_pure(
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


@describe_pure(
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


@describe_pure(
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
    v = y**2
    return x**2 / 2 + v**2 / 4 - v / 2


@describe_pure(
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


@describe_pure(
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


@describe_pure(
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
    u = x**2
    return u**2 / 4 - x**3 / 3 - u + 4 * (y - 1) ** 2


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
