"""Bundle adjustment: poses, shared intrinsics and positions of fiducials from their shadows (Levenberg-Marquardt)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from ...geometry.rigid import Array
from .camera import BEND_TERMS, Intrinsics, Pose, bent, shadow_centres

HUBER_PX = 1.0
"""Residual from which an observation counts linearly instead of quadratically."""
PIXEL_SD = 0.15
"""Expected error of a shadow's centre along each axis, px, against which the priors are weighed."""
STEPS = {"intrinsics": (1e-6, 1e-6, 1e-3, 1e-3), "pose": (1e-6,) * 3 + (1e-3,) * 3, "position": (1e-3,) * 3}
"""Steps of the central differences: logarithms, px, radians and mm."""
BEND_STEP = 1e-5
"""Step of the central differences of a distortion, in halves of the image."""
MIN_DEPTH_MM = 10.0
"""Depth at which fiducials are held that a step of the fit would move to or behind the source."""


@dataclass(frozen=True, eq=False)
class Observations:
    """Shadows of fiducials: the number of the view and of the fiducial (n,), and the centre (n, 2) px."""

    view: np.ndarray
    fiducial: np.ndarray
    pixel: Array

    def __len__(self) -> int:
        return len(self.view)

    def only(self, kept: np.ndarray) -> Observations:
        return Observations(self.view[kept], self.fiducial[kept], self.pixel[kept])


@dataclass(frozen=True, eq=False)
class PosePrior:
    """Approximate poses of all views, with standard deviations of rotation (rad) and translation (mm)."""

    poses: tuple[Pose, ...]
    rotation_sd: float
    translation_sd: float


@dataclass(frozen=True, eq=False)
class Scene:
    """What an adjustment improves: intrinsics, a pose for each view, positions (fiducials, 3) mm and their radii.

    position_sd: mm, of the positions before the adjustment; 0 holds them, inf leaves them free.
    pose_prior: approximate poses to stay close to, without which the positions fix the frame.
    bend_sd: standard deviation of a distortion that all images share, as in `bent`; 0 for undistorted images. bend:
    the distortion that was found.
    """

    intrinsics: Intrinsics
    poses: tuple[Pose, ...]
    positions: Array
    radii: Array
    position_sd: float = 0.0
    pose_prior: PosePrior | None = None
    bend_sd: float = 0.0
    bend: Array | None = None

    def predicted(self, seen: Observations) -> Array:
        """(n, 2) px: where the observed fiducials should be."""
        rotation = np.stack([pose.rotation for pose in self.poses])[seen.view]
        translation = np.stack([pose.translation for pose in self.poses])[seen.view]
        points = np.einsum("nij,nj->ni", rotation, self.positions[seen.fiducial]) + translation
        return shadow_centres(self.intrinsics, points, self.radii[seen.fiducial])

    def residuals(self, seen: Observations) -> Array:
        """(n, 2) px: predicted minus observed."""
        return self.predicted(seen) - seen.pixel


@dataclass(frozen=True, eq=False)
class Adjusted:
    """An adjusted scene and standard deviations.

    pose_sd: (views, 6) rotation vector (rad) and translation (mm) of each pose about the middle of the fiducials.
    intrinsics_sd: (4,) relative focal length, relative aspect, principal point (px).
    """

    scene: Scene
    pose_sd: Array
    intrinsics_sd: Array


def adjusted(scene: Scene, seen: Observations, iterations: int = 60) -> Adjusted:
    """The scene that explains the observations best, with priors on intrinsics, positions and, if stated, poses."""
    problem = _Problem(scene, seen)
    found = least_squares(
        problem.residuals,
        np.zeros(problem.length),
        problem.jacobian,
        loss="huber",
        f_scale=HUBER_PX / PIXEL_SD,
        x_scale="jac",
        tr_solver="lsmr",  # singular values of matrices this small cost more in BLAS threads than in arithmetic
        max_nfev=iterations,
        xtol=1e-10,
        ftol=1e-10,
        gtol=1e-10,
    )
    return Adjusted(problem.scene(found.x), *problem.deviations(found.x))


class _Problem:
    """The parameters as a vector of changes: intrinsics (4), poses (6 for each view), positions (3 for each)."""

    def __init__(self, start: Scene, seen: Observations) -> None:
        self.start, self.seen = start, seen
        self.middle = start.positions.mean(axis=0)
        self.free = start.position_sd > 0
        self.views, self.fiducials = len(start.poses), len(start.positions)
        self.bends = 2 * BEND_TERMS if start.bend_sd > 0 else 0
        self.length = 4 + 6 * self.views + (3 * self.fiducials if self.free else 0) + self.bends
        # About the middle of the fiducials, rotation and translation are nearly independent.
        self.rotations = np.stack([pose.rotation for pose in start.poses])
        self.shifts = np.stack([pose.translation + pose.rotation @ self.middle for pose in start.poses])

    def split(self, vector: Array) -> tuple[Intrinsics, Array, Array, Array]:
        """Intrinsics, rotations, shifts (views, 3) of the fiducials' middle in the camera, and positions."""
        first = self.start.intrinsics
        centre = (first.centre[0] + vector[2], first.centre[1] + vector[3])
        intrinsics = replace(
            first, focal=first.focal * np.exp(vector[0]), aspect=first.aspect * np.exp(vector[1]), centre=centre
        )
        poses = vector[4 : 4 + 6 * self.views].reshape(-1, 6)
        rotations = Rotation.from_rotvec(poses[:, :3]).as_matrix() @ self.rotations
        positions = self.start.positions
        if self.free:
            first_place = 4 + 6 * self.views
            positions = positions + vector[first_place : first_place + 3 * self.fiducials].reshape(-1, 3)
        return intrinsics, rotations, self.shifts + poses[:, 3:], positions

    def scene(self, vector: Array) -> Scene:
        intrinsics, rotations, shifts, positions = self.split(vector)
        poses = tuple(Pose(R, t - R @ self.middle) for R, t in zip(rotations, shifts, strict=True))
        bend = self._bend(vector) if self.bends else self.start.bend
        return replace(self.start, intrinsics=intrinsics, poses=poses, positions=positions, bend=bend)

    def _bend(self, vector: Array) -> Array:
        return vector[self.length - self.bends :].reshape(BEND_TERMS, 2)

    def _reprojection(self, vector: Array) -> Array:
        intrinsics, rotations, shifts, positions = self.split(vector)
        seen = self.seen
        offsets = positions[seen.fiducial] - self.middle
        points = np.einsum("nij,nj->ni", rotations[seen.view], offsets) + shifts[seen.view]
        points[:, 2] = np.maximum(points[:, 2], MIN_DEPTH_MM)
        predicted = shadow_centres(intrinsics, points, self.start.radii[seen.fiducial])
        if self.bends:
            predicted = bent(predicted, intrinsics.size, self._bend(vector))
        return (predicted - seen.pixel) / PIXEL_SD

    def residuals(self, vector: Array) -> Array:
        return np.concatenate([self._reprojection(vector).ravel(), self._priors(vector)])

    def _priors(self, vector: Array) -> Array:
        """Deviations from what is known, each over its standard deviation."""
        first = self.start.intrinsics
        parts = [vector[:4] / (first.focal_sd, first.aspect_sd, first.centre_sd, first.centre_sd)]
        if self.free and np.isfinite(self.start.position_sd):
            parts.append(vector[4 + 6 * self.views : self.length - self.bends] / self.start.position_sd)
        if self.bends:
            parts.append(vector[self.length - self.bends :] / self.start.bend_sd)
        prior = self.start.pose_prior
        if prior is not None:
            _, rotations, shifts, _ = self.split(vector)
            R = np.stack([pose.rotation for pose in prior.poses])
            t = np.stack([pose.translation + pose.rotation @ self.middle for pose in prior.poses])
            turn = Rotation.from_matrix(rotations @ R.transpose(0, 2, 1)).as_rotvec()
            parts += [(turn / prior.rotation_sd).ravel(), ((shifts - t) / prior.translation_sd).ravel()]
        return np.concatenate(parts)

    def jacobian(self, vector: Array) -> Array:
        """By central differences; a parameter of every view, or of every fiducial, is changed at once."""
        seen, count = self.seen, len(self.seen)
        rows = np.arange(2 * count).reshape(count, 2)
        matrix = np.zeros((2 * count + len(self._priors(vector)), self.length))
        for n, step in enumerate(STEPS["intrinsics"]):
            matrix[: 2 * count, n] = self._slope(vector, np.array([n]), step).ravel()
        poses = 4 + 6 * np.arange(self.views)
        for n, step in enumerate(STEPS["pose"]):
            slope = self._slope(vector, poses + n, step)
            matrix[rows, (poses + n)[seen.view][:, None]] = slope
        if self.free:
            places = 4 + 6 * self.views + 3 * np.arange(self.fiducials)
            for n, step in enumerate(STEPS["position"]):
                slope = self._slope(vector, places + n, step)
                matrix[rows, (places + n)[seen.fiducial][:, None]] = slope
        for n in range(self.length - self.bends, self.length):
            matrix[: 2 * count, n] = self._slope(vector, np.array([n]), BEND_STEP).ravel()
        matrix[2 * count :] = self._prior_slopes(vector)
        return matrix

    def _slope(self, vector: Array, columns: np.ndarray, step: float) -> Array:
        up, down = vector.copy(), vector.copy()
        up[columns] += step
        down[columns] -= step
        return (self._reprojection(up) - self._reprojection(down)) / (2 * step)

    def _prior_slopes(self, vector: Array) -> Array:
        """The priors depend on each parameter alone, up to the rotation of a pose prior, which is small."""
        first = self.start.intrinsics
        blocks = [np.eye(4, self.length) / np.array([[first.focal_sd], [first.aspect_sd], *[[first.centre_sd]] * 2])]
        if self.free and np.isfinite(self.start.position_sd):
            start = 4 + 6 * self.views
            blocks.append(np.eye(self.length)[start : self.length - self.bends] / self.start.position_sd)
        if self.bends:
            blocks.append(np.eye(self.length)[self.length - self.bends :] / self.start.bend_sd)
        prior = self.start.pose_prior
        if prior is not None:
            poses = np.eye(self.length)[4 : 4 + 6 * self.views].reshape(self.views, 6, self.length)
            blocks.append(poses[:, :3].reshape(-1, self.length) / prior.rotation_sd)
            blocks.append(poses[:, 3:].reshape(-1, self.length) / prior.translation_sd)
        return np.concatenate(blocks)

    def deviations(self, vector: Array) -> tuple[Array, Array]:
        """Of poses and intrinsics, from the inverse normal matrix, times the residuals where these are larger."""
        J = self.jacobian(vector)
        spread = float(np.sqrt(np.mean(self._reprojection(vector) ** 2))) if len(self.seen) else 1.0
        variances = np.diag(np.linalg.pinv(J.T @ J, hermitian=True))
        deviations = max(1.0, spread) * np.sqrt(np.maximum(variances, 0))
        return deviations[4 : 4 + 6 * self.views].reshape(-1, 6), deviations[:4]


def joined(parts: Sequence[tuple[np.ndarray, Array]]) -> Observations:
    """The observations of several views: for each its fiducials (n,) and their centres (n, 2) px."""
    view = np.concatenate([np.full(len(fiducials), n) for n, (fiducials, _) in enumerate(parts)]).astype(int)
    fiducial = np.concatenate([np.asarray(fiducials, int) for fiducials, _ in parts])
    return Observations(view, fiducial, np.concatenate([np.reshape(pixels, (-1, 2)) for _, pixels in parts]))
