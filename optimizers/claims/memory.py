"""Claim 3: Adam's memory is two more copies of the weights."""

from __future__ import annotations

import gc
import math
import tracemalloc
from collections.abc import Iterator
from typing import Any

import autograd.numpy as np
import numpy

from optimizers.claims.claim import Claim, Data, Effort
from optimizers.optimizer import Optimizer
from optimizers.problem import pure
from optimizers.progress import with_progress
from optimizers.rules import RULES, Newton
from optimizers.rules.matrices import Matrices

NEWTON = 100  # weights: Newton's matrices have P × P entries
FEW = 5  # rows and columns of weights, on which is tried what a rule needs
STEPS = 8  # before looking: in the middle of Lookahead's round of 5
ROUND = 5  # steps in which every rule does all that it ever does
OF_MATRICES = ("Adafactor", "Shampoo", "SOAP")  # what they keep of a matrix hangs on its shape
PARTS = {  # of the memory, as the table and the figure name them
    "weights": "the weights",
    "must_keep": "must keep",
    "mask": "masks of layers",
    "to_look_at": "to look at",
    "for_speed": "for speed",
}


@pure
def linear(weights: Any, slopes: Any) -> Any:
    """A loss whose gradient takes next to no memory itself."""
    return np.dot(np.reshape(weights, -1), slopes)


@pure
def bowl(weights: Any, slopes: Any) -> Any:
    """A loss with a curvature, for Newton."""
    flat = np.reshape(weights, -1)
    return np.dot(flat, flat - slopes)


def made(rule: type[Optimizer], slopes: numpy.ndarray, steps: int, start: float = 1.0) -> Optimizer:
    """An optimizer of a square matrix with as many weights as slopes, after some steps."""
    loss, side = bowl if rule is Newton else linear, math.isqrt(len(slopes))
    return stepped(rule(loss, numpy.full((side, side), start)), slopes, steps)


def stepped(optimizer: Optimizer, slopes: numpy.ndarray, steps: int) -> Optimizer:
    """The same after some steps more."""
    for _ in range(steps):
        optimizer.minimize_raw(slopes)
    return optimizer


def holders(optimizer: Optimizer, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every array that it holds, of any size: a name, where it stands, its key there.

    Examples
    --------
    >>> from optimizers import Momentum
    >>> sorted(name for name, _, _ in holders(made(Momentum, numpy.ones(25), 1)))
    ['_theta', 'd', 'g', 'p']
    """
    for key, value in vars(optimizer).items():
        if isinstance(value, Optimizer):
            yield from holders(value, f"{path}{key}.")
        elif isinstance(value, Matrices):
            yield f"{path}{key}.mask", vars(value), "mask"
        elif isinstance(value, numpy.ndarray) and value.ndim and value.size and key != "batch":
            yield f"{path}{key}", vars(optimizer), key
    for patterns in optimizer.layout._decayed:
        yield f"{path}decayed", optimizer.layout._decayed, patterns
    if optimizer._unseen is not None and not path:  # its steps are made in one pass
        yield from holders(optimizer._unseen.replay.parts[""], "before.")
        for i in range(len(optimizer._fused.updates.spare)):
            yield f"spare {i}", optimizer._fused.updates.spare, i


def roles(rule: type[Optimizer]) -> dict[str, str]:
    """What each array is for: spoil it, and look whether the next steps suffer.

    Returns
    -------
    dict
        By name: "must_keep" what later steps need, "mask" what of it is the same whatever the
        weights and the gradients are, "to_look_at" what they do not need; "weights" the weights.

    Examples
    --------
    >>> from optimizers import Adam
    >>> [name for name, role in roles(Adam).items() if role == "must_keep"]
    ['m', 'v']
    """
    slopes = numpy.linspace(-1.0, 1.0, FEW**2)
    right = made(rule, slopes, STEPS + ROUND)
    later, elsewhere = (
        {name: where[key] for name, where, key in holders(optimizer)}
        for optimizer in (right, made(rule, slopes + 0.5, STEPS, start=2.0))
    )
    found = {}
    for name in later:
        optimizer = made(rule, slopes, STEPS)
        where, key = next((where, key) for n, where, key in holders(optimizer) if n == name)
        before = where[key]
        where[key] = ~before if before.dtype == bool else numpy.full_like(before, numpy.nan)
        if not suffers(optimizer, slopes, right.theta):
            found[name] = "to_look_at"
        else:
            same = all(numpy.array_equal(before, other[name]) for other in (later, elsewhere))
            found[name] = "mask" if same else "must_keep"
    return found | {"_theta": "weights"}


def suffers(optimizer: Optimizer, slopes: numpy.ndarray, right: numpy.ndarray) -> bool:
    """Whether the next steps fail, or lead elsewhere."""
    try:
        return not numpy.array_equal(stepped(optimizer, slopes, ROUND).theta, right)
    except ValueError:
        return True


def measure(effort: Effort) -> Data:
    """Weigh every rule."""
    size = effort.pick(1000, 300) ** 2
    rules = with_progress(RULES.values(), len(RULES), "memory", effort.progress)
    return {"size": size, "newton": NEWTON, "rows": [weighed(rule, size) for rule in rules]}


def weighed(rule: type[Optimizer], size: int) -> Data:
    """What a rule holds between steps, and at most during one, in copies of the weights."""
    slopes = numpy.linspace(-1.0, 1.0, NEWTON if rule is Newton else size)
    role = roles(rule)
    made(rule, slopes, 3)  # what is imported and recorded at first is not the rule's
    gc.collect()
    tracemalloc.start()
    try:
        optimizer = made(rule, slopes, STEPS)
        gc.collect()
        held = tracemalloc.get_traced_memory()[0]
        kept = parted(optimizer, role)
        tracemalloc.reset_peak()
        stepped(optimizer, slopes, ROUND)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return {
        "rule": rule.__name__,
        "copies": {part: sum(kept[part].values()) / slopes.nbytes for part in PARTS},
        "names": {part: sorted(kept[part]) for part in PARTS},
        "held": held / slopes.nbytes,
        "peak": peak / slopes.nbytes,
    }


def parted(optimizer: Optimizer, role: dict[str, str]) -> dict[str, dict[str, int]]:
    """The bytes of each array, by what it is for; one with two names has the weightier part."""
    kept: dict[str, dict[str, int]] = {part: {} for part in PARTS}
    order = list(PARTS)
    named = [
        (order.index(role.get(name, "for_speed")), name, where[key])
        for name, where, key in holders(optimizer)
    ]
    seen = set()
    for place, name, array in sorted(named, key=lambda one: one[0]):
        if id(array) not in seen:
            seen.add(id(array))
            kept[order[place]][name] = array.nbytes
    return kept


def _of(measured: Data, rule: str) -> Data:
    return next(row for row in measured["rows"] if row["rule"] == rule)


def _keeps(row: Data) -> str:
    """ "2 (m, v)"; the inner rule's arrays go by their plain names."""
    names = ", ".join(name.split(".")[-1] for name in row["names"]["must_keep"])
    return f"{row['copies']['must_keep']:.3g} ({names})" if names else "0"


def table(measured: Data) -> list[list[str]]:
    """A row a rule, in copies of the weights."""
    rows = [["rule", *PARTS.values(), "held between steps", "peak in a step"]]
    for row in measured["rows"]:
        counts = [
            _keeps(row) if part == "must_keep" else f"{row['copies'][part]:.3g}" for part in PARTS
        ]
        peak = f"{row['peak']:.2f}"
        if row["rule"] == "Newton":
            peak = f"{row['peak'] / measured['newton']:.1f} × P"
        rows.append([row["rule"], *counts, f"{row['held']:.2f}", peak])
    return rows


def verdict(measured: Data) -> str:
    """Whether Adam's state is two copies, and what it holds in fact."""
    adam, sgd = _of(measured, "Adam"), _of(measured, "SGD")
    others = [row for row in measured["rows"] if row["rule"] in OF_MATRICES]
    more = adam["copies"]["must_keep"] - sgd["copies"]["must_keep"]
    words = "Holds for what the formula needs" if more == 2 else "Does not hold"
    words += f": beside the weights Adam must keep {_keeps(adam)}, SGD {_keeps(sgd)}. "
    if others:
        kept, first = ", ".join(f"{row['rule']} {_keeps(row)}" for row in others), others[0]
        words += f"For the same matrix {kept}; at the peak of a step, {first['rule']} has "
        words += f"{first['peak']:.1f} copies in all, Adam {adam['peak']:.1f}. "
    beside = adam["held"] - adam["copies"]["weights"]
    if beside < adam["copies"]["must_keep"] + 0.5:
        return words + "This library keeps no more than that."
    return words + (
        f"This library holds more, {beside:.0f} copies for Adam: "
        f"{adam['copies']['to_look_at']:.3g} to look at "
        f"({', '.join(adam['names']['to_look_at'])}), "
        f"{adam['copies']['for_speed']:.3g} for quick steps."
    )


def how(measured: Data) -> str:
    """What was weighed, and how it was told apart."""
    side = math.isqrt(measured["size"])
    return (
        f"tracemalloc, P = {measured['size']:,} weights in float64, one matrix of {side:,} × "
        f"{side:,}, and a linear loss, whose gradient (g) is part of it; peak over {ROUND} steps, "
        f"with the temporaries of gradient and formula; Newton at P = {measured['newton']} on a "
        "bowl, because its matrices have P × P entries. An array must be kept if spoiling it "
        "changes later steps; masks say which weights decay or are in a matrix. For speed, steps "
        "in one pass keep the values before them, from which what you look at is worked out, and "
        "memory for the next step. The wrappers wrap Adam. Bytes do not vary: one run per rule."
    )


def draw(measured: Data) -> Any:
    """A bar a rule, from what it must keep to what it holds for speed."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch
    from matplotlib.ticker import MaxNLocator

    from optimizers.plotting.labels import LEGEND
    from optimizers.plotting.layout import new_figure
    from optimizers.plotting.style import INK, SOFT, caption, dress, looks

    rows = [row for row in measured["rows"] if row["rule"] != "Newton"]
    look = looks({row["rule"]: row["rule"] for row in rows})
    (ax,) = new_figure((10.0, 2.7 + 0.19 * len(rows)))

    def filled(part: str, color: str) -> dict[str, Any]:
        how: dict[str, dict[str, Any]] = {
            "weights": {"facecolor": "#c9c9c9", "edgecolor": "#c9c9c9"},
            "must_keep": {"facecolor": color},
            "mask": {"facecolor": "white", "hatch": "xxxx"},
            "to_look_at": {"facecolor": color, "alpha": 0.4},
            "for_speed": {"facecolor": "white"},
        }
        return {"edgecolor": color, "linewidth": 0.8} | how[part]

    peak: dict[str, Any] = {"color": INK, "linewidth": 2}
    for height, row in enumerate(rows):
        left = 0.0
        for part in PARTS:
            if width := row["copies"][part]:
                ax.barh(height, width, 0.72, left, **filled(part, look[row["rule"]].color))
            left += width
        ax.plot([row["peak"]] * 2, [height - 0.42, height + 0.42], **peak)
    handles: list[Any] = [Patch(label=name, **filled(part, SOFT)) for part, name in PARTS.items()]
    handles.append(Line2D([], [], label="peak in a step", **peak))
    ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.01), **LEGEND)
    ax.set_yticks(range(len(rows)), [row["rule"] for row in rows])
    ax.invert_yaxis()
    ax.margins(y=0.01)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.grid(True, axis="x", color="#e6e6e6", linewidth=0.8)
    ax.set_axisbelow(True)
    adam = _of(measured, "Adam")
    finding = f"Adam must keep {adam['copies']['must_keep']:.3g} copies beside the weights"
    dress(ax, f"{finding}; {adam['held'] - 1:.0f} are held here", "memory in copies of the weights")
    figure: Any = ax.get_figure(root=True)
    caption(
        figure,
        f"P = {measured['size']:,} weights in float64, by tracemalloc; the wrappers wrap Adam. "
        "Newton (P × P matrices) is left out.",
    )
    return figure


CLAIM = Claim(
    number=3,
    label="memory",
    says="Adam's memory is two more copies of the weights",
    source="the article, on Adam",
    measure=measure,
    table=table,
    verdict=verdict,
    how=how,
    draw=draw,
)
