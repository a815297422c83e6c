"""Let optax and torch say what the learning rate is at each step; keep it in schedules.json.

    pip install -r tests/references/requirements.txt
    python tests/references/make_schedules.py

Step t = 1 here is their step 0. README.md, beside this file, says what is inside the file.
"""

import json
import warnings
from collections.abc import Callable
from pathlib import Path

import jax
import optax
import torch
from torch.optim import lr_scheduler

jax.config.update("jax_enable_x64", True)

FILE = Path(__file__).parent / "schedules.json"
STEPS = 40

Scheduler = Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler]


def by_optax(schedule: optax.Schedule) -> list[float]:
    """The rates of the first steps."""
    return [float(schedule(t)) for t in range(STEPS)]


def by_torch(lr: float, scheduler: Scheduler) -> list[float]:
    """The rates of the first steps."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # SequentialLR's own calls are deprecated
        schedule = scheduler(optimizer)
        rates = []
        for _ in range(STEPS):
            rates.append(float(schedule.get_last_lr()[0]))
            optimizer.step()
            schedule.step()
    return rates


def after_rise(w: int, lr: float, schedule: optax.Schedule) -> optax.Schedule:
    """w steps of a line from lr/w to lr, then the schedule from its beginning."""
    return optax.join_schedules([optax.linear_schedule(lr / w, lr, w - 1), schedule], [w])


def late(w: int, schedule: optax.Schedule) -> optax.Schedule:
    """The schedule without its first w steps."""
    return lambda t: schedule(t + w)


# torch's cosine rises again after T steps, so its case ends there.
CASES = {
    "constant(0.3)": ("optax.constant_schedule", by_optax(optax.constant_schedule(0.3))),
    "step_decay(0.4, every=7, factor=0.3)": (
        "torch StepLR",
        by_torch(0.4, lambda o: lr_scheduler.StepLR(o, step_size=7, gamma=0.3)),
    ),
    "step_decay(0.4, every=5)": (
        "optax.exponential_decay(staircase=True)",
        by_optax(optax.exponential_decay(0.4, 5, 0.1, staircase=True)),
    ),
    "exponential(0.4, every=10, factor=0.5)": (
        "optax.exponential_decay",
        by_optax(optax.exponential_decay(0.4, 10, 0.5)),
    ),
    "exponential(0.4, every=1, factor=0.9)": (
        "torch ExponentialLR",
        by_torch(0.4, lambda o: lr_scheduler.ExponentialLR(o, gamma=0.9)),
    ),
    "inverse_sqrt(0.2)": (
        "torch LambdaLR((t + 1)**-0.5)",
        by_torch(0.2, lambda o: lr_scheduler.LambdaLR(o, lambda t: (t + 1) ** -0.5)),
    ),
    "cosine(0.3, 25)": (
        "optax.cosine_decay_schedule",
        by_optax(optax.cosine_decay_schedule(0.3, 25)),
    ),
    "cosine(0.3, 25, end=0.03)": (
        "optax.cosine_decay_schedule",
        by_optax(optax.cosine_decay_schedule(0.3, 25, alpha=0.1)),
    ),
    "cosine(0.3, 39, end=0.02)": (
        "torch CosineAnnealingLR",
        by_torch(0.3, lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=39, eta_min=0.02)),
    ),
    "polynomial(0.3, 25)": ("optax.linear_schedule", by_optax(optax.linear_schedule(0.3, 0, 25))),
    "polynomial(0.3, 25, power=2.5, end=0.01)": (
        "optax.polynomial_schedule",
        by_optax(optax.polynomial_schedule(0.3, 0.01, 2.5, 25)),
    ),
    "polynomial(0.3, 30, power=0.5)": (
        "torch PolynomialLR",
        by_torch(0.3, lambda o: lr_scheduler.PolynomialLR(o, total_iters=30, power=0.5)),
    ),
    "warmup(6, constant(0.3))": (
        "optax.warmup_constant_schedule",
        by_optax(optax.warmup_constant_schedule(0.05, 0.3, 5)),
    ),
    "warmup(6, step_decay(0.3, every=8, factor=0.5))": (
        "optax.join_schedules",
        by_optax(after_rise(6, 0.3, optax.exponential_decay(0.3, 8, 0.5, staircase=True))),
    ),
    "warmup(6, exponential(0.3, every=8))": (
        "optax.join_schedules",
        by_optax(after_rise(6, 0.3, optax.exponential_decay(0.3, 8, 0.1))),
    ),
    "warmup(6, cosine(0.3, 25, end=0.03))": (
        "optax.join_schedules",
        by_optax(after_rise(6, 0.3, optax.cosine_decay_schedule(0.3, 25, alpha=0.1))),
    ),
    "warmup(6, polynomial(0.3, 30))": (
        "torch SequentialLR",
        by_torch(
            0.3,
            lambda o: lr_scheduler.SequentialLR(
                o,
                [
                    lr_scheduler.LinearLR(o, start_factor=1 / 6, total_iters=5),
                    lr_scheduler.PolynomialLR(o, total_iters=30),
                ],
                milestones=[6],
            ),
        ),
    ),
    "warmup_polynomial(0.3, steps=30, warmup=6)": (
        "optax.join_schedules",
        by_optax(after_rise(6, 0.3, late(6, optax.linear_schedule(0.3, 0, 30)))),
    ),
    "warmup_polynomial(0.3, steps=30, warmup=6, power=0.5)": (
        "optax.join_schedules",
        by_optax(after_rise(6, 0.3, late(6, optax.polynomial_schedule(0.3, 0, 0.5, 30)))),
    ),
}


def main() -> None:
    """Write the file anew."""
    versions = {"optax": optax.__version__, "torch": torch.__version__.split("+")[0]}
    cases = [
        {"schedule": ours, "reference": theirs, "rates": rates}
        for ours, (theirs, rates) in CASES.items()
    ]
    lines = ",\n".join(json.dumps(case) for case in cases)
    FILE.write_text(f'{{"versions": {json.dumps(versions)}, "cases": [\n{lines}\n]}}\n')
    print(f"{len(cases)} cases, {FILE.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
