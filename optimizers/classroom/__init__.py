"""Exercises that check themselves: `check(answer, "adam/2")` says at once what differs first.

The exercises are the notebooks in notebooks/exercises. `tasks` lists what each of them asks for,
`faults` the mistakes that are recognised, `one_line` the rules that the library itself has not.
"""

from optimizers.classroom.check import check

__all__ = ["check"]
