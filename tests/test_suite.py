"""Many problems at once: places, wins, ties, profiles; resumable, and as single races."""

import csv
from collections import Counter
from functools import partial

import autograd.numpy as np
import matplotlib.pyplot as plt
import numpy
import pytest

from optimizers import (
    LAMB,
    SGD,
    SOAP,
    Adam,
    AdamW,
    Lookahead,
    Momentum,
    Muon,
    Newton,
    Shampoo,
    compare,
    suite,
)
from optimizers.experiments import MATRICES, Comparison, teacher
from optimizers.experiments.suite import Suite
from optimizers.experiments.tuning import Tuner
from optimizers.functions import beale, booth, himmelblau, matyas, monkey_saddle, sphere
from optimizers.plotting import plot_profile, plot_suite

HOW = {"steps": 40, "progress": False}


@pytest.fixture(scope="module")
def found():
    return suite([SGD, Momentum, Adam], [booth, beale, himmelblau], **HOW)


def test_inside_are_the_races_that_compare_makes(found):
    assert list(found) == ["Booth", "Beale", "Himmelblau"]
    for name, function in zip(found, (booth, beale, himmelblau), strict=True):
        alone = compare([SGD, Momentum, Adam], function, **HOW)
        assert str(found[name]) == str(alone)
        assert found[name].lr == alone.lr


def test_wins_and_ties_are_counted_from_the_races(found):
    wins, leads = Counter(), Counter()
    for race in found.values():
        wins[race.winner] += 1
        leads.update(race.standing.leaders)
    rows = found.rows()
    assert {row["rule"] for row in rows} == {"SGD", "Momentum", "Adam"}
    for row in rows:
        assert row["wins"] == wins[row["rule"]]
        assert row["wins"] + row["shared"] == leads[row["rule"]]
        assert row["wins"] + row["shared"] + row["behind"] == 3
    assert [row["wins"] for row in rows] == sorted((row["wins"] for row in rows), reverse=True)
    text = repr(found)
    for name, race in found.items():
        line = next(line for line in text.splitlines() if line.startswith(name))
        assert all(label in line for label in race.standing.leaders)


def test_a_profile_is_the_share_of_problems_solved_within_so_many_times_the_quickest(found):
    costs = found.gradients_to_target
    for i, race in enumerate(found.values()):
        steps = {row["rule"]: row["gradients_to_target"] for row in race.rows()}
        assert costs[i].tolist() == [steps[n] or numpy.inf for n in found.labels]
    taus, shares = found.profiles()
    assert taus[0] == 1
    for j, label in enumerate(found.labels):
        for tau, share in zip(taus, shares[label], strict=True):
            solved = [numpy.isfinite(row[j]) and row[j] <= tau * row.min() for row in costs]
            assert share == pytest.approx(numpy.mean(solved))
        assert (numpy.diff(shares[label]) >= 0).all()
    assert sum(share[0] for share in shares.values()) >= 1  # somebody is the quickest


def test_newton_pays_for_its_hessian():
    both = suite([SGD, Newton], [booth], **HOW)
    rows = {row["rule"]: row for row in both["Booth"].rows()}
    assert both.gradients_to_target[0, 1] == 3 * rows["Newton"]["steps_to_target"]


def test_without_a_known_minimum_nothing_is_said_to_be_solved():
    def loss(w):
        return np.sum((w - 1) ** 2) + w[0] * w[1]

    two = suite([SGD, Adam], {"mine": as_problem_of(loss), "booth": booth}, **HOW)
    assert numpy.isnan(two.gradients_to_target[0]).all()
    assert all(row["targets"] == 1 for row in two.rows())
    only = suite([SGD, Adam], {"mine": as_problem_of(loss)}, **HOW)
    assert "solved" not in repr(only)
    assert "No problem has a target" in plot_profile(only).get_title(loc="left")
    plt.close("all")


def as_problem_of(loss):
    from optimizers.problem import as_problem

    return as_problem(loss, [0.0, 0.5])


def test_where_there_is_no_bottom_nobody_wins():
    fallen = suite([SGD, Adam], [monkey_saddle, booth], **HOW)
    assert fallen["Monkey saddle"].winner is None
    assert "no winner: unbounded below" in repr(fallen)
    rows = fallen.rows()
    assert sum(row["wins"] + row["shared"] for row in rows) <= 2
    assert all(row["wins"] + row["shared"] + row["behind"] == 1 for row in rows)


def test_a_minimum_at_the_origin_is_said_to_favour_decay():
    notes = " ".join(suite([SGD, AdamW], [sphere, booth], **HOW).notes())
    assert "The minimum of Sphere sits at the origin" in notes
    assert "draws AdamW" in notes
    assert "origin" not in " ".join(suite([SGD], [sphere], **HOW).notes())


SMALL = {"network": teacher([3, 4, 2], n=10), "linear": teacher([3, 2], n=10, condition=10)}


def test_problems_with_matrices_stand_beside_functions_and_are_counted_alike():
    how = HOW | {"budget": "gradients", "seeds": 2, "lr": [0.01, 0.1, 1.0]}
    rules = [SGD, Muon, Newton]
    both = suite(rules, {"booth": booth} | SMALL, **how)
    assert list(both) == ["booth", "network", "linear"]
    for name, problem in ({"booth": booth} | SMALL).items():
        assert both[name].lr == compare(rules, problem, **how).lr
        weights = both[name].problem.theta.size
        assert both[name]["SGD"].step[-1] == 40
        assert both[name]["Newton"].step[-1] == 40 // (1 + weights)
    rows = {row["rule"]: row for row in both["linear"].rows()}
    assert both.gradients_to_target[2, 2] == 7 * rows["Newton"]["steps_to_target"]
    assert both.rows()[0]["targets"] == 3


def test_each_of_the_library_s_problems_with_matrices_has_a_minimum_and_moves_by_muon_alone():
    for name, problem in MATRICES.items():
        muon = Muon(problem, problem.start)
        assert muon.in_matrix.all(), name
        assert problem(problem.solution) == 0
        assert muon.theta.keys() == problem.start.keys()


def test_where_there_are_no_matrices_it_says_whose_steps_their_rules_make():
    how = HOW | {"lr": 0.01, "seeds": 2}
    rules = {"A": AdamW, "M": partial(Muon, beta=0.9), "L": partial(Lookahead, inner=SOAP)}
    rules |= {"S": Shampoo, "B": LAMB}
    rules |= {"N": partial(Muon, nesterov=False)}
    words = (
        "M steps like AdamW with Nesterov's m̂; L steps like AdamW, a step late; S steps like "
        "AdaGrad with a whole matrix; N steps like AdamW."
    )
    alone = suite(rules, [booth, beale], **how).notes()
    assert f"No problem here has matrices; those in MATRICES do: {words}" in alone
    mixed = suite(rules, {"booth": booth} | SMALL, **how)
    assert f"Only network, linear have matrices; elsewhere {words}" in mixed.notes()
    assert f"There are no matrices among the weights: {words}" in mixed["booth"].notes()
    for quiet in (mixed["network"], suite(rules, SMALL, **how), suite([AdamW], [booth], **how)):
        assert "matri" not in " ".join(quiet.notes())


def test_whose_steps_they_make_is_kept_with_a_race(tmp_path):
    race = compare([SGD, Muon], booth, lr=0.01, steps=5, seeds=2, progress=False)
    race.save(tmp_path / "race.npz")
    assert Comparison.load(tmp_path / "race.npz").notes() == race.notes()
    assert "Muon steps like AdamW with Nesterov's m̂" in " ".join(race.notes())


def test_shampoo_is_itself_on_an_array_of_three_axes_and_rules_for_matrices_are_not():
    def race(shape):
        loss = lambda w: np.sum((w - 1) ** 2)  # noqa: E731
        return compare([SOAP, Shampoo], loss, start=numpy.zeros(shape), **HOW | {"lr": 0.01})

    cube = race((2, 2, 2))
    assert cube.entries["Shampoo"].falls_back_to == ""
    late = "SOAP steps like AdamW, a step late."
    assert f"There are no matrices among the weights: {late}" in cube.notes()
    both = Suite({"cube": cube, "square": race((2, 2)), "line": race(2)}).notes()
    assert f"Only square has matrices; elsewhere {late}" in both
    whole = "Shampoo steps like AdaGrad with a whole matrix."
    assert f"Only cube, square have arrays of several axes; elsewhere {whole}" in both


def test_who_decays_what_is_not_there_is_not_drawn_to_the_origin():
    rules = {
        "matrices": partial(Muon, weight_decay=0.1),
        "rest": partial(Muon, adam_weight_decay=0.1),
        "none": partial(AdamW, exclude_from_weight_decay="."),
        "all": AdamW,
    }

    def drawn(problem):
        race = compare(rules, problem, **HOW | {"lr": 0.01, "seeds": 2})
        return [label for label, entry in race.entries.items() if entry.is_drawn_to_origin]

    assert drawn(booth) == ["rest", "all"]
    assert drawn(SMALL["linear"]) == ["matrices", "all"]


def test_many_rules_on_matrices_have_seeds_enough_to_be_told_apart():
    rules = {f"{k}": partial(SGD, lr=0.01 * k) for k in range(1, 19)}
    how = {"lr": {label: rule.keywords["lr"] for label, rule in rules.items()}, "steps": 3}
    race = compare(dict.fromkeys(rules, SGD), SMALL["linear"], progress=False, **how)
    assert "too few" not in " ".join(race.notes())
    assert race.standing.place("18") == (1, 1)  # the largest step of a short race


def test_it_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    whole = suite([SGD, Adam], [booth, matyas], **HOW)
    tuned, calls = Tuner.ends, []

    def stopping(self, *arguments):
        calls.append(self.problem.name)
        if self.problem.name == "Matyas" and len(calls) > 4:
            raise KeyboardInterrupt
        return tuned(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Tuner, "ends", stopping)
        with pytest.raises(KeyboardInterrupt):
            suite([SGD, Adam], [booth, matyas], store=tmp_path, **HOW)
    kept = sorted(tmp_path.rglob("piece-*.npz"))
    assert kept
    before = [piece.stat().st_mtime_ns for piece in kept]
    again = suite([SGD, Adam], [booth, matyas], store=tmp_path, **HOW)
    assert [piece.stat().st_mtime_ns for piece in kept] == before
    assert repr(again) == repr(whole)


def test_a_table_has_a_line_for_each_rule_on_each_problem(found, tmp_path):
    found.to_csv(tmp_path / "suite.csv")
    with open(tmp_path / "suite.csv", encoding="utf8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 9
    for line in lines:
        race = found[line["problem"]]
        assert (int(line["place"]), int(line["worst_place"])) == race.standing.place(line["rule"])
        assert float(line["lr"]) == race.lr[line["rule"]]


def test_a_suite_with_matrices_goes_on_from_what_it_kept(tmp_path):
    how = HOW | {"store": tmp_path, "seeds": 2, "lr": [0.01, 0.1, 1.0]}
    first = suite([AdamW, Muon], {"booth": booth} | SMALL, **how)
    kept = {piece: piece.stat().st_mtime_ns for piece in tmp_path.rglob("piece-*.npz")}
    assert {piece.relative_to(tmp_path).parts[0] for piece in kept} == {"booth", *SMALL}
    assert repr(suite([AdamW, Muon], {"booth": booth} | SMALL, **how)) == repr(first)
    assert {piece: piece.stat().st_mtime_ns for piece in tmp_path.rglob("piece-*.npz")} == kept


def test_the_picture_says_where_the_matrices_are():
    two = suite([AdamW, Muon], {"booth": booth} | SMALL, **HOW | {"lr": 0.01, "seeds": 2})
    figure = plot_suite(two)[0].figure
    words = " ".join(" ".join(text.get_text() for text in figure.texts).split())
    assert "Only network, linear have matrices; elsewhere Muon steps like AdamW with" in words
    plt.close("all")


def test_the_picture_marks_winners_and_says_how_many_there_are(found):
    axes = plot_suite(found)
    won = sum(race.winner is not None for race in found.values())
    assert axes[0].get_title(loc="left") == f"A clear winner on {won} of 3 problems"
    marks = [line for line in axes[0].lines if line.get_marker() == "o"]
    assert len(marks) == sum(len(race.leaders) for race in found.values())
    assert "the quickest" in axes[1].get_xlabel()
    plt.close("all")


@pytest.mark.parametrize(
    ("problems", "error", "message"),
    [
        ([], ValueError, "at least one problem"),
        ("rosenbrock", TypeError, "problems must be a list of functions"),
        ([booth, booth], ValueError, "two problems are called 'Booth'"),
        ({"mine": lambda w: w[0] ** 2}, ValueError, "has no start of its own"),
        ([3], TypeError, "the loss must be a function"),
    ],
)
def test_what_makes_no_suite_is_refused_before_anything_runs(problems, error, message):
    with pytest.raises(error, match=message):
        suite([SGD], problems, **HOW)


def test_what_is_no_suite_is_refused_by_the_pictures():
    for draw in (plot_suite, plot_profile):
        with pytest.raises(TypeError, match="suite must be what suite returns"):
            draw({"booth": 1})
    assert isinstance(suite([SGD], [booth], **HOW), Suite)


def test_an_unknown_problem_is_answered_with_the_nearest(found):
    with pytest.raises(KeyError, match="Did you mean 'Beale'"):
        found["Baele"]
