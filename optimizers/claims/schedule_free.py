"""Claim 13: Schedule-Free does as well as a cosine schedule, without knowing the end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from optimizers import AdamW, Averaged, ScheduleFreeAdamW, sweep
from optimizers.claims.claim import Claim, Data, Effort, counted, margin, mean_and_error, plus_minus
from optimizers.claims.large_batches import EXAMPLES, training
from optimizers.schedules import cosine

BATCH = 64
HORIZONS, FEW_HORIZONS = (250, 1000, 4000), (100, 400)  # steps; with little effort
RATES = (3e-3, 0.3)
SPAN = 0.99  # β of the average: the last hundred iterates count, about
DIVERGED = 10.0  # the loss that a run counts with whose own is larger, or not finite
MATCH = 1.05  # so many times another loss is as good as it
COSINE, OURS, CONSTANT, AVERAGED = "cosine", "Schedule-Free", "constant", "averaged"
NAMES = {
    COSINE: "AdamW, cosine",
    OURS: "Schedule-Free AdamW",
    CONSTANT: "AdamW, constant rate",
    AVERAGED: "AdamW, averaged",
}
RULES: dict[str, Any] = {
    COSINE: AdamW,
    OURS: partial(ScheduleFreeAdamW, weight_decay=AdamW.weight_decay),
    CONSTANT: AdamW,
    AVERAGED: partial(Averaged, inner=AdamW, beta=SPAN),
}


def measure(effort: Effort) -> Data:
    """Tune cosine for each horizon and the others for all at once; the ends on fresh seeds."""
    horizons = effort.pick(HORIZONS, FEW_HORIZONS)
    grid = np.geomspace(*RATES, effort.pick(12, 6))
    tuning, shown = range(effort.pick(3, 1)), range(100, 100 + effort.pick(12, 4))
    arms: Data = {}
    for i, arm in enumerate(NAMES):
        part = f"schedule-free-{i}"
        tried = np.array(
            [_losses(arm, steps, grid, tuning, effort, f"{part}-{steps}") for steps in horizons]
        ).mean(axis=-1)
        if arm != COSINE:  # it does not know which end it is tuned for
            tried[:] = np.exp(np.log(tried).mean(axis=0))
        arms[arm] = []
        for steps, losses in zip(horizons, tried, strict=True):
            best = int(np.argmin(losses))
            ends = _losses(arm, steps, grid[[best]], shown, effort, f"{part}-{steps}-shown")
            arms[arm].append(
                {
                    "lr": float(grid[best]),
                    "at_edge": best in (0, len(grid) - 1),
                    "tried": losses.tolist(),
                    "loss": ends[0].tolist(),
                }
            )
    return {
        "arms": arms,
        "horizons": list(horizons),
        "grid": grid.tolist(),
        "tuning_seeds": len(tuning),
        "seeds": len(shown),
    }


def _losses(
    arm: str, steps: int, lr: np.ndarray, seeds: Sequence[int], effort: Effort, part: str
) -> np.ndarray:
    """The held-out losses after so many steps: (rates, seeds).

    A rule without a schedule goes the same way towards every end.
    """
    found = sweep(
        RULES[arm],
        training(BATCH, "he"),
        steps=steps,
        seeds=seeds,
        schedule=partial(cosine, steps=steps) if arm == COSINE else None,
        n_jobs=effort.n_jobs,
        store=effort.store_for(part),
        progress=effort.progress,
        lr=lr,
    )
    assert found.losses is not None
    return found.losses


def ratios(measured: Data, arm: str, than: str) -> list[tuple[float, float]]:
    """How many times another arm's loss one has: mean of the log and its error, by horizon."""
    ours, theirs = ([scored(end["loss"]) for end in measured["arms"][name]] for name in (arm, than))
    return [mean_and_error(a - b) for a, b in zip(ours, theirs, strict=True)]


def scored(losses: Any) -> np.ndarray:
    """The logarithms of losses that are at most those of a run that diverged."""
    return np.log(np.fmin(losses, DIVERGED))


def standings(measured: Data, than: str) -> list[str]:
    """Schedule-Free beside another arm, by horizon: what the 95 % interval of the ratio says."""
    return [standing(*found, measured["seeds"]) for found in ratios(measured, OURS, than)]


def standing(mean: float, error: float, seeds: int) -> str:
    """Ahead, level (no more than MATCH times the loss) or behind; "unclear" if all may be."""
    wide = margin(error, seeds)
    if mean + wide < 0:
        return "ahead"
    if mean + wide <= np.log(MATCH):
        return "level"
    return "behind" if mean - wide > 0 else "unclear"


def table(measured: Data) -> list[list[str]]:
    """One row an arm, a column a horizon."""
    rows = [["", *(f"held-out loss after {steps:,} steps" for steps in measured["horizons"])]]
    for arm, ends in measured["arms"].items():
        cells = [
            f"{plus_minus(end['loss'], 3)} (lr {end['lr']:.2g}{'*' * end['at_edge']})"
            for end in ends
        ]
        rows.append([NAMES[arm], *cells])
    return rows


def verdict(measured: Data) -> str:
    """Whether it matches a tuned cosine at every end, and whether the others do."""
    places = standings(measured, COSINE)
    matches = places.count("ahead") + places.count("level")
    if matches:
        head = "True here" if matches == len(places) else "Partly true here"
    else:
        head = "Not true here" if "behind" in places else "Undecided here"
    steps = _list([f"{steps:,}" for steps in measured["horizons"]])
    beside = standings(measured, AVERAGED)
    return (
        f"{head}: after {steps} steps one run of Schedule-Free has {_told(measured, OURS)} times "
        f"the held-out loss of a cosine schedule tuned for that end ({_list(places)}). AdamW at a "
        f"constant rate has {_told(measured, CONSTANT)} times that loss, with its iterates "
        f"averaged {_told(measured, AVERAGED)}; against the latter Schedule-Free is "
        f"{_list(beside)}."
    )


def _told(measured: Data, arm: str) -> str:
    """The ratios to cosine, with their errors."""
    return _list(
        [f"{np.exp(m):.2f} ± {np.exp(m) * e:.2f}" for m, e in ratios(measured, arm, COSINE)]
    )


def _list(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def how(measured: Data) -> str:
    """Network, data, tuning."""
    grid = measured["grid"]
    return (
        f"MLP 64-32-10 on {EXAMPLES:,} noisy, shifted digits, batch {BATCH}, "
        f"λ = {AdamW.weight_decay:g}, no warm-up; Schedule-Free with β₁ = 0.9, the average with "
        f"β = {SPAN:g}. {len(grid)} rates each from {grid[0]:g} to {grid[-1]:g} (* at the edge), "
        "chosen for each end for cosine, once for all ends for the others (lowest geometric mean "
        f"of the losses), on {counted(measured['tuning_seeds'], 'seed')}; shown on "
        f"{measured['seeds']} fresh ones, mean ± standard error. Ratios (geometric means) on the "
        "same seeds: ahead where the 95 % interval ends below 1, level where it ends at "
        f"{MATCH:g} at most; otherwise behind where it begins above 1, else unclear. A loss "
        f"above {DIVERGED:g} counts as {DIVERGED:g}. Loss on 1,800 held-out images, on which lr "
        "was chosen too."
    )


def draw(measured: Data) -> Any:
    """Held-out loss against the steps, and against cosine's."""
    from optimizers.plotting.labels import Entry, label_ends
    from optimizers.plotting.layout import new_figure
    from optimizers.plotting.scale import log_ticks
    from optimizers.plotting.style import (
        LINES,
        PALETTE,
        WIDTH,
        Look,
        caption,
        casing,
        dress,
        marker,
    )

    looks = {
        COSINE: Look(PALETTE["navy"], LINES[2]),
        OURS: Look(PALETTE["red"]),
        CONSTANT: Look(PALETTE["azure"], LINES[1]),
        AVERAGED: Look(PALETTE["green"], LINES[3]),
    }
    horizons, x = measured["horizons"], "steps (log)"
    axes = new_figure((11.0, 5.0), 1, 2, sharex=True)
    for ax, beside in zip(axes, (False, True), strict=True):
        entries = []
        for arm, look in looks.items():
            ends = [mean_and_error(scored(end["loss"])) for end in measured["arms"][arm]]
            mean, error = np.transpose(ratios(measured, arm, COSINE) if beside else ends)
            middle, color = np.exp(mean), look.color
            around = [middle - np.exp(mean - error), np.exp(mean + error) - middle]
            line: dict[str, Any] = {
                "linestyle": look.line,
                "linewidth": WIDTH,
                "path_effects": casing(),
            }
            ax.plot(horizons, middle, color=color, zorder=3, **line)
            ax.errorbar(horizons, middle, around, fmt="none", ecolor=color, capsize=3, zorder=4)
            ax.plot(horizons, middle, "o", zorder=4, **marker(color, size=7))
            entries.append(Entry(NAMES[arm], look, (horizons[-1], middle[-1]), middle[-1]))
        ax.set_xscale("log")
        if not beside:
            ax.set_yscale("log")
            log_ticks(ax.yaxis, *ax.get_ylim())
        ax.set_xticks(horizons, [f"{steps:,}" for steps in horizons])
        ax.minorticks_off()
        ax.grid(True, color="#e6e6e6", linewidth=0.8)
        ax.set_axisbelow(True)
        if beside:
            label_ends(ax, entries)
    places = standings(measured, COSINE)
    told = _list(places) if len(set(places)) > 1 else f"{places[0]} throughout"
    dress(axes[0], "Cosine needs a run for each end", x, "held-out loss (log)")
    dress(axes[1], f"Schedule-Free beside cosine: {told}", x, "times cosine's loss")
    figure: Any = axes[0].figure
    caption(figure, how(measured))
    return figure


CLAIM = Claim(
    13,
    "schedule-free",
    "Schedule-Free matches a cosine schedule without knowing the end",
    "Defazio et al. 2024, The road less scheduled",
    measure,
    table,
    verdict,
    how,
    draw,
)
