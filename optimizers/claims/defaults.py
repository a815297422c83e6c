"""Claim 10: newer optimizers at their defaults do not consistently beat a tuned Adam."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimizers import RULES
from optimizers.claims.claim import Claim, Data, Effort, counted, mean_and_error
from optimizers.experiments import Training, sweep
from optimizers.experiments.runs import finish
from optimizers.experiments.sweep import columns_of, exact_ends, final_losses
from optimizers.functions import FUNCTIONS, Function, shifted
from optimizers.problem import as_problem

REFERENCE = "Adam"
NEWER = ("AMSGrad", "NAdam", "AdamW", "LAMB", "LARS", "Lion", "Muon", "Lookahead")
STEPS = 500
FLOOR = 1e-12  # gaps below this share of the first one count as nothing
# these have no minimum, or none that a step could find
LEFT_OUT = ("monkey_saddle", "plateau", "easom")
MATRICES = ("Newton",)  # they need P² numbers: not for networks
KINDS = ("defaults", "tuned")


def functions(effort: Effort) -> dict[str, Function]:
    """The test functions, none with its minimum at the origin."""
    names = [name for name in FUNCTIONS if name not in LEFT_OUT]
    if effort.quick:
        names = ["rosenbrock", "himmelblau", "styblinski_tang", "beale"]
    problems = {}
    for name in names:
        function = FUNCTIONS[name]
        at_origin = np.any(np.all(function.minima == 0, axis=1))
        problems[name] = shifted(function, [1.0, 0.5]) if at_origin else function
    return problems


def trainings(effort: Effort) -> dict[str, Training]:
    """The small models on their data."""
    from optimizers.claims.decay_maps import overfitting
    from optimizers.datasets import digits, two_moons
    from optimizers.models import mlp, softmax_regression

    found = {
        "softmax, digits": Training(softmax_regression(64, 10), digits(), batch_size=64),
        "MLP, digits": Training(mlp([64, 32, 10]), digits(), batch_size=64),
        "MLP, mislabelled": overfitting(),
        "MLP, two moons": Training(mlp([2, 16, 16, 2], "tanh"), two_moons(), batch_size=50),
    }
    return dict(list(found.items())[1:2]) if effort.quick else found


def measure(effort: Effort) -> Data:
    """How every rule ends on every problem, at its defaults and tuned: (repeats,) each."""
    grid = np.geomspace(1e-5, 100, effort.pick(22, 8))
    repeats = effort.pick(10, 5)
    ends: Data = {}
    for name, function in functions(effort).items():
        ends[name] = {
            label: _on_function(rule, function, grid, repeats) for label, rule in RULES.items()
        }
    for name, problem in trainings(effort).items():
        ends[name] = {
            label: _on_training(rule, problem, grid, repeats, effort, f"valley-{name}-{label}")
            for label, rule in RULES.items()
            if label not in MATRICES
        }
    return {
        "ends": ends,
        "trainings": list(trainings(effort)),
        "grid": grid.tolist(),
        "repeats": repeats,
        "steps": STEPS,
    }


def _on_function(rule: Any, function: Function, grid: np.ndarray, repeats: int) -> Data:
    """log10 of the share of the first gap that is left; tuned on some starts, shown on others."""
    problem = as_problem(function)
    assert problem.domain is not None
    assert problem.minimum is not None
    low, high = problem.domain.T
    starts = np.random.default_rng(0).uniform(low, high, size=(2 * repeats, 2))

    def ends(rates: Any, chosen: np.ndarray) -> np.ndarray:
        axes = {"start": np.arange(len(chosen))} | ({} if rates is None else {"lr": rates})
        columns, shape = columns_of(axes)
        at = chosen[columns.pop("start")]
        result = finish(
            rule,
            problem,
            STEPS,
            columns,
            at,
            measure=exact_ends,
            progress=False,
        )
        final = final_losses(result, problem)[0] - problem.minimum
        share = final / (function(at) - problem.minimum)
        return np.log10(np.clip(share, FLOOR, 1e3)).reshape(shape)

    tried = ends(grid, starts[:repeats]).mean(axis=0)
    best = float(grid[np.argmin(tried)])
    return {
        "lr": best,
        "defaults": ends(None, starts[repeats:]).tolist(),
        "tuned": ends([best], starts[repeats:])[:, 0].tolist(),
    }


def _on_training(
    rule: Any, problem: Training, grid: np.ndarray, repeats: int, effort: Effort, part: str
) -> Data:
    """The share told wrong, in per cent; tuned on some seeds, shown on others."""
    own = float(rule(problem, problem.start).lr)

    def wrong(rates: Any, seeds: range, name: str) -> np.ndarray:
        result = sweep(
            rule,
            problem,
            steps=STEPS,
            seeds=seeds,
            lr=rates,
            n_jobs=effort.n_jobs,
            store=effort.store_for(f"{part}-{name}"),
            progress=effort.progress,
        )
        assert result.accuracies is not None
        return 100 * (1 - result.accuracies)

    tried = wrong(grid, range(effort.pick(3, 1)), "tried").mean(axis=1)
    best = float(grid[np.argmin(tried)])
    shown = wrong([own, best], range(100, 100 + repeats), "shown")
    return {"lr": best, "defaults": shown[0].tolist(), "tuned": shown[1].tolist()}


def outcome(measured: Data, problem: str, label: str, kind: str) -> str:
    """Against a tuned Adam, on the same starts or seeds: "better", "level" or "worse"."""
    ends = measured["ends"][problem]
    theirs = np.array(ends[REFERENCE]["tuned"])
    mean, error = mean_and_error(np.array(ends[label][kind]) - theirs)
    if abs(mean) <= 2 * error or mean == 0:
        return "level"
    return "better" if mean < 0 else "worse"


def counts(measured: Data, label: str, kind: str) -> dict[str, int]:
    """On how many problems a rule is better than a tuned Adam, level, worse."""
    problems = [name for name, ends in measured["ends"].items() if label in ends]
    outcomes = [outcome(measured, name, label, kind) for name in problems]
    return {word: outcomes.count(word) for word in ("better", "level", "worse")}


def table(measured: Data) -> list[list[str]]:
    """One row a rule."""
    rows = [["rule", "at its defaults: better / level / worse", "tuned: better / level / worse"]]
    for label in RULES:
        cells = [" / ".join(map(str, counts(measured, label, kind).values())) for kind in KINDS]
        rows.append([label + (" (newer)" if label in NEWER else ""), *cells])
    return rows


def verdict(measured: Data) -> str:
    """Whether any newer rule beats a tuned Adam on most of the problems."""
    parts = []
    for kind, words in (("defaults", "at its defaults"), ("tuned", "tuned as well")):
        consistent = []
        for label in NEWER:
            found = counts(measured, label, kind)
            if found["better"] > sum(found.values()) / 2:
                consistent.append(label)
        best = max(
            NEWER,
            key=lambda label: (
                counts(measured, label, kind)["better"],
                -counts(measured, label, kind)["worse"],
            ),
        )
        found = counts(measured, best, kind)
        total = sum(found.values())
        if consistent:
            parts.append(
                f"{words}, {', '.join(consistent)} beat{'s' if len(consistent) == 1 else ''} a "
                "tuned Adam on more than half of the problems"
            )
        else:
            parts.append(
                f"{words}, no newer rule beats a tuned Adam on more than half of the problems (the "
                f"best, {best}: better on {found['better']} of {total}, worse on {found['worse']})"
            )
    holds = "no newer rule" in parts[0]
    text = "; ".join(parts)
    return f"{'True here' if holds else 'Not true here'}: {text}."


def how(measured: Data) -> str:
    """The problems, and what better means."""
    grid, count = measured["grid"], len(measured["ends"])
    return (
        f"{count} problems ({count - len(measured['trainings'])} test functions in the plane, "
        f"moved where the minimum sat at the origin; "
        f"{counted(len(measured['trainings']), 'training')}), "
        f"{measured['steps']} steps, constant lr; tuned over {len(grid)} rates from {grid[0]:g} "
        f"to {grid[-1]:g}. Shown on {measured['repeats']} starts (functions) or seeds (trainings) "
        "that nothing was tuned on. Compared is log10 of the gap that is left, or the share of "
        "held-out data told wrong, with a tuned Adam from the same start; better and worse mean "
        "by more than two standard errors. Only lr is tuned: AdamW and LAMB keep λ = 0.01, which "
        "holds them off minima that are not at the origin; in the plane Muon has no matrix and is "
        "AdamW without decay, with Nesterov's m̂. On the trainings, lr was chosen on the same "
        "held-out data."
    )


def draw(measured: Data) -> Any:
    """Rules × problems, at the defaults and tuned; a sign and a colour for each outcome."""
    from optimizers.plotting.layout import new_figure
    from optimizers.plotting.style import INK, PALETTE, caption, dress

    colors = {"better": PALETTE["azure"], "level": "#e4e4e4", "worse": PALETTE["khaki"]}
    signs = {"better": "+", "level": "·", "worse": "−"}
    problems = list(measured["ends"])
    axes = new_figure((11.0, 6.6), 1, 2, sharey=True)
    for ax, kind in zip(axes, KINDS, strict=True):
        for column, label in enumerate(RULES):
            for row, name in enumerate(problems):
                if label not in measured["ends"][name]:
                    continue
                word = outcome(measured, name, label, kind)
                ax.add_patch(_cell(column, row, colors[word]))
                ax.text(column, row, signs[word], ha="center", va="center", fontsize=11, color=INK)
        ax.set_xlim(-0.5, len(RULES) - 0.5)
        ax.set_ylim(len(problems) - 0.5, -0.5)
        ax.set_xticks(range(len(RULES)), list(RULES), rotation=90)
        ax.set_yticks(range(len(problems)), [name.replace("_", " ") for name in problems])
        total = {
            word: sum(counts(measured, label, kind)[word] for label in NEWER) for word in colors
        }
        title = "At their defaults" if kind == "defaults" else "Tuned as well"
        dress(ax, f"{title}: newer rules better {total['better']}×, worse {total['worse']}×")
        ax.tick_params(length=0, labelsize=10)
    figure: Any = axes[0].figure
    caption(
        figure,
        f"Against a tuned Adam: + better, · level, − worse. Newer: {', '.join(NEWER)}. "
        + how(measured),
    )
    return figure


def _cell(column: int, row: int, color: str) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.46, row - 0.46), 0.92, 0.92, facecolor=color)


CLAIM = Claim(
    10,
    "defaults",
    "Newer optimizers at their defaults do not consistently beat a tuned Adam",
    "Schmidt, Schneider and Hennig 2021, Descending through a crowded valley",
    measure,
    table,
    verdict,
    how,
    draw,
)
