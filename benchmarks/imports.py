"""Row 6: what it costs to import the library."""

from __future__ import annotations

import time

from benchmarks.report import Goal, Limit, Row, faster
from benchmarks.timing import Timing, run_python

OURS, BASE = "import optimizers", "import autograd.numpy"
STATEMENTS = {OURS: OURS, BASE: BASE, "nothing": "pass"}
WHOLE = ", whole process"


def measure(quick: bool) -> Row:
    """Time fresh processes in turn: the statement from within, the process from outside."""
    seconds: dict[str, list[float]] = {}
    for name, statement in STATEMENTS.items():
        timed(statement)  # writes the byte code and fills the disk cache
        seconds[name], seconds[name + WHOLE] = [], []
    for _ in range(5 if quick else 31):
        for name, statement in STATEMENTS.items():
            begin = time.perf_counter()
            seconds[name].append(timed(statement))
            seconds[name + WHOLE].append(time.perf_counter() - begin)
    timings = {name: Timing(tuple(values)) for name, values in seconds.items()}
    goals = [
        Goal(
            f"`{OURS}`{part}; beside `{BASE}`",
            timings[OURS + part].median,
            Limit("at most 1.2×", faster(1 / 1.2, [timings[BASE + part]])),
            Limit("at most 1.05×", faster(1 / 1.05, [timings[BASE + part]])),
        )
        for part in ("", WHOLE)
    ]
    del timings["nothing"]
    return Row(6, "Importing the library in a fresh process", timings, goals)


def timed(statement: str) -> float:
    """The seconds that a statement takes in a Python that has just started."""
    return float(
        run_python(
            "-c",
            "from time import perf_counter\nbegin = perf_counter()\n"
            f"{statement}\nprint(perf_counter() - begin)",
        )
    )
