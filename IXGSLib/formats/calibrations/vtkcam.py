"""Autoscoper's VTKCam 1.0 JSON, one camera in each file.

The camera looks from camera-position to focal-point with view-up towards the first row of the image; the principal ray
ends in the centre of the image. The focal length is size / (2 tan(view-angle / 2)) for width and height alike
(Autoscoper, Camera::calculateFocalLength), degrees.
"""

from __future__ import annotations

import numpy as np

from ...errors import FormatError, GeometryError
from ...geometry.rigid import Array
from ...messages import warn
from .calibration import CalibratedView, CalibrationOptions, pinhole_matrix, pose_matrix
from .content import Content
from .fields import Fields

_KEYS = ("camera-position", "focal-point", "view-up", "view-angle", "image-width", "image-height")


def matches(content: Content) -> bool:
    return isinstance(content.tree, dict) and all(key in content.tree for key in _KEYS[:4])


def read(content: Content, options: CalibrationOptions) -> list[CalibratedView]:
    """The one view of a file; raises FormatError for missing entries, GeometryError for an impossible camera."""
    fields = Fields(content.tree if isinstance(content.tree, dict) else {}, content.name)
    position, focus, up, angle, w, h = (np.ravel(fields.required((key.replace("-", ""),))) for key in _KEYS)
    if [len(values) for values in (position, focus, up)] != [3, 3, 3] or not 0 < angle[0] < 180:
        raise FormatError(
            f"{content.name}: expected three numbers for positions and an angle between 0 and 180 degrees"
        )
    size = np.array([int(w[0]), int(h[0])])
    if size[0] != size[1]:
        warn(f"{content.name}: not a square image; the focal lengths in x and y differ in Autoscoper but not in VTK")
    focal = size / (2 * np.tan(np.deg2rad(angle[0]) / 2))
    K = np.array([[focal[0], 0, (size[0] - 1) / 2], [0, focal[1], (size[1] - 1) / 2], [0, 0, 1]])
    R = _look_at(position, focus, up, content.name)
    P = pinhole_matrix(K, pose_matrix(R, -R @ position), content.path.stem)
    return [CalibratedView(P, content.path.stem, (int(size[0]), int(size[1])))]


def _look_at(position: Array, focus: Array, up: Array, name: str) -> Array:
    """(3, 3): camera from world, rows right, down and forward."""
    forward = focus - position
    right = np.cross(forward, up)
    if np.linalg.norm(right) < 1e-9 * max(1e-300, np.linalg.norm(forward) * np.linalg.norm(up)):
        raise GeometryError(f"{name}: view-up points along the direction of view; correct it")
    forward, right = forward / np.linalg.norm(forward), right / np.linalg.norm(right)
    return np.array([right, np.cross(forward, right), forward])
