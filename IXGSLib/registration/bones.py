"""The bones of a CT as clouds of points, at several resolutions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree

from ..geometry import Grid
from ..geometry.rigid import Array, apply
from ..simulation.attenuation import bone_enhanced

PITCHES = (2.5, 5.0, 10.0)
"""Distances of points in mm, for fine, coarse and searching steps."""
MIN_ATTENUATION = 5e-4
"""Attenuation in 1/mm below which a voxel is left out."""
DILATION_MM = 5.0
"""Width of the rim around the labels of a vertebra whose bone moves with it."""
REST_MM = 150.0
"""Distance from the vertebrae up to which other bone is drawn."""
MAX_OUTLINE_POINTS = 2000
"""Points that stand for the extent of a bone."""


@dataclass(frozen=True, eq=False)
class Points:
    """positions: (n, 3) LPS mm of the CT. amounts: (n,) float32, attenuation times volume, mm^2."""

    positions: Array
    amounts: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence[Points]) -> Points:
        return cls(np.concatenate([part.positions for part in parts]), np.concatenate([part.amounts for part in parts]))


@dataclass(frozen=True, eq=False)
class Bone:
    """What moves rigidly.

    center: (3,) LPS mm of the CT, about which it turns. extent: (n, 3) points of the vertebra itself.
    clouds: its bone by the distance of points, mm. label: its number in the labels, None for other bone.
    """

    name: str
    center: Array
    extent: Array
    clouds: Mapping[float, Points]
    label: int | None = None

    @property
    def radius(self) -> float:
        """Root mean square distance of its points from the centre, mm."""
        return float(np.sqrt(np.square(self.extent - self.center).sum(axis=1).mean()))


def bone(name: str, attenuation: np.ndarray, corner: np.ndarray, grid: Grid, label: int | None = None) -> Bone | None:
    """The bone in a part of a CT; None where there is none.

    attenuation: [k, j, i] in 1/mm, 0 where other bone is. corner: (3,) index k, j, i of its first voxel on the grid.
    """
    inside = np.argwhere(attenuation > MIN_ATTENUATION)
    if not len(inside):
        return None
    low, high = np.maximum(inside.min(axis=0) - 1, 0), inside.max(axis=0) + 2
    part = attenuation[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    clouds = {pitch: _sampled(part, corner + low, grid, pitch) for pitch in PITCHES}
    extent = apply(grid.world_from_index, (inside[:: max(1, len(inside) // MAX_OUTLINE_POINTS)] + corner)[:, ::-1])
    return Bone(name, extent.mean(axis=0), extent, clouds, label)


def _sampled(attenuation: np.ndarray, corner: np.ndarray, grid: Grid, pitch: float) -> Points:
    """Points about `pitch` mm apart: means of blocks of voxels where these are smaller, else interpolated."""
    spacing = grid.spacing[::-1]
    for axis in range(3):
        if pitch < 0.75 * spacing[axis]:
            attenuation = _divided(attenuation, axis, round(spacing[axis] / pitch))
    fine = spacing / [max(1, round(side / pitch)) if pitch < 0.75 * side else 1 for side in spacing]
    factors = np.maximum(1, np.rint(pitch / fine)).astype(int)
    pad = -np.array(attenuation.shape) % factors
    shape = (np.array(attenuation.shape) + pad) // factors
    padded = np.pad(attenuation, [(0, n) for n in pad])
    means = padded.reshape([n for pair in zip(shape, factors, strict=True) for n in pair]).mean(axis=(1, 3, 5))
    kept = means > MIN_ATTENUATION
    # The centre of a block, from the edge of the first voxel.
    places = ((np.argwhere(kept) + 0.5) * factors * fine) / spacing - 0.5 + corner
    positions = apply(grid.world_from_index, places[:, ::-1])
    amounts = means[kept] * np.float32(np.prod(factors * fine))
    return Points(np.ascontiguousarray(positions), amounts.astype(np.float32))


def _divided(values: np.ndarray, axis: int, parts: int) -> np.ndarray:
    """Each voxel along an axis in `parts`, by linear interpolation between voxel centres."""
    count = values.shape[axis]
    places = np.clip((np.arange(count * parts) + 0.5) / parts - 0.5, 0, count - 1)
    low = np.minimum(places.astype(int), max(count - 2, 0))
    share = (places - low).astype(np.float32).reshape([-1 if n == axis else 1 for n in range(3)])
    high = np.minimum(low + 1, count - 1)
    return values.take(low, axis) * (1 - share) + values.take(high, axis) * share


@dataclass(frozen=True, eq=False)
class Spine:
    """The vertebrae of a CT from the head to the feet, and the bone around them.

    bones: the vertebrae and, at the ends, the bone above and below where there is some: all that moves by itself.
    vertebrae: indices of the vertebrae among them. attached: bone that follows one of the bones, by its index.
    """

    bones: tuple[Bone, ...]
    vertebrae: tuple[int, ...]
    attached: Mapping[int, Bone]

    @property
    def whole(self) -> Bone:
        """All bone as one."""
        parts = [*self.bones, *self.attached.values()]
        clouds = {pitch: Points.joined([part.clouds[pitch] for part in parts]) for pitch in PITCHES}
        extent = np.concatenate([self.bones[n].extent for n in self.vertebrae])
        return Bone("spine", extent.mean(axis=0), extent, clouds)

    @property
    def centers(self) -> Array:
        """(vertebrae, 3) LPS mm of the CT."""
        return np.array([self.bones[n].center for n in self.vertebrae])


def spine_of(
    hounsfield: np.ndarray, labels: np.ndarray, grid: Grid, names: Mapping[int, str], threshold: float
) -> Spine:
    """The spine of a CT in HU with labels, both [k, j, i]; names: of the labels, from the head to the feet.

    Bone within DILATION_MM of a vertebra moves with it, the rest follows the nearest vertebra; beyond the first and the
    last one it moves by itself, except that the pelvis follows S1.
    """
    attenuation = bone_enhanced(hounsfield, threshold)
    attenuation[attenuation <= MIN_ATTENUATION] = 0
    rest = attenuation.copy()
    bones = []
    for label, name in names.items():
        own = _vertebra(name, label, attenuation, labels, grid, names, rest)
        if own is not None:
            bones.append(own)
    return _assembled(bones, _shared_out(rest, grid, bones))


def _vertebra(
    name: str,
    label: int,
    attenuation: np.ndarray,
    labels: np.ndarray,
    grid: Grid,
    names: Mapping[int, str],
    rest: np.ndarray,
) -> Bone | None:
    """A vertebra with the bone around it, which is taken from the rest."""
    inside = np.argwhere(labels == label)
    rim = np.ceil(DILATION_MM / grid.spacing[::-1]).astype(int) + 1
    low, high = np.maximum(inside.min(axis=0) - rim, 0), inside.max(axis=0) + rim + 1
    window = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    known = np.where(np.isin(labels[window], list(names)), labels[window], 0)
    distance, nearest = distance_transform_edt(known == 0, sampling=grid.spacing[::-1], return_indices=True)
    own = (known[tuple(nearest)] == label) & (distance <= DILATION_MM)
    found = bone(name, np.where(own, attenuation[window], 0), low, grid, label)
    rest[window][own] = 0
    if found is None:
        return None
    extent = apply(grid.world_from_index, inside[:: max(1, len(inside) // MAX_OUTLINE_POINTS), ::-1])
    return replace(found, center=extent.mean(axis=0), extent=extent)


def _shared_out(rest: np.ndarray, grid: Grid, bones: Sequence[Bone]) -> list[Bone | None]:
    """The rest of the bone near a spine, in parts that are nearest to each of its vertebrae."""
    other = bone("rest", rest, np.zeros(3, int), grid)
    if other is None or not bones:
        return [None] * len(bones)
    tree = cKDTree(np.concatenate([each.extent for each in bones]))
    owners = np.repeat(np.arange(len(bones)), [len(each.extent) for each in bones])

    def parts(points: Array) -> np.ndarray:
        distance, nearest = tree.query(points, distance_upper_bound=REST_MM)
        return np.where(np.isfinite(distance), owners[np.minimum(nearest, len(owners) - 1)], -1)

    of_extent = parts(other.extent)
    of_clouds = {pitch: parts(cloud.positions) for pitch, cloud in other.clouds.items()}
    found: list[Bone | None] = []
    for n, each in enumerate(bones):
        clouds = {
            p: Points(c.positions[of_clouds[p] == n], c.amounts[of_clouds[p] == n]) for p, c in other.clouds.items()
        }
        extent = other.extent[of_extent == n]
        full = len(extent) > 0 and all(len(cloud.amounts) for cloud in clouds.values())
        found.append(Bone(f"near {each.name}", extent.mean(axis=0), extent, clouds) if full else None)
    return found


def _assembled(bones: list[Bone], others: list[Bone | None]) -> Spine:
    chain, attached, first = list(bones), {}, 0
    above, below = others[0], others[-1]
    if below is not None and bones[-1].name != "S1" and len(bones) > 1:
        chain.append(replace(below, name="below", center=bones[-1].center))
        others[-1] = None
    if above is not None and len(bones) > 1:
        chain.insert(0, replace(above, name="above", center=bones[0].center))
        others[0], first = None, 1
    for n, other in enumerate(others):
        if other is not None:
            attached[n + first] = other
    return Spine(tuple(chain), tuple(range(first, first + len(bones))), attached)


def spine_without_labels(hounsfield: np.ndarray, grid: Grid, threshold: float) -> Spine:
    """The bone of a CT in HU [k, j, i] as one body."""
    attenuation = bone_enhanced(hounsfield, threshold)
    attenuation[attenuation <= MIN_ATTENUATION] = 0
    whole = bone("spine", attenuation, np.zeros(3, int), grid)
    assert whole is not None, "the CT was checked to show bone"
    return Spine((whole,), (0,), {})
