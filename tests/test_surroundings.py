"""What a loss reads may change between two runs, where neither start nor end shows it."""

import calendar
import collections
import contextvars
import ctypes
import dataclasses
import functools
import sys
import threading
import types
import weakref

import autograd.numpy as np
import numpy
import pytest

from optimizers import Adam

LATER = 3.0  # what changes is 1 before


def in_a_module(source):
    """Names of a module of the user's."""
    module = types.ModuleType("mine")
    vars(module).update(np=np)
    exec(source, vars(module))
    return module


def a_global():
    m = in_a_module("k = 1.0\ndef read(): return k")
    return m.read, lambda: setattr(m, "k", LATER)


def a_global_of_a_helper():
    m = in_a_module("k = 1.0\ndef help(): return k\ndef read(): return help()")
    return m.read, lambda: setattr(m, "k", LATER)


def a_helper_defined_anew():
    m = in_a_module("def help(): return 1.0\ndef read(): return help()")
    return m.read, lambda: exec("def help(): return 3.0", vars(m))


def a_name_of_pythons_defined_anew():
    m = in_a_module("def read(): return max(1.0, 3.0) if 0 else min(1.0, 3.0)")
    return m.read, lambda: setattr(m, "min", max)


def a_setting_in_a_module():
    m = in_a_module("k = 1.0")
    return lambda: m.k, lambda: setattr(m, "k", LATER)


def a_module_imported_in_the_loss():
    sys.modules["settings_of_mine"] = m = in_a_module("k = 1.0")

    def read():
        import settings_of_mine

        return settings_of_mine.k

    return read, lambda: setattr(m, "k", LATER)


def a_closure():
    k = 1.0

    def change():
        nonlocal k
        k = LATER

    return lambda: k, change


def a_list():
    k = [1.0]
    return lambda: k[0], lambda: k.__setitem__(0, LATER)


def a_list_in_a_tuple():
    k = ([1.0],)
    return lambda: k[0][0], lambda: k[0].__setitem__(0, LATER)


def a_long_list():
    k = [0.0] * 5000 + [1.0]
    return lambda: k[-1], lambda: k.__setitem__(-1, LATER)


def a_dict_in_a_dict():
    k = {"a": {"b": 1.0}}
    return lambda: k["a"]["b"], lambda: k["a"].update(b=LATER)


def the_order_of_a_dict():
    k = {"a": 1.0, "b": LATER}
    return lambda: next(v for v in k.values()), lambda: k.update(a=k.pop("a"))


def a_deque():
    k = collections.deque([1.0], maxlen=1)
    return lambda: k[0], lambda: k.append(LATER)


def a_set():
    k = {1}
    return lambda: LATER if 2 in k else 1.0, lambda: k.add(2)


def the_sign_of_a_zero():
    k = [0.0]
    return lambda: float(numpy.copysign(2.0, k[0])) + 1.0, lambda: k.__setitem__(0, -0.0)


def an_array():
    k = numpy.array([1.0, numpy.nan])
    return lambda: k[0], lambda: k.__setitem__(0, LATER)


def an_array_of_no_axes():
    k = numpy.array(1.0)
    return lambda: k[()], lambda: k.__setitem__((), LATER)


def a_large_array():
    k = numpy.ones(20_000)
    return lambda: k[-1], lambda: k.__setitem__(-1, LATER)


def an_array_of_objects():
    k = numpy.array([1.0], object)
    return lambda: k[0], lambda: k.__setitem__(0, LATER)


def the_mask_of_an_array():
    k = numpy.ma.array([1.0, 2.0], mask=[False, True])
    return lambda: float(k.sum()), lambda: setattr(k, "mask", [False, False])


def an_attribute_of_an_array():
    class Mine(numpy.ndarray):
        pass

    k = numpy.ones(2).view(Mine)
    k.mine = 1.0
    return lambda: k.mine, lambda: setattr(k, "mine", LATER)


def an_attribute_of_a_number():
    class Mine(float):
        pass

    k = Mine(2.0)
    k.mine = 1.0
    return lambda: k.mine, lambda: setattr(k, "mine", LATER)


def an_attribute():
    k = types.SimpleNamespace(mine=1.0)
    return lambda: k.mine, lambda: setattr(k, "mine", LATER)


def an_attribute_of_a_dataclass():
    @dataclasses.dataclass
    class Mine:
        k: float = 1.0

    mine = Mine()
    return lambda: mine.k, lambda: setattr(mine, "k", LATER)


def a_slot():
    class Mine:
        __slots__ = ("k",)

    class More(Mine):
        pass

    mine = More()
    mine.k = 1.0
    return lambda: mine.k, lambda: setattr(mine, "k", LATER)


def an_attribute_of_a_base():
    class Base:
        k = 1.0

    class Mine(Base):
        pass

    return lambda: Mine().k, lambda: setattr(Base, "k", LATER)


def an_attribute_that_hides_that_of_a_base():
    class Base:
        k = 1.0

    class Mine(Base):
        pass

    return lambda: Mine().k, lambda: setattr(Mine, "k", LATER)


def an_attribute_of_a_metaclass():
    class Meta(type):
        k = 1.0

    class Mine(metaclass=Meta):
        pass

    return lambda: Mine.k, lambda: setattr(Meta, "k", LATER)


def what_a_descriptor_reads():
    class Descriptor:
        k = 1.0

        def __get__(self, *of):
            return Descriptor.k

    class Mine:
        mine = Descriptor()

    return lambda: Mine().mine, lambda: setattr(Descriptor, "k", LATER)


def what_a_special_method_reads():
    m = in_a_module("k = 1.0\nclass Mine:\n    def __getitem__(self, i): return k\nmine = Mine()")
    return lambda: m.mine[0], lambda: setattr(m, "k", LATER)


def another_class():
    class Mine:
        k = 1.0

    class Other:
        k = LATER

    mine = Mine()
    return lambda: mine.k, lambda: setattr(mine, "__class__", Other)


def a_default():
    def read(k=1.0):
        return k

    return read, lambda: setattr(read, "__defaults__", (LATER,))


def other_code():
    def read():
        return 1.0

    def other():
        return 3.0

    return read, lambda: setattr(read, "__code__", other.__code__)


def an_attribute_of_the_function():
    def read():
        return read.k

    read.k = 1.0
    return read, lambda: setattr(read, "k", LATER)


def an_argument_of_a_partial():
    read = functools.partial(lambda k: k, k=1.0)
    return read, lambda: read.keywords.update(k=LATER)


def a_bound_method_of_a_list():
    k = [1.0]
    return functools.partial(k.__getitem__, 0), lambda: k.__setitem__(0, LATER)


def what_a_cache_has_kept():
    k = [1.0]
    read = functools.cache(lambda: k[0])
    read()
    k[0] = LATER
    return read, read.cache_clear


def what_is_dispatched():
    @functools.singledispatch
    def read(of):
        return 1.0

    return lambda: read(1), lambda: read.register(int, lambda of: LATER)


def a_global_by_its_name():
    m = in_a_module("k = 1.0\ndef read(): return globals()['k']")
    return m.read, lambda: setattr(m, "k", LATER)


def a_setting_of_pythons_library():
    calendar.setfirstweekday(1)
    return calendar.firstweekday, lambda: calendar.setfirstweekday(3)


def a_number_of_c():
    k = ctypes.c_double(1.0)
    return lambda: k.value, lambda: setattr(k, "value", LATER)


def what_a_thread_has():
    k = threading.local()
    k.mine = 1.0
    return lambda: k.mine, lambda: setattr(k, "mine", LATER)


def a_context():
    k = contextvars.ContextVar("k", default=1.0)
    return k.get, lambda: k.set(LATER)


def what_a_weak_reference_holds():
    class Mine:
        k = 1.0

    mine = Mine()
    weak = weakref.ref(mine)
    return lambda: weak().k, functools.partial(setattr, mine, "k", LATER)


def a_view_of_a_dict():
    k = {"a": 1.0}
    values = k.values()
    return lambda: sum(values), lambda: k.update(a=LATER)


CHANGES = [
    *(a_global, a_global_of_a_helper, a_helper_defined_anew, a_name_of_pythons_defined_anew),
    *(a_setting_in_a_module, a_module_imported_in_the_loss, a_closure, a_list, a_list_in_a_tuple),
    *(a_long_list, a_dict_in_a_dict, the_order_of_a_dict, a_deque, a_set, the_sign_of_a_zero),
    *(an_array, an_array_of_no_axes, a_large_array, an_array_of_objects, the_mask_of_an_array),
    *(an_attribute_of_an_array, an_attribute_of_a_number, an_attribute),
    *(an_attribute_of_a_dataclass, a_slot, an_attribute_of_a_base),
    *(an_attribute_that_hides_that_of_a_base, an_attribute_of_a_metaclass),
    *(what_a_descriptor_reads, what_a_special_method_reads, another_class, a_default, other_code),
    *(an_attribute_of_the_function, an_argument_of_a_partial, a_bound_method_of_a_list),
    *(what_a_cache_has_kept, what_is_dispatched, a_global_by_its_name),
    *(a_setting_of_pythons_library, a_number_of_c, what_a_thread_has, a_context),
    *(what_a_weak_reference_holds, a_view_of_a_dict),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_run_sees_what_has_changed_even_if_only_on_the_way(change, monkeypatch):
    monkeypatch.setitem(sys.modules, "settings_of_mine", None)
    first = calendar.firstweekday()
    read, make_the_change = change()

    def loss(x):  # what is read counts between 0.3 and 0.4
        bump = (x[0] - 0.3) ** 2 * (0.4 - x[0]) ** 2
        return np.sum(x**2) + read() * np.where((x[0] > 0.3) & (x[0] < 0.4), bump, 0.0)

    def run(**how):
        return Adam(loss, [0.5, -0.7], lr=0.01).minimize(500, **how).theta

    try:
        before = [run() for _ in range(3)]
        make_the_change()
        now, plain = run(), run(callback=lambda optimizer: None)
    finally:
        calendar.setfirstweekday(first)
    assert numpy.array_equal(before[0], before[2])
    assert numpy.array_equal(now, plain)
    assert not numpy.array_equal(now, before[0])  # there was something to see
    assert np.abs(before[0][[0, -1], 0] - 0.35).min() > 0.1  # but not at the start, nor at the end
