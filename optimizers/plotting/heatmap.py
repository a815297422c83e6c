"""A sweep over two grids as a heat map; over one, as a curve."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm, Normalize

from optimizers.plotting.layout import axes_for, color_bar
from optimizers.plotting.learning_rate import TOWER, RateCurves, draw_learning_rates
from optimizers.plotting.paths import known_minimum
from optimizers.plotting.scale import edges, log_spaced, log_ticks, precision_floor
from optimizers.plotting.style import HATCHED, INK, STAR, caption, dress, number, rule_of

SPAN = 10.0  # losses that differ by more than this factor are coloured by their logarithm
POINT = 0.01  # of accuracy
GOOD = 10.0  # the outlined cells end within this factor of the best gap to the minimum


def plot_heatmap(
    sweep: Any,
    ax: Axes | None = None,
    *,
    of: str = "loss",
    limits: tuple[float, float] | None = None,
) -> Axes:
    """Draw the final losses of a sweep: a heat map for two grids, a curve for one.

    ☆ marks the best cell, a line surrounds those within ten times its gap to the minimum, and
    hatched cells diverged. Of accuracies, the line surrounds those within one point of the best.

    Parameters
    ----------
    sweep
        What `sweep` returns.
    ax
        Where to draw; a new figure if None.
    of
        "loss", or "accuracy" for a map of the sweep of a `Training`.
    limits
        The values at the ends of the colours, for maps side by side; left out, the map's own.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        For what is not a sweep, or one over more than two grids.

    Examples
    --------
    >>> from optimizers import Momentum, sweep
    >>> from optimizers.functions import booth
    >>> grid = np.geomspace(1e-3, 1, 9)
    >>> found = sweep(Momentum, booth, steps=50, lr=grid, momentum=[0, 0.5, 0.9])
    >>> ax = plot_heatmap(found)
    """
    for needed in ("grids", "final_loss"):
        if not hasattr(sweep, needed):
            raise TypeError(f"plot_heatmap: sweep must be what sweep returns, got {sweep!r}")
    if len(sweep.grids) not in (1, 2):
        raise ValueError(
            f"plot_heatmap draws sweeps over one or two grids, got {len(sweep.grids)}: "
            f"{', '.join(sweep.grids)}; fix all but two"
        )
    if of not in ("loss", "accuracy") or (of == "accuracy" and len(sweep.grids) == 1):
        raise ValueError(
            f'plot_heatmap: of must be "loss", or "accuracy" for a map over two grids, got {of!r}'
        )
    if of == "accuracy" and sweep.accuracies is None:
        raise ValueError("plot_heatmap: only the sweep of a Training has an accuracy")
    ax, ours = axes_for(ax, "plot_heatmap", (8.0, 5.6))
    if len(sweep.grids) == 1:
        _draw_curve(ax, sweep)
    else:
        _draw_map(ax, sweep, of, limits)
    if ours:
        counts = " × ".join(str(len(grid)) for grid in sweep.grids.values())
        size = f"{counts} values of {' and '.join(map(_spoken, sweep.grids))}"
        function = getattr(sweep.function, "name", getattr(sweep.function, "__name__", "loss"))
        gone = np.mean(np.isinf(sweep.final_loss))
        text = f"{sweep.rule} on {function}, {sweep.steps} steps, {size}; {gone:.0%} diverged"
        if len(sweep.grids) == 2:
            text += " (hatched). ☆\N{NO-BREAK SPACE}best"
            if of == "accuracy":
                text += "; outlined: within one point of its accuracy"
            elif known_minimum(sweep.function) is not None:
                text += "; outlined: within ten times its gap"
        if sweep.seeds is not None:
            text += f". Means over {len(sweep.seeds)} seeds"
        caption(ax.get_figure(root=True), text + ".")  # type: ignore[arg-type]
    return ax


def _draw_curve(ax: Axes, sweep: Any) -> None:
    ((name, grid),) = sweep.grids.items()
    positions, ticks = _numbers(grid)
    curves = RateCurves(
        positions,
        {sweep.rule: sweep.final_loss},
        known_minimum(sweep.function),
        rules={sweep.rule: rule_of(sweep.rule)},
        name=_spoken(name),
    )
    draw_learning_rates(ax, curves)
    if ticks:
        ax.set_xticks(positions, ticks)


def _draw_map(ax: Axes, sweep: Any, of: str, limits: tuple[float, float] | None) -> None:
    minimum = known_minimum(sweep.function)
    if of == "accuracy":  # the share told wrong: the lower the better, as a loss
        gaps = np.where(sweep.diverged, np.inf, 1 - sweep.accuracy)
    else:
        losses = np.where(np.isnan(sweep.final_loss), np.inf, sweep.final_loss)
        gaps = losses - (minimum or 0.0)
    centres, borders, ticks, logs = [], [], [], []
    for axis, grid in enumerate(sweep.grids.values()):
        numbers, names = _numbers(grid)
        order = np.argsort(numbers)
        gaps = np.take(gaps, order, axis=axis)
        log = log_spaced(numbers)
        centres.append(numbers[order])
        borders.append(edges(numbers[order], log))
        ticks.append(names)
        logs.append(log)
    gaps = gaps.T  # the first grid runs to the right, the second upwards
    finite = gaps[np.isfinite(gaps)]

    ax.patch.set(**HATCHED)  # seen where cells are missing
    if finite.size:
        inside = _colour(ax, gaps, borders, minimum, of, limits)
        if inside is not None:
            _outline(ax, inside, borders)
        rows, columns = np.nonzero(gaps == finite.min())
        if len(rows) <= 9:  # ties beyond that are a plateau, which the outline shows
            ax.plot(
                centres[0][columns],
                centres[1][rows],
                STAR,
                markersize=18,
                markerfacecolor="white",
                markeredgecolor=INK,
                markeredgewidth=1.2,
                linestyle="none",
                zorder=4,
                clip_on=False,
            )
    if logs[0]:
        ax.set_xscale("log")
        log_ticks(ax.xaxis, borders[0][0], borders[0][-1])
    if logs[1]:
        ax.set_yscale("log")
        log_ticks(ax.yaxis, borders[1][0], borders[1][-1])
    ax.set_xlim(borders[0][0], borders[0][-1])
    ax.set_ylim(borders[1][0], borders[1][-1])
    if ticks[0]:
        ax.set_xticks(np.arange(len(ticks[0])), ticks[0])
    if ticks[1]:
        ax.set_yticks(np.arange(len(ticks[1])), ticks[1])
    labels = [
        _spoken(n) + (" (log)" if log else "") for n, log in zip(sweep.grids, logs, strict=True)
    ]
    dress(ax, _finding(sweep, bool(finite.size), of), *labels)


def _colour(
    ax: Axes,
    gaps: np.ndarray,
    borders: list[np.ndarray],
    minimum: float | None,
    of: str,
    limits: tuple[float, float] | None,
) -> np.ndarray | None:
    """Colour the cells by their values. Returns which cells are as good as the best."""
    finite = gaps[np.isfinite(gaps)]
    if of == "accuracy":
        shown = 1 - np.ma.masked_invalid(gaps)
        low, high = limits or (float(shown.min()), float(shown.max()))
        norm: Any = Normalize(low, high if high > low else low + 0.01)
        mesh = ax.pcolormesh(*borders, shown, cmap="viridis", norm=norm, rasterized=True)
        color_bar(ax, mesh, "held-out accuracy")
        return np.asarray(gaps <= finite.min() + POINT + 1e-12)
    typical = np.median(finite, keepdims=True)  # the largest may be a run on its way to infinity
    known = minimum is not None and finite.max() > 0
    floor = precision_floor(typical, minimum) if known and minimum is not None else None
    shown = np.ma.masked_invalid(gaps if floor is None else np.maximum(gaps, floor))
    low, high = limits or (float(shown.min()), float(shown.max()))
    if limits is None and low > 0:
        high = min(high, TOWER * max(float(typical[0]), low))
    high = high if high > low else low + (abs(low) or 1.0)
    norm = LogNorm(low, high) if 0 < low < high / SPAN else Normalize(low, high)
    mesh = ax.pcolormesh(*borders, shown, cmap="viridis_r", norm=norm, rasterized=True)
    color_bar(
        ax,
        mesh,
        "final loss" if minimum is None else "final loss − minimum",
        extend="max" if shown.max() > high else "neither",
    )
    return None if minimum is None else gaps <= max(GOOD * finite.min(), floor or 0.0)


def _outline(ax: Axes, inside: np.ndarray, borders: list[np.ndarray]) -> None:
    """A line between the cells that are inside (ny, nx) and those that are not."""
    x, y = borders
    padded = np.pad(inside, 1)
    lines = []
    for j, i in zip(*np.nonzero(padded[:, 1:] != padded[:, :-1]), strict=True):
        lines.append([(x[i], y[j - 1]), (x[i], y[j])])
    for j, i in zip(*np.nonzero(padded[1:] != padded[:-1]), strict=True):
        lines.append([(x[i - 1], y[j]), (x[i], y[j])])
    for color, width in (("white", 3.4), (INK, 1.4)):
        ax.add_collection(
            LineCollection(
                lines,
                colors=color,
                linewidths=width,
                capstyle="projecting",
                zorder=3,
                clip_on=False,
            ),
            autolim=False,
        )


def _finding(sweep: Any, any_left: bool, of: str) -> str:
    if not any_left:
        return f"{sweep.rule}: diverged everywhere"
    if of == "accuracy":
        shares = np.where(sweep.diverged, -1.0, sweep.accuracy)
        at = np.unravel_index(np.argmax(shares), shares.shape)
        values = {name: grid[i] for (name, grid), i in zip(sweep.grids.items(), at, strict=True)}
    else:
        values = {name: sweep.best[name] for name in sweep.grids}
    best = [f"{_spoken(name)} {_value(value)}" for name, value in values.items()]
    return f"{sweep.rule} is best at {', '.join(best)}"


def _numbers(grid: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """A grid as positions on an axis, and the names of the positions if they are no numbers."""
    if np.asarray(grid).dtype.kind in "iuf":
        return np.asarray(grid, dtype=float), []
    return np.arange(len(grid), dtype=float), [str(value) for value in grid]


def _value(value: Any) -> str:
    plain = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    return number(value) if plain else str(value)


def _spoken(name: str) -> str:
    return "learning rate" if name == "lr" else name.replace("_", " ")
