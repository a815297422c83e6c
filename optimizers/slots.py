"""The four slots of a rule: what it is made of, in a few words each."""

from __future__ import annotations

from typing import TypedDict

QUESTIONS = {
    "memory": "what it keeps of the past",
    "direction": "which way it goes",
    "magnitude": "how far, measured in what",
    "decay": "how weights shrink",
}


class Slots(TypedDict, total=False):
    """The words of each slot.

    Examples
    --------
    A rule that grows from another says what differs:

    >>> from optimizers import Adam, AdamW
    >>> {name: words for name, words in AdamW.slots.items() if words != Adam.slots[name]}
    {'decay': 'λθ, beside the gradient'}
    """

    memory: str
    direction: str
    magnitude: str
    decay: str
