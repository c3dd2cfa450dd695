"""Volume nodes from volumes, and back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import GeometryError
from ..geometry import Grid
from .arrays import array_view, image_of
from .frames import flipped, matrix_array, vtk_matrix, world_from_node

if TYPE_CHECKING:
    from ..volume import Volume

NOTICE = "IXGS.Notice"
"""Attribute of every volume node: that it is for research only."""
RESEARCH_ONLY = "Research use only. Not a medical device."
QUANTITY = ("112031", "DCM", "Attenuation Coefficient")
UNIT = ("/mm", "UCUM", "1/mm")
WHITE_PERCENTILE = 99.9
"""Percentile of the values of a volume that is shown white."""
WINDOW_SAMPLES = 1_000_000
"""Approximate number of voxels from which it is computed; all voxels of a large volume would take a quarter second."""
MIN_WHITE_ATTENUATION = 0.04
"""Smallest attenuation in 1/mm that is shown white, so that a volume without bone does not look like bone."""


def add_volume(scene: Any, volume: Volume, name: str = "IXGS volume", node: Any = None) -> Any:
    """A vtkMRMLScalarVolumeNode with a volume in 1/mm at its position in the patient, in a grey window for bone.

    node: a volume node to overwrite instead of adding one; its display is left as it is.
    The attribute IXGS.Notice says that the volume is for research only.
    """
    return place_volume(scene, image_of(volume.values), volume.grid, name, node)


def place_volume(scene: Any, image: Any, grid: Grid, name: str = "IXGS volume", node: Any = None) -> Any:
    """As `add_volume`, with the attenuation in 1/mm in a vtkImageData, which the node keeps."""
    if node is None:
        node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    displayed = node.GetDisplayNode() is not None
    if not displayed:  # before there are voxels, for which Slicer would compute grey levels that are not used
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
        set_bone_window(node)
    return node


def volume_of(node: Any) -> Volume:
    """The volume in a scalar volume node, with its parent transforms applied.

    A left-handed grid becomes right-handed by reversing its slices; no voxel is interpolated.
    Raises GeometryError for a node without voxels, for a transform or grid that is sheared, and for NaN.
    """
    volume = volume_view(node)
    return replace(volume, values=np.array(volume.values))


def volume_view(node: Any) -> Volume:
    """As `volume_of` without a copy of the voxels, to be read only and as long as the node keeps them."""
    from ..volume import Volume

    values, world_from_index = _content(node)
    grid, reversed_slices = _right_handed(node.GetName(), values.shape, world_from_index)
    return Volume(values[::-1] if reversed_slices else values, grid)


def grid_of(node: Any) -> Grid:
    """The grid of `volume_of`."""
    values, world_from_index = _content(node)
    return _right_handed(node.GetName(), values.shape, world_from_index)[0]


def lattice_of(node: Any) -> tuple[np.ndarray, Grid, bool]:
    """The values [k, j, i] of a volume node, not copied, the grid of `volume_of`, and whether it reverses the slices.

    Raises what `volume_of` raises.
    """
    values, world_from_index = _content(node)
    return values, *_right_handed(node.GetName(), values.shape, world_from_index)


def set_bone_window(node: Any) -> None:
    """Show attenuation from zero to the densest bone, as in the report."""
    values, _ = _content(node)
    stride = max(1, round((values.size / WINDOW_SAMPLES) ** (1 / 3)))
    display = node.GetDisplayNode()
    display.AutoWindowLevelOff()
    white = float(np.percentile(values[::stride, ::stride, ::stride], WHITE_PERCENTILE))
    display.SetWindowLevelMinMax(0.0, max(MIN_WHITE_ATTENUATION, white))


def _content(node: Any) -> tuple[np.ndarray, np.ndarray]:
    """The values [k, j, i], not copied, and (4, 4) LPS mm from indices (i, j, k)."""
    import vtk

    values = voxel_view(node)
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return values, flipped(world_from_node(node) @ matrix_array(matrix))


def voxel_view(node: Any) -> np.ndarray:
    """The values [k, j, i] of a volume node, not copied; raises GeometryError without voxels and for colours."""
    image = node.GetImageData()
    if image is None or image.GetPointData().GetScalars() is None:
        raise GeometryError(f"{node.GetName()}: a volume without voxels, expected an image; load it again")
    values = array_view(image)
    if values.ndim != 3:
        raise GeometryError(f"{node.GetName()}: {values.shape[3]} values per voxel, expected one; choose another")
    return values


def _right_handed(name: str, shape: tuple[int, ...], world_from_index: np.ndarray) -> tuple[Grid, bool]:
    """The right-handed grid of a matrix, and whether the slices have to be reversed for it."""
    axes, origin = world_from_index[:3, :3], world_from_index[:3, 3]
    spacing = np.linalg.norm(axes, axis=0)
    if not spacing.min() > 0:
        raise GeometryError(
            f"{name}: its voxels measure {spacing.tolist()} mm, expected positive sides; load the volume again"
        )
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
