"""The family: what each rule is made of, a row a rule and a column a slot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from optimizers.checks import shown
from optimizers.optimizer import Optimizer
from optimizers.plotting.layout import axes_for
from optimizers.plotting.style import INK, PALETTE, SOFT, caption, headline, looks, panel_size
from optimizers.plotting.words import brief, columns, distinct, lettered, room, shortened
from optimizers.rules import LBFGS, RULES, SAM, NonlinearCG
from optimizers.rules.wrapper import Wrapper
from optimizers.slots import QUESTIONS

WIDTH = 12.8  # inches, of a new figure
HEIGHT = 7.2  # inches, at most while rows are no lower than LOW
LOW, TALL = 0.2, 0.36  # inches, of a row
ROUND = 1.15  # inches above and below the rows: title, names of the slots, caption
LARGEST, SMALLEST = 11.5, 6.0  # points
LONGEST = 24  # letters of a name
LETTER, BOLD_LETTER = 0.55, 0.75  # ems that a letter takes on average: short names more
ASKED = 1.5  # points that the questions below the names of slots are smaller
UNSAID = "—"
TINT = 0.16  # of a colour in white
GAP = 0.06  # between cells, in rows
BESIDE = 0.2  # inches of a cell that its words leave free

Rules = Mapping[str, type[Optimizer]]


def plot_family(rules: Rules | None = None, ax: Axes | None = None) -> Axes:
    """Draw what rules are made of, in four slots: memory, direction, magnitude, decay.

    What rules have in common is tinted, in one cell where they are neighbours. What no other rule
    has is white.

    Parameters
    ----------
    rules
        The rules by name, in the order of the rows; all of the library if None. Yours join them:
        `{**RULES, "Mine": Mine}`. A rule that says nothing of its slots has the names of its state.
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
    >>> from optimizers import LAMB, Adam, AdamW, Momentum
    >>> rules = {"Momentum": Momentum, "Adam": Adam, "AdamW": AdamW, "LAMB": LAMB}
    >>> plot_family(rules).get_title(loc="left")
    '4 rules: 3 kinds of magnitude, 2 of memory, 2 of decay, 1 of direction'
    """
    rules = _everybody() if rules is None else rules
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
    count = len(rules)
    height = float(np.clip((HEIGHT - ROUND) / count, LOW, TALL))
    ax, ours = axes_for(ax, "plot_family", (WIDTH, height * count + ROUND))
    width, tall = panel_size(ax)
    table = [[_words(rule, slot) for rule in rules.values()] for slot in QUESTIONS]
    names = distinct([*rules], LONGEST, 1)
    size, edges = _measures(width - 0.2, (tall - ROUND) / count, names, table)
    ax.set_xlim(0, edges[-1])
    ax.set_ylim(count, -1.6)
    ax.axis("off")
    look = looks({name: name for name in rules})
    for row, (name, shown_as) in enumerate(zip(rules, names, strict=True)):
        ax.plot([0.03] * 2, [row + 0.12, row + 0.88], color=look[name].color, linewidth=4)
        _write(ax, 0.12, row + 0.5, shown_as, size, fontweight="bold")
    for (slot, question), said, left, right in zip(
        QUESTIONS.items(), table, edges, edges[1:], strict=False
    ):
        _write(ax, left + 0.08, -1.1, slot, size + 1, fontweight="bold")
        fits = room(right - left, size - ASKED, letter=LETTER)
        _write(ax, left + 0.08, -0.4, shortened(question, fits), size - ASKED, color=SOFT)
        _column(ax, said, left, right, size)
    headline(ax, _finding(names, table))
    if ours:
        figure: Any = ax.get_figure(root=True)
        text = (
            "Tinted: several rules share it, neighbours in one cell. White: this rule alone. "
            "g: the gradient (of a matrix: a matrix); v: what is kept of g²; θ: the weights."
        )
        caption(figure, text)
    return ax


def _everybody() -> Rules:
    """The rules of the library, those last that run another."""
    rules = [*RULES.values(), LBFGS, NonlinearCG, SAM]
    return {r.__name__: r for r in sorted(rules, key=lambda rule: issubclass(rule, Wrapper))}


def _words(rule: type[Optimizer], slot: str) -> str:
    """What a rule says of a slot; `state` speaks for the memory of one that does not."""
    unsaid = ", ".join(rule.state) or "nothing" if slot == "memory" else UNSAID
    return str(rule.slots.get(slot, unsaid))


def _measures(
    width: float, row: float, names: Sequence[str], table: Sequence[Sequence[str]]
) -> tuple[float, np.ndarray]:
    """The size of the letters, and where the columns of the slots begin and end, in inches."""
    ems = [max(map(columns, names)) * BOLD_LETTER]
    for question, said in zip(QUESTIONS.values(), table, strict=True):
        longest = max(columns(question) * (1 - ASKED / LARGEST), *map(columns, said))
        ems.append(longest * LETTER)
    beside = BESIDE * len(ems)
    size = float(np.clip(72 * (width - beside) / sum(ems), SMALLEST, min(LARGEST, 72 * row * 0.62)))
    shares = np.array(ems) * size / 72 + BESIDE
    return size, np.cumsum(shares * width / shares.sum())


def _column(ax: Axes, said: Sequence[str], left: float, right: float, size: float) -> None:
    """Cells of one slot: neighbours that say the same have one together."""
    often = Counter(said)
    shared = [words for words in dict.fromkeys(said) if often[words] > 1 and words != UNSAID]
    tints = dict(zip(shared, map(_tint, range(len(shared))), strict=True))
    row = 0
    for words, group in groupby(said):
        rows = len([*group])
        cell = Rectangle(
            (left + 0.02, row + GAP),
            right - left - 0.04,
            rows - 2 * GAP,
            facecolor=tints.get(words, "white"),
            edgecolor=tints.get(words, "#c4c4c4"),
            linewidth=0.8,
        )
        ax.add_patch(cell)
        fits = room(right - left - 0.1, size, letter=LETTER)
        color = SOFT if words == UNSAID else INK
        _write(ax, left + 0.08, row + rows / 2, shortened(words, fits), size, color=color)
        row += rows


def _tint(i: int) -> tuple[float, ...]:
    """A pale colour; the next is another, and a little darker or lighter."""
    color = np.array(to_rgb([*PALETTE.values()][(i + 4) % len(PALETTE)]))
    share = TINT + 0.05 * (i % 2)
    return tuple((1 - share) + share * color)


def _write(ax: Axes, x: float, y: float, text: str, size: float, **style: Any) -> None:
    keys: dict[str, Any] = {"va": "center_baseline", "color": INK} | style
    lettered(ax.text(x, y, text, fontsize=size, **keys))


def _finding(names: Sequence[str], table: Sequence[Sequence[str]]) -> str:
    """How many kinds there are in each slot, the most first."""
    if len(names) == 1:
        return f"What {brief(names[0])} is made of"
    kinds = {slot: len({*said} - {UNSAID}) for slot, said in zip(QUESTIONS, table, strict=True)}
    most, *others = sorted((slot for slot in QUESTIONS if kinds[slot]), key=lambda s: -kinds[s])
    plural = "kind" if kinds[most] == 1 else "kinds"
    counts = [f"{kinds[most]} {plural} of {most}", *(f"{kinds[slot]} of {slot}" for slot in others)]
    return f"{len(names)} rules: {', '.join(counts)}"
