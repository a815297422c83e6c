"""The noise of mini-batch gradients: their cloud, and how it shrinks with the batch."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from optimizers.checks import shown
from optimizers.experiments.landscape.noise import GradientNoise
from optimizers.plotting.layout import axes_for, equal_units
from optimizers.plotting.paths import titled
from optimizers.plotting.scale import power
from optimizers.plotting.style import (
    INK,
    LINES,
    PALETTE,
    SOFT,
    WIDTH,
    caption,
    casing,
    dress,
    marker,
    number,
    percent,
)

ROOM = 0.06  # around the cloud, as a share of its extent
NARROW = 0.5  # of its longer side the shorter one has at the least


def plot_gradient_noise(noise: GradientNoise, ax: Axes | None = None) -> Axes:
    """Draw the gradients of batches around the whole gradient, an arrow, in a plane.

    The plane lies along the whole gradient and, across it, where the cloud is widest. Lengths are
    in those of the whole gradient.

    Parameters
    ----------
    noise
        What `gradient_noise` returns.
    ax
        Where to draw; a new figure if None.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        For what is no such result, and where the whole gradient is 0.

    Examples
    --------
    >>> from optimizers.experiments import gradient_noise
    >>> from optimizers.functions import noisy, sphere
    >>> ax = plot_gradient_noise(gradient_noise(noisy(sphere, sigma=1.0), [3.0, 4.0]))
    """
    _check(noise, "plot_gradient_noise")
    length = float(np.linalg.norm(noise.gradient))
    if not length > 0:
        raise ValueError(
            "plot_gradient_noise: the whole gradient is 0 there, and points nowhere; "
            "take the noise at other weights"
        )
    points, seen = _in_plane(noise)
    frame = _around(np.vstack([points, [[0, 0], [1, 0]]]))
    across, up = np.ptp(frame, axis=1)
    ax, ours = axes_for(ax, "plot_gradient_noise", (8.0, 6.6 * min(float(up / across), 1.0) + 1.8))
    ax.axhline(0, color=SOFT, linewidth=0.8, zorder=1)
    ax.axvline(0, color=SOFT, linewidth=0.8, zorder=1)
    ax.plot(
        *points.T, "o", **marker(PALETTE["azure"], size=6) | {"alpha": 0.6}, zorder=2, clip_on=False
    )
    ax.annotate(
        "",
        (1, 0),
        (0, 0),
        arrowprops={
            "arrowstyle": "-|>,head_length=0.6,head_width=0.3",
            "color": INK,
            "linewidth": 2.5,
            "shrinkA": 0,
            "shrinkB": 0,
            "path_effects": casing(2.5),
        },
        zorder=4,
    )
    ax.set_xlim(*frame[0])
    ax.set_ylim(*frame[1])
    equal_units(ax, frame)
    dress(ax, _finding(noise), "along the whole gradient", "across it")
    if ours:
        caption(ax.get_figure(root=True), _told(noise, seen))  # type: ignore[arg-type]
    return ax


def _check(noise: object, caller: str) -> None:
    if not isinstance(noise, GradientNoise):
        raise TypeError(f"{caller}: noise must be what gradient_noise returns, got {shown(noise)}")


def _in_plane(noise: GradientNoise) -> tuple[np.ndarray, float]:
    """The cloud in the plane, (count, 2), and the share of its variance that this holds."""
    length = np.linalg.norm(noise.gradient)
    along = noise.gradient / length
    away = noise.cloud - noise.gradient
    rest = away - np.outer(away @ along, along)
    _, _, directions = np.linalg.svd(rest, full_matrices=False)
    at = np.stack([noise.cloud @ along, noise.cloud @ directions[0]], axis=1) / length
    whole = float((away**2).sum())
    seen = float(((at - [1, 0]) ** 2).sum() * length**2)
    return at, seen / whole if whole > 0 else 1.0


def _around(points: np.ndarray) -> np.ndarray:
    """The frame of these points, of which no side is much longer than the other: (2, 2)."""
    low, high = points.min(axis=0), points.max(axis=0)
    half = (0.5 + ROOM) * (high - low)
    half = np.maximum(half, NARROW * half.max())
    return np.stack([(low + high) / 2 - half, (low + high) / 2 + half], axis=1)


def _batches(noise: GradientNoise) -> str:
    return "noisy gradients" if noise.batch_size is None else f"batches of {noise.batch_size}"


def _finding(noise: GradientNoise) -> str:
    return f"{percent(noise.downhill)} of the steps on {_batches(noise)} lead downhill"


def _told(noise: GradientNoise, seen: float) -> str:
    distance = np.linalg.norm(noise.cloud - noise.gradient, axis=1)
    times = float(np.median(distance) / np.linalg.norm(noise.gradient))
    return (
        f"{titled(noise.problem)}: {len(noise.cloud)} gradients of {_batches(noise)} around the "
        "whole one, the arrow, whose length is the unit. To the right of the vertical line, a "
        "short step against the gradient lowers the loss on all data. The plane holds "
        f"{percent(seen)} of the noise; with the rest, half of the gradients lie more than "
        f"{number(times)} from the arrow's tip."
    )


def plot_noise_scale(noise: GradientNoise, ax: Axes | None = None) -> Axes:
    """Draw how much noise there is in the gradient of a batch, against the batch size.

    Parameters
    ----------
    noise
        What `gradient_noise` returns, of a `Training`.
    ax
        Where to draw; a new figure if None.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        For what is no such result, without batch sizes, and where the whole gradient is 0.

    Examples
    --------
    >>> from optimizers import Training
    >>> from optimizers.datasets import two_moons
    >>> from optimizers.experiments import gradient_noise
    >>> from optimizers.models import mlp
    >>> moons = Training(mlp([2, 8, 2]), two_moons())
    >>> ax = plot_noise_scale(gradient_noise(moons, count=32))
    """
    _check(noise, "plot_noise_scale")
    scale = noise.noise_scale
    if scale is None or noise.examples is None:
        raise ValueError("plot_noise_scale: only the noise of batches has a batch size")
    if not np.isfinite(scale):
        raise ValueError("plot_noise_scale: the whole gradient is 0 there, all is noise")
    squared = float(noise.gradient @ noise.gradient)
    ax, ours = axes_for(ax, "plot_noise_scale", (8.0, 5.0))
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: power(value)))
    ax.grid(True, color="#e6e6e6", linewidth=0.8)
    ax.set_axisbelow(True)
    sizes = np.geomspace(noise.batch_sizes[0], noise.batch_sizes[-1], 200)
    ax.plot(sizes, noise.expected(sizes) / squared, color=PALETTE["azure"], linewidth=WIDTH)
    ax.errorbar(
        noise.batch_sizes,
        noise.power / squared,
        2 * noise.error / squared,
        color=PALETTE["navy"],
        linestyle="none",
        marker="o",
        markersize=7,
        capsize=4,
        zorder=3,
        clip_on=False,
    )
    if noise.batch_sizes[0] < scale < noise.batch_sizes[-1]:
        ax.axvline(scale, color=SOFT, linewidth=1.2, linestyle=LINES[2])
    ax.axhline(1, color=SOFT, linewidth=1.2, linestyle=LINES[2])
    # where the curve is far from 1
    is_high = noise.power[0] * noise.power[-1] > squared**2
    ax.annotate(
        "as much noise as gradient",
        (0 if is_high else 1, 1),
        (4 if is_high else -4, 4),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="left" if is_high else "right",
        fontsize=10,
        color=SOFT,
    )
    dress(ax, _scale_finding(noise), "batch size", "noise² / gradient² (log)")
    if ours:
        caption(
            ax.get_figure(root=True),  # type: ignore[arg-type]
            f"{titled(noise.problem)}, {noise.examples} examples. Dots: mean squared distance of "
            "batches' gradients from the whole one, ± two standard errors; line: tr Σ/B, and what "
            "drawing without replacement takes away from it. Noise scale: tr Σ/‖G‖².",
        )
    return ax


def _scale_finding(noise: GradientNoise) -> str:
    scale, examples = noise.noise_scale, noise.examples
    assert scale is not None
    assert examples is not None
    about = f" ± {number(2 * noise.noise_scale_error)}" if noise.noise_scale_error else ""
    told = f"The noise scale is {number(scale)}{about} examples"
    return f"{told}, more than there are" if scale > examples else told
