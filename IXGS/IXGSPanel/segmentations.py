"""Segmentations in the 3D views and in the Segment Editor."""

from __future__ import annotations

from typing import Any

import slicer


def show_3d(node: Any, shown: bool) -> None:
    """Show or hide a segmentation in the 3D views."""
    if node is not None and node.GetDisplayNode() is not None:
        node.GetDisplayNode().SetVisibility3D(shown)


def is_shown_3d(node: Any) -> bool:
    """Whether a segmentation, if there is one, is shown in the 3D views."""
    display = None if node is None else node.GetDisplayNode()
    return display is not None and bool(display.GetVisibility3D())


def edit(node: Any, volume: Any) -> None:
    """Open a segmentation in the Segment Editor, over a volume if there is one."""
    slicer.util.selectModule("SegmentEditor")
    editor = slicer.modules.SegmentEditorWidget.editor
    editor.setSegmentationNode(node)
    if volume is not None:
        editor.setSourceVolumeNode(volume)
