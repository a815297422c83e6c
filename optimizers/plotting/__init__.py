"""Pictures: quiet landscapes, loud paths, one colour a rule everywhere.

Every helper takes `ax=None` and returns the Axes it drew on; those with several panels take
`axes=None` and return an array of Axes. Nothing here runs an optimizer, changes matplotlib's global
settings or shows a window.
"""

from optimizers.plotting.accuracy import plot_accuracy
from optimizers.plotting.animation import animate_paths, save_gif
from optimizers.plotting.basins import plot_basins
from optimizers.plotting.budget import plot_budget
from optimizers.plotting.contour import plot_contour, plot_paths
from optimizers.plotting.convergence import plot_convergence
from optimizers.plotting.family import plot_family
from optimizers.plotting.field import plot_gradient_field
from optimizers.plotting.graph import plot_graph
from optimizers.plotting.heatmap import plot_heatmap
from optimizers.plotting.landscape import (
    plot_gradient_noise,
    plot_line,
    plot_noise_scale,
    plot_plane,
    plot_sharpness,
    plot_spectrum,
)
from optimizers.plotting.learning_rate import plot_learning_rates
from optimizers.plotting.profile import plot_profile
from optimizers.plotting.race import plot_race
from optimizers.plotting.schedule import plot_schedules
from optimizers.plotting.series import plot_series
from optimizers.plotting.show import show
from optimizers.plotting.state import plot_state
from optimizers.plotting.suite import plot_suite
from optimizers.plotting.surface import plot_surface

__all__ = [
    "animate_paths",
    "plot_accuracy",
    "plot_basins",
    "plot_budget",
    "plot_contour",
    "plot_convergence",
    "plot_family",
    "plot_gradient_field",
    "plot_gradient_noise",
    "plot_graph",
    "plot_heatmap",
    "plot_learning_rates",
    "plot_line",
    "plot_noise_scale",
    "plot_paths",
    "plot_plane",
    "plot_profile",
    "plot_race",
    "plot_schedules",
    "plot_series",
    "plot_sharpness",
    "plot_spectrum",
    "plot_state",
    "plot_suite",
    "plot_surface",
    "save_gif",
    "show",
]
