"""Write down, once, what a function asks NumPy to do.

`trace(function, *inputs)` calls the function on arrays that carry an example and note each NumPy
call that is made with them. autograd runs on them as on any array, so that the gradient of a loss
is written down with the loss. What comes out is a straight line, without branches and without
writing in place:

    trace.inputs    one `Node` for each array or number that was handed in; it has a name, no `fun`
    trace.nodes     the calls, in order, each a `Node`
    trace.returned  what the function returned, in its nesting, with nodes where arrays stood
    trace.outputs   the same nodes (or constants) as a flat list
    trace.example   what it returned for the inputs that were handed in: numbers

To walk it, give each input a value, then each node that of its call:

    values = dict(zip(trace.inputs, arrays))
    for node in trace.nodes:
        args, kwargs = filled((node.args, node.kwargs), values)
        values[node] = node.fun(*args, **kwargs)
    outputs = filled(trace.outputs, values)

A node's `fun` is a ufunc or a method of one (`np.add`, `np.add.reduce`), a public NumPy function
(`np.sum`, `np.where`, `np.array`, `np.zeros`), `operator.getitem`, or one of the small functions
below (`added_at`, `replaced_at`, `astype`). Python's `x ** y` on an array is the ufunc that NumPy
takes for it (`np.square` for x ** 2); on NumPy's single numbers, where it differs from `np.power`
in the last bit, it is `operator.pow`. Plain Python numbers are computed with by `operator.add` and
its like. Arguments are nodes, constants, and nestings (lists, tuples, dicts) of these.
"""

from __future__ import annotations

import inspect
import operator
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial, wraps
from importlib import import_module
from threading import RLock
from types import ModuleType
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.extend import Box, VSpace, vspace
from numpy.lib.mixins import NDArrayOperatorsMixin

LARGE = 1 << 20  # bytes: an array of constants that is not copied
LONGEST = 20_000  # calls; beyond it (a long Python loop) compiling takes longer than it saves
PLAIN = (bool, int, float, complex)  # numbers of Python's
NESTS = {dict, list, tuple}


class NotTraceable(Exception):
    """The computation cannot be written down; the message says why in plain words."""


@dataclass(eq=False, slots=True)
class Node:
    """A NumPy call, or an input: then `fun` is None and it has a name.

    What it results in is of type `kind`: an array (np.ndarray), a single number of NumPy's
    (np.float64, ...) or of Python's (float, ...), or several arrays (list, tuple).
    """

    fun: Callable[..., Any] | None
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    kind: type
    shape: tuple[int, ...]
    dtype: Any
    name: str = ""


@dataclass(frozen=True, eq=False)
class Trace:
    """What a function asks NumPy to do, for inputs of one signature."""

    inputs: list[Node]
    nodes: list[Node]
    returned: Any
    signature: Any
    example: Any

    @property
    def outputs(self) -> list[Any]:
        """The nodes and constants in what the function returned."""
        return leaves(self.returned)


# ------------------------------------------------------------------------------------- nestings


def leaves(nesting: Any) -> list[Any]:
    """Return what a nesting of dicts, lists and tuples holds; None is nothing."""
    found: list[Any] = []
    _gather(nesting, found)
    return found


def _gather(nesting: Any, found: list[Any]) -> None:
    if type(nesting) in NESTS:
        for child in nesting.values() if type(nesting) is dict else nesting:
            if type(child) in NESTS:
                _gather(child, found)
            elif child is not None:
                found.append(child)
    elif nesting is not None:
        found.append(nesting)


def mapped(function: Callable[[Any], Any], nesting: Any) -> Any:
    """Return the nesting with `function(leaf)` in place of each leaf."""
    kind = type(nesting)
    if kind is tuple or kind is list:
        return kind(
            [mapped(function, x) if x is None or type(x) in NESTS else function(x) for x in nesting]
        )
    if kind is dict:
        return {key: mapped(function, child) for key, child in nesting.items()}
    return None if nesting is None else function(nesting)


def filled(nesting: Any, values: dict[Node, Any]) -> Any:
    """Return the nesting with the values of its nodes."""
    return mapped(lambda leaf: values[leaf] if type(leaf) is Node else leaf, nesting)


def signature(*inputs: Any) -> Any:
    """Return what inputs must share to share a trace: nesting, types, shapes, dtypes.

    Examples
    --------
    >>> signature(np.zeros(2), {"x": np.ones((3, 2))})
    (((2,), dtype('float64')), (<class 'dict'>, ('x', ((3, 2), dtype('float64')))))
    """
    return tuple([_signature(i) for i in inputs])


def _signature(node: Any) -> Any:
    if type(node) is np.ndarray:
        return node.shape, node.dtype
    if type(node) is dict:
        return dict, *((key, _signature(child)) for key, child in node.items())
    if type(node) in (list, tuple):
        return type(node), *map(_signature, node)
    return type(node)


def alike(one: Trace, other: Trace) -> bool:
    """Whether two traces make the same calls, with the same constants."""
    if one.signature != other.signature or len(one.nodes) != len(other.nodes):
        return False
    pairs = zip((*one.inputs, *one.nodes), (*other.inputs, *other.nodes), strict=True)
    twin: dict[Node, Node] = {}
    for mine, theirs in pairs:
        told = [(n.kind, n.shape, n.dtype, n.name) for n in (mine, theirs)]
        if mine.fun != theirs.fun or told[0] != told[1]:
            return False
        if not _same((mine.args, mine.kwargs), (theirs.args, theirs.kwargs), twin):
            return False
        twin[mine] = theirs
    return _same(one.returned, other.returned, twin)


def _same(one: Any, other: Any, twin: dict[Node, Node]) -> bool:
    kind = type(one)
    if one is other or kind is not type(other):
        return one is other
    if kind is Node:
        return twin.get(one) is other
    if kind in (tuple, list):
        return len(one) == len(other) and all(_same(*two, twin) for two in zip(one, other))  # noqa: B905
    if kind is dict:
        return one.keys() == other.keys() and all(_same(one[k], other[k], twin) for k in one)
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(
            one, other, equal_nan=one.dtype.kind in "fc"
        )
    return bool(one == other) or bool(one != one and other != other)


# ------------------------------------------------------------------------- what may be recorded


def _these(names: str) -> set[Any]:
    """Return the functions of these names that this NumPy has."""
    return {getattr(np, name) for name in names.split() if hasattr(np, name)}


FACTS = _these("shape ndim size iscomplexobj isrealobj result_type")
# the shape and type of a result must follow from those of the arguments, never from their values
SHAPED_BY_VALUES = _these(
    "argwhere bincount compress extract flatnonzero histogram histogram2d histogram_bin_edges "
    "histogramdd in1d intersect1d ix_ nonzero piecewise real_if_close roots setdiff1d setxor1d "
    "trim_zeros union1d unique unique_all unique_counts unique_inverse unique_values"
)
SHAPED_BY_VALUES |= {np.linalg.lstsq, np.linalg.eig, np.linalg.eigvals}
SHAPED_BY_VALUES |= {getattr(np.emath, name) for name in np.emath.__all__}
# whole numbers in the later arguments of other functions are axes, counts, shapes
INTEGERS_ARE_DATA = _these(
    "where take take_along_axis dot tensordot inner outer einsum searchsorted clip choose select "
    "interp digitize isin kron convolve cross vdot append isclose"
)


def _letter(value: Any) -> str:
    """Return the letter of a dtype: f, i, b, ...; O for what is no number."""
    numeric = isinstance(value, (np.ndarray, np.generic, *PLAIN))
    return np.result_type(value).kind if numeric else "O"


def _objection(fun: Any, args: Any, kwargs: Any) -> str | None:
    """Say why a call cannot be replayed, if it cannot."""
    if isinstance(fun, np.ufunc):
        return None
    name, given = f"np.{getattr(fun, '__name__', fun)}", leaves([args, kwargs])
    if kwargs.get("out") is not None:
        return f"{name} writes into an array (out=)"
    if fun in SHAPED_BY_VALUES or (fun is np.where and len(args) == 1):
        return f"the shape or type of what {name} returns depends on values"
    if any(isinstance(leaf, Box) for leaf in given):
        return f"{name} is plain NumPy's, which autograd does not follow"
    if any(callable(leaf) and not isinstance(leaf, type) for leaf in given):
        return f"{name} is given a function to call"
    if fun is operator.getitem or (fun in PLACED and np.ndim(args[2])):
        if "b" in {_letter(_value(leaf)) for leaf in leaves(args[1]) if type(leaf) is Traced}:
            return "it selects by a mask that changes: how many are selected would be frozen"
    elif fun not in INTEGERS_ARE_DATA:
        later = [leaf for leaf in leaves([args[1:], kwargs]) if type(leaf) is Traced]
        if any(_letter(leaf.value) in "biu" for leaf in later):
            return f"a whole number given to {name} changes from call to call"
    return None


def _frozen(constant: Any) -> Any:
    """Copy an array of constants: whoever made it may write into it later.

    Large ones (a data set) stay where they are; the check notices if that was wrong.
    """
    if not isinstance(constant, np.ndarray):
        return constant
    copy = constant.view() if constant.nbytes >= LARGE else constant.copy(order="K")
    copy.setflags(write=False)
    return copy


def _memory(array: np.ndarray) -> int:
    """Return what arrays share that are views of each other."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return id(array)


class Recording:
    """What was written down so far, and why it may be worthless."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.reasons: list[str] = []
        self.values: list[Any] = []  # the examples, kept so that no two have one id
        self.sharing = Counter[int]()  # how many of them lie in each piece of memory
        self.is_over = False

    def refuse(self, reason: str) -> Any:
        """Raise, and remember it: the function might catch the error and go another way."""
        self.reasons.append(reason)
        raise NotTraceable(reason)

    def input(self, name: str, value: Any) -> Traced:
        """Write down an input."""
        if np.asarray(value).dtype.kind not in "biufc":
            self.refuse(f"an input holds something other than numbers: {type(value)}")
        if isinstance(value, np.ndarray):
            self.sharing[_memory(value)] += 1  # with the caller
        return self._add(None, (), {}, value, name)

    def call(self, fun: Any, args: Any, kwargs: Any) -> Any:
        """Make a call on the examples, and write it down."""
        if self.is_over:
            raise NotTraceable("a value of a trace is used after its end")
        if reason := _objection(fun, args, kwargs):
            self.refuse(reason)
        try:
            value = fun(*mapped(_value, args), **mapped(_value, kwargs))
        except (np.linalg.LinAlgError, ArithmeticError) as error:  # at other values it may go well
            self.reasons.append(f"{type(error).__name__}: {error}")
            raise
        whole = self._add(fun, args, kwargs, value)
        if not isinstance(value, (list, tuple)):
            return whole
        parts = [self._add(operator.getitem, (whole, i), {}, part) for i, part in enumerate(value)]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)

    def _add(self, fun: Any, args: Any, kwargs: Any, value: Any, name: str = "") -> Traced:
        several = isinstance(value, (list, tuple))
        if value is None:
            self.refuse(f"np.{fun.__name__} writes into an array")
        if not several and _letter(value) not in "biufc":
            self.refuse(f"np.{fun.__name__} returns something other than numbers")
        if len(self.nodes) > LONGEST:
            self.refuse(f"it makes more than {LONGEST} NumPy calls")
        if isinstance(value, np.ndarray):
            self.sharing[_memory(value)] += 1
        shape, dtype = ((), None) if several else (np.shape(value), np.result_type(value))
        args, kwargs = mapped(_node, args), mapped(_node, kwargs)
        self.nodes.append(Node(fun, args, kwargs, type(value), shape, dtype, name))
        self.values.append(value)
        return Traced(self, self.nodes[-1], value)


def _unboxed(x: Any) -> Any:
    while isinstance(x, Box):
        x = x._value
    return x


def _value(leaf: Any) -> Any:
    return leaf.value if type(leaf) is Traced else leaf


def _node(leaf: Any) -> Any:
    return leaf.node if type(leaf) is Traced else _frozen(leaf)


# ----------------------------------------------------------- functions of ours that nodes may call


def added_at(total: Any, key: Any, part: Any) -> Any:
    """Return a copy of total with part added at the places [key], repeated ones too."""
    total = np.array(total)
    np.add.at(total, key, part)
    return total


def replaced_at(total: Any, key: Any, part: Any) -> Any:
    """Return a copy of total with part at the places [key]."""
    total = np.array(total)
    total[key] = part
    return total


def astype(x: Any, *how: Any, **kwargs: Any) -> Any:
    """Return x in another dtype."""
    return x.astype(*how, **kwargs)


BINARY: dict[str, np.ufunc] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.true_divide,
}
BINARY |= {"floordiv": np.floor_divide, "mod": np.remainder, "matmul": np.matmul}
COMPARISONS = {"lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal}
COMPARISONS |= {"eq": np.equal, "ne": np.not_equal}
PLACED = {added_at: "+=", replaced_at: "="}
INTEGERS_ARE_DATA |= {operator.pow, *PLACED}
INTEGERS_ARE_DATA |= {getattr(operator, name) for name in (*BINARY, *COMPARISONS)}


def one_call(function: Callable[..., Any], plain: Any = None) -> Callable[..., Any]:
    """Let a function be recorded as one call: where NumPy has no protocol, or values are checked.

    Without traced arguments, `plain` is called, if it differs from the function.
    """

    @wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        for leaf in leaves([args, kwargs]):
            if type(leaf) is Traced:
                return leaf.recording.call(function, args, kwargs)
        return (plain or function)(*args, **kwargs)

    return called


# ------------------------------------------------------------------------------ the traced array


class Traced(NDArrayOperatorsMixin):
    """An array, or number, that carries an example and writes down what NumPy does with it."""

    __slots__ = ("node", "recording", "value")

    def __init__(self, recording: Recording, node: Node, value: Any) -> None:
        self.recording, self.node, self.value = recording, node, value

    __class__ = property(lambda self: type(self.value))  # for isinstance

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        if any(isinstance(leaf, Box) for leaf in args):
            return NotImplemented  # autograd's turn
        number = type(args[0]) is not Traced and isinstance(args[0], np.generic)
        if ufunc is np.power and number and not isinstance(_value(args[1]), np.ndarray):
            self.recording.refuse(TWO_POWERS)
        (target,) = kwargs.pop("out", (None,))
        fun = ufunc if method == "__call__" else getattr(ufunc, method)
        if method == "at":
            target, fun = args[0], added_at
            if ufunc is not np.add:
                self.recording.refuse(WRITES)
        result = self.recording.call(fun, args, kwargs)
        if not isinstance(_value(target), np.ndarray):
            return result  # there is no target, or it is a number: a += 1 makes a new one
        return target._be(result) if type(target) is Traced else self.recording.refuse(WRITES)

    def _be(self, result: Traced) -> Traced:
        """Become another array: this one is written over."""
        old, new = self.value, result.value
        shared = self.recording.sharing[_memory(old)] > 1
        if shared or (old.shape, old.dtype) != (new.shape, new.dtype):
            self.recording.refuse(WRITES)
        self.node, self.value = result.node, new
        return self

    def __array_function__(self, fun: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if fun in FACTS and len(args) == 1 and not kwargs:
            return fun(_value(args[0]))
        if fun in FACTS:
            return fun(*mapped(_value, args), **mapped(_value, kwargs))
        return self.recording.call(fun, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        known = getattr(self.value, name)  # an AttributeError is what there would be anyway
        if name in ("shape", "ndim", "size", "dtype", "nbytes", "itemsize"):
            return known
        if name in METHODS:
            return partial(METHODS[name], self)
        if name in PROPERTIES:
            return PROPERTIES[name](self)
        if name.startswith("__"):
            raise AttributeError(name)
        return self.recording.refuse(f"it uses .{name} of an array, which is not followed")

    def __getitem__(self, key: Any) -> Any:
        return self.recording.call(operator.getitem, (self, key), {})

    def __setitem__(self, key: Any, part: Any) -> None:
        self._be(self.recording.call(replaced_at, (self, key, part), {}))

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self.value)))

    def __pow__(self, other: Any) -> Any:
        return _power(self.recording, self, other)

    def __rpow__(self, other: Any) -> Any:
        return _power(self.recording, other, self)

    def __copy__(self) -> Any:
        return np.copy(self)

    def __deepcopy__(self, memo: Any) -> Any:
        return np.copy(self)


METHODS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in _these(
        "all any argmax argmin argpartition argsort choose clip conj conjugate copy cumprod cumsum "
        "diagonal dot max mean min nonzero prod ravel repeat round searchsorted squeeze std sum "
        "swapaxes take trace var"
    )
}
METHODS |= {
    "astype": lambda x, *how, **kwargs: x.recording.call(astype, (x, *how), kwargs),
    "flatten": np.ravel,
    "reshape": lambda x, *to, **how: np.reshape(x, to[0] if len(to) == 1 else to, **how),
    "transpose": lambda x, *axes: np.transpose(x, *([axes] if len(axes) > 1 else axes)),
    "view": lambda x, kind: x if kind is np.ndarray else x.recording.refuse(WRITES),
}
PROPERTIES: dict[str, Callable[..., Any]] = {"T": np.transpose, "real": np.real, "imag": np.imag}


class _Asked(np.ndarray):
    """Says which ufunc NumPy would call."""

    def __array_ufunc__(self, ufunc: np.ufunc, *args: Any, **kwargs: Any) -> Any:
        return ufunc


def _power(recording: Recording, x: Any, y: Any) -> Any:
    """Record Python's x ** y: NumPy takes np.square for 2, np.sqrt for 0.5, and so on."""
    a, b = _value(x), _value(y)
    if isinstance(y, Box):
        return NotImplemented  # autograd's turn
    if type(a) in PLAIN and type(b) in PLAIN and (type(a), type(b)) != (float, int):
        recording.refuse(
            "plain Python numbers are raised to a power, which may become complex: use arrays"
        )
    arrays = isinstance(a, np.ndarray) or isinstance(b, np.ndarray)
    if not arrays or (type(y) is Traced and np.ndim(b) == 0):  # the exponent, or all, may change
        return recording.call(operator.pow, (x, y), {})
    ufunc = operator.pow(*(v.view(_Asked) if isinstance(v, np.ndarray) else v for v in (a, b)))
    return recording.call(ufunc, (x, y)[: ufunc.nin], {})


def _operator(name: str, ufunc: np.ufunc, swapped: bool = False) -> Callable[[Any, Any], Any]:
    """Make a method for a binary operator: NumPy's, or Python's between plain numbers."""

    def method(self: Traced, other: Any) -> Any:
        if isinstance(other, Box):
            return NotImplemented  # autograd's turn
        operands = (other, self) if swapped else (self, other)
        if all(type(_value(o)) in PLAIN for o in operands):
            return self.recording.call(getattr(operator, name), operands, {})
        return ufunc(*operands)

    return method


def _refusing(reason: str) -> Callable[..., Any]:
    """Make a method for what Python or plain NumPy would do with a value unseen."""
    return lambda self, *args, **kwargs: _unboxed(self).recording.refuse(reason)


class _Box(Box.type_mappings[np.ndarray]):
    """autograd's box around a traced array."""

    __slots__ = ()


TWO_POWERS = "it raises one of NumPy's numbers by ** or np.power, which differ in the last bit"
WRITES = "it writes into an array that others share, or that was there before"
TABLE = "for a table indexed by a changing value, write np.take(table, i, axis=0)"
READS = "plain NumPy, or a function that autograd does not follow, reads a value"
REASONS = {
    "__bool__": "it branches on a value (if, while, and, or, not, max(), in)",
    "__float__ __complex__ __round__ item tolist": (
        "it takes a value out of NumPy: float(), math, .item(), .tolist()"
    ),
    "__int__ __index__": f"it uses a value as a Python int: int(), range(), a[:n]; {TABLE}",
    "__array__": f"{READS}; {TABLE}",
    "__str__ __repr__ __format__": "it prints or formats a value",
}
for _names, _reason in REASONS.items():
    for _name in _names.split():
        setattr(Traced, _name, _refusing(_reason))
        setattr(_Box, _name, _refusing(_reason))
for _name, _ufunc in (BINARY | COMPARISONS).items():
    setattr(Traced, f"__{_name}__", _operator(_name, _ufunc))
    if _name in BINARY:
        setattr(Traced, f"__r{_name}__", _operator(_name, _ufunc, swapped=True))
# a box is told from others by its id, whatever it holds
setattr(Traced, "__hash__", _refusing("it looks a value up in a set or a dict"))  # noqa: B010

# ------------------------------------------------------------------------ what autograd is taught


def _space(x: Traced) -> Any:
    """Return autograd's vector space of x, where what is added to an array is followed."""
    space = vspace(x.value)
    space._mut_add = operator.add
    space.zeros = lambda: x.recording.call(np.zeros, (space.shape, space.dtype), {})
    return space


_Box.register(Traced)
VSpace.register(Traced, _space)


def _numpy(original: Any) -> ModuleType:
    """NumPy, with an array and an asarray that take traced arrays."""
    module = ModuleType("numpy")
    vars(module).update(vars(original), array=one_call(np.array), asarray=one_call(np.asarray))
    return module


def _diagonal_maker(original: Callable[..., Any]) -> Callable[..., Any]:
    """autograd's make_diagonal, without writing into an array."""

    def make_diagonal(d: Any, *axes: int) -> Any:
        if axes != (0, -1, -2):
            return original(d, *axes)
        return anp.where(np.eye(d.shape[-1], dtype=bool), d[..., None], 0.0)

    return make_diagonal


def _unpermuter(original: Callable[..., Any]) -> Callable[..., Any]:
    """autograd's way to undo a sort, without writing into an array."""
    take = one_call(operator.getitem)

    def unpermuter(g: Any, permutation: Any) -> Any:
        back = anp.argsort(permutation)
        return g[back] if isinstance(g, Box) else take(g, back)

    return unpermuter


def _parser(original: Callable[..., Any]) -> Callable[..., Any]:
    """autograd's parse_einsum_input, of which it wants the subscripts: only shapes matter."""

    def parse(*args: Any) -> Any:
        plain = [np.empty(a.shape) if type(a) is Traced else a for a in map(_unboxed, args)]
        return original(*plain)

    return parse


# Names of autograd 1.9.1, most of them private, that are replaced while a trace is made; the
# numbers stay the same. Where a later version lacks one, what needs it is not traceable.
TAUGHT: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    ("autograd.numpy.numpy_wrapper", "_np", _numpy),
    ("autograd.numpy.numpy_vjps", "onp", _numpy),
    ("autograd.numpy.numpy_vjps", "unpermuter", _unpermuter),
    ("autograd.numpy.numpy_wrapper", "make_diagonal", _diagonal_maker),
    ("autograd.numpy.numpy_wrapper", "parse_einsum_input", _parser),
    ("autograd.numpy", "asarray", partial(one_call, np.asarray)),
    ("autograd.numpy", "take", partial(one_call, np.take)),
)
_lock = RLock()


@contextmanager
def _teaching() -> Iterator[None]:
    with _lock:
        modules = [(import_module(place), name, teach) for place, name, teach in TAUGHT]
        changed = [(m, name, vars(m)[name], teach) for m, name, teach in modules if name in vars(m)]
        try:
            for module, name, original, teach in changed:
                setattr(module, name, teach(original))
            yield
        finally:
            for module, name, original, _ in changed:
                setattr(module, name, original)


# --------------------------------------------------------------------------------------- the trace


def trace(function: Callable[..., Any], *inputs: Any, again: bool = False) -> Trace:
    """Write down what a function of arrays asks NumPy to do.

    Parameters
    ----------
    function
        It must depend on its inputs alone: whatever else it reads is frozen into the trace. It
        returns arrays or numbers, or nestings of them. It is called twice, first as it is: what
        it makes once and keeps shall not be made of traced values.
    inputs
        Arrays, numbers, or lists, tuples and dicts of them. They are not changed.
    again
        Whether it was traced before: then it is called once.

    Returns
    -------
    Trace
        For inputs of these shapes and dtypes. Whether it holds is not known yet: see `check`.

    Raises
    ------
    NotTraceable
        If a replay could differ from the function.

    Examples
    --------
    >>> from autograd import grad
    >>> traced = trace(grad(lambda x: anp.sum(x**3)), np.array([3.0, 5.0]))
    >>> [node.fun.__name__ for node in traced.nodes]
    ['power', 'sum', 'power', 'multiply']
    """
    recording = Recording()
    if not again:
        with np.errstate(all="ignore"), suppress(Exception):
            function(*inputs)
    try:
        with np.errstate(all="ignore"), _teaching():
            names = iter(_input_names(function, inputs))
            given = mapped(lambda leaf: recording.input(next(names), leaf), list(inputs))
            count = len(recording.nodes)
            returned = function(*given)
            if not any(type(leaf) is Traced for leaf in leaves(returned)):
                recording.refuse("its value does not depend on the inputs")
            if any(_letter(_value(leaf)) not in "biufc" for leaf in leaves(returned)):
                recording.refuse("it returns something other than arrays and numbers")
    except Exception as error:
        reason = str(error) if type(error) is NotTraceable else f"{type(error).__name__}: {error}"
        raise NotTraceable((recording.reasons or [reason])[0]) from error
    finally:
        recording.is_over = True
    if recording.reasons:  # and the function caught the error
        raise NotTraceable(recording.reasons[0])
    nodes = recording.nodes
    example = mapped(_value, returned)
    returned = mapped(_node, returned)
    return Trace(nodes[:count], nodes[count:], returned, signature(*inputs), example)


def _input_names(function: Any, inputs: tuple[Any, ...]) -> list[str]:
    """Name the leaves of the inputs after the function's parameters and their keys."""
    parameters: list[str] = []
    with suppress(TypeError, ValueError):  # a built-in has none
        parameters = [*inspect.signature(function).parameters]
    if parameters[:1] == ["args"]:  # autograd's operators do not say
        parameters = ["theta", "batch"]
    names: list[str] = []

    def name(nesting: Any, so_far: str) -> None:
        if type(nesting) in (dict, list, tuple):
            pairs = nesting.items() if type(nesting) is dict else enumerate(nesting)
            for key, child in pairs:
                name(child, f"{so_far}_{key}")
        elif nesting is not None:
            unique = re.sub(r"\W", "_", so_far)
            names.append(unique + "_" * (unique in names))

    for i, nesting in enumerate(inputs):
        name(nesting, parameters[i] if i < len(parameters) else f"x{i}")
    return names
