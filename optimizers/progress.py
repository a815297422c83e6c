"""A progress bar for long work only: below half a second there is nothing to see, or to import."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from time import perf_counter
from typing import Any

SHORT = 0.5  # seconds


class Progress:
    """Counts what is done, and shows a bar once it takes longer than a moment."""

    def __init__(self, total: int, label: str) -> None:
        self.total = total
        self.label = label
        self.done = 0
        self.began = perf_counter()
        self.bar: Any = None

    def update(self) -> None:
        """One more is done."""
        self.done += 1
        if self.bar is not None:
            self.bar.update()
        elif perf_counter() - self.began > SHORT:
            from tqdm import tqdm

            file = sys.stdout if in_notebook() else sys.stderr  # a notebook shows stderr in red
            self.bar = tqdm(desc=self.label, total=self.total, initial=self.done, file=file)

    def close(self) -> None:
        """Leave the bar as it is."""
        if self.bar is not None:
            self.bar.close()


def in_notebook() -> bool:
    """Whether this Python is a notebook's."""
    ipython = sys.modules.get("IPython")  # a notebook has imported it
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def with_progress(
    items: Iterable[Any], total: int, label: str, progress: bool = True
) -> Iterator[Any]:
    """The items, counted by a bar if there is to be one."""
    if not progress:
        yield from items
        return
    bar = Progress(total, label)
    try:
        for item in items:
            yield item
            bar.update()
    finally:
        bar.close()
