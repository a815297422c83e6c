"""Maps of accuracy over learning rate and weight decay, for the claims about decay."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from optimizers.claims.claim import Data, Effort, mean_and_error
from optimizers.experiments import Training, sweep
from optimizers.experiments.inputs import Rule
from optimizers.experiments.metrics import middle
from optimizers.experiments.sweep import Sweep
from optimizers.problem import Problem
from optimizers.schedules import cosine

NEAR = 0.03  # columns of a map whose best is within three points of accuracy of the map's best …
GOOD = 0.02  # … and in them the cells within two points of the column's best


def overfitting() -> Training:
    """A network that has more weights than it has seen digits, of which some are mislabelled."""
    from optimizers.datasets import Dataset, digits
    from optimizers.models import mlp

    x, y = (array[:300] for array in digits().train)
    rng = np.random.default_rng(0)
    y = np.where(rng.random(len(y)) < 0.3, rng.integers(10, size=len(y)), y)
    few = Dataset("300 digits, 3 labels in 10 drawn anew", (x, y), digits().held_out)
    return Training(mlp([64, 32, 10]), few, batch_size=30)


def accuracy_map(
    rule: Rule,
    training: Training,
    steps: int,
    lr: np.ndarray,
    decay: np.ndarray,
    seeds: Sequence[int],
    effort: Effort,
    part: str,
    a_step: bool = False,
) -> Data:
    """Train for every lr, every decay and every seed; with a cosine schedule.

    Parameters
    ----------
    a_step
        Whether `decay` is what a weight loses in a step at the peak of the schedule, lr·λ, in the
        place of λ.
    """
    common: dict[str, Any] = {
        "steps": steps,
        "seeds": seeds,
        "schedule": partial(cosine, steps=steps),
        "n_jobs": effort.n_jobs,
        "progress": effort.progress,
    }
    if a_step:
        columns = [
            sweep(
                rule,
                training,
                lr=[rate],
                weight_decay=decay / rate,
                store=effort.store_for(f"{part}-{i}"),
                **common,
            )
            for i, rate in enumerate(lr)
        ]
    else:
        store = effort.store_for(part)
        columns = [sweep(rule, training, lr=lr, weight_decay=decay, store=store, **common)]
    found = np.concatenate(
        [column.accuracies for column in columns if column.accuracies is not None]
    )
    losses = np.concatenate([column.losses for column in columns if column.losses is not None])
    return {
        "lr": lr.tolist(),
        "decay": decay.tolist(),
        "decay_name": "decay per step, lr × λ" if a_step else "weight decay λ",
        "accuracies": found.tolist(),
        "diverged": np.isinf(losses).tolist(),
        "seeds": list(seeds),
        "steps": steps,
    }


def again(
    rule: Rule, found: Data, training: Training, seeds: Sequence[int], effort: Effort, part: str
) -> list[float]:
    """The accuracies at the best cell of a map, on seeds that it was not chosen on."""
    i, j = best_cell(found)
    lr, decay = found["lr"][i], found["decay"][j]
    if found["decay_name"].startswith("decay a step"):
        decay = decay / lr
    result = sweep(
        rule,
        training,
        steps=found["steps"],
        seeds=seeds,
        schedule=partial(cosine, steps=found["steps"]),
        n_jobs=effort.n_jobs,
        store=effort.store_for(part),
        progress=effort.progress,
        lr=[lr],
        weight_decay=decay,
    )
    assert result.accuracies is not None
    return [float(value) for value in result.accuracies[0]]


def best_cell(found: Data) -> tuple[int, int]:
    """Where the median accuracy is highest: the place in `lr`, and in `decay`."""
    medians = middle(found["accuracies"])
    i, j = np.unravel_index(np.argmax(medians), medians.shape)
    return int(i), int(j)


def centre(found: Data) -> list[tuple[float, float]]:
    """The middle of the good cells, by their logarithms, one (lr, decay) a seed."""
    accuracies = np.asarray(found["accuracies"])
    log_lr, log_decay = np.log(found["lr"]), np.log(found["decay"])
    middles = []
    for one in np.moveaxis(accuracies, -1, 0):
        i, j = np.nonzero(one >= one.max() - GOOD)
        middles.append((float(np.exp(log_lr[i].mean())), float(np.exp(log_decay[j].mean()))))
    return middles


def tilts(found: Data) -> list[float]:
    """d log(best decay) / d log(lr) for each seed: 0 is a block, −1 a diagonal lr × λ = constant.

    The best decay of a column is the middle of its good cells. Left out are learning rates that are
    no good at any decay, and those at which the least decay is as good as any; a seed with fewer
    than three columns has no tilt (nan).
    """
    log_lr, log_decay = np.log(found["lr"]), np.log(found["decay"])
    slopes = []
    for one in np.moveaxis(np.asarray(found["accuracies"]), -1, 0):
        best = one.max(axis=1)
        columns = np.flatnonzero((best >= one.max() - NEAR) & (one[:, 0] < best - GOOD))
        middle = [log_decay[one[i] >= one[i].max() - GOOD].mean() for i in columns]
        if len(columns) < 3:
            slopes.append(float("nan"))
        else:
            slopes.append(float(np.polyfit(log_lr[columns], middle, 1)[0]))
    return slopes


def tilt_of(found: Data) -> tuple[float, float]:
    """The tilt's mean over the seeds that have one, and its standard error."""
    slopes = [slope for slope in tilts(found) if np.isfinite(slope)]
    return mean_and_error(slopes) if slopes else (float("nan"), float("nan"))


def as_sweep(found: Data, label: str) -> Sweep:
    """A map as `plot_heatmap` takes it."""
    accuracies = np.asarray(found["accuracies"])
    gone: Any = np.asarray(found["diverged"])
    losses = np.where(gone, np.inf, 1 - accuracies)
    return Sweep(
        label,
        Problem(None, np.sum, "digits"),
        found["steps"],
        {"lr": np.array(found["lr"]), found["decay_name"]: np.array(found["decay"])},
        final_loss=middle(losses),
        diverged=gone.mean(axis=-1),
        seeds=tuple(found["seeds"]),
        losses=losses,
        accuracies=accuracies,
    )
