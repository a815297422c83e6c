"""The claims of the article and of the papers behind it, measured: is it so?

    python -m optimizers claims --quick             all of them, in minutes
    python -m optimizers claims batch-size          one of them, whole

Each is a file here. `CLAIMS` has them all by label, in the order of their numbers.
"""

from optimizers.claims import (
    batch_size,
    defaults,
    edge_of_stability,
    flat_minima,
    lion,
    lookahead_variance,
    matrices,
    memory,
    momentum_rates,
    quadratic_deep,
    schedule_free,
    trust_ratio,
    tuning_budget,
    two_phases,
    weight_decay,
)
from optimizers.claims.claim import Claim, Effort, Result

CLAIMS: dict[str, Claim] = {
    module.CLAIM.label: module.CLAIM
    for module in (
        quadratic_deep,
        momentum_rates,
        memory,
        weight_decay,
        batch_size,
        trust_ratio,
        two_phases,
        lookahead_variance,
        lion,
        defaults,
        matrices,
        edge_of_stability,
        schedule_free,
        flat_minima,
        tuning_budget,
    )
}

__all__ = ["CLAIMS", "Claim", "Effort", "Result"]
