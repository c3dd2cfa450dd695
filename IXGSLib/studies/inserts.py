"""Findings and implants that a plan puts into a CT, and how much of them a volume shows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from ..errors import SettingsError
from ..files import write_atomically
from ..formats.strict_json import read_json
from ..geometry import Grid
from ..geometry.rigid import Array, apply
from ..simulation.solids import Capsule
from ..volume import Volume
from ..volume.bone import nominal_threshold

if TYPE_CHECKING:
    from ..simulation import SimulationSettings
    from .condition import Condition

LESION_RADIUS_MM = 8.0
GAP_MM = (40.0, 3.0, 24.0)
"""Extent of a fracture's gap from left to right, from front to back and from foot to head."""
LESION_HU = 40.0
"""Value inside a lesion or a fracture: tumour or blood."""
BONE_HU = 150.0
SEARCH_MM = 40.0
"""Largest distance from the isocentre at which a finding is placed."""
SHELL_MM = (1.5, 5.0)
"""Range of distances from an insert of the voxels that it is compared with."""
SUBSAMPLES = 3
"""Points along each axis of a voxel at which its fraction inside a finding is sampled."""


@dataclass(frozen=True, eq=False)
class Place:
    """Where one insert lies, LPS mm.

    kind: lesion, a ball of radius `size[0]`; fracture, a box of `size` mm around `start`; metal, a capsule from `start`
    to `end` of radius `size[0]`.
    """

    kind: str
    start: Array
    end: Array
    size: tuple[float, ...]

    def distance(self, points: Array) -> Array:
        """(...) distance in mm of points (..., 3) from the surface, negative inside."""
        if self.kind == "fracture":
            beyond = np.abs(points - self.start) - np.array(self.size) / 2
            return np.linalg.norm(np.maximum(beyond, 0), axis=-1) + np.minimum(beyond.max(axis=-1), 0)
        axis = self.end - self.start
        along = np.clip((points - self.start) @ axis / max(float(axis @ axis), 1e-12), 0, 1)
        return np.linalg.norm(points - self.start - along[..., None] * axis, axis=-1) - self.size[0]


@dataclass(frozen=True, eq=False)
class Inserts:
    """What was put into a patient."""

    places: tuple[Place, ...] = ()

    @property
    def solids(self) -> tuple[Capsule, ...]:
        """The metal."""
        return tuple(Capsule(p.start, p.end, p.size[0]) for p in self.places if p.kind == "metal")


def insert(
    hounsfield: np.ndarray, grid: Grid, settings: SimulationSettings, condition: Condition
) -> tuple[np.ndarray, Inserts]:
    """The CT with the finding of a condition in it, and where that and its implants lie.

    A finding lies where a ball of twice its volume holds the most bone, which is within a vertebral body. Raises
    SettingsError where there is no bone near the centre.
    """
    places: list[Place] = []
    center = np.asarray(settings.center, dtype=np.float64)
    if condition.finding != "none":
        middle = _densest(hounsfield, grid, center)
        size = GAP_MM if condition.finding == "fracture" else (LESION_RADIUS_MM,)
        place = Place(condition.finding, middle, middle, size)
        share = _share(place, grid)
        hounsfield = np.where(hounsfield > LESION_HU, hounsfield + share * (LESION_HU - hounsfield), hounsfield)
        places.append(place)
    if condition.implants != "none":
        places += [Place("metal", s.start, s.end, (s.radius,)) for s in _metal(hounsfield, grid, settings, condition)]
    return hounsfield.astype(np.float32), Inserts(tuple(places))


def kept(volume: Volume, truth: Volume, inserts: Inserts) -> dict[str, float | None]:
    """How much of the inserts a volume shows.

    finding_kept: the contrast of a finding to its surroundings as a fraction of that in the truth. implant_contrast:
    that of the metal, as a multiple of the mean attenuation of bone in the truth, which shows no metal. None where the
    inserts lie outside the region.
    """
    found: dict[str, float | None] = {}
    finding = [place for place in inserts.places if place.kind != "metal"]
    metal = [place for place in inserts.places if place.kind == "metal"]
    if finding:
        true = _contrast(truth, truth.grid, finding)
        seen = _contrast(volume, truth.grid, finding)
        found["finding_kept"] = None if true is None or seen is None or true == 0 else seen / true
    if metal:
        seen = _contrast(volume, truth.grid, metal)
        bone = truth.values[truth.values > nominal_threshold(truth)]
        found["implant_contrast"] = None if seen is None or not bone.size else seen / float(bone.mean())
    return found


def write_inserts(inserts: Inserts, path: Path) -> None:
    places = [
        {"kind": p.kind, "start": p.start.tolist(), "end": p.end.tolist(), "size": list(p.size)} for p in inserts.places
    ]
    write_atomically(path, json.dumps({"frame": "LPS", "unit": "mm", "places": places}, indent=1).encode())


def read_inserts(path: Path) -> Inserts:
    """The inserts that `write_inserts` wrote."""
    places: list[dict[str, Any]] = read_json(path)["places"]
    return Inserts(tuple(Place(p["kind"], np.array(p["start"]), np.array(p["end"]), tuple(p["size"])) for p in places))


def _contrast(volume: Volume, grid: Grid, places: list[Place]) -> float | None:
    """The mean in some places minus that in the shell around them, 1/mm, on the voxels of a grid."""
    from ..volume.resampling import resample

    values = volume.values if volume.grid is grid else resample(volume, grid).values
    points = grid.points()
    distance = np.min([place.distance(points) for place in places], axis=0)
    inside, shell = distance <= 0, (distance >= SHELL_MM[0]) & (distance <= SHELL_MM[1])
    if not inside.any() or not shell.any():
        return None
    return float(values[inside].mean(dtype=np.float64) - values[shell].mean(dtype=np.float64))


def _densest(hounsfield: np.ndarray, grid: Grid, center: Array) -> Array:
    """(3,) LPS mm: where a ball of about 10 mm radius holds the most bone, within SEARCH_MM of the centre."""
    sigma = LESION_RADIUS_MM / grid.spacing[::-1]
    bone = ndimage.gaussian_filter((hounsfield > BONE_HU).astype(np.float32), sigma)
    near = np.linalg.norm(grid.points() - center, axis=-1) <= SEARCH_MM
    bone = np.where(near, bone, 0)
    if not bone.max() > 0:
        raise SettingsError(
            f"no bone within {SEARCH_MM:g} mm of {np.round(center, 1).tolist()} (LPS mm), where a finding could lie; "
            "give the subject another center"
        )
    k, j, i = np.unravel_index(int(bone.argmax()), bone.shape)
    return apply(grid.world_from_index, np.array([i, j, k], dtype=np.float64))


def _share(place: Place, grid: Grid) -> np.ndarray:
    """[k, j, i]: the fraction of each voxel that lies inside a place."""
    steps = (np.arange(SUBSAMPLES) + 0.5) / SUBSAMPLES - 0.5
    share = np.zeros(grid.shape, np.float32)
    points = grid.points()
    near = place.distance(points) <= float(np.linalg.norm(grid.spacing))
    for offset in np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3):
        shift = grid.direction @ (offset * grid.spacing)
        share[near] += place.distance(points[near] + shift) <= 0
    return share / SUBSAMPLES**3


def _metal(hounsfield: np.ndarray, grid: Grid, settings: SimulationSettings, condition: Condition) -> list[Capsule]:
    from ..simulation.body import body
    from ..simulation.implants import implants
    from ..simulation.spine import spine

    along = None
    if condition.implants == "screws":
        patient = body(hounsfield, grid, settings.bone_threshold, settings.bone_softness, spacing=0.0)
        along = spine(patient)
    generator = np.random.default_rng([condition.seed, 3])
    assert settings.center is not None
    return implants((condition.implants,), settings.center, generator, along)
