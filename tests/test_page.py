"""The page, without a browser: what makes one, what is refused, and what is in the file."""

from __future__ import annotations

import base64
import io
import json
import re
import struct
from functools import partial
from html.parser import HTMLParser

import autograd.numpy as np
import matplotlib
import numpy
import pytest
import student_losses
from autograd.extend import defvjp, primitive
from matplotlib.colors import to_rgb
from PIL import Image

matplotlib.use("Agg")

from optimizers import (
    LAMB,
    RULES,
    SGD,
    Adam,
    AdamW,
    Lookahead,
    Momentum,
    Muon,
    Newton,
    Optimizer,
    explore,
)
from optimizers.functions import (
    FUNCTIONS,
    himmelblau,
    monkey_saddle,
    noisy,
    rosenbrock,
    shifted,
    sphere,
)
from optimizers.page import Page, pictures
from optimizers.page.formula import lines_of
from optimizers.page.written import literal, numbers
from optimizers.plotting.style import looks
from optimizers.schedules import cosine

FIRST_BYTES_OF_PNG = b"\x89PNG\r\n\x1a\n"
NAMESPACE = "http://www.w3.org/2000/svg"  # a name in d3, where nobody goes
OUTSIDE = re.compile(
    r"https?://|\b(?:src|href)\s*=\s*[\"']?//|\bimport\b\s*[\"'(]|\bfetch\s*\(|url\("
)
MARK = re.compile(r"⟨(\w+)'?⟩")


def bowl(w):
    return np.sum((w - 1) ** 2)


class Signed(Optimizer):
    beta = 0.9
    state = ("m",)

    def direction(self, theta, g):
        self.m = self.beta * self.m + (1 - self.beta) * g
        return np.sign(self.m)


def rule_on(page, label):
    """What the page is told of a rule."""
    return next(rule.data for rule in page.rules if rule.data["label"] == label)


def names_of(page):
    return [function.data["name"] for function in page.functions]


def floats_in(letters):
    return numpy.frombuffer(base64.b64decode(letters), "<f8")


# ------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("function", "keywords", "says"),
    [
        (None, {}, "the loss must be a function of the weights"),
        ("rosenbrock", {}, "such as optimizers.functions.rosenbrock; got 'rosenbrock'"),
        (bowl, {"start": [1.0, 2.0, 3.0]}, "one or two weights, but bowl has 3"),
        (sphere.in_dimension(3), {}, r"Sphere has 3: take function.in_dimension\(2\)"),
        (bowl, {}, r"bowl has no start of its own: give start=weights, or domain=\[\(low, high\)"),
        (lambda w: w**2, {"start": [1.0, 2.0]}, "must return one number.* take np.sum or np.mean"),
        (rosenbrock, {"rules": []}, "one to 6 different rules, got none"),
        (rosenbrock, {"rules": {}}, "one to 6 different rules, got none"),
        (rosenbrock, {"rules": list(RULES.values())[:7]}, "one to 6 .* got SGD, Momentum, AdaGrad"),
        (rosenbrock, {"rules": "SGD"}, r"a list of rules such as \[SGD, Adam\], got 'SGD'"),
        (rosenbrock, {"rules": ["SGD"]}, "a class such as SGD or Adam, or a partial of one"),
        (rosenbrock, {"rules": [SGD, SGD]}, "two rules are called 'SGD': give a dict by label"),
        (rosenbrock, {"steps": 0}, "steps must be a whole number >= 1, got 0"),
        (rosenbrock, {"steps": 2.5}, "steps must be a whole number >= 1, got 2.5"),
        (rosenbrock, {"steps": 1001}, "steps must be at most 1000 in explore, got 1001"),
        (rosenbrock, {"show": "map"}, r"show must be a list of names, such as \['map'\]"),
        (rosenbrock, {"show": ["rates"]}, "some of map, loss, rate, .* Did you mean 'rate'?"),
        (rosenbrock, {"move": "lr"}, "move must be a list of names"),
        (rosenbrock, {"move": ["beta3"]}, "got 'beta3'. Did you mean 'beta2'?"),
        (rosenbrock, {"rules": [SGD], "move": ["beta1"]}, "some of lr, start, steps, got 'beta1'"),
        (bowl, {"start": [1, 2], "vary": ["a"]}, r"vary must be a dict such as \{'angle': \(0, 90"),
        (bowl, {"start": [1, 2], "vary": {"a": 3}}, r"vary\['a'\] must be \(low, high\)"),
        (bowl, {"start": [1, 2], "vary": {"a": (2, 1)}}, r"low < high, got \(2, 1\)"),
        (bowl, {"start": [1, 2], "vary": {"a": (0, 1, 2)}}, r"low < high, got \(0, 1, 2\)"),
        (bowl, {"start": [1, 2], "vary": {"a": (0, 1, 0.5, 3)}}, r"must be \(low, high\)"),
        (bowl, {"start": [1, 2], "vary": {3: (0, 1)}}, "vary: 3 is not the name"),
        (
            bowl,
            {"start": [1, 2], "vary": {"a": (0, 1)}},
            "'bowl' must take the weights, and by name a",
        ),
        (rosenbrock, {"vary": {"a": (0, 1)}}, "'Rosenbrock' must take the weights, and by name"),
        (rosenbrock, {"height": 99}, "height must be a whole number >= 100, got 99"),
        (rosenbrock, {"domain": (0, 1)}, r"a pair \(low, high\) for each of 2 weights, got 1"),
        (rosenbrock, {"domain": [(1, 0), (0, 1)]}, r"pairs \(low, high\) with low < high"),
        (rosenbrock, {"domain": 1}, r"such as \[\(-2, 2\), \(-1, 3\)\]; got 1"),
        (rosenbrock, {"start": [np.nan, 1.0]}, "start must be finite"),
        (bowl, {"start": "here"}, "start must be an array of numbers"),
    ],
)
def test_what_is_wrong_is_said_and_what_to_write_instead(function, keywords, says):
    with pytest.raises((TypeError, ValueError), match=says):
        explore(function, **keywords)


REFUSED = {name: told for name, told in student_losses.REFUSED.items() if len(told[1]) == 2}


@pytest.mark.parametrize("name", REFUSED)
def test_a_loss_that_cannot_be_traced_is_told_why_and_the_still_is_drawn(name, capsys):
    make, start, words = REFUSED[name]
    axes = explore(make(), [partial(SGD, lr=0.01)], start=start, steps=5)
    told = capsys.readouterr().out
    assert re.search(rf"cannot run in a page: .*({words}).*Here is the still picture", told)
    assert axes[0].has_data()


class Branching(Optimizer):
    def direction(self, theta, g):
        return g if g[0] > 0 else 2 * g


class Drawing(Optimizer):
    rng = numpy.random.default_rng(0)

    def direction(self, theta, g):
        return g * self.rng.uniform(0.9, 1.1)


@pytest.mark.parametrize(
    ("rule", "words"), [(Branching, "branches on a value"), (Drawing, "random numbers")]
)
def test_a_rule_that_cannot_be_traced_is_named_with_the_reason(rule, words, capsys):
    axes = explore(rosenbrock, [SGD, rule], steps=20)
    told = capsys.readouterr().out
    assert re.search(rf"{rule.__name__} cannot run in a page: .*{words}", told), told
    assert axes[0].get_xlabel() == r"$\theta_1$"


@primitive
def cube(x):
    return x**3


@primitive
def slope_of_cube(x):
    return 3 * x**2


defvjp(cube, lambda ans, x: lambda g: g * slope_of_cube(x))  # and no second derivative


def test_a_rule_that_needs_second_derivatives_is_left_out_where_there_are_none(capsys):
    def rough(w):
        return np.sum(cube(w) ** 2)

    page = explore(rough, [SGD, Adam], start=[1.0, 2.0], steps=5)
    assert "Newton" not in [rule.data["label"] for rule in page.rules]
    assert capsys.readouterr().out == ""
    with pytest.raises(NotImplementedError, match="VJP of slope_of_cube"):  # as everywhere else
        explore(rough, [partial(Newton, lr=1.0)], start=[1.0, 2.0], domain=[(-2, 2), (-3, 3)])


# ------------------------------------------------------------------------------- what makes a page


def test_a_loss_and_a_rule_of_ones_own_make_a_page_in_three_lines():
    page = explore(bowl, [Signed, Adam], start=[3.0, -2.0], steps=50)
    assert repr(page) == "<page: bowl with Signed, Adam>"
    assert [slider["name"] for slider in rule_on(page, "Signed")["sliders"]] == ["lr", "beta"]
    assert names_of(page)[0] == "bowl"
    assert len(page.functions) == 1 + len(FUNCTIONS)


@pytest.mark.parametrize(
    ("function", "start"),
    [
        (lambda x: (x - 1) ** 2, 3.0),
        (lambda x: (x[0] - 1) ** 2, [3.0]),
        (lambda w: (w["a"] - 1) ** 2, {"a": 3.0}),
    ],
)
def test_one_weight_may_be_a_number_an_array_or_have_a_name(function, start):
    page = explore(function, [SGD, Adam, Muon], start=start)
    [function] = page.functions  # the library's have two weights
    assert function.data["start"].tolist() == [3.0]
    assert numpy.shape(function.data["domain"]) == (1, 2)


def test_two_weights_may_be_nested_or_a_matrix():
    page = explore(lambda w: w["a"] ** 2 + w["b"] ** 2, [LAMB], start={"a": 1.0, "b": 2.0})
    assert page.functions[0].data["start"].tolist() == [1.0, 2.0]
    page = explore(lambda w: np.sum((w - 1) ** 2), [SGD], start=[[3.0, 1.0]])
    assert "Muon" in [rule.data["label"] for rule in page.rules]
    assert not re.search(r"const\s*;", page.html)


def test_the_domain_decides_where_to_start_if_nobody_says():
    page = explore(bowl, domain=[(-1, 1), (0, 10)])
    low, high = numpy.array(page.functions[0].data["domain"]).T
    assert (
        (low < page.functions[0].data["start"]) & (page.functions[0].data["start"] < high)
    ).all()
    assert page.functions[0].data["domain"].tolist() == [[-1, 1], [0, 10]]


def test_noise_is_the_seeds_own_and_the_map_is_without_it():
    function = noisy(himmelblau, 2.0, seed=3)
    told = explore(function, [SGD]).functions[0]
    drawn = floats_in(told.data["noise"]).reshape(-1, 2)
    assert numpy.array_equal(drawn[:50], [function.noise(t) for t in range(1, 51)])
    assert "batch[0]" in told.code["gradient"]
    assert "batch[" not in told.code["loss"]
    assert told.data["chance"]
    other = explore(noisy(himmelblau, 2.0, seed=4), [SGD]).functions[0]
    assert other.data["noise"] != told.data["noise"]


def test_what_is_known_of_a_shifted_function_is_shifted():
    told = explore(shifted(rosenbrock, [0.5, -1.0]), [SGD]).functions[0].data
    assert told["minima"].tolist() == [[1.5, 0.0]]
    assert told["start"].tolist() == numpy.add(rosenbrock.start, [0.5, -1.0]).tolist()


def test_of_a_function_without_a_bottom_no_minimum_is_told():
    told = explore(monkey_saddle, [SGD]).functions[0].data
    assert told["bounded"] is False
    assert told["minimum"] is None
    assert explore(rosenbrock, [SGD]).functions[0].data["minimum"] == 0


def test_a_rate_that_is_given_stands_and_one_that_is_not_is_chosen():
    page = explore(rosenbrock, {"mine": partial(Adam, lr=0.25, beta1=0.5), "its": Adam})
    assert page.chosen == ["mine", "its"]
    assert rule_on(page, "mine")["given"]
    assert rule_on(page, "mine")["hyper"] == {
        **{"lr": 0.25, "beta1": 0.5},
        **{"beta2": 0.999, "epsilon": 1e-8},
    }
    assert not rule_on(page, "its")["given"]


def test_a_schedule_is_followed_and_has_no_slider():
    schedule = cosine(0.01, steps=200)
    told = rule_on(explore(rosenbrock, {"SGD": partial(SGD, lr=schedule)}), "SGD")
    assert floats_in(told["etas"])[:200].tolist() == [schedule(t) for t in range(1, 201)]
    assert [slider["name"] for slider in told["sliders"]] == []


def test_lookahead_has_the_sliders_of_the_rule_inside():
    inner = partial(Momentum, momentum=0.7)
    page = explore(rosenbrock, {"L": partial(Lookahead, inner=inner, k=3)})
    values = rule_on(page, "L")["hyper"]
    assert values["Momentum_momentum"] == 0.7
    assert values["k"] == 3
    names = [slider["name"] for slider in rule_on(page, "L")["sliders"]]
    assert names == ["lr", "k", "alpha", "Momentum_momentum", "Momentum_nesterov"]
    assert rule_on(page, "L")["state"]["slow"] == "theta"


def test_a_knob_of_the_loss_is_an_input():
    def valley(w, slope):
        return w[0] ** 2 + 25 * (w[1] - slope * w[0]) ** 2

    page = explore(valley, [SGD], start=[2.0, 1.0], vary={"slope": (-1, 1, 0.5)}, move=["slope"])
    [function] = page.functions
    [knob] = function.data["knobs"]
    assert (knob["name"], knob["low"], knob["high"], knob["value"]) == ("slope", -1, 1, 0.5)
    assert "batch[0]" in function.code["gradient"]
    assert "batch[0]" in function.code["loss"]
    assert [rule.data["label"] for rule in page.rules] == ["SGD"]


def test_what_may_be_moved_is_all_that_is_offered():
    page = explore(rosenbrock, [SGD, Adam], move=["lr", "start"], show=["map"])
    assert names_of(page) == ["Rosenbrock"]
    assert [rule.data["label"] for rule in page.rules] == ["SGD", "Adam"]
    page = explore(rosenbrock, [SGD, Adam])
    assert len(page.functions) == len(FUNCTIONS)
    assert {rule.data["label"] for rule in page.rules} == set(RULES)


# --------------------------------------------------------------------- sliders and lines of a rule


@pytest.mark.parametrize("label", RULES)
def test_each_value_that_a_rule_starts_with_is_on_its_slider(label):
    told = rule_on(explore(rosenbrock, [RULES[label]], move=["lr"]), label)
    assert told["sliders"] or label == "Newton"
    for slider in told["sliders"]:
        value = told["hyper"][slider["name"]]
        if slider["kind"] == "grid":
            assert value in slider["values"]
            assert slider["values"] == sorted(slider["values"])
        elif slider["kind"] == "switch":
            assert isinstance(value, bool)
        else:
            assert slider["low"] <= value <= slider["high"]
    assert "epsilon" not in [slider["name"] for slider in told["sliders"]]


@pytest.mark.parametrize("given", [0.0, 1e-7, 0.333, 25.0])
def test_a_rate_that_somebody_gives_is_on_the_slider(given):
    told = rule_on(explore(rosenbrock, {"SGD": partial(SGD, lr=given)}), "SGD")
    [slider] = told["sliders"]
    assert slider["low"] <= max(given, 1e-5)
    assert given <= slider["high"]


def test_a_beta_that_somebody_gives_is_on_the_slider():
    told = rule_on(explore(rosenbrock, {"A": partial(Adam, beta1=0.123456)}), "A")
    assert 0.123456 in next(s["values"] for s in told["sliders"] if s["name"] == "beta1")


class Unused(Optimizer):
    beta = 0.9
    beta1 = 0.5

    def direction(self, theta, g):
        return self.beta1 * g


def test_what_moves_nothing_has_no_slider():
    told = rule_on(explore(rosenbrock, [Unused]), "Unused")
    assert [slider["name"] for slider in told["sliders"]] == ["lr", "beta1"]


@pytest.mark.parametrize("label", RULES)
def test_the_formulas_lines_name_all_that_is_kept_and_end_with_the_step(label):
    optimizer = RULES[label](rosenbrock, rosenbrock.start)
    lines = lines_of(optimizer, optimizer.state)
    shown = {name for line in lines for name in MARK.findall(line["to"])}
    shown |= {line["name"] for line in lines}
    vectors = [name for name in optimizer.state if name != "mu_product"]
    assert set(vectors) <= shown
    assert lines[-1]["set"] == "θ"
    is_ready_made = RULES[label].update is not Optimizer.update and label != "Muon"
    assert {"theta", "eta"} <= set(MARK.findall(lines[-1]["to"])) or is_ready_made
    assert not any("self." in line["to"] or "np." in line["to"] for line in lines)


def test_around_a_rule_the_inner_step_is_spelled_out():
    steps = {label: lines_of(RULES[label](rosenbrock, rosenbrock.start)) for label in RULES}
    assert "fast = ⟨theta⟩ − ⟨eta⟩ · ⟨d'⟩" in _told(steps["Lookahead"])
    assert "after = ⟨theta⟩ − ⟨eta⟩ · ⟨d'⟩" in _told(steps["Averaged"])
    assert "step = ⟨eta⟩ · ⟨d'⟩" in _told(steps["Cautious"])
    assert "θ = (1 − ⟨beta1⟩) · ⟨z'⟩ + ⟨beta1⟩ · ⟨x'⟩" in _told(steps["ScheduleFreeSGD"])


def _told(lines):
    return [f"{line['set']} = {line['to']}" for line in lines]


def test_the_lines_of_ones_own_rule_are_its_python():
    lines = lines_of(Signed(bowl, [1.0, 2.0]))
    told = [f"{line['set']} = {line['to']}" for line in lines]
    assert told == [
        "m = ⟨beta⟩ · ⟨m⟩ + (1 − ⟨beta⟩) · ⟨g⟩",
        "d = sign(⟨m'⟩)",
        "θ = ⟨theta⟩ − ⟨eta⟩ · ⟨d'⟩",
    ]


def test_a_rule_without_source_has_no_lines_but_runs():
    made = {}
    exec("def direction(self, theta, g):\n    return 2 * g", made)
    doubled = type("Doubled", (Optimizer,), {"direction": made["direction"]})
    told = rule_on(explore(rosenbrock, [doubled]), "Doubled")
    assert [line["set"] for line in told["lines"]] == ["θ"]


# --------------------------------------------------------------------------------------- the file


class Reader(HTMLParser):
    """What an HTML file loads, and the ids in it."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.loaded, self.documents, self.alts = [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id"]
        self.loaded += [value for name, value in attrs if name in ("src", "href", "data", "action")]
        self.documents += [value for name, value in attrs if name == "srcdoc"]
        self.alts += [value for name, value in attrs if name == "alt"]


def test_a_saved_page_is_one_small_file_that_loads_nothing(tmp_path):
    page = explore(rosenbrock)
    page.save(tmp_path / "page.html")
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]
    text = (tmp_path / "page.html").read_text("utf8")
    assert len(text.encode()) < 1_000_000
    assert text == page.html
    assert OUTSIDE.search(text.replace(NAMESPACE, "")) is None
    assert all(address.startswith("data:") for address in Reader(text).loaded)
    assert "modulepreload" not in text
    assert text.startswith("<!DOCTYPE html>")


def test_the_same_page_has_the_same_bytes_every_time(tmp_path):
    for name in ("one", "other"):
        explore(noisy(rosenbrock, 0.5, seed=1), [SGD, Lookahead]).save(str(tmp_path / name))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_a_notebook_is_given_a_frame_of_its_own_with_a_still_behind_it():
    page = explore(rosenbrock, [SGD, Adam], steps=30, height=333)
    bundle = page._repr_mimebundle_(include=None, exclude=None)
    assert json.loads(json.dumps(bundle)) == bundle
    assert list(bundle) == ["text/html", "text/plain"]
    assert bundle["text/plain"] == "<page: Rosenbrock with SGD, Adam>"
    read = Reader(bundle["text/html"])
    (address,) = (a for a in read.loaded if a.startswith("data:image/png;base64,"))
    picture = base64.b64decode(address.partition(",")[2])
    assert picture == page.still
    assert picture.startswith(FIRST_BYTES_OF_PNG)
    assert len(picture) < 50_000
    assert read.tags.count("iframe") == read.tags.count("img") == 1
    assert "script" not in read.tags  # all that runs is inside the frame
    assert all(address.startswith("data:image/png;base64,") for address in read.loaded)
    assert "height:333px" in bundle["text/html"]
    assert 'alt="Rosenbrock: the path of SGD, Adam over 30 steps on contour' in bundle["text/html"]


def test_a_still_keeps_the_colours_of_its_rules():
    page = pictures.turned_valley()
    pixels = numpy.asarray(Image.open(io.BytesIO(page.still)).convert("RGB")).reshape(-1, 3)
    for label, look in looks({label: label for label in page.chosen}).items():
        color = numpy.array([255 * part for part in to_rgb(look.color)]).round()
        assert (abs(pixels - color) <= 2).all(axis=1).sum() > 100, label


def test_a_picture_is_a_small_part_of_a_notebook_and_says_what_is_in_its_still():
    page = pictures.parabola()
    read = Reader(page._repr_mimebundle_()["text/html"])
    assert len(json.dumps(page._repr_mimebundle_(), ensure_ascii=False).encode()) < 160_000
    assert read.documents == [page.html], "two signs are escaped, and read as they were written"
    assert read.alts == [page.alt]
    assert "A ball steps down a parabola" in page.alt


def test_two_pages_in_one_notebook_share_no_ids():
    pages = (explore(rosenbrock, [SGD]), explore(himmelblau, [Adam]))
    html = "".join(page._repr_mimebundle_()["text/html"] for page in pages)
    ids = Reader(html).ids
    assert len(ids) == len(set(ids))


EVIL = ['"quoted"', "it's", "</script><b>", "<!--", "{braces}", "{0}", "Ω → 日本", "\\", "&amp;"]


@pytest.mark.parametrize("name", EVIL)
def test_strange_names_do_no_harm(name):
    def loss(w):
        return np.sum(w**2)

    loss.__name__ = name
    page = explore(loss, {name: SGD, name * 2: Adam}, start=[1.0, 2.0])
    read = Reader(page.html)
    assert read.tags.count("script") == 1
    assert "b" not in read.tags
    told = page.html[page.html.rindex("optimizersPage.mount") :]
    assert told.count("</script") == 1
    # in the script it is a string: as JSON has it, but for the sign that could end the script
    assert json.dumps(name, ensure_ascii=False).replace("<", "\\u003c") in told
    bundle = page._repr_mimebundle_()
    read = Reader(bundle["text/html"])
    assert sorted(set(read.tags)) == ["div", "iframe", "img"]


# ------------------------------------------------------------------------------ how data is written


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (numpy.inf, "Infinity"),
        (-numpy.inf, "-Infinity"),
        (numpy.nan, "NaN"),
        (-0.0, "-0.0"),
        (5e-324, "5e-324"),
        (0.1 + 0.2, "0.30000000000000004"),
        (numpy.float64(1.5), "1.5"),
        (numpy.array([[1.0, numpy.inf]]), "[[1.0, Infinity]]"),
        (numpy.bool_(True), "true"),
        ((1, [None, False]), "[1, [null, false]]"),
        ({"a": {1: "é"}}, '{"a": {"1": "é"}}'),
        ("</script>", '"\\u003c/script>"'),
    ],
)
def test_values_are_written_as_javascript(value, text):
    assert literal(value) == text


def test_numbers_keep_every_bit():
    values = [numpy.inf, -numpy.inf, numpy.nan, -0.0, 5e-324, 0.1, 1.7976931348623157e308]
    letters = numbers(numpy.array(values))
    assert re.fullmatch(r"[A-Za-z0-9+/]+=*", letters)
    assert struct.pack("<7d", *values) == base64.b64decode(letters)
    assert numbers(numpy.array(values).reshape(7, 1)[::-1].T) == numbers(numpy.array(values[::-1]))


def test_a_page_is_a_page():
    assert isinstance(explore(rosenbrock, AdamW), Page)


# ----------------------------------------------------------------- rules that are not as they seem


class IsTrue(Optimizer):
    flag = True
    beta = 0.9
    state = ("m",)

    def direction(self, theta, g):
        self.m = self.beta * self.m + g
        return self.m if self.flag is True else g


class Counting(Optimizer):
    k = 3

    def direction(self, theta, g):
        for _ in range(self.k):
            g = 0.9 * g
        return g


class BeginsAtBeta(Optimizer):
    beta = 0.9
    state = ("m",)

    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self.m = numpy.full_like(self._theta, self.beta)

    def direction(self, theta, g):
        self.m = self.beta * self.m + g
        return self.m


@pytest.mark.parametrize(
    ("rule", "moved"),
    [
        (IsTrue, ["lr", "beta"]),
        (partial(IsTrue, flag=False), ["lr", "beta"]),
        (Counting, ["lr"]),
        (BeginsAtBeta, ["lr"]),
    ],
)
def test_what_does_not_go_pythons_way_as_a_slider_is_none(rule, moved):
    page = explore(sphere, [rule], start=[1.0, 2.0])
    assert [slider["name"] for slider in page.rules[0].data["sliders"]] == moved


def test_a_state_that_begins_at_a_hyper_parameter_begins_there():
    page = explore(sphere, [partial(BeginsAtBeta, beta=0.25)], start=[1.0, 2.0])
    assert list(page.rules[0].data["state"]["m"]) == [0.25, 0.25]


def test_a_label_that_is_a_rules_name_stays_with_the_rule_that_was_given():
    page = explore(rosenbrock, {"Adam": AdamW, "SGD": partial(Momentum, momentum=0.5)})
    rules = {rule.data["label"]: rule.data["rule"] for rule in page.rules}
    assert (rules["Adam"], rules["SGD"]) == ("AdamW", "Momentum")


def test_a_gradient_of_ones_own_is_refused(capsys):
    explore(sphere, [partial(SGD, grad=lambda w: 2 * w)], start=[1.0, 2.0], steps=5)
    assert "its gradient is the user's own" in capsys.readouterr().out


def test_a_name_that_is_none_in_javascript_is_refused(capsys):
    odd = {"</script><b>": 0.5, "direction": lambda self, theta, g: g}
    explore(sphere, [type("Odd", (Optimizer,), odd)], start=[1.0, 2.0], steps=5)
    assert "is not a name in JavaScript" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("rule", "name"),
    [(partial(Momentum, momentum=0), "momentum"), (partial(AdamW, weight_decay=1), "weight_decay")],
)
def test_a_whole_number_in_the_place_of_a_share_keeps_the_range_of_the_share(rule, name):
    sliders = explore(sphere, [rule], start=[1.0, 2.0]).rules[0].data["sliders"]
    [slider] = [slider for slider in sliders if slider["name"] == name]
    assert slider["kind"] == "grid"
    assert max(slider["values"]) <= 1


def test_inner_hyper_parameters_can_be_named_in_move():
    rule = partial(Lookahead, inner=Momentum)
    page = explore(sphere, [rule], start=[1.0, 2.0], move=["Momentum_momentum"])
    assert page.options["move"] == ["Momentum_momentum"]
