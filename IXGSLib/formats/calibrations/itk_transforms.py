"""Linear transforms of ITK and 3D Slicer (.tfm, .txt, .h5, .mat), one per view, with the intrinsics beside them.

ITK's transforms map points from the fixed to the moving space in LPS mm, about a centre of their own; here they map
world to camera. Slicer writes the inverse of a node's matrix and converts both frames between RAS and LPS, including
the camera's, which reverses its x and y axes. All views share intrinsics.json in the folder of the transforms:
{"K": [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]} with "size" and "pixel_spacing", if known.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from ...errors import FormatError
from ...geometry.rigid import Array
from ...parsing import MAX_TEXT_BYTES, check_file
from ...sniffing import UNKNOWN, head
from ..strict_json import numbers, parse_json
from .calibration import CalibratedView, CalibrationOptions, pinhole_matrix
from .content import Content

_HEADER_BYTES = 20
_WIDTHS = {"<": {0: 8, 10: 4}, ">": {1000: 8, 1010: 4}}
"""Bytes of a number by the type of a matrix, for either byte order."""
_MAX_PARAMETERS, _MAX_MATRICES = 1000, 16
"""Numbers of one matrix and matrices of one file; a linear transform has 12 and 3 numbers."""
INTRINSICS = "intrinsics.json"
_FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])


def matches(content: Content) -> bool:
    start = head(content.path, 1 << 16)
    marks = {"HDF5": b"TransformGroup" in start, UNKNOWN: b"Transform_" in start[:64]}  # ITK's .mat is MATLAB 4
    return content.kind == "ITK transform" or marks.get(content.kind, False)


def read_itk(content: Content, options: CalibrationOptions) -> list[CalibratedView]:
    """The view of a transform that maps world to camera, LPS mm."""
    return [_view(content, _matrix(content))]


def read_slicer(content: Content, options: CalibrationOptions) -> list[CalibratedView]:
    """The view of a transform node saved by Slicer; the node maps the camera to the world."""
    return [_view(content, _FLIP @ _matrix(content))]


def linear_transform(path: Path) -> Array:
    """(4, 4) matrix of a linear transform file of ITK, LPS mm, from fixed to moving; raises FormatError for others."""
    return _matrix(Content(path))


def _view(content: Content, camera_from_world: Array) -> CalibratedView:
    path = content.path.with_name(INTRINSICS)
    if not path.is_file():
        raise FormatError(
            f"{content.name}: a pose without intrinsics, expected {INTRINSICS} in the same folder: "
            '{"K": [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]}, pixels'
        )
    data = parse_json(Content(path).text.encode(), path.name)
    if not isinstance(data, dict) or "K" not in data:
        raise FormatError(f'{path.name}: no "K", expected {{"K": [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]}}')
    K = numbers(data["K"], (3, 3), f'{path.name}: "K"')
    size = tuple(int(n) for n in numbers(data["size"], (2,), f'{path.name}: "size"')) if "size" in data else None
    spacing = numbers(data["pixel_spacing"], (2,), f'{path.name}: "pixel_spacing"') if "pixel_spacing" in data else None
    P = pinhole_matrix(K, camera_from_world, content.path.stem)
    pair = None if spacing is None else (float(spacing[0]), float(spacing[1]))
    return CalibratedView(P, content.path.stem, size, pair)  # type: ignore[arg-type]


def _check_matlab_4(content: Content) -> None:
    """Raises FormatError unless the matrices of a MATLAB 4 file have the bytes that they claim, which ITK reserves.

    Each begins with its type, rows, columns, 0 for real numbers and the length of its name, in the byte order of the
    machine that wrote it; ITK writes float32 (type 10, or 1010) and float64.
    """
    data, at = content.data, 0
    order = ">" if data[:1] == b"\0" and data[:4] != bytes(4) else "<"
    for _ in range(_MAX_MATRICES):
        if at == len(data) and at:
            return
        if at + _HEADER_BYTES > len(data):
            break
        kind, rows, columns, is_complex, letters = struct.unpack_from(order + "5i", data, at)
        width = _WIDTHS[order].get(kind, 0)
        fits = 0 <= rows <= _MAX_PARAMETERS and 0 <= columns <= _MAX_PARAMETERS and 0 < letters < 256
        if not width or not fits or is_complex:
            break
        at += _HEADER_BYTES + letters + rows * columns * width
    raise FormatError(f"{content.name}: not the matrices of a transform, or other numbers of them; save it as .tfm")


def _matrix(content: Content) -> Array:
    """(4, 4) matrix of a linear transform, including its centre."""
    import SimpleITK as sitk

    check_file(content.path, MAX_TEXT_BYTES)
    if content.kind == UNKNOWN:
        _check_matlab_4(content)
    try:
        transform = sitk.ReadTransform(str(content.path))
    except RuntimeError as error:
        raise FormatError(f"{content.name}: not a transform that ITK can read; save it again as .tfm or .h5") from error
    if not transform.IsLinear() or transform.GetDimension() != 3:
        raise FormatError(f"{content.name}: not a linear transform in 3D, expected a rigid one; save the pose alone")
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    columns = [np.array(transform.TransformPoint(tuple(axis))) - origin for axis in np.eye(3).tolist()]
    matrix = np.eye(4)
    matrix[:3] = np.column_stack([*columns, origin])
    return matrix
