"""A computation as scalars: each number that it makes is an expression of those it is made of.

NumPy code runs on arrays of such expressions (`Symbols`) as it is written, and what comes out says
what every number is. Where NumPy adds many numbers, the order in which it does is kept, so that
whoever computes the expressions gets NumPy's numbers to the last bit; an order that is not known is
found by trial or refused.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from fractions import Fraction
from functools import cache, partial, reduce
from math import prod
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

HYPER, STEP, RUN = 1, 2, 4  # what a number depends on: settings, the step t, where the run is
LONGEST = 4_000  # scalars; what is longer takes longer to compile than it saves
BRANCHES = 6  # in one step, on t or on settings
TRIALS = 8  # arrays of random numbers on which an order of adding must prove itself


class _Noted(Exception):
    """Remembered, since the function that is followed may catch it and go another way."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        noted = _noted.get()
        if noted is not None:
            noted.append(self)


class Untraceable(_Noted):
    """The computation cannot be written down as scalars; the message says why in plain words."""


class _Fork(_Noted):
    """A branch whose condition is not chosen yet."""


_room: ContextVar[list[int] | None] = ContextVar("room", default=None)
_chosen: ContextVar[dict[Scalar, bool] | None] = ContextVar("chosen", default=None)
_noted: ContextVar[list[_Noted] | None] = ContextVar("noted", default=None)
_known: WeakValueDictionary[Any, Scalar] = WeakValueDictionary()

COMPARISONS = {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"}
LOGIC = {"logical_and", "logical_or", "logical_not", "logical_xor"}
OF_BOOLS = {"bitwise_and": "logical_and", "bitwise_or": "logical_or", "add": "logical_or"}
OF_BOOLS |= {"bitwise_xor": "logical_xor", "invert": "logical_not", "multiply": "logical_and"}
OF_BOOLS |= {"maximum": "logical_or", "minimum": "logical_and"}


class Scalar:
    """One number, or truth value: an operation and what it is applied to.

    There is one node for each expression: equal ones are the same object. The operations have the
    names of NumPy's ufuncs; besides, there are "constant", "input" (a name and an index), "where",
    "fma" (a·b + c, rounded once), "pow" (Python's ** of two numbers, NumPy's is "power"), "matmul"
    (the layout of two matrices, and their elements) and "part" (an index and a matmul).
    """

    __slots__ = ("__weakref__", "args", "depends", "is_bool", "op")
    op: str
    args: tuple[Any, ...]
    depends: int
    is_bool: bool

    shape, ndim, size = (), 0, 1

    def __bool__(self) -> bool:
        if self.op == "constant":
            return bool(self.args[0])
        chosen = _chosen.get()
        if self.depends & RUN or chosen is None:
            raise Untraceable("it branches on a value (if, while, and, or, not, max())")
        if self not in chosen:
            raise _Fork(self)
        return chosen[self]

    def __float__(self) -> float:
        raise Untraceable("it takes a value out of NumPy: float(), math, an array of numbers")

    __int__ = __index__ = __float__

    def __iter__(self) -> Iterator[Any]:
        raise TypeError("a number has no parts")

    def __getitem__(self, key: Any) -> Any:
        return _wrapped(_bare(self)[key])

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        return _ufunc(ufunc, method, *inputs, **keywords)

    def __array_function__(self, function: Any, types: Any, args: Any, keywords: Any) -> Any:
        return _function(function, args, keywords)

    def __repr__(self, *how: Any) -> str:
        raise Untraceable("it prints or formats a value")

    __str__ = __format__ = __repr__


def _node(op: str, args: tuple[Any, ...], depends: int, is_bool: bool, key: Any = None) -> Scalar:
    key = (op, args) if key is None else key
    found = _known.get(key)
    if found is None:
        found = object.__new__(Scalar)
        found.op, found.args, found.depends, found.is_bool = op, args, depends, is_bool
        _known[key] = found
        room = _room.get()
        if room is not None:
            room[0] -= 1
            if room[0] < 0:
                raise Untraceable(f"it takes more than {LONGEST} scalars")
    return found


def constant(value: Any) -> Scalar:
    """A number that is known; Python's ints stay ints, as 2**-1 and 7 % 5 want them."""
    value = value.item() if isinstance(value, (np.generic, np.ndarray)) else value
    if isinstance(value, Scalar):
        return value
    if not isinstance(value, (bool, int, float)):
        raise Untraceable(f"it computes with something other than real numbers: {type(value)}")
    return _node(
        "constant", (value,), 0, value is True or value is False, (type(value), repr(value))
    )


def names_in(x: Scalar) -> set[str]:
    """The names of the inputs that an expression is made of."""
    found, open_, seen = set(), [x], {x}
    while open_:
        x = open_.pop()
        if x.op == "input":
            found.add(x.args[0])
        elif x.op != "constant":
            new = [a for a in x.args if isinstance(a, Scalar) and a.depends and a not in seen]
            open_ += new
            seen.update(new)
    return found


def inputs(name: str, shape: tuple[int, ...], depends: int = RUN) -> Symbols:
    """An array of numbers that are given from outside."""
    count = int(np.prod(shape))
    flat = [_node("input", (name, i), depends, False, (name, i, depends)) for i in range(count)]
    return _wrapped(_objects(flat).reshape(shape), always=True)


@contextmanager
def limited(longest: int = LONGEST) -> Iterator[None]:
    """Refuse what makes more scalars than that inside."""
    before = _room.set([longest])
    try:
        yield
    finally:
        _room.reset(before)


def explored(function: Callable[[], dict[str, Symbols]]) -> dict[str, Symbols]:
    """Run a function each way that its branches on t and on settings can go; join the results.

    Examples
    --------
    >>> t = inputs("t", (), STEP)[()]
    >>> explored(lambda: {"d": t * 2 if t % 5 == 0 else t})["d"][()].op
    'where'
    """
    return _explored(function, {})


def _explored(function: Callable[[], Any], chosen: dict[Scalar, bool]) -> dict[str, Symbols]:
    before, noted = _chosen.set(chosen), _noted.set([])
    try:
        return _followed(function)
    except _Fork as fork:
        condition = fork.args[0]
    finally:
        _chosen.reset(before)
        _noted.reset(noted)
    if len(chosen) == BRANCHES:
        raise Untraceable(f"it branches more than {BRANCHES} times on t or on settings")
    yes, no = (_explored(function, chosen | {condition: way}) for way in (True, False))
    if [(k, np.shape(v)) for k, v in yes.items()] != [(k, np.shape(v)) for k, v in no.items()]:
        raise Untraceable("its branches make arrays of different shapes")
    return {name: _wrapped(_bare(_where(condition, yes[name], no[name]))) for name in yes}


def _followed(function: Callable[[], Any]) -> Any:
    """What a function returns; the first refusal in it, if it went on after that."""
    noted = _noted.get()
    try:
        found = function()
    except Exception:
        if noted:
            raise noted[0] from None
        raise
    if noted:
        raise noted[0]
    return found


# ------------------------------------------------------------------------------- one expression

# what a number that depends on t and on settings alone is computed with: as Python would
PLAIN: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "floor_divide": operator.floordiv,
    "remainder": operator.mod,
    "negative": operator.neg,
    "absolute": abs,
    "pow": operator.pow,
    "where": lambda *args: np.asarray(np.where(*args))[()],
    "fma": lambda a, b, c: float(Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))),
}


def plain(op: str) -> Callable[..., Any]:
    """The function of numbers that an operation is."""
    return PLAIN.get(op) or getattr(np, op)


def scalar(op: str, *given: Any) -> Scalar:
    """The expression op(*given), in its simplest form that has the same value, nan included."""
    args = tuple(map(constant, given))
    if op in OF_BOOLS and all(a.is_bool for a in args):
        op = OF_BOOLS[op]
    elif op.startswith("bitwise") or op == "invert":
        raise Untraceable("it works on the bits of whole numbers")
    if op == "where":
        condition, yes, no = args
        condition = condition if condition.is_bool else scalar("not_equal", condition, 0.0)
        if yes is no or condition.op == "constant":
            return yes if yes is no or condition.args[0] else no
        kinds_differ = yes.is_bool != no.is_bool
        args = (condition, *map(_number, (yes, no))) if kinds_differ else (condition, yes, no)
    elif op in LOGIC:
        args = tuple(a if a.is_bool else scalar("not_equal", a, 0.0) for a in args)
    else:
        args = tuple(map(_number, args))
        if op in ALIASES and (found := ALIASES[op](*args)) is not None:
            return found
    if all(a.op == "constant" for a in args):
        with np.errstate(all="ignore"):
            return constant(
                plain(op)(*(np.float64(_float(a)) if not a.is_bool else a.args[0] for a in args))
            )
    is_bool = op in COMPARISONS or op in LOGIC or (op == "where" and args[1].is_bool)
    return _node(op, args, reduce(operator.or_, (a.depends for a in args)), is_bool)


def _number(x: Scalar) -> Scalar:
    """A truth value as 1 or 0."""
    return scalar("where", x, 1.0, 0.0) if x.is_bool else x


def _float(x: Scalar) -> Any:
    return float(x.args[0]) if x.op == "constant" else None


SQUARES = {-1, 0, 0.5, 1, 2}  # exponents for which NumPy has short ways


def _power(x: Scalar, y: Scalar) -> Scalar | None:
    """NumPy's own short ways, where one number is the exponent of all."""
    special: dict[float, tuple[Any, ...]] = {
        -1: ("divide", 1.0, x),
        0.5: ("sqrt", x),
        2: ("multiply", x, x),
    }
    if y.op != "constant" or x.op == "constant":
        return None
    if y.args[0] in (0, 1):
        return x if y.args[0] else constant(1.0)
    return scalar(*special[y.args[0]]) if y.args[0] in special else None


ALIASES: dict[str, Callable[..., Scalar | None]] = {
    # the sign of a zero is not kept
    "add": lambda x, y: x if _float(y) == 0 else y if _float(x) == 0 else None,
    "subtract": lambda x, y: x if _float(y) == 0 else None,
    "multiply": lambda x, y: x if _float(y) == 1 else y if _float(x) == 1 else None,
    "divide": lambda x, y: x if _float(y) == 1 else None,
    "pow": lambda x, y: x if _float(y) == 1 else None,
    "power": _power,
    "float_power": lambda x, y: scalar("power", x, y),
    "square": lambda x: scalar("multiply", x, x),
    "reciprocal": lambda x: scalar("divide", 1.0, x),
    "positive": lambda x: x,
    "conjugate": lambda x: x,
    "fabs": lambda x: scalar("absolute", x),
    "isnan": lambda x: scalar("not_equal", x, x),
    "isinf": lambda x: scalar("equal", scalar("absolute", x), np.inf),
    "isfinite": lambda x: scalar("less", scalar("absolute", x), np.inf),
    "clip": lambda x, low, high: scalar("minimum", scalar("maximum", x, low), high),
}


def _operator(op: str, swapped: bool = False) -> Callable[..., Any]:
    ufunc = np.power if op == "pow" else getattr(np, op)

    def method(x: Scalar, *other: Any) -> Any:
        args = (*other, x) if swapped else (x, *other)
        if other and isinstance(other[0], (np.ndarray, list, tuple)):
            return _ufunc(ufunc, "__call__", *args)
        known = not other or isinstance(other[0], (Scalar, int, float, np.generic))
        return scalar(op, *args) if known else NotImplemented

    return method


for _name, _op in {
    **{"add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "pow"},
    **{"mod": "remainder", "floordiv": "floor_divide", "and": "bitwise_and", "or": "bitwise_or"},
}.items():
    setattr(Scalar, f"__{_name}__", _operator(_op))
    setattr(Scalar, f"__r{_name}__", _operator(_op, swapped=True))
for _name, _op in {
    **{"neg": "negative", "abs": "absolute", "pos": "positive", "invert": "invert"},
    **{"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"},
}.items():
    setattr(Scalar, f"__{_name}__", _operator(_op))
Scalar.__eq__, Scalar.__ne__ = _operator("equal"), _operator("not_equal")  # type: ignore[method-assign]
Scalar.__hash__ = object.__hash__  # type: ignore[method-assign]


def evaluated(values: Any, given: dict[str, Any]) -> np.ndarray:
    """Expressions as numbers, where the inputs are these arrays or numbers, by name.

    Examples
    --------
    >>> x = inputs("x", (2,))
    >>> evaluated(x * 3 + x[0], {"x": [1.0, 2.0]})
    array([4., 7.])
    """
    found: dict[Scalar, Any] = {}

    def value(x: Scalar) -> Any:
        if x not in found:
            found[x] = made(x)
        return found[x]

    def made(x: Scalar) -> Any:
        if x.op == "constant":
            return x.args[0]
        if x.op == "input":
            name, i = x.args
            return np.ravel(given[name])[i]
        if x.op == "matmul":
            (one, other), *elements = x.args
            flat, size = list(map(value, elements)), prod(one[0])
            return np.matmul(
                np.reshape(flat[:size], one[0]), np.reshape(flat[size:], other[0])
            ).ravel()
        if x.op == "part":
            i, call = x.args
            return value(call)[i]
        return plain(x.op)(*map(value, x.args))

    with np.errstate(all="ignore"):
        numbers = [value(x) for x in np.ravel(_bare(values))]
    return np.reshape(np.array(numbers, float), np.shape(values))


# --------------------------------------------------------------------------- arrays of expressions


class Symbols(np.ndarray):
    """An array of scalars, on which NumPy's functions work as on an array of numbers."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        return _ufunc(ufunc, method, *inputs, **keywords)

    def __array_function__(self, function: Any, types: Any, args: Any, keywords: Any) -> Any:
        return _function(function, args, keywords)

    def dot(self, other: Any) -> Any:  # type: ignore[override]
        """As np.dot, which the method of an array would pass by."""
        return _function(np.dot, (self, other), {})

    def astype(self, dtype: Any, *how: Any, **keywords: Any) -> Any:
        """A copy; the numbers are floats, and stay so."""
        if np.dtype(dtype) != np.float64:
            raise Untraceable(f"it computes in {np.dtype(dtype)}")
        return self.copy()


def _objects(items: list[Any]) -> np.ndarray:
    array = np.empty(len(items), object)
    array[:] = items
    return array


def _bare(x: Any) -> Any:
    """An array, or what may be one, such that NumPy itself works on the objects in it."""
    if isinstance(x, Scalar):
        return _objects([x]).reshape(())
    if isinstance(x, (list, tuple)):
        return np.array([_bare(part) for part in x], object)
    return x.view(np.ndarray) if isinstance(x, np.ndarray) else np.asarray(x)


def _wrapped(x: Any, always: bool = False) -> Any:
    """The result of NumPy's work on objects, as symbols."""
    if isinstance(x, np.ndarray) and x.dtype == object:
        return x.view(Symbols)
    if isinstance(x, (list, tuple)):
        return type(x)(map(_wrapped, x))
    return x


def symbols(x: Any) -> Symbols:
    """An array of scalars only: numbers in it become constants."""
    return _elementwise(constant, _bare(x), always=True)


@cache
def _each(function: Callable[..., Any], count: int) -> Any:
    """A ufunc of objects."""
    return np.frompyfunc(function, count, 1)


@cache
def _by_name(op: str, count: int) -> Any:
    """The ufunc of expressions that an operation is."""
    return np.frompyfunc(partial(scalar, op), count, 1)


def _elementwise(function: Callable[..., Any], *arrays: Any, always: bool = False) -> Any:
    found = _each(function, len(arrays))(*arrays)
    return _wrapped(_bare(found) if always else found)


def _ufunc(
    ufunc: np.ufunc, method: str, *given: Any, out: Any = None, where: Any = True, **keywords: Any
) -> Any:
    """What a ufunc does, on expressions."""
    name = ufunc.__name__
    if where is not True or ufunc.nout != 1:
        raise Untraceable(f"np.{name} is called in a way that is not followed")
    if keywords.pop("dtype", None) not in (None, bool, float, np.dtype(float)):
        raise Untraceable(f"np.{name} is asked for float32 or the like")
    first, *others = given
    if name in ("power", "float_power") and method == "__call__":
        _check_exponents(_bare(others[0]))
    one = _by_name(name, ufunc.nin)
    if method == "reduce":
        found = _reduced(ufunc, _bare(first), *others, **keywords)
    elif method == "reduceat":
        found = _segments(ufunc, _bare(first), *others, **keywords)
    elif method == "accumulate":
        found = one.accumulate(_bare(first), *others, dtype=object, **keywords)
    elif method == "at":
        return one.at(_bare(first), others[0], *map(_bare, others[1:]))
    elif ufunc.signature is not None:
        found = _contracted(ufunc, *map(_bare, given))
    else:
        found = getattr(one, method)(*map(_bare, given))
    if out is None:
        return _wrapped(found)
    out[0][...] = found
    return out[0]


def _check_exponents(exponents: np.ndarray) -> None:
    """NumPy squares where one number is the exponent of all; of an array it makes powers."""
    if exponents.size > 1:
        known = {_float(x) if isinstance(x, Scalar) else x for x in exponents.ravel().tolist()}
        if not known.isdisjoint(SQUARES):
            raise Untraceable("it raises each number to a power of its own")


# ------------------------------------------------------------------ the order in which NumPy adds


@cache
def _either(op: str) -> Callable[..., Any]:
    """An operation on expressions, and on numbers where an order is tried."""

    def apply(*args: Any) -> Any:
        return (scalar if any(isinstance(a, Scalar) for a in args) else _plainly)(op, *args)

    return apply


def _plainly(op: str, *args: Any) -> Any:
    return plain(op)(*args)


def _in_turn(op: Callable[..., Any], parts: list[Any]) -> Any:
    return reduce(op, parts)


def _in_pairs(op: Callable[..., Any], parts: list[Any]) -> Any:
    """Eight sums side by side, and beyond 128 numbers the halves."""
    n, whole = len(parts), len(parts) - len(parts) % 8
    if n < 8:
        return reduce(op, parts)
    if n > 128:
        half = n // 2 - n // 2 % 8
        return op(_in_pairs(op, parts[:half]), _in_pairs(op, parts[half:]))
    sums = [reduce(op, parts[i:whole:8]) for i in range(8)]
    while len(sums) > 1:
        sums = [op(one, other) for one, other in zip(sums[::2], sums[1::2], strict=True)]
    return reduce(op, parts[whole:], sums[0])


def _first_apart(op: Callable[..., Any], parts: list[Any]) -> Any:
    return op(parts[0], _in_pairs(op, parts[1:])) if len(parts) > 1 else parts[0]


ORDERS = (_in_pairs, _in_turn, _first_apart)
_winners: dict[Any, Any] = {}  # by what is asked of NumPy, and how the arrays lie in memory


def _proved(
    how: Any, real: Any, candidates: list[Any], *arrays: np.ndarray, otherwise: Any = None
) -> Any:
    """What the first candidate makes of these arrays that gives NumPy's numbers on others."""
    key = (how, *[(a.shape, a.strides) for a in arrays])
    if key not in _winners:
        rng = np.random.default_rng(0)
        draws = [[_like(a, rng) for a in arrays] for _ in range(TRIALS)]
        if len(_winners) > LONGEST:
            _winners.clear()
        _winners[key] = next((i for i, c in enumerate(candidates) if _agrees(c, real, draws)), None)
    if _winners[key] is None and otherwise is not None:
        return otherwise(*arrays)
    if _winners[key] is None:
        raise Untraceable(f"the order in which np.{how[0]} adds here is not known")
    return candidates[_winners[key]](*arrays)


def _agrees(candidate: Any, real: Any, draws: list[list[np.ndarray]]) -> bool:
    return all(np.array_equal(np.array(candidate(*d), float), real(*d)) for d in draws)


def _like(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Random numbers that lie in memory as those of an array do."""
    strides = [8 * (stride // array.itemsize) for stride in array.strides]  # objects may have 4
    reach = [(n - 1) * stride for n, stride in zip(array.shape, strides, strict=True)]
    before = -sum(r for r in reach if r < 0)
    room = np.empty(1 + (before + sum(r for r in reach if r > 0)) // 8)
    room[:] = rng.standard_normal(room.shape) * 10.0 ** rng.uniform(-2, 2, room.shape)
    return np.ndarray(array.shape, float, room.data, before, strides)


def _reduced(
    ufunc: np.ufunc, a: np.ndarray, axis: Any = 0, keepdims: Any = False, initial: Any = None
) -> Any:
    axes = tuple(range(a.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(sorted((i % a.ndim for i in axes), key=lambda i: -abs(a.strides[i])))
    kept = tuple(1 if i in axes else n for i, n in enumerate(a.shape))
    left = kept if keepdims else tuple(n for i, n in enumerate(a.shape) if i not in axes)
    if initial not in (None, np._NoValue) or a.size == 0:
        raise Untraceable(f"np.{ufunc.__name__}.reduce of nothing, or with an initial value")
    _check_size(a.size)
    if all(a.shape[i] == 1 for i in axes):  # nothing to add to
        return _objects(list(map(_counted, a.ravel().tolist()))).reshape(left)[()]

    def ordered(order: Any, inner: int, a: np.ndarray) -> Any:
        """As they lie in memory: runs along so many of the axes in order, these in turn."""
        rows = np.moveaxis(a, axes, range(-len(axes), 0)).reshape(prod(kept), -1)
        op, n = _either(ufunc.__name__), prod(a.shape[i] for i in axes[len(axes) - inner :])
        found = []
        for row in rows:
            runs = row.reshape(-1, n)
            found.append(reduce(op, [order(op, [_counted(x) for x in run]) for run in runs]))
        return _objects(found).reshape(left)[()]

    if ufunc not in (np.add, np.multiply):
        op = _by_name(ufunc.__name__, 2)
        for i in axes:  # in whatever order
            a = op.reduce(a, axis=i, keepdims=True)
        return a.reshape(left)[()]
    how = (f"{ufunc.__name__}.reduce", axes, left)
    how_asked: dict[str, Any] = {"axis": axes, "keepdims": bool(keepdims)}
    real = partial(ufunc.reduce, **how_asked)
    candidates = [partial(ordered, o, n) for n in range(len(axes), 0, -1) for o in ORDERS]
    return _proved(how, real, candidates, a)


def _check_size(numbers: int) -> None:
    room = _room.get()
    if room is not None and numbers > 4 * room[0]:  # of products, many may be of zeros
        raise Untraceable(f"it takes more than {LONGEST} scalars")


def _counted(x: Any) -> Any:
    """A truth value in a sum is 1 or 0."""
    return _number(x) if isinstance(x, Scalar) else x


def _segments(ufunc: np.ufunc, a: np.ndarray, starts: Any, axis: int = 0) -> Any:
    ends = [*starts[1:], a.shape[axis]]
    parts = [slice(i, max(i + 1, j)) for i, j in zip(starts, ends, strict=True)]

    def ordered(order: Any, a: np.ndarray) -> Any:
        def one(row: np.ndarray) -> np.ndarray:
            return _objects([order(_either(ufunc.__name__), list(row[part])) for part in parts])

        return np.apply_along_axis(one, axis, a)

    real = partial(ufunc.reduceat, indices=starts, axis=axis)
    how = (f"{ufunc.__name__}.reduceat", tuple(starts), axis)
    return _proved(how, real, [partial(ordered, order) for order in ORDERS], a)


def _contracted(function: Any, a: np.ndarray, b: np.ndarray) -> Any:
    """Sums of products, which a processor may round once (fma) or twice."""
    name = function.__name__
    order: Any = "K" if name == "dot" else "C"  # in which NumPy makes floats of whole numbers
    a, b = (x if x.dtype in (object, float) else np.array(x, float, order=order) for x in (a, b))
    if not (a.ndim and b.ndim and (name != "dot" or max(a.ndim, b.ndim) <= 2)):
        if name == "dot" and not (a.ndim and b.ndim):
            return _ufunc(np.multiply, "__call__", a, b)
        raise Untraceable(f"np.{name} of {a.ndim} and {b.ndim} axes")
    columns = 1 if name == "vecdot" or b.ndim == 1 else b.shape[-1]
    _check_size(a.size * columns)
    times, plus = (_each(_either(op), 2) for op in ("multiply", "add"))
    fma = _each(_either("fma"), 3)

    def summed(once: bool, a: np.ndarray, b: np.ndarray) -> Any:
        left, right = a, b
        if name != "vecdot":
            left = (a if a.ndim > 1 else a[np.newaxis])[..., np.newaxis, :]
            right = (b if b.ndim > 1 else b[:, np.newaxis]).swapaxes(-1, -2)[..., np.newaxis, :, :]
        total = times(left[..., 0], right[..., 0])
        for i in range(1, left.shape[-1]):
            one = left[..., i], right[..., i]
            total = _bare(total)  # a number, where there is but one result
            total = fma(*one, total) if once else plus(total, _bare(times(*one)))
        if name != "vecdot":
            drop = (-2,) * (a.ndim == 1) + (-1,) * (b.ndim == 1)
            total = np.squeeze(total, axis=drop) if drop else total
        return total[()] if isinstance(total, np.ndarray) else total

    candidates = [partial(summed, once) for once in (True, False)]
    is_product = name != "vecdot" and max(a.ndim, b.ndim) <= 2
    return _proved((name,), function, candidates, a, b, otherwise=_product if is_product else None)


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """A product whose order only the library below NumPy knows: one call, of many results."""
    elements = [_number(constant(x)) for x in (*a.ravel(), *b.ravel())]
    layout = tuple((x.shape, "F" if x.flags.f_contiguous and x.ndim > 1 else "C") for x in (a, b))
    if not all(x.flags.contiguous or x.flags.f_contiguous for x in (a, b)):
        raise Untraceable("it multiplies matrices that are not contiguous in memory")
    depends = reduce(operator.or_, (x.depends for x in elements)) | RUN
    call = _node("matmul", (layout, *elements), depends, False)
    shape = (*a.shape[:-1], *b.shape[1:])
    parts = [_node("part", (i, call), depends, False) for i in range(prod(shape))]
    return _objects(parts).reshape(shape)


# ------------------------------------------------------------------------- functions of arrays


def _where(condition: Any, yes: Any, no: Any) -> Any:
    return _by_name("where", 3)(*map(_bare, (condition, yes, no)))


def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    low, high = (b if a is None else a for a, b in ((a_min, min), (a_max, max)))
    a = a if low is None else _ufunc(np.maximum, "__call__", a, low)
    return a if high is None else _ufunc(np.minimum, "__call__", a, high)


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    x = _wrapped(_bare(x))
    if axis is None and (ord is None or (ord == 2 and x.ndim == 1)):
        x = x.ravel(order="K")
        found = np.sqrt(np.dot(x, x))
        return np.reshape(found, (1,) * np.ndim(x)) if keepdims else found
    axis = axis if axis is not None else tuple(range(x.ndim))
    flat = np.ndim(axis) == 0 or len(axis) == 1
    if ord is None or (ord == 2 and flat) or (ord == "fro" and not flat):
        return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))
    if flat and ord in (1, np.inf):
        return (np.sum if ord == 1 else np.max)(np.abs(x), axis=axis, keepdims=keepdims)
    raise Untraceable(f"np.linalg.norm with ord={ord!r}")


def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    a, b = _bare(a), _bare(b)
    pairs = (range(-axes, 0), range(axes)) if np.ndim(axes) == 0 else axes
    of_a, of_b = (
        [i % x.ndim for i in np.atleast_1d(some)] for some, x in zip(pairs, (a, b), strict=True)
    )
    kept_a, kept_b = ([i for i in range(x.ndim) if i not in of] for x, of in ((a, of_a), (b, of_b)))
    count = prod(a.shape[i] for i in of_a)
    left, right = a.transpose(kept_a + of_a), b.transpose(of_b + kept_b)
    found = _contracted(np.dot, left.reshape(-1, count), right.reshape(count, -1))
    return found.reshape([x.shape[i] for x, kept in ((a, kept_a), (b, kept_b)) for i in kept])[()]


def _filled(like: Any, value: Any, *how: Any, **keywords: Any) -> Any:
    found = np.empty(np.shape(like), object)
    found[...] = _bare(value)
    return found


OURS: dict[Any, Callable[..., Any]] = {
    np.where: _where,
    np.clip: _clip,
    np.linalg.norm: _norm,
    np.dot: lambda a, b: _contracted(np.dot, _bare(a), _bare(b)),
    np.tensordot: _tensordot,
    np.full_like: _filled,
    np.zeros_like: partial(_filled, value=0.0),
    np.ones_like: partial(_filled, value=1.0),
}
# those that move numbers about, or are written in Python with the ufuncs and methods above
NAMES = """
reshape ravel transpose swapaxes moveaxis stack concatenate vstack hstack column_stack squeeze
broadcast_to broadcast_arrays expand_dims take repeat tile roll flip atleast_1d atleast_2d split
diagonal diag copy append delete insert empty_like sum prod mean var std max min amax amin ptp any
all cumsum cumprod diff outer shape ndim size real iscomplexobj tril triu trace array_split
"""
FOLLOWED = {getattr(np, name) for name in NAMES.split()}


def _function(function: Any, args: Any, keywords: Any) -> Any:
    """What a function of NumPy's does, on expressions."""
    if function in OURS:
        return _wrapped(OURS[function](*args, **keywords))
    if function not in FOLLOWED:
        raise Untraceable(f"np.{function.__name__} is not followed")
    args = tuple([_arrays(a) for a in args])
    some = _wrapped(_objects([]))
    return _wrapped(np.ndarray.__array_function__(some, function, (Symbols,), args, keywords))


def _arrays(x: Any) -> Any:
    if isinstance(x, (list, tuple)) and any(
        isinstance(part, (np.ndarray, Scalar, list, tuple)) for part in x
    ):
        return type(x)(map(_arrays, x))
    return _wrapped(_bare(x)) if isinstance(x, Scalar) else x
