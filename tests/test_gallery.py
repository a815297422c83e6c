"""The pictures: drawn by the code as it is, the same each time, small enough to be looked at."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from optimizers.gallery import GALLERY, write_picture

FIGURES = Path(__file__).parent.parent / "figures"
QUICK = ("family", "inner-state", "learning-rates")


def pixels(file):
    return np.asarray(Image.open(file).convert("RGB"), dtype=float)


@pytest.mark.parametrize("name", QUICK)
def test_a_picture_is_the_same_each_time_and_the_one_in_the_repository(name, tmp_path):
    (tmp_path / "again").mkdir()
    first, again = write_picture(name, tmp_path), write_picture(name, tmp_path / "again")
    assert first.read_bytes() == again.read_bytes()
    drawn, committed = pixels(first), pixels(FIGURES / first.name)
    assert drawn.shape == committed.shape
    # another processor may round the last bit of a coordinate, and shade a few pixels otherwise
    assert np.mean(np.abs(drawn - committed) > 8) < 0.002, "make figures draws them anew"


def test_every_picture_is_in_the_repository_and_below_a_megabyte():
    names = {file.stem for file in FIGURES.iterdir()}
    assert set(GALLERY) <= names
    large = [file.name for file in FIGURES.rglob("*") if file.stat().st_size > 1_000_000]
    assert large == []


def test_the_functions_shown_are_all_of_them():
    from optimizers.functions import FUNCTIONS

    titles = [ax.get_title() for ax in GALLERY["zoo"]().axes]
    assert [title for title in titles if title] == [f.name for f in FUNCTIONS.values()]
