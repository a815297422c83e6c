"""The curvature at a point in all directions: eigenvalues by rank."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from optimizers.checks import shown
from optimizers.experiments.landscape.spectrum import Spectrum
from optimizers.plotting.labels import LEGEND
from optimizers.plotting.layout import axes_for
from optimizers.plotting.paths import titled
from optimizers.plotting.style import PALETTE, caption, dress, number

FLAT = 1e-6  # of the largest: an eigenvalue no larger in size is not drawn
MANY = 20  # eigenvalues: of more, the first ranks need room
LARGE = 0.1  # of the largest: what stands out


def plot_spectrum(spectrum: Spectrum, ax: Axes | None = None) -> Axes:
    """Draw the sizes of the Hessian's eigenvalues by rank, on a log axis.

    Filled: the loss is curved upwards in this direction; hollow: downwards.

    Parameters
    ----------
    spectrum
        What `spectrum` returns.
    ax
        Where to draw; a new figure if None.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        For what is no spectrum.

    Examples
    --------
    >>> from optimizers.experiments import spectrum
    >>> from optimizers.functions import rosenbrock
    >>> ax = plot_spectrum(spectrum(rosenbrock, [-1.5, 2.0, 1.0, 0.5]))
    """
    if not isinstance(spectrum, Spectrum):
        raise TypeError(
            f"plot_spectrum: spectrum must be what spectrum returns, got {shown(spectrum)}"
        )
    ax, ours = axes_for(ax, "plot_spectrum", (8.0, 4.8))
    up, down = _parts(spectrum)
    for values, color, hollow, label in (
        (up, PALETTE["navy"], False, "curved upwards"),
        (down, PALETTE["red"], True, "curved downwards"),
    ):
        if len(values):
            ranks = np.arange(1, len(values) + 1)
            ax.plot(
                ranks,
                values,
                "o",
                markersize=5,
                markerfacecolor="white" if hollow else color,
                markeredgecolor=color,
                markeredgewidth=0.9,
                linestyle="none",
                label=f"{label}: {len(values)}",
                clip_on=False,
                zorder=3,
            )
    ax.set_yscale("log")
    if len(spectrum.eigenvalues) > MANY:
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    ax.grid(True, color="#e6e6e6", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.legend(loc="upper right", **LEGEND)
    rank = "rank (log)" if len(spectrum.eigenvalues) > MANY else "rank"
    dress(ax, _finding(spectrum, up), rank, "curvature, its size (log)")
    if ours:
        caption(ax.get_figure(root=True), _told(spectrum, up, down))  # type: ignore[arg-type]
    return ax


def _parts(spectrum: Spectrum) -> tuple[np.ndarray, np.ndarray]:
    """The sizes of the positive eigenvalues and of the negative ones, each in falling order."""
    values = spectrum.eigenvalues
    least = FLAT * np.abs(values).max()
    return values[values > least], -values[values < -least][::-1]


def _finding(spectrum: Spectrum, up: np.ndarray) -> str:
    if not len(up):
        return "In no direction is the loss curved upwards"
    count = len(spectrum.eigenvalues)
    of = str(count) if spectrum.is_whole else f"the largest {count}"
    large = int(np.sum(up > LARGE * up[0]))
    if large == count:
        every = "All" if spectrum.is_whole else "All of"
        return f"{every} {of} curvatures are above a tenth of the largest, {number(up[0])}"
    return f"{large} of {of} curvatures are above a tenth of the largest, {number(up[0])}"


def _told(spectrum: Spectrum, up: np.ndarray, down: np.ndarray) -> str:
    size, count = len(spectrum.theta), len(spectrum.eigenvalues)
    flat = count - len(up) - len(down)
    told = f"Eigenvalues of the Hessian of {titled(spectrum.problem)} ({spectrum.problem.noun})"
    which = f", all {size}." if spectrum.is_whole else f", the largest {count} of {size}."
    zero = f" {flat} are smaller than a millionth of the largest, and not drawn." if flat else ""
    return told + which + zero
