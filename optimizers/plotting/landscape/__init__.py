"""Pictures of the landscapes of losses of many weights."""

from optimizers.plotting.landscape.line import plot_line
from optimizers.plotting.landscape.noise import plot_gradient_noise, plot_noise_scale
from optimizers.plotting.landscape.plane import plot_plane
from optimizers.plotting.landscape.sharpness import plot_sharpness
from optimizers.plotting.landscape.spectrum import plot_spectrum

__all__ = [
    "plot_gradient_noise",
    "plot_line",
    "plot_noise_scale",
    "plot_plane",
    "plot_sharpness",
    "plot_spectrum",
]
