"""Every rule gives the numbers that somebody else's code gave (references/README.md)."""

import json
from functools import partial
from pathlib import Path

import autograd.numpy as np
import pytest

import optimizers
from optimizers import LBFGS, RULES, Optimizer
from optimizers.classroom import one_line
from optimizers.hyper_parameters import defaults
from optimizers.schedules import warmup

FILES = sorted((Path(__file__).parent / "references").glob("*.npz"))
TOLERANCE = 1e-9

# the rules that have no reference file: Newton's is the quadratic (test_rules.py)
WITHOUT_FILE = {"Newton"}


class LBFGSWithoutSearch(LBFGS):
    """Its directions, at the learning rate: the only steps of torch's that are told in full."""

    update = Optimizer.update


def nested(leaves):
    """{"a/b": array} as {"a": {"b": array}}."""
    root = {}
    for path, value in leaves.items():
        *branches, last = path.split("/")
        node = root
        for branch in branches:
            node = node.setdefault(branch, {})
        node[last] = value
    return root


def rule_named(name):
    """A rule of the library, or one that an exercise asks for."""
    if name == "LBFGS":
        return LBFGSWithoutSearch
    return getattr(optimizers, name, None) or getattr(one_line, name)


def hyper_parameters(case):
    values = dict(case["hyper_parameters"])
    if isinstance(values.get("lr"), dict):
        lr = values["lr"]
        values["lr"] = (
            (lambda t: lr["lr0"] / t**0.5)
            if lr["schedule"] == "lr0/sqrt(t)"
            else warmup(lr["steps"], lambda t: lr["lr0"])
        )
    if "inner" in values:
        inner = RULES[values["inner"]]
        known = defaults(getattr(optimizers, case["rule"]))
        theirs = {k: values.pop(k) for k in list(values) if k not in known}
        values["inner"] = partial(inner, **theirs)
    return values


def read(file):
    with np.load(file) as data:
        case = json.loads(data["case"].item())
        leaves = {name: data[name] for name in case["leaves"]}
        slow = {name: data[f"slow/{name}"] for name in leaves if f"slow/{name}" in data.files}
        return case, leaves, slow, data["x"], data["y"]


def difference(ours, theirs):
    return np.max(np.abs(ours - theirs)) / np.max(np.abs(theirs))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_rule_gives_the_reference_s_numbers(file, record_property):
    case, theirs, slow, x, y = read(file)

    def loss(w):
        hidden = np.tanh(x @ w["net"]["layer1"]["kernel"] + w["net"]["layer1"]["bias"])
        error = hidden @ w["net"]["layer2"]["kernel"] + w["net"]["layer2"]["bias"] - y
        return np.mean(error**2) + 0 * np.sum(w["unused"])

    start = nested({name: path[0] for name, path in theirs.items()})
    optimizer = rule_named(case["rule"])(loss, start, **hyper_parameters(case))
    path = optimizer.minimize(case["steps"], watch=["slow"] if slow else [])

    places = dict(zip(optimizer.layout.names, optimizer.layout.slices, strict=True))
    largest = max(
        difference(flat[:, places[name]].reshape(leaf.shape), leaf)
        for flat, leaves in ((path.theta, theirs), (path.watched.get("slow"), slow))
        for name, leaf in leaves.items()
    )
    record_property("relative difference", (case["name"], case["reference"], float(largest)))
    assert largest < TOLERANCE


def test_every_rule_has_a_reference():
    covered = {read(file)[0]["rule"] for file in FILES}
    asked_for = {name for name, rule in vars(one_line).items() if is_own(rule, one_line)}
    assert set(RULES) - WITHOUT_FILE | asked_for <= covered
    assert len(asked_for) == 6


def is_own(rule, module):
    return isinstance(rule, type) and rule.__module__ == module.__name__
