"""Claim 10: newer optimizers at their defaults do not consistently beat a tuned Adam."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimizers import RULES
from optimizers.claims.claim import Claim, Data, Effort, counted
from optimizers.experiments import Comparison, Training, suite
from optimizers.experiments.standing import standing
from optimizers.functions import FUNCTIONS, Function, shifted
from optimizers.hyper_parameters import defaults

REFERENCE = "Adam"
TUNED = "Adam, tuned"
NEWER = ["AMSGrad", "NAdam", "RAdam", "ADOPT", "AdamW", "LAMB", "LARS", "Lion", "Adafactor"]
NEWER += [
    "Muon",
    "Shampoo",
    "SOAP",
    "DoG",
    "Prodigy",
    "ScheduleFreeSGD",
    "ScheduleFreeAdamW",
    "Lookahead",
    "Cautious",
]
STEPS = 500
# these have no minimum, or none that a step could find
LEFT_OUT = ("monkey_saddle", "plateau", "easom")
MATRICES = ("Newton",)  # they need P² numbers: not for networks
KINDS = ("defaults", "tuned")


def functions(effort: Effort) -> dict[str, Function]:
    """The test functions, none with its minimum at the origin."""
    names = [name for name in FUNCTIONS if name not in LEFT_OUT]
    if effort.quick:
        names = ["rosenbrock", "himmelblau", "beale"]
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
    """How every rule does against a tuned Adam on every problem, at its defaults and tuned."""
    outcomes: Data = {kind: {} for kind in KINDS}
    lr, seeds = {}, []
    small = {label: rule for label, rule in RULES.items() if label not in MATRICES}
    rates = np.geomspace(1e-5, 100, effort.pick(22, 6))
    for rules, problems, beside in (
        (RULES, functions(effort), {"seeds": effort.pick("auto", 12)}),
        (
            small,
            trainings(effort),
            {"lr": rates, "n_jobs": effort.n_jobs, "seeds": effort.pick("auto", 3)},
        ),
    ):
        how: Any = {"steps": STEPS, "progress": effort.progress, **beside}
        store = effort.store_for(f"tuned-{len(rules)}")
        tuned = suite(rules, problems, store=store, **how)
        own = {label: float(defaults(rule)["lr"]) for label, rule in rules.items()}
        untuned = suite(rules, problems, **how | {"lr": own})
        for name, race in tuned.items():
            lr[name] = race.lr
            adam = race.ends_by_tuning[REFERENCE]
            outcomes["tuned"][name] = _against(adam, race.ends_by_tuning, race)
            outcomes["defaults"][name] = _against(adam[:1], untuned[name].ends_by_tuning, race)
        seeds.append([len(race.seeds or ()), len(race.race_seeds or ())])
    return {
        "outcomes": outcomes,
        "lr": lr,
        "trainings": list(trainings(effort)),
        "steps": STEPS,
        "seeds": seeds,
    }


def _against(adam: np.ndarray, ends: dict[str, np.ndarray], race: Comparison) -> dict[str, str]:
    """By label, what the seeds say of it beside a tuned Adam: "better", "level" or "worse"."""
    found = {}
    for label, ours in ends.items():
        both = standing({TUNED: adam, label: ours}, race.problem.known_minimum, race.floor)
        found[label] = "level"
        if both.better:
            found[label] = "better" if both.winner == label else "worse"
    return found


def outcome(measured: Data, problem: str, label: str, kind: str) -> str:
    """Against a tuned Adam, on the same seeds: "better", "level" or "worse"."""
    word: str = measured["outcomes"][kind][problem][label]
    return word


def counts(measured: Data, label: str, kind: str) -> dict[str, int]:
    """On how many problems a rule is better than a tuned Adam, level, worse."""
    found = measured["outcomes"][kind]
    outcomes = [words[label] for words in found.values() if label in words]
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
    count, trained = len(measured["lr"]), len(measured["trainings"])
    (tuned_on, shown_on), (few, others) = measured["seeds"]
    return (
        f"{count} problems ({count - trained} test functions in the plane, moved where the minimum "
        f"sat at the origin; {counted(trained, 'training')}), {measured['steps']} steps, constant "
        f"lr, tuned for the median over {tuned_on} starts (functions) or {few} seeds (trainings) "
        f"and shown on {shown_on} or {others} others. The final losses are compared with those of "
        "a tuned Adam on the same seeds; better and worse mean that Wilcoxon's signed-rank test "
        "finds a difference at 5%. Only lr is tuned: AdamW and LAMB keep λ = 0.01, which keeps "
        "them away from minima that are not at the origin; in the plane Muon has no matrix and is "
        "AdamW without decay, with Nesterov's m̂."
    )


def draw(measured: Data) -> Any:
    """Rules × problems, at the defaults and tuned; a sign and a colour for each outcome."""
    from optimizers.plotting.layout import new_figure
    from optimizers.plotting.style import INK, PALETTE, caption, dress

    colors = {"better": PALETTE["azure"], "level": "#e4e4e4", "worse": PALETTE["khaki"]}
    signs = {"better": "+", "level": "·", "worse": "−"}
    problems = list(measured["lr"])
    axes = new_figure((11.0, 6.6), 1, 2, sharey=True)
    for ax, kind in zip(axes, KINDS, strict=True):
        for column, label in enumerate(RULES):
            for row, name in enumerate(problems):
                if label not in measured["outcomes"][kind][name]:
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
