"""Patients whose vertebrae have moved since their CT: the anatomy of now, the CT as it was read, the true motions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from scipy.ndimage import distance_transform_edt, map_coordinates
from scipy.spatial.transform import Rotation

from IXGSLib.geometry import Grid
from IXGSLib.geometry.rigid import Array, apply, inverse, rigid
from IXGSLib.registration.labels import LEVELS
from IXGSLib.registration.splitting import labels_from_points, names_of
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


BODIES = {
    "tcga": {
        "T10": (-14, 72, 1434),
        "T11": (-14, 66, 1410),
        "T12": (-15, 57, 1387),
        "L1": (-15, 47, 1356),
        "L2": (-15, 40, 1322),
        "L3": (-15, 35, 1288),
        "L4": (-15, 36, 1256),
        "L5": (-15, 47, 1222),
        "S1": (-15, 67, 1200),
    },
    "lidc": {
        "T6": (-10, 228, -508),
        "T7": (-10, 231, -527),
        "T8": (-10, 231, -547),
        "T9": (-10, 231, -569),
        "T10": (-10, 230, -591),
        "T11": (-10, 227, -614),
        "T12": (-10, 221, -638),
        "L1": (-10, 216, -665),
    },
}
"""Points (LPS mm) in the vertebral bodies of CTs without labels, set by eye in sagittal and frontal sections."""
SPACING, AROUND_MM = 2.0, (85.0, 85.0, 60.0)
"""Voxels on which those CTs are kept, and how far beyond the points along each axis."""
EXTENT_MM = ((-42.0, -25.0, -42.0), (42.0, 80.0, 32.0))
"""The box around such a point, towards the right, front and feet, and the left, back and head, beyond which bone is not
the vertebra: ribs, pelvis, calcified vessels, and kidneys with contrast agent."""
CACHE = Path(__file__).resolve().parents[3] / "build" / "benchmarks" / "registration"


@dataclass(frozen=True, eq=False)
class Patient:
    """A CT in HU with labels, both [k, j, i] on a grid.

    vertebrae: the names of all labels. registered: those whose registration is measured, the names of whole vertebrae.
    """

    hounsfield: np.ndarray
    labels: np.ndarray
    grid: Grid
    vertebrae: Mapping[int, str]
    registered: tuple[str, ...]

    def label(self, name: str) -> int:
        return next(label for label, each in self.vertebrae.items() if each == name)

    @property
    def chain(self) -> list[int]:
        """The labels from the lowest vertebra upwards."""
        return sorted(self.vertebrae, key=lambda label: -LEVELS.index(self.vertebrae[label]))

    @property
    def middle(self) -> Array:
        """(3,) LPS mm, the mean centre of the registered vertebrae."""
        return np.mean([self.center(self.label(name)) for name in self.registered], axis=0)

    def center(self, label: int) -> Array:
        """(3,) LPS mm."""
        k, j, i = np.argwhere(self.labels == label).mean(axis=0)
        return apply(self.grid.world_from_index, (i, j, k))

    def points(self, label: int) -> Array:
        """(n, 3) LPS mm, the voxel centres of a vertebra."""
        return apply(self.grid.world_from_index, np.argwhere(self.labels == label)[:, ::-1])


@cache
def patient(name: str) -> Patient:
    """totalseg: T12 to S1, voxels of 3 mm, labels of TotalSegmentator. tcga, lidc: the lumbar and the lower thoracic
    spine of larger CTs, labelled from `BODIES`. tptbox: L3 with parts of its neighbours."""
    return {"totalseg": _totalseg, "tcga": _tcga, "lidc": _lidc, "tptbox": _tptbox}[name]()


def _totalseg() -> Patient:
    folder = DATA / "ct_totalseg_example"
    values, grid = read_image(folder / "ct.nii.gz")
    labels, _ = read_image(folder / "vertebrae.nii.gz")
    names = {27: "L5", 28: "L4", 29: "L3", 30: "L2", 31: "L1", 32: "T12", 26: "S1"}
    return Patient(values, labels.astype(np.int16), grid, names, ("L1", "L2", "L3", "L4", "L5"))


def _tcga() -> Patient:
    return _from_points("ct_tcga_ov_09_2043", BODIES["tcga"], ("L1", "L2", "L3", "L4", "L5"))


def _lidc() -> Patient:
    return _from_points("ct_lidc_0314", BODIES["lidc"], ("T8", "T9", "T10", "T11", "T12"))


def _tptbox() -> Patient:
    folder = DATA / "ct_l3_tptbox"
    values, grid = read_image(folder / "ct.nii.gz")
    labels, _ = read_image(folder / "vert.nii.gz")
    return Patient(values, labels.astype(np.int16), grid, {21: "L2", 22: "L3", 23: "L4"}, ("L3",))


def _from_points(ct: str, bodies: Mapping[str, tuple[float, ...]], registered: tuple[str, ...]) -> Patient:
    """The part of a CT around points in vertebral bodies, labelled as `ixgs register --points` does it."""
    values, native = read_image(DATA / ct / "ct.nii.gz")
    points = {name: np.array(point, float) for name, point in bodies.items()}
    places = np.array(list(points.values()))
    low = np.maximum(places.min(axis=0) - AROUND_MM, native.corners().min(axis=0) + native.spacing)
    high = np.minimum(places.max(axis=0) + AROUND_MM, native.corners().max(axis=0) - native.spacing)
    grid = Grid.centered((low + high) / 2, high - low, SPACING)
    indices = _indices(native, grid.points().reshape(-1, 3))
    hounsfield = map_coordinates(values, indices, order=1, cval=-1000, output=np.float32).reshape(grid.shape)
    return Patient(hounsfield, _labels(ct, hounsfield, grid, points), grid, names_of(points), registered)


def _labels(ct: str, hounsfield: np.ndarray, grid: Grid, points: Mapping[str, Array]) -> np.ndarray:
    """Labels of whole vertebrae, from the cache or newly made."""
    file = CACHE / f"{ct}-labels.npz"
    if not file.exists():
        labels = labels_from_points(hounsfield, grid, points)
        for label, name in names_of(points).items():
            own = np.argwhere(labels == label)
            offset = apply(grid.world_from_index, own[:, ::-1]) - points[name]
            beyond = np.any((offset < EXTENT_MM[0]) | (offset > EXTENT_MM[1]), axis=1)
            labels[tuple(own[beyond].T)] = 0
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(file, labels=labels)
    with np.load(file) as arrays:
        return arrays["labels"]


def motions(patient: Patient, seed: int) -> dict[int, Array]:
    """(4, 4) world_from_ct of each vertebra by label, drawn against its lower neighbour."""
    generator = np.random.default_rng((seed, 3))
    found, below = {}, np.eye(4)
    for label in patient.chain:
        below = below @ random_motion(generator, patient.center(label), MAX_TURN_DEG, MAX_SHIFT_MM)
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
    return replace(patient, hounsfield=values, labels=labels, grid=box)


def _indices(grid: Grid, points: Array) -> Array:
    """(3, n) indices k, j, i of points (n, 3)."""
    return apply(np.linalg.inv(grid.world_from_index), points)[:, ::-1].T
