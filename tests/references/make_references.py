"""Let others run their optimizers on one small problem, and keep the weights of every step.

    pip install -r tests/references/requirements.txt
    python tests/references/make_references.py

Six makers stand behind the files: `torch.optim`, `optax`, `pytorch_optimizer`, `schedulefree`,
`timm`, and the LAMB code that the article prints, with NumPy in the place of TensorFlow. `CASES`
lists who runs what. README.md, beside this file, says what is inside the files.
"""

import importlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytorch_optimizer
import schedulefree
import torch
from optax._src import factorized
from pytorch_optimizer.optimizer import grokfast, soap

jax.config.update("jax_enable_x64", True)
# The tensors below are float64 in any case. But torch's NAdam keeps its running product of
# momenta in the default type, and in float32 that product is good for seven digits only.
torch.set_default_dtype(torch.float64)
# Others round to float32 on their way: SOAP before its QR decomposition, SAM its norm, Adafactor t.
soap.torch = SimpleNamespace(**{**vars(torch), "float32": torch.float64})
torch.Tensor.float = torch.Tensor.double
factorized.jnp = SimpleNamespace(**{**vars(jnp), "float32": jnp.float64})

FOLDER = Path(__file__).parent
STEPS = 40

Arrays = dict[str, np.ndarray]  # name of a leaf → its values
HyperParameters = dict[str, Any]


# ---------------------------------------------------------------------------------- the problem

_rng = np.random.default_rng(2)
X = _rng.normal(size=(12, 4))
Y = _rng.normal(size=(12, 3))

# Every maker treats the leaves one by one, so a flat dict stands for the nested one here; the
# name of a leaf is its path in the nesting.
START: Arrays = {
    "net/layer1/kernel": _rng.normal(scale=0.5, size=(4, 5)),
    "net/layer1/bias": np.zeros(5),
    "net/layer2/kernel": _rng.normal(scale=0.5, size=(5, 3)),
    "net/layer2/bias": np.zeros(3),
    "unused": _rng.normal(size=3),
}
# The gradient of a matrix, at the first step, has one direction at most in which it is zero. Where
# there are two, anybody's eigenvectors of them are as good as others.
NARROW = START | {
    "net/layer1/kernel": START["net/layer1/kernel"][:, :4],
    "net/layer1/bias": START["net/layer1/bias"][:4],
    "net/layer2/kernel": START["net/layer2/kernel"][:4],
}


def loss(w: dict[str, Any], x: Any, y: Any, tanh: Callable[[Any], Any]) -> Any:
    """Mean squared error of a small network; the same lines serve torch and jax."""
    hidden = tanh(x @ w["net/layer1/kernel"] + w["net/layer1/bias"])
    error = hidden @ w["net/layer2/kernel"] + w["net/layer2/bias"] - y
    return (error**2).mean() + 0 * w["unused"].sum()  # a gradient of zeros, not no gradient


def torch_loss(w: dict[str, torch.Tensor]) -> torch.Tensor:
    return loss(w, torch.tensor(X), torch.tensor(Y), torch.tanh)


def jax_loss(w: dict[str, jax.Array]) -> jax.Array:
    return loss(w, X, Y, jnp.tanh)


# ------------------------------------------------------------------------------------ the cases


@dataclass(frozen=True)
class Case:
    """One file: our rule, with our spelling of the hyper-parameters, and whose code ran it."""

    name: str
    rule: str
    reference: str
    hyper_parameters: HyperParameters

    @property
    def start(self) -> Arrays:
        """The weights before the first step."""
        return NARROW if self.rule == "SOAP" else START

    def all_hyper_parameters(self) -> HyperParameters:
        """Those of the case, and our defaults for the rest."""
        defaults = DEFAULTS[self.rule]
        if "inner" in defaults:
            defaults = defaults | DEFAULTS[self.hyper_parameters["inner"]]
        return defaults | self.hyper_parameters


_ADAM = {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}

# Ours. They are handed to the makers one by one: nobody else's default counts.
DEFAULTS: dict[str, HyperParameters] = {
    "SGD": {"lr": 0.01},
    "Momentum": {"lr": 0.01, "momentum": 0.9, "nesterov": False},
    "AdaGrad": {"lr": 0.01, "epsilon": 1e-10},
    "RMSProp": {"lr": 0.01, "rho": 0.9, "epsilon": 1e-8},
    "AdaDelta": {"lr": 1.0, "rho": 0.9, "epsilon": 1e-6},
    "Adam": _ADAM,
    "AMSGrad": _ADAM,
    "NAdam": _ADAM | {"lr": 0.002},
    "AdamW": _ADAM | {"weight_decay": 0.01, "exclude_from_weight_decay": None},
    "LAMB": _ADAM
    | {
        "epsilon": 1e-6,
        "weight_decay": 0.01,
        "exclude_from_weight_decay": None,
        "phi": None,
        "bias_correction": True,
    },
    "LARS": {
        "lr": 0.1,
        "momentum": 0.9,
        "weight_decay": 0.0,
        "trust_coefficient": 0.001,
        "exclude_from_weight_decay": None,
    },
    "Lion": {"lr": 1e-4, "beta1": 0.9, "beta2": 0.99, "weight_decay": 0.0},
    "Lookahead": {"inner": "Adam", "k": 5, "alpha": 0.5},
    # beta, ns_*, weight_decay: the matrices; adam_*: all other leaves; nesterov, epsilon: both.
    "Muon": {
        "lr": 0.02,
        "beta": 0.95,
        "nesterov": True,
        "ns_steps": 5,
        "ns_coefficients": [3.4445, -4.7750, 2.0315],
        "epsilon": 1e-8,
        "weight_decay": 0.0,
        "adam_lr": None,
        "adam_beta1": 0.9,
        "adam_beta2": 0.999,
        "adam_weight_decay": 0.0,
        "adjust_lr": "original",
    },
    "RAdam": _ADAM,
    "ADOPT": _ADAM | {"beta2": 0.9999, "epsilon": 1e-6},
    "Adafactor": {
        "lr": 0.01,
        "decay_rate": 0.8,
        "clipping_threshold": 1.0,
        "epsilon": 1e-30,
        "epsilon_theta": 1e-3,
    },
    "Shampoo": {"lr": 0.1, "epsilon": 1e-6},
    "SOAP": {
        "lr": 0.003,
        "beta1": 0.95,
        "beta2": 0.95,
        "epsilon": 1e-8,
        "weight_decay": 0.01,
        "exclude_from_weight_decay": None,
        "precondition_frequency": 10,
    },
    "DoG": {"lr": 1.0, "r_epsilon": 1e-6, "epsilon": 1e-8},
    "Prodigy": _ADAM | {"lr": 1.0, "d0": 1e-6, "bias_correction": False},
    "Cautious": {"inner": "Adam"},
    "SAM": {"inner": "Adam", "rho": 0.05},
    "LBFGS": {"lr": 1.0, "memory": 10},
    "ScheduleFreeSGD": {"lr": 0.01, "beta1": 0.9, "weight_decay": 0.0},
    "ScheduleFreeAdamW": _ADAM | {"lr": 0.0025, "weight_decay": 0.0},
    "Averaged": {"inner": "Adam", "beta": 1.0},
    # those of the exercises: optimizers/classroom/one_line.py
    "Signum": {"lr": 0.01, "momentum": 0.9},
    "AdaBelief": _ADAM,
    "Yogi": _ADAM,
    "AdEMAMix": _ADAM | {"beta3": 0.9999, "alpha": 5.0},
    "GrokFast": _ADAM | {"rho": 0.98, "boost": 2.0},
    "Rprop": {"lr": 0.01, "grow": 1.2, "shrink": 0.5},
}

_LION = {"lr": 0.01}
_OTHER_ADAM = {"lr": 0.05, "beta1": 0.8, "beta2": 0.9, "epsilon": 0.01}
_NO_BIAS_CORRECTION = {"lr": 0.02, "bias_correction": False}
_WARMUP = {"schedule": "warmup", "lr0": 0.2, "steps": 10}
_DECAYING_LR = {"schedule": "lr0/sqrt(t)", "lr0": 0.2}
_ARTICLE = "the article's reference code"
_NO_DECAY = {"lr": 0.02, "weight_decay": 0.0}

# The learning rates are large enough for forty steps to be a journey. A large epsilon shows
# where it is added, a small beta2 lets second moments fall as well as rise.
CASES = [
    Case("sgd", "SGD", "torch.optim.SGD", {"lr": 0.2}),
    Case("sgd_schedule", "SGD", "torch.optim.SGD", {"lr": _DECAYING_LR}),
    Case("momentum", "Momentum", "torch.optim.SGD", {"lr": 0.1}),
    Case("momentum_low", "Momentum", "torch.optim.SGD", {"lr": 0.2, "momentum": 0.5}),
    Case("nesterov", "Momentum", "torch.optim.SGD", {"lr": 0.1, "nesterov": True}),
    Case(
        "nesterov_low",
        "Momentum",
        "torch.optim.SGD",
        {"lr": 0.2, "momentum": 0.5, "nesterov": True},
    ),
    Case("adagrad", "AdaGrad", "torch.optim.Adagrad", {"lr": 0.1}),
    Case("adagrad_epsilon", "AdaGrad", "torch.optim.Adagrad", {"lr": 0.1, "epsilon": 0.1}),
    Case("rmsprop", "RMSProp", "torch.optim.RMSprop", {"lr": 0.005}),
    Case(
        "rmsprop_rho", "RMSProp", "torch.optim.RMSprop", {"lr": 0.02, "rho": 0.99, "epsilon": 0.01}
    ),
    Case("adadelta", "AdaDelta", "torch.optim.Adadelta", {"lr": 1.0}),
    Case(
        "adadelta_rho", "AdaDelta", "torch.optim.Adadelta", {"lr": 2.0, "rho": 0.8, "epsilon": 1e-3}
    ),
    Case("adam", "Adam", "torch.optim.Adam", {"lr": 0.05}),
    Case("adam_betas", "Adam", "torch.optim.Adam", _OTHER_ADAM),
    Case("adam_schedule", "Adam", "torch.optim.Adam", {"lr": _DECAYING_LR}),
    Case("amsgrad", "AMSGrad", "torch.optim.Adam(amsgrad=True)", {"lr": 0.05}),
    Case("amsgrad_betas", "AMSGrad", "torch.optim.Adam(amsgrad=True)", _OTHER_ADAM),
    Case("nadam", "NAdam", "torch.optim.NAdam", {"lr": 0.02}),
    Case("nadam_betas", "NAdam", "torch.optim.NAdam", _OTHER_ADAM | {"lr": 0.02}),
    Case("adamw", "AdamW", "torch.optim.AdamW", {"lr": 0.05}),
    Case("adamw_decay", "AdamW", "torch.optim.AdamW", {"lr": 0.05, "weight_decay": 0.3}),
    Case(
        "adamw_excluded",
        "AdamW",
        "torch.optim.AdamW",
        {"lr": 0.05, "weight_decay": 0.3, "exclude_from_weight_decay": ["bias"]},
    ),
    Case("adamw_betas", "AdamW", "torch.optim.AdamW", _OTHER_ADAM | {"weight_decay": 0.1}),
    Case("lamb", "LAMB", "optax.lamb", {"lr": 0.02}),
    Case("lamb_no_decay", "LAMB", "optax.lamb", {"lr": 0.02, "weight_decay": 0.0}),
    Case(
        "lamb_excluded",
        "LAMB",
        "optax.lamb",
        {"lr": 0.02, "weight_decay": 0.3, "exclude_from_weight_decay": ["bias"]},
    ),
    Case("lamb_betas", "LAMB", "optax.lamb", _OTHER_ADAM | {"lr": 0.02, "weight_decay": 0.1}),
    Case("lamb_article", "LAMB", _ARTICLE, _NO_BIAS_CORRECTION),
    Case("lamb_article_no_decay", "LAMB", _ARTICLE, _NO_BIAS_CORRECTION | {"weight_decay": 0.0}),
    Case(
        "lamb_article_excluded",
        "LAMB",
        _ARTICLE,
        _NO_BIAS_CORRECTION
        | {"weight_decay": 0.3, "exclude_from_weight_decay": ["layer1/.*bias$", "^unused"]},
    ),
    Case("lamb_phi", "LAMB", _ARTICLE, _NO_BIAS_CORRECTION | {"phi": [0.3, 1.5]}),
    Case("lamb_phi_upper", "LAMB", _ARTICLE, _NO_BIAS_CORRECTION | {"phi": [0.0, 1.0]}),
    Case("lars", "LARS", "optax.lars", {"lr": 0.3}),
    Case(
        "lars_decay",
        "LARS",
        "optax.lars",
        {"lr": 0.5, "momentum": 0.5, "weight_decay": 0.1, "trust_coefficient": 0.02},
    ),
    Case(
        "lars_excluded",
        "LARS",
        "optax.lars",
        {"lr": 0.3, "weight_decay": 0.1, "exclude_from_weight_decay": ["bias"]},
    ),
    Case("lion", "Lion", "optax.lion", _LION),
    Case("lion_decay", "Lion", "optax.lion", _LION | {"weight_decay": 0.1}),
    Case(
        "lion_betas",
        "Lion",
        "optax.lion",
        _LION | {"beta1": 0.7, "beta2": 0.8, "weight_decay": 1.0},
    ),
    Case("lookahead_adam", "Lookahead", "optax.lookahead", {"inner": "Adam", "lr": 0.05}),
    Case(
        "lookahead_adam_k3",
        "Lookahead",
        "optax.lookahead",
        {"inner": "Adam", "k": 3, "alpha": 0.8} | _OTHER_ADAM,
    ),
    Case("lookahead_sgd", "Lookahead", "optax.lookahead", {"inner": "SGD", "lr": 0.2}),
    Case(
        "lookahead_sgd_k3",
        "Lookahead",
        "optax.lookahead",
        {"inner": "SGD", "k": 3, "alpha": 0.8, "lr": 0.2},
    ),
    Case("muon", "Muon", "optax.contrib.muon", {}),
    Case("muon_plain", "Muon", "optax.contrib.muon", {"nesterov": False, "beta": 0.9}),
    Case(
        "muon_decay",
        "Muon",
        "optax.contrib.muon",
        {"lr": 0.05, "weight_decay": 0.3, "adam_lr": 0.01, "adam_weight_decay": 0.1, "ns_steps": 3},
    ),
    Case(
        "muon_rms",
        "Muon",
        "optax.contrib.muon",
        {"adjust_lr": "match_rms_adamw", "weight_decay": 0.1},
    ),
    Case("radam", "RAdam", "torch.optim.RAdam", {"lr": 0.05}),
    Case("radam_betas", "RAdam", "torch.optim.RAdam", _OTHER_ADAM),
    Case("adopt", "ADOPT", "pytorch_optimizer.ADOPT", {"lr": 0.05}),
    Case("adopt_betas", "ADOPT", "pytorch_optimizer.ADOPT", _OTHER_ADAM | {"lr": 0.02}),
    Case("adafactor", "Adafactor", "optax.adafactor", {"lr": 0.05}),
    Case(
        "adafactor_clipped",
        "Adafactor",
        "optax.adafactor",
        {
            "lr": 0.1,
            "decay_rate": 0.5,
            "clipping_threshold": 0.5,
            "epsilon": 1e-3,
            "epsilon_theta": 0.5,
        },
    ),
    Case("shampoo", "Shampoo", "pytorch_optimizer.Shampoo", {"lr": 0.2}),
    Case("shampoo_epsilon", "Shampoo", "pytorch_optimizer.Shampoo", {"lr": 0.2, "epsilon": 0.1}),
    Case("soap", "SOAP", "pytorch_optimizer.SOAP", _NO_DECAY | {"epsilon": 1e-4}),
    Case(
        "soap_often",
        "SOAP",
        "pytorch_optimizer.SOAP",
        _NO_DECAY | {"beta1": 0.8, "beta2": 0.9, "epsilon": 0.01, "precondition_frequency": 1},
    ),
    Case("dog", "DoG", "optax.contrib.dog", {}),
    Case("dog_far", "DoG", "optax.contrib.dog", {"lr": 0.5, "r_epsilon": 0.01, "epsilon": 0.1}),
    Case("prodigy", "Prodigy", "pytorch_optimizer.Prodigy", {}),
    Case("prodigy_corrected", "Prodigy", "optax.contrib.prodigy", {"bias_correction": True}),
    Case(
        "prodigy_betas",
        "Prodigy",
        "optax.contrib.prodigy",
        _OTHER_ADAM | {"lr": 0.5, "d0": 1e-3, "bias_correction": True},
    ),
    Case("cautious_adam", "Cautious", "timm.optim.AdamWLegacy", {"inner": "Adam", "lr": 0.05}),
    Case("sam_sgd", "SAM", "pytorch_optimizer.SAM", {"inner": "SGD", "lr": 0.2, "rho": 0.5}),
    Case("sam_adam", "SAM", "pytorch_optimizer.SAM", {"inner": "Adam"} | _OTHER_ADAM),
    Case("lbfgs", "LBFGS", "torch.optim.LBFGS", {"lr": 0.5}),
    Case("lbfgs_short", "LBFGS", "torch.optim.LBFGS", {"lr": 0.5, "memory": 2}),
    Case("schedule_free_sgd", "ScheduleFreeSGD", "schedulefree.SGDScheduleFree", {"lr": 0.5}),
    Case(
        "schedule_free_sgd_warmup",
        "ScheduleFreeSGD",
        "schedulefree.SGDScheduleFree",
        {"lr": _WARMUP, "beta1": 0.6, "weight_decay": 0.1},
    ),
    Case(
        "schedule_free_adamw",
        "ScheduleFreeAdamW",
        "schedulefree.AdamWScheduleFree",
        {"lr": 0.05, "weight_decay": 0.3},
    ),
    Case(
        "schedule_free_adamw_betas",
        "ScheduleFreeAdamW",
        "optax.contrib.schedule_free_adamw",
        _OTHER_ADAM | {"weight_decay": 0.1},
    ),
    Case("polyak_sgd", "Averaged", "torch.optim.swa_utils.AveragedModel", {"inner": "SGD"}),
    Case("ema_adam", "Averaged", "optax.ema", _OTHER_ADAM | {"inner": "Adam", "beta": 0.8}),
    Case("cautious_lion", "Cautious", "timm.optim.Lion", {"inner": "Lion"} | _LION),
    Case("signum", "Signum", "optax.signum", {"lr": 0.02, "momentum": 0.8}),
    Case("adabelief", "AdaBelief", "optax.adabelief", _OTHER_ADAM),
    Case("yogi", "Yogi", "optax.scale_by_yogi", _OTHER_ADAM),
    Case(
        "ademamix", "AdEMAMix", "optax.contrib.ademamix", _OTHER_ADAM | {"beta3": 0.95, "alpha": 3}
    ),
    Case(
        "grokfast",
        "GrokFast",
        "pytorch_optimizer.gradfilter_ema",
        _OTHER_ADAM | {"rho": 0.9, "boost": 3.0},
    ),
    Case("rprop", "Rprop", "torch.optim.Rprop", {"lr": 0.02, "grow": 1.3, "shrink": 0.4}),
]


def learning_rate(h: HyperParameters, t: int) -> float:
    """The learning rate of step t = 1, 2, …"""
    if isinstance(h["lr"], dict):
        lr0 = h["lr"]["lr0"]
        return lr0 / t**0.5 if "steps" not in h["lr"] else lr0 * min(t / h["lr"]["steps"], 1)
    return h["lr"]


def decays(name: str, h: HyperParameters) -> bool:
    """Whether weight decay touches the leaf of this name."""
    patterns = h.get("exclude_from_weight_decay") or []
    return not any(re.search(pattern, name) for pattern in patterns)


# ---------------------------------------------------------------------------------------- torch


def torch_optimizer(
    rule: str, w: dict[str, torch.Tensor], h: HyperParameters
) -> torch.optim.Optimizer:
    """The optimizer of torch that has the formula of our rule."""
    leaves = list(w.values())
    match rule:
        case "SGD":
            return torch.optim.SGD(leaves)
        case "Averaged":
            return torch_optimizer(h["inner"], w, h)
        case "ScheduleFreeSGD":
            return schedulefree.SGDScheduleFree(
                leaves, momentum=h["beta1"], weight_decay=h["weight_decay"]
            )
        case "Momentum":
            return torch.optim.SGD(
                leaves, momentum=h["momentum"], dampening=0, nesterov=h["nesterov"]
            )
        case "AdaGrad":
            return torch.optim.Adagrad(leaves, eps=h["epsilon"])
        case "RMSProp":
            return torch.optim.RMSprop(leaves, alpha=h["rho"], eps=h["epsilon"])
        case "AdaDelta":
            return torch.optim.Adadelta(leaves, rho=h["rho"], eps=h["epsilon"])
        case "Shampoo":
            return pytorch_optimizer.Shampoo(leaves, matrix_eps=h["epsilon"])
        case "LBFGS":  # one step at a call, with no search along the line, and no end to it
            size = h["memory"]
            return torch.optim.LBFGS(
                leaves, max_iter=1, tolerance_grad=0, tolerance_change=0, history_size=size
            )
        case "Rprop":
            etas = h["shrink"], h["grow"]
            return torch.optim.Rprop(leaves, etas=etas, step_sizes=(0.0, np.inf))

    if rule == "SAM":
        base = {"SGD": torch.optim.SGD, "Adam": torch.optim.Adam}[h["inner"]]
        keys = {"betas": (h["beta1"], h["beta2"]), "eps": h["epsilon"]} if "beta1" in h else {}
        return pytorch_optimizer.SAM(leaves, base, rho=h["rho"], adaptive=False, **keys)

    betas = h["beta1"], h["beta2"]
    match rule:
        case "RAdam":
            return torch.optim.RAdam(leaves, betas=betas, eps=h["epsilon"])
        case "ADOPT":  # the authors count from the first step that moves
            return pytorch_optimizer.ADOPT(
                leaves, betas=betas, eps=h["epsilon"], clip_lambda=lambda step: (step - 1) ** 0.25
            )
        case "SOAP":
            return pytorch_optimizer.SOAP(
                leaves,
                betas=betas,
                eps=h["epsilon"],
                weight_decay=h["weight_decay"],
                precondition_frequency=h["precondition_frequency"],
            )
        case "ScheduleFreeAdamW":
            return schedulefree.AdamWScheduleFree(
                leaves, betas=betas, eps=h["epsilon"], weight_decay=h["weight_decay"]
            )
        case "Prodigy":
            return pytorch_optimizer.Prodigy(
                leaves, betas=betas, eps=h["epsilon"], d0=h["d0"], bias_correction=False
            )
        case "Cautious" if h["inner"] == "Adam":
            legacy = timm_optim("adamw").AdamWLegacy
            return legacy(leaves, betas=betas, eps=h["epsilon"], weight_decay=0, caution=True)
        case "Cautious" if h["inner"] == "Lion":
            return timm_optim("lion").Lion(leaves, betas=betas, caution=True)
        case "Adam" | "GrokFast":
            return torch.optim.Adam(leaves, betas=betas, eps=h["epsilon"])
        case "AMSGrad":
            return torch.optim.Adam(leaves, betas=betas, eps=h["epsilon"], amsgrad=True)
        case "NAdam":
            return torch.optim.NAdam(leaves, betas=betas, eps=h["epsilon"], momentum_decay=4e-3)
        case "AdamW":
            groups = [
                {"params": [leaf], "weight_decay": h["weight_decay"] if decays(name, h) else 0}
                for name, leaf in w.items()
            ]
            return torch.optim.AdamW(groups, betas=betas, eps=h["epsilon"])
    raise ValueError(f"torch has no {rule}")


def timm_optim(name: str) -> ModuleType:
    """A module of timm.optim, without the rest of timm, which wants torchvision."""
    for package in ("timm", "timm.optim"):
        if package not in sys.modules:
            spec = find_spec(package)
            sys.modules[package] = ModuleType(package)
            sys.modules[package].__path__ = spec.submodule_search_locations
    return importlib.import_module(f"timm.optim.{name}")


@contextmanager
def evaluated(optimizer: Any) -> Iterator[None]:
    """Have in the leaves what Schedule-Free hands out."""
    is_so = hasattr(optimizer, "eval")
    if is_so:
        optimizer.eval()
    yield
    if is_so:
        optimizer.train()


def run_torch(rule: str, h: HyperParameters, start: Arrays) -> list[Arrays]:
    """The weights at steps 0 … STEPS, by torch, or by somebody else's optimizer for it."""
    w = {name: torch.tensor(values, requires_grad=True) for name, values in start.items()}
    optimizer = torch_optimizer(rule, w, h)
    average = torch.optim.swa_utils.AveragedModel(torch.nn.ParameterDict(w))
    model, slow = SimpleNamespace(named_parameters=w.items), None
    path = [start]
    if hasattr(optimizer, "train"):
        optimizer.train()
    for t in range(1, STEPS + 1):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(h, t)
        optimizer.zero_grad()
        torch_loss(w).backward()
        if rule == "GrokFast":
            slow = grokfast.gradfilter_ema(model, slow, alpha=h["rho"], lamb=h["boost"])
        if rule == "LBFGS":
            optimizer.step(lambda: torch_loss(w))  # the gradient is there
        elif rule == "SAM":
            optimizer.first_step(zero_grad=True)
            torch_loss(w).backward()
            optimizer.second_step()
        else:
            optimizer.step()
        average.update_parameters(torch.nn.ParameterDict(w))
        out = dict(average.module) if rule == "Averaged" else w
        with evaluated(optimizer):
            path.append({name: leaf.detach().numpy().copy() for name, leaf in out.items()})
    return path


# ---------------------------------------------------------------------------------------- optax


def optax_optimizer(rule: str, h: HyperParameters) -> optax.GradientTransformation:
    """The optimizer of optax that has the formula of our rule."""
    lr = h["lr"]
    decay_mask = {name: decays(name, h) for name in START}
    match rule:
        case "SGD":
            return optax.sgd(lr)
        case "Adam":
            return optax.adam(lr, b1=h["beta1"], b2=h["beta2"], eps=h["epsilon"], eps_root=0)
        case "LAMB":
            return optax.lamb(
                lr,
                b1=h["beta1"],
                b2=h["beta2"],
                eps=h["epsilon"],
                eps_root=0,
                weight_decay=h["weight_decay"],
                mask=decay_mask,
            )
        case "LARS":
            return optax.lars(
                lr,
                weight_decay=h["weight_decay"],
                weight_decay_mask=decay_mask,
                trust_coefficient=h["trust_coefficient"],
                eps=0,
                momentum=h["momentum"],
                nesterov=False,
            )
        case "Lion":
            return optax.lion(lr, b1=h["beta1"], b2=h["beta2"], weight_decay=h["weight_decay"])
        case "Signum":
            return optax.signum(lr, beta=h["momentum"])
        case "AdaBelief":
            return optax.adabelief(
                lr, b1=h["beta1"], b2=h["beta2"], eps=h["epsilon"], eps_root=h["epsilon"]
            )
        case "Yogi":
            # `yogi` starts m and v at 1e-6, which is no argument of it
            return optax.chain(
                optax.scale_by_yogi(
                    h["beta1"], h["beta2"], h["epsilon"], initial_accumulator_value=0.0
                ),
                optax.scale(-lr),
            )
        case "AdEMAMix":
            return optax.contrib.ademamix(
                lr,
                b1=h["beta1"],
                b2=h["beta2"],
                b3=h["beta3"],
                alpha=h["alpha"],
                eps=h["epsilon"],
            )
        case "Lookahead":
            return optax.lookahead(
                optax_optimizer(h["inner"], h), sync_period=h["k"], slow_step_size=h["alpha"]
            )
        case "Adafactor":
            # its least rms of the weights is no argument, so `adafactor` is put together here
            return optax.chain(
                optax.scale_by_factored_rms(
                    decay_rate=h["decay_rate"], min_dim_size_to_factor=1, epsilon=h["epsilon"]
                ),
                optax.clip_by_block_rms(h["clipping_threshold"]),
                optax.scale(-lr),
                optax.scale_by_param_block_rms(h["epsilon_theta"]),
            )
        case "ScheduleFreeAdamW":
            return optax.contrib.schedule_free_adamw(
                lr, b1=h["beta1"], b2=h["beta2"], eps=h["epsilon"], weight_decay=h["weight_decay"]
            )
        case "DoG":
            return optax.contrib.dog(lr, ("heuristic", h["r_epsilon"]), h["epsilon"])
        case "Prodigy":
            return optax.contrib.prodigy(
                lr, betas=(h["beta1"], h["beta2"]), eps=h["epsilon"], estim_lr0=h["d0"]
            )
        case "Muon":
            return optax.contrib.muon(
                lr,
                ns_coeffs=tuple(h["ns_coefficients"]),
                ns_steps=h["ns_steps"],
                beta=h["beta"],
                eps=h["epsilon"],
                weight_decay=h["weight_decay"],
                nesterov=h["nesterov"],
                adaptive=False,
                preconditioning="frobenius",
                adam_b1=h["adam_beta1"],
                adam_b2=h["adam_beta2"],
                adam_eps_root=0,
                adam_weight_decay=h["adam_weight_decay"],
                adam_learning_rate=h["adam_lr"],
                consistent_rms={"original": None, "match_rms_adamw": 0.2}[h["adjust_lr"]],
            )
    raise ValueError(f"optax has no {rule}")


def run_optax(rule: str, h: HyperParameters) -> list[Arrays]:
    """The weights at steps 0 … STEPS, by optax; for Lookahead the slow ones as well."""
    optimizer = optax_optimizer(h["inner"] if rule == "Averaged" else rule, h)
    average = optax.ema(h["beta"], debias=True) if rule == "Averaged" else optax.identity()
    params: Any = {name: jnp.array(values) for name, values in START.items()}
    if rule == "Lookahead":
        params = optax.LookaheadParams.init_synced(params)

    @jax.jit
    def step(params: Any, state: Any) -> tuple[Any, Any]:
        gradient = jax.grad(jax_loss)(params.fast if rule == "Lookahead" else params)
        updates, state = optimizer.update(gradient, state, params)
        return optax.apply_updates(params, updates), state

    def leaves(params: Any) -> Arrays:
        if rule == "ScheduleFreeAdamW":
            params = optax.contrib.schedule_free_eval_params(state, params)
        if rule == "Lookahead":
            slow = {f"slow/{name}": leaf for name, leaf in params.slow.items()}
            params = params.fast | slow
        return {name: np.array(leaf) for name, leaf in params.items()}

    state, means = optimizer.init(params), average.init(params)
    path = [leaves(params)]
    for _ in range(STEPS):
        params, state = step(params, state)
        out, means = average.update(params, means)
        path.append(leaves(out))
    return path


# ---------------------------------------------------------------------------------- the article


class LAMBOptimizer:
    """The article's class, line for line: `np` for `tf`, an attribute for each `tf` variable.

    The one addition is `phi`, the "minmax" function that the article's comment describes and its
    code leaves out. The ratio stays 1 where the norm of the weights, before phi, is 0.
    """

    def __init__(
        self,
        learning_rate: float,
        weight_decay_rate: float = 0.01,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-6,
        exclude_from_weight_decay: list[str] | None = None,
        phi: list[float] | None = None,
    ) -> None:
        self.learning_rate = learning_rate
        self.weight_decay_rate = weight_decay_rate
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.exclude_from_weight_decay = exclude_from_weight_decay
        self.gamma_l, self.gamma_u = phi or (0.0, np.inf)
        self.m = {name: np.zeros_like(values) for name, values in START.items()}
        self.v = {name: np.zeros_like(values) for name, values in START.items()}

    def apply_gradients(self, grads: Arrays, params: Arrays) -> Arrays:
        """The weights after one step."""
        assignments = {}
        for param_name, param in params.items():
            grad, m, v = grads[param_name], self.m[param_name], self.v[param_name]

            # Standard Adam update.
            next_m = np.multiply(self.beta_1, m) + np.multiply(1.0 - self.beta_1, grad)
            next_v = np.multiply(self.beta_2, v) + np.multiply(1.0 - self.beta_2, np.square(grad))

            update = next_m / (np.sqrt(next_v) + self.epsilon)

            if self._do_use_weight_decay(param_name):
                update += self.weight_decay_rate * param

            r1 = np.sqrt(np.sum(np.square(param)))
            r2 = np.sqrt(np.sum(np.square(update)))

            r = self._phi(r1) / r2 if r1 > 0.0 and r2 > 0.0 else 1.0

            eta = self.learning_rate * r

            update_with_lr = eta * update

            next_param = param - update_with_lr

            assignments[param_name] = next_param
            self.m[param_name], self.v[param_name] = next_m, next_v
        return assignments

    def _phi(self, z: float) -> float:
        return min(max(z, self.gamma_l), self.gamma_u)

    def _do_use_weight_decay(self, param_name: str) -> bool:
        if not self.weight_decay_rate:
            return False
        if self.exclude_from_weight_decay:
            for r in self.exclude_from_weight_decay:
                if re.search(r, param_name) is not None:
                    return False
        return True


def run_article(rule: str, h: HyperParameters) -> list[Arrays]:
    """The weights at steps 0 … STEPS, by the article's code; its gradients come from torch."""
    if rule != "LAMB" or h["bias_correction"]:
        raise ValueError("the article's reference code is LAMB without bias correction")
    optimizer = LAMBOptimizer(
        h["lr"],
        weight_decay_rate=h["weight_decay"],
        beta_1=h["beta1"],
        beta_2=h["beta2"],
        epsilon=h["epsilon"],
        exclude_from_weight_decay=h["exclude_from_weight_decay"],
        phi=h["phi"],
    )
    path = [START]
    for _ in range(STEPS):
        w = {name: torch.tensor(values, requires_grad=True) for name, values in path[-1].items()}
        torch_loss(w).backward()
        grads = {name: leaf.grad.numpy() for name, leaf in w.items()}
        path.append(optimizer.apply_gradients(grads, path[-1]))
    return path


# ------------------------------------------------------------------------------------ the files


def run(case: Case) -> tuple[list[Arrays], str]:
    """The path of a case, and the version of the library that made it."""
    arguments = case.rule, case.all_hyper_parameters()
    package = case.reference.split(".")[0]
    if package in ("torch", "pytorch_optimizer", "schedulefree", "timm"):
        return run_torch(*arguments, case.start), version(package).split("+")[0]
    if package == "optax":
        return run_optax(*arguments), optax.__version__
    return run_article(*arguments), f"numpy {np.__version__}"


def write(case: Case) -> Path:
    """Run one case and write its file."""
    path, version = run(case)
    record = {
        "name": case.name,
        "rule": case.rule,
        "hyper_parameters": case.hyper_parameters,
        "all_hyper_parameters": case.all_hyper_parameters(),
        "reference": case.reference,
        "version": version,
        "steps": STEPS,
        "leaves": list(case.start),
    }
    arrays = {name: np.stack([weights[name] for weights in path]) for name in path[0]}
    file = FOLDER / f"{case.name}.npz"
    np.savez_compressed(file, case=np.array(json.dumps(record)), x=X, y=Y, **arrays)
    return file


def main() -> None:
    """Write every file anew."""
    files = [write(case) for case in CASES]
    size = sum(file.stat().st_size for file in files)
    print(f"{len(files)} files, {size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
