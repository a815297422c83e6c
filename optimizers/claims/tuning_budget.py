"""Claim 15: who is better depends on how many trials the tuning has."""

from __future__ import annotations

from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from optimizers import SGD, Adam, Lion, Momentum
from optimizers.claims.claim import Claim, Data, Effort, counted
from optimizers.claims.trials import final_losses
from optimizers.experiments import Training
from optimizers.experiments.inputs import free_space
from optimizers.experiments.teacher import teacher
from optimizers.functions import FUNCTIONS
from optimizers.problem import Problem, as_problem
from optimizers.spaces import Space

# By label: a rule, all of whose space is searched but for what is set.
RULES: dict[str, Any] = {
    "SGD": SGD,
    "Momentum": Momentum,
    "Adam, lr only": partial(Adam, beta1=0.9, beta2=0.999),
    "Adam": Adam,
    "Lion": Lion,
}
STEPS = 200
BUDGETS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)  # trials
JUDGED = (1, 4, 16, 64)  # those at which it is said who is better
SOLVED = 1e-6  # the share of the first gap to the minimum at which nobody looks closer
LEVEL = 0.05  # the chance that a pair that is level at all budgets is told apart at one


def problems(effort: Effort) -> dict[str, Problem]:
    """Three functions in the plane, three trainings."""
    from optimizers.datasets import digits, two_moons
    from optimizers.models import mlp, softmax_regression

    found: dict[str, Any] = {
        "Rosenbrock": FUNCTIONS["rosenbrock"],
        "teacher, κ = 100": teacher([8, 16, 4], condition=100, batch_size=32),
        "Beale": FUNCTIONS["beale"],
        "Styblinski–Tang": FUNCTIONS["styblinski_tang"],
        "softmax, digits": Training(softmax_regression(64, 10), digits(), batch_size=64),
        "MLP, two moons": Training(mlp([2, 16, 16, 2], "tanh"), two_moons(), batch_size=50),
    }
    few = list(found.items())[: effort.pick(len(found), 2)]
    return {name: as_problem(problem) for name, problem in few}


def measure(effort: Effort) -> Data:
    """What the best of k trials reaches, for every rule, problem and k; and how sure that is."""
    budgets = [k for k in BUDGETS if k <= effort.pick(64, 16)]
    found: Data = {}
    for number, (name, problem) in enumerate(problems(effort).items()):
        slow = problem.draws_start
        count = effort.pick(512, 64) if slow else effort.pick(4096, 512)
        each = effort.pick(4, 2) if slow else 12
        tuning, others = range(each), range(100, 100 + each)
        tuned, shown = {}, {}
        for i, (label, rule) in enumerate(RULES.items()):
            trials = at_random(free_space(rule), count, (number, i))
            seeds = [*tuning, *others]
            losses = final_losses(rule, problem, STEPS, trials, seeds, effort, f"{number}-{i}")
            tuned[label], shown[label] = np.split(scored(losses, problem, seeds), 2, axis=1)
        found[name] = judged(tuned, shown, budgets, effort.pick(400, 100), number)
        found[name] |= {"trials": count, "seeds": each}
    return {
        "problems": found,
        "budgets": budgets,
        "steps": STEPS,
    }


def at_random(space: Space, trials: int, seed: Any) -> dict[str, np.ndarray]:
    """So many points of a space, drawn one by one."""
    rng = np.random.default_rng(seed)
    return {name: part.at(rng.random(trials)) for name, part in space.items()}


def scored(losses: np.ndarray, problem: Problem, seeds: list[int]) -> np.ndarray:
    """Log₁₀ of what is left of the loss, or of its gap to the minimum, at the start: (…, seeds).

    From log₁₀ of SOLVED to 0, which is also the score of a run that diverged.
    """
    minimum = problem.known_minimum or 0.0
    seeded = [problem.seeded(seed) for seed in seeds]
    first = np.array([float(one.values(one.theta)) for one in seeded])
    with np.errstate(divide="ignore"):
        return np.log10(np.clip((losses - minimum) / (first - minimum), SOLVED, 1.0))


def chances(trials: int, budgets: list[int]) -> np.ndarray:
    """How likely the i-th best of all trials is the best of k that are drawn: (budgets, trials).

    Examples
    --------
    >>> chances(3, [1, 2, 3]).round(3).tolist()
    [[0.333, 0.333, 0.333], [0.667, 0.333, 0.0], [1.0, 0.0, 0.0]]
    """
    from scipy.special import comb  # slow to import

    worse, others = np.arange(trials)[::-1], np.array(budgets)[:, np.newaxis] - 1
    return np.asarray(comb(worse, others) / comb(trials, others + 1))


def expected_best(tuned: np.ndarray, shown: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """The mean score of the best of k trials, (budgets,), over all choices of k of those made.

    The best is chosen on some seeds, (trials, seeds), and its score is that on others: without
    bias, whatever k is.
    """
    order = np.argsort(tuned.mean(axis=1), kind="stable")
    return np.asarray(chance @ shown.mean(axis=1)[order])


def judged(
    tuned: dict[str, np.ndarray],
    shown: dict[str, np.ndarray],
    budgets: list[int],
    draws: int,
    seed: int,
) -> Data:
    """The curves, their differences, and the standard errors, by drawing trials and seeds anew.

    All rules have the same seeds in a draw.
    """
    labels, pairs = list(tuned), list(combinations(tuned, 2))
    trials, seeds = next(iter(tuned.values())).shape
    others = next(iter(shown.values())).shape[1]
    chance = chances(trials, budgets)
    curves = {label: expected_best(tuned[label], shown[label], chance) for label in labels}
    rng = np.random.default_rng(seed)
    again = np.empty((draws, len(labels), len(budgets)))
    for draw in range(draws):
        of_tuned, of_shown = rng.integers(seeds, size=seeds), rng.integers(others, size=others)
        for i, label in enumerate(labels):
            drawn = rng.integers(trials, size=(trials, 1))
            again[draw, i] = expected_best(
                tuned[label][drawn, of_tuned], shown[label][drawn, of_shown], chance
            )
    spread = again.std(axis=0, ddof=1)
    apart = np.stack([again[:, labels.index(a)] - again[:, labels.index(b)] for a, b in pairs], 1)
    errors = apart.std(axis=0, ddof=1)
    return {
        "curves": {
            label: {"mean": curves[label].tolist(), "error": spread[i].tolist()}
            for i, label in enumerate(labels)
        },
        "differences": [
            {"pair": pair, "mean": (curves[pair[0]] - curves[pair[1]]).tolist(), "error": error}
            for pair, error in zip(pairs, errors.tolist(), strict=True)
        ],
    }


def unbiased(found: Data, errors: list[float]) -> np.ndarray:
    """The errors of n seeds, of which those drawn anew are too small by √((n − 1)/n)."""
    seeds = found["seeds"]
    return np.array(errors) * np.sqrt(seeds / (seeds - 1))


def critical(measured: Data, problem: str, among: int = 1) -> float:
    """How many standard errors make a difference, by Student's t.

    Chance makes that of level pairs, over all budgets and so many pairs, once in 1 / LEVEL times.
    """
    from scipy.special import stdtrit  # slow to import

    seeds = measured["problems"][problem]["seeds"]
    return float(stdtrit(seeds - 1, 1 - LEVEL / (2 * len(_some(measured)) * among)))


def pairs_of(measured: Data) -> int:
    """How many pairs of rules there are, on all problems together."""
    return sum(len(found["differences"]) for found in measured["problems"].values())


def by_chance(measured: Data) -> float:
    """How many pairs would turn round by chance, on average and at most, if none does."""
    return pairs_of(measured) * LEVEL / 2


def distances(measured: Data, problem: str) -> dict[tuple[str, str], np.ndarray]:
    """By pair, how many standard errors the first's score is above the second's at each budget."""
    found = measured["problems"][problem]
    return {
        (one, two): np.array(difference["mean"])
        / np.fmax(unbiased(found, difference["error"]), 1e-12)
        for difference in found["differences"]
        for one, two in [difference["pair"]]
    }


def signs(measured: Data, problem: str, among: int = 1) -> dict[tuple[str, str], np.ndarray]:
    """By pair, at each budget: −1 if the first is better, 1 if the second, 0 if nobody can say."""
    judged, asked = np.isin(measured["budgets"], JUDGED), critical(measured, problem, among)
    return {
        pair: np.sign(off) * (judged & (abs(off) > asked))
        for pair, off in distances(measured, problem).items()
    }


def turns(measured: Data, problem: str, among: int = 1) -> list[tuple[str, str, int, int]]:
    """The orders that turn round beyond the error; of one pair, or beyond what so many make of it.

    Who is better at first, who later; the first budget at which the one is, and at which the other.
    """
    found = []
    for pair, told in signs(measured, problem, among).items():
        known = np.flatnonzero(told)
        if not len(known) or np.all(told[known] == told[known[0]]):
            continue
        later = known[told[known] != told[known[0]]][0]
        one, two = pair if told[known[0]] < 0 else pair[::-1]
        budgets = measured["budgets"]
        found.append((one, two, budgets[known[0]], budgets[later]))
    return found


def crossings(measured: Data, problem: str) -> int:
    """How many pairs of curves cross, whatever the error is."""
    means = [one["mean"] for one in measured["problems"][problem]["differences"]]
    return sum(min(mean) < 0 < max(mean) for mean in means)


def nearest(measured: Data) -> tuple[float, str, str, str]:
    """Of all pairs whose order does not turn, that which comes nearest to it.

    How much of what is asked each of the two is ahead somewhere, at least, and who it is where.
    """
    judged, found = np.isin(measured["budgets"], JUDGED), [(0.0, "", "", "")]
    for name in measured["problems"]:
        turned = [{*pair} for *pair, _, _ in turns(measured, name)]
        for pair, off in distances(measured, name).items():
            if {*pair} not in turned:
                both = min(-off[judged].min(), off[judged].max())
                found.append((float(both) / critical(measured, name), name, *pair))
    return max(found)


def apart(measured: Data, budget: int) -> int:
    """How many pairs are told apart at a budget, on all problems together."""
    at = measured["budgets"].index(budget)
    return sum(
        bool(told[at])
        for problem in measured["problems"]
        for told in signs(measured, problem).values()
    )


def leaders(measured: Data, problem: str, budget: int) -> list[str]:
    """The best at a budget, and all whom nothing tells apart from it."""
    at = measured["budgets"].index(budget)
    found = measured["problems"][problem]
    curves = {label: curve["mean"][at] for label, curve in found["curves"].items()}
    best = min(curves, key=lambda label: curves[label])
    behind = set()
    for pair, told in signs(measured, problem).items():
        if best in pair and told[at]:
            behind |= {*pair} - {best}
    return [label for label in sorted(curves, key=lambda x: curves[x]) if label not in behind]


def table(measured: Data) -> list[list[str]]:
    """A row a problem: who leads at which budget, and which orders turn round."""
    budgets = _some(measured)
    heads = [f"leads with {k} trial{'' if k == 1 else 's'}" for k in budgets]
    rows = [["problem", *heads, "orders that swap", "curves that cross"]]
    for name in measured["problems"]:
        cells = [_named(leaders(measured, name, k)) for k in budgets]
        turned = [
            f"{a} before {b} at {j}, {b} before {a} at {k}" for a, b, j, k in turns(measured, name)
        ]
        rows.append([name, *cells, "; ".join(turned) or "none", str(crossings(measured, name))])
    return rows


def _some(measured: Data) -> list[int]:
    """The budgets at which it is said who is better."""
    return [k for k in measured["budgets"] if k in JUDGED]


def _named(labels: list[str]) -> str:
    """ "Adam (lr only)": a comma would make two of it."""
    return ", ".join(label.replace("Adam, lr only", "Adam (lr only)") for label in labels)


def verdict(measured: Data) -> str:
    """Whether more orders turn round beyond the error than chance makes, or merely look so."""
    names = list(measured["problems"])
    turned = {name: turns(measured, name) for name in names if turns(measured, name)}
    crossed = sum(crossings(measured, name) for name in names)
    pairs = pairs_of(measured)
    count = sum(map(len, turned.values()))
    first, last = measured["budgets"][0], measured["budgets"][-1]
    if turned:
        sure = sum(bool(turns(measured, name, pairs)) for name in names)
        if sure:
            head = "True here" if sure > len(names) / 2 else "True here on some problems"
            beside = (
                f"on {sure} by more than the margin that chance gives any of the pairs once in "
                f"{1 / LEVEL:.0f} times"
            )
        else:
            head = "Undecided here"
            beside = f"chance alone makes at most {by_chance(measured):.2g} do so on average"
        words = (
            f"{head}: {count} of {counted(pairs, 'pair')} of rules "
            f"{'changes' if count == 1 else 'change'} places by more than the error, on "
            f"{len(turned)} of {counted(len(names), 'problem')}; {beside}. "
        )
    else:
        words = (
            "Not observed here: no two rules change places by more than the error, on any of "
            f"{counted(len(names), 'problem')} ({counted(pairs, 'pair')}). "
        )
    if crossed > count:
        words += f"The curves of {counted(crossed - count, 'pair')} cross within the error. "
    if turned:
        examples = [
            f"on {name} {_named([a])} leads {_named([b])} with {counted(j, 'trial')} and "
            f"trails it with {k}"
            for name, ((a, b, j, k), *_) in turned.items()
        ]
        told = "; ".join(examples)
        words += f"{told[0].upper()}{told[1:]}. "
    part, name, one, two = nearest(measured)
    others = "Among the others, " if turned else ""
    if part > 0:
        asked = critical(measured, name)
        words += (
            f"{others}{_named([one])} and {_named([two])} on {name} come nearest to a swap: "
            f"each is ahead at some budget by at least {part * asked:.1f} standard errors, where "
            f"{asked:.1f} are needed. "
        )
    words += (
        f"With {counted(first, 'trial')} {apart(measured, first)} of the pairs can be separated, "
        f"with {last} trials {apart(measured, last)}. "
    )
    changed = sum(
        not {*leaders(measured, name, first)} & {*leaders(measured, name, last)} for name in names
    )
    return words + (
        f"All leaders change between {first} and {last} on {changed} of "
        f"{counted(len(names), 'problem')}."
    )


def how(measured: Data) -> str:
    """The trials, the score, the estimate, the error."""
    found = {(one["trials"], one["seeds"]) for one in measured["problems"].values()}
    told = " or ".join(f"{trials:,} trials on {seeds}" for trials, seeds in sorted(found))
    return (
        "Each rule has trials drawn at random from its own space (lr from 1e-5 to 10; Adam (lr "
        f"only) keeps β₁ = 0.9, β₂ = 0.999), {measured['steps']} steps, constant lr. Score: log₁₀ "
        f"of the loss over that at the start; of gaps, down to {SOLVED:g}, where the minimum is "
        "known; of held-out losses of a training on data; 0 if it diverged. The best of k by the "
        "mean score on some seeds, its score on as many others: the mean over all choices of k of "
        f"the {told} and as many seeds. Errors: trials and seeds drawn anew with replacement, "
        "times √(n/(n − 1)) for n seeds. Two rules are separated where they differ by more than "
        f"{_asked(measured)} (Student's t, n − 1 degrees of freedom): if scores vary normally over "
        f"the seeds, chance separates a level pair, at any of {_budgets(measured)} trials, once in "
        f"{1 / LEVEL:.0f} times at most, and swaps a pair once in {2 / LEVEL:.0f}."
    )


def _asked(measured: Data) -> str:
    """ "3.0 (12 seeds) or 5.4 (4 seeds) standard errors"."""
    found = {(critical(measured, name), one["seeds"]) for name, one in measured["problems"].items()}
    told = [f"{asked:.1f} ({counted(seeds, 'seed')})" for asked, seeds in sorted(found)]
    return f"{' or '.join(told)} standard errors"


def _budgets(measured: Data) -> str:
    """ "1, 4, 16 or 64"."""
    *others, last = map(str, _some(measured))
    return f"{', '.join(others)} or {last}"


def draw(measured: Data) -> Any:
    """What the best of k trials reaches against k, a panel a problem."""
    from matplotlib.ticker import FuncFormatter, NullLocator

    from optimizers.plotting.labels import LEGEND, Entry, handles_for
    from optimizers.plotting.layout import new_figure
    from optimizers.plotting.scale import log_ticks
    from optimizers.plotting.style import LINES, WIDTH, Look, caption, casing, dress, looks

    names, budgets = list(measured["problems"]), measured["budgets"]
    rows = -(-len(names) // 3)
    axes = new_figure((11.0, 1.2 + 3.1 * rows), rows, min(len(names), 3), sharex=True)
    usual = looks({label: label.split(",")[0] for label in RULES})
    look = {  # five solid greys are too many
        label: Look(usual[label].color, line) for label, line in zip(RULES, LINES, strict=False)
    }
    for i, (ax, name) in enumerate(zip(axes, names, strict=False)):
        for label, curve in measured["problems"][name]["curves"].items():
            mean = np.array(curve["mean"])
            error = unbiased(measured["problems"][name], curve["error"])
            style: Any = {"color": look[label].color}
            ax.fill_between(
                budgets,
                10 ** (mean - error),
                10 ** (mean + error),
                alpha=0.15,
                linewidth=0,
                **style,
            )
            ax.plot(
                budgets,
                10**mean,
                linestyle=look[label].line,
                linewidth=WIDTH,
                path_effects=casing(),
                **style,
            )
        ax.set_xscale("log", base=2)
        ax.set_yscale("log")
        log_ticks(ax.yaxis, *ax.get_ylim())
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set_xticks([k for k in (1, 2, 4, 8, 16, 32, 64) if k <= budgets[-1]])
        ax.xaxis.set_major_formatter(FuncFormatter(lambda k, _: f"{k:g}"))
        ax.grid(True, color="#e6e6e6", linewidth=0.8)
        ax.set_axisbelow(True)
        count = len(turns(measured, name))
        finding = counted(count, "swap") if count else "no swap"
        dress(
            ax,
            f"{name}: {finding}",
            "trials k (log)" if i >= len(names) - 3 else "",
            "loss / at the start (log)" if i % 3 == 0 else "",
        )
    figure: Any = axes[0].figure
    entries = [Entry(_named([label]), look[label], (0, 0), 0) for label in RULES]
    figure.legend(handles=handles_for(entries), loc="outside upper left", ncols=5, **LEGEND)
    caption(
        figure,
        "What the best of k random trials of a rule's own space reaches on other seeds: the mean "
        "over all choices of k, one standard error either way. A swap: of two rules, each "
        f"is ahead at a k of {_budgets(measured)} by more than {_asked(measured)}; chance "
        f"makes at most {by_chance(measured):.2g} on average.",
    )
    return figure


CLAIM = Claim(
    15,
    "tuning-budget",
    "The ranking of optimizers changes with the tuning budget",
    "Choi et al. 2019; Sivaprasad et al. 2020; Schmidt, Schneider and Hennig 2021",
    measure,
    table,
    verdict,
    how,
    draw,
)
