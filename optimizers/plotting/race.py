"""A race at one glance: paths, convergence and learning-rate curves side by side."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimizers.plotting.accuracy import draw_accuracy
from optimizers.plotting.contour import SIGNS, draw_paths, frame_of
from optimizers.plotting.convergence import Curves, draw_convergence
from optimizers.plotting.labels import LEGEND, Entry, handles_for
from optimizers.plotting.layout import panels_for
from optimizers.plotting.learning_rate import RateCurves, draw_learning_rates, zoned_top
from optimizers.plotting.paths import chance, known_minimum, label_with_end, loss_name, mapping
from optimizers.plotting.style import LABELLED, caption, looks, number, place

COLUMNS = 11.0  # inches: a figure at least so wide has its panels side by side


def plot_race(comparison: Any, axes: Any = None, *, width: float = 12.0) -> np.ndarray:
    """Draw the panels of a comparison: paths, convergence, accuracy, learning-rate curves.

    The paths are left out unless the function has two variables, the accuracy unless a model was
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
    if not hasattr(comparison, "lr_grid"):
        raise TypeError(f"plot_race: comparison must be what compare returns, got {comparison!r}")
    paths = mapping(comparison, "plot_race")
    function = comparison.function
    flat = hasattr(function, "domain") and all(p.theta.shape[-1] == 2 for p in paths.values())
    flat = flat and function.dimension == 2
    tuned = comparison.lr_grid is not None
    trained = bool(comparison.accuracies)
    count = 1 + flat + trained + tuned
    beside = width >= COLUMNS
    shape = (1, count) if beside else (count, 1)
    size = (width, 0.34 * width) if beside else (width, 0.8 * width * count)
    panels, ours = panels_for(axes, "plot_race", shape, size)
    rest = iter(panels)

    few = len(paths) <= LABELLED and not trained  # three narrow panels share one key
    names = few or not ours  # on the caller's own axes each panel carries its key
    if flat:
        draw_paths(next(rest), paths, function, frame_of(function, paths), names)
    curves = Curves(paths, function)
    limits = curves.limits
    if tuned:
        rules = {label: path.rule for label, path in paths.items()}
        rates = RateCurves(
            comparison.lr_grid, comparison.final_loss, known_minimum(function), comparison.lr, rules
        )
        rates.floor, rates.log_y, rates.what = curves.floor, curves.log, loss_name(function)
        shared = (min(limits[0], rates.limits[0]) if curves.log else limits[0], limits[1])
        limits = (shared[0], zoned_top(*shared, rates))
    draw_convergence(next(rest), curves, limits=limits, names=names)
    if trained:
        draw_accuracy(next(rest), comparison, names=names)
    if tuned:
        draw_learning_rates(next(rest), rates, limits=shared, names=names)
    if ours:
        figure: Any = panels[0].get_figure(root=True)
        caption(figure, _made(comparison, tuned) + (f"\n{SIGNS}" if flat else ""))
        if not few:
            _key(figure, comparison, curves, beside)
    return np.array(panels)


def _key(figure: Any, comparison: Any, curves: Curves, beside: bool) -> None:
    """One legend for all panels, ordered as the convergence curves end."""
    look = looks({label: path.rule for label, path in comparison.items()})
    ends = {
        label: np.inf if np.all(path.diverged) else float(curves.shown[label][-1, 1])
        for label, path in comparison.items()
    }
    entries = [
        Entry(label_with_end(label, comparison[label]), look[label], (0, 0), ends[label])
        for label in sorted(ends, key=lambda label: -ends[label])
    ]
    where = "outside right center" if beside else "outside upper left"
    figure.legend(handles=handles_for(entries), loc=where, ncols=1 if beside else 3, **LEGEND)


def _made(comparison: Any, tuned: bool) -> str:
    """How the race was made."""
    function = comparison.function
    start = np.ravel(comparison.start) if not isinstance(comparison.start, dict) else None
    words = [getattr(function, "name", getattr(function, "__name__", "loss"))]
    if start is not None and start.size <= 4 and comparison.seeds is None:
        words.append(f"from {place(start)}")
    words.append(f"{comparison.steps} steps")
    text = ", ".join(words) + ". "
    if tuned:
        grid = comparison.lr_grid
        text += (
            f"Every rule is tuned over the same {len(grid)} learning rates from "
            f"{number(grid.min())} to {number(grid.max())} for the loss after {comparison.steps} "
            "steps (● on the right). Nothing is clipped. "
        )
    else:
        text += "The learning rates were given, not tuned. "
    text += chance(function)
    if comparison.race_seeds is not None:
        chosen = f"Tuned on {len(comparison.seeds)} seeds, shown on" if tuned else "Shown on"
        text += f" {chosen} {len(comparison.race_seeds)} others: median, and quartiles as a band."
    return text.strip()
