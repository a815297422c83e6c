"""The loss along a line: a barrier between two solutions, or the way down the gradient."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from optimizers.checks import shown
from optimizers.experiments.landscape.line import Line
from optimizers.plotting.labels import Entry, label_ends
from optimizers.plotting.layout import axes_for
from optimizers.plotting.paths import titled
from optimizers.plotting.scale import Scale, calm, framed
from optimizers.plotting.style import (
    END,
    INK,
    LINES,
    PALETTE,
    SOFT,
    START,
    WIDTH,
    Look,
    caption,
    casing,
    dress,
    marker,
    number,
)

TRAINING, HELD_OUT = Look(PALETTE["navy"]), Look(PALETTE["red"], LINES[1])
STRAIGHT = Look(SOFT, LINES[2])
DEEP = 1.0  # so many times the range of the losses the parabola may reach below them


def plot_line(line: Line, ax: Axes | None = None) -> Axes:
    """Draw the loss along a line, on training and held-out data.

    Between two solutions, dots lead straight from one end to the other: the loss above them is the
    barrier. Along the gradient, they are the parabola that slope and curvature make.

    Parameters
    ----------
    line
        What `line` returns.
    ax
        Where to draw; a new figure if None.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        For what is not a line.

    Examples
    --------
    >>> from optimizers.experiments import line
    >>> from optimizers.functions import himmelblau
    >>> ax = plot_line(line(himmelblau, [3.0, 2.0], [-2.805, 3.131]))
    """
    if not isinstance(line, Line):
        raise TypeError(f"plot_line: line must be what line returns, got {shown(line)}")
    ax, ours = axes_for(ax, "plot_line", (8.0, 4.8))
    ax.grid(True, color="#e6e6e6", linewidth=0.8)
    ax.set_axisbelow(True)
    curves = {line.problem.noun: (TRAINING, line.loss)}
    if line.held_out is not None:
        curves["held-out loss"] = (HELD_OUT, line.held_out)
    name, compared = _compared(line)
    seen = calm(np.concatenate([v[np.isfinite(v)] for _, v in curves.values()]))
    if seen.size:
        low, high = float(seen.min()), float(seen.max())
        lowest = float(np.nanmin(compared))
        if low - lowest < DEEP * (high - low):
            low = min(low, lowest)
        ax.set_ylim(*framed(Scale("linear"), low, high, 0.05))
    ax.set_xlim(line.x[0], line.x[-1])
    curves[name] = (STRAIGHT, compared)
    entries = []
    for label, (look, values) in curves.items():
        ax.plot(
            line.x,
            values,
            color=look.color,
            linestyle=look.line,
            linewidth=WIDTH,
            path_effects=casing(),
        )
        there = np.flatnonzero(np.isfinite(values))
        if len(there):
            end = float(line.x[there[-1]]), float(values[there[-1]])
            entries.append(Entry(label, look, end, end[1]))
    label_ends(ax, entries)
    _marks(ax, line)
    noun = "loss" if line.held_out is not None else line.problem.noun
    dress(ax, _finding(line), _axis_name(line), noun)
    if ours:
        caption(ax.get_figure(root=True), _told(line))  # type: ignore[arg-type]
    return ax


def _compared(line: Line) -> tuple[str, np.ndarray]:
    """What the loss is compared with: the straight line between the ends, or a parabola."""
    if not line.between:
        return "parabola", line.parabola
    first, last = (line.loss[_nearest(line, end)] for end in (0, 1))
    inside = (line.x >= 0) & (line.x <= 1)
    return "straight", np.where(inside, (1 - line.x) * first + line.x * last, np.nan)


def _marks(ax: Axes, line: Line) -> None:
    """The start, and the other end or the lowest point."""
    start = _nearest(line, 0)
    end = _nearest(line, 1) if line.between else _lowest(line)
    for at, sign, hollow in ((start, START, True), (end, END, False)):
        ax.plot(
            line.x[at],
            line.loss[at],
            sign,
            **marker(INK, hollow=hollow),
            zorder=5,
            clip_on=False,
        )


def _nearest(line: Line, x: float) -> int:
    return int(np.argmin(np.abs(line.x - x)))


def _lowest(line: Line) -> int:
    return int(np.argmin(np.where(np.isfinite(line.loss), line.loss, np.inf)))


def _axis_name(line: Line) -> str:
    return "share of the way" if line.between else "step η down the gradient"


def _finding(line: Line) -> str:
    if line.between:
        if line.barrier is None:
            return "Between the two, the loss is not finite everywhere"
        if line.barrier == 0:
            return "No barrier: nowhere above the straight line between the two"
        return f"A barrier of {number(line.barrier)} between the two"
    lowest = float(line.x[_lowest(line)])
    if lowest == line.x[-1]:
        return f"The loss falls down the gradient, as far as a step of {number(lowest)}"
    return f"Down the gradient, the loss is lowest at a step of {number(lowest)}"


def _told(line: Line) -> str:
    what = titled(line.problem)
    if line.between:
        ends = [float(line.loss[_nearest(line, end)]) for end in (0, 1)]
        barrier = (
            "" if not line.barrier else " The barrier is the highest rise above the straight line."
        )
        return (
            f"{what}, from {number(ends[0])} ○ to {number(ends[1])} ●.{barrier} "
            "Off this line the loss is not seen."
        )
    lowest = -line.slope / line.curvature if line.curvature > 0 else np.nan
    parabola = (
        f" The parabola of slope and curvature at the start is lowest at {number(lowest)}, and "
        f"comes back to the height of the start at {number(2 * lowest)}."
        if line.curvature > 0
        else ""
    )
    return f"{what}. ○ start, ● the lowest loss on the line.{parabola}"
