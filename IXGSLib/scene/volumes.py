"""Volumes in a scene."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import GeometryError
from ..geometry import Grid
from .arrays import image_of, seen_in
from .frames import flipped, matrix_array, vtk_matrix, world_from_node

if TYPE_CHECKING:
    from ..volume import Volume

NOTICE = "IXGS.Notice"
"""The attribute of every volume node that says what it is not."""
RESEARCH_ONLY = "Research use only. Not a medical device."
QUANTITY = ("112031", "DCM", "Attenuation Coefficient")
UNIT = ("/mm", "UCUM", "1/mm")
BRIGHTEST = 99.9
"""The percentile of a volume's values that is shown white."""
ENOUGH = 1_000_000
"""Voxels, about, that are looked at for it: all of a large volume would take Slicer a quarter of a second."""
FAINTEST_WHITE = 0.04
"""Attenuation in 1/mm that is shown white at least: a volume without bone is not stretched to look like one."""


def add_volume(scene: Any, volume: Volume, name: str = "IXGS volume", node: Any = None) -> Any:
    """A vtkMRMLScalarVolumeNode with a volume, in its place in the patient.

    node: written into in place of a new one, its display left as it is.
    Its values are in 1/mm, grey levels for bone; its attribute IXGS.Notice says that it is for research only.
    """
    return place_volume(scene, image_of(volume.values), volume.grid, name, node)


def place_volume(scene: Any, image: Any, grid: Grid, name: str = "IXGS volume", node: Any = None) -> Any:
    """As `add_volume`, of attenuation in 1/mm that is in a vtkImageData already, which the node keeps."""
    if node is None:
        node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    displayed = node.GetDisplayNode() is not None
    if not displayed:  # before there are voxels: levels that Slicer would look for now take long, and are not wanted
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().AutoWindowLevelOff()
    changes = node.StartModify()
    node.SetAndObserveTransformNodeID(None)
    node.SetIJKToRASMatrix(vtk_matrix(flipped(grid.world_from_index)))
    node.SetAndObserveImageData(image)
    node.SetAttribute(NOTICE, RESEARCH_ONLY)
    node.SetDescription(f"Attenuation in 1/mm. {RESEARCH_ONLY}")
    node.SetVoxelValueQuantity(_coded(*QUANTITY))
    node.SetVoxelValueUnits(_coded(*UNIT))
    node.EndModify(changes)
    if not displayed:
        show_bone_window(node)
    return node


def volume_of(node: Any) -> Volume:
    """The volume in a scalar volume node, its parent transforms applied.

    A left-handed lattice is turned into a right-handed one by reversing its slices; no voxel is interpolated.
    Raises GeometryError for a node without voxels, for a transform or lattice that is sheared, and for NaN.
    """
    seen = volume_in(node)
    return replace(seen, values=np.array(seen.values))


def volume_in(node: Any) -> Volume:
    """As `volume_of`, for looking at it while the node keeps its voxels: they are not copied."""
    from ..volume import Volume

    values, world_from_index = _content(node)
    grid, reversed_slices = _right_handed(node.GetName(), values.shape, world_from_index)
    return Volume(values[::-1] if reversed_slices else values, grid)


def grid_of(node: Any) -> Grid:
    """The lattice of `volume_of`."""
    values, world_from_index = _content(node)
    return _right_handed(node.GetName(), values.shape, world_from_index)[0]


def show_bone_window(node: Any) -> None:
    """Grey levels from nothing to the brightest bone, as in the report."""
    values, _ = _content(node)
    every = max(1, round((values.size / ENOUGH) ** (1 / 3)))
    display = node.GetDisplayNode()
    display.AutoWindowLevelOff()
    brightest = float(np.percentile(values[::every, ::every, ::every], BRIGHTEST))
    display.SetWindowLevelMinMax(0.0, max(FAINTEST_WHITE, brightest))


def _content(node: Any) -> tuple[np.ndarray, np.ndarray]:
    """Values [k, j, i], not copied, and (4, 4) LPS mm from indices (i, j, k)."""
    import vtk

    values = voxels_in(node)
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return values, flipped(world_from_node(node) @ matrix_array(matrix))


def voxels_in(node: Any) -> np.ndarray:
    """The values [k, j, i] of a volume node, not copied; raises GeometryError where there are none, or colours."""
    image = node.GetImageData()
    if image is None or image.GetPointData().GetScalars() is None:
        raise GeometryError(f"{node.GetName()}: a volume without voxels, expected an image; load it again")
    values = seen_in(image)
    if values.ndim != 3:
        raise GeometryError(f"{node.GetName()}: {values.shape[3]} values per voxel, expected one; choose another one")
    return values


def _right_handed(name: str, shape: tuple[int, ...], world_from_index: np.ndarray) -> tuple[Grid, bool]:
    """The lattice of a matrix, and whether its slices had to be reversed for it."""
    axes, origin = world_from_index[:3, :3], world_from_index[:3, 3]
    spacing = np.linalg.norm(axes, axis=0)
    if not spacing.min() > 0:
        raise GeometryError(f"{name}: its voxels have no size ({spacing.tolist()} mm); load the volume again")
    direction = axes / spacing
    mirrored = bool(np.linalg.det(direction) < 0)
    if mirrored:
        origin = origin + axes[:, 2] * (shape[0] - 1)
        direction = direction * (1, 1, -1)
    nk, nj, ni = shape
    return Grid((nk, nj, ni), spacing, origin, direction), mirrored


def _coded(value: str, scheme: str, meaning: str) -> Any:
    import slicer

    entry = slicer.vtkCodedEntry()
    entry.SetValueSchemeMeaning(value, scheme, meaning)
    return entry
