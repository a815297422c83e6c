"""Landscapes of many weights, held to what is known exactly of quadratics and double wells."""

import logging
from functools import partial

import autograd.numpy as np
import numpy
import pytest

from optimizers import SGD, Adam, AdamW, Momentum, RMSProp, Training, batched, compare
from optimizers.datasets import Dataset, minibatches, two_moons
from optimizers.experiments import (
    gradient_noise,
    line,
    plane,
    sharpness,
    spectrum,
    teacher,
)
from optimizers.experiments.landscape.curvature import FEW, Largest
from optimizers.functions import noisy, quadratic, rosenbrock
from optimizers.models import mlp, regression
from optimizers.plotting import (
    plot_gradient_noise,
    plot_line,
    plot_noise_scale,
    plot_plane,
    plot_sharpness,
    plot_spectrum,
)
from optimizers.trajectory import Trajectory, as_runs
from optimizers.weights import flatten

QUIET = {"progress": False}


def symmetric(size, seed=0, lowest=-1.0):
    """A symmetric matrix and its eigenvalues, the largest first."""
    rng = numpy.random.default_rng(seed)
    rotation, _ = numpy.linalg.qr(rng.standard_normal((size, size)))
    values = numpy.sort(rng.uniform(lowest, 4.0, size))[::-1]
    return rotation * values @ rotation.T, values


def bowl(hessian):
    """½ xᵀ H x, for one vector or many."""

    @batched
    def loss(x):
        return 0.5 * np.sum(x @ hessian * x, axis=-1)

    return loss


def two_hollows(w):
    """Minima at ±1 along the first weight; between them the loss rises to 1."""
    return (w[0] ** 2 - 1) ** 2 + np.sum(w[1:] ** 2)


@pytest.fixture(scope="module")
def moons():
    return Training(mlp([2, 6, 2], activation="tanh"), two_moons(n=60), batch_size=15)


@pytest.fixture(scope="module")
def paths(moons):
    return {
        rule.__name__: rule(moons, moons.start, lr=lr).minimize(40)
        for rule, lr in ((SGD, 0.5), (Adam, 0.05))
    }


# ------------------------------------------------------------------------------------ the plane


def test_a_plane_through_paths_in_two_weights_holds_them_whole():
    all_paths = {
        "SGD": SGD(rosenbrock, [-1.5, 2.0], lr=0.001).minimize(60),
        "Adam": Adam(rosenbrock, [-1.5, 2.0], lr=0.05).minimize(200),
    }
    found = plane(rosenbrock, all_paths, resolution=5, **QUIET)
    for label, path in all_paths.items():
        assert numpy.allclose(found.weights(found.coordinates(path.theta)), path.theta, atol=1e-9)
        held = found.held[label]
        assert held.variance == pytest.approx(1)
        assert held.length == pytest.approx(1)
        assert held.nearest == pytest.approx(held.loss)


def test_the_directions_are_those_of_principal_components_around_the_end(moons, paths):
    path = paths["Adam"]
    found = plane(moons, path, resolution=3, **QUIET)
    away = path.theta - path.theta[-1]
    values, vectors = numpy.linalg.eigh(away.T @ away)
    assert numpy.allclose(
        numpy.abs(found.directions @ vectors[:, [-1, -2]]), numpy.eye(2), atol=1e-6
    )
    assert found.held["Adam"].variance == pytest.approx(values[-2:].sum() / values.sum())
    assert numpy.array_equal(found.origin, path.theta[-1])


def test_all_paths_count_the_same_however_many_rows_were_kept(moons, paths):
    sparse = SGD(moons, moons.start, lr=0.5).minimize(40, every=5)
    dense = plane(moons, paths, resolution=2, **QUIET)
    thinned = plane(moons, {"SGD": sparse, "Adam": paths["Adam"]}, resolution=2, **QUIET)
    assert numpy.abs(numpy.sum(dense.directions * thinned.directions, axis=1)).min() > 0.97


def test_the_share_of_the_length_is_that_of_the_shadow():
    steps = numpy.array([[3.0, 4.0, 12.0]])
    path = SGD(lambda w: np.sum(w * steps[0]), [0.0, 0.0, 0.0], lr=1.0).minimize(1)
    found = plane(
        lambda w: np.sum(w),
        path,
        through=[[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
        resolution=2,
        **QUIET,
    )
    assert found.held["SGD"].length == pytest.approx(5 / 13)


def test_the_losses_are_those_at_each_point_on_both_parts_of_the_data(moons, paths):
    found = plane(moons, paths, resolution=4, **QUIET)
    assert found.loss.shape == found.held_out.shape == (4, 4)
    for i, y in enumerate(found.y):
        for j, x in enumerate(found.x):
            theta = found.origin + x * found.directions[0] + y * found.directions[1]
            weights = paths["SGD"].layout.unflatten(theta)
            assert found.loss[i, j] == pytest.approx(moons(weights), rel=1e-9)
            assert found.held_out[i, j] == pytest.approx(moons.exact(theta), rel=1e-9)


def test_each_row_is_one_call():
    calls = []

    @batched
    def loss(x):
        calls.append(x.shape)
        return np.sum(x**2, axis=-1)

    plane(loss, around=[1.0, 2.0, 3.0], resolution=7, **QUIET)
    assert calls.count((7, 3)) == 7


def test_losses_for_one_vector_and_not_for_many_are_drawn_as_well():
    def loss(w):
        return float(w[0]) ** 2 if w[1] > 0 else float(w[2]) ** 2 + 1

    found = plane(loss, through=numpy.eye(3), resolution=3, **QUIET)
    expected = [
        [loss(theta) for theta in row]
        for row in found.weights(numpy.stack(numpy.meshgrid(found.x, found.y), axis=-1))
    ]
    assert numpy.allclose(found.loss, expected)


def test_a_plane_through_three_solutions_goes_through_them():
    a, b, c = numpy.random.default_rng(0).standard_normal((3, 5))
    found = plane(bowl(numpy.eye(5)), through={"a": a, "b": b, "c": c}, resolution=3, **QUIET)
    at = found.coordinates(numpy.stack([a, b, c]))
    assert numpy.allclose(found.weights(at), [a, b, c])
    assert numpy.allclose(at[:2], [[0, 0], [numpy.linalg.norm(b - a), 0]], atol=1e-12)
    assert numpy.allclose(found.directions @ found.directions.T, numpy.eye(2))
    assert found.x[0] < at[:, 0].min() < at[:, 0].max() < found.x[-1]


def test_random_directions_are_as_long_as_each_filter_or_layer(moons):
    weights = moons.model.init(3)
    theta, layout = flatten(weights)
    for normalised, axis in (("filter", 0), ("layer", None)):
        found = plane(moons, around=weights, normalised=normalised, resolution=2, **QUIET)
        for direction in found.directions:
            drawn = layout.unflatten(direction)
            for layer, parts in weights.items():
                long = numpy.linalg.norm(parts["kernel"], axis=axis)
                assert numpy.allclose(numpy.linalg.norm(drawn[layer]["kernel"], axis=axis), long)
                assert not drawn[layer]["bias"].any()
        assert numpy.array_equal(found.origin, theta)
        assert (found.x[0], found.x[-1]) == (-1, 1)
    again = plane(moons, around=theta, normalised="layer", resolution=2, **QUIET)
    other = plane(moons, around=theta, normalised="layer", seed=1, resolution=2, **QUIET)
    assert numpy.array_equal(found.directions, again.directions)
    assert not numpy.array_equal(found.directions, other.directions)


def test_a_straight_path_lies_in_a_plane():
    path = SGD(bowl(numpy.eye(3)), [1.0, 2.0, 3.0], lr=0.1).minimize(5)
    found = plane(bowl(numpy.eye(3)), path, resolution=2, **QUIET)
    assert numpy.allclose(found.directions @ found.directions.T, numpy.eye(2))
    assert found.held["SGD"].variance == pytest.approx(1)


def test_runs_that_diverged_do_not_move_the_plane(moons):
    fine = SGD(rosenbrock, [-1.0, 1.0, 0.5], lr=0.001).minimize(30)
    gone = SGD(rosenbrock, [-1.0, 1.0, 0.5], lr=1.0).minimize(30)
    assert gone.diverged
    alone = plane(rosenbrock, fine, resolution=2, **QUIET)
    both = plane(rosenbrock, {"SGD": fine, "too fast": gone}, resolution=2, **QUIET)
    assert numpy.array_equal(alone.directions, both.directions)
    assert list(both.held) == ["SGD"]
    plot_plane(both).get_figure().canvas.draw()
    beside = as_runs([SGD(rosenbrock, [-1.0, 1.0, 0.5], lr=lr).minimize(30) for lr in (0.001, 1.0)])
    assert numpy.allclose(
        plane(rosenbrock, beside, resolution=2, **QUIET).directions, alone.directions
    )
    with pytest.raises(ValueError, match="all paths diverged"):
        plane(rosenbrock, gone)


def test_of_a_race_the_paths_are_seen():
    race = compare(
        [SGD, Adam],
        quadratic(condition=5).in_dimension(3),
        steps=30,
        lr=[0.01, 0.1],
        seeds=2,
        **QUIET,
    )
    found = plane(quadratic(condition=5), race, resolution=2, **QUIET)
    assert list(found.paths) == list(race.once)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({}, "say where it lies"),
        ({"through": numpy.eye(3), "around": [1.0, 0.0, 0.0]}, "not both"),
        ({"through": numpy.eye(3)[:2]}, "must be three weights"),
        ({"through": [[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]}, "do not lie on one line"),
        ({"around": [0.0, 0.0]}, "normalised by the weights"),
        ({"around": [1.0]}, "a single weight spans no plane"),
        ({"around": [1.0, 1.0], "normalised": "weight"}, '"filter" or "layer"'),
        ({"around": [1.0, 1.0], "domain": [(0, 1)]}, "two pairs"),
        ({"around": [1.0, numpy.nan]}, "finite"),
        ({"paths": {}}, "paths is empty"),
    ],
)
def test_a_plane_that_cannot_be_laid_is_refused(arguments, what):
    with pytest.raises(ValueError, match=what):
        plane(bowl(numpy.eye(2)) if "paths" not in arguments else rosenbrock, **arguments)


def test_what_is_no_path_is_refused(moons, paths):
    with pytest.raises(TypeError, match="must be a Trajectory"):
        plane(moons, [1, 2, 3])
    with pytest.raises(ValueError, match="must be of the same weights"):
        plane(moons, {**paths, "other": SGD(rosenbrock, [1.0, 2.0]).minimize(1)})


# ------------------------------------------------------------------------------------ curvature


@pytest.mark.parametrize("size", [6, FEW + 20])
def test_a_spectrum_has_the_eigenvalues_of_the_hessian(size):
    hessian, values = symmetric(size)
    found = spectrum(bowl(hessian), numpy.zeros(size))
    assert numpy.allclose(found.eigenvalues, values, atol=1e-12)
    assert found.is_whole
    largest = spectrum(bowl(hessian), numpy.zeros(size), count=3)
    assert numpy.allclose(largest.eigenvalues, values[:3], rtol=1e-6)
    assert not largest.is_whole
    assert spectrum(bowl(hessian - 5 * numpy.eye(size)), numpy.zeros(size)).condition is None
    hessian, values = symmetric(size, lowest=0.5)
    condition = spectrum(bowl(hessian), numpy.zeros(size)).condition
    assert condition == pytest.approx(values[0] / values[-1])


def test_the_largest_of_many_take_far_fewer_products_than_weights():
    hessian, _ = symmetric(300, lowest=0.0)
    hessian, products = hessian + 10 * numpy.outer(*[hessian[0] / 2] * 2), []

    def times(v):
        products.append(v)
        return hessian @ v

    found = Largest(300, 1)(times)
    assert found[0] == pytest.approx(numpy.linalg.eigvalsh(hessian)[-1], rel=1e-6)
    assert len(products) < 100


def test_of_a_training_the_curvature_is_that_of_all_its_data():
    problem = teacher([5, 3], condition=40)
    for batch_size in (None, 10):
        given = teacher([5, 3], condition=40, batch_size=batch_size)
        found = spectrum(given)
        x = given.data.train[0]
        moments = numpy.linalg.eigvalsh(x.T @ x / len(x))[::-1]
        assert numpy.allclose(found.eigenvalues, numpy.repeat(moments, 3))
        assert found.condition == pytest.approx(40)
        assert found.problem.noun == "training loss"
        assert found.problem.name == problem.name


def test_a_linear_loss_is_not_curved():
    assert spectrum(lambda w: np.sum(w), [1.0, 2.0]).eigenvalues.tolist() == [0, 0]


def test_along_a_path_the_sharpness_is_the_largest_eigenvalue_at_each_step():
    path = SGD(rosenbrock, [-1.2, 1.0], lr=0.001).minimize(30)
    found = sharpness(rosenbrock, path, points=7, **QUIET)
    assert found.step.tolist() == [0, 5, 10, 15, 20, 25, 30]
    for step, value in zip(found.step, found.sharpness, strict=True):
        x, y = path.theta[step]
        hessian = [[1200 * x**2 - 400 * y + 2, -400 * x], [-400 * x, 200]]
        assert value == pytest.approx(numpy.linalg.eigvalsh(hessian)[-1])
    assert found.preconditioned is None


@pytest.mark.parametrize(
    ("rule", "numerator"),
    [
        (SGD, 2),
        (partial(Momentum, momentum=0.5), 3),
        (partial(Momentum, momentum=0.5, nesterov=True), 1.5),
    ],
)
def test_just_below_the_threshold_steps_shrink_and_just_above_they_grow(rule, numerator):
    hessian, values = symmetric(4, lowest=0.5)
    for share, grows in ((0.98, False), (1.02, True)):
        lr = share * numerator / values[0]
        path = rule(bowl(hessian), numpy.ones(4), lr=lr).minimize(2000)
        found = sharpness(bowl(hessian), path, points=3, **QUIET)
        assert found.share == pytest.approx(share)
        assert found.threshold == pytest.approx(numerator / lr)
        assert (path.diverged or path.loss[-1] > path.loss[0]) == grows


def test_adam_has_its_threshold_for_the_hessian_divided_by_its_root():
    hessian, _ = symmetric(4, lowest=0.5)
    path = Adam(bowl(hessian), numpy.ones(4), lr=0.01).minimize(50, watch=("v_hat",))
    found = sharpness(bowl(hessian), path, points=100, **QUIET)
    assert found.step[0] == 1  # before, there is no v
    assert found.threshold == pytest.approx(38 / 0.01)
    for row, step in enumerate(found.step):
        divisor = (numpy.sqrt(path["v_hat"][step]) + 1e-8) * (1 - 0.9**step)
        values = numpy.linalg.eigvals(hessian / divisor[:, numpy.newaxis])
        assert found.preconditioned[row, 0] == pytest.approx(values.real.max())
    rms = RMSProp(bowl(hessian), numpy.ones(4), lr=0.01).minimize(20, watch=("v",))
    assert sharpness(bowl(hessian), rms, **QUIET).threshold == pytest.approx(200)


def test_frozen_adam_grows_just_above_38_over_its_rate():
    curvature = 7.0
    for share, grows in ((0.98, False), (1.02, True)):
        lr = share * 38 / curvature
        m, x = 0.0, 1.0
        for _ in range(3000):  # its momentum alone, with P = 1
            m = 0.9 * m + 0.1 * curvature * x
            x -= lr * m
        assert (abs(x) > 1) == grows


def test_a_schedule_makes_a_threshold_for_each_step():
    path = SGD(rosenbrock, [-1.2, 1.0], lr=lambda t: 0.001 / t).minimize(4)
    found = sharpness(rosenbrock, path, points=10, **QUIET)
    assert found.threshold.round(6).tolist() == [2000, 2000, 4000, 6000, 8000]


def test_of_rules_that_nobody_knows_no_threshold_is_claimed():
    path = AdamW(rosenbrock, [-1.2, 1.0], lr=0.01).minimize(10)
    found = sharpness(rosenbrock, path, **QUIET)
    assert found.threshold is found.preconditioned is found.share is None
    assert plot_sharpness(found).get_title("left").startswith("AdamW: the sharpness goes from")


def test_only_steps_that_see_a_part_of_the_data_saw_mini_batches():
    def told(batch_size):
        moons = Training(mlp([2, 3, 2]), two_moons(30), batch_size=batch_size)
        path = SGD(moons, moons.start, lr=0.1).minimize(4)
        ax = sharpness(moons, path, count=1, **QUIET).plot()
        return " ".join(text.get_text() for text in ax.figure.texts)

    assert "mini-batches" in told(10)
    assert "mini-batches" not in told(len(two_moons(30).train[0]))


def test_a_path_made_elsewhere_has_a_sharpness_and_no_threshold():
    path = Trajectory.of([[-1.0, 1.0], [0.5, 0.5]], rosenbrock, "Adam")
    found = sharpness(rosenbrock, path, **QUIET)
    assert found.sharpness[1] == pytest.approx(numpy.linalg.eigvalsh([[102, -200], [-200, 200]])[1])
    assert found.threshold is None


def test_gradient_descent_on_a_network_ends_at_the_edge_of_stability():
    x, y = two_moons(20, seed=1).train
    x, y = np.column_stack([x, np.ones(20)]), (2.0 * y - 1)[:, np.newaxis]
    model = regression([3, 32, 32, 1])
    start = model.init(0, "xavier")

    def network(weights):
        return model.loss(weights, (x, y))

    path = SGD(network, start, lr=0.2).minimize(1500)
    found = sharpness(network, path, points=30, **QUIET)
    late = found.share[-8:]
    assert found.share[0] < 0.7
    assert 0.85 < numpy.median(late) < 1.15
    assert path.loss[-1] < 0.1 * path.loss[0]
    title = plot_sharpness(found).get_title("left")
    assert title == "SGD: the sharpness rises to the edge of stability and hovers there"


def test_sharpness_says_what_it_needs():
    path = Adam(rosenbrock, [-1.2, 1.0]).minimize(3)
    with pytest.raises(ValueError, match=r"watch=\('v_hat',\)"):
        sharpness(rosenbrock, path)
    with pytest.raises(TypeError, match="must be a Trajectory"):
        sharpness(rosenbrock, [1.0, 2.0])
    with pytest.raises(ValueError, match="a single run, got 2 side by side"):
        sharpness(rosenbrock, SGD(rosenbrock, numpy.ones((2, 2))).minimize(2))
    with pytest.raises(ValueError, match="count must be at most the number of weights, 2"):
        sharpness(rosenbrock, SGD(rosenbrock, [1.0, 2.0]).minimize(2), count=3)
    with pytest.raises(ValueError, match="give count"):
        spectrum(lambda w: np.sum(w**2), numpy.ones(3000))
    with pytest.raises(ValueError, match="not finite"):
        spectrum(lambda w: np.sum(np.sqrt(w)), numpy.zeros(2))


# --------------------------------------------------------------------------- noise of the gradient


def linear(n=40, seed=0):
    """A linear regression whose gradients are known: x (x·w − y) for each example."""
    rng = numpy.random.default_rng(seed)
    x, y = rng.standard_normal((n, 3)), rng.standard_normal((n, 1))
    training = Training(regression([3, 1]), Dataset("line", (x, y), (x, y)), batch_size=4)
    w = numpy.array([1.0, -2.0, 0.5])
    return training, w, x * (x @ w[:, numpy.newaxis] - y)


def test_the_noise_scale_of_a_linear_regression_is_that_of_the_formula():
    training, w, each = linear()
    found = gradient_noise(training, w, count=50, **QUIET)
    whole = each.mean(axis=0)
    trace = ((each - whole) ** 2).sum(axis=1).mean()
    assert numpy.allclose(found.gradient, whole)
    assert found.trace == pytest.approx(trace)
    assert found.noise_scale == pytest.approx(trace / (whole @ whole))
    assert found.noise_scale_error == pytest.approx(0, abs=1e-12)


def test_the_noise_of_larger_batches_is_as_expected_without_repetition():
    training, w, _ = linear()
    found = gradient_noise(training, w, count=2000, **QUIET)
    assert found.batch_sizes.tolist() == [1, 2, 4, 8, 16, 32]
    off = (found.power - found.expected(found.batch_sizes)) / numpy.maximum(found.error, 1e-12)
    assert numpy.abs(off).max() < 4
    assert found.expected([40]) == pytest.approx(0)


def test_without_single_examples_the_smallest_batches_tell_the_noise_scale_nearly():
    training, w, each = linear()
    found = gradient_noise(training, w, count=1500, batch_sizes=[8, 4], **QUIET)
    whole = each.mean(axis=0)
    exact = ((each - whole) ** 2).sum(axis=1).mean() / (whole @ whole)
    assert 0 < found.noise_scale_error < 0.1 * exact
    assert abs(found.noise_scale - exact) < 4 * found.noise_scale_error


def test_the_cloud_is_made_of_the_batches_of_the_training():
    training, w, each = linear()
    found = gradient_noise(training, w, count=6, seed=2, **QUIET)
    rows = minibatches((numpy.arange(40),), 4, 2)
    for t, g in enumerate(found.cloud, 1):
        assert numpy.allclose(g, each[rows.at(t)[0]].mean(axis=0))
    assert found.batch_size == 4
    whole = each.mean(axis=0)
    assert found.downhill == numpy.mean([g @ whole > 0 for g in found.cloud])


def test_noise_that_is_not_that_of_batches_has_a_cloud_and_no_scale():
    function = noisy(rosenbrock, sigma=2.0)
    found = gradient_noise(function, [-1.5, 2.0], count=5, **QUIET)
    for t, g in enumerate(found.cloud, 1):
        assert numpy.allclose(g, found.gradient + 2.0 * function.noise(t))
    assert found.noise_scale is found.trace is found.examples is found.batch_size is None


def test_where_there_is_no_noise_that_is_said():
    for given, what in (
        (rosenbrock, "neither batches nor noise"),
        (teacher([3, 2]), "sees all 500 examples"),
    ):
        with pytest.raises(ValueError, match=what):
            gradient_noise(given)
    training, w, _ = linear()
    with pytest.raises(ValueError, match="below the number of examples, 40"):
        gradient_noise(training, w, batch_sizes=[40])
    with pytest.raises(TypeError, match="whole numbers such as"):
        gradient_noise(training, w, batch_sizes=8)
    with pytest.raises(ValueError, match="no examples to make batches of"):
        gradient_noise(noisy(rosenbrock, 1.0), batch_sizes=[1])


def test_at_a_minimum_all_is_noise():
    training, _, _ = linear()
    (x, y), _ = training.data.train, training.data.held_out
    best = numpy.linalg.lstsq(x, y, rcond=None)[0][:, 0]
    found = gradient_noise(training, best, count=5, **QUIET)
    assert found.noise_scale > 1e20
    exact = teacher([3, 2], batch_size=10)
    at_minimum = gradient_noise(exact, exact.solution, count=5, **QUIET)
    assert at_minimum.noise_scale == numpy.inf
    with pytest.raises(ValueError, match="is 0 there"):
        plot_gradient_noise(at_minimum)
    with pytest.raises(ValueError, match="is 0 there"):
        plot_noise_scale(at_minimum)


# ------------------------------------------------------------------------------------- the line


def test_the_barrier_of_a_double_well_is_its_height():
    found = line(two_hollows, [-1.0, 0.0, 0.0], [1.0, 0.0, 0.0])
    assert found.barrier == pytest.approx(1)
    x = 2 * found.x - 1
    assert numpy.allclose(found.loss, (x**2 - 1) ** 2)
    assert {0.0, 1.0} <= set(found.x)
    assert found.x[0] == pytest.approx(-0.25, abs=0.01)


def test_the_barrier_is_measured_from_the_straight_line_between_the_ends():
    found = line(lambda w: two_hollows(w) + 0.3 * w[0], [-1.0, 0.0], [1.0, 0.0])
    assert found.barrier == pytest.approx(1)
    tilted = line(lambda w: 3 * w[0] + w[1], [-1.0, 2.0], [1.0, 0.0])
    assert tilted.barrier == 0  # but for rounding


def test_a_convex_loss_has_no_barrier(moons):
    hessian, _ = symmetric(5, lowest=0.1)
    a, b = numpy.random.default_rng(1).standard_normal((2, 5))
    assert line(bowl(hessian), a, b).barrier == 0


def test_where_the_loss_is_not_finite_no_barrier_is_claimed():
    found = line(lambda w: np.sum(1 / w), [1.0, 1.0], [-1.0, -1.0])
    assert found.barrier is None
    assert "not finite" in plot_line(found).get_title("left")


def test_a_line_has_training_and_held_out_loss(moons, paths):
    found = line(moons, moons.start, paths["Adam"].theta[-1], points=9)
    first = numpy.flatnonzero(found.x == 0)[0]
    assert found.loss[first] == pytest.approx(moons(moons.start))
    assert found.held_out[first] == pytest.approx(moons.exact(flatten(moons.start)[0]))
    same = line(moons, moons.start, paths["Adam"].weights(), points=9)
    assert numpy.array_equal(found.loss, same.loss)


def test_down_the_gradient_of_a_bowl_the_loss_is_its_parabola():
    hessian, _ = symmetric(4, lowest=0.5)
    theta = numpy.array([1.0, -1.0, 2.0, 0.5])
    found = line(bowl(hessian), theta, points=301)
    g = hessian @ theta
    assert numpy.allclose(found.direction, -g)
    assert found.slope == pytest.approx(-g @ g)
    assert found.curvature == pytest.approx(g @ hessian @ g)
    assert numpy.allclose(found.loss, found.parabola)
    assert found.x[numpy.argmin(found.loss)] == pytest.approx(g @ g / (g @ hessian @ g))
    assert found.barrier is None
    assert line(bowl(hessian), theta, reach=0.5).x[-1] == 0.5


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (([1.0, 0.0], [1.0, 0.0]), "the same weights"),
        (([1.0, 0.0],), "the gradient at start is 0"),
        (([0.1, 0.0],), "give reach"),
        (([1.0, 0.0, 1.0], [1.0, 0.0]), "end must be shaped like the weights"),
    ],
)
def test_a_line_that_leads_nowhere_is_refused(arguments, what):
    with pytest.raises(ValueError, match=what):
        line(two_hollows, *arguments)


def test_reach_belongs_to_the_gradient():
    with pytest.raises(ValueError, match="reach is for a line along the gradient"):
        line(two_hollows, [1.0, 0.0], [0.0, 0.0], reach=1.0)


# ----------------------------------------------------------------------------------- the pictures


def test_every_picture_is_drawn_and_says_what_it_shows(moons, paths, caplog):
    noise = gradient_noise(moons, count=20, **QUIET)
    pictures = {
        "SGD and Adam in one plane": plane(moons, paths, resolution=9, **QUIET).plot(),
        "the path's variance": plane(moons, paths["SGD"], resolution=9, **QUIET).plot(),
        "normalised by filter": plane(moons, around=moons.start, resolution=9, **QUIET).plot(),
        "The plane through 1, 2 and 3": plane(
            bowl(numpy.eye(4)), through=numpy.eye(4)[:3], resolution=9, **QUIET
        ).plot(),
        "A barrier of 1 between": line(two_hollows, [-1.0, 0.0], [1.0, 0.0]).plot(),
        "No barrier": line(two_hollows, [1.0, 1.0], [1.0, 0.0]).plot(),
        "lowest at a step of": line(moons).plot(),
        "on batches of 15 lead downhill": noise.plot(),
        "The noise scale is": noise.plot_scale(),
        "on noisy gradients lead": gradient_noise(noisy(rosenbrock, 50.0), **QUIET).plot(),
        "of 32 curvatures are": spectrum(moons).plot(),
        "of the largest 3 curvatures": spectrum(moons, count=3).plot(),
    }
    with caplog.at_level(logging.WARNING):
        for words, ax in pictures.items():
            ax.get_figure(root=True).canvas.draw()
            assert words in ax.get_title("left").replace("\n", " ")
    assert not caplog.records
    told = plane(moons, paths, resolution=9, **QUIET).plot().get_figure().get_supxlabel()
    assert "What lies off the plane is not seen" in told.replace("\n", " ")


def test_held_out_losses_are_drawn_where_there_are_any(moons, paths):
    found = plane(moons, paths, resolution=9, **QUIET)
    told = found.plot(held_out=True).get_figure().get_supxlabel().replace("\n", " ")
    assert "held-out loss, from" in told
    with pytest.raises(ValueError, match="has no held-out data"):
        plane(bowl(numpy.eye(2)), around=[1.0, 2.0], resolution=3, **QUIET).plot(held_out=True)


def test_a_picture_goes_into_the_axes_that_are_given(moons, paths):
    from matplotlib import pyplot

    _, axes = pyplot.subplots(1, 6, figsize=(30, 5))
    noise = gradient_noise(moons, count=10, **QUIET)
    path = SGD(rosenbrock, [-1.2, 1.0], lr=0.001).minimize(9)
    drawn = [
        plane(moons, paths, resolution=5, **QUIET).plot(axes[0]),
        line(moons).plot(axes[1]),
        sharpness(rosenbrock, path, count=2, **QUIET).plot(axes[2]),
        spectrum(moons).plot(axes[3]),
        noise.plot(axes[4]),
        noise.plot_scale(axes[5]),
    ]
    assert drawn == list(axes)


def test_what_is_no_result_is_not_drawn():
    for helper in (
        plot_plane,
        plot_line,
        plot_sharpness,
        plot_spectrum,
        plot_gradient_noise,
        plot_noise_scale,
    ):
        with pytest.raises(TypeError, match="must be what"):
            helper([1, 2, 3])
