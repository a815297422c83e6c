"""What is kept of a long experiment: only the rest is computed, and nothing is half-written."""

import copy
import importlib
import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import cache, cached_property, partial, partialmethod, singledispatchmethod
from pathlib import Path
from typing import NamedTuple

import autograd.numpy as np
import numpy
import pytest

from optimizers import SGD, Adam, Lookahead, Optimizer, Training, compare, sweep
from optimizers.datasets import two_moons
from optimizers.experiments.description import described
from optimizers.experiments.store import Store
from optimizers.files import written_whole
from optimizers.functions import Function, describe, noisy, rosenbrock, shifted
from optimizers.models import mlp
from optimizers.schedules import cosine

LR = [1e-4, 1e-3, 2e-3]
MOONS = Training(mlp([2, 4, 2]), two_moons(64), batch_size=16)


class Alone(SGD):
    """Promises nothing, so that each run is a piece; tells a file of every step."""

    def direction(self, theta, g):
        with open(os.environ["STEPS"], "a") as file:
            file.write(".")
        return g


@pytest.fixture
def steps_made(tmp_path, monkeypatch):
    file = tmp_path / "steps"
    monkeypatch.setenv("STEPS", str(file))

    def since_last_time():
        made = file.stat().st_size if file.exists() else 0
        file.write_text("")
        return made

    return since_last_time


def pieces(folder):
    return sorted(Path(folder).glob("piece-*.npz"))


def assert_same(one, other):
    for name in ("final_loss", "losses", "accuracies", "curves"):
        numpy.testing.assert_array_equal(getattr(one, name), getattr(other, name))


# --------------------------------------------------------------------------------------- resume


def test_only_what_is_missing_is_computed(tmp_path, steps_made):
    folder = tmp_path / "made" / "here"
    again = partial(sweep, Alone, noisy(rosenbrock, 0.1), steps=5, every=2, seeds=2, lr=LR)
    whole = again()
    assert steps_made() == 6 * 5
    assert_same(again(store=folder), whole)
    assert steps_made() == 6 * 5
    assert len(pieces(folder)) == 6
    for lost in (5, 2):
        pieces(folder)[lost].unlink()
    assert_same(again(store=str(folder)), whole)
    assert steps_made() == 2 * 5
    assert_same(again(store=folder), whole)
    assert_same(again(store=folder, n_jobs=2), whole)
    assert steps_made() == 0


def test_what_is_batched_is_kept_and_resumed_too(tmp_path):
    again = partial(
        sweep, Adam, MOONS, steps=20, seeds=3, lr=LR, schedule=partial(cosine, steps=20)
    )
    whole = again()
    assert_same(again(store=tmp_path / "one"), whole)
    assert len(pieces(tmp_path / "one")) == 3
    pieces(tmp_path / "one")[1].unlink()
    assert_same(again(store=tmp_path / "one"), whole)


def test_a_race_keeps_the_tuning_of_each_rule_in_a_folder_of_its_own(tmp_path, steps_made):
    rules = {"L2 / decoupled": Alone, "Adam": Adam, "a<b>": partial(Lookahead, inner=SGD)}
    race = partial(compare, rules, rosenbrock, steps=5, lr=LR, seeds=2)
    whole = race()
    steps_made()
    race(store=tmp_path / "race")
    shown = 2 + 1  # a run a seed, and one from the start itself
    assert steps_made() == (2 * (len(LR) + 4) + shown) * 5  # the grid, 2 and 2 more around its best
    again = race(store=tmp_path / "race")
    assert steps_made() == shown * 5
    assert len(list((tmp_path / "race").iterdir())) == 3
    for folder in (tmp_path / "race").iterdir():
        assert {part.name for part in folder.iterdir()} == {"grid", "finer-1", "finer-2"}
    for label in rules:
        numpy.testing.assert_array_equal(again.final_loss[label], whole.final_loss[label])
        numpy.testing.assert_array_equal(again[label].theta, whole[label].theta)


@pytest.mark.parametrize(
    "labels",
    [("a/b", "a:b", "a b", "a_b"), ("Adam", "adam", "ADAM", "adam-2"), ("...", "", "?", "a.", "a")],
)
def test_labels_that_look_alike_in_a_file_system_keep_folders_of_their_own(tmp_path, labels):
    rules = {label: (SGD, Adam)[i % 2] for i, label in enumerate(labels)}
    race = partial(compare, rules, rosenbrock, steps=5, lr=LR, store=tmp_path)
    first, again = race(), race()
    folders = [folder.name for folder in tmp_path.iterdir()]
    assert len({name.lower().rstrip(". ") for name in folders}) == len(labels)
    assert all(len(pieces(tmp_path / name / "grid")) == 1 for name in folders)
    for label in labels:
        numpy.testing.assert_array_equal(first.final_loss[label], again.final_loss[label])


# -------------------------------------------------------------------- other settings, other things


def scaled(c):
    return lambda x: c * np.sum((x - 1) ** 2)


def rule_that(formula, share=0.5):
    """A rule of the same name with another formula."""

    class Mine(Optimizer):
        gamma = share

        def direction(self, theta, g):
            return formula(self, g)

    return Mine


BEFORE = {
    "rule": rule_that(lambda self, g: self.gamma * g),
    "function": scaled(1.0),
    "start": [0.0, 2.0],
    "steps": 5,
    "lr": [0.1, 0.2],
}
OTHER_DATA = Training(MOONS.model, two_moons(64, seed=1), 16)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 6}, "steps: 5 there, 6 here"),
        ({"lr": [0.1, 0.3]}, r"grid of lr: \[0.1, 0.2\] there, \[0.1, 0.3\] here"),
        ({"lr": 0.1, "gamma": [0.5, 1.0]}, "grid of gamma: None there"),
        ({"start": [0.0, 3.0]}, r"start: \[0.0, 2.0\] there, \[0.0, 3.0\] here"),
        ({"every": 2}, r"kept steps: .* there, \[0, 2, 4, 5\] here"),
        ({"schedule": partial(cosine, steps=5)}, "schedule: None there"),
        ({"rule": partial(BEFORE["rule"], gamma=0.1)}, "rule"),
        (
            {"rule": rule_that(lambda self, g: self.gamma * g, 0.3)},
            "rule, .*code: .* there, .* here",
        ),
        ({"rule": rule_that(lambda self, g: g / self.gamma)}, "rule, .*code: .* there, .* here"),
        ({"function": scaled(2.0)}, "function, reads, c: 1.0 there, 2.0 here"),
        ({"function": lambda x: np.sum(x**2)}, "function, code: .* there, .* here"),
        ({"function": rosenbrock}, "function"),
    ],
)
def test_a_store_of_other_settings_is_refused_with_what_differs(tmp_path, change, message):
    def run(rule, function, **keywords):
        return sweep(rule, function, store=tmp_path / "store", **keywords)

    run(**BEFORE)
    before = [(file, file.stat().st_mtime_ns) for file in pieces(tmp_path / "store")]
    with pytest.raises(ValueError, match=f"store=.* was made by other settings .*{message}") as e:
        run(**BEFORE | change)
    assert "name another folder, or delete this one" in str(e.value)
    assert before == [(file, file.stat().st_mtime_ns) for file in pieces(tmp_path / "store")]
    run(**BEFORE)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (Training(MOONS.model, MOONS.data, 32), "function, batch_size: 16 there, 32 here"),
        (Training(MOONS.model, MOONS.data, 16, scheme="xavier"), "function, scheme: 'he' there"),
        (Training(mlp([2, 5, 2]), MOONS.data, 16), "function, model, name: 'MLP 2-4-2' there"),
        (Training(mlp([2, 4, 2], "tanh"), MOONS.data, 16), "'optimizers.models.relu' there"),
        (OTHER_DATA, "function, data, train: .* there, .* here"),
    ],
)
def test_other_models_and_other_data_are_told_apart(tmp_path, other, message):
    sweep(SGD, MOONS, steps=2, lr=LR, store=tmp_path)
    with pytest.raises(ValueError, match=message):
        sweep(SGD, other, steps=2, lr=LR, store=tmp_path)
    with pytest.raises(ValueError, match=r"grid of seed: None there, \[0, 1, 0, 1, 0, 1\] here"):
        sweep(SGD, MOONS, steps=2, lr=LR, seeds=2, store=tmp_path)


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("three years of work")
    with pytest.raises(ValueError, match=r"holds other things \(\['thesis.tex'\]\): name a new"):
        sweep(SGD, rosenbrock, steps=2, lr=LR, store=tmp_path)
    with pytest.raises(ValueError, match="store must be a folder, .*thesis.tex' is a file"):
        sweep(SGD, rosenbrock, steps=2, lr=LR, store=tmp_path / "thesis.tex")
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]
    (tmp_path / "thesis.tex").unlink()
    (tmp_path / ".DS_Store").write_text("")  # nobody put it there
    sweep(SGD, rosenbrock, steps=2, lr=LR, store=tmp_path)


# ------------------------------------------------------------------------------------- described


def helper(x):
    return x - LR[0]


def calls_a_helper(x):
    return helper(x) ** 2


def takes(x, c=1.0, *, power=2):
    return c * x**power


class Callable_:
    def __init__(self, c):
        self.c = c

    def __call__(self, x):
        return self.c * x

    def method(self, x):
        return self.c * x


def test_equal_things_are_described_alike():
    for make in (
        lambda: scaled(2.0),
        lambda: rule_that(scaled(2.0)),
        lambda: Callable_(3),
        lambda: Callable_(3).method,
        lambda: partial(Lookahead, inner=Adam, k=3),
        lambda: noisy(shifted(rosenbrock, 2), 0.1),
        lambda: Training(mlp([2, 4, 2]), two_moons(64), 16),
        lambda: {"set": {"a", "b"}, "array": numpy.arange(100.0), "nested": [(1, 2), None]},
        lambda: numpy.array([Adam, None, 0.5], object),
    ):
        assert json.dumps(described(make())) == json.dumps(described(make()))


def test_what_a_function_reads_belongs_to_it(monkeypatch):
    seen = [described(calls_a_helper)]
    monkeypatch.setitem(globals(), "LR", [7.0])
    seen.append(described(calls_a_helper))
    monkeypatch.setitem(globals(), "helper", lambda x: x)
    seen.append(described(calls_a_helper))
    for default, named in ((1.0, 2), (3.0, 2), (1.0, 3)):
        monkeypatch.setattr(takes, "__defaults__", (default,))
        monkeypatch.setattr(takes, "__kwdefaults__", {"power": named})
        seen.append(described(takes))
    seen += [described(Callable_(c)) for c in (1, 2)]
    seen += [described(Callable_(c).method) for c in (1, 2)]
    seen += [described(rule_that(scaled(c))) for c in (1.0, 2.0)]
    seen += [described(partial(takes, c=c)) for c in (1, 2)]
    seen += [described(v) for v in ({1, 2}, {1, 3}, numpy.zeros(9), numpy.ones(9), np.sin, np.cos)]
    texts = [json.dumps(one) for one in seen]
    assert len(set(texts)) == len(texts)


MINE = """
from enum import Enum
from functools import cache, partial
import math
SCALE = {c}
def helper(x):
    return {c} * x
def unrelated(x):
    return {other} * x
@cache
def remembered(x):
    return helper(x)
table = {{"f": helper, "g": [partial(helper)]}}
class Base:
    def __call__(self, x):
        return helper(x)
class Kind(Enum):
    ONE = {c}
"""
FILES = {
    "mine.py": MINE,
    "colorsys.py": MINE,  # as a module of Python's is called
    "package/__init__.py": "",
    "package/below.py": MINE,
    "package/beside.py": "from .below import helper\ndef above(x):\n    return helper(x)",
    "far.py": "import mine\ndef outer(x):\n    return mine.helper(x)",
}


@pytest.fixture
def loss_of(tmp_path, monkeypatch):
    """From the code of a loss, and a constant in the modules that it imports, to the loss."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "package").mkdir()
    names = {file.split("/")[0].removesuffix(".py") for file in FILES} | {"losses"}
    before = dict(sys.modules)

    def forget():
        for name in [name for name in sys.modules if name.split(".")[0] in names]:
            del sys.modules[name]

    def made(code, c, other=0.0):
        forget()
        for file, text in FILES.items():
            (tmp_path / file).write_text(text.format(c=c, other=other))
        (tmp_path / "losses.py").write_text(code)
        importlib.invalidate_caches()
        return importlib.import_module("losses").loss

    yield made
    forget()
    sys.modules.update({name: before[name] for name in names & before.keys()})


@pytest.mark.parametrize(
    "code",
    [
        "from mine import helper\ndef loss(x):\n    return helper(x)",
        "from mine import helper as f\nloss = lambda x: (lambda y: f(y))(x)",
        "from mine import helper\ndef loss(x, f=helper):\n    return f(x)",
        "from mine import helper\nclass Loss:\n    f = staticmethod(helper)\nloss = Loss()",
        "from mine import helper as loss",
        "from mine import SCALE\ndef loss(x):\n    return SCALE * x",
        "from mine import remembered\ndef loss(x):\n    return remembered(x)",
        "from mine import table\ndef loss(x):\n    return table['f'](x)",
        "from mine import Base\ndef loss(x):\n    return Base()(x)",
        "from mine import Base\nclass Loss(Base):\n    pass\nloss = Loss()",
        "from mine import Kind\ndef loss(x):\n    return Kind.ONE.value * x",
        "from colorsys import helper\ndef loss(x):\n    return helper(x)",
        "from far import outer\ndef loss(x):\n    return outer(x)",
        "from package.beside import above\ndef loss(x):\n    return above(x)",
        "import mine\ndef loss(x):\n    return mine.helper(x)",
        "import mine as m\nloss = lambda x: (lambda y: m.helper(y))(x)",
        "import mine\ndef loss(x):\n    return mine.SCALE * x",
        "import mine\nclass Loss:\n    def __call__(self, x):\n        return mine.helper(x)\n"
        "loss = Loss()",
        "import mine\ndef make(m):\n    return lambda x: m.helper(x)\nloss = make(mine)",
        "import package.below\ndef loss(x):\n    return package.below.helper(x)",
        "import package.below as b\ndef loss(x):\n    return b.helper(x)",
        "from package import below\ndef loss(x):\n    return below.helper(x)",
        "def loss(x):\n    from mine import helper\n    return helper(x)",
        "def loss(x):\n    import mine as m\n    return m.helper(x)",
        "def loss(x):\n    import package.below\n    return package.below.helper(x)",
        "def loss(x):\n    from package import below\n    return below.helper(x)",
        "def loss(x):\n    import package.below as b\n    return b.helper(x)",
        "import mine\ndef loss(x):\n    class Here:\n        scale = mine.SCALE\n"
        "    return Here.scale * x",
        "from mine import SCALE\ndef loss(x):\n    class Here:\n        scale = SCALE\n"
        "    return Here.scale * x",
    ],
)
def test_a_changed_helper_in_another_module_is_another_loss(code, loss_of):
    before = json.dumps(described(loss_of(code, 1.0)))
    assert json.dumps(described(loss_of(code, 1.0, other=5.0))) == before
    assert json.dumps(described(loss_of(code, 2.0))) != before


def test_a_store_is_refused_when_an_imported_helper_changed(loss_of, tmp_path):
    code = "import mine\ndef loss(x):\n    return mine.helper(x @ x)"
    again = partial(sweep, SGD, start=[1.0, 2.0], steps=3, lr=LR, store=tmp_path / "store")
    first = again(loss_of(code, 1.0))
    assert_same(again(loss_of(code, 1.0, other=7.0)), first)
    with pytest.raises(ValueError, match="function, reads, mine.helper, code: .* there, .* here"):
        again(loss_of(code, 2.0))


def test_what_a_loss_imports_may_be_missing_or_broken(loss_of, tmp_path):
    (tmp_path / "broken.py").write_text("1 / 0")
    for name in ("broken", "missing", "mine.missing", ".relative"):
        code = f"def loss(x):\n    from {name} import helper\n    return helper(x)"
        json.dumps(described(loss_of(code, 1.0)))


class Slots:
    __slots__ = ("__private", "c")

    def __init__(self, c, private=0.0):
        self.c, self.__private = c, private


class MoreSlots(Slots):
    __slots__ = ("more", "never_set")

    def __init__(self, c, private=0.0, more=0.0):
        super().__init__(c, private)
        self.more = more


class SlotsAndMore(MoreSlots):
    def __init__(self, *values, own=0.0):
        super().__init__(*values)
        self.own = own


@dataclass(frozen=True, slots=True)
class SlottedData:
    c: float


@dataclass
class Data:
    c: float
    _private: float = 0.0
    _note: dict = field(default_factory=dict, compare=False)
    _made: float = field(default=0.0, init=False)

    def __post_init__(self):
        self.no_field = 0.0


def changed(value, name, to):
    object.__setattr__(value, name, to)
    return value


@dataclass(frozen=True, slots=True)
class SlotsOfBoth(Slots):
    d: float = 0.0


class MoreData(Data):
    def __init__(self, c, more):
        super().__init__(c)
        self.more = more


class Pair(NamedTuple):
    c: float

    def __call__(self, x):
        return self.c * x


class Numbers(list):
    def __init__(self, values, c):
        super().__init__(values)
        self.c = c


@pytest.mark.parametrize(
    "values",
    [
        [Slots(1), Slots(2), Slots(1, 2)],
        [MoreSlots(1), MoreSlots(2), MoreSlots(1, 2), MoreSlots(1, 0, 2)],
        [SlotsAndMore(1), SlotsAndMore(2), SlotsAndMore(1, own=2), SlotsAndMore(1, 2)],
        [SlottedData(1), SlottedData(2)],
        [Data(1), Data(2), Data(1, 2), Data(1, 0, {"a": 1})],
        [Data(1), changed(Data(1), "_made", 2.0), changed(Data(1), "no_field", 2.0)],
        [MoreData(1, 1), MoreData(1, 2), MoreData(2, 1)],
        [Pair(1), Pair(2), (1,), [2]],
        [Numbers([1], 1), Numbers([1], 2), Numbers([2], 1), [1], [2]],
        [{0.1: 1.0}.get, {0.1: 2.0}.get, {0.1: 1.0}.pop],
        [slice(1), slice(2), 1j, 2j, b"a", b"b", range(3), range(4)],
    ],
)
def test_every_attribute_of_a_value_belongs_to_it(values):
    texts = [json.dumps(described(value)) for value in values]
    assert len({*texts}) == len(texts)
    assert texts == [json.dumps(described(copy.copy(value))) for value in values]


def test_a_slot_that_is_no_field_belongs_to_a_frozen_dataclass_as_well():
    texts = [json.dumps(described(changed(SlotsOfBoth(), "c", c))) for c in (1.0, 2.0, 1.0)]
    assert texts[0] == texts[2] != texts[1]


def test_everything_in_a_class_belongs_to_it():
    def with_parts(c, function=math.sin):
        class Mine:
            activation = function

            def __init__(self):
                self.value = 1.0

            @cache  # noqa: B019
            def remembered(self):
                return c

            @property
            def value(self):
                return self._value

            @value.setter
            def value(self, value):
                self._value = c * value

        return Mine

    texts = [json.dumps(described(with_parts(*v))) for v in [(1,), (2,), (1, math.cos)]]
    assert len({*texts}) == 3
    assert texts[0] == json.dumps(described(with_parts(1)))


class Scaling:
    """A descriptor."""

    def __init__(self, c):
        self.c = c

    def __get__(self, owner, kind=None):
        return lambda x: self.c * x


def squares(self, x, c):
    return c * np.sum(x**2)


def fourth_powers(self, x, c):
    return c * np.sum(x**4)


@pytest.mark.parametrize("name", ["method", "__call__"])
@pytest.mark.parametrize(
    "made",
    [
        lambda c: partialmethod(squares, c=c),
        lambda c: partialmethod(fourth_powers, c=c),
        lambda c: singledispatchmethod(lambda self, x: c * x),
        lambda c: staticmethod(lambda x: c * x),
        lambda c: cache(lambda self, x: c * x),
        Scaling,
    ],
    ids=["partial", "another", "dispatched", "static", "cached", "descriptor"],
)
def test_every_kind_of_method_belongs_to_its_class(name, made):
    def with_method(c):
        return type("Mine", (), {"__module__": __name__, name: made(c)})()

    used = with_method(1.0)
    first, other, again = (json.dumps(described(with_method(c))) for c in (1.0, 2.0, 1.0))
    getattr(used, name)(2.0)
    assert first == again == json.dumps(described(used))
    assert first != other
    bound = [json.dumps(described(getattr(with_method(c), name))) for c in (1.0, 2.0)]
    assert bound[0] != bound[1]


def test_a_method_with_another_function_in_it_is_another():
    own = {"__module__": __name__, "__setattr__": object.__setattr__}
    kinds = [
        type("Mine", (), own | {"low": partialmethod(f, c=1)}) for f in (squares, fourth_powers)
    ]
    assert described(kinds[0]()) != described(kinds[1]())


def test_functions_of_autograd_are_told_apart(loss_of):
    texts = [
        json.dumps(described(loss_of(f"from autograd.numpy import {name} as f\n{code}", 1.0)))
        for name in ("sin", "tanh")
        for code in ("def loss(x):\n    return f(x)", "loss = f")
    ]
    assert len({*texts}) == 4


class Quick:
    """Keeps what it has computed."""

    def __init__(self, c):
        self.c, self._kept = c, {}

    def __getstate__(self):
        return {"c": self.c}

    @cached_property
    def matrix(self):
        return self.c * numpy.eye(2)

    def __call__(self, x):
        self._kept[len(self._kept)] = x
        return self.matrix[0, 0] * np.sum(x**2)


class Cached:
    def __init__(self, c):
        self.c = c

    matrix = cached_property(lambda self: self.c * numpy.eye(2))

    def __call__(self, x):
        return self.matrix[0, 0] * np.sum(x**2)


@pytest.mark.parametrize(
    "loss",
    [
        rosenbrock,
        noisy(rosenbrock, 0.1),
        shifted(rosenbrock, 2),
        describe("Bowl", start=[1.0, 2.0])(lambda x: x[0] ** 2 + 3 * x[1] ** 2),
        Quick(1.0),
        Cached(1.0),
        MOONS,
    ],
    ids=["known", "noisy", "shifted", "described", "notes", "cached", "training"],
)
def test_a_loss_that_was_used_meanwhile_is_still_the_same(loss, tmp_path):
    start = None if loss is MOONS else [1.0, 2.0]
    again = partial(sweep, Adam, loss, start=start, steps=3, lr=LR, store=tmp_path)
    first = again()
    if isinstance(loss, Function):
        if loss.any_dimension:
            loss(numpy.ones((4, 3)))
        loss(numpy.ones((2, 2)))
    assert_same(again(), first)


def test_lambdas_on_one_line_are_told_apart():
    one, other = lambda x: x + 1, lambda x: x + 2
    assert described(one) != described(other)


def test_what_contains_itself_has_an_end():
    loop = [1]
    loop.append(loop)
    assert described(loop) == [1, "itself"]

    def even(n):
        return n == 0 or odd(n - 1)

    def odd(n):
        return n > 0 and even(n - 1)

    json.dumps(described(even))


SCRIPT = """
import json, sys
from functools import partial
import autograd.numpy as np
from optimizers import Lookahead, Muon, Optimizer, Training, pure
from optimizers.datasets import digits
from optimizers.experiments.description import described
from optimizers.functions import noisy, rosenbrock
from optimizers.models import transformer, mlp
from optimizers.schedules import cosine
WORDS = {"some", "words", "in", "a", "set"}
class Mine(Optimizer):
    gamma = 0.5  # share
    def direction(self, theta, g):
        return self.gamma * g if "some" in WORDS else g * np.array(["a", "b"] == {"a", "b"})
def loss(x):
    return np.sum(np.tanh(x) ** 2) if str(x) in {"x", "y", "z"} else 0.0
print(json.dumps([described(v) for v in (
    Mine, loss, partial(Lookahead, inner=Muon), partial(cosine, steps=5), cosine(0.1, 5),
    noisy(rosenbrock, 0.1), Training(mlp([64, 8, 10]), digits()),
    Training(transformer(16, 8), digits()), object(), pure(lambda x: x), np.tanh, sys.intern,
)]))
"""


def test_a_description_is_the_same_in_every_process():
    def told(hash_seed):
        run = subprocess.run(
            [sys.executable, "-c", SCRIPT + SCRIPT.replace("0.5  # share", "0.25")],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        return [json.loads(line) for line in run.stdout.splitlines()]

    first, other = told("1")
    assert told("2") == [first, other]
    assert first[0] != other[0]
    assert first[1:] == other[1:]


# ------------------------------------------------------------------------------- killed meanwhile


def test_what_is_written_whole_is_there_whole_or_not_at_all(tmp_path):
    file = tmp_path / "new" / "file"
    with written_whole(file) as stream:
        stream.write(b"first")
        assert not file.exists()
    assert file.read_bytes() == b"first"

    def half():
        with written_whole(file) as stream:
            stream.write(b"sec")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    assert file.read_bytes() == b"first"
    assert [f.name for f in file.parent.iterdir()] == ["file"]


def test_a_piece_that_cannot_be_saved_leaves_nothing(tmp_path):
    class Unwritable:
        def __array__(self, dtype=None, copy=None):
            raise OSError("no space left on device")

    store = Store(tmp_path / "store", {})
    with pytest.raises(OSError, match="no space left"):
        store.save(0, {"a": numpy.zeros(3), "b": Unwritable()})
    assert 0 not in store
    assert [file.name for file in store.folder.iterdir()] == ["settings.json"]


LONG = """
import io, os, sys, time
import numpy as np
from optimizers import SGD, sweep
from optimizers.experiments import runs
from optimizers.functions import noisy, rosenbrock

class Alone(SGD):
    batched = BATCHED
    def direction(self, theta, g):
        time.sleep(float(os.environ["PAUSE"]))
        return g

def as_a_slow_disk(stream, *, savez=np.savez, **arrays):
    whole = io.BytesIO()
    savez(whole, **arrays)
    for i in range(8):
        size = len(whole.getbuffer()) // 8 + 1
        stream.write(whole.getbuffer()[i * size : (i + 1) * size])
        stream.flush()
        time.sleep(float(os.environ["DISK"]))

runs.IN_CACHE = 8  # small pieces
np.savez, savez = as_a_slow_disk, np.savez
print("ready", flush=True)
found = sweep(
    Alone, noisy(rosenbrock, 0.1), seeds=SEEDS, steps=20, every=1, lr=[1e-4, 1e-3, 2e-3, 1.0],
    store=sys.argv[1] or None, n_jobs=N_JOBS, progress=False,
)
savez(sys.argv[2], losses=found.losses, curves=found.curves)
"""


@pytest.fixture
def long_work(tmp_path):
    """Start a long sweep in a process of its own, from "ready" on."""

    def started(store, end, seeds, *, batched=False, n_jobs=None, pause=0.0, disk=0.0):
        script = LONG.replace("BATCHED", str(batched)).replace("SEEDS", str(seeds))
        (tmp_path / "long.py").write_text(script.replace("N_JOBS", str(n_jobs)))
        process = subprocess.Popen(
            [sys.executable, tmp_path / "long.py", store, end],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PAUSE": str(pause), "DISK": str(disk)},
            start_new_session=True,
        )
        processes.append(process)
        assert process.stdout.readline() == "ready\n", process.stderr.read()
        return process

    processes = []
    yield started
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def finish(process):
    _, complaints = process.communicate(timeout=60)
    assert process.returncode == 0, complaints


def assert_same_file(one, other):
    with numpy.load(one) as ours, numpy.load(other) as theirs:
        assert ours.files == theirs.files == ["losses", "curves"]
        for name in ours.files:
            numpy.testing.assert_array_equal(ours[name], theirs[name])


def test_killed_at_any_moment_it_goes_on_and_ends_where_it_would_have(tmp_path, long_work):
    whole, end, store = tmp_path / "whole.npz", tmp_path / "end.npz", tmp_path / "store"
    finish(long_work("", whole, 20))
    rng = numpy.random.default_rng(0)
    finished = []
    for turn in range(6):
        process, before = long_work(store, end, 20, disk=0.001), len(pieces(store))
        while turn % 2 and len(pieces(store)) == before and process.poll() is None:
            time.sleep(0.001)  # every other time something new is finished first
        time.sleep(rng.uniform(0.0, 0.05))
        process.kill()
        process.wait()
        for file in pieces(store):
            with numpy.load(file) as piece:
                assert all(numpy.isfinite(piece[name]).any() for name in piece.files)
        finished.append(len(pieces(store)))
    assert finished == sorted(finished)
    assert finished[-1] > 0
    assert finished[0] < 80
    finish(long_work(store, end, 20))
    assert len(pieces(store)) == 80
    assert_same_file(whole, end)


@pytest.mark.parametrize("way", [{"batched": True}, {"n_jobs": 2}], ids=["threads", "joblib"])
def test_after_ctrl_c_nobody_works_on_and_what_was_done_is_kept(tmp_path, long_work, way):
    whole, end, store = tmp_path / "whole.npz", tmp_path / "end.npz", tmp_path / "store"
    process = long_work(store, end, 15, pause=0.005, **way)
    patience = time.monotonic() + 30
    while len(pieces(store)) < 5 and time.monotonic() < patience:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, complaints = process.communicate(timeout=20)
    assert complaints.rstrip().endswith("KeyboardInterrupt")
    assert "Warning" not in complaints
    while time.monotonic() < patience:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:  # all gone
            break
        time.sleep(0.01)
    else:
        pytest.fail("processes were left behind")
    kept = {file: file.stat().st_mtime_ns for file in pieces(store)}
    assert len(kept) >= 5
    assert not end.exists()
    finish(long_work(store, end, 15, **way))
    assert all(file.stat().st_mtime_ns == at for file, at in kept.items())
    finish(long_work("", whole, 15))
    assert_same_file(whole, end)
