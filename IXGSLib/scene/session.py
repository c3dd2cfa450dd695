"""The scene to work in: Slicer's, or one of our own where there is no Slicer."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from typing import Any

_LOGICS = (
    "vtkSlicerMarkupsLogic",
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
    """A vtkMRMLScene that knows the nodes of Slicer's modules, its grey table and orientations, and can read MRB."""
    import slicer

    scene = slicer.vtkMRMLScene()
    selection = slicer.vtkMRMLSelectionNode()
    selection.SetSingletonTag("Singleton")
    scene.AddNode(selection)
    for name in _LOGICS:
        getattr(slicer, name)().SetMRMLScene(scene)
    grey = slicer.vtkMRMLColorTableNode()
    grey.SetTypeToGrey()
    grey.SetName(grey.GetTypeAsString())
    grey.SetSingletonTag(grey.GetTypeAsString())  # with it, the table has the id that volumes look for
    grey.HideFromEditorsOff()
    grey.SaveWithSceneOff()
    scene.AddNode(grey)
    cache = slicer.vtkCacheManager()
    cache.SetRemoteCacheDirectory(_scratch())
    files = slicer.vtkDataIOManager()
    files.SetCacheManager(cache)
    scene.SetDataIOManager(files)
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene)
    return scene


@functools.cache
def _scratch() -> str:
    """A folder in which scenes unpack what they read, gone at the end of the process."""
    folder = tempfile.mkdtemp(prefix="ixgs-scene-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
