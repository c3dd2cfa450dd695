"""TIGRE's cone geometry with its angles, as JSON or .mat.

Source and detector lie along x; the detector is rotated (rotDetector) and shifted (offDetector), then both rotate by
the Euler angles Z Y Z in radians; the volume lies at offOrigin and is shifted by COR (TIGRE, Common/CUDA,
Siddon_projection.cu: computeDeltas_Siddon). The first row of a TIGRE projection is the lowest, so images are turned
upside down. The origin of the world is the centre of TIGRE's volume. TIGRE for Python orders detector sizes (v, u) and
volume sizes (z, y, x), TIGRE for MATLAB (u, v) and (x, y, z).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from ...errors import FormatError, GeometryError
from ...geometry.rigid import Array
from .calibration import CalibratedView, CalibrationOptions, check_radians, vector_matrix
from .content import Content
from .fields import Fields

_MARKS = ("DSD", "DSO", "nDetector")
_NAMES = ("geo", "geometry")


def matches_python(content: Content) -> bool:
    return _geometry(content) is not None and not content.from_matlab


def matches_matlab(content: Content) -> bool:
    return _geometry(content) is not None and content.from_matlab


def read_python(content: Content, options: CalibrationOptions) -> list[CalibratedView]:
    """The views of a geometry whose arrays are in the order of TIGRE for Python."""
    return read(content, reverse=True)


def read_matlab(content: Content, options: CalibrationOptions) -> list[CalibratedView]:
    """The views of a geometry whose arrays are in the order of TIGRE for MATLAB."""
    return read(content, reverse=False)


def read(content: Content, reverse: bool) -> list[CalibratedView]:
    """The views of a geometry, one for each angle; raises FormatError for missing entries and parallel beams."""
    found = _geometry(content)
    if found is None:
        raise FormatError(f"{content.name}: no TIGRE geometry, expected {', '.join(_MARKS)} and angles")
    fields = Fields(found, content.name)
    angles = fields.array(("angles", "angle", "theta", "projectionangles"))
    if angles is None:
        raise FormatError(f"{content.name}: no 'angles', expected (n,) or (n, 3) radians beside the geometry; add them")
    return circular_views(fields, euler_angles(angles, content.name), reverse)


def euler_angles(angles: Array, name: str) -> Array:
    """(n, 3) radians from (n,), where the other two are 0, (n, 3) or (3, n)."""
    check_radians(angles, f"{name}: 'angles'")
    angles = np.squeeze(angles) if angles.ndim > 1 and 1 in angles.shape and angles.size != 3 else np.atleast_1d(angles)
    if angles.ndim == 1:
        return np.column_stack([angles, np.zeros((len(angles), 2))])
    if angles.ndim == 2 and 3 in angles.shape:
        return angles if angles.shape[1] == 3 else angles.T
    raise FormatError(f"{name}: angles of shape {angles.shape}, expected (n,) or (n, 3) radians")


def circular_views(fields: Fields, angles: Array, reverse: bool) -> list[CalibratedView]:
    """The views of a geometry and (n, 3) angles; reverse: whether arrays are (v, u) and (z, y, x)."""
    if str(fields.get(("mode",)) or "cone") != "cone":
        raise FormatError(f"{fields.what}: mode {fields.get(('mode',))}, expected cone; IXGS needs a point source")
    order = -1 if reverse else 1
    width, height = (int(n) for n in np.ravel(fields.required(("ndetector",)))[::order])
    spacing = _spacing(fields)[::order]
    count = len(angles)
    each = partial(_each, fields, columns=not reverse)
    lengths = {key: each(key, (count, 1))[:, 0] for key in ("dsd", "dso", "cor")}
    offsets = {key: each(key, (count, n))[:, ::order] for key, n in (("offdetector", 2), ("offorigin", 3))}
    turns = each("rotdetector", (count, 3))  # about x, y and z in both languages
    if min(lengths["dso"].min(), (lengths["dsd"] - lengths["dso"]).min()) < 0:
        raise GeometryError(
            f"{fields.what}: DSD is less than DSO or one is negative; expected the detector beyond the origin"
        )
    views = []
    for n, angle in enumerate(angles):
        vectors = _vectors(lengths["dso"][n], lengths["dsd"][n], offsets["offdetector"][n], spacing, _xyz(turns[n]))
        turn = _zyz(angle)
        shift = lengths["cor"][n] * np.array([-np.sin(angle[0]), np.cos(angle[0]), 0.0]) - offsets["offorigin"][n]
        source, center, u, v = (turn @ vector for vector in vectors)
        P = vector_matrix(source + shift, center + shift, u, v, f"{fields.what}: angle {n + 1}")
        views.append(CalibratedView(P, None, (width, height), (float(spacing[0]), float(spacing[1])), True, True))
    return views


def _vectors(dso: float, dsd: float, offset: Array, spacing: Array, turn: Array) -> tuple[Array, Array, Array, Array]:
    """Source, detector centre, u and v (upwards) before the angles."""
    center = np.array([dso - dsd, offset[0], offset[1]])
    u, v = turn @ (0.0, spacing[0], 0.0), turn @ (0.0, 0.0, spacing[1])
    return np.array([dso, 0.0, 0.0]), center, u, v


def _geometry(content: Content) -> Mapping[str, Any] | None:
    tree = content.tree
    if not isinstance(tree, dict):
        return None
    for inner in [tree, *(tree[name] for name in _NAMES if isinstance(tree.get(name), dict))]:
        if all(mark in inner for mark in _MARKS):
            return {key: value for key, value in tree.items() if value is not inner} | dict(inner)
    return None


def _spacing(fields: Fields) -> Array:
    """The two sides of a pixel, in the order of the file."""
    side = fields.array(("ddetector",))
    return np.ravel(fields.required(("sdetector",)) / fields.required(("ndetector",)) if side is None else side)


def _each(fields: Fields, key: str, shape: tuple[int, int], columns: bool) -> Array:
    """An entry of shape (angles, length), stated once for all angles or for each of them; zeros if it is missing.

    columns: whether an ambiguous array has one angle per column.
    """
    count, length = shape
    value = fields.array((key,))
    if value is None:
        return np.zeros(shape)
    if value.size == length:
        return np.broadcast_to(np.ravel(value), shape)
    if length == 1 and value.size == count:
        return value.reshape(shape)
    if value.shape == shape and not (columns and count == length):
        return value
    if value.shape == (length, count):
        return value.T
    raise FormatError(
        f"{fields.what}: '{key}' has shape {value.shape}, expected {length} numbers, or as many per angle"
    )


def _zyz(angle: Array) -> Array:
    (ca, cb, cc), (sa, sb, sc) = np.cos(angle), np.sin(angle)
    about_z = np.array([[ca, -sa, 0], [sa, ca, 0], [0, 0, 1]])
    about_y = np.array([[cb, 0, sb], [0, 1, 0], [-sb, 0, cb]])
    return about_z @ about_y @ np.array([[cc, -sc, 0], [sc, cc, 0], [0, 0, 1]])


def _xyz(turn: Array) -> Array:
    """Rz Ry Rx of the angles about x (yaw), y (pitch) and z (roll)."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(turn), np.sin(turn)
    Rx = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    Ry = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    return np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]]) @ Ry @ Rx
