"""Names of curves: at their ends while they are few, else in a legend outside the axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Bbox, IdentityTransform, ScaledTranslation

from optimizers.plotting.style import INK, LABELLED, SOFT, WIDTH, Look, panel_size
from optimizers.plotting.words import BOLD, distinct, lettered, room, wrapped

GAP = 10.0  # points between the axes and the labels
SIZE = 11.0  # of the letters, in points
LEADING = 1.4  # sizes from a line to the next
SHARE = 0.34  # of the width of a panel that labels at the ends may take
MOST_LINES = 3  # of a label at an end
HANDLE = 7  # letters that the line beside a name takes in a legend


@dataclass
class Entry:
    """A label, its look, and the point (data coordinates) where its curve ends.

    In a legend the highest `rank` comes first. `tied`: whether a thin line joins label and curve.
    """

    text: str
    look: Look
    end: tuple[float, float]
    rank: float
    tied: bool = True


class EndLabels(Artist):
    """Labels to the right of the axes, at the height of the curves' ends, pushed apart.

    They are placed whenever the figure is drawn, so they fit at every size; layout engines leave
    room for them, because they tell their extent like any other artist.
    """

    def __init__(self, ax: Axes, entries: Sequence[Entry]) -> None:
        super().__init__()
        self.entries = list(entries)
        names = distinct([entry.text for entry in entries], _letters(ax), MOST_LINES)
        self.texts = [
            Text(0, 0, name, color=e.look.color, fontsize=SIZE, fontweight="bold", va="center")
            for name, e in zip(names, self.entries, strict=True)
        ]
        lettered(*self.texts)
        self.ties = [
            Line2D([], [], color=SOFT, linewidth=0.9, linestyle=(0, (1, 2))) for e in self.entries
        ]
        ax.add_artist(self)
        self.set_clip_on(False)
        self.set_zorder(4.3)  # above the curves, below their marks
        for part in (*self.texts, *self.ties):
            part.set_figure(ax.figure)
            part.set_transform(IdentityTransform())
        self._pixel = 0.0
        self._heights = np.empty(0)

    def move(self, ends: Sequence[tuple[float, float]]) -> None:
        """Say where the curves end now."""
        for entry, end in zip(self.entries, ends, strict=True):
            entry.end = end
        self.stale = True

    def _place(self, renderer: Any) -> None:
        assert self.axes is not None
        frame = self.axes.bbox
        pixel = renderer.points_to_pixels(1.0)
        left = frame.x1 + GAP * pixel
        ends = self.axes.transData.transform([entry.end for entry in self.entries])
        if pixel != self._pixel:  # at one resolution the letters keep their size
            heights = [text.get_window_extent(renderer).height for text in self.texts]
            self._pixel, self._heights = pixel, np.array(heights) + 2 * pixel
        wanted = np.clip(ends[:, 1], frame.y0, frame.y1)
        for i, y in enumerate(_apart(wanted, self._heights, frame.y0, frame.y1)):
            self.texts[i].set_position((left, y))
            tied = self.entries[i].tied
            x = [min(ends[i, 0], frame.x1), left - 2 * pixel] if tied else []
            self.ties[i].set_data(x, [wanted[i], y] if tied else [])

    def get_window_extent(self, renderer: RendererBase | None = None) -> Bbox:
        """The box around all labels, in pixels."""
        renderer = self._renderer(renderer)
        self._place(renderer)
        return Bbox.union([text.get_window_extent(renderer) for text in self.texts])

    def get_tightbbox(self, renderer: RendererBase | None = None) -> Bbox:
        """The same: the labels are never clipped."""
        return self.get_window_extent(renderer)

    def _renderer(self, renderer: RendererBase | None) -> Any:
        if renderer is not None:
            return renderer
        figure: Any = self.get_figure(root=True)
        return figure.canvas.get_renderer()

    def draw(self, renderer: RendererBase) -> None:
        """Place the labels for the size that the figure has now, and draw them."""
        if self.get_visible():
            self._place(renderer)
            for part in (*self.ties, *self.texts):
                part.draw(renderer)
        self.stale = False


def _apart(wanted: np.ndarray, heights: np.ndarray, low: float, high: float) -> np.ndarray:
    """Heights as near to the wanted ones as can be without two labels touching.

    Neighbours that collide become a block around the middle of their wishes, which may collide in
    turn; blocks stay between `low` and `high` while there is room.
    """
    order = np.argsort(wanted, kind="stable")
    blocks: list[list[int]] = []

    def span(block: list[int]) -> tuple[float, float]:
        size = heights[block].sum()
        bottom = wanted[block].mean() - size / 2
        bottom = max(min(bottom, high - size), low)
        return bottom, bottom + size

    for i in order:
        blocks.append([int(i)])
        while len(blocks) > 1 and span(blocks[-2])[1] > span(blocks[-1])[0]:
            last = blocks.pop()
            blocks[-1] += last
    placed = np.empty(len(wanted))
    for block in blocks:
        bottom = span(block)[0]
        tops = bottom + np.cumsum(heights[block])
        placed[block] = tops - heights[block] / 2
    return placed


def fit_at_ends(ax: Axes, texts: Sequence[str]) -> bool:
    """Whether names are few and short enough to stand at the ends of the curves."""
    lines = [wrapped(text, _letters(ax)).count("\n") + 1 for text in texts]
    tall = int(0.7 * panel_size(ax)[1] * 72 / (SIZE * LEADING))
    return len(texts) <= LABELLED and max(lines) <= MOST_LINES and sum(lines) <= tall


def _letters(ax: Axes) -> int:
    """How many letters of a label there is room for beside the axes."""
    return max(room(SHARE * panel_size(ax)[0], SIZE, letter=BOLD), 8)


def label_ends(ax: Axes, entries: Sequence[Entry]) -> EndLabels | None:
    """Name the curves of `ax`: at their ends if there is room, else in a legend as they end.

    Returns
    -------
    EndLabels or None
        The labels, if that is what was drawn.
    """
    if fit_at_ends(ax, [entry.text for entry in entries]):
        return EndLabels(ax, entries)
    entries = sorted(entries, key=lambda entry: -entry.rank)
    width, height = panel_size(ax)
    if width >= 7 and all(len(entry.text) <= _letters(ax) for entry in entries):
        legend = ax.legend(
            handles=handles_for(entries), loc="upper left", bbox_to_anchor=(1.01, 1.01), **LEGEND
        )
    else:  # below the axes, under the name of the x axis
        figure: Any = ax.get_figure(root=True)
        under = ax.transAxes + ScaledTranslation(0, -48 / 72, figure.dpi_scale_trans)
        legend = ax.legend(
            **columns_of(entries, 0.8 * width, 0.4 * height),
            loc="upper left",
            bbox_to_anchor=(0, 0),
            bbox_transform=under,
            **LEGEND,
        )
    lettered(*legend.get_texts())
    return None


LEGEND: dict[str, Any] = {
    "frameon": False,
    "fontsize": SIZE,
    "labelcolor": INK,
    "handlelength": 3.0,
    "borderaxespad": 0.2,
}


def columns_of(entries: Sequence[Entry], width: float, height: float) -> dict[str, Any]:
    """The handles of a legend so wide and tall, in inches, and in how many columns they stand.

    Long names are wrapped while there is room, else shortened.
    """
    rows = max(int(height * 72 / (SIZE * LEADING)), 1)
    letters, longest = room(width, SIZE), max(len(entry.text) for entry in entries)
    fit = min(letters // (longest + HANDLE), 3)
    count = max(fit, -(-len(entries) // rows), 1)
    lines = max(rows // -(-len(entries) // count), 1)
    wide = max(letters // count - HANDLE, 6)
    names = distinct([entry.text for entry in entries], wide, min(lines, MOST_LINES))
    return {"handles": handles_for(entries, names), "ncols": count}


def handles_for(entries: Sequence[Entry], names: Sequence[str] | None = None) -> list[Line2D]:
    """What a legend shows for each entry."""
    return [
        Line2D([], [], color=e.look.color, linestyle=e.look.line, linewidth=WIDTH + 0.5, label=name)
        for e, name in zip(entries, names or [e.text for e in entries], strict=True)
    ]
