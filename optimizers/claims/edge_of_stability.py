"""Claim 12: the sharpness rises to the edge of stability and stays there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from optimizers import SGD, Adam
from optimizers.claims.claim import Claim, Data, Effort, mean_and_error, plus_minus
from optimizers.datasets import Batch, two_moons
from optimizers.experiments.landscape import sharpness
from optimizers.experiments.metrics import middle, quartiles
from optimizers.experiments.pieces import each_piece
from optimizers.models import Model, regression
from optimizers.problem import batched, pure

EXAMPLES = 100
SMALL = 0.5  # of He's start: from there the sharpness has far to rise
TIME = 2000  # gradient descent's steps times η: all its runs go about as far
ADAM_STEPS = 4000
LOOKS, FEW_LOOKS = 40, 24  # at the sharpness of each run; with little effort
LATE = 0.25  # the last share of the steps, by which is judged where the sharpness stays
ROWS = 10  # of the path, for each look: the first one comes soon after the start
NEAR = 0.15  # of the threshold: nearer than this is at it
BELOW = 0.7  # of the threshold: what begins lower than this has risen to it
GROWS = 1.02  # so many times as high in the later half of the last quarter: still rising


@dataclass(frozen=True)
class Arm:
    """A rule, what its sharpness is measured against, and how it is called.

    Attributes
    ----------
    rule, name
        The rule, and its name in a sentence.
    numerator
        Its steps are stable up to a sharpness of this over η.
    rates, few_rates
        η; with little effort.
    watch
        The state that the sharpness is divided by.
    """

    rule: Any
    name: str
    numerator: int
    rates: tuple[float, ...]
    few_rates: tuple[float, ...]
    watch: tuple[str, ...] = ()


ARMS = {
    "SGD": Arm(SGD, "gradient descent", 2, (0.05, 0.1, 0.2, 0.4), (0.2, 0.4)),
    "Adam": Arm(Adam, "Adam", 38, (0.001, 0.003, 0.01), (0.003, 0.01), ("v_hat",)),
}


@cache
def problem() -> tuple[Model, Callable[..., Any]]:
    """A network that predicts numbers, and its loss on all points of two moons."""
    x, y = two_moons(EXAMPLES, noise=0.3).train
    points: Batch = np.column_stack([x, np.ones(len(x))]), 2.0 * y[:, np.newaxis] - 1
    model = regression([3, 32, 32, 32, 1])

    @pure
    @batched
    def squared_error(weights: Any) -> Any:
        return model.loss(weights, points)

    return model, squared_error


@dataclass(frozen=True)
class Followed:
    """Looks at the sharpness along a run; a piece of work is (rule, η, steps, seed)."""

    looks: int

    def __call__(
        self, piece: tuple[str, float, int, int], stopped: Callable[[], bool]
    ) -> dict[str, np.ndarray]:
        """The sharpness, and as a share of the threshold; inf where it is gone."""
        label, lr, steps, seed = piece
        model, loss = problem()
        start = {
            name: {"kernel": SMALL * layer["kernel"]} for name, layer in model.init(seed).items()
        }
        run = ARMS[label].rule(loss, start, lr=lr)
        path = run.minimize(
            steps, watch=ARMS[label].watch, every=max(1, steps // (ROWS * self.looks))
        )
        if path.diverged:
            gone = np.full(self.looks, np.inf)
            return {"step": np.linspace(0, steps, self.looks), "share": gone, "sharpness": gone}
        found = sharpness(loss, path, points=self.looks, progress=False)
        assert found.share is not None
        curves = {"share": found.share, "sharpness": found.sharpness}
        return {"step": found.step} | {
            name: np.where(np.isnan(values), np.inf, values) for name, values in curves.items()
        }


def measure(effort: Effort) -> Data:
    """Follow the sharpness at several learning rates, from several starts."""
    seeds = range(effort.pick(5, 2))
    work = Followed(effort.pick(LOOKS, FEW_LOOKS))
    shorter = effort.pick(1, 2)
    pieces = [
        (label, lr, (round(TIME / lr) if label == "SGD" else ADAM_STEPS) // shorter, seed)
        for label, arm in ARMS.items()
        for lr in effort.pick(arm.rates, arm.few_rates)
        for seed in seeds
    ]
    done = each_piece(
        work,
        pieces,
        n_jobs=effort.n_jobs,
        store=effort.store_for("edge-of-stability"),
        settings={"pieces": [list(piece) for piece in pieces], "looks": work.looks},
        label="edge of stability",
        progress=effort.progress,
    )
    found = dict(done)
    runs: dict[tuple[str, float], Data] = {}
    for i, (label, lr, steps, _) in enumerate(pieces):
        row = runs.setdefault(
            (label, lr), {"rule": label, "lr": lr, "steps": steps, "share": [], "sharpness": []}
        )
        row["step"] = found[i]["step"].tolist()
        for name in ("share", "sharpness"):
            row[name].append(found[i][name].tolist())
    return {"runs": list(runs.values()), "seeds": len(seeds)}


def late(row: Data) -> np.ndarray:
    """The shares of the threshold in the last quarter of the steps: (seeds, looks)."""
    step = np.array(row["step"])
    return np.array(row["share"])[:, step >= (1 - LATE) * step[-1]]


def stays(row: Data) -> np.ndarray:
    """The median of these, one a seed."""
    return middle(late(row))


def places(row: Data) -> list[str]:
    """What the sharpness does, one a seed.

    "there": it begins below the edge, and in the last quarter it is at it. "at once": it is at it,
    but began there. Else it is "rising" below it, "below", "above", or "back and forth" around it.
    """
    return [_place(share[0], last) for share, last in zip(row["share"], late(row), strict=True)]


def _place(first: float, last: np.ndarray) -> str:
    low, median, high = quartiles(last)
    if low >= 1 - NEAR and high <= 1 + NEAR:
        return "there" if first < BELOW else "at once"
    if median < 1 - NEAR:
        half = len(last) // 2
        return "rising" if middle(last[half:]) > GROWS * middle(last[:half]) else "below"
    return "above" if median > 1 + NEAR else "back and forth"


def holds(row: Data) -> bool:
    """Whether it rises to the edge and stays there from more than half of the starts."""
    return places(row).count("there") > len(row["share"]) / 2


def rows_of(measured: Data, label: str) -> list[Data]:
    """What was measured of one rule, by rising η."""
    return [row for row in measured["runs"] if row["rule"] == label]


def table(measured: Data) -> list[list[str]]:
    """One row a rule and learning rate."""
    rows = [
        [
            "rule",
            "η",
            "steps",
            "edge",
            "of the edge: at the start",
            "in the last quarter",
            "there",
            "sharpness: first",
            "last",
        ]
    ]
    for row in measured["runs"]:
        arm, ends = ARMS[row["rule"]], np.array(row["sharpness"])[:, [0, -1]]
        rows.append(
            [
                arm.name,
                f"{row['lr']:g}",
                f"{row['steps']:,}",
                f"{arm.numerator}/η = {arm.numerator / row['lr']:,.0f}",
                plus_minus(np.array(row["share"])[:, 0]),
                plus_minus(stays(row)),
                f"{places(row).count('there')} of {len(row['share'])}",
                *(plus_minus(end, 1) for end in ends.T),
            ]
        )
    return rows


def verdict(measured: Data) -> str:
    """A sentence a rule, and whether it is the steps that hold the sharpness at the edge."""
    sentences = []
    for label, arm in ARMS.items():
        rows = rows_of(measured, label)
        true = [holds(row) for row in rows]
        head = "True" if all(true) else "Partly true" if any(true) else "Not true"
        what = "sharpness" if label == "SGD" else "preconditioned sharpness"
        counts = [
            f"{places(row).count('there')} of {len(row['share'])} starts at η = {row['lr']:g} "
            f"({plus_minus(stays(row))})"
            for row in rows
        ]
        sentences.append(
            f"{head} here for {arm.name}: the {what} rises to {arm.numerator}/η and stays there "
            f"from {_list(counts)}; in brackets, its ratio to {arm.numerator}/η late in the run"
            f"{_others(rows)}"
        )
    sentences.append(_held(rows_of(measured, "SGD")))
    return ". ".join(sentences) + "."


def _others(rows: list[Data]) -> str:
    """What it does from the other starts."""
    words = {
        "rising": "below and still rising",
        "below": "below",
        "above": "above",
        "back and forth": "going back and forth around it",
        "at once": "there from the start",
    }
    found = [place for row in rows for place in places(row)]
    told = [f"{found.count(place)} {word}" for place, word in words.items() if place in found]
    return f"; the other starts: {_list(told)}" if told else ""


def _held(rows: list[Data]) -> str:
    """Whether at the smallest η the sharpness passes where larger ones keep it."""
    smallest, *larger = rows
    ends = np.array(smallest["sharpness"])[:, -1]
    passed = [row for row in larger if ends.min() > ARMS["SGD"].numerator / row["lr"]]
    told = f"at η = {smallest['lr']:g} it ends at {plus_minus(ends, 1)}"
    if not passed:
        return f"It was not observed that η holds it down: {told}, not above 2/η of a larger η"
    edges = _list([f"{ARMS['SGD'].numerator / row['lr']:g}" for row in passed])
    return (
        f"It is the learning rate that holds it down: {told}, from every start above the {edges} "
        f"of {_rates(passed)}"
    )


def _rates(rows: list[Data]) -> str:
    return "η = " + _list([f"{row['lr']:g}" for row in rows])


def _list(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def how(measured: Data) -> str:
    """Network, data, start, steps."""
    descent, adam = rows_of(measured, "SGD"), rows_of(measured, "Adam")
    return (
        f"Network 3-32-32-32-1 (tanh, no biases, the third input 1) on {EXAMPLES} points of two "
        f"moons, squared error, all points in every step; half of He's start, {measured['seeds']} "
        f"seeds. Gradient descent makes {descent[0]['lr'] * descent[0]['steps']:,.0f}/η steps, "
        f"Adam {adam[0]['steps']:,}. Sharpness: largest eigenvalue of the Hessian; for Adam of "
        "P⁻¹H, P = (1 − β₁ᵗ)(√v̂ + ε), β₁ = 0.9. The last quarter: the median of each seed, mean ± "
        f"standard error over seeds. There: began below {BELOW:.0%} of the edge, and the "
        f"quartiles of the last quarter are within {NEAR:.0%} of it. With cross-entropy the "
        "sharpness falls again once all examples are classified correctly: not measured here."
    )


def draw(measured: Data) -> Any:
    """Sharpness against time, one panel a rule, beside the thresholds."""
    from matplotlib.ticker import FuncFormatter

    from optimizers.plotting.labels import Entry, label_ends
    from optimizers.plotting.layout import new_figure
    from optimizers.plotting.scale import log_ticks
    from optimizers.plotting.style import LINES, PALETTE, WIDTH, Look, caption, casing, dress

    colors = [PALETTE[name] for name in ("navy", "azure", "green", "khaki")]
    axes = new_figure((11.0, 5.0), 1, 2)
    for ax, (label, arm) in zip(axes, ARMS.items(), strict=True):
        entries = []
        rows = rows_of(measured, label)
        for row, color in zip(rows, colors, strict=False):
            edge = arm.numerator / row["lr"]
            values = edge * np.array(row["share"])
            x = np.array(row["step"]) * (row["lr"] if label == "SGD" else 1)
            logs = np.log(values)
            mean, error = np.transpose([mean_and_error(column) for column in logs.T])
            ax.axhline(edge, color=color, linestyle=LINES[2], linewidth=1.2, zorder=2)
            ax.plot(x, np.exp(mean), color=color, linewidth=WIDTH, path_effects=casing(), zorder=3)
            low, high = np.exp(mean - error), np.exp(mean + error)
            ax.fill_between(x, low, high, color=color, alpha=0.2, lw=0)
            text = f"η = {row['lr']:g}"
            entries.append(Entry(text, Look(color), (x[-1], float(np.exp(mean[-1]))), mean[-1]))
        ax.set_yscale("log")
        ax.set_xlim(0, x[-1])
        log_ticks(ax.yaxis, *ax.get_ylim())
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        ax.grid(True, color="#e6e6e6", linewidth=0.8)
        ax.set_axisbelow(True)
        label_ends(ax, entries)
        there = [row for row in rows if holds(row)]
        name = arm.name[0].upper() + arm.name[1:]
        dress(
            ax,
            f"{name}: at {len(there)} of {len(rows)} learning rates the "
            f"{'' if label == 'SGD' else 'preconditioned '}sharpness rises to {arm.numerator}/η "
            "and stays",
            "steps × η" if label == "SGD" else "step",
            "sharpness (log)" if label == "SGD" else "preconditioned sharpness (log)",
        )
    figure: Any = axes[0].figure
    caption(
        figure,
        f"Dotted: 2/η and 38/η. Lines: geometric mean, band: ± standard error. A rate counts "
        f"if more than half of its starts are there. {how(measured)}",
    )
    return figure


CLAIM = Claim(
    12,
    "edge-of-stability",
    "With gradient descent the sharpness rises to 2/η and stays there; with Adam, preconditioned, "
    "to 38/η",
    "Cohen et al. 2021, Gradient descent on neural networks typically occurs at the edge of "
    "stability; 2022, Adaptive gradient methods at the edge of stability",
    measure,
    table,
    verdict,
    how,
    draw,
)
