"""Row 4: training steps of a small network with Adam, the gradient included."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import autograd.numpy as np
import numpy
from autograd import grad
from autograd.misc.optimizers import adam as autograd_adam

from benchmarks import peers
from benchmarks.report import OURS, Agreement, Goal, Limit, Row, difference, faster
from benchmarks.timing import Timing, interleave
from optimizers import Adam, pure

SIZES = (64, 32, 10)
BATCH_SIZES = {32: (3, 5), 128: (2.5, 4)}  # and how much faster than torch we want to be
STEPS = 200
LR = 0.01


@dataclass(frozen=True)
class Task:
    """Batches (STEPS, batch, 64) with their labels, and the weights to start from."""

    x: Any
    labels: Any
    weights: dict[str, dict[str, Any]]

    def one_hot(self) -> list[tuple[Any, Any]]:
        """The batches as our loss takes them."""
        return list(zip(self.x, numpy.eye(SIZES[-1])[self.labels], strict=True))


def measure(quick: bool) -> Row:
    """Time a training step at both batch sizes."""
    timings: dict[str, Timing] = {}
    goals, agreements = [], []
    for batch_size, (must, aim) in BATCH_SIZES.items():
        times, ends = measure_batch(task(batch_size), 3 if quick else 15)
        times = {name: timing.per(STEPS) for name, timing in times.items()}
        torches = [timing for name, timing in times.items() if name.startswith("torch")]
        goals.append(
            Goal(
                f"MLP {'-'.join(map(str, SIZES))}, batch {batch_size}, a step; beside torch eager",
                times[OURS].median,
                Limit(f"{must}× faster", faster(must, torches)),
                Limit(f"{aim}× faster", faster(aim, torches)),
            )
        )
        agreements += [
            Agreement(f"{name}, batch {batch_size}", difference(ends[OURS], end, floor=1.0))
            for name, end in ends.items()
            if name != OURS
        ]
        timings |= {f"{name}, batch {batch_size}": timing for name, timing in times.items()}
    return Row(
        4,
        f"MLP {'-'.join(map(str, SIZES))} with tanh and cross-entropy: one training step with Adam",
        timings,
        goals,
        agreements,
        [
            f"Time of {STEPS} steps on as many batches, divided by {STEPS}; compared are the "
            "weights after the last."
        ],
    )


def measure_batch(given: Task, repeats: int) -> tuple[dict[str, Timing], dict[str, numpy.ndarray]]:
    """Times and last weights of each side."""
    batches = given.one_hot()
    contenders: dict[str, Callable[[], Any]] = {
        OURS: lambda: ours(recorded, given, batches),
        "the same, not marked @pure": lambda: ours(cross_entropy, given, batches),
        "autograd.misc.optimizers.adam": lambda: by_autograd(given, batches),
    }
    if peers.TORCH:
        contenders["torch eager, 1 thread"] = partial(by_torch, given, 1)
        contenders["torch eager, default threads"] = partial(by_torch, given, None)
    if peers.OPTAX:
        warm = compiled()
        contenders["optax, jit + scan, warm"] = lambda: warm(given)
        contenders["optax, jit + scan, first call"] = lambda: compiled()(given)
    timings, results = interleave(contenders, repeats)
    return timings, {name: flat(weights) for name, weights in results.items()}


def task(batch_size: int) -> Task:
    """Random inputs, labelled by a random linear teacher."""
    rng = numpy.random.default_rng(0)
    inputs, hidden, classes = SIZES
    x = rng.standard_normal((STEPS, batch_size, inputs))
    labels = numpy.argmax(x @ rng.standard_normal((inputs, classes)), axis=-1)
    weights = {
        name: {"kernel": rng.standard_normal((a, b)) / numpy.sqrt(a), "bias": numpy.zeros(b)}
        for name, a, b in (("layer1", inputs, hidden), ("layer2", hidden, classes))
    }
    return Task(x, labels, weights)


def flat(weights: Any) -> numpy.ndarray:
    """All weights of a result in one array, in the order of the layers."""
    return numpy.concatenate(
        [
            numpy.ravel(weights[layer][part])
            for layer in ("layer1", "layer2")
            for part in ("kernel", "bias")
        ]
    )


def cross_entropy(weights: Any, batch: Any) -> Any:
    """The loss, written as a student would."""
    x, y = batch
    hidden = np.tanh(x @ weights["layer1"]["kernel"] + weights["layer1"]["bias"])
    logits = hidden @ weights["layer2"]["kernel"] + weights["layer2"]["bias"]
    logits = logits - np.max(logits, axis=1, keepdims=True)
    log_normaliser = np.log(np.sum(np.exp(logits), axis=1))
    return np.mean(log_normaliser - np.sum(y * logits, axis=1))


@pure
def recorded(weights: Any, batch: Any) -> Any:
    """The same loss, promised to depend on its arguments alone."""
    return cross_entropy(weights, batch)


def ours(loss: Callable[..., Any], given: Task, batches: list[Any]) -> Any:
    """Train with this library."""
    adam = Adam(loss, given.weights, LR)
    adam.minimize(STEPS, batches=batches, every=STEPS)
    return adam.theta


def by_autograd(given: Task, batches: list[Any]) -> Any:
    """Train with what comes with autograd."""
    gradient = grad(cross_entropy)
    return autograd_adam(
        lambda weights, i: gradient(weights, batches[i]),
        given.weights,
        num_iters=STEPS,
        step_size=LR,
    )


def by_torch(given: Task, threads: int | None) -> Any:
    """Train with torch's own layers and loss, in float64."""
    torch = peers.torch_with(threads)
    inputs, hidden, classes = SIZES
    first, second = torch.nn.Linear(inputs, hidden), torch.nn.Linear(hidden, classes)
    model = torch.nn.Sequential(first, torch.nn.Tanh(), second).double()
    layers = {"layer1": first, "layer2": second}
    with torch.no_grad():
        for name, layer in layers.items():
            layer.weight.copy_(torch.tensor(given.weights[name]["kernel"].T))
            layer.bias.copy_(torch.tensor(given.weights[name]["bias"]))
    adam = torch.optim.Adam(model.parameters(), lr=LR)
    criterion = torch.nn.CrossEntropyLoss()
    xs, labels = torch.from_numpy(given.x), torch.from_numpy(given.labels)
    for x, y in zip(xs, labels, strict=True):
        adam.zero_grad()
        criterion(model(x), y).backward()
        adam.step()
    return {
        name: {"kernel": layer.weight.detach().numpy().T, "bias": layer.bias.detach().numpy()}
        for name, layer in layers.items()
    }


def compiled() -> Callable[[Task], Any]:
    """Training with optax in a fresh jit."""
    jax = peers.jax_in_float64()
    import optax

    adam = optax.adam(LR)

    def loss(weights: Any, x: Any, y: Any) -> Any:
        hidden = jax.numpy.tanh(x @ weights["layer1"]["kernel"] + weights["layer1"]["bias"])
        logits = hidden @ weights["layer2"]["kernel"] + weights["layer2"]["bias"]
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

    def step(carry: Any, batch: Any) -> Any:
        weights, state = carry
        g = jax.grad(loss)(weights, *batch)
        updates, state = adam.update(g, state, weights)
        return (optax.apply_updates(weights, updates), state), None

    @jax.jit
    def train(weights: Any, x: Any, y: Any) -> Any:
        (weights, _), _ = jax.lax.scan(step, (weights, adam.init(weights)), (x, y))
        return weights

    return lambda given: jax.block_until_ready(train(given.weights, given.x, given.labels))
