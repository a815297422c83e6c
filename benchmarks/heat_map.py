"""Row 8: a 12 × 12 heat map of small networks, all trained as one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import peers
from benchmarks.report import OURS, Agreement, Goal, Row, difference
from benchmarks.timing import interleave
from optimizers import AdamW, Training, sweep
from optimizers.datasets import digits
from optimizers.models import mlp

SIZES = (64, 32, 10)
BATCH = 32
STEPS = 200
RATES = np.geomspace(1e-4, 1e-1, 12)
DECAYS = np.geomspace(1e-3, 1, 12)


def measure(quick: bool) -> Row:
    """Time the map batched, on two processes, run by run, and run by run in torch."""
    task = Training(mlp(SIZES), digits(), BATCH)
    contenders: dict[str, Callable[[], Any]] = {
        OURS: lambda: ours(task),
        "ours, two processes": lambda: ours(task, n_jobs=2),
        "ours, run by run": lambda: looped(task),
    }
    if peers.TORCH and not quick:
        contenders["torch eager, run by run"] = lambda: by_torch(task)
    timings, results = interleave(contenders, 1 if quick else 3)
    work = f"heat map of 12 × 12 networks {'-'.join(map(str, SIZES))}, {STEPS} steps with AdamW"
    return Row(
        8,
        work,
        timings,
        [Goal(f"{work}, batch {BATCH}", timings[OURS].median)],
        [
            Agreement(name, difference(results[OURS], found, floor=1.0), 1e-5)
            for name, found in results.items()
            if name != OURS
        ],
        [
            "All sides take the same batches from the same start; compared are the losses on the "
            "held-out data. Two processes: without the time in which they start."
        ],
    )


def ours(task: Training, n_jobs: int | None = None) -> np.ndarray:
    """The final losses (12, 12) by `sweep`."""
    return sweep(
        AdamW, task, steps=STEPS, lr=RATES, weight_decay=DECAYS, n_jobs=n_jobs, progress=False
    ).final_loss


def looped(task: Training) -> np.ndarray:
    """The same with a recorded gradient, one run after the other."""

    def one(lr: float, decay: float) -> float:
        adamw = AdamW(task, task.start, lr, weight_decay=decay)
        path = adamw.minimize(STEPS, every=STEPS)
        return float(task.exact(path.theta[-1]))

    return np.array([[one(lr, decay) for decay in DECAYS] for lr in RATES])


def by_torch(task: Training) -> np.ndarray:
    """The same in torch, in float64 on its default threads."""
    torch = peers.torch_with(None)
    cross_entropy = torch.nn.functional.cross_entropy
    batches = [tuple(map(torch.tensor, task.batches.at(t))) for t in range(1, STEPS + 1)]
    held_out = tuple(map(torch.tensor, task.data.held_out))

    def one(lr: float, decay: float) -> float:
        weights = {
            (layer, name): torch.tensor(values, requires_grad=True)
            for layer, arrays in task.start.items()
            for name, values in arrays.items()
        }

        def loss(x: Any, y: Any) -> Any:
            hidden = torch.relu(x @ weights["layer1", "kernel"] + weights["layer1", "bias"])
            logits = hidden @ weights["layer2", "kernel"] + weights["layer2", "bias"]
            return cross_entropy(logits, y)

        adamw = torch.optim.AdamW(list(weights.values()), lr=lr, weight_decay=decay)
        for x, y in batches:
            adamw.zero_grad()
            loss(x, y).backward()
            adamw.step()
        with torch.no_grad():
            return float(loss(*held_out))

    return np.array([[one(lr, decay) for decay in DECAYS] for lr in RATES])
