"""What survives a step: the weights, the arrays that a rule names in `state`, and nothing else.

Undoing half a step, going on with some of the runs, and the check that a rule names all that it
keeps look here.
"""

from __future__ import annotations

import copy
from collections import deque
from contextlib import suppress
from typing import Any

import numpy as np

from optimizers.hyper_parameters import LOOP_WORDS, RuleClass

# what the loop puts on an optimizer once it has been made
OURS_TOO = LOOP_WORDS | {"_ours", "_is_made", "_made_with"}

Snapshot = list[tuple[Any, dict[str, Any]]]


def is_library(rule: type) -> bool:
    """Whether it is one of the rules of the library, which are held by tests."""
    return rule.__module__.startswith("optimizers.rules.")


def parts(optimizer: Any) -> list[Any]:
    """The optimizer, and those that it is made of."""
    inner = [value for value in vars(optimizer).values() if isinstance(type(value), RuleClass)]
    return [optimizer, *(part for one in inner for part in parts(one))]


def snapshot(moving: list[Any]) -> Snapshot:
    """What these hold. The arrays themselves stay as they are: see `working_copies`."""
    return [(part, dict(vars(part))) for part in moving]


def restore(before: Snapshot) -> None:
    """Undo what happened since."""
    for part, attributes in before:
        part.__dict__ = attributes


def working_copies(
    optimizer: Any, theta: np.ndarray, g: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The weights, to be read, a gradient to work on, and copies of the state in its place.

    A student's formula may write into these (`self.m *= 0.9`, `g += ...`): a snapshot, the record
    and the user hold the arrays that were there before.
    """
    for name in optimizer.state:
        setattr(optimizer, name, copy.deepcopy(vars(optimizer)[name]))
    theta = theta.view()
    theta.setflags(write=False)  # the loop moves the weights
    return theta, g.copy()


def select(optimizer: Any, runs: np.ndarray) -> None:
    """Go on with some of the runs: the weights, the state, and the numbers that differ by run."""
    for part in parts(optimizer):
        numbers = [k for k, known in type(part).__hyper_parameters__.items() if known.kind.range]
        by_run = [k for k in numbers if np.ndim(vars(part).get(k)) > 1]  # (runs, 1)
        for name in ("_theta", *part.state, *by_run):
            vars(part)[name] = _some(vars(part)[name], runs)


def _some(value: Any, runs: np.ndarray) -> Any:
    """The part of these runs, in every array that a value holds."""
    if isinstance(value, (list, tuple, deque)):
        return type(value)([_some(one, runs) for one in value])
    if isinstance(value, dict):
        return {key: _some(one, runs) for key, one in value.items()}
    return value[runs] if np.shape(value)[:1] == runs.shape else value


def check_kept(optimizer: Any, theta: np.ndarray, g: np.ndarray) -> None:
    """See that a rule of the user's own keeps its arrays in `state`.

    The step is tried as it is, and once more for each array that lies elsewhere, as if that had
    been lost. Where this changes the step, the rule lives on what `state` does not name.

    Raises
    ------
    TypeError
        If it does; the message says what to write.
    """
    mine = extras(optimizer)
    kept = [name for name, value in mine.items() if _holds_arrays(value)]

    def step(lost: str | None = None) -> np.ndarray | None:
        trial = copy.copy(optimizer)
        try:
            vars(trial).update(copy.deepcopy(mine))
            if lost is not None:
                del vars(trial)[lost]
                vars(trial).update(copy.deepcopy(optimizer._made_with.get(lost, {})))
            return trial.update(*working_copies(trial, theta, g))
        except Exception:  # without it, the formula fails
            return None

    right = step() if kept else None
    if right is None or not _same(right, step()):
        return  # it fails by itself, or draws by chance: the step in earnest will show
    secret = [name for name in kept if not _same(right, step(lost=name))]
    if secret:
        names = (*optimizer.state, *secret)
        raise TypeError(
            f"{type(optimizer).__name__} keeps {' and '.join(map(repr, secret))} from step to step,"
            f" but its `state` does not say so: write state = {names} in the class. It then "
            "starts at zero, shaped like the weights, or as __init__ sets it"
        )


def extras(optimizer: Any) -> dict[str, Any]:
    """What a rule's own formulas, and its users, have put on it beside its state."""
    known = optimizer._ours | OURS_TOO | set(optimizer.state)
    return {name: value for name, value in vars(optimizer).items() if name not in known}


def made_with(optimizer: Any) -> dict[str, dict[str, Any]]:
    """Copies of what the __init__ of a user's rule has put on it, each as {name: value}."""
    found: dict[str, dict[str, Any]] = {}
    known = vars(optimizer).get("_ours", frozenset()) | set(optimizer.state)
    for name, value in vars(optimizer).items():
        if name not in known:
            with suppress(Exception):  # what cannot be copied is no array
                found[name] = {name: copy.deepcopy(value)}
    return found


def _holds_arrays(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_arrays, value.values()))
    if isinstance(value, (list, tuple, set, deque)):
        return any(map(_holds_arrays, value))
    is_object = hasattr(value, "__dict__") and not callable(value)
    return isinstance(value, np.ndarray) or (is_object and _holds_arrays(vars(value)))


def _same(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    return one is not None and other is not None and np.array_equal(one, other, equal_nan=True)
