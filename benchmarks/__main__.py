"""python -m benchmarks: measure every row, print the table, write RESULTS.md and the figure."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import (
    big_update,
    growth,
    heat_map,
    imports,
    many_runs,
    network,
    one_run,
    own_loss,
    peers,
    redraw,
    tuned,
    whole_field,
)
from benchmarks.machine import machine
from benchmarks.report import Row, summary
from benchmarks.timing import ROOT

ROWS: dict[str, Callable[[bool], Row]] = {
    "1": one_run.measure,
    "2": tuned.measure,
    "3": many_runs.measure,
    "4": network.measure,
    "5": big_update.measure,
    "6": imports.measure,
    "7": redraw.measure,
    "8": heat_map.measure,
    "9": whole_field.measure,
    "10": own_loss.measure,
}
GROWTH = "growth"
HOW = """\
Written by `python -m benchmarks`. All sides take turns in one run (A B A B …); shown are medians
and the least and most of all repeats. Everything is float64 and on the CPU."""


def main() -> int:
    """Run the command; 1 if a result disagrees with a peer's."""
    options = parse()
    print(facts := "\n".join(f"- {fact}" for fact in machine()))
    for peer in peers.absent():
        print(f"- {peer} is not installed: its times are missing (benchmarks/requirements.txt)")
    rows = []
    for name in options.rows:
        if name != GROWTH:
            rows.append(ROWS[name](options.quick))
            print("\n" + rows[-1].markdown(), flush=True)
    parts = ["# Benchmarks", HOW, facts, summary(rows), *(row.markdown() for row in rows)]
    if GROWTH in options.rows:
        curves = growth.measure(options.quick)
        parts.append(growth.markdown(curves))
        print("\n" + parts[-1])
        if options.out:
            growth.draw(curves, options.out / "figures" / "speed.png")
    if rows:
        print("\n" + summary(rows))
    if options.out:
        (options.out / "benchmarks" / "RESULTS.md").write_text("\n\n".join(parts) + "\n")
    return int(not all(agreement.holds for row in rows for agreement in row.agreements))


def parse() -> argparse.Namespace:
    """Read the command's options."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    known = [*ROWS, GROWTH]
    parser.add_argument(
        "--rows",
        default=",".join(known),
        help=f"which, of {', '.join(known)}; all if left out",
    )
    parser.add_argument(
        "--quick", action="store_true", help="few repeats; torch's slow row left out"
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="write benchmarks/RESULTS.md and figures/speed.png below this folder; left out, the "
        "repository if all is measured, and nothing if not",
    )
    options = parser.parse_args()
    options.rows = options.rows.split(",")
    if unknown := set(options.rows) - set(known):
        parser.error(f"no rows {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    complete = set(options.rows) == set(known) and not options.quick
    if options.out is None and complete:
        options.out = ROOT
    if options.out is not None:
        for folder in ("benchmarks", "figures"):
            (options.out / folder).mkdir(parents=True, exist_ok=True)
    return options


sys.exit(main())
