import contextlib
import copy
import itertools
import math
import sys
import threading
import warnings

import autograd.numpy as np
import numpy
import pytest
from autograd import grad
from autograd.core import VJPNode, backward_pass
from autograd.extend import Box, vspace
from autograd.tracer import getval
from autograd.tracer import trace as autograd_trace

from optimizers.engine import trace as trace_module
from optimizers.engine.numpy_lines import record
from optimizers.engine.trace import NotTraceable, filled, leaves, signature, trace
from optimizers.functions import FUNCTIONS, noisy, rosenbrock, shifted
from optimizers.weights import flatten


def gradient_of(loss):
    """Value and gradient as `Gradient` computes them."""

    def value_and_gradient(theta, *batch):
        value, node = autograd_trace(VJPNode.new_root(), lambda t: loss(t, *batch), theta)
        return value, backward_pass(vspace(value).ones(), node)

    return value_and_gradient


def assert_same(ours, theirs):
    """Same types, equal numbers (and nan where nan is)."""
    for a, b in zip(ours, theirs, strict=True):
        assert type(a) is type(b)
        assert a.dtype == b.dtype
        numpy.testing.assert_array_equal(a, b)


def points(shape, count, seed=0):
    """Random points, some with zeros, ties, infinities and nan in them."""
    rng = numpy.random.default_rng(seed)
    for i in range(count):
        x = rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 2)
        if i % 4 == 1:
            x = numpy.round(x)
        if i % 4 == 2:
            x = numpy.where(rng.random(shape) < 0.3, rng.choice([0.0, -0.0, 1.0]), x)
        if i % 8 == 7:
            x = numpy.where(rng.random(shape) < 0.3, rng.choice([numpy.inf, numpy.nan]), x)
        x.setflags(write=False)
        yield x


@pytest.fixture(autouse=True)
def quiet():
    with numpy.errstate(all="ignore"):
        yield


C = numpy.random.default_rng(5).standard_normal((6, 6))
ROWS = numpy.array([0, 2, 2, 5])
MASK = numpy.array([True, False, True, True, False, True])


def logsumexp(x):
    top = np.max(x)
    return top + np.log(np.sum(np.exp(x - top)))


LOSSES = {  # of six weights
    "where": lambda x: np.sum(np.where(x > 0.2, x**2, -3 * x)),
    "where on one number": lambda x: np.where(x[0] > x[1], x[0] * x[2], x[1] ** 3) + np.sum(x),
    "abs": lambda x: np.sum(np.abs(x) * x[::-1]),
    "fabs, sign": lambda x: np.sum(np.fabs(x) * np.sign(x - 1) * x),
    "max": lambda x: np.max(x) ** 2 - np.min(x * x),
    "max along an axis": lambda x: np.sum(np.max(np.reshape(x, (2, 3)), axis=0) ** 2),
    "amax, keepdims": lambda x: np.sum((x - np.amax(x, axis=0, keepdims=True)) ** 2),
    "maximum": lambda x: np.sum(np.maximum(x, 0.5) * np.minimum(x, x[::-1])),
    "maximum of numbers": lambda x: np.maximum(x[0], x[1]) * np.minimum(x[2], 0.0) + x[3],
    "relu by comparison": lambda x: np.sum(x * (x > 0)) + np.sum(x**2),
    "clip": lambda x: np.sum(np.clip(x, -0.5, 0.5) ** 2),
    "sort": lambda x: np.sum(np.sort(x) * np.arange(6.0)),
    "partition": lambda x: np.sum(np.partition(x, 2)[:3] ** 2),
    "sort, spread": lambda x: np.sum((np.sort(x)[1:] - np.sort(x)[:-1]) ** 2),
    "argsort": lambda x: np.sum(x[np.argsort(x)] * C[0]),
    "argmax": lambda x: x[np.argmax(x)] * x[0],
    "cumsum": lambda x: np.sum(np.cumsum(x) ** 2),
    "cumsum along an axis": lambda x: np.sum(np.cumsum(np.reshape(x, (2, 3)), axis=1) ** 2),
    "norm": lambda x: np.linalg.norm(x - 1),
    "norm along an axis": lambda x: np.sum(np.linalg.norm(np.reshape(x, (3, 2)), axis=1)),
    "norm, third": lambda x: np.linalg.norm(x, ord=3),
    "logsumexp": lambda x: logsumexp(3 * x),
    "logaddexp": lambda x: np.sum(np.logaddexp(x, 2 * x[::-1])),
    "einsum": lambda x: np.einsum("i,ij,j", x, C, x),
    "einsum, trace": lambda x: np.sum(np.einsum("ij,kj->ik", np.reshape(x, (2, 3)), C[:, :3]) ** 2),
    "einsum, summed out": lambda x: np.sum(np.einsum("ij->i", np.reshape(x, (2, 3))) ** 2),
    "dot": lambda x: np.dot(np.dot(x, C), x),
    "dot, matrices": lambda x: np.sum(np.dot(np.reshape(x, (3, 2)), C[:2]) ** 2),
    "dot, both": lambda x: np.sum(np.dot(np.reshape(x, (3, 2)), np.reshape(x, (2, 3))) ** 3),
    "dot of vectors": lambda x: np.dot(x, x) * np.dot(x[:3], C[0, :3]),
    "matmul": lambda x: x @ C @ x + np.sum((C @ x) ** 2),
    "matmul, batched": lambda x: np.sum((np.reshape(x, (2, 3, 1)) @ np.reshape(x, (2, 1, 3))) ** 2),
    "tensordot": lambda x: np.sum(np.tensordot(C, np.outer(x, x), 2) * x),
    "tensordot, axes": lambda x: np.sum(np.tensordot(np.outer(x, x), C, axes=([1], [0])) ** 2),
    "outer, kron": lambda x: np.sum(np.kron(x[:2], x[2:]) ** 2) + np.sum(np.outer(x, x)),
    "inner": lambda x: np.inner(x, C[1]) ** 2,
    "basic index": lambda x: x[0] * x[1] + x[-1] ** 2 + np.sum(x[1:4:2] * x[::-3]),
    "index with None": lambda x: np.sum(x[:, None] * x[None, ::-1] * C),
    "ellipsis": lambda x: x[..., 0] ** 2 + np.sum(x[...] ** 2),
    "fancy index": lambda x: np.sum(x[ROWS] ** 2) + np.sum(x[[1, 1, 3]] ** 3),
    "fancy index, 2-D": lambda x: np.sum(np.reshape(x, (3, 2))[[0, 0, 2], [1, 1, 0]] ** 2),
    "constant mask": lambda x: np.sum(x[MASK] ** 2),
    "a linear coordinate": lambda x: x[0] ** 2 + 3 * x[1] - x[2],
    "linear": lambda x: np.sum(2 * x),
    "sum": lambda x: np.sum(x),
    "one weight": lambda x: x[0] * 1.0,
    "negative zero": lambda x: np.sum(-x * 0.0) + np.sum(-(x[:1] ** 2) * 0.0),
    "reshape, transpose": lambda x: np.sum(np.reshape(x, (2, 3)).T * C[:3, :2]) ** 2,
    "transpose, axes": lambda x: np.sum(np.transpose(np.reshape(x, (1, 2, 3)), (2, 0, 1)) ** 3),
    "swapaxes": lambda x: np.sum(np.swapaxes(np.reshape(x, (2, 3)), 0, 1) @ C[:2, :2]) ** 2,
    "ravel, squeeze": lambda x: np.sum(np.squeeze(x[None]) * np.ravel(np.reshape(x, (2, 3)).T)),
    "concatenate": lambda x: np.sum(np.concatenate([x[:2] * 2, x[1:], C[0]]) ** 2),
    "stack": lambda x: np.sum(np.stack([x, x**2, C[0]]) * C[:3]) ** 2,
    "hstack, vstack": lambda x: np.sum(np.vstack([x, np.hstack([x[3:], x[:3]])]) ** 2),
    "array": lambda x: np.sum(np.array([x[0], 2.0, x[1] * x[2]]) ** 2),
    "array of arrays": lambda x: np.sum(np.array([[x[0], x[1]], [x[1], 1.0]]) @ x[:2]),
    "repeat": lambda x: np.sum(np.repeat(x, 2) * np.repeat(x[::-1], 2)),
    "roll, flip": lambda x: np.sum(np.roll(x, 1) * x[::-1]),
    "diff": lambda x: np.sum(np.diff(x) ** 2),
    "diagonal": lambda x: (
        np.sum(np.diagonal(np.outer(x, x), 0, -1, -2) * x) + np.trace(np.outer(x, C[0]))
    ),
    "tril": lambda x: np.sum(np.tril(np.outer(x, x)) * C),
    "pad": lambda x: np.sum(np.pad(x, 1, mode="constant") ** 2),
    "broadcasting": lambda x: np.sum((x[:, None] - C) ** 2 * x),
    "broadcast_to": lambda x: np.sum(np.broadcast_to(x[None], (4, 6)) ** 2),
    "mean": lambda x: np.mean(x) ** 2 + np.mean(x**2),
    "mean along an axis": lambda x: np.sum(np.mean(x * C, axis=1, keepdims=True) ** 2),
    "var, std": lambda x: np.var(x) * np.std(x) + np.sum(np.std(x * C, axis=0)),
    "batch norm": lambda x: np.sum(((x - np.mean(x)) / np.sqrt(np.var(x) + 1e-5)) ** 3),
    "prod": lambda x: np.prod(x) + np.sum(np.prod(np.reshape(x, (2, 3)), axis=1)),
    "exp, log": lambda x: np.sum(np.exp(x) * np.log(x**2)) + np.sum(np.log1p(np.expm1(x))),
    "tanh and friends": lambda x: np.sum(np.tanh(x) + np.sinh(x) * np.arctan(x)) + np.cosh(x[0]),
    "powers": lambda x: np.sum(x**3 - x**0.5 + 2**x + x**-2 + x**1) + x[0] ** x[1] + x[2] ** -0.5,
    "sqrt, square": lambda x: np.sum(np.sqrt(x) + np.square(x) + np.reciprocal(x)),
    "division": lambda x: np.sum(x / x[::-1] / 3 - 2 / x),
    "mod": lambda x: np.sum((x % 2) ** 2 + np.remainder(x, x[::-1])),
    "sinc, hypot": lambda x: np.sum(np.sinc(x)) + np.sum(np.hypot(x, x[::-1])),
    "nan_to_num": lambda x: np.sum(np.nan_to_num(x) ** 2),
    "det, inv, solve": lambda x: (
        np.linalg.det(np.outer(x, x) + C) + np.sum(np.linalg.solve(C + np.diag(x), x))
    ),
    "a Python loop": lambda x: sum((x[i + 1] - x[i] ** 2) ** 2 for i in range(5)),
    "iteration": lambda x: sum(a * b for a, b in itertools.pairwise(x)),
    "zeros_like, shape": lambda x: np.sum((np.zeros_like(x) + x.shape[0] + x.size) * x / len(x)),
    "a derivative inside": lambda x: np.sum(grad(lambda y: np.sum(y**3))(x) * x),
    "softmax": lambda x: -np.log(np.exp(x - np.max(x)) / np.sum(np.exp(x - np.max(x))))[2],
    "several arrays": lambda x: np.sum(np.split(x, 2)[0] ** 2) + np.sum(np.array_split(x, 4)[1]),
    "tile": lambda x: np.sum(np.tile(x, 2) ** 2),
    "a value that is held constant": lambda x: np.sum(x**2) * getval(getval(x[0])),
    "astype": lambda x: np.sum(x.astype(float) * (x > 0).astype(float)) * x[0],
}


@pytest.mark.parametrize("name", LOSSES)
def test_replays_are_what_autograd_gives(name):
    function = gradient_of(LOSSES[name])
    lines = record(function, next(points(6, 1, seed=3)))
    for x in points(6, 40):
        assert_same(lines(x), function(x))


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("shape", [(2,), (1, 2), (7, 2), (1000, 2)])
def test_test_functions(name, shape):
    function = gradient_of(FUNCTIONS[name])
    lines = record(function, next(points(shape, 1, seed=3)))
    for x in points(shape, 16):
        assert_same(lines(x), function(x))


@pytest.mark.parametrize("n", [2, 3, 20])
def test_more_dimensions(n):
    for loss in (rosenbrock, shifted(FUNCTIONS["griewank"], 0.5), FUNCTIONS["levy"]):
        function = gradient_of(loss)
        lines = record(function, numpy.ones((3, n)))
        for x in points((3, n), 8):
            assert_same(lines(x), function(x))


def test_indices_that_change_with_slices():
    def loss(x, rows):
        return np.sum(np.reshape(x, (3, 4))[:, rows] ** 2) + np.sum(np.reshape(x, (3, 4))[rows[0]])

    function = gradient_of(loss)
    lines = record(function, numpy.ones(12), numpy.array([1, 2]))
    for x, rows in zip(points(12, 8), ([0, 0], [2, 1], [1, 1], [0, 2]) * 2, strict=True):
        assert_same(lines(x, numpy.array(rows)), function(x, numpy.array(rows)))


def test_single_precision():
    function = gradient_of(lambda x: np.mean((x - 1) ** 2 / 2.0) + np.sum(np.exp(x) * 3))
    x = numpy.linspace(-1, 1, 6, dtype=numpy.float32)
    assert_same(record(function, x)(x * 2), function(x * 2))


def test_one_number():
    with pytest.raises(NotTraceable, match="plain Python numbers"):
        record(lambda x: x**2.5, 1.5)
    function = gradient_of(lambda x: 3 * np.exp(x) * x + np.where(x > 1, x, 0.0) + np.maximum(x, 2))
    for x in (numpy.array(1.5), numpy.float64(1.5), 1.5):
        lines = record(function, x)
        for factor in (1.0, 2.0, 0.1):
            y = type(x)(x * factor) if not isinstance(x, numpy.ndarray) else numpy.array(x * factor)
            assert_same(lines(y), function(y))


# ------------------------------------------------------------------------------------- with a batch


def mlp(rng, sizes=(8, 5, 3)):
    layers = [
        {"kernel": rng.standard_normal((i, o)), "bias": numpy.zeros(o)}
        for i, o in itertools.pairwise(sizes)
    ]
    return flatten(layers)


def forward(layers, x):
    for layer in layers[:-1]:
        x = np.maximum(x @ layer["kernel"] + layer["bias"], 0)
    logits = x @ layers[-1]["kernel"] + layers[-1]["bias"]
    return logits - np.max(logits, axis=-1, keepdims=True)


def by_labels(layers, batch):
    x, labels = batch
    logits = forward(layers, x)
    chosen = logits[np.arange(len(labels)), labels]
    return np.mean(np.log(np.sum(np.exp(logits), axis=-1)) - chosen)


def by_one_hot(layers, batch):
    logits = forward(layers, batch["x"])
    log_p = logits - np.log(np.sum(np.exp(logits), axis=-1, keepdims=True))
    return -np.mean(np.sum(batch["targets"] * log_p, axis=-1)) + 1e-3 * sum(
        np.sum(layer["kernel"] ** 2) for layer in layers
    )


def by_comparison(layers, batch):
    x, labels = batch
    logits = forward(layers, x)
    chosen = np.sum(logits * (labels[:, None] == np.arange(3)), axis=-1)
    return np.mean(np.log(np.sum(np.exp(logits), axis=-1)) - chosen)


def by_take(layers, batch):
    x, labels = batch
    one_hot = np.take(np.eye(3), labels, axis=0)
    return by_one_hot(layers, {"x": x, "targets": one_hot})


@pytest.mark.parametrize("loss", [by_labels, by_one_hot, by_comparison, by_take])
def test_a_network_on_other_batches(loss):
    rng = numpy.random.default_rng(0)
    theta, layout = mlp(rng)
    function = gradient_of(lambda flat, batch: loss(layout.unflatten(flat), batch))

    def draw():
        x, labels = rng.standard_normal((16, 8)), rng.integers(0, 3, 16)
        if loss is by_one_hot:
            return {"x": x, "targets": numpy.eye(3)[labels]}
        return x, labels

    lines = record(function, theta, draw())
    for _ in range(20):
        theta, batch = theta + rng.standard_normal(theta.shape) / 10, draw()
        assert_same(lines(theta, batch), function(theta, batch))


def test_noise_is_an_input():
    f = noisy(rosenbrock, sigma=0.5, seed=1)
    function = gradient_of(f)
    x, rng = numpy.array([0.3, -0.2]), numpy.random.default_rng(0)
    lines = record(function, x, rng.standard_normal(2))
    for _ in range(5):
        noise = rng.standard_normal(2)
        assert_same(lines(x, noise), function(x, noise))


def test_numbers_in_a_batch():
    function = gradient_of(lambda x, batch: np.sum(x**2) * batch[0] + x[batch[1]] ** batch["p"])
    with pytest.raises(NotTraceable):
        record(function, numpy.ones(3), (2.0, 1))
    function = gradient_of(lambda x, batch: np.sum(x**2) * batch["scale"] + x[batch["i"]] ** 3)
    x = numpy.array([0.5, 2.0, -1.0])
    lines = record(function, x, {"scale": 2.0, "i": 1, "unused": None})
    for i in range(3):
        batch = {"scale": 0.3, "i": i, "unused": None}
        assert_same(lines(x, batch), function(x, batch))


# ------------------------------------------------------------------------ functions of any arrays


def walk(traced, *inputs):
    """The calls of a trace one by one, as trace.py tells readers to make them."""
    values = dict(zip(traced.inputs, leaves(list(inputs)), strict=True))
    for node in traced.nodes:
        args, kwargs = filled((node.args, node.kwargs), values)
        values[node] = node.fun(*args, **kwargs)
        if node.dtype is not None:  # else it makes several arrays
            assert numpy.shape(values[node]) == node.shape
            assert isinstance(values[node], node.kind)
    return filled(traced.returned, values)


@pytest.mark.parametrize("name", LOSSES)
def test_the_nodes_of_a_trace_are_calls_that_make_the_same_numbers(name):
    function = gradient_of(LOSSES[name])
    traced = trace(function, next(points(6, 1, seed=3)))
    assert [node.name for node in traced.inputs] == ["theta"]
    for x in points(6, 10):
        assert_same(walk(traced, x), function(x))


def adam_on_rosenbrock(theta, state, t):
    loss, g = gradient_of(rosenbrock)(theta)
    m = 0.9 * state["m"] + 0.1 * g
    v = 0.99 * state["v"] + 0.01 * g**2
    d = m / (1 - 0.9**t) / (numpy.sqrt(v / (1 - 0.99**t)) + 1e-8)
    return {"theta": theta - 0.05 * d, "state": {"m": m, "v": v}, "loss": loss}


def in_place(theta, state, t):
    """The same formulas, written as people write them for speed."""
    loss, g = gradient_of(rosenbrock)(theta)
    m, v = copy.deepcopy(state["m"]), state["v"].copy()
    m *= 0.9
    m += 0.1 * g
    v *= 0.99
    v += 0.01 * g**2
    d = numpy.empty_like(m)
    d[:] = m / (1 - 0.9**t)
    root = numpy.sqrt(v / (1 - 0.99**t))
    root += 1e-8
    numpy.divide(d, root, out=d)
    d *= 0.05
    return {"theta": theta - d, "state": {"m": m, "v": v}, "loss": loss}


@pytest.mark.parametrize("step", [adam_on_rosenbrock, in_place])
@pytest.mark.parametrize("kind", [int, numpy.int64, numpy.float64])
def test_a_whole_step_of_a_rule(step, kind):
    given = numpy.array([-1.5, 2.0]), {"m": numpy.zeros(2), "v": numpy.zeros(2)}
    lines = record(step, *given, kind(1))
    ours = theirs = {"theta": given[0], "state": given[1]}
    for t in range(1, 20):
        ours = lines(ours["theta"], ours["state"], kind(t))
        theirs = step(theirs["theta"], theirs["state"], kind(t))
        assert ours.keys() == theirs.keys()
        assert_same(leaves(ours), leaves(theirs))


POWERS = [2, 2.0, 0.5, -1, 1, 0, 3, -0.5, 1.7, numpy.float64(2), numpy.array(2.0)]


@pytest.mark.parametrize("exponent", POWERS, ids=str)
def test_powers_are_python_s_on_arrays_and_on_single_numbers(exponent):
    def function(x):
        return x**exponent, x[0] ** exponent, numpy.power(x, exponent), numpy.power(x[1], exponent)

    lines = record(function, numpy.ones(1000))
    for x in points(1000, 8):
        assert_same(lines(x), function(x))


def test_an_exponent_that_changes_is_taken_as_it_comes():
    function = gradient_of(lambda x, y: np.sum(x**y))
    lines = record(function, numpy.ones(50), numpy.array(2.0))
    x = numpy.linspace(0.1, 3, 50)
    for y in (2.0, 0.5, -1.0, 1.3):
        assert_same(lines(x, numpy.array(y)), function(x, numpy.array(y)))


def test_inputs_may_have_any_names_and_results_any_nesting():
    def function(v1, c1, add, array):
        x = v1["x y"] + c1[0] * add
        return [x, (x[:2], {"a b": x + array}), x.sum() * 2]

    given = {"x y": numpy.ones(3)}, [2.0, None], numpy.arange(3.0), numpy.ones(3)
    lines = record(function, *given)
    ours, theirs = lines(*given), function(*given)
    assert type(ours) is list
    assert ours[1][1].keys() == {"a b"}
    assert_same(leaves(ours), leaves(theirs))


def test_a_result_never_is_an_array_that_was_handed_in():
    def function(x, batch):
        return np.sum(x * batch), batch[::-1], batch, np.reshape(x, (2, 3)).T, C[0]

    x, batch = numpy.ones(6), numpy.arange(6.0)
    lines = record(function, x, batch)
    assert_same(lines(x, batch), function(x, batch))
    for result in lines(x, batch)[1:]:
        assert not any(numpy.shares_memory(result, other) for other in (x, batch, C))
        assert result.flags.writeable


def test_a_function_sees_the_types_that_it_is_given():
    def function(x, batch):
        assert isinstance(batch, numpy.ndarray)
        assert isinstance(batch[0], float)
        assert isinstance(x, np.ndarray)
        return numpy.sum(x * batch)

    x = numpy.arange(3.0)
    assert record(function, x, x)(x, x + 1) == function(x, x + 1)


def writes_into_a_view(x):
    y = x * 2
    y[1:][0] = 3.0
    z = y[1:]
    z += 1
    return y


def writes_into_a_constant(x):
    total = numpy.zeros(3)
    total += x
    return total


def writes_into_its_argument(x):
    x *= 2
    return x


def fills(x):
    numpy.copyto(x, 1.0)
    return x * 2


def catches(x):
    try:
        return numpy.linalg.inv(numpy.outer(x, x) * (x[0] > 5)) @ x
    except numpy.linalg.LinAlgError:
        return x


def calls_back(x):
    return numpy.apply_along_axis(lambda row: row * (2 if row[0] > 0 else 3), 0, x)


WRITERS = {
    "into a view": (writes_into_a_view, "writes into"),
    "into a constant": (writes_into_a_constant, "writes into"),
    "into an argument": (writes_into_its_argument, "writes into"),
    "copyto": (fills, "writes into"),
    "sort in place": (lambda x: (x * 2).sort(), "not followed"),
    "out= of a function": (lambda x: numpy.sum(x, out=x * 1) + x, "writes into"),
    "an error that depends on values": (catches, "Singular"),
    "a function that is called back": (calls_back, "function to call"),
    "plain NumPy's array": (lambda x: numpy.array([x[0], x[1]]), "plain NumPy"),
    "one-armed where": (lambda x: numpy.where(x > 0)[0] + 1, "depends on values"),
    "eigenvalues, real or complex": (
        lambda x: numpy.linalg.eigvals(numpy.outer(x, x)) * 2,
        "depends on values",
    ),
    "emath, real or complex": (lambda x: numpy.emath.sqrt(x) * 2, "depends on values"),
    "as many bins as values ask for": (
        lambda x: numpy.histogram(x, bins="auto")[0] * 2,
        "depends on values",
    ),
    "place": (lambda x: numpy.place(x * 1, x > 0, x), "np.place"),
    "** of NumPy's single numbers": (lambda x: numpy.float64(0.9) ** x[0] * x, "last bit"),
    "text": (lambda x: [x, str(x.dtype), "text"], "something other"),
}


@pytest.mark.parametrize("name", WRITERS)
def test_what_writes_or_looks_unseen_is_refused(name):
    function, reason = WRITERS[name]
    with pytest.raises(NotTraceable, match=reason):
        record(function, numpy.array([3.0, 2.0, 1.0]))


def test_a_mask_may_choose_where_a_number_is_written():
    def function(x):
        y = x * 2
        y[y < 0] = 0.5
        return y

    lines = record(function, numpy.ones(6))
    for x in points(6, 10):
        assert_same([lines(x)], [function(x)])


def test_what_a_later_autograd_lacks_is_not_traceable_and_all_else_is(monkeypatch):
    gone = tuple((place, f"{name}_of_old", teach) for place, name, teach in trace_module.TAUGHT)
    monkeypatch.setattr(trace_module, "TAUGHT", gone)
    with pytest.raises(NotTraceable):
        record(gradient_of(LOSSES["array"]), numpy.ones(6))
    function, x = gradient_of(LOSSES["batch norm"]), numpy.arange(6.0)
    assert_same(record(function, x)(x + 1), function(x + 1))


# ------------------------------------------------------------------------- nothing is written into


def test_inputs_and_earlier_results_stay_as_they_are():
    for name, loss in LOSSES.items():
        function = gradient_of(loss)
        x = numpy.linspace(0.5, 1.5, 6)
        lines = record(function, x)
        kept = []
        for i in range(3):
            y = x + i
            y.setflags(write=False)
            kept.append((y, y.copy(), lines(y), function(y)))
        for y, before, ours, theirs in kept:
            numpy.testing.assert_array_equal(y, before, name)
            assert_same(ours, theirs)
            assert not any(numpy.shares_memory(out, y) for out in ours), name
        first = lines(x)[1]
        assert first.flags.writeable, name
        first[...] = 7.0  # nor does writing into a result reach the lines
        assert_same(lines(x), function(x))


def test_big_inputs_and_results_are_never_written_into():
    rng = numpy.random.default_rng(0)
    losses = [
        lambda x: np.sum(np.exp(-x) * x + (x - 1) ** 2 * np.tanh(x)) + np.sum(x[1:] * x[:-1]),
        lambda x: np.mean(np.reshape(x, (100, -1)).T ** 2) + np.sum(np.maximum(x, -x)),
        lambda x: np.sum(np.reshape(x, (100, -1)) @ np.reshape(x, (-1, 100))) + np.sum(x),
        rosenbrock,
    ]
    for loss in losses:
        function = gradient_of(loss)
        x = rng.standard_normal(40_000)
        lines = record(function, x)
        kept = []
        for _ in range(3):
            y = rng.standard_normal(40_000)
            y.setflags(write=False)
            kept.append((lines(y), function(y)))
        for ours, theirs in kept:
            assert_same(ours, theirs)


def test_the_caller_may_change_what_the_loss_was_made_of():
    constants = numpy.ones(3)
    lines = record(gradient_of(lambda x: np.sum(constants * x**2)), numpy.ones(3))
    constants[:] = 5.0
    assert lines(numpy.ones(3))[0] == 3.0  # frozen, as the docstring says


def test_threads():
    function = gradient_of(LOSSES["softmax"])
    lines, x = record(function, numpy.ones(6)), list(points(6, 50))
    expected, results = [function(y) for y in x], {}

    def work(i):
        with numpy.errstate(all="ignore"):
            results[i] = [lines(y) for y in x]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(4):
        for ours, theirs in zip(results[i], expected, strict=True):
            assert_same(ours, theirs)


def test_traces_are_made_in_several_threads():
    names = ["array", "sort", "dot", "einsum", "basic index", "a Python loop"] * 3
    x, results = numpy.linspace(0.5, 1.5, 6), {}

    def work(i):
        results[i] = walk(trace(lambda x: LOSSES[names[i]](x * 2), x), x)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(names))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, name in enumerate(names):
        assert results[i] == LOSSES[name](x * 2)


def test_autograd_is_left_as_it_was():
    before = dict(Box.type_mappings)
    names = [vars(sys.modules[place])[name] for place, name, _ in trace_module.TAUGHT]
    for loss in (LOSSES["max"], lambda x: x[0] if x[0] > 0 else x[1]):
        with contextlib.suppress(NotTraceable):
            record(gradient_of(loss), numpy.ones(6))
    assert Box.type_mappings == before
    now = [vars(sys.modules[place])[name] for place, name, _ in trace_module.TAUGHT]
    assert all(one is other for one, other in zip(now, names, strict=True))
    with pytest.raises(TypeError, match="Can't differentiate"):
        grad(lambda x: x * 2)(3)
    assert grad(lambda x: x * 3 if x > 0 else x)(2.0) == 3.0


# -------------------------------------------------------------------------------- what is refused


def swallowing(x):
    try:
        n = int(x[0])
    except Exception:
        n = 1
    return n * np.sum(x**2)


STATE = {"calls": 0}


def counting(x):
    STATE["calls"] += 1
    return np.sum(x**2) * STATE["calls"]


def shrinking(x):
    total = np.sum(x)
    while total > 1.0:
        total = total / 2
    return total


REFUSED = {
    "if": (lambda x: np.sum(x) if x[0] > 0 else np.sum(x**2), "branches"),
    "while": (shrinking, "branches"),
    "and": (lambda x: np.sum(x) * (1 if x[0] > 0 and x[1] > 0 else 2), "branches"),
    "if on any": (lambda x: np.sum(x**2) * (2 if np.any(x > 0) else 1), "branches"),
    "if on allclose": (lambda x: np.sum(x) if np.allclose(x, 0) else np.sum(x**2), "branches"),
    "max of Python": (lambda x: max(x[0], x[1]) * x[2], "branches"),
    "in": (lambda x: np.sum(x**2) * (2 if 1.0 in x else 1), "branches"),
    "int": (lambda x: np.sum(x**2) * int(getval(x)[0] > 0 or np.floor(x[0])), "."),
    "int, caught": (swallowing, "Python int"),
    "float": (lambda x: np.sum(x**2) * float(x[0]), "out of NumPy"),
    "math": (lambda x: np.sum(x**2) * math.sin(np.floor(x[0])), "out of NumPy"),
    "item": (lambda x: np.sum(x**2) * np.floor(x[0]).item(), "item|out of NumPy"),
    "slice": (lambda x: np.sum(x[: np.argmax(x)] ** 2), "Python int"),
    "range": (lambda x: sum(x[i] for i in range(np.argmax(x))) + np.sum(x**2), "Python int"),
    "mask": (lambda x: np.sum(x[x > 0] ** 2), "mask"),
    "mask in a tuple": (lambda x: np.sum(x[None][0, x > 0] ** 2), "mask"),
    "nonzero": (lambda x: np.sum(x[np.nonzero(x > 0)] ** 2), "nonzero"),
    "unique": (lambda x: np.sum(x**2) * len(np.unique(np.sign(x))), "unique"),
    "repeat by a value": (lambda x: np.sum(np.repeat(x[:1], 1 + np.argmax(x))), "whole number"),
    "axis by a value": (lambda x: np.sum(np.roll(x, np.argmax(x)) * C[0]), "whole number"),
    "zeros by a value": (lambda x: np.sum(x**2) + len(np.zeros(np.argmax(x))), "."),
    "a table indexed by a value": (lambda x: np.sum(C[np.argmax(x)] * x), "np.take"),
    "plain NumPy": (lambda x: np.sum(x**2) * numpy.array([x[0]]).sum(), "."),
    "eigh": (lambda x: np.sum(np.linalg.eigh(np.outer(x, x))[0]), "branches"),
    "print": (lambda x: np.sum(x**2) + 0 * len(f"{x}"), "prints"),
    "chance": (lambda x: np.sum(x * numpy.random.default_rng().random(6)), "differs"),
    "a global that changes": (counting, "differs"),
    "an integer type": (lambda x: np.sum(x**2) * np.int64(10 * x[0]), "reads a value"),
    "constant": (lambda x: np.sum(np.ones(3)), "."),
    "a vector of no gradient": (lambda x: None, "."),
    "an error": (lambda x: np.sum(x) / undefined, "undefined"),  # noqa: F821
    "a very long loop": (lambda x: sum(np.sin(x[0] + i) for i in range(3_000)), "calls"),
}


@pytest.mark.filterwarnings("ignore:Output seems independent")
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_replayed_is_refused(name, monkeypatch):
    monkeypatch.setattr("optimizers.engine.trace.LONGEST", 2_000)
    loss, reason = REFUSED[name]
    x = numpy.array([0.3, -0.2, 0.5, 1.5, -2.0, 0.7])
    with pytest.raises(NotTraceable, match=reason) as caught:
        record(gradient_of(loss), x)
    assert str(caught.value)


def test_batches_of_something_else_are_refused():
    function = gradient_of(lambda x, batch: np.sum(x**2))
    for batch in ("text", numpy.array(["a"]), numpy.array([{}], dtype=object), {1, 2}):
        with pytest.raises(NotTraceable, match="other than numbers"):
            record(function, numpy.ones(2), batch)


def test_a_branch_on_the_batch_is_refused():
    function = gradient_of(lambda x, b: np.sum(x**2) if b["flag"] else np.sum(x))
    with pytest.raises(NotTraceable, match="branches"):
        record(function, numpy.ones(2), {"flag": True})


def test_other_shapes_are_refused():
    lines = record(gradient_of(rosenbrock), numpy.ones(2))
    for other in (numpy.ones(3), numpy.ones((1, 2)), numpy.ones(2, dtype=numpy.float32)):
        with pytest.raises(ValueError, match="record again"):
            lines(other)
    assert signature(numpy.ones(2)) == signature(numpy.zeros(2)) == lines.signature
    assert len({signature([x], {"a": x}) for x in (numpy.ones(2), numpy.zeros(2))}) == 1
    assert signature([numpy.ones(2)]) != signature((numpy.ones(2),))


# ------------------------------------------------------------------------------------- the source


def test_the_source_can_be_read():
    lines = record(gradient_of(rosenbrock), numpy.array([-1.5, 2.0]))
    compile(lines.source, "lines", "exec")
    assert "[..., :-1]" in lines.source
    assert "_100 * " in lines.source
    assert "where" not in lines.source  # nothing that the result does not need
    assert len(lines.source.splitlines()) < 40


def test_warnings_are_numpys_own():
    lines = record(gradient_of(lambda x: np.sum(np.log(x))), numpy.ones(2))
    with numpy.errstate(all="warn"), warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        lines(numpy.zeros(2))
    assert {w.category for w in seen} == {RuntimeWarning}


# ------------------------------------------------------------------------------- random programs

SEEDS = 40
UNARY = [
    np.exp,
    np.tanh,
    np.abs,
    np.negative,
    np.cumsum,
    np.sort,
    lambda a: a * 1.0,
    lambda a: a**2,
]
UNARY += [lambda a: a[::-1], lambda a: np.reshape(np.reshape(a, (2, -1)).T, (-1,)), lambda a: a + 0]
UNARY += [lambda a: np.concatenate([a[1:], a[:1]]), lambda a: a - np.mean(a), lambda a: 2 - a / 3]
UNARY += [lambda a: np.where(a > 0, a, 0.1 * a), lambda a: a / (1 + np.max(np.abs(a)))]
UNARY += [lambda a: np.reshape(np.sum(np.reshape(a, (-1, 1)), 1, keepdims=True), (-1,))]
BINARY = [np.add, np.subtract, np.multiply, np.maximum, lambda a, b: a * np.sum(b), np.hypot]
BINARY += [lambda a, b: np.concatenate([a[:4], b[4:]]), lambda a, b: a / (1 + b * b)]


@pytest.mark.parametrize("size", [6, 10_000])  # the larger is above `BIG`: memory is given back
def test_random_programs(size):
    for seed in range(SEEDS):
        rng = numpy.random.default_rng(seed)
        steps = [
            (rng.integers(0, i + 1, 2), rng.integers(len(UNARY)), rng.integers(-3, len(BINARY)))
            for i in range(12)
        ]

        def loss(x, steps=steps):
            values = [x]
            for (i, j), unary, binary in steps:
                a = UNARY[unary](values[i])
                values.append(BINARY[binary](a, values[j]) if binary >= 0 else a)
            return np.sum(np.tanh(values[-1])) + np.mean(values[-2] * values[-3])

        function = gradient_of(loss)
        lines = record(function, rng.standard_normal(size))
        kept = []
        for x in points(size, 4, seed):
            kept.append((lines(x), function(x)))
        for ours, theirs in kept:
            assert_same(ours, theirs)
