"""Claim 8: Lookahead lowers the variance by the published formula, and what that costs."""

from __future__ import annotations

from itertools import product
from typing import Any

import autograd.numpy as np
import numpy

from optimizers.claims.claim import Claim, Data, Effort, mean_and_error, plus_minus
from optimizers.claims.momentum_rates import steps_to_a_tenth
from optimizers.optimizer import Optimizer
from optimizers.problem import batched, pure
from optimizers.progress import with_progress
from optimizers.rules import SGD, Lookahead

CURVATURE = 2.0  # a
START = 1000.0  # standard deviations of the noise above the minimum
SETTLING = 600  # steps until the variance stands
STEPS = 1000  # over which it is measured then
COPIES = 2000  # independent weights per seed
ALLOWED = 0.02  # "within 2%"


@pure
@batched
def noisy_bowl(weights: Any, centre: Any) -> Any:
    """½ a (θ − c)², one number a run; every weight is an experiment of its own."""
    return np.sum(CURVATURE / 2 * (weights - centre) ** 2, axis=-1)


def variance_ratio(alpha: Any, k: int, q: Any) -> Any:
    """The formula: the variance of the slow weights against that of SGD.

    Examples
    --------
    >>> round(variance_ratio(0.5, 1, 0.0), 6)
    0.333333
    """
    forward = alpha**2 * (1 - q ** (2 * k))
    return forward / (forward + 2 * alpha * (1 - alpha) * (1 - q**k))


def lowered(rate: Any, ratio: Any) -> Any:
    """The γa at which SGD has `ratio` times the variance that it has at `rate`.

    That variance is γa / (2 − γa) times the noise's.

    Examples
    --------
    >>> round(lowered(1.0, 0.5), 6)
    0.666667
    """
    variance = ratio * rate / (2 - rate)
    return 2 * variance / (1 + variance)


def measure(effort: Effort) -> Data:
    """Run Lookahead, SGD, and SGD at the lower lr that has Lookahead's variance."""
    seeds = effort.pick(10, 5)
    rates = effort.pick([0.05, 0.3, 1.2], [0.3, 1.2])
    alphas = effort.pick([0.2, 0.5, 0.8], [0.2, 0.8])
    settings = list(product(rates, alphas))
    todo = list(product((5, 20), range(seeds)))
    rows: dict[Any, Data] = {}
    for k, seed in with_progress(todo, len(todo), "lookahead-variance", effort.progress):
        for (rate, alpha), found in zip(settings, _measured(k, settings, seed), strict=True):
            row = rows.setdefault((k, rate, alpha), {"k": k, "rate": rate, "alpha": alpha})
            for name, value in found.items():
                row.setdefault(name, []).append(value)
    return {"seeds": seeds, "copies": COPIES, "rows": list(rows.values())}


def _measured(k: int, settings: list[tuple[float, float]], seed: int) -> list[Data]:
    """What one seed gives for every setting (γa, α), which are runs side by side."""
    rates, alphas = numpy.transpose(settings)
    lower = lowered(rates, variance_ratio(alphas, k, 1 - rates))
    starts = numpy.full((len(settings), COPIES), START)
    optimizers: dict[str, Optimizer] = {
        "lookahead": Lookahead(noisy_bowl, starts, rates / CURVATURE, inner=SGD, k=k, alpha=alphas),
        "sgd": SGD(noisy_bowl, starts, rates / CURVATURE),
        "lowered": SGD(noisy_bowl, starts, lower / CURVATURE),
    }
    first: dict[str, numpy.ndarray] = {}  # how far the means come in a step, or in a round of k
    seen: dict[str, list[numpy.ndarray]] = {name: [] for name in (*optimizers, "slow")}
    rng = numpy.random.default_rng(seed)
    for t in range(1, SETTLING + STEPS + 1):
        centre = rng.standard_normal(COPIES)
        for name, optimizer in optimizers.items():
            optimizer.minimize_raw(centre)
            if t == (k if name == "lookahead" else 1):
                left = abs(optimizer.theta.mean(axis=-1)) / START
                first[name] = steps_to_a_tenth(left ** (1 / t))
            if t > SETTLING:
                seen[name].append(optimizer.theta.var(axis=-1, ddof=1))
        if t > SETTLING and t % k == 0:  # here the weights are the slow ones
            seen["slow"].append(seen["lookahead"][-1])
    variance = {name: numpy.mean(values, axis=0) for name, values in seen.items()}
    return [
        {
            **{name: float(variance[name][i] / variance["sgd"][i]) for name in RATIOS},
            **{f"steps_{name}": float(steps[i]) for name, steps in first.items()},
        }
        for i in range(len(settings))
    ]


LEVEL = 0.01  # numbers of steps that differ by less than this share are level
RATIOS = ("slow", "lookahead", "lowered")


def _theory(row: Data) -> float:
    return float(variance_ratio(row["alpha"], row["k"], 1 - row["rate"]))


def _error(row: Data) -> float:
    return mean_and_error(row["slow"])[0] / _theory(row) - 1


def _mean(row: Data, name: str) -> float:
    """The mean over seeds; nobody makes less than a whole step."""
    mean = mean_and_error(row[name])[0]
    return max(mean, 1.0) if name.startswith("steps") else mean


def _gain(row: Data) -> float:
    """How many times as quick SGD is at the lr that has the same variance."""
    return _mean(row, "steps_lookahead") / _mean(row, "steps_lowered")


def _setting(row: Data) -> str:
    return f"α = {row['alpha']:g}, k = {row['k']}, γa = {row['rate']:g}"


def table(measured: Data) -> list[list[str]]:
    """A row a setting: the variance against SGD's, and how fast the mean comes down."""
    wanted = ["variance / SGD's: formula", "measured", "off by", "of all steps"]
    rows = [["α", "k", "γa", *wanted, "steps to a tenth", "SGD", "SGD, lr for that variance"]]
    for row in measured["rows"]:
        rows.append(
            [
                *(f"{row[name]:g}" for name in ("alpha", "k", "rate")),
                f"{_theory(row):.4f}",
                plus_minus(row["slow"], 4),
                f"{abs(_error(row)):.2%}",
                plus_minus(row["lookahead"], 3),
                *(f"{_mean(row, f'steps_{name}'):.1f}" for name in ("lookahead", "sgd", "lowered")),
            ]
        )
    return rows


def verdict(measured: Data) -> str:
    """Whether the formula holds, and what the lower variance costs."""
    rows = measured["rows"]
    worst = max(rows, key=lambda row: abs(_error(row)))
    error = abs(_error(worst))
    if error <= ALLOWED:
        words = f"Holds within {ALLOWED:.0%}: the variance is at most {error:.2%} off the formula"
    else:
        words = f"Does not hold within {ALLOWED:.0%}: the variance is {error:.2%} off the formula"
    words += (
        f" ({_setting(worst)}). That is the variance of the slow weights; over all steps it is "
    )
    between = max(rows, key=lambda row: _mean(row, "lookahead") / _mean(row, "slow"))
    words += f"up to {_mean(between, 'lookahead') / _mean(between, 'slow'):.1f} times as high. "
    slower = [_mean(row, "steps_lookahead") / _mean(row, "steps_sgd") for row in rows]
    words += (
        f"The price in steps to a tenth is {min(slower):.1f} to {max(slower):.0f} times SGD's. "
    )
    gains = [_gain(row) for row in rows]
    same = max(abs(_mean(row, "lowered") / _theory(row) - 1) for row in rows)
    level = sum(abs(gain - 1) <= LEVEL for gain in gains)
    return words + (
        f"SGD at a lower lr that gives the same variance (within {same:.2%}) is quicker in "
        f"{sum(gain > 1 + LEVEL for gain in gains)} of {len(rows)} settings and level in {level} "
        f"(within {LEVEL:.0%}), up to {max(gains):.3g} times as quick as Lookahead."
    )


def how(measured: Data) -> str:
    """The problem, the runs and what ± means."""
    return (
        f"½ a (θ − c)², a = {CURVATURE:g}, c ~ N(0, 1) drawn at each step, {measured['copies']:,} "
        f"independent weights per seed, {measured['seeds']} seeds, the same noise for all; "
        f"variance over the weights, mean of steps {SETTLING + 1:,} to {SETTLING + STEPS:,}, at "
        "every k-th for the slow weights. Steps to a tenth: worked out from how far the mean moves "
        "in Lookahead's first k steps and in SGD's first. One curvature only. Mean ± standard "
        "error over seeds."
    )


def draw(measured: Data) -> Any:
    """The variance against the formula; the price against SGD at a lower lr."""
    from optimizers.plotting.labels import LEGEND
    from optimizers.plotting.layout import new_figure
    from optimizers.plotting.style import SOFT, caption, dress, looks, marker

    rows = measured["rows"]
    color = looks({"Lookahead": "Lookahead"})["Lookahead"].color
    signs = dict(zip(sorted({row["rate"] for row in rows}), "os^", strict=False))
    left, right = new_figure((10.0, 4.6), 1, 2)
    for row in sorted(rows, key=lambda row: (row["k"], row["rate"])):
        style = marker(color, hollow=row["k"] > 5, size=7 if row["k"] == 5 else 11)
        style |= {"markerfacecolor": "none"} if row["k"] > 5 else {}
        mean, error = mean_and_error(row["slow"])
        sign = signs[row["rate"]]
        left.errorbar(_theory(row), mean, error, fmt=sign, ecolor=color, **style)
        label = f"γa = {row['rate']:g}, k = {row['k']}"
        x, y = _mean(row, "steps_lowered"), _mean(row, "steps_lookahead")
        right.plot(x, y, sign, label=label, **style)
    right.set_xscale("log")
    right.set_yscale("log")
    for ax in (left, right):
        low, high = min(ax.get_xlim()[0], ax.get_ylim()[0]), max(ax.get_xlim()[1], ax.get_ylim()[1])
        ax.plot([low, high], [low, high], color=SOFT, linewidth=1, zorder=1)
        ax.grid(True, color="#e6e6e6", linewidth=0.8)
        ax.set_axisbelow(True)
    handles, labels = right.get_legend_handles_labels()
    named = dict(zip(labels, handles, strict=True))
    right.legend(named.values(), named, loc="upper left", bbox_to_anchor=(1.0, 1.01), **LEGEND)
    error = max(abs(_error(row)) for row in rows)
    dress(left, f"At most {error:.2%} off the formula", "variance / SGD's: formula", "measured")
    quicker = sum(_gain(row) > 1 + LEVEL for row in rows)
    dress(
        right,
        f"At the same variance SGD is quicker in {quicker} of {len(rows)} settings",
        "steps to a tenth, SGD of that variance (log)",
        "steps to a tenth, Lookahead (log)",
    )
    figure: Any = left.get_figure(root=True)
    alphas = ", ".join(f"{alpha:g}" for alpha in sorted({row["alpha"] for row in rows}))
    caption(
        figure,
        f"½ a (θ − c)² with c ~ N(0, 1), α = {alphas}. Mean ± standard error over "
        f"{measured['seeds']} seeds of {measured['copies']:,} weights (smaller than the marks). "
        "Right: SGD with the lower lr that gives it the variance of Lookahead's slow weights.",
    )
    return figure


CLAIM = Claim(
    number=8,
    label="lookahead-variance",
    says=(
        "Lookahead lowers the variance of SGD by the factor "
        "α²(1−q²ᵏ) / (α²(1−q²ᵏ) + 2α(1−α)(1−qᵏ)), q = 1 − γa"
    ),
    source="Zhang et al., Lookahead optimizer, 2019, proposition 2",
    measure=measure,
    table=table,
    verdict=verdict,
    how=how,
    draw=draw,
)
