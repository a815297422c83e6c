"""Basins of attraction: which minimum each start ends in."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap, to_rgb
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from optimizers.checks import shown
from optimizers.experiments.basins import Basins
from optimizers.plotting.curve import draw_curve
from optimizers.plotting.labels import LEGEND
from optimizers.plotting.layout import axes_for, equal_units, map_size
from optimizers.plotting.paths import spot
from optimizers.plotting.scale import edges
from optimizers.plotting.style import (
    HATCHED,
    INK,
    PALETTE,
    STAR,
    caption,
    dress,
    marker,
    number,
    percent,
)

NOWHERE = "#dddddd"
LEGEND_ROWS = 8  # so many minima are named, the largest basins first


def plot_basins(basins: Basins, ax: Axes | None = None) -> Axes:
    """Colour every start by the minimum that it led to.

    ★ with a number is a minimum; grey starts ended at none, hatched ones
    diverged. Of one weight, the colours lie behind the curve.

    Parameters
    ----------
    basins
        What `basins` returns.
    ax
        Where to draw; a new figure if None.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        For what is not a map of basins.

    Examples
    --------
    >>> from optimizers import SGD, basins
    >>> from optimizers.functions import himmelblau
    >>> ax = plot_basins(basins(SGD, himmelblau, lr=0.01, steps=100, resolution=20))
    """
    if not isinstance(basins, Basins):
        raise TypeError(f"plot_basins: basins must be what basins returns, got {shown(basins)}")
    problem, minima = basins.problem, basins.minima
    borders = [edges(grid, log=False) for grid in (basins.x, basins.y) if grid is not None]
    frame = np.array([[b[0], b[-1]] for b in borders])
    ax, ours = axes_for(ax, "plot_basins", map_size(frame, 8.0))
    plane, heights = frame, minima
    if len(frame) == 1:
        plane = draw_curve(ax, problem, frame, ground=False)[1]
        borders.append(plane[1])
        heights = np.column_stack([minima, problem.values(minima)])
    colors = [_pale(i) for i in range(len(minima))]
    cells = np.ma.masked_equal(np.atleast_2d(basins.reached), -2)
    ax.patch.set(**HATCHED)  # seen where cells are missing
    ax.pcolormesh(
        *borders,
        cells,
        cmap=ListedColormap([to_rgb(NOWHERE), *colors]),
        norm=BoundaryNorm(np.arange(-1.5, len(minima) + 0.5), len(minima) + 1),
        rasterized=True,
    )
    named = _largest(basins.reached, len(minima), basins.known or 0)
    for i in named:
        if ((minima[i] >= frame[:, 0]) & (minima[i] <= frame[:, 1])).all():
            _star(ax, heights[i], str(i + 1))
    ax.set_xlim(*plane[0])
    ax.set_ylim(*plane[1])
    if len(frame) == 2:
        equal_units(ax, frame)
    _legend(ax, basins.reached, _rounded(minima, frame), colors, named)
    names = (r"start $\theta_1$", r"start $\theta_2$")
    dress(ax, _finding(basins), *(names if len(frame) == 2 else (r"start $\theta$", problem.noun)))
    if ours:
        starts = " × ".join(str(grid) for grid in basins.reached.shape[::-1])
        caption(
            ax.get_figure(root=True),  # type: ignore[arg-type]
            f"{basins.rule} on {problem.name}{_rate(basins.hyper_parameters['lr'])}, "
            f"{basins.steps} steps from each of {starts} starts. ★ minimum.",
        )
    return ax


def _finding(basins: Basins) -> str:
    """How many starts reach what is known to be good; else, what there was to find."""
    reached, known = basins.reached, basins.known
    if known:
        share = np.mean((reached >= 0) & (reached < known))
        kind = "the global minimum" if known == 1 else "a global minimum"
        return f"{basins.rule}: {percent(share)} of the starts reach {kind}"
    if known == 0:
        return f"{basins.rule}: {percent(np.mean(reached == -2))} of the starts diverge"
    if not len(basins.minima):
        return f"{basins.rule}: no start comes to rest at a minimum"
    count = len(basins.minima)
    share = np.mean(reached >= 0)
    where = "the one minimum found" if count == 1 else f"one of the {count} minima found"
    return f"{basins.rule}: {percent(share)} of the starts reach {where}"


def _rate(lr: Any) -> str:
    """The learning rate as the caption tells it."""
    if callable(lr):
        return ", learning rate by schedule"
    if np.ndim(lr):
        low, high = (number(float(end)) for end in (np.min(lr), np.max(lr)))
        return f", learning rates from {low} to {high}"
    return f", learning rate {number(float(lr))}"


def _pale(i: int) -> tuple[float, float, float]:
    """The palette's colours, mixed with white: areas are quiet, and marks stand out on them."""
    base = np.array(to_rgb(list(PALETTE.values())[(i + 4) % len(PALETTE)]))
    share = 0.55 if i < len(PALETTE) else 0.3
    r, g, b = share * base + (1 - share)
    return (r, g, b)


def _star(ax: Axes, point: np.ndarray, text: str) -> None:
    ax.plot(*point, STAR, **marker(INK, size=16), zorder=4, clip_on=False)
    ax.annotate(
        text,
        (float(point[0]), float(point[1])),
        (7, 5),
        textcoords="offset points",
        fontsize=12,
        fontweight="bold",
        color=INK,
        path_effects=[withStroke(linewidth=2.5, foreground="white")],
        zorder=5,
    )


def _rounded(minima: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """The places as near as runs come to them: what is nearly zero is told as zero."""
    return np.where(np.abs(minima) < 1e-3 * np.ptp(frame, axis=1), 0.0, minima)


def _largest(reached: np.ndarray, count: int, good: int) -> list[int]:
    """The minima to name: the global ones, then those of the largest basins."""
    shares = [float(np.mean(reached == i)) for i in range(count)]
    return sorted(range(count), key=lambda i: (i >= good, -shares[i]))[:LEGEND_ROWS]


def _legend(
    ax: Axes, reached: np.ndarray, minima: np.ndarray, colors: list[Any], order: list[int]
) -> None:
    """What the colours mean and how large each area is."""
    shares = [float(np.mean(reached == i)) for i in range(len(minima))]
    handles = [
        Patch(facecolor=colors[i], label=f"{i + 1}: {spot(minima[i])}   {percent(shares[i])}")
        for i in order
    ]
    rest = sum(shares) - sum(shares[i] for i in order)
    if len(minima) > len(order):
        text = f"{len(minima) - len(order)} more minima   {percent(rest)}"
        handles.append(Patch(facecolor="white", label=text))
    at_none, gone = np.mean(reached == -1), np.mean(reached == -2)
    if at_none:
        handles.append(Patch(facecolor=NOWHERE, label=f"at no minimum   {percent(at_none)}"))
    if gone:
        handles.append(Patch(**HATCHED, label=f"diverged   {percent(gone)}"))
    ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.01), **LEGEND)
