"""What a race says of itself: the cells of its table, and how it was made."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizers.experiments.inputs import short
from optimizers.experiments.standing import fewest_seeds
from optimizers.files import written_whole
from optimizers.weights import flatten

UNCLIPPED = "The race itself clips nothing."  # what a rule does in its own step is its own
PAIRS = {  # columns of a file for what is a pair in `rows()`
    "place": ("place", "worst_place"),
    "quartiles": ("lower_quartile", "upper_quartile"),
    "accuracy_quartiles": ("accuracy_lower_quartile", "accuracy_upper_quartile"),
    "good_lr": ("good_lr_from", "good_lr_to"),
}

if TYPE_CHECKING:
    from optimizers.experiments.comparison import Comparison


def table(race: Comparison) -> list[list[str]]:
    """The table's columns as text, each with its heading first."""
    rows, seeds = race.rows(), race.race_seeds
    known = race.problem.known_minimum

    def column(heading: str, cell: Callable[[dict[str, Any]], str]) -> list[str]:
        return [heading, *map(cell, rows)]

    columns = [
        column("place", lambda row: place(row["place"])),
        column("rule", lambda r: r["rule"]),
    ]
    if any(set(row["chosen"]) != {"lr"} for row in rows):
        columns.append(column("chosen", lambda row: settings(row["chosen"])))
    else:
        columns.append(column("lr", lambda row: short(row["lr"]) + "*" * row["at_edge"]))
    if known:  # neither unknown nor 0
        columns.append(column("loss − minimum", lambda row: number(row["gap"])))
    else:
        columns.append(column("loss", lambda row: number(row["final_loss"])))
    if seeds is not None:
        columns.append(column("quartiles", lambda row: between(row["quartiles"])))
    if race.accuracies:
        columns.append(column("accuracy", lambda row: number(row["accuracy"])))
        if seeds is not None:
            columns.append(column("quartiles", lambda row: between(row["accuracy_quartiles"])))
    if seeds is not None:
        columns.append(column("diverged", lambda r: f"{r['diverged']}/{len(seeds)}"))
    if race.target is not None or known is not None:
        to = f"to {race.target}" if race.target is not None else "to 0.1% of gap"
        columns.append(column(f"steps {to}", lambda row: whole(row["steps_to_target"])))
        if set(race.costs.values()) != {1}:
            columns.append(column("gradients", lambda row: whole(row["gradients_to_target"])))
    if any(row["good_lr"] for row in rows):
        columns.append(column("good lr", lambda row: good(row["good_lr"])))
    return columns


def target_of(race: Comparison) -> str:
    """What is to be reached, in words."""
    return "0.1% of the first gap" if race.target is None else str(race.target)


def aligned(columns: list[list[str]], left: int) -> str:
    """Columns as text, the first so many flush left."""
    widths = [max(map(len, column)) for column in columns]
    lines = [
        "  ".join(
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in zip(*columns, strict=True)
    ]
    lines.insert(1, "─" * max(map(len, lines)))
    return "\n".join(lines)


def as_html(columns: list[list[str]], notes: Sequence[str] = ()) -> str:
    """Columns as a table for a notebook, and notes below it."""
    head, *body = zip(*columns, strict=True)
    cells = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in line) + "</tr>"
        for line in body
    )
    below = "".join(f"<p><small>{html.escape(note)}</small></p>" for note in notes)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table>{below}"


def write_csv(file: str | PathLike[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows of `rows()`, a line each: pairs in two columns, what is not known empty."""
    flat = [dict(_cells(row)) for row in rows]
    names = dict.fromkeys(name for line in flat for name in line)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(names), lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    with written_whole(Path(file)) as stream:
        stream.write(text.getvalue().encode("utf8"))


def _cells(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if name in PAIRS:
            low, high = PAIRS[name]
            first, last = (None, None) if value is None else value
            yield from ((low, first), (high, last))
        elif name == "chosen":
            yield from ((key, short(v)) if callable(v) else (key, v) for key, v in value.items())
        else:
            yield name, value


def place(bounds: tuple[int, int]) -> str:
    """A place, or all that the seeds leave open: "2–4"."""
    best, worst = bounds
    return str(best) if best == worst else f"{best}–{worst}"


def settings(chosen: dict[str, Any]) -> str:
    """Hyper-parameters and their values: "lr 0.1, beta1 0.9"."""
    return ", ".join(f"{name} {short(value)}" for name, value in chosen.items())


def number(value: float | None) -> str:
    """Three digits, or what is instead of a number."""
    if value is None:
        return "–"
    return f"{value:.3g}" if np.isfinite(value) else "diverged"


def between(bounds: tuple[float, float] | None) -> str:
    """From the lower to the upper quartile."""
    if bounds is None:
        return "–"
    low, high = (f"{value:.2g}" if np.isfinite(value) else "∞" for value in bounds)
    return f"{low} … {high}"


def whole(value: int | None) -> str:
    """A number of steps, or – for never."""
    return "–" if value is None else str(value)


def good(bounds: tuple[float, float] | None) -> str:
    """A range of learning rates, and how wide it is."""
    if bounds is None:
        return "–"
    low, high = bounds
    return f"{low:.2g} … {high:.2g} (×{high / low:.3g})"


def notes(race: Comparison) -> list[str]:
    """How the race was made, and what to keep in mind when reading it."""
    found = [_made(race), *_chances(race), *_places(race), *_tuned(race)]
    drawn = ", ".join(label for label, e in race.entries.items() if e.is_drawn_to_origin)
    minima = race.problem.minima
    if drawn and minima is not None and len(minima):
        if np.any(np.all(minima == 0, axis=1)):
            found.append(
                "The minimum sits at the origin, to which weight decay or the trust ratio "
                f"draws {drawn}: race on shifted(function, by) to be fair."
            )
        else:
            found.append(
                f"Weight decay or the trust ratio draws {drawn} to the origin, away from the "
                "minimum."
            )
    instead = without_matrices({label: e.falls_back_to for label, e in race.entries.items()})
    if instead:
        found.append(f"There are no matrices among the weights: {instead}.")
    dear = [f"{label} {cost}" for label, cost in race.costs.items() if cost not in (1, None)]
    if dear:
        found.append(f"Gradients per step: {', '.join(dear)}; the others 1.")
    searching = [label for label, cost in race.costs.items() if cost is None]
    if searching:
        found.append(
            f"A step of {' and '.join(searching)} takes a varying number of evaluations of the "
            "loss, with its gradient or without; as gradients, all of them are counted."
        )
    if race.refuted:
        found.append(
            "A run ended inside the domain below the minimum that was given: so that is not "
            "the minimum, and no gap to it is shown. Give `minima` with all their digits, or "
            "leave them out."
        )
    if not race.problem.is_bounded:
        found.append("Unbounded below: the order says which rule falls fastest, not which is best.")
    left = [label for label in race if race.left_domain(label)]
    if left:
        found.append(
            f"{', '.join(left)} left the domain and fell below its minimum: counted as diverged."
        )
    return found


def without_matrices(falls_back_to: Mapping[str, str]) -> str:
    """Whose steps the rules for matrices make, in words: "Muon, SOAP step like AdamW"."""
    parts = []
    for other in dict.fromkeys(falls_back_to.values()):
        labels = [label for label, words in falls_back_to.items() if words == other]
        if other:
            parts.append(f"{', '.join(labels)} {'step' if labels[1:] else 'steps'} like {other}")
    return "; ".join(parts)


def _made(race: Comparison) -> str:
    """The problem, the budget, the tuning."""
    start = "" if race.problem.draws_start else f" from {_start_text(race.start)}"
    head = f"{race.problem.name}{start}, {race.steps} {race.budget}. "
    if "schedule" in race.made:
        head += f"Learning rates follow {race.made['schedule']}. "
    if not race.tunings:
        return head + "The learning rates were given, not tuned."
    tuning = next(iter(race.tunings.values()))
    count, first = len(tuning.losses), int(tuning.is_first.sum())
    if race.trials is not None:
        return head + f"Each rule tuned over {count} points of its own space. {UNCLIPPED}"
    rates = tuning.trials["lr"][tuning.is_first]
    closer = f" and {count - first} more, closely around its best" if count > first else ""
    over = f"learning rates from {rates.min():.3g} to {rates.max():.3g}"
    return head + f"Each rule tuned over the same {first} {over}{closer}. {UNCLIPPED}"


def _chances(race: Comparison) -> list[str]:
    """What part chance has."""
    found = []
    if race.race_seeds is None or race.seeds is None or len(race.race_seeds) == 1:
        if not race.problem.depends_on_chance:
            tuned = ", tuned on itself" if race.tunings and race.seeds is None else ""
            found.append(f"A single run{tuned}: another start or seed may change the order.")
    else:
        moved = ""
        if race.scatter and not race.problem.draws_start:
            of = race.problem.scale_of_starts[1]
            moved = f"Starts moved by {100 * race.scatter:.3g}% of {of}. "
        seeds = f"shown on {len(race.race_seeds)}"
        if race.tunings:
            seeds = f"tuned for the median over {len(race.seeds)}, {seeds} others"
        found.append(f"{moved}Seeds: {seeds}; medians and quartiles.")
    if race.accuracies:
        found.append("Loss and accuracy are those on the held-out data.")
    elif race.problem.exact is not None:
        found.append("Losses are without the noise. Every rule met the same noise.")
    if race.problem.depends_on_chance:
        found.append(
            "The loss gives two values for the same weights: the rules did not meet the same "
            "noise, and the order may be due to that. Let the step decide the noise: "
            "noisy(function, sigma), or a loss(weights, batch) whose batch is drawn from a seed "
            "and the step."
        )
    return found


def _places(race: Comparison) -> list[str]:
    """How the places were found."""
    if len(race) < 2 or race.race_seeds is None or len(race.race_seeds) == 1:
        return []
    fewest = fewest_seeds(len(race))
    if len(race.race_seeds) < fewest:
        return [
            f"Places: {len(race.race_seeds)} seeds are too few to tell {len(race)} rules apart, "
            f"at least {fewest} are needed."
        ]
    parts = max(0 if e.luck is None else len(e.luck) for e in race.entries.values())
    luck = f", which must also hold when tuned anew on each of {parts} parts of the seeds"
    return [
        "Places: a paired test over the seeds (Wilcoxon, Holm's correction)"
        f"{luck if parts else ''}. Rules it cannot tell apart share a range of places, such as 2–4."
    ]


def _tuned(race: Comparison) -> list[str]:
    """What the table's last columns mean, and what the grid left open."""
    found, rows = [], race.rows()
    if any(row["good_lr"] for row in rows):
        found.append(
            "The gap is the loss above the minimum. Good lr: ends within ten times the smallest "
            "gap of this race, or below 0.1% of the first gap, but never above 10% of it."
        )
    lost = [label for label, curve in race.final_loss.items() if np.isinf(curve).all()]
    if lost:
        found.append(f"{', '.join(lost)} diverged in every trial.")
    edge = [row["rule"] for row in rows if row["at_edge"]]
    if edge:
        found.append(
            f"* {', '.join(edge)}: the tuned value sits at the edge of the grid, a wider one may "
            "do better."
        )
    return found


def _start_text(start: Any) -> str:
    """The coordinates where there are few, otherwise what kind of weights it is."""
    flat, layout = flatten(start)
    if len(layout.names) == 1 and flat.size <= 6:
        return "(" + ", ".join(f"{x:.4g}" for x in flat) + ")"
    return f"{flat.size} weights in {', '.join(layout.names)}"


def seeds_in_words(race: Comparison) -> str:
    """Which seeds tuned, and which are shown."""
    if race.seeds is None or race.race_seeds is None:
        return "none: a single run"
    shown_on = f"shown on {_range(race.race_seeds)}"
    return f"tuned on {_range(race.seeds)}, {shown_on}" if race.tunings else shown_on


def _range(seeds: tuple[int, ...]) -> str:
    if len(seeds) > 2 and seeds == tuple(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds))
