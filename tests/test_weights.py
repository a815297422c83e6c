"""Nested weights go into one flat array and come back as they were."""

import autograd.numpy as np
import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.weights import flatten

arrays = st.builds(
    lambda shape, seed: numpy.random.default_rng(seed).normal(size=shape),
    st.lists(st.integers(1, 3), max_size=3).map(tuple),
    st.integers(0, 99),
)
nestings = st.recursive(
    arrays,
    lambda children: (
        st.dictionaries(st.text("abc", min_size=1, max_size=3), children, min_size=1, max_size=3)
        | st.lists(children, min_size=1, max_size=3)
        | st.lists(children, min_size=1, max_size=3).map(tuple)
    ),
    max_leaves=6,
)


def same(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return numpy.shape(a) == numpy.shape(b) and numpy.array_equal(a, b)


@given(nestings)
def test_flatten_then_unflatten_gives_the_weights_back(weights):
    flat, layout = flatten(weights)
    assert flat.shape == (layout.size,)
    assert same(layout.unflatten(flat), weights)


@given(nestings)
def test_unflatten_keeps_the_runs_in_front(weights):
    flat, layout = flatten(weights)
    runs = layout.unflatten(numpy.stack([flat, 2 * flat]))
    first = layout.unflatten(flat)

    def check(many, one):
        if isinstance(many, dict):
            return all(check(many[k], one[k]) for k in one)
        if isinstance(many, (list, tuple)):
            return all(map(check, many, one))
        return numpy.array_equal(many, numpy.stack([one, 2 * one]))

    assert check(runs, first)


def test_names_are_the_keys_joined_by_slashes():
    _, layout = flatten(
        {"net": {"layer1": {"kernel": np.ones((2, 3)), "bias": [0.0]}}, "a": (1, np.ones(2))}
    )
    assert layout.names == ("net/layer1/kernel", "net/layer1/bias", "a/0", "a/1")


def test_a_list_of_numbers_is_one_array_and_ints_become_floats():
    flat, layout = flatten([1, 2])
    assert flat.dtype == float
    assert layout.names == ("weights",)
    assert layout.unflatten(flat) is flat


def test_a_matrix_is_weights_for_a_plain_loss_and_runs_for_a_batched_one():
    assert flatten(np.ones((3, 2)))[0].shape == (6,)
    flat, layout = flatten(np.ones((3, 2)), runs=True)
    assert flat.shape == (3, 2)
    assert layout.size == 2


def test_flatten_copies():
    weights = {"a": np.ones(2)}
    flat, _ = flatten(weights)
    flat[:] = 7
    assert weights["a"].tolist() == [1, 1]


def test_layer_norms_are_those_of_each_array_alone():
    weights = {"a": np.array([[3.0, 0.0], [0.0, 4.0]]), "b": np.array([2.0])}
    flat, layout = flatten(weights)
    assert layout.layer_norms(flat).tolist() == [5.0, 2.0]
    assert layout.spread(layout.layer_norms(flat)).tolist() == [5, 5, 5, 5, 2]


@pytest.mark.parametrize(
    ("exclude", "expected"),
    [
        (None, [1, 1, 1]),
        (["bias"], [1, 0, 1]),
        ("bias", [1, 0, 1]),  # one pattern, not a list of letters
        (["dense/.*", "norm"], [0, 0, 0]),
        (["^kernel"], [1, 1, 1]),
    ],
)
def test_decay_leaves_out_the_weights_whose_name_matches(exclude, expected):
    _, layout = flatten({"dense": {"kernel": [1.0], "bias": [1.0]}, "norm": [1.0]})
    assert layout.decayed(exclude).tolist() == expected
