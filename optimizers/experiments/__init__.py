"""Fair experiments: tune and race rules, sweep hyper-parameters, look at landscapes."""

from optimizers.experiments.basins import Basins, basins
from optimizers.experiments.compare import compare
from optimizers.experiments.comparison import Comparison
from optimizers.experiments.landscape import (
    GradientNoise,
    Line,
    Plane,
    Sharpness,
    Spectrum,
    gradient_noise,
    line,
    plane,
    sharpness,
    spectrum,
)
from optimizers.experiments.suite import Suite, suite
from optimizers.experiments.sweep import Sweep, sweep
from optimizers.experiments.teacher import MATRICES, Teacher, teacher
from optimizers.experiments.training import Training

__all__ = [
    "MATRICES",
    "Basins",
    "Comparison",
    "GradientNoise",
    "Line",
    "Plane",
    "Sharpness",
    "Spectrum",
    "Suite",
    "Sweep",
    "Teacher",
    "Training",
    "basins",
    "compare",
    "gradient_noise",
    "line",
    "plane",
    "sharpness",
    "spectrum",
    "suite",
    "sweep",
    "teacher",
]
