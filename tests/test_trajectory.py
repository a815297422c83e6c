"""A trajectory keeps what was done, saves and loads it, and refuses damaged files."""

import numpy
import pytest

from optimizers import AdamW, Lookahead, Trajectory
from optimizers.functions import rosenbrock, sphere


def test_weights_come_back_in_the_caller_s_nesting_as_copies():
    optimizer = AdamW(lambda w: rosenbrock(w["a"]) + w["b"][0] ** 2, {"a": [0.0, 1.0], "b": (2.0,)})
    path = optimizer.minimize(2)
    first = path.weights(0)
    assert first["a"].tolist() == [0, 1]
    assert isinstance(first["b"], (tuple, numpy.ndarray))
    first["a"][:] = 9
    assert path.weights(0)["a"].tolist() == [0, 1]


@pytest.mark.parametrize("runs", [False, True])
def test_what_is_saved_is_loaded(tmp_path, runs):
    lr = [0.01, 0.1, 1e200] if runs else 0.01
    loss = sphere if runs else lambda w: sphere(w["a"]["b"])
    start = [1.0, 2.0] if runs else {"a": {"b": [1.0, 2.0]}}
    path = AdamW(loss, start, lr, exclude_from_weight_decay=["bias"]).minimize(5, watch="m_hat")
    path.save(tmp_path / "run.npz")
    again = Trajectory.load(tmp_path / "run.npz")
    for name in ("theta", "loss", "grad_norm", "step"):
        assert numpy.array_equal(getattr(again, name), getattr(path, name), equal_nan=True)
    assert numpy.array_equal(again["m_hat"], path["m_hat"], equal_nan=True)
    assert again.rule == "AdamW"
    assert again.hyper_parameters.keys() == path.hyper_parameters.keys()
    assert numpy.array_equal(again.hyper_parameters["lr"], path.hyper_parameters["lr"])
    assert again.hyper_parameters["exclude_from_weight_decay"] == ["bias"]
    assert numpy.array_equal(again.diverged, path.diverged)
    assert numpy.array_equal(again.diverged_at, path.diverged_at)
    assert again.layout == path.layout


def test_hyper_parameters_that_are_functions_are_saved_by_name(tmp_path):
    def warm_up(t):
        return 0.01 * t

    path = Lookahead(sphere, [1.0, 2.0], warm_up).minimize(2)
    path.save(tmp_path / "run.npz")
    again = Trajectory.load(tmp_path / "run.npz")
    assert again.hyper_parameters["lr"] == "warm_up"
    assert again.hyper_parameters["inner"] == "Adam"


def test_the_file_has_the_name_that_was_given(tmp_path):
    AdamW(sphere, [1.0, 2.0]).minimize(1).save(tmp_path / "run")
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


DAMAGE = {
    "empty": lambda whole: b"",
    "cut short": lambda whole: whole[: len(whole) // 2],
    "a text": lambda whole: b"theta,loss\n1,2\n",
    "altered": lambda whole: whole[:200] + bytes(200) + whole[400:],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_is_a_clear_error(tmp_path, damage):
    file = tmp_path / "run.npz"
    AdamW(sphere, [1.0, 2.0]).minimize(50).save(file)
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ValueError, match=r"run\.npz' is damaged or not a trajectory"):
        Trajectory.load(file)


def test_a_foreign_npz_is_a_clear_error(tmp_path):
    numpy.savez(tmp_path / "other.npz", x=numpy.ones(3))
    with pytest.raises(ValueError, match=r"other\.npz' is damaged or not a trajectory"):
        Trajectory.load(tmp_path / "other.npz")


def test_pickled_objects_are_not_loaded(tmp_path):
    numpy.savez(tmp_path / "evil.npz", about=numpy.array({"a": 1}, dtype=object))
    with pytest.raises(ValueError, match="damaged or not a trajectory"):
        Trajectory.load(tmp_path / "evil.npz")


def test_a_missing_file_is_a_clear_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*nothing\.npz"):
        Trajectory.load(tmp_path / "nothing.npz")
