"""Who is ahead, in words that the numbers bear: a tie is called one, and chance claims nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from optimizers.plotting.words import brief
from optimizers.problem import Problem

CLOSE = 1e-9  # values that differ by no larger share of the best one are the same but for rounding
NO_ORDER = "The loss hangs on chance: no order is claimed"
NO_BEST = "The loss hangs on chance: no best is claimed"


def by_chance(problem: Problem | None) -> bool:
    """Whether the loss gives two values for the same weights, so that no order can be claimed."""
    return problem is not None and problem.start is not None and problem.depends_on_chance


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


def ahead(ends: Mapping[str, float], most: str = "lowest", plain: str = "low") -> str:
    """Who has the lowest value, as the beginning of a sentence; those who share it, share it.

    Examples
    --------
    >>> ahead({"SGD": 2.0, "Adam": 1.0}), ahead({"SGD": 1.0, "Adam": 1.0}, "closest", "close")
    ('Adam is lowest', 'SGD and Adam are equally close')
    """
    first = leaders(ends)
    if len(first) == 1:
        return f"{brief(first[0])} is {most}"
    return f"{together(first, len(ends))} are equally {plain}"
