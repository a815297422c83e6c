"""Row 5: Adam's update of two million weights, the gradient given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks import peers
from benchmarks.report import OURS, Agreement, Goal, Limit, Row, difference, faster
from benchmarks.timing import interleave
from optimizers import Adam
from optimizers.cores import cores
from optimizers.engine import machine_code
from optimizers.functions import sphere

WEIGHTS = 2_000_000
LR = 0.001
KINDS = {
    "torch": "float64",
    "torch fused": "float64",
    "torch float32": "float32",
    "torch float32 fused": "float32",
}
THREADS = {"1 thread": 1, "default threads": None}
CHECKED = 3  # steps after which the weights are compared


def measure(quick: bool) -> Row:
    """Time one update; the gradient is the same each time."""
    g = np.random.default_rng(0).standard_normal(WEIGHTS)
    contenders: dict[str, Callable[[], Any]] = {OURS: ours(g), f"{OURS}, 1 thread": ours(g, 1)}
    if peers.TORCH:
        for kind, precision in KINDS.items():
            for count, threads in THREADS.items():
                fused = kind.endswith("fused")
                contenders[f"{kind}, {count}"] = by_torch(g, precision, threads, fused)
    agreements = [
        Agreement(name, difference(after(ours(g)), after(update), floor=1e-3))
        for name, update in contenders.items()
        if name != OURS and "float32" not in name
    ]
    timings, _ = interleave(contenders, 7 if quick else 31)
    goals = []
    for count, mine in zip(THREADS, (f"{OURS}, 1 thread", OURS), strict=True):
        beside = [timing for name, timing in timings.items() if name == f"torch fused, {count}"]
        goals.append(
            Goal(
                f"Adam update of {WEIGHTS:,} weights, {count}",
                timings[mine].median,
                Limit("1.2× torch fused's time", faster(1 / 1.2, beside)),
                Limit("level with it", faster(1, beside)),
            )
        )
    return Row(
        5,
        f"Adam's update of {WEIGHTS:,} weights in one array, gradient given",
        timings,
        goals,
        agreements,
        ["float64 unless it says otherwise; ours has a thread a core unless it says so."],
    )


def ours(g: np.ndarray, threads: int | None = None) -> Callable[[], Any]:
    """One update a call; it returns the weights."""
    adam = Adam(sphere, np.zeros(WEIGHTS), LR)

    def update() -> Any:
        with patch.object(machine_code, "cores", lambda: threads or cores()):
            adam._step(g)
        return adam._theta

    return update


def by_torch(g: np.ndarray, precision: str, threads: int | None, fused: bool) -> Callable[[], Any]:
    """One update a call; it returns the weights."""
    torch = peers.torch_with(threads)
    dtype = getattr(torch, precision)
    x = torch.zeros(WEIGHTS, dtype=dtype, requires_grad=True)
    x.grad = torch.tensor(g, dtype=dtype)
    adam = torch.optim.Adam([x], lr=LR, fused=True if fused else None)

    def update() -> Any:
        peers.torch_with(threads)
        adam.step()
        return x.detach().numpy()

    return update


def after(update: Callable[[], Any]) -> np.ndarray:
    """The weights after a few updates."""
    for _ in range(CHECKED - 1):
        update()
    return np.array(update())
