"""A suite at one glance: who leads where, and the performance profiles."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from optimizers.checks import shown
from optimizers.experiments.suite import Suite
from optimizers.plotting.layout import panels_for
from optimizers.plotting.profile import draw_profile, how_to_read
from optimizers.plotting.style import INK, PALETTE, caption, dress


def plot_suite(suite: Suite, axes: Any = None) -> np.ndarray:
    """Draw the places of every rule on every problem, and the performance profiles.

    On the left, ● a winner, separated from all others, ○ one of several leaders; the darker, the
    nearer to the first place.

    Parameters
    ----------
    suite
        What `suite` returns.
    axes
        Two Axes; a new figure if None.

    Returns
    -------
    array of two Axes

    Raises
    ------
    TypeError, ValueError
        For what is no suite, or the wrong number of axes.

    Examples
    --------
    >>> from optimizers import SGD, Adam, suite
    >>> from optimizers.functions import booth, matyas
    >>> axes = plot_suite(suite([SGD, Adam], [booth, matyas], steps=50))
    >>> len(axes)
    2
    """
    if not isinstance(suite, Suite):
        raise TypeError(f"plot_suite: suite must be what suite returns, got {shown(suite)}")
    height = max(4.6, 0.27 * len(suite) + 2.4)
    panels, ours = panels_for(axes, "plot_suite", (1, 2), (14.0, height))
    draw_places(panels[0], suite)
    draw_profile(panels[1], suite)
    if ours:
        text = "Left: ● wins, ○ is among several leaders; dark: near the first place. Right: "
        text += " ".join([how_to_read(suite), *suite.without_matrices()])
        figure: Any = panels[0].get_figure(root=True)
        caption(figure, text)
    return np.array(panels)


def draw_places(ax: Axes, suite: Suite) -> None:
    """A cell for each rule on each problem, and the title."""
    order = [row["rule"] for row in suite.rows()]
    places = suite.places
    middles = np.array([[np.mean(places[name][label]) for label in order] for name in suite])
    ax.pcolormesh(
        np.arange(len(order) + 1) - 0.5,
        np.arange(len(suite) + 1) - 0.5,
        middles,
        cmap="Blues_r",
        vmin=1,
        vmax=len(order) + 1.5,
        edgecolors="white",
        linewidth=1.0,
    )
    for y, race in enumerate(suite.values()):
        for label in race.leaders:
            wins = race.winner == label
            ax.plot(
                order.index(label),
                y,
                "o",
                markersize=10 if wins else 8,
                markerfacecolor="white" if wins else "none",
                markeredgecolor=PALETTE["red"] if wins else "white",
                markeredgewidth=1.6,
                path_effects=[] if wins else [withStroke(linewidth=3.2, foreground=INK)],
            )
    ax.set_xticks(range(len(order)), order, rotation=90)
    ax.set_yticks(range(len(suite)), list(suite))
    ax.set_ylim(len(suite) - 0.5, -0.5)
    ax.tick_params(length=0, labelsize=10)
    won = sum(race.winner is not None for race in suite.values())
    dress(ax, f"A clear winner on {won} of {len(suite)} problems")
