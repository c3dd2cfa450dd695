"""The scene to work in: Slicer's, or one of our own where there is no Slicer."""

from __future__ import annotations

from typing import Any

_LOGICS = (
    "vtkSlicerSequencesLogic",
    "vtkSlicerVolumeRenderingLogic",
    "vtkSlicerSegmentationsModuleLogic",
)
"""What tells a new scene of the node classes that Slicer's modules bring."""


def open_scene() -> Any:
    """Slicer's own scene, or a new vtkMRMLScene in a plain Python with slicer-core.

    Raises ImportError where there is neither.
    """
    import slicer

    inside = getattr(slicer, "mrmlScene", None)
    return new_scene() if inside is None else inside


def new_scene() -> Any:
    """A vtkMRMLScene that knows the nodes of Slicer's modules, its grey table and its slice orientations."""
    import slicer

    scene = slicer.vtkMRMLScene()
    for name in _LOGICS:
        getattr(slicer, name)().SetMRMLScene(scene)
    grey = slicer.vtkMRMLColorTableNode()
    grey.SetTypeToGrey()
    grey.SetName(grey.GetTypeAsString())
    grey.SetSingletonTag(grey.GetTypeAsString())  # with it, the table has the id that volumes look for
    grey.HideFromEditorsOff()
    scene.AddNode(grey)
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene)
    return scene
