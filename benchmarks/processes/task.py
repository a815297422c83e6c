"""Row 2's task, which each library solves in a process of its own.

Tune SGD, Adam, AdamW and LAMB over 200 learning rates for 500 steps on 2-D Rosenbrock; keep the
final loss of every run (inf where it diverged) and the whole path of each rule's best one.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

import numpy as np

START = np.array([-1.5, 2.0])
STEPS = 500
LEARNING_RATES = np.geomspace(1e-5, 10, 200)
WEIGHT_DECAY = 0.01


def best(final_losses: np.ndarray) -> int:
    """The learning rate with the lowest final loss, by its place in the grid."""
    return int(np.argmin(np.where(np.isfinite(final_losses), final_losses, np.inf)))


def save(final_losses: Mapping[str, np.ndarray], paths: Mapping[str, np.ndarray]) -> None:
    """Write the result to the file that the command names."""
    arrays = {f"{rule}/final_losses": losses for rule, losses in final_losses.items()}
    arrays |= {f"{rule}/path": path for rule, path in paths.items()}
    np.savez(sys.argv[1], allow_pickle=False, **arrays)
