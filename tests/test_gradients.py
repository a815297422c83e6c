"""The value and the gradient of a loss, in one pass, are autograd's own."""

import autograd.numpy as np
import numpy
import pytest
from autograd import grad, hessian

from optimizers.functions import FUNCTIONS, rosenbrock
from optimizers.gradients import Gradient, pure
from optimizers.weights import flatten


def gradient_of(loss, weights):
    flat, layout = flatten(weights, runs=getattr(loss, "batched", False))
    return Gradient(loss, layout), flat


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
    assert loss.pure
