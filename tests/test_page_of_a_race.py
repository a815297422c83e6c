"""The page of a race: what was raced, seed by seed, and nothing that was not."""

from __future__ import annotations

import base64

import autograd.numpy as anp
import matplotlib.pyplot as plt
import numpy as np
import pytest

from optimizers import SGD, Adam, Momentum, Optimizer, Training, compare
from optimizers.datasets import two_moons
from optimizers.experiments import Comparison
from optimizers.functions import booth, monkey_saddle, noisy, rosenbrock
from optimizers.models import mlp
from optimizers.page import pictures


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def singles(letters):
    return np.frombuffer(base64.b64decode(letters), "<f4")


def told(page, label):
    return next(rule.data for rule in page.rules if rule.data["label"] == label)


@pytest.fixture(scope="module")
def race():
    return compare([SGD, Adam], booth, steps=60)


def test_every_seed_has_its_path_and_its_losses(race):
    page = race.page()
    assert page.options["seeds"] == list(race.race_seeds)
    for label, path in race.items():
        theta = singles(told(page, label)["theta"]).reshape(path.theta.shape)
        np.testing.assert_array_equal(theta, path.theta.astype("f4"))
        losses = singles(told(page, label)["losses"]).reshape(path.loss.shape)
        np.testing.assert_array_equal(losses, race.losses[label].astype("f4"))


def test_the_card_says_the_tuned_rate(race):
    assert told(race.page(), "Adam")["told"].startswith("η = ")
    assert "{:.3g}".format(race.lr["Adam"]) in told(race.page(), "Adam")["told"]


def test_nothing_can_be_moved_but_the_step_and_the_seed(race):
    assert race.page().options["move"] == []
    assert race.page(height=500).height == 500


def test_a_long_race_keeps_its_first_steps_and_its_last():
    race = compare([SGD, Momentum, Adam], rosenbrock, steps=5000, lr=1e-3)
    times = race.page().options["times"]
    np.testing.assert_array_equal(times[:20], np.arange(20))
    assert times[-1] == 5000
    assert len(race.page().html) < 1_000_000


def test_many_seeds_leave_steps_out_also_of_a_short_race():
    times = compare([SGD, Momentum], booth, steps=10, lr=1e-3, seeds=3000).page().options["times"]
    assert times[0] == 0
    assert times[-1] == 10


def test_a_single_run_has_one_seed():
    page = compare([SGD], booth, steps=20, seeds=None).page()
    assert page.options["seeds"] == ["none"]
    assert len(singles(told(page, "SGD")["losses"])) == 21


@pytest.mark.parametrize(
    "problem", [rosenbrock.in_dimension(5), Training(mlp([2, 8, 2]), two_moons(), batch_size=50)]
)
def test_a_race_of_many_weights_has_curves_and_no_map(problem):
    race = compare([SGD, Adam], problem, steps=30, lr=1e-4, seeds=3)
    page = race.page()
    assert page.options["show"] == ["loss"]
    assert told(page, "SGD")["theta"] == ""
    losses = singles(told(page, "SGD")["losses"]).reshape(race.losses["SGD"].shape)
    np.testing.assert_array_equal(losses, race.losses["SGD"].astype("f4"))


def test_a_loss_that_cannot_be_written_leaves_out_the_map_and_says_why(capsys):
    def branching(w):
        return anp.sum(w**2) if w[0] > 0 else anp.sum(w**4)

    page = compare([SGD], branching, start=[1.0, 2.0], steps=20, lr=0.01, seeds=2).page()
    assert "branches on a value" in capsys.readouterr().out
    assert page.options["show"] == ["loss"]


def test_a_race_that_was_saved_has_its_page(race, tmp_path):
    race.save(tmp_path / "race.zip")
    again = Comparison.load(tmp_path / "race.zip").page(tmp_path / "race.html")
    assert again.html == race.page().html == (tmp_path / "race.html").read_text("utf8")


def test_a_rule_of_ones_own_and_noise_are_played_as_they_were():
    class Sign(Optimizer):
        def direction(self, theta, g):
            return np.sign(g)

    race = compare([Sign, SGD], noisy(booth, 0.5, seed=2), steps=15, lr=0.01, seeds=2)
    page = race.page()
    losses = singles(told(page, "Sign")["losses"]).reshape(race["Sign"].loss.shape)
    np.testing.assert_array_equal(losses, race.losses["Sign"].astype("f4"))


def test_a_function_without_a_bottom_says_so():
    page = compare([SGD, Adam], monkey_saddle, steps=30).page()
    assert page.functions[0].data["bounded"] is False


@pytest.mark.parametrize("make", [getattr(pictures, name) for name in pictures.ALL])
def test_a_picture_for_a_lesson_is_small_and_whole(make):
    page = make()
    assert len(page.html) < 200_000
    assert page.options["move"] is not None
    assert page.functions[0].data["minimum"] == 0.0
