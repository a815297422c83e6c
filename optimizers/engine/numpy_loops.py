"""The loops that NumPy's ufuncs are made of, to be called from machine code.

They need no interpreter, and give the numbers that the ufuncs give: each is tried before it is
trusted.
"""

from __future__ import annotations

import ctypes
import struct
import sys
from functools import cache
from math import prod
from typing import Any

import numpy as np

from optimizers.engine.scalars import Untraceable

MANY = 16  # numbers at a time, where a loop is tried


@cache
def numpy_loop(name: str) -> tuple[int, int]:
    """The address of the loop over float64 that a ufunc is made of, and of its data.

    It stands in the struct PyUFuncObject, which numpy/ufuncobject.h makes public. The loop is
    compared with the ufunc before it is trusted, one number at a time and many.
    """
    ufunc = getattr(np, name, None)
    wide = sys.implementation.name == "cpython" and struct.calcsize("P") == 8  # not so in a browser
    if not isinstance(ufunc, np.ufunc) or not wide:
        raise Untraceable(f"np.{name} is not a ufunc whose loop can be called")
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


@cache
def llvm() -> Any:
    """The library that compiles, ready for this machine."""
    try:
        import llvmlite.binding as llvm
    except ImportError as error:
        raise Untraceable("llvmlite is not installed") from error
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple().create_target_machine()
    llvm.create_mcjit_compiler(llvm.parse_assembly(""), target)  # LLVM finds C's functions only now
    return llvm


LOOP = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 4)  # places, counts, strides, data


def _is_trusted(ufunc: np.ufunc, loop: int, data: int) -> bool:
    call = LOOP(loop)
    rng, special = np.random.default_rng(0), [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, 2.0, 0.5]
    rows = rng.standard_normal((ufunc.nargs, 512)) * 10.0 ** rng.uniform(-3, 3, 512)
    rows[0, :64], rows[1 : ufunc.nin, :64] = np.repeat(special, 8), np.tile(special, 8)
    for lanes in (1, MANY):
        shared = ufunc is np.power and lanes == 1  # where NumPy sees one exponent for all
        count, strides = np.array([lanes]), np.array([8, 8 * (not shared), 8, 8])
        for i in range(0, 512, lanes):
            places = np.array([address_of(row[i:]) for row in rows])
            call(address_of(places), address_of(count), address_of(strides), data)
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
        told, places = np.array(counts), np.array([address_of(x) for x in (a, b, found)])
        loop, data = numpy_loop("matmul")
        LOOP(loop)(address_of(places), address_of(told), address_of(told[4:]), data)
        if not (np.array_equal(found, a @ b) and np.array_equal(found, np.dot(a, b))):
            raise Untraceable("the loop inside np.matmul does not give what np.matmul gives")
    return counts


@cache
def libm_pow() -> int:
    """The address of C's pow, which Python's ** and NumPy's numbers call."""
    address = llvm().address_of_symbol("pow")
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


def address_of(array: np.ndarray) -> int:
    """Where the numbers of an array begin."""
    return int(array.__array_interface__["data"][0])
