"""Steps 2 and 3 of `tape.py`: recorded calls become lines, and lines become a Python function.

A call may always be written as it was made, `where(v1, v2, c1)`. All else here is there for speed
(half a microsecond a call counts) and for reading, and may not change a single bit of the result.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from math import isfinite
from typing import Any

import numpy as np
from autograd.core import defvjp
from autograd.extend import VSpace, primitive
from autograd.numpy import numpy_vjps
from autograd.numpy import numpy_wrapper as anp
from autograd.numpy.numpy_boxes import ArrayBox
from autograd.tracer import Node

BIG = 1 << 14  # bytes; from here on, arrays that nobody needs any more are written over

# ------------------------------------------------------------------------ calls of the tape's own


@primitive
def raised(x: Any, y: Any) -> Any:
    """Compute x ** y, which for single numbers differs from np.power in the last bit."""
    return x**y


@primitive
def index(*parts: Any) -> tuple[Any, ...]:
    """Join the parts of an index x[a, b]."""
    return parts


@primitive
def scatter(total: Any, part: Any) -> Any:
    """Add what `untake` made to a copy of total."""
    return part.mut_add(np.array(total))


defvjp(scatter, lambda ans, x, y: lambda g: g, lambda ans, x, y: lambda g: g)

# ------------------------------------------------------------------------------------- 2. lower


@dataclass(eq=False, slots=True)
class Line:
    """One line of the function: code with a place {} for each operand, and what it results in.

    Operands are earlier lines or constants. autograd adds zeros all the time, mostly to broadcast;
    to leave that out without changing a bit, two things are known of a line: whether it is never
    -0.0 (`clean`), and of which smaller line it is a broadcast copy (`small`).
    """

    code: str
    operands: tuple[Any, ...]
    kind: type
    shape: tuple[int, ...]
    dtype: Any
    strides: Any = None
    fresh: bool = False  # shares no memory with its operands
    writes: bool = False  # into its first operand
    ufunc: str = ""  # its name, where `out=` may be given
    clean: bool = False
    small: Line | None = None

    @classmethod
    def of(cls, value: Any, code: str = "") -> Line:
        """Make a line that results in something like value."""
        strides = getattr(value, "strides", None)
        return cls(code, (), type(value), np.shape(value), np.result_type(value), strides)

    def layout(self) -> Any:
        """What two arrays must share for one to be written over with the other."""
        return self.kind, self.shape, self.dtype, self.strides

    def nbytes(self) -> int:
        """The size of the array; 0 for a number."""
        return int(np.prod(self.shape)) * self.dtype.itemsize if self.kind is np.ndarray else 0

    def is_like(self, other: Line) -> bool:
        """Whether the results have one type, shape and dtype."""
        return (self.kind, self.shape, self.dtype) == (other.kind, other.shape, other.dtype)


SIGNS = {np.add: "+", np.subtract: "-", np.multiply: "*", np.divide: "/", np.matmul: "@"}
SIGNS |= {np.equal: "==", np.not_equal: "!=", np.greater: ">", np.less: "<"}
SIGNS |= {np.greater_equal: ">=", np.less_equal: "<="}
OPERATORS = {ufunc: f"{{}} {sign} {{}}" for ufunc, sign in SIGNS.items()} | {np.negative: "-{}"}
NEUTRAL = {np.multiply: 1, np.divide: 1, np.power: 1, np.subtract: 0}  # x op it is x, bit for bit
FRESH = {np.where, np.dot, np.tensordot, np.cumsum, np.argsort, np.sort}  # what they return is new
RULES: dict[Any, Callable[..., Any]] = {}


def _rule(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register how calls of these (raw) functions are written."""

    def register(lower: Callable[..., Any]) -> Callable[..., Any]:
        RULES.update(dict.fromkeys(functions, lower))
        return lower

    return register


class Lowering:
    """Turns recorded calls into lines, each distinct one once."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"array": np.array, "zeros": np.zeros, "s_": np.s_}
        self.known: dict[Any, Line] = {}

    def lower(self, node: Any, done: dict[Any, Any]) -> Any:
        """Return the line (or constant, or earlier line) that stands for a call."""
        args = [done[a] if isinstance(a, Node) else a for a in node.args]
        if node.fun is None:
            return self.line(args[0], (), Line.of(node.value))
        if node.fun in (index.fun, numpy_vjps.untake.fun):
            return tuple(args)  # no line of their own: they are written where they are used
        like = Line.of(node.value)
        if isinstance(node.fun, np.ufunc) and not node.kwargs and node.fun.nout == 1:
            return self.elementwise(node.fun, args, like)
        if node.fun in RULES:
            try:
                return RULES[node.fun](self, like, *args, **node.kwargs)
            except TypeError:  # arguments that the rule does not know
                pass
        return self.call(node.fun, args, node.kwargs, like, fresh=node.fun in FRESH)

    def line(self, code: str, operands: Any, like: Line, **facts: Any) -> Line:
        """Make a line, or find the one that says the same."""
        key = (code, *map(_identity, operands))
        if key not in self.known:
            meta = (like.kind, like.shape, like.dtype, like.strides)
            self.known[key] = Line(code, tuple(operands), *meta, **facts)
        return self.known[key]

    def call(self, fun: Any, args: Any, kwargs: Any, like: Line, **facts: Any) -> Line:
        """Write a call of a function as it was recorded."""
        places = ["{}"] * len(args) + [f"{key}={{}}" for key in kwargs]
        code = f"{self.name(fun)}({', '.join(places)})"
        return self.line(code, [*args, *kwargs.values()], like, **facts)

    def name(self, fun: Any) -> str:
        """Return the name under which the lines find a function."""
        name = re.sub(r"\W", "_", fun.__name__)
        while self.names.setdefault(name, fun) is not fun:
            name += "_"
        return name

    def elementwise(self, ufunc: Any, operands: list[Any], like: Line) -> Any:
        """Write a ufunc: as an operator if there is one, with numbers for uniform arrays."""
        facts: dict[str, Any] = {
            "fresh": True,
            "ufunc": "" if ufunc.signature else self.name(ufunc),
        }
        if len(operands) == 2 and not ufunc.signature:
            for i, j in ((0, 1), (1, 0)):
                x, number = operands[i], _number(operands[j], operands[i])
                if number is None:
                    continue
                if ufunc is np.add and _same(number, 0):
                    clean = self.clean(x)
                    if clean.is_like(like):
                        return clean
                    scalar = x.code.startswith("{}.reshape") and x.operands[0]
                    if scalar and scalar.kind is not np.ndarray:
                        clean = self.clean(scalar)  # it broadcasts as well as it is
                    return self.line("{} + {}", operands, like, clean=True, small=clean, **facts)
                if x.is_like(like) and (i == 0 or ufunc is np.multiply):
                    if _same(number, NEUTRAL.get(ufunc)):
                        return x
                    if ufunc is np.power and number == 2:
                        return self.elementwise(np.multiply, [x, x], like)
                if x.shape == like.shape:
                    operands[j] = number if x.kind is not np.ndarray else np.array(number)
            square = ufunc is np.multiply and operands[0] is operands[1]
            either = ufunc is np.add and any(getattr(o, "clean", False) for o in operands)
            facts["clean"] = square or either
        small = [getattr(o, "small", None) or o for o in operands]
        if any(s is not o for s, o in zip(small, operands, strict=True)) and not ufunc.signature:
            shape = np.broadcast_shapes(*map(_shape, small))
            if shape == like.shape:  # another operand has the full shape: no need to broadcast this
                operands = small
            else:
                kind = np.ndarray if shape else like.dtype.type  # 0-d becomes a number
                facts["small"] = self.elementwise(
                    ufunc, small, Line("", (), kind, shape, like.dtype)
                )
        if ufunc in OPERATORS:
            return self.line(OPERATORS[ufunc], operands, like, **facts)
        return self.call(ufunc, operands, {}, like, **facts)

    def clean(self, x: Line) -> Line:
        """Return x + 0.0, which turns -0.0 into 0.0 and is what a sum over one element does."""
        if x.clean or x.dtype.kind not in "f":
            return x
        kind = np.ndarray if x.shape else x.dtype.type
        zero = np.array(0, x.dtype) if x.kind is np.ndarray else 0.0
        like = Line("", (), kind, x.shape, x.dtype, x.strides)
        small = self.clean(x.small) if x.small else None
        facts = {"clean": True, "small": small, "ufunc": self.name(np.add)}
        return self.line("{} + {}", [x, zero], like, fresh=True, **facts)

    def reduce(self, ufunc: Any, like: Line, x: Any, axis: Any, keepdims: Any) -> Any:
        """Write a sum, a product, a maximum along axes."""
        count = len(x.shape)
        axes = range(count) if axis is None else np.atleast_1d(axis).tolist()
        if x.kind is np.ndarray and x.dtype == like.dtype and all(x.shape[a] == 1 for a in axes):
            x = self.clean(x) if ufunc is np.add else x
            if like.kind is np.ndarray:
                return _reshape(self, like, x)
            if count and x.kind is np.ndarray:
                return self.line(f"{{}}[{', '.join('0' * count)}]", [x], like, fresh=True)
        along = "None" if axis is None else repr(tuple(axes) if np.ndim(axis) else int(axis))
        rest = ", None, None, True" if keepdims else ""
        code = f"{self.name(ufunc)}.reduce({{}}, {along}{rest})"
        return self.line(code, [x], like, fresh=True)


def _shape(operand: Any) -> tuple[int, ...]:
    return operand.shape if isinstance(operand, Line) else np.shape(operand)


def _same(number: Any, other: Any) -> bool:
    """Whether two numbers are equal down to the sign of zero."""
    return number == other and np.signbit(number) == np.signbit(other)


def _number(constant: Any, x: Any) -> float | None:
    """Return the one number that a constant holds, if it does and x is of float64."""
    if isinstance(constant, (Line, tuple)) or not isinstance(x, Line) or x.dtype != np.float64:
        return None
    array = np.asarray(constant)
    if array.dtype.kind not in "biuf" or np.result_type(array, x.dtype) != x.dtype:
        return None
    if not array.size or not np.all(array == array.flat[0]):
        return None
    number = float(array.flat[0])
    signs_differ = number == 0 and array.dtype.kind == "f" and np.ptp(np.signbit(array) * 1)
    return None if signs_differ or number != array.flat[0] else number


def _identity(operand: Any) -> Any:
    """Return a key that equal constants share."""
    if isinstance(operand, np.ndarray):
        digest = blake2b(np.ascontiguousarray(operand).view(np.uint8).data).digest()
        return operand.shape, operand.strides, operand.dtype, digest
    if type(operand) in (tuple, list):
        return type(operand), *map(_identity, operand)
    plain = isinstance(operand, (bool, int, float, complex, str, np.generic))
    return (type(operand), repr(operand)) if plain or operand is None else id(operand)


@_rule(VSpace.add.fun)
def _add(to: Lowering, like: Line, space: Any, x: Any, y: Any) -> Any:
    return to.elementwise(np.add, [x, y], like)


@_rule(raised.fun)
def _raised(to: Lowering, like: Line, x: Any, y: Any) -> Any:
    if any(isinstance(o, np.ndarray) or getattr(o, "kind", None) is np.ndarray for o in (x, y)):
        return to.elementwise(np.power, [x, y], like)
    if isinstance(x, Line) and x.is_like(like) and _number(y, x) == 1:
        return x
    return to.line("{} ** {}", [x, y], like, fresh=True)


def _reduction(ufunc: np.ufunc) -> Callable[..., Any]:
    def lower(
        to: Lowering,
        like: Line,
        x: Any,
        axis: Any = None,
        *,
        out: None = None,
        keepdims: Any = False,
    ) -> Any:
        return to.reduce(ufunc, like, x, axis, keepdims)

    return lower


_rule(np.sum)(_reduction(np.add))
_rule(np.prod)(_reduction(np.multiply))
_rule(np.max, np.amax)(_reduction(np.maximum))
_rule(np.min, np.amin)(_reduction(np.minimum))


@_rule(np.mean)
def _mean(to: Lowering, like: Line, x: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    if x.dtype != np.float64 or x.kind is not np.ndarray:
        raise TypeError  # NumPy takes other ways there
    total = to.reduce(np.add, like, x, axis, keepdims)
    count = np.prod(x.shape) / max(np.prod(like.shape), 1)
    return to.elementwise(np.divide, [total, float(count)], like)


@_rule(np.reshape, np.ravel, np.expand_dims, np.squeeze, np.atleast_1d, np.atleast_2d)
def _reshape(to: Lowering, like: Line, x: Any, *how: Any, order: Any = None, **kwargs: Any) -> Any:
    if order not in (None, "C") or str in map(type, how) or like.kind is not np.ndarray:
        raise TypeError
    if x.code.startswith("{}.reshape("):
        x = x.operands[0]
    return x if x.is_like(like) else to.line(f"{{}}.reshape({like.shape})", [x], like)


@_rule(anp.array_from_args.fun, anp._array_from_scalar_or_array.fun)
def _array(to: Lowering, like: Line, how: Any, keywords: Any, *parts: Any) -> Any:
    if how or keywords:
        raise TypeError
    if len(parts) == 1 and isinstance(parts[0], Line) and parts[0].is_like(like):
        return parts[0]  # array(x), which copies; array([x]) is not like x
    if like.shape == _shape(parts[0]):
        return to.line("array({})", parts, like, fresh=True)
    return to.line(f"array([{', '.join(['{}'] * len(parts))}])", parts, like, fresh=True)


@_rule(np.asarray, anp._astype.fun)
def _as(to: Lowering, like: Line, x: Any, *how: Any, **kwargs: Any) -> Any:
    if not x.is_like(like):
        raise TypeError
    return x


@_rule(anp.concatenate_args.fun)
def _concatenate(to: Lowering, like: Line, axis: Any, *parts: Any) -> Any:
    code = f"{to.name(np.concatenate)}(({', '.join(['{}'] * len(parts))},), {{}})"
    return to.line(code, [*parts, axis], like, fresh=True)


@_rule(np.transpose)
def _transpose(to: Lowering, like: Line, x: Any, axes: Any = None) -> Any:
    axes = "" if axes is None else tuple(np.asarray(axes).tolist())
    return to.line(f"{{}}.transpose({axes})", [x], like)


@_rule(np.swapaxes)
def _swapaxes(to: Lowering, like: Line, x: Any, one: int, other: int) -> Any:
    return to.line("{}.swapaxes({}, {})", [x, int(one), int(other)], like)


@_rule(numpy_vjps.dot_adjoint_0.fun)
def _dot_adjoint_0(to: Lowering, like: Line, b: Any, g: Any, of_a: Any, of_b: Any) -> Any:
    if (of_a[1], of_b[1]) != (2, 2) or not of_a[2] == of_b[2] == like.dtype:
        raise TypeError
    return to.line(f"{to.name(np.dot)}({{}}, {{}}.T)", [g, b], like, fresh=True)


@_rule(numpy_vjps.dot_adjoint_1.fun)
def _dot_adjoint_1(to: Lowering, like: Line, a: Any, g: Any, of_a: Any, of_b: Any) -> Any:
    if (of_a[1], of_b[1]) != (2, 2) or not of_a[2] == of_b[2] == like.dtype:
        raise TypeError
    return to.line(f"{to.name(np.dot)}({{}}.T, {{}}).T", [g, a], like, fresh=True)


def _brackets(key: Any) -> tuple[str, list[Any]]:
    """Write an index: the text between the brackets, and its operands."""
    texts, operands = [], []
    for part in key if type(key) is tuple else (key,):
        if isinstance(part, slice):
            step = "" if part.step is None else f":{part.step}"
            ends = ("" if end is None else end for end in (part.start, part.stop))
            texts.append("{}:{}{}".format(*ends, step))
        elif part is Ellipsis or part is None or type(part) is int or isinstance(part, np.integer):
            texts.append("..." if part is Ellipsis else str(part))
        else:
            texts.append("{}")
            operands.append(np.asarray(part) if isinstance(part, list) else part)
    return ", ".join(texts) or "()", operands


def _whole(text: str) -> bool:
    """Whether an index that changes no shape selects everything in order."""
    return re.fullmatch(r"[\d:., ]*", text) is not None and "::" not in text


@_rule(ArrayBox.__getitem__.fun)
def _getitem(to: Lowering, like: Line, x: Any, key: Any) -> Any:
    text, operands = _brackets(key)
    if isinstance(x, Line) and x.is_like(like) and _whole(text):
        return x
    copies = any(_shape(o) for o in operands)  # one traced number still selects a view
    return to.line(f"{{}}[{text}]", [x, *operands], like, fresh=copies)


@_rule(scatter.fun)
def _scatter(to: Lowering, like: Line, total: Any, part: Any) -> Any:
    if type(part) is not tuple:
        raise TypeError  # made of constants: `scatter` itself does it
    g, key, _ = part
    text, operands = _brackets(key)
    clean = total.clean if isinstance(total, Line) else not np.any(total)
    code = f"{to.name(np.add)}.at({{}}, s_[{text}], {{}})" if operands else f"{{}}[{text}] += {{}}"
    return to.line(code, [total, *operands, g], like, fresh=True, writes=True, clean=clean)


# -------------------------------------------------------------------------------------- 3. emit


class Emission:
    """Writes the function `replay` that computes the outputs."""

    def __init__(self, lines: list[Line], outputs: list[Any], names: dict[str, Any]) -> None:
        self.outputs, self.names = outputs, names
        needed = {o for o in outputs if isinstance(o, Line)}
        for line in reversed(lines):
            if line in needed:
                needed.update(o for o in line.operands if isinstance(o, Line))
        self.inputs = [line for line in lines if not line.operands]
        self.lines = [line for line in lines if line.operands and line in needed]
        self.users: dict[Line, list[Line]] = defaultdict(list)
        for line in self.lines:
            for operand in line.operands:
                if isinstance(operand, Line):
                    self.users[operand].append(line)
        self.local = {line: line.code for line in self.inputs}
        self.constants: dict[Any, tuple[str, str]] = {}  # name and definition of each
        self.free: dict[Any, list[str]] = defaultdict(list)  # arrays to write over, by layout
        self.count = 0
        theta = self.inputs[0]  # where it lies column by column, the gradient had better as well
        self.by_columns = len(theta.shape) > 1 and theta.strides[0] < theta.strides[-1]

    def source(self, title: str) -> str:
        """Write it all; the names of the constants are defined in `names`."""
        body = [f"{code:<47} # {line.shape}" for line in self.lines for code in self.written(line)]
        results = [self.spelled(o) + ".copy()" * self.borrowed(o) for o in self.outputs]
        define = f"def replay({', '.join(line.code for line in self.inputs)}):"
        constants = [definition for _, definition in self.constants.values()]
        inside = [f"    {code}" for code in [*body, f"return {', '.join(results)}"]]
        return "\n".join([f"# {title}", *constants, "", define, *inside, ""])

    def written(self, line: Line) -> list[str]:
        """Write a line, or the two that add to part of an array."""
        total, *rest = line.operands
        spelled = [self.spelled(o) for o in rest]
        lines = dict.fromkeys(o for o in line.operands if isinstance(o, Line))
        ending = [o for o in lines if self.ends(o, line)]
        start = []
        if line.writes and any(o is total for o in ending) and self.users[total] == [line]:
            ending.remove(total)
            name = self.local[total]
        elif line.writes:
            name = self.new()
            kind = "" if line.dtype == float else f", {str(line.dtype)!r}"
            zeros = isinstance(total, np.ndarray) and not np.any(total)
            kind += ", order='F'" * (self.by_columns and len(line.shape) > 1)
            how = f"zeros({line.shape}{kind})" if zeros else f"array({self.spelled(total)})"
            start = [f"{name} = {how}"]
        for operand in ending:
            self.free[operand.layout()].append(self.local[operand])
        if line.writes:
            code = line.code.format(name, *spelled)
        elif line.ufunc and line.nbytes() >= BIG and self.free[line.layout()]:
            name = self.free[line.layout()].pop()
            code = f"{line.ufunc}({', '.join([self.spelled(total), *spelled])}, out={name})"
        else:
            name = self.new()
            code = f"{name} = {line.code.format(self.spelled(total), *spelled)}"
        self.local[line] = name
        return [*start, code]

    def ends(self, operand: Line, line: Line) -> bool:
        """Whether a line is the last to need an operand, so that its array may be written over."""
        if not operand.fresh or any(operand is output for output in self.outputs):
            return False
        users = self.users[operand]  # none of which may be a view of it
        return users[-1] is line and all(user.fresh for user in users)

    def new(self) -> str:
        """Return the next name."""
        self.count += 1
        return f"v{self.count}"

    def spelled(self, operand: Any) -> str:
        """Write an operand: its name, or a constant as it is if that is short and exact."""
        if isinstance(operand, Line):
            return self.local[operand]
        if type(operand) is tuple:
            return "(" + "".join(f"{self.spelled(o)}, " for o in operand) + ")"
        if operand is None or type(operand) in (bool, str, slice):
            return repr(operand)
        if type(operand) in (int, float) and isfinite(operand):
            return repr(operand) if np.copysign(1, operand) > 0 else f"({operand!r})"
        key = _identity(operand)
        if key not in self.constants:
            number = operand.tolist() if isinstance(operand, np.ndarray) else None
            if type(number) is float and isfinite(number) and operand.dtype == np.float64:
                short = repr(number).removesuffix(".0").replace("-", "m")
                name = re.sub(r"\W", "_", f"_{short}")  # 100.0 is _100, -0.5 is _m0_5
                definition = f"{name} = array({number!r})"
            else:
                name = f"c{len(self.constants) + 1}"
                kind = getattr(operand, "dtype", type(operand).__name__)
                definition = f"# {name}: {kind} {getattr(operand, 'shape', '')}"
            self.constants[key] = name, definition
            self.names[name] = operand
        return self.constants[key][0]

    def borrowed(self, output: Any) -> bool:
        """Whether an output may share memory with an input or a constant: then a copy is given."""
        if not isinstance(output, Line):
            return isinstance(output, np.ndarray)
        if output.fresh or output.kind is not np.ndarray:
            return False
        return not output.operands or any(self.borrowed(o) for o in output.operands)
