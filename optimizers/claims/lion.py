"""Claim 9: Lion wants a smaller learning rate and a larger weight decay than AdamW."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimizers import AdamW, Lion
from optimizers.claims.claim import Claim, Data, Effort, mean_and_error, plus_minus, sign
from optimizers.claims.decay_maps import (
    accuracy_map,
    again,
    as_sweep,
    best_cell,
    centre,
    overfitting,
)

EPOCHS = 150
RATES, DECAYS = (3e-5, 0.1), (1e-2, 100.0)
PUBLISHED = (3.0, 10.0)  # so many times smaller lr, and larger λ


def measure(effort: Effort) -> Data:
    """Both maps over the same lr and λ, on the problem of claim 4."""
    training = overfitting()
    steps = training.steps(EPOCHS)
    size, seeds = effort.pick(13, 9), range(effort.pick(5, 2))
    fresh = range(100, 100 + effort.pick(20, 5))
    lr, decay = np.geomspace(*RATES, size), np.geomspace(*DECAYS, size)
    maps, ends = {}, {}
    for rule in (AdamW, Lion):
        label = rule.__name__
        maps[label] = accuracy_map(rule, training, steps, lr, decay, seeds, effort, f"lion-{label}")
        ends[label] = again(rule, maps[label], training, fresh, effort, f"lion-{label}-again")
    return {"maps": maps, "ends": ends, "problem": training.name}


def ratios(measured: Data) -> tuple[np.ndarray, np.ndarray]:
    """How many times smaller Lion's lr is, and how many times larger its λ: one a seed."""
    adamw, lion = (np.array(centre(measured["maps"][label])) for label in ("AdamW", "Lion"))
    return adamw[:, 0] / lion[:, 0], lion[:, 1] / adamw[:, 1]


def typical(values: np.ndarray) -> tuple[float, float, float]:
    """The geometric mean over seeds, and one standard error below and above."""
    mean, error = mean_and_error(np.log(values))
    return float(np.exp(mean)), float(np.exp(mean - error)), float(np.exp(mean + error))


def table(measured: Data) -> list[list[str]]:
    """One row a rule."""
    rows = [
        ["", "best lr", "best λ", "middle of the good lr", "of the good λ", "accuracy, fresh seeds"]
    ]
    for label, found in measured["maps"].items():
        i, j = best_cell(found)
        lr, decay = np.exp(np.mean(np.log(centre(found)), axis=0))
        rows.append(
            [
                label,
                f"{found['lr'][i]:.2g}",
                f"{found['decay'][j]:.2g}",
                f"{lr:.2g}",
                f"{decay:.2g}",
                plus_minus(100 * np.array(measured["ends"][label]), 1) + " %",
            ]
        )
    return rows


def seen(values: np.ndarray) -> bool:
    """Whether the factor is told from 1, and above it."""
    return sign(*mean_and_error(np.log(values)), len(values)) > 0


def verdict(measured: Data) -> str:
    """Whether both ratios are above 1, and in the published range."""
    words, true, published = [], 0, 0
    for name, values in zip(("lr is smaller", "λ is larger"), ratios(measured), strict=True):
        mean, low, high = typical(values)
        told = f"factor {mean:.1f}, {low:.1f} to {high:.1f}"
        if not seen(values):
            words.append(f"it was not observed that the middle of its good {name} ({told})")
            continue
        inside = low <= PUBLISHED[1] and high >= PUBLISHED[0]
        true, published = true + 1, published + inside
        range_ = f"{'in' if inside else 'outside'} the published range of 3 to 10"
        words.append(f"the middle of its good {name} ({told}), {range_}")
    heads = ("Not true here", "Only partly true here", "True here in direction, not in size")
    head = "True here" if published == 2 else heads[true]
    return f"{head}: {words[0]}; {words[1]}."


def how(measured: Data) -> str:
    """The problem and the grid."""
    found = measured["maps"]["Lion"]
    return (
        f"{measured['problem']}; {found['steps']} steps, cosine schedule; the same "
        f"{len(found['lr'])} × {len(found['decay'])} values of lr and λ for both, "
        f"{len(found['seeds'])} seeds. Compared: the middles (of the logarithms) of the cells "
        "within two points of a seed's best, chosen on the same held-out digits that are shown; "
        "factors are geometric means over seeds, with one "
        "standard error either way."
    )


def draw(measured: Data) -> Any:
    """Both maps on one scale, with the middles of their good regions."""
    from optimizers.plotting import plot_heatmap
    from optimizers.plotting.layout import new_figure
    from optimizers.plotting.style import INK, caption, headline

    axes = new_figure((11.0, 4.9), 1, 2)
    maps = {label: as_sweep(found, label) for label, found in measured["maps"].items()}
    high = max(float(of_cells.accuracy.max()) for of_cells in maps.values())
    middles = {
        label: np.exp(np.mean(np.log(centre(found)), axis=0))
        for label, found in measured["maps"].items()
    }
    for ax, (label, found) in zip(axes, maps.items(), strict=True):
        plot_heatmap(found, ax, of="accuracy", limits=(0.5, high))
        lr, decay = middles[label]
        headline(ax, f"{label}: the good region lies around lr {lr:.1g}, λ {decay:.1g}")
        for other, place in middles.items():
            mark = "P" if other == label else "X"
            ax.plot(*place, mark, markersize=11, color="white", markeredgecolor=INK, zorder=5)
    figure: Any = axes[0].figure
    caption(
        figure,
        how(measured)
        + " Colours: medians; ☆ best cell, outlined: within one point of it; + middle of the good "
        "region, ✕ that of the other rule; darkest: 50 % or less.",
    )
    return figure


CLAIM = Claim(
    9,
    "lion",
    "Lion wants a learning rate 3 to 10 times smaller and a weight decay 3 to 10 times larger than "
    "AdamW",
    "Chen et al. 2023; google/automl",
    measure,
    table,
    verdict,
    how,
    draw,
)
