"""Claim 14: SAM finds flatter minima; are they better?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from optimizers import SAM, Momentum, sweep
from optimizers.claims.claim import Claim, Data, Effort, counted, mean_and_error, plus_minus, sign
from optimizers.experiments import Training
from optimizers.experiments.inputs import SEED
from optimizers.experiments.landscape.curvature import Largest
from optimizers.experiments.landscape.objective import Objective
from optimizers.experiments.runs import finish
from optimizers.problem import Problem, as_problem
from optimizers.schedules import cosine

EXAMPLES, BATCH = 300, 30
STEPS, FEW_STEPS = 1000, 500  # with little effort
PROBLEMS = {"wrong": "3 labels in 10 drawn anew", "right": "all labels right"}
SHORT = {"wrong": "wrong labels", "right": "right labels"}
BASE, LONGER, OURS = "Momentum", "Momentum, as many gradients", "SAM"
TIMES = {BASE: 1, LONGER: 2, OURS: 1}  # so many times the steps; a step of SAM costs two gradients
RATES, RADII = (1e-3, 0.3), (0.02, 0.5)  # lr, and SAM's ρ
CONTRARY = {"Flatter": "Sharper", "Better": "Worse"}
PROBES = 64  # random vectors, by which the trace is estimated
# what is measured of the last weights: as it is named in the table
SHARPNESS = {
    "largest": "largest eigenvalue",
    "trace": "trace",
    "rescaled": "largest, weights rescaled",
}


@cache
def training(labels: str, part: str) -> Training:
    """A network on few digits: to choose by the held-out digits, or to show on all others."""
    from optimizers.datasets import Dataset, digits
    from optimizers.models import mlp

    x, y = digits().train
    first, rest = slice(EXAMPLES), slice(EXAMPLES, None)
    few = y[first]
    if labels == "wrong":
        rng = np.random.default_rng(0)
        few = np.where(rng.random(EXAMPLES) < 0.3, rng.integers(10, size=EXAMPLES), few)
    held_out = digits().held_out if part == "choose" else (x[rest], y[rest])
    name = f"{EXAMPLES} digits, {PROBLEMS[labels]}"
    return Training(mlp([64, 32, 10]), Dataset(name, (x[first], few), held_out), BATCH)


def ends(problem: Problem, theta: np.ndarray) -> dict[str, np.ndarray]:
    """Loss and accuracy on held-out digits, and how sharp the training loss is: one a run."""
    objective = Objective(problem)
    found = [sharpness_at(objective, weights) for weights in theta]
    given = problem.given
    return {
        "loss": np.asarray(given.exact(theta)),
        "accuracy": np.asarray(given.accuracy(theta)),
        "training": objective.whole.values(theta),
        **{name: np.array([one[name] for one in found]) for name in SHARPNESS},
    }


def sharpness_at(objective: Objective, theta: np.ndarray) -> dict[str, float]:
    """The largest eigenvalue of H, its trace, and the largest of |θ| H |θ|.

    The last one stays when weights are made larger and those behind them as much smaller, which
    does not change what the network says.
    """
    if not np.isfinite(theta).all():
        return dict.fromkeys(SHARPNESS, np.inf)
    times, size = objective.gradient.hessian_times(theta), np.abs(theta)
    largest = Largest(len(theta), 1)
    probes = np.random.default_rng(0).choice([-1.0, 1.0], (PROBES, len(theta)))
    return {
        "largest": float(largest(times)[0]),
        "trace": float(np.mean([probe @ times(probe) for probe in probes])),
        "rescaled": float(largest(lambda v: size * times(size * v))[0]),
    }


def measure(effort: Effort) -> Data:
    """Tune Momentum and SAM with as many trials; the ends on fresh seeds."""
    steps = effort.pick(STEPS, FEW_STEPS)
    lr = np.geomspace(*RATES, effort.pick(7, 5))
    rho = np.geomspace(*RADII, effort.pick(5, 3))
    fine = np.geomspace(*RATES, len(lr) * len(rho))
    tuning, shown = range(effort.pick(5, 1)), range(100, 100 + effort.pick(20, 4))
    grids: dict[str, dict[str, Any]] = {
        BASE: {"lr": fine},
        LONGER: {"lr": fine},
        OURS: {"lr": lr, "rho": rho},
    }
    problems: Data = {}
    for labels in effort.pick(tuple(PROBLEMS), ("wrong",)):
        problems[labels] = {}
        for arm, grid in grids.items():
            rule: Any = partial(SAM, inner=Momentum) if arm == OURS else Momentum
            part = f"flat-minima-{labels}-{list(grids).index(arm)}"
            count = steps * TIMES[arm]
            tried = sweep(
                rule,
                training(labels, "choose"),
                steps=count,
                seeds=tuning,
                schedule=partial(cosine, steps=count),
                n_jobs=effort.n_jobs,
                store=effort.store_for(part),
                progress=effort.progress,
                **grid,
            )
            assert tried.accuracies is not None
            accuracy = tried.accuracies.mean(axis=-1)
            at = np.unravel_index(np.argmax(accuracy), accuracy.shape)
            best = {name: float(v[i]) for i, (name, v) in zip(at, grid.items(), strict=True)}
            found = _shown(rule, labels, count, best, shown, effort, f"{part}-shown")
            problems[labels][arm] = {
                "best": best,
                "at_edge": [name for name, v in grid.items() if best[name] in (v[0], v[-1])],
                "trials": accuracy.size,
                **found,
            }
    return {
        "problems": problems,
        "steps": steps,
        "tuning_seeds": len(tuning),
        "seeds": len(shown),
    }


def _shown(
    rule: Any,
    labels: str,
    steps: int,
    best: dict[str, float],
    seeds: Sequence[int],
    effort: Effort,
    part: str,
) -> Data:
    """Where the best setting ends, by seed."""
    columns = {name: np.full(len(seeds), value) for name, value in best.items()}
    found = finish(
        rule,
        as_problem(training(labels, "show")).checked(),
        steps,
        columns | {SEED: np.array(seeds)},
        schedule=partial(cosine, steps=steps),
        measure=ends,
        n_jobs=effort.n_jobs,
        store=effort.store_for(part),
        progress=effort.progress,
    )
    return {name: values.tolist() for name, values in found.measured.items()}


def ratio(measured: Data, labels: str, than: str, name: str) -> tuple[float, float]:
    """How many times as sharp SAM's ends are as another arm's: the mean of the log, its error."""
    ours, theirs = (measured["problems"][labels][arm][name] for arm in (OURS, than))
    with np.errstate(all="ignore"):
        return mean_and_error(np.log(np.array(ours) / np.array(theirs)))


def gain(measured: Data, labels: str, than: str, name: str) -> tuple[float, float]:
    """How far SAM's ends lie above another arm's on the same seeds, and the standard error."""
    ours, theirs = (measured["problems"][labels][arm][name] for arm in (OURS, than))
    return mean_and_error(np.array(ours) - np.array(theirs))


def table(measured: Data) -> list[list[str]]:
    """One row a problem and arm."""
    heads = ("labels", "rule", "lr, ρ", "held-out loss", "accuracy", "training loss")
    rows = [[*heads, *SHARPNESS.values()]]
    for labels, arms in measured["problems"].items():
        for arm, found in arms.items():
            chosen = [
                f"{value:.2g}" + "*" * (name in found["at_edge"])
                for name, value in found["best"].items()
            ]
            rows.append(
                [
                    SHORT[labels],
                    arm,
                    ", ".join(chosen),
                    plus_minus(found["loss"], 3),
                    plus_minus(100 * np.array(found["accuracy"]), 1) + " %",
                    plus_minus(found["training"], 3),
                    *(
                        plus_minus(found[name], digits)
                        for name, digits in zip(SHARPNESS, (2, 1, 2), strict=True)
                    ),
                ]
            )
    return rows


def verdict(measured: Data) -> str:
    """Two sentences: whether SAM's ends are flatter, and whether they are better."""
    problems = list(measured["problems"])
    flat = {labels: sharper(measured, labels) for labels in problems}
    good = {labels: better(measured, labels) for labels in problems}
    ratios = "; ".join(f"{SHORT[key]} {_sharpness_told(measured, key)}" for key in problems)
    gains = "; ".join(f"{SHORT[key]} {_gain_told(measured, key)}" for key in problems)
    return (
        f"{_head('Flatter', flat, -1)}. {_head('Better', good, 1)}. SAM is compared with two "
        "runs of Momentum, one with as many steps and one with as many gradients, and must differ "
        f"from both. Ratio of its largest eigenvalue to theirs: {ratios}. Its lead in accuracy, in "
        f"points: {gains}. Wrong labels: {PROBLEMS['wrong']}."
    )


def sharper(measured: Data, labels: str) -> list[int]:
    """Whether it is told from Momentum's, with as many steps and with as many gradients.

    1 if its largest eigenvalue is larger, −1 if it is smaller, else 0.
    """
    seeds = measured["seeds"]
    return [sign(*ratio(measured, labels, than, "largest"), seeds) for than in (BASE, LONGER)]


def better(measured: Data, labels: str) -> list[int]:
    """The same of the accuracy: 1 if it is higher."""
    seeds = measured["seeds"]
    return [sign(*gain(measured, labels, than, "accuracy"), seeds) for than in (BASE, LONGER)]


def _head(word: str, outcomes: dict[str, list[int]], wanted: int) -> str:
    """Whether it holds beside both Momentums, and where the contrary does beside both or one."""
    contrary = CONTRARY[word].lower()
    true = [SHORT[labels] for labels, signs in outcomes.items() if signs == [wanted] * 2]
    false = {SHORT[labels]: signs.count(-wanted) for labels, signs in outcomes.items()}
    if len(true) == len(outcomes):
        return f"{word}: yes, here"
    if all(count == 2 for count in false.values()):
        return f"{word}: no, {contrary} here"
    head = f"only with {true[0]}" if true else "not observed here"
    beside = {1: f"{contrary} than one Momentum", 2: contrary}
    told = [f"{beside[count]} with {name}" for name, count in false.items() if count]
    return f"{word}: {', '.join([head, *told])}"


def _sharpness_told(measured: Data, labels: str) -> str:
    """Its largest eigenvalue beside Momentum's, with as many steps and as many gradients."""
    words = []
    for than in (BASE, LONGER):
        mean, error = ratio(measured, labels, than, "largest")
        low, high = np.exp(mean - error), np.exp(mean + error)
        words.append(f"{np.exp(mean):.2f} ({low:.2f} to {high:.2f})")
    return " and ".join(words)


def _gain_told(measured: Data, labels: str) -> str:
    """Its points of accuracy over Momentum's, with as many steps and as many gradients."""
    words = []
    for than in (BASE, LONGER):
        mean, error = gain(measured, labels, than, "accuracy")
        words.append(f"{100 * mean:+.2f} ± {100 * error:.2f}")
    return " and ".join(words).replace("-", "−")


def how(measured: Data) -> str:
    """Network, data, tuning, what was measured."""
    arms = next(iter(measured["problems"].values()))
    steps = measured["steps"]
    return (
        f"MLP 64-32-10 on {EXAMPLES} digits, batch {BATCH}, cosine schedule; {steps:,} steps of "
        f"SAM around Momentum (μ = 0.9) cost {2 * steps:,} gradients. {arms[OURS]['trials']} "
        "trials each, SAM's of lr × ρ, Momentum's of lr over the same range (* at the edge), by "
        f"the accuracy on 360 held-out digits, {counted(measured['tuning_seeds'], 'seed')}; shown "
        f"on 1,137 others, {measured['seeds']} fresh seeds; ± standard error, of differences and "
        "of ratios (geometric means) on the same seeds. Differences: by a t-test at 5 %, "
        "from Momentum after as many steps and after as many gradients. Eigenvalues of the "
        "Hessian of the training loss, cross-entropy, with which they vanish; trace by "
        f"{PROBES} random vectors; rescaled: of |θ| H |θ|, which scaling a layer up and the next "
        "one down (Dinh et al.) does not change."
    )


def draw(measured: Data) -> Any:
    """Accuracy against the largest eigenvalue, one panel a problem."""
    from matplotlib.ticker import LogLocator

    from optimizers.plotting.labels import LEGEND
    from optimizers.plotting.layout import new_figure
    from optimizers.plotting.scale import log_ticks
    from optimizers.plotting.style import PALETTE, caption, dress, marker

    problems = measured["problems"]
    axes = new_figure((11.0, 4.8), 1, len(problems))
    looks = {BASE: ("o", "azure"), LONGER: ("s", "azure"), OURS: ("^", "red")}
    than = {2: "both", 1: "one of them", 0: "neither"}
    for ax, (labels, arms) in zip(axes, problems.items(), strict=True):
        for arm, (sign_, name) in looks.items():
            found, color, hollow = arms[arm], PALETTE[name], arm == BASE
            x, y = np.array(found["largest"]), 100 * np.array(found["accuracy"])
            ax.plot(x, y, sign_, alpha=0.4, **marker(color, hollow=hollow, size=5))
            mean, error = mean_and_error(np.log(x))
            (middle, wide), at = mean_and_error(y), np.exp(mean)
            across = [[at - np.exp(mean - error)], [np.exp(mean + error) - at]]
            ax.errorbar(at, middle, wide, across, fmt="none", ecolor=color, capsize=3, zorder=4)
            big = marker(color, hollow=hollow, size=12)
            ax.plot(at, middle, sign_, label=arm, zorder=5, **big)
        ax.set_xscale("log")
        log_ticks(ax.xaxis, *ax.get_xlim())
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        ax.grid(True, color="#e6e6e6", linewidth=0.8)
        ax.set_axisbelow(True)
        flatter = than[sharper(measured, labels).count(-1)]
        ahead = than[better(measured, labels).count(1)]
        dress(
            ax,
            f"{SHORT[labels].capitalize()}: SAM ends flatter than {flatter}, better than {ahead}",
            "largest eigenvalue of the Hessian (log)",
            "accuracy (%)" if ax is axes[0] else "",
        )
    figure: Any = axes[0].figure
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper left", ncols=3, **LEGEND)
    caption(figure, "Small: a seed each; large: mean ± standard error. " + how(measured))
    return figure


CLAIM = Claim(
    14,
    "flat-minima",
    "SAM finds flatter minima, and they are better",
    "Foret et al. 2021; Andriushchenko et al. 2023, A modern look at the relationship between "
    "sharpness and generalization; Dinh et al. 2017",
    measure,
    table,
    verdict,
    how,
    draw,
)
