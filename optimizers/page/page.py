"""The page itself: one file with all that it needs, in a notebook or by itself."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from functools import cached_property
from importlib.resources import files
from inspect import isfunction
from os import PathLike
from pathlib import Path
from typing import Any

from optimizers import functions, schedules
from optimizers.experiments.inputs import LEARNING_RATES
from optimizers.page.sliders import SIGNS
from optimizers.page.written import MOST_STEPS, Written, literal
from optimizers.plotting.show import image, in_few_colours
from optimizers.plotting.style import LINES, PALETTE
from optimizers.rules import RULES

PANELS = ("map", "loss", "rate", "state", "plane", "formula")
HEIGHT = 640  # pixels of a page in a notebook
# one behind the other: who takes the frame away, or its script, leaves the picture
FRAME = """<div style="display:grid">
{still}
<iframe title="{title}" style="grid-area:1/1;width:100%;height:{height}px;border:0;\
background:white" srcdoc='{page}'></iframe>
</div>"""


# what the Python that a page writes may name, and where it is
IMPORTS = {
    "functools": ["partial"],
    "optimizers": ["explore", *RULES],
    "optimizers.functions": functions.__all__,
    "optimizers.schedules": [
        name for name, made in vars(schedules).items() if isfunction(made) and name[0] != "_"
    ],
}


class Page:
    """What `explore` makes: a notebook shows it, `save` writes it to one file that needs no other.

    Parameters
    ----------
    title
        Its name.
    functions, rules
        What can be chosen; the first function is shown first.
    chosen
        The labels of the rules that run at first.
    steps
        How many steps they make at first.
    show, panels
        Which panels are shown at first, and which there are.
    move
        The names of what can be moved; None for everything.
    height
        In a notebook, in pixels.
    still
        Draws the picture for readers that run no scripts, as PNG.
    alt
        What is in it, for those who cannot see it.
    options
        What else the page is told.

    Examples
    --------
    >>> from optimizers import explore
    >>> from optimizers.functions import rosenbrock
    >>> page = explore(rosenbrock)
    >>> page
    <page: Rosenbrock with SGD, Momentum, Adam>
    >>> page.html.startswith("<!DOCTYPE html>"), len(page.html) < 1_000_000
    (True, True)
    """

    def __init__(
        self,
        title: str,
        functions: Sequence[Written],
        rules: Sequence[Written],
        *,
        chosen: Sequence[str],
        steps: int,
        still: Callable[[], bytes],
        alt: str,
        show: Sequence[str] = ("map", "loss", "rate", "state"),
        panels: Sequence[str] = PANELS,
        move: Sequence[str] | None = None,
        height: int = HEIGHT,
        **options: Any,
    ) -> None:
        self.title, self.functions, self.rules = title, functions, rules
        self.chosen, self.height, self.alt, self.draw = chosen, height, alt, still
        self.options = {
            "title": title,
            "chosen": chosen,
            "steps": steps,
            "show": show,
            "panels": panels,
            "move": move,
            "most": max(MOST_STEPS, steps),
            "grid": LEARNING_RATES,
            "signs": SIGNS,
            "palette": list(PALETTE.values()),
            "lines": [[] if line == "-" else line[1] for line in LINES],
            "imports": IMPORTS,
            "seeds": [],
            "arrows": True,
            **options,
        }

    @property
    def html(self) -> str:
        """The page as text: its style, its script and the licences of that, its formulas."""
        here = files("optimizers.page")
        lists = {"functions": self.functions, "rules": self.rules}
        told = [f"{name}: [{', '.join(w.text for w in given)}]" for name, given in lists.items()]
        return (
            (here / "page.html")
            .read_text("utf8")
            .format(
                title=html.escape(self.title),
                style=(here / "page.css").read_text("utf8"),
                script=(here / "page.js").read_text("utf8"),
                licences=(here / "LICENSES.txt").read_text("utf8"),
                given=f"{{...{literal(self.options)}, {', '.join(told)}}}",
                still="The page needs JavaScript.",
            )
        )

    def save(self, file: str | PathLike[str]) -> None:
        """Write it to one file, which opens anywhere, without a server or a connection.

        Parameters
        ----------
        file
            Its name, such as "rosenbrock.html".
        """
        Path(file).write_text(self.html, "utf8")

    @cached_property
    def still(self) -> bytes:
        """The picture that does not move, as PNG."""
        return in_few_colours(self.draw())

    def __repr__(self) -> str:
        return f"<page: {self.title} with {', '.join(self.chosen)}>"

    def _repr_mimebundle_(self, **keywords: Any) -> dict[str, Any]:
        """A frame of its own, so that several do not disturb each other; the still lies behind."""
        frame = FRAME.format(
            height=self.height,
            still=image(self.still, self.alt, ";grid-area:1/1"),
            title=html.escape(self.title),
            # two signs are enough, and keep it small
            page=self.html.replace("&", "&amp;").replace("'", "&#39;"),
        )
        return {"text/html": frame, "text/plain": repr(self)}
