"""The step of many weights that are treated one by one: once for all, in one pass through them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from weakref import finalize

import numpy as np

from optimizers.engine.assembly import LANES, Text, arguments, compiled
from optimizers.engine.machine_code import computed, in_threads
from optimizers.engine.numpy_loops import address_of
from optimizers.engine.scalars import (
    HYPER,
    LONGEST,
    RUN,
    STEP,
    Scalar,
    Untraceable,
    inputs,
    limited,
    scalar,
)
from optimizers.engine.seen import by_prefix, settings_of
from optimizers.engine.step import moved
from optimizers.state import is_library, parts
from optimizers.weights import Layout

FEW, MORE = 5, 7  # weights of a layer stand for all; if it is how many that counts, it shows
CACHED = 2e5  # weights: of more, what is written does not stay in the cache
ALONE = 1e6  # weights, likewise: their updates wait for the memory
LINE = 64  # bytes of a line of the cache


@dataclass(frozen=True, eq=False)
class Update:
    """What an elementwise rule makes of one weight, for the layers in which it is the same.

    Attributes
    ----------
    places
        The slices of the weights that it holds for.
    read, after
        By name, of one weight: what is looked at (theta, the state, g, and eta if each weight has
        its own), and what follows.
    shared
        State that is one number for all weights, and what follows it.
    """

    places: list[slice]
    read: dict[str, Scalar]
    after: dict[str, Scalar]
    shared: dict[str, tuple[Scalar, Scalar]]


def updates_of(optimizer: Any, eta: Any) -> tuple[list[Update], frozenset[tuple[str, str]]]:
    """Write down a rule that treats each weight by itself, once for all weights.

    It runs on a few weights a layer; that it looks at no other weight shows in the expressions.

    Parameters
    ----------
    optimizer
        It is looked at, not changed.
    eta
        The learning rate of a step: one number, or one a weight.

    Returns
    -------
    updates, names
        The names, each with its prefix, are those of what the formula sets beside its state.

    Raises
    ------
    Untraceable
        If a weight's step depends on other weights, or cannot be written as scalars.
    """
    if optimizer._theta.ndim > 1:
        raise Untraceable("it has many runs")
    updates, names = _of_layers(optimizer, eta, FEW)
    if not all(map(is_library, map(type, parts(optimizer)))):
        again, _ = _of_layers(optimizer, eta, MORE)
        if [_told(update) for update in updates] != [_told(update) for update in again]:
            raise Untraceable("it depends on how many weights there are")
    return updates, names


def _told(update: Update) -> Any:
    shared = [id(x) for pair in update.shared.values() for x in pair]
    return update.places, list(map(id, update.after.values())), shared


def _of_layers(
    optimizer: Any, eta: Any, many: int
) -> tuple[list[Update], frozenset[tuple[str, str]]]:
    """The same from so many weights a layer."""
    layout, size = optimizer.layout, optimizer._theta.shape[-1]
    shapes = tuple((1,) * (len(shape) - 1) + (many,) for shape in layout.shapes)
    few, count = Layout(layout.tree, layout.names, shapes), many * len(shapes)
    before, shared = {"theta": inputs("theta", (count,))}, {}
    for prefix, part in by_prefix(optimizer).items():
        for name in part.state:
            value = vars(part)[name]
            if np.shape(value) == (size,):
                before[prefix + name] = inputs(prefix + name, (count,))
            elif isinstance(value, np.ndarray) and value.size == 1:
                shared[prefix + name] = inputs(prefix + name, value.shape, STEP)
            else:
                raise Untraceable(f"its state {name!r} is not shaped like the weights")
    settings = {name: inputs(name, (), HYPER)[()] for name in settings_of(by_prefix(optimizer))}
    g = inputs("g", (count,))
    rate = inputs("eta", (count,)) if np.ndim(eta) else inputs("eta", (), STEP)[()]
    ways: set[frozenset[tuple[str, str]]] = set()
    try:
        with limited(LONGEST * len(shapes)), np.errstate(all="ignore"):
            found = moved(optimizer, before | shared, settings, g, rate, layout=few, ways=ways)
    except Untraceable:
        raise
    except Exception as error:
        raise Untraceable(f"{type(error).__name__}: {error}") from error
    if len(ways) > 1:
        raise Untraceable("what it sets on itself differs from step to step")
    if any(x.depends & RUN for name in shared for x in found[name].ravel()):
        raise Untraceable("a number that all weights share depends on one of them")
    groups: dict[tuple[Scalar, ...], list[slice]] = {}
    for i, place in enumerate(layout.slices):
        each = [[_alone(found[n][k], k) for n in before] for k in range(many * i, many * (i + 1))]
        if any(one is not other for some in each for one, other in zip(some, each[0], strict=True)):
            raise Untraceable("it treats the weights of a layer differently")
        places = groups.setdefault(tuple(each[0]), [])
        if places and places[-1].stop == place.start:
            place = slice(places.pop().start, place.stop)
        places.append(place)
    read = {name: x[0] for name, x in before.items()} | {"g": g[0]}
    read |= {"eta": rate[0]} if np.ndim(rate) else {}
    more = {name: (x.ravel()[0], found[name].ravel()[0]) for name, x in shared.items()}
    updates = [
        Update(places, read, dict(zip(before, after, strict=True)), more)
        for after, places in groups.items()
    ]
    return updates, next(iter(ways))


def _alone(x: Scalar, i: int) -> Scalar:
    """The expression of weight i as that of weight 0; an error if it looks at another."""

    @cache
    def moved(x: Scalar) -> Scalar:
        if not x.depends & RUN:
            return x
        if x.op == "part":
            raise Untraceable("it multiplies matrices of weights")
        if x.op != "input":
            return scalar(x.op, *map(moved, x.args))
        if x.args[1] != i:
            raise Untraceable("the step of a weight depends on other weights")
        return inputs(x.args[0], (1,))[0]

    return moved(x)


def update_text(update: Update, past_cache: bool = False) -> Text:
    """Write the function that makes one step of many weights.

    What it writes is aligned to as many numbers as there are lanes, and goes past the cache if
    asked: what is too much for it need not be read to be overwritten.
    """
    w = Text(LANES, frozenset(), at_once=True)
    read, after = list(update.read.values()), list(update.after.values())
    w.names |= {x: f"%x{k}" for k, x in enumerate(read)}
    new = [w.value(x, "run") for x in after]
    arrays = [("ptr", "fixed"), *(("ptr", f"in{k}") for k in range(len(read)))]
    arrays += [("ptr", f"out{k}") for k in range(len(after))]
    how = f"align {8 * LANES}" + ", !nontemporal !0" * past_cache
    w.declared |= {"!0 = !{i32 1}"} if past_cache else set()
    w.lines = [
        "entry:",
        *arguments(arrays),
        *w.blocks["entry"],
        "  br label %run",
        "run:",
        "  %n = phi i64 [%from, %entry], [%n.next, %run]",
        f"  %base = mul i64 %n, {LANES}",
        *(f"  %from{k} = getelementptr double, ptr %in{k}, i64 %base" for k in range(len(read))),
        *(f"  %x{k} = load {w.type}, ptr %from{k}, align 8" for k in range(len(read))),
        *w.blocks["run"],
        *(f"  %to{k} = getelementptr double, ptr %out{k}, i64 %base" for k in range(len(after))),
        *(f"  store {w.type} {x}, ptr %to{k}, {how}" for k, x in enumerate(new)),
        "  %n.next = add i64 %n, 1",
        "  %is.more = icmp slt i64 %n.next, %to",
        "  br i1 %is.more, label %run, label %done",
        "done:",
        *["  fence seq_cst"] * past_cache,  # other threads see it all
        "  ret void",
    ]
    return w


class Updates:
    """The step of many weights that are treated one by one, in one pass through the memory.

    Parameters
    ----------
    optimizer
        Whose step it is.
    eta
        The learning rate: one number, or one a weight.

    Attributes
    ----------
    shared
        The names of the state that is one number for all weights.
    left
        The names of what the formula sets beside its state, each with its prefix.
    cost
        The operations for each weight.
    spare
        Memory for the weights and the state.

    Raises
    ------
    Untraceable
        If the rule is none of these, or cannot be compiled.
    """

    def __init__(self, optimizer: Any, eta: Any) -> None:
        self.size = optimizer._theta.size
        self.updates, self.left = updates_of(optimizer, eta)
        self.shared = self.updates[0].shared
        texts = [update_text(update, self.size > CACHED) for update in self.updates]
        self.calls = [compiled(text) for text in texts]
        self.beforehand = [text.fed["fixed"] for text in texts]
        self.cost = max(text.cost for text in texts)
        self.spare: list[np.ndarray] = []

    def __call__(
        self, arrays: Mapping[str, np.ndarray], given: Mapping[str, Any]
    ) -> dict[str, np.ndarray]:
        """Make a step.

        Parameters
        ----------
        arrays
            "theta", "g" and the state by name, (P,) each; "eta" if each weight has its own.
        given
            The settings, "t" (1 at the first step), "eta", and the state that all weights share.

        Returns
        -------
        after
            "theta" and the state.
        """
        after = {name: taken(self.spare, self.size) for name in self.updates[0].after}
        each = ("t", "eta", *self.shared)
        given = {**given, **{name: [given[name]] for name in each if name in given}}
        for update, call, roots in zip(self.updates, self.calls, self.beforehand, strict=True):
            values = computed(roots, given, 1)
            fixed = np.array([v[0] if isinstance(v, list) else v for v in values], float)
            read = [np.ascontiguousarray(arrays[name]) for name in update.read]
            written = [after[name] for name in update.after]
            for place in update.places:
                self._pass(call, fixed, read, written, place)
        shared = computed([x for _, x in self.shared.values()], given, 1)
        return after | {
            name: np.reshape(value[0], np.shape(given[name][0]))
            for name, value in zip(self.shared, shared, strict=True)
        }

    def _pass(
        self, call: Any, fixed: np.ndarray, read: list[Any], written: list[Any], place: slice
    ) -> None:
        first = min(-(-place.start // LANES) * LANES, place.stop)  # what is written is aligned
        last = place.stop - (place.stop - first) % LANES
        if first < last:
            a = np.array([address_of(fixed), *(address_of(x[first:]) for x in (*read, *written))])
            in_threads(call, a, (last - first) // LANES, last - first > ALONE)
        for some in (slice(place.start, first), slice(last, place.stop)):
            if some.start < some.stop:  # the others in arrays of their own, filled up
                given = [np.resize(x[some], LANES) for x in read]
                found = [aligned(np.empty(2 * LANES), LANES) for _ in written]
                a = np.array(list(map(address_of, (fixed, *given, *found))))
                call(address_of(a), 0, 1)
                for x, new in zip(written, found, strict=True):
                    x[some] = new[: some.stop - some.start]


# memory that comes and goes at every step: fresh memory costs more than the step
def aligned(memory: np.ndarray, size: int) -> np.ndarray:
    """An array that begins where a line does; a view of it holds on to it, not to the memory."""
    address = memory.__array_interface__["data"][0]
    return np.frombuffer(memory.data, float, size, -address % LINE)


def taken(spare: list[np.ndarray], size: int) -> np.ndarray:
    """An array in memory that nobody has any more.

    As soon as nobody holds the array, nor a view of it, its memory is spare again.

    Examples
    --------
    >>> spare = []
    >>> one = taken(spare, 3)
    >>> view = one[:2]
    >>> del one
    >>> len(spare)
    0
    >>> del view
    >>> len(spare)
    1
    """
    try:
        memory = spare.pop()
    except IndexError:
        memory = np.empty(size + LINE // 8)
    array = aligned(memory, size)
    finalize(array, spare.append, memory).atexit = False
    return array
