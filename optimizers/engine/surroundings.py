"""What functions may change beside their results: looked at before a call, put back after it.

A trace calls a function more often than a run would, and a run in machine code not at all. Neither
may show: what counts its calls, keeps a list, draws by chance or prints is left to plain steps.
"""

from __future__ import annotations

import dis
import random
from array import array
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from functools import cache, partial
from operator import getitem, setitem
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
    SimpleNamespace,
)
from typing import Any

import numpy as np

from optimizers.engine.scalars import Untraceable
from optimizers.hyper_parameters import RuleClass
from optimizers.reads import inside, is_installed, is_ours

PRINTS = {"print", "input", "open", "display"}
OUTSIDE = {"time", "datetime", "logging", "warnings", "sys", "os", "pathlib", "IPython", "tqdm"}
OUTSIDE |= {"io", "_io", "csv", "_csv", "socket", "sqlite3", "subprocess", "queue"}
BY_CHANCE = {"default_rng", "RandomState", "SystemRandom", "urandom"}  # sources made in the loss
RAISES = {"errstate", "seterr"}  # what NumPy then raises, no trace sees
MOST = 2_000  # values that hold others
LARGE = 1 << 16  # numbers: a larger array is not looked at
HIDES = {"eval", "exec", "getattr", "globals", "locals", "vars", "import_module", "__import__"}
HIDES |= {"__dict__", "__globals__", "__closure__"}
# modules that hold nothing that changes
CONSTANT = {"numpy", "autograd", "scipy", "builtins", "math", "cmath", "operator", "functools"}
CONSTANT |= {"itertools", "collections", "fractions", "numbers", "typing", "types", "abc", "copy"}
CONSTANT |= {"dataclasses", "enum", "statistics", "random"}
LEAVES = (bool, int, float, complex, str, bytes, type(None), CodeType)
HOLDERS = {list, dict, set, frozenset, tuple, deque, OrderedDict, defaultdict, np.ndarray}
HOLDERS |= {property, staticmethod, classmethod, partial, np.ufunc}  # they have no other attributes
HOLDERS |= {FunctionType, BuiltinFunctionType, MethodType, ModuleType}
CHANCE = (np.random.Generator, np.random.RandomState, random.Random)

Place = tuple[Callable[[], Any], Callable[[Any], Any]]  # copies what it holds; puts that back


class Surroundings:
    """What functions hold, and what they name: closures, globals, attributes, lists, chance.

    Raises
    ------
    Untraceable
        If they print, look at a clock, or take from an iterator: that cannot be put back.

    Examples
    --------
    >>> calls = []
    >>> def loss(x):
    ...     calls.append(x)
    ...     return x**2
    >>> before = Surroundings(loss, calls)
    >>> loss(3.0), before.changed, calls
    (9.0, True, [3.0])
    >>> before.put_back()
    >>> before.changed, calls
    (False, [])
    """

    def __init__(self, *roots: Any) -> None:
        found = list(_places(roots))
        self._places = [(place[0], place[1], place[0]()) for place in found if place is not None]
        self._sees_all = None not in found

    @property
    def sees_all(self) -> bool:
        """Whether all was looked at: no large array, no object that does not show what it holds."""
        return self._sees_all

    @property
    def changed(self) -> bool:
        """Whether anything is not as it was."""
        return not all(_alike(before, look()) for look, _, before in self._places)

    def put_back(self) -> None:
        """Make everything what it was."""
        for look, put, before in self._places:
            if not _alike(before, look()):
                put(before)


def _alike(one: Any, other: Any) -> bool:
    """Whether two copies hold the same objects, or equal numbers."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(_alike(one[k], other[k]) for k in one)
    if isinstance(one, (list, tuple, deque)):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, np.ndarray):
        like = one.dtype == other.dtype and one.shape == other.shape
        return like and one.tobytes() == other.tobytes()
    if isinstance(one, (set, CodeType)):
        return bool(one == other)
    return _is_leaf(one) and repr(one) == repr(other)  # 0.0 is not -0.0, and nan is nan


def _is_leaf(value: Any) -> bool:
    return type(value) in LEAVES or isinstance(value, (np.generic, np.dtype))


def _places(roots: tuple[Any, ...]) -> Iterator[Place | None]:
    """Where the values are that these reach; None for what nobody looks into."""
    queue = deque((root, frozenset[str]()) for root in roots)
    seen: dict[Any, Any] = {}
    while queue:
        value, names = queue.popleft()
        key = id(value), names if isinstance(value, ModuleType) else None
        if _is_leaf(value) or key in seen:
            continue
        if len(seen) == MOST:
            raise Untraceable("it reaches too many values to look at them all")
        seen[key] = value  # kept, so that no two have one id
        if isinstance(value, FunctionType):
            names = _names(value.__code__)
        for place, held in _opened(value, names):
            if held is None or any(h is root for h in held for root in roots):
                yield None  # what reaches itself would be kept forever by who keeps this
            queue.extend((child, names) for child in held or [] if not _is_leaf(child))
            if place is not None:
                yield place


Opened = Iterator[tuple[Place | None, list[Any] | None]]


def _opened(value: Any, names: frozenset[str]) -> Opened:
    """The places in a value that may change, and what they hold; None for what is not seen."""
    if isinstance(value, ModuleType):
        yield from _of_module(value, names)
    elif isinstance(value, FunctionType):
        for cell in value.__closure__ or ():
            yield _attribute(cell, "cell_contents")
        yield _dict(vars(value))
        for name in ("__code__", "__defaults__", "__kwdefaults__"):
            yield _attribute(value, name)
        if not _is_fixed(value.__module__):
            if names & PRINTS:
                raise Untraceable("it prints, or reads a file or the keyboard")
            if names & BY_CHANCE:
                raise Untraceable("it makes a random generator of its own")
            if names & RAISES:
                raise Untraceable("it asks NumPy for errors")
            yield _some(value.__globals__, names)
        is_hidden = names & HIDES or _imports(value.__code__) or _has_settings(value.__module__)
        yield None, None if is_hidden else []
    elif isinstance(value, (BuiltinFunctionType, MethodType)):
        module = getattr(value, "__module__", None)
        _refuse_outside(module)
        yield None, [value.__self__, getattr(value, "__func__", None)]
        yield None, None if _has_settings(module) else []
    elif isinstance(value, partial):
        yield _dict(value.keywords)
        yield None, [value.func, *value.args]
    elif isinstance(value, type):
        module = getattr(value, "__module__", None)
        _refuse_outside(module)
        yield None, [type(value), *value.__bases__]
        if not _is_fixed(module):
            yield _class(value)
        elif value not in (object, type, SimpleNamespace, *HOLDERS, *LEAVES):
            in_python = any(isinstance(held, FunctionType) for held in vars(value).values())
            yield None, [] if in_python and not _has_settings(module) else None
    elif isinstance(value, (staticmethod, classmethod)):
        yield None, [value.__func__]
    elif isinstance(value, property):
        yield None, [value.fget]
    elif isinstance(value, CHANCE):
        yield _chance(value), []
    elif isinstance(value, (list, deque)):
        yield (value.copy, partial(_refill, value, value.extend)), list(value)
    elif isinstance(value, set):
        yield (value.copy, partial(_refill, value, value.update)), list(value)
    elif isinstance(value, (tuple, frozenset)):
        yield None, list(value)
    elif isinstance(value, np.ndarray):
        if value.size < LARGE and value.dtype != object:
            yield (value.copy, partial(np.copyto, value)), []
        if type(value) is not np.ndarray or value.size >= LARGE or value.dtype == object:
            yield None, None
    elif isinstance(value, np.ufunc):
        yield None, [] if getattr(np, value.__name__, None) is value else None
    elif isinstance(value, Iterator):
        raise Untraceable("it takes from an iterator")
    elif isinstance(value, dict):
        yield _dict(value)
        yield None, [getattr(value, "default_factory", None)]
    if type(value) in HOLDERS or isinstance(value, (type, *CHANCE)):
        return
    kind, slots = type(value), _slots(type(value))
    if isinstance(kind, RuleClass):
        raise Untraceable("it looks at the optimizer, which changes from step to step")
    own = getattr(value, "__dict__", None)
    if type(own) is dict:
        yield _dict(own)
        yield (partial(type, value), partial(setattr, value, "__class__")), []
    for name in slots:
        yield _attribute(value, name)
    if isinstance(value, array):
        yield (partial(getitem, value, slice(None)), partial(setitem, value, slice(None))), []
    elif type(own) is not dict:
        yield None, [] if slots else None
    yield None, [kind]


def _slots(kind: type) -> list[str]:
    """The names of the attributes that are not in an object's dict."""
    return [
        name
        for ancestor in kind.__mro__
        for name, held in vars(ancestor).items()
        if isinstance(held, MemberDescriptorType) and not is_installed(ancestor.__module__)
    ]


def _of_module(module: ModuleType, names: frozenset[str]) -> Opened:
    """What a function of these names finds there."""
    root = module.__name__.partition(".")[0]
    if root == "random":
        yield _chance(random._inst), []
    elif root in ("numpy", "autograd"):
        if "random" in names or module.__name__.endswith("random"):
            yield _chance(np.random.mtrand._rand), []
    else:
        _refuse_outside(root)
        if not _is_fixed(module.__name__):
            yield _some(vars(module), names)
        yield None, None if _has_settings(module.__name__) else []


def _refuse_outside(module: str | None) -> None:
    if (module or "").partition(".")[0] in OUTSIDE:
        raise Untraceable(f"it looks at the outside world, through {module}")


def _is_fixed(module: str | None) -> bool:
    """Whether the code is the library's or a package's."""
    return is_ours(module) or is_installed(module)


def _has_settings(module: str | None) -> bool:
    """Whether a package that nobody looks into may hold what changes."""
    constant = is_ours(module) or (module or "").partition(".")[0] in CONSTANT
    return is_installed(module) and not constant


@cache
def _names(code: CodeType) -> frozenset[str]:
    """The names of globals and attributes in the code of a function, and of those made in it."""
    return frozenset(code.co_names).union(*map(_names, inside(code)))


@cache
def _imports(code: CodeType) -> bool:
    """Whether a function imports when it is called."""
    own = any(step.opname == "IMPORT_NAME" for step in dis.get_instructions(code))
    return own or any(map(_imports, inside(code)))


def _refill(holder: Any, fill: Callable[[Any], Any], before: Any) -> None:
    holder.clear()
    fill(before)


def _dict(holder: dict[Any, Any]) -> tuple[Place, list[Any]]:
    return (holder.copy, partial(_refill, holder, holder.update)), list(holder.values())


def _some(holder: dict[str, Any], names: frozenset[str]) -> tuple[Place, list[Any]]:
    def look() -> dict[str, Any]:
        return {name: holder[name] for name in names if name in holder}

    return (look, holder.update), list(look().values())


def _attribute(holder: Any, name: str) -> tuple[Place, list[Any]]:
    held = partial(getattr, holder, name, None)
    return (held, partial(setattr, holder, name)), [held()]


def _class(holder: type) -> tuple[Place, list[Any]]:
    def look() -> dict[str, Any]:
        own = vars(holder).items()
        return {n: v for n, v in own if not n.startswith("__") or callable(v)}

    def put(before: dict[str, Any]) -> None:
        for name in look().keys() - before.keys():
            delattr(holder, name)
        for name, value in before.items():
            if vars(holder).get(name) is not value:
                setattr(holder, name, value)

    return (look, put), list(look().values())


def _chance(source: Any) -> Place:
    if isinstance(source, random.Random):
        return source.getstate, source.setstate
    if isinstance(source, np.random.RandomState):
        return source.get_state, source.set_state
    return partial(getattr, source.bit_generator, "state"), partial(
        setattr, source.bit_generator, "state"
    )
