"""The camera model that the fiducials are fitted with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...geometry import View
from ...geometry.rigid import Array, inverse, rigid
from ...xray.distortion import powers

BEND_ORDER, UNBENT_TERMS = 3, 3
"""Order of the polynomial by which a distorted image differs from the camera model, without its linear terms."""
BEND_TERMS = (BEND_ORDER + 1) * (BEND_ORDER + 2) // 2 - UNBENT_TERMS


@dataclass(frozen=True)
class Intrinsics:
    """Focal length (px), ratio of the pixels' sides and principal point (px), shared by all views of one size.

    focal_sd is relative; aspect_sd and centre_sd (px) are standard deviations too: what is known before the
    calibration, or what it left uncertain.
    """

    focal: float
    centre: tuple[float, float]
    size: tuple[int, int]
    aspect: float = 1.0
    focal_sd: float = 0.02
    aspect_sd: float = 0.001
    centre_sd: float = 20.0

    @property
    def K(self) -> Array:
        return np.array([[self.focal, 0, self.centre[0]], [0, self.focal * self.aspect, self.centre[1]], [0, 0, 1.0]])

    def directions(self, pixels: Array) -> Array:
        """(..., 3) unit rays in the camera's frame of pixels (..., 2)."""
        focal = np.array([self.focal, self.focal * self.aspect])
        flat = (np.asarray(pixels, dtype=np.float64) - self.centre) / focal
        rays = np.concatenate([flat, np.ones_like(flat[..., :1])], axis=-1)
        return rays / np.linalg.norm(rays, axis=-1, keepdims=True)


@dataclass(frozen=True, eq=False)
class Pose:
    """camera_from_world: rotation (3, 3) and translation (3,) mm."""

    rotation: Array
    translation: Array

    def view(self, intrinsics: Intrinsics, id: str, pixel_spacing: tuple[float, float] | None = None) -> View:
        # Products of rotations drift from orthogonality by rounding, which the singular vectors undo.
        U, _, Vt = np.linalg.svd(self.rotation)
        world_from_camera = inverse(rigid(U @ Vt, self.translation))
        return View(intrinsics.K, world_from_camera, intrinsics.size, id, pixel_spacing)

    @classmethod
    def of(cls, view: View) -> Pose:
        T = view.camera_from_world
        return cls(T[:3, :3], T[:3, 3])


def shadow_centres(intrinsics: Intrinsics, seen: Array, radii: Array) -> Array:
    """(..., 2) px: centres of the shadows of balls at `seen` (..., 3) mm in the camera's frame.

    radii: (...) mm. A cone that touches a ball meets the detector in an ellipse, whose centre is further from the
    principal point than the projection of the ball's centre, by 1 / (1 - (radius / depth)^2).
    """
    depth = seen[..., 2] - radii**2 / seen[..., 2]
    focal = np.array([intrinsics.focal, intrinsics.focal * intrinsics.aspect])
    return focal * seen[..., :2] / depth[..., None] + intrinsics.centre


def project(intrinsics: Intrinsics, pose: Pose, positions: Array, radii: Array) -> tuple[Array, Array]:
    """The shadows' centres (n, 2) px and depths (n,) mm of balls at positions (n, 3), world mm."""
    seen = positions @ pose.rotation.T + pose.translation
    return shadow_centres(intrinsics, seen, radii), seen[:, 2]


def bent(pixels: Array, size: tuple[int, int], bend: Array) -> Array:
    """(n, 2) px: where a distorted image of (width, height) shows pixels (n, 2).

    bend: (BEND_TERMS, 2) shifts in halves of the longer side, of the quadratic and cubic terms of `powers`.
    """
    return pixels + max(size) / 2 * powers(pixels, size, BEND_ORDER)[:, UNBENT_TERMS:] @ bend
