"""A race as a page to keep: table, pictures, how it was made, all in one file."""

from __future__ import annotations

import html
from base64 import b64encode
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from optimizers.checks import shown
from optimizers.experiments.comparison import Comparison
from optimizers.experiments.words import as_html, seeds_in_words, table
from optimizers.files import written_whole
from optimizers.plotting.budget import plot_budget
from optimizers.plotting.race import plot_race

DPI = 110
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: white; max-width: 68rem;
       margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; } h2 { font-size: 1.2rem; margin-top: 2rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
th, td { padding: .3rem .8rem; text-align: right; border-bottom: 1px solid #ddd; }
th:nth-child(-n+2), td:nth-child(-n+2) { text-align: left; }
img { max-width: 100%; height: auto; } td { white-space: nowrap; } small { color: #555; }
pre { background: #f4f4f4; padding: .8rem; white-space: pre-wrap; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; } dd { margin: 0; }
"""


def write_report(comparison: Comparison, file: str | PathLike[str]) -> None:
    """Write a race as one HTML file: it needs no network, and no other file.

    Parameters
    ----------
    comparison
        What `compare` returns. A hypothesis that was given beforehand stands beside what came out.
    file
        Where to write.

    Raises
    ------
    TypeError
        For what is no comparison.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from optimizers import SGD, Adam, compare
    >>> from optimizers.functions import booth
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder) / "race.html"
    ...     write_report(compare([SGD, Adam], booth, steps=50), file)
    ...     "SGD is lowest after 50 steps" in file.read_text(encoding="utf8")
    True
    """
    if not isinstance(comparison, Comparison):
        raise TypeError(
            f"write_report: comparison must be what compare returns, got {shown(comparison)}"
        )
    found, name = comparison.finding(), comparison.problem.name
    parts = [f"<h1>{_said(found)}</h1>"]
    if comparison.hypothesis is not None:
        parts.append(
            f"<dl><dt>Expected beforehand</dt><dd>{_said(comparison.hypothesis)}</dd>"
            f"<dt>What came out</dt><dd>{_said(found)}</dd></dl>"
        )
    parts.append(f'<div class="wide">{as_html(table(comparison))}</div>')
    parts.append(_picture(plot_race(comparison), f"{name}: {found}"))
    if comparison.tunings and comparison.trials is None:  # else it is a panel of the race
        alt = "The loss that the best of k random trials reaches, by rule"
        parts += ["<h2>What tuning costs</h2>", _picture(plot_budget(comparison), alt)]
    notes = "".join(f"<li>{_said(note)}</li>" for note in comparison.notes())
    parts += ["<h2>How it was made</h2>", f"<ul>{notes}</ul>"]
    parts.append(f"<pre>{_said(comparison.made['call'])}</pre>")
    told = {"seeds": seeds_in_words(comparison)} | comparison.made
    listed = "".join(
        f"<dt>{_said(key)}</dt><dd>{_said(value)}</dd>"
        for key, value in told.items()
        if key != "call"
    )
    parts.append(f"<dl>{listed}</dl>")
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_said(name)}: {_said(found)}</title><style>{STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )
    with written_whole(Path(file)) as stream:
        stream.write(page.encode("utf8"))


def _said(text: Any) -> str:
    return html.escape(str(text))


def _picture(drawn: Any, alt: str) -> str:
    figure = np.ravel(drawn)[0].get_figure(root=True)
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=DPI)
    plt.close(figure)
    letters = b64encode(stream.getvalue()).decode("ascii")
    return f'<img alt="{_said(alt)}" src="data:image/png;base64,{letters}">'
