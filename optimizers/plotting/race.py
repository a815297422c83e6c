"""A race at one glance: paths, convergence and learning-rate curves side by side."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimizers.checks import shown
from optimizers.experiments.comparison import Comparison
from optimizers.plotting.accuracy import draw_accuracy
from optimizers.plotting.budget import draw_budget
from optimizers.plotting.contour import draw_paths, signs
from optimizers.plotting.convergence import Curves, curves_of, draw_convergence
from optimizers.plotting.frame import frame_of
from optimizers.plotting.labels import LEGEND, SHARE, Entry, columns_of, fit_at_ends
from optimizers.plotting.layout import panels_for
from optimizers.plotting.learning_rate import RateCurves, draw_learning_rates
from optimizers.plotting.paths import can_be_drawn, chance_of, spot, titled, with_others
from optimizers.plotting.style import caption, looks
from optimizers.plotting.words import lettered

COLUMNS = 11.0  # inches: a figure at least so wide has its panels side by side


def plot_race(
    comparison: Comparison, axes: Any = None, *, title: str = "", width: float = 12.0
) -> np.ndarray:
    """Draw the panels of a comparison: paths, convergence, accuracy, learning-rate curves.

    The paths are left out unless there are one or two weights, the accuracy unless a model was
    trained, the learning-rate curves if the learning rates were given; of a search, what the best
    of so many trials reaches takes their place. On the map, the run from the start itself lies
    over thin lines, those of the seeds. The two losses share their limits; on the right stand the
    seeds of the tuning, in the middle others, so that ● and the end of a curve may differ.

    Parameters
    ----------
    comparison
        What `compare` returns.
    axes
        As many Axes as there are panels; a new figure if None.
    title
        Your own sentence in place of the one that says which rule is lowest.
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
    once, others = with_others(comparison, "plot_race")
    problem = comparison.problem
    rated = bool(comparison.lr_grid) and comparison.trials is None
    trained = bool(comparison.accuracies)
    flat = can_be_drawn(once) and not trained and comparison.has_loss
    count = 1 + flat + trained + bool(comparison.tunings)
    beside = width >= COLUMNS
    shape = (1, count) if beside else (count, 1)
    size = (width, 0.34 * width) if beside else (width, 0.8 * width * count)
    panels, ours = panels_for(axes, "plot_race", shape, size)
    rest = iter(panels)

    curves = curves_of(comparison, dict(comparison), problem)
    said = [curves.label(label) for label in comparison]
    few = fit_at_ends(panels[0], said) and not trained  # three narrow panels share one key
    names = few or not ours  # on the caller's own axes each panel carries its key
    if flat:
        draw_paths(next(rest), once, problem, frame_of(problem, once), names, others)
    limits = shared = curves.limits
    if rated:
        rates = _rates(comparison, curves)
        shared = (min(limits[0], rates.lowest_below(limits[1])), limits[1])
        zone = rates.zone(panels[-1])
        limits = (shared[0], curves.scale.raised(*shared, zone))
    draw_convergence(next(rest), curves, limits=limits, names=names, title=title)
    if trained:
        draw_accuracy(next(rest), comparison, names=names)
    if rated:
        of = f"Final loss by {rates.name}"
        draw_learning_rates(next(rest), rates, limits=shared, names=names, title=of)
    elif comparison.tunings:
        draw_budget(next(rest), comparison, names=names)
    if ours:
        figure: Any = panels[0].get_figure(root=True)
        made = _made(comparison, is_crowded=flat and bool(others))
        caption(figure, made + (f"\n{signs(problem, once)}" if flat else ""))
        if not few:
            _key(figure, curves, comparison, beside)
    return np.array(panels)


def _rates(comparison: Comparison, curves: Curves) -> RateCurves:
    """The learning-rate curves on the scale of the others."""
    rates = RateCurves(
        comparison.lr_grid,
        {label: tuning.losses for label, tuning in comparison.tunings.items()},
        curves.minimum,
        comparison.lr,
        {label: path.rule for label, path in comparison.items()},
        problem=comparison.problem,
    )
    rates.floor, rates.scale = curves.floor, curves.scale
    return rates


def _key(figure: Any, curves: Curves, comparison: Comparison, beside: bool) -> None:
    """One legend for all panels, in the order of the table."""
    look = looks({label: path.rule for label, path in curves.paths.items()})
    entries = [
        Entry(curves.label(label), look[label], (0, 0), -place)
        for place, label in enumerate(comparison.standing.medians)
    ]
    width, height = figure.get_size_inches()
    if beside:
        where, room = "outside right center", (SHARE / 2 * width, 0.9 * height)
    else:
        where, room = "outside upper left", (0.9 * width, 0.2 * height)
    legend = figure.legend(**columns_of(entries, *room), loc=where, **LEGEND)
    lettered(*legend.get_texts())


def _made(comparison: Comparison, is_crowded: bool) -> str:
    """How the race was made, and what the lines are: on a crowded map lie all seeds' paths."""
    problem = comparison.problem
    tuned_on, shown_on = comparison.seeds or (), comparison.race_seeds or ()
    words = [titled(problem)]
    if problem.theta.size <= 4 and not problem.draws_start:
        words.append(f"from {spot(problem.theta)}")
    said = [f"{', '.join(words)}, {comparison.steps} {comparison.budget}."]
    if comparison.tunings:
        count = max(len(tuning.losses) for tuning in comparison.tunings.values())
        over = f"{count} learning rates (● on the right)"
        if comparison.trials is not None:
            over = f"{count} points of its own space"
        said.append(f"Every rule is tuned over {over}.")
    else:
        said.append("The learning rates were given, not tuned.")
    said.append(chance_of(problem, max(1, len(shown_on))))
    if len(shown_on) > 1:
        on = f"Shown on {len(shown_on)} seeds"
        if comparison.tunings:
            on = f"Tuned on {len(tuned_on)} seeds, shown on {len(shown_on)} others"
        said.append(f"{on}: median, and quartiles as a band.")
    else:
        said.append("A single run.")
    if is_crowded:
        said.append("Thick paths: from the start itself; thin ones: the seeds.")
    return " ".join(filter(None, said))
