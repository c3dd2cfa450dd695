"""Rotations and rigid transforms as float64 arrays."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import GeometryError, IXGSWarning

Array = NDArray[np.float64]

ROTATION_TOLERANCE = 1e-6
"""Largest entry of R^T R - I that counts as rounding."""
MAX_ROTATION_ERROR = 1e-2
"""Largest entry of R^T R - I that is corrected; beyond it the matrix is refused."""


def constant(values: ArrayLike, shape: tuple[int, ...], name: str) -> Array:
    """A read-only float64 copy of `values`; raises GeometryError unless finite and of `shape`."""
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise GeometryError(
            f"{name} does not consist of numbers ({error}), expected an array of shape {shape}"
        ) from error
    if array.shape != shape:
        raise GeometryError(f"{name} has shape {array.shape}, expected {shape}")
    if not np.isfinite(array).all():
        raise GeometryError(f"{name} holds NaN or infinite numbers; export it again")
    array.setflags(write=False)
    return array


def counts(values: ArrayLike, length: int, name: str) -> tuple[int, ...]:
    """`values` as `length` positive whole numbers; raises GeometryError when they are not."""
    array = constant(values, (length,), name)
    if np.any(array < 1) or np.any(array != np.rint(array)):
        raise GeometryError(f"{name} is {array.tolist()}, expected {length} positive whole numbers")
    return tuple(int(n) for n in array)


def proper_rotation(matrix: ArrayLike, name: str) -> Array:
    """The rotation nearest to a 3x3 `matrix` that is a rotation up to small errors.

    Raises GeometryError for a reflection and beyond MAX_ROTATION_ERROR; warns above ROTATION_TOLERANCE.
    """
    R = constant(matrix, (3, 3), name)
    if np.linalg.det(R) < 0:
        raise GeometryError(
            f"{name} is a reflection (determinant {np.linalg.det(R):.3g}), expected a rotation "
            "(determinant +1); an image axis or LPS and RAS were swapped: undo the flip"
        )
    error = np.abs(R.T @ R - np.eye(3)).max()
    if error > MAX_ROTATION_ERROR:
        raise GeometryError(
            f"{name} is not a rotation (R^T R differs from the identity by {error:.2g}, at most "
            f"{MAX_ROTATION_ERROR:g} is corrected); remove scale and shear from the matrix"
        )
    if error <= ROTATION_TOLERANCE:
        return R
    warnings.warn(
        f"{name} differed from a rotation by {error:.1e} and was replaced by the nearest rotation",
        IXGSWarning,
        stacklevel=3,
    )
    U, _, Vt = np.linalg.svd(R)
    return constant(U @ Vt, (3, 3), name)


def rigid(R: ArrayLike, t: ArrayLike) -> Array:
    """The 4x4 transform x -> R x + t."""
    transform = np.eye(4)
    transform[:3, :3] = R
    transform[:3, 3] = t
    return transform


def inverse(target_from_source: ArrayLike) -> Array:
    """source_from_target of a rigid 4x4 transform."""
    T = np.asarray(target_from_source, dtype=np.float64)
    R = T[:3, :3]
    return rigid(R.T, -R.T @ T[:3, 3])


def apply(target_from_source: ArrayLike, points: ArrayLike) -> Array:
    """Points (..., 3) of the source frame in the target frame."""
    T = np.asarray(target_from_source, dtype=np.float64)
    return np.asarray(points, dtype=np.float64) @ T[:3, :3].T + T[:3, 3]
