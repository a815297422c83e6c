"""What a value is, in words and numbers that stay the same from process to process."""

from __future__ import annotations

import dis
import inspect
import json
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import cached_property, partial
from hashlib import blake2b
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

FEW = 8  # values that are written out; of longer arrays a digest tells whether they differ


def described(value: Any) -> Any:
    """Describe a value so that equal values, and no others, are described alike.

    Rules and functions are told by their names, by a digest of their code, and by what the code
    reads from outside: a changed formula counts as another, and so does a changed constant.

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
    if id(value) in above:
        return "itself"

    def inner(part: Any) -> Any:
        return _described(part, (*above, id(value)), told)

    if isinstance(value, (FunctionType, type)):
        code: dict[str, Any] = {"class" if isinstance(value, type) else "function": _name(value)}
        installed = _is_installed(value.__module__)
        if id(value) in told or (installed and isinstance(value, type)):
            return code
        told.add(id(value))
        if isinstance(value, type):
            return code | {"code": _digest_of(inner(_parts(value)))}
        if not installed:
            code["code"] = _digest_of(_code(value.__code__))
        reads = inner(_reads(value))
        return code | ({"reads": reads} if reads else {})
    if _is_routine(value) and not inspect.ismethod(value):
        return inner(value.__wrapped__) if hasattr(value, "__wrapped__") else _name(value)
    if isinstance(value, (list, tuple, np.ndarray)):
        items = [inner(item) for item in value]
        return items if len(items) <= FEW else f"{len(items)} values, {_digest_of(items)}"
    if isinstance(value, (set, frozenset)):
        return sorted((inner(item) for item in value), key=json.dumps)
    if isinstance(value, Mapping):
        return {str(key): inner(item) for key, item in value.items()}
    if isinstance(value, partial):
        return inner({"of": value.func, "given": value.args, "named": value.keywords})
    if inspect.ismethod(value):
        return inner({"method": value.__func__, "of": value.__self__})
    if is_dataclass(value):
        own = {f.name: getattr(value, f.name) for f in fields(value) if f.name[0] != "_"}
    else:
        shows = re.sub(" at 0x[0-9a-fA-F]+", "", repr(value))
        own = getattr(value, "__dict__", None) or {"shows": shows}
    return inner(type(value)) | inner(own)


def _parts(kind: type) -> dict[str, Any]:
    """The functions and the constants of a class and of those that it grew from."""
    found = {}
    for ancestor in kind.__mro__:
        if _is_installed(ancestor.__module__):
            continue
        for name, part in vars(ancestor).items():
            if isinstance(part, (staticmethod, classmethod)):
                part = part.__func__
            elif isinstance(part, property):
                part = part.fget
            elif isinstance(part, cached_property):
                part = part.func
            constant = not (name.startswith(("__", "_abc_")) or _is_routine(part))
            if isinstance(part, FunctionType) or (constant and not inspect.isdatadescriptor(part)):
                found[f"{_name(ancestor)}.{name}"] = part
    return found


def _reads(function: FunctionType) -> dict[str, Any]:
    """What a function knows beside its arguments: closure, defaults, globals of its own module."""
    found: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):  # an empty cell: what it stands for is not made yet
            found[name] = cell.cell_contents
    if not _is_installed(function.__globals__.get("__name__")):
        found |= {"defaults": function.__defaults__, "named": function.__kwdefaults__}
        for name in _globals(function.__code__):
            value = function.__globals__.get(name)
            elsewhere = getattr(value, "__module__", None) != function.__module__
            is_code = _is_routine(value) or isinstance(value, type)
            found[name] = _name(value) if is_code and elsewhere else value
    return {name: v for name, v in found.items() if not (v is None or isinstance(v, ModuleType))}


def _is_installed(module: str | None) -> bool:
    """Whether the code is Python's own or a package's: it does not change under its name."""
    file = getattr(sys.modules.get(module or ""), "__file__", None) or ""
    return (module or "").partition(".")[0] in sys.stdlib_module_names or "-packages" in file


def _is_routine(value: Any) -> bool:
    """Whether it has a name of its own. From Python 3.14 on, inspect counts partials as well."""
    return inspect.isroutine(value) and not isinstance(value, partial)


def _globals(code: CodeType) -> list[str]:
    names = [i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"]
    return names + [name for part in _inside(code) for name in _globals(part)]


def _inside(code: CodeType) -> list[CodeType]:
    """The functions that are made in a function."""
    return [part for part in code.co_consts if isinstance(part, CodeType)]


def _code(code: CodeType) -> list[Any]:
    """What the code does, without the places in the file at which it says so."""
    constants = [described(part) for part in code.co_consts if not isinstance(part, CodeType)]
    return [code.co_code.hex(), code.co_names, constants, [_code(part) for part in _inside(code)]]


def _name(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"


def _digest_of(value: Any) -> str:
    return _digest(json.dumps(value, sort_keys=True).encode())


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=8).hexdigest()
