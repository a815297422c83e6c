"""A student that fits a random teacher: a problem of matrices whose minimum is known."""

import pickle

import numpy
import pytest

from optimizers import SGD, SOAP, Adam, Muon, compare, suite
from optimizers.datasets import minibatches
from optimizers.experiments import teacher
from optimizers.gradients import Gradient
from optimizers.problem import as_problem
from optimizers.weights import flatten


def hessian(given):
    problem = as_problem(given)
    return Gradient(problem, problem.layout).hessian(problem.theta)


def test_its_weights_are_matrices_and_a_rule_for_matrices_moves_all_of_them():
    problem = teacher([6, 5, 3])
    assert [part["kernel"].shape for part in problem.start.values()] == [(6, 5), (5, 3)]
    assert Muon(problem, problem.start).in_matrix.all()


def test_the_student_has_no_loss_where_it_is_the_teacher_and_starts_elsewhere():
    problem = teacher([6, 5, 3], seed=4)
    assert problem(problem.solution) == 0
    assert as_problem(problem).minimum == 0
    assert all(
        problem.as_problem(None).reseeded(seed).values(start) > 0.01
        for seed in range(5)
        for start in [as_problem(problem).reseeded(seed).theta]
    )


def test_the_loss_is_half_the_mean_squared_distance_from_what_the_teacher_says():
    problem = teacher([4, 3, 2], n=20)
    x, y = problem.data.train
    first, second = (part["kernel"] for part in problem.start.values())
    away = numpy.tanh(x @ first) @ second - y
    assert problem(problem.start) == pytest.approx((away**2).sum() / 40, rel=1e-12)
    first, second = (part["kernel"] for part in problem.solution.values())
    held_out, says = problem.data.held_out
    assert numpy.allclose(numpy.tanh(held_out @ first) @ second, says, atol=1e-12)


@pytest.mark.parametrize("condition", [1, 30, 1e4])
def test_the_linear_one_is_a_quadratic_of_the_condition_number_asked_for(condition):
    problem = teacher([8, 3], condition=condition, n=40)
    curvature = numpy.linalg.eigvalsh(hessian(problem))
    assert curvature[-1] / curvature[0] == pytest.approx(condition, rel=1e-6)
    assert curvature.mean() == pytest.approx(1, rel=1e-9)
    (minimum,) = as_problem(problem).minima
    assert minimum.tolist() == flatten(problem.solution)[0].tolist()
    away = as_problem(problem).theta - minimum
    assert problem(problem.start) == pytest.approx(away @ hessian(problem) @ away / 2, rel=1e-9)


def test_a_student_that_can_be_the_teacher_has_the_minimum_0_and_of_others_none_is_claimed():
    wide = teacher([6, 4, 2], student=[6, 9, 2])
    assert wide.start["layer1"]["kernel"].shape == (6, 9)
    assert wide(wide.solution) == pytest.approx(0, abs=1e-28)
    assert as_problem(wide).minimum == 0
    for sizes in ([6, 3, 2], [6, 2], [6, 4, 4, 2]):
        other = teacher([6, 4, 2], student=sizes)
        assert other.solution is as_problem(other).minimum is as_problem(other).minima is None


def test_of_a_network_no_list_of_minima_is_claimed():
    assert as_problem(teacher([6, 4, 2])).minima is None


def test_a_step_sees_all_examples_and_then_there_is_no_chance_in_it():
    problem = as_problem(teacher([6, 4, 2]))
    assert problem.batch is None
    assert problem.exact is None
    assert not problem.depends_on_chance
    path = SGD(problem, problem.start, lr=0.1).minimize(50)
    assert (numpy.diff(path.loss) < 0).all()


def test_mini_batches_are_those_of_the_seed_and_losses_those_on_all_examples():
    given = teacher([6, 4, 2], batch_size=25)
    problem = as_problem(given).reseeded(3)
    batches = minibatches(given.data, 25, 3)
    for t in (1, 7, 30):
        for one, other in zip(problem.batch(t, 0), batches.at(t), strict=True):
            assert numpy.array_equal(one, other)
    whole = teacher([6, 4, 2])
    assert problem.values(problem.theta) == whole(problem.start)
    points = problem.theta + numpy.arange(3.0)[:, numpy.newaxis]
    assert problem.values(points).tolist() == [
        whole(problem.layout.unflatten(point)) for point in points
    ]


def test_seeds_draw_the_start_and_leave_the_teacher_as_it_is():
    problem = as_problem(teacher([6, 4, 2]))
    one, other = problem.reseeded(1), problem.reseeded(2)
    assert not numpy.array_equal(one.theta, other.theta)
    assert one.values(problem.theta) == other.values(problem.theta)
    assert not numpy.array_equal(
        teacher([6, 4, 2], seed=1).data.train[1], teacher([6, 4, 2], seed=2).data.train[1]
    )


def test_names_say_what_it_is():
    assert teacher([6, 4, 2], condition=100).name == "teacher 6-4-2, condition 100"
    assert teacher([6, 2], batch_size=10).name == "teacher 6-2, condition 1, batch 10"
    student = teacher([6, 4, 2], student=[6, 8, 2])
    assert student.name == "student 6-8-2 of teacher 6-4-2, condition 1"


def test_it_travels_to_another_process():
    problem = teacher([6, 4, 2], batch_size=25, condition=10)
    sent = pickle.dumps(problem)
    assert len(sent) < 1500
    there = pickle.loads(sent)
    assert there(there.start) == problem(problem.start)
    assert as_problem(there).minimum == 0


def test_races_and_suites_take_it():
    how = {"lr": [0.01, 0.1], "progress": False}
    for given in (teacher([4, 3, 2], n=30), teacher([4, 3, 2], n=30, batch_size=10)):
        race = compare([SGD, Muon], given, steps=20, seeds=2, **how)
        assert sorted(race) == ["Muon", "SGD"]
    found = suite([SGD, Adam], [teacher([4, 2]), teacher([4, 3, 2])], steps=10, seeds=2, **how)
    assert list(found) == ["teacher 4-2, condition 1", "teacher 4-3-2, condition 1"]


@pytest.mark.parametrize(
    ("named", "what"),
    [
        ({"condition": 0.5}, "condition must be a finite number >= 1"),
        ({"student": [6, 4, 3]}, "student must have the teacher's 6 inputs and 2 outputs"),
        ({"n": 5}, "n must be the number of inputs, 6, or more"),
        ({"batch_size": 501}, "batch_size must be at most the number of examples, 500"),
        ({"activation": "tahn"}, "Did you mean 'tanh'"),
        ({"seed": -1}, "seed must be a whole number >= 0"),
    ],
)
def test_what_makes_no_sense_is_refused(named, what):
    with pytest.raises(ValueError, match=what):
        teacher([6, 4, 2], **named)


def test_sizes_are_at_least_two():
    with pytest.raises(ValueError, match="at least the input and the"):
        teacher([6])


def test_soap_races_on_a_whole_batch_whose_gradient_leaves_directions_out():
    whole = teacher([16, 32, 4], condition=100, n=200)
    race = compare([SOAP], whole, steps=5, seeds=8, lr=numpy.geomspace(0.01, 3, 6))
    assert numpy.isfinite(race.losses["SOAP"]).all()
