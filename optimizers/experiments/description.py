"""What a value is, in words and numbers that stay the same from process to process."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import Field, fields
from functools import cached_property, partial, singledispatchmethod
from hashlib import blake2b
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from optimizers.reads import (
    inside,
    is_installed,
    is_ours,
    is_routine,
    is_users,
    qualified_name,
    reads,
)

FEW = 8  # values that are written out; of longer arrays a digest tells whether they differ
PLAIN = (list, tuple, np.ndarray, set, frozenset, dict, partial, MethodType)


def described(value: Any) -> Any:
    """Describe a value so that equal values, and no others, are described alike.

    Rules and functions are told by their names, by a digest of their code, and by what the code
    reads from outside: a changed formula counts as another, and so does a changed constant, or a
    changed helper in a module of the user's. Objects are told by their class and their attributes,
    those that `__getstate__` names if the class has one.

    Not seen: what is read from files, compiled code, installed packages and other modules of this
    toolkit (their names count), what code reaches through `getattr`, what is set on a function.

    Examples
    --------
    >>> described([0.1, np.arange(3)])
    [0.1, [0, 1, 2]]
    >>> def scaled(c):
    ...     return lambda x: c * x
    >>> described(scaled(2)) == described(scaled(2)), described(scaled(2)) == described(scaled(3))
    (True, False)
    """
    return _described(value, (), set())


def _described(value: Any, above: tuple[int, ...], told: set[int]) -> Any:
    """`above` is what this value is a part of, `told` the code that needs no second telling."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype != object:
        if value.size <= FEW:
            return value.tolist()
        return f"{value.dtype} {value.shape}, {_digest(np.ascontiguousarray(value).tobytes())}"
    if isinstance(value, ModuleType):
        return value.__name__

    def inner(part: Any) -> Any:
        return _described(part, (*above, id(value)), told)

    if isinstance(value, (FunctionType, type)):
        code: dict[str, Any] = {
            "class" if isinstance(value, type) else "function": qualified_name(value)
        }
        installed = is_installed(value.__module__)
        if id(value) in told or (installed and isinstance(value, type)):
            return code
        told.add(id(value))
        if isinstance(value, type):
            return code | {"code": _digest_of(inner(_parts(value)))}
        if not installed:
            code["code"] = _digest_of(_code(value.__code__))
        outside = inner(reads(value))
        return code | ({"reads": outside} if outside else {})
    if id(value) in above:
        return "itself"
    if is_routine(value) and not isinstance(value, MethodType):
        if hasattr(value, "__wrapped__"):
            return inner(value.__wrapped__)
        owner = getattr(value, "__self__", None)
        if owner is None or isinstance(owner, (ModuleType, type)):
            return qualified_name(value)
        return inner({"method": value.__name__, "of": owner})
    items = _items(value, inner)
    if items is not None and (type(value) in PLAIN or is_installed(type(value).__module__)):
        return items
    if items is not None:
        own = inner(_attributes(value)) | {"items": items}
    else:
        own = inner(_attributes(value) or {"shows": _shown(value)})
    return inner(type(value)) | own


def _items(value: Any, inner: Callable[[Any], Any]) -> Any:
    """What is in a collection, a partial or a method; None for anything else."""
    if isinstance(value, (list, tuple, np.ndarray)):
        items = [inner(item) for item in value]
        return items if len(items) <= FEW else f"{len(items)} values, {_digest_of(items)}"
    if isinstance(value, (set, frozenset)):
        return sorted((inner(item) for item in value), key=json.dumps)
    if isinstance(value, Mapping):
        return {_shown(key, str): inner(item) for key, item in value.items()}
    if isinstance(value, partial):
        return inner({"of": value.func, "given": value.args, "named": value.keywords})
    if isinstance(value, MethodType):
        return inner({"method": value.__func__, "of": value.__self__})
    return None


def _shown(value: Any, how: Callable[[Any], str] = repr) -> str:
    """In words, without the place in memory."""
    return re.sub(" at 0x[0-9a-fA-F]+", "", how(value))


def _attributes(value: Any) -> dict[str, Any]:
    """What an object keeps in its __dict__ and in the __slots__ of its classes."""
    kind: Any = type(value)
    if "__dataclass_fields__" in vars(kind) and not is_users(kind.__module__):
        return {f.name: getattr(value, f.name, None) for f in fields(value) if _counts(f)}
    state: Any = object.__getstate__(value)
    installed = is_installed(kind.__module__) and not is_ours(kind.__module__)
    module = getattr(kind.__getstate__, "__module__", None)
    generated = module == "dataclasses"  # for frozen slots: the fields alone
    if kind.__getstate__ is not object.__getstate__ and not (installed or generated):
        with suppress(Exception):  # it says that it cannot be pickled
            state = value.__getstate__()
    parts = state if isinstance(state, tuple) and len(state) == 2 else (state, None)  # and slots
    if not all(part is None or isinstance(part, dict) for part in parts):
        return {"state": state}
    return {
        name: part
        for found in parts
        for name, part in (found or {}).items()
        if not isinstance(getattr(kind, name, None), cached_property)  # made of the others
    }


def _counts(field: Field[Any]) -> bool:
    """Whether a field of a dataclass that is not the user's is more than a private note."""
    return not field.name.startswith("_") or (field.init and field.compare)


def _parts(kind: type) -> dict[str, Any]:
    """The functions and the constants of a class and of those that it grew from."""
    found = {}
    for ancestor in kind.__mro__:
        if is_installed(ancestor.__module__):
            continue
        for name, part in vars(ancestor).items():
            is_code = callable(part) or hasattr(part, "__get__")
            if isinstance(part, (staticmethod, classmethod)):
                part = part.__func__
            elif isinstance(part, property):
                part = [of for of in (part.fget, part.fset) if of is not None]
            elif isinstance(part, cached_property):
                part = part.func
            elif isinstance(part, singledispatchmethod):  # beside its functions it keeps a cache
                part = {qualified_name(of): f for of, f in part.dispatcher.registry.items()}
            is_place = inspect.ismemberdescriptor(part) or inspect.isgetsetdescriptor(part)
            if not is_place and (is_code or not name.startswith(("__", "_abc_"))):
                found[f"{qualified_name(ancestor)}.{name}"] = part
    return found


def _code(code: CodeType) -> list[Any]:
    """What the code does, without the places in the file at which it says so."""
    constants = [described(part) for part in code.co_consts if not isinstance(part, CodeType)]
    return [code.co_code.hex(), code.co_names, constants, [_code(part) for part in inside(code)]]


def _digest_of(value: Any) -> str:
    return _digest(json.dumps(value, sort_keys=True).encode())


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=8).hexdigest()
