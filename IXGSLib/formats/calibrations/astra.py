"""ASTRA's cone_vec geometry: (n, 12) numbers, or the geometry as a dict in JSON, .npz or .mat.

Each row holds the source, the centre of the detector, the step u to the next pixel in a row and the step v to the next
row (ASTRA documentation, "3D geometries", cone_vec). Pixel (row i, column j) of a detector of R rows and C
columns has its centre at centre + (j - (C - 1) / 2) u + (i - (R - 1) / 2) v. ASTRA's own cone geometry has v upwards,
so that u, v and the beam are left-handed and the first row of its data is the lowest: its images are turned upside
down.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import FormatError, GeometryError
from ...geometry.rigid import Array
from ...messages import warn
from .calibration import CalibratedView, CalibrationOptions, check_radians, vector_matrix
from .content import Content
from .matrices import table
from .plausibility import plausible_vectors


def matches(content: Content) -> bool:
    if _geometry(content) is not None:
        return True
    try:
        array, _ = table(content)
    except FormatError:
        return False
    return array.shape[-1] == 12 and plausible_vectors(array)


def read(content: Content, options: CalibrationOptions) -> list[CalibratedView]:
    """The views of cone vectors or of an ASTRA geometry of type cone or cone_vec.

    Raises FormatError for other types, GeometryError for views of different handedness.
    """
    geometry = _geometry(content)
    rows, names = (_vectors(geometry, content.name), None) if geometry is not None else table(content)
    if rows.shape[-1] != 12:
        raise FormatError(f"{content.name}: numbers of shape {rows.shape}, expected (n, 12) cone vectors")
    vectors = rows.reshape(-1, 4, 3)
    matrices = [
        vector_matrix(source, center, u, v, f"{content.name}: row {n}")
        for n, (source, center, u, v) in enumerate(vectors, 1)
    ]
    upwards = _rows_upwards(matrices, content.name)
    size = None if geometry is None else _size(geometry)
    lengths = np.linalg.norm(vectors[:, 2:], axis=2)
    return [
        CalibratedView(P, name, size, (float(u), float(v)), centred=True, upside_down=upwards)
        for P, name, (u, v) in zip(matrices, names or (None,) * len(matrices), lengths, strict=True)
    ]


def _rows_upwards(matrices: list[Array], name: str) -> bool:
    """Whether the detector axes are left-handed, which must be the same in all views."""
    left_handed = [bool(np.linalg.det(P[:, :3]) < 0) for P in matrices]
    if len(set(left_handed)) > 1:
        mirrored = left_handed.index(sum(left_handed) * 2 < len(left_handed))
        raise GeometryError(
            f"{name}: row {mirrored + 1} is mirrored relative to the others (its u, v and beam have the opposite "
            "handedness); undo the flip of its detector axes"
        )
    if left_handed[0]:
        warn(
            f"{name}: u, v and the beam are left-handed, as in ASTRA's own cone geometry; rows count upwards and the "
            "images are turned upside down"
        )
    return left_handed[0]


def _geometry(content: Content) -> Mapping[str, Any] | None:
    """The dict of an ASTRA projection geometry, at the top of the file or as one of its entries."""
    tree = content.tree
    if not isinstance(tree, dict):
        return None
    inner = [value for value in tree.values() if isinstance(value, dict)]
    marks = ({"Vectors"}, {"DetectorSpacingX", "ProjectionAngles"})
    return next((one for one in (tree, *inner) if any(mark <= one.keys() for mark in marks)), None)


def _vectors(geometry: Mapping[str, Any], name: str) -> Array:
    kind = str(geometry.get("type", "cone_vec"))
    if kind not in ("cone", "cone_vec"):
        raise FormatError(f"{name}: an ASTRA geometry of type {kind}, expected cone or cone_vec")
    if kind == "cone":
        return _circular(geometry, name)
    try:
        vectors = np.array(geometry["Vectors"], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{name}: an ASTRA geometry without numbers in 'Vectors'; export it again") from error
    if vectors.size % 12 or not np.isfinite(vectors).all():
        raise FormatError(f"{name}: 'Vectors' of shape {vectors.shape}, expected (n, 12) finite numbers")
    return vectors.reshape(-1, 12)


def _circular(geometry: Mapping[str, Any], name: str) -> Array:
    """The cone vectors of ASTRA's circular cone geometry (astra.functions.geom_2vec)."""
    keys = ("DistanceOriginSource", "DistanceOriginDetector", "DetectorSpacingX", "DetectorSpacingY")
    try:
        to_source, to_detector, sx, sy = (float(geometry[key]) for key in keys)
        angles = np.atleast_1d(np.array(geometry["ProjectionAngles"], dtype=np.float64))
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{name}: an ASTRA cone geometry without {error}; export it again") from error
    check_radians(angles, f"{name}: 'ProjectionAngles'")
    zero, sine, cosine = np.zeros_like(angles), np.sin(angles), np.cos(angles)
    source = (to_source * sine, -to_source * cosine, zero)
    center = (-to_detector * sine, to_detector * cosine, zero)
    return np.column_stack([*source, *center, sx * cosine, sx * sine, zero, zero, zero, zero + sy])


def _size(geometry: Mapping[str, Any]) -> tuple[int, int] | None:
    if "DetectorColCount" not in geometry or "DetectorRowCount" not in geometry:
        return None
    return int(geometry["DetectorColCount"]), int(geometry["DetectorRowCount"])
