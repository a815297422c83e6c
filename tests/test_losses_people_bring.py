"""Losses as people write them in courses, exercises and questions, through everything there is.

Each says where its like was met. All are run, raced, swept and drawn as they stand; those that
autograd cannot follow are refused with a sentence that names the cause.
"""

import math
from functools import partial

import autograd.numpy as np
import matplotlib
import numpy
import pytest

from optimizers import SGD, Adam, Momentum, basins, compare, explore, sweep
from optimizers.page import Page
from optimizers.plotting import (
    contour,
    plot_contour,
    plot_convergence,
    plot_gradient_field,
    plot_paths,
    plot_surface,
    surface,
)

matplotlib.use("agg")
RNG = numpy.random.default_rng(0)
X = RNG.normal(size=(30, 2))
LABEL = numpy.sign(X @ [1.0, -2.0] + 0.3)
T = numpy.linspace(0, 4, 25)
SEEN = 2.5 * numpy.exp(-1.3 * T) + 0.5
QUIET = {"progress": False}


def sum_of_squares(v):
    """A first course (Grus, "Data science from scratch"): Python's own sum."""
    return sum(v_i**2 for v_i in v)


def temperature(x, y):
    """A calculus text's field around a jet, to be climbed: two arguments."""
    return -100 / (1 + (x - 5) ** 2 + 4 * (y - 2.5) ** 2)


def perceptron(w):
    """A homework on the perceptron: max{0, ...} for each example in a loop."""
    total = 0
    for x, label in zip(X, LABEL, strict=True):
        total += max(0, -label * (w[0] * x[0] + w[1] * x[1]))
    return total / len(X)


def soft_margin(w, C=1.0):
    """A lecture on support vector machines, ½‖w‖² + C Σ hinge, by np.maximum."""
    return 0.5 * np.dot(w, w) + C * np.sum(np.maximum(0, 1 - LABEL * np.dot(X, w)))


def huber(w):
    """Robust regression as the definition reads: an `if` for each residual."""
    residuals = np.dot(X, w) - LABEL

    def h(s):
        return 0.5 * s**2 if abs(s) <= 1 else abs(s) - 0.5

    return np.mean(np.array([h(s) for s in residuals]))


def cross_entropy(w):
    """Every course: logistic regression, written as -y log p - (1 - y) log(1 - p)."""
    y = (LABEL + 1) / 2
    p = 1 / (1 + np.exp(-(X @ w)))
    return -np.mean(y * np.log(p + 1e-12) + (1 - y) * np.log(1 - p + 1e-12))


def many_humps(w):
    """A page on loss surfaces: x and y unpacked, several hollows."""
    x, y = w
    return (4 - 2.1 * x**2 + x**4 / 3) * x**2 + x * y + 4 * (y**2 - 1) * y**2


def iterative_solver(b):
    """A question to autograd's authors: conjugate gradients inside, with while and if."""
    a = numpy.array([[3.0, 1.0], [1.0, 2.0]])
    x, r = 0 * b, b
    p, count = r, 0
    while count < 2 and np.linalg.norm(r) > 1e-12:
        step = np.dot(r, r) / np.dot(p, a @ p)
        x = x + step * p
        new = r - step * (a @ p)
        p = new + np.dot(new, new) / np.dot(r, r) * p
        r, count = new, count + 1
    return np.sum((x - 1) ** 2)


class LeastSquares:
    """An object with its data, as students of software engineering write it."""

    def __init__(self, data, target):
        self.data, self.target, self.seed, self.noise = data, target, 1, None

    def __call__(self, w):
        return np.mean((self.data @ w - self.target) ** 2)


LOSSES = {
    "Python's sum": (sum_of_squares, [3.0, -4.0]),
    "two arguments": (lambda w: temperature(*w), [3.5, 2.0]),
    "perceptron": (perceptron, [-1.0, 1.0]),
    "soft margin": (soft_margin, [0.0, 0.0]),
    "huber": (huber, [2.0, 2.0]),
    "cross entropy": (cross_entropy, [0.0, 0.0]),
    "many humps": (many_humps, [-1.5, 0.8]),
    "a solver inside": (iterative_solver, [1.0, -2.0]),
    "an object": (LeastSquares(X, LABEL), [1.0, 1.0]),
    "a quadratic form": (lambda w: 0.5 * w @ (X.T @ X / 30) @ w - w @ (X.T @ LABEL / 30), [2.0, 0]),
}
each = pytest.mark.parametrize(("loss", "start"), LOSSES.values(), ids=LOSSES)


@pytest.fixture(autouse=True)
def _maps_are_coarse(monkeypatch):
    """Some of these losses are called for every point of a map, and are slow."""
    monkeypatch.setattr(contour, "COARSE", 20)
    monkeypatch.setattr(surface, "POINTS", 20)


@each
def test_it_is_minimised(loss, start):
    path = Adam(loss, start, lr=0.05).minimize(60)
    assert path.loss[-1] < path.loss[0]
    assert not path.diverged


@each
def test_it_is_raced_and_drawn(loss, start):
    how = {"start": start, "steps": 10, "lr": [0.01, 0.1], **QUIET}
    alone = compare([SGD, Momentum, Adam], loss, seeds=None, **how)
    for label, path in alone.items():
        assert path.loss[-1] == alone.final_loss[label].min()
    race = compare([SGD, Momentum, Adam], loss, seeds=3, **how)
    for row in race.rows():
        assert row["final_loss"] == numpy.median(race[row["rule"]].loss[-1])
    axes = race.plot()
    assert len(axes) == 3
    assert axes[1].get_ylabel().startswith("loss")
    assert "minimum" not in axes[1].get_ylabel()
    axes[0].figure.canvas.draw()


@each
def test_it_is_swept(loss, start):
    found = sweep(Momentum, loss, start=start, steps=10, lr=[0.01, 0.1], momentum=[0, 0.9], **QUIET)
    for i, lr in enumerate([0.01, 0.1]):
        for j, momentum in enumerate([0.0, 0.9]):
            path = Momentum(loss, start, lr=lr, momentum=momentum).minimize(10)
            assert found.final_loss[i, j] == pytest.approx(path.loss[-1], rel=1e-9, abs=1e-12)
    found.plot().figure.canvas.draw()


@each
def test_it_is_pictured(loss, start):
    path = SGD(loss, start, lr=0.05).minimize(20)
    frame = [(-4, 6), (-4, 4)]
    for ax in (
        plot_contour(loss, domain=frame),
        plot_gradient_field(loss, domain=frame),
        plot_surface(loss, path, domain=frame),
        plot_paths(path, loss),
        plot_paths({"mine": path}, loss, domain=frame),
        plot_convergence(path, loss),
    ):
        ax.figure.canvas.draw()


@each
def test_it_is_explored_and_its_basins_are_mapped(loss, start, capsys):
    page = explore(loss, [SGD, partial(Adam, lr=0.05)], start=start, steps=4)
    still = "Here is the still picture" in capsys.readouterr().out
    assert isinstance(page, Page) != still
    found = basins(SGD, loss, domain=[(-3, 3), (-3, 3)], lr=0.05, steps=4, resolution=4, **QUIET)
    assert found.final_loss.shape == (4, 4)
    found.plot().figure.canvas.draw()


# ------------------------------------------------------------------ of other shapes


def parabola(x):
    """A tutorial's first function, y = (x − 5)²."""
    return (x - 5) ** 2


@pytest.mark.parametrize("start", [2.0, numpy.array([2.0])], ids=["a number", "an array"])
def test_a_function_of_one_number(start):
    loss = parabola if numpy.ndim(start) == 0 else lambda x: parabola(x[0])
    assert SGD(loss, start, lr=0.25).minimize(30).loss[-1] < 1e-12
    race = compare([SGD, Adam], loss, start=start, steps=20, lr=[0.1, 0.3], **QUIET)
    for ax in race.plot():
        ax.figure.canvas.draw()
    plot_paths(race, loss).figure.canvas.draw()


def decay(w):
    """A curve fit, a·exp(−k·t) + b, by root mean square."""
    a, k, b = w
    return np.sqrt(np.mean((a * np.exp(-k * T) + b - SEEN) ** 2))


def network(w):
    """A two-layer network on a dict of weights."""
    hidden = np.tanh(X @ w["W1"] + w["b1"])
    return np.mean((hidden @ w["W2"] + w["b2"] - LABEL) ** 2)


NETWORK = {
    "W1": RNG.normal(size=(2, 4)),
    "b1": numpy.zeros(4),
    "W2": RNG.normal(size=4),
    "b2": 0.0,
}


@pytest.mark.parametrize(
    ("loss", "start"), [(decay, [1.0, 1.0, 0.0]), (network, NETWORK)], ids=["decay", "network"]
)
def test_a_fit_of_several_weights(loss, start):
    race = compare([SGD, Adam], loss, start=start, steps=60, lr=[0.01, 0.1], **QUIET)
    assert min(path.loss[-1] for path in race.once.values()) < race.once["SGD"].loss[0] / 2
    assert race.rows()[0]["final_loss"] < numpy.median(race["SGD"].loss[0]) / 2
    assert len(race.plot()) == 2  # no map of more than two weights
    found = sweep(Adam, loss, start=start, steps=10, lr=[0.01, 0.1], **QUIET)
    path = Adam(loss, start, lr=0.1).minimize(10)
    assert found.final_loss[1] == pytest.approx(path.loss[-1], rel=1e-9)


# ------------------------------------------------------------------ what autograd cannot follow


def with_math(x):
    """`from math import *` in a question to autograd's authors."""
    return math.exp(np.dot(x, x))


def fills_a_window(b):
    """Another: a window of an array is filled."""
    a = np.ones(5)
    a[2:4] = b
    return np.sum(a**2)


def sigmoid_by_masks(w):
    """A stable sigmoid as labs teach it, into an array that waits."""
    z = X @ w
    p = np.zeros(len(X))
    p[X[:, 0] > 0] = (1 / (1 + np.exp(-z)))[X[:, 0] > 0]
    return np.mean((p - LABEL) ** 2)


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (with_math, r"cannot see through \(math.*autograd\.numpy"),
        (fills_a_window, "assigns to an array in place"),
        (sigmoid_by_masks, "assigns to an array in place"),
        (temperature, r"'temperature' needs more.*lambda w: f\(\*w\)"),
    ],
)
@pytest.mark.parametrize("door", ["minimize", "compare", "sweep"])
def test_what_autograd_cannot_follow_is_refused_with_the_cure(loss, words, door):
    start = {"start": [1.0, 2.0], "steps": 2} | QUIET
    doors = {
        "minimize": lambda: SGD(loss, [1.0, 2.0]).minimize(2),
        "compare": lambda: compare([SGD, Adam], loss, **start),
        "sweep": lambda: sweep(SGD, loss, lr=[0.1, 0.2], **start),
    }
    with pytest.raises(TypeError, match=words):
        doors[door]()
