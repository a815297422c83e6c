"""Record a gradient once, replay it as a straight line of NumPy calls.

autograd rebuilds its graph in Python at every call, which is nearly all of the time that a small
problem takes. Here the whole computation, forward and backward, is watched once:

1. Record.  The inputs are put in boxes of our own; autograd runs on them as always, and each
            NumPy call that touches a box is written down (`TapeNode`). What no box enters is a
            constant. What cannot be written down is refused (`NotReplayable`).
2. Lower.   Each call becomes a line of code. Lines that do nothing are dropped, and lines that
            say the same are merged: always so that not a bit of the result changes.
3. Emit.    The lines that the result needs make one Python function, to run and to read.
            (Steps 2 and 3 are in `tape_code.py`.)
4. Check.   The function is compared with plain autograd, here and elsewhere, before it is trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import RLock
from typing import Any

import autograd.core as core
import numpy as np
from autograd import tracer
from autograd.core import primitive_vjps, sparse_add, sparse_object_types, vspace
from autograd.extend import Box, SparseObject, VJPNode, VSpace, register_notrace
from autograd.numpy import numpy_vjps
from autograd.numpy import numpy_wrapper as anp
from autograd.numpy.numpy_boxes import ArrayBox
from autograd.tracer import Node, isbox, new_box, notrace_primitives, trace_stack

from optimizers.tape_code import Emission, Line, Lowering, index, raised, scatter

LARGE = 1 << 20  # bytes: an array of constants that is not copied
LONGEST = 20_000  # calls; beyond it (a long Python loop) compiling takes longer than it saves


class NotReplayable(Exception):
    """The computation cannot be replayed; the message says why in plain words."""


# ------------------------------------------------------------------------------------ 1. record


class Recording:
    """What was written down so far, and why it may be worthless."""

    def __init__(self) -> None:
        self.nodes: list[TapeNode] = []
        self.reasons: list[str] = []

    def refuse(self, reason: str) -> None:
        """Raise, and remember it: the loss might catch the error and go another way."""
        self.reasons.append(reason)
        raise NotReplayable(reason)


class TapeNode(Node):
    """One NumPy call: its function and arguments, some of which are earlier nodes."""

    __slots__ = ("args", "fun", "kwargs", "recording", "value")

    def initialize_root(self, recording: Recording, name: str, value: Any) -> None:
        """Make the node of an input."""
        self.recording, self.fun, self.args = recording, None, (name,)
        self.value, self.kwargs = value, dict[str, Any]()
        recording.nodes.append(self)

    def __init__(  # the signature is autograd's
        self, value: Any, fun: Any, args: Any, kwargs: Any, argnums: Any, parents: Any
    ) -> None:
        self.recording, self.fun, self.value = parents[0].recording, fun.fun, value
        traced = dict(zip(argnums, parents, strict=True))
        if reason := _objection(fun, value, traced):
            self.recording.refuse(reason)
        self.args = tuple(traced[i] if i in traced else _frozen(a) for i, a in enumerate(args))
        self.kwargs = {key: _frozen(a) for key, a in kwargs.items()}
        self.recording.nodes.append(self)
        if len(self.recording.nodes) > LONGEST:
            self.recording.refuse(f"it makes more than {LONGEST} NumPy calls")


def _frozen(argument: Any) -> Any:
    """Copy the arrays in an argument: whoever made them may write into them later.

    Large ones (a data set) stay where they are; `_check` notices if that was wrong.
    """
    if isinstance(argument, np.ndarray):
        copy = argument.view() if argument.nbytes >= LARGE else argument.copy(order="K")
        copy.setflags(write=False)
        return copy
    if type(argument) in (tuple, list):
        return type(argument)(map(_frozen, argument))
    return argument


# The shape of a result must follow from the shapes of the arguments, never from their values.
# That holds for ufuncs and for what autograd knows by name, but for these:
SHAPED_BY_VALUES = {anp.nonzero, anp.flatnonzero, anp.argwhere, anp.full, anp.real_if_close}
ALSO_KNOWN = {anp.asarray, anp.take}
# whole numbers in the later arguments of other functions are axes, counts, shapes
INTEGERS_ARE_DATA = {anp.where, anp.take, anp.dot, anp.tensordot, anp.inner, anp.outer, anp.einsum}
INTEGERS_ARE_DATA |= {anp.concatenate_args, anp.array_from_args, anp.searchsorted, anp.clip}
INTEGERS_ARE_DATA |= {numpy_vjps.dot_adjoint_0, numpy_vjps.dot_adjoint_1, VSpace.add}
INTEGERS_ARE_DATA |= {numpy_vjps.tensordot_adjoint_0, numpy_vjps.tensordot_adjoint_1}
INTEGERS_ARE_DATA |= {anp._array_from_scalar_or_array, ArrayBox.__getitem__, numpy_vjps.untake}
WRITES = {VSpace.mut_add, sparse_add}


def _objection(fun: Any, value: Any, traced: dict[int, TapeNode]) -> str | None:
    """Say why a call cannot be replayed, if it cannot."""
    name = fun.fun.__name__
    ufunc = isinstance(fun.fun, np.ufunc)
    ours = fun in (index, scatter, raised)
    known = fun in primitive_vjps or fun in notrace_primitives[VJPNode] or fun in ALSO_KNOWN
    if not (ufunc or ours or known) or fun in WRITES:
        return f"np.{name} is not known to be replayable"
    if fun in SHAPED_BY_VALUES:
        return f"the shape or type of what np.{name} returns depends on values"
    if isinstance(value, (list, tuple, dict)) and fun is not index:
        return f"np.{name} returns several arrays at once"
    if isinstance(value, SparseObject) and fun is not numpy_vjps.untake:
        return f"the gradient of {name} is not an array"
    if isinstance(value, np.ndarray) and value.dtype.hasobject:
        return f"np.{name} returns an array of objects"
    if fun is raised and not isinstance(value, (np.ndarray, np.generic)):
        return "plain Python numbers are raised to a power, which may become complex: use arrays"
    integers = [n for n, node in traced.items() if n and _kind(node.value) in "biu"]
    if fun is ArrayBox.__getitem__ and 1 in traced:
        parts = traced[1].value if isinstance(traced[1].value, tuple) else (traced[1].value,)
        if any(_kind(part) == "b" for part in parts):
            return "it selects by a mask that changes: how many are selected would be frozen"
    elif integers and not (ufunc or ours or fun in INTEGERS_ARE_DATA):
        return f"a whole number given to np.{name} changes from call to call"
    return None


def _kind(value: Any) -> str:
    numeric = isinstance(value, (np.ndarray, np.generic, bool, int, float, complex))
    return np.result_type(value).kind if numeric else "O"


def _refusing(reason: str) -> Callable[..., Any]:
    """Make a method for what Python or plain NumPy would do with a value behind the tape's back."""

    def method(self: TapeBox, *args: Any, **kwargs: Any) -> None:
        box = self
        while isbox(box._value):
            box = box._value
        box._node.recording.refuse(reason)

    return method


class TapeBox(ArrayBox):
    """autograd's box, which lets nobody look inside."""

    __slots__ = ()

    __bool__ = _refusing("it branches on a value (if, while, and, or, not, max(), in)")
    __float__ = __complex__ = _refusing("it takes a value out of NumPy: float(), math")
    __int__ = __index__ = _refusing(
        "it uses a value as a Python int: int(), range(), a[:n]; for a table indexed by a changing "
        "value, write np.take(table, i, axis=0)"
    )
    __array__ = _refusing(
        "plain NumPy, or a function that autograd does not follow, reads a value; for a table "
        "indexed by a changing value, write np.take(table, i, axis=0)"
    )
    __hash__ = _refusing("it looks a value up in a set or a dict")
    __str__ = __format__ = _refusing("it prints or formats a value")
    item = tolist = _refusing("it takes a value out of NumPy: .item(), .tolist()")

    def __getitem__(self, key: Any) -> Any:
        """x[rows, labels] with boxes in it: autograd does not look into tuples, so write it out."""
        if type(key) is tuple and any(map(isbox, key)):
            key = index(*key)
        return ArrayBox.__getitem__(self, key)

    def __pow__(self, other: Any) -> Any:
        """x ** y: where autograd has no box of its own around x, it computes with Python's **."""
        return ArrayBox.__pow__(self, other) if isbox(self._value) else raised(self, other)

    def __rpow__(self, other: Any) -> Any:
        return ArrayBox.__rpow__(self, other) if isbox(self._value) else raised(other, self)


for _shape_only in (anp.size, anp.isscalar, anp.zeros_like, anp.ones_like, anp.empty_like):
    register_notrace(TapeNode, _shape_only)
Box.types.add(TapeBox)


def _add_outgrads(total: Any, g: Any) -> tuple[Any, bool]:
    """Add as autograd.core does, but into new arrays: a tape must not write into what it read."""
    if total is None and type(g) not in sparse_object_types:
        return g, False
    space = vspace(g)
    if type(g) in sparse_object_types:
        if total is None:
            start = space.zeros()
        else:
            start = total[0] if total[1] else space.add(space.zeros(), total[0])
        return scatter(start, g), True
    return space.add(total[0], g), True


def _unpermuter(g: Any, permutation: Any) -> Any:
    """Undo a sort as autograd does, but as NumPy calls that a tape can follow."""
    return ArrayBox.__getitem__(g, anp.argsort(permutation))


def _getval(x: Any) -> Any:
    """Unbox for autograd, which wants a shape or a dtype only: who wants the value gets rubbish.

    A constant made of rubbish is found by `_check`; one made of the value might not be.
    """
    ours = False
    while isbox(x):
        ours, x = ours or type(x) is TapeBox, x._value
    if not ours:
        return x
    rubbish = np.full_like(x, np.nan if _kind(x) in "fc" else 1 << 6)
    return rubbish if isinstance(x, np.ndarray) else type(x)(rubbish)


_lock = RLock()


@contextmanager
def _watching() -> Iterator[None]:
    """Let autograd use our boxes; for everybody else (other threads) it works as before."""

    def box(value: Any, trace: int, node: Any) -> Any:
        ours = type(node) is TapeNode or type(value) is TapeBox
        return (TapeBox if ours else plain[type(value)])(value, trace, node)

    with _lock:
        plain = dict(Box.type_mappings)
        numbers = {np.dtype(code).type for code in np.typecodes["AllInteger"] + "?"}
        boxed = {kind for kind, its_box in plain.items() if its_box is ArrayBox}
        changes: list[tuple[dict[Any, Any], Any, Any]] = [
            (vars(core), "add_outgrads", _add_outgrads),
            (vars(numpy_vjps), "unpermuter", _unpermuter),
            (vars(tracer), "getval", _getval),
            *((Box.type_mappings, kind, box) for kind in boxed | numbers | {bool, int, TapeBox}),
        ]
        before = [(place, key, place.get(key)) for place, key, _ in changes]
        try:
            for place, key, new in changes:
                place[key] = new
            yield
        finally:
            for place, key, old in before:
                if old is None:
                    del place[key]
                else:
                    place[key] = old


# ------------------------------------------------------------------------------------- 4. check


@dataclass(frozen=True)
class Tape:
    """A recorded computation: `tape(*inputs)` computes it for inputs like the recorded ones.

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
        """Compute what the recorded function returns for these inputs."""
        if signature(*inputs) != self.signature:
            raise ValueError(
                "the inputs differ in shape or type from the recorded ones: record again"
            )
        return self.replay(*leaves(inputs))


def signature(*inputs: Any) -> Any:
    """Return what inputs must share to share a recording: nesting, types, shapes, dtypes.

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


def leaves(node: Any) -> list[Any]:
    """Return the arrays and numbers in a nesting of dicts, lists and tuples."""
    if type(node) is np.ndarray:
        return [node]
    if type(node) in (dict, list, tuple):
        children = node.values() if type(node) is dict else node
        return [leaf for child in children for leaf in leaves(child)]
    return [] if node is None else [node]


def _with_leaves(node: Any, leaves: Iterator[Any]) -> Any:
    """Return the nesting with other leaves."""
    if type(node) is dict:
        return {key: _with_leaves(child, leaves) for key, child in node.items()}
    if type(node) in (list, tuple):
        return type(node)([_with_leaves(child, leaves) for child in node])
    return None if node is None else next(leaves)


def record(
    function: Callable[..., tuple[Any, Any]], *inputs: Any, title: str | None = None
) -> Tape:
    """Record a function of arrays that returns a value and a gradient, computed by autograd.

    Parameters
    ----------
    function
        From the inputs to (value, gradient). It must depend on its inputs alone: whatever else it
        reads is frozen into the recording.
    inputs
        θ, and the batch if there is one: arrays, numbers, or lists, tuples and dicts of them.
    title
        What the first line of the source says; left out, the function's name.

    Returns
    -------
    Tape
        For inputs of these shapes and dtypes.

    Raises
    ------
    NotReplayable
        If a replay could differ from the function.

    Examples
    --------
    >>> from autograd import value_and_grad
    >>> tape = record(value_and_grad(lambda x: anp.sum((x - 1) ** 2)), np.array([3.0, 5.0]))
    >>> value, gradient = tape(np.array([2.0, 4.0]))
    >>> float(value), gradient.tolist()
    (10.0, [2.0, 6.0])
    >>> print(tape.source.partition("\\n\\n")[2])
    def replay(theta):
        v1 = theta - _1                                 # (2,)
        v2 = v1 * v1                                    # (2,)
        v3 = add.reduce(v2, None)                       # ()
        v4 = _2 * v1                                    # (2,)
        return v3, v4
    <BLANKLINE>
    """
    recording = Recording()
    try:
        with np.errstate(all="ignore"):
            results = _trace(recording, function, inputs)
            tape = _compiled(recording, results, title or _name(function), inputs)
            _check(tape, function, inputs)
    except Exception as error:
        reason = str(error) if type(error) is NotReplayable else f"{type(error).__name__}: {error}"
        raise NotReplayable((recording.reasons or [reason])[0]) from error
    return tape


def _trace(recording: Recording, function: Callable[..., Any], inputs: Any) -> list[Any]:
    """Run the function on boxes; return the nodes (or constants) of its outputs."""
    flat = leaves(inputs)
    with _watching(), trace_stack.new_trace() as level:
        boxes = []
        for i, leaf in enumerate(flat):
            if np.asarray(leaf).dtype.kind not in "biufc":
                recording.refuse(f"an input holds something else than numbers: {type(leaf)}")
            name = "theta" if i == 0 else f"batch{i}" if len(flat) > 2 else "batch"
            boxes.append(new_box(leaf, level, TapeNode.new_root(recording, name, leaf)))
        outputs = function(*_with_leaves(inputs, iter(boxes)))
    if not isinstance(outputs[0], TapeBox):
        recording.refuse("its value does not depend on the inputs")
    if recording.reasons:  # and the loss caught the error
        raise NotReplayable(recording.reasons[0])
    return [out._node if isinstance(out, TapeBox) else _frozen(out) for out in outputs]


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


def _compiled(recording: Recording, results: Any, title: str, inputs: Any) -> Tape:
    """Turn what was recorded into a tape."""
    lowering = Lowering()
    done: dict[Any, Any] = {}
    for node in recording.nodes:
        done[node] = lowering.lower(node, done)
    outputs = [done[r] if isinstance(r, TapeNode) else r for r in results]
    code = Emission([*lowering.known.values()], outputs, lowering.names)
    source = code.source(f"{title}: value and gradient")
    exec(compile(source, f"<tape of {title}>", "exec"), code.names)
    alone = np.shape(inputs[0]) if len(inputs) == 1 else None
    return Tape(source, signature(*inputs), code.names["replay"], alone)


def _check(tape: Tape, function: Callable[..., Any], inputs: Any) -> None:
    """Compare with plain autograd at the inputs, near them, and far from them."""
    rng = np.random.default_rng(0)
    for far in (0.0, 1e-3, 1.0):
        moved = [_moved(leaf, far, rng) for leaf in leaves(inputs)]
        expected = function(*_with_leaves(inputs, iter(moved)))
        for ours, theirs in zip(tape.replay(*moved), expected, strict=True):
            if not _agree(ours, theirs):
                raise NotReplayable(
                    "the replay differs from autograd: the loss reads something besides its "
                    "arguments, draws random numbers, or looks at a value unseen"
                )


def _moved(leaf: Any, far: float, rng: np.random.Generator) -> Any:
    """Return a copy of an input, changed a little or a lot; whole numbers only change places."""
    array = np.array(leaf)
    if array.dtype.kind in "fc":
        array = array * (1 - 3 * far * rng.random(array.shape)).astype(array.dtype)
        array += (far * (2 * rng.random(array.shape) - 1)).astype(array.dtype)
    elif far == 1 and array.ndim:
        array = np.roll(array, 1, axis=0)
    return array if isinstance(leaf, np.ndarray) else type(leaf)(array)


def _agree(ours: Any, theirs: Any) -> bool:
    """Whether two results are of one kind and equal within 2 ulp."""
    if Line.of(ours).is_like(Line.of(theirs)):
        if np.array_equal(ours, theirs):
            return True
        close = np.abs(ours - theirs) <= 2 * np.spacing(np.maximum(np.abs(ours), np.abs(theirs)))
        return bool(np.all((ours == theirs) | close | (np.isnan(ours) & np.isnan(theirs))))
    return False
