"""Intrinsics and poses, K [R | t]: JSON, OpenCV FileStorage (YAML and XML), MATLAB .mat, NumPy .npz.

The axes are OpenCV's: x right, y down, z from source to detector; x_camera = R x_world + t. Pixel centres are at
integers, the first pixel is (0, 0). A pose may also be given as camera_from_world or world_from_camera, 4x4, and K
as fx, fy, cx and cy.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from ...errors import FormatError
from ...geometry.rigid import Array
from ...messages import warn
from .calibration import CalibratedView, CalibrationOptions, pinhole_matrix, pose_matrix, right_handed
from .content import Content
from .fields import Fields, stack

_K = ("k", "cameramatrix", "intrinsics", "intrinsic", "intrinsicmatrix", "kmatrix")
_PARAMETERS = (("fx",), ("fy",), ("cx",), ("cy",))
_R = ("r", "rotation", "rotationmatrix", "rot")
_RVEC = ("rvec", "rvecs", "rotationvector", "rotationvectors")
_T = ("t", "translation", "tvec", "tvecs", "translationvector", "translationvectors")
_RT = ("extrinsicparameters",)
_TO_CAMERA = ("camerafromworld", "worldtocamera", "w2c", "extrinsics", "extrinsic", "rt")
_TO_WORLD = ("worldfromcamera", "cameratoworld", "c2w")
_UNCLEAR = ("pose", "poses", "transform", "transforms", "matrix", "cameraposes")
_P = ("p", "projectionmatrix", "projectionmatrices", "projmat", "projmats", "projmatrix", "pmat")
_DISTORTION = ("distcoeffs", "distortioncoefficients", "distortion", "dist", "kc", "d")
_SIZE = ("size", "imagesize", "resolution")
_WIDTH, _HEIGHT = ("width", "imagewidth", "w"), ("height", "imageheight", "h")
_SPACING = ("pixelspacing", "pixelsize")
_NAME = ("id", "name", "image", "filename", "filepath")
_LISTS = ("views", "cameras", "frames", "shots")


def matches(content: Content) -> bool:
    tree = content.tree
    if not isinstance(tree, (dict, list)) or content.array is not None:
        return False
    if isinstance(tree, dict) and all(_is_twelve_numbers(value) for value in tree.values()):
        return False  # matrices by name
    return any(_is_camera(entry) for _, entry in _entries(content))


def read(content: Content, options: CalibrationOptions) -> list[CalibratedView]:
    """The views of a file; raises FormatError for missing or unclear entries, GeometryError for reflections."""
    entries = _entries(content)
    views: list[CalibratedView] = []
    for name, entry in entries:
        what = f"{content.name}: view '{name}'" if name else content.name
        views += _views(Fields(entry, what), name, content.from_matlab)
    if not views:
        raise FormatError(f"{content.name}: no views, expected K with R and t, or P, for each; export it again")
    return views


def _is_twelve_numbers(value: Any) -> bool:
    return isinstance(value, list) and np.size(value) == 12 and np.asarray(value).dtype.kind in "iuf"


def _is_camera(entry: Mapping[str, Any]) -> bool:
    fields = Fields(_flat(entry), "")
    return _P in fields or _K in fields or all(name in fields for name in _PARAMETERS)


def _flat(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry with its intrinsics and extrinsics, where these are objects, merged into its top level."""
    flat: dict[str, Any] = {}
    for key, value in entry.items():
        nested = isinstance(value, dict) and (_K in Fields({key: 0}, "") or _TO_CAMERA in Fields({key: 0}, ""))
        flat |= value if nested else {key: value}
    return flat


def _entries(content: Content) -> list[tuple[str | None, dict[str, Any]]]:
    """(name, entry) of each camera; entries beside a list of cameras apply to all of them."""
    tree = content.tree
    if isinstance(tree, list):
        return [(_name(entry), _flat(entry)) for entry in tree if isinstance(entry, dict)]
    if not isinstance(tree, dict):
        return []
    listed = _listed(tree)
    common = _flat({key: value for key, value in tree.items() if value is not listed})
    if isinstance(listed, list):
        return [(_name(entry), common | _flat(entry)) for entry in listed if isinstance(entry, dict)]
    if isinstance(listed, dict):
        return [(str(key), common | _flat(entry)) for key, entry in listed.items() if isinstance(entry, dict)]
    return [(_name(tree), common)]


def _listed(tree: Mapping[str, Any]) -> Any:
    """The cameras of a file that holds several, a list or a dict by name: under a usual key, as all of it or alone."""
    found = Fields(tree, "").get(_LISTS)
    if isinstance(found, list) or (isinstance(found, dict) and not _is_camera(found)):
        return found
    if _is_camera(tree) or not tree:
        return None
    if all(isinstance(value, dict) for value in tree.values()):
        return tree if len(tree) > 1 or _is_camera(next(iter(tree.values()))) else next(iter(tree.values()))
    return next(iter(tree.values())) if len(tree) == 1 else None


def _name(entry: Mapping[str, Any]) -> str | None:
    value = Fields(entry, "").get(_NAME)
    if not isinstance(value, str):
        return None
    return PurePosixPath(value.replace("\\", "/")).name if "id" not in entry else value


def _views(fields: Fields, name: str | None, matlab: bool) -> list[CalibratedView]:
    """One view, or one for each of the stacked arrays."""
    _check_distortion(fields)
    size, spacing = _size(fields), fields.array(_SPACING)
    pair = None if spacing is None else (float(np.ravel(spacing)[0]), float(np.ravel(spacing)[-1]))
    if _P in fields:
        matrices = [right_handed(P) for P in stack(fields.required(_P), (3, 4), f"{fields.what}: P", matlab)]
    else:
        poses = _poses(fields, matlab)
        K = _intrinsics(fields, matlab)
        if len(K) not in (1, len(poses)):
            raise FormatError(f"{fields.what}: {len(K)} K for {len(poses)} poses, expected one, or one each")
        K, label = np.broadcast_to(K, (len(poses), 3, 3)), name or fields.what
        if np.any(K[:, 2, :2] != 0):
            raise FormatError(
                f"{fields.what}: K is lower triangular, as MATLAB's toolbox stores it; transpose K and R, and "
                "subtract 1 from the principal point, because MATLAB counts pixels from 1"
            )
        matrices = [pinhole_matrix(K[n], pose, label) for n, pose in enumerate(poses)]
    return [CalibratedView(P, name if len(matrices) == 1 else None, size, pair) for P in matrices]


def _intrinsics(fields: Fields, matlab: bool) -> Array:
    """(n, 3, 3) from K, or one matrix from fx, fy, cx and cy."""
    if _K not in fields and all(name in fields for name in _PARAMETERS):
        fx, fy, cx, cy = (float(fields.required(name)) for name in _PARAMETERS)
        return np.array([[[fx, 0, cx], [0, fy, cy], [0, 0, 1]]])
    return stack(fields.required(_K), (3, 3), f"{fields.what}: K", matlab)


def _poses(fields: Fields, matlab: bool) -> list[Array]:
    """camera_from_world (4, 4) of each view."""
    if _RT in fields:
        rows = fields.required(_RT).reshape(-1, 6)
        return [pose_matrix(_rotation(row[:3]), row[3:]) for row in rows]
    for names, invert in ((_TO_CAMERA, False), (_TO_WORLD, True)):
        if names in fields:
            poses = _four_by_four(fields.required(names), fields.what, matlab)
            return [np.linalg.inv(pose).astype(np.float64) if invert else pose for pose in poses]
    if _R not in fields and _RVEC not in fields:
        found = "a pose whose direction is unclear" if _UNCLEAR in fields else "no pose beside K"
        raise FormatError(
            f'{fields.what}: {found}, expected "R" and "t", "camera_from_world" or "world_from_camera"; name it so'
        )
    if _R in fields and fields.required(_R).size % 9 == 0:
        R = stack(fields.required(_R), (3, 3), f"{fields.what}: R", matlab)
    else:
        vectors = _vectors(fields.required(_RVEC if _RVEC in fields else _R), fields.what, matlab)
        R = np.array([_rotation(v) for v in vectors])
    t = _vectors(fields.required(_T), fields.what, matlab)
    if len(t) != len(R):
        raise FormatError(f"{fields.what}: {len(R)} rotations and {len(t)} translations, expected as many")
    return [pose_matrix(*pair) for pair in zip(R, t, strict=True)]


def _four_by_four(array: Array, what: str, matlab: bool) -> list[Array]:
    shape = (3, 4) if 3 in array.shape[:2] and 4 in array.shape else (4, 4)
    poses = stack(array, shape, f"{what}: pose", matlab)
    bottom = np.broadcast_to([[0.0, 0, 0, 1]], (len(poses), 1, 4))
    full = poses if shape == (4, 4) else np.concatenate([poses, bottom], axis=1)
    if np.any(full[:, 3] != (0, 0, 0, 1)):
        raise FormatError(f"{what}: the last row of a pose is {full[0, 3].tolist()}, expected [0, 0, 0, 1]")
    return list(full)


def _vectors(array: Array, what: str, matlab: bool) -> Array:
    """(n, 3) from (3,), (n, 3), (3, n) and the same with axes of length one."""
    flat = np.squeeze(array)
    if flat.shape == (3,):
        return flat[None]
    if flat.shape == (3, 3) and matlab:
        raise FormatError(f"{what}: three translations as 3 x 3 can be read both ways; store them as 3 x 1 x 3")
    if flat.ndim == 2 and 3 in flat.shape:
        rows = flat.shape[1] == 3 and not (matlab and array.ndim == 3)
        return flat if rows else flat.T
    raise FormatError(f"{what}: vectors of shape {array.shape}, expected three numbers for each view")


def _rotation(vector: Array) -> Array:
    """(3, 3) of a rotation vector, radians about its direction (Rodrigues' formula)."""
    from scipy.spatial.transform import Rotation

    return Rotation.from_rotvec(vector).as_matrix()


def _size(fields: Fields) -> tuple[int, int] | None:
    size = fields.array(_SIZE)
    if size is not None and size.size == 2:
        width, height = np.ravel(size)
    elif _WIDTH in fields and _HEIGHT in fields:
        width, height = np.ravel([fields.required(_WIDTH), fields.required(_HEIGHT)])
    else:
        return None
    return int(width), int(height)


def _check_distortion(fields: Fields) -> None:
    distortion = fields.array(_DISTORTION)
    if distortion is not None and np.any(distortion != 0):
        warn(f"{fields.what}: lens distortion is not applied, its coefficients are not zero; use undistorted images")
