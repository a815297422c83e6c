"""Fair experiments: tune and race rules, sweep hyper-parameters, map basins of attraction."""

from optimizers.experiments.basins import Basins, basins
from optimizers.experiments.compare import Comparison, compare
from optimizers.experiments.sweep import Sweep, sweep
from optimizers.experiments.training import Training

__all__ = ["Basins", "Comparison", "Sweep", "Training", "basins", "compare", "sweep"]
