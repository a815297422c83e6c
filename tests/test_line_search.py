"""LineSearch, LBFGS, NonlinearCG: steps that look before they are made, and count the looks."""

import copy
import json
import pickle
from functools import partial
from pathlib import Path

import autograd.numpy as np
import numpy
import pytest
from autograd import grad

from optimizers import (
    LBFGS,
    SAM,
    SGD,
    Averaged,
    LineSearch,
    Lookahead,
    Momentum,
    Newton,
    NonlinearCG,
    Optimizer,
    batched,
    compare,
    suite,
)
from optimizers.functions import FUNCTIONS, booth, himmelblau, noisy, quadratic, rosenbrock, sphere
from optimizers.page.written import Unwritten, written_rule
from optimizers.problem import as_problem
from optimizers.rules.line_search import backtracking

BY_SCIPY = json.loads((Path(__file__).parent / "references" / "searches.json").read_text())
BOTH = pytest.mark.parametrize("rule", [LBFGS, NonlinearCG])
ROUNDING = 1e-14


class Steepest(LineSearch):
    def direction(self, theta, g):
        return g


def spent(path):
    return path["evaluations"].reshape(len(path), -1)


# ------------------------------------------------------------------------- what others' code gives


def test_lbfgs_turns_the_gradient_as_scipy_s_inverse_hessian_does(record_property):
    told = BY_SCIPY["direction"]
    A, points = numpy.array(told["A"]), numpy.array(told["theta"])
    lbfgs = LBFGS(lambda w: w @ A @ w / 2, points[0])
    for point in points:
        lbfgs.theta = point
        lbfgs.minimize_raw()
    theirs = numpy.array(told["direction"])
    off = numpy.max(numpy.abs(lbfgs.d - theirs)) / numpy.max(numpy.abs(theirs))
    record_property("relative difference", ("LBFGS's direction", told["reference"], float(off)))
    assert off < 1e-12


def test_nonlinear_cg_on_a_quadratic_is_scipy_s_linear_one(record_property):
    told = BY_SCIPY["linear"]
    A, b, theirs = (numpy.array(told[name]) for name in ("A", "b", "path"))
    ours = NonlinearCG(lambda w: w @ A @ w / 2 - b @ w, theirs[0]).minimize(len(theirs) - 1).theta
    off = numpy.max(numpy.abs(ours - theirs)) / numpy.max(numpy.abs(theirs))
    record_property("relative difference", ("NonlinearCG", told["reference"], float(off)))
    assert off < 1e-9


@BOTH
def test_evaluations_to_scipy_s_loss_are_comparable_with_scipy_s(rule, record_property):
    """Where both come down into the same valley; ours are losses alone for the greater part."""
    told = BY_SCIPY["minima"][rule.__name__]
    ratios = []
    for name, theirs in told["functions"].items():
        function = FUNCTIONS[name]
        if name in ("mccormick", "monkey_saddle"):  # they fall without end, outside their domain
            continue
        path = rule(function, function.start).minimize(60, watch="evaluations")
        near = theirs["loss"] + 1e-8 * (path.loss[0] - theirs["loss"]) + 1e-14
        there = numpy.flatnonzero(path.loss <= near)
        if len(there):
            ratios.append(spent(path)[there[0], 0] / theirs["evaluations"])
    assert len(ratios) >= 14
    assert numpy.median(ratios) < 2


# ----------------------------------------------------------------------------------- the search


def parabolas(lows, depth=1.0):
    """Of each run, down to −depth at its lowest point."""

    def along(rate):
        return depth * ((rate / lows - 1) ** 2 - 1), -2 * depth * rate / lows

    return along


def test_a_trial_that_pays_is_taken_and_one_that_does_not_is_cut_to_the_parabola_s_lowest_point():
    rate, trials = backtracking(parabolas(numpy.array([1.0, 0.3])), numpy.array([1.0, 1.0]))
    assert rate == pytest.approx([1.0, 0.3])
    assert trials.tolist() == [1, 2]


def test_a_trial_is_cut_to_a_tenth_at_least_and_to_a_half_at_most():
    seen = []

    def along(rate):
        seen.append(float(rate))
        return numpy.array(100.0 if len(seen) == 1 else 1e-9), -rate

    backtracking(along, numpy.array(1.0))
    assert seen[:3] == pytest.approx([1.0, 0.1, 0.05], rel=1e-6)


def test_a_first_trial_that_is_too_short_is_lengthened_while_the_loss_falls():
    rate, trials = backtracking(parabolas(numpy.array(1.0)), numpy.array(1e-3))
    assert 0.5 < rate < 1.5
    assert trials < 8


def test_where_no_trial_pays_the_rate_is_zero_and_the_trials_are_counted():
    rate, trials = backtracking(lambda rate: (rate, -rate), numpy.array([1.0, 1.0]))
    assert rate.tolist() == [0, 0]
    assert trials.tolist() == [30, 30]


def test_nothing_is_tried_from_a_rate_of_zero():
    rate, trials = backtracking(parabolas(numpy.array([1.0, 1.0])), numpy.array([0.0, 1.0]))
    assert (rate.tolist(), trials.tolist()) == ([0, 1], [0, 1])


def test_trials_that_are_not_finite_are_cut_short():
    def along(rate):
        return numpy.where(rate > 0.005, numpy.nan, -rate), -rate

    rate, trials = backtracking(along, numpy.array(1.0))
    assert rate == pytest.approx(1e-3)
    assert trials == 4

    def into_the_abyss(rate):
        return numpy.where(rate > 0.5, -numpy.inf, -rate), -rate

    assert backtracking(into_the_abyss, numpy.array(1.0))[0] == pytest.approx(0.1)


def test_searches_side_by_side_are_searches_alone():
    rng = numpy.random.default_rng(0)
    lows, rates = 10 ** rng.uniform(-6, 3, 30), 10 ** rng.uniform(-2, 2, 30)
    together = backtracking(parabolas(lows), rates)
    for i in range(30):
        alone = backtracking(parabolas(lows[i]), rates[i])
        assert (alone[0], alone[1]) == (together[0][i], together[1][i])


# ------------------------------------------------------------------------------------- the rules


@pytest.mark.parametrize("name", FUNCTIONS)
@BOTH
def test_the_loss_never_rises(rule, name):
    loss = rule(FUNCTIONS[name], FUNCTIONS[name].start).minimize(40).loss
    loss = loss[numpy.isfinite(loss)]
    assert (numpy.diff(loss) <= ROUNDING * numpy.abs(loss[:-1])).all()


@pytest.mark.parametrize("name", ["rosenbrock", "beale", "himmelblau", "plateau", "trap", "easom"])
@BOTH
def test_valleys_and_plateaus_are_left_behind_in_a_hundred_steps(rule, name):
    path = rule(FUNCTIONS[name], FUNCTIONS[name].start).minimize(100)
    assert path.grad_norm[-1] < 1e-6


@BOTH
def test_the_start_s_scale_is_found(rule):
    for size in (1e-6, 1e6):
        path = rule(lambda w, size=size: size * np.sum((w - 3) ** 2), [0.0, 1.0]).minimize(15)
        assert path.theta[-1] == pytest.approx([3.0, 3.0], rel=1e-6)


@BOTH
def test_evaluations_are_the_calls_of_the_loss(rule):
    calls = []

    def loss(w):
        calls.append(0)
        return rosenbrock(w)

    optimizer = rule(loss, [-1.5, 2.0])
    calls.clear()
    for _ in range(12):
        optimizer.minimize_raw()
        assert optimizer.evaluations.tolist() == [len(calls)]
    assert len(calls) > 24


def test_evaluations_of_a_run_count_no_trials_of_another():
    starts = numpy.array([[1.0, 1.0], [-1.5, 2.0]])  # the first is at the minimum
    path = LBFGS(rosenbrock, starts).minimize(20, watch="evaluations")
    alone = LBFGS(rosenbrock, starts[1]).minimize(20, watch="evaluations")
    assert spent(path)[:, 0].tolist() == list(range(21))
    assert spent(path)[:, 1].tolist() == spent(alone)[:, 0].tolist()


@BOTH
@pytest.mark.parametrize(
    "loss", [rosenbrock, lambda x: (x[0] - 1) ** 4 + x[1] ** 2], ids=["batched", "one by one"]
)
def test_many_runs_are_each_as_it_is_alone(rule, loss):
    starts = numpy.array([[-1.5, 2.0], [0.5, 0.5], [3.0, -1.0]])
    lr = numpy.array([[1.0], [0.3], [2.0]])
    function = loss if loss is rosenbrock else batched(lambda x: loss((x[..., 0], x[..., 1])))
    together = rule(function, starts, lr).minimize(25, watch="evaluations")
    for i in range(3):
        alone = rule(loss, starts[i], lr[i, 0]).minimize(25, watch="evaluations")
        numpy.testing.assert_allclose(together.theta[:, i], alone.theta, rtol=1e-9, atol=1e-12)
        assert spent(together)[:, i].tolist() == spent(alone)[:, 0].tolist()


@BOTH
def test_at_a_minimum_and_on_a_flat_function_it_stays_and_tries_nothing(rule):
    for loss, start in ((rosenbrock, [1.0, 1.0]), (lambda w: 3.0 + 0 * np.sum(w), [2.0, 5.0])):
        optimizer = rule(loss, start)
        path = optimizer.minimize(4)
        assert (path.theta == start).all()
        assert optimizer.evaluations == 4  # the gradients of the steps
        assert not path.diverged


@BOTH
def test_beyond_the_loss_s_domain_is_not_stepped(rule):
    path = rule(lambda w: np.sum(w - np.log(w)), [0.1, 9.0]).minimize(60)  # nan below 0
    assert path.theta[-1] == pytest.approx([1.0, 1.0])
    assert numpy.isfinite(path.loss).all()


@BOTH
def test_what_is_not_finite_from_the_start_has_diverged(rule):
    path = rule(lambda w: np.sum(np.log(w)), [-1.0, 2.0]).minimize(3)
    assert path.diverged


@BOTH
def test_an_infinite_slope_is_no_way_down(rule):
    path = rule(lambda w: np.sum(np.sqrt(w)), [0.0, 1.0]).minimize(3)
    assert path.diverged


@BOTH
def test_a_loss_without_a_bottom_falls_without_a_warning(rule):
    path = rule(lambda w: w[0] - 2 * w[1], [0.0, 0.0]).minimize(5)
    assert path.loss[-1] < -1e3


@BOTH
def test_where_no_trial_pays_the_weights_stay(rule):
    optimizer = rule(lambda w: np.where(w[0] < 1, w[0] + 10, w[0]), [1.0])  # a step up, downhill
    path = optimizer.minimize(2)
    assert path.theta.ravel().tolist() == [1, 1, 1]
    assert optimizer.alpha == 0
    assert optimizer.evaluations > 20


def test_a_direction_that_is_none_downhill_gives_way_to_the_gradient():
    class Uphill(LineSearch):
        def direction(self, theta, g):
            return -g

    up, down = (rule(rosenbrock, [-1.5, 2.0]).minimize(20) for rule in (Uphill, Steepest))
    assert numpy.array_equal(up.theta, down.theta)


def test_pairs_without_curvature_are_left_out_and_the_others_kept():
    lbfgs = LBFGS(lambda w: -np.cos(w[0]), [0.0])
    for x in (0.1, 0.3, 2.5, 2.8, 2.6):  # the slope, sin x, rises up to π / 2
        lbfgs.theta = [x]
        lbfgs.minimize_raw()
    assert lbfgs.S[lbfgs.S != 0] == pytest.approx([0.2, 2.2])
    assert (lbfgs.Y[lbfgs.S == 0] == 0).all()
    assert numpy.cos(lbfgs.minimize(20).theta[-1]) == pytest.approx([1.0])


def test_lbfgs_keeps_as_many_pairs_as_it_is_told_and_may_be_told_anew():
    lbfgs = LBFGS(rosenbrock, [-1.5, 2.0], memory=3)
    lbfgs.minimize(10)
    assert lbfgs.S.shape == (3, 2)
    lbfgs.memory = 5
    lbfgs.minimize(10)
    assert lbfgs.S.shape == (5, 2)
    lbfgs.memory = 1
    lbfgs.minimize(1)
    assert lbfgs.S.shape == (1, 2)


def test_the_pairs_can_be_watched():
    starts = numpy.array([[-2.0, 5.0], [1.0, 3.0]])
    lbfgs = LBFGS(quadratic(condition=10), starts, memory=3)
    path = lbfgs.minimize(5, watch=("S", "Y"))
    assert path["S"].shape == path["Y"].shape == (6, 2, 3, 2)
    assert (path["S"][:2] == 0).all()
    assert numpy.array_equal(path["S"][2:, :, -1], path.theta[1:-1] - path.theta[:-2])
    lbfgs.select(numpy.array([False, True]))
    assert numpy.array_equal(lbfgs.S, path["S"][-1, 1:])
    before = lbfgs.Y
    lbfgs.memory = 4
    assert (lbfgs.Y[:, 0] == 0).all()
    assert numpy.array_equal(lbfgs.Y[:, 1:], before)
    assert lbfgs.minimize(2, watch="Y")["Y"].shape == (3, 1, 4, 2)


@BOTH
def test_trials_are_made_on_the_batch_of_the_step(rule):
    seen = []

    def loss(w, batch):
        seen.append(batch)
        return np.sum((w - batch) ** 4)

    optimizer = rule(loss, [0.5, 0.0])
    for batch in (1.0, 2.0, 3.0):
        seen.clear()
        optimizer.minimize_raw(batch)
        assert set(seen) == {batch}
        assert len(seen) >= 2


@BOTH
def test_on_a_noisy_loss_each_step_falls_on_its_own_noise(rule):
    function = noisy(quadratic(condition=5), sigma=0.1, seed=3)
    optimizer = rule(function, [4.0, 4.0])
    path = optimizer.minimize(50)
    assert not path.diverged
    assert quadratic(condition=5)(path.theta[-1]) < quadratic(condition=5)(path.theta[0]) / 50


@pytest.mark.parametrize("rule", [LBFGS, NonlinearCG, Steepest])
def test_a_projection_is_looked_at_before_the_step(rule):
    within = lambda w: np.clip(w, [-1.0, -1.0], [2.0, 1.5])  # noqa: E731
    path = rule(himmelblau, [-0.5, 0.5], project=within).minimize(60)
    assert numpy.array_equal(path.theta, within(path.theta))
    assert (numpy.diff(path.loss) <= ROUNDING * path.loss[:-1]).all()
    end = path.theta[-1]
    assert within(end - grad(himmelblau)(end)) == pytest.approx(end, rel=1e-6)


@BOTH
def test_a_minimum_on_an_edge_is_found(rule):
    path = rule(booth, [0.0, 0.0], project=lambda w: np.minimum(w, [0.5, 9.0])).minimize(60)
    assert path.theta[-1] == pytest.approx([0.5, 3.4], rel=1e-5)  # where the slope along it is 0


@BOTH
def test_nested_weights_move_as_flat_ones(rule):
    nested = {"a": numpy.array([-1.5]), "b": [numpy.array([2.0])]}
    flat = rule(rosenbrock, [-1.5, 2.0]).minimize(15)
    path = rule(lambda w: rosenbrock(np.concatenate([w["a"], w["b"][0]])), nested).minimize(15)
    numpy.testing.assert_allclose(path.theta, flat.theta, rtol=1e-12)


@BOTH
def test_a_layer_with_no_learning_rate_is_frozen(rule):
    loss = lambda w: np.sum((w["a"] - 1) ** 2) + np.sum((w["a"] * w["b"] - 6) ** 2)  # noqa: E731
    path = rule(loss, {"a": numpy.ones(1), "b": numpy.ones(1)}, {"a": 0.0}).minimize(20)
    assert path.theta[-1] == pytest.approx([1.0, 6.0])


@BOTH
def test_copied_pickled_or_with_some_runs_left_it_goes_on_as_before(rule):
    starts = numpy.array([[-1.5, 2.0], [0.5, 0.5], [3.0, -1.0]])
    optimizer = rule(rosenbrock, starts)
    optimizer.minimize(7)
    copied, pickled, some = (copy.copy(optimizer) for _ in range(3))
    pickled = pickle.loads(pickle.dumps(pickled))
    some.select(numpy.array([True, False, True]))
    path = optimizer.minimize(7, watch="evaluations")
    for other in (copied, pickled):
        again = other.minimize(7, watch="evaluations")
        assert numpy.array_equal(again.theta, path.theta)
        assert numpy.array_equal(spent(again), spent(path))
    again = some.minimize(7, watch="evaluations")
    assert numpy.array_equal(again.theta, path.theta[:, [0, 2]])
    assert numpy.array_equal(spent(again), spent(path)[:, [0, 2]])


@BOTH
def test_a_step_that_is_interrupted_was_not_made(rule):
    stop = []

    def loss(w):
        if stop and len(stop) < 3:
            stop.append(0)
        elif stop:
            raise KeyboardInterrupt
        return rosenbrock(w)

    optimizer, whole = rule(loss, [-1.5, 2.0]), rule(rosenbrock, [-1.5, 2.0])
    optimizer.minimize(3)
    stop.append(0)
    with pytest.raises(KeyboardInterrupt):
        optimizer.minimize_raw()
    stop.clear()
    optimizer.minimize(3)
    whole.minimize(6)
    assert numpy.array_equal(optimizer.theta, whole.theta)
    assert optimizer.evaluations == whole.evaluations


def test_lookahead_can_be_around_it_and_looks_where_it_is():
    outer = Lookahead(rosenbrock, [-1.5, 2.0], inner=LBFGS, k=1, alpha=1.0)
    path = outer.minimize(20, watch="evaluations")
    inner = LBFGS(rosenbrock, [-1.5, 2.0]).minimize(20, watch="evaluations")
    numpy.testing.assert_allclose(path.theta, inner.theta, rtol=1e-9)
    assert numpy.array_equal(spent(path), spent(inner))
    assert outer.gradients_per_step is None


def test_averaged_can_be_around_it_and_it_looks_from_the_weights_that_it_moves():
    calls = []

    def loss(w):
        calls.append(0)
        return rosenbrock(w)

    outer, inner = Averaged(loss, [-1.5, 2.0], inner=LBFGS), LBFGS(rosenbrock, [-1.5, 2.0])
    calls.clear()
    for _ in range(15):
        outer.minimize_raw()
        inner.minimize_raw()
        assert numpy.array_equal(outer._theta, inner.theta)
    assert outer.evaluations == len(calls) - 15  # the losses of the mean, which are shown
    assert outer.evaluations == inner.evaluations + 15


def test_sam_refuses_a_rule_that_searches():
    with pytest.raises(ValueError, match="SAM cannot wrap LBFGS"):
        SAM(sphere, [1.0], inner=LBFGS)


def test_a_rule_of_one_s_own_must_keep_count():
    class Forgetful(LineSearch):
        state = ("m",)

        def direction(self, theta, g):
            return g

    with pytest.raises(TypeError, match=r"state = \(\*LineSearch.state"):
        Forgetful(sphere, [1.0])


@pytest.mark.parametrize("function", [rosenbrock, noisy(rosenbrock, 0.1)], ids=["plain", "noisy"])
def test_in_a_formula_value_is_the_loss_before_the_step_and_costs_nothing(function):
    seen, calls = [], []

    class Looks(Optimizer):
        def direction(self, theta, g):
            before = len(calls)
            seen.append(self.value)
            assert len(calls) == before
            return g

    def counted(w, *batch):
        calls.append(0)
        return np.sum(w**4)

    path = Looks(function, [-1.5, 2.0], lr=1e-4).minimize(5)
    assert seen == path.loss[:-1].tolist()
    Looks(counted, [1.0, 2.0]).minimize(3)


# -------------------------------------------------------------------------------- the library


@BOTH
def test_a_long_run_is_made_plainly_and_says_why(rule, monkeypatch):
    monkeypatch.setattr("optimizers.engine.whole_runs.COMPILING", (0, 0))  # on any machine
    optimizer = rule(rosenbrock, [-1.5, 2.0])
    long = optimizer.minimize(200)
    assert "no machine code" in repr(optimizer.recorded)
    assert "the formula looks at the loss" in optimizer.recorded.why
    again = rule(rosenbrock, [-1.5, 2.0])
    for theta in long.theta[:30]:
        assert numpy.array_equal(again.theta, theta)
        again.minimize_raw()


def test_a_page_does_not_show_it_and_says_why():
    with pytest.raises(
        Unwritten, match="LBFGS cannot run in a page: the formula looks at the loss"
    ):
        written_rule("LBFGS", LBFGS, as_problem(booth))


def test_weights_by_the_ten_thousand_are_moved_plainly():
    loss = lambda w: np.sum(np.cosh(w - 1))  # noqa: E731
    path = LBFGS(loss, numpy.zeros(50_000)).minimize(15)
    assert path.theta[-1] == pytest.approx(numpy.ones(50_000), abs=1e-5)


def test_a_race_counts_what_was_evaluated():
    race = compare([SGD, LBFGS], rosenbrock, steps=60, lr=[1e-3, 1.0], seeds=3, progress=False)
    assert race.costs == {"SGD": 1, "LBFGS": None}
    row = {row["rule"]: row for row in race.rows()}["LBFGS"]
    path, minimum = race["LBFGS"], 0.0
    reached = path.loss - minimum <= 1e-3 * (path.loss[0] - minimum)
    first = reached.argmax(axis=0)
    assert row["steps_to_target"] == numpy.sort(first)[1]
    each = spent(path)[first, range(3)]
    assert row["gradients_to_target"] == numpy.sort(each)[1] > row["steps_to_target"]
    assert "A step of LBFGS takes a varying number of evaluations" in repr(race)


def test_a_race_at_equal_gradients_refuses_what_takes_a_varying_number():
    with pytest.raises(ValueError, match="a step of mine takes a varying number of evaluations"):
        compare({"mine": NonlinearCG, "SGD": SGD}, rosenbrock, steps=9, budget="gradients")


def test_a_race_that_is_kept_keeps_the_count(tmp_path):
    race = compare([LBFGS, Newton], rosenbrock, steps=50, lr=1.0, seeds=3, progress=False)
    race.save(tmp_path / "race.zip")
    again = type(race).load(tmp_path / "race.zip")
    assert again.costs == race.costs == {"LBFGS": None, "Newton": 3}
    assert again.rows() == race.rows()


def test_a_suite_measures_by_the_count():
    both = suite([Momentum, LBFGS], [booth], steps=40, lr=[1e-2, 1.0], seeds=3, progress=False)
    row = next(row for row in both["Booth"].rows() if row["rule"] == "LBFGS")
    assert both.gradients_to_target[0, 1] == row["gradients_to_target"]


def test_they_are_tuned_over_their_own_space():
    race = compare([partial(LBFGS)], booth, steps=4, trials=4, seeds=3, progress=False)
    assert set(race.chosen["LBFGS"]) == {"lr", "memory"}
