"""Steps as machine code, by llvmlite: whole runs, side by side in vector registers.

The numbers are NumPy's, bit for bit. LLVM is given no leave to reorder or to fuse; exp, sin and
their like call the loops that NumPy's own ufuncs are made of; what depends on t and on settings
alone is computed beforehand, by Python and NumPy, as the rule says it.
"""

from __future__ import annotations

import ctypes
import struct
import sys
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, repeat
from math import prod
from threading import Lock, Thread
from typing import Any, NamedTuple

import numpy as np

from optimizers.cores import cores
from optimizers.engine.scalars import RUN, STEP, Scalar, Untraceable, inputs, plain
from optimizers.engine.step import Step, Update, updates_of

LANES = 8  # runs side by side in a register
KEPT = 128  # compiled functions
STRETCH = 3e7  # operations between two looks at the keyboard: some hundredths of a second
ALONE = 1e6  # operations that are not worth a second thread
CALL = 16  # what a call costs, in sums

SUMS = {"add": "fadd", "subtract": "fsub", "multiply": "fmul", "divide": "fdiv"}
TESTS = {"equal": "oeq", "not_equal": "une", "less": "olt", "less_equal": "ole"}
TESTS |= {"greater": "ogt", "greater_equal": "oge"}
LOGIC = {"logical_and": "and", "logical_or": "or", "logical_xor": "xor"}
INTRINSICS = {"sqrt": "sqrt", "absolute": "fabs", "floor": "floor", "ceil": "ceil", "rint": "rint"}
INTRINSICS |= {"trunc": "trunc", "fma": "fma"}
WRITTEN = {*SUMS, *TESTS, *LOGIC, *INTRINSICS, "logical_not", "negative", "where", "sign"}
WRITTEN |= {"maximum", "minimum"}


@cache
def numpy_loop(name: str) -> tuple[int, int]:
    """The address of the loop over float64 that a ufunc is made of, and of its data.

    It stands in the struct PyUFuncObject, which numpy/ufuncobject.h makes public. The loop is
    compared with the ufunc before it is trusted, one number at a time and many.
    """
    ufunc = getattr(np, name, None)
    if not isinstance(ufunc, np.ufunc) or sys.implementation.name != "cpython":
        raise Untraceable(f"np.{name} is no ufunc whose loop can be called")
    address = id(ufunc) + object.__basicsize__
    *counts, _, functions, data, kinds, _, _, types = struct.unpack(
        "4i2P2i2P", ctypes.string_at(address, struct.calcsize("4i2P2i2P"))
    )
    if (*counts, kinds) == (ufunc.nin, 1, ufunc.nin + 1, len(ufunc.types)):
        codes = bytes([np.dtype(float).num] * ufunc.nargs)
        for i in range(kinds):
            if ctypes.string_at(types + i * ufunc.nargs, ufunc.nargs) == codes:
                loop = ctypes.c_void_p.from_address(functions + 8 * i).value or 0
                given = ctypes.c_void_p.from_address(data + 8 * i).value or 0 if data else 0
                if loop and (ufunc.signature or _is_trusted(ufunc, loop, given)):
                    return loop, given
    raise Untraceable(f"the loop inside np.{name} does not give what np.{name} gives")


LOOP = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 4)  # places, counts, strides, data


def _is_trusted(ufunc: np.ufunc, loop: int, data: int) -> bool:
    call = LOOP(loop)
    rng, special = np.random.default_rng(0), [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, 2.0, 0.5]
    rows = rng.standard_normal((ufunc.nargs, 512)) * 10.0 ** rng.uniform(-3, 3, 512)
    rows[0, :64], rows[1 : ufunc.nin, :64] = np.repeat(special, 8), np.tile(special, 8)
    for lanes in (1, LANES):
        shared = ufunc is np.power and lanes == 1  # where NumPy sees one exponent for all
        strides = np.array([8, 8 * (not shared), 8, 8])
        for i in range(0, 512, lanes):
            places = np.array([_address(row[i:]) for row in rows])
            call(_address(places), _address(np.array([lanes])), _address(strides), data)
        with np.errstate(all="ignore"):
            right = ufunc(*rows[:-1]) if lanes > 1 else [ufunc(*column) for column in rows[:-1].T]
        if not np.array_equal(rows[-1], right, equal_nan=True):
            return False
    return True


@cache
def matmul_counts(layout: Any) -> tuple[int, ...]:
    """What the loop inside np.matmul is told of two matrices laid out so, once it is tried."""
    rng = np.random.default_rng(0)
    for _ in range(8):
        a, b = (np.array(rng.standard_normal(shape), order=order) for shape, order in layout)
        rows, k, columns = prod(a.shape[:-1]), a.shape[-1], prod(b.shape[1:])
        found = np.empty((*a.shape[:-1], *b.shape[1:]))
        of_a = a.strides if a.ndim > 1 else (0, 8)
        of_b = b.strides if b.ndim > 1 else (8, 0)
        of_found = (8 * columns * (a.ndim > 1), 8 * (b.ndim > 1))
        counts = (1, rows, k, columns, 0, 0, 0, *of_a, *of_b, *of_found)
        told, places = np.array(counts), np.array([_address(x) for x in (a, b, found)])
        loop, data = numpy_loop("matmul")
        LOOP(loop)(_address(places), _address(told), _address(told[4:]), data)
        if not (np.array_equal(found, a @ b) and np.array_equal(found, np.dot(a, b))):
            raise Untraceable("the loop inside np.matmul does not give what np.matmul gives")
    return counts


# ------------------------------------------------------------------------------------- the text


def _hex(value: Any) -> str:
    return "0x" + struct.pack(">d", float(value)).hex()


class Text:
    """LLVM's language for expressions: each becomes a line, once.

    Attributes
    ----------
    fed
        What is computed beforehand, by where it is kept: "fixed" for all runs and steps, "column"
        by run, "table" by step, "grid" by both.
    """

    def __init__(self, lanes: int, columns: frozenset[str], at_once: bool = False) -> None:
        self.lanes, self.columns = lanes, columns
        self.varying = 0 if at_once else STEP  # one step: what depends on t is a number
        self.type = f"<{lanes} x double>" if lanes > 1 else "double"
        self.bit = f"<{lanes} x i1>" if lanes > 1 else "i1"
        self.suffix = f"v{lanes}f64" if lanes > 1 else "f64"
        self.blocks: dict[str, list[str]] = {b: [] for b in ("entry", "run", "step", "update")}
        self.names: dict[Scalar, str] = {}
        self.fed: dict[str, list[Scalar]] = {k: [] for k in ("fixed", "column", "table", "grid")}
        self.declared: set[str] = set()
        self.products: dict[Any, list[str]] = {}
        self.count = self.cost = 0
        self.calls, self.lines = False, list[str]()

    def new(self, block: str, code: str) -> str:
        """Write a line; return the name of its result."""
        self.count += 1
        self.blocks[block].append(f"  %v{self.count} = {code}")
        return f"%v{self.count}"

    def do(self, block: str, code: str) -> None:
        """Write a line without a result."""
        self.blocks[block].append(f"  {code}")

    def constant(self, value: Any) -> str:
        """A number, in each lane."""
        number = f"double {_hex(value)}"
        return f"<{', '.join([number] * self.lanes)}>" if self.lanes > 1 else _hex(value)

    def value(self, scalar: Scalar, block: str) -> str:
        """The name of an expression's value, written into a block if it stands nowhere yet."""
        if scalar.op == "constant" and not scalar.is_bool:
            return self.constant(scalar.args[0])
        if scalar not in self.names:
            self.names[scalar] = self._written(scalar, block)
        return self.names[scalar]

    def _written(self, x: Scalar, block: str) -> str:
        if x.op == "constant":
            return self.new(
                "entry",
                f"fcmp {str(x.args[0]).lower()} {self.type} {self.constant(0)}, {self.constant(0)}",
            )
        if not x.depends & RUN:
            return self._fed(x)
        if x.op == "part":
            return self._product(block, x.args[1])[x.args[0]]
        args, t = [self.value(a, block) for a in x.args], self.type
        self.cost += 1
        if x.op in SUMS:
            return self.new(block, f"{SUMS[x.op]} {t} {args[0]}, {args[1]}")
        if x.op in TESTS:
            return self.new(block, f"fcmp {TESTS[x.op]} {t} {args[0]}, {args[1]}")
        if x.op in LOGIC:
            return self.new(block, f"{LOGIC[x.op]} {self.bit} {args[0]}, {args[1]}")
        if x.op == "logical_not":
            true = f"<{', '.join(['i1 true'] * self.lanes)}>" if self.lanes > 1 else "true"
            return self.new(block, f"xor {self.bit} {args[0]}, {true}")
        if x.op == "negative":
            return self.new(block, f"fneg {t} {args[0]}")
        if x.op == "where":
            kind = self.bit if x.is_bool else t
            return self.select(block, args[0], args[1], args[2], kind)
        if x.op in ("maximum", "minimum"):  # nan if either is
            test = "oge" if x.op == "maximum" else "ole"
            first = self.new(block, f"fcmp {test} {t} {args[0]}, {args[1]}")
            nan = self.new(block, f"fcmp uno {t} {args[0]}, {args[0]}")
            return self.select(block, self.new(block, f"or {self.bit} {first}, {nan}"), *args)
        if x.op == "sign":
            found = args[0]
            for test, number in (("oeq", 0), ("olt", -1), ("ogt", 1)):
                is_so = self.new(block, f"fcmp {test} {t} {args[0]}, {self.constant(0)}")
                found = self.select(block, is_so, self.constant(number), found)
            return found
        if x.op in INTRINSICS:
            return self.new(block, self._intrinsic(INTRINSICS[x.op], args))
        self.cost += CALL
        if x.op == "pow":
            return self._lane_by_lane(block, args, self._by_libm)
        if x.op == "power" and self._varies(x.args[1]):  # each lane has an exponent of its own
            return self._lane_by_lane(block, args, lambda b, *one: self._by_numpy(b, x.op, one, 1))
        return self._by_numpy(block, x.op, args, self.lanes)

    def _varies(self, x: Scalar) -> bool:
        return bool(x.depends & RUN or _names(x) & self.columns)

    def select(self, block: str, test: str, yes: str, no: str, kind: str | None = None) -> str:
        """One value or the other, lane by lane."""
        kind = kind or self.type
        return self.new(block, f"select {self.bit} {test}, {kind} {yes}, {kind} {no}")

    def _intrinsic(self, name: str, args: list[str]) -> str:
        full, t = f"@llvm.{name}.{self.suffix}", self.type
        self.declared.add(f"declare {t} {full}({', '.join([t] * len(args))})")
        return f"call {t} {full}({', '.join(f'{t} {a}' for a in args)})"

    def _lane_by_lane(self, block: str, args: list[str], call: Any) -> str:
        total = "poison"
        for i in range(self.lanes):
            done = call(block, *(self.lane(block, a, i) for a in args))
            total = self.filled(block, total, i, done)
        return total

    def _by_libm(self, block: str, x: str, y: str) -> str:
        return self.new(
            block, f"call double inttoptr (i64 {_libm_pow()} to ptr)(double {x}, double {y})"
        )

    def _by_numpy(self, block: str, op: str, args: Any, lanes: int) -> str:
        loop, data = numpy_loop(op)
        kind = "double" if lanes == 1 else self.type
        if not self.calls:
            self.calls = True
            self.do("entry", "%places = alloca [4 x ptr]")
            self.do("entry", "%numbers = alloca [4 x i64]")
            for i in range(4):
                self.do("entry", f"%room{i} = alloca [{self.lanes} x double], align 64")
                self.do("entry", f"%place{i} = getelementptr ptr, ptr %places, i64 {i}")
                self.do("entry", f"%number{i} = getelementptr i64, ptr %numbers, i64 {i}")
        shared = op == "power"  # one exponent for all, as NumPy has it
        for i, arg in enumerate(args):
            self.do(block, f"store {kind} {arg}, ptr %room{i}, align 8")
        for i in range(len(args) + 1):
            self.do(block, f"store ptr %room{i}, ptr %place{i}")
            self.do(block, f"store i64 {0 if shared and i == 1 else 8}, ptr %number{i}")
        self.do(block, f"store i64 {lanes}, ptr %number3")
        pointers = f"ptr %places, ptr %number3, ptr %numbers, ptr inttoptr (i64 {data} to ptr)"
        self.do(block, f"call void inttoptr (i64 {loop} to ptr)({pointers})")
        return self.new(block, f"load {kind}, ptr %room{len(args)}, align 8")

    def _product(self, block: str, x: Scalar) -> list[str]:
        """Call the loop inside np.matmul, lane by lane; its results are named once and for all."""
        key = (block, x)
        if key in self.products:
            return self.products[key]
        layout, *elements = x.args
        sizes = [prod(shape) for shape, _ in layout]
        counts, (loop, data) = matmul_counts(layout), numpy_loop("matmul")
        size, n = counts[1] * counts[3], len(self.products)
        args = [self.value(a, block) for a in elements]
        self.cost += CALL * self.lanes + len(elements)
        for name, room in zip("abcw", (*sizes, size, len(counts)), strict=True):
            self.do("entry", f"%{name}{n} = alloca [{room} x double], align 64")
        self.do("entry", f"%three{n} = alloca [3 x ptr]")
        for i, name in enumerate("abc"):
            place = self.new("entry", f"getelementptr ptr, ptr %three{n}, i64 {i}")
            self.do("entry", f"store ptr %{name}{n}, ptr {place}")
        for i, count in enumerate(counts):
            place = self.new("entry", f"getelementptr i64, ptr %w{n}, i64 {i}")
            self.do("entry", f"store i64 {count}, ptr {place}")
        steps = self.new("entry", f"getelementptr i64, ptr %w{n}, i64 4")
        where = [
            np.arange(s).reshape(shape, order=order).ravel()
            for s, (shape, order) in zip(sizes, layout, strict=True)
        ]
        places = [("a", i) for i in where[0]] + [("b", i) for i in where[1]]
        pointers = f"ptr %three{n}, ptr %w{n}, ptr {steps}, ptr inttoptr (i64 {data} to ptr)"
        found = ["poison"] * size
        for lane in range(self.lanes):
            for (name, i), arg, x in zip(places, args, elements, strict=True):
                if x.op == "constant" and lane:
                    continue
                at = "entry" if x.op == "constant" else block
                one = _hex(x.args[0]) if x.op == "constant" else self.lane(block, arg, lane)
                place = self.new(at, f"getelementptr double, ptr %{name}{n}, i64 {i}")
                self.do(at, f"store double {one}, ptr {place}")
            self.do(block, f"call void inttoptr (i64 {loop} to ptr)({pointers})")
            for i in range(size):
                place = self.new(block, f"getelementptr double, ptr %c{n}, i64 {i}")
                found[i] = self.filled(
                    block, found[i], lane, self.new(block, f"load double, ptr {place}")
                )
        self.products[key] = found
        return found

    def filled(self, block: str, name: str, lane: int, number: str) -> str:
        """A value with another number in one lane."""
        if self.lanes == 1:
            return number
        return self.new(block, f"insertelement {self.type} {name}, double {number}, i32 {lane}")

    def lane(self, block: str, name: str, lane: int) -> str:
        """One lane of a value."""
        if self.lanes == 1:
            return name
        return self.new(block, f"extractelement {self.type} {name}, i32 {lane}")

    def _fed(self, x: Scalar) -> str:
        """Load what was computed beforehand."""
        by_run, by_step = bool(_names(x) & self.columns), x.depends & self.varying
        kind = ("grid" if by_run else "table") if by_step else "column" if by_run else "fixed"
        block = {"fixed": "entry", "column": "run"}.get(kind, "step")
        row = len(self.fed[kind])
        self.fed[kind].append(x)
        if kind == "fixed":
            place = str(row)
        elif kind == "table":
            place = self.new(block, f"add i64 %row.{kind}, {row}")
        else:
            start = "%base" if kind == "column" else f"%row.{kind}"
            place = self.new(block, f"add i64 {start}, {self.new('entry', f'mul i64 %ld, {row}')}")
        place = self.new(block, f"getelementptr double, ptr %{kind}, i64 {place}")
        if by_run:
            found = self.new(block, f"load {self.type}, ptr {place}, align 8")
        else:
            found = self.splat(block, self.new(block, f"load double, ptr {place}"))
        return (
            self.new(block, f"fcmp une {self.type} {found}, {self.constant(0)}")
            if x.is_bool
            else found
        )

    def splat(self, block: str, number: str) -> str:
        """The same number in each lane."""
        if self.lanes == 1:
            return number
        one = self.new(block, f"insertelement {self.type} poison, double {number}, i32 0")
        mask = f"<{self.lanes} x i32> zeroinitializer"
        return self.new(block, f"shufflevector {self.type} {one}, {self.type} poison, {mask}")


def _names(x: Scalar) -> set[str]:
    """The names of the inputs that an expression is made of."""
    found, open_, seen = set(), [x], {x}
    while open_:
        x = open_.pop()
        if x.op == "input":
            found.add(x.args[0])
        elif x.op != "constant":
            new = [a for a in x.args if isinstance(a, Scalar) and a.depends and a not in seen]
            open_ += new
            seen.update(new)
    return found


GIVEN = ("fixed", "column", "table", "grid", "record", "marks")  # pointers; then whole numbers:
COUNTS = ("ld", "begin", "stop", "end", "every", "left")


def carried(step: Step) -> dict[str, Any]:
    """What goes on from step to step, theta first, and whatever else is watched."""
    more = {n: inputs(n, x.shape) for n, x in step.watched.items() if n not in step.before}
    return {**step.before, **more}


def _arguments(kinds: list[tuple[str, str]]) -> list[str]:
    """Lines that take the arguments out of the array in which they come."""
    return [
        line
        for i, (kind, name) in enumerate(kinds)
        for line in (
            f"  %at.{name} = getelementptr i64, ptr %a, i64 {i}",
            f"  %{name} = load {kind}, ptr %at.{name}",
        )
    ]


def update_text(update: Update) -> Text:
    """Write the function that makes one step of many weights."""
    w = Text(LANES, frozenset(), at_once=True)
    read, after = list(update.read.values()), list(update.after.values())
    w.names |= {x: f"%x{k}" for k, x in enumerate(read)}
    new = [w.value(x, "run") for x in after]
    arrays = [("ptr", "fixed"), *(("ptr", f"in{k}") for k in range(len(read)))]
    arrays += [("ptr", f"out{k}") for k in range(len(after))]
    w.lines = [
        "entry:",
        *_arguments(arrays),
        *w.blocks["entry"],
        "  br label %run",
        "run:",
        "  %n = phi i64 [%from, %entry], [%n.next, %run]",
        f"  %base = mul i64 %n, {LANES}",
        *(f"  %from{k} = getelementptr double, ptr %in{k}, i64 %base" for k in range(len(read))),
        *(f"  %x{k} = load {w.type}, ptr %from{k}, align 8" for k in range(len(read))),
        *w.blocks["run"],
        *(f"  %to{k} = getelementptr double, ptr %out{k}, i64 %base" for k in range(len(after))),
        *(f"  store {w.type} {x}, ptr %to{k}, align 8" for k, x in enumerate(new)),
        "  %n.next = add i64 %n, 1",
        "  %is.more = icmp slt i64 %n.next, %to",
        "  br i1 %is.more, label %run, label %done",
        "done:",
        "  ret void",
    ]
    return w


def run_text(step: Step, lanes: int, columns: frozenset[str], alone: bool) -> Text:
    """Write the function that makes many steps of many runs, and writes down what is due.

    Parameters
    ----------
    lanes
        Runs side by side.
    columns
        The inputs that differ from run to run.
    alone
        Whether it is a single run, of which the weights are kept as they are when it diverges;
        among many they are nan from then on.
    """
    w = Text(lanes, columns)
    names = carried(step)
    before = [x for name in names for x in names[name].ravel()]
    after = [x for name in names for x in {**step.watched, **step.after}[name].ravel()]
    t, size, state = w.type, step.g.size, range(len(before))
    w.names |= {x: f"%x{k}" for k, x in enumerate(before)}
    loss = w.value(step.loss.item(), "step")
    slope = [w.value(g, "step") for g in step.gradient]
    items = [*(f"%x{i}" for i in range(size)), loss, *slope]
    items += [w.names[x] for name in step.watched for x in names[name].ravel()]
    off = w.constant(0)
    for x in items[: size + 1]:  # x - x is 0 unless x is not finite
        off = w.new("step", f"fadd {t} {off}, {w.new('step', f'fsub {t} {x}, {x}')}")
    fine = w.new("step", f"fcmp oeq {t} {off}, {w.constant(0)}")
    known = w.new("step", f"fcmp oge {t} %mark, {w.constant(0)}")
    now = w.splat("step", w.new("step", "sitofp i64 %i to double"))
    mark = w.select("step", w.new("step", f"or {w.bit} {fine}, {known}"), "%mark", now)
    stays = [f"%x{k}" for k in state]
    if not alone:
        stays[:size] = [w.select("step", fine, x, w.constant(np.nan)) for x in stays[:size]]
    w.names = {x: name for x, name in w.names.items() if not x.depends & RUN}
    w.names |= dict(zip([*before, *step.g], [*stays, *slope], strict=True))
    new = [w.value(x, "update") for x in after]

    arguments = [*(("ptr", n) for n in GIVEN), *(("i64", n) for n in COUNTS)]
    arguments += [("ptr", f"in{k}") for k in state]

    def each(line: str) -> list[str]:
        return [line.format(k=k, t=t, stays=stays[k], new=new[k]) for k in state]

    w.lines = [
        "entry:",
        *_arguments(arguments),
        *(f"  %down{j} = mul i64 %ld, {j}" for j in range(len(items) + 1)),
        *w.blocks["entry"],
        "  br label %run",
        "run:",
        "  %n = phi i64 [%from, %entry], [%n.next, %after]",
        f"  %base = mul i64 %n, {lanes}",
        "  %place.marks = getelementptr double, ptr %marks, i64 %base",
        f"  %mark.first = load {t}, ptr %place.marks, align 8",
        *each("  %place.x{k} = getelementptr double, ptr %in{k}, i64 %base"),
        *each("  %first{k} = load {t}, ptr %place.x{k}, align 8"),
        "  %record.first = getelementptr double, ptr %record, i64 %base",
        *w.blocks["run"],
        "  br label %step",
        "step:",
        "  %i = phi i64 [%begin, %run], [%i.next, %update]",
        "  %left.now = phi i64 [%left, %run], [%left.next, %update]",
        "  %record.now = phi ptr [%record.first, %run], [%record.next, %update]",
        f"  %mark = phi {t} [%mark.first, %run], [{mark}, %update]",
        *each("  %x{k} = phi {t} [%first{k}, %run], [{new}, %update]"),
        "  %made = sub i64 %i, %begin",
        f"  %row.table = mul i64 %made, {len(w.fed['table'])}",
        f"  %row.steps = mul i64 %made, {len(w.fed['grid'])}",
        "  %row.ld = mul i64 %row.steps, %ld",
        "  %row.grid = add i64 %row.ld, %base",
        *w.blocks["step"],
        "  %is.due = icmp eq i64 %left.now, 0",
        "  %is.last = icmp eq i64 %i, %stop",
        "  %is.kept = or i1 %is.due, %is.last",
        "  br i1 %is.kept, label %keep, label %go",
        "keep:",
        *(
            f"  %p{j} = getelementptr double, ptr %record.now, i64 %down{j}"
            for j in range(len(items))
        ),
        *(f"  store {t} {x}, ptr %p{j}, align 8" for j, x in enumerate(items)),
        f"  %record.down = getelementptr double, ptr %record.now, i64 %down{len(items)}",
        "  br label %go",
        "go:",
        "  %record.next = phi ptr [%record.now, %step], [%record.down, %keep]",
        "  %left.start = select i1 %is.due, i64 %every, i64 %left.now",
        "  %left.next = sub i64 %left.start, 1",
        "  br i1 %is.last, label %after, label %update",
        "update:",
        *w.blocks["update"],
        "  %i.next = add i64 %i, 1",
        "  %is.more = icmp slt i64 %i.next, %end",
        "  br i1 %is.more, label %step, label %after",
        "after:",
        *each("  %last{k} = phi {t} [{stays}, %go], [{new}, %update]"),
        *each("  store {t} %last{k}, ptr %place.x{k}, align 8"),
        f"  store {t} {mark}, ptr %place.marks, align 8",
        "  %n.next = add i64 %n, 1",
        "  %is.again = icmp slt i64 %n.next, %to",
        "  br i1 %is.again, label %run, label %done",
        "done:",
        "  ret void",
    ]
    return w


# ------------------------------------------------------------------------------------- compiled

_compiled: OrderedDict[str, Any] = OrderedDict()
_lock = Lock()


def compiled(w: Text) -> Any:
    """The function of a text, made or found: f(arguments, from, to)."""
    text = "\n".join(
        [*sorted(w.declared), "define void @run(ptr %a, i64 %from, i64 %to) {", *w.lines, "}"]
    )
    with _lock:
        if text not in _compiled:
            _compiled[text] = _compile(text)
            if len(_compiled) > KEPT:
                _compiled.popitem(last=False)
        _compiled.move_to_end(text)
        return _compiled[text]


def _compile(text: str) -> Any:
    try:
        import llvmlite.binding as llvm
    except ImportError as error:
        raise Untraceable("llvmlite is not installed") from error
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    try:
        module = llvm.parse_assembly(text)
        module.verify()
        machine = llvm.Target.from_default_triple().create_target_machine(
            cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=2
        )
        engine = llvm.create_mcjit_compiler(module, machine)
        engine.finalize_object()
    except RuntimeError as error:
        raise Untraceable(f"LLVM refuses it: {error}") from error
    call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)(
        engine.get_function_address("run")
    )
    call.engine = engine  # type: ignore[attr-defined]  # it owns the code
    return call


@cache
def _libm_pow() -> int:
    """The address of C's pow, which Python's ** and NumPy's numbers call."""
    import llvmlite.binding as llvm

    address = llvm.address_of_symbol("pow")
    if not address:
        raise Untraceable("C's pow is not found")
    call = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_double)(address)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal(400) * 10.0 ** rng.uniform(-3, 3, 400), rng.uniform(-4, 4, 400)
    x[:200], y[200:] = abs(x[:200]), np.round(y[200:])
    with np.errstate(all="ignore"):
        if not all(call(a, b) == np.float64(a) ** np.float64(b) for a, b in zip(x, y, strict=True)):
            raise Untraceable("C's pow differs from NumPy's")
    return int(address)


# ---------------------------------------------------------------- what is computed beforehand


def computed(roots: list[Scalar], given: Mapping[str, Any], steps: int) -> list[Any]:
    """The values of expressions of t and of settings: one each, or a list of one a step.

    `given` has the inputs by name: numbers, or columns (runs, 1); of those that belong to a step,
    a list of arrays or numbers.
    """
    found: dict[Scalar, Any] = {}

    def value(x: Scalar) -> Any:
        if x not in found:
            found[x] = made(x)
        return found[x]

    def made(x: Scalar) -> Any:
        if x.op == "constant":
            return x.args[0]
        if x.op == "input":
            name, i = x.args
            if not x.depends & STEP:
                return given[name]
            return [row if np.ndim(row) != 1 else row[i] for row in given[name]]
        args = [value(a) for a in x.args]
        if not x.depends & STEP:
            return plain(x.op)(*args)
        each = [
            a if of.depends & STEP else repeat(a, steps) for a, of in zip(args, x.args, strict=True)
        ]
        return list(map(plain(x.op), *each))

    try:
        with np.errstate(all="ignore"):
            return [value(root) for root in roots]
    except ArithmeticError as error:
        raise Untraceable(f"a number that depends on t: {error}") from error


# ------------------------------------------------------------------------------------ whole runs


@dataclass(frozen=True)
class Path:
    """Rows of a run, or of many.

    Attributes
    ----------
    theta, loss, gradient, step
        At each row that is kept: (rows, …, P), (rows, …), (rows, …, P), and the steps made (rows,).
    watched
        What else was asked for, by name, (rows, …).
    state
        The weights ("theta") and the state after the last step, by name.
    diverged_at
        The step at which a run stopped being finite, -1 if it did not: (…).
    """

    theta: np.ndarray
    loss: np.ndarray
    gradient: np.ndarray
    step: np.ndarray
    watched: dict[str, np.ndarray]
    state: dict[str, np.ndarray]
    diverged_at: np.ndarray

    @property
    def grad_norm(self) -> np.ndarray:
        """The Euclidean norm of the gradient, added up as NumPy does."""
        with np.errstate(all="ignore"):
            return np.asarray(np.sqrt(np.vecdot(self.gradient, self.gradient)))


class Machine:
    """A step, compiled for one run or for many.

    Parameters
    ----------
    step
        What is compiled.
    runs
        How many runs; None for one alone, whose arrays have no axis of runs.
    columns
        The settings that differ from run to run, and "eta" if the learning rate of each step does.

    Raises
    ------
    Untraceable
        If it cannot be compiled, or an operation would not give NumPy's numbers.
    """

    def __init__(
        self, step: Step, runs: int | None = None, columns: frozenset[str] = frozenset()
    ) -> None:
        self.step, self.runs, self.columns = step, runs, columns
        self.lanes = 1 if runs is None else LANES
        self.text = run_text(step, self.lanes, columns, alone=runs is None)
        self.call = compiled(self.text)
        self.ld = -(-(runs or 1) // self.lanes) * self.lanes
        size = step.g.size
        self.carried = _places(0, {n: x.shape for n, x in carried(step).items()})
        self.recorded = _places(0, {"theta": (size,), "loss": (), "gradient": (size,)})
        self.recorded |= _places(1 + 2 * size, {n: self.carried[n].shape for n in step.watched})
        self.width = sum(place.size for place in self.recorded.values())
        numbers = self.text.cost + CALL * len(self.text.fed["grid"]) + 8
        threads = min(cores(), self.ld // self.lanes)
        self.stretch = max(1, int(STRETCH * threads / (self.ld * numbers)))
        self._kept: dict[Any, Any] = {}

    def run(
        self,
        start: Mapping[str, np.ndarray],
        t: int,
        steps: int,
        settings: Mapping[str, Any],
        *,
        etas: list[Any] | None = None,
        batches: list[Any] | None = None,
        every: int = 1,
        tol: float | None = None,
        diverged_at: Any = -1,
    ) -> Path:
        """Make steps, as `Optimizer.minimize` does, bit for bit.

        Parameters
        ----------
        start
            "theta" and the state by name, each (runs, …), or (…) alone; and what else is watched,
            if it has a value yet.
        t, steps
            How many steps were made before, and how many are to be made.
        settings
            The hyper-parameters of the step: numbers, or columns (runs, 1).
        etas, batches
            Of each step, if the learning rate is scheduled, and if there are batches.
        every, tol
            As in `minimize`.
        diverged_at
            The marks of the runs that diverged before.
        """
        if tol is not None:
            steps = self._within(tol, start, t, steps, settings, etas, batches, diverged_at)
        runs, ld, last = self.runs or 1, self.ld, t + steps
        x = np.empty((sum(place.size for place in self.carried.values()), ld))
        for name, place in self.carried.items():
            given = np.nan if start.get(name) is None else start[name]
            if np.size(given) == runs * place.size:
                x[place.rows, :runs] = np.reshape(given, (runs, place.size)).T
            else:  # the same for all runs, or unknown yet
                x[place.rows, :runs] = np.reshape(given, (-1, 1))
        if runs < ld:
            x[:, runs:] = x[:, runs - 1 : runs]
        marks = np.empty(ld)
        marks[:runs] = diverged_at
        marks[runs:] = marks[runs - 1]  # lanes that are left over follow the last run
        kept = steps // every + 1 + (steps % every > 0)
        record = np.empty((kept, self.width, ld))
        begin = t
        while begin <= last:
            end = min(begin + self.stretch, last + 1)  # the last iterate is looked at, not moved
            fed = self._fed(settings, t, begin, end, etas, batches)
            first = record[-(-(begin - t) // every) :]
            counts = (ld, begin, last, end, every, -(begin - t) % every)
            self._advance([*fed, first, marks], counts, x)
            if (marks[:runs] >= 0).all():  # nothing is left to go on with
                stop = max(int(marks[:runs].max()), t)
                if stop < last:
                    again = {"etas": etas, "batches": batches, "diverged_at": diverged_at}
                    return self.run(start, t, stop - t, settings, every=every, **again)
            begin = end
        parts = {name: self._part(record, place) for name, place in self.recorded.items()}
        gradient = parts["gradient"]
        if self.runs is not None and start["theta"].flags.c_contiguous:
            gradient = np.ascontiguousarray(gradient)  # as NumPy adds there
        return Path(
            parts["theta"],
            parts["loss"],
            gradient,
            t + np.minimum(np.arange(kept) * every, steps),
            {name: parts[name] for name in self.step.watched},
            {name: self._part(x, place) for name, place in self.carried.items()},
            marks[:runs].astype(int).reshape(self._lead),
        )

    @property
    def _lead(self) -> tuple[int, ...]:
        return () if self.runs is None else (self.runs,)

    def _part(self, values: np.ndarray, place: Place) -> np.ndarray:
        """Some rows of (…, rows, ld) as (…, runs, *shape)."""
        if self.runs is None:
            some = values[..., place.rows, 0]
        else:
            some = values[..., place.rows, : self.runs].swapaxes(-1, -2)
        return some if len(place.shape) == 1 else some.reshape((*some.shape[:-1], *place.shape))

    def _within(self, tol: float, start: Any, t: int, steps: int, *more: Any) -> int:
        """How many steps there are until the gradient's norm is at most `tol` in every run."""
        settings, etas, batches, marks = more
        done, window = 0, 128
        while True:
            window = min(window, steps - done)
            rest = {"etas": etas and etas[done:], "batches": batches and batches[done:]}
            path = self.run(start, t + done, window, settings, diverged_at=marks, **rest)
            row = path.step.reshape(-1, *[1] * len(self._lead))
            lost = (path.diverged_at >= 0) & (path.diverged_at <= row)
            near = ((path.grad_norm <= tol) | lost).reshape(len(row), -1).all(axis=1)
            if near.any() or done + window == steps:
                return done + int(np.argmax(near) if near.any() else window)
            start, marks, done, window = path.state, path.diverged_at, done + window, 2 * window

    def _fed(
        self, settings: Mapping[str, Any], t: int, begin: int, end: int, etas: Any, batches: Any
    ) -> list[np.ndarray]:
        """What is computed beforehand for the steps from begin to end: an array of each kind."""
        is_plain = etas is None and batches is None and not self.columns
        key = (begin, end, *settings.values()) if is_plain else None
        if key in self._kept:
            return self._kept[key]
        given = {**settings, "t": range(begin + 1, end + 1)}
        for name, values in (("eta", etas), ("batch", batches)):
            if values is not None:
                given[name] = [values[min(i - t, len(values) - 1)] for i in range(begin, end)]
        kinds = self.text.fed
        values = iter(computed([x for some in kinds.values() for x in some], given, end - begin))
        lists = {kind: [next(values) for _ in some] for kind, some in kinds.items()}
        columns = [self._by_run(v) for v in lists["column"]]
        grids = [[self._by_run(v) for v in each] for each in zip(*lists["grid"], strict=True)]
        table = list(zip(*lists["table"], strict=True))
        made = [np.array(some, float) for some in (lists["fixed"], columns, table, grids)]
        if key is not None:
            if len(self._kept) > 8:
                self._kept.clear()
            self._kept[key] = made
        return made

    def _by_run(self, value: Any) -> np.ndarray:
        """A number for each run, (runs, 1) or one, as (ld,)."""
        row = np.broadcast_to(np.ravel(value), self.runs or 1)
        return np.concatenate([row, np.full(self.ld - row.size, row[-1])])

    def _advance(self, arrays: list[np.ndarray], counts: tuple[int, ...], x: np.ndarray) -> None:
        base, down = _address(x), x.strides[0]
        rows = range(base, base + len(x) * down, down)
        a = np.array([*map(_address, arrays), *counts, *rows])
        work = self.text.cost * self.ld * (counts[3] - counts[1])
        in_threads(self.call, a, self.ld // self.lanes, work > ALONE)


class Updates:
    """The step of many weights that are treated one by one, in one pass through the memory.

    Raises
    ------
    Untraceable
        If the rule is none of these, or cannot be compiled.
    """

    def __init__(self, optimizer: Any) -> None:
        self.updates = updates_of(optimizer)
        self.texts = [update_text(update) for update in self.updates]
        self.calls = [compiled(text) for text in self.texts]

    def __call__(
        self,
        arrays: Mapping[str, np.ndarray],
        out: Mapping[str, np.ndarray],
        given: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Make a step.

        Parameters
        ----------
        arrays
            "theta", "g" and the state by name, (P,) each; "eta" if each weight has its own.
        out
            Where "theta" and the state go: other arrays, or the same.
        given
            The settings, "t" (1 at the first step), "eta", and the state that all weights share.

        Returns
        -------
        shared
            What follows of that state.
        """
        shared = self.updates[0].shared
        given = {
            **given,
            **{name: [given[name]] for name in ("t", "eta", *shared) if name in given},
        }
        for update, text, call in zip(self.updates, self.texts, self.calls, strict=True):
            values = computed(text.fed["fixed"], given, 1)
            fixed = np.array([v[0] if isinstance(v, list) else v for v in values], float)
            for place in update.places:
                read = [np.ascontiguousarray(arrays[name][place], float) for name in update.read]
                self._pass(call, fixed, read, [out[name][place] for name in update.after])
        after = computed([after for _, after in shared.values()], given, 1)
        return {
            n: np.reshape(v[0], np.shape(given[n][0])) for n, v in zip(shared, after, strict=True)
        }

    def _pass(self, call: Any, fixed: np.ndarray, read: list[Any], written: list[Any]) -> None:
        size = len(read[0])
        whole = size - size % LANES
        a = np.array(list(map(_address, (fixed, *read, *written))))
        if whole:
            in_threads(call, a, whole // LANES, size > ALONE / CALL)
        if whole < size:  # the last ones in arrays of their own, filled up
            tails = [np.resize(x[whole:], LANES) for x in read]
            ends = [np.empty(LANES) for _ in written]
            call(_address(np.array(list(map(_address, (fixed, *tails, *ends))))), 0, 1)
            for x, end in zip(written, ends, strict=True):
                x[whole:] = end[: size - whole]


class Place(NamedTuple):
    """Where an array stands in the rows."""

    rows: slice
    size: int
    shape: tuple[int, ...]


def _places(row: int, shapes: dict[str, tuple[int, ...]]) -> dict[str, Place]:
    found = {}
    for name, shape in shapes.items():
        size = prod(shape)
        found[name] = Place(slice(row, row + size), size, shape)
        row += size
    return found


def _address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


def in_threads(call: Any, a: np.ndarray, count: int, several: bool) -> None:
    """Call f(arguments, from, to), by several threads if asked: ctypes lets go of Python."""
    threads = min(cores(), count) if several else 1
    edges = [count * i // threads for i in range(threads + 1)]
    parts = [(_address(a), low, high) for low, high in pairwise(edges)]
    others = [Thread(target=call, args=part) for part in parts[1:]]
    for thread in others:
        thread.start()
    try:
        call(*parts[0])
    finally:
        for thread in others:  # they write into arrays that are about to go
            thread.join()
