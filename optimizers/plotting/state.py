"""The inner state of a rule over time: m̂, v̂ and the effective step size of each coordinate."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from optimizers.checks import shown
from optimizers.learning_rate import is_by_layer
from optimizers.plotting.convergence import Curves, draw_convergence
from optimizers.plotting.labels import Entry, label_ends
from optimizers.plotting.layout import panels_for
from optimizers.plotting.paths import problem_of
from optimizers.plotting.scale import LARGEST, Scale, framed, log_ticks
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
from optimizers.problem import Problem
from optimizers.trajectory import Trajectory

NEEDED = ("m_hat", "v_hat")
ALONE = 4  # up to so many coordinates have a line each; of more, the median and a band


def plot_state(path: Trajectory, function: Any = None, axes: Any = None) -> np.ndarray:
    r"""Draw m̂, v̂ and the effective step size η / (√v̂ + ε) against the step.

    Up to four coordinates have a line each; of more, the median and the quartiles are drawn. Where
    a rule keeps v̂ of some weights only, as Muon does, its lines have no names.

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
    ['$\\hat m$ (symlog)', '$\\hat v$ (log)', 'effective\nstep size (log)']
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
    problem = None if function is None else problem_of(function, {"": path}, "plot_state")
    if problem is not None:
        draw_convergence(next(rest), Curves({path.rule: path}, problem))
    step_size = effective_step(path)
    look = looks({path.rule: path.rule})[path.rule]
    _draw(next(rest), path, _columns(path, "m_hat"), look, r"$\hat m$", _momentum(path))
    _draw(next(rest), path, _columns(path, "v_hat"), look, r"$\hat v$", _size(path), log=True)
    what = "effective\nstep size"
    _draw(next(rest), path, step_size, look, what, _spread(path, step_size), log=True)
    for ax in panels[:-1]:
        ax.set_xlabel("")
        ax.tick_params(labelbottom=False)
    if ours:
        figure: Any = panels[0].get_figure(root=True)
        caption(figure, _made(path, problem))
    return np.array(panels)


def effective_step(path: Trajectory) -> np.ndarray:
    """η / (√v̂ + ε) at each row, (rows, P); nan before the first step, and where η is unknown."""
    v_hat = _columns(path, "v_hat")
    rate = np.array([_rate(path, int(t), v_hat.shape[1]) for t in path.step])
    epsilon = path.hyper_parameters.get("epsilon", 0.0)
    with np.errstate(all="ignore"):
        steps = rate / (np.sqrt(v_hat) + epsilon)
    return np.where(np.isfinite(steps), steps, np.nan)


def _rate(path: Trajectory, t: int, count: int) -> np.ndarray:
    """The learning rate of step t for each of so many weights; nan where nobody knows it."""
    lr = _lr(path)
    unknown = np.full(count, np.nan)
    if callable(lr):
        lr = lr(t) if t > 0 else None
    if lr is None or isinstance(lr, str):  # of a path that was saved, a schedule's name is left
        return unknown
    if is_by_layer(lr):  # who is not named has the rule's own, which the path does not tell
        lr = path.layout.per_weight("lr", lr, np.nan)
    rates = np.ravel(np.asarray(lr, float))
    return np.broadcast_to(rates, count) if len(rates) in (1, count) else unknown


def _lr(path: Trajectory) -> Any:
    """The learning rate of the weights that have a v̂: Muon gives these one of their own."""
    own = path.hyper_parameters.get("adam_lr")
    return path.hyper_parameters.get("lr") if own is None else own


def _columns(path: Trajectory, name: str) -> np.ndarray:
    """What was watched, a column a weight."""
    return path[name].reshape(len(path), -1)


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
    if log:
        values = np.where(values > 0, values, np.nan)
    values = np.where(np.isfinite(values), values, np.nan)
    _scale(ax, values, log)
    rows = np.isfinite(values).any(axis=1)
    step, values = path.step[rows], values[rows]
    named = values.shape[1] == path.theta.shape[1]  # otherwise nobody knows whose they are
    entries = []
    if values.shape[1] <= ALONE:
        for i, column in enumerate(values.T):
            mine = Look(look.color, LINES[i])
            draw_line(ax, step, column, mine)
            if named and np.isfinite(column).any():
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
    dress(ax, title, "step", what + _SCALES[ax.get_yscale()])


_SCALES = {"linear": "", "log": " (log)", "symlog": " (symlog)"}


def _scale(ax: Axes, values: np.ndarray, log: bool) -> None:
    """The scale and the limits that the values need; of none, the axis stays as it is."""
    found = values[np.isfinite(values)]
    top = float(np.abs(found).max(initial=0.0))
    if top == 0:
        return
    near = max(10.0 ** np.floor(np.log10(top) - 2), 1 / LARGEST)
    # m̂ has both signs, and its end is far smaller than its beginning
    scale = Scale("log") if log else Scale("symlog", near)
    scale.on(ax)
    ax.set_ylim(*framed(scale, float(found.min()), float(found.max())))
    if log:
        log_ticks(ax.yaxis, *ax.get_ylim())


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
    size = np.linalg.norm(_columns(path, "m_hat"), axis=1)
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


def _spread(path: Trajectory, step_size: np.ndarray) -> str:
    found = step_size[np.isfinite(step_size)]
    if found.size:
        return f"The step size ranges from {number(found.min())} to {number(found.max())}"
    return "No step was made" if len(path) < 2 else "The step size is not known"


def _made(path: Trajectory, problem: Problem | None) -> str:
    on = "" if problem is None else f" on {problem.name}"
    many, kept = path.theta.shape[1], _columns(path, "v_hat").shape[1]
    band = " Lines: medians over the weights, bands: quartiles." if many > ALONE else ""
    part = f" v̂ is kept for {kept} of {many} weights." if kept != many else ""
    return (
        f"{path.rule}{on}, {_told(path)}, {path.step[-1] - path.step[0]} steps. "
        f"Effective step size: η / (√v̂ + ε).{part}{band}"
    )


def _told(path: Trajectory) -> str:
    """The learning rate in words."""
    lr = _lr(path)
    if lr is None:
        return "η unknown"
    if callable(lr) or isinstance(lr, str):
        return "η by schedule"
    rates = np.ravel(np.asarray(lr, float))
    low, high = number(float(rates.min())), number(float(rates.max()))
    return f"η = {low}" if low == high else f"η from {low} to {high}, by weight"
