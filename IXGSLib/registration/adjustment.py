"""The pose of one bone in all views at once, by the Levenberg-Marquardt method; its neighbours stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from ..geometry.rigid import Array, apply, rigid
from ..geometry.turns import rotation, rotation_vector
from .bones import Bone
from .pictures import Stack
from .projection import IMAGE, TARGET, project_points, project_with_derivatives
from .similarity import Correlation, correlations

VALUES_WEIGHT = 0.1
"""Weight of the correlation of values; that of gradients has the rest, since soft tissue and scatter vary slowly."""
PRIOR_WEIGHT = 0.02
"""Fraction of the loss by which it grows where a pose is one standard deviation from where its neighbour expects it."""
SHADOW = 0.02
"""Line integral from which a pixel lies in the shadow of a bone."""
RIM_MM = 4.0
"""Width of the rim around the shadow in which pixels count."""
DAMPING, DAMPING_STEP, MIN_DAMPING = 1e-3, 8.0, 1e-6
MAX_ATTEMPTS = 5
"""Steps that are tried in one iteration, each with more damping."""
MIN_STEP_PIXELS = 0.06
"""Movement in pixels below which a pose counts as found."""


def mixed(of_values: Array, of_gradients: Array) -> Array:
    """The two correlations by their weights."""
    return VALUES_WEIGHT * of_values + (1 - VALUES_WEIGHT) * of_gradients


def turned(world_from_ct: Array, change: Array, center: Array) -> Array:
    """A pose after a change (6,): a rotation vector about a centre (3,) in the world, radians, and a shift, mm."""
    R = rotation(change[:3])
    return rigid(R, center - R @ center + change[3:]) @ world_from_ct


def change_between(before: Array, after: Array, center: Array) -> Array:
    """(6,) the change that leads from one pose to another; center: (3,) of the bone in the CT."""
    turn = rotation_vector(after[:3, :3] @ before[:3, :3].T)
    return np.concatenate([turn, apply(after, center) - apply(before, center)])


def shadow(bone: Bone, world_from_ct: Array, stack: Stack) -> np.ndarray:
    """(views, height, width) float32 line integrals of a bone."""
    images = np.zeros_like(stack.images)
    points = bone.clouds[stack.pitch]
    project_points(points.positions, points.amounts, stack.cameras(world_from_ct), stack.matrices, stack.sigma, images)
    return images


@dataclass(frozen=True, eq=False)
class Prior:
    """Where the neighbours expect a bone: poses (4, 4), and the standard deviations (6,) from them."""

    expected: Sequence[Array]
    deviations: Array

    def terms(self, pose: Array, center: Array, units: Array) -> tuple[float, Array, Array]:
        """Half the squared deviations, their gradient (6,) and curvature (6, 6) in units of the changes."""
        value, gradient, scale = 0.0, np.zeros(6), units / self.deviations
        for expected in self.expected:
            residual = change_between(expected, pose, center) / self.deviations
            value += float(residual @ residual) / 2
            gradient += scale * residual
        return value, gradient, len(self.expected) * np.diag(scale**2)


NO_PRIOR = Prior((), np.ones(6))


@dataclass(frozen=True, eq=False)
class Fit:
    """A pose and what it leaves.

    loss: mean over the views of 1 - correlation. values, gradients: (views,) that of values and of gradients.
    information: (6, 6) curvature of the loss by turns in radians about, and shifts in mm along, the world's axes.
    """

    pose: Array
    loss: float
    values: Array
    gradients: Array
    information: Array


class Window:
    """The part of all X-rays in which a bone is seen, with the rest of the bones drawn into it.

    lanes: (views, height, width, 8) with the other bones and the X-rays. weights: (views, height, width) of pixels.
    corners: (views, 2) top-left pixels in the X-rays. units: (6,) changes in radians and mm that count as one.
    """

    def __init__(self, stack: Stack, bone: Bone, corners: np.ndarray, lanes: np.ndarray, weights: np.ndarray) -> None:
        self.stack, self.bone, self.lanes, self.weights = stack, bone, lanes, weights
        self.matrices = stack.matrices.copy()
        self.matrices[:, :2, 2] -= corners
        self.units = np.array([1 / bone.radius] * 3 + [1.0] * 3)

    @classmethod
    def whole(cls, stack: Stack, bone: Bone) -> Window:
        """All of the X-rays, and no other bone."""
        lanes = np.zeros((*stack.images.shape, 8), np.float32)
        lanes[..., TARGET] = stack.images
        return cls(stack, bone, np.zeros((len(stack), 2)), lanes, stack.masks)

    @classmethod
    def around(
        cls, stack: Stack, bone: Bone, pose: Array, own: np.ndarray, others: np.ndarray, margin: float
    ) -> Window:
        """The surroundings of a bone up to `margin` mm from it; pixels in and near its shadow count.

        own, others: (views, height, width) line integrals of the bone at that pose, and of all others.
        """
        lows, highs = _boxes(stack, apply(pose, bone.extent[:: max(1, len(bone.extent) // 300)]), margin)
        height, width = stack.images.shape[1:]
        size = np.clip((highs - lows).max(axis=0) + 1, 8, (width, height)).astype(int)
        corners = np.clip(lows, 0, np.array([width, height]) - size).astype(int)
        windows = [(n, slice(y, y + size[1]), slice(x, x + size[0])) for n, (x, y) in enumerate(corners)]
        lanes = np.zeros((len(stack), size[1], size[0], 8), np.float32)
        lanes[..., IMAGE] = [others[window] for window in windows]
        lanes[..., TARGET] = [stack.images[window] for window in windows]
        rim = RIM_MM / stack.pixel
        near = np.array([gaussian_filter((own[window] > SHADOW).astype(np.float32), rim) for window in windows])
        weights = np.clip(4 * near, 0, 1) * np.array([stack.masks[window] for window in windows])
        return cls(stack, bone, corners, lanes, weights)

    def shadow(self, pose: Array) -> np.ndarray:
        """(views, height, width) float32 line integrals of the bone at a pose."""
        images, points = np.zeros(self.weights.shape, np.float32), self.bone.clouds[self.stack.pitch]
        cameras = self.stack.cameras(pose)
        project_points(points.positions, points.amounts, cameras, self.matrices, self.stack.sigma, images)
        return images

    def terms(self, pose: Array) -> tuple[float, Array, Array, Correlation, Correlation]:
        """The loss summed over the views, its gradient (6,) and curvature (6, 6) in units, and the correlations."""
        stack, points = self.stack, self.bone.clouds[self.stack.pitch]
        lanes = self.lanes.copy()
        turns = stack.camera_from_world[:, :3, :3]
        centers = apply(pose, self.bone.center) @ turns.transpose(0, 2, 1) + stack.camera_from_world[:, :3, 3]
        cameras = stack.cameras(pose)
        project_with_derivatives(points.positions, points.amounts, cameras, self.matrices, centers, stack.sigma, lanes)
        values, slopes = correlations(lanes, self.weights)
        axes = np.zeros((len(stack), 6, 6))
        axes[:, :3, :3] = axes[:, 3:, 3:] = turns
        gradient = np.einsum("vij,vi->j", axes, mixed(values.gradient, slopes.gradient)) * self.units
        curvature = np.einsum("vki,vkl,vlj->ij", axes, mixed(values.curvature, slopes.curvature), axes)
        curvature *= np.outer(self.units, self.units)
        return float(mixed(values.loss, slopes.loss).sum()), gradient, curvature, values, slopes


def _boxes(stack: Stack, points: Array, margin: float) -> tuple[Array, Array]:
    """(views, 2) the corners in pixels of the boxes around points (n, 3) in the world."""
    limit, rim = np.array(stack.images.shape[:0:-1]), margin / stack.pixel
    pixels = [xray.view.project(points)[0] for xray in stack.xrays]
    boxes = np.array([(np.floor(each.min(axis=0) - rim), np.ceil(each.max(axis=0) + rim)) for each in pixels])
    return np.clip(boxes[:, 0], -limit, 2 * limit), np.clip(boxes[:, 1], -limit, 2 * limit)


def adjusted(window: Window, start: Array, iterations: int, prior: Prior = NO_PRIOR) -> Fit:
    """The pose near a start (4, 4) that fits all views best."""
    center, units = window.bone.center, window.units
    pose, damping = start, DAMPING
    terms = window.terms(pose)
    weight = PRIOR_WEIGHT * terms[0]
    expected = prior.terms(pose, center, units)
    for _ in range(iterations):
        gradient, curvature = terms[1] + weight * expected[1], terms[2] + weight * expected[2]
        diagonal = np.diag(np.diag(curvature) + 1e-9)
        for _ in range(MAX_ATTEMPTS):
            step = -np.linalg.solve(curvature + damping * diagonal, gradient)
            moved = turned(pose, step * units, apply(pose, center))
            tried, tried_expected = window.terms(moved), prior.terms(moved, center, units)
            if tried[0] + weight * tried_expected[0] < terms[0] + weight * expected[0]:
                break
            damping *= DAMPING_STEP
        else:
            break
        pose, terms, expected = moved, tried, tried_expected
        damping = max(damping / DAMPING_STEP, MIN_DAMPING)
        if np.linalg.norm(step) < MIN_STEP_PIXELS * window.stack.pixel:
            break
    loss, _, curvature, values, slopes = terms
    information = curvature / np.outer(units, units) / len(window.stack)
    return Fit(pose, loss / len(window.stack), values.loss, slopes.loss, information)
