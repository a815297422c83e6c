"""The landscape in three dimensions, with paths on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.colors import LightSource
from matplotlib.lines import Line2D

from optimizers.plotting.contour import PALE, closest, frame_of, journey
from optimizers.plotting.frame import cut
from optimizers.plotting.labels import LEGEND, Entry, handles_for
from optimizers.plotting.layout import new_figure
from optimizers.plotting.paths import (
    Paths,
    exact,
    in_the_plane,
    known_minimum,
    label_with_end,
    mapping,
    plane,
)
from optimizers.plotting.scale import wants_log
from optimizers.plotting.style import (
    CROSS,
    END,
    INK,
    STAR,
    START,
    WIDTH,
    caption,
    casing,
    dress,
    looks,
    marker,
)
from optimizers.trajectory import Trajectory

POINTS = 120  # of the mesh along each axis
FINE = 40  # points between two of a path, at most, so that it lies on the surface


def plot_surface(
    function: Any, paths: Paths | None = None, ax: Any = None, *, domain: Any = None
) -> Any:
    """Draw a function of two variables as a surface, and paths that run down it.

    Parameters
    ----------
    function
        A test function of two variables.
    paths
        None, a trajectory, or a mapping from labels to trajectories.
    ax
        3-D Axes (`subplot_kw={"projection": "3d"}`); a new figure if None.
    domain
        Lowest and highest value of each coordinate, (2, 2); the function's own if None.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        For a function that is not one of two variables, or Axes that are not 3-D.

    Examples
    --------
    >>> from optimizers import Adam
    >>> from optimizers.functions import himmelblau
    >>> path = Adam(himmelblau, [0.0, 0.0], lr=0.1).minimize(100)
    >>> ax = plot_surface(himmelblau, path)
    """
    plane(function, "plot_surface")
    named = {} if paths is None else mapping(paths, "plot_surface")
    in_the_plane(named, "plot_surface")
    ours = ax is None
    if ours:
        ax = new_figure((8.0, 6.4), subplot_kw={"projection": "3d"})[0]
    elif getattr(ax, "name", None) != "3d":
        raise ValueError(
            f"plot_surface needs 3-D axes, made with subplot_kw={{'projection': '3d'}}; got {ax!r}"
        )
    frame = frame_of(function, named, domain)
    height = _Height(function, frame)
    _draw_mesh(ax, height, frame)
    _draw_paths(ax, named, height, frame)
    if len(function.minima):
        inside = ((function.minima >= frame[:, 0]) & (function.minima <= frame[:, 1])).all(axis=1)
        minima = function.minima[inside]
        ax.plot(*minima.T, height(minima), STAR, **marker(INK, size=15), zorder=8)
    about = f"{function.name}, {height.label}"
    dress(ax, closest(named, function) if named else about, r"$\theta_1$", r"$\theta_2$")
    ax.set_zlabel(height.label, fontsize=12, color=INK, labelpad=8)
    height.tick(ax.zaxis)
    ax.set_xlim(*frame[0])
    ax.set_ylim(*frame[1])
    ax.locator_params(axis="x", nbins=5)
    ax.locator_params(axis="y", nbins=5)
    ax.set_box_aspect((1, 1, 0.7), zoom=0.9)
    if ours:
        told = journey(named, function) if named else f"{function.name}."
        signs = "○ start   ● end   ★ minimum   ✕ diverged" if named else "★ global minimum"
        caption(ax.get_figure(root=True), f"{told}\n{signs}")
    return ax


class _Height:
    """The third coordinate: loss above the minimum, in powers of ten where the range asks it."""

    def __init__(self, function: Any, frame: np.ndarray) -> None:
        self.function = exact(function)
        x, y = (np.linspace(low, high, POINTS) for low, high in frame)
        self.x, self.y = np.meshgrid(x, y)
        values = np.asarray(self.function(np.stack([self.x, self.y], axis=-1)))
        minimum = known_minimum(function)
        self.base = float(values.min()) if minimum is None else minimum
        what = "loss − lowest" if minimum is None else "loss − minimum"
        gaps = values - self.base
        self.log = wants_log(gaps)
        self.floor = float(np.quantile(gaps[gaps > 0], 0.004)) if self.log else -np.inf
        self.label = what + (" (log)" if self.log else "")

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """The height of points (n, 2); a row of nan stays nan."""
        with np.errstate(all="ignore"):
            gaps = np.maximum(np.asarray(self.function(points)) - self.base, self.floor)
            return np.log10(gaps) if self.log else gaps

    def tick(self, axis: Any) -> None:
        """Write powers of ten on the axis instead of their exponents."""
        if self.log:
            axis.set_major_formatter(lambda value, _: f"$10^{{{value:g}}}$")
            axis.get_major_locator().set_params(integer=True, nbins=6)


def _draw_mesh(ax: Any, height: _Height, frame: np.ndarray) -> None:
    z = height(np.stack([height.x, height.y], axis=-1))
    light = LightSource(azdeg=300, altdeg=50)
    colors = light.shade(z, cmap=PALE.reversed(), blend_mode="soft", vert_exag=0.3, fraction=0.7)
    ax.computed_zorder = False  # else the surface hides the paths that lie on it
    ax.plot_surface(
        height.x,
        height.y,
        z,
        rcount=POINTS,
        ccount=POINTS,
        facecolors=colors,
        linewidth=0,
        antialiased=False,
        shade=False,
        zorder=1,
    )
    for pane in (ax.xaxis.pane, ax.yaxis.pane, ax.zaxis.pane):
        pane.set_facecolor("white")
        pane.set_edgecolor("#cccccc")
    low_to_the_left = -60 if z[0].mean() < z[-1].mean() else 120
    ax.view_init(elev=42, azim=low_to_the_left)  # look in from the lower side


def _draw_paths(
    ax: Any, paths: Mapping[str, Trajectory], height: _Height, frame: np.ndarray
) -> None:
    look = looks({label: path.rule for label, path in paths.items()})
    entries = []
    for label, path in paths.items():
        color = look[label].color
        runs = path.theta.reshape(len(path.theta), -1, 2)
        gone = np.broadcast_to(np.ravel(path.diverged), runs.shape[1])
        for i in range(runs.shape[1]):
            part = cut(runs[:, i], frame[:, 0], frame[:, 1])
            if not len(part.points):
                continue
            fine = _fine(part.points)
            ax.plot(
                *fine.T,
                height(fine),
                color=color,
                linestyle=look[label].line,
                linewidth=WIDTH,
                path_effects=casing(),
                zorder=5,
            )
            tip, start = part.points[-1:], runs[:1, i]
            if gone[i] or part.inside:
                sign, size = (CROSS, 11) if gone[i] else (END, 8)
                ax.plot(*tip.T, height(tip), sign, **marker(color, size=size), zorder=7)
            ax.plot(*start.T, height(start), START, **marker(INK, hollow=True), zorder=7)
        end = float(height(path.theta[-1].reshape(-1, 2)[:1])[0])
        end = np.inf if np.all(path.diverged) else end
        entries.append(Entry(label_with_end(label, path), look[label], (0.0, 0.0), end))
    if entries:
        entries.sort(key=lambda entry: -entry.rank)
        handles: list[Line2D] = handles_for(entries)
        ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.0, 0.0), ncols=3, **LEGEND)


def _fine(points: np.ndarray) -> np.ndarray:
    """Points between the points, so that a long step follows the ground instead of a tunnel."""
    if len(points) < 2:
        return points
    between = max(1, min(FINE, 4000 // len(points)))
    t = np.arange(len(points) - 1).repeat(between) + np.tile(
        np.arange(between) / between, len(points) - 1
    )
    at = np.floor(t).astype(int)
    share = (t - at)[:, np.newaxis]
    return np.concatenate([points[at] * (1 - share) + points[at + 1] * share, points[-1:]])
