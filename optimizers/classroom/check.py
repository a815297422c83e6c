"""check: is the answer right, and if not, what differs first?"""

from __future__ import annotations

from typing import Any

import numpy as np

from optimizers.classroom.kinds import stopped
from optimizers.classroom.tasks import TASKS, known


class Answer:
    """What `check` says: a sentence, true if the student's answer is right.

    Parameters
    ----------
    task
        The name of the task.
    right
        Whether the answer is right.
    sentence
        What there is to say.

    Examples
    --------
    >>> from optimizers.classroom.check import Answer
    >>> Answer("adam/2", False, "step 1 differs in v.")
    ✗ adam/2: step 1 differs in v.
    """

    def __init__(self, task: str, right: bool, sentence: str) -> None:
        self.task = task
        self.right = right
        self.sentence = sentence

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return f"{'✓' if self.right else '✗'} {self.task}: {self.sentence}"


def _draw() -> np.random.Generator:
    """Where the problems come from: new ones at each call."""
    return np.random.default_rng()


def check(answer: Any, task: str) -> Answer:
    """Compare an answer with the right one, on problems drawn afresh at each call.

    Parameters
    ----------
    answer
        What the task asks for: a class, a function or a dict. Anything else is answered
        with a sentence as well.
    task
        The name of the task, such as "adam/2".

    Returns
    -------
    Answer
        Shows itself as one sentence, and is true if the answer is right.

    Raises
    ------
    ValueError
        If there is no such task.

    Examples
    --------
    >>> from optimizers.classroom import check
    >>> check({"A": "Adam"}, "adam/5")
    ✗ adam/5: there is no answer for 'B' yet.
    >>> check(None, "adam/2")
    ✗ adam/2: expected a class, class MyAdam(Optimizer); got None
    """
    judge = TASKS[known(task)]
    try:
        right, sentence = judge(answer, _draw())
    except Exception as error:  # whatever the answer's own code does, it gets a sentence
        right, sentence = False, stopped(error)
    return Answer(task, right, sentence)
