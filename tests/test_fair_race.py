"""A race that luck does not win: seeds move starts, rules are tuned alike, places are tested."""

from functools import partial
from itertools import combinations, product

import matplotlib

matplotlib.use("Agg")

import autograd.numpy as np
import matplotlib.pyplot as plt
import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wilcoxon

from optimizers import SGD, Adam, Lookahead, Momentum, Newton, Optimizer, Training, compare
from optimizers.datasets import two_moons
from optimizers.experiments.metrics import expected_best, first_step, middle, quartiles
from optimizers.experiments.standing import fewest_seeds, standing
from optimizers.functions import beale, booth, mccormick, noisy, rosenbrock, sphere, styblinski_tang
from optimizers.models import mlp
from optimizers.plotting import plot_convergence, plot_paths
from optimizers.problem import as_problem
from optimizers.rules import RULES
from optimizers.schedules import cosine
from optimizers.spaces import Choice, Linear, Log, quasi_random

RATES = numpy.geomspace(1e-4, 1, 9)
MOONS = Training(mlp([2, 4, 2]), two_moons(), batch_size=32)
compare = partial(compare, progress=False)


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def bowl(w):
    return np.sum((w - 1) ** 2)


# ------------------------------------------------------------------------------- where seeds start


def test_a_seed_moves_the_start_by_two_percent_of_the_domain_s_width():
    moved = (as_problem(mccormick).starts(range(4000)) - mccormick.start) / 0.02
    width = numpy.ptp(mccormick.domain, axis=1)
    assert moved.std(axis=0) == pytest.approx(width, rel=0.05)
    assert moved.mean(axis=0) == pytest.approx([0, 0], abs=0.05 * width.max())
    within = (numpy.abs(moved) < width).mean()
    assert within == pytest.approx(0.683, abs=0.02)  # normally


@pytest.mark.parametrize(
    ("start", "sigma"), [([30.0, -40.0], 1.0), ([0.3, 0.4], 0.02), ([0.0, 0.0, 0.0], 0.02)]
)
def test_without_a_domain_by_two_percent_of_the_start_s_length_and_at_least_so_much(start, sigma):
    moved = as_problem(bowl, start).starts(range(2000)) - start
    assert moved.std(axis=0) == pytest.approx(numpy.full(len(start), sigma), rel=0.08)


def test_the_scatter_is_ours_to_choose_and_none_leaves_the_start():
    problem = as_problem(rosenbrock)
    near, far = problem.starts([3], 0.01), problem.starts([3], 0.1)
    assert far - rosenbrock.start == pytest.approx(10 * (near - rosenbrock.start))
    assert problem.seeded(3, scatter=0).start.tolist() == rosenbrock.start.tolist()
    race = compare([SGD], rosenbrock, steps=2, lr=1e-3, seeds=3, scatter=0)
    assert (race["SGD"].theta[0] == rosenbrock.start).all()
    with pytest.raises(ValueError, match="scatter must be a finite number >= 0, got -1"):
        compare([SGD], rosenbrock, steps=2, lr=1e-3, scatter=-1)


def test_a_start_hangs_on_its_seed_alone():
    problem = as_problem(rosenbrock)
    together = problem.starts([7, 0, 12])
    for seed, start in zip([7, 0, 12], together, strict=True):
        assert problem.seeded(seed).start.tolist() == start.tolist()
    assert len(numpy.unique(problem.starts(range(50)), axis=0)) == 50
    assert problem.start.tolist() == rosenbrock.start.tolist()


def test_a_seed_moves_the_start_of_a_noisy_function_as_that_of_the_exact_one():
    seeded = as_problem(noisy(rosenbrock, 0.5)).seeded(3)
    assert seeded.start.tolist() == as_problem(rosenbrock).seeded(3).start.tolist()
    assert numpy.array_equal(
        seeded.batch(5, 2), as_problem(noisy(rosenbrock, 0.5, seed=3)).batch(5, 2)
    )


def test_noise_and_start_are_drawn_apart():
    seeded = as_problem(noisy(rosenbrock, 1.0)).seeded(3)
    moved = (seeded.start - rosenbrock.start) / (0.02 * numpy.ptp(rosenbrock.domain, axis=1))
    drawn = numpy.concatenate([seeded.given.noise(t) for t in range(1, 20)])
    assert numpy.abs(drawn[:, numpy.newaxis] - moved).min() > 1e-6


def test_a_start_is_drawn_again_where_the_loss_is_not_finite():
    def barrier(w):
        return np.sum(w - np.log(w))

    plain, walled = as_problem(bowl, [0.01, 3.0]), as_problem(barrier, [0.01, 3.0])
    drawn, starts = plain.starts(range(60)), walled.starts(range(60))
    outside = drawn[:, 0] <= 0
    assert 20 < outside.sum() < 40
    assert numpy.isfinite(walled.values(starts)).all()
    assert numpy.array_equal(starts[~outside], drawn[~outside])
    assert (starts[outside] != [0.01, 3.0]).all()


def test_where_no_finite_loss_is_found_the_start_stays_as_it_is():
    def nowhere(w):
        return np.sum(w) + np.where(np.all(w == 1), 0.0, np.nan)

    assert as_problem(nowhere, [1.0, 1.0]).starts(range(3)).tolist() == [[1.0, 1.0]] * 3


def test_nested_weights_are_moved_and_stay_nested():
    start = {"kernel": numpy.ones((2, 3)), "bias": [0.5, 2.0]}
    moved = as_problem(lambda w: np.sum(w["kernel"] ** 2), start).seeded(4).start
    assert moved["kernel"].shape == (2, 3)
    assert (moved["kernel"] != 1).all()
    assert moved["bias"][0] != 0.5
    assert start["bias"] == [0.5, 2.0]
    flat = numpy.concatenate([numpy.ones(6), [0.5, 2.0]])
    by_hand = as_problem(lambda w: np.sum(w**2), flat).seeded(4).start
    assert moved["kernel"].ravel().tolist() == by_hand[:6].tolist()
    assert numpy.ravel(moved["bias"]).tolist() == by_hand[6:].tolist()


def test_of_a_training_a_seed_draws_the_first_weights_and_moves_nothing():
    start = as_problem(MOONS).seeded(3, scatter=0.5).start
    by_hand = MOONS.model.init(3)
    assert all(
        numpy.array_equal(start[layer][k], by_hand[layer][k])
        for layer in by_hand
        for k in by_hand[layer]
    )


# --------------------------------------------------------------------------------- tuned and shown


@pytest.mark.parametrize("rule", [SGD, Adam, partial(Lookahead, inner=SGD)])
def test_a_rule_is_tuned_for_the_median_over_the_seeds_and_shown_on_others(rule):
    race = compare({"it": rule}, styblinski_tang, steps=15, lr=RATES, seeds=[4, 2, 9])
    problem = as_problem(styblinski_tang)
    assert race.seeds == (4, 2, 9)
    assert race.race_seeds == (10, 11, 12)
    for lr, median in zip(race.lr_grid["it"].tolist(), race.final_loss["it"], strict=True):
        ends = [rule(problem, problem.seeded(s).start, lr=lr).minimize(15) for s in race.seeds]
        losses = [numpy.inf if path.diverged else path.loss[-1] for path in ends]
        assert median == pytest.approx(sorted(losses)[1], rel=1e-9)
    assert race.lr["it"] == race.lr_grid["it"][numpy.argmin(race.final_loss["it"])]
    for i, seed in enumerate(race.race_seeds):
        path = rule(problem, problem.seeded(seed).start, lr=race.lr["it"]).minimize(15)
        numpy.testing.assert_allclose(race["it"].theta[:, i], path.theta, rtol=1e-9)
    once = rule(problem, problem.start, lr=race.lr["it"]).minimize(15)
    numpy.testing.assert_allclose(race.once["it"].theta, once.theta, rtol=1e-9)


def test_a_run_that_diverges_is_infinite_in_the_median():
    def quartic(w):  # where a weight is large, a step goes further out
        return np.sum(w**4)

    how = {"start": [1.0, 1.0], "steps": 40, "lr": 0.3, "scatter": 0.3}
    race = compare([SGD], quartic, seeds=9, **how)
    gone = race["SGD"].diverged
    assert 0 < gone.sum() < 9
    assert race.rows()[0]["diverged"] == gone.sum() == numpy.isinf(race.ends["SGD"]).sum()
    ends = sorted(numpy.where(gone, numpy.inf, race["SGD"].loss[-1]))
    assert race.rows()[0]["final_loss"] == ends[4]


def test_many_seeds_where_runs_are_quick_and_few_where_they_are_slow():
    def one_point(w):  # a branch on a value: one point at a time
        return float(w[0] > 0) * 0 + (w[0] - 1) ** 2

    counts = {}
    for name, function, start in (
        ("quick", rosenbrock, None),
        ("of many weights", sphere, numpy.ones(65)),
        ("one at a time", one_point, [3.0]),
        ("training", MOONS, None),
    ):
        race = compare([SGD], function, start=start, steps=2, lr=[1e-3, 1e-2])
        counts[name] = (len(race.seeds), len(race.race_seeds))
        assert not {*race.seeds} & {*race.race_seeds}
    few = (5, 12)
    assert counts == {
        "quick": (32, 32),
        "of many weights": few,
        "one at a time": few,
        "training": few,
    }


def test_medians_and_quartiles_make_no_nan_of_what_diverged():
    inf = numpy.inf
    assert middle(numpy.array([1.0, inf, 3.0])) == 3
    assert middle(numpy.array([[1.0, 2.0, inf, inf], [1.0, 2.0, 4.0, numpy.nan]])).tolist() == [
        inf,
        3.0,
    ]
    assert quartiles(numpy.array([inf, 1.0, 2.0, 3.0, inf])).tolist() == [2.0, 3.0, inf]
    assert middle(numpy.array([1.7e308, 1.7e308 / 2])) == pytest.approx(1.275e308)
    values = numpy.random.default_rng(0).normal(size=(3, 9))
    expected = numpy.quantile(values, [0.25, 0.5, 0.75], axis=-1).T
    numpy.testing.assert_allclose(quartiles(values), expected)


# ------------------------------------------------------------------------------ the grid's luck


@pytest.mark.parametrize(
    ("grid", "each"),
    [
        ([0.01], 0),  # there is nothing around a lone rate
        ([0.1, 0.1, 0.1], 0),
        ([0.01, 0.1], 2),
        ([0.01, 0.01, 0.1], 2),
        ([1e-3, 0.01, 0.1], 2),
        ([0.0, 0.05, 0.1], 2),
        (numpy.linspace(0, 0.2, 17), 4),
        (numpy.geomspace(1e-5, 10, 60), 14),
        (numpy.geomspace(1e-7, 1e-5, 8), 2),  # too low: the best is the last
        (numpy.geomspace(1, 1e3, 8), 2),  # too high: the best is the first
    ],
)
def test_every_rule_is_tuned_over_as_many_rates_wherever_its_best_one_lies(grid, each):
    rules = [SGD, Momentum, Adam, Newton]
    race = compare(rules, booth, steps=10, lr=grid, seeds=3)
    for label, rates in race.lr_grid.items():
        assert len(rates) == len(race.final_loss[label]) == len(grid) + 2 * each
        assert (numpy.diff(rates) >= 0).all()
        assert {*grid} <= {*rates}
        assert rates[0] == min(grid)
        assert rates[-1] == max(grid)
        assert len({*rates}) == len({*grid}) + 2 * each


@pytest.mark.parametrize("grid", [RATES, numpy.linspace(0, 1, 9)], ids=["log", "linear"])
def test_the_grid_is_refined_around_its_best(grid):
    race = compare([SGD], booth, steps=10, lr=grid, seeds=3)
    rates, first = race.lr_grid["SGD"], race.tunings["SGD"].is_first
    assert rates[first].tolist() == grid.tolist()
    best = numpy.argmin(race.final_loss["SGD"][first])
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    assert ((rates[~first] > low) & (rates[~first] < high)).all()
    assert race.final_loss["SGD"].min() <= race.final_loss["SGD"][first].min()
    again = compare([SGD], booth, steps=10, lr=grid, seeds=3)
    assert again.lr == race.lr


def test_the_table_counts_the_closer_rates():
    said = repr(compare([SGD], booth, steps=5, lr=RATES, seeds=3))
    assert "9 learning rates from 0.0001 to 1 and 4 more, closely around its best" in said


# -------------------------------------------------------------------------------------- places


def told_apart(ends, minimum, floor=0.0):
    """Wilcoxon and Holm by hand: the pairs (lower, higher) that the test tells apart."""
    with numpy.errstate(divide="ignore", invalid="ignore"):
        heights = {k: numpy.log(numpy.maximum(v - minimum, floor)) for k, v in ends.items()}
        order = sorted(ends, key=lambda k: numpy.median(ends[k]))
        found = []
        for a, b in combinations(order, 2):
            apart = heights[b] - heights[a]
            apart = numpy.where(numpy.isnan(apart), 0.0, numpy.clip(apart, -1e300, 1e300))
            sizes = numpy.abs(apart[apart != 0])
            exact = len({*sizes}) == len(sizes) <= 50
            p = 1.0
            if len(sizes) and numpy.median(apart) >= 0:
                method = "exact" if exact else "asymptotic"
                p = wilcoxon(apart[apart != 0], method=method).pvalue
                if wilcoxon(apart[apart != 0], method=method, alternative="greater").pvalue > 0.5:
                    p = 1.0
            found.append((p, (a, b)))
    told = set()
    for i, (p, pair) in enumerate(sorted(found)):
        if p * (len(found) - i) > 0.05:
            break
        told.add(pair)
    return told


def closed(pairs):
    """Who is better than one who is better than a third is better than the third."""
    while True:
        more = {(a, d) for (a, b), (c, d) in product(pairs, pairs) if b == c} - pairs
        if not more:
            return pairs
        pairs = pairs | more


def random_ends(seed, rules, seeds):
    """Ends of rules that differ somewhat, some of which tie, are equal, or diverged."""
    rng = numpy.random.default_rng(seed)
    luck = rng.normal(size=seeds)
    ends = {}
    for i in range(rules):
        heights = luck + rng.normal(rng.choice([0.0, 0.3, 1.0]) * i, 0.5, size=seeds)
        if seed % 3 == 1:
            heights = heights.round(1)  # ties, and differences of zero
        values = numpy.exp(heights)
        if seed % 2:
            values[rng.uniform(size=seeds) < 0.15] = numpy.inf
        ends["ABCDEFGH"[i]] = values
    return ends


@pytest.mark.parametrize("seed", range(24))
def test_places_are_those_of_wilcoxon_s_test_with_holm_s_correction(seed):
    ends = random_ends(seed, rules=2 + seed % 5, seeds=[8, 12, 32, 60][seed % 4])
    found = standing({label: values[numpy.newaxis] for label, values in ends.items()}, minimum=0.0)
    assert found.is_tested
    assert set(found.better) == closed(told_apart(ends, 0.0))
    assert list(found.medians.values()) == sorted(found.medians.values())


@pytest.mark.parametrize("steps", [10, 40])
def test_the_places_of_a_race_are_those_of_the_test_on_what_is_shown(steps):
    lr = {"SGD": 1e-3, "Momentum": 2e-4, "Adam": 0.1, "again": 1e-3, "wild": 1.0}
    rules = {"SGD": SGD, "Momentum": Momentum, "Adam": Adam, "again": SGD, "wild": SGD}
    race = compare(rules, rosenbrock, steps=steps, lr=lr, seeds=20)
    pairs = closed(told_apart(race.ends, rosenbrock.minimum))
    assert set(race.standing.better) == pairs
    assert ("SGD", "wild") in pairs
    for row in race.rows():
        before = sum(b == row["rule"] for _, b in pairs)
        after = sum(a == row["rule"] for a, _ in pairs)
        assert row["place"] == (1 + before, 5 - after)
        best, worst = row["place"]
        cell = str(best) if best == worst else f"{best}–{worst}"
        line = next(line for line in repr(race).splitlines() if f" {row['rule']} " in line)
        assert line.split()[0] == cell


@pytest.mark.parametrize("count", [9, 20])
def test_the_luck_of_the_tuning_is_tested_as_well(count):
    rules = {"SGD": SGD, "Momentum": Momentum, "Adam": Adam}
    grid = numpy.geomspace(1e-4, 1, count)
    race = compare(rules, booth, steps=30, lr=grid, seeds=16)
    starts = as_problem(booth).starts(race.race_seeds)
    tunings = {label: [race.ends[label]] for label in race}
    for label, rule in rules.items():
        for part in range(4):  # each has every fourth seed, and of a long grid every second rate
            rates = grid
            if count == 20:
                between = numpy.sqrt(grid[:-1] * grid[1:])
                rates = (grid[:-1] if part < 2 else between)[part % 2 :: 2]
            lr = compare([rule], booth, steps=30, lr=rates, seeds=race.seeds[part::4]).lr
            paths = [rule(booth, start, lr=lr[label]).minimize(30) for start in starts]
            ends = [numpy.inf if path.diverged else path.loss[-1] for path in paths]
            numpy.testing.assert_allclose(race.entries[label].luck[part], ends, rtol=1e-6)
            tunings[label].append(numpy.array(ends))
    assert race.standing.better
    for a, b in race.standing.better:
        for ours, theirs in zip(tunings[a], tunings[b], strict=True):
            assert told_apart({a: ours, b: theirs}, booth.minimum) == {(a, b)}
    assert "which must also hold when tuned anew on each of 4 parts of the seeds" in repr(race)


def test_tunings_that_disagree_tell_nobody_apart():
    rng = numpy.random.default_rng(0)
    low, high = rng.uniform(1, 2, size=(2, 20)), rng.uniform(3, 4, size=(2, 20))
    one = standing({"A": low[:1], "B": high[:1]})
    assert one.winner == "A"
    both = standing({"A": numpy.vstack([low[0], high[1]]), "B": numpy.vstack([high[0], low[1]])})
    assert both.winner is None
    assert both.place("A") == both.place("B") == (1, 2)
    assert standing({"A": low, "B": high}).winner == "A"


def test_a_lower_median_against_the_ranks_tells_nobody_apart():
    ours = numpy.concatenate([1.99 - numpy.linspace(0, 1e-4, 17), numpy.linspace(3, 4, 15)])
    found = standing({"ours": ours[numpy.newaxis], "theirs": numpy.full((1, 32), 2.0)})
    assert wilcoxon(2.0 - ours).pvalue < 0.05  # theirs, that is
    assert list(found.medians) == ["ours", "theirs"]
    assert found.better == frozenset()


def test_differences_that_tie_share_their_ranks():
    found = standing({"A": numpy.ones((1, 8)), "B": numpy.array([[2.0] * 7 + [0.0]])})
    assert wilcoxon([1.0] * 7 + [-1.0], method="asymptotic").pvalue < 0.05
    assert found.winner == "A"
    assert standing({"A": numpy.ones((1, 7)), "B": numpy.array([[2.0] * 6 + [0.0]])}).winner is None
    assert wilcoxon([1.0] * 6 + [-1.0], method="asymptotic").pvalue > 0.05


def test_who_always_diverges_is_told_apart_from_who_never_does():
    fine, gone = numpy.arange(1.0, 13.0), numpy.full(12, numpy.inf)
    found = standing({label: v[numpy.newaxis] for label, v in (("gone", gone), ("fine", fine))})
    assert found.winner == "fine"
    assert found.place("gone") == (2, 2)
    lost = standing({"a": gone[numpy.newaxis], "b": gone[numpy.newaxis]})
    assert (lost.leaders, lost.winner, lost.place("a")) == ([], None, (1, 2))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 8), st.sampled_from([1, 3, 7, 9, 16]))
def test_to_be_told_apart_is_transitive_and_who_is_not_overlaps(seed, rules, seeds):
    ends = random_ends(seed, rules, seeds)
    found = standing({label: values[numpy.newaxis] for label, values in ends.items()}, minimum=0.0)
    for a, b, c in product(ends, repeat=3):
        if (a, b) in found.better and (b, c) in found.better:
            assert (a, c) in found.better
    for a, b in product(ends, repeat=2):
        best, worst = found.place(a)
        assert 1 <= best <= worst <= rules
        if (a, b) in found.better:
            assert best < found.place(b)[0]
            assert worst < found.place(b)[1]
            assert found.medians[a] <= found.medians[b]
        elif a != b and (b, a) not in found.better:
            assert best <= found.place(b)[1]
            assert found.place(b)[0] <= worst
    assert found.winner is None or found.place(found.winner) == (1, 1)


# --------------------------------------------------------------------------------------- words


def title(ax):
    return " ".join(ax.get_title(loc="left").split())


def test_the_same_rule_under_two_names_shares_a_place_and_nobody_wins():
    race = compare({"one": Adam, "two": Adam}, rosenbrock, steps=30, lr=RATES)
    assert [row["place"] for row in race.rows()] == [(1, 2), (1, 2)]
    assert race.winner is None
    assert race.finding() == "No clear winner after 30 steps: one, two"
    assert title(race.plot()[1]) == "No clear winner after 30 steps: one, two"
    assert [line.split()[0] for line in repr(race).splitlines()[2:4]] == ["1–2", "1–2"]
    assert "Rules it cannot tell apart share a range of places" in repr(race)


def test_a_rule_that_is_clearly_worse_is_told_apart():
    race = compare({"slow": SGD, "quick": SGD}, booth, steps=30, lr={"slow": 1e-5, "quick": 0.05})
    assert [(row["rule"], row["place"]) for row in race.rows()] == [
        ("quick", (1, 1)),
        ("slow", (2, 2)),
    ]
    assert race.winner == "quick"
    assert race.finding() == "quick is lowest after 30 steps"
    assert title(race.plot()[1]) == "quick is lowest after 30 steps"


def test_too_few_seeds_are_said():
    lr = {"slow": 1e-5, "quick": 0.05}
    race = compare({"slow": SGD, "quick": SGD}, booth, steps=30, lr=lr, seeds=5)
    assert race.winner is None
    assert "5 seeds are too few to tell 2 rules apart, at least 6 are needed" in repr(race)
    enough = compare({"slow": SGD, "quick": SGD}, booth, steps=30, lr=lr, seeds=6)
    assert enough.winner == "quick"
    assert "too few" not in repr(enough)


@pytest.mark.parametrize("rules", [2, 3, 4, 8])
def test_the_fewest_seeds_are_those_with_which_the_test_can_tell_anything(rules):
    def told(seeds):
        ends = {str(i): numpy.arange(seeds) * 1e-3 + 2.0**i for i in range(rules)}
        rng = numpy.random.default_rng(0)
        ends = {k: (v + rng.uniform(0, 0.1, seeds))[numpy.newaxis] for k, v in ends.items()}
        return standing(ends).better

    assert told(fewest_seeds(rules))
    assert not told(fewest_seeds(rules) - 1)


@pytest.mark.parametrize("lr", [RATES, 1e-3], ids=["tuned", "given"])
def test_a_single_run_says_that_it_is_one(lr):
    race = compare([SGD, Adam], rosenbrock, steps=20, lr=lr, seeds=None)
    assert race["SGD"].theta.shape == (21, 2)
    assert race["SGD"] is race.once["SGD"]
    assert race.rows()[0]["quartiles"] is None
    assert {row["place"] for row in race.rows()} == {(1, 1), (2, 2)}
    said = " ".join(repr(race).split())
    assert "A single run" in said
    assert "another start or seed may change the order" in said
    assert "Wilcoxon" not in said
    assert "A single run." in " ".join(race.plot()[0].figure.get_supxlabel().split())


# --------------------------------------------------------------------------------- budgets, targets


@pytest.mark.parametrize("total", [1, 2, 5, 7])
def test_the_best_of_k_trials_is_that_of_all_choices_of_k(total):
    medians = numpy.random.default_rng(total).uniform(size=total)
    medians[::3] = numpy.inf
    counts = numpy.arange(1, total + 1)
    for k, found in zip(counts, expected_best(medians, counts), strict=True):
        best = sorted(min(choice) for choice in combinations(medians, k))
        for share, value in zip((0.25, 0.5, 0.75), found, strict=True):
            at_most = numpy.mean([one <= value for one in best])
            less = numpy.mean([one < value for one in best])
            assert less < share <= at_most  # the lowest value that so many reach


def test_a_race_tells_the_expected_best_of_its_first_trials():
    race = compare([SGD, Adam], rosenbrock, steps=20, lr=RATES, seeds=3)
    for k in (1, 4, 9):
        for label, found in race.expected_best(k).items():
            medians = race.final_loss[label][race.tunings[label].is_first]
            best = sorted(min(choice) for choice in combinations(medians, k))
            assert found == best[(len(best) - 1) // 2]
    with pytest.raises(ValueError, match="k must be at most 9"):
        race.expected_best(10)
    with pytest.raises(ValueError, match="the learning rates were given, not tuned"):
        compare([SGD], rosenbrock, steps=2, lr=1e-3).expected_best(1)
    ax = race.plot_budget()
    assert ax.get_xlabel() == "trials"
    assert len(ax.lines) >= 2


def test_with_a_budget_of_gradients_newton_makes_a_third_of_the_steps():
    race = compare([SGD, Newton], rosenbrock, steps=31, lr=[1e-3, 1.0], seeds=3, budget="gradients")
    assert race.costs == {"SGD": 1, "Newton": 3}
    assert race["SGD"].step[-1] == 31
    assert race["Newton"].step[-1] == 10
    tuned = compare([Newton], rosenbrock, steps=10, lr=[1e-3, 1.0], seeds=3)
    assert race.lr["Newton"] == tuned.lr["Newton"]
    assert numpy.array_equal(race.final_loss["Newton"], tuned.final_loss["Newton"])
    for row in race.rows():
        if row["steps_to_target"] is not None:
            cost = race.costs[row["rule"]]
            assert row["gradients_to_target"] == cost * row["steps_to_target"]
    assert "31 gradients" in repr(race)
    assert "Gradients per step: Newton 3; the others 1." in repr(race)
    assert "gradients" in race.plot()[1].get_xlabel()
    with pytest.raises(ValueError, match="budget must be one of steps, gradients, got 'seconds'"):
        compare([SGD], rosenbrock, steps=2, budget="seconds")


def test_a_target_is_a_loss_that_half_of_the_seeds_reach():
    race = compare([SGD], booth, steps=100, lr=0.02, seeds=5, target=1.0)
    first = [int(numpy.argmax(run <= 1.0)) for run in race["SGD"].loss.T]
    assert all(first)
    (row,) = race.rows()
    assert row["steps_to_target"] == sorted(first)[2]
    assert "steps to loss 1" in repr(race)
    never = compare([SGD], booth, steps=100, lr=0.02, seeds=5, target=-1.0)
    assert never.rows()[0]["steps_to_target"] is None


def test_a_target_may_be_an_accuracy():
    race = compare([SGD], MOONS, steps=40, lr=0.5, seeds=5, target={"accuracy": 0.8})
    reached = race.accuracies["SGD"] >= 0.8
    first = numpy.where(reached.any(axis=0), reached.argmax(axis=0), numpy.inf)
    assert race.rows()[0]["steps_to_target"] == sorted(first)[2]
    assert "steps to 80% right" in repr(race)


@pytest.mark.parametrize(
    ("function", "target", "message"),
    [
        (booth, {"accuracy": 0.9}, "Booth has no accuracy: target must be a loss"),
        (MOONS, {"accuracy": 90}, "target accuracy must be"),
        (MOONS, {"accuracy": 0.9, "loss": 1.0}, "target must be a loss, such as 0.1, or"),
        (MOONS, {"time": 0.9}, "target must be a loss, such as 0.1, or"),
        (booth, numpy.nan, "target loss must be"),
    ],
)
def test_a_target_that_makes_no_sense_is_refused(function, target, message):
    with pytest.raises(ValueError, match=message):
        compare([SGD], function, steps=2, lr=0.1, target=target)


def test_a_hypothesis_is_kept_beside_what_came_out():
    race = compare([SGD], booth, steps=2, lr=0.01, hypothesis="SGD gets there")
    assert race.hypothesis == "SGD gets there"


# -------------------------------------------------------------------------------- search spaces


class Student(Optimizer):
    """A rule with a space of its own."""

    space = Optimizer.space | {"gamma": Linear(0.5, 2.0), "power": Choice(1.0, 2.0)}
    gamma = 1.0
    power = 1.0

    def direction(self, theta, g):
        return self.gamma * np.sign(g) * np.abs(g) ** self.power


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_s_space_names_what_it_has_and_all_of_it_is_allowed(rule):
    assert "lr" in rule.space
    for name, part in rule.space.items():
        for value in part.ends:
            made = rule(sphere, [[1.0, 2.0]], **{name: value})
            assert made.hyper_parameters[name] == value
    points = quasi_random(rule.space, 40)
    assert set(points) == set(rule.space)
    for i in (0, 39):
        rule(sphere, [1.0, 2.0], **{name: values[i].item() for name, values in points.items()})


def test_every_rule_is_tuned_over_as_many_points_of_its_own_space():
    rules = [SGD, Momentum, Adam, Student]
    race = compare(rules, booth, steps=10, trials=12, seeds=3)
    for rule in rules:
        tuning = race.tunings[rule.__name__]
        assert set(tuning.trials) == set(rule.space) == set(race.chosen[rule.__name__])
        assert tuning.losses.shape == (12, 3)
        best = int(numpy.argmin(tuning.medians))
        for name, values in tuning.trials.items():
            assert race.chosen[rule.__name__][name] == values[best]
            assert race[rule.__name__].hyper_parameters[name] == values[best]
        starts = as_problem(booth).starts((0, 1, 2))
        values = {name: v[5].item() for name, v in tuning.trials.items()}
        paths = [rule(booth, start, **values).minimize(10) for start in starts]
        ends = [numpy.inf if path.diverged else path.loss[-1] for path in paths]
        numpy.testing.assert_allclose(tuning.losses[5], ends, rtol=1e-9)
    assert "12 points of its own space" in repr(race)
    assert "chosen" in repr(race).splitlines()[0]


def test_a_partial_is_not_tuned_over_what_it_sets():
    rules = {
        "set": partial(Momentum, momentum=0.7),
        "lr": partial(partial(Adam, beta1=0.6), lr=0.1),
    }
    race = compare(rules, booth, steps=5, trials=6, seeds=2)
    assert set(race.tunings["set"].trials) == {"lr", "nesterov"}
    assert set(race.tunings["lr"].trials) == {"beta2"}
    assert race["set"].hyper_parameters["momentum"] == 0.7
    assert race["lr"].hyper_parameters["beta1"] == 0.6
    assert race.lr["lr"] == 0.1
    with pytest.raises(ValueError, match=r"SGD\(lr=0.1\): all of its space is set"):
        compare([Adam, partial(SGD, lr=0.1)], booth, steps=5, trials=6)


def test_points_fill_a_space_evenly():
    space = {"lr": Log(1e-4, 1.0), "momentum": Linear(0.5, 0.9), "nesterov": Choice(False, True)}
    points = quasi_random(space, 64)
    assert quasi_random(space, 64)["lr"].tolist() == points["lr"].tolist()
    assert quasi_random(space, 16)["lr"].tolist() == points["lr"][:16].tolist()
    quarters = numpy.histogram(numpy.log10(points["lr"]), [-4, -3, -2, -1, 0])[0]
    assert quarters.tolist() == pytest.approx([16] * 4, abs=1)
    assert numpy.histogram(points["momentum"], [0.5, 0.6, 0.7, 0.8, 0.9])[0].min() >= 14
    assert 28 <= points["nesterov"].sum() <= 36


def test_lr_or_trials_but_not_both():
    with pytest.raises(ValueError, match="give lr, to tune over it, or trials"):
        compare([SGD], booth, steps=2, lr=[0.1, 0.2], trials=5)
    with pytest.raises(ValueError, match="trials must be a whole number >= 1, got 0"):
        compare([SGD], booth, steps=2, trials=0)


@pytest.mark.parametrize(
    ("space", "error", "message"),
    [
        ({"gama": Linear(0, 1)}, TypeError, r"space: .*gama.*Did you mean 'gamma'"),
        ({"gamma": (0.0, 1.0)}, TypeError, r"Mine: space\['gamma'\] must be a range, such as Log"),
        ({"lr": Linear(-1.0, 1.0)}, ValueError, r"space\['lr'\] must be .*>= 0.*-1"),
        ({"gamma": Choice("wide")}, TypeError, r"space\['gamma'\] must be"),
    ],
)
def test_a_space_that_makes_no_sense_is_refused_when_the_rule_is_made(space, error, message):
    body = {"space": space, "gamma": 0.5, "direction": lambda self, theta, g: self.gamma * g}
    with pytest.raises(error, match=message):
        type(Optimizer)("Mine", (Optimizer,), body)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: Log(0, 1), "a log range must have 0 < low < high"),
        (lambda: Log(1, 1), "a log range must have 0 < low < high"),
        (lambda: Linear(1, 0), "a linear range must have low < high"),
        (lambda: Linear(0, numpy.inf), "a linear range must have low < high"),
        (lambda: Choice(), "a choice must have at least one value"),
    ],
)
def test_an_empty_range_is_refused(made, message):
    with pytest.raises(ValueError, match=message):
        made()


# ------------------------------------------------------------------------- edges of all of it


def test_a_single_trial_is_a_race_and_half_of_many_is_the_luck_of_a_tuning():
    assert len(compare([SGD, Adam], beale, steps=5, trials=1)) == 2
    race = compare([SGD, Adam], beale, steps=10, trials=20)
    assert {ends.shape for ends in race.ends_by_tuning.values()} == {(5, 32)}
    tuning = race.tunings["Adam"]
    best = numpy.argmin(middle(tuning.losses[0::2, 0::4]))
    chosen = {name: values[0::2][best].item() for name, values in tuning.trials.items()}
    starts = as_problem(beale).starts(race.race_seeds)
    ends = [Adam(beale, start, **chosen).minimize(10).loss[-1] for start in starts[:4]]
    numpy.testing.assert_allclose(race.ends_by_tuning["Adam"][1][:4], ends, rtol=1e-12)


def test_who_diverges_or_leaves_the_domain_never_reaches_the_target():
    (row,) = compare([SGD], mccormick, start=[-1.5, -3.0], steps=60, lr=0.05, seeds=9).rows()
    assert row["diverged"] == 9
    assert row["steps_to_target"] is None


def test_half_of_an_even_number_of_seeds_is_enough_for_the_target():
    reached = numpy.array([[False] * 4, [True, False, False, False], [True, True, False, False]])
    assert first_step(reached, numpy.array([0, 10, 20])) == 20


def test_pictures_of_a_race_say_what_its_table_says():
    race = compare([SGD, Momentum, Adam], rosenbrock, steps=60)
    assert title(plot_convergence(race, rosenbrock)) == race.finding()
    assert title(plot_paths(race, rosenbrock)) == "Rosenbrock, from (−1.5, 2)"
    won = compare([Adam, partial(Adam, lr=1e-9)], booth, steps=60, trials=12)
    assert won.winner == "Adam"
    assert title(won.plot_budget()).startswith("Adam leads")


def test_where_chance_decides_no_picture_names_a_leader():
    rng = numpy.random.default_rng(0)

    def loss(w):
        return np.sum(w**2) + 0.1 * rng.standard_normal()

    race = compare([SGD, Adam], loss, start=[1.0, 2.0], steps=5, lr=[0.01, 0.1], seeds=3)
    assert race.winner is None
    assert title(race.plot_budget()) == "What more trials bring"


def test_one_seed_is_a_single_run_and_says_so():
    assert "A single run" in repr(compare([SGD, Adam], beale, steps=5, seeds=1))


@pytest.mark.parametrize("schedule", [3, lambda lr: 3.0])
def test_what_makes_no_schedule_is_refused(schedule):
    with pytest.raises(TypeError, match="schedule must be a function"):
        compare([SGD], beale, steps=5, schedule=schedule)


def test_a_schedule_stands_in_the_notes():
    race = compare([SGD], beale, steps=5, lr=[0.001, 0.01], schedule=partial(cosine, steps=5))
    assert "Learning rates follow partial(cosine, steps=5)" in repr(race)


def test_choices_stay_what_they_are():
    assert Choice("cosine", 2).at(numpy.array([0.0, 0.9])).tolist() == ["cosine", 2]
    assert Choice(True, 2).at(numpy.array([0.0, 0.9])).tolist() == [True, 2]
    assert Choice((0.1, 1.0), None).at(numpy.array([0.0, 0.9])).tolist() == [(0.1, 1.0), None]
    assert Choice(2, 5).at(numpy.array([0.0, 0.9])).dtype.kind == "i"


def test_seeds_that_would_decide_nothing_are_a_single_run():
    race = compare([SGD, Adam], beale, steps=5, lr=[0.001, 0.01], scatter=0)
    assert race.seeds is None
    assert "A single run" in repr(race)
    assert compare([SGD], noisy(beale, 0.1), steps=3, lr=0.01, scatter=0, seeds=3).seeds


def test_a_budget_that_does_not_pay_for_a_step_is_refused():
    with pytest.raises(ValueError, match="at least one step of Newton, which costs 3 gradients"):
        compare([SGD, Newton], rosenbrock, steps=2, budget="gradients")


def test_a_rate_beside_the_end_of_the_grid_has_its_star():
    rates = numpy.geomspace(1e-4, 1.0, 9)
    races = {
        top: compare([Adam], booth, steps=40, lr=rates[rates <= top], seeds=8) for top in (0.4, 1.0)
    }
    assert races[0.4].rows()[0]["at_edge"]
    assert races[0.4].lr["Adam"] > 0.3
