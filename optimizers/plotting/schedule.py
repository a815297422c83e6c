"""The learning rate against the step: what schedules look like."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from optimizers import checks
from optimizers.checks import shown
from optimizers.plotting.labels import Entry, label_ends
from optimizers.plotting.layout import axes_for
from optimizers.plotting.style import (
    WIDTH,
    caption,
    casing,
    dot_alone,
    dress,
    looks,
    number,
    rule_of,
)
from optimizers.plotting.words import brief

Schedule = Callable[[int], Any]
MOST = 1000  # points of a curve: more cannot be seen


def plot_schedules(
    schedules: Schedule | Mapping[str, Schedule], steps: int, ax: Axes | None = None
) -> Axes:
    """Draw the learning rates that schedules give to the steps 1, 2, …, `steps`.

    A schedule of many runs has a line for each, all of one colour.

    Parameters
    ----------
    schedules
        A schedule (any function of t = 1, 2, …), or a mapping from labels to schedules.
    steps
        The last step to draw, 1 or more.
    ax
        Where to draw; a new figure if None.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        For what is not a function, nothing at all, a rate that is none, or 3-D axes.

    Examples
    --------
    >>> from optimizers.schedules import cosine, warmup
    >>> ax = plot_schedules({"cosine": cosine(0.1, 100), "late": warmup(20, cosine(0.1, 80))}, 100)
    >>> ax.get_ylabel()
    'learning rate'
    """
    named = _mapping(schedules)
    steps = checks.whole("steps", steps, 1)
    ax, ours = axes_for(ax, "plot_schedules", (8.0, 4.5))
    t = np.unique(np.linspace(1, steps, MOST).round().astype(int))
    rates = {label: _rates(label, schedule, t) for label, schedule in named.items()}
    look = looks({label: rule_of(label) for label in named})
    ax.set_xlim(1, max(steps, 2))
    ax.grid(True, color="#e6e6e6", linewidth=0.8)
    ax.set_axisbelow(True)
    entries = []
    for label, values in rates.items():
        lines = ax.plot(
            t,
            values,
            color=look[label].color,
            linestyle=look[label].line,
            linewidth=WIDTH,
            path_effects=casing(),
        )
        for line in lines:
            dot_alone(line)
        end = float(np.median(values[-1]))
        entries.append(Entry(label, look[label], (steps, end), end))
    ax.set_ylim(bottom=0)
    if len(entries) > 1:  # the title names a single one
        label_ends(ax, entries)
    dress(ax, _finding(rates, steps), "step", "learning rate")
    if ours:
        figure: Any = ax.get_figure(root=True)
        caption(figure, f"The learning rates of steps 1 to {steps}.")
    return ax


def _mapping(schedules: Any) -> dict[str, Schedule]:
    """Schedules by label; a single one is labelled with its name, or how it was made."""
    expected = "a function of the step, such as cosine(0.1, steps=100)"
    if callable(schedules):
        return {getattr(schedules, "__name__", repr(schedules)): schedules}
    if not isinstance(schedules, Mapping):
        raise TypeError(
            f"plot_schedules: schedules must be {expected}, or a mapping of labels to such "
            f"functions; got {shown(schedules)}"
        )
    if not schedules:
        raise ValueError("plot_schedules: schedules is empty, there is nothing to draw")
    for label, schedule in schedules.items():
        if not callable(schedule):
            raise TypeError(
                f"plot_schedules: schedules[{label!r}] must be {expected}, got {shown(schedule)}"
            )
    return {str(label): schedule for label, schedule in schedules.items()}


def _rates(label: str, schedule: Schedule, t: np.ndarray) -> np.ndarray:
    """The learning rates at these steps, a column a run."""
    rows = [
        checks.number_or_runs(f"the lr of {label!r} at t = {i}", schedule(i), checks.NOT_NEGATIVE)
        for i in t.tolist()
    ]
    return np.array(rows).reshape(len(t), -1)


def _finding(rates: Mapping[str, np.ndarray], steps: int) -> str:
    """How high the rate goes, and where it ends."""
    highest = max(float(values.max()) for values in rates.values())
    last = np.concatenate([values[-1] for values in rates.values()])
    low, high = number(float(last.min())), number(float(last.max()))
    ends = low if low == high else f"{low} to {high}"
    whose = f"{brief(next(iter(rates)))}: up to" if len(rates) == 1 else "Rates up to"
    return f"{whose} {number(highest)}; step {steps} has {ends}"
