"""All results of a folder on one page."""

from __future__ import annotations

from pathlib import Path

from optimizers.claims.claim import Claim, Result
from optimizers.files import written_whole

HEAD = """\
# The claims, measured

What the article and its papers say, and what was measured here. `python -m optimizers claims`
wrote this page; the numbers behind it are in the `.json` files beside it.
"""


def write_report(claims: dict[str, Claim], folder: Path) -> Path:
    """Write README.md into a folder: what is said, what was measured, the verdict, the figure.

    Claims whose results are not in the folder are left out.
    """
    parts = [HEAD]
    for claim in claims.values():
        if (folder / f"{claim.name}.json").exists():
            parts.append(section(Result.load(claim, folder)))
    page = folder / "README.md"
    with written_whole(page) as file:
        file.write("\n".join(parts).encode())
    return page


def section(result: Result) -> str:
    """One claim in Markdown."""
    claim, rows = result.claim, result.claim.table(result.measured)
    lines = [f"| {' | '.join(cell.replace('|', '∣') for cell in row)} |" for row in rows]
    lines.insert(1, "|" + " --- |" * len(rows[0]))
    effort = " Quick: fewer seeds and coarser grids than the full measurement." * result.quick
    verdict = claim.verdict(result.measured)
    return "\n".join(
        [
            f"## {claim.number}. {claim.says}",
            "",
            f"*{claim.source}*",
            "",
            f"**{verdict}**",
            "",
            f"![{verdict}]({claim.name}.png)",
            "",
            *lines,
            "",
            f"{claim.how(result.measured)}{effort} It took {result.seconds:.0f} s.",
            "",
        ]
    )
