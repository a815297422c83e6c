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

from optimizers.plotting.style import INK, LABELLED, SOFT, WIDTH, Look, panel_width

GAP = 10.0  # points between the axes and the labels
SIZE = 11.0  # of the letters, in points


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
        self.texts = [
            Text(0, 0, e.text, color=e.look.color, fontsize=SIZE, fontweight="bold", va="center")
            for e in self.entries
        ]
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


def label_ends(ax: Axes, entries: Sequence[Entry]) -> EndLabels | None:
    """Name the curves of `ax`: at their ends up to six, else in a legend ordered as they end.

    Returns
    -------
    EndLabels or None
        The labels, if that is what was drawn.
    """
    if len(entries) <= LABELLED:
        return EndLabels(ax, entries)
    handles = handles_for(sorted(entries, key=lambda entry: -entry.rank))
    if panel_width(ax) >= 7:
        ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.01), **LEGEND)
    else:  # below the axes, under the name of the x axis
        figure: Any = ax.get_figure(root=True)
        under = ax.transAxes + ScaledTranslation(0, -48 / 72, figure.dpi_scale_trans)
        wide = max(len(entry.text) for entry in entries) > 20
        ax.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=(0, 0),
            bbox_transform=under,
            ncols=2 if wide else 3,
            **LEGEND,
        )
    return None


LEGEND: dict[str, Any] = {
    "frameon": False,
    "fontsize": SIZE,
    "labelcolor": INK,
    "handlelength": 2.2,
    "borderaxespad": 0.2,
}


def handles_for(entries: Sequence[Entry]) -> list[Line2D]:
    """What a legend shows for each entry."""
    return [
        Line2D(
            [], [], color=e.look.color, linestyle=e.look.line, linewidth=WIDTH + 0.5, label=e.text
        )
        for e in entries
    ]
