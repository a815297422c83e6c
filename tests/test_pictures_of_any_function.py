"""Pictures of any function of one or two weights, known or not, finite or not."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from functools import partial

import autograd.numpy as np
import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy
import pytest
from PIL import Image

from optimizers import (
    SGD,
    Adam,
    Momentum,
    basins,
    compare,
    explore,
)
from optimizers import plotting as p
from optimizers.functions import FUNCTIONS, describe, rosenbrock, sphere
from optimizers.page import Page
from optimizers.plotting import contour, surface
from optimizers.plotting.frame import frame_of
from optimizers.plotting.labels import EndLabels
from optimizers.plotting.style import STAR

SQUARE = [(-2, 2), (-2, 2)]


@pytest.fixture(autouse=True)
def _maps_are_coarse(monkeypatch):
    monkeypatch.setattr(contour, "POINTS", 61)
    monkeypatch.setattr(contour, "COARSE", 31)
    monkeypatch.setattr(surface, "POINTS", 40)


def bowl(w):
    return (w[0] - 1) ** 2 + 10 * w[1] ** 2


def nested(w):
    return (w["a"] - 1) ** 2 + 10 * w["b"] ** 2


class Bowl:
    """With attributes that are its own affair."""

    noise, seed, start, domain, minima, minimum, name = 1, 2, "x", 3, 4, 5, 6

    def __call__(self, w):
        return bowl(w)


def wells(x):
    return x**4 - 2 * x**2 + 0.3 * x


MATRIX = numpy.array([[3.0, 1.0], [1.0, 2.0]])
WAYS = {
    "lambda": lambda w: w[..., 0] ** 2 + w[..., 1] ** 4,
    "one vector": bowl,
    "matrix": lambda w: w @ MATRIX @ w,
    "a branch": lambda w: w[0] if w[0] > 1 else w[1] ** 2,
    "math": lambda w: math.sin(w[0]) + math.cos(w[1]),
    "class": Bowl(),
    "partial": partial(lambda far, w: np.sum((w - far) ** 2), 0.5),
    "described": describe("Bowl")(bowl),
}


def drawn(axes):
    figure = numpy.ravel(axes)[0].figure
    figure.canvas.draw()
    return figure


def played(film):
    """Draw every frame; a film that nobody looks at complains."""
    stream = io.BytesIO()
    p.save_gif(film, stream)
    with Image.open(stream) as gif:
        assert gif.n_frames == len(list(film.new_frame_seq()))


def title(ax):
    return ax.get_title(loc="left").replace("\n", " ")


def told(ax):
    return ax.figure.get_supxlabel().replace("\n", " ")


def stars(ax):
    return [line for line in ax.lines if line.get_marker() == STAR and line.get_visible()]


def names(ax):
    (labels,) = ax.findobj(EndLabels)
    return [text.get_text() for text in labels.texts]


def words(ax):
    return [text.get_text() for text in ax.texts]


def marks(ax, sign):
    """The places of a mark, without the small dots of the steps."""
    found = [line for line in ax.lines if line.get_marker() == sign and line.get_visible()]
    found = [line.get_xydata() for line in found if line.get_linestyle() == "None"]
    return numpy.concatenate([numpy.empty((0, 2)), *found])


def runs(function, start, rules=(SGD, Momentum, Adam), lr=0.05, steps=40, **keywords):
    return {
        rule.__name__: rule(function, start, lr=lr, **keywords).minimize(steps) for rule in rules
    }


# ------------------------------------------------------------------------ of whatever is brought


@pytest.mark.parametrize("way", WAYS)
def test_any_function_of_two_weights_has_a_map(way):
    ax = p.plot_contour(WAYS[way], domain=SQUARE)
    drawn(ax)
    assert ax.get_xlim() == ax.get_ylim() == (-2, 2)
    assert not stars(ax)
    assert "minimum" not in title(ax) + told(ax)
    drawn(p.plot_surface(WAYS[way], domain=SQUARE))


@pytest.mark.parametrize("way", ["one vector", "a branch", "class", "described"])
def test_any_function_that_autograd_can_follow_has_a_field_and_paths(way):
    drawn(p.plot_gradient_field(WAYS[way], domain=SQUARE))
    paths = runs(WAYS[way], [1.5, 0.5], steps=10)
    drawn(p.plot_paths(paths, WAYS[way], domain=[(-10, 10), (-10, 10)]))
    drawn(p.plot_paths(paths, WAYS[way]))
    drawn(p.plot_surface(WAYS[way], paths))
    played(p.animate_paths(paths, WAYS[way], frames=2))


def test_the_map_of_a_function_for_one_vector_is_that_of_one_for_many():
    one = p.plot_contour(lambda w: w[0] ** 2 + 10 * w[1] ** 4, domain=SQUARE)
    many = p.plot_contour(lambda w: w[..., 0] ** 2 + 10 * w[..., 1] ** 4, domain=SQUARE)
    assert one.get_xlim() == many.get_xlim()
    pictures = [numpy.asarray(drawn(ax).canvas.buffer_rgba()) for ax in (one, many)]
    numpy.testing.assert_array_equal(*pictures)


@pytest.mark.parametrize("start", [{"a": 3.0, "b": 1.0}, {"b": 1.0, "a": 3.0}])
def test_weights_may_be_nested(start):
    paths = runs(nested, start)
    ax = p.plot_paths(paths, nested)
    drawn(ax)
    first = [start[name] for name in start]
    assert first in marks(ax, "o").tolist()
    assert frame_of(nested, paths)[list(start).index("a")][1] > 3


def test_without_a_domain_the_frame_is_fitted_to_the_paths():
    paths = runs(bowl, [300.0, 100.0], lr=1e-3, steps=2000, rules=[SGD])
    ax = p.plot_paths(paths, bowl)
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    theta = paths["SGD"].theta
    assert left < theta[:, 0].min() < theta[:, 0].max() < right < 400
    assert low < theta[:, 1].min() < theta[:, 1].max() < high < 150
    assert p.plot_paths(paths, bowl, domain=SQUARE).get_xlim() == (-2, 2)


def test_a_run_that_explodes_does_not_shrink_the_others():
    calm = runs(bowl, [3.0, 1.0], rules=[Adam])
    wild = {"SGD": SGD(bowl, [3.0, 1.0], lr=0.2).minimize(80), **calm}
    assert wild["SGD"].loss[-1] > 1e30
    (left, right), _ = frame_of(bowl, wild)
    assert right - left < 10
    drawn(p.plot_paths(wild, bowl))
    alone = frame_of(bowl, {"SGD": wild["SGD"]})
    assert numpy.ptp(alone, axis=1).max() < 100


def test_runs_that_hardly_move_do_not_hide_the_one_that_does():
    paths = runs(bowl, [3.0, 1.0], rules=[SGD, Momentum], lr=1e-6) | runs(
        bowl, [3.0, 1.0], rules=[Adam]
    )
    (left, _), _ = frame_of(bowl, paths)
    assert left < paths["Adam"].theta[:, 0].min()


def test_nobody_moved():
    ax = p.plot_paths(runs(bowl, [3.0, 1.0], lr=0.0), bowl)
    drawn(ax)
    assert title(ax) == "All are equally low after 40 steps"


@pytest.mark.parametrize("draw", [p.plot_contour, p.plot_surface, p.plot_gradient_field])
def test_without_paths_a_domain_has_to_be_given(draw):
    with pytest.raises(ValueError, match=rf"{draw.__name__}: domain must be.*bowl has none"):
        draw(bowl)


@pytest.mark.parametrize("draw", [p.plot_contour, p.plot_surface, p.plot_gradient_field])
def test_a_function_of_two_arguments_is_told_what_to_write(draw):
    with pytest.raises(TypeError, match=r"write lambda w: f\(\*w\) for f\(x, y\)"):
        draw(lambda x, y: x + y, domain=SQUARE)


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (lambda w: w, ValueError, r"must return one number, got an array of shape \(2,\)"),
        (lambda w: None, TypeError, "got None: is its `return` missing"),
        (lambda w: w @ np.eye(3) @ w, ValueError, "matmul"),
        (lambda w: w[7], IndexError, "out of bounds"),
        (3, TypeError, "must be a function of the weights"),
    ],
)
def test_a_function_that_is_wrong_says_what_is_wrong(function, error, message):
    with pytest.raises(error, match=message):
        p.plot_contour(function, domain=SQUARE)


def test_domain_and_paths_must_have_the_same_weights():
    paths = runs(bowl, [3.0, 1.0], steps=1)
    with pytest.raises(ValueError, match="a pair .* for each weight of the paths, 2 in all; got 1"):
        p.plot_paths(paths, bowl, domain=(-1, 1))
    with pytest.raises(ValueError, match="one weight and of two do not fit"):
        p.plot_paths(paths | {"one": SGD(wells, [1.0]).minimize(1)}, bowl)


# ------------------------------------------------------------------- nothing is claimed unknown


def test_where_no_minimum_is_known_the_loss_decides():
    paths = {"SGD": SGD(bowl, [3.0, 1.0], lr=0.001).minimize(20), **runs(bowl, [3.0, 1.0], [Adam])}
    ax = p.plot_paths(paths, bowl)
    assert title(ax) == "Adam is lowest after 40 steps"
    assert "★" not in told(ax)
    assert not stars(ax)


def test_a_tie_is_called_one():
    path = SGD(bowl, [3.0, 1.0], lr=0.01).minimize(20)
    other = SGD(bowl, [3.0, 1.0], lr=0.001).minimize(20)
    two = {"this": path, "that": path, "late": other}
    assert title(p.plot_paths(two, bowl)) == "this and that are equally low after 20 steps"
    known = describe("Bowl", minima=[[1.0, 0.0]])(bowl)
    assert title(p.plot_paths(two, known)) == "this and that are equally close after 20 steps"
    three = {"a": path, "b": path, "c": path, "late": other}
    assert title(p.plot_paths(three, bowl)) == "3 of 4 are equally low after 20 steps"


def test_a_described_function_may_know_its_minima_and_no_domain():
    known = describe("Bowl", minima=[[1.0, 0.0]])(bowl)
    paths = runs(known, [3.0, 1.0])
    ax = p.plot_paths(paths, known)
    assert len(stars(ax)) == 1
    assert title(ax).endswith("is closest after 40 steps")
    assert title(p.plot_contour(known, domain=SQUARE)) == "Bowl: minimum at (1, 0)"


def test_an_unknown_minimum_is_not_unbounded():
    assert title(p.plot_contour(describe("Bowl", domain=SQUARE)(bowl))) == "Bowl"
    assert "unbounded below" in title(p.plot_contour(FUNCTIONS["monkey_saddle"]))


def test_minima_that_are_refuted_get_no_star():
    wrong = describe("Bowl", domain=[(-4, 4), (-4, 4)], start=[3.0, 1.0], minima=[[2.0, 1.0]])(bowl)
    race = compare([SGD, Adam], wrong, steps=100, lr=0.01, progress=False)
    assert race.refuted
    ax = race.plot()[0]
    assert not stars(ax)
    assert "closest" not in title(ax)


def test_basins_of_an_unknown_function_are_those_that_were_found():
    found = basins(Momentum, WAYS["a branch"], domain=SQUARE, lr=0.02, steps=5, resolution=6)
    drawn(found.plot())
    double = basins(
        Momentum,
        lambda w: (w[0] ** 2 - 1) ** 2 + w[1] ** 2,
        domain=SQUARE,
        lr=0.02,
        steps=300,
        resolution=6,
    )
    ax = double.plot()
    assert title(ax) == "Momentum: 100% of the starts reach one of the 2 minima found"
    assert "global" not in told(ax)


# ------------------------------------------------------------------------------- of one weight


@pytest.mark.parametrize(
    "function",
    [wells, lambda x: np.sum(x**4), lambda x: x[0] ** 2, lambda x: math.sin(x)],
    ids=["power", "sum", "index", "math"],
)
def test_a_function_of_one_weight_is_a_curve(function):
    ax = p.plot_contour(function, domain=(-2, 2))
    drawn(ax)
    assert (ax.get_xlabel(), ax.get_ylabel()) == (r"$\theta$", "loss")
    x, y = ax.lines[0].get_data()
    assert (x[0], x[-1]) == (-2, 2)
    first, last = ax.get_ylim()
    assert first < y.min() < y.max() < last


def test_the_curve_has_the_values_of_the_function():
    x, y = p.plot_contour(lambda x: x**4 - x, domain=(-2, 2)).lines[0].get_data()
    numpy.testing.assert_allclose(y, x**4 - x)


def test_the_curve_of_a_known_function_has_its_minimum():
    ax = p.plot_contour(sphere.in_dimension(1))
    (star,) = stars(ax)
    assert star.get_xydata().tolist() == [[0.0, 0.0]]
    assert title(ax) == "Sphere: minimum at θ = 0"


@pytest.mark.parametrize("start", [1.8, [1.8], {"w": 1.8}], ids=["number", "vector", "dict"])
def test_steps_lie_on_the_curve(start):
    def loss(w):
        return wells(w["w"] if isinstance(w, dict) else w)

    paths = runs(loss, start, steps=5, lr=0.02)
    ax = p.plot_paths(paths, loss)
    drawn(ax)
    for path in paths.values():
        steps = numpy.column_stack([path.theta, path.loss])
        assert any(
            line.get_xydata().shape[0] >= 6 and numpy.allclose(line.get_xydata()[:6], steps)
            for line in ax.lines
        )
    assert [1.8, path.loss[0]] in marks(ax, "o").tolist()
    assert names(ax) == list(paths)


def test_steps_lie_on_the_curve_that_is_given_whatever_loss_they_went_down():
    def batch_loss(w, batch):
        return wells(w) + batch * w

    path = SGD(batch_loss, 1.8, lr=0.02).minimize(5, batches=[3.0, -3.0, 2.0, 1.0, 4.0])
    ax = p.plot_paths(path, wells)
    on_the_curve = numpy.column_stack([path.theta, wells(path.theta)])
    assert any(numpy.array_equal(line.get_xydata()[:6], on_the_curve) for line in ax.lines)


def test_a_step_that_leaves_the_curve_is_marked_and_one_that_diverges_is_crossed():
    paths = {"SGD": SGD(wells, [1.8], lr=0.9).minimize(40), **runs(wells, [1.8], [Adam])}
    assert paths["SGD"].diverged
    ax = p.plot_paths(paths, wells)
    drawn(ax)
    assert len(marks(ax, "X")) == 1
    assert f"SGD, diverged at step {paths['SGD'].diverged_at}" in names(ax)
    small = p.plot_paths(runs(wells, [1.8], [Momentum], lr=0.05), wells, domain=(0.5, 2))
    drawn(small)
    assert len(numpy.concatenate([marks(small, side) for side in "<>"]))


def test_the_field_of_one_weight_points_downhill_along_the_curve():
    ax = p.plot_gradient_field(wells, domain=(-2, 2))
    arrows = next(c for c in ax.collections if hasattr(c, "U"))
    slopes = 4 * arrows.X**3 - 4 * arrows.X + 0.3
    assert (numpy.sign(arrows.U) == -numpy.sign(slopes)).all()
    assert numpy.allclose(arrows.V / arrows.U, slopes)
    assert numpy.allclose(arrows.Y, [wells(x) for x in arrows.X])


def test_basins_of_one_weight_lie_behind_the_curve():
    found = basins(SGD, wells, domain=(-2, 2), lr=0.02, resolution=20)
    ax = found.plot()
    drawn(ax)
    assert title(ax) == "SGD: 100% of the starts reach one of the 2 minima found"
    places = numpy.concatenate([star.get_xydata() for star in stars(ax)])
    assert numpy.allclose(sorted(places[:, 0]), sorted(found.minima[:, 0]))
    assert numpy.allclose(places[:, 1], [wells(x) for x in places[:, 0]])
    assert "20 starts" in told(ax)


def test_a_film_of_one_weight_shows_no_more_than_has_happened():
    path = SGD(wells, [1.8], lr=0.02).minimize(10)
    film = p.animate_paths(path, wells, frames=3)
    played(film)
    ax = film._fig.axes[0]
    film._func(5)
    line = next(line for line in ax.lines if len(line.get_xdata()) == 7)
    assert numpy.allclose(line.get_xydata()[:6], numpy.column_stack([path.theta, path.loss])[:6])


def test_a_race_of_one_weight_has_its_paths_on_the_curve():
    race = compare([SGD, Adam], wells, start=[1.8], steps=20, lr=[0.01, 0.1], progress=False)
    axes = race.plot()
    drawn(axes)
    assert len(axes) == 3
    assert axes[0].get_xlabel() == r"$\theta$"
    assert "from θ = 1.8" in told(axes[0])
    played(race.animate(frames=2))


def test_the_surface_of_one_weight_names_what_draws_it():
    path = SGD(wells, [1.8], lr=0.02).minimize(3)
    for arguments, keywords in (((wells,), {"domain": (-2, 2)}), ((wells, path), {})):
        with pytest.raises(ValueError, match="two weights: plot_contour .* plot_paths"):
            p.plot_surface(*arguments, **keywords)


# ---------------------------------------------------------------------- what is not quite finite

ODD = {
    "nan": lambda w: np.log(w[0]) + w[1] ** 2,
    "a wall": lambda w: np.where(w[0] < 0, np.inf, np.sum(w**2)),
    "minus infinity": lambda w: np.where(w[0] < 0, -np.inf, np.sum(w**2)),
    "nowhere": lambda w: np.sum(w) * np.nan,
    "constant": lambda w: 3.0 + 0 * np.sum(w),
    "a step": lambda w: np.where(w[0] < 0, 0.0, 1.0) + 0 * w[1],
    "vast": lambda w: np.exp(300 * w[0]) + w[1] ** 2,
    "both ends": lambda w: 8e307 * w[0] + w[1],
    "tiny": lambda w: 1e-310 * np.sum(w**2),
    "rounding": lambda w: 1e16 + np.sum(w**2),
}


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("draw", [p.plot_contour, p.plot_surface])
def test_odd_values_make_a_quiet_map(kind, draw):
    drawn(draw(ODD[kind], domain=SQUARE))


@pytest.mark.parametrize("kind", ODD)
def test_odd_values_make_a_quiet_curve(kind):
    drawn(p.plot_contour(lambda x: ODD[kind](np.array([1.0, 0.0]) * x[0]), domain=(-2, 2)))


@pytest.mark.parametrize("kind", ["nan", "a wall", "constant", "vast", "nowhere"])
def test_odd_values_make_a_quiet_field(kind):
    drawn(p.plot_gradient_field(ODD[kind], domain=SQUARE))


def test_what_is_not_finite_is_hatched_and_said():
    for function, domain in ((ODD["nan"], SQUARE), (lambda x: np.log(x[0]), (-2, 2))):
        ax = p.plot_contour(function, domain=domain)
        assert "hatched: not finite" in words(ax)
    assert p.plot_contour(ODD["nan"], domain=SQUARE).patch.get_hatch()
    whole = p.plot_contour(bowl, domain=SQUARE)
    assert not words(whole)
    assert not whole.patch.get_hatch()


def test_what_is_the_same_everywhere_is_said():
    assert title(p.plot_contour(ODD["constant"], domain=SQUARE)) == "Loss: 3 all over the picture"
    empty = p.plot_contour(ODD["nowhere"], domain=SQUARE)
    assert title(empty) == "Loss: not finite anywhere in the picture"


def test_the_field_has_no_arrow_where_there_is_no_loss():
    ax = p.plot_gradient_field(ODD["nan"], domain=SQUARE)
    arrows = next(c for c in ax.collections if hasattr(c, "U"))
    assert (arrows.X > 0).all()


@pytest.mark.parametrize("size", [1e100, 1e200])
@pytest.mark.parametrize("function", [rosenbrock, lambda w: np.sum(w**4)], ids=["known", "own"])
def test_a_start_whose_loss_overflows_is_drawn_without_a_sound(function, size):
    race = compare([SGD, Adam], function, start=[size, size], steps=5, lr=[0.1, 1], progress=False)
    axes = race.plot()
    drawn(axes)
    assert title(axes[1]) == race.finding() == "All diverged"
    paths = SGD(function, [size, size]).minimize(3)
    drawn(p.plot_paths(paths, function))
    drawn(p.plot_surface(function, paths))
    played(p.animate_paths(paths, function, frames=2))


def test_paths_that_never_enter_the_picture_are_said_to_be_outside():
    paths = runs(bowl, [3.0, 1.0])
    ax = p.plot_paths(paths, bowl, domain=[(20, 30), (-5, 5)])
    figure = drawn(ax)
    assert names(ax) == ["SGD, outside", "Momentum, outside", "Adam, outside"]
    assert not len(marks(ax, "o"))
    frame, seen = ax.get_window_extent(), [line for line in ax.lines if line.get_visible()]
    assert all(len(line.get_xdata()) <= 2 for line in seen)
    assert figure.get_tightbbox().x1 < figure.get_size_inches()[0] + 0.01
    assert frame.width > 100
    drawn(p.plot_surface(bowl, paths, domain=[(20, 30), (-5, 5)]))
    line = p.plot_paths(runs(wells, [1.8], [SGD]), wells, domain=(20, 30))
    assert names(line) == ["SGD, outside"]
    drawn(line)


def test_a_path_that_passes_through_the_picture_has_no_start_in_it():
    path = SGD(bowl, [3.0, 0.0], lr=0.05).minimize(40)
    ax = p.plot_paths(path, bowl, domain=[(1.5, 2.5), (-0.5, 0.5)])
    assert not len(marks(ax, "o"))
    assert names(ax) == ["SGD"]
    drawn(ax)


# -------------------------------------------------------------------------- many figures, bounds


def test_a_map_of_every_function_in_a_loop_does_not_warn():
    axes = [p.plot_contour(function) for function in FUNCTIONS.values()]
    assert len(axes) > 20 >= len(plt.get_fignums())
    for ax in axes[:2]:  # those that pyplot let go of
        picture = io.BytesIO()
        ax.figure.savefig(picture)
        assert picture.tell() > 10_000
        assert ax.figure.get_tightbbox() is not None
    assert plt.get_fignums()[-1] == axes[-1].figure.number


def test_a_film_outlives_the_figures_that_follow_it():
    film = p.animate_paths(runs(bowl, [3.0, 1.0], steps=3), bowl, frames=2)
    for _ in range(25):
        p.plot_contour(bowl, domain=SQUARE)
    played(film)


def test_figures_of_ones_own_are_left_alone():
    mine = plt.figure()
    for _ in range(25):
        p.plot_contour(bowl, domain=SQUARE)
    assert plt.fignum_exists(mine.number)


def bounds(ax):
    found = [line for line in ax.lines if line.get_color() == "#222222" and line._dash_pattern[1]]
    return [
        tuple(map(tuple, edge))
        for line in found
        for edge in line.get_xydata().reshape(-1, 3, 2)[:, :2].tolist()
    ]


def test_the_box_that_weights_are_kept_in_is_drawn():
    def clip(w):
        return np.clip(w, [1.5, -0.3], [10, np.inf])

    paths = runs(bowl, [3.0, 1.0], project=clip)
    assert paths["SGD"].box.tolist() == [[1.5, -0.3], [10, np.inf]]
    ax = p.plot_paths(paths, bowl, domain=[(0, 4), (-1, 2)])
    drawn(ax)
    assert bounds(ax) == [((1.5, -0.3), (1.5, 2)), ((1.5, -0.3), (4, -0.3))]
    assert "bound" in told(ax)
    assert "bound" not in told(p.plot_paths(runs(bowl, [3.0, 1.0]), bowl))


def test_the_bounds_of_one_weight_stand_upright():
    path = SGD(wells, [1.8], lr=0.02, project=lambda w: np.clip(w, 1.2, 5)).minimize(20)
    ax = p.plot_paths(path, wells, domain=(0, 2))
    low, high = ax.get_ylim()
    assert bounds(ax) == [((1.2, low), (1.2, high))]
    drawn(ax)


def test_rules_in_other_boxes_have_a_box_each_and_equal_ones_are_drawn_once():
    def made(low):
        return SGD(bowl, [3.0, 1.0], lr=0.01, project=lambda w: np.clip(w, low, 10)).minimize(3)

    ax = p.plot_paths({"a": made(-1), "b": made(-1), "c": made(-2)}, bowl, domain=[(-4, 4)] * 2)
    assert len(bounds(ax)) == 4


# -------------------------------------------------------------------------------------- captions


def rates_of(lr):
    return told(basins(SGD, sphere, lr=lr, steps=3, resolution=3).plot())


def test_a_caption_copes_with_a_schedule_and_with_rates_by_weight():
    assert "learning rate 0.1," in rates_of(0.1)
    assert "learning rate by schedule" in rates_of(lambda t: 0.1 / t)
    found = basins(SGD, sphere, lr=0.1, steps=3, resolution=3)
    by_weight = replace(found, hyper_parameters={"lr": numpy.array([0.1, 0.5])})
    assert "learning rates from 0.1 to 0.5" in told(by_weight.plot())


def test_paths_with_a_rate_for_each_weight_are_drawn():
    path = SGD(nested, {"a": 3.0, "b": 1.0}, lr={"a": 0.1, "b": 0.01}).minimize(20)
    drawn(p.plot_paths(path, nested))
    played(p.animate_paths(path, nested, frames=2))


# --------------------------------------------------------------------------------------- explore


@pytest.mark.parametrize(
    ("function", "keywords", "start"),
    [
        (bowl, {"start": [3.0, 1.0]}, [3.0, 1.0]),
        (wells, {"domain": (-2, 2)}, [-1.2]),
        (nested, {"start": {"a": 3.0, "b": 1.0}}, [3.0, 1.0]),
    ],
)
def test_a_function_of_ones_own_can_be_explored(function, keywords, start):
    page = explore(function, [SGD, Adam], steps=30, **keywords)
    assert isinstance(page, Page)
    own = page.functions[0].data
    assert own["name"] == function.__name__
    assert own["start"].tolist() == start
    assert ((own["domain"][:, 0] <= start) & (start <= own["domain"][:, 1])).all()


@pytest.mark.parametrize(
    ("function", "keywords", "message"),
    [
        (bowl, {}, "bowl has no start of its own: give start=weights, or domain="),
        (lambda w: np.sum(w**2), {"start": [1.0, 2.0, 3.0]}, "one or two weights, but loss has 3"),
        (bowl, {"start": [1.0, 2.0], "domain": (-1, 1)}, "a pair .* for each of 2 weights, got 1"),
        (lambda x, y: x, {"start": [1.0, 2.0]}, r"write lambda w: f\(\*w\)"),
    ],
)
def test_what_cannot_be_explored_is_told(function, keywords, message):
    with pytest.raises((TypeError, ValueError), match=message):
        explore(function, [SGD], **keywords)


def test_of_what_a_page_cannot_run_the_still_picture_is_drawn(capsys):
    given = {"start": [3.0, 1.0], "steps": 10}
    for rules, panels in (([SGD, Adam], 3), ([partial(SGD, lr=0.001)], 2)):
        axes = explore(WAYS["a branch"], rules, **given)
        drawn(axes)
        assert len(axes) == panels
        assert "it branches on a value" in capsys.readouterr().out
