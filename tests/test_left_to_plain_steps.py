"""Losses and rules that a straight line would get wrong: the numbers are those of plain steps."""

import array
import csv
import io

import autograd.numpy as np
import numpy
import pytest
from autograd.extend import defvjp, primitive
from autograd.tracer import getval

from optimizers import SGD, Adam, Newton, Optimizer
from optimizers import optimizer as loop
from optimizers.engine import scalars, whole_runs


@pytest.fixture(autouse=True)
def _compiles_at_once(monkeypatch):
    monkeypatch.setattr(whole_runs, "COMPILING", (0, 0))


def bowl(x):
    return np.sum((x - 1) ** 2)


def step_by_step(optimizer):
    """A callback: every step is made plainly."""


def assert_same(make, steps=(40, 12), how=None):
    """Runs of two optimizers, made anew each, are equal."""
    outcomes = []
    for more in ({}, {"callback": step_by_step}):
        numpy.random.seed(3)  # noqa: NPY002
        optimizer = make()
        told = []
        for count in steps:
            try:
                path = optimizer.minimize(count, **more, **(how or {}))
                told.append((path.theta, path.loss, path.grad_norm))
            except (ValueError, TypeError, FloatingPointError) as error:
                told.append((str(error), optimizer.path.loss, optimizer.path.grad_norm))
            told.append((optimizer.theta, optimizer.t, optimizer.value))
        outcomes.append(told)
    for ours, plain in zip(*outcomes, strict=True):
        for mine, theirs in zip(ours, plain, strict=True):
            if isinstance(mine, str):
                assert mine == theirs
            else:
                assert numpy.array_equal(mine, theirs, equal_nan=True)
    return optimizer


# ------------------------------------------------------------------------------------------ losses


def noise_of_a_helper():
    def noise():
        return np.random.normal()

    return lambda x: bowl(x) + 0.1 * noise() * np.sum(x)


def a_generator_of_its_own():
    def loss(x):
        bump = np.maximum(0, 0.2 - np.abs(x[0] - 2))
        return bowl(x) + bump * np.random.default_rng().normal() * 0

    return loss


BEND = {"by": 2.0}
square, twice = primitive(lambda x: x * x), primitive(lambda x: 2 * x)
defvjp(square, lambda ans, x: lambda g: g * twice(x))
defvjp(twice, lambda ans, x: lambda g: g * BEND["by"])


def test_second_derivatives_may_change_alone(monkeypatch):
    def loss(x):
        return np.sum(square(x))

    def end():
        return assert_same(lambda: Newton(loss, [3.0, 2.0], lr=0.1)).theta.tolist()

    before = end(), end()
    monkeypatch.setitem(BEND, "by", 4.0)
    assert before[0] == before[1] != end()


def a_special_first_call():
    calls = []

    def loss(x):
        calls.append(1) if len(calls) < 1 else None
        return bowl(x) * (10 if len(calls) == 1 and not calls.append(1) else 1)

    return loss


def a_mean_of_its_values():
    mean = [0.0]

    def loss(x):
        value = bowl(x)
        mean[0] = 0.9 * mean[0] + 0.1 * getval(value)
        return value

    return loss


def an_exponent_for_each_number():
    return lambda x: np.sum(np.abs(x) ** np.array([1.5, 2.5, 1.2, 2.0][: len(x)]))


def errors_asked_of_numpy():
    def loss(x):
        with np.errstate(over="raise"):
            return np.sum(np.exp(np.exp(x)))

    return loss


def a_long_loop():
    def loss(x):
        total = 0.0
        for i in range(250):
            total = total * 0.7 + x[i % 2]
        return (total - 1) ** 2

    return loss


def a_large_product():
    data = numpy.random.default_rng(0).standard_normal((2000, 2))
    return lambda x: np.mean((np.tanh(data @ np.stack([x, -x], axis=1)) @ x) ** 2)


@pytest.mark.parametrize(
    "make",
    [
        *(noise_of_a_helper, a_generator_of_its_own, a_special_first_call, a_mean_of_its_values),
        *(an_exponent_for_each_number, errors_asked_of_numpy, a_long_loop, a_large_product),
    ],
    ids=lambda make: make.__name__,
)
def test_a_loss_is_what_it_is_in_plain_steps(make):
    assert_same(lambda: SGD(make(), [3.0, 2.0], lr=0.02))


class Slots:
    __slots__ = ("calls",)

    def __init__(self):
        self.calls = 0


def counted_in(kind):
    """A loss, and a function that says how often it was called."""
    slots, numbers, few, file = Slots(), numpy.zeros(10_000), array.array("d", [0.0]), io.StringIO()
    data = [(0, [i]) for i in range(3_000)]
    writer = csv.writer(file)

    def loss(x):
        if kind == "a slot":
            slots.calls += 1
        elif kind == "a large array":
            numbers[0] += 1
        elif kind == "an array of Python's":
            few[0] += 1
        elif kind == "a file":
            writer.writerow([1])
        else:
            data[-1][1].append(1)
        return bowl(x)

    def calls():
        written = file.getvalue().count("1")
        return slots.calls + numbers[0] + few[0] + written + len(data[-1][1])

    return loss, calls


KINDS = ["a slot", "a large array", "an array of Python's", "a file", "much data"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [2, 300])
def test_what_counts_its_calls_counts_all_of_them(kind, size):
    told = []
    for more in ({}, {"callback": step_by_step}):
        loss, calls = counted_in(kind)
        SGD(loss, numpy.full(size, 3.0), lr=0.02).minimize(300, **more)
        told.append(calls())
    assert told[0] == told[1]


def test_what_is_too_large_is_refused_before_its_order_of_adding_is_tried(monkeypatch):
    monkeypatch.setattr(scalars, "_agrees", None)
    data = numpy.random.default_rng(0).standard_normal((5000, 20))

    def loss(x):
        hidden = np.tanh(data @ x.reshape(20, 8))
        return np.mean(hidden**2)

    optimizer = SGD(loss, numpy.ones(160), lr=0.02)
    optimizer.minimize(20)
    assert "more than 4000 scalars" in optimizer.recorded.why


# ------------------------------------------------------------------------------------------- rules


class ReadsTheLoss(Optimizer):
    def direction(self, theta, g):
        return g * self.value / np.sum(g * g)


class ReadsItsWeights(Optimizer):
    def direction(self, theta, g):
        return g + 0.1 * self.theta


class DropsItsRate(Optimizer):
    def direction(self, theta, g):
        if self.t == 10:
            self.lr = self.lr * 0.1
        return g


class KeepsItsFirstNorm(Optimizer):
    def direction(self, theta, g):
        if not hasattr(self, "first"):
            self.first = float(np.linalg.norm(g))
        return g / self.first


class CountsByItself(Optimizer):
    def direction(self, theta, g):
        self.t = self.t + 1
        return g / self.t


RULES_OF_THEIR_OWN = [
    *(ReadsTheLoss, ReadsItsWeights, DropsItsRate, KeepsItsFirstNorm, CountsByItself)
]


@pytest.mark.parametrize("rule", RULES_OF_THEIR_OWN, ids=lambda rule: rule.__name__)
def test_a_rule_is_what_it_is_in_plain_steps(rule):
    optimizer = assert_same(lambda: rule(bowl, [3.0, 2.0], lr=0.02))
    if rule is DropsItsRate:
        assert optimizer.lr == pytest.approx(0.002)


def test_a_formula_that_is_set_on_an_optimizer_counts():
    outcomes = []
    for more in ({}, {"callback": step_by_step}):
        adam = Adam(bowl, [3.0, 2.0], lr=0.05)
        adam.minimize(40, **more)
        adam.direction = lambda theta, g: np.sign(g)
        outcomes.append(adam.minimize(40, **more).theta)
    assert numpy.array_equal(*outcomes)


class CountsTheWeights(Optimizer):
    state = ("m",)

    def direction(self, theta, g):
        before = self.m
        self.m = 0.9 * self.m + 0.1 * g
        return self.m + before * 1e-5 * self.how_many(theta)


class BySize(CountsTheWeights):
    def how_many(self, theta):
        return theta.size


class ByLength(CountsTheWeights):
    def how_many(self, theta):
        return len(theta)


class ByPlace(CountsTheWeights):
    def how_many(self, theta):
        return np.where(np.arange(theta.size) < 100, 1e4, 0.0)


@pytest.mark.parametrize("rule", [BySize, ByLength, ByPlace, ReadsTheLoss, ReadsItsWeights])
def test_a_rule_of_many_weights_is_what_it_is_by_its_formula(rule, monkeypatch):
    start = numpy.random.default_rng(0).standard_normal(40_000)
    at_once = rule(bowl, start, lr=0.05).minimize(6)
    monkeypatch.setattr(loop, "MANY", 10**9)
    by_formula = rule(bowl, start, lr=0.05).minimize(6)
    assert numpy.array_equal(at_once.theta, by_formula.theta)


def test_state_that_is_not_named_is_found_with_many_weights_too():
    class Hidden(Optimizer):
        def direction(self, theta, g):
            if not hasattr(self, "first"):
                self.first = 1 + np.abs(g)
            return g / self.first

    with pytest.raises(TypeError, match=r"keeps 'first' from step to step"):
        Hidden(bowl, numpy.linspace(-1, 1, 40_000), lr=0.05).minimize(6)


# --------------------------------------------------------------------------------------- schedules


def raises_later(t):
    if t == 12:
        raise ValueError("no rate")
    return 0.05


@pytest.mark.parametrize(
    "rate", [raises_later, lambda t: True, lambda t: 0.1 - 0.01 * t], ids=["raises", "bool", "< 0"]
)
@pytest.mark.parametrize("steps", [(11, 20), (40, 12), (1, 20)])
def test_a_schedule_that_fails_leaves_what_plain_steps_leave(rate, steps):
    try:
        assert_same(lambda: SGD(bowl, [3.0, 2.0], lr=rate), steps)
    except (ValueError, TypeError) as error:  # when it is made, in either way
        assert "lr" in str(error)  # noqa: PT017


def test_a_schedule_is_not_looked_up_far_beyond_the_end():
    asked = []

    def rate(t):
        asked.append(t)
        return 0.05

    path = SGD(bowl, [3.0, 2.0], lr=rate).minimize(10**6, tol=1e-3)
    assert len(asked) < len(path.loss) + 20
