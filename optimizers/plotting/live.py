"""Pictures that keep up with a slider: what stands still is drawn once, what moves is drawn anew.

Each is made for some rules; `show` moves its paths or curves and returns the picture as JPEG. The
names of the rules stand at the ends of the curves; findings are left to the page around it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from PIL import Image

from optimizers.plotting.animation import until
from optimizers.plotting.contour import axis_names, draw_landscape
from optimizers.plotting.convergence import Curves, DrawnCurve
from optimizers.plotting.labels import EndLabels, Entry
from optimizers.plotting.layout import SettledLayout, map_size
from optimizers.plotting.paths import last_step, points_of
from optimizers.plotting.relief import problem_in
from optimizers.plotting.scale import Scale, draw_floor, steady
from optimizers.plotting.state import draw_line, effective_step
from optimizers.plotting.style import LINES, Look, dress, looks, on_paper, put
from optimizers.plotting.trail import DrawnPath, bounds_of, draw_bounds
from optimizers.problem import as_problem
from optimizers.trajectory import Trajectory

WIDE = 5.4  # inches: half a page on a screen, a whole one on a phone
DPI = 100
FLAT = 1e-3  # a symlog axis is linear below this share of its top
EFFECTIVE = "effective step"
POSITIVE = ("v", "v_hat", "u", EFFECTIVE)  # what never is negative
PARSER = RendererAgg(1, 1, DPI).mathtext_parser  # one for all, so that labels are parsed once
NAMES = {"m_hat": r"$\hat m$", "v_hat": r"$\hat v$", EFFECTIVE: "effective\nstep size"}


class Picture:
    """A figure that is laid out once, and drawn again and again."""

    def __init__(self, size: tuple[float, float], rows: int = 1) -> None:
        # without pyplot, which would show the figure in the notebook a second time
        whole = np.round(np.multiply(size, DPI)) / DPI  # no share of the height is lost
        self.figure = Figure(whole.tolist(), dpi=DPI)
        self.canvas = FigureCanvasAgg(self.figure)
        self.canvas.get_renderer().mathtext_parser = PARSER
        self.axes: list[Axes] = list(self.figure.subplots(rows, sharex=True, squeeze=False).flat)
        for ax in self.axes:
            on_paper(ax)
        self._still: Any = None
        self._frames: Any = None

    def settle(self) -> None:
        """Lay the figure out, once for all, whatever will move in it."""
        for ax in self.axes:
            for artist in (*ax.lines, *ax.patches, *ax.texts):
                artist.set_in_layout(False)
        SettledLayout(h_pad=0.1).execute(self.figure)

    def picture(self) -> bytes:
        """What the figure shows now: JPEG takes a fifth of the time of PNG, and nobody sees it."""
        moving = [
            artist
            for ax in self.axes
            for artist in (*ax.lines, *ax.patches, *ax.texts, *ax.artists)
        ]
        frames = [
            (*ax.get_xlim(), *ax.get_ylim(), ax.get_yscale(), ax.get_ylabel()) for ax in self.axes
        ]
        if frames != self._frames:
            for artist in moving:
                artist.set_animated(True)  # `draw` leaves it out
            self.canvas.draw()
            self._still, self._frames = self.canvas.copy_from_bbox(self.figure.bbox), frames
        self.canvas.restore_region(self._still)
        renderer = self.canvas.get_renderer()
        for artist in sorted(moving, key=lambda artist: artist.get_zorder()):
            artist.draw(renderer)
        stream = BytesIO()
        pixels = Image.fromarray(np.asarray(self.canvas.buffer_rgba())).convert("RGB")
        pixels.save(stream, format="JPEG", quality=92, subsampling=0)
        return stream.getvalue()


class LiveMap(Picture):
    """Paths on the contours; of one weight, on the curve.

    Parameters
    ----------
    function
        A test function, or any function of one or two weights.
    rules
        The name of the rule of each label.
    frame
        Lowest and highest value of each weight, (1, 2) or (2, 2).

    Examples
    --------
    >>> from optimizers import Adam
    >>> from optimizers.functions import rosenbrock
    >>> live = LiveMap(rosenbrock, {"Adam": "Adam"}, rosenbrock.domain)
    >>> path = Adam(rosenbrock, [-1.5, 2.0], lr=0.05).minimize(100)
    >>> live.show({"Adam": path}, step=50) == live.show({"Adam": path}, step=100)
    False
    """

    def __init__(self, function: Any, rules: Mapping[str, str], frame: np.ndarray) -> None:
        super().__init__(map_size(frame, WIDE))
        self.frame = frame
        self.problem = problem_in(function, frame)
        (ax,) = self.axes
        self.plane = draw_landscape(ax, self.problem, frame, {})
        dress(ax, "", *axis_names(frame, self.problem))
        look = looks(rules)
        self.bounds = draw_bounds(ax)
        self.paths = {
            label: DrawnPath(ax, look[label], self.plane, dotted=len(frame) == 1) for label in rules
        }
        self.labels = _names(ax, look)
        self.settle()

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Where the map lies: left, bottom, width and height as shares of the picture."""
        return self.axes[0].get_position().bounds

    def show(self, paths: Mapping[str, Trajectory], step: int) -> bytes:
        """The paths up to this step."""
        for label, drawn in self.paths.items():
            rows, diverged = until(paths[label], step)
            drawn.show(points_of(paths[label], self.problem)[:rows], diverged)
        put(self.bounds, bounds_of(paths.values(), self.plane))
        self.labels.move([drawn.end for drawn in self.paths.values()])
        return self.picture()


class LiveConvergence(Picture):
    """The loss of each path against the step, on axes that do not jump.

    Parameters
    ----------
    function, rules
        As in `LiveMap`.

    Examples
    --------
    >>> from optimizers import Adam
    >>> from optimizers.functions import rosenbrock
    >>> live = LiveConvergence(rosenbrock, {"Adam": "Adam"})
    >>> path = Adam(rosenbrock, [-1.5, 2.0], lr=0.05).minimize(100)
    >>> live.show({"Adam": path}, step=50) == live.show({"Adam": path}, step=100)
    False
    """

    def __init__(self, function: Any, rules: Mapping[str, str]) -> None:
        super().__init__((WIDE, 3.4))
        self.problem = as_problem(function)
        (ax,) = self.axes
        _ruled(ax)
        look = looks(rules)
        self.curves = {label: DrawnCurve(ax, look[label]) for label in rules}
        self.labels = _names(ax, look)
        self.floor = draw_floor(ax, 1.0)
        dress(ax, "", "step", "loss − minimum (log)")
        self.scale = Scale("log")
        self.scale.on(ax)
        ax.minorticks_off()
        ax.set_ylim(1e-16, 1e4)  # the longest numbers that it will have to make room for
        self.settle()
        self.limits: tuple[float, float] | None = None

    def show(self, paths: Mapping[str, Trajectory], step: int) -> bytes:
        """The curves up to this step."""
        (ax,) = self.axes
        curves = Curves(paths, self.problem)
        if self.scale != curves.scale:
            curves.scale.on(ax)
            ax.minorticks_off()
            self.scale, self.limits = curves.scale, None
        self.limits = steady(self.limits, curves.limits, curves.scale)
        ax.set_ylim(self.limits)
        ax.set_ylabel(curves.ylabel)
        last = _steps(ax, last_step(paths))
        for part in self.floor:
            part.set_visible(curves.at_floor)
        if curves.floor is not None:
            line, words = self.floor
            line.set_ydata([curves.floor] * 2)
            words.xy = (0, curves.floor)
        for entry, (label, drawn) in zip(self.labels.entries, self.curves.items(), strict=True):
            path = paths[label]
            rows, diverged = until(path, step)
            drawn.show(path.step[:rows], curves.shown[label][:rows], curves.floor, bool(diverged))
            entry.tied = drawn.end[0] > 0.97 * last
        self.labels.move([drawn.end for drawn in self.curves.values()])
        return self.picture()


class LiveState(Picture):
    """The inner state of one rule, coordinate by coordinate, against the step.

    Parameters
    ----------
    rule
        The name of the rule.
    names
        What of its watched state to draw, a panel each. With v_hat among them, the effective step
        size η / (√v̂ + ε) follows.
    size
        How many weights there are.
    color
        Of the lines; left out, the usual one of the rule.

    Examples
    --------
    >>> from optimizers import Adam
    >>> from optimizers.functions import rosenbrock
    >>> live = LiveState("Adam", ("m_hat", "v_hat"))
    >>> path = Adam(rosenbrock, [-1.5, 2.0], lr=0.05).minimize(100, watch=("m_hat", "v_hat"))
    >>> live.show(path, step=50) == live.show(path, step=100)
    False
    """

    def __init__(
        self, rule: str, names: Sequence[str], size: int = 2, color: str | None = None
    ) -> None:
        self.size, self.color = size, color or looks({rule: rule})[rule].color
        self.names = (*names, EFFECTIVE) if "v_hat" in names else tuple(names)
        super().__init__((WIDE, 1.5 * len(self.names) + 0.7), rows=len(self.names))
        signs = [r"$\theta$"] if size == 1 else [rf"$\theta_{i + 1}$" for i in range(size)]
        coordinates = {sign: Look(self.color, LINES[i]) for i, sign in enumerate(signs)}
        self.labels = []
        self.lines = []
        for ax, name in zip(self.axes, self.names, strict=True):
            _ruled(ax)
            self.lines.append(
                [draw_line(ax, np.empty(0), np.empty(0), look) for look in coordinates.values()]
            )
            for line in self.lines[-1]:
                line.set_zorder(3)  # above the axes, which are drawn first
            self.labels.append(_names(ax, coordinates))
            dress(ax, "", "", NAMES.get(name, f"${name}$" if len(name) == 1 else name))
            ax.set_yscale("symlog", linthresh=FLAT * 1e-13)
            ax.set_ylim(-1e-13, 1e-13)  # the longest numbers that it will have to make room for
        dress(self.axes[-1], "", "step", self.axes[-1].get_ylabel())
        self.settle()
        self.limits: list[tuple[float, float] | None] = [None] * len(self.names)

    def show(self, path: Trajectory, step: int) -> bytes:
        """The state up to this step."""
        rows, _ = until(path, step)
        _steps(self.axes[0], int(path.step[-1]))
        for i, name in enumerate(self.names):
            values = effective_step(path) if name == EFFECTIVE else path[name]
            self._fit(i, values)
            seen = values[:rows] if name not in POSITIVE else np.where(values > 0, values, np.nan)
            ends = []
            for line, column in zip(self.lines[i], seen[:rows].T, strict=True):
                line.set_data(path.step[:rows], column)
                known = np.flatnonzero(np.isfinite(column))
                ends.append((path.step[known[-1]], column[known[-1]]) if len(known) else (0, 0))
            self.labels[i].move(ends)
        return self.picture()

    def _fit(self, i: int, values: np.ndarray) -> None:
        """Give a panel the scale and the limits that its values need."""
        ax, size = self.axes[i], np.abs(values[np.isfinite(values) & (values != 0)])
        if not size.size:
            return
        if self.names[i] in POSITIVE:
            self.limits[i] = steady(self.limits[i], (size.min(), size.max()), Scale("log"))
            if ax.get_yscale() != "log":
                ax.set_yscale("log")
                ax.minorticks_off()
            ax.set_ylim(self.limits[i])
            return
        now = self.limits[i]
        if now is not None and FLAT * now[1] <= size.max() <= now[1]:
            return
        top = float(10.0 ** np.ceil(np.log10(size.max())))
        ax.set_yscale("symlog", linthresh=FLAT * top)
        ax.set_ylim(-top, top)
        self.limits[i] = (-top, top)


def _names(ax: Axes, look: Mapping[str, Look]) -> EndLabels:
    """A name for each curve; `move` puts it where the curve ends."""
    return EndLabels(ax, [Entry(label, look[label], (0.0, 1.0), 0.0) for label in look])


def _ruled(ax: Axes) -> None:
    ax.grid(True, color="#e6e6e6", linewidth=0.8)
    ax.set_axisbelow(True)


def _steps(ax: Axes, last: int) -> float:
    """Let the axis end at 1, 2, 2.5 or 5 times a power of ten. Returns where."""
    ten = 10.0 ** np.floor(np.log10(max(last, 1)))
    end = next(ten * nice for nice in (1, 2, 2.5, 5, 10) if ten * nice >= last)
    ax.set_xlim(0, end)
    return float(end)
