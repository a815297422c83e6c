"""Who is ahead, in words that the numbers bear: a tie is called one, and chance claims nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from optimizers.experiments.metrics import CLOSE, middle
from optimizers.experiments.standing import NAMED, Standing, standing
from optimizers.plotting.words import brief
from optimizers.problem import Problem

NO_BEST = "The loss itself is random: no best is claimed"


def by_chance(problem: Problem | None) -> bool:
    """Whether the loss gives two values for the same weights, so that no order can be claimed."""
    return problem is not None and problem.start is not None and problem.depends_on_chance


def order_of(ends: Mapping[str, np.ndarray]) -> Standing:
    """Who is lowest at the end, by the runs of each label, (runs,): inf for what diverged.

    As many runs as another's are paired with them: then a test says who is told apart.
    """
    counts = {len(values) for values in ends.values()}
    if len(counts) > 1:  # nothing is paired
        ends = {label: np.atleast_1d(middle(values)) for label, values in ends.items()}
    return standing({label: np.asarray(values)[np.newaxis] for label, values in ends.items()})


def leaders(ends: Mapping[str, float]) -> list[str]:
    """The labels whose value is the lowest: several if they tie, none if nothing is finite.

    Examples
    --------
    >>> leaders({"SGD": 2.0, "Adam": 1.0, "Lion": float("inf")})
    ['Adam']
    >>> leaders({"SGD": 2.0, "Adam": 2.0})
    ['SGD', 'Adam']
    """
    finite = {label: end for label, end in ends.items() if np.isfinite(end)}
    best = min(finite.values(), default=0.0)
    return [label for label, end in finite.items() if end - best <= CLOSE * abs(best)]


def together(labels: Sequence[str], of: int) -> str:
    """Several of so many labels as the subject of a sentence: two are named, more are counted.

    Examples
    --------
    >>> together(["SGD", "Adam"], of=5), together(["SGD", "Adam", "Lion"], of=5)
    ('SGD and Adam', '3 of 5')
    >>> together(["SGD", "Adam", "Lion"], of=3)
    'All'
    """
    if len(labels) <= 2:
        return " and ".join(map(brief, labels))
    return "All" if len(labels) == of else f"{len(labels)} of {of}"


def ahead(found: Standing, most: str = "lowest", plain: str = "low") -> str:
    """Who has the lowest value, as the beginning of a sentence; those who share it, share it.

    Examples
    --------
    >>> ahead(order_of({"SGD": np.array([2.0]), "Adam": np.array([1.0])}))
    'Adam is lowest'
    >>> ahead(order_of({"SGD": np.array([1.0]), "Adam": np.array([1.0])}), "closest", "close")
    'SGD and Adam are equally close'
    >>> ahead(order_of({"SGD": np.arange(12.0), "Adam": np.arange(12.0)[::-1]}))
    'No clear winner: SGD, Adam'
    """
    first = found.leaders
    if len(first) == 1:
        return f"{brief(first[0])} is {most}"
    if not found.is_tested:
        return f"{together(first, len(found.medians))} are equally {plain}"
    if len(first) > NAMED:
        return f"No clear winner among {len(first)} of {len(found.medians)}"
    return f"No clear winner: {', '.join(map(brief, first))}"
