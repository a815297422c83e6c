"""Row 2 with optax: vmap over the learning rates, scan over the steps, all rules in one jit."""

from typing import Any

import jax
import numpy as np
import optax

from benchmarks.processes.task import LEARNING_RATES, START, STEPS, WEIGHT_DECAY, best, save

jax.config.update("jax_enable_x64", True)
RULES = {
    "SGD": optax.sgd,
    "Adam": optax.adam,
    "AdamW": lambda lr: optax.adamw(lr, weight_decay=WEIGHT_DECAY),
    "LAMB": lambda lr: optax.lamb(lr, weight_decay=WEIGHT_DECAY),
}


def rosenbrock(x: Any) -> Any:
    """The loss."""
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


def run(rule: Any, lr: Any) -> Any:
    """Return the final loss and the path."""
    optimizer = rule(lr)

    def step(carry: Any, _: None) -> Any:
        x, state = carry
        updates, state = optimizer.update(jax.grad(rosenbrock)(x), state, x)
        return (optax.apply_updates(x, updates), state), x

    start = jax.numpy.asarray(START)
    (end, _), path = jax.lax.scan(step, (start, optimizer.init(start)), length=STEPS)
    return rosenbrock(end), jax.numpy.concatenate([path, end[None]])


@jax.jit
def everything(grid: Any) -> Any:
    """All rules at all learning rates: one compilation, which is faster than one a rule."""
    return {
        name: jax.vmap(lambda lr, rule=rule: run(rule, lr))(grid) for name, rule in RULES.items()
    }


final_losses, paths = {}, {}
for name, (losses, path) in everything(LEARNING_RATES).items():
    final_losses[name] = np.nan_to_num(losses, nan=np.inf)
    paths[name] = np.asarray(path)[best(final_losses[name])]
save(final_losses, paths)
