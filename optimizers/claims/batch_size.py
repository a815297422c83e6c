"""Claim 5: AdamW degrades past batch 512, LAMB holds to 32,000."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimizers import LAMB, AdamW
from optimizers.claims.claim import Claim, Data, Effort, counted, mean_and_error
from optimizers.claims.large_batches import EXAMPLES, accuracies, training
from optimizers.schedules import square_root_rule

RULES = {"AdamW": AdamW, "LAMB": LAMB}
BATCHES = (64, 512, 2048, 8192, 32_768)
FEW_BATCHES = (512, 8192, 32_768)  # with little effort
SCHEMES = {"he": "He start", "normal": "N(0, 1) start"}
ONE = 1e-3  # what the code that circulates takes at every batch size
PANELS = {
    "one": f"lr {ONE:g} everywhere",
    "root": "lr × √batch, from the smallest",
    "tuned": "lr tuned for each batch",
}


def measure(effort: Effort) -> Data:
    """Accuracy after the same number of epochs, by start, rule, batch size and way to choose lr."""
    epochs = effort.pick(10, 4)
    grid = np.geomspace(1e-4, 1, effort.pick(11, 6))
    tuning, shown = range(effort.pick(3, 1)), range(100, 100 + effort.pick(5, 2))
    batches = effort.pick(BATCHES, FEW_BATCHES)
    ladder: Data = {scheme: {label: {} for label in RULES} for scheme in SCHEMES}
    for scheme in SCHEMES:
        for label, rule in RULES.items():
            base = None
            for batch in batches:
                problem, part = training(batch, scheme), f"batch-{scheme}-{label}-{batch}"
                tried = accuracies(rule, problem, epochs, grid, tuning, effort, part)
                best = int(np.argmax(tried.mean(axis=1)))
                base = grid[best] if base is None else base
                rates = [ONE, square_root_rule(base, batch, batches[0]), grid[best]]
                ends = accuracies(rule, problem, epochs, rates, shown, effort, f"{part}-shown")
                ladder[scheme][label][str(batch)] = {
                    "tried": tried.mean(axis=1).tolist(),
                    "at_edge": best in (0, len(grid) - 1),
                    **{
                        panel: {"lr": float(lr), "accuracy": end.tolist()}
                        for panel, lr, end in zip(PANELS, rates, ends, strict=True)
                    },
                }
    return {
        "ladder": ladder,
        "grid": grid.tolist(),
        "batches": list(batches),
        "epochs": epochs,
        "tuning_seeds": len(tuning),
        "seeds": len(shown),
    }


def mean(measured: Data, scheme: str, label: str, batch: int, panel: str) -> tuple[float, float]:
    """Accuracy in per cent and its standard error."""
    cell = measured["ladder"][scheme][label][str(batch)][panel]
    return mean_and_error(100 * np.array(cell["accuracy"]))


def steps(measured: Data, batch: int) -> int:
    """How many steps the epochs make with this batch."""
    return int(measured["epochs"] * (EXAMPLES // batch))


def table(measured: Data) -> list[list[str]]:
    """One row a start, way to choose lr and rule; a column a batch size."""
    batches = measured["batches"]
    rows = [["start", "learning rate", "rule", *(f"batch {b:,}" for b in batches)]]
    for scheme, start in SCHEMES.items():
        for panel, words in PANELS.items():
            for label in RULES:
                cells = []
                for batch in batches:
                    value, error = mean(measured, scheme, label, batch, panel)
                    lr = measured["ladder"][scheme][label][str(batch)][panel]["lr"]
                    cell = measured["ladder"][scheme][label][str(batch)]
                    edge = "*" if panel == "tuned" and cell["at_edge"] else ""
                    cells.append(f"{value:.1f} ± {error:.1f} (lr {lr:.2g}{edge})")
                rows.append([start, words, label, *cells])
    return rows


def verdict(measured: Data) -> str:
    """Who holds better at the largest batch, in each of the panels."""
    first, last = measured["batches"][0], measured["batches"][-1]
    anchor = 512 if 512 in measured["batches"] else first
    words = []
    for scheme, start in SCHEMES.items():
        parts = []
        for panel, name in PANELS.items():
            lamb, lamb_error = mean(measured, scheme, "LAMB", last, panel)
            adamw, adamw_error = mean(measured, scheme, "AdamW", last, panel)
            gap, error = lamb - adamw, float(np.hypot(lamb_error, adamw_error))
            if abs(gap) <= 2 * error:
                winner = f"level ({gap:+.1f} ± {error:.1f} points)"
            else:
                winner = f"{'LAMB' if gap > 0 else 'AdamW'} ahead by {abs(gap):.1f} ± {error:.1f}"
            parts.append(f"{name}: {winner}")
        words.append(f"{start}: {'; '.join(parts)}")
    falls = {
        label: [
            mean(measured, scheme, label, anchor, "tuned")[0]
            - mean(measured, scheme, label, last, "tuned")[0]
            for scheme in SCHEMES
        ]
        for label in RULES
    }
    both = all(fall > 2 for label in RULES for fall in falls[label])
    lost = ", ".join(
        f"{label} {' and '.join(f'{fall:.0f}' for fall in falls[label])}" for label in RULES
    )
    end = (
        f"From batch {anchor:,} to {last:,} at the tuned lr, points lost "
        f"({' and '.join(SCHEMES.values())}): {lost}. "
    )
    if both:
        end += (
            "At the same number of epochs both degrade, LAMB too; the steps fall from "
            f"{steps(measured, anchor):,} to {steps(measured, last):,}."
        )
    elif all(fall <= 2 for fall in falls["LAMB"]):
        end += "LAMB holds."
    else:
        end += "Which of them degrades depends on the start."
    return f"At batch {last:,}, {'. '.join(words)}. {end}".replace("-", "−")


def how(measured: Data) -> str:
    """Network, data, schedule, tuning."""
    grid = measured["grid"]
    return (
        f"MLP 64-32-10 on {EXAMPLES:,} noisy, shifted digits, {measured['epochs']} epochs at every "
        f"batch size; lr rises for a tenth of the steps and then falls linearly to 0. Tuned over "
        f"{len(grid)} rates from {grid[0]:g} to {grid[-1]:g} (* at the edge) on "
        f"{counted(measured['tuning_seeds'], 'seed')}, shown on {measured['seeds']} others: mean "
        "accuracy on 1,800 held-out images, on which lr was chosen too, ± standard error. "
        "No clipping; λ = 0.01."
    )


def draw(measured: Data) -> Any:
    """A row a start, a column a way to choose the learning rate."""
    from matplotlib.ticker import FuncFormatter, NullLocator

    from optimizers.plotting.labels import LEGEND, Entry, handles_for
    from optimizers.plotting.layout import new_figure
    from optimizers.plotting.style import caption, casing, dress, looks, marker

    batches = measured["batches"]
    axes = new_figure((11.0, 7.2), len(SCHEMES), len(PANELS), sharex=True, sharey=True)
    look = looks({label: label for label in RULES})
    panels = [(scheme, panel) for scheme in SCHEMES for panel in PANELS]
    for k, (ax, (scheme, panel)) in enumerate(zip(axes, panels, strict=True)):
        for label in RULES:
            values, errors = np.transpose(
                [mean(measured, scheme, label, batch, panel) for batch in batches]
            )
            color = look[label].color
            ax.plot(batches, values, color=color, linewidth=2, path_effects=casing(), zorder=3)
            ax.plot(batches, values, "o", **marker(color), zorder=4)
            ax.errorbar(batches, values, errors, fmt="none", ecolor=color, capsize=3, zorder=3)
        ax.set_xscale("log", base=2)
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set_xticks(batches)
        ax.xaxis.set_major_formatter(FuncFormatter(lambda b, _: f"{b:,.0f}"))
        ax.set_ylim(0, 100)
        ax.grid(True, color="#e6e6e6", linewidth=0.8)
        ends = [mean(measured, scheme, label, batches[-1], panel)[0] for label in ("AdamW", "LAMB")]
        dress(
            ax,
            f"{PANELS[panel]}: AdamW ends at {ends[0]:.0f}, LAMB at {ends[1]:.0f}",
            "batch size (log)" if k >= len(PANELS) else "",
            f"{SCHEMES[scheme]}: accuracy (%)" if k % len(PANELS) == 0 else "",
        )
        ax.tick_params(axis="x", labelsize=9)
    figure: Any = axes[0].figure
    entries = [Entry(label, look[label], (0, 0), 0) for label in RULES]
    figure.legend(handles=handles_for(entries), loc="outside upper left", ncols=2, **LEGEND)
    caption(figure, how(measured))
    return figure


CLAIM = Claim(
    5,
    "batch-size",
    "AdamW degrades past batch 512, LAMB holds up to 32,000 and beyond",
    "the article; You et al. 2020",
    measure,
    table,
    verdict,
    how,
    draw,
)
