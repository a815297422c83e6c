"""Learn how optimizers work: update rules, trajectories, fair comparisons, pictures."""

from optimizers.experiments import basins, compare, sweep
from optimizers.gradients import pure
from optimizers.optimizer import Optimizer
from optimizers.rules import (
    LAMB,
    LARS,
    RULES,
    SGD,
    AdaDelta,
    AdaGrad,
    Adam,
    AdamW,
    AMSGrad,
    Lion,
    Lookahead,
    Momentum,
    NAdam,
    Newton,
    RMSProp,
)
from optimizers.trajectory import Trajectory

__version__ = "0.1.0"

__all__ = [
    "LAMB",
    "LARS",
    "RULES",
    "SGD",
    "AMSGrad",
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Lion",
    "Lookahead",
    "Momentum",
    "NAdam",
    "Newton",
    "Optimizer",
    "RMSProp",
    "Trajectory",
    "basins",
    "compare",
    "pure",
    "sweep",
]
