"""One calibrated X-ray camera."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import GeometryError
from .rigid import Array, apply, constant, counts, inverse, proper_rotation, rigid

MAX_CONDITION_NUMBER = 1e8
"""Largest condition number of the 3x3 part of a projection matrix whose rows have unit length."""


@dataclass(frozen=True, eq=False)
class View:
    """One X-ray camera with OpenCV axes: x right, y down, z from source to detector; its origin is the X-ray source.

    K: (3, 3) upper triangular, pixels; pixel centres at integers, (0, 0) the centre of the top-left pixel.
    world_from_camera: (4, 4) rigid, LPS mm.
    size: (width, height) in pixels.
    pixel_spacing: (x, y) mm on the detector, if known; projection does not need it.
    Raises GeometryError for values that do not describe a camera.
    """

    K: Array
    world_from_camera: Array
    size: tuple[int, int]
    id: str = ""
    pixel_spacing: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        name = f"view '{self.id}'"
        K = constant(self.K, (3, 3), f"{name}: K")
        if K[0, 0] <= 0 or K[1, 1] <= 0 or np.any(K[[1, 2, 2], [0, 0, 1]] != 0) or K[2, 2] != 1:
            raise GeometryError(
                f"{name}: K is {K.tolist()}, expected [[fx, s, cx], [0, fy, cy], [0, 0, 1]] with fx, fy > 0; "
                "a negative focal length is a mirrored image: flip the image and its calibration"
            )
        T = constant(self.world_from_camera, (4, 4), f"{name}: world_from_camera")
        if np.any(T[3] != (0, 0, 0, 1)):
            raise GeometryError(f"{name}: last row of world_from_camera is {T[3].tolist()}, expected [0, 0, 0, 1]")
        R = proper_rotation(T[:3, :3], f"{name}: rotation of world_from_camera")
        spacing = self.pixel_spacing
        if spacing is not None:
            spacing = (float(spacing[0]), float(spacing[1]))
            if not (np.isfinite(spacing).all() and min(spacing) > 0):
                raise GeometryError(f"{name}: pixel spacing {spacing}, expected two positive numbers in mm")
        values: dict[str, Any] = {
            "K": K,
            "world_from_camera": constant(rigid(R, T[:3, 3]), (4, 4), name),
            "size": counts(self.size, 2, f"{name}: image size (width, height)"),
            "pixel_spacing": spacing,
        }
        for key, value in values.items():
            object.__setattr__(self, key, value)

    @classmethod
    def from_projection_matrix(
        cls,
        P: ArrayLike,
        size: tuple[int, int],
        id: str = "",
        pixel_spacing: tuple[float, float] | None = None,
    ) -> View:
        """The view of a 3x4 projection matrix (pixels from world mm) of any scale and sign.

        RQ decomposition with positive focal lengths (Hartley & Zisserman, Multiple View Geometry, 6.2.4).
        The sign of P is chosen so that the rotation is proper. A mirrored image cannot be distinguished from a negative
        scale here; it places the scene behind the source, which `check_views` refuses.
        Raises GeometryError for a parallel beam and a (near-)singular matrix.
        """
        name = f"view '{id}': projection matrix"
        P = constant(P, (3, 4), name)
        M = P[:, :3]
        rows = np.linalg.norm(M, axis=1)
        if rows[2] <= 1e-12 * rows[:2].max():
            raise GeometryError(f"{name} is a parallel beam (its last row has no direction); IXGS needs a point source")
        if rows.min() == 0 or np.linalg.cond(M / rows[:, None]) > MAX_CONDITION_NUMBER:
            raise GeometryError(f"{name} is singular or nearly so; calibrate this view again")
        K, R = _rq(M)
        if np.linalg.det(R) < 0:
            R = -R
        K = K / K[2, 2]
        K[[1, 2, 2], [0, 0, 1]] = 0.0
        source = -np.linalg.solve(M, P[:, 3])
        return cls(K, rigid(R.T, source), size, id, pixel_spacing)

    @property
    def camera_from_world(self) -> Array:
        return inverse(self.world_from_camera)

    @property
    def projection_matrix(self) -> Array:
        """(3, 4): pixels from world mm; its third row gives the depth in mm."""
        return self.K @ self.camera_from_world[:3]

    @property
    def source(self) -> Array:
        """(3,) X-ray source, LPS mm."""
        return self.world_from_camera[:3, 3]

    @property
    def axis(self) -> Array:
        """(3,) unit direction of the principal ray, from source to detector."""
        return self.world_from_camera[:3, 2]

    @property
    def source_detector_distance(self) -> float | None:
        """mm; None where the pixel spacing is unknown."""
        return None if self.pixel_spacing is None else float(self.K[0, 0] * self.pixel_spacing[0])

    def project(self, points: ArrayLike) -> tuple[Array, Array]:
        """Pixels (..., 2) and depths (...) in mm of world points (..., 3); depth <= 0 lies behind the source."""
        homogeneous = apply(self.camera_from_world, points) @ self.K.T
        depth = homogeneous[..., 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            return homogeneous[..., :2] / depth[..., None], depth

    def pixel_size(self, point: ArrayLike) -> float:
        """The side of a pixel at the depth of a point (3,), mm: the geometric mean where pixels are not square."""
        return float(self.project(point)[1] / np.sqrt(self.K[0, 0] * self.K[1, 1]))

    def backproject(self, pixels: ArrayLike, depth: ArrayLike) -> Array:
        """World points (..., 3) at pixels (..., 2) and depths (...) along the principal axis in mm."""
        pixels = np.asarray(pixels, dtype=np.float64)
        homogeneous = np.concatenate([pixels, np.ones_like(pixels[..., :1])], axis=-1)
        direction = homogeneous @ np.linalg.inv(self.K).T
        return apply(self.world_from_camera, direction * np.asarray(depth, dtype=np.float64)[..., None])

    def ray(self, pixels: ArrayLike) -> tuple[Array, Array]:
        """Source (3,) and unit directions (..., 3) of the rays that reach pixels (..., 2)."""
        direction = self.backproject(pixels, np.ones(np.shape(pixels)[:-1])) - self.source
        return self.source, direction / np.linalg.norm(direction, axis=-1, keepdims=True)

    def sees(self, points: ArrayLike) -> np.ndarray:
        """Which points (..., 3) lie in front of the source and project inside the image: bool (...)."""
        pixels, depth = self.project(points)
        width, height = self.size
        inside = (pixels >= -0.5) & (pixels <= (width - 0.5, height - 0.5))
        return (depth > 0) & inside.all(axis=-1)

    def resized(self, size: tuple[int, int]) -> View:
        """The same detector area read out as (width, height) pixels: its edges stay, its pixel centres move."""
        scale = np.divide(counts(size, 2, f"view '{self.id}': image size (width, height)"), self.size)
        S = np.diag([*scale, 1.0])
        S[:2, 2] = (scale - 1) / 2
        spacing = self.pixel_spacing
        if spacing is not None:
            spacing = (spacing[0] / scale[0], spacing[1] / scale[1])
        return replace(self, K=S @ self.K, size=size, pixel_spacing=spacing)

    def cropped(self, left: float, top: float, size: tuple[int, int]) -> View:
        """The window of (width, height) pixels whose top-left pixel is centred at (left, top), whole or fractional."""
        K = self.K.copy()
        K[:2, 2] -= (left, top)
        return replace(self, K=K, size=size)

    def moved(self, target_from_world: ArrayLike) -> View:
        """The same camera after a rigid motion of the whole scene."""
        return replace(self, world_from_camera=np.asarray(target_from_world, dtype=np.float64) @ self.world_from_camera)


def _rq(M: Array) -> tuple[Array, Array]:
    """M = K R with K upper triangular with a positive diagonal and R orthogonal (of either determinant)."""
    flip = np.eye(3)[::-1]
    Q, U = np.linalg.qr((flip @ M).T)
    K, R = flip @ U.T @ flip, flip @ Q.T
    signs = np.where(np.diag(K) < 0, -1.0, 1.0)
    return K * signs, signs[:, None] * R
