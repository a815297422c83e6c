"""A path on the map, that can be moved: line, marks, arrowheads; and the bounds it keeps to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch

from optimizers.plotting.frame import FAR, Cut, cut
from optimizers.plotting.layout import same_unit
from optimizers.plotting.style import (
    CROSS,
    END,
    INK,
    START,
    WIDTH,
    Look,
    casing,
    marker,
    put,
    weigh,
)
from optimizers.trajectory import Trajectory

ARROWS = (1 / 3, 2 / 3)  # where along a path the arrowheads sit
SETTLED = 0.08  # of the frame's diagonal: nearer to its end than this, a path counts as arrived
THIN, FAINT = 0.6, 0.25  # points, and how much covers what is below
DOT = 4.5  # points: the size of the dots, where every step has one


class DrawnPath:
    """One label's path on the map; `show` moves it, so that films reuse it.

    With `dotted`, every step has a dot, which shows the direction; else arrowheads do.
    """

    def __init__(self, ax: Axes, look: Look, frame: np.ndarray, dotted: bool = False) -> None:
        self.low, self.high = frame[:, 0], frame[:, 1]
        # lengths are measured in the weights' own unit, or, if they have none in common, in frames
        sides = self.high - self.low
        own = same_unit(frame) and not dotted and sides.max() < FAR
        self.unit = np.ones(2) if own else sides
        self.diagonal = float(np.linalg.norm(sides / self.unit))
        (self.line,) = ax.plot(
            [],
            [],
            color=look.color,
            linestyle=look.line,
            linewidth=WIDTH,
            path_effects=casing(),
            solid_joinstyle="round",
            zorder=3,
        )
        if dotted:
            self.line.set(marker=END, markersize=DOT, markeredgecolor="white", markeredgewidth=0.6)
        cased: dict[str, Any] = {"zorder": 5, "clip_on": False}
        (self.starts,) = ax.plot([], [], START, **marker(INK, hollow=True), **cased)
        (self.ends,) = ax.plot([], [], END, **marker(look.color, size=8), **cased)
        (self.crosses,) = ax.plot([], [], CROSS, **marker(look.color, size=11), **cased)
        self.exits = {
            side: ax.plot([], [], side, **marker(look.color, size=10), **cased)[0]
            for side in "<>v^"
        }
        self.arrows = [
            FancyArrowPatch(
                (0, 0),
                (1, 1),
                arrowstyle="-|>,head_length=0.5,head_width=0.28",
                mutation_scale=17,
                linewidth=0.8,
                facecolor=look.color,
                edgecolor="white",
                shrinkA=0,
                shrinkB=0,
                zorder=4.1,
            )
            for _ in (() if dotted else ARROWS)
        ]
        for arrow in self.arrows:
            ax.add_patch(arrow)
        self.end = (0.0, 0.0)
        self.seen = False

    def show(self, points: np.ndarray, diverged: Any) -> None:
        """Draw this path, (rows, 2), or these, (rows, runs, 2)."""
        runs = points.reshape(len(points), -1, 2)
        parts = [cut(runs[:, i], self.low, self.high) for i in range(runs.shape[1])]
        gone = np.broadcast_to(diverged, len(parts))
        gap = np.full((1, 2), np.nan)
        rows = [piece for part in parts for piece in (part.points, gap)]
        line = np.concatenate(rows)
        self.line.set_data(*line.T)
        steps = np.linalg.norm(np.diff(line, axis=0) / self.unit, axis=1)
        weigh(self.line, np.nansum(steps) / self.diagonal / len(parts))
        begun = np.array([self._holds(start) for start in runs[0]])
        put(self.starts, runs[0][begun])
        tips = np.array([self._tip(part, runs[0, i]) for i, part in enumerate(parts)])
        stays = np.array([part.inside for part in parts])
        seen = np.array([len(part.points) > 0 for part in parts])
        put(self.ends, tips[stays & ~gone])
        put(self.crosses, tips[gone & seen])
        for side, mark in self.exits.items():
            at = [
                point
                for part, is_gone in zip(parts, gone, strict=True)
                for point, s in self._marks(part, is_gone)
                if s == side
            ]
            put(mark, at)
        self._point(parts[0].points if len(parts) == 1 else gap)
        self.end = (float(tips[0, 0]), float(tips[0, 1]))
        self.seen = bool(seen.any())

    def _holds(self, point: np.ndarray) -> bool:
        return bool(((point >= self.low) & (point <= self.high)).all())

    def _tip(self, part: Cut, start: np.ndarray) -> np.ndarray:
        """The last point that is seen; of a path that is not, the edge that it lies behind."""
        behind = np.clip(np.nan_to_num(start), self.low, self.high)
        return part.points[-1] if len(part.points) else behind

    @staticmethod
    def _marks(part: Cut, diverged: bool) -> list[tuple[np.ndarray, str]]:
        """The exits to mark: where ✕ stands, no other mark does."""
        marks = list(zip(part.exits, part.sides, strict=True))
        return marks[:-1] if diverged and not part.inside else marks

    def _point(self, points: np.ndarray) -> None:
        """Set arrowheads along the way, by length, not counting the dance around the end."""
        if not self.arrows:
            return
        places = _arrowheads(points / self.unit, self.diagonal)
        for arrow, found in zip(self.arrows, places, strict=True):
            arrow.set_visible(found is not None)
            if found is not None:
                tail, tip = (tuple(point * self.unit) for point in found)
                arrow.set_positions(tail, tip)


def draw_thinly(ax: Axes, points: np.ndarray, look: Look, frame: np.ndarray) -> None:
    """Paths in the background, (rows, runs, 2): thin lines without marks, cut at the frame."""
    low, high = frame[:, 0], frame[:, 1]
    lines = [cut(points[:, run], low, high).points for run in range(points.shape[1])]
    ax.add_collection(
        LineCollection(lines, colors=look.color, linewidths=THIN, alpha=FAINT, zorder=2),
        autolim=False,
    )


def _arrowheads(points: np.ndarray, diagonal: float) -> list[tuple[np.ndarray, np.ndarray] | None]:
    """Tail and tip of each arrowhead, or None where the path is too short to carry it."""
    nothing: list[tuple[np.ndarray, np.ndarray] | None] = [None] * len(ARROWS)
    points = points[np.isfinite(points).all(axis=1)]
    if len(points) < 2:
        return nothing
    away = np.flatnonzero(np.linalg.norm(points - points[-1], axis=1) > SETTLED * diagonal)
    if not len(away):
        return nothing
    points = points[: away[-1] + 2]
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])

    def at(length: float) -> np.ndarray:
        return np.array([np.interp(length, along, points[:, i]) for i in (0, 1)])

    total = along[-1]
    reach = 0.015 * diagonal  # the direction is taken over this length, so zigzags do not turn it
    found = nothing
    for i, share in enumerate(ARROWS):
        if total < 0.3 * diagonal and i > 0:
            break
        tip = at(share * total + reach)
        ahead = tip - at(share * total - reach)
        length = np.linalg.norm(ahead)
        if length > 0:
            found[i] = (tip - ahead / length * 1e-3 * diagonal, tip)
    return found


def draw_bounds(ax: Axes) -> Line2D:
    """The line that `bounds_of` is drawn with."""
    (line,) = ax.plot([], [], color=INK, linewidth=1.0, linestyle=(0, (6, 3)), zorder=2)
    return line


def bounds_of(paths: Iterable[Trajectory], frame: np.ndarray) -> np.ndarray:
    """The edges of the boxes that the paths were kept in, as far as they lie in the frame: (n, 2).

    Of one weight a bound is a point, and an upright line in the picture.
    """
    low, high = frame[:, 0], frame[:, 1]
    edges = []
    for box in _boxes(paths):
        weights = box.shape[1]
        for i, bound in [(axis, bound) for axis in range(weights) for bound in box[:, axis]]:
            j = 1 - i
            ends = box[:, j] if weights == 2 else np.array([-np.inf, np.inf])
            ends = np.clip(ends, low[j], high[j])
            if low[i] <= bound <= high[i] and ends[0] < ends[1]:
                edge = np.full((3, 2), np.nan)
                edge[:2, i], edge[:2, j] = bound, ends
                edges.append(edge)
    return np.concatenate(edges) if edges else np.empty((0, 2))


def _boxes(paths: Iterable[Trajectory]) -> list[np.ndarray]:
    """The boxes, each of them once."""
    found: dict[bytes, np.ndarray] = {}
    for path in paths:
        if path.box is not None:
            found[path.box.tobytes()] = path.box
    return list(found.values())
