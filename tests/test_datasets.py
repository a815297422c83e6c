"""The data: always the same, nothing held out leaks into training, batches that cover it."""

from hashlib import sha256

import numpy as np
import pytest

from optimizers import SGD
from optimizers.datasets import (
    Dataset,
    augmented_digits,
    digits,
    minibatches,
    quadratic_deep,
    quadratic_deep_hessian,
    symbols,
    two_moons,
)
from optimizers.models import mlp, softmax_regression

MAKERS = {
    "augmented digits": lambda seed: augmented_digits(100, seed),
    "two moons": lambda seed: two_moons(100, seed=seed),
    "symbols": lambda seed: symbols(100, 32, seed),
}


def arrays(data):
    return *data.train, *data.held_out


def digest(*parts):
    """A checksum of numbers, rounded to eight digits."""
    text = b"".join(np.round(np.asarray(part, float), 8).tobytes() for part in parts)
    return sha256(text).hexdigest()[:16]


# ----------------------------------------------------------------------------------------- digits


def test_digits_are_split_once_and_for_all():
    (x, y), (held_x, held_y) = digits().train, digits().held_out
    assert x.shape == (1437, 64)
    assert held_x.shape == (360, 64)
    assert x.dtype == float
    assert y.dtype.kind == "i"
    assert x.min() == 0
    assert x.max() == 1
    assert digest(x, y) == "47ec4a358eee7c93"
    assert digest(held_x, held_y) == "35d6965a327f2fab"


def test_digits_hold_out_a_fifth_of_each_digit():
    whole = np.bincount(digits().train[1]) + np.bincount(digits().held_out[1])
    assert np.abs(np.bincount(digits().held_out[1]) - whole / 5).max() < 1


def test_no_image_is_in_both_parts():
    parts = digits().train, digits().held_out
    train, held_out = ({row.tobytes() for row in x} for x, _ in parts)
    assert not train & held_out


def test_augmented_digits_are_made_of_the_right_images(monkeypatch):
    """Without noise, each image moved back is one of those it may be made of."""
    monkeypatch.setattr("optimizers.datasets.NOISE", 0.0)
    data = augmented_digits(3000, seed=1)
    assert [len(part[0]) for part in (data.train, data.held_out)] == [3000, 1800]
    for made, original in ((data.train, digits().train), (data.held_out, digits().held_out)):
        known = {}
        for image, label in zip(*original, strict=True):
            padded = np.pad(image.reshape(8, 8), 1)
            for down in range(3):
                for right in range(3):
                    shifted = padded[down : down + 8, right : right + 8]
                    known.setdefault(shifted.tobytes(), set()).add(label)
        assert all(y in known[x.tobytes()] for x, y in zip(*made, strict=True))
        # every image is used as often as the others
        counts, whole = np.bincount(made[1]), np.bincount(original[1])
        np.testing.assert_allclose(counts / len(made[1]), whole / len(original[1]), atol=0.01)


def test_augmented_digits_have_the_noise_and_the_shifts_they_say(monkeypatch):
    noisy = augmented_digits(20_000).train[0]
    monkeypatch.setattr("optimizers.datasets.NOISE", 0.0)
    plain = augmented_digits(20_000).train[0]
    assert (noisy - plain).std() == pytest.approx(0.1, rel=0.01)
    padded = np.pad(digits().train[0].mean(axis=0).reshape(8, 8), 1)
    shifts = [padded[down : down + 8, right : right + 8] for down in range(3) for right in range(3)]
    np.testing.assert_allclose(plain.mean(axis=0).reshape(8, 8), np.mean(shifts, axis=0), atol=0.01)


# ------------------------------------------------------------------------------------- the others


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_same_seed_same_data(make):
    for one, same in zip(arrays(make(3)), arrays(make(3)), strict=True):
        np.testing.assert_array_equal(one, same)
    for one, other in zip(arrays(make(3)), arrays(make(4)), strict=True):
        assert one.dtype.kind == "i" or not np.array_equal(one, other)


def test_two_moons_lie_around_two_half_circles():
    x, y = two_moons(n=1000, noise=0).train
    centres = np.array([[0, 0], [1, 0.5]])[y]
    np.testing.assert_allclose(np.linalg.norm(x - centres, axis=1), 1)
    assert ((x - centres)[y == 0, 1] >= 0).all()
    assert ((x - centres)[y == 1, 1] <= 0).all()
    noisy = two_moons(n=5000, noise=0.1).train[0]
    radius = np.linalg.norm(noisy - np.array([[0, 0], [1, 0.5]])[np.arange(5000) % 2], axis=1)
    assert radius.std() == pytest.approx(0.1, rel=0.05)


def test_quadratic_deep_is_deepobs_s():
    (train,), (held_out,) = quadratic_deep().train, quadratic_deep().held_out
    assert train.shape == held_out.shape == (1000, 100)
    assert train[0, :2].tolist() == pytest.approx([0.298028491807, -0.082958580703], rel=1e-9)
    assert train.std() == pytest.approx(0.6, rel=0.01)
    hessian = quadratic_deep_hessian()
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-14)
    # numbers that DeepOBS's own lines gave
    assert np.trace(hessian) == pytest.approx(477.612279595, rel=1e-10)
    assert hessian[0, :3].tolist() == pytest.approx(
        [6.221429443253, 1.127019898223, -0.547281950386], rel=1e-10
    )


def test_symbols_are_as_told():
    tokens, targets = symbols(4000, 64).train
    assert tokens.shape == targets.shape == (4000, 64)
    hidden = targets >= 0
    assert ((tokens == 0) == hidden).all()
    letters = np.where(hidden, targets, tokens)
    assert letters.min() == 1
    assert letters.max() == 15
    partner = dict(letters[:, :2].tolist())
    assert sorted(partner.values()) == list(range(1, 16))
    assert all(partner[a] == b for a, b in letters.reshape(-1, 2).tolist())
    assert np.mean(letters[:, 24:] == letters[:, :-24]) == pytest.approx(0.9 + 0.1 / 15, abs=0.01)
    assert np.mean(letters[:, 16:] == letters[:, :-16]) == pytest.approx(1 / 15, abs=0.01)
    assert np.bincount(letters[:, 0])[1:].min() > 4000 / 15 * 0.7
    whole = hidden[:, ::2] & hidden[:, 1::2]
    assert whole.mean() == pytest.approx(1 / 8, abs=0.01)
    assert hidden.mean() == pytest.approx(1 / 8 + 3 / 16, abs=0.01)


def test_all_lengths_of_symbols_are_one_language():
    def pairs(data):
        tokens, targets = data
        letters = np.where(targets >= 0, targets, tokens)
        even = letters[:, : letters.shape[1] // 2 * 2]
        return set(map(tuple, even.reshape(-1, 2).tolist()))

    short, long = symbols(500, 7), symbols(500, 64)
    assert pairs(short.train) == pairs(long.train) == pairs(long.held_out)
    assert pairs(long.train) != pairs(symbols(500, 64, seed=1).train)
    assert short.train[0].shape == (500, 7)


def test_data_cannot_be_written_to():
    for data in (digits(), two_moons(10), symbols(10, 8), quadratic_deep()):
        for array in arrays(data):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0
    mine = np.zeros((3, 2))
    Dataset("mine", (mine,), (mine,))
    mine[0] = 1  # the caller's array stays as it was


# ------------------------------------------------------------------------------------ minibatches


def test_an_epoch_covers_every_example_once_and_the_next_in_another_order():
    x = np.arange(20)
    batches = minibatches((x, 2 * x), 5, seed=3)
    orders = []
    for epoch in range(3):
        assert batches.epoch == epoch
        drawn = [next(batches) for _ in range(4)]
        orders.append(np.concatenate([b[0] for b in drawn]))
        assert sorted(orders[-1]) == list(range(20))
        assert all((2 * b[0] == b[1]).all() for b in drawn)
        wanted = np.random.default_rng((3, epoch)).permutation(20)
        np.testing.assert_array_equal(orders[-1], wanted)
    assert not np.array_equal(orders[0], orders[1])


def test_the_remainder_is_left_out():
    batches = minibatches((np.arange(11),), 4)
    assert batches.steps_per_epoch == 2
    assert batches.steps(epochs=3) == 6
    drawn = [next(batches)[0] for _ in range(6)]
    assert all(len(b) == 4 for b in drawn)
    assert all(len({*drawn[2 * e], *drawn[2 * e + 1]}) == 8 for e in range(3))


def test_at_equals_iteration_in_any_order():
    batches, same = (minibatches(digits(), 100, seed=1) for _ in range(2))
    drawn = [next(batches) for _ in range(30)]
    for t in [30, 1, 15, 14, 29, 2]:
        for a, b in zip(same.at(t), drawn[t - 1], strict=True):
            np.testing.assert_array_equal(a, b)
    assert same.epoch == 0  # looking does not move it


def test_without_reshuffling_all_epochs_are_alike():
    batches = minibatches((np.arange(9),), 3, reshuffle=False)
    for t in (1, 2, 3):
        np.testing.assert_array_equal(batches.at(t)[0], batches.at(t + 3)[0])
    np.testing.assert_array_equal(batches.at(1)[0], minibatches((np.arange(9),), 3).at(1)[0])


def test_minimize_called_again_goes_on():
    model = softmax_regression(64, 10)
    one, two = (SGD(model.loss, model.init(0), lr=0.1) for _ in range(2))
    whole, parts = (minibatches(digits(), 300) for _ in range(2))
    one.minimize(9, batches=whole)
    for steps in (2, 3, 4):
        two.minimize(steps, batches=parts)
    np.testing.assert_array_equal(one._theta, two._theta)
    assert parts.epoch == whole.epoch == 2


def test_a_dataset_gives_its_training_part():
    assert len(minibatches(digits(), 1437).at(1)[0]) == 1437
    assert repr(minibatches(digits(), 32)) == "<batches of 32, 44 an epoch, seed 0>"


# ----------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: minibatches(digits(), 0), ValueError, "batch_size must be a whole number >= 1"),
        (lambda: minibatches(digits(), 3.5), TypeError, "batch_size must be a whole number"),
        (lambda: minibatches(digits(), 1438), ValueError, "at most .* 1437; got 1438"),
        (lambda: minibatches(digits(), 8, seed=-1), ValueError, "seed must be"),
        (lambda: minibatches(digits(), 8, reshuffle=1), TypeError, "reshuffle must be True"),
        (lambda: minibatches(np.eye(3), 1), TypeError, r"a tuple of arrays, such as \(x, y\)"),
        (lambda: minibatches((), 1), TypeError, "a tuple of arrays"),
        (lambda: minibatches((np.eye(3), [1]), 1), ValueError, r"differ in length, \[3, 1\]"),
        (lambda: minibatches((np.eye(0),), 1), ValueError, "data is empty"),
        (lambda: minibatches((np.array(["a"]),), 1), TypeError, "arrays of numbers"),
        (lambda: minibatches((np.float64(3),), 1), TypeError, "one row per example"),
        (lambda: minibatches(digits(), 8).at(0), ValueError, "t must be a whole number >= 1"),
        (lambda: minibatches(digits(), 8).steps(0.5), TypeError, "epochs must be a whole"),
        (lambda: Dataset("d", (np.eye(3),), np.eye(3)), TypeError, "held_out must be a tuple"),
        (lambda: Dataset("d", (np.eye(3),), (np.eye(3),) * 2), ValueError, "the same shapes"),
        (
            lambda: Dataset("d", (np.eye(3),), (np.eye(2),)),
            ValueError,
            r"\[\(3,\)\] and \[\(2,\)\]",
        ),
        (lambda: augmented_digits(0), ValueError, "n must be a whole number >= 1"),
        (lambda: augmented_digits(2.0), TypeError, "n must be a whole number >= 1"),
        (lambda: two_moons(noise=-1), ValueError, "noise must be a finite number >= 0"),
        (lambda: symbols(10, 0), ValueError, "length must be a whole number >= 1"),
        (lambda: symbols(10, 16, seed=0.5), TypeError, "seed must be a whole number"),
    ],
)
def test_wrong_arguments(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_labels_out_of_range_are_found():
    model = mlp([64, 9])
    with pytest.raises(ValueError, match="from 0 to 8, got 9"):
        SGD(model.loss, model.init(0)).minimize(50, batches=minibatches(digits(), 32))
