"""What a notebook gets to see: the picture, its alternative text, its caption."""

import importlib
from base64 import b64decode
from io import BytesIO

import IPython.display
import matplotlib
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


def test_a_notebook_gets_picture_alternative_text_and_caption(shown):
    figure, axes = plt.subplots(1, 2, figsize=(6, 3))
    show(axes, "What to see.", alt="Two empty panels.")
    (picture, about), (caption, _) = shown
    assert Image.open(BytesIO(b64decode(picture["image/png"]))).size == (600, 300)
    assert about["image/png"] == {"alt": "Two empty panels.", "width": 600, "height": 300}
    assert picture["text/plain"] == "Two empty panels."
    assert caption["text/markdown"] == "*What to see.*"
    assert not plt.fignum_exists(figure.number)


def test_a_large_picture_is_made_smaller_and_looks_the_same(shown):
    _, ax = plt.subplots(figsize=(6, 4))
    ax.imshow(np.random.default_rng(0).random((400, 600)), cmap="viridis")
    before = BytesIO()
    ax.figure.savefig(before, format="png", dpi=MODULE.DPI)
    show(ax, "Noise.", alt="Noise.")
    after = b64decode(shown[0][0]["image/png"])
    assert len(before.getvalue()) > MODULE.LARGE > 0
    assert len(after) < 0.6 * len(before.getvalue())
    ours, theirs = (Image.open(f).convert("RGB") for f in (BytesIO(after), before))
    off = np.abs(np.asarray(ours, int) - np.asarray(theirs, int))
    assert off.mean() < 2


def test_elsewhere_the_caption_is_printed(capsys):
    show(plt.subplots()[1], "What to see.", alt="An empty panel.")
    assert capsys.readouterr().out == "What to see.\n"


def test_what_is_no_figure_is_refused():
    with pytest.raises(TypeError, match="drawn must be a figure or axes"):
        show("figure.png", "What to see.", alt="Nothing.")
