"""Trials of a rule, for the claims about tuning."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from optimizers.claims.claim import Effort
from optimizers.experiments.inputs import Rule
from optimizers.experiments.tuning import Tuner
from optimizers.problem import SCATTER, Problem


def final_losses(
    rule: Rule,
    problem: Problem,
    steps: int,
    trials: Mapping[str, np.ndarray],
    seeds: Sequence[int],
    effort: Effort,
    part: str,
    schedule: Callable[[Any], Any] | None = None,
) -> np.ndarray:
    """How each trial ends on each seed, (trials, seeds): inf where it diverged.

    Parameters
    ----------
    trials
        The hyper-parameters by name, each (trials,).
    """
    # runs in the plane are over before a process has begun
    jobs = effort.n_jobs if problem.draws_start else None
    how: dict[str, Any] = {"schedule": schedule, "n_jobs": jobs, "progress": effort.progress}
    tuner = Tuner(problem, tuple(seeds), SCATTER, np.empty(0), None, how)
    tried = [(dict(trials), tuple(seeds))]
    (losses,), _ = tuner.ends(rule, steps, tried, effort.store_for(part))
    return losses
