"""Small models to train: softmax regression, networks of layers, a transformer, a quadratic.

A model is a plain formula of nested weights and a batch, written once for one run and for many:
weights of shape (..., a, b) with any leading axes are that many runs, which share the batch.

    model = mlp([64, 64, 10])
    adam = Adam(model.loss, model.init(seed=0))
    adam.minimize(100, batches=minibatches(digits(), 32))
    model.accuracy(adam.theta, digits().held_out)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import autograd.numpy as np
import numpy
from autograd.extend import VJPNode, defvjp, primitive, register_notrace
from numpy.typing import ArrayLike, NDArray

from optimizers import checks
from optimizers.checks import shown
from optimizers.engine.trace import one_call
from optimizers.problem import batched, pure
from optimizers.recipe import Remade, by_recipe

Array = NDArray[Any]
Weights = dict[str, Any]  # names to arrays, or to further names
Shapes = dict[str, Any]  # the same nesting, with shapes in the place of arrays


@dataclass(frozen=True, eq=False, repr=False)
class Model(Remade):
    """A formula with weights, as `mlp` and its neighbours make it.

    Attributes
    ----------
    name
        What to print: "MLP 64-64-10".
    init
        `init(seed, scheme="he")` draws the weights at the start, a nesting of named float arrays.
        A kernel (in, out) is drawn from N(0, σ²): σ² = 2 / in for "he", 2 / (in + out) for
        "xavier", 1 for "normal". Biases are 0, the scales of norms are 1.
    loss
        `loss(weights, batch)` → one number, or one per run: (...). It can be recorded.
    accuracy
        `accuracy(weights, batch)` → the share of right answers, a number or one per run; None
        where there is nothing to be right about.

    Notes
    -----
    Sources: He et al., "Delving deep into rectifiers" (2015), equation 10; Glorot and Bengio,
    "Understanding the difficulty of training deep feedforward neural networks" (2010), equation 12
    (normal instead of uniform draws).
    """

    name: str
    init: Callable[..., Weights]
    loss: Callable[..., Any]
    accuracy: Callable[..., Any] | None

    def __repr__(self) -> str:
        return f"<{self.name}>"


# -------------------------------------------------------------------------------- common formulas


@primitive
def log_softmax(x: Array) -> Array:
    """log(eˣ / Σ eˣ) along the last axis: (..., classes).

    Examples
    --------
    >>> log_softmax(np.array([0.0, 0.0])) == np.log(0.5)
    array([ True,  True])
    """
    x = x - numpy.max(x, axis=-1, keepdims=True)
    return x - numpy.log(numpy.sum(numpy.exp(x), axis=-1, keepdims=True))


defvjp(log_softmax, lambda ans, x: lambda g: g - np.exp(ans) * np.sum(g, axis=-1, keepdims=True))


@primitive
def softmax(x: Array) -> Array:
    """eˣ / Σ eˣ along the last axis.

    Examples
    --------
    >>> softmax(np.array([0.0, 0.0]))
    array([0.5, 0.5])
    """
    y = x - numpy.max(x, axis=-1, keepdims=True)
    numpy.exp(y, out=y)
    y /= numpy.sum(y, axis=-1, keepdims=True)
    return y


defvjp(softmax, lambda ans, x: lambda g: ans * (g - np.sum(g * ans, axis=-1, keepdims=True)))


@primitive
@one_call  # it looks at the labels, to check them
def one_hot(labels: Array, classes: int) -> Array:
    """A row for each label, True at the label's place: (...) → (..., classes).

    Raises
    ------
    ValueError
        If a label is not one of 0 … classes − 1.

    Examples
    --------
    >>> one_hot(np.array([0, 2]), 3)
    array([[ True, False, False],
           [False, False,  True]])
    """
    rows = labels[..., numpy.newaxis] == numpy.arange(classes)
    if numpy.count_nonzero(rows) != labels.size:  # quick enough for every step
        wrong = labels[~rows.any(axis=-1)]
        raise ValueError(
            f"labels and tokens must be whole numbers from 0 to {classes - 1}, got {wrong.flat[0]}"
        )
    return rows


register_notrace(VJPNode, one_hot)  # it has no gradient

for _primitive in (
    log_softmax,
    softmax,
    one_hot,
):  # autograd hides their names, by which pickle finds them
    _primitive.__module__, _primitive.__qualname__ = __name__, _primitive.__name__


def relu(x: Any) -> Any:
    """Return x where it is positive, else 0.

    Examples
    --------
    >>> relu(np.array([-2.0, 3.0])).tolist()
    [-0.0, 3.0]
    """
    return x * (x > 0)


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {"relu": relu, "tanh": np.tanh}

SCHEMES: dict[str, Callable[[int, int], float]] = {
    "he": lambda inputs, outputs: (2 / inputs) ** 0.5,
    "xavier": lambda inputs, outputs: (2 / (inputs + outputs)) ** 0.5,
    "normal": lambda inputs, outputs: 1.0,
}


def _dense(layer: Weights, x: Any) -> Any:
    """x @ kernel + bias: (n, in) or (..., n, in) to (..., n, out)."""
    return x @ layer["kernel"] + np.expand_dims(layer["bias"], -2)


def _dense_shapes(inputs: int, outputs: int) -> Shapes:
    return {"kernel": (inputs, outputs), "bias": (outputs,)}


def _initialiser(shapes: Shapes) -> Callable[..., Weights]:
    """Make the `init` of a model whose weights have these shapes."""

    def init(seed: int = 0, scheme: str = "he") -> Weights:
        deviation = checks.one_of("scheme", scheme, SCHEMES)
        rng = numpy.random.default_rng(checks.whole("seed", seed, 0))

        def drawn(name: str, shape: Any) -> Any:
            if isinstance(shape, dict):
                return {key: drawn(key, inner) for key, inner in shape.items()}
            if name == "bias":
                return numpy.zeros(shape)
            if name == "scale":
                return numpy.ones(shape)
            return deviation(*shape) * rng.standard_normal(shape)

        return {key: drawn(key, inner) for key, inner in shapes.items()}

    return init


def _promised(loss: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Mark a loss as one that takes many runs and can be recorded."""
    loss.__name__ = name
    return batched(pure(loss))


def _parts(name: str, batch: Any, *expected: str) -> Any:
    """Unpack a batch."""
    fits = isinstance(batch, (tuple, list)) and len(batch) == len(expected)
    if not fits or not all(hasattr(part, "shape") for part in batch):
        wanted = ", ".join(expected) + "," * (len(expected) == 1)
        raise TypeError(f"{name} takes a batch ({wanted}) of arrays, got {shown(batch)}")
    return batch


# --------------------------------------------------------------------------------------- the models


@by_recipe
def mlp(sizes: Iterable[int], activation: str = "relu") -> Model:
    r"""A network of layers (multi-layer perceptron) that tells classes apart.

    .. math::

        h_0 = x \qquad h_l &= \phi(h_{l-1} W_l + b_l) \qquad z = h_{L-1} W_L + b_L \\
        \text{loss} &= -\frac{1}{n} \sum_i \log \mathrm{softmax}(z_i)_{y_i}

    Parameters
    ----------
    sizes
        Of the input, of each hidden layer, and the number of classes: [64, 32, 10].
    activation
        φ: "relu" or "tanh".

    Returns
    -------
    Model
        Its weights are "layer1/kernel" (in, out), "layer1/bias" (out,), "layer2/kernel", …; its
        batches (x, y) with x of shape (n, in) and labels y of shape (n,).

    Raises
    ------
    TypeError, ValueError
        If a size is not a whole number ≥ 1, or the activation is not known; from the loss, if
        the batch does not fit or a label is out of range.

    Examples
    --------
    >>> from optimizers import Adam
    >>> from optimizers.datasets import digits, minibatches
    >>> model = mlp([64, 32, 10])
    >>> adam = Adam(model.loss, model.init(seed=0), lr=0.01)
    >>> path = adam.minimize(100, batches=minibatches(digits(), 32))
    >>> bool(model.accuracy(adam.theta, digits().held_out) > 0.9)
    True
    """
    sizes = _sizes(sizes)
    phi = checks.one_of("activation", activation, ACTIVATIONS)
    return _classifier(f"MLP {'-'.join(map(str, sizes))}", sizes, phi)


@by_recipe
def softmax_regression(inputs: int, classes: int) -> Model:
    r"""The simplest model that tells classes apart; its loss is convex.

    .. math::

        z = x W + b \qquad \text{loss} = -\frac{1}{n} \sum_i \log \mathrm{softmax}(z_i)_{y_i}

    Parameters
    ----------
    inputs, classes
        How many features and how many classes there are.

    Returns
    -------
    Model
        An `mlp` with one layer.

    Examples
    --------
    >>> softmax_regression(64, 10).init(seed=0)["layer1"]["kernel"].shape
    (64, 10)
    """
    sizes = [checks.whole("inputs", inputs, 1), checks.whole("classes", classes, 1)]
    return _classifier(f"softmax regression {inputs}-{classes}", sizes, relu)


def products(weights: Weights, x: Any, activation: str = "tanh") -> Any:
    """What a network of matrices makes of x: (n, in) to (..., n, out).

    Examples
    --------
    >>> products({"layer1": {"kernel": np.array([[2.0], [3.0]])}}, np.array([[1.0, 1.0]]))
    array([[5.]])
    """
    *hidden, last = (layer["kernel"] for layer in weights.values())
    for kernel in hidden:
        x = ACTIVATIONS[activation](x @ kernel)
    return x @ last


@by_recipe
def regression(sizes: Iterable[int], activation: str = "tanh") -> Model:
    r"""A network of matrices, without biases, that predicts numbers; with one matrix, it is linear.

    .. math::

        h_0 = x \qquad h_l = \phi(h_{l-1} W_l) \qquad z = h_{L-1} W_L \qquad
        \text{loss} = \frac{1}{2n} \sum_i \|z_i - y_i\|^2

    Parameters
    ----------
    sizes
        Of the input, of each hidden layer, and of the output: [16, 32, 4].
    activation
        φ: "relu" or "tanh".

    Returns
    -------
    Model
        Its weights are "layer1/kernel" (in, out), "layer2/kernel", …; its batches (x, y) with x of
        shape (n, in) and y of shape (n, out). There is no accuracy.

    Raises
    ------
    TypeError, ValueError
        If a size is not a whole number ≥ 1, or the activation is not known; from the loss, if the
        batch does not fit.

    Examples
    --------
    >>> model = regression([2, 1])
    >>> weights = {"layer1": {"kernel": np.array([[1.0], [1.0]])}}
    >>> float(model.loss(weights, (np.array([[1.0, 2.0]]), np.array([[1.0]]))))
    2.0
    """
    sizes = _sizes(sizes)
    checks.one_of("activation", activation, ACTIVATIONS)
    name = f"network {'-'.join(map(str, sizes))}"
    shapes = {f"layer{i}": {"kernel": shape} for i, shape in enumerate(pairwise(sizes), 1)}

    def loss(weights: Weights, batch: Any) -> Any:
        x, y = _parts(name, batch, "x", "y")
        if x.shape != (len(x), sizes[0]) or y.shape != (len(x), sizes[-1]):
            raise ValueError(
                f"{name} takes x of shape (n, {sizes[0]}) and y of shape (n, {sizes[-1]}), "
                f"got {x.shape} and {y.shape}"
            )
        away = products(weights, x, activation) - y
        return np.sum(away * away, axis=(-2, -1)) / (2 * len(x))

    return Model(name, _initialiser(shapes), _promised(loss, name), None)


def _classifier(name: str, sizes: list[int], phi: Callable[[Any], Any]) -> Model:
    names = [f"layer{i}" for i in range(1, len(sizes))]
    layers = zip(names, sizes[:-1], sizes[1:], strict=True)
    shapes = {layer: _dense_shapes(inputs, outputs) for layer, inputs, outputs in layers}

    def parts(batch: Any) -> Any:
        x, y = _parts(name, batch, "x", "y")
        if y.shape != x.shape[:1]:
            raise ValueError(f"{name} takes one label per example, got {y.shape} for x {x.shape}")
        return x, y

    def logits(weights: Weights, x: Any) -> Any:
        if len(x.shape) != 2 or x.shape[1] != sizes[0]:
            raise ValueError(f"{name} takes x of shape (n, {sizes[0]}), got {x.shape}")
        for layer in names[:-1]:
            x = phi(_dense(weights[layer], x))
        return _dense(weights[names[-1]], x)

    def loss(weights: Weights, batch: Any) -> Any:
        x, y = parts(batch)
        chosen = log_softmax(logits(weights, x)) * one_hot(y, sizes[-1])
        return -np.sum(chosen, axis=(-2, -1)) / len(y)

    def accuracy(weights: Weights, batch: Any) -> Any:
        x, y = parts(batch)
        return numpy.mean(numpy.argmax(logits(weights, x), axis=-1) == y, axis=-1)

    return Model(name, _initialiser(shapes), _promised(loss, name), accuracy)


def _sizes(sizes: Any) -> list[int]:
    try:
        sizes = [checks.whole("sizes", size, 1) for size in sizes]
    except TypeError as error:
        raise TypeError(
            f"sizes must be whole numbers such as [64, 32, 10], got {shown(sizes)}"
        ) from error
    if len(sizes) < 2:
        raise ValueError(
            f"sizes must name at least the input and the classes, such as [64, 10]; got {sizes}"
        )
    return sizes


@by_recipe
def transformer(
    vocabulary: int, longest: int, *, width: int = 32, heads: int = 2, layers: int = 1
) -> Model:
    r"""A small transformer that guesses hidden tokens from all others.

    With the tokens' rows of E and the places' rows of P, each block adds twice to what was there;
    every norm has a scale and a bias, every product with W a bias:

    .. math::

        x_i &= E_{\text{token}_i} + P_i \\
        x &\leftarrow x + \mathrm{softmax}\left(Q K^\top / \sqrt{d}\right) V\, W_o
            \qquad Q, K, V = \mathrm{norm}(x)\, W_q, W_k, W_v \quad \text{in each head} \\
        x &\leftarrow x + \mathrm{relu}(\mathrm{norm}(x)\, W_1)\, W_2 \\
        z &= \mathrm{norm}(x)\, W \\
        \text{loss} &= -\mathrm{mean}_{\,i\ \text{asked}}\;
            \log \mathrm{softmax}(z_i)_{\text{target}_i}

    Parameters
    ----------
    vocabulary
        How many tokens there are, the mask among them.
    longest
        The most tokens in a sequence; shorter ones use the first rows of P.
    width
        Numbers that stand for a token; twice as many between W₁ and W₂.
    heads
        Into how many parts the attention divides the width.
    layers
        How many blocks.

    Returns
    -------
    Model
        Its weights are "embedding/token", "embedding/position", "block1/norm1/scale",
        "block1/attention/query/kernel", "block1/mlp/layer1/kernel", …, "norm/scale",
        "output/kernel". Its batches are (tokens, targets), ints of shape (n, length); a target
        below 0 means that nothing is asked there. Loss and accuracy are means over what is asked.

    Raises
    ------
    TypeError, ValueError
        If a size is not a whole number ≥ 1, or `heads` does not divide `width`; from the loss, if
        the batch does not fit or a token or target is out of range.

    Examples
    --------
    >>> from optimizers.datasets import symbols
    >>> from optimizers.weights import flatten
    >>> model = transformer(vocabulary=16, longest=64)
    >>> weights = model.init(seed=0)
    >>> flatten(weights)[0].shape
    (11696,)
    >>> round(float(model.accuracy(weights, symbols(100, length=16).held_out)), 1)  # by chance
    0.1

    Notes
    -----
    Sources: Vaswani et al., "Attention is all you need" (2017); the place of the norms after Xiong
    et al., "On layer normalization in the transformer architecture" (2020); the task is that of
    Devlin et al., "BERT" (2018). An embedding table is drawn as a kernel.
    """
    vocabulary = checks.whole("vocabulary", vocabulary, 2)
    longest, layers = checks.whole("longest", longest, 1), checks.whole("layers", layers, 1)
    width, heads = checks.whole("width", width, 1), checks.whole("heads", heads, 1)
    if width % heads:
        raise ValueError(f"heads must divide width: got heads={heads} and width={width}")
    name = f"transformer {layers}×{width}"
    blocks = [f"block{i}" for i in range(1, layers + 1)]
    shapes = {
        "embedding": {"token": (vocabulary, width), "position": (longest, width)},
        **{block: _block_shapes(width) for block in blocks},
        "norm": _norm_shapes(width),
        "output": _dense_shapes(width, vocabulary),
    }

    # All positions of all sequences are the rows of one matrix, but in the attention.
    def logits(weights: Weights, tokens: Any) -> Any:
        x = _embedded(weights["embedding"], one_hot(tokens, vocabulary))
        for block in blocks:
            w = weights[block]
            x = x + _attention(w["attention"], _norm(w["norm1"], x), tokens.shape[1], heads)
            hidden = relu(_dense(w["mlp"]["layer1"], _norm(w["norm2"], x)))
            x = x + _dense(w["mlp"]["layer2"], hidden)
        return _dense(weights["output"], _norm(weights["norm"], x))

    def parts(batch: Any) -> Any:
        tokens, targets = _parts(name, batch, "tokens", "targets")
        if len(tokens.shape) != 2 or not 1 <= tokens.shape[1] <= longest:
            raise ValueError(
                f"{name} takes tokens of shape (n, length), length at most {longest}; "
                f"got {tokens.shape}"
            )
        if targets.shape != tokens.shape:
            raise ValueError(
                f"{name} takes one target per token, got {targets.shape} for tokens {tokens.shape}"
            )
        return tokens, np.reshape(targets, -1)

    def loss(weights: Weights, batch: Any) -> Any:
        tokens, targets = parts(batch)
        asked = targets >= 0
        right = one_hot(targets * asked, vocabulary) * np.expand_dims(asked, -1)
        chosen = log_softmax(logits(weights, tokens)) * right
        return -np.sum(chosen, axis=(-2, -1)) / np.maximum(np.sum(asked), 1)

    def accuracy(weights: Weights, batch: Any) -> Any:
        tokens, targets = parts(batch)
        right = numpy.argmax(logits(weights, tokens), axis=-1) == targets
        return numpy.sum(right, axis=-1) / max(numpy.sum(targets >= 0), 1)

    return Model(name, _initialiser(shapes), _promised(loss, name), accuracy)


def _embedded(embedding: Weights, tokens: Any) -> Any:
    """The rows of the tokens and of their places, added: to (..., n · length, width)."""
    count, length, vocabulary = tokens.shape
    x = np.reshape(tokens, (-1, vocabulary)) @ embedding["token"]
    places = embedding["position"][..., :length, :]
    by_sequence = np.reshape(x, (*x.shape[:-2], count, length, x.shape[-1]))
    return np.reshape(by_sequence + np.expand_dims(places, -3), x.shape)


def _attention(weights: Weights, x: Any, length: int, heads: int) -> Any:
    """Let each position take from the others of its sequence: (..., n · length, width)."""
    *runs, rows, width = x.shape
    size = width // heads
    by_head = (*runs, rows // length, length, heads, size)
    q, k, v = (
        np.swapaxes(np.reshape(_dense(weights[part], x), by_head), -3, -2)
        for part in ("query", "key", "value")
    )  # (..., n, heads, length, size)
    share = softmax(q / size**0.5 @ np.swapaxes(k, -1, -2))
    mixed = np.swapaxes(share @ v, -3, -2)
    return _dense(weights["output"], np.reshape(mixed, x.shape))


def _norm(weights: Weights, x: Any) -> Any:
    """Layer norm: mean 0 and variance 1 along the last axis, then scale and bias."""
    away = x - np.mean(x, axis=-1, keepdims=True)
    deviation = np.sqrt(np.mean(away * away, axis=-1, keepdims=True) + 1e-5)
    scale, bias = (np.expand_dims(weights[part], -2) for part in ("scale", "bias"))
    return away / deviation * scale + bias


def _block_shapes(width: int) -> Shapes:
    attention = {part: _dense_shapes(width, width) for part in ("query", "key", "value", "output")}
    return {
        "norm1": _norm_shapes(width),
        "attention": attention,
        "norm2": _norm_shapes(width),
        "mlp": {
            "layer1": _dense_shapes(width, 2 * width),
            "layer2": _dense_shapes(2 * width, width),
        },
    }


def _norm_shapes(width: int) -> Shapes:
    return {"scale": (width,), "bias": (width,)}


def quadratic(hessian: ArrayLike) -> Model:
    r"""DeepOBS's stochastic quadratic: the mean distance from θ to the data, in the metric H.

    .. math::

        \text{loss} = \frac{1}{n} \sum_i \tfrac12 (\theta - x_i)^\top H\, (\theta - x_i)

    Parameters
    ----------
    hessian
        H, symmetric: (P, P).

    Returns
    -------
    Model
        Its one weight is "theta" (P,), which starts at 1 whatever the seed; its batches are (x,)
        with x of shape (n, P). There is no accuracy.

    Examples
    --------
    >>> model = quadratic([[2.0, 0.0], [0.0, 4.0]])
    >>> float(model.loss(model.init(seed=0), (np.zeros((5, 2)),)))
    3.0

    Notes
    -----
    Source: Schneider, Balles and Hennig, "DeepOBS: a deep learning optimizer benchmark suite"
    (2019); `datasets.quadratic_deep` is the data.
    """
    hessian = numpy.array(hessian, dtype=float)
    square = hessian.ndim == 2 and len(hessian) == len(hessian.T)
    if not square or not numpy.allclose(hessian, hessian.T):
        raise ValueError(f"hessian must be a symmetric matrix, got {shown(hessian)}")
    size = len(hessian)
    name = f"quadratic {size}-D"

    def init(seed: int = 0, scheme: str = "he") -> Weights:
        checks.whole("seed", seed, 0)
        checks.one_of("scheme", scheme, SCHEMES)
        return {"theta": numpy.ones(size)}

    def loss(weights: Weights, batch: Any) -> Any:
        (x,) = _parts(name, batch, "x")
        if x.shape[1:] != (size,):
            raise ValueError(f"{name} takes x of shape (n, {size}), got {x.shape}")
        # the same sum in two parts, of which the second, over the batch, serves all runs
        mean = np.mean(x, axis=0)
        away, rest = weights["theta"] - mean, x - mean
        spread = np.sum(rest @ hessian * rest) / len(x)
        return (np.sum(away @ hessian * away, axis=-1) + spread) / 2

    return Model(name, init, _promised(loss, name), None)
