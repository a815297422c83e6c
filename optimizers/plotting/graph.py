"""The graph that autograd builds of a computation: values forward, slopes backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from autograd.core import VJPNode, add_outgrads
from autograd.extend import vspace
from autograd.tracer import notrace_primitives, toposort, trace
from matplotlib.axes import Axes

from optimizers.checks import shown
from optimizers.functions import Function
from optimizers.functions.described import ManyPoints
from optimizers.plotting.layout import axes_for
from optimizers.plotting.style import INK, PALETTE, SOFT, caption, headline, number, place

MOST = 30  # calls: more cannot be read
ACROSS, UP = 1.5, 1.15  # inches that a call takes
SIGNS = {"add": "+", "subtract": "−", "multiply": "×", "true_divide": "/", "power": "^"}
SIGNS |= {"divide": "/", "matmul": "@"}
BACKWARD = PALETTE["red"]
NEAR = 0.3  # rows: an arrow that comes so near to another call bows
BOW = 1.0  # twice the height of a bow, in inches


class _Call(VJPNode):
    """A node of autograd's graph that remembers what it stands for."""

    __slots__ = ("slope", "text", "value")

    def __init__(
        self, value: Any, fun: Any, args: Any, kwargs: Any, argnums: Any, parents: Any
    ) -> None:
        super().__init__(value, fun, args, kwargs, argnums, parents)
        self.value, self.slope = value, None
        self.text = _text(fun.__name__, ["·" if i in argnums else a for i, a in enumerate(args)])

    def initialize_root(self, value: Any) -> None:
        """Make the node of the weights."""
        super().initialize_root()
        self.value, self.slope, self.text = value, None, "θ"


notrace_primitives[_Call] |= notrace_primitives[VJPNode]


def plot_graph(loss: Callable[[Any], Any], weights: Any, ax: Axes | None = None) -> Axes:
    """Draw each call that a loss makes, what came out, and how fast the loss changes with it.

    Parameters
    ----------
    loss
        `loss(weights)` → one number, written with autograd.numpy, in few calls.
    weights
        An array, (P,).
    ax
        Where to draw; a new figure if None.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        For a loss that does not depend on the weights, or makes more than 30 calls; 3-D axes.

    Examples
    --------
    >>> from optimizers.functions import sphere
    >>> plot_graph(sphere, [3.0, 4.0]).get_title(loc="left")
    '2 calls: loss 25, gradient (6, 8)'
    """
    try:
        theta = np.array(weights, dtype=float)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"plot_graph: weights must be one array of numbers, got {shown(weights)}"
        ) from error
    calls = _traced(_formula(loss), theta)
    columns = _columns(calls)
    height = max(map(len, columns))
    size = (ACROSS * len(columns) + 0.4, UP * height + 1.1)
    ax, ours = axes_for(ax, "plot_graph", size)
    ax.set_xlim(-0.6, len(columns) - 0.4)
    ax.set_ylim(-0.6, height - 0.4)
    ax.axis("off")
    at = {
        call: (x, (height - len(column)) / 2 + y)
        for x, column in enumerate(columns)
        for y, call in enumerate(column)
    }
    for call, spot in at.items():
        for parent in dict.fromkeys(call.parents):
            _arrow(ax, at[parent], spot, [*at.values()])
    for call, spot in at.items():
        _box(ax, spot, call)
    root, end = calls[0], calls[-1]
    headline(
        ax,
        f"{len(calls) - 1} calls: loss {_short(end.value)}, gradient {_short(root.slope)}",
    )
    if ours:
        figure: Any = ax.get_figure(root=True)
        text = (
            "Black, computed from left to right: the call (· is what comes in) and its result. "
            "Red, from right to left: how fast the loss changes with this result."
        )
        caption(figure, text)
    return ax


def _formula(loss: Any) -> Any:
    """Of a test function the formula alone, without what lets it take many points."""
    body = getattr(loss, "body", None) if isinstance(loss, Function) else None
    return body.formula if isinstance(body, ManyPoints) else loss


def _traced(loss: Any, theta: np.ndarray) -> list[Any]:
    """The calls in the order in which they were made, the weights first, with their slopes."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that it depends on nothing: said below
        value, end = trace(_Call.new_root(theta), loss, theta)
    if end is None:
        raise TypeError(f"plot_graph: the loss does not depend on the weights: {shown(value)}")
    if np.shape(value):
        raise ValueError(f"plot_graph: the loss must return one number, got {shown(value)}")
    backward = list(toposort(end))
    if len(backward) > MOST + 1:
        raise ValueError(
            f"plot_graph: the loss makes {len(backward) - 1} calls; more than {MOST} cannot be read"
        )
    sums: dict[Any, Any] = {end: (vspace(value).ones(), False)}
    for call in backward:
        call.slope = sums[call][0]
        if call.parents:
            for parent, part in zip(call.parents, call.vjp(call.slope), strict=True):
                sums[parent] = add_outgrads(sums.get(parent), part)
    return backward[::-1]


def _columns(calls: list[Any]) -> list[list[Any]]:
    """Each call in the column after its last parent's, as high as its parents are on average."""
    depth: dict[Any, int] = {}
    columns: list[list[Any]] = []
    for call in calls:
        depth[call] = 1 + max((depth[parent] for parent in call.parents), default=-1)
        columns += [[] for _ in range(depth[call] + 1 - len(columns))]
        columns[depth[call]].append(call)
    height = {columns[0][0]: 0.0}
    for column in columns[1:]:
        column.sort(key=lambda call: float(np.mean([height[p] for p in call.parents])))
        height |= {call: i - (len(column) - 1) / 2 for i, call in enumerate(column)}
    return columns


def _text(name: str, args: list[Any]) -> str:
    """The call as one writes it: "1 − ·", "·[0]", "sum(·)"."""
    if name == "__getitem__":
        return f"·[{_index(args[1])}]"
    if name in SIGNS and len(args) == 2:
        left, right = (a if isinstance(a, str) else _short(a) for a in args)
        return f"{left} {SIGNS[name]} {right}"
    return "−·" if name == "negative" else f"{name}(·)"


def _index(key: Any) -> str:
    if isinstance(key, tuple):
        return ", ".join(map(_index, key))
    if isinstance(key, slice):
        ends = ["" if end is None else str(end) for end in (key.start, key.stop)]
        return ":".join(ends if key.step is None else [*ends, str(key.step)])
    return "…" if key is Ellipsis else str(key)


def _short(value: Any) -> str:
    """A number, a few numbers, or the shape."""
    if np.ndim(value) == 0:
        return number(float(value))
    flat = np.ravel(value)
    return place(flat) if flat.size <= 3 else "×".join(map(str, np.shape(value))) + " numbers"


def _box(ax: Axes, at: tuple[float, float], call: Any) -> None:
    frame = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": SOFT}
    style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 11}
    ax.text(*at, call.text, fontweight="bold", color=INK, bbox=frame, **style)
    below: dict[str, Any] = {"xycoords": "data", "textcoords": "offset points", **style}
    below["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
    ax.annotate(_short(call.value), at, (0, -21), color=INK, **below)
    ax.annotate(_short(call.slope), at, (0, -35), color=BACKWARD, **below)


def _arrow(
    ax: Axes, start: tuple[float, float], end: tuple[float, float], spots: list[tuple[float, float]]
) -> None:
    """From a call to the next; in a bow over those that lie between."""
    (x0, y0), (x1, y1) = start, end
    slant = (y1 - y0) / (x1 - x0)
    blocked = any(x0 < x < x1 and abs(y0 + slant * (x - x0) - y) < NEAR for x, y in spots)
    bow = -BOW / (ACROSS * (x1 - x0)) if blocked else 0.0
    style = {"arrowstyle": "-|>", "color": SOFT, "shrinkA": 24, "shrinkB": 26, "lw": 1.2}
    style["connectionstyle"] = f"arc3,rad={bow}"
    ax.annotate("", end, start, arrowprops=style)
