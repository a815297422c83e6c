"""Performance profiles: how much slower than the quickest a rule is, over many problems."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, PercentFormatter

from optimizers.checks import shown
from optimizers.experiments.suite import Suite
from optimizers.experiments.words import target_of
from optimizers.plotting.finding import leaders, together
from optimizers.plotting.labels import Entry, label_ends
from optimizers.plotting.layout import axes_for
from optimizers.plotting.style import LABELLED, SOFT, WIDTH, caption, casing, dress, looks, number

FARTHEST = 100.0  # times the quickest: whoever needs more is as good as never there


def plot_profile(suite: Suite, ax: Axes | None = None) -> Axes:
    """Draw the share of problems that each rule solves within τ times the quickest one's gradients.

    At the left edge a curve shows how often the rule is the quickest, at the right one how many
    problems it solves at all. Of many rules the best are named, the others are grey.

    Parameters
    ----------
    suite
        What `suite` returns.
    ax
        Where to draw; a new figure if None.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        For what is no suite.

    Examples
    --------
    >>> from optimizers import SGD, Adam, suite
    >>> from optimizers.functions import booth, matyas
    >>> ax = plot_profile(suite([SGD, Adam], [booth, matyas], steps=50))

    Notes
    -----
    Dolan and Moré, "Benchmarking optimization software with performance profiles" (2002).
    """
    if not isinstance(suite, Suite):
        raise TypeError(f"plot_profile: suite must be what suite returns, got {shown(suite)}")
    ax, ours = axes_for(ax, "plot_profile", (8.0, 5.0))
    draw_profile(ax, suite)
    if ours:
        caption(ax.get_figure(root=True), how_to_read(suite))  # type: ignore[arg-type]
    return ax


def how_to_read(suite: Suite) -> str:
    """What a curve means, and what it rests on."""
    first = next(iter(suite.values()))
    return (
        f"{len(suite)} problems, {first.steps} {first.budget} each. A curve at (τ, share): the "
        f"rule reaches {target_of(first)} within τ times the gradients of the quickest one on that "
        "share of the problems: at τ = 1 how often it is the quickest, far out how many it solves."
    )


def draw_profile(ax: Axes, suite: Suite) -> None:
    """Curves, names and title."""
    taus, shares = suite.profiles()
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    high = min(FARTHEST, max(2.0, float(taus[-1])))
    ax.set_xlim(1, high)
    ax.set_ylim(0, 1.02)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.grid(True, color="#e6e6e6", linewidth=0.8)
    ax.set_axisbelow(True)
    seen = taus <= high
    area = {label: _area(taus[seen], share[seen], high) for label, share in shares.items()}
    named = sorted(area, key=lambda label: -area[label])[:LABELLED]
    look = looks({label: path.rule for label, path in next(iter(suite.values())).items()})
    entries = []
    for label in sorted(shares, key=lambda label: area[label]):
        x, y = np.append(taus[seen], high), np.append(shares[label][seen], shares[label][seen][-1])
        is_named = label in named
        style: Any = {"color": look[label].color if is_named else "#cccccc"}
        if is_named:
            style |= {"linestyle": look[label].line, "path_effects": casing(), "zorder": 3}
            entries.append(Entry(label, look[label], (high, float(y[-1])), -area[label]))
        ax.plot(x, y, drawstyle="steps-post", linewidth=WIDTH if is_named else 1.0, **style)
    label_ends(ax, entries)
    if len(shares) > len(named):
        ax.annotate(
            f"grey: the other {len(shares) - len(named)}",
            (0.99, 0.02),
            xycoords="axes fraction",
            ha="right",
            fontsize=10,
            color=SOFT,
        )
    dress(ax, _finding(suite, shares), "τ: times the gradients of the quickest", "problems solved")


def _area(taus: np.ndarray, shares: np.ndarray, high: float) -> float:
    """Under the curve, on the log axis."""
    return float(np.sum(shares * np.diff(np.log(np.append(taus, high)))))


def _finding(suite: Suite, shares: dict[str, np.ndarray]) -> str:
    """Who is quickest most often, and who solves most."""
    first = leaders({label: -float(share[0]) for label, share in shares.items()})
    last = leaders({label: -float(share[-1]) for label, share in shares.items()})
    if not any(share[-1] > 0 for share in shares.values()):
        return "No problem has a target that any rule reaches"
    quickest = f"Quickest most often: {together(first, len(shares))}"
    if len(last) == len(shares):
        return f"{quickest}; all solve as many"
    if first == last:
        return f"{quickest}, and most solved"
    return f"{quickest}; most solved: {together(last, len(shares))}"
