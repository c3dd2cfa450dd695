"""Eight numbers processed as one, which LLVM turns into vector instructions.

numba has no vector type. A tuple of eight scalars stays in registers, and the superword-level-parallelism pass of LLVM,
which numba leaves off unless asked, merges its eight equal operations into one.

Compiled functions carry no type hints: numba compiles them for the types they are called with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from ..errors import SettingsError
from .cache import cached

if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
    raise SettingsError(
        "NUMBA_DISABLE_JIT is set, expected kernels to be compiled: in plain Python a run would take days; unset it, "
        "for example by `env -u NUMBA_DISABLE_JIT`"
    )
numba.config.SLP_VECTORIZE = 1  # type: ignore[attr-defined]

WIDTH = 8
"""Numbers that are processed together: the float32 values of a 256-bit register."""

_FAST_MATH = {"nsz", "arcp", "contract", "afn", "reassoc"}
"""What LLVM may assume: everything in fastmath except that NaN and infinity never occur."""


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function that holds no Python object, releases the interpreter lock and is kept on disk."""
    return cached(numba.njit(nogil=True, fastmath=_FAST_MATH, error_model="numpy")(function))


inlined = numba.njit(inline="always", fastmath=_FAST_MATH, error_model="numpy")
"""Copy a short function without branches into each kernel that calls it, before types are found."""

part = numba.njit(forceinline=True, fastmath=_FAST_MATH, error_model="numpy")
"""Compile a function of any length into each kernel that calls it.

A kernel must not call another: a process that has compiled both calls the one compiled alone, a process that loads them
from disk calls a copy that was optimised together with its caller, and the two round differently.
"""


@inlined
def zeros():
    z = np.float32(0)
    return z, z, z, z, z, z, z, z


@inlined
def ramp(start):
    """start, start + 1, ..., start + 7."""
    f = np.float32
    return (
        start,
        start + f(1),
        start + f(2),
        start + f(3),
        start + f(4),
        start + f(5),
        start + f(6),
        start + f(7),
    )


@inlined
def add(a, b):
    return a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3], a[4] + b[4], a[5] + b[5], a[6] + b[6], a[7] + b[7]


@inlined
def multiply(a, b):
    return a[0] * b[0], a[1] * b[1], a[2] * b[2], a[3] * b[3], a[4] * b[4], a[5] * b[5], a[6] * b[6], a[7] * b[7]


@inlined
def scale(a, s):
    return a[0] * s, a[1] * s, a[2] * s, a[3] * s, a[4] * s, a[5] * s, a[6] * s, a[7] * s


@inlined
def total(a):
    return ((a[0] + a[4]) + (a[1] + a[5])) + ((a[2] + a[6]) + (a[3] + a[7]))


@inlined
def load(row, at):
    """row[at : at + 8]; the caller keeps it inside the row."""
    u = np.uint64
    return (
        row[at],
        row[at + u(1)],
        row[at + u(2)],
        row[at + u(3)],
        row[at + u(4)],
        row[at + u(5)],
        row[at + u(6)],
        row[at + u(7)],
    )


@inlined
def store(row, at, a):
    """row[at : at + 8] = a; the caller keeps it inside the row."""
    u = np.uint64
    row[at] = a[0]
    row[at + u(1)] = a[1]
    row[at + u(2)] = a[2]
    row[at + u(3)] = a[3]
    row[at + u(4)] = a[4]
    row[at + u(5)] = a[5]
    row[at + u(6)] = a[6]
    row[at + u(7)] = a[7]


@inlined
def geometric(first, ratio):
    """first, first ratio, first ratio^2, ..., first ratio^7."""
    a1 = first * ratio
    a2 = a1 * ratio
    a3 = a2 * ratio
    a4 = a3 * ratio
    a5 = a4 * ratio
    a6 = a5 * ratio
    return first, a1, a2, a3, a4, a5, a6, a6 * ratio


@inlined
def bell(first, ratio, curvature, count):
    """Samples of a Gaussian: f, f r, f r (r c), f r (r c) (r c^2), ... for the first `count` lanes, zero beyond."""
    z = np.float32(0)
    a1 = first * ratio
    ratio = ratio * curvature
    a2 = a1 * ratio
    ratio = ratio * curvature
    a3 = a2 * ratio
    ratio = ratio * curvature
    a4 = a3 * ratio
    ratio = ratio * curvature
    a5 = a4 * ratio
    ratio = ratio * curvature
    a6 = a5 * ratio
    ratio = ratio * curvature
    a7 = a6 * ratio
    return (
        first,
        a1 if count > 1 else z,
        a2 if count > 2 else z,
        a3 if count > 3 else z,
        a4 if count > 4 else z,
        a5 if count > 5 else z,
        a6 if count > 6 else z,
        a7 if count > 7 else z,
    )
