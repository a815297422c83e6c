"""Learn how optimizers work: update rules, trajectories, fair comparisons, pictures.

    from optimizers import SGD, Adam, compare
    from optimizers.functions import rosenbrock

    path = Adam(rosenbrock, [-1.5, 2.0], lr=0.05).minimize(500)    # one run
    race = compare([SGD, Adam], rosenbrock)                        # tuned alike, raced; race.plot()

`optimizers.functions` has the test functions, `optimizers.plotting` the pictures; `sweep` and
`basins` run many at once; `help(Adam)` shows a rule, `help(Optimizer)` how to write one.
"""

from typing import TYPE_CHECKING, Any

import autograd.numpy  # noqa: F401  # first: behind others, a garbage collection falls into it

from optimizers.optimizer import Optimizer
from optimizers.problem import batched, pure
from optimizers.rules import (
    ADOPT,
    LAMB,
    LARS,
    LBFGS,
    RULES,
    SAM,
    SGD,
    SOAP,
    AdaDelta,
    Adafactor,
    AdaGrad,
    Adam,
    AdamW,
    AMSGrad,
    Averaged,
    Cautious,
    DoG,
    LineSearch,
    Lion,
    Lookahead,
    Momentum,
    Muon,
    NAdam,
    Newton,
    NonlinearCG,
    Prodigy,
    RAdam,
    RMSProp,
    ScheduleFreeAdamW,
    ScheduleFreeSGD,
    Shampoo,
)
from optimizers.trajectory import Trajectory

if TYPE_CHECKING:
    from optimizers.experiments.basins import basins
    from optimizers.experiments.compare import compare
    from optimizers.experiments.suite import suite
    from optimizers.experiments.sweep import sweep
    from optimizers.experiments.training import Training
    from optimizers.page import explore

__version__ = "0.1.0"

__all__ = [
    "ADOPT",
    "LAMB",
    "LARS",
    "LBFGS",
    "RULES",
    "SAM",
    "SGD",
    "SOAP",
    "AMSGrad",
    "AdaDelta",
    "AdaGrad",
    "Adafactor",
    "Adam",
    "AdamW",
    "Averaged",
    "Cautious",
    "DoG",
    "LineSearch",
    "Lion",
    "Lookahead",
    "Momentum",
    "Muon",
    "NAdam",
    "Newton",
    "NonlinearCG",
    "Optimizer",
    "Prodigy",
    "RAdam",
    "RMSProp",
    "ScheduleFreeAdamW",
    "ScheduleFreeSGD",
    "Shampoo",
    "Training",
    "Trajectory",
    "basins",
    "batched",
    "compare",
    "explore",
    "pure",
    "suite",
    "sweep",
]


def __getattr__(name: str) -> Any:
    """What is slow to import waits until it is first asked for: that makes the start quicker."""
    if name in ("Training", "basins", "compare", "suite", "sweep"):
        from optimizers import experiments

        return getattr(experiments, name)
    if name == "explore":
        from optimizers.page import explore

        return explore
    raise AttributeError(f"module 'optimizers' has no attribute {name!r}")
