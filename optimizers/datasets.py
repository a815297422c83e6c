"""Data to train on: hand-written digits, two moons, DeepOBS's quadratic, a language of symbols.

A batch is a tuple of arrays whose first axis is the examples, usually (x, y). A `Dataset` is one
batch to train on and one that is held out; `minibatches` makes small batches of the first.

    data = digits()
    adam = Adam(model.loss, model.init(seed=0))
    adam.minimize(100, batches=minibatches(data, 32))
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizers import checks
from optimizers.checks import shown
from optimizers.recipe import Remade, by_recipe

Array = NDArray[Any]
Batch = tuple[Array, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(Remade):
    """Examples to train on, and examples that are held out.

    Parameters
    ----------
    name
        What to print: "digits".
    train, held_out
        Tuples of arrays, each array with one row an example.

    Raises
    ------
    TypeError, ValueError
        If a part is not a tuple of arrays of equal length, or if the parts do not match.

    Examples
    --------
    >>> x, y = np.eye(3), np.array([0, 1, 2])
    >>> Dataset("three", train=(x, y), held_out=(x[:1], y[:1]))
    <three: 3 to train on, 1 held out>
    """

    name: str
    train: Batch
    held_out: Batch

    def __post_init__(self) -> None:
        for part in ("train", "held_out"):
            arrays = _batch(part, getattr(self, part))
            object.__setattr__(self, part, tuple(_read_only(a) for a in arrays))
        rows = [[array.shape[1:] for array in part] for part in (self.train, self.held_out)]
        if rows[0] != rows[1]:
            raise ValueError(
                "train and held_out must hold arrays whose rows have the same shapes, "
                f"got {rows[0]} and {rows[1]}"
            )

    def __repr__(self) -> str:
        train, held_out = len(self.train[0]), len(self.held_out[0])
        return f"<{self.name}: {train:,} to train on, {held_out:,} held out>"


# --------------------------------------------------------------------------------------- batches


class Minibatches:
    """An endless stream of batches; `minibatches` makes one.

    Attributes
    ----------
    batch_size, seed, reshuffle
        As given.
    steps_per_epoch
        How many batches go over the examples once.
    epoch
        The epoch of the next batch, counted from 0.
    """

    def __init__(self, arrays: Batch, batch_size: int, seed: int, reshuffle: bool) -> None:
        self.arrays, self.batch_size, self.seed = arrays, batch_size, seed
        self.reshuffle = reshuffle
        self.steps_per_epoch = len(arrays[0]) // batch_size
        self._given = 0  # batches so far
        self._order = (-1, np.arange(0))  # the last epoch that was asked for, and its order

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        self._given += 1
        return self.at(self._given)

    @property
    def epoch(self) -> int:
        """The epoch of the next batch, counted from 0."""
        return self._given // self.steps_per_epoch

    def steps(self, epochs: int) -> int:
        """How many steps so many epochs are."""
        return checks.whole("epochs", epochs, 0) * self.steps_per_epoch

    def at(self, t: int) -> Batch:
        """Return the batch of step t = 1, 2, …; it does not matter which were taken before."""
        epoch, step = divmod(checks.whole("t", t, 1) - 1, self.steps_per_epoch)
        number = epoch if self.reshuffle else 0
        known, order = self._order
        if known != number:
            order = np.random.default_rng((self.seed, number)).permutation(len(self.arrays[0]))
            self._order = number, order
        rows = order[step * self.batch_size : (step + 1) * self.batch_size]
        return tuple([array.take(rows, axis=0) for array in self.arrays])

    def __repr__(self) -> str:
        return (
            f"<batches of {self.batch_size:,}, {self.steps_per_epoch:,} an epoch, seed {self.seed}>"
        )


def minibatches(
    data: Dataset | Batch, batch_size: int, seed: int = 0, *, reshuffle: bool = True
) -> Minibatches:
    """Batches without end, in a new order every epoch.

    The order of epoch e is drawn by `numpy.random.default_rng((seed, e))`. What is left at the end
    of an epoch, fewer than `batch_size` examples, is left out, so that all batches have one shape.

    Parameters
    ----------
    data
        A `Dataset`, of which the training part is taken, or a tuple of arrays of equal length.
    batch_size
        How many examples a batch has, from 1 to all.
    seed
        0, 1, 2, …: which orders.
    reshuffle
        With False, every epoch has the order of the first (as in DeepOBS).

    Returns
    -------
    Minibatches
        For `minimize(batches=…)`: called again, it goes on where it stopped. Its `at(t)` gives
        the batch of any step, its `steps(epochs)` the number of steps.

    Raises
    ------
    TypeError, ValueError
        If the batch size is not possible, or the arrays differ in length.

    Examples
    --------
    >>> batches = minibatches((np.arange(7), np.arange(7) % 2), batch_size=3)
    >>> x, y = next(batches)
    >>> x, y
    (array([2, 4, 3]), array([0, 0, 1]))
    >>> batches.steps_per_epoch, batches.steps(epochs=10), batches.epoch
    (2, 20, 0)
    >>> batches.at(1)[0]
    array([2, 4, 3])
    """
    arrays = data.train if isinstance(data, Dataset) else _batch("data", data)
    size = checks.whole("batch_size", batch_size, 1)
    if size > len(arrays[0]):
        raise ValueError(
            f"batch_size must be at most the number of examples, {len(arrays[0])}; got {size}"
        )
    seed, reshuffle = checks.whole("seed", seed, 0), checks.flag("reshuffle", reshuffle)
    return Minibatches(arrays, size, seed, reshuffle)


def _batch(name: str, value: Any) -> Batch:
    """Check that it is a tuple of arrays of numbers, of equal length."""
    if not isinstance(value, tuple) or not value:
        raise TypeError(
            f"{name} must be a tuple of arrays, such as (x, y) or (x,), got {shown(value)}"
        )
    arrays = tuple(np.asarray(array) for array in value)
    for array in arrays:
        if array.ndim == 0 or array.dtype.kind not in "biuf":
            raise TypeError(
                f"{name} must hold arrays of numbers, one row per example, got {shown(array)}"
            )
    lengths = [len(array) for array in arrays]
    if len(set(lengths)) > 1:
        raise ValueError(f"{name}: the arrays differ in length, {shown(lengths)}")
    if lengths[0] == 0:
        raise ValueError(f"{name} is empty")
    return arrays


def _read_only(array: Array) -> Array:
    """Return a view that cannot be written to: everyone who asks for the data shares it."""
    view = array.view()
    view.setflags(write=False)
    return view


# ---------------------------------------------------------------------------------------- digits


@by_recipe
@cache
def digits() -> Dataset:
    """Hand-written digits, 8×8 pixels: 1,437 to train on, 360 held out.

    x of shape (n, 64) is the pixels' grey values from 0 to 1, y of shape (n,) the digit. One image
    in five of each digit is held out, always the same ones.

    Returns
    -------
    Dataset

    Examples
    --------
    >>> digits()
    <digits: 1,437 to train on, 360 held out>
    >>> x, y = digits().train
    >>> x.shape, y.shape, int(y[0])
    ((1437, 64), (1437,), 0)

    Notes
    -----
    Source: E. Alpaydin and C. Kaynak, "Optical recognition of handwritten digits", UCI Machine
    Learning Repository (1998), doi 10.24432/C50P49; the part that scikit-learn ships as
    `load_digits`.
    """
    from sklearn.datasets import load_digits  # it takes a second

    x, y = load_digits(return_X_y=True)
    x, y = x / 16, y.astype(np.int64)
    by_digit = np.lexsort((np.random.default_rng(0).random(len(y)), y))
    held_out = np.zeros(len(y), dtype=bool)
    held_out[by_digit[::5]] = True
    return Dataset("digits", (x[~held_out], y[~held_out]), (x[held_out], y[held_out]))


NOISE = 0.1  # the standard deviation; the grey values go from 0 to 1
COPIES = 5  # of each held-out image


@by_recipe
def augmented_digits(n: int = 65_536, seed: int = 0) -> Dataset:
    """Noisy, shifted copies of the digits: as many as one likes, for large batches.

    Each is an image of `digits`, shifted by −1, 0 or 1 pixels down and right (zeros come in), with
    Gaussian noise on every pixel. Copies of training images are trained on; five copies of each
    held-out image are held out.

    Parameters
    ----------
    n
        How many to train on.
    seed
        0, 1, 2, …: which shifts and noise.

    Returns
    -------
    Dataset

    Examples
    --------
    >>> augmented_digits(1000)
    <augmented digits: 1,000 to train on, 1,800 held out>
    """
    n, seed = checks.whole("n", n, 1), checks.whole("seed", seed, 0)
    (train, train_y), (held_out, held_out_y) = digits().train, digits().held_out
    rng = np.random.default_rng((seed, 0))
    # every image as often as the others
    rows = rng.permutation(len(train))[np.arange(n) % len(train)]
    held_out_rows = np.repeat(np.arange(len(held_out)), COPIES)
    return Dataset(
        "augmented digits",
        (_augmented(train[rows], rng), train_y[rows]),
        (
            _augmented(held_out[held_out_rows], np.random.default_rng((seed, 1))),
            held_out_y[held_out_rows],
        ),
    )


def _augmented(x: Array, rng: np.random.Generator) -> Array:
    """Shift each image and add noise."""
    padded = np.pad(x.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (8, 8), axis=(1, 2))
    down, right = rng.integers(3, size=(2, len(x)))
    shifted = windows[np.arange(len(x)), down, right].reshape(x.shape)
    return shifted + NOISE * rng.standard_normal(x.shape)


# ------------------------------------------------------------------------------------- two moons


@by_recipe
def two_moons(n: int = 500, noise: float = 0.2, seed: int = 0) -> Dataset:
    """Points of two half circles that reach into each other; to look at in the plane.

    Parameters
    ----------
    n
        How many to train on; as many are held out.
    noise
        The standard deviation of the points around the half circles, whose radius is 1.
    seed
        0, 1, 2, …

    Returns
    -------
    Dataset
        x of shape (n, 2), y of shape (n,): 0 for the upper half circle, 1 for the lower.

    Examples
    --------
    >>> two_moons(n=100)
    <two moons: 100 to train on, 100 held out>
    """
    n, seed = checks.whole("n", n, 1), checks.whole("seed", seed, 0)
    noise = checks.number("noise", noise, checks.NOT_NEGATIVE)

    def moons(rng: np.random.Generator) -> Batch:
        y = np.arange(n) % 2
        angle = np.pi * rng.random(n)
        upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        lower = np.array([1.0, 0.5]) - upper
        x = np.where(y[:, np.newaxis] == 0, upper, lower)
        return x + noise * rng.standard_normal((n, 2)), y

    train, held_out = (moons(np.random.default_rng((seed, part))) for part in (0, 1))
    return Dataset("two moons", train, held_out)


# --------------------------------------------------------------------------- DeepOBS's quadratic


@by_recipe
@cache
def quadratic_deep() -> Dataset:
    """Data of DeepOBS's stochastic quadratic: 1,000 points to train on, 1,000 held out.

    x of shape (1000, 100) is drawn from N(0, 0.6²) with DeepOBS's seeds, 42 and 43. The model that
    belongs to it is `models.quadratic(quadratic_deep_hessian())`, from the start θ = 1.

    Returns
    -------
    Dataset
        Its parts are (x,).

    Examples
    --------
    >>> quadratic_deep()
    <quadratic deep: 1,000 to train on, 1,000 held out>

    Notes
    -----
    Source: Schneider, Balles and Hennig, "DeepOBS: a deep learning optimizer benchmark suite"
    (2019), whose numbers are rounded to float32; these are not. Its published losses come about
    with batches of 128 in one order for all epochs (`minibatches(…, reshuffle=False)`), and are
    means over the first 896 points of either part: the rest makes no full batch.
    """
    train, held_out = (
        np.random.RandomState(seed).normal(0.0, 0.6, (1000, 100))  # DeepOBS's
        for seed in (42, 43)
    )
    return Dataset("quadratic deep", (train,), (held_out,))


@cache
def quadratic_deep_hessian() -> Array:
    """Second derivatives of DeepOBS's stochastic quadratic: (100, 100).

    90 eigenvalues are drawn from (0, 1) and 10 from (30, 60), like those of deep networks; the
    eigenvectors are a random rotation. The draws are DeepOBS's.

    Returns
    -------
    array (100, 100)

    Examples
    --------
    >>> eigenvalues = np.linalg.eigvalsh(quadratic_deep_hessian())
    >>> int(np.sum(eigenvalues < 1)), int(np.sum(eigenvalues > 30))
    (90, 10)

    Notes
    -----
    Source: Schneider, Balles and Hennig (2019), as `quadratic_deep`; the eigenvalues after
    Chaudhari et al., "Entropy-SGD" (2017); the rotation after Diaconis and Shahshahani, "The
    subgroup algorithm for generating uniform random variables" (1987).
    """
    rng = np.random.RandomState(42)  # DeepOBS's
    eigenvalues = np.concatenate([rng.uniform(0, 1, 90), rng.uniform(30, 60, 10)])
    angle = 2 * np.pi * rng.uniform()
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    for size in range(3, 101):
        # one dimension more: the first axis is reflected to a random direction
        direction = rng.normal(size=size)
        mirror = np.eye(size)[0] - direction / np.linalg.norm(direction)
        mirror /= np.linalg.norm(mirror)
        larger = np.eye(size)
        larger[1:, 1:] = rotation
        rotation = larger - 2 * np.outer(mirror, mirror @ larger)
    return _read_only(rotation.T * eigenvalues @ rotation)


# -------------------------------------------------------------------------- a language of symbols

MASK = 0  # the token that stands where a letter is hidden
LETTERS = 15  # the tokens 1 … 15
BACK = 12  # pairs of letters; 24 letters
REPEATED = 0.9  # the share of pairs that come again
PAIR, LETTER = 1 / 8, 3 / 8  # how many pairs are hidden whole, and of how many one letter


@by_recipe
def symbols(n: int, length: int, seed: int = 0) -> Dataset:
    """Sentences with hidden letters to guess, some from near and some from far away.

    Letters come in pairs: behind the first always stands the one that belongs to it. Nine times of
    ten a pair is the same as 12 pairs before, and else any pair. So a single hidden letter can be
    told from its neighbour, but a pair that is hidden whole only from the letters that stand 24
    places away: sentences of up to 24 letters do not have them.

    Parameters
    ----------
    n
        How many sentences to train on; 512 are held out.
    length
        Letters in a sentence, any number.
    seed
        0, 1, 2, …: which letters belong together, and which sentences. All lengths of one seed are
        one language, so that a model can go on with longer sentences.

    Returns
    -------
    Dataset
        Its parts are (tokens, targets), ints of shape (n, length), for
        `models.transformer(vocabulary=16, longest=…)`. tokens: 1 to 15 are letters, 0 is a hidden
        one. targets: the hidden letters, and −1 where nothing is hidden.

    Examples
    --------
    >>> tokens, targets = symbols(n=1000, length=16).train
    >>> tokens[2]
    array([ 1,  3,  0,  0, 15,  2,  0,  0,  8,  6,  1,  3, 15,  2,  2, 12])
    >>> targets[2]
    array([-1, -1, 11,  7, -1, -1, 10, 13, -1, -1, -1, -1, -1, -1, -1, -1])

    Notes
    -----
    Guessing hidden tokens is the task of Devlin et al., "BERT: pre-training of deep bidirectional
    transformers for language understanding" (2018).
    """
    n, length = checks.whole("n", n, 1), checks.whole("length", length, 1)
    seed = checks.whole("seed", seed, 0)
    partner = np.random.default_rng((seed, 0)).permutation(LETTERS)

    def sentences(rng: np.random.Generator, n: int) -> Batch:
        pairs = n, (length + 1) // 2
        first = rng.integers(LETTERS, size=pairs)
        repeated = rng.random(pairs) < REPEATED
        for i in range(BACK, pairs[1]):
            first[:, i] = np.where(repeated[:, i], first[:, i - BACK], first[:, i])
        letters = 1 + np.stack([first, partner[first]], axis=-1)
        chance = rng.random((*pairs, 1))
        one_of_two = rng.integers(2, size=(*pairs, 1)) == np.arange(2)
        hidden = (chance < PAIR) | ((chance < PAIR + LETTER) & one_of_two)
        tokens, targets = np.where(hidden, MASK, letters), np.where(hidden, letters, -1)
        return tokens.reshape(n, -1)[:, :length], targets.reshape(n, -1)[:, :length]

    train = sentences(np.random.default_rng((seed, 1)), n)
    held_out = sentences(np.random.default_rng((seed, 2)), 512)
    return Dataset(f"symbols of length {length}", train, held_out)
