"""What runs are judged by, in one place: medians over seeds, gaps, targets, good rates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from optimizers.problem import Problem
from optimizers.trajectory import Trajectory

GOOD = 10.0  # a good learning rate ends within this factor of the best gap in the race
FAR = 0.1  # … and leaves no larger share of the first gap than this
TOLERANCE = 1e-3  # "steps to 0.1%": the share of the first gap to the minimum that may be left
CLOSE = 1e-9  # values that differ by no larger share are the same but for rounding
SMALLEST = 1e-190  # gaps below this are nothing: axes and their ticks must be numbers


# --------------------------------------------------------------------------- values over seeds


def quantiles(values: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """The quantiles over the last axis, (..., n) → (..., shares); nan counts as inf.

    One that lies between two values is their mean, so that an inf makes no nan.

    Examples
    --------
    >>> quantiles(np.array([1.0, 2.0, 4.0, np.inf]), (0.5, 1.0))
    array([ 3., inf])
    """
    ordered = np.sort(np.where(np.isnan(values), np.inf, values), axis=-1)
    at = np.array(shares) * (ordered.shape[-1] - 1)
    low, high = ordered[..., np.floor(at).astype(int)], ordered[..., np.ceil(at).astype(int)]
    with np.errstate(invalid="ignore"):
        between = low / 2 + high / 2  # their sum may overflow
    return np.where(low == high, low, np.where(np.isnan(between), np.inf, between))


def middle(values: np.ndarray) -> np.ndarray:
    """The median over the last axis: what every table, title and curve goes by."""
    return quantiles(np.asarray(values, float), (0.5,))[..., 0]


def quartiles(values: np.ndarray) -> np.ndarray:
    """Lower quartile, median and upper quartile over the last axis: (..., n) → (..., 3)."""
    return quantiles(np.asarray(values, float), (0.25, 0.5, 0.75))


def losses_along(path: Trajectory, problem: Problem | None) -> np.ndarray:
    """The losses along a path, (rows, ...), without the noise of a noisy function."""
    if problem is None or problem.exact is None:
        return path.loss
    return problem.values(path.theta)


def marked(losses: np.ndarray, diverged: np.ndarray) -> np.ndarray:
    """The losses, inf where the run diverged."""
    return np.where(diverged | np.isnan(losses), np.inf, losses)


# ------------------------------------------------------------------------- against the minimum


def precision(values: np.ndarray, minimum: float) -> float:
    """Below this, loss − minimum is rounding: relative to where it began and to the minimum."""
    finite = values[np.isfinite(values)]
    size = max(abs(minimum), float(np.max(finite, initial=0.0)))
    return max(float(np.finfo(float).eps * (size if size > 0 else 1.0)), SMALLEST)


def outside(problem: Problem, theta: np.ndarray) -> np.ndarray:
    """Whether weights lie outside the domain: (..., P) → (...). Without one, nothing does."""
    if problem.domain is None:
        return np.zeros(theta.shape[:-1], bool)
    low, high = problem.domain.T
    return ((theta < low) | (theta > high)).any(axis=-1)


def below(losses: np.ndarray, problem: Problem) -> np.ndarray:
    """Whether a loss lies below the known minimum by more than rounding.

    Outside the domain that is a fall without end; inside, the minimum is none.
    """
    minimum = problem.known_minimum
    if minimum is None:
        return np.zeros(np.shape(losses), bool)
    return losses < minimum - 1e-9 * max(1.0, abs(minimum))


def distances(theta: np.ndarray, minima: np.ndarray) -> np.ndarray:
    """From weights to the nearest minimum: (..., P) → (...)."""
    with np.errstate(all="ignore"):
        return np.linalg.norm(theta[..., np.newaxis, :] - minima, axis=-1).min(axis=-1)


def first_step(reached: np.ndarray, step: np.ndarray) -> float:
    """The first step at which something holds, (rows, runs): the median over runs, inf for never.

    `step` has one entry a row, or one per run in each.

    Examples
    --------
    >>> first_step(np.array([[False, False, False], [True, False, False]]), np.array([0, 10]))
    inf
    """
    reached = reached.reshape(len(reached), -1)
    step = np.broadcast_to(step.reshape(len(step), -1), reached.shape)
    at = reached.argmax(axis=0)[np.newaxis]
    first = np.where(reached.any(axis=0), np.take_along_axis(step, at, axis=0)[0], np.inf)
    return float(np.sort(first)[(len(first) - 1) // 2])


def good_range(
    rates: np.ndarray, gaps: np.ndarray, best_of_all: float, first: float
) -> tuple[float, float] | None:
    """The unbroken range of learning rates around the best one that end well, if there is one.

    Parameters
    ----------
    rates, gaps
        Rising learning rates and how far above the minimum each ends: (T,).
    best_of_all
        The lowest gap of any rule in the race.
    first
        The gap at the start.
    """
    if not np.isfinite(best_of_all):
        return None
    limit = np.clip(GOOD * best_of_all, TOLERANCE * first, FAR * first)
    bad = np.flatnonzero(~(np.isfinite(gaps) & (gaps <= limit)))
    best = int(np.argmin(gaps))
    if best in bad:
        return None
    low = bad[bad < best].max(initial=-1) + 1
    high = bad[bad > best].min(initial=len(rates)) - 1
    return float(rates[low]), float(rates[high])


def at_edge(values: np.ndarray, medians: np.ndarray) -> bool:
    """Whether the lowest or the highest value of a grid is better than all between."""
    between = (values > values.min()) & (values < values.max())
    return bool(medians.min() < medians[between].min(initial=np.inf))


def expected_best(medians: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The loss that the best of k trials, drawn at random from those that were made, has reached.

    Parameters
    ----------
    medians
        How each trial ended: (T,), inf if it diverged.
    counts
        k, from 1 to T: (n,).

    Returns
    -------
    array (n, 3)
        Lower quartile, median and upper quartile over all choices of k trials. A mean would be
        infinite as long as some trial diverges.

    Examples
    --------
    >>> expected_best(np.array([3.0, 1.0, 2.0, np.inf]), np.array([1, 2, 4]))[:, 1].tolist()
    [2.0, 1.0, 1.0]

    Notes
    -----
    After Dodge and others, "Show your work" (2019), section 3, and Sivaprasad and others,
    "Optimizer benchmarking needs to account for hyperparameter tuning" (2020); they take the mean.
    """
    ordered = np.sort(medians)
    total = len(ordered)
    # the chance that none of k trials is among the best i: (n, T)
    left = (total - np.arange(1, total + 1))[np.newaxis, :]
    factors = np.zeros((len(counts), total))
    for row, k in enumerate(counts):
        drawn = np.arange(k)
        with np.errstate(divide="ignore"):
            factors[row] = np.log(np.maximum(left.T - drawn, 0) / (total - drawn)).sum(axis=1)
    reached = -np.expm1(factors)
    at = [np.argmax(reached >= share - 1e-12, axis=1) for share in (0.25, 0.5, 0.75)]
    return ordered[np.stack(at, axis=1)]
