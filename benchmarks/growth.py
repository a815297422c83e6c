"""How the cost of a step grows with the number of runs, and with the number of weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import many_runs, peers
from benchmarks.report import OURS, quantity, table
from benchmarks.timing import interleave
from optimizers import Adam
from optimizers.functions import rosenbrock, sphere

RUNS = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
DIMENSIONS = (2, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
ROSENBROCK, SPHERE, OPTAX = f"{OURS}, Rosenbrock", f"{OURS}, Sphere", "optax, warm"
LOOKS = {  # Okabe and Ito's colours, safe for colour-blind readers
    ROSENBROCK: ("#0072B2", "o-"),
    SPHERE: ("#009E73", "^:"),
    OPTAX: ("#D55E00", "s--"),
}


@dataclass(frozen=True)
class Curve:
    """The median time of a step at each size, by contender."""

    what: str
    sizes: tuple[int, ...]
    seconds: dict[str, list[float]]

    def markdown(self) -> str:
        """The table; beside each time, what it is for one run or one weight."""
        names = list(self.seconds)
        body = []
        for i, size in enumerate(self.sizes):
            times = [self.seconds[name][i] for name in names]
            each = 1e9 * times[0] / size
            body.append([f"{size:,}", *map(quantity, times), f"{each:.3g} ns"])
        return table([self.what, *names, f"{names[0]}, each of them"], body)


def measure(quick: bool) -> list[Curve]:
    """Time a step of Adam at every size."""
    repeats = 3 if quick else 7
    return [
        _curve("runs of two weights", RUNS, runs_at, repeats),
        _curve("weights, one run", DIMENSIONS, dimension_at, repeats),
    ]


def markdown(curves: list[Curve]) -> str:
    """Both tables."""
    head = "## Growth: time of a step of Adam"
    return "\n\n".join([head, *(curve.markdown() for curve in curves)])


def runs_at(size: int, steps: int) -> dict[str, Callable[[], Any]]:
    """Many runs on 2-D Rosenbrock."""
    at = many_runs.starts(size)
    contenders: dict[str, Callable[[], Any]] = {ROSENBROCK: lambda: many_runs.ours(at, steps)}
    if peers.OPTAX:
        run = many_runs.compiled(steps)
        contenders[OPTAX] = lambda: many_runs.by_optax(run, at)
    return contenders


def dimension_at(size: int, steps: int) -> dict[str, Callable[[], Any]]:
    """One run with many weights."""
    start = np.random.default_rng(0).uniform(-1, 1, size)
    return {
        ROSENBROCK: lambda: Adam(rosenbrock, start, 0.01).minimize(steps, every=steps),
        SPHERE: lambda: Adam(sphere, start, 0.01).minimize(steps, every=steps),
    }


def _curve(
    what: str,
    sizes: tuple[int, ...],
    contenders_at: Callable[[int, int], dict[str, Callable[[], Any]]],
    repeats: int,
) -> Curve:
    steps = {size: int(np.clip(2e6 / size, 10, 500)) for size in sizes}
    contenders = {
        (name, size): work
        for size in sizes
        for name, work in contenders_at(size, steps[size]).items()
    }
    timings, _ = interleave(contenders, repeats)
    seconds: dict[str, list[float]] = {}
    for (name, size), timing in timings.items():
        seconds.setdefault(name, []).append(timing.per(steps[size]).median)
    return Curve(what, sizes, seconds)


def draw(curves: list[Curve], file: Path) -> None:
    """Both curves, log–log, beside the slope of a cost that grows as the size does."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
    for ax, curve in zip(axes, curves, strict=True):
        sizes = np.array(curve.sizes)
        for name, seconds in curve.seconds.items():
            color, style = LOOKS[name]
            ax.loglog(sizes, seconds, style, color=color, linewidth=2, label=name)
        guide = min(seconds[-1] for seconds in curve.seconds.values()) / 3 * sizes / sizes[-1]
        seen = guide >= min(min(seconds) for seconds in curve.seconds.values()) / 3
        proportional = "in proportion to the size"
        ax.loglog(sizes[seen], guide[seen], color="0.6", linewidth=1, label=proportional)
        ax.set_xlabel(f"{curve.what} (log)")
        ax.grid(color="0.9", linewidth=0.6)
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False)
    axes[0].set_ylabel("seconds a step of Adam (log)")
    dearer = [curve.seconds[ROSENBROCK][3] / curve.seconds[ROSENBROCK][0] for curve in curves]
    figure.suptitle(
        f"{RUNS[3]:,} runs cost {dearer[0]:.2g} times what one costs, "
        f"{DIMENSIONS[3]:,} weights {dearer[1]:.2g} times what two cost"
    )
    figure.savefig(file, dpi=100)
    plt.close(figure)
