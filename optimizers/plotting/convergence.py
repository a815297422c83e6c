"""Loss against step: how fast each path came down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from optimizers.experiments.comparison import Comparison
from optimizers.experiments.metrics import (
    below,
    losses_along,
    marked,
    middle,
    outside,
    precision,
    quartiles,
)
from optimizers.experiments.standing import NO_ORDER, Standing
from optimizers.plotting.finding import by_chance, order_of
from optimizers.plotting.labels import Entry, label_ends
from optimizers.plotting.layout import axes_for
from optimizers.plotting.paths import (
    Paths,
    chance_of,
    label_with_end,
    last_step,
    mapping,
    problem_of,
    titled,
)
from optimizers.plotting.scale import (
    BEYOND,
    Scale,
    cut_on,
    draw_floor,
    framed,
    log_ticks,
    scale_of,
)
from optimizers.plotting.style import (
    CROSS,
    WIDTH,
    Look,
    caption,
    casing,
    dot_alone,
    dress,
    looks,
    marker,
    number,
    put,
    weigh,
)
from optimizers.plotting.words import brief
from optimizers.problem import Problem
from optimizers.trajectory import Trajectory

SURGE = 1e3  # a curve that rises above the highest start by more than this leaves the picture
NEAR = 0.02  # of the axis: nearer to ✕ stands no other mark
RISE = 0.1  # of the axis: so much of a curve is seen above the others before it leaves


def plot_convergence(paths: Paths, function: Any = None, ax: Axes | None = None) -> Axes:
    """Draw the loss above the minimum against the step, on a log axis.

    Of many runs side by side the median is drawn, and a band from quartile to quartile; a run that
    diverged counts as infinitely high. For a noisy function the loss shown is the noiseless one.

    Parameters
    ----------
    paths
        A trajectory, or a mapping from labels to trajectories.
    function
        What was minimised; without it, or where its minimum is unknown, the loss itself is drawn.
    ax
        Where to draw; a new figure if None.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        For what is not a trajectory, nothing at all, or 3-D axes.

    Examples
    --------
    >>> from optimizers import Adam
    >>> from optimizers.functions import rosenbrock
    >>> path = Adam(rosenbrock, [-1.5, 2.0], lr=0.05).minimize(500)
    >>> ax = plot_convergence(path, rosenbrock)
    >>> ax.get_yscale()
    'log'
    """
    named = mapping(paths, "plot_convergence")
    problem = None if function is None else problem_of(function, named, "plot_convergence")
    ax, ours = axes_for(ax, "plot_convergence", (8.0, 5.0))
    curves = curves_of(paths, named, problem)
    draw_convergence(ax, curves)
    if ours:
        caption(ax.get_figure(root=True), curves.caption())  # type: ignore[arg-type]
    return ax


def curves_of(paths: Any, named: Mapping[str, Trajectory], problem: Problem | None) -> Curves:
    """The curves of paths; of a race, with its places and in what it counts."""
    if not isinstance(paths, Comparison):
        return Curves(named, problem)
    if paths.budget != "gradients":
        return Curves(named, problem, paths.standing)
    costs = {label: cost for label, cost in paths.costs.items() if cost is not None}
    return Curves(named, problem, paths.standing, costs)


class Curves:
    """The losses of every label as they are drawn: gaps to the minimum, where it is known.

    Attributes
    ----------
    shown
        By label, (rows, 3): lower quartile, median, upper quartile over runs (inf: diverged). For a
        single run all three are the same.
    gone
        By label, whether half of the runs diverged, or left the domain and fell below its minimum.
    standing, costs
        Who is before whom, if that is known; and the gradients that a step of each label takes, if
        these are to be counted.
    floor
        The height below which a gap is rounding, and where it is drawn; None for plain losses.
    scale
        Of the axis.
    """

    def __init__(
        self,
        paths: Mapping[str, Trajectory],
        problem: Problem | None,
        standing: Standing | None = None,
        costs: Mapping[str, int] | None = None,
    ) -> None:
        self.paths = paths
        self.problem = problem
        self.standing = standing
        self.costs = costs
        values = {label: losses_along(path, problem) for label, path in paths.items()}
        self.minimum, left = _known(paths, values, problem)
        values = {label: np.where(left[label], np.inf, v) for label, v in values.items()}
        self.floor: float | None = None
        if self.minimum is not None:
            starts = np.concatenate([np.ravel(v[0]) for v in values.values()])
            self.floor = precision(starts - self.minimum, self.minimum)
            values = {label: v - self.minimum for label, v in values.items()}
        self.shown = {label: quartiles(v.reshape(len(v), -1)) for label, v in values.items()}
        self.final = {
            label: np.ravel(marked(v[-1], paths[label].diverged)) for label, v in values.items()
        }
        self.left = [label for label in paths if np.any(left[label])]
        self.gone = {label: bool(np.isinf(middle(ends))) for label, ends in self.final.items()}
        calm = [v[:, :2] for label, v in self.shown.items() if not self.gone[label]]
        self.calm = _finite(calm or self.shown.values())
        self.wild = _finite(self.shown.values())
        self.scale = Scale("log") if self.minimum is not None else scale_of(self.calm)
        if self.scale.kind == "log" and self.minimum is None and not _stays_positive(problem):
            self.scale = Scale("linear")
        self.at_floor = bool(self.floor and (self.calm <= self.floor).any())

    @property
    def ends(self) -> dict[str, float]:
        """By label, the height at the end; inf for what diverged."""
        return {
            label: np.inf if self.gone[label] else float(v[-1, 1])
            for label, v in self.shown.items()
        }

    def at(self, label: str) -> np.ndarray:
        """The steps, or the gradients, after which each row was there: (rows,)."""
        return self.paths[label].step * (1 if self.costs is None else self.costs[label])

    @property
    def counts_gradients(self) -> bool:
        """Whether the horizontal axis counts gradients, and not steps."""
        return self.costs is not None

    @property
    def xlabel(self) -> str:
        """What the horizontal axis counts."""
        return "gradients of the loss" if self.counts_gradients else "step"

    @property
    def ylabel(self) -> str:
        """Quantity and scale."""
        noun = "loss" if self.problem is None else self.problem.noun
        return (noun if self.minimum is None else "loss − minimum") + self.scale.words

    @property
    def limits(self) -> tuple[float, float]:
        """The lowest and the highest value worth showing: all that did not diverge is."""
        if not self.wild.size:
            return (0.1, 10.0) if self.scale.kind == "log" else (-1.0, 1.0)
        low, high = float(self.calm.min()), float(self.calm.max())
        starts = _finite([v[:1, 1] for v in self.shown.values()])
        if self.scale.kind == "log":
            low = min(low, float(self.wild[self.wild > 0].min(initial=low)))
            low = max(low, self.floor or 0.0)
            low = low / 10 if self.at_floor else low  # room for a word below the floor
            ends = [end for end in self.ends.values() if np.isfinite(end)]
            tower = SURGE * max(starts.max(initial=low), min(ends, default=high))
            high = max(min(high, tower), starts.max(initial=low))
        else:
            low, high = min(low, starts.min(initial=low)), max(high, starts.max(initial=high))
        rises = float(self.wild.max()) > high
        return framed(self.scale, low, high, RISE if rises else 0.0)

    def label(self, label: str) -> str:
        """The label, and what happened if it went wrong."""
        if label in self.left:
            return f"{label}, left the domain"
        return label_with_end(label, self.paths[label])

    def finding(self) -> str:
        """Who is lowest at the end, unless several are as low as numbers go."""
        ends, found = self.ends, self.standing or self._order()
        if not found.leaders:
            return "Diverged" if len(ends) == 1 else "All diverged"
        if len(ends) == 1:
            ((label, end),) = ends.items()
            above = "loss" if self.minimum is None else "loss − minimum"
            return f"{brief(label)}: {above} {number(end)} after {last_step(self.paths)} steps"
        if by_chance(self.problem):
            return NO_ORDER
        done = [
            label for label, end in ends.items() if self.floor is not None and end <= self.floor
        ]
        if len(done) > 1 and self.standing is None:
            return f"{len(done)} of {len(ends)} reach the limit of float64"
        return found.finding(self._where(), brief)

    def _order(self) -> Standing:
        """Who is lowest at the end, if nobody said."""
        final = self.final
        if self.floor is not None:
            final = {label: np.maximum(values, self.floor) for label, values in final.items()}
        return order_of(final)

    def _where(self) -> str:
        """At which step, if it is one, and of which run."""
        last = {int(self.at(label)[-1]) for label in self.paths if not self.gone[label]}
        counted = "gradients" if self.counts_gradients else "steps"
        return f"after {last.pop()} {counted}" if len(last) == 1 else "where the paths end"

    @property
    def _runs(self) -> int:
        return max(int(np.prod(path.loss.shape[1:])) for path in self.paths.values())

    def caption(self) -> str:
        """How the figure was made."""
        words = [f"{last_step(self.paths)} steps."]
        if self.problem is not None:
            words.insert(0, f"{titled(self.problem)},")
        if self._runs > 1:
            words.append(f"Line: median of {self._runs} runs, band: quartiles.")
        if self.problem is not None:
            words.append(chance_of(self.problem, self._runs))
        if any(np.any(path.diverged) for path in self.paths.values()):
            words.append("✕ diverged.")
        if self.left:
            words.append("✕ left the domain and fell below its minimum.")
        return " ".join(filter(None, words))


def _known(
    paths: Mapping[str, Trajectory], values: Mapping[str, np.ndarray], problem: Problem | None
) -> tuple[float | None, dict[str, np.ndarray]]:
    """The minimum, and by label from where on a run is outside the domain and below it.

    Whoever ends below it inside the domain shows that it is none.
    """
    nowhere = {label: np.zeros(v.shape, bool) for label, v in values.items()}
    if problem is None or problem.known_minimum is None:
        return None, nowhere
    left = {}
    for label, path in paths.items():
        lower = below(values[label], problem)
        out = outside(problem, path.theta)
        if np.any(lower & ~out):
            return None, nowhere
        # from the last time on that it goes there
        left[label] = np.logical_and.accumulate((lower & out)[::-1])[::-1]
    return problem.known_minimum, left


def _stays_positive(problem: Problem | None) -> bool:
    return problem is None or problem.is_bounded


def _finite(values: Iterable[np.ndarray]) -> np.ndarray:
    together = np.concatenate([np.ravel(v) for v in values])
    return together[np.isfinite(together)].clip(-BEYOND, BEYOND)


def draw_convergence(
    ax: Axes,
    curves: Curves,
    *,
    limits: tuple[float, float] | None = None,
    names: bool = True,
    title: str = "",
) -> None:
    """Curves, bands, names and title."""
    low, high = limits or curves.limits
    curves.scale.on(ax)
    first = min(int(curves.at(label)[0]) for label in curves.paths)
    last = max(first + 1, *(int(curves.at(label)[-1]) for label in curves.paths))
    ax.set_xlim(first, last)
    ax.set_ylim(low, high)
    if curves.scale.kind == "log":
        log_ticks(ax.yaxis, low, high)
    ax.grid(True, color="#e6e6e6", linewidth=0.8)
    ax.set_axisbelow(True)
    look = looks({label: path.rule for label, path in curves.paths.items()})
    entries = []
    for label in curves.paths:
        end = draw_median(
            ax,
            look[label],
            curves.at(label),
            curves.shown[label],
            curves.floor,
            curves.gone[label],
        )
        near = end[0] > first + 0.97 * (last - first)
        entries.append(Entry(curves.label(label), look[label], end, curves.ends[label], tied=near))
    if curves.at_floor and curves.floor is not None and curves.floor < high:
        draw_floor(ax, curves.floor)
    if names:
        label_ends(ax, entries)
    dress(ax, title or curves.finding(), curves.xlabel, curves.ylabel)


def draw_median(
    ax: Axes,
    look: Look,
    step: np.ndarray,
    quartiles: np.ndarray,
    floor: float | None = None,
    diverged: bool = False,
) -> tuple[float, float]:
    """The median, (rows, 3)[:, 1], and the band between the others if there is one.

    It is cut at the frame of the Axes. What diverged ends in ✕, at the step where it did, on the
    edge that it left through. Returns where it ends.
    """
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    bottom = low if floor is None else max(low, floor)
    seen = np.where(np.isnan(quartiles), np.inf, quartiles)
    seen = np.maximum(seen, bottom) if floor is not None else seen
    gone = _gone_at(seen[:, 1]) if diverged else len(step)
    heights = np.clip(seen[:, 1], -BEYOND, BEYOND)
    points = np.stack([step, heights], axis=1)[: gone + 1].astype(float)
    part = cut_on(ax, points, np.array([left, low]), np.array([right, high]))
    (line,) = ax.plot(
        *part.points.T,
        color=look.color,
        linestyle=look.line,
        linewidth=WIDTH,
        path_effects=casing(),
        zorder=3,
    )
    dot_alone(line)
    drawn = ax.transLimits.transform(ax.transScale.transform(part.points))
    weigh(line, float(np.nansum(np.abs(np.diff(drawn, axis=0)))))
    end = tuple(part.points[-1]) if len(part.points) else (left, high)
    marks = list(zip(part.exits, part.sides, strict=True))
    if diverged:
        x, y = float(step[gone]), float(np.clip(points[-1, 1], low, high))
        end = (x, y)
        marks = [m for m in marks if abs(m[0][0] - x) > NEAR * (right - left)]
    cased: dict[str, Any] = {"zorder": 5, "clip_on": False}
    for mark, size, places in (
        (CROSS, 11, [end] if diverged else []),
        ("^", 9, [point for point, side in marks if side == "^"]),
        ("v", 9, [point for point, side in marks if side == "v"]),
    ):
        (there,) = ax.plot([], [], mark, **marker(look.color, size=size), **cased)
        put(there, places)
    if not np.array_equal(seen[:, 0], seen[:, 2]):
        lower, upper = np.clip(seen[:, [0, 2]].T, low, high)
        ax.fill_between(step, lower, upper, color=look.color, alpha=0.18, linewidth=0, zorder=2)
    return end


def _gone_at(median: np.ndarray) -> int:
    """The row from which on nothing is finite any more; the last one if its loss still is."""
    finite = np.flatnonzero(np.isfinite(median))
    return min(int(finite[-1]) + 1 if len(finite) else 0, len(median) - 1)
