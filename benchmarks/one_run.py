"""Row 1: one run of Adam on 2-D Rosenbrock, its path recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import autograd.numpy as np
from autograd import grad
from autograd.misc.optimizers import adam as autograd_adam

from benchmarks import peers
from benchmarks.report import OURS, Agreement, Goal, Limit, Row, difference, faster
from benchmarks.timing import interleave
from optimizers import Adam
from optimizers.engine import assembly
from optimizers.functions import rosenbrock

STEPS = 500
MANY = 50_000  # steps of a long run
LR = 0.05
START = rosenbrock.start
FIRST = "ours, first call"
WARM = "optax, jit + scan, warm"
FIRST_OF_OPTAX = "optax, jit + scan, first call"
LONG, LONG_OF_OPTAX = f"ours, a run of {MANY:,}", f"{WARM}, a run of {MANY:,}"
PLAIN = "the same formula on plain autograd, looped as in the article"


def measure(quick: bool) -> Row:
    """Time every side, per step."""
    contenders: dict[str, Callable[[], Any]] = {OURS: ours, FIRST: first, PLAIN: plain}
    contenders["autograd.misc.optimizers.adam"] = by_autograd
    torches = {"torch eager, 1 thread": 1, "torch eager, default threads": None}
    if peers.TORCH:
        for name, threads in torches.items():
            contenders[name] = partial(by_torch, threads)
    if peers.OPTAX:
        warm = compiled()
        contenders[WARM] = lambda: by_optax(warm)
        contenders[FIRST_OF_OPTAX] = lambda: by_optax(compiled())
    timings, results = interleave(contenders, 5 if quick else 21)
    timings = {name: timing.per(STEPS) for name, timing in timings.items()}
    long: dict[str, Callable[[], Any]] = {LONG: lambda: ours(MANY)}
    if peers.OPTAX:
        compiled_long = compiled(MANY)
        long[LONG_OF_OPTAX] = lambda: by_optax(compiled_long)
    long_timings, _ = interleave(long, 5 if quick else 21)
    timings |= {name: timing.per(MANY) for name, timing in long_timings.items()}
    torch_times = [timings.get(name) for name in torches]
    return Row(
        1,
        f"Adam, 2-D Rosenbrock, one run of {STEPS} steps, path recorded: time of a step",
        timings,
        [
            Goal(
                f"Adam, 2-D Rosenbrock, one run, path recorded, a step; beside {beside}",
                timings[side].median,
                Limit(f"{must}× faster" if must > 1 else "ahead of it", faster(must, sides)),
                Limit(f"{aim}× faster", faster(aim, sides)),
            )
            for beside, side, sides, must, aim in (
                ("warm optax", OURS, [timings.get(WARM)], 1, 5),
                ("optax, the first call of both", FIRST, [timings.get(FIRST_OF_OPTAX)], 10, 50),
                ("torch eager", OURS, torch_times, 5, 10),
                ("plain autograd", OURS, [timings[PLAIN]], 5, 10),
            )
        ],
        [
            Agreement(name, difference(results[OURS], path, floor=1.0))
            for name, path in results.items()
            if name != OURS
        ],
        [
            "All sides keep every iterate; all but autograd's own keep every loss; ours also keeps "
            "every gradient norm.",
            "Of a run of 500, ours spends most on Python around it: the optimizer, its checks, "
            "the trajectory. In a long run that does not count.",
            "The first calls trace and compile anew; LLVM and XLA have been started before.",
        ],
    )


def ours(steps: int = STEPS) -> Any:
    """The path, (steps + 1, 2)."""
    return Adam(rosenbrock, START, LR).minimize(steps).theta


def first() -> Any:
    """The same on a function that was never seen before, nothing of it compiled."""
    assembly._compiled.clear()
    return Adam(replace(rosenbrock), START, LR).minimize(STEPS).theta


def plain_rosenbrock(x: Any) -> Any:
    """The library's formula in a function that it knows nothing of, and so does not record."""
    head, tail = x[..., :-1], x[..., 1:]
    return np.sum(100 * (tail - head**2) ** 2 + (1 - head) ** 2, axis=-1)


def plain() -> Any:
    """Our rule, step by step, its gradient made anew by autograd each time."""
    adam = Adam(plain_rosenbrock, START, LR)
    path, losses = [adam.theta], []
    for _ in range(STEPS):
        losses.append(adam.minimize_raw())
        path.append(adam.theta)
    return np.stack(path)


def by_autograd() -> Any:
    """What comes with autograd; it hands the iterates to a callback."""
    path = []
    gradient = grad(plain_rosenbrock)
    end = autograd_adam(
        lambda x, i: gradient(x),
        START,
        callback=lambda x, i, g: path.append(x),
        num_iters=STEPS,
        step_size=LR,
    )
    return np.stack([*path, end])


def by_torch(threads: int | None) -> Any:
    """The usual loop; clones of the weights and floats of the loss are kept."""
    torch = peers.torch_with(threads)
    x = torch.tensor(START, requires_grad=True)
    adam = torch.optim.Adam([x], lr=LR)
    path, losses = [x.detach().clone()], []
    for _ in range(STEPS):
        adam.zero_grad()
        a, b = x.unbind()
        loss = 100 * (b - a**2) ** 2 + (1 - a) ** 2
        loss.backward()
        adam.step()
        losses.append(loss.item())
        path.append(x.detach().clone())
    return torch.stack(path).numpy()


def compiled(steps: int = STEPS) -> Callable[[Any], Any]:
    """A freshly jitted run, which returns the path and the losses."""
    jax = peers.jax_in_float64()
    import optax

    adam = optax.adam(LR)

    def loss(x: Any) -> Any:
        return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2

    def step(carry: Any, _: None) -> Any:
        x, state = carry
        value, g = jax.value_and_grad(loss)(x)
        updates, state = adam.update(g, state, x)
        return (optax.apply_updates(x, updates), state), (x, value)

    @jax.jit
    def run(start: Any) -> Any:
        (end, _), (path, losses) = jax.lax.scan(step, (start, adam.init(start)), length=steps)
        return path, end, losses

    return run


def by_optax(run: Callable[[Any], Any]) -> Any:
    """The path of a compiled run, as an array of NumPy."""
    path, end, losses = run(START)
    losses.block_until_ready()
    return np.concatenate([np.asarray(path), np.asarray(end)[np.newaxis]])
