"""plane: the loss of many weights over a plane, and the paths in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from optimizers import checks
from optimizers.checks import shown
from optimizers.experiments.landscape.directions import (
    coordinates,
    main_directions,
    random_directions,
    settled,
    spanned,
)
from optimizers.experiments.landscape.objective import Objective, objective_of, paths_of
from optimizers.problem import Problem, domain_of
from optimizers.progress import with_progress
from optimizers.trajectory import Trajectory

Kind = Literal["paths", "solutions", "random"]
MARGIN = 0.2  # around what is to be seen, as a share of its extent
NARROW = 0.4  # of its longer side the shorter one has at the least


@dataclass(frozen=True)
class Held:
    """How much of a path lies in a plane.

    Attributes
    ----------
    variance
        The share of the mean squared distance of the iterates from the plane's origin.
    length
        The share of the path's length.
    loss, nearest
        The loss at the path's end, and at the point of the plane nearest to it; of runs side by
        side, the medians.
    """

    variance: float
    length: float
    loss: float
    nearest: float


@dataclass(frozen=True, eq=False)
class Plane:
    """The loss at origin + x·d₁ + y·d₂; what lies off this plane is not seen.

    Attributes
    ----------
    problem
        The loss on all training data, or without noise.
    kind
        What the plane lies along: "paths", "solutions" or "random".
    normalised
        Of random directions, "filter" or "layer"; else None.
    origin, directions
        (P,) and (2, P).
    x, y
        The coordinates of the grid: (nx,), (ny,).
    loss, held_out
        On the grid: (ny, nx). `held_out` is None where no data are held out.
    paths
        The paths by label, with all their weights.
    solutions
        What the plane was laid through or around, by label: (P,) each.
    """

    problem: Problem
    kind: Kind
    normalised: str | None
    origin: np.ndarray
    directions: np.ndarray
    x: np.ndarray
    y: np.ndarray
    loss: np.ndarray
    held_out: np.ndarray | None
    paths: dict[str, Trajectory]
    solutions: dict[str, np.ndarray]

    def coordinates(self, theta: np.ndarray) -> np.ndarray:
        """Where the nearest points of the plane lie, of flat weights: (..., P) → (..., 2)."""
        return coordinates(theta, self.origin, self.directions)

    def weights(self, points: np.ndarray) -> np.ndarray:
        """The flat weights at points of the plane: (..., 2) → (..., P)."""
        return self.origin + np.asarray(points, float) @ self.directions

    @cached_property
    def held(self) -> dict[str, Held]:
        """How much of each path lies in the plane; what diverged is left out."""
        runs = {label: settled(path) for label, path in self.paths.items()}
        return {label: self._held(theta) for label, theta in runs.items() if theta.size}

    def _held(self, theta: np.ndarray) -> Held:
        nearest = self.weights(self.coordinates(theta))
        whole, seen = (
            np.array([np.sum((p - self.origin) ** 2), _length(p)]) for p in (theta, nearest)
        )
        variance, length = np.divide(seen, whole, out=np.ones(2), where=whole > 0).clip(max=1)
        ends = (self.problem.values(points[-1]) for points in (theta, nearest))
        return Held(float(variance), float(length), *(float(np.median(end)) for end in ends))

    def plot(self, ax: Any = None, *, held_out: bool = False) -> Any:
        """Draw the loss on the plane and the paths in it. Returns the Axes."""
        from optimizers.plotting import plot_plane

        return plot_plane(self, ax=ax, held_out=held_out)

    def __repr__(self) -> str:
        grid = f"{len(self.x)} × {len(self.y)} points"
        how = {
            "paths": "through the paths",
            "solutions": "through three solutions",
            "random": f"along random directions normalised by {self.normalised}",
        }[self.kind]
        held = "".join(
            f"; of {label} it holds {share.variance:.0%} of the variance and "
            f"{share.length:.0%} of the length"
            for label, share in self.held.items()
        )
        return f"<Plane of {self.problem.name} {how}, {grid}{held}>"


def plane(
    function: Any,
    paths: Any = None,
    *,
    through: Any = None,
    around: Any = None,
    normalised: Literal["filter", "layer"] = "filter",
    seed: int = 0,
    domain: Any = None,
    resolution: int = 51,
    progress: bool = True,
) -> Plane:
    """The loss over a plane in the space of the weights, and the paths in it.

    The plane lies through the paths, so that it holds as much of them as a plane can (the two main
    directions of the iterates around the paths' ends, PCA); or `through` three solutions; or
    `around` weights, along two random directions.

    Parameters
    ----------
    function
        A `Training`, a test function, any loss of two weights or more.
    paths
        A trajectory, or a mapping of labels to trajectories. Beside `through` or `around` they do
        not move the plane, and are only seen in it.
    through
        Three weights, in their nesting or flat; a list, or a mapping of labels to them.
    around
        Weights, in their nesting or flat.
    normalised
        Random directions are as long as the weights that they change: "filter" by "filter" (the
        weights into a neuron, a column of a matrix) or "layer" by "layer" (each array). Biases and
        scales stay as they are.
    seed
        Of the random directions: 0, 1, 2, …
    domain
        Lowest and highest coordinate along each axis, [(low, high), (low, high)]; left out, the
        paths or solutions and some room, or −1 to 1 along random directions.
    resolution
        How many points along each axis. Each row of points is evaluated in one call.
    progress
        Whether to show a bar when it takes longer than a moment.

    Returns
    -------
    Plane
        With the loss on the training data and, of a `Training`, on the held-out data.

    Raises
    ------
    TypeError, ValueError
        If there is no plane, or more than one way to lay it; for losses of a single weight.

    Examples
    --------
    >>> from optimizers import SGD, Adam, Training
    >>> from optimizers.datasets import two_moons
    >>> from optimizers.models import mlp
    >>> moons = Training(mlp([2, 8, 2]), two_moons(), batch_size=50)
    >>> paths = {
    ...     rule.__name__: rule(moons, moons.start, lr=lr).minimize(50)
    ...     for rule, lr in ((SGD, 0.5), (Adam, 0.02))
    ... }
    >>> found = plane(moons, paths, resolution=11)
    >>> found.loss.shape, found.held_out.shape
    ((11, 11), (11, 11))
    >>> found.held["Adam"].variance > 0.5
    True

    Notes
    -----
    Paths, and directions normalised by filter: Li et al., "Visualizing the loss landscape of neural
    nets" (2018), sections 4 and 7. Three solutions: Garipov et al., "Loss surfaces, mode
    connectivity, and fast ensembling of DNNs" (2018). That a plane holds much of a path's variance
    says little: it holds most of a random walk's as well (Antognini and Sohl-Dickstein, "PCA of
    high dimensional random walks", 2018). The share of the length says more.
    """
    if through is not None and around is not None:
        raise ValueError("plane: give through, three solutions, or around, not both")
    named = {} if paths is None else paths_of(paths, "plane")
    resolution = checks.whole("resolution", resolution, 2)
    if normalised not in ("filter", "layer"):
        raise ValueError(f'normalised must be "filter" or "layer", got {shown(normalised)}')
    kind: Kind
    if through is not None:
        labels, given = _three(through)
        objective = _objective(function, named, given[0])
        solutions = {
            label: objective.at(weights, f"through[{label!r}]")
            for label, weights in zip(labels, given, strict=True)
        }
        kind, (origin, directions) = "solutions", spanned(*solutions.values())
    elif around is not None:
        objective = _objective(function, named, around)
        origin = objective.at(around, "around")
        seed = checks.whole("seed", seed, 0)
        kind, solutions = "random", {"": origin}
        directions = random_directions(objective.layout, origin, normalised, seed)
    elif named:
        objective = _objective(function, named, None)
        kind, solutions = "paths", {}
        origin, directions = main_directions(named)
    else:
        raise ValueError(
            "plane: say where it lies: plane(function, paths), "
            "plane(function, through=[a, b, c]) or plane(function, around=weights)"
        )
    if domain is None:
        frame = np.array([(-1.0, 1.0)] * 2)
        if kind != "random":
            frame = _framed(_shown(named, solutions), origin, directions)
    else:
        frame = domain_of(function, domain, "plane")
        if len(frame) != 2:
            raise ValueError(f"plane: domain must be two pairs (low, high), got {shown(domain)}")
    x, y = (np.linspace(low, high, resolution) for low, high in frame)
    loss, held_out = _evaluated(objective, origin, directions, x, y, progress)
    return Plane(
        objective.whole,
        kind,
        normalised if kind == "random" else None,
        origin,
        directions,
        x,
        y,
        loss,
        held_out,
        named,
        solutions,
    )


# --------------------------------------------------------------------------- where the plane lies


def _objective(function: Any, paths: Mapping[str, Trajectory], weights: Any) -> Objective:
    """What is looked at; an error if the paths have other weights, or only one."""
    if paths:
        objective = objective_of(function, next(iter(paths.values())))
    else:
        objective = Objective.of(function, weights)
    size = objective.layout.size
    for label, path in paths.items():
        if path.theta.shape[-1] != size:
            raise ValueError(
                f"plane: the paths must be of the same weights, but {label!r} has "
                f"{path.theta.shape[-1]} and not {size}"
            )
    if size < 2:
        raise ValueError("plane: a single weight spans no plane; plot_contour draws its curve")
    return objective


def _three(through: Any) -> tuple[list[str], list[Any]]:
    expected = "through must be three weights, such as [first, second, third]"
    if not isinstance(through, (list, tuple, Mapping, np.ndarray)):
        raise TypeError(f"{expected}; got {shown(through)}")
    if len(through) != 3:
        raise ValueError(f"{expected}; got {len(through)}")
    if isinstance(through, Mapping):
        return [str(label) for label in through], list(through.values())
    return ["1", "2", "3"], list(through)


# ------------------------------------------------------------------------------------ the picture


def _length(theta: np.ndarray) -> float:
    """Of paths (rows, runs, P), all together."""
    return float(np.linalg.norm(np.diff(theta, axis=0), axis=-1).sum())


def _shown(paths: Mapping[str, Trajectory], solutions: Mapping[str, np.ndarray]) -> np.ndarray:
    """What is to be seen whole: solutions, and paths that did not diverge. (n, P)."""
    points = [theta[np.newaxis] for theta in solutions.values()]
    points += [np.concatenate(settled(path)) for path in paths.values()]
    return np.concatenate(points)


def _framed(points: np.ndarray, origin: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Lowest and highest coordinate along each axis: (2, 2)."""
    at = coordinates(points, origin, directions)
    low, high = at.min(axis=0), at.max(axis=0)
    half = (high - low) * (0.5 + MARGIN)
    half = np.maximum(half, NARROW * half.max())
    return np.stack([(low + high) / 2 - half, (low + high) / 2 + half], axis=1)


def _evaluated(
    objective: Objective,
    origin: np.ndarray,
    directions: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    progress: bool,
) -> tuple[np.ndarray, np.ndarray | None]:
    """The losses on the grid, (ny, nx): a row of points is one call, as runs side by side."""
    loss, held_out = [], []
    along = origin + x[:, np.newaxis] * directions[0]
    for height in with_progress(y, len(y), "plane", progress):
        theta = along + height * directions[1]
        loss.append(objective.whole.values(theta))
        held_out.append(objective.held_out(theta))
    if held_out[0] is None:
        return np.array(loss), None
    return np.array(loss), np.array(held_out, float)
