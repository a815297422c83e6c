"""Claim 6: LAMB needs both of its parts."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from optimizers import LAMB, LARS, AdamW, Momentum
from optimizers.claims.batch_size import SCHEMES
from optimizers.claims.claim import Claim, Data, Effort, counted, mean_and_error, plus_minus, sign
from optimizers.claims.large_batches import EXAMPLES, accuracies, training

BATCH = 32_768
BOUNDS = (1.0, 10.0)


class OneRatioLAMB(AdamW):
    """LAMB that takes all weights for a single layer: AdamW times ‖θ‖ / ‖u‖."""

    epsilon = 1e-6

    batched = True

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        """AdamW's, as long as the weights."""
        update = super().direction(theta, g)
        step = np.linalg.norm(update, axis=-1, keepdims=True)
        norm = np.linalg.norm(theta, axis=-1, keepdims=True)
        usable = (norm > 0) & (step > 0)
        return np.where(usable, norm / np.where(usable, step, 1.0), 1.0) * update


# By label: the rule, and in words what of LAMB it has.
PARTS: dict[str, tuple[Any, str]] = {
    "Momentum": (Momentum, "neither"),
    "LARS": (partial(LARS, trust_coefficient=1.0), "trust ratio"),
    "AdamW": (AdamW, "Adam"),
    "LAMB, one ratio": (OneRatioLAMB, "Adam, one ratio"),
    "LAMB": (LAMB, "Adam, one ratio per layer"),
    "LAMB, φ clipped": (partial(LAMB, phi=BOUNDS), "Adam, one ratio per layer, clipped"),
}


def measure(effort: Effort) -> Data:
    """Accuracy with the largest batch, each rule tuned in the same way."""
    epochs = effort.pick(10, 4)
    grid = np.geomspace(1e-4, 10, effort.pick(16, 6))
    tuning, shown = range(effort.pick(3, 1)), range(100, 100 + effort.pick(5, 2))
    ends: Data = {}
    for scheme in effort.pick(tuple(SCHEMES), ("he",)):
        problem = training(BATCH, scheme)
        ends[scheme] = {}
        for i, (label, (rule, _)) in enumerate(PARTS.items()):
            part = f"parts-{scheme}-{i}"
            tried = accuracies(rule, problem, epochs, grid, tuning, effort, part)
            best = int(np.argmax(tried.mean(axis=1)))
            (end,) = accuracies(rule, problem, epochs, grid[[best]], shown, effort, f"{part}-shown")
            ends[scheme][label] = {
                "lr": float(grid[best]),
                "at_edge": best in (0, len(grid) - 1),
                "tried": tried.mean(axis=1).tolist(),
                "accuracy": end.tolist(),
            }
    return {
        "ends": ends,
        "grid": grid.tolist(),
        "epochs": epochs,
        "tuning_seeds": len(tuning),
        "seeds": len(shown),
    }


def table(measured: Data) -> list[list[str]]:
    """One row a rule, a column a start."""
    rows = [["rule", "what it has", *(SCHEMES[scheme] for scheme in measured["ends"])]]
    for label, (_, parts) in PARTS.items():
        row = [label, parts]
        for found in measured["ends"].values():
            end = found[label]
            edge = "*" if end["at_edge"] else ""
            row.append(
                f"{plus_minus(100 * np.array(end['accuracy']), 1)} % (lr {end['lr']:.2g}{edge})"
            )
        rows.append(row)
    return rows


def gain(measured: Data, scheme: str, better: str, than: str) -> tuple[float, float]:
    """How many points of accuracy one rule is ahead of another, and the standard error."""
    found = measured["ends"][scheme]
    one, one_error = mean_and_error(100 * np.array(found[better]["accuracy"]))
    two, two_error = mean_and_error(100 * np.array(found[than]["accuracy"]))
    return one - two, float(np.hypot(one_error, two_error))


def verdict(measured: Data) -> str:
    """What each part adds, and whether both are needed."""
    sentences = []
    for scheme in measured["ends"]:
        questions = {
            "the trust ratio over AdamW": ("LAMB", "AdamW"),
            "Adam over LARS": ("LAMB", "LARS"),
            "layers over one ratio": ("LAMB", "LAMB, one ratio"),
            "clipping φ": ("LAMB, φ clipped", "LAMB"),
        }
        gains = {name: gain(measured, scheme, *pair) for name, pair in questions.items()}
        told = [f"{name} {points:+.1f} ± {error:.1f}" for name, (points, error) in gains.items()]
        seeds = measured["seeds"]
        ratio, adam, *_ = (sign(*points, seeds) > 0 for points in gains.values())
        if ratio and adam:
            words = "both parts are needed"
        elif ratio or adam:
            words = f"only {'the trust ratio' if ratio else 'Adam'} measurably helps"
        else:
            words = "neither part measurably helps"
        sentences.append(f"{SCHEMES[scheme]}: {words} (points: {', '.join(told)})")
    return ". ".join(sentences).replace("-", "−") + "."


def how(measured: Data) -> str:
    """Network, data, schedule, tuning."""
    grid = measured["grid"]
    return (
        f"MLP 64-32-10 on {EXAMPLES:,} noisy, shifted digits, batch {BATCH:,}, "
        f"{measured['epochs']} epochs ({measured['epochs'] * EXAMPLES // BATCH} steps); lr rises "
        "for a tenth of the steps and then falls linearly to 0. All tuned over the same "
        f"{len(grid)} rates from {grid[0]:g} to {grid[-1]:g} on "
        f"{counted(measured['tuning_seeds'], 'seed')} (* at the edge), shown on "
        f"{measured['seeds']} others and the same held-out images, ± standard error. φ is clipped "
        f"to {BOUNDS[0]:g} … {BOUNDS[1]:g}; LARS has τ = 1; λ and ε as in the rules' defaults."
    )


def draw(measured: Data) -> Any:
    """Bars, one panel a start."""
    from optimizers.plotting.layout import new_figure
    from optimizers.plotting.style import INK, caption, dress, looks

    ends = measured["ends"]
    axes = new_figure((10.0, 4.4), 1, len(ends), sharex=True, sharey=True)
    look = looks({label: label.split(",")[0] for label in PARTS})
    for ax, (scheme, found) in zip(axes, ends.items(), strict=True):
        labels = list(PARTS)[::-1]
        for row, label in enumerate(labels):
            mean, error = mean_and_error(100 * np.array(found[label]["accuracy"]))
            ax.barh(
                row,
                mean,
                xerr=error,
                color=look[label].color,
                ecolor=INK,
                capsize=3,
                height=0.62,
                hatch="//" if "," in label else None,
                edgecolor="white",
            )
            ax.text(mean + error + 1.5, row, f"{mean:.0f}", va="center", fontsize=11, color=INK)
        ax.set_yticks(range(len(labels)), labels)
        ax.set_xlim(0, 100)
        best = max(PARTS, key=lambda label: float(np.mean(found[label]["accuracy"])))
        dress(ax, f"{SCHEMES[scheme]}: {best} is best", "accuracy (%)")
    figure: Any = axes[0].figure
    caption(figure, how(measured))
    return figure


CLAIM = Claim(
    6,
    "trust-ratio",
    "LAMB needs both of its parts: Adam's rate for each weight, and a trust ratio for each layer",
    "You et al. 2020, section 3",
    measure,
    table,
    verdict,
    how,
    draw,
)
