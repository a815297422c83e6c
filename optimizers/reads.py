"""What a function reads beside its arguments, and whose code is whose."""

from __future__ import annotations

import dis
import importlib
import inspect
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from importlib.util import find_spec, resolve_name
from types import CodeType, FunctionType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

STANDARD = os.path.join(os.path.dirname(os.__file__), "")  # where Python's own modules are
PACKAGES = re.compile(r"[\\/](site|dist)-packages[\\/]")


def reads(function: FunctionType) -> dict[str, Any]:
    """What a function knows beside its arguments: closure, defaults, globals, imported modules.

    Of a module of the user's it is what the module has of the names that the function spells out.
    Of code in other modules of this toolkit it is the name.

    Examples
    --------
    >>> c = 2
    >>> def scaled(x, power=1):
    ...     return c * x**power
    >>> reads(scaled)
    {'defaults': (1,), 'c': 2}
    """
    code, here = function.__code__, function.__module__
    found: dict[str, Any] = {}
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):  # an empty cell: what it stands for is not made yet
            if not isinstance(cell.cell_contents, WeakKeyDictionary):  # singledispatch's notes
                found[name] = cell.cell_contents
    if not is_installed(function.__globals__.get("__name__")):
        found |= {"defaults": function.__defaults__, "named": function.__kwdefaults__}
        for name in _globals(code):
            value = function.__globals__.get(name)
            module = getattr(value, "__module__", None)
            elsewhere = (is_routine(value) or isinstance(value, type)) and module != here
            found[name] = qualified_name(value) if elsewhere and is_ours(module) else value
        found |= {f"import {of.__name__}": of for of in _imported(function)}
    names = dict.fromkeys(name for part in _all(code) for name in part.co_names)
    outside: dict[str, Any] = {}
    for name, value in found.items():
        if isinstance(value, ModuleType):
            outside |= _of_module(value, names, set())
        elif value is not None:
            outside[name] = value
    return outside


def _of_module(module: ModuleType, names: Iterable[str], seen: set[str]) -> dict[str, Any]:
    """What a module of the user's and its submodules have of these names."""
    found: dict[str, Any] = {}
    if module.__name__ in seen or not is_users(module.__name__):
        return found
    seen.add(module.__name__)
    for name in names:
        value = vars(module).get(name)
        if isinstance(value, ModuleType):
            found |= _of_module(value, names, seen)
        elif value is not None:
            found[f"{module.__name__}.{name}"] = value
    return found


def _imported(function: FunctionType) -> Iterator[ModuleType]:
    """The user's modules that a function imports itself, as it would when it is called."""
    package = function.__globals__.get("__package__") or ""
    for code in _all(function.__code__):
        steps = [s for s in dis.get_instructions(code) if s.opname != "EXTENDED_ARG"]
        for level, names, step in zip(steps, steps[1:], steps[2:], strict=False):
            if step.opname != "IMPORT_NAME":
                continue
            with suppress(Exception):  # whatever it is, the call will say
                name = resolve_name("." * level.argval + step.argval, package)
                if not is_users(name):
                    continue
                module = importlib.import_module(name)
                for part in names.argval or ():
                    if not hasattr(module, part):
                        importlib.import_module(f"{name}.{part}")
                yield module if names.argval else sys.modules[name.partition(".")[0]]


def is_users(module: str | None) -> bool:
    """Whether the code is the user's own, which may change from one run to the next."""
    return not (is_installed(module) or is_ours(module))


def is_ours(module: str | None) -> bool:
    """Whether the code is this toolkit's own, of which a store knows the version."""
    return (module or "").partition(".")[0] == __name__.partition(".")[0]


def is_installed(module: str | None) -> bool:
    """Whether the code is Python's own or a package's: it does not change under its name."""
    if not module or module == "__main__":
        return False
    root = module.partition(".")[0]
    if module in sys.modules:
        file = getattr(sys.modules[module], "__file__", None)
    else:
        spec = None
        with suppress(ImportError, ValueError):
            spec = find_spec(root)
        file = spec.origin if spec is not None and spec.has_location else None
    if file is None:
        return root in sys.stdlib_module_names
    return file.startswith(STANDARD) or PACKAGES.search(file) is not None


def is_routine(value: Any) -> bool:
    """Whether it is a function with a name of its own, and no object that acts as one.

    inspect counts a partialmethod and other descriptors as well, from Python 3.14 on partials.
    """
    if isinstance(value, partial) or not inspect.isroutine(value):
        return False
    return hasattr(value, "__qualname__") or hasattr(value, "__wrapped__")


def _globals(code: CodeType) -> list[str]:
    by_name = ("LOAD_GLOBAL", "LOAD_NAME")  # the latter in the body of a class
    return [
        step.argval
        for part in _all(code)
        for step in dis.get_instructions(part)
        if step.opname in by_name
    ]


def _all(code: CodeType) -> Iterator[CodeType]:
    """The code of a function, and of those that are made in it."""
    yield code
    for part in inside(code):
        yield from _all(part)


def inside(code: CodeType) -> list[CodeType]:
    """The functions that are made in a function."""
    return [part for part in code.co_consts if isinstance(part, CodeType)]


def qualified_name(value: Any) -> str:
    """The name of a function or a class, with its module if it has one."""
    module = getattr(value, "__module__", None)  # object.__setattr__ has none
    return f"{module}.{value.__qualname__}" if module else str(value.__qualname__)
