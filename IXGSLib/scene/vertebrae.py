"""Vertebrae as segments, one for each level, with terminology and colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import FormatError
from ..geometry import Grid
from ..steps import Steps, result_of
from .arrays import image_of
from .bone import ras_from_index
from .frames import vtk_matrix, world_from_node
from .registrations import NOT_VERIFIED, UNVERIFIED_OPACITY, record_of, vertebrae_of
from .surfaces import CONVERSION
from .volumes import lattice_of, voxel_view

SEGMENTATION = "IXGS.Vertebrae"
"""Reference from the text node of a registration to the segmentation of its vertebrae."""
SPACING_MM = 0.5
"""Voxels of segments that are made from surfaces."""
MAX_LABELS = 255
"""Different values of a label map, at most; a CT has more."""
COARSE_VOXELS = 2_000_000
"""Approximate number of voxels from which the order of the labels along the spine is found."""
Box = list[tuple[int, int]]
"""First and last index along k, j and i."""
TERMINOLOGY = (
    "Segmentation category and type - DICOM master list~SCT^123037004^Anatomical Structure~SCT^{code}^{meaning}~^^~"
    "Anatomic codes - DICOM master list~^^~^^"
)
VERTEBRA = ("51282000", "Vertebra")
CODES = {
    **dict(zip((f"C{n}" for n in range(1, 8)), ("14806007", "39976000", "113205007", "5329002", "36978003", "36054005",
                                                "87391001"), strict=True)),
    **dict(zip((f"T{n}" for n in range(1, 13)), ("64864005", "53733008", "1626008", "73071006", "56401006", "45296009",
                                                 "62487009", "11068009", "82687006", "7610001", "12989004",
                                                 "23215003"), strict=True)),
    **dict(zip((f"L{n}" for n in range(1, 6)), ("66794005", "14293000", "36470004", "11994002", "49668003"),
               strict=True)),
}  # fmt: skip
"""SNOMED CT codes of the vertebrae; T13 and L6 have none of their own."""
SACRUM = ("54735007", "Sacrum")


@dataclass(frozen=True, eq=False)
class LevelSegment:
    """A vertebra: its level, RGB from 0 to 1, voxels as vtkOrientedImageData and, where there is one, its surface.

    verified: False for a vertebra of a registration that is not verified.
    """

    level: str
    color: tuple[float, float, float]
    image: Any
    surface: Any = None
    verified: bool = True

    @property
    def name(self) -> str:
        return self.level if self.verified else NOT_VERIFIED.format(name=self.level)


def segment_registration(scene: Any, node: Any) -> Any:
    """A vtkMRMLSegmentationNode with the vertebrae of a registration where the X-rays show them, one segment each.

    node: the text node of `load_registration`, which refers to the segmentation; a second call replaces its segments.
    Raises FormatError for another node and where no model of a vertebra is left.
    """
    return place_segments(scene, result_of(registration_segment_steps(node)), f"{node.GetName()} vertebrae", node)


def registration_segment_steps(node: Any) -> Steps[tuple[LevelSegment, ...]]:
    """The segments of a registration, one in each step; raises what `segment_registration` raises."""
    from ..registration.views import colour_of

    nodes, segments = vertebrae_of(node), []
    for number, vertebra in enumerate(record_of(node).vertebrae):
        own = nodes.get(vertebra.name)
        if own is None or own.model is None or own.model.GetPolyData() is None:
            continue
        surface = _in_world(own.model)
        color = _rgb(colour_of(number))
        segments.append(LevelSegment(vertebra.name, color, _voxels_inside(surface), surface, vertebra.verified))
        yield
    if not segments:
        raise FormatError(f"{node.GetName()}: no models of vertebrae are left; load the registration again")
    return tuple(segments)


def segment_labels(scene: Any, labels: Any, scheme: Mapping[int, str] | None = None) -> Any:
    """A vtkMRMLSegmentationNode with the vertebrae of a label map node, one segment each, in its place.

    scheme: the vertebra of each label, by default as its colour table names them, else as `vertebra_names` finds out.
    Raises FormatError and GeometryError as `vertebra_names` and `lattice_of` do.
    """
    segments = result_of(label_segment_steps(labels, scheme))
    node = place_segments(scene, segments, f"{labels.GetName()} vertebrae")
    node.SetAndObserveTransformNodeID(labels.GetTransformNodeID())
    return node


def label_segment_steps(labels: Any, scheme: Mapping[int, str] | None = None) -> Steps[tuple[LevelSegment, ...]]:
    """The segments of a label map node, one in each step; raises what `segment_labels` raises."""
    from ..registration.labels import vertebra_names
    from ..registration.views import colour_of
    from .anatomies import names_of_colors

    known = scheme or names_of_colors(labels)
    boxes = yield from _box_steps(labels)
    names = vertebra_names(*_coarse(labels), {int(n): level for n, level in known.items()} or "auto")
    segments = []
    for number, (label, level) in enumerate(names.items()):
        yield
        segments.append(LevelSegment(level, _rgb(colour_of(number)), _voxels_of(labels, label, boxes[label])))
    return tuple(segments)


def _box_steps(labels: Any) -> Steps[dict[int, Box]]:
    """Where each label begins and ends, [k, j, i], one slice in each step; raises FormatError for no label map."""
    boxes: dict[int, Box] = {}
    for k, plane in enumerate(voxel_view(labels)):
        for label in np.unique(plane[plane != 0]).tolist():
            inside = plane == label
            sides = [(k, k), *(tuple(np.flatnonzero(inside.any(axis=axis))[[0, -1]].tolist()) for axis in (1, 0))]
            old = boxes.get(label, sides)
            boxes[label] = [(min(a, c), max(b, d)) for (a, b), (c, d) in zip(old, sides, strict=True)]
        if len(boxes) > MAX_LABELS:
            raise FormatError(
                f"{labels.GetName()}: more than {MAX_LABELS} different values, expected a label for each vertebra; "
                "choose a label map, not the CT itself"
            )
        yield
    return boxes


def _coarse(labels: Any) -> tuple[np.ndarray, Grid]:
    """The labels on so few voxels that their heights are found in a moment, and the grid of these."""
    values, grid, reversed_slices = lattice_of(labels)
    stride = max(1, round((values.size / COARSE_VOXELS) ** (1 / 3)))
    part = (values[::-1] if reversed_slices else values)[::stride, ::stride, ::stride]
    return part, replace(grid, shape=part.shape, spacing=grid.spacing * stride)


def place_segments(scene: Any, segments: Sequence[LevelSegment], name: str, registration: Any = None) -> Any:
    """Segments in a new vtkMRMLSegmentationNode or, for a registration that has one, in that."""
    from .hierarchy import place_beside

    node = None if registration is None else registration.GetNodeReference(SEGMENTATION)
    if node is None:
        node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
        node.CreateDefaultDisplayNodes()
    node.GetSegmentation().RemoveAllSegments()
    for parameter, value in CONVERSION.items():
        node.GetSegmentation().SetConversionParameter(parameter, value)
    for segment in segments:
        node.GetSegmentation().AddSegment(_segment(segment), segment.level)
        if not segment.verified:
            node.GetDisplayNode().SetSegmentOpacity3D(segment.level, UNVERIFIED_OPACITY)
    if registration is not None:
        registration.SetNodeReferenceID(SEGMENTATION, node.GetID())
        place_beside(scene, node, registration)
    return node


def _segment(one: LevelSegment) -> Any:
    import slicer

    segment, converter = slicer.vtkSegment(), slicer.vtkSegmentationConverter
    segment.SetName(one.name)
    segment.SetColor(*one.color)
    segment.SetTag(segment.GetTerminologyEntryTagName(), terminology(one.level))
    segment.AddRepresentation(converter.GetSegmentationBinaryLabelmapRepresentationName(), one.image)
    if one.surface is not None:
        segment.AddRepresentation(converter.GetSegmentationClosedSurfaceRepresentationName(), one.surface)
    return segment


def terminology(level: str) -> str:
    """The entry of Slicer's terminology for a vertebra."""
    code, meaning = SACRUM if level == "S1" else (CODES.get(level, VERTEBRA[0]), f"{level} vertebra")
    return TERMINOLOGY.format(code=code, meaning=meaning if level == "S1" or level in CODES else VERTEBRA[1])


def _in_world(model: Any) -> Any:
    """The surface of a model node as its transforms show it, RAS mm."""
    from vtkmodules.vtkCommonTransforms import vtkTransform
    from vtkmodules.vtkFiltersGeneral import vtkTransformPolyDataFilter

    transform, moved = vtkTransform(), vtkTransformPolyDataFilter()
    transform.SetMatrix(vtk_matrix(world_from_node(model)))
    moved.SetTransform(transform)
    moved.SetInputData(model.GetPolyData())
    moved.Update()
    return moved.GetOutput()


def _voxels_inside(surface: Any) -> Any:
    """The voxels of SPACING_MM inside a closed surface, on one lattice for all surfaces."""
    import slicer
    from vtkmodules.vtkImagingStencil import vtkImageStencilToImage, vtkPolyDataToImageStencil

    bounds = np.reshape(surface.GetBounds(), (3, 2)) / SPACING_MM
    extent = np.stack([np.floor(bounds[:, 0]) - 1, np.ceil(bounds[:, 1]) + 1], axis=1).astype(int)
    stencil, image = vtkPolyDataToImageStencil(), vtkImageStencilToImage()
    stencil.SetInputData(surface)
    stencil.SetOutputSpacing(3 * [SPACING_MM])
    stencil.SetOutputOrigin(0, 0, 0)
    stencil.SetOutputWholeExtent(extent.ravel().tolist())
    image.SetInputConnection(stencil.GetOutputPort())
    image.SetInsideValue(1)
    image.SetOutsideValue(0)
    image.SetOutputScalarTypeToUnsignedChar()
    image.Update()
    oriented = slicer.vtkOrientedImageData()
    oriented.ShallowCopy(image.GetOutput())
    return oriented


def _voxels_of(labels: Any, label: int, box: Box) -> Any:
    """The voxels of one label of a label map node, with a rim of one where there is room."""
    import slicer

    first = [max(0, low - 1) for low, _ in box]
    window = tuple(slice(low, high + 2) for low, (_, high) in zip(first, box, strict=True))
    placed = ras_from_index(labels)
    placed[:3, 3] += placed[:3, :3] @ first[::-1]
    image = slicer.vtkOrientedImageData()
    image.ShallowCopy(image_of((voxel_view(labels)[window] == label).astype(np.uint8)))
    image.SetGeometryFromImageToWorldMatrix(vtk_matrix(placed))
    return image


def _rgb(color: str) -> tuple[float, float, float]:
    """A colour such as #56b4e9 as RGB from 0 to 1."""
    red, green, blue = (int(color[n : n + 2], 16) / 255 for n in (1, 3, 5))
    return red, green, blue
