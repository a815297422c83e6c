"""Row 10: a loss of one's own, not marked."""

from __future__ import annotations

from typing import Any

from benchmarks.report import OURS, Agreement, Goal, Limit, Row, difference, faster
from benchmarks.timing import interleave
from optimizers import Adam

STEPS = 500
LR = 0.05
START = [-1.5, 2.0]
PLAIN = "the same rule on plain autograd"


def mine(x: Any) -> Any:
    """Written for one vector, as one does."""
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def measure(quick: bool) -> Row:
    """Time both, per step."""
    timings, results = interleave({OURS: ours, PLAIN: plain}, 5 if quick else 21)
    timings = {name: timing.per(STEPS) for name, timing in timings.items()}
    work = f"a loss of one's own, not marked, one run of {STEPS} steps of Adam, path recorded"
    return Row(
        10,
        f"{work}: time of a step",
        timings,
        [
            Goal(
                f"{work}, a step",
                timings[OURS].median,
                Limit("50× plain autograd", faster(50, [timings[PLAIN]])),
                Limit("500×", faster(500, [timings[PLAIN]])),
            )
        ],
        [Agreement(PLAIN, difference(results[OURS], results[PLAIN], floor=1.0), 0.0)],
        ["Ours looks anew at all that the loss reads, and holds start and end against autograd."],
    )


def ours() -> Any:
    """The path, (STEPS + 1, 2)."""
    return Adam(mine, START, LR).minimize(STEPS).theta


def plain() -> Any:
    """The same; with a callback, every step is made plainly."""
    return Adam(mine, START, LR).minimize(STEPS, callback=lambda optimizer: None).theta
