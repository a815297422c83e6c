"""The landscape in three dimensions, with paths on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.colors import LightSource
from matplotlib.lines import Line2D

from optimizers.plotting.contour import PALE, has_minima, in_a_row
from optimizers.plotting.frame import FAR, cut, frame_of
from optimizers.plotting.labels import LEGEND, Entry, handles_for
from optimizers.plotting.layout import new_figure
from optimizers.plotting.paths import (
    Paths,
    closest,
    journey,
    label_with_end,
    mapping,
    problem_of,
    titled,
)
from optimizers.plotting.relief import Relief, minima_in, problem_in
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
from optimizers.problem import Problem
from optimizers.trajectory import Trajectory

POINTS = 120  # of the mesh along each axis
ONE = (
    "plot_surface draws losses of two weights: plot_contour draws one of a single weight, and "
    "plot_paths draws paths on it"
)
FINE = 40  # points between two of a path, at most, so that it lies on the surface


def plot_surface(
    function: Any, paths: Paths | None = None, ax: Any = None, *, domain: Any = None
) -> Any:
    """Draw a loss of two weights as a surface, and paths that run down it.

    Where the loss is not finite, the surface has a hole.

    Parameters
    ----------
    function
        A test function, or any function of two weights.
    paths
        None, a trajectory, or a mapping from labels to trajectories.
    ax
        3-D Axes (`subplot_kw={"projection": "3d"}`); a new figure if None.
    domain
        Lowest and highest value of each weight, [(low, high), (low, high)]; left out, the
        function's own, or what the paths take up.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        For what is no function of two weights, or Axes that are not 3-D.

    Examples
    --------
    >>> from optimizers import Adam
    >>> from optimizers.functions import himmelblau
    >>> path = Adam(himmelblau, [0.0, 0.0], lr=0.1).minimize(100)
    >>> ax = plot_surface(himmelblau, path)
    """
    named = {} if paths is None else mapping(paths, "plot_surface")
    _check_two(named)
    frame = frame_of(function, named, domain, "plot_surface")
    if len(frame) == 1:
        raise ValueError(ONE)
    given = problem_of(function, named, "plot_surface") if named else function
    problem = problem_in(given, frame)
    ours = ax is None
    if ours:
        ax = new_figure((8.0, 6.4), subplot_kw={"projection": "3d"})[0]
    elif getattr(ax, "name", None) != "3d":
        raise ValueError(
            f"plot_surface needs 3-D axes, made with subplot_kw={{'projection': '3d'}}; got {ax!r}"
        )
    height = _Height(problem, frame)
    _draw_mesh(ax, height, frame)
    _draw_paths(ax, named, height, frame)
    minima = minima_in(problem, frame)
    if len(minima):
        ax.plot(*minima.T, height(minima), STAR, **marker(INK, size=15), zorder=8)
    is_named = titled(problem) == problem.name
    about = f"{problem.name}, {height.label}" if is_named else height.label.capitalize()
    about = closest(named, problem) if named else height.nothing or about
    dress(ax, about, r"$\theta_1$", r"$\theta_2$")
    ax.set_zlabel(height.label, fontsize=12, color=INK, labelpad=8)
    height.tick(ax.zaxis)
    ax.set_xlim(*frame[0])
    ax.set_ylim(*frame[1])
    ax.locator_params(axis="x", nbins=5)
    ax.locator_params(axis="y", nbins=5)
    ax.set_box_aspect((1, 1, 0.7), zoom=0.9)
    if ours:
        told = journey(named, problem) if named else f"{titled(problem)}."
        signs = ["○ start", "● end", "✕ diverged"] if named else []
        if has_minima(problem):
            signs.insert(2, "★ minimum" if named else "★ global minimum")
        caption(ax.get_figure(root=True), "\n".join([told, in_a_row(signs)]).strip())
    return ax


def _check_two(paths: Mapping[str, Trajectory]) -> None:
    for label, path in paths.items():
        size = path.theta.shape[-1]
        if size == 1:
            raise ValueError(ONE)
        if size > 2:
            raise ValueError(
                f"plot_surface draws paths of two weights, but {label!r} has {size}; "
                "plot_convergence shows paths of any size"
            )


class _Height:
    """The third coordinate: loss above the minimum, in powers of ten where the range asks it."""

    def __init__(self, problem: Problem, frame: np.ndarray) -> None:
        self.problem = problem
        x, y = (np.linspace(low, high, POINTS) for low, high in frame)
        self.x, self.y = np.meshgrid(x, y)
        relief = Relief(problem, np.stack([self.x, self.y], axis=-1))
        self.base, self.log, self.nothing = relief.base, relief.log, relief.nothing
        heights = relief.heights
        self.floor = float(np.quantile(heights[heights > 0], 0.004)) if self.log else -np.inf
        self.label = relief.what + (" (log)" if self.log else "")
        self.mesh = self._scaled(heights)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """The height of points (n, 2); a row of nan stays nan."""
        with np.errstate(all="ignore"):
            return self._scaled(self.problem.values(points) - self.base)

    def _scaled(self, heights: np.ndarray) -> np.ndarray:
        heights = np.maximum(np.where(np.isfinite(heights), heights, np.nan), self.floor)
        # of what is drawn, squares are taken
        return np.log10(heights) if self.log else np.where(heights < FAR, heights, np.nan)

    def tick(self, axis: Any) -> None:
        """Write powers of ten on the axis instead of their exponents."""
        if self.log:
            axis.set_major_formatter(lambda value, _: f"$10^{{{value:g}}}$")
            axis.get_major_locator().set_params(integer=True, nbins=6)


def _draw_mesh(ax: Any, height: _Height, frame: np.ndarray) -> None:
    holes = np.isnan(height.mesh)
    top = 0.0 if holes.all() else np.nanmax(height.mesh)
    z = np.where(holes, top, height.mesh)
    light = LightSource(azdeg=300, altdeg=50)
    colors = light.shade(
        z,
        cmap=PALE.reversed(),
        blend_mode="soft",
        vert_exag=0.3,
        fraction=0.7,
    )
    colors[_touched(holes)] = 0  # nothing is seen there
    ax.computed_zorder = False  # else the surface hides the paths that lie on it
    mesh = ax.plot_surface(
        height.x,
        height.y,
        z,
        rcount=POINTS,
        ccount=POINTS,
        color="white",
        linewidth=0,
        antialiased=False,
        shade=False,
        zorder=1,
    )
    mesh.set_facecolor(colors[:-1, :-1].reshape(-1, 4))  # at once; matplotlib goes cell by cell
    for pane in (ax.xaxis.pane, ax.yaxis.pane, ax.zaxis.pane):
        pane.set_facecolor("white")
        pane.set_edgecolor("#cccccc")
    low_to_the_left = -60 if z[0].mean() < z[-1].mean() else 120
    ax.view_init(elev=42, azim=low_to_the_left)  # look in from the lower side


def _touched(holes: np.ndarray) -> np.ndarray:
    """The cells, each named by its lowest corner, that have a corner in a hole."""
    touched = holes.copy()
    touched[:-1] |= holes[1:]
    touched[:, :-1] |= touched[:, 1:].copy()
    return touched


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
            if ((start >= frame[:, 0]) & (start <= frame[:, 1])).all():
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
