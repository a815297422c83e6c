"""Show a figure in a notebook, with words in its place for those who cannot see it."""

from __future__ import annotations

import html
from binascii import b2a_base64
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from optimizers.progress import in_notebook

DPI = 100
LARGE = 60_000  # bytes; a larger picture is kept in few colours, which makes a third of it
COLOURS = 255  # with a quarter of them, the lines of two rules would look alike


def show(drawn: Any, says: str = "", alt: str = "") -> None:
    """Display a figure, with text in its place for screen readers.

    The words stand in the page's own `<img alt="…">`: of a plain PNG, JupyterLab and nbconvert show
    no words at all. Outside a notebook nothing is displayed; the figure waits for `pyplot.show()`.

    Parameters
    ----------
    drawn
        A Figure, Axes, or an array of Axes: what the plot helpers return.
    says
        A caption below it. Outside a notebook it is printed.
    alt
        What is in the picture, for those who cannot see it. It cannot be left out.

    Raises
    ------
    TypeError
        For what is neither a figure nor axes, or without words.

    Examples
    --------
    >>> from optimizers.functions import himmelblau
    >>> from optimizers.plotting import plot_contour
    >>> show(plot_contour(himmelblau), "Four minima.", alt="Contour map with four hollows.")
    Four minima.
    """
    figure = drawn if isinstance(drawn, Figure) else _figure_of(drawn)
    if not (isinstance(alt, str) and alt):
        raise TypeError(
            "show: alt must say what is in the picture, for those who cannot see it: "
            f"show(ax, alt='…'), got {alt!r}"
        )
    if not in_notebook():
        if says:
            print(says)
        return
    from IPython.display import display
    from matplotlib import pyplot

    picture = BytesIO()
    figure.savefig(picture, format="png", dpi=DPI)
    pyplot.close(figure)
    png = picture.getvalue()
    tag = image(png if len(png) < LARGE else in_few_colours(png), alt)
    display({"text/html": tag, "text/plain": alt}, raw=True)
    if says:
        display({"text/markdown": f"*{says}*", "text/plain": says}, raw=True)


def image(picture: bytes, alt: str, style: str = "") -> str:
    """A PNG or GIF as HTML, with the words that stand in its place; no wider than the page.

    Examples
    --------
    >>> image(b"GIF89a", "A ball & a hill")[:59]
    '<img alt="A ball &amp; a hill" style="max-width:100%" src="'
    """
    kind = "gif" if picture.startswith(b"GIF") else "png"
    letters = b2a_base64(picture, newline=False).decode("ascii")
    words = html.escape(alt)
    source = f"data:image/{kind};base64,{letters}"
    return f'<img alt="{words}" style="max-width:100%{style}" src="{source}">'


def in_few_colours(png: bytes) -> bytes:
    """A PNG with a palette, a third of the size; it looks the same."""
    from PIL import Image

    reduced = BytesIO()
    few = Image.open(BytesIO(png)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(reduced, format="PNG", optimize=True)
    return reduced.getvalue()


def _figure_of(drawn: Any) -> Figure:
    first = np.ravel(drawn)[0]
    if not hasattr(first, "get_figure"):
        raise TypeError(f"show: drawn must be a figure or axes, got {drawn!r}")
    return first.get_figure(root=True)
