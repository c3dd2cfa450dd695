"""The bone of a volume node: as a segmentation, and by volume rendering."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ReconstructionError
from ..geometry.rigid import Array
from .arrays import image_of
from .frames import matrix_array, vtk_matrix
from .surfaces import CONVERSION, labels_surface
from .volumes import volume_in, voxels_in

COLOUR = (241 / 255, 214 / 255, 145 / 255)
"""Of bone in Slicer's terminology."""
TERMINOLOGY = (
    "Segmentation category and type - 3D Slicer General Anatomy list~SCT^123037004^Anatomical Structure"
    "~SCT^272673000^Bone~^^~Anatomic codes - DICOM master list~^^~^^"
)
SOFT, HARD = 0.8, 1.4
"""Where opacity begins and where it is full, in units of the threshold."""


def suggested_threshold(volume_node: Any) -> float:
    """The attenuation in 1/mm from which a voxel of this volume node counts as bone."""
    from ..volume.bone import bone_threshold

    return bone_threshold(volume_in(volume_node))


def add_bone(scene: Any, volume_node: Any, threshold: float | None = None, name: str = "Bone", node: Any = None) -> Any:
    """A vtkMRMLSegmentationNode with the voxels at or above a threshold and their closed surface.

    threshold: 1/mm; None takes what suits the volume. node: gets the segment in place of a new node; an earlier segment
    of that name goes.
    Raises ReconstructionError where nothing reaches the threshold.
    """
    labels = bone_labels(volume_node, threshold)
    surface = labels_surface(labels, ras_from_index(volume_node))
    return add_segment(scene, volume_node, labels, surface, name, node)


def bone_labels(volume_node: Any, threshold: float | None = None) -> np.ndarray:
    """The voxels [k, j, i] at or above a threshold in 1/mm, bool; None takes what suits the volume.

    Raises ReconstructionError where nothing reaches the threshold, GeometryError for a node without voxels.
    """
    values = voxels_in(volume_node)
    threshold = suggested_threshold(volume_node) if threshold is None else threshold
    labels = values >= threshold
    if not labels.any():
        raise ReconstructionError(
            f"no bone: the largest attenuation is {values.max():.4f} 1/mm, the threshold {threshold:.4f}; lower it"
        )
    return labels


def ras_from_index(volume_node: Any) -> Array:
    """(4, 4) RAS mm from indices (i, j, k), below the node's transforms."""
    import vtk

    matrix = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    return matrix_array(matrix)


def add_segment(
    scene: Any, volume_node: Any, labels: np.ndarray, surface: Any, name: str = "Bone", node: Any = None
) -> Any:
    """As `add_bone`, with the labels of the volume node and the surface that `labels_surface` made of them."""
    import slicer

    if node is None:
        node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
        node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)
    node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
    image = slicer.vtkOrientedImageData()
    image.ShallowCopy(image_of(labels.view(np.uint8)))
    image.SetGeometryFromImageToWorldMatrix(vtk_matrix(ras_from_index(volume_node)))
    segment = slicer.vtkSegment()
    segment.SetName(name)
    segment.SetColor(*COLOUR)
    segment.SetTag(segment.GetTerminologyEntryTagName(), TERMINOLOGY)
    for kind, made in (("BinaryLabelmap", image), ("ClosedSurface", surface)):
        convert = slicer.vtkSegmentationConverter
        segment.AddRepresentation(getattr(convert, f"GetSegmentation{kind}RepresentationName")(), made)
    segmentation = node.GetSegmentation()
    for parameter, value in CONVERSION.items():
        segmentation.SetConversionParameter(parameter, value)
    earlier = segmentation.GetSegmentIdBySegmentName(name)
    if earlier:
        segmentation.RemoveSegment(earlier)
    segmentation.AddSegment(segment)
    return node


def render_bone(scene: Any, volume_node: Any, threshold: float | None = None, visible: bool = True) -> Any:
    """The volume rendering of a volume node, opaque from a threshold on: its vtkMRMLVolumeRenderingDisplayNode.

    threshold: 1/mm; None takes what suits the volume. Called again, it changes what is there.
    Raises GeometryError for a node without voxels.
    """
    brightest = float(voxels_in(volume_node).max())  # VTK's own search takes ten times as long
    threshold = suggested_threshold(volume_node) if threshold is None else threshold
    display = _rendering(volume_node)
    if display is None:
        display = scene.AddNewNodeByClass(
            "vtkMRMLGPURayCastVolumeRenderingDisplayNode", f"{volume_node.GetName()} rendering"
        )
        properties = scene.AddNewNodeByClass("vtkMRMLVolumePropertyNode", f"{volume_node.GetName()} bone")
        display.SetAndObserveVolumePropertyNodeID(properties.GetID())
        volume_node.AddAndObserveDisplayNodeID(display.GetID())
    _shade(display.GetVolumePropertyNode().GetVolumeProperty(), threshold, max(brightest, 2 * threshold))
    display.SetVisibility(visible)
    return display


def _rendering(volume_node: Any) -> Any:
    displays = (volume_node.GetNthDisplayNode(n) for n in range(volume_node.GetNumberOfDisplayNodes()))
    return next((each for each in displays if each and each.IsA("vtkMRMLVolumeRenderingDisplayNode")), None)


def _shade(properties: Any, threshold: float, brightest: float) -> None:
    """Bone in its own colours, lit, and everything below the threshold clear."""
    import vtk

    opacity = vtk.vtkPiecewiseFunction()
    for value, height in ((0, 0), (SOFT * threshold, 0), (HARD * threshold, 0.8), (brightest, 1)):
        opacity.AddPoint(value, height)
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
