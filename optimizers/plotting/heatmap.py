"""A sweep over two grids as a heat map; over one, as a curve."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm, Normalize, SymLogNorm

from optimizers.checks import shown
from optimizers.experiments.inputs import plain, short
from optimizers.experiments.metrics import GOOD, precision
from optimizers.experiments.sweep import Sweep
from optimizers.plotting.finding import NO_BEST, by_chance, leaders
from optimizers.plotting.layout import axes_for, color_bar
from optimizers.plotting.learning_rate import RateCurves, draw_learning_rates, name_ticks
from optimizers.plotting.scale import (
    BEYOND,
    FARTHEST,
    SPAN,
    Scale,
    calm,
    edges,
    log_spaced,
    log_ticks,
    scale_of,
)
from optimizers.plotting.style import HATCHED, INK, STAR, caption, dress, number, rule_of
from optimizers.plotting.words import brief

POINT = 0.01  # of accuracy


def plot_heatmap(
    sweep: Sweep,
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
    if not isinstance(sweep, Sweep):
        raise TypeError(f"plot_heatmap: sweep must be what sweep returns, got {shown(sweep)}")
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
        values = "value" if counts == "1" else "values"
        size = f"{counts} {values} of {' and '.join(map(_spoken, sweep.grids))}"
        gone = np.mean(np.isinf(sweep.final_loss))
        on = f"{sweep.rule} on {sweep.problem.name}"
        text = f"{on}, {sweep.steps} steps, {size}; {gone:.0%} diverged"
        if len(sweep.grids) == 2:
            text += " (hatched). ☆\N{NO-BREAK SPACE}best"
            if of == "accuracy":
                text += "; outlined: within one point of its accuracy"
            elif sweep.problem.known_minimum is not None:
                text += "; outlined: within ten times its gap"
        if sweep.seeds is not None:
            text += f". Medians over {len(sweep.seeds)} seeds"
        caption(ax.get_figure(root=True), text + ".")  # type: ignore[arg-type]
    return ax


def _draw_curve(ax: Axes, sweep: Sweep) -> None:
    ((name, grid),) = sweep.grids.items()
    positions, names = _places(grid)
    curves = RateCurves(
        positions,
        {sweep.rule: sweep.final_loss},
        sweep.problem.known_minimum,
        rules={sweep.rule: rule_of(sweep.rule)},
        name=_spoken(name),
        values=names,
        problem=sweep.problem,
    )
    draw_learning_rates(ax, curves)


def _draw_map(ax: Axes, sweep: Sweep, of: str, limits: tuple[float, float] | None) -> None:
    minimum = sweep.problem.known_minimum
    if of == "accuracy":  # the share told wrong: the lower the better, as a loss
        gaps = np.where(np.isinf(sweep.final_loss), np.inf, 1 - sweep.accuracy)
    else:
        finite = np.isfinite(sweep.final_loss)
        losses = np.where(finite, sweep.final_loss.clip(-BEYOND, BEYOND), np.inf)
        gaps = losses - (minimum or 0.0)
    centres, borders, ticks, logs = [], [], [], []
    for axis, grid in enumerate(sweep.grids.values()):
        numbers, names = _places(grid)
        order = np.argsort(numbers)
        gaps = np.take(gaps, order, axis=axis)
        log = names is None and log_spaced(numbers)
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
    ax.set_xscale("log" if logs[0] else "linear")
    ax.set_yscale("log" if logs[1] else "linear")
    ax.set_xlim(borders[0][0], borders[0][-1])
    ax.set_ylim(borders[1][0], borders[1][-1])
    for line, words, log, border in zip((ax.xaxis, ax.yaxis), ticks, logs, borders, strict=True):
        if log:
            log_ticks(line, border[0], border[-1])
        if words is not None:
            name_ticks(line, words)
    labels = [
        _spoken(n) + (" (log)" if log else "") for n, log in zip(sweep.grids, logs, strict=True)
    ]
    dress(ax, _finding(sweep, gaps), *labels)


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
    floor = precision(typical, minimum) if known and minimum is not None else None
    shown = np.ma.masked_invalid(gaps if floor is None else np.maximum(gaps, floor))
    seen = calm(shown.compressed())
    low, high = limits or (float(seen.min()), float(seen.max()))
    norm = _norm(scale_of(seen), low, high if high > low else low + (abs(low) or 1.0))
    mesh = ax.pcolormesh(*borders, shown, cmap="viridis_r", norm=norm, rasterized=True)
    color_bar(
        ax,
        mesh,
        "final loss" if minimum is None else "final loss − minimum",
        extend="max" if shown.max() > norm.vmax else "neither",
    )
    return None if minimum is None else gaps <= max(GOOD * finite.min(), floor or 0.0)


def _norm(scale: Scale, low: float, high: float) -> Any:
    """From values to colours, on the scale that they ask for."""
    low, high = np.clip([low, high], -FARTHEST, FARTHEST)
    if scale.kind == "symlog":
        return SymLogNorm(scale.near, vmin=low, vmax=high)
    return LogNorm(low, high) if 1 / FARTHEST < low < high / SPAN else Normalize(low, high)


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


def _finding(sweep: Sweep, gaps: np.ndarray) -> str:
    """The best cell, if there is one; `gaps` as they are drawn: (second grid, first grid)."""
    rule = brief(sweep.rule)
    best = leaders({str(i): float(gap) for i, gap in enumerate(gaps.ravel())})
    if not best:
        return f"{rule}: diverged everywhere"
    if by_chance(sweep.problem):
        return NO_BEST
    if len(best) > 1:
        every = "all" if len(best) == gaps.size else f"{len(best)} of {gaps.size}"
        return f"{rule} is equally good at {every} settings"
    at = np.unravel_index(int(best[0]), gaps.shape)[::-1]
    words = []
    for (name, grid), i in zip(sweep.grids.items(), at, strict=True):
        numbers, names = _places(grid)
        value = number(np.sort(numbers)[i]) if names is None else brief(names[i])
        words.append(f"{_spoken(name)} {value}")
    return f"{rule} is best at {', '.join(words)}"


def _places(grid: np.ndarray) -> tuple[np.ndarray, list[str] | None]:
    """Where the values of a grid stand on an axis, and their names if they are no numbers.

    A single value is named as well, and so are values that are there twice: they have no two places
    among the numbers.
    """
    grid = np.asarray(grid)
    numbers = grid.dtype.kind in "iuf"
    if numbers and 1 < len(grid) == len(np.unique(grid)) and np.isfinite(grid).all():
        return grid.astype(float), None
    names = [number(value) if numbers else short(plain(value)) for value in grid]
    again = [name for name in names if names.count(name) > 1]
    if not numbers:
        names = [
            f"{name} ({names[: i + 1].count(name)})" if name in again else name
            for i, name in enumerate(names)
        ]
    return np.arange(len(grid), dtype=float), names


def _spoken(name: str) -> str:
    return "learning rate" if name == "lr" else name.replace("_", " ")
