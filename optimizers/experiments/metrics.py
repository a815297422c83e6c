"""What runs are judged by, in one place: medians over seeds, gaps, targets, good rates, places."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from optimizers.problem import Problem

GOOD = 10.0  # a good learning rate ends within this factor of the best gap in the race
FAR = 0.1  # … and leaves no larger share of the first gap than this
TOLERANCE = 1e-3  # "steps to 0.1%": the share of the first gap to the minimum that may be left
LEVEL = 0.05  # the share of races without any difference in which a test may see one
CLOSE = 1e-9  # values that differ by no larger share are the same but for rounding
EXACT = 50  # seeds: with more, the test's normal approximation serves
LARGEST = 1e300  # what diverged is that far from what did not
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

    Examples
    --------
    >>> first_step(np.array([[False, False, False], [True, False, False]]), np.array([0, 10]))
    inf
    """
    reached = reached.reshape(len(reached), -1)
    first = np.where(reached.any(axis=0), step[reached.argmax(axis=0)], np.inf)
    return float(np.sort(first)[len(first) // 2])


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


# --------------------------------------------------------------------------------------- places


@dataclass(frozen=True)
class Standing:
    """Who is before whom, as far as the seeds tell.

    Attributes
    ----------
    medians
        By label, the median over the seeds, the lowest first.
    better
        The pairs (a, b) that are told apart, a before b. Who is better than one who is better than
        a third is better than the third as well.
    is_tested
        Whether a test over seeds told them apart; of single runs, the values did.
    """

    medians: dict[str, float]
    better: frozenset[tuple[str, str]]
    is_tested: bool

    def place(self, label: str) -> tuple[int, int]:
        """The best and the worst place that is left open: equal, if it is not shared."""
        before = sum((other, label) in self.better for other in self.medians)
        after = sum((label, other) in self.better for other in self.medians)
        return 1 + before, len(self.medians) - after

    @property
    def leaders(self) -> list[str]:
        """The lowest, and all who are not told apart from it; nobody if all diverged."""
        finite = [label for label, value in self.medians.items() if np.isfinite(value)]
        return [label for label in finite if (finite[0], label) not in self.better]

    @property
    def winner(self) -> str | None:
        """Who is told apart from everybody else."""
        return self.leaders[0] if len(self.leaders) == 1 else None


def standing(
    ends: Mapping[str, np.ndarray], minimum: float | None = None, floor: float = 0.0
) -> Standing:
    """Tell apart what differs by more than chance: Wilcoxon's signed-rank test, Holm's correction.

    Two labels are told apart if the test says so for each of their tunings, and all of them, and
    the medians of what is shown, the same way: luck in the tuning must not decide either.

    Parameters
    ----------
    ends
        By label, the final loss of each seed, (tunings, seeds), inf if it diverged. Seeds are
        paired; the first tuning is the one that is shown.
    minimum, floor
        Where the minimum is known, logarithms of the gaps to it are compared; gaps below the floor
        are equal.

    Examples
    --------
    >>> noise = np.random.default_rng(0).uniform(0.9, 1.1, size=(3, 1, 12))
    >>> found = standing({"A": noise[0], "B": 2 + noise[1], "C": 2 + noise[2]})
    >>> [found.place(label) for label in "ABC"], found.winner
    ([(1, 1), (2, 3), (2, 3)], 'A')

    Notes
    -----
    Wilcoxon, "Individual comparisons by ranking methods" (1945); Holm, "A simple sequentially
    rejective multiple test procedure" (1979). The largest of the p-values of the tunings counts.
    """
    heights = {label: _heights(values, minimum, floor) for label, values in ends.items()}
    medians = {label: float(middle(values[0])) for label, values in heights.items()}
    order = sorted(ends, key=lambda label: medians[label])
    pairs = list(combinations(order, 2))
    apart = np.array([_apart(heights[a], heights[b]) for a, b in pairs])
    is_tested = max(values.shape[1] for values in heights.values()) > 1
    if not pairs:
        told = np.zeros(0, bool)
    elif is_tested:
        told = _holm(_p_values(apart))
    else:
        told = apart[:, 0, 0] > 0
    better = {pair for pair, is_told in zip(pairs, told, strict=True) if is_told}
    for between in order:  # who is better than one who is better is better
        before = [a for a, b in better if b == between]
        after = [b for a, b in better if a == between]
        better |= {(a, b) for a in before for b in after}
    shown = {label: float(middle(ends[label][0])) for label in order}
    return Standing(shown, frozenset(better), is_tested)


def _heights(values: np.ndarray, minimum: float | None, floor: float) -> np.ndarray:
    """What is compared, (tunings, seeds): rounding makes no difference in it."""
    if minimum is not None:
        with np.errstate(divide="ignore"):
            return np.log(np.maximum(values - minimum, max(floor, SMALLEST)))
    return np.asarray(values, float)


def _apart(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """By how much theirs are higher, (tunings, seeds); 0 where that is rounding."""
    with np.errstate(invalid="ignore"):
        apart = theirs - ours
        rounding = CLOSE * np.minimum(np.abs(ours), np.abs(theirs))
        apart[(ours == theirs) | (np.abs(apart) <= rounding)] = 0.0
    return np.clip(apart, -LARGEST, LARGEST)


def _p_values(apart: np.ndarray) -> np.ndarray:
    """How often chance alone would set pairs so far apart, (pairs, tunings, seeds) → (pairs,).

    The largest of the tunings; 1 where they disagree about who is lower.
    """
    found = np.ones(len(apart))
    same_way = (middle(apart) >= 0).all(axis=1) & (apart != 0).any(axis=2).all(axis=1)
    if same_way.any():
        some = apart[same_way]
        p_values = _wilcoxon(some.reshape(-1, some.shape[-1]))
        found[same_way] = p_values.reshape(some.shape[:2]).max(axis=1)
    return found


def _wilcoxon(apart: np.ndarray) -> np.ndarray:
    """The test's two-sided p-values, (n, seeds) → (n,): exact, unless there are ties or many."""
    from scipy.stats import wilcoxon  # slow to import

    sizes = np.sort(np.abs(apart), axis=1)
    is_exact = (sizes[:, 0] > 0) & (np.diff(sizes, axis=1) > 0).all(axis=1)
    is_exact &= apart.shape[1] <= EXACT
    found = np.ones(len(apart))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of few seeds with ties it is no rule's fault
        for method, rows in (("exact", is_exact), ("asymptotic", ~is_exact)):
            if rows.any():
                found[rows] = wilcoxon(apart[rows], axis=1, method=method).pvalue
    return found


def _holm(p_values: np.ndarray) -> np.ndarray:
    """Which differences hold: the smallest p times all pairs, the next times one less, …"""
    order = np.argsort(p_values, kind="stable")
    holds = p_values[order] * np.arange(len(order), 0, -1) <= LEVEL
    told = np.zeros(len(order), bool)
    told[order] = np.logical_and.accumulate(holds)
    return told


def fewest_seeds(rules: int) -> int:
    """How many seeds it takes for the test to tell any of so many rules apart.

    Examples
    --------
    >>> [fewest_seeds(rules) for rules in (2, 4, 8)]
    [6, 8, 11]
    """
    pairs = max(1, rules * (rules - 1) // 2)
    return 1 + int(np.ceil(np.log2(pairs / LEVEL)))
