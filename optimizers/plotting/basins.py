"""Basins of attraction: which minimum each start ends in."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap, to_rgb
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from optimizers.plotting.labels import LEGEND
from optimizers.plotting.layout import axes_for, equal_units, map_size
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
    place,
)

UNDER_WAY = "#dddddd"
LEGEND_ROWS = 8  # so many minima are named, the largest basins first


def plot_basins(basins: Any, ax: Axes | None = None) -> Axes:
    """Colour every start by the minimum that it led to.

    ★ with a number is a minimum; grey starts were still under way at the end, hatched ones
    diverged.

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
    if not hasattr(basins, "reached"):
        raise TypeError(f"plot_basins: basins must be what basins returns, got {basins!r}")
    minima = np.asarray(getattr(basins, "minima", basins.function.minima)).reshape(-1, 2)
    borders = [edges(np.asarray(values), log=False) for values in (basins.x, basins.y)]
    frame = np.array([[b[0], b[-1]] for b in borders])
    ax, ours = axes_for(ax, "plot_basins", map_size(frame, 8.0))
    colors = [_pale(i) for i in range(len(minima))]
    shown = np.ma.masked_equal(basins.reached, -2)
    ax.patch.set(**HATCHED)  # seen where cells are missing
    ax.pcolormesh(
        *borders,
        shown,
        cmap=ListedColormap([to_rgb(UNDER_WAY), *colors]),
        norm=BoundaryNorm(np.arange(-1.5, len(minima) + 0.5), len(minima) + 1),
        rasterized=True,
    )
    good = len(basins.function.minima)
    named = _largest(basins.reached, len(minima), good)
    for i in named:
        if ((minima[i] >= frame[:, 0]) & (minima[i] <= frame[:, 1])).all():
            _star(ax, minima[i], str(i + 1))
    ax.set_xlim(borders[0][0], borders[0][-1])
    ax.set_ylim(borders[1][0], borders[1][-1])
    equal_units(ax, frame)
    _legend(ax, basins.reached, minima, colors, named)
    share = np.mean((basins.reached >= 0) & (basins.reached < good))
    kind = "the global minimum" if good == 1 else "a global minimum"
    title = (
        f"{basins.rule}: {share:.0%} of the starts reach {kind}"
        if good
        else f"{basins.rule}: {np.mean(basins.reached == -2):.0%} of the starts diverge"
    )
    dress(ax, title, r"start $\theta_1$", r"start $\theta_2$")
    if ours:
        rate = getattr(basins, "hyper_parameters", {}).get("lr", getattr(basins, "lr", None))
        told = "" if rate is None or callable(rate) else f", learning rate {number(float(rate))}"
        caption(
            ax.get_figure(root=True),  # type: ignore[arg-type]
            f"{basins.rule} on {basins.function.name}{told}, {basins.steps} steps from each of "
            f"{len(basins.x)} × {len(basins.y)} starts. ★ minimum.",
        )
    return ax


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
        Patch(facecolor=colors[i], label=f"{i + 1}: {place(minima[i])}   {shares[i]:.0%}")
        for i in order
    ]
    rest = sum(shares) - sum(shares[i] for i in order)
    if len(minima) > len(order):
        text = f"{len(minima) - len(order)} more minima   {rest:.0%}"
        handles.append(Patch(facecolor="white", label=text))
    under_way, gone = np.mean(reached == -1), np.mean(reached == -2)
    if under_way:
        handles.append(Patch(facecolor=UNDER_WAY, label=f"still under way   {under_way:.0%}"))
    if gone:
        handles.append(Patch(**HATCHED, label=f"diverged   {gone:.0%}"))
    ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.01), **LEGEND)
