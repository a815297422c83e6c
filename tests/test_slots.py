"""What a rule says of itself in its four slots, held to what it does."""

import autograd.numpy as np
import numpy
import pytest

from optimizers import (
    LARS,
    LBFGS,
    RULES,
    SAM,
    Adam,
    LineSearch,
    Newton,
    NonlinearCG,
    Optimizer,
    Prodigy,
)
from optimizers.rules.wrapper import Wrapper
from optimizers.slots import QUESTIONS

SAID = {**RULES, "LBFGS": LBFGS, "NonlinearCG": NonlinearCG, "SAM": SAM}
PLAIN = {name: rule for name, rule in SAID.items() if not issubclass(rule, Wrapper)}
EVERY_RULE = pytest.mark.parametrize("rule", SAID.values(), ids=SAID)
PLAIN_RULE = pytest.mark.parametrize("rule", PLAIN.values(), ids=PLAIN)
MATRIX, VECTOR = (3, 2), (3,)  # the layers of the weights
A = numpy.random.default_rng(5).normal(size=(9, 9))
CURVED = A @ A.T + numpy.eye(9)  # every weight bends the slope of all others


def flat(w):
    return np.concatenate([np.reshape(w["matrix"], -1), w["vector"]])


def straight(w, slopes):
    return np.dot(flat(w), slopes)


def bowl(w, slopes):
    return straight(w, slopes) + 0.5 * flat(w) @ CURVED @ flat(w)


def weights(of):
    return {"matrix": numpy.full(MATRIX, of), "vector": numpy.full(VECTOR, of)}


def made(rule, of=1.0, scale=1.0, **hyper_parameters):
    """An optimizer whose gradients are the batches; Newton and searches also need a curvature."""
    loss = bowl if issubclass(rule, (Newton, LineSearch)) else straight
    return rule(lambda w, slopes: scale * loss(w, slopes), weights(of), **hyper_parameters)


def slopes(steps, seed=0):
    """Gradients by chance, none of them small."""
    rng = numpy.random.default_rng(seed)
    return rng.uniform(0.5, 2.0, (steps, 9)) * rng.choice([-1, 1], (steps, 9))


def memory(optimizer):
    """All that survives a step, of an inner rule as well."""
    own = {name: getattr(optimizer, name) for name in optimizer.state if name != "evaluations"}
    return own | (memory(optimizer.wrapped) if isinstance(optimizer, Wrapper) else {})


@EVERY_RULE
def test_a_rule_has_words_for_all_four_slots(rule):
    assert {*rule.slots} == {*QUESTIONS}
    assert max(map(len, rule.slots.values())) <= 36, "a few words, that fit a cell"


@PLAIN_RULE
def test_a_rule_that_remembers_nothing_steps_alike_whatever_came_before(rule):
    old, new = made(rule), made(rule)
    old.minimize(20, batches=-3 * numpy.ones((20, 9)))
    new.theta = old.theta
    last = numpy.ones((1, 9))
    same = numpy.array_equal(
        old.minimize(1, batches=last).theta[-1], new.minimize(1, batches=last).theta[-1]
    )
    assert same == (rule.slots["memory"] == "nothing")
    assert bool(rule.state) == (rule.slots["memory"] != "nothing")


@PLAIN_RULE
def test_a_sum_grows_with_every_step_and_a_mean_does_not(rule):
    said = rule.slots["memory"]
    if said == "nothing" or "distance" in said or "θ" in said:
        pytest.skip("nothing, or weights, which go on and on")
    optimizer, largest = made(rule), []
    for _ in range(2):
        optimizer.minimize(100, batches=numpy.ones((100, 9)))
        largest.append(max(numpy.max(kept, initial=0) for kept in memory(optimizer).values()))
    grows = largest[1] > max(1.9 * largest[0], 100)  # at least 1 a step
    assert grows == rule.slots["memory"].startswith("sum")


@PLAIN_RULE
def test_a_letter_of_the_state_means_the_same_in_every_rule(rule):
    """m is a mean of gradients and v one of squares; p and G are sums, and go beyond."""
    if rule is Prodigy:
        pytest.skip("its means are of g times the distance, which grows")
    keys = {"trust_coefficient": 1.0} if rule is LARS else {}
    optimizer = made(rule, **keys)
    optimizer.minimize(200, batches=numpy.ones((200, 9)))
    for name, kept in memory(optimizer).items():
        assert name not in ("u", "h"), "LAMB's step, and a curvature"
        if name in ("m", "p"):
            assert (numpy.linalg.norm(kept) > 1.001 * numpy.sqrt(9)) == (name == "p")
        if name in ("v", "G"):
            assert (numpy.sum(kept) > 1.001 * 9) == (name == "G")


@PLAIN_RULE
def test_weights_move_on_when_the_gradient_is_gone_only_where_the_direction_is_a_momentum(rule):
    optimizer = made(rule, lr=1e-4)
    last = optimizer.minimize(20, batches=abs(slopes(20))).theta[-2:]
    bent = CURVED @ optimizer._theta if issubclass(rule, (Newton, LineSearch)) else 0.0
    after = optimizer.minimize(1, batches=[numpy.zeros(9) - bent]).theta[-1]
    moves_on = abs(after - last[1]) > 1e-6 * abs(last[1] - last[0])
    assert moves_on.all() == rule.slots["direction"].startswith("momentum")
    assert moves_on.all() or not moves_on.any()


@pytest.mark.parametrize("weight", [0, 7], ids=["in the matrix", "in the vector"])
@PLAIN_RULE
def test_a_gradient_reaches_as_far_as_the_unit_of_the_magnitude(rule, weight):
    keys = {"weight_decay": 0.0} if "weight_decay" in rule.__hyper_parameters__ else {}
    given = abs(slopes(30))
    other = given.copy()
    other[2:, weight] *= -3.0
    paths = [made(rule, **keys).minimize(30, batches=b).theta[-1] for b in (given, other)]
    reached = paths[0] != paths[1]
    layer = numpy.arange(9) < 6 if weight < 6 else numpy.arange(9) >= 6
    alone = numpy.arange(9) == weight
    unit = rule.slots["magnitude"].split(":")[0]
    everybody = numpy.ones(9, bool)
    expected = {"per layer": layer, "overall": everybody, "per weight": alone}
    expected["per matrix"] = layer if weight < 6 else alone
    assert reached.tolist() == expected.get(unit, alone).tolist()


@PLAIN_RULE
def test_the_unit_of_the_loss_makes_a_difference_only_in_proportion_to_g(rule):
    given = slopes(8)
    one, thousand = (
        numpy.diff(made(rule, scale=s).minimize(8, batches=given).theta, axis=0)
        for s in (1.0, 1000.0)
    )
    alike = numpy.allclose(one, thousand, rtol=1e-4, atol=1e-12)
    assert alike == (not rule.slots["magnitude"].startswith("in proportion to g"))
    if rule.slots["magnitude"] == "in proportion to g":
        numpy.testing.assert_allclose(thousand, 1000 * one)


@PLAIN_RULE
def test_steps_are_ten_times_as_long_of_weights_ten_times_as_large_only_in_the_unit_of_theta(rule):
    keys = {"weight_decay": 0.0} if "weight_decay" in rule.__hyper_parameters__ else {}
    given = slopes(2)
    one, ten = (
        numpy.diff(made(rule, of=of, **keys).minimize(2, batches=given).theta, axis=0)
        for of in (1.0, 10.0)
    )
    longer = (numpy.abs(ten) > 9 * numpy.abs(one)) & (one != 0)
    assert longer.all() == ("‖θ‖" in rule.slots["magnitude"])


@EVERY_RULE
def test_without_a_gradient_weights_stay_unless_they_decay(rule):
    keys = {}
    if "weight_decay" in rule.__hyper_parameters__:
        keys = {"weight_decay": 0.1} | (
            {"adam_weight_decay": 0.1} if rule.__name__ == "Muon" else {}
        )
    optimizer = rule(lambda w: 0.0 * np.sum(flat(w)), weights(2.0), lr=0.1, **keys)
    path = optimizer.minimize(5).theta
    decays = rule.slots["decay"].startswith("λθ")
    assert (path[-1] < 2).all() if decays else (path == 2).all()
    assert decays == bool(keys)
    optimizer.theta = weights(0.0)
    goes_on = optimizer.minimize(1).theta[-1] != 0
    assert goes_on.any() == (rule.slots["decay"] == "λθ, through the gradient")


@pytest.mark.parametrize("rule", [rule for rule in SAID.values() if issubclass(rule, Wrapper)])
def test_what_a_wrapper_leaves_to_the_inner_rule_is_the_inner_rule_s(rule):
    inner = memory(made(Adam))
    added = set(memory(made(rule))) - set(inner)
    assert bool(added) == (rule.slots["memory"] != "the inner rule's")
    given = slopes(40)
    inner, outer = (made(r, lr=0.01).minimize(40, batches=given).theta for r in (Adam, rule))
    changes = any(rule.slots[slot] != "the inner rule's" for slot in ("direction", "magnitude"))
    on_slopes = rule is not SAM  # there the gradient is the same uphill
    assert numpy.array_equal(inner, outer) == (not (changes and on_slopes))


# ---------------------------------------------------------------------------- rules of one's own


def test_a_rule_of_ones_own_needs_no_slots_and_inherits_none_with_a_new_formula():
    class Mine(Adam):
        def direction(self, theta, g):
            return g

    class Quick(Adam):
        lr = 0.1

    assert Mine.slots == {}
    assert Quick.slots == Adam.slots
    assert "slots" not in Mine.__hyper_parameters__
    assert Mine(lambda x: np.sum(x**2), [1.0], lr=0.5).minimize(1).theta[-1] == 0


@pytest.mark.parametrize(
    ("slots", "error", "message"),
    [
        ({"memroy": "m"}, TypeError, "has no slot 'memroy'; .* Did you mean 'memory'"),
        ({"decay": 0}, TypeError, r"slots\['decay'\] must be a few words, got 0"),
        ({"decay": " "}, TypeError, r"slots\['decay'\] must be a few words"),
        (("memory",), TypeError, "slots must be a dict such as"),
    ],
)
def test_slots_that_are_none_are_refused(slots, error, message):
    with pytest.raises(error, match=message):
        type("Mine", (Optimizer,), {"slots": slots, "direction": lambda self, theta, g: g})
