"""Maps of a run's volume, such as its confidence, as overlays in the slice views."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
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

TABLE_SIZE = 256
OPACITY = 0.7
"""Of every overlay."""

Colours = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Overlay:
    """A map that a run may write beside its volume.

    name: follows that of the volume. reference: from the volume node to that of the map. file: in the folder of the
    run. colours: from the lowest to the highest value of `range`. coloured: the values that have a colour; slice views
    know no other opacity than that of the whole overlay. meaning: of the values. key: what the colours say.
    """

    name: str
    reference: str
    file: str
    colours: Colours
    range: tuple[float, float]
    coloured: tuple[float, float]
    meaning: str
    key: str

    @property
    def table(self) -> str:
        """The name of the colour table."""
        return f"IXGS {self.name}"


CONFIDENCE = Overlay(
    "confidence",
    "IXGS.Confidence",
    "confidence.nrrd",
    CONFIDENCE_COLOURS,
    CONFIDENCE_RANGE,
    (0.0, 0.9),
    "Probability that a voxel is labelled rightly as bone or not bone.",
    "Red is a guess, yellow doubtful, no colour reliable.",
)
PRIOR_SHARE = Overlay(
    "share of the prior",
    "IXGS.PriorShare",
    "prior_share.nrrd",
    CONFIDENCE_COLOURS[::-1],
    (0.0, 1.0),
    (0.25, 1.0),
    "0 where the volume is as the X-rays alone show it or both agree, 1 where it is as the learnt prior expects it.",
    "Red is decided by the learnt prior, yellow half by it, no colour by the X-rays.",
)


def has_overlay(folder: Path, overlay: Overlay) -> bool:
    """Whether a finished run wrote this map; raises FormatError for a folder of something else."""
    from ..runs.records import DONE, output_sha256, read_record

    return output_sha256(read_record(folder / DONE), overlay.file) is not None


def load_overlay(scene: Any, volume_node: Any, overlay: Overlay) -> Any:
    """A map of the volume node of a run, as a volume node beside it that is not shown yet.

    A node that is in the scene already is returned as it is. Raises IXGSError for a volume without a folder and for a
    run without this map, and what the readers raise.
    """
    earlier = overlay_node(volume_node, overlay)
    if earlier is not None:
        return earlier
    folder = volume_node.GetAttribute(RUN_FOLDER)
    if not folder or not has_overlay(Path(folder), overlay):
        raise IXGSError(
            f"{volume_node.GetName()}: no {overlay.file} beside it, expected the volume of a run that wrote one; "
            f"reconstruct it again with the {overlay.name}"
        )
    return place_overlay(scene, volume_node, overlay, result_of(overlay_steps(Path(folder), overlay)))


def overlay_steps(folder: Path, overlay: Overlay) -> Steps[Content]:
    """Read what `place_overlay` needs step by step; raises FormatError for a file that the run did not write."""
    return output_steps(folder, overlay.file)


def overlay_node(volume_node: Any, overlay: Overlay) -> Any:
    """The node with this map of a volume node, None if there is none in its scene."""
    return None if volume_node is None else volume_node.GetNodeReference(overlay.reference)


def place_overlay(scene: Any, volume_node: Any, overlay: Overlay, content: Content) -> Any:
    """As `load_overlay`, with the content that `overlay_steps` returned."""
    image, grid = content
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", f"{volume_node.GetName()} {overlay.name}")
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.AutoWindowLevelOff()
    node.SetIJKToRASMatrix(vtk_matrix(flipped(grid.world_from_index)))
    node.SetAndObserveImageData(image)
    node.SetAttribute(NOTICE, RESEARCH_ONLY)
    node.SetDescription(f"{overlay.meaning} {RESEARCH_ONLY}")
    display.SetAndObserveColorNodeID(_table(scene, overlay).GetID())
    display.SetWindowLevelMinMax(*overlay.range)
    display.SetThreshold(*overlay.coloured)
    display.ApplyThresholdOn()
    volume_node.SetNodeReferenceID(overlay.reference, node.GetID())
    place_beside(scene, node, volume_node)
    return node


def show_overlay(composites: Iterable[Any], node: Any, visible: bool) -> None:
    """Show the node of a map over the volume in slice views, or no longer.

    composites: the vtkMRMLSliceCompositeNodes of the views. Another foreground is replaced, but never removed.
    """
    for composite in composites:
        if visible:
            composite.SetForegroundVolumeID(node.GetID())
            composite.SetForegroundOpacity(OPACITY)
        elif composite.GetForegroundVolumeID() == node.GetID():
            composite.SetForegroundVolumeID(None)


def shows_overlay(composites: Iterable[Any], node: Any) -> bool:
    """Whether a slice view shows the node of a map."""
    return any(each.GetForegroundVolumeID() == node.GetID() and each.GetForegroundOpacity() > 0 for each in composites)


def _table(scene: Any, overlay: Overlay) -> Any:
    """The colour table in a scene, made when there is none; it is saved with the scene."""
    found = scene.GetFirstNodeByName(overlay.table)
    if found is not None and found.IsA("vtkMRMLColorTableNode"):
        return found
    table = scene.AddNewNodeByClass("vtkMRMLColorTableNode", overlay.table)
    table.SetTypeToUser()
    table.SetNumberOfColors(TABLE_SIZE)
    place = np.linspace(0, len(overlay.colours) - 1, TABLE_SIZE)
    steps, labels = np.arange(len(overlay.colours)), np.linspace(*overlay.range, TABLE_SIZE)
    channels = [np.interp(place, steps, channel) / 255 for channel in zip(*overlay.colours, strict=True)]
    for n, colour in enumerate(zip(*channels, strict=True)):
        table.SetColor(n, f"{labels[n]:.3f}", *map(float, colour), 1.0)
    table.SetDescription(overlay.key)
    return table
