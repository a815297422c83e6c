"""Figures that are laid out until nothing moves any more."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from optimizers.plotting.style import INK, number

PASSES = 8


class SettledLayout(ConstrainedLayoutEngine):
    """Constrained layout, repeated: one pass is not enough for maps whose axes have equal units.

    Where the room is too narrow for such a map, making room for its labels shrinks it, which moves
    the labels; matplotlib stops after two rounds and cuts them.
    """

    def execute(self, fig: Figure) -> None:
        """Lay out until the axes stay where they are."""
        before = _places(fig)
        for _ in range(PASSES):
            super().execute(fig)
            after = _places(fig)
            if np.allclose(before, after, rtol=0, atol=1e-4):
                return
            before = after


def _places(fig: Figure) -> np.ndarray:
    return np.array([ax.get_position(original=True).bounds for ax in fig.axes])


def new_figure(
    figsize: tuple[float, float], rows: int = 1, columns: int = 1, **keywords: Any
) -> list[Axes]:
    """The Axes of a new figure."""
    axes = plt.subplots(
        rows, columns, figsize=figsize, layout=SettledLayout(), squeeze=False, **keywords
    )[1]
    return list(axes.flat)


def axes_for(ax: Any, caller: str, figsize: tuple[float, float]) -> tuple[Axes, bool]:
    """The caller's plain Axes, or one in a new figure; and whether the figure is ours."""
    if ax is None:
        return new_figure(figsize)[0], True
    if not isinstance(ax, Axes):
        raise TypeError(f"{caller}: ax must be a matplotlib Axes or None, got {ax!r}")
    if ax.name == "3d":
        raise ValueError(f"{caller} draws in the plane, got 3-D axes; plot_surface takes those")
    return ax, False


def panels_for(
    axes: Any, caller: str, shape: tuple[int, int], figsize: tuple[float, float], **keywords: Any
) -> tuple[list[Axes], bool]:
    """The caller's Axes, as many as there are panels, or those of a new figure."""
    if axes is None:
        return new_figure(figsize, *shape, **keywords), True
    given = list(getattr(axes, "flat", axes if isinstance(axes, (list, tuple)) else [axes]))
    count = shape[0] * shape[1]
    if len(given) != count:
        raise ValueError(f"{caller} needs {count} axes, got {len(given)}")
    return [axes_for(ax, caller, figsize)[0] for ax in given], False


def map_size(frame: np.ndarray, width: float) -> tuple[float, float]:
    """A figure size in which a map of this frame leaves little blank."""
    across, up = np.ptp(frame, axis=1)
    return width, 0.66 * width * float(np.clip(up / across, 0.55, 1.0)) + 0.75


def equal_units(ax: Axes, frame: np.ndarray) -> None:
    """Let both coordinates have the same unit, unless one of them has a far longer range."""
    across, up = np.ptp(frame, axis=1)
    if 1 / 2.5 <= across / up <= 2.5:
        ax.set_aspect("equal", anchor="N")


def color_bar(
    ax: Axes, drawn: Any, label: str, levels: np.ndarray | None = None, extend: str = "neither"
) -> None:
    """A bar as tall as the map; of levels, powers of ten or every third are written.

    `extend` says where values lie beyond the last colour: "max" puts an arrowhead there.
    """
    bar = ax.get_figure(root=True).colorbar(  # type: ignore[union-attr]
        drawn, cax=ax.inset_axes((1.03, 0, 0.045, 1)), extend=extend
    )
    log = isinstance(drawn.norm, LogNorm)
    if levels is not None:
        if log:
            powers = np.log10(levels)
            whole = np.isclose(powers, powers.round())
            chosen = levels[whole]
            names = [f"$10^{{{power:.0f}}}$" for power in powers[whole]]
        else:
            chosen = levels[::3]
            names = [number(float(level)) for level in chosen]
        bar.set_ticks(chosen.tolist(), labels=names)
        bar.minorticks_off()
    bar.set_label(label + (" (log)" if log else ""), fontsize=12, color=INK)
    bar.ax.tick_params(labelsize=11)
