"""The sliders, without a browser: what is dragged moves the picture, by the rules' own numbers."""

from __future__ import annotations

import io
import json
import re
from base64 import b64decode
from functools import partial
from types import SimpleNamespace

import IPython
import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from optimizers import SGD, Adam, Lookahead, Momentum, Optimizer, compare, explore, interactive
from optimizers.functions import FUNCTIONS, himmelblau, noisy, rosenbrock, saddle, sphere
from optimizers.interactive import Explorer
from optimizers.plotting.live import LiveConvergence, LiveMap, LiveState
from optimizers.schedules import cosine

PICTURES = ("map_image", "curve_image", "state_image")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture
def notebook(monkeypatch):
    """As if there were a kernel."""
    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(kernel=object()))


@pytest.fixture
def explorer():
    return page([SGD, Adam])


@pytest.fixture(scope="module")
def lasting():
    """One page for what can be asked again and again."""
    return page([SGD, Adam])


def page(rules, function=rosenbrock, steps=60):
    named = {getattr(rule, "__name__", "partial"): rule for rule in rules}
    return Explorer(function, named, np.array(function.start), steps)


def pictures(explorer):
    return [getattr(explorer, name).value for name in PICTURES]


def lr(explorer, label="Adam"):
    return explorer.cards[label].sliders["lr"]


def problem(explorer):
    return explorer.status.value


# ------------------------------------------------------------------------- without a front-end


def test_plain_python_gets_the_still_picture_and_is_told_so(capsys):
    axes = explore(rosenbrock, [SGD, Adam], steps=30)
    assert "plain Python" in capsys.readouterr().out
    assert [ax.get_xlabel() for ax in axes] == [r"$\theta_1$", "step", "learning rate (log)"]


def test_the_still_picture_keeps_a_learning_rate_that_was_given(capsys):
    axes = explore(rosenbrock, [partial(SGD, lr=0.001), Adam], steps=30)
    assert "still picture" in capsys.readouterr().out
    assert [ax.get_xlabel() for ax in axes] == [r"$\theta_1$", "step"]


def test_a_notebook_without_ipywidgets_is_told_what_to_install(notebook, monkeypatch, capsys):
    monkeypatch.setattr(interactive.importlib.util, "find_spec", lambda name: None)
    axes = explore(rosenbrock, [SGD], steps=30)
    assert "pip install ipywidgets" in capsys.readouterr().out
    assert len(axes) == 3


def test_a_notebook_gets_the_page_and_readers_without_widgets_the_map(notebook, capsys):
    explorer = explore(rosenbrock, [SGD, Adam], steps=30)
    assert capsys.readouterr().out == ""
    bundle = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert b64decode(bundle["image/jpeg"]) == explorer.map_image.value
    assert bundle["text/plain"] == "<explore Rosenbrock with SGD, Adam>"
    json.dumps(bundle)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((lambda x: x,), "explore: loss has no start of its own: give start=weights, or domain"),
        (("rosenbrock",), "the loss must be a function of the weights"),
        ((rosenbrock.in_dimension(3),), r"take function.in_dimension\(2\)"),
        ((rosenbrock, []), "rules must be one to 6 different rules, got none"),
        ((rosenbrock, [SGD, SGD]), "different rules, got SGD, SGD"),
        ((rosenbrock, list(interactive.RULES.values())), "rules must be one to 6"),
        ((rosenbrock, "Adam"), "rules must be a list of rules"),
        ((rosenbrock, [3]), "a rule must be a class"),
    ],
)
def test_what_cannot_be_explored_is_refused(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        explore(*arguments)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"steps": 1001}, "steps must be at most 1000"),
        ({"steps": 0}, "steps must be a whole number >= 1"),
        ({"start": [1.0]}, "x must have"),
        ({"rule": SGD}, "unexpected keyword"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(keywords, message):
    with pytest.raises((TypeError, ValueError), match=message):
        explore(rosenbrock, **keywords)


# ----------------------------------------------------------------------------- what is dragged


def test_the_page_begins_with_the_learning_rates_that_compare_finds(explorer):
    race = compare([SGD, Adam], rosenbrock, steps=60, seeds=None, progress=False)
    for label, path in race.items():
        assert lr(explorer, label).value == race.lr[label]
        np.testing.assert_array_equal(explorer.paths[label].theta, path.theta)


def test_a_dragged_learning_rate_moves_everything_by_the_rules_own_numbers(explorer):
    before = pictures(explorer)
    lr(explorer).value = 0.02
    expected = Adam(rosenbrock, rosenbrock.start, lr=0.02).minimize(60, watch=("m_hat",))
    np.testing.assert_array_equal(explorer.paths["Adam"].theta, expected.theta)
    np.testing.assert_array_equal(explorer.paths["Adam"]["m_hat"], expected["m_hat"])
    for old, new in zip(before, pictures(explorer), strict=True):
        assert old != new
    assert f"{expected.theta[-1, 0]:.3g}".replace("-", "−") in explorer.cards["Adam"].numbers.value


def test_a_dragged_number_leaves_the_other_rules_alone(explorer):
    sgd, state = explorer.paths["SGD"], explorer.state_image.value
    lr(explorer).value = 0.02
    assert explorer.paths["SGD"] is sgd
    assert explorer.state_image.value != state
    state = explorer.state_image.value
    lr(explorer, "SGD").value = 1e-4
    assert explorer.state_image.value == state


@pytest.mark.parametrize(
    ("rule", "name", "value"),
    [
        (Adam, "beta1", 0.5),
        (Adam, "beta2", 0.99),
        (Momentum, "momentum", 0.0),
        (Momentum, "nesterov", True),
        (interactive.RULES["AdamW"], "weight_decay", 0.1),
        (Lookahead, "k", 2),
        (Lookahead, "alpha", 1.0),
        (interactive.RULES["Newton"], "damping", 1.0),
    ],
)
def test_every_hyper_parameter_has_its_slider(rule, name, value):
    explorer = page([rule])
    card = explorer.cards[rule.__name__]
    before = pictures(explorer)
    card.sliders[name].value = value
    assert problem(explorer) == ""
    expected = rule(rosenbrock, rosenbrock.start, **card.values()).minimize(60)
    assert card.values()[name] == value
    np.testing.assert_array_equal(explorer.paths[rule.__name__].theta, expected.theta)
    assert pictures(explorer)[0] != before[0]


@pytest.mark.parametrize("name", interactive.RULES)
def test_every_rule_has_a_page(name):
    rule = interactive.RULES[name]
    explorer = page([rule])
    here = rule(rosenbrock, rosenbrock.start, **explorer.cards[name].values()).hyper_parameters
    for key, value in rule(rosenbrock, rosenbrock.start).hyper_parameters.items():
        assert key in ("lr", "inner") or value == here[key]
    assert "lr" in explorer.cards[name].sliders
    assert len(explorer.state.axes) in (1, 2, 3)


@pytest.mark.parametrize("label", FUNCTIONS)
def test_every_function_can_be_chosen(lasting, label):
    lasting.function_menu.value = FUNCTIONS[label]
    assert problem(lasting) == ""
    race = compare([SGD, Adam], FUNCTIONS[label], steps=60, seeds=None, progress=False)
    for name, path in race.items():
        np.testing.assert_array_equal(lasting.paths[name].theta, path.theta)
    assert lasting.start_field.value.split(", ") == [f"{x:.4g}" for x in FUNCTIONS[label].start]


def test_a_function_of_ones_own_heads_the_menu():
    mine = noisy(sphere, sigma=0.1, seed=3)
    explorer = page([SGD], mine)
    assert explorer.function_menu.options[0] == (mine.name, mine)
    assert "Noise σ = 0.1, seed 3" in explorer.caption.value


def test_the_steps_can_be_dragged(explorer):
    explorer.steps.value = 90
    assert len(explorer.paths["Adam"]) == 91
    assert explorer.step.value == explorer.step.max == 90
    explorer.step.value = 20
    explorer.steps.value = 70
    assert (explorer.step.value, explorer.step.max) == (20, 70)


def test_tune_finds_the_best_rates_for_the_start_and_the_steps(explorer):
    explorer.start_field.value = "0.5, 2.5"
    explorer.cards["Adam"].sliders["beta1"].value = 0.5
    explorer.steps.value = 30
    explorer.tune_button.click()
    assert problem(explorer) == ""
    rules = {"SGD": SGD, "Adam": partial(Adam, beta1=0.5)}
    race = compare(rules, rosenbrock, start=[0.5, 2.5], steps=30, seeds=None, progress=False)
    assert [lr(explorer, label).value for label in rules] == list(race.lr.values())


def test_numbers_that_are_given_are_where_the_sliders_begin():
    explorer = page([partial(Adam, lr=0.3, beta1=0.42)])
    card = explorer.cards["partial"]
    assert (card.values()["lr"], card.values()["beta1"]) == (0.3, 0.42)
    scheduled = page([partial(Adam, lr=cosine(0.1, 60))])
    assert "lr" not in scheduled.cards["partial"].sliders
    assert callable(scheduled.paths["partial"].hyper_parameters["lr"])
    scheduled.tune_button.click()
    assert problem(scheduled) == ""


# ------------------------------------------------------------------------------ where it starts


def clicked(explorer, x, y):
    """What the script in the page writes for a click at these shares of the map."""
    script = explorer.tap.value
    (x0, across), (y0, up) = re.findall(r"([-\d.]+) \+ ([\d.]+) \* \(", script)[:2]
    explorer.start_field.value = (
        f"{float(x0) + float(across) * x:.4g}, {float(y0) + float(up) * y:.4g}"
    )


def test_a_click_starts_there(explorer):
    before = pictures(explorer)
    clicked(explorer, 0.75, 0.25)
    low, high = rosenbrock.domain.T
    np.testing.assert_allclose(explorer.start, low + [0.75, 0.25] * (high - low))
    for path in explorer.paths.values():
        np.testing.assert_array_equal(path.theta[0], explorer.start)
    for old, new in zip(before, pictures(explorer), strict=True):
        assert old != new


def test_the_place_to_click_lies_on_the_map(explorer):
    ax = explorer.map.axes[0]
    corners = ax.transData.transform(rosenbrock.domain.T)
    width, height = Image.open(io.BytesIO(explorer.map_image.value)).size
    left, top, across, up = (
        float(re.search(rf"[\";]{side}:([\d.]+)%", explorer.tap.value)[1]) / 100
        for side in ("left", "top", "width", "height")
    )
    np.testing.assert_allclose(corners[:, 0], [left * width, (left + across) * width], atol=0.1)
    np.testing.assert_allclose(
        height - corners[:, 1], [(top + up) * height, top * height], atol=0.1
    )


def test_a_start_outside_the_map_widens_it(explorer):
    explorer.start_field.value = "−1, 4"
    assert explorer.map.frame[1, 1] > 4
    assert str(explorer.map.frame[1, 1] - explorer.map.frame[1, 0]) in explorer.tap.value
    explorer.start_field.value = "-1, 2"
    np.testing.assert_array_equal(explorer.map.frame, rosenbrock.domain)


@pytest.mark.parametrize("text", ["", "1", "1, 2, 3", "here", "nan, 0", "1e300, 0"])
def test_a_start_that_is_none_is_told_and_nothing_moves(lasting, text):
    lasting.start_field.value = "0.1, 0"
    before, start = pictures(lasting), lasting.start
    lasting.start_field.value = text
    assert "start must" in problem(lasting)
    assert lasting.start is start
    assert pictures(lasting) == before
    lasting.start_field.value = "0, 0"
    assert problem(lasting) == ""


# ---------------------------------------------------------------------------------- who runs


def test_rules_come_and_go(explorer):
    explorer.toggles["Momentum"].value = True
    assert list(explorer.paths) == ["SGD", "Adam", "Momentum"] == explorer.chosen
    assert len(explorer.card_box.children) == 3
    explorer.toggles["SGD"].value = False
    assert list(explorer.paths) == explorer.chosen == list(explorer.state_menu.options)
    assert "SGD" not in explorer.paths


def test_no_more_than_six_rules():
    explorer = page([SGD, Momentum, *map(interactive.RULES.get, ("AdaGrad", "RMSProp", "LAMB"))])
    explorer.toggles["Adam"].value = True
    assert problem(explorer) == ""
    explorer.toggles["Lion"].value = True
    assert "Between one and 6 rules" in problem(explorer)
    assert not explorer.toggles["Lion"].value
    assert len(explorer.paths) == 6


def test_no_less_than_one_rule():
    explorer = page([SGD])
    explorer.toggles["SGD"].value = False
    assert "Between one and 6 rules" in problem(explorer)
    assert explorer.toggles["SGD"].value
    assert list(explorer.paths) == ["SGD"]


class Mine(Optimizer):
    gamma = 0.5
    patience = 3
    state = ("h",)

    def direction(self, theta, g):
        self.h = self.h * self.gamma + g
        if self.patience < 0:
            raise RuntimeError("no patience <left>")
        return self.h


def test_a_rule_of_ones_own_has_its_numbers_and_its_state():
    explorer = page([Mine], sphere)
    card = explorer.cards["Mine"]
    assert set(card.sliders) == {"lr", "gamma", "patience"}
    assert card.state == ["h"] == list(explorer.state.names)
    card.sliders["gamma"].value = 0.1
    lr_now = card.values()["lr"]
    expected = Mine(sphere, sphere.start, lr=lr_now, gamma=0.1).minimize(60)
    np.testing.assert_array_equal(explorer.paths["Mine"].theta, expected.theta)


def test_what_goes_wrong_is_told_on_the_page_and_nothing_moves():
    explorer = page([Mine], sphere)
    before, path = pictures(explorer), explorer.paths["Mine"]
    explorer.cards["Mine"].sliders["patience"].value = -1
    assert "no patience &lt;left&gt;" in problem(explorer)
    assert pictures(explorer) == before
    assert explorer.paths["Mine"] is path
    explorer.cards["Mine"].sliders["patience"].value = 1
    assert problem(explorer) == ""


def test_a_function_or_steps_that_fail_are_not_taken_in(explorer, monkeypatch):
    def fails(*_):
        raise ValueError("no such place")

    before = explorer.function, explorer.start_field.value, explorer.map_says.value
    monkeypatch.setattr(explorer, "_run", fails)
    explorer.function_menu.value = himmelblau
    assert "no such place" in problem(explorer)
    explorer.steps.value = 20
    assert explorer.function_menu.value is explorer.function
    assert (explorer.function, explorer.start_field.value, explorer.map_says.value) == before
    assert explorer.steps.value == explorer.step.max == 60


def test_a_learning_rate_beyond_the_usual_ones_is_where_its_slider_starts():
    assert lr(page([partial(SGD, lr=100.0)]), "partial").value == pytest.approx(100)


def test_a_rule_that_fails_is_not_taken_in(explorer):
    explorer.rules["LAMB"] = partial(Mine, patience=-1)
    before = pictures(explorer)
    explorer.toggles["LAMB"].value = True
    assert "no patience" in problem(explorer)
    assert not explorer.toggles["LAMB"].value
    assert explorer.chosen == list(explorer.paths) == ["SGD", "Adam"]
    lr(explorer).value = 0.02
    assert problem(explorer) == ""
    assert pictures(explorer) != before


# ---------------------------------------------------------------------------- step by step


def test_a_step_shows_the_path_until_there_without_running_anything(explorer):
    end, paths = pictures(explorer), dict(explorer.paths)
    explorer.step.value = 10
    assert all(a != b for a, b in zip(end, pictures(explorer), strict=True))
    assert all(explorer.paths[label] is path for label, path in paths.items())
    assert explorer.map_says.value == "Step 10 of 60"
    assert f"step 10: loss {paths['SGD'].loss[10]:.3g}" in explorer.cards["SGD"].numbers.value
    explorer.step.value = 60
    assert pictures(explorer) == end


def test_the_numbers_are_those_of_the_step(explorer):
    explorer.step.value = 1
    gradient, adam = explorer.paths["Adam"]["g"][1], explorer.cards["Adam"].numbers.value
    assert f"<td>g</td><td>{gradient[0]:.3g}</td>".replace("-", "−") in adam
    rate = lr(explorer).value  # Adam's first step is lr · sign(g)
    assert re.search(rf"<td>Δθ</td><td>−?{rate:.3g}</td><td>−?{rate:.3g}</td>", adam)
    explorer.step.value = 0
    assert "<td>Δθ</td><td>–</td>" in explorer.cards["Adam"].numbers.value


def test_the_player_leads_the_steps_and_begins_again_at_the_end(explorer):
    player = explorer.player
    assert (player.value, player.max, player.step) == (0, 60, 1)
    player.playing = True
    player.value = 7
    assert explorer.step.value == 7
    assert explorer.map_says.value == "Step 7 of 60"
    player.playing = False
    assert player.value == 7
    explorer.step.value = 30
    assert player.value == 30
    player.playing = True
    player.value = 60
    player.playing = False
    assert (explorer.step.value, player.value) == (60, 0)


def test_a_long_path_is_played_in_a_hundred_frames_to_its_last_step():
    explorer = page([SGD], steps=250)
    assert explorer.player.step == 3
    explorer.player.playing = True
    explorer.player.value = 249
    explorer.player.playing = False
    assert explorer.step.value == 250


def test_a_path_that_diverges_says_so(explorer):
    lr(explorer, "SGD").value = 0.1
    assert explorer.paths["SGD"].diverged
    assert "diverged" in explorer.cards["SGD"].numbers.value
    explorer.step.value = 1
    assert "loss" in explorer.cards["SGD"].numbers.value


# ---------------------------------------------------------------------------- the live pictures


def run(rule=Adam, function=rosenbrock, rate=0.05, steps=60):
    watch = ("m_hat", "v_hat") if rule is Adam else ()
    return rule(function, function.start, lr=rate).minimize(steps, watch=watch)


def pixels(live):
    return np.asarray(live.canvas.buffer_rgba()).copy()


def whole(live):
    """The same figure drawn from nothing."""
    for ax in live.axes:
        for artist in (*ax.lines, *ax.patches, *ax.texts, *ax.artists):
            artist.set_animated(False)
    live.canvas.draw()
    return pixels(live)


@pytest.mark.parametrize("function", [rosenbrock, himmelblau, saddle])
def test_what_is_drawn_piece_by_piece_is_the_whole_figure(function):
    rules = {"SGD": "SGD", "Adam": "Adam"}
    paths = {"SGD": run(SGD, function, 0.002), "Adam": run(Adam, function)}
    others = {"SGD": run(SGD, function, 1e-4), "Adam": run(Adam, function, 0.5)}
    for live, first, then in (
        (LiveMap(function, rules, function.domain), others, paths),
        (LiveConvergence(function, rules), others, paths),
        (LiveState("Adam", ("m_hat", "v_hat")), others["Adam"], paths["Adam"]),
    ):
        for step in (0, 13, 60):
            live.show(first, 60)
            live.show(then, step)
            piece_by_piece = pixels(live)
            np.testing.assert_array_equal(piece_by_piece, whole(live))


def test_a_small_move_does_not_move_the_axes():
    rules = {"Adam": "Adam"}
    curve, state = LiveConvergence(rosenbrock, rules), LiveState("Adam", ("m_hat", "v_hat"))
    drawn = []
    for live in (curve, state):
        draw = live.canvas.draw
        live.canvas.draw = lambda draw=draw, live=live: (drawn.append(live), draw())
    for rate in 0.05 * 1.02 ** np.arange(20):
        path = run(rate=rate)
        curve.show({"Adam": path}, 60)
        state.show(path, 60)
    assert drawn.count(curve) <= 2
    assert drawn.count(state) <= 4


def test_nothing_leaves_the_pictures(explorer):
    for rate in (1e-5, 0.01, 10.0):
        lr(explorer).value = rate
        for live in (explorer.map, explorer.curve, explorer.state):
            image = pixels(live)[..., :3]
            border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
            assert (border == 255).all(), type(live).__name__


def test_no_figure_is_left_to_pyplot(explorer):
    lr(explorer).value = 0.02
    assert plt.get_fignums() == []
