"""The loop: what it records, when it stops, what it leaves behind."""

import copy
import itertools
import pickle
from types import SimpleNamespace

import autograd.numpy as np
import IPython
import numpy
import pytest

from optimizers import SGD, Adam, Lookahead, Momentum, progress
from optimizers.functions import noisy, rosenbrock, sphere


def bowl(x):
    return np.sum(x**2)


def test_a_path_has_the_start_and_the_last_iterate_with_their_losses():
    path = SGD(bowl, [3.0, 4.0], lr=0.25).minimize(3)
    assert path.theta.tolist() == [[3, 4], [1.5, 2], [0.75, 1], [0.375, 0.5]]
    assert path.loss.tolist() == [25, 6.25, 1.5625, 0.390625]
    assert path.grad_norm.tolist() == [10, 5, 2.5, 1.25]
    assert path.step.tolist() == [0, 1, 2, 3]


def test_every_keeps_each_so_many_th_step_and_the_last():
    path = SGD(bowl, [1.0], lr=0.1).minimize(10, every=4)
    assert path.step.tolist() == [0, 4, 8, 10]
    whole = SGD(bowl, [1.0], lr=0.1).minimize(10)
    assert numpy.array_equal(path.theta, whole.theta[[0, 4, 8, 10]])


def test_no_steps_give_the_start():
    assert SGD(bowl, [1.0]).minimize(0).theta.tolist() == [[1.0]]


def test_tol_stops_when_the_gradient_is_that_small():
    path = SGD(bowl, [1.0], lr=0.25).minimize(100, tol=0.1)
    assert path.grad_norm[-1] <= 0.1 < path.grad_norm[-2]


def test_with_runs_tol_waits_for_all_of_them():
    path = SGD(sphere, [[1.0, 0.0], [100.0, 0.0]], lr=0.25).minimize(100, tol=0.1)
    assert (path.grad_norm[-1] <= 0.1).all()


def test_watch_records_inner_state_which_is_nan_before_it_exists():
    path = Adam(bowl, [1.0, 2.0]).minimize(5, watch=("m_hat", "m", "eta"))
    assert path["m_hat"].shape == (6, 2)
    assert numpy.isnan(path["m_hat"][0]).all()
    assert path["m"][0].tolist() == [0, 0]
    assert path["eta"][1:].tolist() == [0.001] * 5
    with pytest.raises(KeyError, match=r"'v_hat' was not watched.*watch=\('v_hat',\)"):
        path["v_hat"]


def test_callback_is_called_after_each_step():
    seen = []
    SGD(bowl, [1.0], lr=0.5).minimize(3, callback=lambda o: seen.append((o.t, o.theta[0])))
    assert seen == [(1, 0.0), (2, 0.0), (3, 0.0)]


def test_progress_shows_a_bar_only_for_long_work(capsys):
    SGD(bowl, [1.0]).minimize(3, progress=True)
    assert capsys.readouterr().err.strip() == ""


@pytest.mark.parametrize("kernel", [{}, {"kernel": object()}], ids=["terminal", "notebook"])
def test_the_bar_is_on_stderr_but_in_a_notebook_which_shows_that_in_red(
    kernel, capsys, monkeypatch
):
    monkeypatch.setattr(progress, "SHORT", 0.0)
    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(**kernel))
    SGD(bowl, [1.0]).minimize(3, progress=True)
    out, err = capsys.readouterr()
    assert "SGD: 100%" in (out if kernel else err)
    assert (err if kernel else out) == ""


def test_batches_reach_the_loss_one_a_step():
    seen = []

    def loss(x, batch):
        seen.append(batch)
        return np.sum(x) * batch

    SGD(loss, [0.0]).minimize(3, batches=[1, 2, 3])
    assert seen == [1, 2, 3, 3]  # the last iterate's loss is taken on the last batch


def test_an_iterator_of_batches_goes_on_where_it_was():
    def loss(x, batch):
        return np.sum((x - batch) ** 2)

    numbers = [1.0, 5.0, 2.0, 7.0]
    whole = SGD(loss, [0.0], lr=0.1).minimize(4, batches=numbers)
    stream, parts = iter(numbers), SGD(loss, [0.0], lr=0.1)
    parts.minimize(2, batches=stream)
    assert parts.minimize(2, batches=stream).theta[-1] == whole.theta[-1]


def test_batches_that_run_dry_say_so_and_keep_the_path_so_far():
    sgd = SGD(lambda x, batch: np.sum(x) * batch, [0.0], lr=1.0)
    with pytest.raises(ValueError, match="batches ran out after 2 of 5 steps"):
        sgd.minimize(5, batches=iter([1, 2]))
    assert sgd.t == 1  # the second step needs the third batch to be whole
    assert sgd.path.theta[:, 0].tolist() == [0, -1]


def test_a_run_that_diverges_ends_there_marked_and_without_warnings():
    path = SGD(rosenbrock, [-1.5, 2.0], lr=1.0).minimize(100)
    assert path.diverged
    assert path.diverged_at == path.step[-1] < 100
    assert not numpy.isfinite(path.loss[-1])
    assert numpy.isfinite(path.loss[:-1]).all()
    assert "diverged at step" in repr(path)


def test_among_many_runs_the_one_that_diverges_is_marked_and_the_others_go_on():
    path = SGD(rosenbrock, [-1.5, 2.0], lr=[[1e-3], [1.0]]).minimize(50)
    assert path.diverged.tolist() == [False, True]
    assert path.diverged_at[0] == -1
    at = path.diverged_at[1]
    assert numpy.isnan(path.theta[at + 1 :, 1]).all()
    alone = SGD(rosenbrock, [-1.5, 2.0], lr=1e-3).minimize(50)
    assert numpy.array_equal(path.theta[:, 0], alone.theta)


def test_a_second_call_remembers_when_a_run_diverged():
    sgd = SGD(rosenbrock, [-1.5, 2.0], lr=[[1e-3], [1.0]])
    first = sgd.minimize(20)
    assert sgd.minimize(20).diverged_at.tolist() == first.diverged_at.tolist()


def test_runs_stop_when_all_have_diverged():
    assert len(SGD(rosenbrock, [-1.5, 2.0], lr=[[1.0], [2.0]]).minimize(1000)) < 20


@pytest.mark.parametrize("rule", [Adam, Momentum, Lookahead])
@pytest.mark.parametrize("call", [1, 2, 5])
def test_an_interrupt_leaves_the_optimizer_after_a_whole_step(rule, call):
    calls = itertools.count(1)

    def loss(x):
        if next(calls) == call + 1:
            raise KeyboardInterrupt
        return rosenbrock(x)

    optimizer = rule(loss, [-1.5, 2.0], lr=0.01)
    with pytest.raises(KeyboardInterrupt):
        optimizer.minimize(20)
    done = call - 1
    untouched = rule(rosenbrock, [-1.5, 2.0], lr=0.01).minimize(20)
    assert optimizer.t == done
    assert optimizer.path.step.tolist() == list(range(done + 1))
    assert numpy.array_equal(optimizer.theta, untouched.theta[done])
    rest = optimizer.minimize(20 - done)  # and it goes on as if nothing had been
    assert numpy.array_equal(rest.theta[-1], untouched.theta[-1])


def test_noise_goes_on_after_an_interrupt_as_if_nothing_had_been():
    function = noisy(sphere, 1.0, seed=0)
    calls = itertools.count(1)

    class Interrupted(SGD):
        def direction(self, theta, g):
            if next(calls) == 3:
                raise KeyboardInterrupt
            return g

    sgd = Interrupted(function, [1.0, 2.0], 0.1)
    with pytest.raises(KeyboardInterrupt):
        sgd.minimize(6)
    end = sgd.minimize(6 - sgd.t).theta[-1]
    assert numpy.array_equal(end, SGD(function, [1.0, 2.0], 0.1).minimize(6).theta[-1])


def test_an_interrupt_inside_a_formula_undoes_the_half_step():
    class Interrupted(Adam):
        def direction(self, theta, g):
            self.m = self.m + 1e6  # half done
            if self.t == 3:
                raise KeyboardInterrupt
            return super().direction(theta, g)

    optimizer = Interrupted(bowl, [1.0])
    with pytest.raises(KeyboardInterrupt):
        optimizer.minimize(10)
    assert optimizer.t == 2
    assert len(optimizer.path) == 3
    m = optimizer.m.copy()
    assert m == pytest.approx(Interrupted(bowl, [1.0]).minimize(2, watch="m")["m"][-1])


def test_long_paths_make_room_as_they_go():
    path = SGD(bowl, [1.0], lr=1e-3).minimize(5000, watch="g", tol=1e-3)
    assert path.step.tolist() == list(range(len(path)))
    assert numpy.allclose(path["g"][1:, 0], 2 * path.theta[:-1, 0])
    assert len(SGD(bowl, [1.0], lr=0.25).minimize(10**9, tol=1e-3)) < 20


def test_a_loss_may_have_a_flat_part_made_by_python_s_own_max():
    def hinge(x):
        return max(0.0, 1 - x[0]) + max(0.0, 1 - x[1])

    path = SGD(hinge, [0.0, 0.5], lr=0.3).minimize(10)
    assert path.loss[-1] == 0
    assert path.grad_norm[-1] == 0


def test_watching_through_lookahead_shows_the_inner_rule_s_state():
    path = Lookahead(rosenbrock, [-1.5, 2.0]).minimize(3, watch=("m_hat", "slow"))
    inner = Adam(rosenbrock, [-1.5, 2.0]).minimize(3, watch="m_hat")
    assert numpy.array_equal(path["m_hat"][1:], inner["m_hat"][1:])


def test_lr_may_be_one_a_run_as_a_column_or_as_a_list():
    column = SGD(sphere, [1.0, 1.0], lr=np.array([[0.1], [0.2]])).minimize(3)
    with pytest.warns(UserWarning, match=r"taken as 2 runs.*one per weight.*lr={'weights': …}"):
        plain = SGD(sphere, [1.0, 1.0], lr=[0.1, 0.2]).minimize(3)
    assert column.theta.shape == (4, 2, 2)
    assert numpy.array_equal(column.theta, plain.theta)


def test_a_rule_without_the_promise_says_that_it_takes_one_run_at_a_time():
    class Alone(SGD):
        batched = False

    with pytest.raises(ValueError, match="Alone does not promise `batched = True`"):
        Alone(bowl, [1.0], lr=[0.1, 0.2])


def test_a_direction_of_the_wrong_shape_is_an_error_that_says_so():
    class Broken(SGD):
        def direction(self, theta, g):
            return np.sum(g, keepdims=True)[:1] * np.ones(3)

    with pytest.raises(ValueError, match="Broken.direction must return an array shaped like theta"):
        Broken(lambda x: np.sum(x), [1.0]).minimize_raw()


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_an_optimizer_can_be_copied_and_goes_on_alike(clone):
    one = Adam(rosenbrock, [-1.5, 2.0], lr=0.1)
    one.minimize(5)
    other = clone(one)
    assert numpy.array_equal(one.minimize(5).theta, other.minimize(5).theta)
