"""What tuning costs: the loss that so many random trials reach, and who leads at which budget."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from optimizers.checks import shown
from optimizers.experiments.comparison import Comparison
from optimizers.plotting.finding import leaders
from optimizers.plotting.labels import Entry, label_ends
from optimizers.plotting.layout import axes_for
from optimizers.plotting.paths import titled
from optimizers.plotting.scale import Scale, framed, log_ticks, scale_of
from optimizers.plotting.style import WIDTH, caption, casing, dress, looks
from optimizers.plotting.words import brief


def plot_budget(comparison: Comparison, ax: Axes | None = None) -> Axes:
    """Draw what the best of k random trials has reached, against k, one curve per rule.

    The line is the median over all choices of k of the trials that were made, the band goes from
    quartile to quartile. Where two curves cross, which rule is better depends on the budget.

    Parameters
    ----------
    comparison
        What `compare` returns, tuned over learning rates or over each rule's own space.
    ax
        Where to draw; a new figure if None.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        For what is no comparison, or one that was not tuned.

    Examples
    --------
    >>> from optimizers import SGD, Adam, compare
    >>> from optimizers.functions import booth
    >>> ax = plot_budget(compare([SGD, Adam], booth, steps=50, trials=20))
    """
    if not isinstance(comparison, Comparison) or not comparison.tunings:
        raise TypeError(
            "plot_budget: comparison must be what compare returns when it tunes, since its trials "
            f"are drawn; got {shown(comparison)}"
        )
    ax, ours = axes_for(ax, "plot_budget", (8.0, 5.0))
    draw_budget(ax, comparison)
    if ours:
        count = len(_budgets(comparison))
        text = (
            f"{titled(comparison.problem)}, {comparison.steps} {comparison.budget}. The best of k "
            f"of the {count} trials, drawn at random: median, and quartiles as a band."
        )
        caption(ax.get_figure(root=True), text)  # type: ignore[arg-type]
    return ax


def draw_budget(ax: Axes, comparison: Comparison, *, names: bool = True) -> None:
    """Curves, bands, names and title."""
    budgets, minimum = _budgets(comparison), comparison.problem.known_minimum
    reached = {
        label: tuning.expected_best(budgets) - (minimum or 0.0)
        for label, tuning in comparison.tunings.items()
    }
    if minimum is not None:
        floor = comparison.floor
        reached = {label: np.maximum(values, floor) for label, values in reached.items()}
    seen = np.concatenate([v[np.isfinite(v[:, 1]), 1] for v in reached.values()])
    scale = Scale("log") if minimum is not None else scale_of(seen)
    low, high = framed(scale, float(seen.min()), float(seen.max())) if len(seen) else (0.1, 10.0)
    scale.on(ax)
    ax.set_xlim(1, max(2, len(budgets)))
    ax.set_ylim(low, high)
    if scale.kind == "log":
        log_ticks(ax.yaxis, low, high)
    ax.grid(True, color="#e6e6e6", linewidth=0.8)
    ax.set_axisbelow(True)
    look = looks({label: path.rule for label, path in comparison.items()})
    entries = []
    for label, values in reached.items():
        style: Any = {"color": look[label].color}
        lower, middle, upper = np.clip(values, low, high).T
        ax.fill_between(budgets, lower, upper, alpha=0.15, linewidth=0, zorder=2, **style)
        line = np.where(np.isfinite(values[:, 1]), middle, np.nan)
        ax.plot(
            budgets,
            line,
            linestyle=look[label].line,
            linewidth=WIDTH,
            path_effects=casing(),
            zorder=3,
            drawstyle="steps-post",
            **style,
        )
        entries.append(Entry(label, look[label], (len(budgets), middle[-1]), float(values[-1, 1])))
    if names and len(entries) > 1:
        label_ends(ax, entries)
    noun = "loss − minimum" if minimum is not None else comparison.problem.noun
    found = _finding(reached, comparison)
    dress(ax, found, "trials", f"best of them: {noun}{scale.words}")


def _budgets(comparison: Comparison) -> np.ndarray:
    """From a single trial to all that every rule had."""
    most = min(int(tuning.is_first.sum()) for tuning in comparison.tunings.values())
    return np.arange(1, most + 1)


def _finding(reached: dict[str, np.ndarray], comparison: Comparison) -> str:
    """Who leads, and from how many trials on; nobody whom the seeds do not tell apart."""
    count, first = len(next(iter(reached.values()))), comparison.leaders
    if not comparison.has_order or len(reached) == 1:
        return "What more trials bring"
    if len(first) != 1:
        return comparison.standing.finding(f"after {count} trials", brief)
    leads = [
        leaders({label: float(values[at, 1]) for label, values in reached.items()}) == first
        for at in range(count)
    ]
    if all(leads):
        return f"{brief(first[0])} leads at every budget"
    since = count - leads[::-1].index(False) + 1
    if since > count:
        return f"{brief(first[0])} wins after {count} trials"
    return f"{brief(first[0])} leads from {since} trials on"
