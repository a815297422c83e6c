"""Updated in blocks, the weights and the inner state are the same to the last bit."""

import numpy
import pytest

from optimizers import RULES, SGD, Adam, Lookahead
from optimizers.blocks import BLOCK, WORTHWHILE

ELEMENTWISE = {name: rule for name, rule in RULES.items() if rule.elementwise}


def no_loss(x):
    """The tests hand the gradient in."""


def three_updates(rule, size, monkeypatch, *, blocks, runs=()):
    monkeypatch.setattr("optimizers.optimizer.WORTHWHILE", WORTHWHILE if blocks else 10**12)
    rng = numpy.random.default_rng(0)
    no_loss.batched = bool(runs)
    optimizer = rule(no_loss, rng.normal(size=(*runs, size)))
    for _ in range(3):
        optimizer._step(rng.normal(size=(*runs, size)))
    return optimizer


@pytest.mark.parametrize("rule", ELEMENTWISE.values(), ids=ELEMENTWISE)
@pytest.mark.parametrize("size", [WORTHWHILE, WORTHWHILE + BLOCK // 2 + 1])
def test_blocks_give_the_same_weights_and_state_bit_for_bit(rule, size, monkeypatch):
    whole = three_updates(rule, size, monkeypatch, blocks=False)
    parts = three_updates(rule, size, monkeypatch, blocks=True)
    assert vars(parts).keys() - {"_spare"} == vars(whole).keys()
    for name, value in vars(whole).items():
        if isinstance(value, (numpy.ndarray, float, int)):
            assert numpy.array_equal(getattr(parts, name), value), name


def test_the_formula_sees_no_more_than_a_block():
    seen = []

    class Seen(Adam):
        elementwise = True

        def direction(self, theta, g):
            seen.append(theta.size)
            return super().direction(theta, g)

    optimizer = Seen(no_loss, numpy.ones(WORTHWHILE + 1))
    for _ in range(3):
        optimizer._step(numpy.ones(WORTHWHILE + 1))
    assert max(seen) == BLOCK
    assert sum(seen) == 3 * (WORTHWHILE + 1)


def test_runs_keep_their_place_in_front_of_the_blocks(monkeypatch):
    whole = three_updates(Adam, WORTHWHILE, monkeypatch, blocks=False, runs=(2,))
    parts = three_updates(Adam, WORTHWHILE, monkeypatch, blocks=True, runs=(2,))
    assert numpy.array_equal(whole._theta, parts._theta)


def test_lookahead_updates_its_inner_rule_in_blocks(monkeypatch):
    whole = three_updates(Lookahead, WORTHWHILE, monkeypatch, blocks=False)
    parts = three_updates(Lookahead, WORTHWHILE, monkeypatch, blocks=True)
    assert numpy.array_equal(whole._theta, parts._theta)
    assert numpy.array_equal(whole.m_hat, parts.m_hat)


def test_what_somebody_holds_is_not_written_over(monkeypatch):
    adam = three_updates(Adam, WORTHWHILE, monkeypatch, blocks=True)
    held, part, rows = adam.m, adam.v[:5], adam._theta
    kept = held.copy(), part.copy(), rows.copy()
    for _ in range(4):
        adam._step(numpy.ones(WORTHWHILE))
    assert all(numpy.array_equal(a, b) for a, b in zip((held, part, rows), kept, strict=True))


class Kept(SGD):
    """State in a dict, and of another type: what a student may write."""

    elementwise = True

    def direction(self, theta, g):
        self.s = {"m": 0.9 * self.s["m"] + g} if self.t > 1 else {"m": g}
        self.rising = g > 0
        self.short = (self.s["m"]).astype("float32")
        return self.short.astype(float)


def test_state_in_containers_and_of_other_types_is_kept_as_it_is(monkeypatch):
    whole = three_updates(Kept, WORTHWHILE, monkeypatch, blocks=False)
    parts = three_updates(Kept, WORTHWHILE, monkeypatch, blocks=True)
    assert numpy.array_equal(whole._theta, parts._theta)
    assert parts.rising.dtype == bool
    assert parts.short.dtype == numpy.float32


def test_blocks_overflow_without_a_warning():
    adam = Adam(lambda x: numpy.sum(x**4), numpy.full(2 * WORTHWHILE, 1e60), lr=1.0)
    for _ in range(3):
        adam.minimize_raw()
