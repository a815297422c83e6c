"""What a row of the table says, and how it is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.timing import Timing

OURS = "ours"


@dataclass(frozen=True)
class Limit:
    """What our number must not exceed, in words and as a number.

    The words are empty where the number says it all; the number is None where the peer is absent
    or was left out.
    """

    words: str
    value: float | None


@dataclass(frozen=True)
class Goal:
    """One of our numbers, what it must reach and what it aims at."""

    about: str
    value: float
    must: Limit | None = None
    aim: Limit | None = None
    unit: str = "s"

    def cells(self) -> list[str]:
        """What the table shows."""
        limits = (self._verdict(limit) for limit in (self.must, self.aim))
        return [self.about, quantity(self.value, self.unit), *limits]

    def _verdict(self, limit: Limit | None) -> str:
        if limit is None:
            return "–"
        if limit.value is None:
            return f"{limit.words}: not measured"
        spare = limit.value / self.value
        verdict = f"reached, ×{spare:.3g} to spare" if spare >= 1 else f"missed by ×{1 / spare:.3g}"
        at_most = f"≤ {quantity(limit.value, self.unit)}"
        return f"{limit.words} ({at_most}): {verdict}" if limit.words else f"{at_most}: {verdict}"


@dataclass(frozen=True)
class Agreement:
    """How far our result is from a peer's, relatively."""

    peer: str
    difference: float
    allowed: float = 1e-6

    @property
    def holds(self) -> bool:
        """Whether the two results are the same."""
        return self.difference <= self.allowed

    def __str__(self) -> str:
        verdict = "" if self.holds else f" – DISAGREES, {self.allowed:g} is allowed"
        return f"{self.peer} {self.difference:.0e}{verdict}"


@dataclass
class Row:
    """A row of the table: who took how long, and whether that is what was asked for."""

    number: int
    work: str
    timings: dict[str, Timing]
    goals: list[Goal]
    agreements: list[Agreement] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        """The row with everything that was measured."""
        ours = next(iter(self.timings.values())).median
        body = [
            [
                name,
                quantity(timing.median),
                f"{quantity(min(timing.seconds))} – {quantity(max(timing.seconds))}",
                str(len(timing.seconds)),
                f"{timing.median / ours:.3g}",
            ]
            for name, timing in self.timings.items()
        ]
        parts = [
            f"## {self.number}. {self.work}",
            table(["", "median", "min – max", "repeats", "times ours"], body),
        ]
        notes = list(self.notes)
        if self.agreements:
            listed = "; ".join(map(str, self.agreements))
            notes.append(f"Relative difference between our result and that of: {listed}.")
        if notes:
            parts.append("\n".join(f"- {note}" for note in notes))
        return "\n\n".join(parts)


def faster(times: float, peers: Sequence[Timing | None]) -> float | None:
    """The time that is `times` times faster than the fastest of these peers."""
    present = [peer.median for peer in peers if peer is not None]
    return min(present) / times if present else None


def difference(ours: Any, theirs: Any, floor: float) -> float:
    """The largest difference, relative to the peer's number or to `floor` where that is larger."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    if ours.shape != theirs.shape:
        raise ValueError(f"results of shapes {ours.shape} and {theirs.shape} cannot be compared")
    return float(np.max(np.abs(ours - theirs) / np.maximum(np.abs(theirs), floor)))


def summary(rows: Sequence[Row]) -> str:
    """One line a goal."""
    body = [[str(row.number), *goal.cells()] for row in rows for goal in row.goals]
    return table(["#", "work", "ours", "must reach", "aim"], body)


def table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns stand straight on a terminal as well."""
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    lines = [head, ["-" * width for width in widths], *body]
    return "\n".join(
        f"| {' | '.join(cell.ljust(w) for cell, w in zip(line, widths, strict=True))} |"
        for line in lines
    )


def quantity(value: float, unit: str = "s") -> str:
    """Three digits and a unit that suits: 0.000123 s is "123 µs"."""
    if unit == "B":
        return f"{value / 1e6:.0f} MB"
    units = ((1, "s"), (1e3, "ms"), (1e6, "µs"))
    scale, name = next((pair for pair in units if value * pair[0] >= 1), units[-1])
    scaled = value * scale
    return f"{scaled:.0f} {name}" if scaled >= 1000 else f"{scaled:.3g} {name}"
