"""Steps in LLVM's language, and what LLVM makes of it.

LLVM is given no leave to reorder or to fuse: the numbers are NumPy's, bit for bit. exp, sin and
their like call the loops that NumPy's own ufuncs are made of.
"""

from __future__ import annotations

import ctypes
import struct
from collections import OrderedDict
from functools import cache
from math import prod
from threading import Lock
from typing import Any

import numpy as np

from optimizers.engine.numpy_loops import libm_pow, llvm, matmul_counts, numpy_loop
from optimizers.engine.scalars import RUN, STEP, Scalar, Untraceable, inputs, names_in
from optimizers.engine.step import Step

LANES = 8  # numbers side by side in a register
ABREAST = 2 * LANES  # runs: while one register waits for a division, the other goes on
KEPT = 128  # compiled functions
CALL = 16  # what a call costs, in sums

SUMS = {"add": "fadd", "subtract": "fsub", "multiply": "fmul", "divide": "fdiv"}
TESTS = {"equal": "oeq", "not_equal": "une", "less": "olt", "less_equal": "ole"}
TESTS |= {"greater": "ogt", "greater_equal": "oge"}
LOGIC = {"logical_and": "and", "logical_or": "or", "logical_xor": "xor"}
INTRINSICS = {"sqrt": "sqrt", "absolute": "fabs", "floor": "floor", "ceil": "ceil", "rint": "rint"}
INTRINSICS |= {"trunc": "trunc", "fma": "fma"}
WRITTEN = {*SUMS, *TESTS, *LOGIC, *INTRINSICS, "logical_not", "negative", "where", "sign"}
WRITTEN |= {"maximum", "minimum"}


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
        return bool(x.depends & RUN or names_in(x) & self.columns)

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
            block, f"call double inttoptr (i64 {libm_pow()} to ptr)(double {x}, double {y})"
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
        args = [self.value(a, block) for a in elements]  # in which there may be products, too
        size, n = counts[1] * counts[3], len(self.products)
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
        by_run, by_step = bool(names_in(x) & self.columns), x.depends & self.varying
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


GIVEN = ("fixed", "column", "table", "grid", "record", "marks")  # pointers; then whole numbers:
COUNTS = ("ld", "begin", "stop", "end", "every", "left")


def carried(step: Step) -> dict[str, Any]:
    """What goes on from step to step, theta first, and whatever else is watched."""
    more = {n: inputs(n, x.shape) for n, x in step.watched.items() if n not in step.before}
    return {**step.before, **more}


def arguments(kinds: list[tuple[str, str]]) -> list[str]:
    """Lines that take the arguments out of the array in which they come."""
    return [
        line
        for i, (kind, name) in enumerate(kinds)
        for line in (
            f"  %at.{name} = getelementptr i64, ptr %a, i64 {i}",
            f"  %{name} = load {kind}, ptr %at.{name}",
        )
    ]


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
    items = [*(w.value(x, "step") for x in step.out), loss, *slope]
    items += [w.names[x] for name in step.watched for x in names[name].ravel()]
    off = w.constant(0)
    for x in (*(f"%x{i}" for i in range(size)), loss):  # x - x is 0 unless x is not finite
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

    given = [*(("ptr", n) for n in GIVEN), *(("i64", n) for n in COUNTS)]
    given += [("ptr", f"in{k}") for k in state]

    def each(line: str) -> list[str]:
        return [line.format(k=k, t=t, stays=stays[k], new=new[k]) for k in state]

    w.lines = [
        "entry:",
        *arguments(given),
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

_compiled: OrderedDict[tuple[str, bool], Any] = OrderedDict()
_lock = Lock()


def compiled(w: Text, well: bool = True) -> Any:
    """The function of a text, made or found: f(arguments, from, to).

    LLVM takes three times as long to make it well, and it is up to twice as quick then.
    """
    key = _program(w), well
    with _lock:
        if key not in _compiled:
            _compiled[key] = _compile(*key)
            if len(_compiled) > KEPT:
                _compiled.popitem(last=False)
        _compiled.move_to_end(key)
        return _compiled[key]


def assembly_of(w: Text) -> str:
    """The machine code of a text, as this processor's instructions spelled out."""
    module, machine = _verified(_program(w), well=True)
    return str(machine.emit_assembly(module))


def _program(w: Text) -> str:
    head = "define void @run(ptr %a, i64 %from, i64 %to) {"
    return "\n".join([*sorted(w.declared), head, *w.lines, "}"])


def _verified(text: str, well: bool) -> tuple[Any, Any]:
    """What LLVM understands, and the machine that it is for."""
    module = llvm().parse_assembly(text)
    module.verify()
    cpu, features = _processor()
    return module, llvm().Target.from_default_triple().create_target_machine(
        cpu=cpu, features=features, opt=2 if well else 0
    )


@cache
def _processor() -> tuple[str, str]:
    """Its name, and the instructions that it has."""
    return llvm().get_host_cpu_name(), llvm().get_host_cpu_features().flatten()


def _compile(text: str, well: bool) -> Any:
    try:
        engine = llvm().create_mcjit_compiler(*_verified(text, well))
        engine.finalize_object()
    except RuntimeError as error:
        raise Untraceable(f"LLVM refuses it: {error}") from error
    call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)(
        engine.get_function_address("run")
    )
    call.engine = engine  # type: ignore[attr-defined]  # it owns the code
    return call
