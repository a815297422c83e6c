"""Sharpness along a path, beside what the rule can bear."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from optimizers.checks import shown
from optimizers.experiments.landscape.sharpness import Sharpness
from optimizers.plotting.labels import Entry, label_ends
from optimizers.plotting.layout import axes_for
from optimizers.plotting.paths import titled
from optimizers.plotting.scale import calm, framed, log_ticks, power, scale_of
from optimizers.plotting.style import (
    LINES,
    SOFT,
    WIDTH,
    Look,
    caption,
    casing,
    dot_alone,
    dress,
    looks,
    number,
)

LATE = 0.25  # the last share of the steps, by which is judged where a curve stays
NEAR = 0.15  # of the threshold: nearer than this is at it
BELOW = 0.7  # of the threshold: lower than this is below it
ROOT = "√v + ε".replace(" ", "\N{NO-BREAK SPACE}")
EDGE = Look(SOFT, LINES[2])


def plot_sharpness(sharpness: Sharpness, ax: Axes | None = None) -> Axes:
    """Draw the largest curvature along a path, and the threshold above which steps are unstable.

    For a rule that divides by √v + ε, that is the curvature after the division. Thin lines are
    further eigenvalues.

    Parameters
    ----------
    sharpness
        What `sharpness` returns.
    ax
        Where to draw; a new figure if None.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        For what is no such result.

    Examples
    --------
    >>> from optimizers import SGD
    >>> from optimizers.experiments import sharpness
    >>> from optimizers.functions import rosenbrock
    >>> path = SGD(rosenbrock, [-1.5, 2.0], lr=0.001).minimize(200)
    >>> ax = plot_sharpness(sharpness(rosenbrock, path))
    """
    if not isinstance(sharpness, Sharpness):
        raise TypeError(
            f"plot_sharpness: sharpness must be what sharpness returns, got {shown(sharpness)}"
        )
    ax, ours = axes_for(ax, "plot_sharpness", (8.0, 5.0))
    look = looks({sharpness.rule: sharpness.rule})[sharpness.rule]
    name, columns = "sharpness", sharpness.eigenvalues
    if sharpness.preconditioned is not None:
        name, columns = "preconditioned", sharpness.preconditioned
    curves = {name: (look, columns)}
    if sharpness.threshold is not None:
        curves[threshold_name(sharpness)] = (EDGE, sharpness.threshold[:, np.newaxis])
    seen = [calm(values[np.isfinite(values)]) for _, values in curves.values()]
    values = np.concatenate(seen)
    scale = scale_of(values)
    scale.on(ax)
    if values.size:
        low = min(float(values.min()), 0.0) if scale.kind == "linear" else float(values.min())
        ax.set_ylim(*framed(scale, low, float(values.max())))
    if scale.kind == "log":
        log_ticks(ax.yaxis, *ax.get_ylim())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _counted(value)))
    ax.grid(True, color="#e6e6e6", linewidth=0.8)
    ax.set_axisbelow(True)
    entries = []
    for label, (how, columns) in curves.items():
        for i, column in enumerate(columns.T):
            (line,) = ax.plot(
                sharpness.step,
                column,
                color=how.color,
                linestyle=how.line,
                linewidth=WIDTH if i == 0 else WIDTH / 2,
                path_effects=casing(),
                zorder=2.5 if i == 0 else 2.2,
            )
            dot_alone(line)
        there = np.flatnonzero(np.isfinite(columns[:, 0]))
        if len(there):
            end = float(sharpness.step[there[-1]]), float(columns[there[-1], 0])
            entries.append(Entry(label, how, end, end[1]))
    if sharpness.step[0] < sharpness.step[-1]:
        ax.set_xlim(float(sharpness.step[0]), float(sharpness.step[-1]))
    label_ends(ax, entries)
    dress(ax, _finding(sharpness), "step", "curvature" + scale.words)
    if ours:
        caption(ax.get_figure(root=True), _told(sharpness))  # type: ignore[arg-type]
    return ax


def threshold_name(sharpness: Sharpness) -> str:
    """How the threshold is written: "2/η", with its value while η stays the same."""
    assert sharpness.threshold is not None
    lr, last = sharpness.hyper_parameters["lr"], float(sharpness.threshold[-1])
    if callable(lr):
        return "stable below"
    return f"{number(last * float(np.ravel(lr)[0]))}/η = {_counted(last)}"


def _counted(value: float) -> str:
    """A number, thousands with commas and no powers of ten: "12,667"."""
    return f"{value:,.0f}" if 1e3 <= abs(value) < 1e6 else power(value)


def _late(sharpness: Sharpness) -> np.ndarray:
    """Lower quartile, median and upper quartile of the late shares of the threshold."""
    assert sharpness.share is not None
    late = sharpness.step >= sharpness.step[-1] - LATE * np.ptp(sharpness.step)
    return np.asarray(np.nanquantile(sharpness.share[late], (0.25, 0.5, 0.75)))


def _finding(sharpness: Sharpness) -> str:
    rule, first, last = sharpness.rule, *map(float, sharpness.sharpness[[0, -1]])
    if sharpness.share is None:
        return f"{rule}: the sharpness goes from {number(first)} to {number(last)}"
    what = "sharpness" if sharpness.preconditioned is None else "preconditioned sharpness"
    edge = "the edge of stability"
    low, _, high = _late(sharpness)
    if not (low >= 1 - NEAR and high <= 1 + NEAR):
        return f"{rule}: the {what} ends at {sharpness.share[-1]:.0%} of {edge}"
    if sharpness.share[0] < BELOW:
        return f"{rule}: the {what} rises to {edge} and hovers there"
    return f"{rule}: the {what} hovers at {edge}"


def _told(sharpness: Sharpness) -> str:
    told = [f"{titled(sharpness.problem)}. Sharpness: the largest eigenvalue of the Hessian."]
    if sharpness.preconditioned is not None:
        first, last = (number(float(value)) for value in sharpness.sharpness[[0, -1]])
        told.append(f"It goes from {first} to {last}; preconditioned: after division by {ROOT}.")
    if sharpness.share is not None:
        low, middle, high = (number(float(value)) for value in _late(sharpness))
        told.append(
            "Dotted: on a parabola of larger curvature the steps would grow. Over the last quarter "
            f"of the steps: {middle} times that (quartiles {low} and {high})."
        )
        if sharpness.by_chance:
            told.append("The steps saw mini-batches or noise; the curvature is that without them.")
    else:
        told.append(f"For {sharpness.rule} no threshold is claimed.")
    return " ".join(told)
