"""What a figure must show: contours quiet, paths loud, one colour a rule, nothing cut or hidden."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import time
from base64 import b64decode
from dataclasses import replace
from functools import partial
from itertools import combinations, pairwise
from types import SimpleNamespace

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import LogNorm, to_hex, to_rgb
from matplotlib.text import Text
from PIL import Image

import optimizers
from optimizers import (
    LAMB,
    RULES,
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    Lion,
    Momentum,
    Optimizer,
    RMSProp,
    basins,
    compare,
    sweep,
)
from optimizers import plotting as p
from optimizers.functions import (
    himmelblau,
    monkey_saddle,
    noisy,
    quadratic,
    rosenbrock,
    saddle,
    trap,
)
from optimizers.plotting.frame import cut
from optimizers.plotting.labels import EndLabels
from optimizers.plotting.layout import SettledLayout
from optimizers.plotting.style import PALETTE, USUAL, looks
from optimizers.schedules import constant, cosine, step_decay, warmup
from optimizers.slots import QUESTIONS

OTHERS = (optimizers.LBFGS, optimizers.NonlinearCG, optimizers.SAM)
EIGHT = [SGD, Momentum, AdaGrad, RMSProp, Adam, AdamW, LAMB, Lion]
LR = np.geomspace(1e-4, 10, 11)
WATCHED = ("m_hat", "v_hat")
SCHEDULES = {"cosine": cosine(0.1, 100), "warm-up, then 0.1": warmup(20, constant(0.1))}


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def run(rule=Adam, function=rosenbrock, lr=0.05, steps=60, start=None, **keywords):
    return rule(function, function.start if start is None else start, lr=lr).minimize(
        steps, **keywords
    )


def paths(rules, function=rosenbrock, **keywords):
    return {rule.__name__: run(rule, function, lr=0.002, **keywords) for rule in rules}


@pytest.fixture(scope="module")
def exploding():
    """SGD with a learning rate that makes it diverge."""
    path = run(SGD, lr=0.006)
    assert path.diverged
    return path


@pytest.fixture(scope="module")
def race():
    return compare([SGD, Momentum, Adam], rosenbrock, steps=60, lr=LR)


@pytest.fixture(scope="module")
def big_race():
    return compare(EIGHT, himmelblau, steps=60, lr=LR)


@pytest.fixture(scope="module")
def two_grids():
    return sweep(
        Momentum, rosenbrock, steps=200, lr=np.geomspace(1e-4, 1, 9), momentum=[0, 0.5, 0.9]
    )


@pytest.fixture(scope="module")
def map_of_basins():
    return basins(SGD, himmelblau, lr=0.02, steps=100, resolution=16)


@pytest.fixture(scope="module")
def watched():
    return run(watch=WATCHED)


def figure_of(axes):
    return np.ravel(axes)[0].figure


def drawn(axes):
    figure = figure_of(axes)
    figure.canvas.draw()
    return figure.canvas.get_renderer()


def png(axes):
    stream = io.BytesIO()
    figure_of(axes).savefig(stream, format="png", dpi=60)
    return stream.getvalue()


def lines(ax, color):
    """The lines of that colour that have more than marks."""
    found = [line for line in ax.lines if to_hex(line.get_color()) == to_hex(color)]
    return [line for line in found if line.get_linestyle() != "None" and len(line.get_xdata()) > 2]


def marks(ax, sign):
    """The points at which a mark is seen."""
    found = [line for line in ax.lines if line.get_marker() == sign and line.get_visible()]
    return np.concatenate([line.get_xydata() for line in found] or [np.empty((0, 2))])


def names(ax):
    """The names of the curves: the labels at their ends, or the legend's."""
    labels = ax.findobj(EndLabels)
    if labels:
        return [text.get_text() for text in labels[0].texts]
    return [text.get_text() for text in ax.get_legend().get_texts()]


def ticks_of(ax):
    drawn(ax)
    return [text.get_text() for text in ax.get_yticklabels()]


# ------------------------------------------------------------------------------- every helper


@pytest.fixture
def helpers(race, two_grids, map_of_basins, watched):
    """Every helper that draws on one Axes, as a function of that Axes."""
    one = {"Adam": run(), "SGD": run(SGD, lr=0.001)}
    return {
        "paths": lambda ax: p.plot_paths(one, rosenbrock, ax=ax),
        "contour": lambda ax: p.plot_contour(himmelblau, ax=ax),
        "convergence": lambda ax: p.plot_convergence(one, rosenbrock, ax=ax),
        "rates": lambda ax: p.plot_learning_rates(race.lr_grid, race.final_loss, ax=ax),
        "schedules": lambda ax: p.plot_schedules(SCHEDULES, 100, ax=ax),
        "heatmap": lambda ax: p.plot_heatmap(two_grids, ax=ax),
        "basins": lambda ax: p.plot_basins(map_of_basins, ax=ax),
        "field": lambda ax: p.plot_gradient_field(saddle, ax=ax),
    }


KINDS = ["paths", "contour", "convergence", "rates", "schedules", "heatmap", "basins", "field"]


@pytest.mark.parametrize("kind", KINDS)
def test_axes_go_in_and_come_out(helpers, kind):
    ax = plt.figure().add_subplot()
    assert helpers[kind](ax) is ax
    assert helpers[kind](None).figure is not ax.figure


@pytest.mark.parametrize("kind", KINDS)
def test_three_dimensional_axes_are_refused(helpers, kind):
    ax = plt.figure().add_subplot(projection="3d")
    with pytest.raises(ValueError, match="3-D axes; plot_surface"):
        helpers[kind](ax)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_axes_is_refused(helpers, kind):
    with pytest.raises(TypeError, match="ax must be a matplotlib Axes or None, got 'here'"):
        helpers[kind]("here")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [6, 16])
def test_nothing_lies_outside_the_figure(helpers, kind, width):
    ax = plt.subplots(figsize=(width, 0.75 * width), layout="constrained")[1]
    helpers[kind](ax)
    _is_inside(ax)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_lies_outside_a_new_figure(helpers, kind):
    _is_inside(helpers[kind](None))


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_call_gives_the_same_picture(helpers, kind):
    assert png(helpers[kind](None)) == png(helpers[kind](None))


def test_the_ticks_of_a_short_log_axis_do_not_overlap():
    found = sweep(Momentum, rosenbrock, lr=np.geomspace(2e-4, 5e-3, 6), momentum=[0, 0.9], steps=5)
    ax = plt.subplots(figsize=(6.0, 4.8))[1]
    p.plot_heatmap(found, ax)
    ax.figure.draw_without_rendering()
    written = [t for t in ax.get_xticklabels(which="both") if t.get_text()]
    places = sorted((t.get_window_extent().x0, t.get_window_extent().x1) for t in written)
    assert len(places) >= 3
    assert all(right < left for (_, right), (left, _) in pairwise(places))


def test_the_global_settings_stay_as_they_are(helpers):
    before = dict(matplotlib.rcParams)
    for draw in helpers.values():
        draw(None)
    assert dict(matplotlib.rcParams) == before


def test_each_figure_has_a_title_and_says_how_it_was_made(helpers):
    for kind, draw in helpers.items():
        ax = draw(None)
        assert ax.get_title(loc="left"), kind
        assert ax.figure.get_supxlabel(), kind
        assert ax.get_xlabel(), kind
        assert ax.get_ylabel(), kind


def test_matplotlib_waits_until_something_is_drawn():
    code = "import sys, optimizers; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _is_inside(axes):
    drawn(axes)
    figure = figure_of(axes)
    if not isinstance(figure.get_layout_engine(), SettledLayout):
        figure.draw_without_rendering()  # a caller's own layout engine may need a second look
    box = figure.get_tightbbox(figure.canvas.get_renderer())
    width, height = figure.get_size_inches()
    assert box.x0 > -0.01
    assert box.y0 > -0.01
    assert box.x1 < width + 0.01
    assert box.y1 < height + 0.01


# -------------------------------------------------------------------------------------- colours

# Machado, Oliveira and Fernandes (2009), severity 1
SIGHT = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear_rgb(colors):
    c = np.array([to_rgb(color) for color in colors])
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    to_xyz = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.072175],
            [0.0193339, 0.119192, 0.9503041],
        ]
    )
    xyz = rgb @ to_xyz.T / [0.95047, 1, 1.08883]
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], -1)


@pytest.mark.parametrize("sight", SIGHT)
def test_colours_are_told_apart_by_every_eye(sight):
    seen = lab(np.clip(linear_rgb(PALETTE.values()) @ np.array(SIGHT[sight]).T, 0, 1))
    apart = [np.linalg.norm(a - b) for a, b in combinations(seen, 2)]
    assert min(apart) > 24


def test_colours_stand_out_from_white_and_spread_in_grey():
    rgb = linear_rgb(PALETTE.values())
    luminance = rgb @ [0.2126, 0.7152, 0.0722]
    assert (1.05 / (luminance + 0.05)).min() > 2.8
    lightness = np.sort(lab(rgb)[:, 0])
    assert np.diff(lightness).min() > 2
    assert np.ptp(lightness) > 50


def test_the_articles_eight_have_a_colour_each_and_a_whole_line():
    eight = [USUAL[rule.__name__] for rule in EIGHT]
    assert {look.color for look in eight} == set(PALETTE.values())
    assert {look.line for look in eight} == {"-"}


def test_every_rule_has_its_own_look():
    assert set(USUAL) == {*RULES, "LBFGS", "NonlinearCG"}
    assert len(set(USUAL.values())) == len(USUAL)


def test_a_rule_of_ones_own_has_no_colour_of_the_library_s_rules():
    four = {name: name for name in ("SGD", "Adam", "Lion", "Mine")}
    look = looks(four)
    assert len({one.color for one in look.values()}) == 4
    assert look["Mine"].color not in PALETTE.values()
    assert look == looks(four)
    many = looks({str(i): str(i) for i in range(12)})
    assert len(set(many.values())) == 12
    assert not {one.color for one in many.values()} & set(PALETTE.values())
    everyone = looks({name: name for name in [*RULES, "Mine", "Yours"]})
    assert len(set(everyone.values())) == len(RULES) + 2


def test_labels_of_one_rule_share_the_colour_and_differ_in_line():
    look = looks({"Adam": "Adam", "slow": "Adam", "slower": "Adam", "AMSGrad": "AMSGrad"})
    assert {look[label].color for label in ("Adam", "slow", "slower")} == {USUAL["Adam"].color}
    assert look["AMSGrad"].color != USUAL["Adam"].color
    assert len({one.line for one in look.values()}) == 4


def test_a_rule_has_the_same_colour_in_every_helper(race):
    color = USUAL["Adam"].color
    assert lines(p.plot_paths(race, rosenbrock), color)
    assert lines(p.plot_convergence(race, rosenbrock), color)
    assert lines(p.plot_learning_rates(race.lr_grid, race.final_loss), color)
    assert lines(p.plot_surface(rosenbrock, race), color)
    assert all(lines(ax, color) for ax in p.plot_race(race))
    assert lines(p.plot_heatmap(sweep(Adam, rosenbrock, steps=5, lr=LR)), color)


def test_a_label_begins_with_its_rule(race):
    ax = p.plot_learning_rates(race.lr_grid["Adam"], {"Adam(beta1=0.5)": race.final_loss["Adam"]})
    assert lines(ax, USUAL["Adam"].color)


# ---------------------------------------------------------------------------------------- paths


def test_paths_show_start_end_and_minima():
    path = run(function=himmelblau, lr=0.02)
    ax = p.plot_paths(path, himmelblau)
    stars = marks(ax, "*")
    assert np.allclose(np.sort(stars, axis=0), np.sort(himmelblau.minima, axis=0))
    circles = marks(ax, "o")
    assert np.allclose(circles, [path.theta[0], path.theta[-1]])


def test_paths_are_loud_and_cased_in_white():
    ax = p.plot_paths(run(), rosenbrock)
    (line,) = lines(ax, USUAL["Adam"].color)
    assert line.get_linewidth() == 2
    assert len(line.get_path_effects()) == 2


def test_an_arrowhead_points_the_way_the_path_goes():
    path = run(SGD, quadratic(1), lr=0.05, start=[-2.0, 1.0])
    arrow = next(a for a in p.plot_paths(path, quadratic(1)).patches if a.get_visible())
    tail, tip = (np.array(point) for point in arrow._posA_posB)
    ahead = tip - tail
    assert ahead[0] > 0
    assert abs(ahead[1]) < 1e-9


def test_a_path_that_leaves_the_picture_is_cut_and_marked_there():
    path = run(lr=2.0)
    low, high = rosenbrock.domain.T
    assert (path.theta < low).any() or (path.theta > high).any()
    ax = p.plot_paths(path, rosenbrock)
    (line,) = lines(ax, USUAL["Adam"].color)
    inside = line.get_xydata()[np.isfinite(line.get_xydata()).all(axis=1)]
    assert ((inside >= low) & (inside <= high)).all()
    at = np.concatenate([marks(ax, side) for side in "<>v^"])
    assert len(at)
    assert all((np.isin(point, [*low, *high])).any() for point in at)


def test_a_path_that_diverges_ends_in_a_cross_and_says_when(exploding):
    ax = p.plot_paths({"SGD": exploding, "Adam": run()}, rosenbrock)
    assert f"SGD, diverged at step {exploding.diverged_at}" in names(ax)
    assert "Adam" in names(ax)
    ((x, y),) = marks(ax, "X")
    (left, right), (low, high) = rosenbrock.domain
    assert x in (left, right) or y in (low, high)  # there it left for good


def test_the_picture_is_widened_to_a_start_outside_the_domain():
    ax = p.plot_paths(run(start=[-3.0, 2.0], steps=3), rosenbrock)
    assert ax.get_xlim()[0] < -3
    assert ax.get_xlim()[1] == rosenbrock.domain[0, 1]


def test_a_domain_of_ones_own():
    ax = p.plot_paths(run(), rosenbrock, domain=[(0, 2), (0, 1)])
    assert ax.get_xlim() == (0, 2)
    assert ax.get_ylim() == (0, 1)


def test_runs_side_by_side_are_drawn_in_one_colour():
    starts = np.array([[0.0, 0.0], [-1.0, 4.0], [3.0, -3.0]])
    ax = p.plot_paths(run(function=himmelblau, start=starts), himmelblau)
    assert len(lines(ax, USUAL["Adam"].color)) == 1
    assert len(marks(ax, "o")) == 6


@pytest.mark.parametrize(
    ("function", "title"),
    [
        (rosenbrock, "Adam is closest after 60 steps"),
        (monkey_saddle, "Adam is lowest after 60 steps"),
    ],
)
def test_the_title_is_the_finding(function, title):
    made = {"Adam": run(Adam, function, lr=0.1), "SGD": run(SGD, function, lr=1e-5)}
    assert p.plot_paths(made, function).get_title(loc="left") == title


def test_a_title_does_not_crown_one_of_many_that_arrive():
    made = {
        "SGD": run(SGD, quadratic(1), lr=0.5),
        "Newton": run(RULES["Newton"], quadratic(1), lr=1),
    }
    assert "2 of 2 reach the minimum" in p.plot_paths(made, quadratic(1)).get_title(loc="left")


def test_contour_levels_are_logarithmic_where_the_range_asks_for_it():
    def scale(function):
        ax = p.plot_contour(function)
        return type(next(c for c in ax.collections if c.get_cmap().name == "pale").norm)

    assert scale(rosenbrock) is LogNorm
    assert scale(himmelblau) is not LogNorm


def test_the_function_is_evaluated_in_one_call():
    shapes = []

    def counted(x):
        shapes.append(np.shape(x))
        return rosenbrock.body(x)

    p.plot_contour(replace(rosenbrock, body=counted))
    assert len(shapes) == 1
    assert len(shapes[0]) == 3
    assert shapes[0][-1] == 2


def test_thousands_of_points_are_drawn_fast():
    path = run(steps=3000, lr=0.01)
    start = time.perf_counter()
    drawn(p.plot_paths(path, rosenbrock))
    assert time.perf_counter() - start < 3


def test_a_path_cut_in_the_middle_comes_back():
    part = cut(np.array([[0, 0], [3, 0], [3, 0.5], [0, 0.5]]), np.array([-1, -1]), np.array([1, 1]))
    assert np.isnan(part.points).any(axis=1).tolist() == [False, False, True, False, False]
    assert part.exits.tolist() == [[1, 0]]
    assert part.sides == [">"]
    assert part.inside


@pytest.mark.parametrize("far", [1e200, 1.7e308])
def test_a_path_to_the_end_of_the_numbers_is_cut(far):
    part = cut(np.array([[0.0, 0.0], [far, -far], [-far, far]]), -np.ones(2), np.ones(2))
    finite = part.points[np.isfinite(part.points).all(axis=1)]
    assert (np.abs(finite) <= 1).all()


# --------------------------------------------------------------------------------------- labels


def overlapping(texts, renderer):
    boxes = [text.get_window_extent(renderer) for text in texts]
    return [(a, b) for a, b in combinations(boxes, 2) if a.overlaps(b)]


@pytest.mark.parametrize("width", [6, 16])
def test_labels_at_the_ends_do_not_overlap(width):
    made = paths(EIGHT[:6], steps=3)  # after three steps all of them are together
    for draw in (p.plot_paths, p.plot_convergence):
        ax = plt.subplots(figsize=(width, 4), layout="constrained")[1]
        draw(made, rosenbrock, ax=ax)
        renderer = drawn(ax)
        (labels,) = ax.findobj(EndLabels)
        assert len(labels.texts) == 6
        assert not overlapping(labels.texts, renderer)


def test_more_than_six_are_named_in_a_legend_ordered_as_they_end():
    made = paths(EIGHT)
    ax = p.plot_convergence(made, rosenbrock)
    assert not ax.findobj(EndLabels)
    ends = [made[name].loss[-1] for name in names(ax)]
    assert ends == sorted(ends, reverse=True)
    legend = ax.get_legend().get_window_extent(drawn(ax))
    assert not legend.overlaps(ax.get_window_extent())


@pytest.mark.parametrize("width", [6, 16])
def test_panels_and_their_words_do_not_overlap(race, big_race, width):
    for one in (race, big_race):
        axes = p.plot_race(one, width=width)
        renderer = drawn(axes)
        texts = [ax._left_title for ax in axes] + [ax.xaxis.label for ax in axes]
        texts += [ax.yaxis.label for ax in axes] + [figure_of(axes)._supxlabel]
        texts += [text for ax in axes for found in ax.findobj(EndLabels) for text in found.texts]
        assert not overlapping(texts, renderer)
        _is_inside(axes)


# ---------------------------------------------------------------------------------- convergence


def test_convergence_is_the_gap_to_the_minimum_on_a_log_axis():
    path = run(function=trap, lr=0.01)
    ax = p.plot_convergence(path, trap)
    assert ax.get_yscale() == "log"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "loss − minimum (log)")
    (line,) = lines(ax, USUAL["Adam"].color)
    assert np.allclose(line.get_ydata(), path.loss - trap.minimum)


def test_without_a_function_the_loss_itself_is_drawn():
    assert p.plot_convergence(run(steps=600)).get_ylabel() == "loss (log)"
    assert p.plot_convergence(run(steps=10)).get_ylabel() == "loss"  # hardly falls


def test_an_unbounded_loss_gets_a_plain_axis():
    ax = p.plot_convergence(paths([SGD, Adam], monkey_saddle), monkey_saddle)
    assert (ax.get_yscale(), ax.get_ylabel()) == ("linear", "loss")


def test_a_loss_that_reaches_the_minimum_stops_at_the_floor():
    path = run(SGD, quadratic(1), lr=1.0, steps=5)
    assert path.loss[-1] == 0
    ax = p.plot_convergence(path, quadratic(1))
    (line,) = lines(ax, USUAL["SGD"].color)
    assert (line.get_ydata() > 0).all()
    assert any("float64" in text.get_text() for text in ax.findobj(Text))


def test_a_curve_that_diverges_is_cut_at_the_top_and_crossed(exploding):
    ax = p.plot_convergence({"SGD": exploding, "Adam": run()}, rosenbrock)
    ((_, y),) = marks(ax, "X")
    assert np.isclose(y, ax.get_ylim()[1])
    assert ax.get_ylim()[1] < 1e6
    assert f"SGD, diverged at step {exploding.diverged_at}" in names(ax)


def test_all_diverged_is_still_a_picture(exploding):
    for draw in (p.plot_paths, p.plot_convergence):
        ax = draw({"SGD": exploding, "again": exploding}, rosenbrock)
        assert ax.get_title(loc="left") == "All diverged"
        drawn(ax)


def test_runs_have_a_median_and_a_band():
    starts = np.stack([np.linspace(-1, 1, 5), np.linspace(2, 0, 5)], axis=1)
    path = run(start=starts)
    ax = p.plot_convergence(path, rosenbrock)
    (line,) = lines(ax, USUAL["Adam"].color)
    assert np.allclose(line.get_ydata(), np.median(path.loss, axis=1))
    assert len(ax.collections) == 1
    assert "median of 5 runs" in ax.figure.get_supxlabel()


def test_runs_that_diverge_count_as_infinitely_high():
    path = SGD(rosenbrock, rosenbrock.start, lr=np.array([1e-4, 0.002, 0.01])).minimize(40)
    assert path.diverged.sum() == 1
    ax = p.plot_convergence(path, rosenbrock)
    assert names(ax) == ["SGD, 1 of 3 diverged"]
    drawn(ax)


def test_a_noisy_function_is_shown_without_its_noise():
    function = noisy(quadratic(10), 2.0, seed=3)
    path = run(SGD, function, lr=0.01)
    ax = p.plot_convergence(path, function)
    (line,) = lines(ax, USUAL["SGD"].color)
    assert np.allclose(line.get_ydata(), function.exact(path.theta))
    assert "seed 3" in ax.figure.get_supxlabel()


def test_a_run_of_no_steps_is_drawn():
    for draw in (p.plot_paths, p.plot_convergence):
        drawn(draw(run(steps=0), rosenbrock))


# --------------------------------------------------------------------------- learning-rate curves


def test_learning_rate_curves_stop_where_runs_diverge():
    final = {"SGD": [1.0, 0.1, 0.01, np.inf, np.inf], "Adam": [2.0, 1.0, 0.1, 0.2, 0.5]}
    grid = np.geomspace(1e-3, 10, 5)
    ax = p.plot_learning_rates(grid, final, 0.0, tuned={"SGD": grid[2], "Adam": grid[2]})
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert (ax.get_xlabel(), ax.get_ylabel()) == (
        "learning rate (log)",
        "final loss − minimum (log)",
    )
    (curve,) = lines(ax, USUAL["SGD"].color)
    assert np.allclose(curve.get_xdata(), grid[:3])
    assert np.allclose(marks(ax, "X")[:, 0], grid[3])
    assert np.allclose(sorted(marks(ax, "o").tolist()), sorted([[grid[2], 0.01], [grid[2], 0.1]]))
    assert any(text.get_text() == "diverged" for text in ax.texts)


def test_the_order_of_the_grid_does_not_matter():
    ax = p.plot_learning_rates([1.0, 0.01, 0.1], {"SGD": [np.inf, 3.0, 1.0]})
    assert np.allclose(marks(ax, "X")[:, 0], 1.0)
    assert "0.1" in ax.get_title(loc="left")


def test_everything_diverged_is_said():
    ax = p.plot_learning_rates([0.1, 1, 10], {"SGD": [np.inf] * 3})
    assert ax.get_title(loc="left") == "Diverged at every value"
    drawn(ax)


def test_losses_at_the_minimum_are_drawn():
    ax = p.plot_learning_rates([0.1, 1, 10], {"SGD": [1.0, 0.0, -1e-17]}, minimum=0.0)
    drawn(ax)
    assert ax.get_yscale() == "log"


def test_an_unknown_minimum_makes_a_plain_axis():
    ax = p.plot_learning_rates([0.1, 1, 10], {"SGD": [1.0, -2.0, 3.0]}, minimum=None)
    assert (ax.get_yscale(), ax.get_ylabel()) == ("linear", "final loss")


@pytest.mark.parametrize(
    ("grid", "final", "message"),
    [
        ([0.1, 1], {}, "empty"),
        ([0.1, 1], {"SGD": [1.0]}, r"final_loss\['SGD'\] must have one value for each of the 2"),
        ([[0.1, 1]], {"SGD": [1.0]}, "lr_grid must have one axis"),
    ],
)
def test_learning_rates_that_do_not_fit_are_refused(grid, final, message):
    with pytest.raises(ValueError, match=message):
        p.plot_learning_rates(grid, final)


# ------------------------------------------------------------------------------------- schedules


def test_schedules_are_drawn_step_by_step_and_named_at_their_ends():
    ax = p.plot_schedules(SCHEDULES, 100)
    assert names(ax) == list(SCHEDULES)
    for line, schedule in zip(ax.lines, SCHEDULES.values(), strict=False):
        t, rates = line.get_data()
        assert t.tolist() == list(range(1, 101))
        assert rates.tolist() == [schedule(t) for t in range(1, 101)]
    assert ax.get_title(loc="left") == "Rates up to 0.1; step 100 has 2.47e−05 to 0.1"


def test_a_single_schedule_is_named_in_the_title():
    ax = p.plot_schedules(step_decay(0.1, every=3), 4)
    assert not ax.findobj(EndLabels)
    title = ax.get_title(loc="left").replace("\n", " ")
    assert title == "step_decay(lr=0.1, every=3): up to 0.1; step 4 has 0.01"

    def my_own(t):
        return 1 / t

    assert p.plot_schedules(my_own, 4).get_title(loc="left").startswith("my_own: up to 1;")


def test_a_schedule_of_many_runs_has_a_line_for_each_in_one_colour():
    ax = p.plot_schedules({"Adam": cosine([0.1, 0.2, 0.4], 10)}, 10)
    assert len(lines(ax, USUAL["Adam"].color)) == 3


def test_a_long_schedule_is_asked_for_no_more_than_can_be_seen():
    asked = []
    p.plot_schedules(lambda t: asked.append(t) or 0.1, 10**6)
    assert asked[0] == 1
    assert asked[-1] == 10**6
    assert len(asked) == 1000


@pytest.mark.parametrize(
    ("schedules", "steps", "message"),
    [
        (0.1, 10, r"schedules must be a function of the step, such as cosine.*got 0.1"),
        ({}, 10, "schedules is empty"),
        ({"mine": 0.1}, 10, r"schedules\['mine'\] must be a function of the step.*got 0.1"),
        ({"mine": lambda t: -0.1}, 10, "lr of 'mine' at t = 1 must be a finite number >= 0"),
        (cosine(0.1, 10), 0, "steps must be a whole number >= 1, got 0"),
    ],
)
def test_what_is_no_schedule_is_not_drawn(schedules, steps, message):
    with pytest.raises((TypeError, ValueError), match=message):
        p.plot_schedules(schedules, steps)


# ---------------------------------------------------------------------- quantities of one's own


def test_a_series_has_the_colour_of_the_rule_it_is_named_after():
    t = np.arange(5)
    given = {"Adam": t, "SGD, clipped": t + 1.0}
    ax = p.plot_series(t, given, title="Two lines", ylabel="weight")
    assert names(ax) == list(given)
    for label in given:
        assert lines(ax, USUAL[label.split(",")[0]].color)
    assert ax.get_ylabel() == "weight"
    _is_inside(ax)


def test_series_of_one_rule_share_its_colour_and_skip_what_is_not_finite():
    t = np.arange(4)
    given = {"bias": [np.inf, 1, 2, 3], "kernel": [1, 2, 3, np.nan]}
    ax = p.plot_series(t, given, title="Norms", ylabel="norm", rule="LAMB", log=True)
    drawn_lines = lines(ax, USUAL["LAMB"].color)
    assert len({line.get_linestyle() for line in drawn_lines}) == 2
    assert np.isnan(drawn_lines[0].get_ydata()[0])
    assert ax.get_ylabel() == "norm (log)"


@pytest.mark.parametrize(
    ("series", "message"),
    [
        ({}, "series is empty"),
        ({"Adam": [1, 2]}, r"series\['Adam'\] must have one value for each of x"),
        ({"Adam": [np.nan] * 3}, r"series\['Adam'\] has no finite value"),
    ],
)
def test_series_that_do_not_fit_are_refused(series, message):
    with pytest.raises(ValueError, match=message):
        p.plot_series([1, 2, 3], series, title="", ylabel="")


# ----------------------------------------------------------------------------------------- family


def cells_of(ax):
    """The words of each cell, and its rows and tint."""
    found = {}
    for cell in ax.patches:
        (x, y), height = cell.get_xy(), cell.get_height()
        inside = [t for t in ax.texts if 0 < t.get_position()[0] - x < 0.1]
        (words,) = [t for t in inside if y < t.get_position()[1] < y + height]
        found[round(x, 3), round(y)] = (words.get_text(), round(height), cell.get_facecolor())
    return found


def test_the_family_is_a_table_of_what_every_rule_says_of_its_slots():
    ax = p.plot_family()
    cells, lefts = cells_of(ax), sorted({x for x, _ in cells_of(ax)})
    names = [text.get_text() for text in ax.texts if text.get_fontweight() == "bold"]
    rules = [getattr(optimizers, name) for name in names if name not in QUESTIONS]
    assert {*rules} == {*RULES.values(), *OTHERS}
    for slot, left in zip(QUESTIONS, lefts, strict=True):
        said = [
            words
            for (x, _), (words, rows, _) in sorted(cells.items(), key=lambda cell: cell[0][1])
            for _ in range(rows)
            if x == left
        ]
        assert said == [rule.slots[slot] for rule in rules]


def test_in_the_family_what_is_shared_is_tinted_alike_and_what_is_a_rule_s_own_is_white():
    tints = {}
    for (x, _), (words, rows, tint) in cells_of(p.plot_family()).items():
        tints.setdefault((x, words), []).append((tint, rows))
    for (x, words), found in tints.items():
        assert len({tint for tint, _ in found}) == 1
        is_shared = len(found) > 1 or found[0][1] > 1
        assert (found[0][0] != (1, 1, 1, 1)) == is_shared, words
        if is_shared:
            others = {t[0][0] for (left, said), t in tints.items() if left == x and said != words}
            assert found[0][0] not in others


def test_the_title_of_the_family_counts_the_kinds_in_each_slot():
    three = {"SGD": SGD, "Adam": Adam, "LAMB": LAMB}
    assert p.plot_family(three).get_title(loc="left") == (
        "3 rules: 3 kinds of magnitude, 2 of memory, 2 of direction, 2 of decay"
    )
    assert p.plot_family({"Adam": Adam}).get_title(loc="left") == "What Adam is made of"


def test_a_rule_of_ones_own_joins_the_family():
    class Mine(LAMB):
        slots = LAMB.slots | {"decay": "towards the start"}

    class Silent(LAMB):
        def direction(self, theta, g):
            return g

    ax = p.plot_family({**RULES, "Mine": Mine, "Silent": Silent})
    cells = cells_of(ax)
    last = [words for (_, row), (words, _, _) in sorted(cells.items()) if row == len(RULES) + 1]
    assert last == ["m, v", "—", "—", "—"]
    own = next(cell for cell in cells.values() if cell[0] == "towards the start")
    assert own[1:] == (1, (1, 1, 1, 1))
    said = " ".join(text.get_text() for text in ax.texts)
    assert "Mine" in said
    assert ax.get_title(loc="left").startswith(f"{len(RULES) + 2} rules: ")


def test_the_family_is_inside_its_figure_and_the_same_each_time():
    _is_inside(p.plot_family())
    narrow = plt.subplots(figsize=(6, 5), layout="constrained")[1]
    _is_inside(p.plot_family(ax=narrow))
    assert png(p.plot_family()) == png(p.plot_family())


@pytest.mark.parametrize("count", [1, 5, len(RULES), 30, 40])
def test_the_words_of_the_family_stay_inside_their_cells(count):
    rules = {f"{name} {i}": rule for i in (1, 2) for name, rule in RULES.items()}
    ax = p.plot_family(dict([*rules.items()][:count]))
    ax.figure.canvas.draw()
    boxes = [cell.get_window_extent() for cell in ax.patches]
    for text in ax.texts:
        x, y = ax.transData.transform(text.get_position())
        words = text.get_window_extent()
        for box in boxes:
            if box.contains(x, y):
                assert words.x1 < box.x1
                assert words.height < box.height + 3
            else:
                assert not box.contains(*words.get_points().mean(axis=0)), text.get_text()


def test_what_is_no_rule_has_no_family():
    with pytest.raises(TypeError, match=r"rules\['mine'\] must be a rule, got 3"):
        p.plot_family({"mine": 3})
    with pytest.raises(ValueError, match="rules is empty"):
        p.plot_family({})


# ------------------------------------------------------------------------------------- heat maps


def test_the_heat_map_marks_the_best_cell(two_grids):
    ax = p.plot_heatmap(two_grids)
    best = two_grids.best
    assert np.allclose(marks(ax, "*"), [[best["lr"], best["momentum"]]])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("learning rate (log)", "momentum")
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "linear")


def test_the_heat_map_has_a_log_bar_and_hatches_what_diverged(two_grids):
    ax = p.plot_heatmap(two_grids)
    mesh = next(c for c in ax.collections if c.get_array() is not None)
    assert isinstance(mesh.norm, LogNorm)
    assert mesh.colorbar.ax.get_ylabel() == "final loss − minimum (log)"
    assert np.ma.getmaskarray(mesh.get_array()).sum() == two_grids.diverged.sum() > 0
    assert ax.patch.get_hatch()


def test_a_run_on_its_way_to_infinity_does_not_take_the_colours_of_a_heat_map():
    grids = {"lr": np.geomspace(1e-3, 0.1, 20), "momentum": np.linspace(0, 0.99, 20)}
    found = sweep(Momentum, quadratic(condition=100), steps=100, **grids)
    assert found.final_loss.max() > 1e150
    ax = p.plot_heatmap(found)
    mesh = next(c for c in ax.collections if c.get_array() is not None)
    assert mesh.norm.vmin == pytest.approx(found.final_loss.min())
    assert mesh.norm.vmax < 1e6
    assert mesh.colorbar.extend == "max"
    drawn(ax)


def test_a_grid_of_words_is_named_on_the_axis():
    found = sweep(Momentum, rosenbrock, steps=5, lr=[1e-4, 1e-3, 1e-2], nesterov=[False, True])
    ax = p.plot_heatmap(found)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["False", "True"]
    drawn(ax)


def test_one_grid_is_a_curve():
    ax = p.plot_heatmap(sweep(Momentum, rosenbrock, steps=5, lr=LR))
    assert ax.get_xlabel() == "learning rate (log)"
    assert lines(ax, USUAL["Momentum"].color)


def test_a_sweep_of_which_nothing_is_left_is_drawn():
    found = sweep(
        SGD,
        rosenbrock,
        steps=50,
        lr=[10.0, 20.0],
    )
    assert "iverged" in p.plot_heatmap(found).get_title(loc="left")
    both = sweep(Momentum, rosenbrock, steps=50, lr=[10.0, 20.0], momentum=[0.1, 0.2])
    ax = p.plot_heatmap(both)
    assert ax.get_title(loc="left") == "Momentum: diverged everywhere"
    drawn(ax)


def test_three_grids_are_refused():
    found = sweep(Momentum, rosenbrock, steps=2, lr=[1e-3], momentum=[0.5], nesterov=[True])
    with pytest.raises(ValueError, match="one or two grids, got 3: lr, momentum, nesterov"):
        p.plot_heatmap(found)


# ---------------------------------------------------------------------------- surface and field


def test_the_surface_is_three_dimensional_and_takes_such_axes():
    ax = p.plot_surface(himmelblau, run(function=himmelblau))
    assert ax.name == "3d"
    given = plt.figure().add_subplot(projection="3d")
    assert p.plot_surface(rosenbrock, ax=given) is given
    assert given.get_zlabel() == "loss − minimum (log)"


def test_the_surface_refuses_plain_axes():
    with pytest.raises(ValueError, match="plot_surface needs 3-D axes, made with subplot_kw"):
        p.plot_surface(rosenbrock, ax=plt.figure().add_subplot())


def test_a_path_on_the_surface_ends_in_a_cross_when_it_diverges(exploding):
    ax = p.plot_surface(rosenbrock, {"SGD": exploding, "Adam": run()})
    assert any(line.get_marker() == "X" for line in ax.lines)
    assert "SGD, diverged" in ax.get_legend().get_texts()[0].get_text()
    _is_inside(ax)


@pytest.mark.parametrize("function", [saddle, monkey_saddle])
def test_the_field_points_downhill(function):
    ax = p.plot_gradient_field(function)
    arrows = next(c for c in ax.collections if hasattr(c, "U"))
    here = np.stack([arrows.X, arrows.Y], axis=-1)
    down = np.stack([arrows.U, arrows.V], axis=-1)
    moves = np.linalg.norm(down, axis=-1) > 0
    assert (function(here + 1e-4 * down) < function(here))[moves].all()


# ------------------------------------------------------------------------------- state and basins


def test_the_state_of_each_coordinate_is_drawn(watched):
    axes = p.plot_state(watched)
    assert len(axes) == 3
    step_size = 0.05 / (np.sqrt(watched["v_hat"][1:]) + 1e-8)
    curves = lines(axes[2], USUAL["Adam"].color)
    assert np.allclose([line.get_ydata() for line in curves], step_size.T)
    assert len({str(line.get_linestyle()) + str(line._dash_pattern) for line in curves}) == 2
    _is_inside(axes)


def test_the_state_with_a_function_shows_the_loss_first(watched):
    axes = p.plot_state(watched, rosenbrock)
    assert len(axes) == 4
    assert axes[0].get_ylabel() == "loss − minimum (log)"


def test_the_state_of_many_coordinates_is_a_median_and_a_band():
    function = rosenbrock.in_dimension(10)
    axes = p.plot_state(run(function=function, watch=WATCHED))
    assert all(names(ax) == ["median"] for ax in axes)


def test_the_state_follows_a_schedule():
    path = Adam(rosenbrock, rosenbrock.start, lr=lambda t: 0.1 / t).minimize(20, watch=WATCHED)
    curve = lines(p.plot_state(path)[2], USUAL["Adam"].color)[0]
    expected = 0.1 / path.step[1:] / (np.sqrt(path["v_hat"][1:, 0]) + 1e-8)
    assert np.allclose(curve.get_ydata(), expected)


def test_the_state_must_be_watched(watched):
    with pytest.raises(ValueError, match=r'minimize\(steps, watch=\("m_hat", "v_hat"\)\)'):
        p.plot_state(run())
    with pytest.raises(ValueError, match="draws one run"):
        p.plot_state(run(start=np.zeros((3, 2)), watch=WATCHED))
    with pytest.raises(ValueError, match="plot_state needs 3 axes, got 2"):
        p.plot_state(watched, axes=plt.subplots(2)[1])


def test_basins_are_coloured_by_the_minimum_reached(map_of_basins):
    ax = p.plot_basins(map_of_basins)
    assert len(marks(ax, "*")) == len(map_of_basins.minima)
    share = np.mean(map_of_basins.reached >= 0)
    assert f"{share:.0%} of the starts reach a global minimum" in ax.get_title(loc="left")
    assert len(names(ax)) >= len(map_of_basins.minima)


def test_basins_hatch_what_diverged(map_of_basins):
    side = np.linspace(-5, 5, 4)
    reached = np.array([[-2, -2, -1, 0], [-2, 1, 1, 0], [2, 2, 3, 3], [2, 2, 3, 3]])
    found = replace(map_of_basins, x=side, y=side, minima=himmelblau.minima, reached=reached)
    ax = p.plot_basins(found)
    assert any(name.startswith("diverged") for name in names(ax))
    assert ax.patch.get_hatch()


# ----------------------------------------------------------------------------------------- race


def test_the_race_has_three_panels_with_the_same_limits(race):
    axes = p.plot_race(race)
    assert len(axes) == 3
    assert axes[1].get_ylim() == axes[2].get_ylim()
    caption = figure_of(axes)._supxlabel.get_text().replace("\n", " ")
    assert "60 steps" in caption
    assert "15 learning rates" in caption  # 11 of the grid, and 4 around the best of them
    assert "(−1.5, 2)" in caption
    assert "Tuned on 32 seeds, shown on 32 others: median, and quartiles as a band." in caption


def test_tuned_points_are_the_lowest_medians_of_the_tuning(race):
    tuned = marks(p.plot_race(race)[2], "o")
    lowest = [(race.lr[label], medians.min()) for label, medians in race.final_loss.items()]
    assert np.allclose(sorted(map(tuple, tuned)), sorted(lowest))


def test_tuned_points_lie_as_high_as_the_curves_of_a_single_run_end():
    race = compare([SGD, Momentum, Adam], rosenbrock, steps=60, lr=LR, seeds=None)
    tuned = marks(p.plot_race(race)[2], "o")
    assert np.allclose(sorted(tuned[:, 1]), sorted(path.loss[-1] for path in race.values()))


@pytest.mark.parametrize(("width", "rows"), [(16, 1), (6, 3)])
def test_a_narrow_race_stands_one_above_the_other(race, width, rows):
    axes = p.plot_race(race, width=width)
    assert figure_of(axes).get_size_inches()[0] == width
    assert axes[0].get_subplotspec().get_gridspec().nrows == rows


def test_a_race_of_eight_has_one_key_for_all_panels(big_race):
    figure = figure_of(p.plot_race(big_race))
    (legend,) = figure.legends
    assert len(legend.get_texts()) == 8
    assert not any(ax.get_legend() for ax in figure.axes)


def test_a_race_on_axes_of_ones_own(race):
    axes = plt.subplots(1, 3, figsize=(15, 5), layout="constrained")[1]
    assert all(a is b for a, b in zip(p.plot_race(race, axes), axes, strict=True))
    with pytest.raises(ValueError, match="plot_race needs 3 axes, got 2"):
        p.plot_race(race, axes[:2])


def test_what_cannot_be_drawn_is_left_out():
    function = rosenbrock.in_dimension(4)
    untuned = compare([SGD, Adam], function, steps=10, lr=1e-3)
    (ax,) = p.plot_race(untuned)
    assert "not tuned" in ax.figure.get_supxlabel()
    assert len(p.plot_race(compare([SGD], function, steps=10, lr=LR))) == 2


def test_a_race_to_nowhere_has_limits_that_can_be_read():
    axes = p.plot_race(compare([SGD, Momentum, Adam], monkey_saddle, steps=30, lr=LR))
    assert axes[1].get_ylim() == axes[2].get_ylim()
    assert axes[1].get_yscale() == axes[2].get_yscale() == "symlog"
    assert all(len(set(ticks_of(ax))) == len(ticks_of(ax)) > 2 for ax in axes[1:])
    _is_inside(axes)


def test_a_race_on_a_loss_of_ones_own():
    def loss(w):
        return ((w - 1) ** 2).sum()

    axes = p.plot_race(compare([SGD, Adam], loss, start=[3.0, 2.0, 1.0], steps=10, lr=LR))
    assert len(axes) == 2
    drawn(axes)


def test_a_rule_of_ones_own_races_in_a_colour_of_its_own():
    class Mine(Optimizer):
        def direction(self, theta, g):
            return np.sign(g)

    found = compare([SGD, Adam, Mine, partial(Adam, beta1=0.5)], rosenbrock, steps=10, lr=LR)
    axes = p.plot_race(found)
    for ax in axes:
        (labels,) = ax.findobj(EndLabels)
        assert len({text.get_color() for text in labels.texts}) == 3
    _is_inside(axes)


# ------------------------------------------------------------------------------------- animation


@pytest.fixture(scope="module")
def film():
    made = {"Adam": run(), "SGD": run(SGD, lr=0.006)}
    found = p.animate_paths(made, rosenbrock, frames=4, fps=10)
    yield found
    found.pause()


def test_a_gif_has_a_picture_for_every_frame(film, tmp_path):
    p.save_gif(film, tmp_path / "race.gif")
    with Image.open(tmp_path / "race.gif") as gif:
        assert gif.n_frames == 4
        assert gif.info["loop"] == 0
        pixels = np.asarray(gif.convert("RGB"))
    assert (pixels[0, 0] == 255).all()


def test_a_notebook_plays_the_gif_itself_without_scripts_and_the_same_each_time(film, tmp_path):
    page = film._repr_html_()
    (found,) = re.findall(r'src="data:image/gif;base64,([^"]+)"', page)
    assert re.fullmatch(r"<img [^>]*alt=\"The paths of [^>]* on Rosenbrock, step[^>]*>", page)
    p.save_gif(film, tmp_path / "race.gif")
    assert b64decode(found) == (tmp_path / "race.gif").read_bytes()
    assert film._repr_html_() == page


def test_a_film_shows_no_more_than_has_happened():
    path = run(steps=10)
    film = p.animate_paths(path, rosenbrock, frames=3)
    film._repr_html_()
    ax = film._fig.axes[0]
    film._func(5)
    (line,) = lines(ax, USUAL["Adam"].color)
    assert np.allclose(line.get_xydata()[:6], path.theta[:6])
    assert np.isnan(line.get_xydata()[6:]).all()
    assert ax.get_title(loc="left") == "Step 5 of 10"


@pytest.mark.parametrize("steps", [60, 500])
def test_the_first_twenty_steps_take_half_of_a_film_that_moves_for_four_seconds(steps):
    film = p.animate_paths(run(steps=steps), rosenbrock)
    shown = list(film.new_frame_seq())
    assert shown[:21] == list(range(21))
    assert len(shown) - 21 == 20
    assert shown[-1] == steps
    assert len(shown) * film._interval / 1000 >= 4
    film._draw_was_started = True  # it need not be drawn


@pytest.mark.parametrize(("steps", "frames"), [(500, 100), (500, 7), (500, 3), (500, 2), (25, 41)])
def test_a_film_has_no_more_pictures_than_were_asked_for_from_first_to_last(steps, frames):
    film = p.animate_paths(run(steps=steps), rosenbrock, frames=frames)
    shown = list(film.new_frame_seq())
    assert (shown[0], shown[-1]) == (0, steps)
    assert len(shown) == min(frames, steps + 1)
    assert shown == sorted(set(shown))
    film._draw_was_started = True  # it need not be drawn


def test_there_are_no_more_frames_than_steps(tmp_path):
    film = p.animate_paths(run(steps=2), rosenbrock, frames=50)
    p.save_gif(film, tmp_path / "short.gif")
    with Image.open(tmp_path / "short.gif") as gif:
        assert gif.n_frames == 3


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"frames": 1}, ValueError, "frames must be a whole number >= 2, got 1"),
        ({"frames": 2.5}, TypeError, "frames must be a whole number"),
        ({"fps": 0}, ValueError, r"fps must be a number in \(0, 100\], got 0"),
    ],
)
def test_impossible_films_are_refused(keywords, error, message):
    with pytest.raises(error, match=message):
        p.animate_paths(run(steps=1), rosenbrock, **keywords)


# --------------------------------------------------------------------------------------- errors

DRAWERS = [p.plot_paths, p.animate_paths]


@pytest.mark.parametrize("draw", [*DRAWERS, p.plot_convergence])
@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ([1, 2], TypeError, "paths must be a Trajectory"),
        ({}, ValueError, "paths is empty"),
        ({"Adam": 3}, TypeError, r"paths\['Adam'\] must be a Trajectory, got 3"),
    ],
)
def test_what_is_no_trajectory_is_refused(draw, given, error, message):
    with pytest.raises(error, match=message):
        draw(given, rosenbrock)


@pytest.mark.parametrize("draw", DRAWERS)
def test_paths_of_more_than_two_weights_are_refused(draw):
    path = run(function=rosenbrock.in_dimension(3))
    with pytest.raises(ValueError, match="'Adam' has 3; plot_convergence shows paths of any size"):
        draw({"Adam": path}, rosenbrock)


@pytest.mark.parametrize("draw", [p.plot_contour, p.plot_gradient_field, p.plot_surface])
def test_functions_that_cannot_be_drawn_are_refused(draw):
    with pytest.raises(ValueError, match=r"Rosenbrock has 3: take function.in_dimension\(2\)"):
        draw(rosenbrock.in_dimension(3))
    with pytest.raises(TypeError, match="must be a function of the weights"):
        draw("rosenbrock")
    with pytest.raises(TypeError, match="plot_paths: function must be a loss or a test function"):
        p.plot_paths(run(steps=1), "rosenbrock")


@pytest.mark.parametrize("domain", [[(1, 0), (0, 1)], [(0, 1)] * 3, [(0, np.inf), (0, 1)]])
def test_a_domain_that_is_none_is_refused(domain):
    with pytest.raises(ValueError, match="plot_contour: domain must be pairs"):
        p.plot_contour(rosenbrock, domain=domain)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (p.plot_heatmap, "sweep must be what sweep returns"),
        (p.plot_basins, "basins must be what basins returns"),
        (p.plot_race, "comparison must be what compare returns"),
        (p.plot_state, "path must be one Trajectory"),
        (partial(p.save_gif, file="never"), "animation must be what animate_paths returns"),
    ],
)
def test_the_wrong_kind_of_thing_is_refused(draw, message):
    with pytest.raises(TypeError, match=message):
        draw(SimpleNamespace(name="nothing of the kind"))
