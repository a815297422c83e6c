"""The gradient of a loss that promises nothing, as NumPy lines for the length of a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from optimizers.engine.numpy_lines import NumpyLines, record
from optimizers.engine.scalars import Untraceable
from optimizers.engine.surroundings import Surroundings
from optimizers.engine.trace import leaves, signature

LONG = 200  # steps: in a shorter run, recording may take longer than it saves
SHAPES = 4  # of batches, in a run
CHANGES = 3  # of what the loss reads, in a run


class OneRun:
    """Loss and gradient, recorded anew in each run, and replayed while nothing changes.

    Before each replay it is seen whether all that the loss reaches is as it was when it was
    recorded: a generator of batches may change it, or a schedule.

    Parameters
    ----------
    gradient
        (θ, batch or None) → loss and g, by autograd.
    loss
        What the user wrote.
    title
        The name of the loss.
    alone
        Whether nothing but the library runs between the steps; else all must be in sight.

    Attributes
    ----------
    lines
        The lines that were used last; None if they were not.
    why_not
        Why there are none.
    """

    def __init__(
        self, gradient: Callable[..., Any], loss: Any, title: str, alone: bool = False
    ) -> None:
        self.gradient, self.loss, self.title, self.alone = gradient, loss, title, alone
        self.lines: NumpyLines | None = None
        self.why_not = ""
        self._known: dict[Any, NumpyLines] = {}
        self._around: Surroundings | None = None
        self._changes = 0

    def __call__(self, theta: np.ndarray, batch: Any = None) -> Any:
        """Loss and gradient."""
        self.lines = None
        if self._around is not None and self._around.changed:
            self._around, self._changes = None, self._changes + 1
            self._known.clear()
            if self._changes > CHANGES:
                self.why_not = "what it reads changes on the way"
        key = None if self.why_not else signature(*((theta,) if batch is None else (theta, batch)))
        self.lines = self._known.get(key)
        if self.lines is not None:
            return self.lines.replay(*leaves((theta, batch)))
        right = self.gradient(theta, batch)
        if key is not None and len(self._known) < SHAPES:
            self._record(key, theta, batch)
        return right

    def _record(self, key: Any, theta: np.ndarray, batch: Any) -> None:
        """Write it down, after a first call that belongs to the run."""
        around = None
        try:
            around = Surroundings(self.loss)
            if not (self.alone or around.sees_all):
                raise Untraceable("it may read something that changes unnoticed between two steps")
            inputs = (theta,) if batch is None else (theta, batch)
            self._known[key] = record(self.gradient, *inputs, title=self.title)
            if around.changed:
                raise Untraceable("it keeps something from call to call, or draws random numbers")
            self._around = around
        except Exception as reason:  # whatever it is, plain autograd will come to it
            self.why_not = str(reason)
        finally:
            if around is not None:
                around.put_back()
