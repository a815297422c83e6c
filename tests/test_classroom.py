import json
import re
import sys
from contextlib import nullcontext
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

import optimizers
from optimizers import Optimizer
from optimizers.classroom import check, compare, faults, hint, kinds, one_line
from optimizers.classroom.hints import HINTS
from optimizers.classroom.tasks import LONG_STEPS, TASKS

SOURCES = sorted((Path(__file__).parents[1] / "notebooks/exercises/solutions").glob("*.ipynb"))
RULES = {
    "gradient_descent/1": ("SGD", faults.SGD_FAULTS),
    "momentum/1": ("Momentum", faults.MOMENTUM_FAULTS),
    "momentum/2": ("Momentum", faults.NESTEROV_FAULTS),
    "rmsprop/1": ("RMSProp", faults.RMSPROP_FAULTS),
    "rmsprop/2": ("AdaGrad", faults.ADAGRAD_FAULTS),
    "adam/2": ("Adam", faults.ADAM_FAULTS),
    "adamw/1": ("AdamW", faults.ADAMW_FAULTS),
    "adamw/3": ("AdamW", faults.L2_FAULTS),
    "lamb/4": ("LAMB", faults.LAMB_FAULTS),
}
ONE_LINE = {
    "one_line/1": ("Signum", faults.SIGNUM_FAULTS),
    "one_line/2": ("AdaBelief", faults.ADABELIEF_FAULTS),
    "one_line/3": ("Yogi", faults.YOGI_FAULTS),
    "one_line/4": ("AdEMAMix", faults.ADEMAMIX_FAULTS),
    "one_line/5": ("GrokFast", faults.GROKFAST_FAULTS),
    "one_line/6": ("Rprop", faults.RPROP_FAULTS),
}
RULES |= ONE_LINE
NONSENSE = [None, 3, "x", [], {}, object(), lambda *given: None, lambda: 1, Optimizer, print, type]


@pytest.fixture(autouse=True)
def _seed(monkeypatch):
    module = sys.modules["optimizers.classroom.check"]
    monkeypatch.setattr(module, "_draw", lambda: np.random.default_rng(7))


@pytest.fixture(scope="module")
def solutions():
    """What the solution cells give to check: by task."""
    found = {}
    for source in SOURCES:
        space = {"__name__": "student"}
        for cell in json.loads(source.read_text("utf-8"))["cells"]:
            text = "".join(cell["source"])
            if cell["cell_type"] != "code" or "HIDDEN TESTS" in text:
                continue
            if asked := re.fullmatch(r'check\((.*), "(.*)"\)', text.strip(), re.DOTALL):
                found[asked[2]] = eval(asked[1], space)
            elif cell["metadata"].get("nbgrader", {}).get("solution") or "import" in text[:40]:
                if "plotting" not in text:
                    exec(text, space)
            elif text.startswith("def ") and "drive" not in text:
                exec(text, space)
    return found


def answers():
    """The cells with the answers: by task."""
    found = {}
    for source in SOURCES:
        for cell in json.loads(source.read_text("utf-8"))["cells"]:
            text = "".join(cell["source"])
            if cell["metadata"].get("nbgrader", {}).get("solution"):
                answer = text
            elif asked := re.fullmatch(r'check\(.*, "(.*)"\)', text.strip(), re.DOTALL):
                found[asked[1]] = answer
    return found


ANSWERS = answers()
REGION = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.DOTALL)


def closed_up(text):
    return re.sub(r"\s", "", text)


def test_every_task_has_a_solution(solutions):
    assert set(solutions) == set(TASKS)


@pytest.mark.parametrize("task", TASKS)
def test_the_solution_is_right(solutions, task):
    answer = check(solutions[task], task)
    assert answer, answer
    assert repr(answer).startswith(f"✓ {task}: right")


@pytest.mark.parametrize("task", RULES)
def test_every_known_mistake_gets_its_sentence(task, monkeypatch):
    monkeypatch.setattr(kinds, "own_of_library", lambda answer: None)
    monkeypatch.setattr(kinds, "watched", quiet)
    known = RULES[task][1]
    assert len(known) >= 3
    for fault in known:
        answer = check(fault.answer, task)
        assert not answer, fault.name
        assert fault.hint in repr(answer), (fault.name, answer)


def quiet():
    return nullcontext([])


@pytest.mark.parametrize("task", TASKS)
def test_nonsense_gets_a_sentence(task):
    for nonsense in (*NONSENSE, {"fault": 3, "fixed": None}, {"A": np.nan}, Raises, Wide, Nan):
        answer = check(nonsense, task)
        assert not answer
        assert repr(answer).startswith(f"✗ {task}: ")
        assert "\n" not in repr(answer)


class Raises(Optimizer):
    def direction(self, theta, g):
        return self.nothing


class Wide(Optimizer):
    beta1 = beta2 = epsilon = momentum = rho = weight_decay = 0.5

    def direction(self, theta, g):
        return np.zeros(7)


class Nan(Optimizer):
    beta1 = beta2 = epsilon = momentum = rho = weight_decay = 0.5

    def direction(self, theta, g):
        return g * np.nan


@pytest.mark.parametrize("task", RULES)
def test_the_librarys_own_rule_is_refused(task):
    own = getattr(one_line if task in ONE_LINE else optimizers, RULES[task][0])
    inner = type("Mine", (own,), {})
    for answer in (check(own, task), check(inner, task)):
        assert not answer
        assert f"the library's own {own.__name__}" in repr(answer)


def test_a_library_rule_called_inside_is_refused():
    class Mine(Optimizer):
        state = ("m", "v")
        beta1, beta2, epsilon = 0.9, 0.999, 1e-8

        def direction(self, theta, g):
            return optimizers.Adam.direction(self, theta, g)

    assert "it calls the library's own Adam;" in repr(check(Mine, "adam/2"))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("task", ONE_LINE)
def test_every_draw_tells_the_answers_apart(task, seed):
    name, known = ONE_LINE[task]
    right = getattr(one_line, name)
    settings = {key: getattr(right, key) for key in kinds.RANGES if hasattr(right, key)}
    rates = LONG_STEPS if name == "Signum" else compare.RATES
    rng = np.random.default_rng(seed)
    problems = compare.problems(rng, settings, kinds.RANGES, rates=rates)
    with np.errstate(all="ignore"):
        steps = {
            name: [compare.trace(rule, problem, ()) for problem in problems]
            for name, rule in [("right", right), *((fault.name, fault.answer) for fault in known)]
        }
    for one, other in combinations(steps, 2):
        assert not all(map(compare.same_steps, steps[one], steps[other])), (one, other)


def test_each_mistake_has_a_sentence_of_its_own():
    for name, known in ONE_LINE.values():
        assert len({fault.hint for fault in known}) == len(known), name
        assert len({fault.name for fault in known}) == len(known), name


def test_a_mistake_must_change_something():
    with pytest.raises(ValueError, match=r"self.w.*Signum"):
        faults.edited(one_line.Signum, ("self.w", "self.v"))


def test_numbers_written_in_are_found():
    class Mine(Optimizer):
        state = ("p",)
        momentum = 0.9

        def direction(self, theta, g):
            self.p = 0.9 * self.p + g
            return self.p

    assert "written in" in repr(check(Mine, "momentum/1"))
    assert not check(lambda lr, curvature: 0.7, "gradient_descent/2")


def test_where_it_differs_first(solutions):
    class Mine(solutions["adam/2"]):
        def direction(self, theta, g):
            self.m = self.beta1 * self.m + (1 - self.beta1) * g
            self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
            self.m_hat = self.m / (1 - self.beta1**self.t)
            self.v_hat = self.v / (1 - self.beta2)
            return self.m_hat / (np.sqrt(self.v_hat) + self.epsilon)

    assert "step 1 agrees, step 2 differs in v_hat" in repr(check(Mine, "adam/2"))


def test_an_unknown_task_is_named():
    with pytest.raises(ValueError, match="adam/2"):
        check(None, "adm/2")
    with pytest.raises(ValueError, match="no task"):
        check(None, 3)


def test_what_is_not_kept_by_name_is_not_judged():
    """A student's m_hat may be a local name: then the step alone is compared."""

    class Mine(Optimizer):
        state = ("m", "v")
        beta1, beta2, epsilon, made = 0.9, 0.999, 1e-8, 0

        def direction(self, theta, g):
            self.m = self.beta1 * self.m + (1 - self.beta1) * g
            self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
            t = self.made + 1
            m_hat, v_hat = self.m / (1 - self.beta1**t), self.v / (1 - self.beta2**t)
            return m_hat / (np.sqrt(v_hat) + self.epsilon)

    answer = check({"fault": "t never counted", "fixed": Mine}, "bugs/5")
    assert "step 1 agrees, step 2 differs in the step: is the power t used?" in repr(answer)


def test_a_hint_asked_for_again_goes_one_rung_down_to_the_last(monkeypatch):
    monkeypatch.setattr(sys.modules["optimizers.classroom.hint"], "_asked", {})
    said = [repr(hint("adam/2")) for _ in range(4)]
    for rung, sentence in enumerate(HINTS["adam/2"], 1):
        assert said[rung - 1] == f"adam/2, hint {rung} of 3: {sentence}"
    assert said[3] == said[2]
    assert "hint 1 of 3" in repr(hint("adam/3"))


def test_a_hint_for_an_unknown_task_names_the_tasks():
    with pytest.raises(ValueError, match="Did you mean 'adam/2'"):
        hint("adm/2")


def test_every_task_has_three_different_hints():
    assert list(HINTS) == list(TASKS)
    for rungs in HINTS.values():
        assert len(set(rungs)) == 3
        assert all(rung.strip() == rung and rung[-1] in ".?" for rung in rungs)


@pytest.mark.parametrize("task", TASKS)
def test_the_last_hint_holds_what_the_answer_needs_but_leaves_something_to_do(task):
    last, answer = HINTS[task][-1], ANSWERS[task]
    told = [closed_up(piece) for piece in re.findall(r"`(.*?)`", last)]
    words = re.findall(r'= "?([^"\n]+)"?$', REGION.search(answer)[1], re.MULTILINE)
    if "fault" in answer:
        assert f'"{words[0]}"' in last, "the fault's name"
    if "def " not in answer:
        assert any(word in last for word in words)
        assert not all(word in last for word in set(words))
        return
    code = REGION.findall(answer)[-1]
    handed_out = closed_up(REGION.sub("", answer))
    assert any(p in closed_up(code) and p not in handed_out for p in told), "a piece of it"
    expressions = re.findall(r"^ *(?:return|[\w.]+ =) (.*)$", code, re.MULTILINE)
    assert not all(any(closed_up(e) in p for p in told) for e in expressions), "all of it"
