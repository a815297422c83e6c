"""The claims: estimators on what is known, verdicts that can fall either way, figures that fit."""

import json
from copy import deepcopy

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

from optimizers import RULES, SGD, Adam, Newton
from optimizers.claims import lookahead_variance, memory, momentum_rates, quadratic_deep
from optimizers.claims.claim import Effort, Result, mean_and_error, rounded

QUICK = Effort(quick=True, progress=False)


@pytest.fixture(scope="module")
def measured():
    """What little effort measures, by module, as it is read back from JSON."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "RULES", {rule.__name__: rule for rule in (SGD, Adam, Newton)})
        patch.setattr(memory, "NEWTON", 30)
        patch.setattr(lookahead_variance, "COPIES", 1000)
        patch.setattr(lookahead_variance, "SETTLING", 300)
        patch.setattr(lookahead_variance, "STEPS", 400)
        patch.setattr(quadratic_deep, "EPOCHS", 20)
        return {
            module: json.loads(json.dumps(rounded(module.measure(QUICK))))
            for module in (quadratic_deep, momentum_rates, memory, lookahead_variance)
        }


EVERY_CLAIM = pytest.mark.parametrize(
    "module",
    [quadratic_deep, momentum_rates, memory, lookahead_variance],
    ids=lambda module: module.CLAIM.label,
)


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
    assert "same order" in quadratic_deep.verdict(found)
    found["rules"]["Adam"]["published"] *= 2
    assert quadratic_deep.verdict(found).startswith("Not reproduced")
    assert "the order here is" in quadratic_deep.verdict(found)
    for rule in found["rules"].values():
        rule["reshuffled"] = rule["losses"]
    assert "make no difference" in quadratic_deep.verdict(found)


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


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_what_a_rule_must_keep_is_its_state(rule):
    kept = {name for name, role in memory.roles(rule).items() if role == "must_keep"}
    if rule.__name__ == "Lookahead":
        assert kept == {"slow", "fast.m", "fast.v"}
    else:
        assert kept == set(rule.state)


def test_the_parts_add_up_to_what_is_held(measured):
    for row in measured[memory]["rows"][:-1]:  # beside Newton's few weights, Python's own counts
        assert sum(row["copies"].values()) == pytest.approx(row["held"], abs=0.01)
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
