"""Claim 2: at its best, momentum depends on the root of the condition number."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimizers.claims.claim import Claim, Data, Effort, mean_and_error, plus_minus
from optimizers.functions import quadratic
from optimizers.optimizer import Optimizer
from optimizers.progress import with_progress
from optimizers.rules import SGD, Momentum
from optimizers.trajectory import Trajectory

DIMENSION = 10
FALL = 1e-10  # how far a run goes; rounding is felt below
ROWS = 1000  # of each path, at most
ALLOWED = 0.01  # "within 1% of theory"
NAMES = {"SGD": "gradient descent", "Momentum": "momentum"}


def best_settings(rule: str, condition: float) -> dict[str, float]:
    """Distill's α* and β* for eigenvalues from 1 to κ.

    Examples
    --------
    >>> best_settings("SGD", 9), best_settings("Momentum", 9)
    ({'lr': 0.2}, {'lr': 0.25, 'momentum': 0.25})
    """
    if rule == "SGD":
        return {"lr": 2 / (1 + condition)}
    root = float(np.sqrt(condition))
    return {"lr": (2 / (1 + root)) ** 2, "momentum": ((root - 1) / (root + 1)) ** 2}


def best_contraction(rule: str, condition: float) -> float:
    """(κ−1)/(κ+1), or the same of √κ for momentum.

    Examples
    --------
    >>> best_contraction("SGD", 9), best_contraction("Momentum", 9)
    (0.8, 0.5)
    """
    ratio = condition if rule == "SGD" else float(np.sqrt(condition))
    return (ratio - 1) / (ratio + 1)


def steps_to_a_tenth(contraction: Any) -> Any:
    """How many steps divide the distance by ten: the harder test, where contractions near 1.

    Examples
    --------
    >>> round(steps_to_a_tenth(0.1))
    1
    """
    return -np.log(10) / np.log(contraction)


def contraction(step: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """The factor a step, from the slope of log distance over the later half of a path.

    Parameters
    ----------
    step, distance
        (rows,) and (rows, runs).

    Examples
    --------
    >>> step = np.arange(100)
    >>> contraction(step, 3 * 0.9 ** step[:, np.newaxis]).round(6)
    array([0.9])
    """
    late = step >= step[-1] / 2
    return np.exp(np.polyfit(step[late], np.log(distance[late]), 1)[0])


def measure(effort: Effort) -> Data:
    """Run both rules at their best settings, a start a seed."""
    conditions = effort.pick([10, 30, 100, 300, 1000, 3000, 10_000], [10, 100, 1000, 10_000])
    seeds = effort.pick(20, 5)
    todo = [(condition, rule) for condition in conditions for rule in (SGD, Momentum)]
    shown = with_progress(todo, len(todo), "momentum-rates", effort.progress)
    rows = [_measured(rule, condition, seeds) for condition, rule in shown]
    return {"seeds": seeds, "rows": rows}


def _measured(rule: type[Optimizer], condition: float, seeds: int) -> Data:
    path = _run(rule, condition, seeds)
    distance = np.linalg.norm(path.theta - 1, axis=-1)  # the minimum is at (1, …, 1)
    plain = contraction(path.step, distance)
    rates = plain
    if rule is Momentum:  # at the optimum two roots coincide, and the distance goes like t·r^t
        rates = contraction(path.step[1:], distance[1:] / path.step[1:, np.newaxis])
    return {
        "condition": condition,
        "rule": rule.__name__,
        "steps": int(path.step[-1]),
        "to_a_tenth": steps_to_a_tenth(rates).tolist(),
        "to_a_tenth_undivided": steps_to_a_tenth(plain).tolist(),
    }


def _run(rule: type[Optimizer], condition: float, seeds: int) -> Trajectory:
    function = quadratic(condition, dimension=DIMENSION)
    starts = [1 + np.random.default_rng(seed).standard_normal(DIMENSION) for seed in range(seeds)]
    steps = int(np.ceil(np.log(FALL) / np.log(best_contraction(rule.__name__, condition))))
    optimizer = rule(function, np.array(starts), **best_settings(rule.__name__, condition))
    return optimizer.minimize(steps, every=max(1, steps // ROWS))


def _theory(row: Data) -> float:
    return best_contraction(row["rule"], row["condition"])


def _error(row: Data, key: str = "to_a_tenth") -> float:
    """How many times too many steps, less one: the mean over seeds against theory."""
    return mean_and_error(row[key])[0] / float(steps_to_a_tenth(_theory(row))) - 1


def _worst(measured: Data, key: str = "to_a_tenth", rule: str = "") -> Data:
    rows = [row for row in measured["rows"] if rule in row["rule"]]
    return max(rows, key=lambda row: abs(_error(row, key)))


def _gain(measured: Data) -> tuple[float, float]:
    """The largest κ, and how many times fewer steps momentum needs there."""
    largest = max(row["condition"] for row in measured["rows"])
    needed = {
        row["rule"]: mean_and_error(row["to_a_tenth"])[0]
        for row in measured["rows"]
        if row["condition"] == largest
    }
    return largest, needed["SGD"] / needed["Momentum"]


def table(measured: Data) -> list[list[str]]:
    """A row for each rule and condition number."""
    wanted = ("contraction: theory", "measured", "steps to a tenth: theory", "measured", "off by")
    rows = [["κ", "rule", *wanted]]
    for row in measured["rows"]:
        steps = np.array(row["to_a_tenth"])
        rows.append(
            [
                f"{row['condition']:,}",
                NAMES[row["rule"]],
                f"{_theory(row):.6f}",
                f"{np.mean(10 ** (-1 / steps)):.6f}",
                f"{steps_to_a_tenth(_theory(row)):.3f}",
                plus_minus(steps, 3),
                f"{abs(_error(row)):.3%}",
            ]
        )
    return rows


def verdict(measured: Data) -> str:
    """Whether the measured rates are those of the theory."""
    row = _worst(measured)
    error = abs(_error(row))
    where = f"{NAMES[row['rule']]} at κ = {row['condition']:,}"
    if error <= ALLOWED:
        words = f"Holds within {ALLOWED:.0%}: the steps to a tenth are at most {error:.2%} off"
    else:
        words = f"Does not hold within {ALLOWED:.0%}: the steps to a tenth are {error:.2%} off"
    largest, gain = _gain(measured)
    root = float(np.sqrt(largest))
    as_said = abs(gain / root - 1) < 0.05
    near = "near the" if as_said else "not the"
    words += f" ({where}). At κ = {largest:,} momentum needs {gain:.1f} times fewer steps than "
    words += f"gradient descent, {near} √κ = {root:.0f} of the theory. "
    apparent = _error(_worst(measured, "to_a_tenth_undivided", "Momentum"), "to_a_tenth_undivided")
    if abs(apparent) <= ALLOWED:
        return words + "The factor t beside momentum's r^t makes no difference."
    return words + (
        "The runs themselves gain less: the factor t beside r^t raised momentum's steps to a "
        f"tenth by up to {apparent:.0%}."
    )


def how(measured: Data) -> str:
    """The problem, the starts and the estimate."""
    conditions = [row["condition"] for row in measured["rows"]]
    return (
        f"Quadratics in {DIMENSION} dimensions, eigenvalues log-spaced from 1 to κ = "
        f"{min(conditions):,} … {max(conditions):,}, minimum at (1, …, 1); starts N(0, 1) around "
        f"it, {measured['seeds']} seeds; SGD and Momentum at α*, β*, until theory says {FALL:g} of "
        "the distance is left. Contraction: slope of log distance over the later half, the "
        "distance divided by t for momentum, whose two roots coincide (t·r^t). Mean ± standard "
        "error over seeds. That no other α, β does better is theory, not measured here."
    )


def draw(measured: Data) -> Any:
    """Contraction and steps to a tenth against κ: points on the theory's lines."""
    from optimizers.plotting.labels import Entry, label_ends
    from optimizers.plotting.layout import new_figure
    from optimizers.plotting.style import END, WIDTH, caption, casing, dress, looks, marker

    left, right = new_figure((10.0, 4.8), 1, 2)
    look = looks({"SGD": "SGD", "Momentum": "Momentum"})
    conditions = np.array(sorted({row["condition"] for row in measured["rows"]}), float)
    fine = np.geomspace(conditions[0], conditions[-1], 200)
    entries: dict[Any, list[Entry]] = {left: [], right: []}
    for rule in look:
        theory = np.array([best_contraction(rule, condition) for condition in fine])
        steps = np.array([r["to_a_tenth"] for r in measured["rows"] if r["rule"] == rule])
        for ax, line, points in (
            (left, theory, 10 ** (-1 / steps)),
            (right, steps_to_a_tenth(theory), steps),
        ):
            color = look[rule].color
            ax.plot(fine, line, color=color, linewidth=WIDTH, path_effects=casing(), zorder=3)
            mean, error = np.transpose([mean_and_error(values) for values in points])
            ax.errorbar(conditions, mean, error, fmt=END, ecolor=color, **marker(color), zorder=4)
            entries[ax].append(Entry(NAMES[rule], look[rule], (fine[-1], line[-1]), line[-1]))
    for ax in (left, right):
        ax.set_xscale("log")
        ax.margins(x=0.03)
        ax.grid(True, color="#e6e6e6", linewidth=0.8)
        ax.set_axisbelow(True)
    right.set_yscale("log")
    label_ends(right, entries[right])
    largest, gain = _gain(measured)
    error = abs(_error(_worst(measured)))
    x = "condition number κ (log)"
    dress(left, f"Measured: at most {error:.2%} off the theory", x, "factor per step")
    dress(
        right,
        f"At κ = {largest:,}, {gain:.0f} times fewer steps",
        x,
        "steps to a tenth of the distance (log)",
    )
    figure: Any = left.get_figure(root=True)
    caption(
        figure,
        "Lines: theory, (κ−1)/(κ+1) and (√κ−1)/(√κ+1). Points: measured, mean ± standard error "
        f"over {measured['seeds']} seeds (smaller than the points). Quadratics in {DIMENSION} "
        "dimensions, each rule at its best settings; momentum's distance is divided by t.",
    )
    return figure


CLAIM = Claim(
    number=2,
    label="momentum-rates",
    says=(
        "At its best settings gradient descent contracts by (κ−1)/(κ+1) per step, "
        "momentum by (√κ−1)/(√κ+1)"
    ),
    source="Goh, Why momentum really works, Distill 2017",
    measure=measure,
    table=table,
    verdict=verdict,
    how=how,
    draw=draw,
)
