"""sharpness: the largest eigenvalue of the Hessian along a path, beside what a rule can bear."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimizers import checks
from optimizers.checks import shown
from optimizers.experiments.landscape.curvature import Largest, Times
from optimizers.experiments.landscape.objective import objective_of
from optimizers.problem import Problem
from optimizers.progress import with_progress
from optimizers.trajectory import Trajectory

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Edge:
    """Where the steps of a rule on a parabola stop being stable.

    Attributes
    ----------
    numerator
        The threshold is this over η, by the rule's hyper-parameters.
    state
        The name of the v by whose root the rule divides; "" if it does not.
    """

    numerator: Callable[[Settings], float]
    state: str = ""


def _heavy_ball(settings: Settings) -> float:
    mu = settings["momentum"]
    return (2 + 2 * mu) / (1 + 2 * mu) if settings["nesterov"] else 2 + 2 * mu


EDGES = {
    "SGD": Edge(lambda settings: 2.0),
    "Momentum": Edge(_heavy_ball),
    "RMSProp": Edge(lambda settings: 2.0, "v"),
    "Adam": Edge(lambda s: (2 + 2 * s["beta1"]) / (1 - s["beta1"]), "v_hat"),
}


@dataclass(frozen=True, eq=False)
class Sharpness:
    """The largest curvature along a path, and the largest at which the rule's steps are stable.

    Attributes
    ----------
    rule, hyper_parameters, problem
        What ran, on what loss: the one on all training data, or without noise.
    by_chance
        Whether the rule saw that loss only through mini-batches or noise.
    step
        Where the curvature was taken: (n,).
    eigenvalues
        The largest of the Hessian, in falling order: (n, count).
    preconditioned
        The largest of P⁻¹H for a rule that divides by P = √v + ε: (n, count). Else None.
    threshold
        At each step, the curvature from which on the rule's steps grow on a parabola: (n,). It is
        that of `preconditioned` if there is one. None for rules without a known one.
    """

    rule: str
    hyper_parameters: dict[str, Any]
    problem: Problem
    by_chance: bool
    step: np.ndarray
    eigenvalues: np.ndarray
    preconditioned: np.ndarray | None
    threshold: np.ndarray | None

    @property
    def sharpness(self) -> np.ndarray:
        """The largest eigenvalue of the Hessian: (n,)."""
        return np.asarray(self.eigenvalues[:, 0])

    @property
    def share(self) -> np.ndarray | None:
        """The curvature that counts for the rule, as a share of the threshold: (n,), or None."""
        if self.threshold is None:
            return None
        counts = self.eigenvalues if self.preconditioned is None else self.preconditioned
        return np.asarray(counts[:, 0] / self.threshold)

    def plot(self, ax: Any = None) -> Any:
        """Draw the sharpness against the step, beside the threshold. Returns the Axes."""
        from optimizers.plotting import plot_sharpness

        return plot_sharpness(self, ax=ax)

    def __repr__(self) -> str:
        first, last = self.sharpness[[0, -1]]
        told = f"{first:.3g} at step {self.step[0]}, {last:.3g} at step {self.step[-1]}"
        if self.share is not None:
            told += f", there {self.share[-1]:.0%} of the threshold"
        return f"<Sharpness along {self.rule} on {self.problem.name}: {told}>"


def sharpness(
    function: Any, path: Trajectory, *, count: int = 1, points: int = 60, progress: bool = True
) -> Sharpness:
    r"""The largest eigenvalues of the Hessian along a path, beside the edge of stability.

    On a parabola of curvature h, gradient descent is stable up to h = 2/η. Training goes on beyond:
    the sharpness rises to about 2/η and stays there. What the threshold is:

    .. math::

        \text{SGD}\quad & 2 / \eta \\
        \text{Momentum}\quad & (2 + 2 \mu) / \eta, \qquad
            \text{Nesterov:}\quad (2 + 2 \mu) / ((1 + 2 \mu)\, \eta) \\
        \text{RMSProp}\quad & 2 / \eta \quad \text{for } P^{-1} H,\; P = \sqrt{v} + \epsilon \\
        \text{Adam}\quad & (2 + 2 \beta_1) / ((1 - \beta_1)\, \eta)
            \quad \text{for } P^{-1} H,\; P = (1 - \beta_1^t) (\sqrt{\hat v} + \epsilon)

    that is, 38/η for Adam with β₁ = 0.9. For other rules none is claimed.

    Parameters
    ----------
    function
        What the path went down. The Hessian is that of the loss on all training data.
    path
        A single run, as `minimize` returns it. That of Adam must have watched v_hat, that of
        RMSProp v: `minimize(steps, watch=("v_hat",))`.
    count
        How many eigenvalues.
    points
        At how many steps of the path, at most, as evenly as they lie.
    progress
        Whether to show a bar when it takes longer than a moment.

    Returns
    -------
    Sharpness

    Raises
    ------
    TypeError, ValueError
        For what is not a single run, and for a path that lacks the v to divide by.

    Examples
    --------
    >>> from optimizers import SGD
    >>> from optimizers.functions import quadratic
    >>> bowl = quadratic(condition=10)
    >>> found = sharpness(bowl, SGD(bowl, bowl.start, lr=0.1).minimize(20))
    >>> found.sharpness[-1].round(6), found.threshold[-1].round(6)
    (np.float64(10.0), np.float64(20.0))

    Notes
    -----
    Cohen et al., "Gradient descent on neural networks typically occurs at the edge of stability"
    (2021); momentum is in its appendix B. RMSProp and Adam: Cohen et al., "Adaptive gradient
    methods at the edge of stability" (2022). Both are about steps on the whole data; with small
    batches the sharpness stays lower.
    """
    if not isinstance(path, Trajectory):
        raise TypeError(
            f"sharpness: path must be a Trajectory (minimize returns one), got {shown(path)}"
        )
    if path.theta.ndim != 2:
        raise ValueError(
            f"sharpness: path must be a single run, got {path.loss[0].size} side by side"
        )
    objective = objective_of(function, path)
    size = path.theta.shape[-1]
    count = checks.whole("count", count, 1)
    if count > size:
        raise ValueError(f"count must be at most the number of weights, {size}; got {count}")
    # a path made elsewhere has a name, and nobody knows by which rates
    edge = EDGES.get(path.rule) if "lr" in path.hyper_parameters else None
    scale = _divisor(path, edge)
    fine = np.flatnonzero(np.isfinite(path.theta).all(axis=1) & np.isfinite(path.loss))
    if scale is not None:
        fine = fine[np.isfinite(scale[fine]).all(axis=1) & (scale[fine] > 0).all(axis=1)]
    if not len(fine):
        raise ValueError("sharpness: the path has no row at which its loss is finite")
    points = checks.whole("points", points, 1)
    rows = fine[np.unique(np.linspace(0, len(fine) - 1, points).round().astype(int))]
    plain, divided = Largest(size, count), Largest(size, count)
    values, preconditioned = [], []
    for row in with_progress(rows, len(rows), "sharpness", progress):
        with np.errstate(all="ignore"):
            times = objective.gradient.hessian_times(path.theta[row])
            values.append(plain(times))
            if scale is not None:
                preconditioned.append(divided(_divided(times, np.sqrt(scale[row]))))
    return Sharpness(
        path.rule,
        path.hyper_parameters,
        objective.whole,
        objective.by_chance,
        path.step[rows],
        np.array(values),
        np.array(preconditioned) if scale is not None else None,
        _threshold(path, edge, path.step[rows]),
    )


def _divided(times: Times, root: np.ndarray) -> Times:
    """The products of a symmetric matrix that has the eigenvalues of P⁻¹H, for P = root²."""
    return lambda v: times(v / root) / root


def _divisor(path: Trajectory, edge: Edge | None) -> np.ndarray | None:
    """P, by which a rule divides, at each row: (rows, P). None if it does not."""
    if edge is None or not edge.state:
        return None
    name, settings = edge.state, path.hyper_parameters
    if name not in path.watched:
        raise ValueError(
            f"sharpness: {path.rule} divides by the root of {name}, which the path has not "
            f"recorded: run it with minimize(steps, watch=({name!r},))"
        )
    with np.errstate(all="ignore"):
        divisor = np.sqrt(path[name]) + settings["epsilon"]
        if path.rule == "Adam":  # its m starts at 0 and is divided by this
            divisor = divisor * (1 - settings["beta1"] ** path.step[:, np.newaxis])
    return np.asarray(divisor)


def _threshold(path: Trajectory, edge: Edge | None, steps: np.ndarray) -> np.ndarray | None:
    """The numerator over the learning rate at these steps; None where it is not one number."""
    if edge is None:
        return None
    lr = path.hyper_parameters["lr"]
    rates = [np.asarray(lr(max(int(t), 1)) if callable(lr) else lr, float) for t in steps]
    if any(rate.size != 1 for rate in rates):
        return None
    with np.errstate(divide="ignore"):
        return edge.numerator(path.hyper_parameters) / np.ravel(rates)
