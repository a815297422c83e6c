"""Exercises that check themselves: `check(answer, "adam/2")` says at once what differs first.

The exercises are the notebooks in notebooks/exercises. `tasks` lists what each of them asks for,
`hints` what helps, which `hint("adam/2")` gives in three steps, `faults` the mistakes that are
recognised, `one_line` the rules that the library itself does not have.
"""

from optimizers.classroom.check import check
from optimizers.classroom.hint import hint

__all__ = ["check", "hint"]
