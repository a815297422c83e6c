"""Row 3: 100,000 runs of Adam from as many starts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks import peers
from benchmarks.report import OURS, Agreement, Goal, Limit, Row, difference, faster
from benchmarks.timing import interleave, run_python
from optimizers import Adam
from optimizers.experiments.runs import finish
from optimizers.functions import rosenbrock
from optimizers.problem import as_problem

RUNS = 100_000
STEPS = 200
LR = 0.01
WARM = "optax, jit + vmap + scan, warm"


def measure(quick: bool) -> Row:
    """Time both sides in one process, and take their peak memory in processes of their own."""
    at = starts(RUNS)
    contenders: dict[str, Callable[[], Any]] = {OURS: lambda: ours(at, STEPS)}
    if peers.OPTAX:
        warm = compiled(STEPS)
        contenders[WARM] = lambda: by_optax(warm, at)
        contenders["optax, first call"] = lambda: by_optax(compiled(STEPS), at)
    timings, results = interleave(contenders, 3 if quick else 9)
    memory = {"ours": peak("ours")} | ({"optax": peak("optax")} if peers.OPTAX else {})
    work = f"{RUNS:,} Adam runs × {STEPS} steps on Rosenbrock"
    return Row(
        3,
        work,
        timings,
        [
            Goal(
                f"{work}; beside warm optax",
                timings[OURS].median,
                Limit("level with it", faster(1, [timings.get(WARM)])),
                Limit("0.8× its time", faster(1 / 0.8, [timings.get(WARM)])),
            ),
            Goal("the same, peak memory", memory["ours"], Limit("", 1e8), unit="B"),
        ],
        [
            Agreement(name, difference(results[OURS], ends, floor=1.0))
            for name, ends in results.items()
            if name != OURS
        ],
        [
            "Both sides return every run's last iterate and final loss; compared are both.",
            "Peak memory of a process that does nothing else, imports included: "
            + ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in memory.items())
            + ".",
        ],
    )


def starts(runs: int) -> np.ndarray:
    """Random points in the function's domain, (runs, 2)."""
    low, high = rosenbrock.domain.T
    return np.random.default_rng(0).uniform(low, high, (runs, 2))


def ours(at: np.ndarray, steps: int) -> np.ndarray:
    """Last iterate and final loss of each run, (runs, 3)."""
    ends = finish(partial(Adam, lr=LR), as_problem(rosenbrock), steps, {}, at)
    return np.column_stack([ends.theta, ends.loss])


def compiled(steps: int) -> Callable[[Any], Any]:
    """All runs in a fresh jit."""
    jax = peers.jax_in_float64()
    import optax

    adam = optax.adam(LR)

    def loss(x: Any) -> Any:
        return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2

    def step(carry: Any, _: None) -> Any:
        x, state = carry
        updates, state = adam.update(jax.grad(loss)(x), state, x)
        return (optax.apply_updates(x, updates), state), None

    def run(start: Any) -> Any:
        (end, _), _ = jax.lax.scan(step, (start, adam.init(start)), length=steps)
        return end, loss(end)

    return jax.jit(jax.vmap(run))


def by_optax(run: Callable[[Any], Any], at: np.ndarray) -> np.ndarray:
    """Last iterate and final loss of each run, (runs, 3)."""
    end, loss = run(at)
    return np.column_stack([np.asarray(end), np.asarray(loss)])


def peak(side: str) -> int:
    """Peak memory of a process that makes all the runs, in bytes."""
    return int(run_python("-m", "benchmarks.processes.peak_memory", side))
