"""A trace as a straight line of NumPy calls: Python source, to run and to read.

Each call may be written as it was made, `where(v1, v2, c1)`. All else here is there for reading and
for speed (half a microsecond a call counts), and leaves the numbers equal: calls that do nothing
are dropped, common subexpressions are computed once, and what autograd broadcasts by adding zeros
stays small where the next call broadcasts by itself.
"""

from __future__ import annotations

import itertools
import operator
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from math import isfinite
from typing import Any

import numpy as np

from optimizers.engine.check import check
from optimizers.engine.trace import (
    PLACED,
    Node,
    Trace,
    added_at,
    astype,
    filled,
    leaves,
    mapped,
    signature,
    trace,
)

BIG = 1 << 13  # numbers in an array whose memory is given back as soon as it can be

# ------------------------------------------------------------------------------------ the product


@dataclass(frozen=True)
class NumpyLines:
    """A compiled trace: `lines(*inputs)` computes what the traced function returns.

    Attributes
    ----------
    source
        The straight line of NumPy calls, as Python source.
    signature
        What `signature(*inputs)` must be.
    replay
        The compiled function. It takes the arrays in the inputs one by one, and checks nothing.
    alone
        The shape of θ, if there is no other input.
    """

    source: str
    signature: Any
    replay: Callable[..., Any]
    alone: tuple[int, ...] | None

    def fits(self, theta: np.ndarray) -> bool:
        """Whether θ alone, in float64, is what was recorded."""
        return theta.shape == self.alone

    def __call__(self, *inputs: Any) -> Any:
        """Compute what the traced function returns for these inputs."""
        if signature(*inputs) != self.signature:
            raise ValueError(
                "the inputs differ in shape or type from the recorded ones: record again"
            )
        return self.replay(*leaves(inputs))


def record(function: Callable[..., Any], *inputs: Any, title: str | None = None) -> NumpyLines:
    """Trace a function, write it as NumPy lines, and check them against it.

    Parameters
    ----------
    function, inputs
        As for `trace`.
    title
        What the first line of the source says; left out, the function's name.

    Raises
    ------
    NotTraceable
        If a replay could differ from the function.

    Examples
    --------
    >>> import autograd.numpy as anp
    >>> from autograd import value_and_grad
    >>> lines = record(value_and_grad(lambda x: anp.sum((x - 1) ** 2)), np.array([3.0, 5.0]))
    >>> value, gradient = lines(np.array([2.0, 4.0]))
    >>> float(value), gradient.tolist()
    (10.0, [2.0, 6.0])
    >>> print(lines.source.partition("\\n\\n")[2])
    def replay(theta):
        v1 = theta - _1                                 # (2,)
        v2 = v1 * v1                                    # (2,)
        v3 = add.reduce(v2, None)                       # ()
        v4 = _2 * v1                                    # (2,)
        return v3, v4
    <BLANKLINE>
    """
    title = title or str(getattr(function, "__name__", type(function).__name__))
    lines = numpy_lines(trace(function, *inputs), title)
    check(lines.replay, function, inputs)
    return lines


def numpy_lines(traced: Trace, title: str) -> NumpyLines:
    """Write a trace as a Python function, and compile it."""
    writer = _Writer(traced)
    source = writer.source(title)
    exec(compile(source, f"<{title}>", "exec"), writer.names)
    theta = traced.inputs[0] if len(traced.inputs) == 1 else None
    alone = theta.shape if theta and theta.dtype == float and theta.kind is np.ndarray else None
    return NumpyLines(source, traced.signature, writer.names["replay"], alone)


# ------------------------------------------------------------------------------------- the lines


@dataclass(eq=False, slots=True)
class Line:
    """One line: code with a place {} for each operand (an earlier line or a constant).

    It may be a broadcast copy of a smaller line, `small`. One that is `fresh` shares no memory with
    its operands.
    """

    code: str
    operands: list[Any]
    like: Any  # the node whose kind, shape and dtype the result has
    fresh: bool = False
    small: Line | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the result."""
        return tuple(self.like.shape)

    @property
    def is_zero(self) -> bool:
        """Whether it makes an array of zeros."""
        return self.like.fun is np.zeros

    def is_like(self, node: Node) -> bool:
        """Whether the results have one type, shape and dtype."""
        mine = self.like.kind, self.like.shape, self.like.dtype
        return mine == (node.kind, node.shape, node.dtype)


SIGNS: dict[Any, str] = {
    np.add: "+",
    np.subtract: "-",
    np.multiply: "*",
    np.divide: "/",
    np.matmul: "@",
}
SIGNS |= {np.equal: "==", np.not_equal: "!=", np.greater: ">", np.less: "<"}
SIGNS |= {np.greater_equal: ">=", np.less_equal: "<=", operator.pow: "**"}
SIGNS |= {operator.add: "+", operator.sub: "-", operator.mul: "*", operator.truediv: "/"}
_some = np.linspace(0.1, 3.0, 10_001)
POWERS_ARE_SQUARES = np.array_equal(np.power(_some, 2), _some * _some)  # not in every NumPy
NEUTRAL: dict[Any, int] = {np.add: 0, np.subtract: 0}  # x op it is x
NEUTRAL |= {np.multiply: 1, np.divide: 1, np.power: 1, operator.pow: 1}
REDUCED = {np.sum: np.add, np.prod: np.multiply, np.max: np.maximum, np.min: np.minimum}
REDUCED |= {np.amax: np.maximum, np.amin: np.minimum, np.mean: np.add}
RESHAPES = {np.reshape, np.ravel, np.expand_dims, np.squeeze, np.atleast_1d, np.atleast_2d}
COPIES = {np.array, np.asarray, np.copy, np.positive, astype}


class _Writer:
    """Turns nodes into lines, each distinct one once, and lines into source."""

    def __init__(self, traced: Trace) -> None:
        self.names: dict[str, Any] = {"array": np.array, "zeros": np.zeros, "s_": np.s_}
        self.constants: dict[Any, tuple[str, str]] = {}  # name and definition of each
        self.known: dict[Any, Line] = {}
        self.lines: list[Line] = []
        self.inputs = [Line(self.free(node.name), [], node) for node in traced.inputs]
        self.local = {line: line.code for line in self.inputs}
        done: dict[Node, Any] = dict(zip(traced.inputs, self.inputs, strict=True))
        for node in traced.nodes:
            args, kwargs = filled((list(node.args), node.kwargs), done)
            done[node] = self.written(node, args, kwargs)
        self.returned = filled(traced.returned, done)

    def free(self, name: str) -> str:
        """Reserve a name that nothing else in the source has."""
        while name in self.names or re.fullmatch(r"[vc]\d+|_\w*", name):
            name = f"{name.lstrip('_') or 'x'}_"
        self.names[name] = None
        return name

    # ------------------------------------------------------------------- from a node to a line

    def written(self, node: Node, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Return the line, or the earlier line, that stands for a call."""
        fun: Any = node.fun
        x: Any = args[0] if args else None
        if fun is np.zeros:  # something will be added to it, so that each is a line of its own
            dtype = "" if node.dtype == float else f", {str(node.dtype)!r}"
            self.lines.append(Line(f"zeros({node.shape}{dtype})", [], node, fresh=True))
            return self.lines[-1]
        if all(not isinstance(leaf, Line) or leaf.is_zero for leaf in leaves([args, kwargs])):
            with np.errstate(all="ignore"):
                return fun(*mapped(_constant, args), **mapped(_constant, kwargs))
        line = None
        if isinstance(fun, np.ufunc) and not kwargs and fun.nout == 1:
            return self.elementwise(fun, args, node)
        if fun in PLACED:
            text, operands = _brackets(args[1])
            code = f"{{}}[{text}] {PLACED[fun]} {{}}"
            if operands and fun is added_at:
                code = f"{self.name(np.add)}.at({{}}, s_[{text}], {{}})"
            return self.line(code, [x, *operands, args[2]], node, fresh=True)
        if isinstance(x, Line):
            if x.is_like(node) and (fun in COPIES or (fun is operator.pow and _is_one(args[1]))):
                return x
            if fun in RESHAPES and node.kind is np.ndarray and not any(map(_is_order, args)):
                line = self.reshaped(x, node) if kwargs.get("order", "C") in (None, "C") else None
            elif fun in REDUCED:
                line = self.reduced(fun, node, x, *args[1:], **kwargs)
            elif not kwargs:
                line = self.method(fun, node, x, args[1:])
        if line is not None:
            return line
        if fun in SIGNS:
            return self.line(f"{{}} {SIGNS[fun]} {{}}", args, node, fresh=True)
        operands = []
        texts = [_text(a, operands) for a in args]
        texts += [f"{key}={_text(a, operands)}" for key, a in kwargs.items()]
        fresh = isinstance(fun, np.ufunc) or fun is np.where
        return self.line(f"{self.name(fun)}({', '.join(texts)})", operands, node, fresh=fresh)

    def line(self, code: str, operands: list[Any], like: Any, **facts: Any) -> Line:
        """Make a line, or find the one that says the same."""
        key = (code, *map(_identity, operands))
        if key not in self.known:
            self.known[key] = Line(code, operands, like, **facts)
            self.lines.append(self.known[key])
        return self.known[key]

    def name(self, fun: Any) -> str:
        """Return the name under which the lines find a function."""
        if isinstance(getattr(fun, "__self__", None), np.ufunc):
            return f"{self.name(fun.__self__)}.{fun.__name__}"
        name = re.sub(r"\W", "_", fun.__name__)
        while self.names.setdefault(name, fun) is not fun:
            name += "_"
        return name

    def elementwise(self, ufunc: np.ufunc, operands: list[Any], node: Any) -> Line:
        """Write a ufunc: as an operator if there is one, with numbers for uniform arrays."""
        operands = [_constant(o) if getattr(o, "is_zero", False) else o for o in operands]
        if len(operands) == 2 and not ufunc.signature:
            for i, j in ((0, 1), (1, 0)):
                x, number = operands[i], _uniform(operands[j], operands[i])
                if number is None:
                    continue
                if number == NEUTRAL.get(ufunc) and (i == 0 or ufunc in (np.add, np.multiply)):
                    if x.is_like(node):
                        return x
                    if ufunc is np.add:
                        return self.line("{} + {}", operands, node, fresh=True, small=_core(x))
                squares = ufunc is np.power and number == 2 and np.ndim(operands[j]) == 0
                if POWERS_ARE_SQUARES and squares and i == 0 and x.is_like(node):
                    return self.elementwise(np.multiply, [x, x], node)
                if x.shape == node.shape and (ufunc is not np.power or np.ndim(operands[j]) == 0):
                    operands[j] = np.array(number) if x.like.kind is np.ndarray else number
        small = None
        if not ufunc.signature and any(_small(o) is not o for o in operands):
            smaller = [_small(o) for o in operands]
            shape = np.broadcast_shapes(*(getattr(o, "shape", ()) for o in smaller))
            if shape == node.shape:  # another operand has the full shape: no need to broadcast this
                operands = smaller
            else:
                kind = np.ndarray if shape else node.dtype.type  # 0-d becomes a number
                like = Node(None, (), {}, kind, shape, node.dtype)
                small = self.elementwise(ufunc, smaller, like)
        code = f"{self.name(ufunc)}({', '.join(['{}'] * len(operands))})"
        if ufunc in SIGNS:
            code = f"{{}} {SIGNS[ufunc]} {{}}"
        elif ufunc is np.negative:
            code = "-{}"
        elif ufunc is np.square:
            code, operands = "{} * {}", operands * 2
        return self.line(code, operands, node, fresh=True, small=small)

    def reshaped(self, x: Line, node: Node) -> Line:
        """Write a change of shape."""
        x = x.operands[0] if x.code.startswith("{}.reshape(") else x
        return x if x.is_like(node) else self.line(f"{{}}.reshape({node.shape})", [x], node)

    def reduced(
        self, fun: Any, node: Node, x: Line, axis: Any = None, *more: Any, **kwargs: Any
    ) -> Line | None:
        """Write a sum, a product, a maximum along axes."""
        keepdims, axis = kwargs.pop("keepdims", False), kwargs.pop("axis", axis)
        if more or kwargs or x.like.kind is not np.ndarray:
            return None
        axes = range(len(x.shape)) if axis is None else np.atleast_1d(axis).tolist()
        count = int(np.prod([x.shape[a] for a in axes], dtype=int))
        if (count == 1 or fun is np.mean) and not x.like.dtype == node.dtype == np.float64:
            return None  # NumPy takes other ways there
        if count == 1 and node.kind is np.ndarray:
            return self.reshaped(x, node)
        if count == 1:
            return self.line(f"{{}}[{', '.join('0' * len(x.shape))}]", [x], node)
        along = "None" if axis is None else repr(tuple(axes) if np.ndim(axis) else int(axis))
        code = (
            f"{self.name(REDUCED[fun])}.reduce({{}}, {along}{', keepdims=True' * bool(keepdims)})"
        )
        total = self.line(code, [x], node, fresh=True)
        return self.elementwise(np.divide, [total, float(count)], node) if fun is np.mean else total

    def method(self, fun: Any, node: Node, x: Line, rest: list[Any]) -> Line | None:
        """Write what reads better, or runs quicker, as a method of x."""
        if fun is np.transpose:
            axes = "" if not rest or rest[0] is None else tuple(np.asarray(rest[0]).tolist())
            return self.line(f"{{}}.transpose({axes})" if axes else "{}.T", [x], node)
        if fun is np.swapaxes:
            return self.line(f"{{}}.swapaxes({int(rest[0])}, {int(rest[1])})", [x], node)
        if fun is np.tensordot and len(x.shape) == 2 and len(getattr(rest[0], "shape", ())) == 2:
            if rest[1] == 1:  # what autograd makes of the gradients of np.dot
                return self.line(f"{self.name(np.dot)}({{}}, {{}})", [x, rest[0]], node)
            if rest[1] == [range(-2, -1), range(1)]:
                return self.line(f"{self.name(np.dot)}({{}}.T, {{}})", [x, rest[0]], node)
        if fun is operator.getitem:
            text, operands = _brackets(rest[0])
            whole = re.fullmatch(r"[\d:., ]*", text) and "::" not in text
            if whole and x.is_like(node):
                return x
            copies = any(getattr(o, "shape", ()) for o in operands)  # a traced number still views
            return self.line(f"{{}}[{text}]", [x, *operands], node, fresh=copies)
        return None

    # ---------------------------------------------------------------------- from lines to source

    def source(self, title: str) -> str:
        """Write it all; the names of the constants are defined in `names`."""
        needed = {o for o in leaves(self.returned) if isinstance(o, Line)}
        for line in reversed(self.lines):
            if line in needed:
                needed.update(o for o in line.operands if isinstance(o, Line))
        lines = [line for line in self.lines if line in needed]
        used = [o for line in lines for o in line.operands] + leaves(self.returned)
        uses = Counter(o for o in used if isinstance(o, Line))
        body: list[str] = []
        count = itertools.count(1)
        for line in lines:
            first = line.operands[0] if line.operands else None
            writes, code = line.like.fun in PLACED, line.code
            if writes and isinstance(first, Line) and first.fresh and uses[first] == 1:
                self.local[line] = self.local[first]  # nobody else needs what it was
            else:
                self.local[line] = f"v{next(count)}"
                code = code if writes else f"{self.local[line]} = {code}"
                body += [f"{self.local[line]} = array({self.spelled(first)})"] * writes
            spelled = [self.spelled(o) for o in line.operands]
            code = code.format(*[self.local[line]] * writes, *spelled[writes:])
            body.append(f"{code:<47} # {line.shape}")
            body += self.given_back(line, uses)
        results: list[Any] = []
        text = _text(self.returned, results)
        results = [self.spelled(o) + ".copy()" * _borrowed(o) for o in results]
        body.append(f"return {text.removeprefix('(').removesuffix(')').format(*results)}")
        define = f"def replay({', '.join(line.code for line in self.inputs)}):"
        constants = [definition for _, definition in self.constants.values()]
        inside = [f"    {code}" for code in body]
        return "\n".join([f"# {title}", *constants, "", define, *inside, ""])

    def given_back(self, line: Line, uses: Counter[Line]) -> list[str]:
        """Give back the memory of big arrays that nobody needs after this line."""
        used = [o for o in line.operands if isinstance(o, Line)]
        uses.subtract(used)
        over = [o for o in dict.fromkeys(used) if uses[o] == 0 and not _borrowed(o)]
        names = [self.local[o] for o in over if np.prod(o.shape) >= BIG]
        names = [name for name in names if name != self.local[line]]
        return [f"del {', '.join(names)}"] if names else []

    def spelled(self, operand: Any) -> str:
        """Write an operand: its name, or a constant as it is if that is short and exact."""
        if isinstance(operand, Line):
            return self.local[operand]
        if operand is None or type(operand) in (bool, str, range):
            return repr(operand)
        if isinstance(operand, np.dtype):
            return repr(str(operand))
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


def _text(nesting: Any, operands: list[Any]) -> str:
    """Write a nesting with a place {} for each leaf; the leaves are added to the operands."""
    if type(nesting) is dict:
        pairs = [f"{key!r}: {_text(child, operands)}" for key, child in nesting.items()]
        return f"{{{{{', '.join(pairs)}}}}}"
    if type(nesting) in (list, tuple):
        inside = ", ".join([_text(child, operands) for child in nesting])
        one = "," * (len(nesting) == 1)
        return f"[{inside}]" if type(nesting) is list else f"({inside}{one})"
    operands.append(nesting)
    return "{}"


def _brackets(key: Any) -> tuple[str, list[Any]]:
    """Write an index: the text between the brackets, and its operands."""
    texts: list[str] = []
    operands: list[Any] = []
    for part in key if type(key) is tuple else (key,):
        if isinstance(part, slice):
            step = "" if part.step is None else f":{part.step}"
            ends = ("" if end is None else end for end in (part.start, part.stop))
            texts.append("{}:{}{}".format(*ends, step))
        elif part is Ellipsis or part is None or isinstance(part, (int, np.integer)):
            texts.append("..." if part is Ellipsis else str(part))
        else:
            fixed = type(part) is list and not any(isinstance(o, Line) for o in leaves(part))
            texts.append(_text(np.asarray(part) if fixed else part, operands))
    return ", ".join(texts) or "()", operands


def _uniform(constant: Any, x: Any) -> float | None:
    """Return the one number that a constant holds, if it does and x is of float64."""
    if not isinstance(x, Line) or isinstance(constant, Line) or x.like.dtype != np.float64:
        return None
    array = np.asarray(constant)
    if array.dtype.kind not in "biuf" or np.result_type(array, x.like.dtype) != np.float64:
        return None
    if not array.size or not np.all(array == array.flat[0]):
        return None
    return float(array.flat[0]) if float(array.flat[0]) == array.flat[0] else None


def _is_one(exponent: Any) -> bool:
    return not isinstance(exponent, Line) and np.ndim(exponent) == 0 and exponent == 1


def _is_order(argument: Any) -> bool:
    return isinstance(argument, str)  # "F": the order in which numbers are read


def _constant(leaf: Any) -> Any:
    return np.zeros(leaf.shape, leaf.like.dtype) if isinstance(leaf, Line) else leaf


def _core(x: Line) -> Any:
    """Return the smallest line that broadcasts to what x does."""
    one = x.operands[0] if x.code.startswith("{}.reshape(") else x
    return _small(x if one.shape else one)


def _small(operand: Any) -> Any:
    return getattr(operand, "small", None) or operand


def _identity(operand: Any) -> Any:
    """Return a key that equal constants share."""
    if isinstance(operand, np.ndarray):
        digest = blake2b(np.ascontiguousarray(operand).view(np.uint8).data).digest()
        return operand.shape, operand.strides, operand.dtype, digest
    plain = isinstance(operand, (bool, int, float, complex, str, np.generic))
    return (type(operand), repr(operand)) if plain or operand is None else id(operand)


def _borrowed(output: Any) -> bool:
    """Whether an output may share memory with an input or a constant: then a copy is given."""
    if not isinstance(output, Line):
        return isinstance(output, np.ndarray)
    if output.fresh or output.like.kind is not np.ndarray:
        return False
    return not output.operands or any(_borrowed(o) for o in output.operands)
