"""sweep: one rule over a product of hyper-parameter grids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
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
    is_grid,
    label_of,
    plain,
    seeds_of,
    short,
)
from optimizers.experiments.metrics import at_edge, below, marked, middle, outside, quartiles
from optimizers.experiments.runs import Ends, finish
from optimizers.optimizer import Schedule
from optimizers.problem import SCATTER, Problem, as_problem


@dataclass(frozen=True, eq=False)
class Sweep:
    """The final losses of a rule over a product of hyper-parameter grids.

    Attributes
    ----------
    rule, problem, steps
        What was run. `rule` is its label, `problem` knows the loss and the start; `function` and
        `start` are there as well.
    grids
        The values of each hyper-parameter, in the order of the axes of `final_loss`.
    final_loss
        The loss after the last step, inf where the run diverged (or left the domain and fell below
        the minimum, which is one in the domain only). For a noisy function, its noiseless one's;
        for a training, the one on held-out data. With seeds: their median.
    diverged
        Which runs diverged, shaped like `final_loss`. With seeds: the share that did.
    curves, curve_steps
        If asked for: the losses on the way, (*shape of final_loss, rows), inf once a run has
        diverged, and the steps at which they were taken, (rows,). Otherwise None. With seeds:
        (*shape of final_loss, seeds, rows).
    seeds
        The seeds, or None.
    losses
        With seeds: the final loss of each, (*shape of final_loss, seeds).
    accuracies
        For a training: the share of held-out data classified correctly, shaped like
        `losses`; 0 for a run that diverged.
    refuted
        Whether a run ended below the known minimum inside the domain: then it is no minimum, and
        `problem` knows none.
    """

    rule: str
    problem: Problem
    steps: int
    grids: dict[str, np.ndarray]
    final_loss: np.ndarray
    diverged: np.ndarray
    curves: np.ndarray | None = None
    curve_steps: np.ndarray | None = None
    seeds: tuple[int, ...] | None = None
    losses: np.ndarray | None = None
    accuracies: np.ndarray | None = None
    refuted: bool = False

    @property
    def function(self) -> Any:
        """What was minimised, as it was given."""
        return self.problem.given

    @property
    def start(self) -> Any:
        """The weights that all runs started from, or near which their seeds did."""
        return self.problem.start

    @property
    def accuracy(self) -> np.ndarray:
        """The median of the accuracies over the seeds, shaped like `final_loss`."""
        if self.accuracies is None:
            raise AttributeError(f"{self.problem.name} has no accuracy: it is not a Training")
        return self.accuracies if self.seeds is None else middle(self.accuracies)

    @property
    def best(self) -> dict[str, Any]:
        """The hyper-parameters with the lowest final loss, and that loss as "loss".

        For a training also the accuracy there, and with seeds the quartiles of both.
        """
        at = np.unravel_index(np.argmin(self.final_loss), self.final_loss.shape)
        found = {
            name: plain(grid[i]) for (name, grid), i in zip(self.grids.items(), at, strict=True)
        }
        found["loss"] = float(self.final_loss[at])
        if self.losses is not None:
            found["loss_quartiles"] = spread(self.losses[at])
        if self.accuracies is not None:
            found["accuracy"] = float(self.accuracy[at])
            if self.seeds is not None:
                found["accuracy_quartiles"] = spread(self.accuracies[at])
        return found

    @property
    def at_edge(self) -> list[str]:
        """The hyper-parameters whose lowest or highest value is better than all between."""
        found = []
        for axis, (name, grid) in enumerate(self.grids.items()):
            others = tuple(i for i in range(len(self.grids)) if i != axis)
            is_number = grid.dtype.kind in "if" and len(grid) > 2
            if is_number and at_edge(grid, self.final_loss.min(axis=others)):
                found.append(name)
        return found

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
            f"<Sweep of {self.rule} on {self.problem.name}: {size}, {self.steps} steps{seeds};"
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
    scatter: float = SCATTER,
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
        Also keep the loss every so many steps, as `curves`.
    seeds
        Repeat every run with these seeds: how many (0, 1, …), or which. Of a function they move the
        start and change the noise, if there is any; of a training they draw the first weights and
        the order of the examples.
    scatter
        How far a seed moves the start: normally, by this share of the domain's width in each
        coordinate, or of the start's length where there is no domain (by `scatter` at the least).
    schedule
        From a learning rate to a schedule, such as `partial(cosine, steps=500)`; left out, the
        learning rate stays as it is.
    n_jobs
        How many processes share the work, −1 for one per core. Left out, it stays in this one, or
        goes where `joblib.parallel_config` says: to a Dask cluster, for example.
    store
        A folder that keeps what is finished: called again after a crash or Ctrl-C, only the rest is
        computed. It belongs to this one sweep; one that other settings made is refused, also if
        code of yours changed meanwhile. Delete it yourself after a change in a file that is read,
        in compiled code, in an installed package or in what is reached through `getattr`: these
        are not noticed.
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
    problem = as_problem(function, start).checked()
    fixed = {name: value for name, value in grids.items() if not is_grid(name, value)}
    settled: Rule = partial(rule, **fixed)
    made = settled(problem, problem.start)  # says what is wrong with names and values
    check_schedule(schedule, made.lr)
    axes = {name: as_grid(name, value) for name, value in grids.items() if is_grid(name, value)}
    if not axes:
        raise ValueError("sweep needs a grid, such as lr=np.geomspace(1e-4, 1, 60)")
    kept = None if every is None else _kept(steps, checks.whole("every", every, 1))
    chosen = seeds_of(seeds)
    columns, shape = columns_of(axes | ({} if chosen is None else {SEED: np.array(chosen)}))
    ends = finish(
        settled,
        problem,
        steps,
        columns,
        kept=kept,
        scatter=checks.number("scatter", scatter, checks.NOT_NEGATIVE),
        schedule=schedule,
        measure=exact_ends,
        n_jobs=n_jobs,
        store=store,
        progress=progress,
    )
    final, refuted = final_losses(ends, problem)
    losses = final.reshape(shape)
    accuracies = ends.measured.get("accuracy")
    final_loss = losses if chosen is None else middle(losses)
    gone = np.isinf(losses)
    return Sweep(
        label_of(rule, fixed),
        without_minimum(problem) if refuted else problem,
        steps,
        axes,
        final_loss,
        gone if chosen is None else gone.mean(axis=-1),
        None if kept is None else ends.curves.reshape(*shape, len(kept)),
        kept,
        chosen,
        None if chosen is None else losses,
        None if accuracies is None else np.where(ends.diverged, 0.0, accuracies).reshape(shape),
        refuted,
    )


def columns_of(
    axes: Mapping[str, np.ndarray],
) -> tuple[dict[str, np.ndarray], tuple[int, ...]]:
    """Every combination of the values on the axes: one column an axis, and the shape of it all."""
    mesh = np.meshgrid(*axes.values(), indexing="ij")
    return {name: v.ravel() for name, v in zip(axes, mesh, strict=True)}, mesh[0].shape


def exact_ends(problem: Problem, theta: np.ndarray) -> dict[str, np.ndarray]:
    """Of the last weights: losses without noise and accuracies, if any; who left the domain."""
    found = {"outside": outside(problem, theta)}
    if problem.exact is not None:
        found["exact"] = problem.exact(theta)
    if problem.accuracy is not None:
        found["accuracy"] = problem.accuracy(theta)
    return found


def final_losses(ends: Ends, problem: Problem) -> tuple[np.ndarray, bool]:
    """The losses of ends that `exact_ends` measured, and whether they refute the known minimum."""
    losses, outside = ends.measured.get("exact", ends.loss), ends.measured["outside"]
    fell = below(losses, problem) & ~ends.diverged
    return marked(losses, ends.diverged | (fell & outside)), bool(np.any(fell & ~outside))


def spread(values: np.ndarray) -> tuple[float, float]:
    """The lower and the upper quartile over seeds."""
    low, _, high = quartiles(values)
    return float(low), float(high)


def _kept(steps: int, every: int) -> np.ndarray:
    return np.unique([*range(0, steps, every), steps])


def without_minimum(problem: Problem) -> Problem:
    """The same problem, of whose minima nothing is said."""
    return replace(problem, minima=None, minimum=None)
