"""Who is before whom: places from a paired test over seeds, "no clear winner" where it is so."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np

from optimizers.experiments.metrics import CLOSE, SMALLEST, middle

NO_ORDER = "The loss itself is random: no order is claimed"
NAMED = 4  # so many who share the lead are named, more are counted
LEVEL = 0.05  # the share of races without any difference in which a test may see one
EXACT = 50  # seeds: with more, the test's normal approximation serves
LARGEST = 1e300  # what diverged is that far from what did not


@dataclass(frozen=True)
class Standing:
    """The ranking, as far as the seeds tell.

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
        """The lowest, and all that cannot be separated from it; none if all diverged."""
        first = next(iter(self.medians))
        if not np.isfinite(self.medians[first]):
            return []
        return [label for label in self.medians if (first, label) not in self.better]

    def finding(self, when: str, named: Callable[[str], str] = str) -> str:
        """Which is lowest at that time, as a sentence; those not separated from it share it.

        Examples
        --------
        >>> standing({"SGD": np.array([[2.0]]), "Adam": np.array([[1.0]])}).finding("in the end")
        'Adam is lowest in the end'
        """
        leaders, count = [*map(named, self.leaders)], len(self.medians)
        if not leaders:
            return "All diverged" if count > 1 else "Diverged"
        if count == 1:
            return f"{leaders[0]} ends at {self.medians[self.leaders[0]]:.3g} {when}"
        if len(leaders) == 1:
            return f"{leaders[0]} is lowest {when}"
        some = f"{len(leaders)} of {count}" if len(leaders) < count else "All"
        if not self.is_tested:
            some = " and ".join(leaders) if len(leaders) == 2 else some
            return f"{some} are equally low {when}"
        if len(leaders) > NAMED:
            return f"No clear winner {when} among {len(leaders)} of {count}"
        return f"No clear winner {when}: {', '.join(leaders)}"

    @property
    def winner(self) -> str | None:
        """The one separated from all others."""
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
    medians = {label: float(middle(values[0])) for label, values in ends.items()}
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
    return Standing({label: medians[label] for label in order}, frozenset(better), is_tested)


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
    found[same_way] = [max(map(_wilcoxon, tunings)) for tunings in apart[same_way]]
    return found


def _wilcoxon(apart: np.ndarray) -> float:
    """How likely chance, to which either sign is the same, makes such differences: (n,), two-sided.

    Exact, unless there are ties or many differences: then a normal distribution takes its place.
    1 if the ranks say the opposite of the median, that the differences lie below 0.
    """
    apart = apart[apart != 0]
    _, group, size = np.unique(np.abs(apart), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(size) - (size - 1) / 2)[group]  # those who tie share the mean of theirs
    n, below = len(apart), float(ranks[apart < 0].sum())
    if n <= EXACT and size.max() == 1:
        return float(min(1.0, 2 * _chances(n)[int(below)]))
    variance = n * (n + 1) * (2 * n + 1) / 24 - float((size**3 - size).sum()) / 48
    return min(1.0, math.erfc((n * (n + 1) / 4 - below) / math.sqrt(2 * variance)))


@cache
def _chances(n: int) -> np.ndarray:
    """How likely the ranks 1 to n, each taken or not as a coin falls, add up to w at the most."""
    ways = np.zeros(n * (n + 1) // 2 + 1)
    ways[0] = 1.0
    for rank in range(1, n + 1):
        ways[rank:] = ways[rank:] + ways[:-rank]
    return np.cumsum(ways) / 2.0**n


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
