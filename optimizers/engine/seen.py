"""An optimizer, looked at once: its parts, what it is set to, whose formulas it follows."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from optimizers.engine.scalars import Untraceable
from optimizers.reads import is_ours
from optimizers.state import is_library, parts

FORMULAS = ("direction", "update", "moved", "handed_out")


class Seen:
    """What a step depends on besides its inputs.

    Parameters
    ----------
    optimizer
        It is looked at, not changed; what is found holds until it makes a step.

    Attributes
    ----------
    parts
        The optimizer and those inside it, by what stands before the names of what they hold.
    settings
        The hyper-parameters that are numbers, or one number a run, by name.
    """

    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer
        self.parts = by_prefix(optimizer)
        self.settings = settings_of(self.parts)
        theta = optimizer._theta
        self.runs: int | None = None if theta.ndim == 1 else len(theta)

    @cached_property
    def is_librarys(self) -> bool:
        """Whether nothing but the library's own formulas makes the step."""
        return all(map(_is_librarys, self.parts.values()))

    @cached_property
    def cannot_change(self) -> bool:
        """Whether it is the library's own rule on its own function."""
        return self.is_librarys and bool(self.optimizer.gradient.problem.is_library)

    @property
    def columns(self) -> frozenset[str]:
        """The settings that differ from run to run; "eta" if a schedule's learning rate does."""
        optimizer = self.optimizer
        columns = {name for name, value in self.settings.items() if np.ndim(value) > 1}
        if callable(optimizer.lr) and np.ndim(optimizer._scheduled(optimizer.t + 1)) > 1:
            columns |= {"eta"}
        return frozenset(columns)

    @property
    def carried(self) -> dict[str, np.ndarray]:
        """Weights and state, by the names that a step gives them."""
        found = {"theta": self.optimizer._theta}
        for prefix, part in self.parts.items():
            held = vars(part)
            for name in part.state:
                found[prefix + name] = held[name]
        return found

    @property
    def of_the_user(self) -> list[Any]:
        """What may do more than compute: the loss, the rule, a schedule, a projection, …"""
        problem, found = self.optimizer.gradient.problem, []
        if not problem.is_library:
            found.append(problem.given)
        for part in self.parts.values():
            held = vars(part)
            settings = (held.get(name) for name in type(part).__hyper_parameters__)
            found += filter(callable, settings)
            if not _is_librarys(part):
                found += [type(part), part.project]
        return found

    def key(self, watch: tuple[str, ...]) -> Any:
        """What tells a step from others, as far as it is known."""
        optimizer, told = self.optimizer, []
        for prefix, part in self.parts.items():
            rule, held = type(part), vars(part)
            told += [rule, rule.direction, rule.update, rule.handed_out]
            for name in rule.__hyper_parameters__:
                is_input = prefix + name in self.settings or (prefix and name == "lr")
                if name in held and not is_input:
                    told.append((name, _frozen(held[name])))
        is_scheduled = callable(optimizer.lr)
        nesting = optimizer.gradient.nesting
        return nesting, self.runs is None, watch, is_scheduled, self.is_librarys, *told


def by_prefix(optimizer: Any) -> dict[str, Any]:
    """The optimizer and those inside it, by what stands before the names of what they hold."""
    first, *others = parts(optimizer)
    return {"": first} | {f"{type(part).__name__}_": part for part in others}


def check_formulas(parts: dict[str, Any]) -> None:
    """Refuse an optimizer that was given a formula which is not that of its class."""
    if any(name in vars(part) for part in parts.values() for name in FORMULAS):
        raise Untraceable("a formula was set on the optimizer itself")


def settings_of(parts: dict[str, Any]) -> dict[str, Any]:
    """The hyper-parameters that are numbers, or one number a run, by name."""
    found = {}
    for prefix, part in parts.items():
        held = vars(part)
        for name, known in type(part).__hyper_parameters__.items():
            value = held.get(name)
            if known.kind.range is None or (prefix and name == "lr"):
                continue
            if isinstance(value, float) or (isinstance(value, np.ndarray) and value.ndim > 1):
                found[prefix + name] = value
    return found


def _is_librarys(part: Any) -> bool:
    """Whether its formulas are the library's, which tests hold; a class may be given another."""
    rule, held = type(part), vars(part)
    if part.project is not None or not is_library(rule) or any(n in held for n in FORMULAS):
        return False
    if not all(is_ours(getattr(rule, name).__module__) for name in FORMULAS):
        return False
    return not any(
        callable(held.get(name)) and name not in ("lr", "inner")
        for name in rule.__hyper_parameters__
    )


def _frozen(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.shape, value.tobytes()
    if callable(value):
        return "schedule" if not isinstance(value, type) else value
    return type(value), repr(value)
