"""A step of many weights in one pass through the memory, for a rule that treats each by itself.

A formula makes an array at each of its operations, and with millions of weights each is a walk
through the memory. Here all that must outlive the step, the weights and the state, is made at once.
What is only looked at (d, m̂, v̂) is made when somebody looks: then the formula runs as it is
written, on what there was before the step.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimizers.engine.scalars import Untraceable
from optimizers.engine.seen import FORMULAS, by_prefix, check_formulas, settings_of
from optimizers.engine.surroundings import Surroundings
from optimizers.engine.updates import Updates
from optimizers.state import extras, is_library

SHORT = 8  # operations: a formula of fewer gains
LARGE = 500_000  # from so many weights on, where NumPy waits for the memory

Parts = dict[str, Any]  # the optimizer, and those inside it, by prefix
Left = frozenset[tuple[str, str]]  # names of attributes, each with the prefix of its rule


def fused_step(optimizer: Any, g: np.ndarray) -> np.ndarray:
    """The weights after a step; the state follows: in one pass if that can be, else by the formula.

    The optimizer is in the midst of the step: t and η are set.
    """
    parts = by_prefix(optimizer)
    vars(optimizer)["_fused"] = fused = _fused(optimizer, parts)
    made = fused.step(optimizer, parts, g)
    if made is None:
        for part in parts.values():
            part._bring_back()
        return optimizer.moved(optimizer._theta, g)
    after, replay = made
    for prefix, part in parts.items():
        unseen = Unseen(replay, prefix)
        for name in unseen.names:
            vars(part).pop(name, None)
        vars(part).update({name: after[prefix + name] for name in part.state}, _unseen=unseen)
    return after["theta"]


# ------------------------------------------------------------------------- what is looked at later


class Replay:
    """A step by the formula, made when somebody looks.

    Parameters
    ----------
    before
        A copy of the optimizer in the midst of the step.
    left
        What the formula sets on it.
    """

    def __init__(self, before: Any, left: Left) -> None:
        self.parts, self.left = by_prefix(before), left
        self._theta: np.ndarray | None = None
        for part in self.parts.values():
            vars(part).update(_fused=None, _unseen=None)

    def made(self) -> dict[str, Any]:
        """The weights and the state after the step, by name."""
        before = self.parts[""]
        if self._theta is None:
            with np.errstate(all="ignore"):
                self._theta = before.moved(before._theta, before.g)
        return {"theta": self._theta} | _state(self.parts)


class Unseen:
    """What a step in one pass did not leave on a rule."""

    def __init__(self, replay: Replay, prefix: str) -> None:
        self.replay, self.prefix = replay, prefix
        self.names = {name for of, name in replay.left if of == prefix}

    def look(self) -> dict[str, Any]:
        """What the formula would have left there, by name."""
        self.replay.made()
        held = vars(self.replay.parts[self.prefix])
        return {name: held[name] for name in self.names}


# ------------------------------------------------------------------------ what is known of a rule


@dataclass(eq=False)
class Fused:
    """What was made of a rule.

    Attributes
    ----------
    written
        What may stand in the expressions: while these are the same objects, they hold.
    around
        What a formula of the user's own reads besides.
    updates, why_not
        The machine code; or, if there is none, why.
    is_right, is_users
        Whether it was held against the formula; whether that is a user's, and is to be again.
    """

    written: list[Any]
    around: Surroundings
    updates: Updates | None = None
    why_not: str = ""
    is_right: bool = False
    is_users: bool = False

    def __str__(self) -> str:
        if self.updates is None:
            return f"the formula moves the weights, since {self.why_not}"
        return "machine code moves the weights in one pass"

    def refuse(self, why_not: str) -> None:
        """Leave the steps to the formula."""
        self.updates, self.why_not = None, why_not

    def holds(self, optimizer: Any, parts: Parts) -> bool:
        """Whether nothing has changed that it rests on."""
        now = _written(optimizer, parts, self.updates)
        return (
            len(now) == len(self.written)
            and all(map(_is_same, now, self.written))
            and not self.around.changed
        )

    def step(
        self, optimizer: Any, parts: Parts, g: np.ndarray
    ) -> tuple[dict[str, np.ndarray], Replay] | None:
        """The weights and the state after a step, by name; None if it is left to the formula."""
        if self.updates is None:
            return None
        size, eta = optimizer._theta.size, optimizer.eta
        arrays = {"theta": optimizer._theta, "g": g} | _state(parts)
        shared = {name: arrays.pop(name) for name in self.updates.shared}
        arrays |= {"eta": eta} if np.ndim(eta) else {}
        if not all(_is_plain(x, size) for x in arrays.values()):
            return None
        given = {**settings_of(parts), **shared, "t": optimizer.t, "eta": eta}
        try:
            after = self.updates(arrays, given)
        except Untraceable:  # the formula will raise what it raises
            return None
        replay = Replay(copy.copy(optimizer), self.updates.left)
        t = optimizer.t
        if not self.is_right or (self.is_users and t & (t - 1) == 0):  # 1, 2, 4, 8, …
            right = replay.made()
            self.is_right = all(_is_equal(after[name], value) for name, value in right.items())
            if not self.is_right or self.around.changed:
                self.around.put_back()
                self.refuse("it gives other numbers than the formula")
                return None
        return after, replay


def _fused(optimizer: Any, parts: Parts) -> Fused:
    """What is known of its rule, made anew if that does not hold any more."""
    known = vars(optimizer)["_fused"]
    if known is not None and known.holds(optimizer, parts):
        return known
    users = [part for part in parts.values() if not _is_librarys(part)]
    fused = Fused([], Surroundings(), is_right=not users, is_users=bool(users))
    try:
        check_formulas(parts)
        if any(part.project is not None for part in parts.values()):
            raise Untraceable("a projection looks at all weights")
        fused.around = Surroundings(*map(type, users), *(f for p in users for f in _formulas(p)))
        fused.updates = Updates(optimizer, optimizer.eta)
        if fused.around.changed:
            raise Untraceable("it keeps something from call to call")
        if fused.updates.cost < SHORT and optimizer._theta.size < LARGE:
            raise Untraceable("it is short: with so few weights one pass gains nothing")
    except Untraceable as reason:
        fused.around.put_back()
        fused.refuse(str(reason))
    fused.written = _written(optimizer, parts, fused.updates)
    return fused


def _written(optimizer: Any, parts: Parts, updates: Updates | None) -> list[Any]:
    """What may stand in the expressions, and what a formula of the user's own reads on itself."""
    settings = settings_of(parts)
    found: list[Any] = [np.ndim(optimizer.eta)]
    for prefix, part in parts.items():
        found += [part.project, *_formulas(part)]
        is_users = not _is_librarys(part)
        for name in type(part).__hyper_parameters__:
            if prefix + name not in settings and (is_users or name != "lr"):
                found.append(vars(part).get(name))
        if updates is not None and is_users:
            found += [v for n, v in extras(part).items() if (prefix, n) not in updates.left]
    return [repr(x) if isinstance(x, (list, tuple, dict)) else x for x in found]


def _formulas(part: Any) -> list[Any]:
    return [vars(part).get(name, getattr(type(part), name)) for name in FORMULAS]


def _is_librarys(part: Any) -> bool:
    """Whether its formulas are the library's, which tests hold; a class may be given another."""
    return is_library(type(part)) and all(
        formula.__module__.startswith("optimizers.") for formula in _formulas(part)
    )


def _state(parts: Parts) -> dict[str, Any]:
    return {prefix + name: vars(p)[name] for prefix, p in parts.items() for name in p.state}


def _is_same(one: Any, other: Any) -> bool:
    return one is other or (isinstance(one, str) and one == other)


def _is_plain(x: Any, size: int) -> bool:
    return type(x) is np.ndarray and x.dtype == float and x.shape == (size,)


def _is_equal(one: np.ndarray, other: Any) -> bool:
    return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True)
