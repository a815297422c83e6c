"""Row 2 with this library."""

from benchmarks.processes.task import LEARNING_RATES, START, STEPS, WEIGHT_DECAY, save
from optimizers import LAMB, SGD, Adam, AdamW, sweep
from optimizers.functions import rosenbrock

assert AdamW.weight_decay == LAMB.weight_decay == WEIGHT_DECAY

losses, paths = {}, {}
for rule in (SGD, Adam, AdamW, LAMB):
    tuned = sweep(rule, rosenbrock, start=START, steps=STEPS, lr=LEARNING_RATES)
    losses[rule.__name__] = tuned.final_loss
    paths[rule.__name__] = rule(rosenbrock, START, lr=tuned.best["lr"]).minimize(STEPS).theta
save(losses, paths)
