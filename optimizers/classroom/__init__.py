"""The exercises' first reader: `check` says whether an answer is right, and what differs first."""

from optimizers.classroom.check import Answer, check

__all__ = ["Answer", "check"]
