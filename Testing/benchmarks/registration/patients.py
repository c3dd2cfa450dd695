"""Patients whose vertebrae have moved since their CT: the anatomy of now, the CT as it was read, the true motions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt, map_coordinates
from scipy.spatial.transform import Rotation

from IXGSLib.geometry import Grid
from IXGSLib.geometry.rigid import Array, apply, inverse, rigid
from IXGSLib.volume.images import read_image
from Testing.benchmarks.scene import DATA

MAX_TURN_DEG, MAX_SHIFT_MM = 8.0, 6.0
"""Largest rotation and shift of a vertebra against the one below."""
FALLOFF_MM = 6.0
"""Distance from a vertebra at which its motion has faded to half its weight in the tissue around it."""
NOISE_HU, CT_SPACING = 25.0, 2.4
"""Noise and voxels of the CT that is registered."""
XRAY_SPACING = 1.2
"""Voxels of the moved anatomy that the X-rays show."""


@dataclass(frozen=True, eq=False)
class Patient:
    """A CT in HU with labels, both [k, j, i] on a grid, and the vertebrae to register by label."""

    hounsfield: np.ndarray
    labels: np.ndarray
    grid: Grid
    vertebrae: Mapping[int, str]

    def center(self, label: int) -> Array:
        """(3,) LPS mm."""
        k, j, i = np.argwhere(self.labels == label).mean(axis=0)
        return apply(self.grid.world_from_index, (i, j, k))

    def points(self, label: int) -> Array:
        """(n, 3) LPS mm, the voxel centres of a vertebra."""
        return apply(self.grid.world_from_index, np.argwhere(self.labels == label)[:, ::-1])


def lumbar() -> Patient:
    """T12 to S1 with labels of TotalSegmentator, 3 mm voxels."""
    folder = DATA / "ct_totalseg_example"
    values, grid = read_image(folder / "ct.nii.gz")
    labels, _ = read_image(folder / "vertebrae.nii.gz")
    names = {27: "L5", 28: "L4", 29: "L3", 30: "L2", 31: "L1", 32: "T12", 26: "S1"}
    return Patient(values, labels.astype(np.int16), grid, names)


def motions(patient: Patient, labels: list[int], seed: int, share: float = 1.0) -> dict[int, Array]:
    """(4, 4) world_from_ct of each vertebra, drawn against its lower neighbour; labels: from the lowest upwards."""
    generator = np.random.default_rng((seed, 3))
    found, below = {}, np.eye(4)
    for label in labels:
        own = random_motion(generator, patient.center(label), share * MAX_TURN_DEG, share * MAX_SHIFT_MM)
        below = below @ own
        found[label] = below
    return found


def random_motion(generator: np.random.Generator, center: Array, turn: float, shift: float) -> Array:
    """A rotation of up to `turn` degrees about a random axis through `center`, and a shift of up to `shift` mm."""
    axis = generator.normal(size=3)
    R = Rotation.from_rotvec(np.deg2rad(generator.uniform(0, turn)) * axis / np.linalg.norm(axis)).as_matrix()
    way = generator.normal(size=3)
    way *= generator.uniform(0, shift) / np.linalg.norm(way)
    return rigid(R, center + way - R @ center)


def moved(patient: Patient, world_from_ct: Mapping[int, Array], grid: Grid) -> np.ndarray:
    """The CT in HU on another grid after each vertebra has moved; tissue between them follows smoothly.

    At every point of the world the inverse motions of all vertebrae are averaged, weighted by how near the point is to
    each moved vertebra, so that vertebrae move rigidly.
    """
    points = grid.points().reshape(-1, 3)
    place, weights = np.zeros_like(points), np.full(len(points), 1e-6)
    place += 1e-6 * points
    for label, motion in world_from_ct.items():
        distance = distance_transform_edt(patient.labels != label, sampling=patient.grid.spacing[::-1])
        back = apply(inverse(motion), points)
        near = map_coordinates(distance, _indices(patient.grid, back), order=1, mode="nearest", output=np.float32)
        weight = 1 / (np.maximum(near - 1.5, 0) / FALLOFF_MM + 0.02) ** 3
        place += weight[:, None] * back
        weights += weight
    place /= weights[:, None]
    values = map_coordinates(patient.hounsfield, _indices(patient.grid, place), order=3, cval=-1000, output=np.float32)
    return values.reshape(grid.shape)


def read_again(patient: Patient, seed: int) -> Patient:
    """The CT and its labels on other voxels, oblique to the first, with noise."""
    generator = np.random.default_rng((seed, 5))
    turn = Rotation.from_rotvec(np.deg2rad(generator.uniform(-6, 6, 3))).as_matrix()
    sides = patient.grid.size
    box = Grid.centered(patient.grid.center + generator.uniform(-1, 1, 3), sides, CT_SPACING, turn)
    places = _indices(patient.grid, box.points().reshape(-1, 3))
    values = map_coordinates(patient.hounsfield, places, order=3, cval=-1000, output=np.float32).reshape(box.shape)
    labels = map_coordinates(patient.labels, places, order=0, cval=0).reshape(box.shape)
    values += generator.normal(0, NOISE_HU, box.shape).astype(np.float32)
    return Patient(values, labels, box, patient.vertebrae)


def _indices(grid: Grid, points: Array) -> Array:
    """(3, n) indices k, j, i of points (n, 3)."""
    return apply(np.linalg.inv(grid.world_from_index), points)[:, ::-1].T
