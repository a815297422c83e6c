"""The inner state of a rule over time: m̂, v̂ and the effective step size of each coordinate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from optimizers.checks import shown
from optimizers.plotting.convergence import Curves, draw_convergence
from optimizers.plotting.labels import Entry, label_ends
from optimizers.plotting.layout import panels_for
from optimizers.plotting.style import (
    LINES,
    WIDTH,
    Look,
    caption,
    casing,
    dress,
    looks,
    number,
)
from optimizers.trajectory import Trajectory

NEEDED = ("m_hat", "v_hat")
ALONE = 4  # up to so many coordinates have a line each; of more, the median and a band


def plot_state(path: Trajectory, function: Any = None, axes: Any = None) -> np.ndarray:
    r"""Draw m̂, v̂ and the effective step size η / (√v̂ + ε) against the step.

    Up to four coordinates have a line each; of more, the median and the quartiles are drawn.

    Parameters
    ----------
    path
        One run, recorded with `watch=("m_hat", "v_hat")`.
    function
        What was minimised; with it a panel of the loss comes first.
    axes
        Three Axes (four with a function); a new figure if None.

    Returns
    -------
    array of Axes

    Raises
    ------
    TypeError
        If `path` is not a trajectory.
    ValueError
        If m_hat and v_hat were not watched, or there are many runs, or too few Axes.

    Examples
    --------
    >>> from optimizers import Adam
    >>> from optimizers.functions import rosenbrock
    >>> adam = Adam(rosenbrock, [-1.5, 2.0], lr=0.05)
    >>> axes = plot_state(adam.minimize(200, watch=("m_hat", "v_hat")))
    >>> [ax.get_ylabel() for ax in axes]
    ['$\\hat m$ (symlog)', '$\\hat v$ (log)', 'effective step size (log)']
    """
    if not isinstance(path, Trajectory):
        raise TypeError(f"plot_state: path must be one Trajectory, got {shown(path)}")
    if any(name not in path.watched for name in NEEDED):
        watched = ", ".join(sorted(path.watched)) or "nothing"
        raise ValueError(
            f"plot_state needs m_hat and v_hat, but this path of {path.rule} watched {watched}: "
            'record them with minimize(steps, watch=("m_hat", "v_hat"))'
        )
    if path.theta.ndim != 2:
        raise ValueError(
            f"plot_state draws one run, but this path has {path.loss[0].size} side by side"
        )
    count = 3 if function is None else 4
    size = (8.0, 2.3 * count + 0.6)
    panels, ours = panels_for(axes, "plot_state", (count, 1), size, sharex=True)
    rest = iter(panels)
    if function is not None:
        draw_convergence(next(rest), Curves({path.rule: path}, function))
    step_size = effective_step(path)
    look = looks({path.rule: path.rule})[path.rule]
    _draw(next(rest), path, path["m_hat"], look, r"$\hat m$", _momentum(path))
    _draw(next(rest), path, path["v_hat"], look, r"$\hat v$", _size(path), log=True)
    what = "effective step size"
    _draw(next(rest), path, step_size, look, what, _spread(step_size), log=True)
    for ax in panels[:-1]:
        ax.set_xlabel("")
        ax.tick_params(labelbottom=False)
    if ours:
        figure: Any = panels[0].get_figure(root=True)
        caption(figure, _made(path, function))
    return np.array(panels)


def effective_step(path: Trajectory) -> np.ndarray:
    """η / (√v̂ + ε) at each row, (rows, P); nan before the first step."""
    lr: float | Callable[[int], float] = path.hyper_parameters["lr"]
    if callable(lr):
        rate = np.array([[lr(int(t)) if t > 0 else np.nan] for t in path.step])
    else:
        rate = np.full((len(path), 1), float(lr))
    epsilon = path.hyper_parameters.get("epsilon", 0.0)
    with np.errstate(all="ignore"):
        steps = rate / (np.sqrt(path["v_hat"]) + epsilon)
    return np.where(np.isfinite(steps), steps, np.nan)


def _draw(
    ax: Axes,
    path: Trajectory,
    values: np.ndarray,
    look: Look,
    what: str,
    title: str,
    log: bool = False,
) -> None:
    """One panel: the coordinates of one quantity over time."""
    scale = ""
    if log and np.nanmax(values, initial=0.0) > 0:
        scale = " (log)"
        values = np.where(values > 0, values, np.nan)
        ax.set_yscale("log")
    else:
        values = np.where(np.isfinite(values), values, np.nan)
        top = float(np.nanmax(np.abs(values), initial=0.0))
        if top > 0:  # both signs, and the end is far smaller than the beginning
            ax.set_yscale("symlog", linthresh=10.0 ** np.floor(np.log10(top) - 2))
            scale = " (symlog)"
    rows = np.isfinite(values).any(axis=1)
    step, values = path.step[rows], values[rows]
    entries = []
    if values.shape[1] <= ALONE:
        for i, column in enumerate(values.T):
            mine = Look(look.color, LINES[i])
            draw_line(ax, step, column, mine)
            entries.append(_entry(rf"$\theta_{{{i + 1}}}$", mine, step, column))
    elif len(values):
        low, middle, high = np.nanquantile(values, [0.25, 0.5, 0.75], axis=1, method="nearest")
        ax.fill_between(step, low, high, color=look.color, alpha=0.2, linewidth=0)
        draw_line(ax, step, middle, look)
        entries.append(_entry("median", look, step, middle))
    ax.grid(True, color="#e6e6e6", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.set_xlim(int(path.step[0]), max(int(path.step[-1]), int(path.step[0]) + 1))
    if entries:
        label_ends(ax, entries)
    dress(ax, title, "step", what + scale)


def draw_line(ax: Axes, step: np.ndarray, values: np.ndarray, look: Look) -> Line2D:
    """One coordinate over time."""
    (line,) = ax.plot(
        step,
        values,
        color=look.color,
        linestyle=look.line,
        linewidth=WIDTH,
        path_effects=casing(),
    )
    return line


def _entry(text: str, look: Look, step: np.ndarray, values: np.ndarray) -> Entry:
    last = np.flatnonzero(np.isfinite(values))
    end = (float(step[last[-1]]), float(values[last[-1]])) if len(last) else (0.0, 1.0)
    return Entry(text, look, end, end[1])


def _momentum(path: Trajectory) -> str:
    """How the smoothed gradient ended, relative to its largest."""
    size = np.linalg.norm(path["m_hat"], axis=1)
    size = size[np.isfinite(size)]
    if not size.size or size.max() == 0:
        return f"{path.rule}: the smoothed gradient is zero"
    return f"{path.rule}: the smoothed gradient ends at {size[-1] / size.max():.2g} of its largest"


def _size(path: Trajectory) -> str:
    v = path["v_hat"]
    v = v[np.isfinite(v) & (v > 0)]
    if not v.size:
        return "The smoothed square is zero"
    return f"The smoothed square spans {np.log10(v.max() / v.min()):.1f} powers of ten"


def _spread(step_size: np.ndarray) -> str:
    found = step_size[np.isfinite(step_size)]
    if not found.size:
        return "No step was made"
    return f"The step size ranges from {number(found.min())} to {number(found.max())}"


def _made(path: Trajectory, function: Any) -> str:
    lr = path.hyper_parameters["lr"]
    rate = "η by schedule" if callable(lr) else f"η = {number(float(lr))}"
    on = "" if function is None else f" on {getattr(function, 'name', 'the loss')}"
    many = path.theta.shape[1]
    band = f" Line: median of {many} coordinates, band: quartiles." if many > ALONE else ""
    return (
        f"{path.rule}{on}, {rate}, {path.step[-1] - path.step[0]} steps. "
        f"Effective step size: η / (√v̂ + ε).{band}"
    )
