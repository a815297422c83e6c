"""Many runs in pieces, on several threads, with those that diverge dropped: the same numbers."""

from functools import partial

import numpy
import pytest

from optimizers import RULES, SGD, Adam, Lookahead
from optimizers.experiments import runs
from optimizers.experiments.runs import finish
from optimizers.functions import noisy, rosenbrock
from optimizers.problem import as_problem


def alone(rule, start, steps, **values):
    path = rule(rosenbrock, start, **values).minimize(steps)
    return path.theta[-1], path.diverged


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(runs, "IN_CACHE", 12)
    monkeypatch.setattr(runs, "WORTH_DROPPING", 0)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_runs_in_pieces_end_where_they_end_alone(rule, small_pieces):
    rng = numpy.random.default_rng(0)
    starts = rng.uniform(-1.5, 1.5, size=(15, 2))
    lr = rng.uniform(1e-4, 2e-3, size=15)
    ends = finish(rule, as_problem(rosenbrock), 50, {"lr": lr}, starts)
    for i in range(15):
        theta, diverged = alone(rule, starts[i], 50, lr=lr[i])
        assert ends.diverged[i] == diverged
        if not diverged:
            numpy.testing.assert_allclose(ends.theta[i], theta, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("rule", [SGD, partial(Lookahead, inner=SGD)], ids=["SGD", "Lookahead"])
def test_runs_that_diverge_are_marked_and_dropped_and_the_others_go_on(rule, small_pieces):
    lr = numpy.array([1.0, 1e-4, 2.0, 5e-4, 3.0, 1e-3])
    ends = finish(rule, as_problem(rosenbrock), 200, {"lr": lr})
    assert ends.diverged.tolist() == [True, False] * 3
    for i in (1, 3, 5):
        theta, _ = alone(rule, rosenbrock.start, 200, lr=lr[i])
        numpy.testing.assert_allclose(ends.theta[i], theta, rtol=1e-9)


def test_noise_is_the_same_in_every_piece(small_pieces):
    function = as_problem(noisy(rosenbrock, 0.1, seed=2))
    ends = finish(partial(Adam, lr=0.01), function, 40, {}, numpy.zeros((20, 2)))
    assert (ends.theta == ends.theta[0]).all()


def test_pieces_are_even_and_as_many_for_each_thread():
    pieces = runs._even(numpy.arange(100), 30, threads=2)
    assert [len(piece) for piece in pieces] == [25, 25, 25, 25]
    assert [len(piece) for piece in runs._even(numpy.arange(3), 1, threads=2)] == [1, 1, 1]
    assert [len(piece) for piece in runs._even(numpy.arange(20), 30, threads=2)] == [20]


def test_a_long_loop_over_a_student_s_rule_shows_a_bar(capsys, monkeypatch):
    class Alone(SGD):
        def direction(self, theta, g):
            return g

    monkeypatch.setattr("optimizers.progress.SHORT", 0.0)
    finish(Alone, as_problem(rosenbrock), 2, {"lr": numpy.full(3, 1e-4)})
    assert "3/3" in capsys.readouterr().err


def test_state_of_another_shape_survives_the_dropping_of_others(small_pieces):
    class Capped(SGD):
        state = ("mean",)
        batched = True

        def direction(self, theta, g):
            length = numpy.linalg.norm(g, axis=-1)  # (runs,)
            self.mean = length if self.t == 1 else 0.9 * self.mean + 0.1 * length
            return g / (self.mean[..., None] + 1e-8) + g

    lr = numpy.array([1.0, 1e-4, 2.0, 3.0])
    ends = finish(Capped, as_problem(rosenbrock), 300, {"lr": lr})
    theta, _ = alone(Capped, rosenbrock.start, 300, lr=1e-4)
    numpy.testing.assert_allclose(ends.theta[1], theta, rtol=1e-9)


def test_an_interrupt_stops_the_threads_before_they_are_done(monkeypatch, ctrl_c):
    monkeypatch.setattr(runs, "IN_CACHE", 4)
    steps = []

    class Counted(SGD):
        batched = True

        def direction(self, theta, g):
            steps.append(self.t)
            return g

    with ctrl_c(0.3):
        finish(partial(Counted, lr=1e-4), as_problem(rosenbrock), 10**6, {}, numpy.zeros((8, 2)))
    assert len(steps) < 10**6
