"""Test functions: small losses whose minima are known, to watch an optimizer on.

Each is a plain `autograd.numpy` formula, together with what one wants to know of it: where its
minima are, which part of the plane to draw, where a run should start, who published it.

    f(x)        x of shape (..., n) gives values of shape (...): the last axis is the coordinates,
                the axes before it are the points of a grid, or independent runs

`FUNCTIONS` has them all by label. `shifted` moves one, `noisy` makes its gradient stochastic,
`describe` turns a formula of your own into one.
"""

from optimizers.functions.described import describe
from optimizers.functions.function import Function
from optimizers.functions.variants import NoisyFunction, noisy, shifted
from optimizers.functions.zoo import (
    FUNCTIONS,
    ackley,
    beale,
    booth,
    easom,
    goldstein_price,
    griewank,
    himmelblau,
    levy,
    matyas,
    mccormick,
    michalewicz,
    monkey_saddle,
    plateau,
    quadratic,
    rastrigin,
    rosenbrock,
    saddle,
    six_hump_camel,
    sphere,
    styblinski_tang,
    three_hump_camel,
    trap,
)

__all__ = [
    "FUNCTIONS",
    "Function",
    "NoisyFunction",
    "ackley",
    "beale",
    "booth",
    "describe",
    "easom",
    "goldstein_price",
    "griewank",
    "himmelblau",
    "levy",
    "matyas",
    "mccormick",
    "michalewicz",
    "monkey_saddle",
    "noisy",
    "plateau",
    "quadratic",
    "rastrigin",
    "rosenbrock",
    "saddle",
    "shifted",
    "six_hump_camel",
    "sphere",
    "styblinski_tang",
    "three_hump_camel",
    "trap",
]
