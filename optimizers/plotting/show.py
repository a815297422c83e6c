"""Show a figure in a notebook, with what to see in it, also for those who cannot see it."""

from __future__ import annotations

from binascii import b2a_base64
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from optimizers.progress import in_notebook

DPI = 100
LARGE = 150_000  # bytes; a larger picture is kept in 255 colours, which makes a third of it


def show(drawn: Any, says: str, alt: str) -> None:
    """Display a figure, a caption below it, and text in its place for screen readers.

    Outside a notebook the caption is printed; the figure waits for `pyplot.show()`.

    Parameters
    ----------
    drawn
        A Figure, Axes, or an array of Axes: what the plot helpers return.
    says
        What to see in the picture, a sentence or two.
    alt
        What is in the picture, for those who cannot see it.

    Raises
    ------
    TypeError
        For what is neither a figure nor axes.

    Examples
    --------
    >>> from optimizers.functions import himmelblau
    >>> from optimizers.plotting import plot_contour
    >>> show(plot_contour(himmelblau), "Four minima.", "Contour map with four hollows.")
    Four minima.
    """
    figure = drawn if isinstance(drawn, Figure) else _figure_of(drawn)
    if not in_notebook():
        print(says)
        return
    from IPython.display import display
    from matplotlib import pyplot

    picture = BytesIO()
    figure.savefig(picture, format="png", dpi=DPI)
    pyplot.close(figure)
    width, height = (int(inches * DPI) for inches in figure.get_size_inches())
    about = {"image/png": {"alt": alt, "width": width, "height": height}}
    letters = b2a_base64(_smaller(picture)).decode("ascii")  # a browser's kernel takes no bytes
    display({"image/png": letters, "text/plain": alt}, raw=True, metadata=about)
    display({"text/markdown": f"*{says}*", "text/plain": says}, raw=True)


def _figure_of(drawn: Any) -> Figure:
    first = np.ravel(drawn)[0]
    if not hasattr(first, "get_figure"):
        raise TypeError(f"show: drawn must be a figure or axes, got {drawn!r}")
    return first.get_figure(root=True)


def _smaller(picture: BytesIO) -> bytes:
    if picture.tell() < LARGE:
        return picture.getvalue()
    from PIL import Image

    reduced = BytesIO()
    few = Image.open(picture).convert("RGB").quantize(255, dither=Image.Dither.NONE)
    few.save(reduced, format="PNG", optimize=True)
    return reduced.getvalue()
