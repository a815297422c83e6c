"""sweep: one rule over a product of hyper-parameter grids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from os import PathLike
from typing import Any

import numpy as np

from optimizers import checks
from optimizers.experiments.inputs import (
    SEED,
    Rule,
    as_grid,
    check_rule,
    check_schedule,
    fitted,
    is_grid,
    label_of,
    name_of,
    plain,
    seeds_of,
    short,
    start_of,
)
from optimizers.experiments.runs import finish
from optimizers.experiments.training import Training
from optimizers.optimizer import Schedule
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
        the domain in which there is one). For a noisy function, its noiseless one's; for a
        training, the one on held-out data. With seeds: their mean, inf if one of them diverged.
    diverged
        Which runs diverged, shaped like `final_loss`. With seeds: whether one of them did.
    curves, curve_steps
        If asked for: the losses on the way, (*shape of final_loss, rows), inf once a run has
        diverged, and the steps at which they were taken, (rows,). Otherwise None. With seeds:
        (*shape of final_loss, seeds, rows).
    seeds
        The seeds, or None.
    losses
        With seeds: the final loss of each, (*shape of final_loss, seeds).
    accuracies
        For a training: the share of held-out data told right, shaped like `losses`; 0 for a run
        that diverged.
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
    seeds: tuple[int, ...] | None = None
    losses: np.ndarray | None = None
    accuracies: np.ndarray | None = None

    @property
    def accuracy(self) -> np.ndarray:
        """The mean of the accuracies over the seeds, shaped like `final_loss`."""
        if self.accuracies is None:
            raise AttributeError(f"{name_of(self.function)} has no accuracy: it is no Training")
        return self.accuracies if self.seeds is None else self.accuracies.mean(axis=-1)

    @property
    def best(self) -> dict[str, Any]:
        """The hyper-parameters with the lowest final loss, and that loss as "loss".

        For a training also the accuracy there, and with seeds the standard errors of both.
        """
        at = np.unravel_index(np.argmin(self.final_loss), self.final_loss.shape)
        found = {
            name: plain(grid[i]) for (name, grid), i in zip(self.grids.items(), at, strict=True)
        }
        found["loss"] = float(self.final_loss[at])
        if self.losses is not None:
            found["loss_error"] = standard_error(self.losses[at])
        if self.accuracies is not None:
            found["accuracy"] = float(self.accuracy[at])
            if self.seeds is not None:
                found["accuracy_error"] = standard_error(self.accuracies[at])
        return found

    @property
    def at_edge(self) -> list[str]:
        """The hyper-parameters whose best value is the first or the last of its grid."""
        best = self.best
        return [
            name
            for name, grid in self.grids.items()
            if grid.dtype.kind in "if" and best[name] in (grid.min(), grid.max()) and len(grid) > 2
        ]

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw a curve for one grid, a heat map for two (see `plot_heatmap`). Returns the Axes."""
        from optimizers.plotting import plot_heatmap

        return plot_heatmap(self, ax=ax, **options)

    def __repr__(self) -> str:
        size = " × ".join(f"{len(grid)} {name}" for name, grid in self.grids.items())
        seeds = "" if self.seeds is None else f", {len(self.seeds)} seeds"
        best = ", ".join(f"{name}={short(value)}" for name, value in self.best.items())
        edge = f" (at the edge: {', '.join(self.at_edge)})" if self.at_edge else ""
        return (
            f"<Sweep of {self.rule} on {name_of(self.function)}: {size}, {self.steps} steps{seeds};"
            f" best {best}{edge}; {self.diverged.mean():.0%} diverged>"
        )


def sweep(
    rule: Rule,
    function: Callable[..., Any],
    *,
    start: Any = None,
    steps: int = 500,
    every: int | None = None,
    seeds: int | Iterable[int] | None = None,
    schedule: Callable[[Any], Schedule] | None = None,
    n_jobs: int | None = None,
    store: str | PathLike[str] | None = None,
    progress: bool = True,
    **grids: Any,
) -> Sweep:
    """Run a rule with every combination of hyper-parameters.

    Parameters
    ----------
    rule
        A rule's class, or a functools.partial of one.
    function
        A test function, any loss, or a `Training`: a model on its data.
    start
        The weights to start from; left out, the function's own `start`.
    steps
        How many steps each run makes.
    every
        Keep the loss of every so many-th step as well, as `curves`.
    seeds
        Repeat every run with these seeds: how many (0, 1, …), or which. Of a noisy function they
        change the noise, of a training the start and the order of the examples.
    schedule
        From a learning rate to a schedule, such as `partial(cosine, steps=500)`; left out, the
        learning rate stays as it is.
    n_jobs
        How many processes share the work, −1 for one a core. Left out, it stays in this one, or
        goes where `joblib.parallel_config` says: to a Dask cluster, for example.
    store
        A folder that keeps what is finished: called again after a crash or Ctrl-C, only the rest is
        computed. It belongs to this one sweep; one that other settings made is refused.
    progress
        Whether to show a bar when it takes longer than a moment.
    **grids
        Hyper-parameters by name: a list or an array of values is a grid, a single value is fixed.

    Returns
    -------
    Sweep

    Raises
    ------
    TypeError, ValueError
        For an empty grid, an unknown hyper-parameter, no grid at all, a store of other settings.

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
    given, start = start, start_of(function, start)
    function = fitted(function, start)
    fixed = {name: value for name, value in grids.items() if not is_grid(name, value)}
    settled: Rule = partial(rule, **fixed)
    made = settled(function, start)  # says what is wrong with names and values
    check_schedule(schedule, made.lr)
    axes = {name: as_grid(name, value) for name, value in grids.items() if is_grid(name, value)}
    if not axes:
        raise ValueError("sweep needs a grid, such as lr=np.geomspace(1e-4, 1, 60)")
    kept = None if every is None else _kept(steps, checks.whole("every", every, 1))
    chosen = seeds_of(function, seeds)
    columns, shape = columns_of(axes | ({} if chosen is None else {SEED: np.array(chosen)}))
    ends = finish(
        settled,
        function,
        given if hasattr(function, "start") else start,
        steps,
        columns,
        kept=kept,
        schedule=schedule,
        measure=exact_ends,
        n_jobs=n_jobs,
        store=store,
        progress=progress,
    )
    losses = marked(ends.measured.get("exact", ends.loss), function, ends.diverged).reshape(shape)
    accuracies = ends.measured.get("accuracy")
    final_loss = losses if chosen is None else losses.mean(axis=-1)
    return Sweep(
        label_of(rule, fixed),
        function,
        start,
        steps,
        axes,
        final_loss,
        np.isinf(final_loss),
        None if kept is None else ends.curves.reshape(*shape, len(kept)),
        kept,
        chosen,
        None if chosen is None else losses,
        None if accuracies is None else np.where(ends.diverged, 0.0, accuracies).reshape(shape),
    )


def columns_of(
    axes: Mapping[str, np.ndarray],
) -> tuple[dict[str, np.ndarray], tuple[int, ...]]:
    """Every combination of the values on the axes: one column an axis, and the shape of it all."""
    mesh = np.meshgrid(*axes.values(), indexing="ij")
    return {name: v.ravel() for name, v in zip(axes, mesh, strict=True)}, mesh[0].shape


def exact_ends(function: Any, theta: np.ndarray) -> dict[str, np.ndarray]:
    """The noiseless losses at the last weights, and the accuracies, where there are such."""
    found = {}
    if getattr(function, "exact", function) is not function:
        found["exact"] = function.exact(theta)
    if has_accuracy(function):
        found["accuracy"] = function.accuracy(theta)
    return found


def has_accuracy(function: Any) -> bool:
    """Whether there is a share of right answers beside the loss."""
    return isinstance(function, Training) and function.model.accuracy is not None


def standard_error(values: np.ndarray) -> float:
    """Of the mean over seeds; nan for a single one."""
    if len(values) < 2 or not np.isfinite(values).all():
        return float("nan")
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


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
    return np.where(diverged | np.isnan(losses) | below(losses, function), np.inf, losses)
