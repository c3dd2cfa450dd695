"""Slicer's slice and 3D views without its desktop: MRML logics and displayable managers, drawn offscreen by EGL.

The pictures show the scene as Slicer would, but they are not pictures of Slicer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

SLICES = ("vtkMRMLVolumeGlyphSliceDisplayableManager", "vtkMRMLModelSliceDisplayableManager")
SLICE_MODULES = ("vtkMRMLSegmentationsDisplayableManager2D", "vtkMRMLMarkupsDisplayableManager")
SPACE = (
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLVolumeRenderingDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
    "vtkMRMLMarkupsDisplayableManager",
)


class Views:
    """The slice views and the 3D view of one scene."""

    def __init__(self, scene: Any) -> None:
        self.scene = scene
        self.logic = slicer.vtkMRMLApplicationLogic()
        self.logic.SetMRMLScene(scene)
        self.markups = slicer.vtkSlicerMarkupsLogic()
        self.markups.SetMRMLApplicationLogic(self.logic)
        vtk.vtkObject.GlobalWarningDisplayOff()  # it warns that the node classes are registered already
        self.markups.SetMRMLScene(scene)
        vtk.vtkObject.GlobalWarningDisplayOn()
        self.logic.SetModuleLogic("Markups", self.markups)
        self.kept: list[Any] = []

    def slice(self, node: Any, volume: Any, size: tuple[int, int]) -> np.ndarray:
        """(rows, columns, 3) uint8: a vtkMRMLSliceNode with a volume in the background and all segmentations."""
        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLScene(self.scene)
        logic.SetMRMLApplicationLogic(self.logic)
        logic.SetSliceNode(node)
        composite = self.scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
        composite.SetLayoutName(node.GetLayoutName())
        logic.SetSliceCompositeNode(composite)
        composite.SetBackgroundVolumeID(volume.GetID())
        logic.ResizeSliceNode(*size)
        point = node.GetSliceToRAS()
        offset = [point.GetElement(row, 3) for row in range(3)]
        logic.FitSliceToBackground()
        for row in range(3):  # fitting has moved the slice to the centre of the volume
            point.SetElement(row, 3, offset[row])
        node.UpdateMatrices()
        logic.UpdatePipeline()
        return self._drawn_slice(logic, node, size)

    def _drawn_slice(self, logic: Any, node: Any, size: tuple[int, int]) -> np.ndarray:
        window, renderer = _window(size)
        renderer.SetBackground(0, 0, 0)
        # The first actor: all others are drawn over it.
        mapper, actor = vtk.vtkImageMapper(), vtk.vtkActor2D()
        mapper.SetColorWindow(255)
        mapper.SetColorLevel(127.5)
        mapper.SetInputConnection(logic.GetImageDataConnection())
        actor.SetMapper(mapper)
        actor.GetProperty().SetDisplayLocationToBackground()
        renderer.AddViewProp(actor)
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        group = self._managers(factory, (*SLICES, *SLICE_MODULES), renderer, node)
        self.kept += [window, renderer, group, logic]
        return _drawn(window)

    def space(self, camera: Any, view: Any, size: tuple[int, int]) -> np.ndarray:
        """(rows, columns, 3) uint8: what a vtkMRMLCameraNode sees in the vtkMRMLViewNode of the same layout."""
        window, renderer = _window(size)
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        group = self._managers(factory, SPACE, renderer, view)
        renderer.SetActiveCamera(camera.GetCamera())
        renderer.ResetCameraClippingRange()
        self.kept += [window, renderer, group]
        return _drawn(window)

    def _managers(self, factory: Any, names: tuple[str, ...], renderer: Any, node: Any) -> Any:
        factory.SetMRMLApplicationLogic(self.logic)
        for name in names:
            if not factory.IsDisplayableManagerRegistered(name):
                factory.RegisterDisplayableManager(name)
        group = factory.InstantiateDisplayableManagers(renderer)
        group.SetMRMLDisplayableNode(node)
        return group


def _window(size: tuple[int, int]) -> tuple[Any, Any]:
    window = vtk.vtkEGLRenderWindow()
    window.SetOffScreenRendering(True)
    window.SetMultiSamples(0)
    window.SetSize(*size)
    renderer = vtk.vtkRenderer()
    window.AddRenderer(renderer)
    interactor = vtk.vtkRenderWindowInteractor()
    interactor.SetRenderWindow(window)
    window.SetInteractor(interactor)
    return window, renderer


def _drawn(window: Any) -> np.ndarray:
    window.Render()
    grabber = vtk.vtkWindowToImageFilter()
    grabber.SetInput(window)
    grabber.ReadFrontBufferOff()
    grabber.Update()
    image = grabber.GetOutput()
    width, height, _ = image.GetDimensions()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, 3)[::-1].copy()
