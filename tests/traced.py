"""A step of an optimizer as scalars, for the tests of what is made of it."""

import numpy as np

from optimizers.engine.step import Hessian, replayed, step_of
from optimizers.engine.trace import trace
from optimizers.gradients import Gradient
from optimizers.state import parts


def traced_step(optimizer, watch=()):
    """Trace the loss at the first run's weights, and the rule."""
    theta = np.array(optimizer._theta[:1] if optimizer._theta.ndim > 1 else optimizer._theta)
    batch = optimizer.gradient.problem.first_batch(theta.shape[-1])
    gradient = Gradient(optimizer.gradient.problem, optimizer.layout)
    gradient.takes_runs(theta, *batch)
    slopes = replayed(trace(gradient.by_autograd, theta, *batch))
    hessian = Hessian(gradient, (theta, *batch))
    return step_of(optimizer, slopes, batch[0].shape if batch else None, watch, hessian)


def carried_by(optimizer):
    """Weights and state by the names that a step gives them."""
    found = {"theta": optimizer._theta}
    for i, part in enumerate(parts(optimizer)):
        prefix = f"{type(part).__name__}_" if i else ""
        found |= {prefix + name: vars(part)[name] for name in part.state}
    return found
