"""Pictures that were blank, wrong, alike or full of warnings once, and what holds of them now."""

from __future__ import annotations

from functools import partial
from itertools import combinations

import autograd.numpy as anp
import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from matplotlib import font_manager
from matplotlib.colors import to_rgb
from matplotlib.text import Text
from nbclient import NotebookClient
from PIL import Image

from optimizers import (
    LAMB,
    RULES,
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    AMSGrad,
    Lion,
    Lookahead,
    Momentum,
    Muon,
    Trajectory,
    compare,
    sweep,
)
from optimizers import plotting as p
from optimizers.functions import booth, describe, rosenbrock, sphere
from optimizers.plotting import words
from optimizers.plotting.finding import leaders
from optimizers.plotting.labels import EndLabels
from optimizers.plotting.layout import SettledLayout
from optimizers.plotting.state import effective_step
from optimizers.plotting.style import GREY, USUAL, lightness, looks
from optimizers.schedules import constant, cosine
from optimizers.weights import flatten

WATCHED = ("m_hat", "v_hat")
t = np.arange(60.0)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def bowl(w):
    return anp.sum((w - 1) ** 2)


def flat(w):
    return 2.0 + 0 * w[0]


def title(ax):
    return ax.get_title(loc="left").replace("\n", " ")


def caption(ax):
    return ax.figure.get_supxlabel().replace("\n", " ")


def drawn(axes):
    """Draw the figure: warnings are errors. Returns its first Axes."""
    ax = np.ravel(axes)[0]
    ax.figure.canvas.draw()
    return ax


def is_inside(axes):
    figure = drawn(axes).figure
    if not isinstance(figure.get_layout_engine(), SettledLayout):
        figure.draw_without_rendering()  # a caller's own layout engine may need a second look
    box = figure.get_tightbbox(figure.canvas.get_renderer())
    width, height = figure.get_size_inches()
    assert box.x0 > -0.01
    assert box.y0 > -0.01
    assert box.x1 < width + 0.01
    assert box.y1 < height + 0.01
    for ax in np.ravel(axes):
        area = ax.get_window_extent()
        assert min(area.width, area.height) > 0.15 * figure.bbox.height


def curve(ax, rule):
    """The line of that colour that has most points."""
    mine = [line for line in ax.lines if line.get_color() == USUAL[rule].color]
    return max(mine, key=lambda line: len(line.get_xdata()))


def marks(ax, sign):
    found = [line for line in ax.lines if line.get_marker() == sign and line.get_visible()]
    return np.concatenate([line.get_xydata() for line in found] or [np.empty((0, 2))])


def names(ax):
    (labels,) = ax.findobj(EndLabels)
    return [text.get_text().replace("\n", " ") for text in labels.texts]


def path_of(losses, rule="SGD"):
    """A single run, or many side by side, with these losses."""
    losses = np.asarray(losses, float)
    gone = ~np.isfinite(losses)
    at = np.where(gone.any(axis=0), gone.argmax(axis=0), -1)
    if losses.ndim == 1 and at >= 0:
        losses = losses[: at + 1]
    ended = (at >= 0, at) if losses.ndim > 1 else (bool(at >= 0), int(at) if at >= 0 else None)
    return Trajectory(
        np.zeros((*losses.shape, 2)),
        losses,
        np.abs(losses),
        np.arange(len(losses)),
        rule,
        {},
        flatten(np.zeros(2))[1],
        diverged=ended[0],
        diverged_at=ended[1],
    )


# ------------------------------------------------------------------------- only what is known


def test_the_axis_says_minus_minimum_only_where_the_minimum_is_known():
    path = SGD(bowl, [3.0, 2.0], lr=0.1).minimize(40)
    assert p.plot_convergence(path, bowl).get_ylabel() == "loss (log)"
    known = SGD(booth, [3.0, 2.0], lr=0.01).minimize(40)
    assert p.plot_convergence(known, booth).get_ylabel() == "loss − minimum (log)"
    losses = {"SGD": [3.0, 1.0, 0.1]}
    assert p.plot_learning_rates([0.1, 1, 10], losses).get_ylabel() == "final loss (log)"
    given = p.plot_learning_rates([0.1, 1, 10], losses, minimum=0.0)
    assert given.get_ylabel() == "final loss − minimum (log)"
    grids = {"lr": [0.01, 0.1, 0.3], "momentum": [0.0, 0.5]}
    for function, words_ in ((bowl, "final loss"), (booth, "final loss − minimum")):
        found = sweep(Momentum, function, start=[3.0, 2.0], steps=9, **grids)
        mesh = next(c for c in p.plot_heatmap(found).collections if c.get_array() is not None)
        assert mesh.colorbar.ax.get_ylabel().removesuffix(" (log)") == words_


def test_what_a_loss_calls_its_attributes_is_its_own_affair():
    class Mine:
        data, noise, sigma, seed, start = "held out", 0.1, 3.0, 7, "here"
        exact = domain = minima = accuracy = "its own"
        minimum, dimension = -np.inf, 2

        def __call__(self, w):
            return anp.sum((w - 1) ** 2)

    grid = {"start": [3.0, 2.0, 1.0], "steps": 20, "lr": [0.01, 0.1, 0.3]}
    axes = compare([SGD, Adam], Mine(), seeds=None, **grid).plot()
    assert axes[0].get_ylabel() == "loss (log)"
    said = " ".join([*map(title, axes), caption(axes[0])]).lower()
    for word in ("held", "seed", "unbounded", "noise", "minimum"):
        assert word not in said


def test_a_race_may_start_from_any_nesting_of_arrays():
    def loss(w):
        return anp.sum(w[0] ** 2) + anp.sum((w[1] - 1) ** 2)

    start = [np.ones(2), np.zeros((3, 2))]
    axes = compare([SGD, Adam], loss, start=start, steps=9, lr=[0.01, 0.1]).plot()
    assert "9 steps" in caption(drawn(axes))
    assert "from" not in caption(axes[0]).split(".")[0]  # eight numbers are not told


def test_who_falls_below_the_minimum_outside_the_domain_does_not_win():
    @describe("trough", domain=[(-1, 1)], minima=[[0.0]], start=[0.5])
    def trough(x):
        return x[..., 0] ** 2 - x[..., 0] ** 4

    escaped = SGD(trough, [1.2], lr=0.05).minimize(20)
    stays = Adam(trough, [0.5], lr=0.05).minimize(20)
    assert escaped.loss[-1] < trough.minimum
    ax = drawn(p.plot_convergence({"SGD": escaped, "Adam": stays}, trough))
    assert title(ax) == "Adam is lowest after 20 steps"
    assert names(ax) == ["SGD, left the domain", "Adam"]
    assert len(marks(ax, "X")) == 1


def test_a_run_below_the_minimum_inside_the_domain_shows_that_it_is_none():
    @describe("wrong", domain=[(-1, 1)], minima=[[0.5]])
    def wrong(x):
        return x[..., 0] ** 2

    path = SGD(wrong, [0.9], lr=0.3).minimize(20)
    assert p.plot_convergence(path, wrong).get_ylabel() == "loss (log)"


# ------------------------------------------------------------------------------------- frames


@pytest.mark.parametrize("bottom", [-1.0, -500.0, -1e9, -1e250])
def test_losses_below_zero_lie_inside_the_frame(bottom):
    falls = 25 + (bottom - 25) * (1 - 0.9**t)
    ax = drawn(p.plot_convergence({"Adam": path_of(falls, "Adam"), "SGD": path_of(25 - t)}))
    assert title(ax) == f"{'SGD' if bottom == -1.0 else 'Adam'} is lowest after 59 steps"
    low, high = ax.get_ylim()
    if bottom > -1e200:  # farther away, matplotlib has no ticks
        assert low < falls.min()
        assert np.allclose(curve(ax, "Adam").get_ydata(), falls)
    assert high > 25


def test_the_tuned_points_of_losses_below_zero_lie_inside_the_frame():
    def deep(w):
        return 30 * anp.sum((w - 3) ** 2) - 500

    grid = {"start": [-1.0, -1.0], "steps": 60, "lr": np.geomspace(1e-4, 1, 11)}
    for seeds in (8, None):
        race = compare([SGD, Adam], deep, seeds=seeds, **grid)
        _, falls, rates = race.plot()
        for ax in (falls, rates):
            low, high = ax.get_ylim()
            assert low < -500 < np.median(race["SGD"].loss[0]) < high
        tuned = sorted(medians.min() for medians in race.final_loss.values())
        assert np.allclose(sorted(marks(rates, "o")[:, 1]), tuned)
    assert np.allclose(tuned, sorted(path.loss[-1] for path in race.values()))


def test_a_run_that_explodes_alone_is_seen_all_the_way():
    path = SGD(sphere, [1.0, 1.0], lr=1.9).minimize(600)
    ax = drawn(p.plot_convergence(path, sphere))
    seen = curve(ax, "SGD").get_xydata()
    assert len(seen) > 0.5 * len(path)
    assert names(ax) == [f"SGD, diverged at step {path.diverged_at}"]
    ((step, _),) = marks(ax, "X")
    assert step == path.diverged_at


def test_beside_others_it_is_seen_until_it_leaves_and_crossed_where_it_diverged():
    path = SGD(sphere, [1.0, 1.0], lr=1.9).minimize(600)
    made = {"SGD": path, "Adam": Adam(sphere, [1.0, 1.0], lr=0.1).minimize(600)}
    ax = drawn(p.plot_convergence(made, sphere))
    top = ax.get_ylim()[1]
    assert np.allclose(marks(ax, "X"), [[path.diverged_at, top]])
    ((left_at, edge),) = marks(ax, "^")
    assert edge == pytest.approx(top)
    assert top > 10 * path.loss[0]
    assert path.loss[int(left_at)] < top < path.loss[int(left_at) + 1]


def test_who_diverges_downwards_is_crossed_at_the_bottom():
    falls = np.append(-(10.0 ** np.arange(0, 300, 20)), -np.inf)
    ax = drawn(p.plot_convergence({"SGD": path_of(falls), "Adam": path_of(-t[:20], "Adam")}))
    assert np.allclose(marks(ax, "X"), [[15, ax.get_ylim()[0]]])


with np.errstate(all="ignore"):
    KINDS = {
        "constant": 5 + 0 * t,
        "zero": 0 * t,
        "negative": -5 + 0 * t,
        "rises": 1.2**t,
        "explodes": np.where(t < 55, 10.0 ** (t * t / 10), np.inf),
        "tiny": 1e-310 * 0.9**t,
        "huge": 1e308 * 0.9**t,
        "hugely negative": -1e308 * (1 - 0.9**t),
        "becomes nan": np.where(t < 30, 0.9**t, np.nan),
        "is nan": np.full(60, np.nan),
        "falls to −inf": np.where(t < 40, -(10.0 ** (t * t / 10)), -np.inf),
        "crosses zero": 1 - 0.1 * t,
        "rounding": 1 + 1e-15 * np.sin(t),
    }


@pytest.mark.parametrize("kind", KINDS)
def test_losses_of_any_sign_and_size_have_a_frame(kind):
    losses, calm = KINDS[kind], 25 - 525 * (1 - 0.9**t)
    both = {"SGD": path_of(losses), "Adam": path_of(calm, "Adam")}
    grid = np.geomspace(1e-4, 1, 60)
    for ax in (
        p.plot_convergence(path_of(losses)),
        p.plot_convergence(both),
        p.plot_convergence(path_of(np.stack([losses, calm, calm + 1], axis=1))),
        p.plot_learning_rates(grid, {"SGD": losses, "Adam": calm}),
        p.plot_learning_rates(grid, {"SGD": np.abs(losses)}, minimum=0.0),
    ):
        low, high = drawn(ax).get_ylim()
        assert low < high
        assert np.isfinite([low, high]).all()
        area = ax.get_window_extent()
        assert area.height > 0.5 * ax.figure.bbox.height


def test_the_ticks_of_a_symlog_axis_do_not_overlap():
    ax = drawn(p.plot_convergence(path_of(np.append(t, -(10.0 ** np.arange(1, 150, 10))))))
    assert ax.get_ylabel() == "loss (symlog)"
    boxes = [text.get_window_extent() for text in ax.get_yticklabels() if text.get_text()]
    assert len(boxes) > 3
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))


# --------------------------------------------------------------------- grids of any kind


def test_a_sweep_over_schedules_names_the_best_one():
    rates = [cosine(0.001, 50), constant(0.002), lambda t: 0.001 / t, lambda t: 0.0001 / t]
    ax = drawn(sweep(SGD, rosenbrock, steps=50, lr=rates).plot())
    assert title(ax) == "SGD is best at learning rate constant(lr=0.002)"
    ticks = [text.get_text().replace("\n", " ") for text in ax.get_xticklabels()]
    assert ticks == ["cosine( lr=0.001, steps=50)", "constant( lr=0.002)"] + [
        f"<lambda> ({i})" for i in (1, 2)
    ]


def test_a_sweep_over_rules_and_partials_names_the_best_one():
    inner = [SGD, partial(Momentum, momentum=0.9, nesterov=True), Adam]
    found = sweep(Lookahead, rosenbrock, steps=50, inner=inner, lr=0.001)
    best = "Lookahead(lr=0.001) is best at inner Momentum(momentum=0.9, nesterov=True)"
    assert title(drawn(found.plot())) == best
    pair = sweep(Lookahead, rosenbrock, steps=50, k=[2, 5], inner=inner, lr=0.001)
    ax = plt.figure(figsize=(6, 4), layout="constrained").add_subplot()
    assert title(p.plot_heatmap(pair, ax)).startswith("Lookahead(lr=0.001) is best at k")
    assert "Momentum" in title(ax)
    assert any("nesterov" in text.get_text() for text in ax.get_yticklabels())
    is_inside(ax)


def test_a_class_with_many_values_has_no_more_names_than_the_axis_can_carry():
    rates = [constant(rate) for rate in np.geomspace(1e-5, 1e-3, 40)]
    ax = drawn(sweep(SGD, rosenbrock, steps=5, lr=rates).plot())
    assert 2 < len(ax.get_xticklabels()) <= 12
    is_inside(ax)


@pytest.mark.parametrize("function", [rosenbrock, flat])
@pytest.mark.parametrize(
    "grids",
    [
        {"lr": [0.1]},
        {"lr": [0.1, 0.1]},
        {"lr": [0.1, 0.1, 0.1]},
        {"lr": [0.1], "momentum": [0.5]},
        {"lr": [0.1, 0.1], "momentum": [0.5, 0.5, 0.9]},
        {"lr": [1e-4, 1e-3, 1e-2], "momentum": [0.5, 0.5, 0.5]},
    ],
)
def test_equal_values_a_single_one_and_a_constant_loss_are_drawn(function, grids):
    ax = sweep(Momentum, function, start=[1.0, 2.0], steps=3, **grids).plot()
    is_inside(ax)
    if function is flat and max(map(len, grids.values())) > 1:
        assert "is equally good at all" in title(ax)


def test_a_race_over_equal_learning_rates_is_drawn():
    for lr in ([0.1], [0.1, 0.1, 0.1]):
        is_inside(compare([SGD, Adam], bowl, start=[3.0, 2.0], steps=5, lr=lr).plot())


# ---------------------------------------------------------------------------------- ties, chance


def test_leaders_are_all_that_have_the_lowest_value():
    assert leaders({"a": 1.0, "b": 2.0}) == ["a"]
    assert leaders({"a": 1.0, "b": 1.0 + 1e-12, "c": 2.0}) == ["a", "b"]
    assert leaders({"a": -5.0, "b": -5.0}) == ["a", "b"]
    assert leaders({"a": np.inf, "b": np.nan, "c": 3.0}) == ["c"]
    assert leaders({"a": np.inf, "b": np.nan}) == []


def test_a_tie_is_called_one_in_every_panel():
    brief = {"steps": 5, "lr": [0.01, 0.1]}
    two = compare([SGD, Adam], flat, start=[1.0, 2.0], **brief)
    landscape, falls, rates = map(title, two.plot())
    assert landscape == "flat, from (1, 2)"
    assert falls == "No clear winner after 5 steps: SGD, Adam"
    assert rates == "Final loss by learning rate"
    alone = compare([SGD, Adam], flat, start=[1.0, 2.0], seeds=None, **brief)
    landscape, falls, _ = map(title, alone.plot())
    assert landscape == falls == "SGD and Adam are equally low after 5 steps"
    three = compare([SGD, Adam, Lion], flat, start=[1.0, 2.0, 3.0], seeds=None, **brief)
    assert title(three.plot()[0]) == "All are equally low after 5 steps"


def test_the_same_rule_twice_is_a_tie():
    same = {"first": SGD, "second": SGD, "worse": partial(SGD)}
    lr = {"first": 0.01, "second": 0.01, "worse": 1e-4}
    race = compare(same, booth, steps=20, lr=lr)
    assert title(race.plot()[1]) == "No clear winner after 20 steps: first, second"
    alone = compare(same, booth, steps=20, lr=lr, seeds=None)
    assert title(alone.plot()[1]) == "first and second are equally low after 20 steps"


def test_the_median_of_many_runs_is_called_the_median():
    starts = np.array([[x, 2.0] for x in np.linspace(-2.0, 6.0, 9)])
    made = {
        rule.__name__: rule(booth, starts, lr=lr).minimize(20)
        for rule, lr in ((SGD, 0.01), (Adam, 1e-5))
    }
    ax = p.plot_convergence(made, booth)
    assert title(ax) == "SGD is lowest after 20 steps"
    assert "Line: median of 9 runs, band: quartiles." in caption(ax)


def test_where_the_loss_hangs_on_chance_no_winner_is_named():
    chance = np.random.default_rng(0)

    def noisy(w):
        return anp.sum(w**2) + 0.1 * chance.standard_normal() * w[0]

    race = compare([SGD, Adam], noisy, start=[1.0, 2.0], steps=9, lr=[0.01, 0.1], progress=False)
    titles = ["noisy, from (1, 2)", race.finding(), "Final loss by learning rate"]
    assert [title(ax) for ax in race.plot()] == titles
    assert titles[1] == "The loss itself is random: no order is claimed"
    found = sweep(SGD, noisy, start=[1.0, 2.0], steps=9, lr=[0.01, 0.1], progress=False)
    assert title(found.plot()) == "The loss itself is random: no best is claimed"


# ------------------------------------------------------------------------------------ long labels

LONG = [
    partial(Lookahead, inner=partial(Momentum, momentum=0.9, nesterov=True), k=5, alpha=0.5),
    partial(Lookahead, inner=partial(Adam, beta1=0.9, beta2=0.99, epsilon=1e-6), k=10, alpha=0.25),
    partial(AdamW, beta1=0.95, beta2=0.999, weight_decay=0.001),
    SGD,
]


@pytest.fixture(scope="module")
def long_race():
    return compare(LONG, rosenbrock, steps=30, lr=np.geomspace(1e-4, 1, 7))


@pytest.fixture(scope="module")
def many_long():
    many = {f"Adam with a name that goes on and on, number {i}": Adam for i in range(9)}
    return compare(many, rosenbrock, steps=5, lr=[0.01, 0.1])


@pytest.mark.parametrize("race", ["long_race", "many_long"])
def test_pictures_with_long_labels_can_be_laid_out_at_600_pixels(request, race):
    race = request.getfixturevalue(race)
    for draw in (
        partial(p.plot_convergence, race, rosenbrock),
        partial(p.plot_paths, race, rosenbrock),
        partial(p.plot_learning_rates, race.lr_grid, race.final_loss),
        partial(
            p.plot_series,
            np.arange(3),
            {label: np.ones(3) for label in race},
            title="t",
            ylabel="y",
        ),
        partial(p.plot_schedules, dict.fromkeys(race, constant(0.1)), 9),
    ):
        ax = plt.figure(figsize=(6, 4), layout="constrained").add_subplot()
        is_inside(draw(ax=ax))


@pytest.mark.parametrize("width", [6, 12])
@pytest.mark.parametrize("race", ["long_race", "many_long"])
def test_races_with_long_labels_can_be_laid_out(request, race, width):
    is_inside(p.plot_race(request.getfixturevalue(race), width=width))


def test_labels_that_are_shortened_stay_different(many_long):
    ax = plt.figure(figsize=(6, 4), layout="constrained").add_subplot()
    p.plot_convergence(many_long, rosenbrock, ax)
    said = [text.get_text() for text in ax.get_legend().get_texts()]
    assert len(set(said)) == 9
    assert all(text.startswith("Adam") for text in said)


def test_a_heat_map_of_a_rule_with_a_long_label_is_laid_out():
    found = sweep(LONG[1], rosenbrock, steps=5, lr=[0.001, 0.01], progress=False)
    is_inside(found.plot(plt.figure(figsize=(6, 4), layout="constrained").add_subplot()))


def test_a_family_with_a_long_name_and_long_words_is_laid_out():
    class Mine(LAMB):
        slots = LAMB.slots | {"memory": "so much that it does not fit beside the others, by far"}

    is_inside(p.plot_family({**RULES, "My_own_rule_with_a_name_that_goes_on_and_on": Mine}))


# ------------------------------------------------------------------------------------- colours

RACED = [*RULES, "Mine", "Yours"]


def told_apart(one, other):
    in_grey = abs(lightness(one.color) - lightness(other.color)) > GREY
    return one.color != other.color and (in_grey or one.line != other.line)


def test_no_two_rules_in_one_picture_are_alike():
    for pair in combinations(RACED, 2):
        one, other = looks({rule: rule for rule in pair}).values()
        assert told_apart(one, other), pair
        usual = [USUAL[rule].color for rule in pair if rule in USUAL]
        if len(usual) == 2 and usual[0] == usual[1]:
            assert one.line != other.line, pair
            assert usual[0] in (one.color, other.color), pair
        elif len(usual) == 2:
            assert [one.color, other.color] == usual, pair


def test_six_rules_in_one_picture_are_told_apart_in_grey():
    chance = np.random.default_rng(0)
    for _ in range(200):
        six = chance.choice(RACED, 6, replace=False).tolist()
        for one, other in combinations(looks({rule: rule for rule in six}).values(), 2):
            assert told_apart(one, other), six


def test_a_rule_looks_the_same_whatever_the_order_of_the_labels():
    forth = ["AdaDelta", "Adam", "AdaGrad", "AMSGrad", "Mine"]
    assert looks({rule: rule for rule in forth}) == looks({rule: rule for rule in forth[::-1]})


def test_a_race_of_a_rule_and_its_relative_has_two_colours():
    race = compare([Adam, AMSGrad], booth, steps=9, lr=[0.01, 0.1])
    for ax in race.plot():
        (labels,) = ax.findobj(EndLabels)
        assert len({text.get_color() for text in labels.texts}) == 2


def test_forty_runs_of_one_rule_are_all_different():
    assert len(set(looks({str(i): "Adam" for i in range(40)}).values())) == 40


# --------------------------------------------------------------------------------------- state


def two_layers(w):
    return anp.sum((w["A"] - 1) ** 2) + anp.sum((w["b"] - 2) ** 2)


def test_the_state_of_weights_that_are_not_known_has_no_names():
    start = {"A": np.zeros((1, 2)), "b": np.zeros(1)}
    path = Muon(two_layers, start, lr=0.05).minimize(20, watch=WATCHED)
    assert path["v_hat"].shape[1] == 1
    smoothed, square, step = p.plot_state(path)
    assert len(names(smoothed)) == 3
    assert not square.findobj(EndLabels)
    assert not step.findobj(EndLabels)
    assert "v̂ is kept for 1 of 3 weights" in caption(drawn(square))


def test_the_step_of_muons_rest_has_the_learning_rate_of_the_rest():
    start = {"A": np.zeros((2, 2)), "b": np.zeros(1)}
    path = Muon(two_layers, start, lr=0.05, adam_lr=0.3).minimize(9, watch=WATCHED)
    assert np.allclose(effective_step(path)[1:], 0.3 / (np.sqrt(path["v_hat"][1:]) + 1e-8))


@pytest.mark.parametrize(
    ("lr", "expected"),
    [
        ({"A": 0.1, "b": 0.01}, [0.1, 0.1, 0.01]),
        (lambda t: {"A": 0.1, "b": 0.01}, [0.1, 0.1, 0.01]),
        (lambda t: {"b": 0.01}, [np.nan, np.nan, 0.01]),
        (lambda t: 0.2, [0.2, 0.2, 0.2]),
    ],
)
def test_the_effective_step_takes_a_rate_for_each_weight(lr, expected):
    start = {"A": np.zeros(2), "b": np.zeros(1)}
    path = Adam(two_layers, start, lr=lr).minimize(9, watch=WATCHED)
    wanted = expected / (np.sqrt(path["v_hat"][1:]) + 1e-8)
    assert np.allclose(effective_step(path)[1:], wanted, equal_nan=True)
    is_inside(p.plot_state(path, two_layers))


def test_the_state_of_lookahead_and_of_a_saved_path_is_drawn(tmp_path):
    ahead = Lookahead(rosenbrock, [-1.5, 2.0], lr=0.05, inner=Adam)
    path = ahead.minimize(20, watch=WATCHED)
    assert np.allclose(effective_step(path)[1:], 0.05 / (np.sqrt(path["v_hat"][1:]) + 1e-8))
    is_inside(p.plot_state(path, rosenbrock))
    adam = Adam(rosenbrock, [-1.5, 2.0], lr=lambda t: 0.1 / t).minimize(20, watch=WATCHED)
    adam.save(tmp_path / "path.npz")
    axes = p.plot_state(Trajectory.load(tmp_path / "path.npz"))
    assert title(axes[-1]) == "The step size is not known"
    is_inside(axes)


# -------------------------------------------------------------------------------------- films


def test_a_film_is_saved_by_us_and_by_matplotlib(tmp_path):
    film = compare([SGD, Adam], booth, steps=9, lr=0.01).animate(frames=3)
    p.save_gif(film, tmp_path / "ours.gif")
    film.save(tmp_path / "theirs.gif", writer="pillow")
    for file in ("ours.gif", "theirs.gif"):
        with Image.open(tmp_path / file) as gif:
            assert gif.n_frames == 3


def test_a_notebook_shows_a_film_once_and_nothing_else():
    cells = [
        "from optimizers import *\nfrom optimizers.functions import booth\n"
        "race = compare([SGD, Adam], booth, steps=9, lr=0.01)\n"
        "import matplotlib.pyplot as plt",
        "film = race.animate(frames=3)",
        "film",
        "figure, ax = plt.subplots()\nrace.animate(ax=ax, frames=3)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    shown = [[set(output["data"]) for output in cell.outputs] for cell in notebook.cells]
    played = [{"text/plain", "text/html"}]
    assert shown == [[], [], played, played]


# ---------------------------------------------------------------------------- fonts and styles


def test_chinese_labels_are_drawn_without_a_warning():
    rates = {"动量": [3.0, 1.0, 2.0], "亚当": [2.0, 0.5, 1.0]}
    ax = p.plot_learning_rates([0.1, 1, 10], rates)
    p.plot_series(
        [1, 2], {"动量": [1, 2], "亚当": [2, 1]}, title="学习率", ylabel="损失", xlabel="步"
    )
    race = compare({"动量优化器": Momentum, "亚当": Adam}, booth, steps=5, lr=[0.01, 0.1])
    for axes in (ax, plt.gca(), race.plot(), p.plot_family({"亚当": Adam})):
        drawn(axes)
    has_font = words.family_with("动") is not None
    (labels,) = ax.findobj(EndLabels)
    assert labels.texts[0].get_text() == ("动量" if has_font else "□□")


def test_letters_that_no_font_has_become_boxes_quietly():
    ax = p.plot_series([1, 2], {"\U00010600": [1, 2]}, title="line \U00010600", ylabel="y")
    assert title(drawn(ax)) == "line □"


def test_a_font_that_was_installed_after_matplotlib_made_its_list_is_found(monkeypatch):
    everything = font_manager.fontManager.ttflist
    stix = font_manager.findfont(font_manager.FontProperties(family="STIXGeneral"))
    known = [entry for entry in everything if entry.name == "DejaVu Sans"]
    caches = (words.family_with, words._new)
    for cache in caches:
        cache.cache_clear()
    monkeypatch.setattr(font_manager.fontManager, "ttflist", known)
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [str(stix)])
    assert words.family_with("⎴") == "STIXGeneral"
    text = plt.figure().text(0, 0, "⎴ and more")
    words.lettered(text)
    text.figure.canvas.draw()
    assert text.get_text() == "⎴ and more"
    for cache in caches:
        cache.cache_clear()


def is_dark_on_white(axes, file):
    figure = np.ravel(axes)[0].figure
    figure.savefig(file, dpi=50)  # draws it
    pixels = np.asarray(Image.open(file).convert("L"))
    assert {*pixels[0], *pixels[-1], *pixels[:, 0], *pixels[:, -1]} == {255}
    off = [axis for ax in figure.axes if not ax.axison for axis in (ax.xaxis, ax.yaxis)]
    hidden = {text for axis in off for text in axis.findobj(Text)}
    for text in figure.findobj(Text):
        if text not in hidden and text.get_text() and text.get_visible():
            assert lightness(text.get_color()) < 70, text


@pytest.fixture(scope="module")
def race():
    return compare([SGD, Momentum, Adam], booth, steps=9, lr=np.geomspace(1e-3, 1, 4))


@pytest.mark.parametrize("style", ["dark_background", "ggplot", "classic", "grayscale"])
def test_whatever_the_style_sheet_ink_is_dark_and_paper_is_white(race, style, tmp_path):
    found = sweep(Momentum, booth, steps=9, lr=[0.001, 0.01], momentum=[0, 0.9])
    with plt.style.context(style):
        ax = plt.figure(figsize=(6, 4), layout="constrained").add_subplot()
        for axes in (p.plot_convergence(race, booth, ax), p.plot_heatmap(found)):
            is_dark_on_white(axes, tmp_path / "picture.png")
            assert to_rgb(axes.figure.get_facecolor()) == (1, 1, 1)


def test_every_picture_on_dark_paper_is_dark_on_white(race, tmp_path):
    path = Adam(booth, [3.0, 2.0], lr=0.1).minimize(9, watch=WATCHED)
    with plt.style.context("dark_background"):
        for axes in (
            race.plot(),
            p.plot_state(path),
            p.plot_family(),
            p.plot_graph(booth, [1.0, 2.0]),
            p.plot_contour(booth),
            p.plot_schedules(constant(0.1), 9),
            p.plot_series([1, 2], {"Adam": [1, 2]}, title="t", ylabel="y"),
        ):
            is_dark_on_white(axes, tmp_path / "picture.png")


# ----------------------------------------------------------------------- smaller things


def test_what_is_no_mapping_is_refused_in_words():
    with pytest.raises(
        TypeError, match=r"plot_family: rules must be a mapping from names to rules"
    ):
        p.plot_family([SGD, Adam])
    with pytest.raises(TypeError, match=r"plot_series: series must be a mapping from labels"):
        p.plot_series([1, 2], [1, 2], title="", ylabel="")
    for given in ([1, 2], "SGD", None):
        with pytest.raises(TypeError, match=r"plot_learning_rates: final_loss must be a mapping"):
            p.plot_learning_rates([0.1, 1], given)
    with pytest.raises(TypeError, match=r"plot_graph: weights must be one array of numbers"):
        p.plot_graph(bowl, {"a": 1.0})


def test_a_single_point_is_seen():
    for ax in (
        p.plot_convergence(Adam(booth, [3.0, 2.0]).minimize(0), booth),
        p.plot_schedules(constant(0.1), 1),
        p.plot_series([1.0], {"Adam": [2.0]}, title="T", ylabel="y"),
        p.plot_series([1, 2, 3], {"SGD": [0.0, 1.0, 0.0]}, title="T", ylabel="y", log=True),
    ):
        line = drawn(ax).lines[0]
        assert line.get_marker() == "o"
        assert len(line.get_markevery()) == 1


def test_zeros_on_a_logarithmic_axis_leave_a_gap():
    given = {"Adam": [1.0, 0.1, 0.0], "SGD": [0.0, 0.0, 0.0]}
    ax = drawn(p.plot_series([1, 2, 3], given, title="T", ylabel="loss", log=True))
    assert np.isnan(curve(ax, "Adam").get_ydata()).tolist() == [False, False, True]
    assert names(ax) == ["Adam", "SGD, not positive"]
    plain = p.plot_series([1, 2], {"SGD": [0.0, -1.0]}, title="T", ylabel="loss", log=True)
    assert (plain.get_yscale(), plain.get_ylabel()) == ("linear", "loss")


def test_the_word_diverged_stays_inside_the_axes_when_it_begins_at_the_left():
    losses = {"SGD": [np.inf] * 4, "Adam": [2, 1, 0.1, np.inf]}
    ax = drawn(p.plot_learning_rates([0.001, 0.01, 0.1, 1], losses))
    word = next(text for text in ax.texts if text.get_text() == "diverged")
    frame, box = ax.get_window_extent(), word.get_window_extent()
    assert frame.x0 < box.x0
    assert box.x1 < frame.x1
    crosses = [line.get_window_extent() for line in ax.lines if line.get_marker() == "X"]
    assert not any(box.overlaps(cross) for cross in crosses)


def test_a_long_label_leaves_most_of_the_width_to_the_map():
    path = SGD(rosenbrock, [-1.5, 2.0], lr=0.006).minimize(40)
    made = {"plain gradient descent": path, "Adam": Adam(rosenbrock, [-1.5, 2.0]).minimize(9)}
    ax = plt.figure(figsize=(4, 4), layout="constrained").add_subplot()
    p.plot_paths(made, rosenbrock, ax)
    is_inside(ax)
    assert ax.get_window_extent().width > 0.4 * ax.figure.bbox.width


def test_adagrad_and_adadelta_are_no_longer_alike():
    race = compare([AdaGrad, RULES["AdaDelta"]], booth, steps=9, lr=[0.01, 0.1])
    one, other = (line for line in race.plot()[1].lines if len(line.get_xdata()) == 10)
    assert one.get_color() != other.get_color()
    assert one._dash_pattern != other._dash_pattern


def test_a_font_of_the_machine_is_used_where_there_is_one():
    if words.family_with("动") is None:
        pytest.skip("no Chinese font on this machine")
    text = plt.figure().text(0, 0, "动量")
    words.lettered(text)
    assert words.family_with("动") in text.get_fontfamily()


@pytest.mark.parametrize("steps", [100, 150])
def test_what_diverges_on_the_grid_does_not_stretch_the_losses_that_are_shown(steps):
    def humps(x):
        return np.sin(3 * x[0]) + 0.3 * x[0] ** 2

    race = compare([SGD, Momentum], humps, start=[2.5], steps=steps, seeds=None, progress=False)
    *_, convergence, rates = race.plot()
    shown = np.concatenate([path.loss for path in race.values()])
    for ax in (convergence, rates):
        low, high = ax.get_ylim()
        assert low > shown.min() - 0.1 * np.ptp(shown)
        assert high > shown[0]
