"""The value and the gradient of a loss, in one pass, are autograd's own."""

import autograd.numpy as np
import numpy
import pytest
from autograd import grad, hessian

from optimizers import SGD, Adam
from optimizers.functions import FUNCTIONS, rosenbrock, shifted, sphere
from optimizers.gradients import Gradient
from optimizers.problem import as_problem, pure
from optimizers.weights import flatten


def gradient_of(loss, weights):
    problem = as_problem(loss)
    flat, layout = flatten(weights, runs=problem.batched)
    return Gradient(problem, layout), flat


def test_value_and_gradient_are_those_of_autograd_bit_for_bit():
    gradient, theta = gradient_of(rosenbrock, [-1.5, 2.0])
    value, g = gradient(theta)
    assert value == rosenbrock(theta)
    assert np.array_equal(g, grad(rosenbrock)(theta))


def test_nested_weights_get_a_flat_gradient_in_the_order_of_the_layout():
    gradient, theta = gradient_of(lambda w: np.sum(w["a"] ** 2) + 3 * w["b"], {"a": [1, 2], "b": 5})
    value, g = gradient(theta)
    assert value == 20
    assert g.tolist() == [2, 4, 3]


def test_the_loss_is_called_once_for_value_and_gradient():
    calls = []

    def loss(x):
        calls.append(x)
        return np.sum(x**2)

    gradient, theta = gradient_of(loss, [1.0, 2.0])
    gradient(theta)
    assert len(calls) == 1


def test_a_batch_is_the_loss_s_second_argument():
    gradient, theta = gradient_of(lambda x, batch: np.sum(batch * x), [1.0, 2.0])
    assert gradient(theta, np.array([3.0, 4.0]))[1].tolist() == [3, 4]


def test_many_runs_of_a_loss_for_one_vector_are_looped():
    gradient, _ = gradient_of(lambda x: x[0] ** 2 + x[1], [0.0, 0.0])
    value, g = gradient(np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert value.tolist() == [3, 13]
    assert g.tolist() == [[2, 1], [6, 1]]


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda f: f.label)
def test_many_runs_at_once_are_the_runs_one_by_one(function):
    points = numpy.random.default_rng(0).uniform(*function.domain.T, size=(5, 2))
    gradient, theta = gradient_of(function, points)
    value, g = gradient(theta)
    singles = [gradient(point) for point in points]
    numpy.testing.assert_allclose(value, [v for v, _ in singles], rtol=1e-13, atol=1e-13)
    numpy.testing.assert_allclose(g, [one for _, one in singles], rtol=1e-12, atol=1e-12)


def test_hessian_is_autograd_s_for_one_run_and_for_many():
    points = np.array([[-1.5, 2.0], [0.3, 0.7]])
    gradient, theta = gradient_of(rosenbrock, points)
    expected = np.stack([hessian(rosenbrock)(point) for point in points])
    numpy.testing.assert_allclose(gradient.hessian(theta), expected, rtol=1e-12)
    numpy.testing.assert_allclose(gradient.hessian(theta[0]), expected[0], rtol=1e-12)


def test_pure_marks_a_loss_and_leaves_it_as_it_is():
    def loss(x):
        return np.sum(x)

    assert pure(loss) is loss
    assert as_problem(loss).pure


def recorded_after(loss, weights, calls=2, batch=None):
    gradient, theta = gradient_of(loss, weights)
    for _ in range(calls):
        gradient(theta, batch)
    return gradient


def test_a_library_function_is_recorded_at_its_second_call():
    assert not recorded_after(shifted(rosenbrock, 1.0), [1.0, 2.0], calls=1).recorded
    gradient = recorded_after(shifted(rosenbrock, 2.0), [1.0, 2.0])
    assert gradient.recorded
    assert "lines of NumPy" in repr(gradient.recorded)
    assert "def replay(theta):" in gradient.lines.source


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda f: f.label)
def test_a_replay_gives_what_autograd_gives(function):
    rng = numpy.random.default_rng(1)
    for shape in [(2,), (5, 2)]:
        gradient = recorded_after(function, rng.uniform(*function.domain.T, size=shape))
        assert gradient.recorded
        for _ in range(20):
            theta = rng.uniform(*function.domain.T, size=shape)
            kept = theta.copy()
            value, g = gradient(theta)
            expected, expected_g = gradient.by_autograd(theta)
            numpy.testing.assert_array_max_ulp(value, expected, 2)
            numpy.testing.assert_array_max_ulp(g, expected_g, 2)
            assert numpy.array_equal(theta, kept)


def test_a_user_s_loss_is_recorded_when_it_is_marked_pure():
    def bowl(w):
        return np.sum(w["a"] ** 2) + w["b"] ** 2

    weights = {"a": [1.0, 2.0], "b": 3.0}
    plain = recorded_after(bowl, weights)
    assert not plain.recorded
    assert "not marked @pure" in repr(plain.recorded)
    assert recorded_after(pure(bowl), weights).recorded


def test_a_loss_that_reads_a_changing_global_is_never_replayed_without_the_promise():
    scale = [1.0]
    gradient, theta = gradient_of(lambda x: scale[0] * np.sum(x), [1.0, 2.0])
    for scale[0] in (1.0, 2.0, 3.0):
        assert gradient(theta)[1].tolist() == [scale[0]] * 2


def test_a_loss_that_branches_or_draws_falls_back_to_autograd_and_says_why():
    @pure
    def branches(x):
        return np.sum(x**2) if x[0] > 0 else np.sum(x)

    gradient = recorded_after(branches, [1.0, 2.0], calls=3)
    assert not gradient.recorded
    assert "branches on a value" in repr(gradient.recorded)
    assert gradient(np.array([-1.0, 2.0]))[1].tolist() == [1, 1]

    @pure
    def draws(x):
        return np.sum(x) * numpy.random.default_rng().random()

    assert not recorded_after(draws, [1.0, 2.0], calls=3).recorded


def test_each_shape_and_each_nesting_has_a_recording_of_its_own():
    @pure
    def loss(w):
        return np.sum(w["a"] * np.arange(3))

    first = recorded_after(loss, {"a": [1.0, 2.0, 3.0]})
    other = recorded_after(loss, {"b": [[9.0]], "a": [1.0, 2.0, 3.0]})
    assert first.lines is not other.lines
    assert other(np.array([9.0, 1, 2, 3]))[1].tolist() == [0, 0, 1, 2]
    gradient, theta = gradient_of(sphere, [1.0, 2.0])
    for point in (theta, theta, np.ones((3, 2)), np.ones((3, 2)), theta):
        assert numpy.array_equal(gradient(point)[1], 2 * point)


def test_the_batch_is_an_input_of_the_recording():
    @pure
    def loss(w, batch):
        x, y = batch
        return np.mean((x @ w - y) ** 2)

    rng = numpy.random.default_rng(0)
    gradient, theta = gradient_of(loss, [1.0, 2.0])
    for _ in range(4):
        batch = rng.normal(size=(5, 2)), rng.normal(size=5)
        value, g = gradient(theta, batch)
        expected, expected_g = gradient.by_autograd(theta, batch)
        assert value == expected
        assert numpy.array_equal(g, expected_g)
    assert gradient.recorded


def test_recorded_or_plain_a_path_is_the_same():
    recorded = Adam(rosenbrock, [-1.5, 2.0], 0.05)
    plain = Adam(lambda x: rosenbrock(x), [-1.5, 2.0], 0.05)  # makes no promise
    ours, theirs = recorded.minimize(200), plain.minimize(200, callback=lambda optimizer: None)
    assert recorded.recorded
    assert not plain.recorded
    assert numpy.array_equal(ours.theta, theirs.theta)
    assert numpy.array_equal(ours.loss, theirs.loss)


def test_a_branch_through_a_set_is_noticed():
    @pure
    def loss(x, t):
        return (10.0 if t in {3, 4} else 1.0) * np.sum(x**2)

    sgd = SGD(loss, [1.0, 2.0], lr=0.0)
    path = sgd.minimize(6, batches=range(6))
    assert path.loss.tolist() == [5, 5, 5, 50, 50, 5, 5]


def test_losses_that_are_equal_but_not_the_same_have_recordings_of_their_own():
    class Scaled:
        pure = True

        def __init__(self, scale):
            self.scale = scale

        def __call__(self, x):
            return self.scale * np.sum(x**2)

        def __eq__(self, other):
            return True

        def __hash__(self):
            return 0

    losses = Scaled(1.0), Scaled(3.0)
    ends = [recorded_after(loss, [1.0, 2.0], calls=3)(np.array([1.0, 2.0]))[0] for loss in losses]
    assert ends == [5, 15]


def test_batches_of_ever_other_lengths_do_not_pile_up_recordings():
    @pure
    def loss(x, batch):
        return np.sum(x) * np.mean(batch)

    gradient, theta = gradient_of(loss, [1.0, 2.0])
    for length in [*range(1, 100)] * 2:
        gradient(theta, np.ones(length))
    assert len(gradient._recordings) <= 64
