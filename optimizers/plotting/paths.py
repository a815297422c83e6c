"""What the helpers take: one trajectory or several by label, and a test function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from optimizers.checks import shown
from optimizers.plotting.style import number
from optimizers.trajectory import Trajectory

Paths = Trajectory | Mapping[str, Trajectory]


def mapping(paths: Any, caller: str) -> dict[str, Trajectory]:
    """Trajectories by label; a single one is labelled with its rule."""
    if isinstance(paths, Trajectory):
        return {paths.rule: paths}
    if not isinstance(paths, Mapping):
        raise TypeError(
            f"{caller}: paths must be a Trajectory (minimize returns one), a mapping of labels to "
            f"them, or a comparison; got {shown(paths)}"
        )
    if not paths:
        raise ValueError(f"{caller}: paths is empty, there is nothing to draw")
    for label, path in paths.items():
        if not isinstance(path, Trajectory):
            raise TypeError(f"{caller}: paths[{label!r}] must be a Trajectory, got {shown(path)}")
    return {str(label): path for label, path in paths.items()}


def in_the_plane(paths: Mapping[str, Trajectory], caller: str) -> None:
    """Raise a ValueError unless every path has two weights."""
    for label, path in paths.items():
        if path.theta.shape[-1] != 2:
            raise ValueError(
                f"{caller} draws paths of 2 weights, but {label!r} has {path.theta.shape[-1]}; "
                "plot_convergence shows paths of any size"
            )


def plane(function: Any, caller: str) -> Any:
    """The function, if it is a test function of two variables."""
    if not (callable(function) and hasattr(function, "domain") and hasattr(function, "minima")):
        raise TypeError(
            f"{caller}: function must be a test function such as optimizers.functions.rosenbrock, "
            f"which knows its domain and minima; got {shown(function)}"
        )
    if function.dimension != 2:
        hint = ": take function.in_dimension(2)" if function.any_dimension else ""
        raise ValueError(
            f"{caller} draws functions of 2 variables, "
            f"but {function.name} has {function.dimension}{hint}"
        )
    return function


def exact(function: Any) -> Any:
    """The function without its noise."""
    return getattr(function, "exact", function)


def known_minimum(function: Any) -> float | None:
    """The value at the global minimum, or None where there is none or nobody knows."""
    minimum = getattr(function, "minimum", None)
    return float(minimum) if minimum is not None and np.isfinite(minimum) else None


def losses(path: Trajectory, function: Any) -> np.ndarray:
    """The losses along a path (rows, ...), without the noise of a noisy function."""
    if exact(function) is function:
        return path.loss
    with np.errstate(all="ignore"):
        return np.asarray(exact(function)(path.theta))


def loss_name(function: Any) -> str:
    """What the losses of a function are called."""
    return "held-out loss" if hasattr(function, "data") else "loss"


def chance(function: Any) -> str:
    """A sentence on where the losses are taken, if chance has a part in it."""
    if hasattr(function, "sigma"):
        noise = number(function.sigma)
        return f"Noise σ = {noise}, seed {function.seed}; losses without it."
    return "Losses are those on held-out data." if hasattr(function, "data") else ""


def label_with_end(label: str, path: Trajectory) -> str:
    """The label, and what happened if it went wrong: "SGD, diverged at step 12"."""
    if np.ndim(path.diverged) == 0:
        return f"{label}, diverged at step {path.diverged_at}" if path.diverged else label
    count = int(np.sum(path.diverged))
    return f"{label}, {count} of {np.size(path.diverged)} diverged" if count else label


def last_step(paths: Mapping[str, Trajectory]) -> int:
    """The step that the longest path ends at."""
    return max(int(path.step[-1]) for path in paths.values())


def distance(path: Trajectory, function: Any) -> float:
    """From the end to the nearest minimum: the median over runs, inf where the run diverged."""
    with np.errstate(all="ignore"):
        apart = path.theta[-1][..., np.newaxis, :] - function.minima
        nearest = np.linalg.norm(apart, axis=-1).min(axis=-1)
    return middle(np.where(path.diverged, np.inf, nearest))


def final_loss(path: Trajectory, function: Any) -> float:
    """The loss at the end: the median over runs, inf where the run diverged."""
    return middle(np.where(path.diverged, np.inf, losses(path, function)[-1]))


def middle(values: np.ndarray) -> float:
    """The median, of which an inf among the values makes no nan."""
    flat = np.sort(np.where(np.isnan(values), np.inf, values), axis=None)
    return float(flat[(flat.size - 1) // 2] + flat[flat.size // 2]) / 2
