"""Any quantities against the step: for what the other helpers do not know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from optimizers.checks import shown
from optimizers.plotting.labels import Entry, label_ends
from optimizers.plotting.layout import axes_for
from optimizers.plotting.scale import Scale, framed
from optimizers.plotting.style import WIDTH, casing, dot_alone, dress, looks, rule_of


def plot_series(
    x: Any,
    series: Mapping[str, Any],
    ax: Axes | None = None,
    *,
    title: str,
    ylabel: str,
    xlabel: str = "step",
    rule: str | None = None,
    log: bool = False,
) -> Axes:
    """Draw quantities of your own as curves, named at their ends, in the style of the others.

    Parameters
    ----------
    x
        Where the values were taken: (n,).
    series
        By label, the values: (n,) each. What is not finite leaves a gap, and on a logarithmic axis
        what is not positive.
    ax
        Where to draw; a new figure if None.
    title, ylabel, xlabel
        The finding, and the quantities.
    rule
        The rule whose colour all curves have; left out, each has that of the rule that its label
        begins with.
    log
        Whether the vertical axis is logarithmic; it stays plain where no value is positive.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        For what is no mapping, no values, values that do not fit x, or 3-D axes.

    Examples
    --------
    >>> t = np.arange(100)
    >>> halves = {"Adam": 0.5**t, "SGD": 0.9**t}
    >>> ax = plot_series(t, halves, title="Adam falls faster", ylabel="weight", log=True)
    >>> ax.get_ylabel()
    'weight (log)'
    """
    if not isinstance(series, Mapping):
        raise TypeError(
            "plot_series: series must be a mapping from labels to values, such as "
            f"{{'Adam': losses}}; got {shown(series)}"
        )
    x = np.asarray(x, dtype=float)
    values = {str(label): np.asarray(y, dtype=float) for label, y in series.items()}
    if not values:
        raise ValueError("plot_series: series is empty, there is nothing to draw")
    for label, y in values.items():
        if x.ndim != 1 or y.shape != x.shape:
            raise ValueError(
                f"plot_series: series[{label!r}] must have one value for each of x, "
                f"got shapes {y.shape} and {x.shape}"
            )
        if not np.isfinite(y).any():
            raise ValueError(f"plot_series: series[{label!r}] has no finite value: {shown(y)}")
    ax, _ = axes_for(ax, "plot_series", (8.0, 5.0))
    look = looks({label: rule_of(label) if rule is None else rule for label in values})
    log = log and any((y[np.isfinite(y)] > 0).any() for y in values.values())
    scale = Scale("log" if log else "linear")
    scale.on(ax)
    ax.set_ylim(*framed(scale, *_ends(values.values(), log)))
    ax.grid(True, color="#e6e6e6", linewidth=0.8)
    ax.set_axisbelow(True)
    entries = []
    for label, y in values.items():
        seen = np.isfinite(y) & (y > 0 if log else True)
        (line,) = ax.plot(
            x,
            np.where(seen, y, np.nan),
            color=look[label].color,
            linestyle=look[label].line,
            linewidth=WIDTH,
            path_effects=casing(),
        )
        dot_alone(line)
        if seen.any():
            last = np.flatnonzero(seen)[-1]
            end = float(y[last])
            entries.append(Entry(label, look[label], (float(x[last]), end), end))
        else:
            text = f"{label}, not positive"
            entries.append(Entry(text, look[label], (float(x[-1]), 0.0), 0.0, tied=False))
    if x.min() < x.max():
        ax.set_xlim(float(x.min()), float(x.max()))
    if len(entries) > 1:  # the title names a single one
        label_ends(ax, entries)
    dress(ax, title, xlabel, ylabel + (" (log)" if log else ""))
    return ax


def _ends(values: Iterable[np.ndarray], log: bool) -> tuple[float, float]:
    """The lowest and the highest value that can be drawn."""
    together = np.concatenate([*values])
    seen = together[np.isfinite(together) & (together > 0 if log else True)]
    return float(seen.min()), float(seen.max())
