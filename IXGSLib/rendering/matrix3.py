"""Points and 3x3 matrices as tuples of float64, matrices in row-major order; compiled for the CPU."""

from __future__ import annotations

import numpy as np

from ..compute.lanes import inlined


@inlined
def vector(rows, i):
    """Row i of an array (N, 3)."""
    return np.float64(rows[i, 0]), np.float64(rows[i, 1]), np.float64(rows[i, 2])


@inlined
def vector4(rows, i):
    """Row i of an array (N, 4)."""
    return np.float64(rows[i, 0]), np.float64(rows[i, 1]), np.float64(rows[i, 2]), np.float64(rows[i, 3])


@inlined
def moved(T, p):
    """The affine transform T (3, 4) of a point."""
    return (
        T[0, 0] * p[0] + T[0, 1] * p[1] + T[0, 2] * p[2] + T[0, 3],
        T[1, 0] * p[0] + T[1, 1] * p[1] + T[1, 2] * p[2] + T[1, 3],
        T[2, 0] * p[0] + T[2, 1] * p[1] + T[2, 2] * p[2] + T[2, 3],
    )


@inlined
def linear(T):
    """The 3x3 part of an affine transform T (3, 4)."""
    return T[0, 0], T[0, 1], T[0, 2], T[1, 0], T[1, 1], T[1, 2], T[2, 0], T[2, 1], T[2, 2]


@inlined
def transposed(A):
    return A[0], A[3], A[6], A[1], A[4], A[7], A[2], A[5], A[8]


@inlined
def scaled(A, s):
    """A diag(s)."""
    return (
        A[0] * s[0], A[1] * s[1], A[2] * s[2],
        A[3] * s[0], A[4] * s[1], A[5] * s[2],
        A[6] * s[0], A[7] * s[1], A[8] * s[2],
    )  # fmt: skip


@inlined
def applied(A, p):
    """A p."""
    return (
        A[0] * p[0] + A[1] * p[1] + A[2] * p[2],
        A[3] * p[0] + A[4] * p[1] + A[5] * p[2],
        A[6] * p[0] + A[7] * p[1] + A[8] * p[2],
    )


@inlined
def product(A, B):
    """A B."""
    return (
        A[0] * B[0] + A[1] * B[3] + A[2] * B[6],
        A[0] * B[1] + A[1] * B[4] + A[2] * B[7],
        A[0] * B[2] + A[1] * B[5] + A[2] * B[8],
        A[3] * B[0] + A[4] * B[3] + A[5] * B[6],
        A[3] * B[1] + A[4] * B[4] + A[5] * B[7],
        A[3] * B[2] + A[4] * B[5] + A[5] * B[8],
        A[6] * B[0] + A[7] * B[3] + A[8] * B[6],
        A[6] * B[1] + A[7] * B[4] + A[8] * B[7],
        A[6] * B[2] + A[7] * B[5] + A[8] * B[8],
    )
