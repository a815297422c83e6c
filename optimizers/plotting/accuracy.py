"""Accuracy against step: what share of the held-out data is told right."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from optimizers.plotting.convergence import DrawnCurve, quartiles
from optimizers.plotting.labels import Entry, label_ends
from optimizers.plotting.layout import axes_for
from optimizers.plotting.style import caption, dress, looks, number

ROOM = 0.04


def plot_accuracy(comparison: Any, ax: Axes | None = None) -> Axes:
    """Draw the accuracy on held-out data against the step, one curve a rule.

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
    if not getattr(comparison, "accuracies", None):
        raise TypeError(
            f"plot_accuracy: comparison must be what compare returns for a Training, got "
            f"{comparison!r}"
        )
    ax, ours = axes_for(ax, "plot_accuracy", (8.0, 5.0))
    draw_accuracy(ax, comparison)
    if ours:
        seeds = comparison.race_seeds
        many = f" Line: median of {len(seeds)} seeds, band: quartiles." if seeds else ""
        text = f"{comparison.function.name}, {comparison.steps} steps.{many}"
        caption(ax.get_figure(root=True), text)  # type: ignore[arg-type]
    return ax


def draw_accuracy(ax: Axes, comparison: Any, *, names: bool = True) -> None:
    """Curves, bands, names and title."""
    shown = {label: quartiles(values) for label, values in comparison.accuracies.items()}
    ends = {label: float(values[-1, 1]) for label, values in shown.items()}
    low = min(float(values[len(values) // 10 :].min()) for values in shown.values())
    high = max(float(values.max()) for values in shown.values())
    room = ROOM * (high - low) or 0.05
    ax.set_xlim(0, comparison.steps)
    ax.set_ylim(low - room, min(high + room, 1.0 + room))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.grid(True, color="#e6e6e6", linewidth=0.8)
    ax.set_axisbelow(True)
    look = looks({label: path.rule for label, path in comparison.items()})
    entries = []
    for label, values in shown.items():
        curve = DrawnCurve(ax, look[label])
        curve.show(comparison[label].step, values, None, False)
        entries.append(Entry(label, look[label], curve.end, -ends[label]))
    if names:
        label_ends(ax, entries)
    most = max(ends.values())
    best = [label for label, end in ends.items() if end == most]
    who = f"{best[0]} tells" if len(best) == 1 else f"{len(best)} of {len(ends)} tell"
    who = f"{best[0]} and {best[1]} tell" if len(best) == 2 else who
    dress(ax, f"{who} most right: {number(100 * most)}%", "step", "held-out accuracy")
