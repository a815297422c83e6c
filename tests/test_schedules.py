"""Schedules: the rates that optax and torch give (references/README.md), and what they promise."""

import inspect
import json
import pickle
from functools import partial
from pathlib import Path

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers import SGD, Adam, schedules
from optimizers.functions import rosenbrock, sphere
from optimizers.schedules import (
    constant,
    cosine,
    exponential,
    inverse_sqrt,
    polynomial,
    square_root_rule,
    step_decay,
    warmup,
    warmup_polynomial,
)

CASES = json.loads((Path(__file__).parent / "references" / "schedules.json").read_text())["cases"]

# each with the learning rate left open
MAKERS = {
    "constant": constant,
    "step_decay": partial(step_decay, every=4),
    "exponential": partial(exponential, every=4),
    "inverse_sqrt": inverse_sqrt,
    "cosine": partial(cosine, steps=10),
    "polynomial": partial(polynomial, steps=10, power=2),
    "warmup_polynomial": partial(warmup_polynomial, steps=10, warmup=3),
    "warmup": lambda lr: warmup(3, cosine(lr, steps=7)),
}
EVERY_MAKER = pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)


@pytest.mark.parametrize("case", CASES, ids=[case["schedule"] for case in CASES])
def test_a_schedule_gives_the_reference_s_rates(case):
    schedule = eval(case["schedule"], vars(schedules))
    ours = [schedule(t) for t in range(1, len(case["rates"]) + 1)]
    numpy.testing.assert_allclose(ours, case["rates"], rtol=1e-12, atol=1e-15)


def test_every_schedule_has_a_reference():
    makers = {
        name
        for name, value in vars(schedules).items()
        if inspect.isfunction(value)
        and not name.startswith("_")
        and value.__module__ == schedules.__name__
    }
    covered = {case["schedule"].split("(")[0] for case in CASES}
    assert makers == covered | {"square_root_rule"}
    assert makers == {*MAKERS, "square_root_rule"}


@EVERY_MAKER
@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_many_learning_rates_are_the_schedules_one_by_one(maker, shape):
    lr = numpy.array([0.5, 0.1, 0.02])
    together = maker(lr.reshape(shape))
    for t in range(1, 15):
        alone = [[maker(value)(t)] for value in lr.tolist()]
        numpy.testing.assert_allclose(together(t), alone, rtol=1e-15)


@EVERY_MAKER
def test_runs_with_a_schedule_each_are_the_runs_one_by_one(maker):
    lr = numpy.array([0.02, 0.01, 0.005])
    together = Adam(rosenbrock, numpy.tile([-1.5, 2.0], (3, 1)), lr=maker(lr)).minimize(14)
    for i, value in enumerate(lr.tolist()):
        alone = Adam(rosenbrock, [-1.5, 2.0], lr=maker(value)).minimize(14)
        numpy.testing.assert_allclose(together.theta[:, i], alone.theta, rtol=1e-12)


@EVERY_MAKER
def test_a_schedule_can_be_sent_elsewhere(maker):
    schedule = maker(numpy.array([0.5, 0.1]))
    copy = pickle.loads(pickle.dumps(schedule))
    assert repr(copy) == repr(schedule)
    for t in (1, 3, 10, 20):
        numpy.testing.assert_array_equal(copy(t), schedule(t))


@pytest.mark.parametrize(
    "schedule",
    [
        cosine(0.3, 12, end=0.1),
        polynomial(0.3, 12, end=0.1),
        warmup(4, cosine(0.3, 8, end=0.1)),
    ],
    ids=repr,
)
def test_the_end_is_reached_after_the_last_step_and_held(schedule):
    assert schedule(12) > 0.1
    assert [schedule(t) for t in (13, 14, 1000)] == pytest.approx([0.1] * 3)


@given(st.integers(1, 50), st.floats(1e-6, 10))
def test_the_first_step_has_the_whole_rate_and_none_is_lost(steps, lr):
    for schedule in (cosine(lr, steps), polynomial(lr, steps), exponential(lr, steps)):
        assert schedule(1) == pytest.approx(lr)
        assert min(schedule(t) for t in range(1, steps + 1)) > 0


@given(st.integers(0, 30), st.integers(1, 60))
def test_a_warm_up_rises_in_a_line_to_the_schedule_and_then_is_the_schedule(steps, t):
    inner = inverse_sqrt(0.6)
    expected = 0.6 * t / steps if t <= steps else inner(t - steps)
    assert warmup(steps, inner)(t) == pytest.approx(expected)


def test_a_warm_up_takes_any_function_of_the_step():
    schedule = warmup(2, lambda t: 1 / t)
    assert [schedule(t) for t in (1, 2, 3, 4)] == [0.5, 1.0, 1.0, 0.5]


def test_lamb_s_schedule_drops_where_the_warm_up_ends():
    schedule = warmup_polynomial(1.0, steps=10, warmup=4)
    assert [schedule(t) for t in (3, 4, 5, 10, 11)] == pytest.approx([0.75, 1.0, 0.6, 0.1, 0.0])


def test_the_square_root_rule_is_a_number():
    assert square_root_rule(0.001, 32_768, 512) == pytest.approx(0.008)
    assert square_root_rule(0.008, 512, 32_768) == pytest.approx(0.001)


def test_an_optimizer_shows_its_schedule_and_follows_it():
    sgd = SGD(sphere, [3.0, -4.0], lr=warmup(2, cosine(0.25, steps=4)))
    assert repr(sgd) == "SGD(lr=warmup(steps=2, schedule=cosine(lr=0.25, steps=4)))"
    path = sgd.minimize(8, watch="eta")
    numpy.testing.assert_allclose(path["eta"][1:], [sgd.lr(t) for t in range(1, 9)])
    numpy.testing.assert_array_equal(path.theta[-1], path.theta[-2])  # the end is 0


def test_the_repr_counts_the_runs():
    assert repr(cosine([0.1, 0.2], 9)) == "cosine(lr=<2 values, 0.1 to 0.2>, steps=9)"


MISTAKES = {
    "lr negative": (lambda: constant(-0.1), r"lr must be a finite number >= 0, got -0.1"),
    "lr a string": (lambda: inverse_sqrt("0.1"), r"lr must be .*got '0.1'"),
    "lr a schedule": (lambda: cosine(constant(0.1), 9), r"lr must be .*got constant\(lr=0.1\)"),
    "lr of a strange shape": (lambda: constant(numpy.ones((2, 2))), r"one per run .*\(2, 2\)"),
    "every zero": (lambda: step_decay(0.1, 0), r"every must be a whole number >= 1, got 0"),
    "every a fraction": (lambda: exponential(0.1, 2.5), r"every must be a whole .*got 2.5"),
    "factor negative": (lambda: exponential(0.1, 2, -1), r"factor must be .*>= 0, got -1"),
    "steps zero": (lambda: cosine(0.1, 0), r"steps must be a whole number >= 1, got 0"),
    "end negative": (lambda: polynomial(0.1, 9, end=-1), r"end must be .*>= 0, got -1"),
    "power zero": (lambda: polynomial(0.1, 9, power=0), r"power must be .*> 0, got 0"),
    "warm-up negative": (lambda: warmup(-1, constant(1)), r"steps must be .*>= 0, got -1"),
    "warm-up to a number": (lambda: warmup(9, 0.1), r"schedule must be a function.*got 0.1"),
    "warm-up reversed": (lambda: warmup(constant(1), 9), r"steps must be a whole number"),
    "warm-up too long": (
        lambda: warmup_polynomial(0.1, 9, 10),
        r"warmup must be at most steps, 9, got 10",
    ),
    "batch size zero": (lambda: square_root_rule(0.1, 0, 64), r"batch_size must be .*got 0"),
    "base zero": (lambda: square_root_rule(0.1, 64, 0), r"base_batch_size must be .*got 0"),
    "step zero": (lambda: constant(0.1)(0), r"t must be a whole number >= 1, got 0"),
    "step a fraction": (lambda: constant(0.1)(1.5), r"t must be a whole number >= 1, got 1.5"),
    "runs that are not there": (
        lambda: SGD(rosenbrock, numpy.ones((3, 2)), lr=cosine([0.1, 0.2], 9)).minimize(1),
        r"numbers of runs do not match: weights \(3,\), lr \(2,\)",
    ),
}


@pytest.mark.parametrize(("mistake", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_gets_a_sentence_that_names_it(mistake, message):
    with pytest.raises((TypeError, ValueError), match=message):
        mistake()
