"""Sweeps, comparisons and basins: complete, fair, and honest about what diverged."""

from functools import partial

import autograd.numpy as np
import numpy
import pytest

from optimizers import (
    LAMB,
    SGD,
    Adam,
    AdamW,
    Lookahead,
    Momentum,
    Newton,
    Optimizer,
    basins,
    compare,
    sweep,
)
from optimizers.experiments.inputs import LEARNING_RATES
from optimizers.functions import (
    booth,
    easom,
    himmelblau,
    mccormick,
    monkey_saddle,
    noisy,
    rosenbrock,
    shifted,
    sphere,
    styblinski_tang,
    trap,
)


class Alone(Optimizer):
    """A student's rule, which promises nothing."""

    gamma = 0.5

    def direction(self, theta, g):
        return self.gamma * g / (1e-9 + numpy.linalg.norm(g))


def test_a_sweep_has_the_final_loss_of_every_combination():
    result = sweep(Adam, rosenbrock, steps=30, lr=[0.01, 0.1, 0.5], beta1=[0.5, 0.9])
    assert result.final_loss.shape == (3, 2)
    for i, lr in enumerate([0.01, 0.1, 0.5]):
        for j, beta1 in enumerate([0.5, 0.9]):
            path = Adam(rosenbrock, rosenbrock.start, lr, beta1=beta1).minimize(30)
            assert result.final_loss[i, j] == pytest.approx(path.loss[-1], rel=1e-12)
    best = result.best
    assert best["loss"] == result.final_loss.min()
    path = Adam(rosenbrock, rosenbrock.start, best["lr"], beta1=best["beta1"]).minimize(30)
    assert path.loss[-1] == pytest.approx(best["loss"], rel=1e-12)


def test_a_sweep_marks_what_diverged_as_infinitely_bad():
    result = sweep(SGD, rosenbrock, steps=50, lr=[1e-4, 1.0])
    assert result.diverged.tolist() == [False, True]
    assert result.final_loss[1] == numpy.inf
    assert "50% diverged" in repr(result)


def test_a_sweep_keeps_thinned_curves_if_asked():
    lr = [1e-4, 1e-3, 1.0]
    result = sweep(SGD, rosenbrock, steps=50, every=20, lr=lr)
    assert result.curve_steps.tolist() == [0, 20, 40, 50]
    for i in (0, 1):
        path = SGD(rosenbrock, rosenbrock.start, lr[i]).minimize(50)
        assert result.curves[i].tolist() == path.loss[[0, 20, 40, 50]].tolist()
    assert result.curves[2, 0] == rosenbrock(rosenbrock.start)
    assert (result.curves[2, 1:] == numpy.inf).all()
    assert sweep(SGD, rosenbrock, steps=50, lr=lr).curves is None


def test_grids_of_switches_and_whole_numbers_keep_their_place_among_the_others():
    result = sweep(
        Lookahead,
        rosenbrock,
        steps=20,
        k=[2, 5],
        lr=[0.01, 0.1, 0.2],
        alpha=[0.3, 0.9],
        inner=Momentum,
    )
    assert result.final_loss.shape == (2, 3, 2)
    one = Lookahead(rosenbrock, rosenbrock.start, 0.1, inner=Momentum, k=5, alpha=0.9).minimize(20)
    numpy.testing.assert_allclose(
        result.final_loss[1, 1, 1], one.loss[-1] if not one.diverged else numpy.inf
    )
    both = sweep(Momentum, rosenbrock, steps=20, lr=[1e-4, 1e-3], nesterov=[False, True])
    one = Momentum(rosenbrock, rosenbrock.start, 1e-3, nesterov=True).minimize(20)
    assert both.final_loss[1, 1] == pytest.approx(one.loss[-1], rel=1e-12)


def test_a_student_s_rule_is_swept_run_by_run():
    result = sweep(Alone, rosenbrock, steps=10, lr=[0.01, 0.1], gamma=[0.5, 1.0, 2.0])
    one = Alone(rosenbrock, rosenbrock.start, 0.1, gamma=2.0).minimize(10)
    assert result.final_loss[1, 2] == one.loss[-1]


def test_a_plain_loss_with_nested_weights_can_be_swept_and_compared():
    def loss(w):
        return (w["a"][0] - 3) ** 2 + w["b"] ** 2

    start = {"a": [0.0], "b": 1.0}
    assert sweep(SGD, loss, start=start, steps=50, lr=[0.1, 0.4]).best["lr"] == 0.4
    race = compare([SGD, Adam], loss, start=start, steps=20)
    assert race["SGD"].weights()["a"] == pytest.approx(3, abs=1e-3)
    assert "distance" not in repr(race)  # nobody knows where the minimum is


def test_every_rule_is_tuned_over_the_same_grid_for_the_steps_that_are_shown():
    race = compare([SGD, Adam, AdamW], rosenbrock, steps=60, seeds=None)
    for label, rule in (("SGD", SGD), ("Adam", Adam), ("AdamW", AdamW)):
        grid, curve = race.lr_grid[label], race.final_loss[label]
        assert set(numpy.geomspace(1e-5, 10, 60)) <= set(grid)
        assert len(grid) == 60 + 28  # 14 more around the best, twice
        assert race.lr[label] == grid[numpy.argmin(curve)]
        assert race[label].loss[-1] == curve.min()
        assert len(race[label]) == 61
        swept = sweep(rule, rosenbrock, steps=60, lr=grid)
        assert numpy.array_equal(swept.final_loss, curve)


def test_the_table_says_what_was_measured_best_first():
    race = compare([SGD, Momentum, Newton], himmelblau, steps=100, seeds=7)
    rows = race.rows()
    assert [row["final_loss"] for row in rows] == sorted(row["final_loss"] for row in rows)
    for row in rows:
        path = race[row["rule"]]
        assert path.theta.shape == (101, 7, 2)
        assert row["lr"] == race.lr[row["rule"]]
        assert row["chosen"] == {"lr": row["lr"]}
        ends = numpy.sort(path.loss[-1])
        assert row["final_loss"] == row["gap"] == ends[3]
        assert row["quartiles"] == (ends[1] / 2 + ends[2] / 2, ends[4] / 2 + ends[5] / 2)
        assert row["diverged"] == 0
        apart = numpy.linalg.norm(path.theta[-1][:, numpy.newaxis] - himmelblau.minima, axis=-1)
        assert row["distance"] == pytest.approx(numpy.median(apart.min(axis=1)))
        there = path.loss <= 1e-3 * path.loss[0]
        first = numpy.where(there.any(axis=0), there.argmax(axis=0), numpy.inf)
        half = numpy.sort(first)[3]
        assert row["steps_to_target"] == (half if numpy.isfinite(half) else None)
        if row["steps_to_target"] is not None:
            cost = 3 if row["rule"] == "Newton" else 1
            assert row["gradients_to_target"] == cost * row["steps_to_target"]
    assert rows[0]["good_lr"]
    for row in rows:
        low, high = row["good_lr"] or (row["lr"], row["lr"])
        assert low <= row["lr"] <= high


def test_the_good_range_of_learning_rates_is_unbroken_and_measured_against_the_minimum():
    race = compare([SGD], styblinski_tang, steps=40, seeds=None)
    low, high = race.rows()[0]["good_lr"]
    gap = race.final_loss["SGD"] - styblinski_tang.minimum
    first = styblinski_tang(styblinski_tang.start) - styblinski_tang.minimum
    inside = (race.lr_grid["SGD"] >= low) & (race.lr_grid["SGD"] <= high)
    limit = max(10 * gap.min(), 1e-3 * first)
    assert (gap[inside] <= limit).all()
    ends = numpy.flatnonzero(inside)
    for neighbour in (ends[0] - 1, ends[-1] + 1):
        assert gap[neighbour] > limit


def test_the_table_says_when_the_tuned_value_sits_at_the_edge_of_the_grid():
    race = compare([SGD], rosenbrock, steps=20, lr=[1e-6, 1e-5, 1e-4])
    assert race.rows()[0]["at_edge"]
    assert "edge of the grid" in repr(race)
    assert "0.0001*" in repr(race)
    inside = compare([SGD], rosenbrock, steps=20, lr=[1e-6, 1e-3, 1.0])
    assert "edge of the grid" not in repr(inside)


def test_given_learning_rates_are_taken_untuned_and_it_says_so():
    race = compare([SGD, Adam], rosenbrock, steps=20, lr=1e-3)
    assert race.lr == {"SGD": 1e-3, "Adam": 1e-3}
    assert race.lr_grid == race.final_loss == {}
    assert "not tuned" in repr(race)
    by_label = compare([SGD, Adam], rosenbrock, steps=20, lr={"SGD": 1e-3, "Adam": 0.1})
    assert by_label["Adam"].hyper_parameters["lr"] == 0.1


def test_a_minimum_at_the_origin_is_said_where_a_rule_is_drawn_to_it():
    words = "minimum sits at the origin, to which weight decay or the trust ratio draws AdamW, LAMB"
    assert words in repr(compare([SGD, AdamW, LAMB], sphere, steps=5))
    assert "sits at the origin" not in repr(compare([SGD, Adam], sphere, steps=5))
    assert "sits at the origin" not in repr(compare([AdamW], shifted(sphere, 1.0), steps=5))


def test_noise_is_the_same_for_all_and_not_in_the_losses_of_the_table():
    function = noisy(rosenbrock, 0.5, seed=1)
    race = compare([SGD, Adam], function, steps=30, seeds=5)
    for row in race.rows():
        path = race[row["rule"]]
        ends = numpy.where(path.diverged, numpy.inf, rosenbrock(path.theta[-1]))
        assert row["final_loss"] == pytest.approx(numpy.median(ends))
    assert "without the noise" in repr(race)
    again = compare([SGD, Adam], noisy(rosenbrock, 0.5, seed=1), steps=30, seeds=5)
    assert numpy.array_equal(again["Adam"].theta, race["Adam"].theta)


def test_partials_and_labels_race_under_their_names():
    race = compare(
        [Adam, partial(Adam, beta1=0.5), partial(Lookahead, inner=SGD)], rosenbrock, steps=5
    )
    assert list(race) == ["Adam", "Adam(beta1=0.5)", "Lookahead(inner=SGD)"]
    named = compare({"calm": partial(Adam, beta1=0.99), "wild": Adam}, rosenbrock, steps=5)
    assert list(named) == ["calm", "wild"]
    assert named["calm"].hyper_parameters["beta1"] == 0.99


def test_a_student_s_rule_races_beside_the_library_s():
    race = compare([SGD, Alone], rosenbrock, steps=10, lr=[1e-3, 1e-2])
    assert set(race) == {"SGD", "Alone"}


def test_a_rule_that_always_diverges_comes_last_and_is_called_so():
    race = compare([SGD, Adam], rosenbrock, steps=50, lr=[0.5, 1.0])
    rows = race.rows()
    assert rows[-1]["rule"] == "SGD"
    assert rows[-1]["place"] == (2, 2)
    assert rows[-1]["diverged"] == len(race.race_seeds)
    assert "SGD diverged in every trial." in repr(race)
    assert "diverged" in repr(race).splitlines()[3]


def test_a_function_without_a_minimum_has_no_distance_and_no_tolerance():
    rows = compare([SGD], monkey_saddle, steps=5, lr=1e-3).rows()
    assert rows[0]["distance"] is None
    assert rows[0]["steps_to_target"] is None


def test_a_race_in_more_dimensions_measures_the_distance_there():
    race = compare([Adam], rosenbrock, start=[0.0] * 5, steps=50)
    apart = numpy.linalg.norm(race["Adam"].theta[-1] - 1, axis=-1)
    assert race.rows()[0]["distance"] == pytest.approx(numpy.median(apart))


def test_the_notebook_table_has_the_same_cells_and_escapes_labels():
    race = compare({"<b>": SGD}, rosenbrock, steps=5)
    assert "&lt;b&gt;" in race._repr_html_()
    assert "<b>" not in race._repr_html_()


def test_an_unknown_label_is_answered_with_the_nearest():
    race = compare([SGD], rosenbrock, steps=2)
    with pytest.raises(KeyError, match="Did you mean 'SGD'"):
        race["SDG"]


class Clipped(SGD):
    """A student's rule that looks at all weights at once, grown from one that does not."""

    def direction(self, theta, g):
        return g / np.maximum(1, np.linalg.norm(g))


def test_a_new_formula_does_not_inherit_the_promise_to_take_many_runs():
    assert not Clipped.batched
    result = sweep(Clipped, rosenbrock, steps=20, lr=[1e-3, 1e-1])
    alone = [Clipped(rosenbrock, rosenbrock.start, lr).minimize(20).loss[-1] for lr in (1e-3, 1e-1)]
    assert result.final_loss.tolist() == alone


def test_a_promise_that_is_not_kept_is_an_error():
    class Broken(Clipped):
        batched = True

    with pytest.raises(
        ValueError, match="Broken promises `batched = True`, but gives different numbers"
    ):
        sweep(Broken, rosenbrock, steps=20, lr=[1e-3, 1e-1])


def test_a_learning_rate_that_learns_nothing_is_not_good():
    assert compare([SGD, Adam], rosenbrock, steps=3).rows()[1]["good_lr"] is None


def test_a_sweep_says_when_the_best_value_sits_at_the_edge():
    result = sweep(SGD, rosenbrock, steps=20, lr=[1e-6, 1e-5, 1e-4])
    assert result.at_edge == ["lr"]
    assert "at the edge: lr" in repr(result)
    assert sweep(SGD, rosenbrock, steps=20, lr=[1e-5, 1e-3, 1.0]).at_edge == []


def test_a_function_without_a_minimum_has_no_winner():
    assert "which rule falls fastest" in repr(compare([SGD], monkey_saddle, steps=5, lr=1e-3))


def test_in_more_dimensions_the_gap_is_measured_to_the_minimum_there():
    row = compare([Adam], styblinski_tang, start=[-3.0] * 5, steps=100).rows()[0]
    assert 0 <= row["gap"] < 1e-3
    assert row["steps_to_target"] > 0
    noisy_race = compare([SGD], noisy(rosenbrock, 0.1), start=[0.0] * 5, steps=5, lr=1e-3)
    assert noisy_race.once["SGD"].theta.shape == (6, 5)
    assert noisy_race["SGD"].theta.shape == (6, 32, 5)


def test_lookahead_is_swept_over_the_inner_rule_s_hyper_parameters():
    inner = [partial(Adam, beta1=0.5), partial(Adam, beta1=0.9)]
    result = sweep(Lookahead, rosenbrock, steps=8, inner=inner)
    for i, rule in enumerate(inner):
        path = Lookahead(rosenbrock, rosenbrock.start, inner=rule).minimize(8)
        assert result.final_loss[i] == pytest.approx(path.loss[-1], rel=1e-12)


def test_a_race_takes_one_schedule_for_all():
    race = compare([SGD, Adam], rosenbrock, steps=5, lr=lambda t: 1e-3 / t)
    assert "<lambda>" in repr(race)


def test_good_learning_rates_are_held_to_the_same_standard_for_every_rule():
    race = compare([SGD, Adam], booth, steps=30)
    rows = {row["rule"]: row for row in race.rows()}
    assert rows["Adam"]["gap"] > 10 * rows["SGD"]["gap"]
    assert rows["Adam"]["good_lr"] is None
    assert rows["SGD"]["good_lr"]


def test_a_run_that_leaves_the_domain_and_falls_below_the_minimum_does_not_win():
    race = compare([SGD, Momentum], mccormick, steps=300)
    assert all(row["gap"] > -1e-9 for row in race.rows())
    given = compare([Momentum], mccormick, steps=300, lr=0.3, seeds=None)
    assert given["Momentum"].loss[-1] < mccormick.minimum - 1
    assert "Momentum left the domain and fell below its minimum" in repr(given)
    assert given.rows()[0]["final_loss"] == numpy.inf
    assert sweep(Momentum, mccormick, steps=300, lr=[0.01, 0.3]).diverged.tolist() == [False, True]


def test_the_default_grid_cannot_be_changed_from_outside():
    with pytest.raises(ValueError, match="read-only"):
        LEARNING_RATES[:] = 1


def test_a_race_that_will_not_fit_into_memory_is_refused_before_the_tuning(monkeypatch):
    monkeypatch.setattr("optimizers.trajectory.memory", lambda: 1e6)
    calls = []

    def loss(w):
        calls.append(1)
        return np.sum(w**2)

    one = {"start": np.ones(100), "lr": [0.1, 0.2], "progress": False, "seeds": None}
    with pytest.raises(MemoryError, match=r"would take 0\.0\d+ GB.*fewer steps, rules or seeds"):
        compare([SGD, Adam], loss, steps=500, **one)
    assert not calls
    assert len(compare([SGD, Adam], loss, steps=50, **one)) == 2
    with pytest.raises(MemoryError, match="paths of this race"):
        compare([SGD], noisy(sphere.in_dimension(100), 0.1), steps=50, **one | {"seeds": 20})


def test_rates_for_each_layer_race_if_given_and_are_not_tuned():
    def loss(w):
        return (w["a"] - 1) ** 2 + 3 * (w["b"] - 2) ** 2

    start, rates = {"a": 0.0, "b": 0.0}, {"a": 0.1, "b": 0.2}
    with pytest.raises(TypeError, match=r"^lr must be numbers to tune over; rates for each"):
        compare([SGD], loss, start=start, steps=5, lr=[rates, {"a": 0.2, "b": 0.1}])
    race = compare([SGD, Adam], loss, start=start, steps=5, lr={"SGD": rates, "Adam": 0.1})
    assert numpy.array_equal(race.once["SGD"].theta, SGD(loss, start, lr=rates).minimize(5).theta)
    assert race["SGD"].theta.shape == (6, 32, 2)


def test_phi_is_one_value_as_a_pair_and_a_grid_as_a_list():
    fixed = sweep(LAMB, rosenbrock, steps=5, lr=[1e-3, 1e-2], phi=(0.1, 1.0))
    assert fixed.final_loss.shape == (2,)
    several = sweep(LAMB, rosenbrock, steps=5, lr=[1e-3, 1e-2], phi=[None, (0.1, 1.0)])
    assert several.final_loss[:, 1].tolist() == fixed.final_loss.tolist()


def test_basins_call_no_moving_point_and_no_plain_a_minimum():
    assert len(basins(SGD, rosenbrock, lr=0.001, steps=20, resolution=10).minima) == 1
    assert len(basins(SGD, easom, lr=0.1, steps=20, resolution=10).minima) == 1
    assert len(basins(SGD, himmelblau, lr=0.05, steps=6, resolution=10).minima) == 4


def test_basins_of_himmelblau_are_its_four_minima():
    result = basins(SGD, himmelblau, lr=0.01, steps=300, resolution=15)
    assert numpy.allclose(result.minima[:4], himmelblau.minima)
    assert set(numpy.unique(result.reached)) <= {-2, -1, 0, 1, 2, 3}
    i, j = 3, 11
    end = SGD(himmelblau, [result.x[j], result.y[i]], lr=0.01).minimize(300).theta[-1]
    nearest = numpy.argmin(numpy.linalg.norm(himmelblau.minima - end, axis=1))
    assert result.reached[i, j] == nearest


def test_basins_find_local_minima_as_well():
    result = basins(SGD, trap, lr=0.02, steps=500, resolution=12)
    assert len(result.minima) == 2
    assert numpy.allclose(result.minima[1], [-1, 1], atol=1e-3)
    assert (result.reached >= 0).all()


def test_basins_mark_starts_that_diverge_and_loop_over_a_student_s_rule():
    assert (basins(SGD, rosenbrock, lr=5.0, steps=30, resolution=5).reached == -2).any()
    looped = basins(Alone, himmelblau, lr=0.1, steps=5, resolution=4)
    assert (looped.reached == -1).all()
