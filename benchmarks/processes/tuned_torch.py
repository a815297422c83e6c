"""Row 2 with torch, one run at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from benchmarks.processes.task import LEARNING_RATES, START, STEPS, WEIGHT_DECAY, best, save


class LAMB(torch.optim.Optimizer):
    """LAMB, which torch does not have, for one layer."""

    def __init__(self, params: Any, lr: float) -> None:
        super().__init__(params, {"lr": lr})
        (self.x,) = self.param_groups[0]["params"]
        self.m, self.v = torch.zeros_like(self.x), torch.zeros_like(self.x)
        self.t = 0

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Make a step; no closure is called."""
        x, g = self.x, self.x.grad
        self.t += 1
        self.m.lerp_(g, 0.1)
        self.v.mul_(0.999).addcmul_(g, g, value=0.001)
        root = (self.v / (1 - 0.999**self.t)).sqrt_().add_(1e-6)
        update = (self.m / (1 - 0.9**self.t)).div_(root).add_(x, alpha=WEIGHT_DECAY)
        ratio = x.norm() / update.norm()
        x.sub_(update.mul_(ratio), alpha=self.param_groups[0]["lr"])


RULES: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "SGD": torch.optim.SGD,
    "Adam": torch.optim.Adam,
    "AdamW": partial(torch.optim.AdamW, weight_decay=WEIGHT_DECAY),
    "LAMB": LAMB,
}


def rosenbrock(x: torch.Tensor) -> torch.Tensor:
    """The loss."""
    a, b = x.unbind()
    return 100 * (b - a**2) ** 2 + (1 - a) ** 2


def run(
    rule: Callable[..., torch.optim.Optimizer], lr: float, path: list[torch.Tensor] | None = None
) -> float:
    """Return the final loss; stop where a run diverges. The iterates go to `path`."""
    x = torch.tensor(START, requires_grad=True)
    optimizer = rule([x], lr=lr)
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = rosenbrock(x)
        if not math.isfinite(loss.item()):
            return math.inf
        if path is not None:
            path.append(x.detach().clone())
        loss.backward()
        optimizer.step()
    if path is not None:
        path.append(x.detach().clone())
    end = rosenbrock(x).item()
    return end if math.isfinite(end) else math.inf


final_losses, paths = {}, {}
for name, rule in RULES.items():
    final_losses[name] = np.array([run(rule, float(lr)) for lr in LEARNING_RATES])
    kept: list[torch.Tensor] = []
    run(rule, float(LEARNING_RATES[best(final_losses[name])]), kept)
    paths[name] = torch.stack(kept).numpy()
save(final_losses, paths)
