"""A race to keep: saved and loaded, as a table, as a page."""

import csv
import re
from functools import partial
from html.parser import HTMLParser

import autograd.numpy as np
import matplotlib.pyplot as plt
import numpy
import pytest

from optimizers import SGD, Adam, Training, compare
from optimizers.datasets import two_moons
from optimizers.experiments import Comparison
from optimizers.functions import beale, describe, noisy, quadratic, rosenbrock, shifted
from optimizers.models import mlp
from optimizers.problem import as_problem

QUIET = {"progress": False}


def loss(w):
    return (w["a"][0] - 1) ** 2 + 3 * (w["b"] - np.sin(w["a"][0])) ** 2


def moons():
    return Training(mlp([2, 8, 2]), two_moons(), batch_size=50)


RACES = {
    "many starts": lambda: compare([SGD, Adam], beale, steps=30, hypothesis="Adam <wins>", **QUIET),
    "one start": lambda: compare([SGD, Adam], beale, steps=30, seeds=None, **QUIET),
    "trials": lambda: compare([SGD, partial(Adam, beta1=0.5)], beale, steps=20, trials=12, **QUIET),
    "noise": lambda: compare([SGD], noisy(beale, 0.1), steps=10, seeds=3, lr=[0.01, 0.1], **QUIET),
    "given": lambda: compare([SGD, Adam], beale, steps=20, lr=0.01, target=5.0, **QUIET),
    "a loss of one's own": lambda: compare(
        {"calm": SGD, "Adam": Adam}, loss, start={"a": [0.0], "b": 2.0}, steps=20, **QUIET
    ),
    "training": lambda: compare(
        [SGD, Adam], moons(), steps=20, seeds=2, lr=[0.01, 0.1], target={"accuracy": 0.8}, **QUIET
    ),
    "diverging": lambda: compare([SGD], beale, steps=20, lr=[5.0, 10.0], seeds=3, **QUIET),
}


@pytest.mark.parametrize("name", RACES)
def test_what_is_loaded_is_what_was_saved(name, tmp_path):
    race = RACES[name]()
    race.save(tmp_path / "kept.race")
    again = Comparison.load(tmp_path / "kept.race")
    assert repr(again) == repr(race)
    assert again._repr_html_() == race._repr_html_()
    assert again.made == race.made
    for label in race:
        assert numpy.array_equal(again[label].theta, race[label].theta, equal_nan=True)
        assert numpy.array_equal(again.losses[label], race.losses[label], equal_nan=True)
        assert again[label].hyper_parameters == race[label].hyper_parameters
    if race.tunings:
        assert again.expected_best(1) == race.expected_best(1)


def test_a_race_on_the_library_s_function_is_drawn_after_loading(tmp_path):
    race = RACES["many starts"]()
    race.save(tmp_path / "kept.race")
    again = Comparison.load(tmp_path / "kept.race")
    assert again.plot()[1].get_title(loc="left") == race.plot()[1].get_title(loc="left")
    plt.close("all")


def test_a_loss_of_one_s_own_is_given_again_for_the_map(tmp_path):
    RACES["a loss of one's own"]().save(tmp_path / "kept.race")
    without = Comparison.load(tmp_path / "kept.race")
    assert len(without.plot()) == 2
    without.report(tmp_path / "race.html")
    with pytest.raises(LookupError, match=r"was not saved .*Comparison.load\(file, function\)"):
        without.animate()
    assert len(Comparison.load(tmp_path / "kept.race", loss).plot()) == 3
    RACES["many starts"]().save(tmp_path / "kept.race")
    with pytest.raises(
        ValueError, match="must be the one that was raced on, Beale; got Rosenbrock"
    ):
        Comparison.load(tmp_path / "kept.race", rosenbrock)
    plt.close("all")


def test_a_function_with_numbers_of_its_own_is_not_taken_for_the_library_s(tmp_path):
    narrow = quadratic(condition=1000, rotation=30)
    compare([SGD], narrow, steps=5, lr=1e-3, **QUIET).save(tmp_path / "kept.race")
    with pytest.raises(LookupError, match="was not saved"):
        Comparison.load(tmp_path / "kept.race").problem.values([3.0, 4.0])
    again = Comparison.load(tmp_path / "kept.race", narrow)
    assert again.problem.values([3.0, 4.0]) == narrow([3.0, 4.0])


def test_that_a_minimum_was_refuted_is_kept(tmp_path):
    wrong = describe("Wrong", minima=[[0.0, 0.0]], start=[2.0, 1.0])(
        lambda x: np.sum((x - 1) ** 2, axis=-1)
    )
    race = compare([SGD], wrong, steps=50, lr=0.1, **QUIET)
    race.save(tmp_path / "kept.race")
    assert "that is not the minimum" in " ".join(race.notes())
    assert "that is not the minimum" in " ".join(Comparison.load(tmp_path / "kept.race").notes())


def test_what_is_no_race_is_called_so(tmp_path):
    (tmp_path / "text").write_text("no race")
    with pytest.raises(ValueError, match="is damaged or not a race"):
        Comparison.load(tmp_path / "text")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        Comparison.load(tmp_path / "nothing")
    RACES["given"]().save(tmp_path / "kept.race")
    whole = (tmp_path / "kept.race").read_bytes()
    (tmp_path / "half").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="is damaged or not a race"):
        Comparison.load(tmp_path / "half")


def test_a_table_holds_the_numbers_in_full(tmp_path):
    race = RACES["many starts"]()
    race.to_csv(tmp_path / "race.csv")
    with open(tmp_path / "race.csv", encoding="utf8", newline="") as file:
        lines = list(csv.DictReader(file))
    for line, row in zip(lines, race.rows(), strict=True):
        assert line["rule"] == row["rule"]
        assert float(line["final_loss"]) == row["final_loss"]
        assert (float(line["lower_quartile"]), float(line["upper_quartile"])) == row["quartiles"]
        assert (int(line["place"]), int(line["worst_place"])) == row["place"]


class Page(HTMLParser):
    """What a page asks for from elsewhere, and what it says."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.pictures, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in ("src", "href", "srcset", "data", "action") and value:
                self.addresses.append(value)
        if tag == "img":
            self.pictures.append(dict(attrs)["alt"])

    def handle_data(self, data):
        self.words.append(data)


@pytest.mark.parametrize("name", RACES)
def test_a_report_is_one_file_that_asks_for_nothing_and_says_all(name, tmp_path):
    race = RACES[name]()
    race.report(tmp_path / "race.html")
    text = (tmp_path / "race.html").read_text("utf8")
    page = Page(text)
    assert all(address.startswith("data:image/png;base64,") for address in page.addresses)
    assert "http" not in re.sub(r"data:image/png;base64,[^\"]*", "", text)
    assert "@import" not in text
    assert "url(" not in text
    assert page.pictures
    assert all(page.pictures)
    words = " ".join(page.words)
    for part in (race.finding(), race.made["call"], race.made["numpy"], *race.notes()):
        assert part in words
    for row in race.rows():
        assert row["rule"] in words
    assert ("Expected beforehand" in words) == (race.hypothesis is not None)
    if race.hypothesis:
        assert race.hypothesis in words
        assert "<wins>" not in text
    assert (tmp_path / "race.html").stat().st_size < 1_000_000
    assert not plt.get_fignums()


def test_the_call_that_is_kept_makes_the_race_again():
    race = RACES["trials"]()
    assert repr(eval(race.made["call"], globals())) == repr(race)
    for function, options in (
        (quadratic(condition=30, rotation=20), {}),
        (noisy(shifted(beale, [0.5, 0.0]), 0.1, seed=2), {}),
        (rosenbrock.in_dimension(3), {}),
        (as_problem(beale, [-1.0, 2.0]), {}),
        (beale, {"start": [-1.0, 2.0]}),
    ):
        race = compare([SGD], function, steps=5, lr=[0.001, 0.01], seeds=3, **options, **QUIET)
        assert repr(eval(race.made["call"], globals())) == repr(race), race.made["call"]
    lr = numpy.geomspace(1e-3, 1, 5)
    race = compare({"a": SGD, "b": Adam}, beale, steps=10, lr=lr, seeds=range(4), **QUIET)
    assert "{'a': SGD, 'b': Adam}" in race.made["call"]
    assert repr(eval(race.made["call"], globals())) == repr(race)
