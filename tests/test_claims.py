"""The claims: estimators on what is known, verdicts that can fall either way, figures that fit."""

import json
import shutil
from copy import deepcopy
from itertools import combinations
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

from optimizers import LAMB, RULES, SGD, SOAP, Adafactor, Adam, AdamW, Newton, Shampoo
from optimizers.claims import (
    CLAIMS,
    batch_size,
    decay_maps,
    defaults,
    edge_of_stability,
    flat_minima,
    large_batches,
    lion,
    lookahead_variance,
    matrices,
    memory,
    momentum_rates,
    quadratic_deep,
    schedule_free,
    trust_ratio,
    tuning_budget,
    two_phases,
    weight_decay,
)
from optimizers.claims.claim import Effort, Result, margin, mean_and_error, rounded, sign
from optimizers.claims.report import write_report
from optimizers.cli import main
from optimizers.datasets import Dataset, symbols
from optimizers.experiments.landscape.objective import Objective
from optimizers.functions import rosenbrock
from optimizers.models import regression, transformer
from optimizers.problem import as_problem, batched, pure
from optimizers.rules.wrapper import Wrapper

CLAIMED = Path(__file__).parent.parent / "figures" / "claims"
QUICK = Effort(quick=True, progress=False)


class Measured(dict):
    """What little effort measures, by module, as it is read back from JSON; when asked for."""

    def __missing__(self, module):
        few = (transformer(16, 64, width=32), a_few(symbols(64, 16)), a_few(symbols(64, 64)))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(memory, "RULES", {rule.__name__: rule for rule in (SGD, Adam, Newton)})
            patch.setattr(memory, "NEWTON", 36)
            patch.setattr(lookahead_variance, "COPIES", 500)
            patch.setattr(lookahead_variance, "SETTLING", 300)
            patch.setattr(lookahead_variance, "STEPS", 300)
            patch.setattr(quadratic_deep, "EPOCHS", 20)
            patch.setattr(weight_decay, "EPOCHS", 1)
            patch.setattr(lion, "EPOCHS", 1)
            patch.setattr(large_batches, "EXAMPLES", 512)
            patch.setattr(batch_size, "FEW_BATCHES", (64, 128, 512))
            patch.setattr(trust_ratio, "BATCH", 512)
            patch.setattr(two_phases, "problem", lambda: few)
            patch.setattr(two_phases, "FEW_STEPS", 10)
            patch.setattr(two_phases, "LOOKS", 1)
            patch.setattr(defaults, "STEPS", 10)
            patch.setattr(matrices, "STEPS", 64)
            patch.setattr(matrices, "ROUNDS", 16)
            patch.setattr(matrices, "AT_ONCE", 50)
            patch.setattr(matrices, "CONDITIONS", (1.0, 100.0))
            patch.delitem(matrices.RULES, "Shampoo")  # the dearest
            patch.setattr(tuning_budget, "STEPS", 5)
            patch.setattr(edge_of_stability, "problem", lambda: (regression([2, 2, 1]), on_few))
            patch.setattr(edge_of_stability, "TIME", 10)
            patch.setattr(edge_of_stability, "ADAM_STEPS", 40)
            patch.setattr(edge_of_stability, "FEW_LOOKS", 16)
            patch.setattr(schedule_free, "FEW_HORIZONS", (4, 8))
            patch.setattr(flat_minima, "FEW_STEPS", 5)
            patch.setattr(flat_minima, "PROBES", 2)
            large_batches.training.cache_clear()
            self[module] = json.loads(json.dumps(rounded(module.measure(QUICK))))
            large_batches.training.cache_clear()
        return self[module]


@pytest.fixture(scope="module")
def measured():
    return Measured()


@pure
@batched
def on_few(weights):
    x = np.array([[1.0, 0.5], [-0.5, 1.0], [0.3, -1.0]])
    return regression([2, 2, 1]).loss(weights, (x, x[:, :1] * x[:, 1:]))


def a_few(data):
    return Dataset(data.name, data.train, tuple(array[:8] for array in data.held_out))


MODULES = (
    quadratic_deep,
    momentum_rates,
    memory,
    weight_decay,
    batch_size,
    trust_ratio,
    two_phases,
    lookahead_variance,
    lion,
    defaults,
    matrices,
    edge_of_stability,
    schedule_free,
    flat_minima,
    tuning_budget,
)
EVERY_CLAIM = pytest.mark.parametrize("module", MODULES, ids=lambda module: module.CLAIM.label)


@EVERY_CLAIM
def test_a_claim_is_saved_and_read_back_and_its_figure_fits(module, measured, tmp_path):
    result = Result(module.CLAIM, measured[module], quick=True, seconds=1.0)
    result.save(tmp_path)
    again = Result.load(module.CLAIM, tmp_path)
    assert repr(again) == repr(result)
    assert len({len(row) for row in module.table(again.measured)}) == 1
    assert (tmp_path / f"{module.CLAIM.name}.png").stat().st_size < 200_000
    figure = plt.gcf()
    box, size = figure.get_tightbbox(), figure.get_size_inches()
    assert (box.min >= -0.01).all()
    assert (box.max <= size + 0.01).all()
    plt.close("all")


@pytest.mark.parametrize("seeds", [2, 3, 5, 20])
def test_few_seeds_that_do_not_differ_are_told_apart_once_in_twenty_times(seeds):
    noise = np.random.default_rng(0).normal(size=(4000, seeds))
    told = [sign(*mean_and_error(values), seeds) for values in noise]
    assert np.mean(np.abs(told)) == pytest.approx(0.05, abs=0.012)
    far = [sign(*mean_and_error(values - 100), seeds) for values in noise[:, :3]]
    assert np.mean(far) < -0.7


def test_what_is_told_apart_needs_an_error():
    assert sign(2.0, 0.9, 5) == 0
    assert (sign(2.6, 0.9, 5), sign(-2.6, 0.9, 5)) == (1, -1)
    assert sign(2.0, 0.9, 50) == 1
    for mean, error, seeds in ((1.0, np.nan, 1), (np.inf, np.nan, 5), (np.nan, np.nan, 5)):
        assert sign(mean, error, seeds) == 0
    assert margin(0.5, 5) == pytest.approx(0.5 * 2.776, rel=1e-3)


# ----------------------------------------------------------------------------- 1. quadratic_deep


@pytest.mark.parametrize("name", quadratic_deep.PUBLISHED)
def test_the_published_losses_of_deepobs_come_about(name):
    said = quadratic_deep.PUBLISHED[name]
    losses = quadratic_deep.final_losses(name, np.array([said.lr]), seed=0)
    assert losses == pytest.approx(said.loss, rel=0.004)


def test_a_batch_and_its_mean_have_the_same_gradient():
    batch = (np.random.default_rng(0).normal(size=(128, 100)),)
    model = quadratic_deep.MODEL
    ends = [
        SGD(model.loss, model.init(), 0.01).minimize(1, batches=[given]).theta
        for given in (batch, quadratic_deep.mean_of(batch))
    ]
    assert np.allclose(*ends, rtol=1e-12)


def test_what_is_published_may_be_far_from_what_is_measured(measured):
    found = deepcopy(measured[quadratic_deep])
    for rule in found["rules"].values():
        rule["published"] = float(np.mean(rule["losses"]))
    assert quadratic_deep.verdict(found).startswith("Reproduced")
    assert "and in the same order" in quadratic_deep.verdict(found)
    found["rules"]["Adam"]["published"] *= 2
    assert quadratic_deep.verdict(found).startswith("Not reproduced")
    assert "the order here is" in quadratic_deep.verdict(found)
    for rule in found["rules"].values():
        rule["reshuffled"] = rule["losses"]
    assert "makes no difference" in quadratic_deep.verdict(found)


# ------------------------------------------------------------------------------- 2. momentum


def test_the_contraction_of_a_sequence_is_found():
    t = np.arange(1, 401)
    distance = 3 * 0.95**t
    assert momentum_rates.contraction(t, distance[:, np.newaxis]) == pytest.approx(0.95)
    double_root = (t * distance)[:, np.newaxis]
    assert momentum_rates.contraction(t, double_root) > 0.951
    assert momentum_rates.contraction(t, double_root / t[:, np.newaxis]) == pytest.approx(0.95)


@pytest.mark.parametrize("condition", [10.0, 1e4])
def test_the_best_settings_make_the_roots_that_theory_says(condition):
    best = momentum_rates.best_settings("Momentum", condition)
    rho = momentum_rates.best_contraction("Momentum", condition)
    for curvature in (1.0, condition):
        roots = np.roots([1, best["lr"] * curvature - 1 - best["momentum"], best["momentum"]])
        assert np.allclose(abs(roots), rho, rtol=1e-6)


def test_the_measured_rates_are_those_of_theory(measured):
    for row in measured[momentum_rates]["rows"]:
        theory = momentum_rates.best_contraction(row["rule"], row["condition"])
        steps = momentum_rates.steps_to_a_tenth(theory)
        assert np.allclose(row["to_a_tenth"], steps, rtol=0.01)
    assert momentum_rates.verdict(measured[momentum_rates]).startswith("Holds")


def test_rates_off_the_theory_are_said_to_be(measured):
    found = deepcopy(measured[momentum_rates])
    found["rows"][-1]["to_a_tenth"] = [1.1 * steps for steps in found["rows"][-1]["to_a_tenth"]]
    assert momentum_rates.verdict(found).startswith("Does not hold")
    assert "not the √κ" in momentum_rates.verdict(found)
    for row in found["rows"]:
        theory = momentum_rates.best_contraction(row["rule"], row["condition"])
        row["to_a_tenth_undivided"] = [momentum_rates.steps_to_a_tenth(theory)]
    assert "makes no difference" in momentum_rates.verdict(found)


# -------------------------------------------------------------------------------- 3. memory


NONE_OF_A_MATRIX = {"Adafactor": {"v"}, "Muon": {"v"}}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_what_a_rule_must_keep_is_its_state(rule):
    kept = {name for name, role in memory.roles(rule).items() if role == "must_keep"}
    if issubclass(rule, Wrapper):
        assert kept == {*rule.state, "wrapped.m", "wrapped.v"}
    else:
        assert kept == set(rule.state) - NONE_OF_A_MATRIX.get(rule.__name__, set())


@pytest.mark.parametrize(
    ("rule", "copies"), [(Adafactor, 2 / 30), (Shampoo, 2), (SOAP, 6), (Adam, 2)]
)
def test_what_is_kept_of_a_square_matrix_is_counted_whatever_its_shape(rule, copies):
    row = memory.weighed(rule, 30**2)
    assert row["copies"]["must_keep"] == pytest.approx(copies)


def test_the_parts_add_up_to_what_is_held(measured):
    for row in measured[memory]["rows"][:-1]:  # beside Newton's few weights, Python's own counts
        assert sum(row["copies"].values()) == pytest.approx(row["held"], abs=0.05)
        assert row["peak"] > row["held"]
    assert measured[memory]["rows"][-1]["peak"] > measured[memory]["newton"]


def test_adam_may_keep_more_than_two_copies(measured):
    found = deepcopy(measured[memory])
    assert memory.verdict(found).startswith("Holds for what the formula needs")
    assert "holds more" in memory.verdict(found)
    adam = found["rows"][1]
    adam["held"] = 3.0
    assert "no more than that" in memory.verdict(found)
    adam["copies"]["must_keep"] = 3.0
    assert memory.verdict(found).startswith("Does not hold")


# ------------------------------------------------------------------------------- 8. Lookahead


def test_the_variance_formula_is_the_fixed_point_of_a_round():
    alpha, k, q = 0.5, 5, 0.7
    ratio = lookahead_variance.variance_ratio(alpha, k, q)
    stays = (1 - alpha + alpha * q**k) ** 2 * ratio  # of the slow weights' own variance
    comes = alpha**2 * (1 - q ** (2 * k))  # with the k steps, in units of SGD's variance
    assert stays + comes == pytest.approx(ratio)


def test_the_measured_variance_is_that_of_the_formula(measured):
    for row in measured[lookahead_variance]["rows"]:
        ratio = lookahead_variance.variance_ratio(row["alpha"], row["k"], 1 - row["rate"])
        for name in ("slow", "lowered"):
            mean, error = mean_and_error(row[name])
            assert abs(mean - ratio) < 5 * error + 0.01 * ratio
        one_round = 1 - row["alpha"] * (1 - (1 - row["rate"]) ** row["k"])
        steps = momentum_rates.steps_to_a_tenth(one_round ** (1 / row["k"]))
        assert row["steps_lookahead"] == pytest.approx([steps] * len(row["slow"]), rel=0.01)


def test_a_variance_off_the_formula_is_said_to_be(measured):
    found = deepcopy(measured[lookahead_variance])
    for row in found["rows"]:
        ratio = lookahead_variance.variance_ratio(row["alpha"], row["k"], 1 - row["rate"])
        row["slow"] = [ratio, ratio]
    assert lookahead_variance.verdict(found).startswith("Holds within 2%")
    found["rows"][0]["slow"] = [1.1 * value for value in found["rows"][0]["slow"]]
    assert lookahead_variance.verdict(found).startswith("Does not hold")
    for row in found["rows"]:
        row["steps_lowered"] = [2 * steps for steps in row["steps_lookahead"]]
    assert f"in 0 of {len(found['rows'])} settings" in lookahead_variance.verdict(found)


# ------------------------------------------------------------------------- 4. and 9. weight decay


def a_map(best, seeds=3, size=9):
    """A map in which log λ = best(log lr) is right, and accuracy falls away from it."""
    log_lr = np.linspace(-3, 0, size)
    log_decay = np.linspace(-4, 2, 2 * size)
    away = np.abs(log_decay - np.array([best(x) for x in log_lr])[:, np.newaxis])
    accuracies = np.repeat((0.9 - 0.1 * away)[..., np.newaxis], seeds, axis=-1)
    return {
        "lr": (10**log_lr).tolist(),
        "decay": (10**log_decay).tolist(),
        "decay_name": "weight decay λ",
        "accuracies": accuracies.tolist(),
        "diverged": np.zeros(accuracies.shape, bool).tolist(),
        "seeds": list(range(seeds)),
        "steps": 10,
    }


@pytest.mark.parametrize(
    ("best", "shape"),
    [
        (lambda x: -1.0, "a block"),
        (lambda x: -3.0 - x, "a falling diagonal"),
        (lambda x: 0.5 + x, "a rising diagonal"),
        (lambda x: -2.0 - 2 * x, "neither block nor diagonal"),
    ],
)
def test_blocks_and_diagonals_are_told_apart(best, shape):
    assert weight_decay.shape(a_map(best)) == shape


def test_a_map_with_one_good_column_has_no_tilt():
    found = a_map(lambda x: -1.0)
    accuracies = np.array(found["accuracies"])
    accuracies[1:] = 0.1
    assert weight_decay.shape(found | {"accuracies": accuracies.tolist()}) == "too small to tell"


@pytest.mark.parametrize(
    ("l2", "word"),
    [(0.7, "it fails here as claimed"), (0.9, "does not fail here"), (0.99, "is better here")],
)
def test_l2_with_adam_may_fail_or_not(measured, l2, word):
    found = deepcopy(measured[weight_decay])
    wiggle = np.array([-0.01, 0.0, 0.01])
    found["ends"]["AdamW"] = (0.9 + wiggle).tolist()
    found["ends"]["Adam + L2"] = (l2 + wiggle).tolist()
    assert word in weight_decay.verdict(found)


def test_the_paper_s_picture_may_come_about(measured):
    found = deepcopy(measured[weight_decay])
    block, diagonal = a_map(lambda x: -1.0), a_map(lambda x: -3.0 - x)
    found["maps"] = {label: diagonal for label in found["maps"]}
    found["maps"]["AdamW, λ as in the paper"] = block
    assert "as in the paper's figure 2" in weight_decay.verdict(found)
    found["maps"]["AdamW, λ as in the paper"] = diagonal
    assert "is not reproduced" in weight_decay.verdict(found)


@pytest.mark.parametrize(
    ("with_l2", "plain"), [(weight_decay.SGDWithL2, SGD), (weight_decay.AdamWithL2, Adam)]
)
def test_l2_in_the_rule_is_l2_in_the_loss(with_l2, plain):
    import autograd.numpy as anp

    def loss(x):
        return anp.sum((x - 3) ** 4)

    def penalised(x):
        return loss(x) + 0.25 * anp.sum(x**2)

    start = [1.0, -0.5]
    ours = with_l2(loss, start, lr=0.01, weight_decay=0.5).minimize(20)
    assert np.allclose(ours.theta, plain(penalised, start, lr=0.01).minimize(20).theta, rtol=1e-12)


def test_decay_a_step_is_lr_times_decay():
    training = decay_maps.overfitting()
    lr, a_step = np.array([0.01, 0.02]), np.array([1e-4, 1e-3])
    common = (AdamW, training, 5, lr)
    paper = decay_maps.accuracy_map(*common, a_step, range(1), QUICK, "", a_step=True)
    ours = decay_maps.accuracy_map(*common, a_step / 0.02, range(1), QUICK, "")
    assert paper["accuracies"][1] == ours["accuracies"][1]


def test_lion_may_want_what_is_said_or_not(measured):
    adamw, smaller = a_map(lambda x: -2.0), a_map(lambda x: -1.5)
    smaller["lr"] = (np.array(smaller["lr"]) / 5).tolist()
    found = measured[lion] | {"maps": {"AdamW": adamw, "Lion": smaller}}
    assert lion.verdict(found).startswith("True here")
    found = measured[lion] | {"maps": {"AdamW": smaller, "Lion": adamw}}
    assert lion.verdict(found).startswith("Not true here")
    smaller["lr"] = adamw["lr"]
    found = measured[lion] | {"maps": {"AdamW": adamw, "Lion": smaller}}
    assert lion.verdict(found).startswith("Only partly")


# ---------------------------------------------------------------------------- 5. and 6. batches


def test_who_is_ahead_at_the_largest_batch_is_said(measured):
    found = deepcopy(measured[batch_size])
    last = str(found["batches"][-1])
    for scheme in batch_size.SCHEMES:
        for panel in batch_size.PANELS:
            found["ladder"][scheme]["LAMB"][last][panel]["accuracy"] = [0.90, 0.91, 0.92]
            found["ladder"][scheme]["AdamW"][last][panel]["accuracy"] = [0.50, 0.51, 0.52]
    assert batch_size.verdict(found).count("LAMB ahead by 40.0") == 6
    for scheme in batch_size.SCHEMES:
        for batch in found["batches"]:
            for label in batch_size.RULES:
                for panel in batch_size.PANELS:
                    cell = found["ladder"][scheme][label][str(batch)][panel]
                    cell["accuracy"] = [0.90, 0.91, 0.92]
    assert batch_size.verdict(found).count("level") == 6
    assert batch_size.verdict(found).endswith("LAMB holds.")


def test_the_root_rule_starts_from_what_is_tuned_at_the_smallest_batch(measured):
    found = measured[batch_size]
    small, large = found["batches"][0], found["batches"][-1]
    for ladder in found["ladder"].values():
        for cells in ladder.values():
            base = cells[str(small)]["tuned"]["lr"]
            expected = base * (large / small) ** 0.5
            assert cells[str(large)]["root"]["lr"] == pytest.approx(expected, rel=1e-5)
            assert cells[str(large)]["one"]["lr"] == batch_size.ONE


def test_both_parts_of_lamb_may_be_needed_or_one_or_none(measured):
    found = deepcopy(measured[trust_ratio])
    ends = found["ends"]["he"]
    for label in trust_ratio.PARTS:
        ends[label]["accuracy"] = [0.50, 0.51]
    assert "neither part measurably helps" in trust_ratio.verdict(found)
    ends["LAMB"]["accuracy"] = [0.80, 0.81]
    assert "both parts are needed" in trust_ratio.verdict(found)
    ends["LARS"]["accuracy"] = [0.80, 0.81]
    assert "only the trust ratio" in trust_ratio.verdict(found)


def test_one_ratio_is_lamb_whose_weights_are_one_layer():
    def loss(x):
        return (x[0] - 1) ** 2 + 10 * (x[1] + 2) ** 2

    ours = trust_ratio.OneRatioLAMB(loss, [0.5, 1.0], lr=0.1).minimize(20).theta
    assert np.allclose(ours, LAMB(loss, [0.5, 1.0], lr=0.1).minimize(20).theta, rtol=1e-12)


# ------------------------------------------------------------------------------- 7. two phases


def test_every_way_costs_what_its_budget_says():
    for arm in two_phases.ARMS.values():
        short, long = arm.steps(10_000)
        spent = short * two_phases.cost(two_phases.SHORT) + long * two_phases.cost(two_phases.LONG)
        whole = 10_000 * two_phases.cost(two_phases.LONG)
        assert spent / whole == pytest.approx(arm.budget, rel=1e-3)
    cheap = two_phases.ARMS["two phases, as many steps"].steps(10_000)
    assert sum(cheap) == pytest.approx(10_000, rel=1e-3)
    assert cheap[0] == pytest.approx(9_000, rel=1e-3)


def test_the_cheap_way_may_give_the_same_result_or_not(measured):
    found = deepcopy(measured[two_phases])
    for arm in found["arms"].values():
        arm["loss"] = [[2.0, 1.0], [2.0, 1.01]]
    assert two_phases.verdict(found).startswith("True here")
    found["arms"]["two phases, as many steps"]["loss"] = [[2.0, 1.5], [2.0, 1.51]]
    assert two_phases.verdict(found).startswith("Cheaper, but not the same")


# --------------------------------------------------------------------------------- 9. and 10.


def test_a_newer_rule_may_win_most_of_the_time(measured):
    found = deepcopy(measured[defaults])
    problems = len(found["lr"])
    for kind in found["outcomes"].values():
        for words in kind.values():
            words.update(dict.fromkeys(words, "level"))
    assert defaults.verdict(found).startswith("True here")
    assert defaults.counts(found, "Lion", "tuned") == {"better": 0, "level": problems, "worse": 0}
    for words in found["outcomes"]["defaults"].values():
        words["Lion"] = "better"
    assert "Lion beats a tuned Adam" in defaults.verdict(found)
    assert defaults.verdict(found).startswith("Not true here")


def test_no_problem_has_its_minimum_at_the_origin():
    for function in defaults.functions(Effort()).values():
        assert not np.any(np.all(np.abs(function.minima) < 1e-9, axis=1)), function.name


# -------------------------------------------------------------------------------- 11. matrices


def raced(times, cost, sway=0.0):
    """AdamW's loss is 1 / steps, the others' so many times that, at so many times the seconds."""
    ladder, noise = [100, 200, 400, 800], 1 + sway * np.array([-1.0, 1.0, -1.0, 1.0])

    def rungs(factor, noise):
        return {str(k): {"losses": (factor / k * noise).tolist(), "chosen": {}} for k in ladder}

    dear = {label: cost for label in matrices.RULES} | {"AdamW": 1.0}
    others = {label: rungs(times, noise) for label in matrices.RULES}
    found = {kappa: others | {"AdamW": rungs(1, noise**0)} for kappa in ("1", "100")}
    seconds = {str(matrices.BATCH): dear, str(matrices.MANY): dear}
    beside = {"trials": 4, "tuning_seeds": 1, "seeds": 4}
    return {"found": found, "seconds": seconds, "ladder": ladder, **beside}


@pytest.mark.parametrize(
    ("times", "cost", "verdict"),
    [
        (0.25, 2.0, "True here at equal gradients, true here at equal seconds"),
        (0.25, 7.0, "True here at equal gradients, not true here at equal seconds"),
        (2.0, 0.25, "Not true here at equal gradients, true here at equal seconds"),
        (2.0, 1.0, "Not true here at equal gradients, not true here at equal seconds"),
    ],
)
def test_matrices_may_pay_for_a_gradient_and_for_a_second_or_not(times, cost, verdict):
    found = raced(times, cost)
    assert matrices.verdict(found).startswith(verdict)
    mean, _ = matrices.difference(found, "100", "Muon", "gradients")
    assert 10**mean == pytest.approx(times)
    mean, _ = matrices.difference(found, "100", "Muon", "seconds")
    assert 10**mean == pytest.approx(times * cost)


def test_what_the_seeds_do_not_tell_apart_is_level():
    found = raced(0.97, 1.0, sway=0.2)
    assert matrices.outcome(found, "1", "Muon", "gradients") == "level"
    assert "Muon level at 2" in matrices.verdict(found)
    found["found"]["1"]["SOAP"] = raced(0.25, 1.0)["found"]["1"]["SOAP"]
    assert matrices.verdict(found).startswith("Partly true at equal gradients")


@pytest.mark.parametrize(
    ("times", "limit"), [(0.3, 1 / 0.3), (1.0, 1.0), (1.5, 0.0), (0.01, np.inf)]
)
def test_the_cost_at_which_a_rule_breaks_even(times, limit):
    assert matrices.break_even(raced(times, 2.0), "1", "Muon") == pytest.approx(limit)


def test_a_mean_that_is_lower_is_no_worse_but_need_not_be_ahead():
    found = raced(0.97, 1.0, sway=0.2)
    assert 1 < matrices.break_even(found, "1", "Muon") < np.inf
    assert matrices.outcome(found, "1", "Muon", "seconds") == "level"
    assert "would be no worse on average if a step cost less" in matrices.verdict(found)
    assert matrices.table(found)[0][-1].startswith("no worse on average")


def test_as_many_steps_of_soap_are_timed_with_a_new_basis_in_every_round():
    for steps in (matrices.AT_ONCE, matrices.MANY_AT_ONCE):
        assert steps % SOAP.precondition_frequency == 0


def test_a_run_that_diverged_counts_with_a_large_loss():
    found = raced(0.5, 1.0)
    found["found"]["1"]["Muon"]["800"]["losses"][0] = float("inf")
    assert matrices.outcome(found, "1", "Muon", "gradients") == "level"
    assert matrices.outcome(found, "100", "SOAP", "gradients") == "ahead"


def test_a_seed_has_a_teacher_of_its_own_which_knows_its_examples():
    one, two = (matrices.taught(10.0).as_problem(None).seeded(seed) for seed in (3, 4))
    assert not np.array_equal(one.batch(1, 0)[0], two.batch(1, 0)[0])
    for problem in (one, two):
        assert problem.loss(problem.given.solution, problem.batch(1, 0)) == 0
    assert one.loss(two.given.solution, one.batch(1, 0)) > 0.01


# ------------------------------------------------------------------------ 12. edge of stability


def along(found, label, lr, shares, wiggle=0.01):
    """Let the sharpness of all seeds go through these shares of the edge, evenly."""
    (row,) = (r for r in found["runs"] if r["rule"] == label and r["lr"] == lr)
    looks = np.linspace(0, 1, len(row["step"]))
    curve = np.interp(looks, np.linspace(0, 1, len(shares)), shares)
    row["share"] = [(curve * (1 + wiggle * i)).tolist() for i in (-1, 1)]
    edge = edge_of_stability.ARMS[label].numerator / lr
    row["sharpness"] = [(edge * np.array(share)).tolist() for share in row["share"]]
    return row


@pytest.fixture
def at_the_edge(measured):
    found = deepcopy(measured[edge_of_stability])
    for row in found["runs"]:
        along(found, row["rule"], row["lr"], [0.2, 1, 1, 1, 1])
    return found


def test_the_sharpness_may_rise_to_the_edge_and_stay(at_the_edge):
    said = edge_of_stability.verdict(at_the_edge)
    assert said.startswith("True here for gradient descent: the sharpness rises to 2/η and stays ")
    assert "from 2 of 2 starts at η = 0.2 (1.00 ± 0.01) and 2 of 2 starts at η = 0.4" in said
    assert "True here for Adam" in said
    assert "others" not in said
    assert "It is the learning rate that holds it down" in said


@pytest.mark.parametrize(
    ("shares", "place", "words"),
    [
        ([0.1, 0.2, 0.3, 0.4, 0.5], "rising", "below and still rising"),
        ([0.1, 0.5, 0.5, 0.5, 0.5], "below", "below"),
        ([0.1, 2.0, 2.0, 2.0, 2.0], "above", "above"),
        ([1.0, 1.0, 1.0, 1.0, 1.0], "at once", "there from the start"),
        ([0.1, 1.0, 1.0, 0.5, 1.5], "back and forth", "going back and forth around it"),
    ],
)
def test_what_the_sharpness_does_instead_is_said(at_the_edge, shares, place, words):
    row = along(at_the_edge, "SGD", 0.4, shares)
    assert edge_of_stability.places(row) == [place, place]
    said = edge_of_stability.verdict(at_the_edge)
    assert said.startswith("Partly true here for gradient descent")
    assert "0 of 2 starts at η = 0.4" in said
    assert f"; the other starts: 2 {words}. True here for Adam" in said
    along(at_the_edge, "SGD", 0.2, shares)
    assert edge_of_stability.verdict(at_the_edge).startswith("Not true here for gradient descent")


def test_the_rate_is_not_seen_to_hold_a_sharpness_that_goes_nowhere(at_the_edge):
    along(at_the_edge, "SGD", 0.2, [0.1, 0.2, 0.3, 0.3, 0.3])
    assert "not observed that η holds it down" in edge_of_stability.verdict(at_the_edge)


def test_a_run_that_diverges_is_above_the_edge():
    for steps in (20, 500):  # on its way, and gone
        far = edge_of_stability.Followed(looks=5)(("SGD", 100.0, steps, 0), lambda: False)
        assert np.isinf(far["share"][1:]).all()
        row = {"step": far["step"], "share": [far["share"]] * 2}
        assert edge_of_stability.places(row) == ["above", "above"]


# ---------------------------------------------------------------------------- 13. Schedule-Free


def with_losses(measured, times, noise=0.01, seeds=3):
    """So many times cosine's loss, by arm and by end; cosine's is 2 at each."""
    found = deepcopy(measured[schedule_free])
    for arm, ends in found["arms"].items():
        for end, factor in zip(ends, times.get(arm, (1.0, 1.0)), strict=True):
            end["loss"] = (2 * factor * (1 + noise * np.linspace(-1, 1, seeds))).tolist()
            if arm == schedule_free.COSINE:
                end["loss"] = [2.0] * seeds
    return found | {"seeds": seeds}


@pytest.mark.parametrize(
    ("times", "head", "places"),
    [
        ((1.0, 0.5), "True here", "level and ahead"),
        ((1.0, 1.5), "Partly true here", "level and behind"),
        ((2.0, 1.5), "Not true here", "behind and behind"),
    ],
)
def test_schedule_free_may_match_cosine_or_not(measured, times, head, places):
    said = schedule_free.verdict(with_losses(measured, {schedule_free.OURS: times}))
    assert said.startswith(f"{head}: after 4 and 8 steps")
    assert f"has {times[0]:.2f} ± 0.01 and {times[1]:.2f} ± 0.0" in said
    assert f"tuned for that end ({places})" in said


@pytest.mark.parametrize(
    ("times", "noise", "head", "places"),
    [
        ((1.0, 1.0), 0.5, "Undecided here", "unclear and unclear"),
        ((1.2, 0.9), 0.5, "Undecided here", "unclear and unclear"),
        ((2.0, 1.0), 0.5, "Not true here", "behind and unclear"),
        ((0.4, 1.0), 0.5, "Partly true here", "ahead and unclear"),
        ((1.03, 1.0), 0.01, "True here", "level and level"),
        ((1.03, 1.0), 0.1, "Partly true here", "unclear and level"),
        ((1.08, 1.0), 0.01, "Partly true here", "behind and level"),
    ],
)
def test_noise_does_not_make_a_match(measured, times, noise, head, places):
    found = with_losses(measured, {schedule_free.OURS: times}, noise, seeds=12)
    said = schedule_free.verdict(found)
    assert said.startswith(f"{head}: after 4 and 8 steps")
    assert f"tuned for that end ({places})" in said


@pytest.mark.parametrize("loss", [np.inf, np.nan, 1e6])
def test_a_run_that_diverged_is_no_match(measured, loss):
    found = with_losses(measured, {}, seeds=12)
    ends = found["arms"][schedule_free.OURS]
    ends[0]["loss"] = [loss] * 12
    assert schedule_free.standings(found, schedule_free.COSINE) == ["behind", "level"]
    ends[0]["loss"] = [loss, *ends[1]["loss"][1:]]
    assert schedule_free.standings(found, schedule_free.COSINE) == ["unclear", "level"]
    ends[1]["loss"] = ends[0]["loss"]
    assert schedule_free.verdict(found).startswith("Undecided here")
    schedule_free.draw(found)
    plt.close("all")
    found["arms"][schedule_free.COSINE][0]["loss"] = [loss] * 12
    assert schedule_free.standings(found, schedule_free.COSINE)[0] == "ahead"


def test_averaging_may_do_what_schedule_free_does(measured):
    found = with_losses(measured, {schedule_free.CONSTANT: (1.2, 1.3)})
    said = schedule_free.verdict(found)
    assert "constant rate has 1.20 ± 0.01 and 1.30 ± 0.01 times that loss" in said
    assert said.endswith("Schedule-Free is level and level.")
    found = with_losses(measured, {schedule_free.AVERAGED: (2.0, 0.5)})
    assert schedule_free.verdict(found).endswith("Schedule-Free is ahead and behind.")


def test_only_cosine_is_told_the_end(measured):
    arms = measured[schedule_free]["arms"]
    for arm in (schedule_free.OURS, schedule_free.CONSTANT, schedule_free.AVERAGED):
        assert len({end["lr"] for end in arms[arm]}) == 1
    best = [int(np.argmin(end["tried"])) for end in arms[schedule_free.COSINE]]
    assert [end["lr"] for end in arms[schedule_free.COSINE]] == [
        measured[schedule_free]["grid"][i] for i in best
    ]


# ------------------------------------------------------------------------------ 14. flat minima


def with_ends(measured, largest, accuracy):
    """Ends of SAM beside Momentum's, whose eigenvalue is 4 and whose accuracy is 0.8."""
    found = deepcopy(measured[flat_minima])
    for arms in found["problems"].values():
        for arm, ends in arms.items():
            is_sam = arm == flat_minima.OURS
            wiggle = np.array([-0.01, 0.0, 0.01])
            ends["largest"] = ((largest if is_sam else 4.0) + wiggle).tolist()
            ends["accuracy"] = ((accuracy if is_sam else 0.8) + wiggle[::-1]).tolist()
    return found | {"seeds": 3}


@pytest.mark.parametrize(
    ("largest", "flat"),
    [
        (2.0, "Flatter: yes, here"),
        (4.0, "Flatter: not observed here"),
        (8.0, "Flatter: no, sharper here"),
    ],
)
@pytest.mark.parametrize(
    ("accuracy", "good"),
    [
        (0.9, "Better: yes, here"),
        (0.8, "Better: not observed here"),
        (0.7, "Better: no, worse here"),
    ],
)
def test_flat_and_good_are_judged_apart(measured, largest, flat, accuracy, good):
    said = flat_minima.verdict(with_ends(measured, largest, accuracy))
    assert said.startswith(flat)
    assert f". {good}. " in said
    assert f"{largest / 4:.2f} (" in said
    assert f"{100 * (accuracy - 0.8):+.2f} ± ".replace("-", "−") in said


def test_sam_must_be_better_at_as_many_gradients_too(measured):
    found = with_ends(measured, 2.0, 0.9)
    found["problems"]["wrong"][flat_minima.LONGER]["accuracy"] = [0.9, 0.9, 0.9]
    assert "Better: not observed here" in flat_minima.verdict(found)


def test_one_problem_may_say_yes_and_another_no(measured):
    found = with_ends(measured, 2.0, 0.9)
    found["problems"]["right"] = with_ends(measured, 2.0, 0.8)["problems"]["wrong"]
    assert "Better: only with wrong labels" in flat_minima.verdict(found)
    assert flat_minima.verdict(found).startswith("Flatter: yes, here")


@pytest.mark.parametrize(
    ("flatter", "other", "head"),
    [
        (2.0, 8.0, "Flatter: only with wrong labels, sharper with right labels. "),
        (4.0, 8.0, "Flatter: not observed here, sharper with right labels. "),
        (4.0, 2.0, "Flatter: only with right labels. "),
    ],
)
def test_the_problem_with_the_contrary_is_named(measured, flatter, other, head):
    found = with_ends(measured, flatter, 0.8)
    found["problems"]["right"] = with_ends(measured, other, 0.8)["problems"]["wrong"]
    assert flat_minima.verdict(found).startswith(head)


def test_the_contrary_beside_one_of_the_two_is_said(measured):
    found = with_ends(measured, 2.0, 0.8)
    found["problems"]["right"] = with_ends(measured, 2.0, 0.8)["problems"]["wrong"]
    found["problems"]["right"][flat_minima.LONGER]["largest"] = [0.99, 1.0, 1.01]
    head = "Flatter: only with wrong labels, sharper than one Momentum with right labels. "
    assert flat_minima.verdict(found).startswith(head)


def test_the_rescaled_sharpness_stays_when_layers_are_rescaled():
    problem = flat_minima.training("right", "show")
    objective = Objective.of(problem)
    weights = problem.model.init(0)
    other = deepcopy(weights)
    for name, part in other["layer1"].items():
        other["layer1"][name] = 3 * part
    other["layer2"]["kernel"] = other["layer2"]["kernel"] / 3
    one, two = (
        flat_minima.sharpness_at(objective, objective.layout.ravel(w, "w"))
        for w in (weights, other)
    )
    assert two["rescaled"] == pytest.approx(one["rescaled"], rel=1e-3)
    assert two["largest"] != pytest.approx(one["largest"], rel=0.1)


# --------------------------------------------------------------------------- 15. tuning budgets


def test_the_expected_best_is_the_mean_over_all_choices():
    rng = np.random.default_rng(0)
    tuned, shown = rng.normal(size=(2, 6, 3))
    for k in range(1, 7):
        (found,) = tuning_budget.expected_best(tuned, shown, tuning_budget.chances(6, [k]))
        best = [min(some, key=lambda i: tuned[i].mean()) for some in combinations(range(6), k)]
        assert found == pytest.approx(shown[best].mean())


def steady(rng, trials):
    """All trials are fair."""
    return rng.normal(-1.0, 0.1, (trials, 1))


def risky(rng, trials):
    """One trial in ten is very good, the others are nothing."""
    return np.where(rng.random((trials, 1)) < 0.1, -3.0, 0.0)


def judged(*kinds, trials=512):
    """What is found of rules whose trials are like that, on one problem."""
    rng, budgets = np.random.default_rng(0), list(tuning_budget.BUDGETS)
    scores = {label: kind(rng, trials) for label, kind in zip("AB", kinds, strict=True)}
    noisy = [{k: v + rng.normal(0, 0.05, (trials, 4)) for k, v in scores.items()} for _ in "ab"]
    found = tuning_budget.judged(*noisy, budgets, 200, 0)
    beside = {"budgets": budgets, "steps": 1}
    return {"problems": {"P": found | {"trials": trials, "seeds": 4}}, **beside}


def test_an_order_may_turn_round_with_more_trials():
    found = judged(steady, risky)
    ((one, two, few, many),) = tuning_budget.turns(found, "P")
    assert (one, two) == ("A", "B")
    assert few == 1 < many
    assert tuning_budget.verdict(found).startswith("True here")
    assert "A leads B with 1 trial" in tuning_budget.verdict(found)
    assert tuning_budget.nearest(found)[0] == 0
    assert tuning_budget.apart(found, 1) == tuning_budget.apart(found, 64) == 1
    assert tuning_budget.leaders(found, "P", 1) == ["A"]
    assert tuning_budget.leaders(found, "P", 64) == ["B"]


def test_an_order_may_stay_whatever_the_budget_is():
    better = judged(lambda rng, n: risky(rng, n) - 0.5, risky)
    assert tuning_budget.leaders(better, "P", 64) == ["A"]
    for found in (better, judged(steady, steady), judged(risky, risky)):
        assert not tuning_budget.turns(found, "P")
        assert tuning_budget.verdict(found).startswith("Not observed here")


def test_curves_that_cross_by_chance_are_no_turn():
    found = judged(steady, steady)
    (difference,) = found["problems"]["P"]["differences"]
    difference["mean"] = np.linspace(-1e-3, 1e-3, len(found["budgets"])).tolist()
    assert tuning_budget.crossings(found, "P") == 1
    assert "The curves of 1 pair cross within the error" in tuning_budget.verdict(found)
    assert tuning_budget.nearest(found)[1:] == ("P", "A", "B")
    assert 0 < tuning_budget.nearest(found)[0] < 1


def test_more_orders_must_turn_than_chance_makes():
    found = judged(steady, risky)
    still = judged(steady, steady)["problems"]["P"]
    found["problems"] |= {f"Q{i}": deepcopy(still) for i in range(59)}
    assert tuning_budget.by_chance(found) == pytest.approx(1.5)
    said = tuning_budget.verdict(found)
    assert said.startswith("Undecided here: 1 of 60 pairs of rules changes places ")
    assert "chance alone makes at most 1.5 do so on average" in said
    found["problems"] = {name: found["problems"][name] for name in ("P", "Q0")}
    said = tuning_budget.verdict(found)
    assert said.startswith("True here on some problems: 1 of 2 pairs of rules changes places ")
    margin = "the margin that chance gives any of the pairs once in 20 times"
    assert f"; on 1 by more than {margin}. " in said


def test_chance_tells_a_level_pair_apart_no_more_often_than_is_said():
    rng, told = np.random.default_rng(0), []
    for _ in range(300):  # of one trial, so that the error is that of the seeds alone
        tuned, shown = (dict(zip("AB", one, strict=True)) for one in rng.normal(size=(2, 2, 1, 4)))
        found = tuning_budget.judged(tuned, shown, [1], 60, 0) | {"seeds": 4}
        measured = {"problems": {"P": found}, "budgets": [1]}
        told.append(*tuning_budget.signs(measured, "P")["A", "B"])
    assert np.mean(np.abs(told)) == pytest.approx(tuning_budget.LEVEL, abs=0.03)


@pytest.mark.parametrize("kind", [steady, risky])
def test_the_error_is_what_trials_drawn_anew_differ_by(kind):
    rng, budgets = np.random.default_rng(0), [1, 8, 32]

    def scores():
        return kind(rng, 256) + rng.normal(0, 0.05, (256, 4))

    chance = tuning_budget.chances(256, budgets)
    means = [tuning_budget.expected_best(*[scores()] * 2, chance) for _ in range(200)]
    told = [
        tuning_budget.judged({"A": a, "B": a}, {"A": a, "B": a}, budgets, 60, 0)["curves"]["A"]
        for a in (scores() for _ in range(10))
    ]
    errors = np.mean([curve["error"] for curve in told], axis=0)
    assert errors == pytest.approx(np.std(means, axis=0), rel=0.35)


def test_a_score_is_what_is_left_of_the_first_gap():
    problem = as_problem(rosenbrock)
    first = problem.seeded(5).values(problem.seeded(5).theta)
    losses = np.array([[first, np.inf, first / 100, 0.0, 7 * first]])
    scores = tuning_budget.scored(losses.T, problem, [5])
    assert scores.ravel() == pytest.approx([0, 0, -2, -6, 0])


# ----------------------------------------------------------------------------- command and report


def test_the_command_measures_what_is_asked_and_keeps_nothing_unfinished(tmp_path, capsys):
    assert main(["claims", "momentum_rates", "--quick", "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "Verdict: Holds within 1%" in said
    assert {file.name for file in tmp_path.iterdir()} == {
        "02-momentum-rates.json",
        "02-momentum-rates.png",
        "README.md",
    }
    assert "(02-momentum-rates.png)" in (tmp_path / "README.md").read_text("utf8")
    assert main(["claims", "momentum"]) == 2
    assert "Did you mean 'momentum-rates'" in capsys.readouterr().err


def test_a_claim_that_was_stopped_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(lion, "EPOCHS", 1)
    effort = Effort(quick=True, store=tmp_path, progress=False)
    whole = lion.measure(effort)
    pieces = sorted(tmp_path.rglob("piece-*.npz"))
    kept = {piece: piece.stat().st_mtime_ns for piece in pieces}
    pieces[3].unlink()
    assert lion.measure(effort) == whole
    again = {piece: piece.stat().st_mtime_ns for piece in sorted(tmp_path.rglob("piece-*.npz"))}
    assert [piece for piece in pieces if again[piece] != kept[piece]] == [pieces[3]]


def test_the_page_has_every_claim_that_was_measured(tmp_path):
    for module in MODULES:
        shutil.copy(CLAIMED / f"{module.CLAIM.name}.json", tmp_path)
    text = write_report(CLAIMS, tmp_path).read_text("utf8")
    for module in MODULES:
        assert module.CLAIM.verdict(Result.load(module.CLAIM, tmp_path).measured) in text
    assert list(CLAIMS) == [module.CLAIM.label for module in MODULES]
