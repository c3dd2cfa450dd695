"""transforms.json of nerfstudio, instant-ngp and Blender's NeRF scenes.

transform_matrix is world from camera with OpenGL axes: x right, y up, z backwards. Pixel coordinates start at the
corner of the image, so that the centre of the first pixel is (0.5, 0.5). The world has no defined unit.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ...errors import FormatError
from ...files import write_atomically
from ...geometry import View
from ...messages import warn
from ..folder import safe_name
from .calibration import CalibratedView, CalibrationOptions, pinhole_matrix
from .content import Content
from .fields import Fields

OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])
"""OpenCV camera from OpenGL camera, and back."""
_PINHOLES = ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "PERSPECTIVE")
_DISTORTION = ("k1", "k2", "k3", "k4", "p1", "p2")


def matches(content: Content) -> bool:
    frames = content.tree.get("frames") if isinstance(content.tree, dict) else None
    return isinstance(frames, list) and any(isinstance(frame, dict) and "transform_matrix" in frame for frame in frames)


def read(content: Content, options: CalibrationOptions) -> list[CalibratedView]:
    """The views of a transforms.json, named after their images; raises FormatError and GeometryError."""
    if not matches(content):
        raise FormatError(f'{content.name}: no "frames" with "transform_matrix"; expected a transforms.json')
    common = {key: value for key, value in content.tree.items() if key != "frames"}
    if "applied_transform" in common:
        warn(f'{content.name}: "applied_transform" is not undone; the volume lies in the world of the poses')
    return [_view(common | frame, f"{content.name}: frame {n}") for n, frame in enumerate(content.tree["frames"], 1)]


def write_transforms(path: str | os.PathLike[str], views: Sequence[View]) -> None:
    """Write views as transforms.json, lengths in mm; the images are expected in images/, named after the views."""
    taken: set[str] = set()
    frames = [_frame(view, safe_name(view.id, taken)) for view in views]
    text = json.dumps({"camera_model": "OPENCV", "frames": frames}, indent=1, ensure_ascii=False, allow_nan=False)
    write_atomically(Path(path), text.encode())


def _view(entry: Mapping[str, Any], what: str) -> CalibratedView:
    fields = Fields(entry, what)
    model = str(entry.get("camera_model", "OPENCV")).upper()
    if model not in _PINHOLES:
        raise FormatError(f"{what}: camera model {model}, expected a pinhole camera ({', '.join(_PINHOLES)})")
    if any(entry.get(key) for key in _DISTORTION):
        warn(f"{what}: its lens distortion is not applied; use undistorted images")
    pose = fields.required(("transformmatrix",))
    if pose.shape == (3, 4):
        pose = np.vstack([pose, [0, 0, 0, 1]])
    if pose.shape != (4, 4):
        raise FormatError(f'{what}: "transform_matrix" has shape {pose.shape}, expected (4, 4)')
    K, size = _intrinsics(fields)
    name = PurePosixPath(str(entry.get("file_path", "")).replace("\\", "/")).name or None
    world_from_camera = pose @ OPENGL
    R = world_from_camera[:3, :3]
    camera_from_world = np.column_stack([R.T, -R.T @ world_from_camera[:3, 3]])
    return CalibratedView(pinhole_matrix(K, camera_from_world, name or what), name, size)


def _intrinsics(fields: Fields) -> tuple[np.ndarray, tuple[int, int] | None]:
    width, height = (fields.array((key,)) for key in ("w", "h"))
    size = None if width is None or height is None else (int(width), int(height))
    fx, angle = fields.array(("flx",)), fields.array(("cameraanglex",))
    if fx is None and angle is not None and size is not None:
        fx = np.array(size[0] / (2 * np.tan(angle / 2)))
    if fx is None:
        raise FormatError(f'{fields.what}: no focal length, expected "fl_x", or "camera_angle_x" with "w" and "h"')
    fy = fields.array(("fly",))
    center = [fields.array((key,)) for key in ("cx", "cy")]
    if size is not None:
        center = [np.array(side / 2) if c is None else c for c, side in zip(center, size, strict=True)]
    if center[0] is None or center[1] is None:
        raise FormatError(f'{fields.what}: no principal point, expected "cx" and "cy", or "w" and "h"')
    cx, cy = (float(c) - 0.5 for c in center)  # type: ignore[arg-type]
    return np.array([[float(fx), 0, cx], [0, float(fx if fy is None else fy), cy], [0, 0, 1]]), size


def _frame(view: View, stem: str) -> dict[str, Any]:
    if abs(view.K[0, 1]) > 1e-6 * view.K[0, 0]:
        raise FormatError(f"view '{view.id}': transforms.json cannot hold its skew; write projection matrices instead")
    return {
        "file_path": f"images/{stem}.tiff",
        "fl_x": float(view.K[0, 0]),
        "fl_y": float(view.K[1, 1]),
        "cx": float(view.K[0, 2]) + 0.5,
        "cy": float(view.K[1, 2]) + 0.5,
        "w": view.size[0],
        "h": view.size[1],
        "transform_matrix": (view.world_from_camera @ OPENGL).tolist(),
    }
