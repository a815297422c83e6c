"""The picture of the graph: each call once, with the right value and the right slope."""

import autograd.numpy as np
import matplotlib
import matplotlib.pyplot as plt
import pytest
from autograd import grad

matplotlib.use("Agg")

from optimizers.functions import beale, rosenbrock, sphere
from optimizers.plotting import plot_graph
from optimizers.plotting.graph import _traced
from optimizers.plotting.style import place


@pytest.fixture(autouse=True)
def _closed_figures():
    yield
    plt.close("all")


def texts_of(ax):
    return [text.get_text() for text in ax.texts]


@pytest.mark.parametrize("loss", [rosenbrock, beale, sphere], ids=lambda f: f.name)
def test_the_walk_ends_at_the_loss_and_at_the_gradient(loss):
    theta = np.array([-1.5, 2.0])
    calls = _traced(loss, theta)
    assert calls[-1].value == loss(theta)
    assert calls[-1].slope == 1.0
    assert np.allclose(calls[0].slope, grad(loss)(theta), rtol=1e-15)
    assert place(grad(loss)(theta)) in plot_graph(loss, theta).get_title(loc="left")


def test_every_call_is_drawn_with_its_result_and_its_slope():
    def valley(t):
        return 100 * (t[1] - t[0] * t[0]) ** 2 + (1 - t[0]) ** 2

    texts = texts_of(plot_graph(valley, [-1.5, 2.0]))
    for shown in ("θ", "·[1]", "· × ·", "· − ·", "100 × ·", "1 − ·", "· + ·"):
        assert shown in texts
    assert texts.count("·[0]") == 3  # taken three times, drawn three times
    assert {"2.25", "−0.25", "0.0625", "12.5", "5", "100"} <= set(texts)


def test_what_is_used_twice_gets_the_sum_of_both_slopes():
    def twice(t):
        x = t[0]
        return x * x + 3 * x

    texts = texts_of(plot_graph(twice, [2.0]))
    assert texts.count("·[0]") == 1
    assert "7" in texts


def test_names_of_other_calls_and_of_arrays():
    def loss(t):
        return -np.sum(np.sqrt(t[..., 1:]))

    texts = texts_of(plot_graph(loss, np.arange(1.0, 7.0)))
    assert {"·[…, 1:]", "sqrt(·)", "sum(·)", "−·", "5 numbers", "6 numbers"} <= set(texts)


def test_comparisons_are_no_calls_that_the_gradient_goes_through():
    texts = texts_of(plot_graph(lambda t: np.sum(t * (t > 0)), [1.0, -2.0]))
    assert {"(1, 0)", "sum(·)"} <= set(texts)


def test_an_arrow_bows_over_calls_that_lie_in_its_way():
    texts = plot_graph(rosenbrock, [-1.5, 2.0]).texts
    arrows = [arrow for text in texts if (arrow := getattr(text, "arrow_patch", None))]
    bows = [arrow.get_connectionstyle().rad != 0 for arrow in arrows]
    assert len(bows) == 12
    assert sum(bows) == 2  # from y over x², and from (1 − x)² over two calls


def test_it_draws_on_given_axes():
    _, ax = plt.subplots()
    assert plot_graph(sphere, [1.0, 2.0], ax) is ax


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(TypeError, match="does not depend on the weights: 3.0"):
        plot_graph(lambda t: 3.0, [1.0])
    with pytest.raises(ValueError, match="must return one number"):
        plot_graph(lambda t: 2 * t, [1.0, 2.0])
    with pytest.raises(ValueError, match="makes 65 calls; more than 30 cannot be read"):
        plot_graph(lambda t: sum(x * x for x in t[0] + np.arange(20.0)) + 0 * t[0], [1.0])


def test_a_slice_shows_its_step():
    graph = plot_graph(lambda t: np.sum(t[::-1]) + np.sum(t[1:]), [3.0, 1.0])
    words = " ".join(text.get_text() for text in graph.texts)
    assert "[::-1]" in words
    assert "[1:]" in words
