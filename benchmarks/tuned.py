"""Row 2: four rules tuned over 200 learning rates, as a whole process with its imports."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks import peers
from benchmarks.processes.task import LEARNING_RATES, START, STEPS, best
from benchmarks.report import OURS, Agreement, Goal, Limit, Row, difference, faster
from benchmarks.timing import interleave, run_python
from optimizers import LAMB, SGD, Adam, AdamW, sweep
from optimizers.functions import rosenbrock

OPTAX = "optax, vmap + jit + scan"
TORCH = "torch eager, one run at a time"
NUDGE = 1e-12  # a run that such a change of the start moves visibly is chaotic
RULES = {rule.__name__: rule for rule in (SGD, Adam, AdamW, LAMB)}
DIRECTIONS = np.array([[1, 0], [0, 1], [1, 1], [-1, 1]])
Result = dict[str, np.ndarray]


def measure(quick: bool) -> Row:
    """Time whole processes; torch's, which is slow, not if quick."""
    title = f"SGD, Adam, AdamW, LAMB × {len(LEARNING_RATES)} learning rates × {STEPS} steps"
    with TemporaryDirectory() as folder:
        contenders = {OURS: partial(process, "tuned_ours", folder)}
        if peers.OPTAX:
            contenders[OPTAX] = partial(process, "tuned_optax", folder)
        for work in contenders.values():
            work()  # torch needs most of a minute: it goes without a warm-up
        if peers.TORCH and not quick:
            contenders[TORCH] = partial(process, "tuned_torch", folder)
        timings, results = interleave(contenders, 3 if quick else 5, warm_up=False)
    stable = stable_runs(results[OURS])
    count = sum(int(flags.sum()) for flags in stable.values())
    mine = timings[OURS].median
    return Row(
        2,
        f"{title}: whole process, imports included",
        timings,
        [
            Goal(
                f"{title}, whole process; beside optax",
                mine,
                Limit("3.8× faster", faster(3.8, [timings.get(OPTAX)])),
                Limit("5× faster", faster(5, [timings.get(OPTAX)])),
            ),
            Goal(
                "the same; beside torch, one run at a time",
                mine,
                Limit("50× faster", faster(50, [timings.get(TORCH)])),
            ),
        ],
        [
            Agreement(name, disagreement(results[OURS], result, stable))
            for name, result in results.items()
            if name != OURS
        ],
        [
            "All sides keep every final loss and the whole path of each rule's best run.",
            f"Compared are {count} of {len(RULES) * len(LEARNING_RATES)} final losses, which a "
            f"change of the start by {NUDGE:g} leaves where they are, and the best paths among "
            "them; the other runs diverge or are chaotic.",
        ],
    )


def process(module: str, folder: str) -> Result:
    """Run a library's script to its end; read what it wrote."""
    file = Path(folder) / f"{module}.npz"
    run_python("-m", f"benchmarks.processes.{module}", str(file))
    with np.load(file) as data:
        return dict(data)


def stable_runs(ours: Result) -> dict[str, np.ndarray]:
    """By rule, which runs end finite and do not hang on the last digits of the start."""
    stable = {rule: np.isfinite(ours[f"{rule}/final_losses"]) for rule in RULES}
    for direction in DIRECTIONS:
        start = START * (1 + NUDGE * direction)
        for name, rule in RULES.items():
            nudged = sweep(rule, rosenbrock, start=start, steps=STEPS, lr=LEARNING_RATES)
            losses = ours[f"{name}/final_losses"], nudged.final_loss
            stable[name] &= np.isclose(*losses, rtol=1e-7, atol=1e-15)
    return stable


def disagreement(ours: Result, theirs: Result, stable: dict[str, np.ndarray]) -> float:
    """The largest relative difference between final losses, and between best paths."""
    worst = 0.0
    for rule, rows in stable.items():
        mine, other = ours[f"{rule}/final_losses"], theirs[f"{rule}/final_losses"]
        worst = max(worst, difference(mine[rows], other[rows], floor=1e-8))
        if best(mine) == best(other) and rows[best(mine)]:
            paths: tuple[Any, Any] = (ours[f"{rule}/path"], theirs[f"{rule}/path"])
            worst = max(worst, difference(*paths, floor=1.0))
    return worst
