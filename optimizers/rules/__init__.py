"""The update rules, a family member a file, in teaching order."""

from optimizers.rules.adadelta import AdaDelta
from optimizers.rules.adafactor import Adafactor
from optimizers.rules.adagrad import AdaGrad
from optimizers.rules.adam import Adam
from optimizers.rules.adamw import AdamW
from optimizers.rules.adopt import ADOPT
from optimizers.rules.amsgrad import AMSGrad
from optimizers.rules.averaged import Averaged
from optimizers.rules.cautious import Cautious
from optimizers.rules.dog import DoG
from optimizers.rules.lamb import LAMB
from optimizers.rules.lars import LARS
from optimizers.rules.lbfgs import LBFGS
from optimizers.rules.line_search import LineSearch
from optimizers.rules.lion import Lion
from optimizers.rules.lookahead import Lookahead
from optimizers.rules.momentum import Momentum
from optimizers.rules.muon import Muon
from optimizers.rules.nadam import NAdam
from optimizers.rules.newton import Newton
from optimizers.rules.nonlinear_cg import NonlinearCG
from optimizers.rules.prodigy import Prodigy
from optimizers.rules.radam import RAdam
from optimizers.rules.rmsprop import RMSProp
from optimizers.rules.sam import SAM
from optimizers.rules.schedule_free import ScheduleFreeAdamW, ScheduleFreeSGD
from optimizers.rules.sgd import SGD
from optimizers.rules.shampoo import Shampoo
from optimizers.rules.soap import SOAP

# those of which every step can be written down: pages, sweeps and figures have them all. LBFGS and
# NonlinearCG look at losses on their way, and a step of theirs costs more or less than another
RULES = {
    rule.__name__: rule
    for rule in (
        SGD,
        Momentum,
        AdaGrad,
        RMSProp,
        AdaDelta,
        Adam,
        AMSGrad,
        NAdam,
        RAdam,
        ADOPT,
        AdamW,
        LAMB,
        LARS,
        Lion,
        Adafactor,
        Muon,
        Shampoo,
        SOAP,
        DoG,
        Prodigy,
        ScheduleFreeSGD,
        ScheduleFreeAdamW,
        Lookahead,
        Averaged,
        Cautious,
        Newton,
    )
}

# who races when nobody is named
RACERS = ("Momentum", "AdaGrad", "RMSProp", "Adam")

__all__ = ["LBFGS", "RACERS", "RULES", "SAM", "LineSearch", "NonlinearCG", *RULES]
