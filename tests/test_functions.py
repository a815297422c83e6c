"""The test functions: published minima and values, gradients, batches, what `describe` knows."""

from __future__ import annotations

import itertools
import pickle

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from matplotlib.mathtext import MathTextParser

from optimizers.functions import (
    FUNCTIONS,
    Function,
    ackley,
    beale,
    booth,
    describe,
    goldstein_price,
    himmelblau,
    levy,
    matyas,
    mccormick,
    michalewicz,
    monkey_saddle,
    noisy,
    plateau,
    quadratic,
    rastrigin,
    rosenbrock,
    saddle,
    shifted,
    six_hump_camel,
    sphere,
    styblinski_tang,
    three_hump_camel,
    trap,
)

ANY_DIMENSION = [f for f in FUNCTIONS.values() if f.any_dimension]
ALL = [
    *FUNCTIONS.values(),
    *(f.in_dimension(5) for f in ANY_DIMENSION),
    quadratic(condition=1000, rotation=30),
    quadratic(condition=50, rotation=-70, dimension=4),
    shifted(ackley, 1.5),
    shifted(himmelblau, [1, -2]),
]
BOUNDED = [f for f in ALL if f is not monkey_saddle]

every_function = pytest.mark.parametrize("f", ALL, ids=repr)
every_bounded_function = pytest.mark.parametrize("f", BOUNDED, ids=repr)


def points_in_domain(f: Function, count: int, seed: int = 0) -> np.ndarray:
    low, high = f.domain.T
    return np.random.default_rng(seed).uniform(low, high, (count, f.dimension))


def gradients(f: Function, points: np.ndarray) -> np.ndarray:
    """The gradient at every point, by one call."""
    return grad(lambda x: anp.sum(f(x)))(points)


# ---------------------------------------------------------------------- what was published

# label: (minima, value), with the digits that the literature gives
LITERATURE = {
    "sphere": ([[0, 0]], 0),
    "quadratic": ([[1, 1]], 0),
    "rosenbrock": ([[1, 1]], 0),
    "beale": ([[3, 0.5]], 0),
    "booth": ([[1, 3]], 0),
    "matyas": ([[0, 0]], 0),
    "himmelblau": (
        [[3, 2], [-2.805118, 3.131312], [-3.779310, -3.283186], [3.584428, -1.848126]],
        0,
    ),
    "rastrigin": ([[0, 0]], 0),
    "ackley": ([[0, 0]], 0),
    "styblinski_tang": ([[-2.903534, -2.903534]], -39.16616570377142 * 2),
    "griewank": ([[0, 0]], 0),
    "levy": ([[1, 1]], 0),
    "three_hump_camel": ([[0, 0]], 0),
    "six_hump_camel": ([[0.0898, -0.7126], [-0.0898, 0.7126]], -1.0316284535),
    "goldstein_price": ([[0, -1]], 3),
    "easom": ([[np.pi, np.pi]], -1),
    "mccormick": ([[-0.54719, -1.54719]], -1.9133),
    "michalewicz": ([[2.20, 1.57]], -1.8013),
    "saddle": ([[0, -1], [0, 1]], -0.25),
    "monkey_saddle": ([], -np.inf),
    "plateau": ([[3, 1]], 0),
    "trap": ([[2, 1]], -8 / 3),
}


@pytest.mark.parametrize("label", FUNCTIONS)
def test_the_minima_are_the_published_ones(label):
    f = FUNCTIONS[label]
    places, value = LITERATURE[label]
    assert f.minima.shape == (len(places), 2)
    for place in places:
        assert np.abs(f.minima - place).max(axis=1).min() < 5e-3
    assert f.minimum == pytest.approx(value, abs=1e-4)


@pytest.mark.parametrize(("n", "value"), [(2, -1.8013), (5, -4.687658), (10, -9.66015)])
def test_michalewicz_has_the_published_minimum_in_every_dimension(n, value):
    f = michalewicz.in_dimension(n)
    assert f.minimum == pytest.approx(value, abs=5e-5 if n == 2 else 5e-6)
    assert f(f.minima[0]) == f.minimum


@pytest.mark.parametrize("n", [1, 2, 30])
def test_michalewicz_coordinates_beat_a_dense_search_one_by_one(n):
    x = np.linspace(0, np.pi, 20_001)[:, np.newaxis]
    i = np.arange(1, n + 1)
    searched = (-np.sin(x) * np.sin(i * x**2 / np.pi) ** 20).min(axis=0)
    m = michalewicz.in_dimension(n).minima[0]
    assert np.all(-np.sin(m) * np.sin(i * m**2 / np.pi) ** 20 <= searched + 1e-15)


@pytest.mark.parametrize("n", [1, 3, 100])
def test_styblinski_tang_is_39_166_a_coordinate_deep(n):
    assert styblinski_tang.in_dimension(n).minimum == pytest.approx(-39.16616570377142 * n)


@pytest.mark.parametrize(
    ("f", "x", "value"),
    [
        (rosenbrock, [-1.2, 1], 24.2),
        (rosenbrock, [-1.2, 1, -1.2, 1], 24.2 + 484 + 24.2),
        (beale, [1, 1], 14.203125),
        (booth, [0, 0], 74),
        (matyas, [1, 1], 0.04),
        (himmelblau, [0, 0], 170),
        (rastrigin, [1, 1], 2),
        (ackley, [1, 1], 3.6253849384403627),
        (styblinski_tang, [1, 1], -10),
        (three_hump_camel, [1, 1], 2 - 1.05 + 1 / 6 + 2),
        (six_hump_camel, [1, 1], 4 - 2.1 + 1 / 3 + 1),
        (goldstein_price, [0, 0], 600),
        (mccormick, [0, 0], 1),
        (monkey_saddle, [1, 2], -11),
        (quadratic(condition=100), [3, 2], 52),
    ],
)
def test_values_worked_out_by_hand(f, x, value):
    assert f(x) == pytest.approx(value, rel=1e-13)


def test_levy_equals_its_published_form():
    x = points_in_domain(levy.in_dimension(4), 50)
    w = 1 + (x - 1) / 4
    middle = (w[:, :-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:, :-1] + 1) ** 2)
    last = (w[:, -1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[:, -1]) ** 2)
    published = np.sin(np.pi * w[:, 0]) ** 2 + middle.sum(axis=1) + last
    np.testing.assert_allclose(levy(x), published, rtol=1e-12)


# -------------------------------------------------------------------------------- minima


@every_bounded_function
def test_the_value_at_every_minimum_is_the_minimum(f):
    np.testing.assert_allclose(f(f.minima), f.minimum, rtol=1e-15, atol=1e-28)


@every_bounded_function
def test_no_minimum_is_beaten_by_a_dense_random_search(f):
    assert f(points_in_domain(f, 100_000)).min() >= f.minimum - 1e-13


@every_function
def test_the_gradient_is_zero_at_every_minimum(f):
    if len(f.minima):
        assert np.abs(gradients(f, f.minima)).max() < 1e-12


@pytest.mark.parametrize("f", [f for f in BOUNDED if f.label != "ackley_shifted"], ids=repr)
def test_the_minima_are_exact_to_a_few_units_in_the_last_place(f):
    few = 8 * np.finfo(float).eps * np.maximum(np.abs(f.minima), 1)
    for k in range(f.dimension):
        step = few * np.eye(f.dimension)[k]
        assert np.all(gradients(f, f.minima - step)[:, k] < 0)
        assert np.all(gradients(f, f.minima + step)[:, k] > 0)


@every_function
def test_minima_and_start_lie_in_the_domain(f):
    low, high = f.domain.T
    for place in [*f.minima, f.start]:
        assert np.all((low < place) & (place < high))


@every_function
def test_the_start_is_on_no_axis_no_diagonal_and_no_stationary_point(f):
    assert np.all(f.start != 0)
    assert abs(f.start[0]) != abs(f.start[1])
    assert np.abs(gradients(f, f.start)).max() > 1e-3


# ------------------------------------------------------------------------------ gradients


@every_function
def test_the_gradient_agrees_with_central_differences(f):
    x = points_in_domain(f, 30, seed=1)
    analytic = gradients(f, x)
    h = 1e-5
    numeric = np.stack([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(f.dimension)], -1)
    rounding = 4 * np.finfo(float).eps * np.abs(f(x)).max() / h
    curving = 1e-8 * max(1, np.abs(analytic).max())
    np.testing.assert_allclose(analytic, numeric, rtol=1e-6, atol=rounding + curving)


@every_function
def test_the_gradient_is_finite_at_minima_origin_start_and_corners(f):
    corners = itertools.product(*f.domain)
    places = np.array([*f.minima, np.zeros(f.dimension), f.start, *corners])
    assert np.all(np.isfinite(f(places)))
    assert np.all(np.isfinite(gradients(f, places)))


@pytest.mark.parametrize("n", [1, 2, 50])
def test_ackley_is_0_with_gradient_0_at_its_tip_and_unchanged_elsewhere(n):
    assert ackley(np.zeros(n)) == 0
    assert np.all(grad(ackley)(np.zeros(n)) == 0)
    x = np.random.default_rng(0).uniform(-1, 1, (20, n)) * np.geomspace(1e-8, 5, 20)[:, None]
    root = np.sqrt(np.sum(x**2, axis=-1) / n)
    ripple = np.sum(np.cos(2 * np.pi * x), axis=-1) / n
    plain = (20 - 20 * np.exp(-0.2 * root)) + (np.e - np.exp(ripple))
    assert np.all(ackley(x) == plain)


def test_a_list_of_boxes_is_a_point_too():
    assert grad(lambda x: rosenbrock([x[0], 2 * x[1]]))(np.array([1.0, 1.0])) == pytest.approx(
        [-400, 400]
    )


# --------------------------------------------------------------- grids, and many runs at once


@every_function
def test_a_grid_gives_what_a_loop_gives(f):
    grid = points_in_domain(f, 63, seed=2).reshape(7, 9, f.dimension)
    loop = [[f(point) for point in row] for row in grid]
    np.testing.assert_allclose(f(grid), loop, rtol=1e-13, atol=1e-13)


@every_function
def test_many_runs_at_once_have_the_gradients_of_single_runs(f):
    runs = points_in_domain(f, 12, seed=3)
    single = [grad(f)(run) for run in runs]
    scale = max(1, np.abs(single).max())
    np.testing.assert_allclose(gradients(f, runs), single, rtol=1e-12, atol=1e-14 * scale)


def test_lists_and_ints_are_points_and_leading_axes_may_be_empty():
    assert sphere([3, 4]) == 25
    assert isinstance(sphere([3, 4]), float)
    assert sphere(np.array([3, 4], dtype=np.int8)) == 25
    assert booth(np.zeros((0, 2))).shape == (0,)
    assert booth(np.zeros((3, 1, 2))).shape == (3, 1)


def test_a_call_leaves_its_argument_alone():
    x = np.array([0.5, 1.5])
    for f in FUNCTIONS.values():
        f(x)
        grad(f)(x)
    assert x.tolist() == [0.5, 1.5]


# -------------------------------------------------------------------------- what is known


def test_every_function_is_listed_under_its_label():
    assert len(FUNCTIONS) == 22
    assert all(f.label == label for label, f in FUNCTIONS.items())
    assert FUNCTIONS["rosenbrock"] is rosenbrock


@every_function
def test_a_function_says_what_it_is(f):
    assert all([f.name, f.summary, f.source])
    assert repr(f) == f"<{f.name}, {f.dimension}-D>"
    assert f.domain.shape == (f.dimension, 2)
    assert f.start.shape == (f.dimension,)
    assert (f.pure, f.exact) == (True, f)
    for part in (f.name, f.summary, f.formula, f.source):
        assert part in f.__doc__


@pytest.mark.parametrize("f", [*ALL, noisy(shifted(levy, 1), 0.5)], ids=repr)
def test_the_formula_can_be_drawn_by_matplotlib(f):
    assert f._repr_latex_() == rf"$f(\theta) = {f.formula}$"
    assert MathTextParser("path").parse(f._repr_latex_()).width > 0


def test_the_published_year_is_in_every_source():
    assert all(any(c.isdigit() for c in f.source) for f in FUNCTIONS.values())


@every_function
def test_what_is_known_cannot_be_changed_by_accident(f):
    with pytest.raises(ValueError, match="read-only"):
        f.start[0] = 7
    with pytest.raises(AttributeError):
        f.minimum = 7


@pytest.mark.parametrize("f", [*ALL, noisy(shifted(levy, 1), 0.5)], ids=repr)
def test_a_function_survives_pickling(f):
    copy = pickle.loads(pickle.dumps(f))
    assert copy.exact(copy.start) == f.exact(f.start)
    assert copy.label == f.label
    if f.any_dimension:
        assert copy.in_dimension(7).minimum == f.in_dimension(7).minimum


def test_saddle_starts_beside_the_axis_that_leads_to_the_saddle_point():
    for f in (saddle, monkey_saddle):
        assert 0 < abs(f.start[1]) < 0.1 * abs(f.start[0])


@pytest.mark.parametrize("f", ANY_DIMENSION, ids=repr)
@pytest.mark.parametrize("n", [2, 3, 8])
def test_in_dimension_gives_start_domain_and_minima_of_n_coordinates(f, n):
    g = f.in_dimension(n)
    assert (g.dimension, g.name, g.body) == (n, f.name, f.body)
    assert (g.start.shape, g.domain.shape, g.minima.shape[1]) == ((n,), (n, 2), n)
    assert g.start[:2].tolist() == f.start.tolist()
    np.testing.assert_allclose(f(g.minima), g.minimum)
    again = g.in_dimension(5).in_dimension(n)
    assert again.start.tolist() == g.start.tolist()


@pytest.mark.parametrize("f", [f for f in ANY_DIMENSION if f.smallest_dimension == 1], ids=repr)
def test_one_coordinate_is_enough_where_the_formula_allows_it(f):
    line = f.in_dimension(1)
    assert line(line.minima[0]) == line.minimum
    assert np.isfinite(grad(line)(line.start)).all()


# ------------------------------------------------------------------------------ quadratic


@pytest.mark.parametrize("n", [2, 3, 6])
@pytest.mark.parametrize("rotation", [0, 30, 90, -135])
def test_quadratic_has_geometric_eigenvalues_whatever_the_rotation(n, rotation):
    f = quadratic(condition=100, rotation=rotation, dimension=n)
    hessian = np.stack([grad(f)(1 + e) for e in np.eye(n)])
    np.testing.assert_allclose(np.linalg.eigvalsh(hessian), np.geomspace(1, 100, n), rtol=1e-12)
    inner = hessian[1:-1, 1:-1]
    assert np.array_equal(inner, np.diag(np.diag(inner)))  # only first and last are turned


def test_quadratic_turns_counterclockwise_by_degrees():
    flat_way = [1 + np.cos(np.pi / 6), 1 + np.sin(np.pi / 6)]
    assert quadratic(condition=100, rotation=30)(flat_way) == pytest.approx(0.5)


def test_quadratic_is_never_negative_even_when_ill_conditioned():
    f = quadratic(condition=1e12, rotation=33)
    along = np.outer(np.linspace(-3, 3, 101), [np.cos(np.deg2rad(33)), np.sin(np.deg2rad(33))])
    assert np.all(f(1 + along) >= 0)


# ------------------------------------------------------------------------ trap and plateau


def descend(f: Function, lr: np.ndarray, momentum: float, steps: int) -> np.ndarray:
    """Where heavy-ball descent (v ← μ v + g, θ ← θ − lr v) ends, one run for every lr."""
    theta = np.tile(f.start, (len(lr), 1))
    v = np.zeros_like(theta)
    slope = grad(lambda x: anp.sum(f(x)))
    for _ in range(steps):
        v = momentum * v + slope(theta)
        theta = theta - lr[:, np.newaxis] * v
    return theta


def test_gradient_descent_ends_in_the_trap_at_every_learning_rate_that_converges():
    end = descend(trap, np.geomspace(0.005, 0.248, 80), momentum=0, steps=800)
    np.testing.assert_allclose(end, np.tile([-1, 1], (80, 1)), atol=1e-2)


def test_gradient_descent_beyond_the_trapping_learning_rates_diverges():
    end = descend(trap, np.linspace(0.251, 0.26, 10), momentum=0, steps=1000)
    assert np.all(np.abs(end[:, 1] - 1) > 2)


def test_a_heavy_ball_rolls_through_the_trap_for_a_decade_of_learning_rates():
    end = descend(trap, np.geomspace(0.0135, 0.16, 80), momentum=0.9, steps=800)
    np.testing.assert_allclose(end, np.tile([2, 1], (80, 1)), atol=1e-2)


def test_a_heavy_ball_that_is_too_slow_stays_in_the_trap():
    end = descend(trap, np.geomspace(0.002, 0.0125, 20), momentum=0.9, steps=800)
    np.testing.assert_allclose(end, np.tile([-1, 1], (20, 1)), atol=1e-2)


def test_the_trap_is_a_worse_minimum_behind_a_barrier():
    assert np.abs(grad(trap)(np.array([-1.0, 1.0]))).max() == 0
    assert trap([-1, 1]) == pytest.approx(-5 / 12)
    assert trap([0, 1]) == 0  # the barrier
    assert trap([2, 1]) == trap.minimum == pytest.approx(-8 / 3)


def test_gradient_descent_crawls_on_the_plateau_at_every_learning_rate_that_converges():
    lr = np.geomspace(0.001, 0.249, 20)  # the curvature in the hole is 8: 0.25 is the limit
    assert np.all(plateau(descend(plateau, lr, momentum=0, steps=1000)) > 0.96)


def test_momentum_crosses_the_plateau():
    lr = np.array([0.1, 0.2, 0.24])
    assert np.all(plateau(descend(plateau, lr, momentum=0.9, steps=500)) < 1e-4)


# -------------------------------------------------------------------------------- shifted


@pytest.mark.parametrize("f", FUNCTIONS.values(), ids=repr)
def test_shifted_moves_minima_start_and_domain_and_keeps_the_values(f):
    by = np.array([0.5, -1.25])
    moved = shifted(f, by)
    x = points_in_domain(f, 20)
    np.testing.assert_array_equal(moved(x + by), f(x + by - by))
    np.testing.assert_array_equal(moved.minima, f.minima + by)
    np.testing.assert_array_equal(moved.start, f.start + by)
    np.testing.assert_array_equal(moved.domain, f.domain + by[:, np.newaxis])
    assert moved.minimum == f.minimum
    assert not moved.any_dimension


def test_shifted_by_a_number_keeps_any_dimension():
    moved = shifted(rosenbrock, 2)
    assert moved.in_dimension(4).minima.tolist() == [[3.0] * 4]
    assert moved([3, 3, 3]) == 0
    with pytest.raises(ValueError, match="2 or more"):
        moved.in_dimension(1)


def test_shifted_by_a_vector_has_its_dimension():
    moved = shifted(sphere, [1, 2, 3])
    assert moved.minima.tolist() == [[1, 2, 3]]
    with pytest.raises(ValueError, match="exactly 3 coordinates"):
        moved([1, 2])


def test_shifts_add_up():
    twice = shifted(shifted(beale, [1, 0]), [0.5, 2])
    assert twice.minima.tolist() == [[4.5, 2.5]]
    assert twice(twice.minima[0]) == 0


# ---------------------------------------------------------------------------------- noisy


def take(f, count):
    return np.array([f.noise(t) for t in range(1, count + 1)])


def test_the_noise_of_a_step_is_the_same_each_time_and_differs_with_the_seed():
    f = noisy(beale, sigma=1, seed=3)
    assert np.array_equal(take(f, 5), take(f, 5))
    assert not np.array_equal(take(f, 5), take(noisy(beale, sigma=1, seed=4), 5))
    assert take(f.in_dimension(2), 5).shape == (5, 2)
    assert take(noisy(sphere, 1).in_dimension(6), 5).shape == (5, 6)


def test_the_noise_is_standard_normal():
    noise = take(noisy(beale, sigma=9), 20_000)
    np.testing.assert_allclose(noise.mean(axis=0), 0, atol=0.03)
    np.testing.assert_allclose(np.cov(noise.T), np.eye(2), atol=0.03)


@pytest.mark.parametrize("f", [rosenbrock, himmelblau, ackley.in_dimension(4)], ids=repr)
def test_the_noisy_gradient_is_the_exact_one_plus_sigma_noise(f):
    g = noisy(f, sigma=0.3, seed=1)
    x = points_in_domain(f, 1)[0]
    for noise in take(g, 5):
        np.testing.assert_allclose(grad(g)(x, noise), grad(f)(x) + 0.3 * noise, rtol=1e-12)


def test_the_mean_of_the_noisy_gradient_is_the_exact_gradient():
    g = noisy(rosenbrock, sigma=0.5, seed=0)
    x = np.tile([0.5, -0.5], (20_000, 1))
    noisy_gradients = grad(lambda x: anp.sum(g(x, take(g, 20_000))))(x)
    exact = grad(rosenbrock)(x[0])
    np.testing.assert_allclose(noisy_gradients.mean(axis=0), exact, atol=5 * 0.5 / 20_000**0.5)
    np.testing.assert_allclose(noisy_gradients.std(axis=0), 0.5, rtol=0.03)


def test_a_plain_call_draws_fresh_noise_and_shares_it_among_the_points():
    f = noisy(sphere, sigma=1, seed=0)
    assert f([1, 2]) != f([1, 2])
    first, second = f([[1, 2], [1, 2]])
    assert first == second
    assert noisy(sphere, 1, seed=5)([1, 2]) == noisy(sphere, 1, seed=5)([1, 2])


def test_plain_calls_do_not_disturb_the_noise_of_the_steps():
    f = noisy(sphere, sigma=1, seed=0)
    before = take(f, 3)
    f([1, 2])
    assert np.array_equal(take(f, 3), before)


def test_the_exact_function_is_the_one_without_noise():
    assert noisy(beale, sigma=1).exact is beale
    assert noisy(beale, sigma=0)([1, 1]) == beale([1, 1])
    assert noisy(beale, 1).minimum == beale.minimum
    assert repr(noisy(beale, 1)) == "<Beale, noisy, 2-D>"


@pytest.mark.parametrize("by", [1.5, [1.5, -2]])
def test_shifting_and_noise_compose_both_ways(by):
    x, noise = np.array([0.3, 0.7]), np.array([1.0, -2.0])
    one, other = shifted(noisy(levy, 0.1, seed=2), by), noisy(shifted(levy, by), 0.1, seed=2)
    assert one(x, noise) == noisy(levy, 0.1)(x - by, noise)
    assert one.exact(x) == other.exact(x) == levy(x - by)
    np.testing.assert_allclose(grad(one)(x, noise), grad(other)(x, noise), rtol=1e-12)
    assert np.array_equal(take(one, 4), take(other, 4))
    assert one.minima.tolist() == other.minima.tolist() == shifted(levy, by).minima.tolist()
    assert one.any_dimension == other.any_dimension == np.isscalar(by)
    if one.any_dimension:
        assert one.in_dimension(3).exact.minima.tolist() == [[2.5] * 3]


# ------------------------------------------------------------------------------- describe


def test_describe_makes_a_function_of_your_own():
    @describe(
        "Bowl",
        "(x - 1)^2",
        domain=[(-2, 2)],
        start=[-1],
        minima=[[1]],
        source="2026",
        from_dimension=1,
    )
    def bowl(x):
        """A bowl."""
        return anp.sum((x - 1) ** 2, axis=-1)

    assert (bowl.label, bowl.summary, bowl.minimum) == ("bowl", "A bowl.", 0)
    assert bowl.in_dimension(3).minima.tolist() == [[1, 1, 1]]


# --------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("f", "x", "says"),
    [
        (beale, [1, 2, 3], r"x must have exactly 2 coordinates .* Beale, got shape \(3,\)"),
        (beale, 1.0, r"exactly 2 coordinates .* got shape \(\)"),
        (beale, np.zeros((2, 5)), r"got shape \(2, 5\)"),
        (rosenbrock, [1], r"2 or more coordinates .* Rosenbrock, got shape \(1,\)"),
        (sphere, [], r"1 or more coordinates .* got shape \(0,\)"),
        (noisy(beale, 1), [1, 2, 3], r"exactly 2 coordinates"),
    ],
)
def test_the_wrong_number_of_coordinates_is_a_clear_error(f, x, says):
    with pytest.raises(ValueError, match=says):
        f(x)


def test_the_wrong_number_of_coordinates_is_noticed_under_autograd():
    with pytest.raises(ValueError, match="exactly 2 coordinates"):
        grad(beale)(np.zeros(3))


@pytest.mark.parametrize("x", ["ab", None, [1, None], ["1", "2"], [1j, 2], [[1], [1, 2]], {}])
def test_a_point_that_is_no_array_of_real_numbers_is_a_type_error(x):
    with pytest.raises(TypeError, match=r"x must be .* got"):
        sphere(x)


@pytest.mark.parametrize(
    ("f", "n", "error", "says"),
    [
        (beale, 3, ValueError, "n must fit: Beale takes exactly 2 coordinates, got 3"),
        (rosenbrock, 1, ValueError, "2 or more coordinates, got 1"),
        (sphere, 0, ValueError, "n must be a whole number"),
        (sphere, 2.0, TypeError, "n must be a whole number"),
        (sphere, "2", TypeError, "n must be a whole number"),
        (sphere, True, TypeError, "n must be a whole number"),
    ],
)
def test_in_dimension_refuses_what_cannot_be(f, n, error, says):
    with pytest.raises(error, match=says):
        f.in_dimension(n)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"condition": 0.5}, ValueError, "condition .* >= 1, got 0.5"),
        ({"condition": -3}, ValueError, "condition .* >= 1, got -3"),
        ({"condition": np.nan}, ValueError, "condition .* finite .* got nan"),
        ({"condition": np.inf}, ValueError, "condition .* finite .* got inf"),
        ({"condition": "10"}, TypeError, "condition .* got '10'"),
        ({"condition": [10]}, TypeError, "condition"),
        ({"rotation": np.inf}, ValueError, "rotation .* finite .* got inf"),
        ({"rotation": None}, TypeError, "rotation .* got None"),
        ({"dimension": 1}, ValueError, "dimension .* >= 2, got 1"),
        ({"dimension": 2.5}, TypeError, "dimension .* whole number .* got 2.5"),
    ],
)
def test_quadratic_refuses_bad_arguments_by_name(arguments, error, says):
    with pytest.raises(error, match=says):
        quadratic(**arguments)


@pytest.mark.parametrize(
    ("f", "by", "error", "says"),
    [
        (beale, [1, 2, 3], ValueError, r"by must be .* exactly 2 coordinates .* got shape \(3,\)"),
        (rosenbrock, [1], ValueError, r"by must be .* 2 or more .* got shape \(1,\)"),
        (sphere, [[1, 2]], ValueError, r"by must be .* got shape \(1, 2\)"),
        (beale, [1, np.nan], ValueError, "by must be finite, got"),
        (beale, np.inf, ValueError, "by must be finite, got inf"),
        (beale, "1", TypeError, "by must be made of real numbers, got '1'"),
        (beale, None, TypeError, "by must be made of real numbers, got None"),
        (lambda x: x, 1, TypeError, "function must be a Function, .* got"),
    ],
)
def test_shifted_refuses_bad_arguments_by_name(f, by, error, says):
    with pytest.raises(error, match=says):
        shifted(f, by)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"sigma": -1}, ValueError, "sigma .* >= 0, got -1"),
        ({"sigma": np.nan}, ValueError, "sigma .* finite .* got nan"),
        ({"sigma": np.inf}, ValueError, "sigma .* finite .* got inf"),
        ({"sigma": "1"}, TypeError, "sigma .* got '1'"),
        ({"sigma": None}, TypeError, "sigma .* got None"),
        ({"sigma": 1, "seed": -1}, ValueError, "seed .* >= 0, got -1"),
        ({"sigma": 1, "seed": 0.5}, TypeError, "seed .* whole number .* got 0.5"),
        ({"sigma": 1, "seed": None}, TypeError, "seed .* whole number .* got None"),
        ({"sigma": 1, "function": "beale"}, TypeError, "function must be a Function, .* 'beale'"),
        ({"sigma": 1, "function": noisy(beale, 1)}, TypeError, "without noise, .* noisy"),
    ],
)
def test_noisy_refuses_bad_arguments_by_name(arguments, error, says):
    with pytest.raises(error, match=says):
        noisy(**{"function": beale, **arguments})


@pytest.mark.parametrize(
    ("noise", "error", "says"),
    [
        ([1, 2, 3], ValueError, r"noise must have 2 coordinates, .* got shape \(3,\)"),
        (1.0, ValueError, r"noise must have 2 coordinates, .* got shape \(\)"),
        ("ab", TypeError, "noise must be made of real numbers, got 'ab'"),
    ],
)
def test_noise_of_the_wrong_kind_is_a_clear_error(noise, error, says):
    with pytest.raises(error, match=says):
        noisy(beale, 1)([1, 2], noise)
