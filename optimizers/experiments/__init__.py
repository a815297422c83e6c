"""Fair experiments: tune and race rules, sweep hyper-parameters, map basins of attraction."""

from optimizers.experiments.basins import Basins, basins
from optimizers.experiments.compare import compare
from optimizers.experiments.comparison import Comparison
from optimizers.experiments.suite import Suite, suite
from optimizers.experiments.sweep import Sweep, sweep
from optimizers.experiments.teacher import Teacher, teacher
from optimizers.experiments.training import Training

__all__ = [
    "Basins",
    "Comparison",
    "Suite",
    "Sweep",
    "Teacher",
    "Training",
    "basins",
    "compare",
    "suite",
    "sweep",
    "teacher",
]
