"""Sharpness along a path, beside what the rule can bear."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from optimizers.checks import shown
from optimizers.experiments.landscape.sharpness import Sharpness
from optimizers.plotting.labels import Entry, label_ends
from optimizers.plotting.layout import axes_for
from optimizers.plotting.paths import titled
from optimizers.plotting.scale import Scale, framed, log_ticks, scale_of
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
EDGE = Look(SOFT, LINES[2])


def plot_sharpness(sharpness: Sharpness, ax: Axes | None = None) -> Axes:
    """Draw the largest curvature along a path, and the threshold above which steps are unstable.

    For a rule that divides by √v + ε, that is the curvature after the division; the plain
    sharpness is a thin line.

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
    curves = {"sharpness": (look, sharpness.eigenvalues)}
    if sharpness.preconditioned is not None:
        curves = {
            "preconditioned": (look, sharpness.preconditioned),
            "sharpness": (Look(SOFT), sharpness.eigenvalues),
        }
    if sharpness.threshold is not None:
        curves[threshold_name(sharpness)] = (EDGE, sharpness.threshold[:, np.newaxis])
    values = np.concatenate([v.ravel() for _, v in curves.values()])
    values = values[np.isfinite(values)]
    scale = scale_of(values) if values.size else Scale("linear")
    scale.on(ax)
    if values.size:
        ax.set_ylim(*framed(scale, min(float(values.min()), *_zero(scale)), float(values.max())))
    if scale.kind == "log":
        log_ticks(ax.yaxis, *ax.get_ylim())
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
                linewidth=WIDTH if i == 0 and how.color != SOFT else WIDTH / 2,
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
    return f"{number(last * float(np.ravel(lr)[0]))}/η = {number(last)}"


def _zero(scale: Scale) -> tuple[float, ...]:
    """A linear axis shows where zero is."""
    return (0.0,) if scale.kind == "linear" else ()


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
    low, middle, high = _late(sharpness)
    if low >= 1 - NEAR and high <= 1 + NEAR:
        came = "rises to" if sharpness.share[0] < BELOW else "stays at"
        stays = " and hovers there" if sharpness.share[0] < BELOW else ""
        return f"{rule}: the {what} {came} {edge}{stays}"
    if high < 1 - NEAR:
        return f"{rule}: the {what} stays below {edge}, at {middle:.0%} of it"
    return f"{rule}: late, the {what} is {number(float(middle))} times {edge}"


def _told(sharpness: Sharpness) -> str:
    made = f"{titled(sharpness.problem)}, {sharpness.problem.noun}."
    told = [made, "Sharpness: the largest eigenvalue of the Hessian."]
    if sharpness.preconditioned is not None:
        told.append("Preconditioned: after division by √v + ε.")
    if sharpness.share is not None:
        low, middle, high = (number(float(value)) for value in _late(sharpness))
        told.append(
            "Dotted: on a parabola of larger curvature the steps would grow. Over the last quarter "
            f"of the steps: {middle} times that (quartiles {low} and {high})."
        )
        if sharpness.by_chance:
            told.append("The steps saw mini-batches, the curvature is that of all data.")
    return " ".join(told)
