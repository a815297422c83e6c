"""Figures that are laid out until nothing moves any more."""

from __future__ import annotations

from typing import Any
from weakref import ref

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.registry import BackendFilter, backend_registry
from matplotlib.colors import LogNorm, SymLogNorm
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from optimizers.plotting.scale import FewTicks, Scale, power
from optimizers.plotting.style import INK, SOFT, number, on_paper

PASSES = 8
POWERS = 14  # of ten, on a colour bar
KEPT = 20  # of our figures, pyplot holds so many where it shows none
NOTHING_SHOWN = frozenset(backend_registry.list_builtin(BackendFilter.NON_INTERACTIVE))
_ours: list[ref[Figure]] = []


class SettledLayout(ConstrainedLayoutEngine):
    """Constrained layout, repeated: one pass is not enough for maps whose axes have equal units.

    Where the room is too narrow for such a map, making room for its labels shrinks it, which moves
    the labels; matplotlib stops after two rounds and cuts them. Here it goes on, two rounds a
    pass, unless the second one has moved nothing.
    """

    def execute(self, fig: Figure) -> None:
        """Lay out until the axes stay where they are."""
        for _ in range(PASSES):
            witnesses = [_Witness(ax) for ax in fig.axes]
            try:
                super().execute(fig)
            finally:
                for witness in witnesses:
                    witness.remove()
            before = [witness.place for witness in witnesses]
            after = [_place(ax) for ax in fig.axes]
            if np.allclose(before, after, rtol=0, atol=1e-4):
                return


class _Witness(Artist):
    """Notes where its axes are whenever a round begins by measuring them."""

    def __init__(self, ax: Axes) -> None:
        super().__init__()
        ax.add_artist(self)
        self.set_clip_on(False)
        self.measured, self.place = ax, _place(ax)

    def get_tightbbox(self, renderer: Any = None) -> None:
        """It takes no room."""
        self.place = _place(self.measured)


def _place(ax: Axes) -> tuple[float, float, float, float]:
    return ax.get_position(original=True).bounds


def new_figure(
    figsize: tuple[float, float], rows: int = 1, columns: int = 1, **keywords: Any
) -> list[Axes]:
    """The Axes of a new figure.

    pyplot knows it, as notebooks and `plt.show()` need it. A loop over many functions is no
    mistake, so it does not warn; where nothing is shown, pyplot lets go of the oldest instead,
    which can be drawn and saved as before.
    """
    with rc_context({"figure.max_open_warning": 0}):
        figure, axes = plt.subplots(
            rows, columns, figsize=figsize, layout=SettledLayout(), squeeze=False, **keywords
        )
    for ax in axes.flat:
        on_paper(ax)
    _ours.append(ref(figure))
    if plt.get_backend().lower() in NOTHING_SHOWN:
        while len(_ours) > KEPT:
            oldest = _ours.pop(0)()
            if oldest is not None:
                plt.close(oldest)
                FigureCanvasAgg(oldest)
    return list(axes.flat)


def axes_for(ax: Any, caller: str, figsize: tuple[float, float]) -> tuple[Axes, bool]:
    """The caller's plain Axes, or one in a new figure; and whether the figure is ours."""
    if ax is None:
        return new_figure(figsize)[0], True
    if not isinstance(ax, Axes):
        raise TypeError(f"{caller}: ax must be a matplotlib Axes or None, got {ax!r}")
    if ax.name == "3d":
        raise ValueError(f"{caller} draws in the plane, got 3-D axes; plot_surface takes those")
    on_paper(ax)
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
    """A figure size in which a map of this frame, or a curve, leaves little blank."""
    if len(frame) == 1:
        return width, 0.6 * width + 0.75
    across, up = np.ptp(frame, axis=1)
    return width, 0.66 * width * float(np.clip(up / across, 0.55, 1.0)) + 0.75


def equal_units(ax: Axes, frame: np.ndarray) -> None:
    """Let both coordinates have the same unit, unless one of them has a far longer range."""
    if same_unit(frame):
        ax.set_aspect("equal", anchor="NW")  # the title begins at the left


def same_unit(frame: np.ndarray) -> bool:
    """Whether both coordinates range about as far, so that they are drawn in the same unit."""
    across, up = np.ptp(frame, axis=1)
    return bool(1 / 2.5 <= across / up <= 2.5)


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
            every = -(-int(whole.sum()) // POWERS)
            chosen = levels[whole][::every]
            names = [f"$10^{{{power:.0f}}}$" for power in powers[whole][::every]]
        else:
            chosen = levels[::3]
            names = [number(float(level)) for level in chosen]
        bar.set_ticks(chosen.tolist(), labels=names)
        bar.minorticks_off()
    if isinstance(drawn.norm, SymLogNorm):
        scale = Scale("symlog", drawn.norm.linthresh)
        ticks = FewTicks(scale).tick_values(*drawn.get_clim())
        bar.set_ticks(ticks, labels=[power(tick) for tick in ticks])
        bar.minorticks_off()
    else:
        scale = Scale("log" if log else "linear")
    bar.set_label(label + scale.words, fontsize=12, color=INK)
    bar.ax.tick_params(labelsize=11)
    bar.ax.tick_params(which="both", color=SOFT, labelcolor=INK)
    bar.outline.set_edgecolor(SOFT)
