"""Accuracy against step: what share of the held-out data is told right."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from optimizers.checks import shown
from optimizers.experiments.comparison import Comparison
from optimizers.experiments.metrics import quartiles
from optimizers.experiments.standing import standing
from optimizers.plotting.convergence import draw_median
from optimizers.plotting.finding import ahead
from optimizers.plotting.labels import Entry, label_ends
from optimizers.plotting.layout import axes_for
from optimizers.plotting.style import caption, dress, looks

ROOM = 0.04


def plot_accuracy(comparison: Comparison, ax: Axes | None = None) -> Axes:
    """Draw the accuracy on held-out data against the step, one curve per rule.

    Of several seeds the median is drawn, and a band from quartile to quartile.

    Parameters
    ----------
    comparison
        What `compare` returns for a `Training`.
    ax
        Where to draw; a new figure if None.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        For a comparison that has no accuracies.

    Examples
    --------
    >>> from optimizers import SGD, Adam, Training, compare
    >>> from optimizers.datasets import two_moons
    >>> from optimizers.models import mlp
    >>> moons = Training(mlp([2, 8, 2]), two_moons())
    >>> ax = plot_accuracy(compare([SGD, Adam], moons, steps=50, lr=0.1))
    """
    if not isinstance(comparison, Comparison) or not comparison.accuracies:
        raise TypeError(
            "plot_accuracy: comparison must be what compare returns for a Training, got "
            f"{shown(comparison)}"
        )
    ax, ours = axes_for(ax, "plot_accuracy", (8.0, 5.0))
    draw_accuracy(ax, comparison)
    if ours:
        seeds = comparison.race_seeds
        many = f" Line: median of {len(seeds)} seeds, band: quartiles." if seeds else ""
        text = f"{comparison.problem.name}, {comparison.steps} {comparison.budget}.{many}"
        caption(ax.get_figure(root=True), text)  # type: ignore[arg-type]
    return ax


def draw_accuracy(ax: Axes, comparison: Comparison, *, names: bool = True) -> None:
    """Curves, bands, names and title."""
    shares = comparison.accuracies
    curves = {label: quartiles(v.reshape(len(v), -1)) for label, v in shares.items()}
    ends = {label: float(values[-1, 1]) for label, values in curves.items()}
    low = min(float(values[len(values) // 10 :].min()) for values in curves.values())
    high = max(float(values.max()) for values in curves.values())
    room = ROOM * (high - low) or 0.05
    counts = comparison.budget == "gradients"
    cost = comparison.costs if counts else dict.fromkeys(curves, 1)
    ax.set_xlim(0, comparison.steps)
    ax.set_ylim(low - room, min(high + room, 1.0 + room))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.grid(True, color="#e6e6e6", linewidth=0.8)
    ax.set_axisbelow(True)
    look = looks({label: path.rule for label, path in comparison.items()})
    entries = []
    for label, values in curves.items():
        end = draw_median(ax, look[label], comparison[label].step * cost[label], values)
        entries.append(Entry(label, look[label], end, -ends[label]))
    if names:
        label_ends(ax, entries)
    found = standing({label: 1 - np.atleast_2d(v[-1]) for label, v in shares.items()})
    dress(
        ax,
        f"{ahead(found, 'most often right', 'often right')} at the end",
        "gradients of the loss" if counts else "step",
        "held-out accuracy",
    )
