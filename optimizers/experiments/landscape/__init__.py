"""What the landscape of a loss of many weights looks like: planes, lines, curvature, noise."""

from optimizers.experiments.landscape.line import Line, line
from optimizers.experiments.landscape.noise import GradientNoise, gradient_noise
from optimizers.experiments.landscape.plane import Plane, plane
from optimizers.experiments.landscape.sharpness import Sharpness, sharpness
from optimizers.experiments.landscape.spectrum import Spectrum, spectrum

__all__ = [
    "GradientNoise",
    "Line",
    "Plane",
    "Sharpness",
    "Spectrum",
    "gradient_noise",
    "line",
    "plane",
    "sharpness",
    "spectrum",
]
