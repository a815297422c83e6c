"""The family tree: which rule's class is built on which."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes

from optimizers.checks import shown
from optimizers.optimizer import Optimizer
from optimizers.plotting.finding import leaders, together
from optimizers.plotting.layout import axes_for
from optimizers.plotting.style import INK, SOFT, caption, headline, looks, panel_width
from optimizers.plotting.words import BOLD, columns, distinct, lettered, room, shortened
from optimizers.rules import RULES

WIDTH = 10.5  # inches, of a new figure
ROW = 0.36  # inches
INDENT = 0.5  # inches from a rule to those that are built on it
NAME = 1.3  # inches for a name, at least
LONGEST = 30  # letters of a name
ROOM = 9.0  # inches: in a narrower panel there is no room for what the rules say

Rules = Mapping[str, type[Optimizer]]


def plot_family(rules: Rules | None = None, ax: Axes | None = None) -> Axes:
    """Draw the rules as a tree: below each class, indented, those that inherit from it.

    The tree is read off the classes, the words beside it are the first ones of their docstrings.

    Parameters
    ----------
    rules
        The rules by name; the library's if None. Yours join them: `{**RULES, "Mine": Mine}`.
    ax
        Where to draw; a new figure if None.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        For what is not a rule, no rules at all, or 3-D axes.

    Examples
    --------
    >>> plot_family().get_title(loc="left")
    '15 rules: Adam has the most descendants, 4'
    """
    rules = RULES if rules is None else rules
    if not isinstance(rules, Mapping):
        raise TypeError(
            "plot_family: rules must be a mapping from names to rules, such as "
            f"{{**RULES, 'Mine': Mine}}; got {shown(rules)}"
        )
    rules = {str(name): rule for name, rule in rules.items()}
    for name, rule in rules.items():
        if not (isinstance(rule, type) and issubclass(rule, Optimizer)):
            raise TypeError(f"plot_family: rules[{name!r}] must be a rule, got {shown(rule)}")
    if not rules:
        raise ValueError("plot_family: rules is empty, there is nothing to draw")
    parents = parents_of(rules)
    rows = _rows(parents, None)
    ax, ours = axes_for(ax, "plot_family", (WIDTH, ROW * (len(rows) + 1) + 1.0))
    width = panel_width(ax)
    ax.set_xlim(0, width)
    ax.set_ylim(len(rows) + 0.5, -0.5)
    ax.axis("off")
    look = looks({name: name for name in rules})
    shown_as = dict(zip(rules, distinct([*rules], LONGEST, 1), strict=True))
    words = max(INDENT * depth + _inches(shown_as[name]) for name, depth in rows) + 0.2
    fits = room(width - words, 11, letter=0.52)
    at: dict[str | None, tuple[float, int]] = {None: (0.1, 0)}
    _name(ax, at[None], Optimizer.__name__, SOFT, "-")
    for row, (name, depth) in enumerate(rows, start=1):
        at[name] = (0.1 + INDENT * depth, row)
        _branch(ax, at[parents[name]], at[name])
        _name(ax, at[name], shown_as[name], look[name].color, look[name].line)
        if width >= ROOM and fits > LONGEST:
            text = shortened(_first_sentence(rules[name]), fits)
            lettered(ax.text(words, row, text, va="center", fontsize=11, color=INK))
    headline(ax, _finding(parents))
    if ours:
        figure: Any = ax.get_figure(root=True)
        text = "A rule that hangs on another inherits from it: its code says only what differs."
        caption(figure, text)
    return ax


def parents_of(rules: Rules) -> dict[str, str | None]:
    """By name, the nearest ancestor among these rules; None is the base, Optimizer.

    Examples
    --------
    >>> from optimizers import LAMB, Adam, AdamW, Lion
    >>> parents_of({"Adam": Adam, "AdamW": AdamW, "LAMB": LAMB, "Lion": Lion})
    {'Adam': None, 'AdamW': 'Adam', 'LAMB': 'AdamW', 'Lion': None}
    """
    names = {rule: name for name, rule in rules.items()}
    return {
        name: next((names[c] for c in inspect.getmro(rule)[1:] if c in names), None)
        for name, rule in rules.items()
    }


def _rows(parents: Mapping[str, str | None], above: str | None, depth: int = 1) -> list[Any]:
    """Names and depths in the order of the rows: each rule, then its descendants."""
    rows = []
    for name, parent in parents.items():
        if parent == above:
            rows += [(name, depth), *_rows(parents, name, depth + 1)]
    return rows


def _finding(parents: Mapping[str, str | None]) -> str:
    """Who has the most descendants."""
    count = {name: len(_rows(parents, name)) for name in parents}
    most = leaders({name: -float(descendants) for name, descendants in count.items()})
    many = f"{len(parents)} rules" if len(parents) > 1 else "1 rule"
    if not count[most[0]]:
        return many
    have, each = ("has", "") if len(most) == 1 else ("have", " each")
    descendants = f"the most descendants, {count[most[0]]}{each}"
    return f"{many}: {together(most, len(parents))} {have} {descendants}"


def _inches(name: str) -> float:
    """How wide a name is with its frame."""
    return max(NAME, columns(name) * 11 * BOLD / 72 + 0.3)


def _first_sentence(rule: type) -> str:
    """The first paragraph of a docstring, in one line; nothing where there is none."""
    own = inspect.cleandoc(rule.__doc__ or "")
    return " ".join(own.split("\n\n")[0].split())


def _name(ax: Axes, at: tuple[float, float], name: str, color: str, line: Any) -> None:
    frame = {
        "boxstyle": "round,pad=0.3",
        "facecolor": "white",
        "edgecolor": color,
        "linestyle": line,
        "linewidth": 1.8,
    }
    style: dict[str, Any] = {"va": "center", "fontsize": 11, "fontweight": "bold", "color": INK}
    lettered(ax.text(*at, name, bbox=frame, **style))


def _branch(ax: Axes, parent: tuple[float, float], child: tuple[float, float]) -> None:
    """Down from the parent, and to the right."""
    stem = parent[0] + 0.18
    x, y = [stem, stem, child[0]], [parent[1], child[1], child[1]]
    ax.plot(
        x, y, color=SOFT, linewidth=1.2, zorder=1, antialiased=False
    )  # siblings draw the stem again
