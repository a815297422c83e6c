"""Row 2 with this library."""

from benchmarks.processes.task import LEARNING_RATES, START, STEPS, WEIGHT_DECAY, save
from optimizers import LAMB, SGD, Adam, AdamW, compare
from optimizers.functions import rosenbrock

assert AdamW.weight_decay == LAMB.weight_decay == WEIGHT_DECAY

race = compare([SGD, Adam, AdamW, LAMB], rosenbrock, start=START, steps=STEPS, lr=LEARNING_RATES)
save(race.final_loss, {label: path.theta for label, path in race.items()})
