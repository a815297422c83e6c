"""What a notebook gets to see: the picture, the words in its place, its caption."""

import importlib
import json
from base64 import b64decode
from html.parser import HTMLParser
from io import BytesIO

import IPython.display
import matplotlib
import nbformat
import numpy as np
import pytest
from PIL import Image

matplotlib.use("Agg")

import matplotlib.pyplot as plt

from optimizers.plotting import show

MODULE = importlib.import_module("optimizers.plotting.show")


@pytest.fixture
def shown(monkeypatch):
    """What is displayed in a notebook: pairs of data and metadata."""
    seen = []
    keep = lambda data, raw, metadata=None: seen.append((data, metadata))  # noqa: E731
    monkeypatch.setattr(MODULE, "in_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", keep)
    return seen


class Pictures(HTMLParser):
    """What the <img>s of a page say and show."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            told = dict(attrs)
            self.found.append((told["alt"], b64decode(told["src"].partition(";base64,")[2])))


def the_only_picture(data):
    (found,) = Pictures(data["text/html"]).found
    return found


def test_a_notebook_gets_the_picture_with_words_in_its_own_tag(shown):
    figure, axes = plt.subplots(1, 2, figsize=(6, 3))
    show(axes, alt='Two "empty" panels, x < 1 & y > 2.')
    ((data, _),) = shown
    words, picture = the_only_picture(data)
    assert words == data["text/plain"] == 'Two "empty" panels, x < 1 & y > 2.'
    assert Image.open(BytesIO(picture)).size == (600, 300)
    assert json.loads(json.dumps(data)) == data
    assert not plt.fignum_exists(figure.number)


def test_a_caption_stands_below_the_picture(shown):
    show(plt.subplots()[1], "What to see.", alt="An empty panel.")
    assert [data["text/plain"] for data, _ in shown] == ["An empty panel.", "What to see."]
    assert shown[1][0]["text/markdown"] == "*What to see.*"


def test_the_words_reach_the_page_that_nbconvert_makes(shown):
    exporters = pytest.importorskip("nbconvert.exporters")
    show(plt.subplots()[1], alt="An empty panel.")
    cell = nbformat.v4.new_code_cell("show(ax)", execution_count=1)
    cell.outputs = [nbformat.v4.new_output("display_data", data) for data, _ in shown]
    html, _ = exporters.HTMLExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    (picture,) = Pictures(html).found
    assert picture == the_only_picture(shown[0][0])


def test_a_large_picture_is_made_smaller_and_looks_the_same(shown):
    _, ax = plt.subplots(figsize=(6, 4))
    ax.imshow(np.random.default_rng(0).random((400, 600)), cmap="viridis")
    before = BytesIO()
    ax.figure.savefig(before, format="png", dpi=MODULE.DPI)
    show(ax, alt="Noise.")
    _, after = the_only_picture(shown[0][0])
    assert len(before.getvalue()) > MODULE.LARGE > 0
    assert len(after) < 0.6 * len(before.getvalue())
    ours, theirs = (Image.open(f).convert("RGB") for f in (BytesIO(after), before))
    off = np.abs(np.asarray(ours, int) - np.asarray(theirs, int))
    assert off.mean() < 2


def test_elsewhere_the_caption_is_printed(capsys):
    show(plt.subplots()[1], "What to see.", alt="An empty panel.")
    assert capsys.readouterr().out == "What to see.\n"
    show(plt.subplots()[1], alt="An empty panel.")
    assert capsys.readouterr().out == ""


def test_what_is_no_figure_is_refused():
    with pytest.raises(TypeError, match="drawn must be a figure or axes"):
        show("figure.png", "What to see.", alt="Nothing.")


def test_without_words_no_picture_is_shown():
    for words in ({}, {"alt": ""}, {"alt": None}):
        with pytest.raises(TypeError, match="alt must say what is in the picture"):
            show(plt.subplots()[1], "What to see.", **words)
