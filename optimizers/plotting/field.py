"""The gradient field: which way is down, and how steep it is."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm

from optimizers.gradients import Gradient
from optimizers.plotting.contour import axis_names, draw_landscape, has_minima
from optimizers.plotting.frame import frame_of
from optimizers.plotting.layout import axes_for, color_bar, map_size
from optimizers.plotting.paths import titled
from optimizers.plotting.relief import problem_in
from optimizers.plotting.style import caption, dress
from optimizers.problem import Problem, as_problem

ARROWS = 17  # along each axis
LONG = 0.8  # cells
# from mid grey-blue to almost black: visible on the pale map at both ends, and in grey
STEEP = LinearSegmentedColormap.from_list("steep", ["#8fb4dd", "#3a6fb0", "#1b2f6b", "#0a1230"])


def plot_gradient_field(function: Any, ax: Axes | None = None, *, domain: Any = None) -> Axes:
    """Draw arrows that point downhill, −∇f, coloured by the length of the gradient.

    Of one weight they lie along the curve.

    Parameters
    ----------
    function
        A test function, or any function of one or two weights that autograd can follow.
    ax
        Where to draw; a new figure if None.
    domain
        Lowest and highest value of each weight, as in `plot_contour`.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        As `plot_contour`, and for a function that autograd cannot follow.

    Examples
    --------
    >>> from optimizers.functions import saddle
    >>> ax = plot_gradient_field(saddle)
    """
    frame = frame_of(function, domain=domain, caller="plot_gradient_field")
    problem = problem_in(function, frame)
    cell = np.ptp(frame, axis=1) / ARROWS
    centres = [np.linspace(a, b, ARROWS) for a, b in frame + np.outer(cell / 2, [1, -1])]
    points = np.stack(np.meshgrid(*centres), axis=-1).reshape(-1, len(frame))
    values, gradient = _gradient(problem, points)  # says first what is wrong with the function
    ax, ours = axes_for(ax, "plot_gradient_field", map_size(frame, 7.4))
    plane = draw_landscape(ax, problem, frame, {})
    with np.errstate(all="ignore"):
        length = np.linalg.norm(gradient, axis=-1)
        downhill = np.where(length[:, np.newaxis] > 0, -gradient / length[:, np.newaxis], 0.0)
    if len(frame) == 1:
        tails, arrows = _along_the_curve(points, values, gradient, plane)
    else:
        tails, arrows = points, downhill * cell * LONG
    there = np.isfinite(values) & np.isfinite(length)
    some = length[there & (length > 0)]
    low, high = (some.min(), some.max()) if some.size else (0.1, 1.0)
    quiver = ax.quiver(
        *tails[there].T,
        *arrows[there].T,
        length[there].clip(low),
        cmap=STEEP,
        norm=LogNorm(low, high if high > low else 10 * low),
        angles="xy",
        scale_units="xy",
        scale=1,
        pivot="middle",
        width=0.0048,
        zorder=3,
    )
    color_bar(ax, quiver, "length of the gradient")
    tens = np.log10(high / low)
    title = f"{titled(problem)}: gradients span {tens:.1f} powers of ten"
    if not some.size:
        title = f"{titled(problem)}: no gradient anywhere in the picture"
    dress(ax, title, *axis_names(frame, problem))
    if ours:
        star = " ★ minimum." if has_minima(problem) else ""
        caption(
            ax.get_figure(root=True),  # type: ignore[arg-type]
            "Arrows point downhill, −∇f, all equally long; their colour shows how steep it is."
            + star,
        )
    return ax


def _gradient(problem: Problem, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """f and ∇f, without noise, at points (k, n)."""
    exact = problem if problem.exact is None else as_problem(problem.exact, problem.start)
    with np.errstate(all="ignore"):
        return Gradient(exact, problem.layout)(points)


def _along_the_curve(
    points: np.ndarray, heights: np.ndarray, slope: np.ndarray, plane: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Middles and arrows that touch the curve, equally long as they are seen."""
    width, height = np.ptp(plane, axis=1)
    with np.errstate(all="ignore"):
        down = -np.sign(slope) * np.concatenate([np.ones_like(slope), slope], axis=1)
        size = np.linalg.norm(down / [width, height], axis=1, keepdims=True)
        arrows = np.where(size > 0, down / size * LONG / ARROWS, 0.0)
    return np.column_stack([points, heights]), arrows
