"""Side by side: contenders take turns, so that a busy machine slows all of them alike."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

Name = TypeVar("Name")
ROOT = Path(__file__).parent.parent
# as for everybody who starts it a second time
BYTE_CODE_KEPT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
REST = 0.01  # seconds between turns, in which the thread pools of the one before fall asleep


@dataclass(frozen=True)
class Timing:
    """The seconds that each repeat took."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return median(self.seconds)

    def per(self, count: int) -> Timing:
        """The time of one of `count` steps."""
        return Timing(tuple(seconds / count for seconds in self.seconds))


def interleave(
    contenders: Mapping[Name, Callable[[], Any]], repeats: int, warm_up: bool = True
) -> tuple[dict[Name, Timing], dict[Name, Any]]:
    """Time each contender in turn: A B A B …, after one round that only warms up.

    Returns
    -------
    timings, results
        By contender: its times, and what it returned the last time.
    """
    if warm_up:
        for work in contenders.values():
            work()
    gc.collect()
    gc.freeze()  # no contender's garbage collection is to search the libraries of the others
    seconds: dict[Name, list[float]] = {name: [] for name in contenders}
    results: dict[Name, Any] = {}
    for _ in range(repeats):
        for name, work in contenders.items():
            time.sleep(REST)
            begin = time.perf_counter()
            results[name] = work()
            seconds[name].append(time.perf_counter() - begin)
    gc.unfreeze()
    return {name: Timing(tuple(values)) for name, values in seconds.items()}, results


def run_python(*arguments: str) -> str:
    """Run a fresh Python to its end; return what it printed."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, *arguments],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=BYTE_CODE_KEPT | {"PYTHONPATH": path},
    )
    return done.stdout
