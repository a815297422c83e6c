"""Claim 7: short sequences for nine tenths of the training, long ones for the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from optimizers import AdamW
from optimizers.claims.claim import Claim, Data, Effort, mean_and_error, plus_minus
from optimizers.claims.large_batches import schedule
from optimizers.experiments.pieces import each_piece

SHORT, LONG = 16, 64
BATCH = 8  # sentences
VOCABULARY, WIDTH = 16, 32
SENTENCES = 16_384
STEPS, FEW_STEPS = 1500, 1000  # long ones; with little effort
CLOSE = 0.1  # losses that are known to differ by less than this share are the same result
LOOKS = 12  # how often the held-out loss is taken on the way


@dataclass(frozen=True)
class Arm:
    """A way to spend computation, in parts of what `steps` long steps cost.

    Attributes
    ----------
    short
        The share of the steps at the short length.
    budget
        How much to spend.
    """

    short: float
    budget: float

    def steps(self, steps: int) -> tuple[int, int]:
        """How many short and how many long steps the budget buys."""
        price = self.short * cost(SHORT) / cost(LONG) + (1 - self.short)
        total = self.budget * steps / price
        return round(total * self.short), round(total * (1 - self.short))


def cost(length: int) -> float:
    """Multiplications of one step: kernels of 8 width² a token, attention 2 length × width."""
    return BATCH * length * (8 * WIDTH**2 + 2 * VOCABULARY * WIDTH + 2 * length * WIDTH)


# What nine tenths of short steps cost in the place of as many long ones.
SAVED = 0.9 * cost(SHORT) / cost(LONG) + 0.1

ARMS = {
    "long throughout": Arm(0.0, 1.0),
    "half and half": Arm(0.5, 1.0),
    "two phases": Arm(0.9, 1.0),
    "short throughout": Arm(1.0, 1.0),
    "two phases, as many steps": Arm(0.9, SAVED),
    "long, at that cost": Arm(0.0, SAVED),
}


@cache
def problem() -> tuple[Any, Any, Any]:
    """The model, the short sentences and the long ones."""
    from optimizers.datasets import symbols
    from optimizers.models import transformer

    model = transformer(VOCABULARY, LONG, width=WIDTH)
    return model, symbols(SENTENCES, SHORT), symbols(SENTENCES, LONG)


@dataclass(frozen=True)
class Trained:
    """Trains one arm; a piece of work is (arm, lr, seed)."""

    steps: int

    def __call__(
        self, piece: tuple[str, float, int], stopped: Callable[[], bool]
    ) -> dict[str, np.ndarray]:
        """Held-out loss against computation, and the loss and accuracy at the end."""
        from optimizers.datasets import minibatches

        label, lr, seed = piece
        model, short, long = problem()
        counts = ARMS[label].steps(self.steps)
        first, second = (schedule(lr, max(1, count)) for count in counts)
        adamw = AdamW(
            model.loss,
            model.init(seed),
            lambda t: first(t) if t <= counts[0] else second(t - counts[0]),  # warmed up anew
        )
        spent, curve = 0.0, [(0.0, model.loss(adamw.theta, long.held_out))]
        for data, length, count in zip((short, long), (SHORT, LONG), counts, strict=True):
            batches = minibatches(data, BATCH, seed)
            looks = max(1, round(LOOKS * count * cost(length) / (self.steps * cost(LONG))))
            for part in np.array_split(np.arange(count), looks):
                if len(part):
                    adamw.minimize(len(part), batches=batches, every=len(part))
                    spent += len(part) * cost(length) / (self.steps * cost(LONG))
                    curve.append((spent, model.loss(adamw.theta, long.held_out)))
        return {
            "curve": np.array(curve, dtype=float),
            "accuracy": np.asarray(model.accuracy(adamw.theta, long.held_out)),
        }


def measure(effort: Effort) -> Data:
    """Every arm at the learning rate that is best for it."""
    steps = effort.pick(STEPS, FEW_STEPS)
    grid = effort.pick(np.geomspace(1e-3, 1e-1, 5), np.array([1e-2]))
    seeds = range(100, 100 + effort.pick(5, 2))
    tried = _run(steps, [(arm, lr, 0) for arm in ARMS for lr in grid], effort, "tried")
    arms: Data = {}
    for label in ARMS:
        ends = {lr: piece["curve"][-1, 1] for (arm, lr, _), piece in tried.items() if arm == label}
        best = min(ends, key=lambda lr: ends[lr])
        arms[label] = {
            "lr": float(best),
            "at_edge": len(grid) > 1 and best in (grid[0], grid[-1]),
            "tried": [float(ends[lr]) for lr in grid],
        }
    shown = _run(
        steps, [(arm, arms[arm]["lr"], seed) for arm in ARMS for seed in seeds], effort, "shown"
    )
    for label, arm in ARMS.items():
        pieces = [piece for (name, _, _), piece in shown.items() if name == label]
        arms[label] |= {
            "steps": list(arm.steps(steps)),
            "budget": arm.budget,
            "spent": pieces[0]["curve"][:, 0].tolist(),
            "loss": [piece["curve"][:, 1].tolist() for piece in pieces],
            "accuracy": [float(piece["accuracy"]) for piece in pieces],
        }
    return {"arms": arms, "steps": steps, "grid": grid.tolist(), "seeds": len(seeds)}


def _run(
    steps: int, pieces: list[tuple[str, float, int]], effort: Effort, part: str
) -> dict[tuple[str, float, int], Any]:
    done = each_piece(
        Trained(steps),
        pieces,
        n_jobs=effort.n_jobs,
        store=effort.store_for(f"two-phases-{part}"),
        settings={"pieces": [list(piece) for piece in pieces], "steps": steps},
        label="two phases",
        progress=effort.progress,
    )
    return {pieces[i]: piece for i, piece in done}


def ends(measured: Data, label: str) -> np.ndarray:
    """The held-out loss at the end, one a seed."""
    return np.array([curve[-1] for curve in measured["arms"][label]["loss"]])


def table(measured: Data) -> list[list[str]]:
    """One row an arm."""
    rows = [["", "computation", "short + long steps", "lr", "held-out loss", "accuracy"]]
    for label, arm in measured["arms"].items():
        rows.append(
            [
                label,
                f"{arm['budget']:.2f}",
                " + ".join(f"{count:,}" for count in arm["steps"]),
                f"{arm['lr']:.2g}" + "*" * arm["at_edge"],
                plus_minus(ends(measured, label), 3),
                plus_minus(100 * np.array(arm["accuracy"]), 1) + " %",
            ]
        )
    return rows


def difference(measured: Data, one: str, other: str) -> tuple[float, float]:
    """How much lower the loss of one arm is than another's, and the standard error."""
    mean, error = mean_and_error(ends(measured, one))
    than, than_error = mean_and_error(ends(measured, other))
    return than - mean, float(np.hypot(error, than_error))


def compared(gain: float, error: float) -> str:
    """In words, how the loss of one arm lies to another's."""
    if abs(gain) <= 2 * error:
        return f"level ({-gain:+.3f} ± {error:.3f})".replace("-", "−")
    return f"{abs(gain):.3f} ± {error:.3f} {'lower' if gain > 0 else 'higher'}"


def verdict(measured: Data) -> str:
    """At equal computation, with as many steps, and without the long phase."""
    gains = {
        name: difference(measured, *arms)
        for name, arms in {
            "equal": ("two phases", "long throughout"),
            "steps": ("two phases, as many steps", "long throughout"),
            "cheap": ("two phases, as many steps", "long, at that cost"),
            "short": ("short throughout", "two phases"),
        }.items()
    }
    told = {name: compared(*gain) for name, gain in gains.items()}
    loss, error = gains["steps"]
    level = float(np.mean(ends(measured, "long throughout")))
    if loss < -2 * error:
        head = "Cheaper, but not the same result here"
    else:
        head = "True here" if 2 * error < CLOSE * level else "Too uncertain to tell"
    return (
        f"{head}: with as many steps, for {SAVED:.0%} of the computation, the loss of two phases "
        f"against long throughout is {told['steps']}, and against long sentences at that cost "
        f"{told['cheap']}. At equal computation it is {told['equal']} against long "
        f"throughout. Short throughout against two phases: {told['short']}."
    )


def how(measured: Data) -> str:
    """Model, data, lengths, tuning."""
    grid = measured["grid"]
    tuned = (
        f"lr {grid[0]:g}, not tuned; shown"
        if len(grid) == 1
        else f"Each arm tuned over {len(grid)} rates from {grid[0]:g} to {grid[-1]:g} (* at the "
        "edge) on one seed and the same held-out sentences, shown"
    )
    return (
        f"Transformer of one block, width {WIDTH}, guesses hidden letters of a made-up language in "
        f"which some depend on letters 24 places away; lengths {SHORT} and {LONG}, {BATCH} "
        "sentences a step, AdamW; in each phase lr rises for a tenth of the steps and then falls "
        "linearly to 0 (as in the paper, which warms up anew). Computation: multiplications, as a "
        f"share of {measured['steps']:,} long steps; a short step costs "
        f"{cost(SHORT) / cost(LONG):.2f} of a long one. {tuned} on {measured['seeds']} other "
        f"seeds, ± standard error; loss on 512 held-out sentences of length {LONG}."
    )


def draw(measured: Data) -> Any:
    """Held-out loss against computation."""
    from optimizers.plotting.labels import Entry, label_ends
    from optimizers.plotting.layout import new_figure
    from optimizers.plotting.style import LINES, PALETTE, Look, caption, casing, dress

    colors = [PALETTE[name] for name in ("navy", "green", "azure", "khaki", "azure", "navy")]
    (ax,) = new_figure((9.0, 5.0))
    entries = []
    for (label, arm), color in zip(measured["arms"].items(), colors, strict=True):
        look = Look(color, LINES[1] if arm["budget"] < 1 else "-")
        curves = np.array(arm["loss"])
        mean = curves.mean(axis=0)
        error = curves.std(axis=0, ddof=1) / np.sqrt(len(curves))
        ax.plot(
            arm["spent"],
            mean,
            color=color,
            linestyle=look.line,
            linewidth=2,
            path_effects=casing(),
            zorder=3,
        )
        ax.fill_between(arm["spent"], mean - error, mean + error, color=color, alpha=0.18, lw=0)
        ax.plot(arm["spent"][-1], mean[-1], "o", color=color, markeredgecolor="white", zorder=5)
        entries.append(
            Entry(f"{label}: {mean[-1]:.2f}", look, (arm["spent"][-1], mean[-1]), -mean[-1])
        )
    ax.set_xlim(0, 1)
    ax.grid(True, color="#e6e6e6", linewidth=0.8)
    label_ends(ax, entries)
    gain, error = difference(measured, "two phases", "long throughout")
    words = "level with" if abs(gain) <= 2 * error else "below" if gain > 0 else "above"
    dress(
        ax,
        f"At equal computation, two phases end {words} long throughout",
        "computation (share of the long training)",
        "held-out loss",
    )
    figure: Any = ax.figure
    caption(figure, how(measured) + " Band: ± standard error.")
    return figure


CLAIM = Claim(
    7,
    "two-phases",
    "Training in two phases, nine tenths at the short length and the rest at the long one, costs "
    "less for the same result",
    "the article; You et al. 2020",
    measure,
    table,
    verdict,
    how,
    draw,
)
