"""Rules that hand out other weights than those at which they take the gradient."""

import copy
import pickle
from functools import partial

import autograd.numpy as np
import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers import (
    SAM,
    SGD,
    Adam,
    Averaged,
    Cautious,
    Lookahead,
    Momentum,
    Optimizer,
    ScheduleFreeAdamW,
    ScheduleFreeSGD,
    compare,
)
from optimizers.functions import noisy, rosenbrock, sphere
from optimizers.schedules import warmup

RULES = [
    partial(Averaged, inner=SGD),
    partial(Averaged, inner=Adam, beta=0.8),
    ScheduleFreeSGD,
    ScheduleFreeAdamW,
]
LABELS = ["Polyak", "EMA", "ScheduleFreeSGD", "ScheduleFreeAdamW"]
START = numpy.array([-1.5, 2.0])
each_rule = pytest.mark.parametrize("rule", RULES, ids=LABELS)


class Tail(SGD):
    """A rule of a user's own: half of the way back to the weights before."""

    state = ("before",)

    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self.before = self._theta.copy()

    def update(self, theta, g):
        self.before = theta
        return super().update(theta, g)

    def handed_out(self, theta):
        return (theta + self.before) / 2


@each_rule
def test_theta_value_and_path_are_of_the_weights_handed_out(rule):
    optimizer = rule(rosenbrock, START, lr=1e-3)
    path = optimizer.minimize(20)
    numpy.testing.assert_array_equal(path.theta[-1], optimizer.theta)
    assert path.loss[-1] == optimizer.value == rosenbrock(optimizer.theta)
    assert (path.theta[0] == START).all()
    assert not numpy.array_equal(optimizer.theta, optimizer._theta)


@each_rule
def test_a_step_returns_the_loss_of_the_weights_handed_out_before_it(rule):
    optimizer = rule(rosenbrock, START, lr=1e-3)
    for _ in range(5):
        before = optimizer.theta
        assert optimizer.minimize_raw() == rosenbrock(before)


@each_rule
def test_plain_steps_many_runs_and_noise_say_the_same_as_compiled_runs(rule):
    starts = numpy.random.default_rng(0).uniform(-2, 2, (6, 2))
    for function in (rosenbrock, noisy(rosenbrock, sigma=0.3, seed=1)):
        many = rule(function, starts, lr=1e-3).minimize(300)
        plain = rule(function, starts, lr=1e-3).minimize(300, callback=lambda optimizer: None)
        numpy.testing.assert_array_equal(many.theta, plain.theta)
        numpy.testing.assert_array_equal(many.loss, plain.loss)
        numpy.testing.assert_array_equal(many.grad_norm, plain.grad_norm)
    alone = rule(rosenbrock, starts[2], lr=1e-3).minimize(300)
    side_by_side = rule(rosenbrock, starts, lr=1e-3).minimize(300)
    numpy.testing.assert_array_equal(alone.theta, side_by_side.theta[:, 2])


def test_a_rule_of_a_users_own_hands_out_what_it_says_compiled_and_plain():
    compiled = Tail(rosenbrock, START, lr=1e-3)
    path = compiled.minimize(2000)
    assert compiled.recorded.why == "whole runs in machine code"
    plain = SGD(rosenbrock, START, lr=1e-3).minimize(2000, callback=lambda optimizer: None).theta
    numpy.testing.assert_array_equal(path.theta[1:], (plain[1:] + plain[:-1]) / 2)
    numpy.testing.assert_array_equal(path.loss, rosenbrock(path.theta))


def test_a_rule_that_hands_out_by_the_step_is_not_compiled_and_right():
    class Shrunk(SGD):
        def handed_out(self, theta):
            return theta / (1 + self.t)

    path = Shrunk(sphere, [4.0], lr=0.25).minimize(2000)
    assert path.theta[:3, 0].tolist() == [4.0, 1.0, 1 / 3]

    class Later(Tail):
        def handed_out(self, theta):
            return theta if self.t == 0 else super().handed_out(theta) + 1

    path = Later(sphere, [4.0], lr=0.25).minimize(2000)
    assert path.theta[:3, 0].tolist() == [4.0, 4.0, 2.5]
    assert path.loss[0] == 16


@each_rule
def test_weights_that_are_set_are_handed_out_and_gone_on_from(rule):
    optimizer = rule(rosenbrock, START, lr=1e-3)
    optimizer.minimize(20)
    optimizer.theta = [0.5, 0.5]
    assert optimizer.theta.tolist() == [0.5, 0.5]
    path = optimizer.minimize(1)
    first = rule(rosenbrock, [0.5, 0.5], lr=1e-3)._theta
    numpy.testing.assert_array_equal(path.theta[0], first)
    numpy.testing.assert_allclose(path.theta[1], optimizer._theta)  # of one iterate, the mean


@each_rule
def test_copies_and_pickles_go_on_alike(rule):
    optimizer = rule(rosenbrock, START, lr=1e-3)
    optimizer.minimize(20)
    others = copy.copy(optimizer), copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))
    ends = [other.minimize(20).theta[-1] for other in (optimizer, *others)]
    assert all(numpy.array_equal(end, ends[0]) for end in ends)


@each_rule
def test_a_run_that_diverges_ends_there_and_leaves_the_others_alone(rule):
    rates = numpy.array([[1e-3], [1e3]])
    if (isinstance(rule, partial) and rule.keywords["inner"] is Adam) or rule is ScheduleFreeAdamW:
        rates = numpy.array([[1e-3], [1e90]])
    path = rule(rosenbrock, numpy.tile(START, (2, 1)), lr=rates).minimize(60)
    alone = rule(rosenbrock, START, lr=1e-3).minimize(60)
    assert path.diverged.tolist() == [False, True]
    numpy.testing.assert_array_equal(path.theta[:, 0], alone.theta)
    assert numpy.isnan(path.theta[-1, 1]).all()


@each_rule
def test_what_is_handed_out_stays_in_the_box(rule):
    def clip(weights):
        return numpy.clip(weights, -0.5, 0.5)

    path = rule(sphere, [0.5, -0.5], lr=0.1, project=clip).minimize(30)
    assert numpy.abs(path.theta).max() <= 0.5


def test_a_mean_stays_on_a_curved_constraint():
    def onto_the_circle(weights):
        return weights / np.linalg.norm(weights)

    path = Averaged(sphere, [1.0, 0.0], lr=0.1, inner=Momentum, project=onto_the_circle)
    lengths = numpy.linalg.norm(path.minimize(10).theta, axis=1)
    numpy.testing.assert_allclose(lengths, 1.0)


def test_polyaks_average_is_the_mean_of_the_iterates():
    inner = Momentum(rosenbrock, START, lr=1e-3).minimize(50)
    path = Averaged(rosenbrock, START, lr=1e-3, inner=Momentum).minimize(50)
    means = numpy.cumsum(inner.theta[1:], axis=0) / numpy.arange(1, 51)[:, numpy.newaxis]
    numpy.testing.assert_allclose(path.theta[1:], means, rtol=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 0.999), st.integers(0, 99))
def test_a_moving_average_is_the_corrected_one_and_gives_back_what_stands_still(beta, seed):
    start = numpy.random.default_rng(seed).uniform(-2, 2, 2)
    inner = SGD(rosenbrock, start, lr=1e-4).minimize(30).theta[1:]
    path = Averaged(rosenbrock, start, lr=1e-4, inner=SGD, beta=beta).minimize(30)
    weights = beta ** numpy.arange(30)[::-1]
    numpy.testing.assert_allclose(path.theta[-1], weights @ inner / weights.sum(), rtol=1e-9)
    still = Averaged(sphere, [3.0], lr=0.0, beta=beta).minimize(30)
    assert (still.theta == 3).all()


def test_schedule_free_without_interpolation_is_polyaks_average_of_sgd():
    free = ScheduleFreeSGD(rosenbrock, START, lr=1e-3, beta1=0.0).minimize(100)
    mean = Averaged(rosenbrock, START, lr=1e-3, inner=SGD).minimize(100)
    numpy.testing.assert_allclose(free.theta, mean.theta, rtol=1e-9)


def test_schedule_free_weighs_a_warm_up_by_the_square_of_its_rate():
    schedule = warmup(4, lambda t: 0.1)
    path = ScheduleFreeSGD(sphere, [3.0, 1.0], lr=schedule).minimize(8, watch=["z"])
    rates = numpy.array([schedule(t) for t in range(1, 9)])[:, numpy.newaxis]
    expected = (rates**2 * path["z"][1:]).sum(axis=0) / (rates**2).sum()
    numpy.testing.assert_allclose(path.theta[-1], expected)


def test_a_layer_that_is_frozen_stays_and_is_handed_out():
    def loss(w):
        return np.sum(w["a"] ** 2) + np.sum(w["b"] ** 2)

    weights = {"a": np.array([3.0]), "b": np.array([2.0])}
    for rule in (ScheduleFreeSGD, ScheduleFreeAdamW):
        optimizer = rule(loss, weights, lr={"a": 0.0, "b": 0.1})
        optimizer.minimize(5)
        assert optimizer.theta["a"] == 3
        assert optimizer.theta["b"] < 2


def test_on_a_noisy_bowl_the_averages_end_nearer_than_the_iterates():
    bowl = noisy(sphere, sigma=1.0, seed=3)
    starts = numpy.random.default_rng(1).uniform(-2, 2, (64, 2))

    def distance(rule):
        theta = rule(bowl, starts).minimize(600).theta[300:]
        return numpy.linalg.norm(theta, axis=-1).mean()

    last = distance(partial(SGD, lr=0.1))
    assert distance(partial(Averaged, inner=SGD, lr=0.1)) < last / 2
    assert distance(partial(ScheduleFreeSGD, lr=0.1)) < last / 2


@pytest.mark.parametrize("around", [Lookahead, Cautious, SAM, Averaged])
def test_no_rule_stands_around_one_that_hands_out_other_weights(around):
    with pytest.raises(TypeError, match=f"ScheduleFreeSGD hands out .* {around.__name__} cannot"):
        around(sphere, [1.0], inner=ScheduleFreeSGD)


def test_a_race_is_judged_by_the_weights_handed_out():
    race = compare({"mean": partial(Averaged, inner=SGD)}, rosenbrock, steps=50, seeds=3)
    path = race["mean"]
    numpy.testing.assert_allclose(race.losses["mean"], rosenbrock(path.theta))


def test_the_hook_leaves_other_rules_as_they_were():
    assert SGD.handed_out is Optimizer.handed_out
    theta = numpy.array([1.0, 2.0])
    assert SGD(sphere, theta).handed_out(theta) is theta
