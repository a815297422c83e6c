"""hint: a little help with a task, and at the next call a little more."""

from __future__ import annotations

from optimizers.classroom.hints import HINTS
from optimizers.classroom.tasks import known

_asked: dict[str, int] = {}  # how often, by task


class Hint:
    """What `hint` says: a sentence, and how far down the ladder it stands.

    Parameters
    ----------
    task
        The name of the task.
    rung
        1, 2 or 3.

    Examples
    --------
    >>> from optimizers.classroom.hint import Hint
    >>> Hint("adam/3", 1)
    adam/3, hint 1 of 3: Put m̂ = g and v̂ = g² into m̂ / √v̂.
    """

    def __init__(self, task: str, rung: int) -> None:
        self.task = task
        self.rung = rung
        self.sentence = HINTS[task][rung - 1]

    def __repr__(self) -> str:
        return f"{self.task}, hint {self.rung} of {len(HINTS[self.task])}: {self.sentence}"


def hint(task: str) -> Hint:
    """Help with a task; called again, it goes one rung down, to the third and last.

    Parameters
    ----------
    task
        The name of the task, such as "adam/2".

    Returns
    -------
    Hint
        Shows itself as one sentence or a few.

    Raises
    ------
    ValueError
        If there is no such task.

    Examples
    --------
    >>> from optimizers.classroom import hint
    >>> first, second = hint("adam/1"), hint("adam/1")
    >>> second
    adam/1, hint 2 of 3: m̂ = m / (1 − βᵗ). Python writes a power with two stars.
    """
    known(task)
    _asked[task] = min(_asked.get(task, 0) + 1, len(HINTS[task]))
    return Hint(task, _asked[task])
