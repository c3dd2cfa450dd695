"""The scene to work in: that of Slicer, or a new one in a plain Python."""

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
"""The logics that register the node classes of Slicer's modules in a scene."""


def open_scene() -> Any:
    """The scene of Slicer, or a new vtkMRMLScene in a plain Python with slicer-core.

    Raises ImportError if there is neither.
    """
    import slicer

    scene = getattr(slicer, "mrmlScene", None)
    return new_scene() if scene is None else scene


def new_scene() -> Any:
    """A vtkMRMLScene with the node classes of Slicer's modules, its grey table and orientations; it can read MRB."""
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
    grey.SetSingletonTag(grey.GetTypeAsString())  # gives the table the id that volumes refer to
    grey.HideFromEditorsOff()
    grey.SaveWithSceneOff()
    scene.AddNode(grey)
    cache = slicer.vtkCacheManager()
    cache.SetRemoteCacheDirectory(_cache_folder())
    files = slicer.vtkDataIOManager()
    files.SetCacheManager(cache)
    scene.SetDataIOManager(files)
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene)
    return scene


@functools.cache
def _cache_folder() -> str:
    """A folder in which scenes unpack MRB files, deleted at the end of the process."""
    folder = tempfile.mkdtemp(prefix="ixgs-scene-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
