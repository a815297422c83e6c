"""The pictures of the README and of the course, each drawn by one function."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation
from matplotlib.figure import Figure

from optimizers import (
    RULES,
    SGD,
    Adam,
    AdamW,
    Momentum,
    Newton,
    RMSProp,
    basins,
    compare,
    sweep,
)
from optimizers.experiments.comparison import Comparison
from optimizers.functions import FUNCTIONS, beale, himmelblau, rosenbrock
from optimizers.plotting import (
    animate_paths,
    plot_basins,
    plot_family,
    plot_heatmap,
    plot_learning_rates,
    plot_state,
    save_gif,
)
from optimizers.plotting.contour import draw_contour
from optimizers.plotting.frame import frame_of
from optimizers.plotting.layout import new_figure
from optimizers.plotting.style import caption
from optimizers.rules import RACERS

DPI = 110
COLUMNS = 6  # of the test functions
RESOLUTION = 120  # starts along each axis of the basins
# at which paths are smooth
GENTLE = ((SGD, 0.001), (Momentum, 0.0005), (RMSProp, 0.01), (Adam, 0.05))
# Newton's step needs no learning rate
SEEKERS = ((SGD, 0.01), (Momentum, 0.01), (Adam, 0.1), (Newton, 1.0))


def race() -> Figure:
    """Momentum, AdaGrad, RMSProp and Adam race on Beale's function, tuned alike on many starts.

    Their paths, the loss step by step, and the final loss against the learning rate.
    """
    found = compare([RULES[name] for name in RACERS], beale, steps=250)
    return _figure_of(found.plot(title=said_of(found)))


def said_of(race: Comparison) -> str:
    """A title for a race of Adam and those it was made from, if the race bears it out."""
    better = race.standing.better
    made_of = {("Adam", label) for label in ("Momentum", "RMSProp")}
    if race.winner == "Adam" and made_of <= better:
        return "Adam joins Momentum and RMSProp, and beats both"
    return ""


def race_film() -> FuncAnimation:
    """Four rules run down Rosenbrock's valley, each at a gentle learning rate, step by step."""
    ax = new_figure((5.0, 4.0))[0]
    paths = {
        rule.__name__: rule(rosenbrock, rosenbrock.start, lr=lr).minimize(500)
        for rule, lr in GENTLE
    }
    return animate_paths(paths, rosenbrock, ax)


def zoo() -> Figure:
    """The test functions as maps: darker is higher, ★ marks the global minima."""
    functions = list(FUNCTIONS.values())
    rows = -(-len(functions) // COLUMNS)
    axes = new_figure((2.3 * COLUMNS, 2.3 * rows), rows, COLUMNS)
    for ax in axes:
        ax.set_axis_off()
    for function, ax in zip(functions, axes, strict=False):
        draw_contour(ax, function, frame_of(function))
        ax.set_aspect("auto")
        ax.set_title(function.name, fontsize=12)
    figure = _figure_of(axes)
    caption(figure, "Darker is higher, lines of equal loss; ★ global minimum.")
    return figure


def family() -> Figure:
    """What each rule is made of, in four slots; what rules share is tinted."""
    return _figure_of(plot_family())


def learning_rates() -> Figure:
    """The loss after 500 steps on Rosenbrock, against the learning rate: who forgives a bad one."""
    race = compare([SGD, Momentum, Adam, AdamW], rosenbrock, steps=500)
    losses = {label: tuning.losses for label, tuning in race.tunings.items()}
    figure = _figure_of(plot_learning_rates(race.lr_grid, losses, 0.0, race.lr))
    caption(
        figure, f"Rosenbrock, 500 steps. Median and quartiles of {len(race.seeds or ())} starts."
    )
    return figure


def heat_maps() -> Figure:
    """Two hyper-parameters together on Rosenbrock: Momentum's lr and μ, AdamW's lr and λ."""
    axes = new_figure((13, 5.4), 1, 2)
    lr, momentum = np.geomspace(1e-5, 1e-1, 60), np.linspace(0, 0.99, 50)
    plot_heatmap(sweep(Momentum, rosenbrock, steps=500, lr=lr, momentum=momentum), axes[0])
    lr, decay = np.geomspace(1e-3, 10, 60), np.geomspace(1e-5, 1, 50)
    plot_heatmap(sweep(AdamW, rosenbrock, steps=500, lr=lr, weight_decay=decay), axes[1])
    figure = _figure_of(axes)
    caption(figure, "Rosenbrock, 3,000 runs of 500 steps per map. ☆ the best, hatched: diverged.")
    return figure


def basins_of_attraction() -> Figure:
    """Where each start on Himmelblau's function ends: the rule decides which minimum is found."""
    axes = new_figure((13, 9.4), 2, 2)
    for ax, (rule, lr) in zip(axes, SEEKERS, strict=True):
        plot_basins(basins(rule, himmelblau, lr=lr, steps=500, resolution=RESOLUTION), ax)
    figure = _figure_of(axes)
    rates = ", ".join(f"{rule.__name__} {lr:g}" for rule, lr in SEEKERS)
    starts = f"{RESOLUTION} × {RESOLUTION} starts"
    caption(figure, f"Himmelblau, 500 steps from each of {starts}. Learning rates: {rates}.")
    return figure


def inner_state() -> Figure:
    """Inside Adam on Rosenbrock: the loss, m̂, v̂, and the step size that each weight gets."""
    adam = Adam(rosenbrock, rosenbrock.start, lr=0.05)
    return _figure_of(plot_state(adam.minimize(500, watch=("m_hat", "v_hat")), rosenbrock))


GALLERY: dict[str, Callable[[], Figure | FuncAnimation]] = {
    draw.__name__.replace("_", "-"): draw
    for draw in (
        race,
        race_film,
        zoo,
        family,
        learning_rates,
        heat_maps,
        basins_of_attraction,
        inner_state,
    )
}


def write_picture(name: str, folder: Path) -> Path:
    """Draw one of `GALLERY` into a folder: a figure as .png, a film as .gif. Returns its path.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_picture("family", Path(folder)).name
    'family.png'
    """
    drawn = GALLERY[name]()
    if isinstance(drawn, Figure):
        file = folder / f"{name}.png"
        drawn.savefig(file, dpi=DPI)
    else:
        file = folder / f"{name}.gif"
        save_gif(drawn, file)
    plt.close("all")
    return file


def _figure_of(drawn: Any) -> Figure:
    return np.ravel(drawn)[0].get_figure(root=True)
