"""How high a loss lies over a line or a plane: what maps, curves and surfaces draw."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from optimizers.plotting.paths import titled
from optimizers.plotting.scale import wants_log
from optimizers.plotting.style import SOFT, number
from optimizers.problem import Problem, as_problem

LEVELS = 12
EVEN = 16 * np.finfo(float).eps  # losses that differ by less, relative to their size, are equal
TINY, HUGE = 1e-300, 1e307  # matplotlib cannot count with smaller differences, and larger heights


def problem_in(function: Any, frame: np.ndarray) -> Problem:
    """The problem, with weights that this frame has a pair for each of."""
    problem = as_problem(function)
    has_start = problem.start is not None and problem.theta.size == len(frame)
    if has_start:
        return problem
    middle = frame.mean(axis=1)
    if len(middle) == 1 and _fails(problem.given, middle) and not _fails(problem.given, middle[0]):
        return as_problem(function, float(middle[0]))  # math.sin(x) takes a number, and no array
    return as_problem(function, middle)


def _fails(loss: Any, weights: Any) -> bool:
    with np.errstate(all="ignore"):
        try:
            loss(weights)
        except Exception:  # whatever it is: who calls the loss in earnest will say
            return True
    return False


def minima_in(problem: Problem, frame: np.ndarray) -> np.ndarray:
    """The known minima that lie in the frame: (k, n)."""
    if problem.minima is None:
        return np.empty((0, len(frame)))
    inside = (problem.minima >= frame[:, 0]) & (problem.minima <= frame[:, 1])
    return problem.minima[inside.all(axis=1)]


class Relief:
    """Losses at many points, above the minimum, or above the lowest of them.

    They are taken at the points here; without these, they are the values that are given.

    Attributes
    ----------
    values
        The losses at the points, nan where they are not finite.
    lowest, highest
        Of them; nan if there are none.
    base, noun, what
        What the heights are measured from, and what to call the losses and the heights.
    heights
        The losses above it.
    is_whole
        Whether all losses are finite.
    nothing
        Why there is nothing to see, if there is not: none is finite, or all are the same.
    log
        Whether they range so far that they are drawn by their logarithm.
    """

    def __init__(
        self, problem: Problem, points: np.ndarray | None, values: np.ndarray | None = None
    ) -> None:
        if points is not None:
            values = problem.values(points)
        values = np.asarray(values, float)
        finite = np.isfinite(values)
        self.values = np.where(finite, values, np.nan)
        some = values[finite] if finite.any() else np.full(1, np.nan)
        self.lowest, self.highest = lowest, highest = float(some.min()), float(some.max())
        minimum = problem.known_minimum
        with np.errstate(over="ignore"):
            if minimum is not None:
                # below a minimum that is none, and far above one, the picture has its own
                refuted = lowest < minimum - 1e-9 * max(1.0, abs(minimum))
                if refuted or lowest - minimum > (highest - minimum) / 2:
                    minimum = None
            self.base = lowest if minimum is None else minimum
            self.heights = self.values - self.base
            span = np.float64(highest) - lowest
        self.heights[~(self.heights < HUGE)] = np.nan
        end = "lowest in the picture" if minimum is None else "minimum"
        self.noun = problem.noun
        self.what = f"{problem.noun} − {end}"
        self.is_whole = bool(np.isfinite(self.heights).all())
        self.nothing = ""
        if not finite.any():
            if problem.exact is None and points is not None:
                _ask_once(problem, points)
            self.nothing = f"{titled(problem)}: not finite anywhere in the picture"
        elif span <= max(EVEN * max(abs(lowest), abs(highest)), TINY):
            self.nothing = f"{titled(problem)}: {number(lowest)} all over the picture"
        self.log = not self.nothing and wants_log(self.heights)

    @property
    def levels(self) -> np.ndarray:
        """Heights for the lines of a map, from below the lowest to the highest."""
        positive = self.heights[self.heights > 0]
        if self.log:
            return _log_levels(float(np.quantile(positive, 0.005)), float(positive.max()))
        # even steps of the square root: a bowl gets rings at even distances
        return np.asarray(positive.max() * np.linspace(0, 1, LEVELS + 1) ** 2)


def _log_levels(low: float, high: float) -> np.ndarray:
    """Powers of ten from below `low` to above `high`, and as many between them as there is room."""
    low, high = np.log10(low), np.log10(high)
    per = next((n for n in (4, 3, 2, 1) if (high - low) * n <= LEVELS), 1)
    every = max(1, int((high - low) // LEVELS))  # powers of ten
    first, last = every * np.floor(low * per / every), np.ceil(high * per)
    powers = np.arange(first, last + every, every) / per
    return np.unique(10.0 ** powers.clip(-307, 308))


def _ask_once(problem: Problem, points: np.ndarray) -> None:
    """Let a loss that has no value anywhere say what is wrong, if it raises an error."""
    with np.errstate(all="ignore"):
        problem.loss(problem.layout.unflatten(points.reshape(-1, points.shape[-1])[0]))


def say_not_finite(ax: Axes) -> None:
    """Say what the hatched areas are."""
    ax.annotate(
        "hatched: not finite",
        (0, 0),
        (4, 4),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=10,
        color=SOFT,
        bbox={"boxstyle": "square,pad=0.15", "facecolor": "white", "edgecolor": "none"},
        zorder=4.6,
    )
