"""A claim of the article or of a paper, how it is measured here, and what came out."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

import numpy as np

from optimizers.files import written_whole

T = TypeVar("T")
Data = dict[str, Any]  # what was measured: numbers, strings, lists and dicts of them, as in JSON


@dataclass(frozen=True)
class Effort:
    """How much work to put into a measurement.

    Attributes
    ----------
    quick
        Fewer seeds, coarser grids: minutes in the place of an hour.
    n_jobs
        How many processes share the work (see `sweep`).
    store
        The folder that keeps finished pieces, so that a run that was stopped goes on; or None.
    progress
        Whether to show bars.
    """

    quick: bool = False
    n_jobs: int | None = None
    store: Path | None = None
    progress: bool = True

    def pick(self, full: T, quick: T) -> T:
        """The setting for a full measurement, or the one for a quick one."""
        return quick if self.quick else full

    def store_for(self, part: str) -> Path | None:
        """A folder of its own for one part of the work."""
        return None if self.store is None else self.store / part


@dataclass(frozen=True)
class Claim:
    """What is said, by whom, and the functions that measure it, judge it and draw it.

    Attributes
    ----------
    number, label
        Its place in the list, and the name to type: "momentum-rates".
    says, source
        The claim in a sentence, and where it stands.
    measure
        From an `Effort` to what was measured: plain numbers, strings, lists and dicts.
    table
        From what was measured to rows of text, the first one the headings.
    verdict
        From what was measured to a sentence that the numbers support, whichever way they fall.
    how
        From what was measured to how it was: problem, steps, grid, seeds, what ± means.
    draw
        From what was measured to a matplotlib Figure.
    """

    number: int
    label: str
    says: str
    source: str
    measure: Callable[[Effort], Data]
    table: Callable[[Data], list[list[str]]]
    verdict: Callable[[Data], str]
    how: Callable[[Data], str]
    draw: Callable[[Data], Any]

    @property
    def name(self) -> str:
        """The name of its files, without the ending: "02-momentum-rates"."""
        return f"{self.number:02d}-{self.label}"

    def run(self, effort: Effort) -> Result:
        """Measure it."""
        began = perf_counter()
        measured = self.measure(effort)
        return Result(self, measured, effort.quick, perf_counter() - began)


@dataclass(frozen=True)
class Result:
    """What came out of a measurement.

    Attributes
    ----------
    claim, measured, quick
        What was measured, the numbers, and whether with little effort.
    seconds
        How long it took.
    """

    claim: Claim
    measured: Data
    quick: bool
    seconds: float

    def save(self, folder: Path) -> None:
        """Write the numbers (.json) and the figure (.png) into a folder."""
        from optimizers import __version__

        about = {
            "claim": self.claim.label,
            "says": self.claim.says,
            "source": self.claim.source,
            "how": self.claim.how(self.measured),
            "verdict": self.claim.verdict(self.measured),
            "quick": self.quick,
            "seconds": round(self.seconds, 1),
            "version": __version__,
            "measured": rounded(self.measured),
        }
        text = json.dumps(about, indent=1, ensure_ascii=False) + "\n"
        with written_whole(folder / f"{self.claim.name}.json") as file:
            file.write(text.encode())
        self.draw(folder)

    def draw(self, folder: Path) -> Path:
        """Write the figure (.png) into a folder. Returns its path."""
        figure = self.claim.draw(self.measured)
        with written_whole(folder / f"{self.claim.name}.png") as file:
            figure.savefig(file, dpi=110, format="png")
        return folder / f"{self.claim.name}.png"

    @classmethod
    def load(cls, claim: Claim, folder: Path) -> Result:
        """Read what `save` wrote.

        Raises
        ------
        FileNotFoundError
            If the claim was not measured yet.
        """
        file = folder / f"{claim.name}.json"
        if not file.exists():
            raise FileNotFoundError(
                f"there is no {str(file)!r}: python -m optimizers claims {claim.label} makes it"
            )
        about = json.loads(file.read_text("utf8"))
        return cls(claim, _numbers(about["measured"]), about["quick"], about["seconds"])

    def __repr__(self) -> str:
        rows = self.claim.table(self.measured)
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        lines.insert(1, "─" * sum(widths, 2 * len(widths) - 2))
        effort = "quick: fewer seeds and coarser grids than the full measurement; "
        how = f"How: {self.claim.how(self.measured)} "
        how += f"({effort if self.quick else ''}{self.seconds:.0f} s)"
        return "\n".join(
            [
                *_wrapped(f"{self.claim.number}. {self.claim.says} ({self.claim.source})", ""),
                *("   " + line for line in lines),
                *_wrapped(how),
                *_wrapped(f"Verdict: {self.claim.verdict(self.measured)}"),
            ]
        )


def _wrapped(text: str, indent: str = "   ") -> list[str]:
    """Text in lines that fit a page; the second and later ones are indented."""
    return textwrap.wrap(text, 100, initial_indent=indent, subsequent_indent="   ")


NOT_FINITE = ("inf", "-inf", "nan")


def rounded(value: Any) -> Any:
    """Six digits are enough for a file that people read; what is not finite becomes a word."""
    if isinstance(value, dict):
        return {str(key): rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [rounded(item) for item in value]
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.6g}") if np.isfinite(value) else str(float(value))
    return value.item() if isinstance(value, np.generic) else value


def _numbers(value: Any) -> Any:
    """The words as numbers again."""
    if isinstance(value, dict):
        return {key: _numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    return float(value) if value in NOT_FINITE else value


def mean_and_error(values: Any) -> tuple[float, float]:
    """The mean over seeds and its standard error."""
    array = np.ravel(np.asarray(values, float))
    if len(array) < 2 or not np.isfinite(array).all():
        return float(np.mean(array)), float("nan")
    return float(np.mean(array)), float(np.std(array, ddof=1) / np.sqrt(len(array)))


def margin(error: float, seeds: int) -> float:
    """Half the 95 % interval around a mean over so many seeds: Student's t times the error.

    Examples
    --------
    >>> [round(margin(1.0, seeds), 2) for seeds in (3, 5, 20)]
    [4.3, 2.78, 2.09]
    """
    from scipy.special import stdtrit  # slow to import

    return float(stdtrit(seeds - 1, 0.975) * error)


def sign(mean: float, error: float, seeds: int) -> int:
    """1 or −1 for a mean over seeds that is told from 0, by a t-test at 5 %; else 0."""
    return int(np.sign(mean)) if abs(mean) > margin(error, seeds) else 0


def counted(count: int, noun: str) -> str:
    """A number and what it counts: "1 seed", "5 seeds"."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def plus_minus(values: Any, digits: int = 2) -> str:
    """The mean ± standard error as text: "87.13 ± 0.04"."""
    mean, error = mean_and_error(values)
    return f"{mean:.{digits}f} ± {error:.{digits}f}".replace("-", "−")
