"""Claim 11: on weights that are matrices, Muon and SOAP beat a tuned AdamW."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

from optimizers import LAMB, SOAP, AdamW, Muon, Shampoo
from optimizers.claims.claim import Claim, Data, Effort, counted, margin, mean_and_error, sign
from optimizers.claims.trials import final_losses
from optimizers.experiments import Training
from optimizers.experiments.teacher import Teacher, teacher
from optimizers.problem import as_problem
from optimizers.schedules import cosine
from optimizers.spaces import Choice, Log, Space, quasi_random

SIZES = (16, 32, 4)
BATCH = 50
STEPS = 800
CONDITIONS = (1.0, 100.0, 10_000.0)
MANY = 5_000  # examples in a step, which is weighed beside one of BATCH
DIVERGED = 10.0  # the loss that a run counts with whose own is larger, or not finite
ROUNDS = 64  # in which what a step takes is looked at …
AT_ONCE = 200  # … over so many steps: of few, one would weigh the beginning …
MANY_AT_ONCE = 10  # … or of MANY examples; of fewer, some would have no new basis of SOAP's
REFERENCE = "AdamW"
CHAMPIONS = ("Muon", "SOAP")
WAYS = {"gradients": "equal gradients", "seconds": "equal seconds"}

LR, MEMORY, SECOND = Log(3e-3, 3.0), Choice(0.8, 0.9, 0.95), Choice(0.95, 0.99, 0.999)
ADAMS: Space = {"lr": LR, "beta1": MEMORY, "beta2": SECOND}
# By label: the rule, without decay, since the teacher's weights are the best; and what is tuned.
RULES: dict[str, tuple[Any, Space]] = {
    "AdamW": (partial(AdamW, weight_decay=0.0), ADAMS),
    "Muon": (Muon, {"lr": LR, "beta": MEMORY}),
    "SOAP": (partial(SOAP, weight_decay=0.0), ADAMS),
    "Shampoo": (Shampoo, {"lr": LR}),
    "LAMB": (partial(LAMB, weight_decay=0.0), ADAMS),
}


@dataclass(frozen=True, eq=False, repr=False)
class Teachers(Teacher):
    """A student whose seed draws its teacher and the examples as well."""

    condition: float = 1.0

    def __post_init__(self) -> None:
        drawn = teacher(SIZES, self.seed, condition=self.condition)
        object.__setattr__(self, "data", drawn.data)
        object.__setattr__(self, "solution", drawn.solution)
        super().__post_init__()


def taught(condition: float) -> Teachers:
    """The problem with inputs of that condition number."""
    first = teacher(SIZES, condition=condition)
    return Teachers(first.model, first.data, BATCH, title=first.title, condition=condition)


def measure(effort: Effort) -> Data:
    """Weigh a step of each rule; tune each at all numbers of steps; show it on other teachers."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):  # of more, small matrices have nothing but delay
        return _measured(effort)


def _measured(effort: Effort) -> Data:
    rounds = effort.pick(ROUNDS, ROUNDS // 16)
    seconds = {
        str(BATCH): seconds_a_step(taught(1.0), rounds, AT_ONCE),
        str(MANY): seconds_a_step(teacher(SIZES, n=MANY), rounds, MANY_AT_ONCE),
    }
    ladder = halved(effort.pick(STEPS, STEPS // 8), seconds[str(BATCH)])
    conditions = effort.pick(CONDITIONS, CONDITIONS[::2])
    trials = effort.pick(48, 12)
    tuning, shown = range(effort.pick(2, 1)), range(100, 100 + effort.pick(16, 4))
    found: Data = {}
    for condition in conditions:
        problem = as_problem(taught(condition))
        found[f"{condition:g}"] = {}
        for label, (rule, space) in RULES.items():
            points = quasi_random(space, trials)
            rungs: Data = {}
            for steps in ladder:
                part = f"{condition:g}-{label}-{steps}"
                how: Any = {"effort": effort, "schedule": partial(cosine, steps=steps)}
                tried = final_losses(rule, problem, steps, points, tuning, part=part, **how)
                best = int(np.argmin(scored(tried).mean(axis=1)))
                chosen = {name: values[[best]] for name, values in points.items()}
                (ends,) = final_losses(
                    rule, problem, steps, chosen, shown, part=f"{part}-shown", **how
                )
                rungs[str(steps)] = {
                    "chosen": {name: float(values[0]) for name, values in chosen.items()},
                    "losses": ends.tolist(),
                }
            found[f"{condition:g}"][label] = rungs
    return {
        "found": found,
        "seconds": seconds,
        "ladder": ladder,
        "trials": trials,
        "tuning_seeds": len(tuning),
        "seeds": len(shown),
    }


def seconds_a_step(training: Training, rounds: int, steps: int) -> dict[str, float]:
    """What a step of each rule takes: the least of so many rounds, in which all take turns."""
    runs = {label: rule(training, training.start, lr=1e-3) for label, (rule, _) in RULES.items()}
    least = dict.fromkeys(runs, np.inf)
    for _ in range(1 + rounds):
        for label, run in runs.items():
            began = perf_counter()
            run.minimize(steps)
            least[label] = min(least[label], (perf_counter() - began) / steps)
    return least


def halved(steps: int, seconds: dict[str, float]) -> list[int]:
    """So many steps, half of them, … until the dearest rule has no fewer in the same time.

    Examples
    --------
    >>> halved(800, {"SGD": 1.0, "Newton": 3.0})
    [200, 400, 800]
    """
    dearest = max(seconds.values()) / min(seconds.values())
    halvings = int(min(np.ceil(np.log2(dearest)), np.log2(steps)))
    return [steps >> i for i in range(halvings, -1, -1)]


def scored(losses: Any) -> np.ndarray:
    """The logarithms, to base 10, of losses that are at most those of a run that diverged."""
    return np.log10(np.fmin(losses, DIVERGED))


def cost(measured: Data, label: str, examples: int = BATCH) -> float:
    """How many times the seconds of AdamW's step one of this rule takes."""
    seconds = measured["seconds"][str(examples)]
    return float(seconds[label] / seconds[REFERENCE])


def steps_of(measured: Data, label: str, way: str) -> float:
    """The steps that a rule has: as many as all, or those of the time in which one has all."""
    seconds, most = measured["seconds"][str(BATCH)], measured["ladder"][-1]
    return float(most * (min(seconds.values()) / seconds[label] if way == "seconds" else 1))


def scores(measured: Data, condition: str, label: str, way: str) -> np.ndarray:
    """The score on each seed; between two numbers of steps, along a line in their logarithms."""
    ladder, found = measured["ladder"], measured["found"][condition][label]
    steps = np.log(steps_of(measured, label, way))
    each = np.transpose([scored(found[str(rung)]["losses"]) for rung in ladder])
    return np.array([np.interp(steps, np.log(ladder), one) for one in each])


def difference(measured: Data, condition: str, label: str, way: str) -> tuple[float, float]:
    """By how much a rule's score is above AdamW's on the same seeds, and its standard error."""
    ours, theirs = (scores(measured, condition, name, way) for name in (label, REFERENCE))
    return mean_and_error(ours - theirs)


def outcome(measured: Data, condition: str, label: str, way: str) -> str:
    """Against AdamW: "ahead", "level" (the seeds do not tell them apart) or "behind"."""
    told = sign(*difference(measured, condition, label, way), measured["seeds"])
    return {-1: "ahead", 0: "level", 1: "behind"}[told]


def break_even(measured: Data, condition: str, label: str) -> float:
    """How dear a step may be until the rule's mean score is above AdamW's in the same time.

    0 where it is above with as many steps; inf where its fewest are enough.
    """
    ladder, found = measured["ladder"], measured["found"][condition]
    theirs = scored(found[REFERENCE][str(ladder[-1])]["losses"]).mean()
    means = [scored(found[label][str(rung)]["losses"]).mean() for rung in ladder]
    means = np.minimum.accumulate(means).tolist()  # more steps may be left out
    if means[-1] > theirs:
        return 0.0
    if means[0] <= theirs:
        return float("inf")
    needed = np.exp(np.interp(-theirs, -np.array(means), np.log(ladder)))
    return float(ladder[-1] / needed)


def challengers(measured: Data) -> list[str]:
    """All but AdamW."""
    return [label for label in measured["seconds"][str(BATCH)] if label != REFERENCE]


def _outcomes(measured: Data, label: str, way: str) -> list[str]:
    return [outcome(measured, condition, label, way) for condition in measured["found"]]


def table(measured: Data) -> list[list[str]]:
    """A row for each condition number and rule."""
    rows = [
        [
            "κ",
            "rule",
            f"loss after {measured['ladder'][-1]} steps",
            "× AdamW's",
            "seconds per step × AdamW's",
            "steps in equal seconds",
            "loss × AdamW's",
            "no worse on average if a step cost less than",
        ]
    ]
    for condition in measured["found"]:
        for label in (REFERENCE, *challengers(measured)):
            row = [_spelt(condition), label]
            row.append(f"{10 ** scores(measured, condition, label, 'gradients').mean():.2g}")
            times = {way: _times(measured, condition, label, way) for way in WAYS}
            row += [times["gradients"], f"{cost(measured, label):.2f}"]
            row += [f"{steps_of(measured, label, 'seconds'):.0f}", times["seconds"]]
            row.append("" if label == REFERENCE else _limit(measured, condition, label))
            rows.append(row)
    return rows


def _times(measured: Data, condition: str, label: str, way: str) -> str:
    """ "0.43 (0.40 to 0.46), ahead"."""
    if label == REFERENCE:
        return "1"
    mean, error = difference(measured, condition, label, way)
    low, middle, high = 10 ** (mean + error * np.array([-1, 0, 1]))
    return f"{middle:.2f} ({low:.2f} to {high:.2f}), {outcome(measured, condition, label, way)}"


def _limit(measured: Data, condition: str, label: str) -> str:
    limit = break_even(measured, condition, label)
    if limit == 0:
        return "never"
    most = measured["ladder"][-1] / measured["ladder"][0]
    return f"more than {most:g}" if np.isinf(limit) else f"{limit:.1f}"


def verdict(measured: Data) -> str:
    """Whether Muon and SOAP are ahead at every condition number, for each way to be fair."""
    heads, parts, others = [], [], challengers(measured)
    for way, name in WAYS.items():
        each = [outcome for label in CHAMPIONS for outcome in _outcomes(measured, label, way)]
        ahead = each.count("ahead")
        word = "true here" if ahead == len(each) else "partly true" if ahead else "not true here"
        heads.append(f"{word} at {name}")
        told = ", ".join(_told(measured, label, way) for label in others)
        parts.append(f"at {name} {told}")
    head, told = ", ".join(heads), "; ".join(parts)
    costs = ", ".join(f"{label} {cost(measured, label):.1f}" for label in others)
    limits = ", ".join(f"{label} {_limits(measured, label)}" for label in CHAMPIONS)
    many = ", ".join(f"{label} {cost(measured, label, MANY):.1f}" for label in CHAMPIONS)
    return (
        f"{head[0].upper()}{head[1:]}. Against AdamW, at {len(measured['found'])} condition "
        f"numbers: {told}. Seconds are those of this machine, library and size. A step costs, in "
        f"steps of AdamW: {costs}. At equal seconds they would be no worse on average if a step "
        "cost less than this many of AdamW's "
        f"(κ = {'; '.join(map(_spelt, measured['found']))}): {limits}. "
        f"With {MANY:,} examples per step instead of {BATCH}, the costs are {many}."
    )


def _spelt(condition: str) -> str:
    return f"{float(condition):,.0f}"


def _told(measured: Data, label: str, way: str) -> str:
    """ "Muon ahead at 2, level at 1 (loss × 0.16 to 1.01)"."""
    outcomes = _outcomes(measured, label, way)
    counts = [
        f"{word} at {outcomes.count(word)}"
        for word in ("ahead", "level", "behind")
        if word in outcomes
    ]
    times = [
        10 ** difference(measured, condition, label, way)[0] for condition in measured["found"]
    ]
    return f"{label} {', '.join(counts)} (loss × {min(times):.2f} to {max(times):.2f})"


def _limits(measured: Data, label: str) -> str:
    """ "1.8; 2.6; more than 8"."""
    limits = [_limit(measured, condition, label) for condition in measured["found"]]
    return "; ".join(limits)


def how(measured: Data) -> str:
    """The problem, the tuning, the clock."""
    ladder = measured["ladder"]
    return (
        f"Students {'-'.join(map(str, SIZES))} (tanh) of random teachers, one per seed; 500 "
        f"examples, batch {BATCH}, inputs of condition number κ; loss on all 500 after "
        f"{ladder[-1]} steps, at best 0. Each rule is tuned anew for {', '.join(map(str, ladder))} "
        f"steps, with {measured['trials']} trials of lr ({LR.low:g} to {LR.high:g}) and, where it "
        f"has them, β₁ and β₂, on {counted(measured['tuning_seeds'], 'teacher')}; cosine schedule, "
        f"λ = 0. Shown on {measured['seeds']} other teachers: geometric means, one standard error "
        "of the paired differences either way, without the luck of the tuning; level: a t-test "
        "finds no difference at 5 %. Equal seconds: the time in which the cheapest rule makes "
        f"{ladder[-1]} steps, on one core; between two numbers of steps the loss is read off a "
        "line in the logarithms. The time of a step is the shortest of many rounds in which the "
        f"rules take turns, each of {AT_ONCE} steps, or of {MANY_AT_ONCE} with {MANY:,} examples."
    )


def _finding(measured: Data, way: str) -> str:
    """Who is ahead at every κ; or else how they all stand."""
    of = {label: {*_outcomes(measured, label, way)} for label in challengers(measured)}
    ahead = [label for label, outcomes in of.items() if outcomes == {"ahead"}]
    if ahead:
        return (
            f"{' and '.join(ahead)} {'are' if len(ahead) > 1 else 'is'} ahead of AdamW at every κ"
        )
    if all(outcomes == {"behind"} for outcomes in of.values()):
        return "all are behind AdamW at every κ"
    if any("ahead" in outcomes for outcomes in of.values()):
        return "which rule is ahead of AdamW depends on κ"
    return "no rule is ahead of AdamW"


def draw(measured: Data) -> Any:
    """The loss as a multiple of AdamW's over κ: at equal gradients, and at equal seconds."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    from optimizers.plotting.labels import Entry, label_ends
    from optimizers.plotting.layout import new_figure
    from optimizers.plotting.style import INK, WIDTH, caption, casing, dress, looks, marker

    others = challengers(measured)
    look = looks({label: label for label in others})
    conditions = list(measured["found"])
    axes = new_figure((11.0, 5.2), 1, 2, sharex=True, sharey=True)
    for ax, (way, name) in zip(axes, WAYS.items(), strict=True):
        entries = []
        for i, (label, shape) in enumerate(zip(others, "osD^", strict=False)):
            each = [difference(measured, condition, label, way) for condition in conditions]
            mean, error = np.transpose(each)
            x = np.arange(len(conditions)) + 0.05 * (i - (len(others) - 1) / 2)
            y = 10**mean
            color = look[label].color
            ax.plot(
                x,
                y,
                color=color,
                linestyle=look[label].line,
                linewidth=WIDTH,
                path_effects=casing(),
                zorder=3,
            )
            wide = np.array([margin(one, measured["seeds"]) for one in error])
            bars = [y - 10 ** (mean - wide), 10 ** (mean + wide) - y]
            ax.errorbar(x, y, bars, fmt=shape, ecolor=color, capsize=3, **marker(color), zorder=4)
            entries.append(Entry(label, look[label], (x[-1], y[-1]), y[-1]))
        ax.axhline(1, color=INK, linewidth=1.2, zorder=2)
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(2))
        ax.yaxis.set_minor_locator(NullLocator())
        ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
        ax.set_xticks(range(len(conditions)), list(map(_spelt, conditions)))
        ax.grid(True, axis="y", color="#e6e6e6", linewidth=0.8)
        ax.set_axisbelow(True)
        label_ends(ax, entries)
        dress(
            ax,
            f"At {name}: {_finding(measured, way)}",
            "condition number κ of the inputs",
            "loss, in multiples of AdamW's (log)" if way == "gradients" else "",
        )
    figure: Any = axes[0].figure
    costs = ", ".join(f"{label} {cost(measured, label):.1f}" for label in others)
    caption(
        figure,
        f"Below the line at 1: better than a tuned AdamW. Left after {measured['ladder'][-1]} "
        "steps each, right in the same time. On this machine a step costs, in steps of AdamW: "
        f"{costs}. Students {'-'.join(map(str, SIZES))} of random teachers, batch {BATCH}; "
        f"{measured['trials']} trials per rule; {measured['seeds']} teachers that it was not "
        "tuned on: geometric mean, 95 % interval.",
    )
    return figure


CLAIM = Claim(
    11,
    "matrices",
    "On weights that are matrices, Muon and SOAP beat a tuned AdamW, at equal gradients and at "
    "equal seconds",
    "Jordan et al. 2024, Muon; Vyas et al. 2024, SOAP",
    measure,
    table,
    verdict,
    how,
    draw,
)
