"""A spine of four unlike vertebrae amid soft tissue, its labels, and X-rays of it after its vertebrae have moved."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial.transform import Rotation

from IXGSLib.formats import Case
from IXGSLib.geometry import Grid
from IXGSLib.geometry.rigid import apply, inverse, rigid
from IXGSLib.geometry.trajectory import CArm, trajectory
from IXGSLib.rendering.joseph import project_volume
from IXGSLib.simulation.attenuation import bone_enhanced
from IXGSLib.xray import XRay

GRID = Grid((76, 50, 44), (2.2, 2.0, 2.2), (-46.0, -49.0, -82.0), np.eye(3))
LABELS = (20, 21, 22, 23)
"""L1 to L4 in VerSe's numbers."""
NAMES = ("L1", "L2", "L3", "L4")
HEIGHTS = (54.0, 18.0, -18.0, -54.0)
ANGLES = [(0.0, 10.0), (75.0, -5.0), (40.0, 8.0), (-35.0, 0.0)]
ARM = CArm(source_isocentre=600, source_detector=1000, detector_pixels=(128, 128), detector_size=280)


@cache
def ct(patient: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """HU and labels [k, j, i] on GRID; another number is another patient."""
    generator = np.random.default_rng(patient)
    points = GRID.points()
    values = np.where(np.hypot(points[..., 0] / 46, points[..., 1] / 48) < 1, 40.0, -1000.0)
    labels = np.zeros(GRID.shape, np.int16)
    texture = gaussian_filter(generator.normal(size=GRID.shape), 1.5)
    texture *= 250 / texture.std()
    for label, height in zip(LABELS, HEIGHTS, strict=True):
        inside = _vertebra(points - (0, 0, height), generator)
        labels[inside & (labels == 0)] = label
    values = np.where(labels > 0, 650 + texture, values)
    return values.astype(np.float32), labels.astype(np.float32)


def _vertebra(points: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Body, arch and processes of random proportions around the origin."""
    wide, deep, high = generator.uniform((17, 13, 9), (24, 18, 13))
    body = (np.hypot(points[..., 0] / wide, (points[..., 1] + 12) / deep) < 1) & (np.abs(points[..., 2]) < high)
    inside = body
    for _ in range(5):
        center = generator.uniform((-24, 4, -11), (24, 34, 11))
        inside = inside | (np.linalg.norm((points - center) / generator.uniform(4, 9, 3), axis=-1) < 1)
    arch = (np.abs(points[..., 0]) < 5) & (points[..., 1] > 0) & (points[..., 1] < 30) & (np.abs(points[..., 2]) < 5)
    return inside | arch


def motions(turn: float = 4.0, shift: float = 3.0, seed: int = 0) -> dict[int, np.ndarray]:
    """(4, 4) world_from_ct of each label."""
    generator = np.random.default_rng((seed, 1))
    found = {}
    for label, height in zip(LABELS, HEIGHTS, strict=True):
        center = np.array([0, 0, height])
        R = Rotation.from_rotvec(np.deg2rad(generator.uniform(-1, 1, 3) * turn / np.sqrt(3))).as_matrix()
        found[label] = rigid(R, center + generator.uniform(-1, 1, 3) * shift / np.sqrt(3) - R @ center)
    return found


def line_integrals(views, poses, patient: int = 0) -> list[np.ndarray]:
    """Line integrals of the bone after each vertebra has moved by itself; it is interpolated anew."""
    values, labels = ct(patient)
    attenuation = bone_enhanced(values)
    middle = np.mean([apply(pose, GRID.center) for pose in poses.values()], axis=0)
    fine = Grid.centered(middle, GRID.size + 40, 1.7)
    moved = np.zeros(fine.shape, np.float32)
    for label, pose in poses.items():
        places = apply(np.linalg.inv(GRID.world_from_index) @ inverse(pose), fine.points().reshape(-1, 3))
        own = np.where(labels == label, attenuation, 0)
        moved += map_coordinates(own, places[:, ::-1].T, order=1).reshape(fine.shape)
    return [project_volume(moved, fine, view) for view in views]


def case(count: int = 4, poses=None, patient: int = 0, noise: float = 0.005, offset=(0.0, 0.0, 0.0)) -> Case:
    """X-rays of the bone; offset: of the isocentre from the middle of the spine, mm."""
    views = trajectory(ARM, ANGLES[:count], np.array(offset))
    images = line_integrals(views, motions() if poses is None else poses, patient)
    generator = np.random.default_rng(7)
    xrays = [
        XRay(view, image + noise * generator.standard_normal(image.shape), np.ones(image.shape, bool))
        for view, image in zip(views, images, strict=True)
    ]
    return Case(tuple(xrays), Grid.centered(offset, np.full(3, 120.0), 2.0), "phantom")


def points(label: int, patient: int = 0) -> np.ndarray:
    """(n, 3) LPS mm, the voxels of a vertebra."""
    return apply(GRID.world_from_index, np.argwhere(ct(patient)[1] == label)[:, ::-1])


def target_error(pose: np.ndarray, true: np.ndarray, label: int) -> float:
    """Mean target registration error over a vertebra, mm."""
    where = points(label)
    return float(np.linalg.norm(apply(pose, where) - apply(true, where), axis=1).mean())
