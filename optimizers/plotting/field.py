"""The gradient field: which way is down, and how steep it is."""

from __future__ import annotations

from typing import Any

import numpy as np
from autograd import elementwise_grad
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm

from optimizers.plotting.contour import draw_contour, frame_of
from optimizers.plotting.layout import axes_for, color_bar, map_size
from optimizers.plotting.paths import exact, plane
from optimizers.plotting.style import caption, dress

ARROWS = 17  # along each axis
# from mid grey-blue to almost black: visible on the pale map at both ends, and in grey
STEEP = LinearSegmentedColormap.from_list("steep", ["#8fb4dd", "#3a6fb0", "#1b2f6b", "#0a1230"])


def plot_gradient_field(function: Any, ax: Axes | None = None, *, domain: Any = None) -> Axes:
    """Draw arrows that point downhill, −∇f, coloured by the length of the gradient.

    Parameters
    ----------
    function
        A test function of two variables.
    ax
        Where to draw; a new figure if None.
    domain
        Lowest and highest value of each coordinate, (2, 2); the function's own if None.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        For a function that is not one of two variables, or 3-D axes.

    Examples
    --------
    >>> from optimizers.functions import saddle
    >>> ax = plot_gradient_field(saddle)
    """
    plane(function, "plot_gradient_field")
    frame = frame_of(function, domain=domain)
    ax, ours = axes_for(ax, "plot_gradient_field", map_size(frame, 7.4))
    draw_contour(ax, function, frame)
    cell = np.ptp(frame, axis=1) / ARROWS
    x, y = (np.linspace(a, b, ARROWS) for a, b in frame + np.outer(cell / 2, [1, -1]))
    points = np.stack(np.meshgrid(x, y), axis=-1)
    gradient = elementwise_grad(exact(function))(points)
    length = np.linalg.norm(gradient, axis=-1)
    with np.errstate(all="ignore"):
        downhill = np.where(length[..., np.newaxis] > 0, -gradient / length[..., np.newaxis], 0.0)
    some = length[length > 0]
    low, high = (some.min(), some.max()) if some.size else (0.1, 1.0)
    arrows = ax.quiver(
        points[..., 0],
        points[..., 1],
        downhill[..., 0] * cell[0] * 0.8,
        downhill[..., 1] * cell[1] * 0.8,
        length.clip(low),
        cmap=STEEP,
        norm=LogNorm(low, high if high > low else 10 * low),
        angles="xy",
        scale_units="xy",
        scale=1,
        pivot="middle",
        width=0.0048,
        zorder=3,
    )
    color_bar(ax, arrows, "length of the gradient")
    tens = np.log10(high / low)
    title = f"{function.name}: gradients span {tens:.1f} powers of ten"
    dress(ax, title, r"$\theta_1$", r"$\theta_2$")
    if ours:
        caption(
            ax.get_figure(root=True),  # type: ignore[arg-type]
            "Arrows point downhill, −∇f, all equally long; their colour tells how steep it is. "
            "★ minimum.",
        )
    return ax
