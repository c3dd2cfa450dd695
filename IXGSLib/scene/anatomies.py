"""A CT and its vertebrae copied out of a scene, as files that `ixgs register` reads."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FormatError, GeometryError
from ..geometry.rigid import Array
from ..steps import Steps
from .arrays import array_view
from .frames import FLIP, flipped_points, matrix_array, pose_of, world_from_node
from .volumes import lattice_of

MAX_OFFSET_MM = 0.1
"""Largest distance between the voxels of a segmentation and those of the CT."""


@dataclass(frozen=True)
class AnatomyFiles:
    """A CT; its labels, or points in its vertebrae; the names of the labels where the scene states them."""

    ct: Path
    labels: Path | None = None
    names: Path | None = None
    points: Path | None = None

    def arguments(self) -> list[str]:
        """The labels, names and points as options of `ixgs register`."""
        given = {"--labels": self.labels, "--names": self.names, "--points": self.points}
        return [word for option, path in given.items() if path is not None for word in (option, str(path))]


def copy_anatomy_steps(ct: Any, vertebrae: Any, folder: Path) -> Steps[AnatomyFiles]:
    """Write a CT and its vertebrae into a folder, step by step, at their places in the world of the scene.

    ct: a scalar volume node in HU. vertebrae: a segmentation whose segments are named after vertebrae, a label map on
    the CT's voxels, points in the vertebral bodies (markups named after them), or None.
    Raises FormatError and GeometryError that name the node and the cure.
    """
    from ..volume.nrrd import write_raw_nrrd_steps

    values, grid, reversed_slices = lattice_of(ct)
    path = _file_for(ct, folder / "ct")
    yield from write_raw_nrrd_steps(path, values[::-1] if reversed_slices else values, grid)
    if vertebrae is None:
        return AnatomyFiles(path)
    if vertebrae.IsA("vtkMRMLMarkupsNode"):
        points = {name: point.tolist() for name, point in vertebra_points(vertebrae).items()}
        return AnatomyFiles(path, points=_written(folder / "points.json", points))
    if vertebrae.IsA("vtkMRMLSegmentationNode"):
        labels, names = yield from _segment_steps(vertebrae, ct, values.shape)
    else:
        labels, grid, reversed_slices = lattice_of(vertebrae)
        names = names_of_colors(vertebrae)
    own = _file_for(vertebrae, folder / "labels")
    yield from write_raw_nrrd_steps(own, labels[::-1] if reversed_slices else labels, grid)
    return AnatomyFiles(path, own, _written(folder / "names.json", names) if names else None)


def vertebra_points(markups: Any) -> dict[str, Array]:
    """(3,) LPS mm by vertebra, from the control points of a markups node.

    Raises FormatError for a point that is not named after a vertebra, and for two of one name.
    """
    from ..registration.labels import level_of

    found: dict[str, Array] = {}
    place = [0.0, 0.0, 0.0]
    for n in range(markups.GetNumberOfControlPoints()):
        if markups.GetNthControlPointPositionStatus(n) != markups.PositionDefined:
            continue
        label = markups.GetNthControlPointLabel(n)
        level = level_of(label)
        if level is None or level in found:
            raise FormatError(
                f"{markups.GetName()}: a point named '{label}', expected the name of another vertebra such as L3; "
                "rename it in the module Markups"
            )
        markups.GetNthControlPointPositionWorld(n, place)
        found[level] = flipped_points(np.array(place))
    if not found:
        raise FormatError(
            f"{markups.GetName()}: no points, expected one in the middle of each vertebral body; place them"
        )
    return found


def start_of(transform: Any) -> Array:
    """(4, 4) world_from_ct, LPS mm, of a transform node that moves the CT near to its place.

    Raises GeometryError for one that is not rigid.
    """
    return pose_of(transform) @ FLIP


def _file_for(node: Any, folder: Path) -> Path:
    """A file in a new folder that has the name of a node, by which messages call it."""
    folder.mkdir()
    return folder / (re.sub(r'[<>:"/\\|?*\x00-\x1f]+', "-", node.GetName() or "").strip(" .")[:80] + ".nrrd")


def _written(path: Path, content: Mapping[str, Any]) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def names_of_colors(node: Any) -> dict[str, str]:
    """The vertebra of each label, where the colour table of a label map names them; labels of one that does not are
    numbers of TotalSegmentator or VerSe."""
    from ..registration.labels import level_of

    display = node.GetDisplayNode()
    table = None if display is None else display.GetColorNode()
    if table is None or not node.IsA("vtkMRMLLabelMapVolumeNode"):
        return {}
    levels = {n: level_of(table.GetColorName(n) or "") for n in range(1, table.GetNumberOfColors())}
    return {str(n): level for n, level in levels.items() if level is not None}


def _segment_steps(node: Any, ct: Any, shape: tuple[int, ...]) -> Steps[tuple[np.ndarray, dict[str, str]]]:
    """Labels [k, j, i] on the CT's voxels, from 1 on, and the vertebra of each."""
    labels = np.zeros(shape, np.uint8)
    names: dict[str, str] = {}
    for level, segment in _vertebra_segments(node).items():
        inside, first = _voxels(node, segment, ct)
        names[str(len(names) + 1)] = level
        own, part = _overlap(inside.shape, first, shape)
        labels[own][inside[part]] = len(names)
        yield
    return labels, names


def _vertebra_segments(node: Any) -> dict[str, Any]:
    """The segments that are named after vertebrae and have voxels, by the vertebra."""
    from ..registration.labels import level_of

    segmentation, found = node.GetSegmentation(), {}
    segments = [segmentation.GetNthSegment(n) for n in range(segmentation.GetNumberOfSegments())]
    for segment in segments:
        level = level_of(segment.GetName())
        if level is None or _image(segment) is None:
            continue
        if level in found:
            raise FormatError(f"{node.GetName()}: two segments are {level}; give each vertebra one segment")
        found[level] = segment
    if not found:
        names = ", ".join(segment.GetName() for segment in segments) or "none"
        raise FormatError(
            f"{node.GetName()}: no segment is a vertebra (found: {names}), expected names such as L3 and a binary "
            "label map; rename the segments, or create that representation in the module Segmentations"
        )
    return found


def _image(segment: Any) -> Any:
    """The vtkOrientedImageData of a segment, None without voxels."""
    import slicer

    name = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    image = segment.GetRepresentation(name)
    return None if image is None or image.GetPointData().GetScalars() is None else image


def _voxels(node: Any, segment: Any, ct: Any) -> tuple[np.ndarray, np.ndarray]:
    """The voxels [k, j, i] bool of a segment, and the index k, j, i of the CT where they begin."""
    import vtk

    image, of_ct, of_image = _image(segment), vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    ct.GetIJKToRASMatrix(of_ct)
    image.GetImageToWorldMatrix(of_image)
    ct_from_world = np.linalg.inv(world_from_node(ct) @ matrix_array(of_ct))
    low, high = np.reshape(image.GetExtent(), (3, 2)).T
    corners = np.array([(*low, 1), (*high, 1)], dtype=np.float64).T
    found = (ct_from_world @ world_from_node(node) @ matrix_array(of_image) @ corners)[:3].T
    first, last = np.rint(found).astype(int)
    spacing = np.array(ct.GetSpacing())
    if np.abs((found - (first, last)) * spacing).max() > MAX_OFFSET_MM or not np.array_equal(last - first, high - low):
        raise GeometryError(
            f"{node.GetName()}: its voxels are not those of {ct.GetName()}; in the module Segmentations, export it to "
            "a label map with the CT as reference volume, and choose that"
        )
    return array_view(image) == segment.GetLabelValue(), first[::-1]


def _overlap(size: tuple[int, ...], first: np.ndarray, shape: tuple[int, ...]) -> tuple[tuple[slice, ...], ...]:
    """The window of a whole array of some shape that a part covers which begins at `first`, and that of the part."""
    low = np.clip(first, 0, shape)
    high = np.clip(first + size, low, shape)
    return tuple(map(slice, low, high)), tuple(map(slice, low - first, high - first))
