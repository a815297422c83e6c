"""sweep: one rule over a product of hyper-parameter grids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from optimizers import checks
from optimizers.experiments.inputs import (
    Rule,
    as_grid,
    check_rule,
    fitted,
    is_grid,
    label_of,
    name_of,
    plain,
    short,
    start_of,
)
from optimizers.experiments.runs import finish
from optimizers.trajectory import Trajectory


@dataclass(frozen=True, eq=False)
class Sweep:
    """The final losses of a rule over a product of hyper-parameter grids.

    Attributes
    ----------
    rule, function, start, steps
        What was run. `rule` is its label.
    grids
        The values of each hyper-parameter, in the order of the axes of `final_loss`.
    final_loss
        The loss after the last step, inf where the run diverged (or fell below the minimum, outside
        the domain in which there is one). For a noisy function, its noiseless one's.
    diverged
        Which runs diverged, shaped like `final_loss`.
    curves, curve_steps
        If asked for: the losses on the way, (*shape of final_loss, rows), inf once a run has
        diverged, and the steps at which they were taken, (rows,). Otherwise None.
    """

    rule: str
    function: Any
    start: Any
    steps: int
    grids: dict[str, np.ndarray]
    final_loss: np.ndarray
    diverged: np.ndarray
    curves: np.ndarray | None = None
    curve_steps: np.ndarray | None = None

    @property
    def best(self) -> dict[str, Any]:
        """The hyper-parameters with the lowest final loss, and that loss as "loss"."""
        at = np.unravel_index(np.argmin(self.final_loss), self.final_loss.shape)
        values = {
            name: plain(grid[i]) for (name, grid), i in zip(self.grids.items(), at, strict=True)
        }
        return {**values, "loss": float(self.final_loss[at])}

    @property
    def at_edge(self) -> list[str]:
        """The hyper-parameters whose best value is the first or the last of its grid."""
        best = self.best
        return [
            name
            for name, grid in self.grids.items()
            if grid.dtype.kind in "if" and best[name] in (grid.min(), grid.max()) and len(grid) > 2
        ]

    def plot(self, ax: Any = None) -> Any:
        """Draw a curve for one grid, a heat map for two. Returns the Axes."""
        from optimizers.plotting import plot_heatmap

        return plot_heatmap(self, ax=ax)

    def __repr__(self) -> str:
        size = " × ".join(f"{len(grid)} {name}" for name, grid in self.grids.items())
        best = ", ".join(f"{name}={short(value)}" for name, value in self.best.items())
        edge = f" (at the edge: {', '.join(self.at_edge)})" if self.at_edge else ""
        return (
            f"<Sweep of {self.rule} on {name_of(self.function)}: {size}, {self.steps} steps; "
            f"best {best}{edge}; {self.diverged.mean():.0%} diverged>"
        )


def sweep(
    rule: Rule,
    function: Callable[..., Any],
    *,
    start: Any = None,
    steps: int = 500,
    every: int | None = None,
    **grids: Any,
) -> Sweep:
    """Run a rule with every combination of hyper-parameters.

    Parameters
    ----------
    rule
        A rule's class, or a functools.partial of one.
    function
        A test function, or any loss.
    start
        The weights to start from; left out, the function's own `start`.
    steps
        How many steps each run makes.
    every
        Keep the loss of every so many-th step as well, as `curves`.
    **grids
        Hyper-parameters by name: a list or an array of values is a grid, a single value is fixed.

    Returns
    -------
    Sweep

    Raises
    ------
    TypeError, ValueError
        For an empty grid, an unknown hyper-parameter, no grid at all.

    Examples
    --------
    >>> import numpy as np
    >>> from optimizers import SGD, sweep
    >>> from optimizers.functions import sphere
    >>> result = sweep(SGD, sphere, start=[3.0, 4.0], steps=10, lr=[0.1, 0.5, 2.0])
    >>> result.best
    {'lr': 0.5, 'loss': 0.0}
    >>> result.final_loss.shape
    (3,)
    """
    check_rule(rule)
    steps = checks.whole("steps", steps, 1)
    start = start_of(function, start)
    function = fitted(function, start)
    fixed = {name: value for name, value in grids.items() if not is_grid(name, value)}
    rule(function, start, **fixed)  # says what is wrong with names and values
    axes = {name: as_grid(name, value) for name, value in grids.items() if is_grid(name, value)}
    if not axes:
        raise ValueError("sweep needs a grid, such as lr=np.geomspace(1e-4, 1, 60)")
    kept = None if every is None else _kept(steps, checks.whole("every", every, 1))
    mesh = np.meshgrid(*axes.values(), indexing="ij")
    columns = {name: values.ravel() for name, values in zip(axes, mesh, strict=True)}
    ends = finish(partial(rule, **fixed), function, start, steps, columns, kept=kept)
    exact, shape = getattr(function, "exact", function), mesh[0].shape
    with np.errstate(all="ignore"):
        loss = ends.loss if exact is function else exact(ends.theta)
    final_loss = marked(loss, function, ends.diverged).reshape(shape)
    curves = None if kept is None else ends.curves.reshape(*shape, len(kept))
    return Sweep(
        label_of(rule, fixed),
        function,
        start,
        steps,
        axes,
        final_loss,
        np.isinf(final_loss),
        curves,
        kept,
    )


def _kept(steps: int, every: int) -> np.ndarray:
    return np.unique([*range(0, steps, every), steps])


def exact_losses(function: Any, path: Trajectory) -> np.ndarray:
    """The losses along a path, without the noise that a noisy function adds."""
    exact = getattr(function, "exact", function)
    if exact is function:
        return path.loss
    with np.errstate(all="ignore"):
        return np.asarray(exact(path.theta))


def minimum_of(function: Any) -> float | None:
    """The value at the minima, None where it is unknown or there is none."""
    minimum = getattr(function, "minimum", None)
    return minimum if minimum is not None and np.isfinite(minimum) else None


def below(losses: Any, function: Any) -> Any:
    """Whether a loss lies below the function's minimum by more than rounding.

    Some functions have a minimum in their domain only, and fall without end outside.
    """
    minimum = minimum_of(function)
    if minimum is None:
        return np.zeros(np.shape(losses), bool)
    return losses < minimum - 1e-9 * max(1.0, abs(minimum))


def marked(losses: Any, function: Any, diverged: Any) -> np.ndarray:
    """The losses, inf where the run diverged or left the domain."""
    return np.where(diverged | below(losses, function), np.inf, losses)
