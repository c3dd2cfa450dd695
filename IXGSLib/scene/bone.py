"""The bone in a volume node, as a segmentation and by volume rendering."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ReconstructionError
from ..geometry.rigid import Array
from .arrays import image_of
from .frames import matrix_array, vtk_matrix
from .surfaces import CONVERSION, labels_surface
from .volumes import volume_view, voxel_view

COLOUR = (241 / 255, 214 / 255, 145 / 255)
"""Colour of bone in Slicer's terminology, RGB from 0 to 1."""
TERMINOLOGY = (
    "Segmentation category and type - 3D Slicer General Anatomy list~SCT^123037004^Anatomical Structure"
    "~SCT^272673000^Bone~^^~Anatomic codes - DICOM master list~^^~^^"
)
TRANSPARENT_BELOW, OPAQUE_FROM = 0.8, 1.4
"""Where the opacity starts to rise and where it is nearly full, as multiples of the threshold."""


def suggested_threshold(volume_node: Any) -> float:
    """The smallest attenuation in 1/mm that counts as bone in this volume node."""
    from ..volume.bone import bone_threshold

    return bone_threshold(volume_view(volume_node))


def add_bone(scene: Any, volume_node: Any, threshold: float | None = None, name: str = "Bone", node: Any = None) -> Any:
    """A vtkMRMLSegmentationNode with the voxels at or above a threshold and their closed surface.

    threshold: 1/mm, by default `suggested_threshold`. node: a segmentation to which the segment is added instead of to
    a new node; a segment of the same name is replaced.
    Raises ReconstructionError if no voxel reaches the threshold.
    """
    labels = bone_labels(volume_node, threshold)
    surface = labels_surface(labels, ras_from_index(volume_node))
    return add_segment(scene, volume_node, labels, surface, name, node)


def bone_labels(volume_node: Any, threshold: float | None = None) -> np.ndarray:
    """[k, j, i] bool: the voxels at or above a threshold in 1/mm, by default `suggested_threshold`.

    Raises ReconstructionError if no voxel reaches the threshold, GeometryError for a node without voxels.
    """
    values = voxel_view(volume_node)
    threshold = suggested_threshold(volume_node) if threshold is None else threshold
    labels = values >= threshold
    if not labels.any():
        raise ReconstructionError(
            f"no bone: the largest attenuation is {values.max():.4f} 1/mm, below the threshold of {threshold:.4f}; "
            "lower the threshold"
        )
    return labels


def ras_from_index(volume_node: Any) -> Array:
    """(4, 4) RAS mm from indices (i, j, k), without the parent transforms of the node."""
    import vtk

    matrix = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    return matrix_array(matrix)


def add_segment(
    scene: Any, volume_node: Any, labels: np.ndarray, surface: Any, name: str = "Bone", node: Any = None
) -> Any:
    """As `add_bone`, with the labels of the volume node and the surface that `labels_surface` extracted from them."""
    if node is None:
        node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
        node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)
    node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
    segmentation = node.GetSegmentation()
    for parameter, value in CONVERSION.items():
        segmentation.SetConversionParameter(parameter, value)
    earlier = segmentation.GetSegmentIdBySegmentName(name)
    if earlier:
        segmentation.RemoveSegment(earlier)
    segmentation.AddSegment(_segment(name, labels, ras_from_index(volume_node), surface))
    return node


def _segment(name: str, labels: np.ndarray, ras_from_index: Array, surface: Any) -> Any:
    """A vtkSegment of bone with its voxels and its surface."""
    import slicer

    image = slicer.vtkOrientedImageData()
    image.ShallowCopy(image_of(labels.view(np.uint8)))
    image.SetGeometryFromImageToWorldMatrix(vtk_matrix(ras_from_index))
    segment = slicer.vtkSegment()
    segment.SetName(name)
    segment.SetColor(*COLOUR)
    segment.SetTag(segment.GetTerminologyEntryTagName(), TERMINOLOGY)
    converter = slicer.vtkSegmentationConverter
    segment.AddRepresentation(converter.GetSegmentationBinaryLabelmapRepresentationName(), image)
    segment.AddRepresentation(converter.GetSegmentationClosedSurfaceRepresentationName(), surface)
    return segment


def render_bone(scene: Any, volume_node: Any, threshold: float | None = None, visible: bool = True) -> Any:
    """Show a volume node by volume rendering, opaque from a threshold on; returns the display node.

    threshold: 1/mm, by default `suggested_threshold`. A second call changes the rendering of the first.
    Raises GeometryError for a node without voxels.
    """
    densest = float(voxel_view(volume_node).max())  # VTK takes ten times as long to find it
    threshold = suggested_threshold(volume_node) if threshold is None else threshold
    display = _rendering_display(volume_node)
    if display is None:
        display = scene.AddNewNodeByClass(
            "vtkMRMLGPURayCastVolumeRenderingDisplayNode", f"{volume_node.GetName()} rendering"
        )
        properties = scene.AddNewNodeByClass("vtkMRMLVolumePropertyNode", f"{volume_node.GetName()} bone")
        display.SetAndObserveVolumePropertyNodeID(properties.GetID())
        volume_node.AddAndObserveDisplayNodeID(display.GetID())
    _shade(display.GetVolumePropertyNode().GetVolumeProperty(), threshold, max(densest, 2 * threshold))
    display.SetVisibility(visible)
    return display


def _rendering_display(volume_node: Any) -> Any:
    displays = (volume_node.GetNthDisplayNode(n) for n in range(volume_node.GetNumberOfDisplayNodes()))
    return next((each for each in displays if each and each.IsA("vtkMRMLVolumeRenderingDisplayNode")), None)


def _shade(properties: Any, threshold: float, densest: float) -> None:
    """Colour and light bone, and make everything below the threshold transparent."""
    import vtk

    opacity = vtk.vtkPiecewiseFunction()
    for value, alpha in ((0, 0), (TRANSPARENT_BELOW * threshold, 0), (OPAQUE_FROM * threshold, 0.8), (densest, 1)):
        opacity.AddPoint(value, alpha)
    colours = vtk.vtkColorTransferFunction()
    for value, colour in ((0, (0.45, 0.25, 0.18)), (threshold, (0.75, 0.55, 0.38)), (2 * threshold, (1, 0.97, 0.88))):
        colours.AddRGBPoint(value, *colour)
    properties.SetScalarOpacity(opacity)
    properties.SetColor(colours)
    properties.SetInterpolationTypeToLinear()
    properties.ShadeOn()
    properties.SetAmbient(0.2)
    properties.SetDiffuse(0.9)
    properties.SetSpecular(0.25)
    properties.SetSpecularPower(12)
