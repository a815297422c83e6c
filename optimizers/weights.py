"""Nested weights as one flat array: names, slices, shapes.

Every optimizer holds its weights as one array of shape (..., P). The last axis is the P weights;
any axes before it are independent runs. A `Layout` remembers the nesting they came from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count, pairwise
from typing import Any, NamedTuple

import autograd.numpy as np
import numpy
from autograd.builtins import DictBox, DictVSpace, ListVSpace, SequenceBox

from optimizers.checks import nearest, shown

EXPECTED = "an array of numbers, or lists, tuples and dicts of such arrays"


@dataclass(frozen=True)
class Layout:
    """How nested weights lie in the flat array.

    Attributes
    ----------
    tree
        The nesting, with the position of each array in `names` where the array stood:
        an int, or ("dict" | "list" | "tuple", [[key, tree], ...]).
    names
        One name an array, its keys joined by "/": "dense/kernel".
    shapes
        One shape an array.

    Examples
    --------
    >>> flat, layout = flatten({"dense": {"kernel": [[1, 2], [3, 4]], "bias": [0, 0]}})
    >>> flat
    array([1., 2., 3., 4., 0., 0.])
    >>> layout.names
    ('dense/kernel', 'dense/bias')
    >>> layout.unflatten(flat)["dense"]["kernel"]
    array([[1., 2.],
           [3., 4.]])
    """

    tree: Any
    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    slices: tuple[slice, ...] = field(init=False, repr=False)
    _decayed: dict[Any, numpy.ndarray] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        ends = numpy.cumsum([0, *self.sizes])
        slices = tuple(slice(int(a), int(b)) for a, b in pairwise(ends))
        object.__setattr__(self, "slices", slices)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many weights each array holds."""
        return tuple(int(numpy.prod(shape)) for shape in self.shapes)

    @cached_property
    def size(self) -> int:
        """P, the number of weights."""
        return sum(self.sizes)

    @cached_property
    def is_vector(self) -> bool:
        """Whether the weights are one vector, so that flat and nested are the same."""
        return self.tree == 0 and len(self.shapes[0]) == 1

    def unflatten(self, flat: Any) -> Any:
        """Give the weights back in their nesting: (..., P) → arrays of shape (..., *shape)."""
        if self.is_vector:
            return flat
        runs = flat.shape[:-1]
        arrays = [
            np.reshape(flat[..., place], runs + shape)
            for place, shape in zip(self.slices, self.shapes, strict=True)
        ]
        return _build(self.tree, arrays)

    def ravel(self, nested: Any, argument: str, runs: tuple[int, ...] = ()) -> numpy.ndarray:
        """The arrays of this nesting, of so many runs, as one flat array: (*runs, P)."""
        flat = numpy.empty((*runs, self.size))
        for i, (place, shape) in enumerate(zip(self.slices, self.shapes, strict=True)):
            try:
                array = numpy.asarray(_leaf(self.tree, nested, i), float)
            except (TypeError, ValueError, LookupError) as error:
                raise ValueError(f"{argument} must be {self}, got {shown(nested)}") from error
            if array.shape != runs + shape:
                raise ValueError(
                    f"{argument} must be {self}, got shape {array.shape} for {self.names[i]!r}"
                )
            flat[..., place] = array.reshape(*runs, -1)
        return flat

    def __str__(self) -> str:
        arrays = (f"{n!r} {s}" for n, s in zip(self.names, self.shapes, strict=True))
        return f"shaped like the weights, {', '.join(arrays)}"

    def decayed(self, exclude: Sequence[str] | str | None) -> numpy.ndarray:
        """1 for each weight that decays, 0 for those whose name is excluded: (P,).

        Parameters
        ----------
        exclude
            None, or regular expressions that are searched in the names. A plain string is one.
        """
        patterns = (exclude,) if isinstance(exclude, str) else tuple(exclude or ())
        if patterns not in self._decayed:
            found = [any([re.search(p, name) for p in patterns]) for name in self.names]
            self._decayed[patterns] = numpy.repeat(1.0 - numpy.array(found), self.sizes)
        return self._decayed[patterns]

    def per_weight(self, argument: str, values: Any, rest: float) -> numpy.ndarray:
        """Give each weight its own number: (P,).

        Parameters
        ----------
        argument
            What the values are called, in an error.
        values
            Numbers, or arrays of a layer's shape, by the layers' names or in the weights' nesting.
            A name holds for all that lies below it: "dense" for "dense/kernel" and "dense/bias".
        rest
            The number of the weights that are not named.

        Examples
        --------
        >>> _, layout = flatten({"dense": {"kernel": [[1, 2]], "bias": [3]}, "out": [4]})
        >>> layout.per_weight("lr", {"dense": {"bias": 0}, "out": 0.5}, 0.1)
        array([0.1, 0.1, 0. , 0.5])
        """
        flat = numpy.full(self.size, float(rest))
        for name, value in _leaves(values, ()):
            found = [i for i, n in enumerate(self.names) if n == name or n.startswith(f"{name}/")]
            if not found:
                raise ValueError(
                    f"{argument} names {name!r}, but the weights are {', '.join(self.names)}."
                    f"{nearest(name, self.names)}"
                )
            for i in found:
                try:
                    numbers = numpy.broadcast_to(numpy.asarray(value, float), self.shapes[i])
                except (TypeError, ValueError) as error:
                    raise type(error)(
                        f"{argument}[{name!r}] must be a number, or an array of shape "
                        f"{self.shapes[i]}, got {shown(value)}"
                    ) from error
                flat[self.slices[i]] = numbers.reshape(-1)
        return flat

    def layer_norms(self, flat: numpy.ndarray) -> numpy.ndarray:
        """Euclidean norm of each layer (each named array): (..., P) → (..., layers)."""
        starts = [place.start for place in self.slices]
        return numpy.sqrt(numpy.add.reduceat(flat * flat, starts, axis=-1))

    def layer_means(self, flat: numpy.ndarray) -> numpy.ndarray:
        """Mean of each layer (each named array): (..., P) → (..., layers)."""
        starts = [place.start for place in self.slices]
        return numpy.add.reduceat(flat, starts, axis=-1) / self.sizes

    def spread(self, per_layer: numpy.ndarray) -> numpy.ndarray:
        """Give each weight its layer's number: (..., layers) → (..., P)."""
        return numpy.repeat(per_layer, self.sizes, axis=-1)


def _leaf(tree: Any, nested: Any, number: int) -> Any:
    """The part of a nesting that stands where the array of this number stands in the tree."""
    if isinstance(tree, int):
        return nested
    _, items = tree
    return next(_leaf(child, nested[k], number) for k, child in items if _holds(child, number))


def _holds(tree: Any, number: int) -> bool:
    return tree == number if isinstance(tree, int) else any(_holds(c, number) for _, c in tree[1])


def _leaves(values: Any, keys: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Names and values, from a nesting of dicts, and of lists that are no arrays of numbers."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield from _leaves(value, (*keys, str(key)))
    elif isinstance(values, (list, tuple)) and not (keys and _all_numbers(values)):
        for i, value in enumerate(values):
            yield from _leaves(value, (*keys, str(i)))
    else:
        yield "/".join(keys), values


class Flat(NamedTuple):
    """Weights that are flat already, (..., P), with the nesting that they stand for."""

    theta: numpy.ndarray
    layout: Layout


def flatten(
    weights: Any, runs: bool = False, name: str = "weights"
) -> tuple[numpy.ndarray, Layout]:
    """Copy nested weights into one flat float array.

    Parameters
    ----------
    weights
        An array, a number, or any nesting of lists, tuples and dicts of them. A list of numbers
        (or of equally long lists of numbers) is an array. Ints become floats. Or `Flat` weights,
        which may be those of many runs.
    runs
        With True, a lone array of shape (..., P) is many runs of P weights; otherwise its whole
        shape is weights.
    name
        What the weights are called, in an error.

    Returns
    -------
    flat, layout
        The weights as float64, shape (P,) or (..., P), and the `Layout` that undoes it.

    Raises
    ------
    TypeError, ValueError
        For what is not a finite real number, for ragged lists and for empty weights.
    """
    if isinstance(weights, Flat):
        return weights.theta, weights.layout
    arrays: list[numpy.ndarray] = []
    names: list[str] = []
    tree = _walk(name, weights, (), arrays, names, count())
    if runs and tree == 0 and arrays[0].ndim > 1:
        shape = arrays[0].shape[-1:]
        return arrays[0], Layout(0, ("weights",), (shape,))
    layout = Layout(tree, tuple(names), tuple(a.shape for a in arrays))
    return numpy.concatenate([a.reshape(-1) for a in arrays]), layout


class ReadOnlyCopy:
    """Weights that were handed out as a copy: writing into them would be in vain."""

    def _refuse(self, *args: Any, **keywords: Any) -> Any:
        raise TypeError(
            "these weights are a read-only copy: to change them, assign all of them, such as "
            "optimizer.theta = {**optimizer.theta, 'bias': new}"
        )

    __setitem__ = __delitem__ = __iadd__ = __ior__ = pop = clear = _refuse


class ReadOnlyDict(ReadOnlyCopy, dict[Any, Any]):
    """A dict of them; a copy of it is a dict like any other."""

    update = setdefault = popitem = ReadOnlyCopy._refuse

    def __reduce__(self) -> Any:
        return dict, (dict(self),)


class ReadOnlyList(ReadOnlyCopy, list[Any]):
    """A list of them; a copy of it is a list like any other."""

    append = extend = insert = remove = sort = reverse = ReadOnlyCopy._refuse

    def __reduce__(self) -> Any:
        return list, (list(self),)


# autograd goes by the exact type
DictBox.register(ReadOnlyDict)
DictVSpace.register(ReadOnlyDict)
SequenceBox.register(ReadOnlyList)
ListVSpace.register(ReadOnlyList)


def read_only(nested: Any) -> Any:
    """A nesting of arrays whose dicts and lists cannot be written to."""
    if isinstance(nested, dict):
        return ReadOnlyDict({key: read_only(child) for key, child in nested.items()})
    if isinstance(nested, list):
        return ReadOnlyList(map(read_only, nested))
    return tuple(map(read_only, nested)) if isinstance(nested, tuple) else nested


def _walk(
    argument: str,
    node: Any,
    keys: tuple[str, ...],
    arrays: list[numpy.ndarray],
    names: list[str],
    number: Iterator[int],
) -> Any:
    kind: str
    if isinstance(node, dict):
        kind, items = "dict", list(node.items())
    elif isinstance(node, (list, tuple)) and not _all_numbers(node):
        kind, items = "list" if isinstance(node, list) else "tuple", list(enumerate(node))
    else:
        name = "/".join(keys) or "weights"
        arrays.append(_as_floats(node, f"{argument}[{name!r}]" if keys else argument))
        names.append(name)
        return next(number)
    if not items:
        where = f" at {'/'.join(keys)}" if keys else ""
        raise ValueError(f"{argument} must not be empty{where}: expected {EXPECTED}")
    for key, _ in items:
        if not isinstance(key, (str, int)):
            raise TypeError(f"{argument}: the keys of a dict must be strings, got {shown(key)}")
    return (
        kind,
        [[k, _walk(argument, v, (*keys, str(k)), arrays, names, number)] for k, v in items],
    )


def _all_numbers(node: Any) -> bool:
    """Whether lists hold nothing but numbers, so that they are meant as one array."""
    if isinstance(node, (list, tuple)):
        return len(node) > 0 and all(_all_numbers(child) for child in node)
    return not isinstance(node, (dict, numpy.ndarray))


def _as_floats(leaf: Any, name: str) -> numpy.ndarray:
    try:
        array = numpy.array(leaf)
    except ValueError as error:
        raise ValueError(
            f"{name} is ragged, its rows differ in length: {shown(leaf)}. "
            "Make each row an array of its own (np.array) if they are separate weights"
        ) from error
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be {EXPECTED}, got {shown(leaf)}")
    if array.size == 0:
        raise ValueError(f"{name} is empty, shape {array.shape}: expected {EXPECTED}")
    array = array.astype(float)
    if not numpy.all(numpy.isfinite(array)):
        raise ValueError(f"{name} must be finite, got {shown(leaf)}")
    return array


def _build(tree: Any, arrays: list[Any]) -> Any:
    if isinstance(tree, int):
        return arrays[tree]
    kind, items = tree
    if kind == "dict":
        return {key: _build(child, arrays) for key, child in items}
    children = [_build(child, arrays) for _, child in items]
    return children if kind == "list" else tuple(children)
