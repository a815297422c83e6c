"""A race at one glance: paths, convergence and learning-rate curves side by side."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimizers.checks import shown
from optimizers.experiments.compare import Comparison
from optimizers.plotting.accuracy import draw_accuracy
from optimizers.plotting.contour import draw_paths, signs
from optimizers.plotting.convergence import Curves, draw_convergence
from optimizers.plotting.frame import frame_of
from optimizers.plotting.labels import LEGEND, SHARE, Entry, columns_of, fit_at_ends
from optimizers.plotting.layout import panels_for
from optimizers.plotting.learning_rate import RateCurves, draw_learning_rates
from optimizers.plotting.paths import can_be_drawn, mapping, spot, titled
from optimizers.plotting.style import caption, looks, number
from optimizers.plotting.words import lettered

COLUMNS = 11.0  # inches: a figure at least so wide has its panels side by side


def plot_race(comparison: Comparison, axes: Any = None, *, width: float = 12.0) -> np.ndarray:
    """Draw the panels of a comparison: paths, convergence, accuracy, learning-rate curves.

    The paths are left out unless there are one or two weights, the accuracy unless a model was
    trained, the learning-rate curves if the learning rates were given. The two losses share their
    limits, so that each ● on the right lies as high as its curve in the middle ends.

    Parameters
    ----------
    comparison
        What `compare` returns.
    axes
        As many Axes as there are panels; a new figure if None.
    width
        Of the new figure, in inches: from 11 on the panels stand side by side, else one above the
        other.

    Returns
    -------
    array of Axes

    Raises
    ------
    TypeError, ValueError
        For what is not a comparison, or the wrong number of axes.

    Examples
    --------
    >>> from optimizers import SGD, Adam, compare
    >>> from optimizers.functions import booth
    >>> axes = plot_race(compare([SGD, Adam], booth, steps=50))
    >>> len(axes)
    3
    """
    if not isinstance(comparison, Comparison):
        raise TypeError(
            f"plot_race: comparison must be what compare returns, got {shown(comparison)}"
        )
    paths = mapping(comparison, "plot_race")
    problem = comparison.problem
    tuned = comparison.lr_grid is not None
    trained = bool(comparison.accuracies)
    flat = can_be_drawn(paths) and not trained
    count = 1 + flat + trained + tuned
    beside = width >= COLUMNS
    shape = (1, count) if beside else (count, 1)
    size = (width, 0.34 * width) if beside else (width, 0.8 * width * count)
    panels, ours = panels_for(axes, "plot_race", shape, size)
    rest = iter(panels)

    curves = Curves(paths, problem)
    said = [curves.label(label) for label in paths]
    few = fit_at_ends(panels[0], said) and not trained  # three narrow panels share one key
    names = few or not ours  # on the caller's own axes each panel carries its key
    if flat:
        draw_paths(next(rest), paths, problem, frame_of(problem, paths), names)
    limits = shared = curves.limits
    if tuned:
        rates = _rates(comparison, curves)
        shared = (min(limits[0], rates.lowest_below(limits[1])), limits[1])
        zone = rates.zone(panels[-1])
        limits = (shared[0], curves.scale.raised(*shared, zone))
    draw_convergence(next(rest), curves, limits=limits, names=names)
    if trained:
        draw_accuracy(next(rest), comparison, names=names)
    if tuned:
        draw_learning_rates(next(rest), rates, limits=shared, names=names)
    if ours:
        figure: Any = panels[0].get_figure(root=True)
        caption(figure, _made(comparison, tuned) + (f"\n{signs(problem, paths)}" if flat else ""))
        if not few:
            _key(figure, curves, beside)
    return np.array(panels)


def _rates(comparison: Comparison, curves: Curves) -> RateCurves:
    """The learning-rate curves on the scale of the others."""
    rates = RateCurves(
        comparison.lr_grid,
        comparison.final_loss,
        curves.minimum,
        comparison.lr,
        {label: path.rule for label, path in comparison.items()},
        problem=comparison.problem,
    )
    rates.floor, rates.scale = curves.floor, curves.scale
    return rates


def _key(figure: Any, curves: Curves, beside: bool) -> None:
    """One legend for all panels, ordered as the convergence curves end."""
    look = looks({label: path.rule for label, path in curves.paths.items()})
    ends = curves.ends
    entries = [
        Entry(curves.label(label), look[label], (0, 0), ends[label])
        for label in sorted(ends, key=lambda label: -ends[label])
    ]
    width, height = figure.get_size_inches()
    if beside:
        where, room = "outside right center", (SHARE / 2 * width, 0.9 * height)
    else:
        where, room = "outside upper left", (0.9 * width, 0.2 * height)
    legend = figure.legend(**columns_of(entries, *room), loc=where, **LEGEND)
    lettered(*legend.get_texts())


def _made(comparison: Comparison, tuned: bool) -> str:
    """How the race was made."""
    problem = comparison.problem
    words = [titled(problem)]
    if problem.theta.size <= 4 and comparison.seeds is None:
        words.append(f"from {spot(problem.theta)}")
    words.append(f"{comparison.steps} steps")
    text = ", ".join(words) + ". "
    if comparison.lr_grid is not None:
        grid = comparison.lr_grid
        text += (
            f"Every rule is tuned over the same {len(grid)} learning rates from "
            f"{number(grid.min())} to {number(grid.max())} for the loss after {comparison.steps} "
            "steps (● on the right). Nothing is clipped. "
        )
    else:
        text += "The learning rates were given, not tuned. "
    text += problem.chance
    if comparison.seeds is not None and comparison.race_seeds is not None:
        others = f"on {len(comparison.race_seeds)}"
        if tuned:
            text += f" Tuned on {len(comparison.seeds)} seeds, shown {others} others:"
        else:
            text += f" Shown {others} seeds:"
        text += " median, and quartiles as a band."
    return text.strip()
