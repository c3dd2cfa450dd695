"""The confidence in each voxel of a run's volume, as an overlay in the slice views."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import IXGSError
from ..steps import Steps, result_of
from ..volume.confidence_colours import CONFIDENCE_COLOURS, CONFIDENCE_RANGE
from .frames import flipped, vtk_matrix
from .hierarchy import place_beside
from .runs import RUN_FOLDER, Content, output_steps
from .volumes import NOTICE, RESEARCH_ONLY

CONFIDENCE = "IXGS.Confidence"
"""Reference from the volume node of a run to the volume node of its confidence."""
FILE = "confidence.nrrd"
TABLE = "IXGS confidence"
"""Name of the colour table."""
TABLE_SIZE = 256
OPACITY = 0.7
"""Of the overlay."""
RELIABLE = 0.9
"""Confidence above which the overlay is transparent: slice views know no other opacity than that of the overlay."""


def has_confidence(folder: Path) -> bool:
    """Whether a finished run wrote its confidence; raises FormatError for a folder of something else."""
    from ..runs.records import DONE, output_sha256, read_record

    return output_sha256(read_record(folder / DONE), FILE) is not None


def load_confidence(scene: Any, volume_node: Any) -> Any:
    """The confidence of the volume node of a run, as a volume node beside it that is not shown yet.

    A node that is in the scene already is returned as it is. Raises IXGSError for a volume without a folder and for a
    run without a confidence, and what the readers raise.
    """
    earlier = confidence_node(volume_node)
    if earlier is not None:
        return earlier
    folder = volume_node.GetAttribute(RUN_FOLDER)
    if not folder or not has_confidence(Path(folder)):
        raise IXGSError(
            f"{volume_node.GetName()}: no {FILE} beside it, expected the volume of a run that wrote one; "
            "reconstruct it again with the confidence"
        )
    return place_confidence(scene, volume_node, result_of(confidence_steps(Path(folder))))


def confidence_steps(folder: Path) -> Steps[Content]:
    """Read what `place_confidence` needs step by step; raises FormatError for a file that the run did not write."""
    return output_steps(folder, FILE)


def confidence_node(volume_node: Any) -> Any:
    """The node with the confidence of a volume node, None if there is none in its scene."""
    return None if volume_node is None else volume_node.GetNodeReference(CONFIDENCE)


def place_confidence(scene: Any, volume_node: Any, content: Content) -> Any:
    """As `load_confidence`, with the content that `confidence_steps` returned."""
    image, grid = content
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", f"{volume_node.GetName()} confidence")
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.AutoWindowLevelOff()
    node.SetIJKToRASMatrix(vtk_matrix(flipped(grid.world_from_index)))
    node.SetAndObserveImageData(image)
    node.SetAttribute(NOTICE, RESEARCH_ONLY)
    node.SetDescription(f"Probability that a voxel is labelled rightly as bone or not bone. {RESEARCH_ONLY}")
    display.SetAndObserveColorNodeID(_table(scene).GetID())
    display.SetWindowLevelMinMax(*CONFIDENCE_RANGE)
    display.SetThreshold(0.0, RELIABLE)
    display.ApplyThresholdOn()
    volume_node.SetNodeReferenceID(CONFIDENCE, node.GetID())
    place_beside(scene, node, volume_node)
    return node


def show_confidence(composites: Iterable[Any], node: Any, visible: bool) -> None:
    """Show a node with confidence over the volume in slice views, or no longer.

    composites: the vtkMRMLSliceCompositeNodes of the views. Another foreground is replaced, but never removed.
    """
    for composite in composites:
        if visible:
            composite.SetForegroundVolumeID(node.GetID())
            composite.SetForegroundOpacity(OPACITY)
        elif composite.GetForegroundVolumeID() == node.GetID():
            composite.SetForegroundVolumeID(None)


def shows_confidence(composites: Iterable[Any], node: Any) -> bool:
    """Whether a slice view shows the confidence."""
    return any(each.GetForegroundVolumeID() == node.GetID() and each.GetForegroundOpacity() > 0 for each in composites)


def _table(scene: Any) -> Any:
    """The colour table in a scene, made when there is none; it is saved with the scene."""
    found = scene.GetFirstNodeByName(TABLE)
    if found is not None and found.IsA("vtkMRMLColorTableNode"):
        return found
    table = scene.AddNewNodeByClass("vtkMRMLColorTableNode", TABLE)
    table.SetTypeToUser()
    table.SetNumberOfColors(TABLE_SIZE)
    place = np.linspace(0, len(CONFIDENCE_COLOURS) - 1, TABLE_SIZE)
    steps, labels = np.arange(len(CONFIDENCE_COLOURS)), np.linspace(*CONFIDENCE_RANGE, TABLE_SIZE)
    channels = [np.interp(place, steps, channel) / 255 for channel in zip(*CONFIDENCE_COLOURS, strict=True)]
    for n, colour in enumerate(zip(*channels, strict=True)):
        table.SetColor(n, f"{labels[n]:.3f}", *map(float, colour), 1.0)
    table.SetDescription("Confidence: red is a guess, yellow doubtful, no colour reliable.")
    return table
