"""Training with small and with large batches, for the claims about LAMB."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from optimizers.claims.claim import Effort
from optimizers.experiments import Training, sweep
from optimizers.experiments.inputs import Rule
from optimizers.schedules import Schedule, polynomial, warmup

EXAMPLES = 65_536
WARM_UP = 10  # one step in so many


@cache
def training(batch_size: int, scheme: str) -> Training:
    """A small network on noisy, shifted digits."""
    from optimizers.datasets import augmented_digits
    from optimizers.models import mlp

    return Training(mlp([64, 32, 10]), augmented_digits(EXAMPLES), batch_size, scheme)


def schedule(lr: Any, steps: int) -> Schedule:
    """A tenth of the steps up to lr, the rest in a line down to 0."""
    up = max(1, steps // WARM_UP)
    return warmup(up, polynomial(lr, max(1, steps - up)))


def accuracies(
    rule: Rule,
    problem: Training,
    epochs: int,
    lr: Sequence[float] | np.ndarray,
    seeds: Sequence[int],
    effort: Effort,
    part: str,
) -> np.ndarray:
    """The accuracy at each learning rate and for each seed: (rates, seeds)."""
    steps = problem.steps(epochs)
    result = sweep(
        rule,
        problem,
        steps=steps,
        seeds=seeds,
        schedule=partial(schedule, steps=steps),
        n_jobs=effort.n_jobs,
        store=effort.store_for(part),
        progress=effort.progress,
        lr=list(lr),
    )
    assert result.accuracies is not None
    return result.accuracies
