"""The volume of a run in the scene: first its previews, then the result, in one node."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _

from IXGSLib.errors import IXGSError

from .signal import Signal
from .stepper import Stepper
from .wording import panel_text


@dataclass(frozen=True)
class SliceState:
    """What a slice view shows: its vtkMRMLSliceNode and vtkMRMLSliceCompositeNode, background and place."""

    slice_node: Any
    composite: Any
    background: str | None
    slice_to_ras: Any
    field_of_view: tuple[float, float, float]

    @classmethod
    def of(cls, logic: Any) -> SliceState:
        """The state of the view of a vtkMRMLSliceLogic."""
        slice_node, composite, place = logic.GetSliceNode(), logic.GetSliceCompositeNode(), vtk.vtkMatrix4x4()
        place.DeepCopy(slice_node.GetSliceToRAS())
        return cls(slice_node, composite, composite.GetBackgroundVolumeID(), place, slice_node.GetFieldOfView())

    def restore(self) -> None:
        self.composite.SetBackgroundVolumeID(self.background)
        self.slice_node.SetFieldOfView(*self.field_of_view)
        self.slice_node.GetSliceToRAS().DeepCopy(self.slice_to_ras)
        self.slice_node.UpdateMatrices()


def slice_states() -> list[SliceState]:
    """The states of all slice views."""
    logics = slicer.app.layoutManager().mrmlSliceLogics()
    return [SliceState.of(logics.GetItemAsObject(n)) for n in range(logics.GetNumberOfItems())]


class RunVolume:
    """Loads the volumes of one run step by step.

    loaded: emitted with the node of the result, and whether it was shown as a preview before.
    failed: emitted with the reason why the result cannot be loaded. preview_failed: the same for a preview.
    """

    def __init__(self) -> None:
        self.loaded, self.failed, self.preview_failed = Signal(), Signal(), Signal()
        self.node: Any = None
        self._before: list[SliceState] = []
        self.loading_result = False
        self._loading = Stepper()

    def show_preview(self, path: Path) -> None:
        """Load a preview, unless the last one is still being loaded."""
        from IXGSLib.scene.runs import preview_steps

        if not self._loading.busy:
            self._loading.start(preview_steps(path), self._place_preview, self._on_preview_failed)

    def _place_preview(self, content: Any) -> None:
        from IXGSLib.scene.volumes import place_volume

        first = self.node is None
        if first:
            self._before = slice_states()
        self.node = place_volume(slicer.mrmlScene, *content, node=self.node)
        if first:
            self.node.SetName(_("IXGS preview"))
            slicer.util.setSliceViewerLayers(background=self.node, fit=True)

    def _on_preview_failed(self, error: IXGSError) -> None:
        self.preview_failed.emit(panel_text(str(error)))

    def load_result(self, folder: Path) -> None:
        """Load the volume of a finished run."""
        from IXGSLib.scene.runs import run_steps

        self.loading_result = True
        self._loading.start(run_steps(folder), lambda content: self._place_result(folder, content), self._on_failed)

    def _place_result(self, folder: Path, content: Any) -> None:
        from IXGSLib.scene.runs import place_run

        previewed = self.node is not None
        try:
            node = place_run(slicer.mrmlScene, folder, content, node=self.node)
        except IXGSError as error:
            self._on_failed(error)
            return
        self.node, self.loading_result = None, False
        self.show(node, folder, fit=not previewed)

    def show(self, node: Any, folder: Path, fit: bool = True) -> Any:
        """Show the volume node of a run in the slice views and emit `loaded`; returns the node."""
        from IXGSLib.scene.hierarchy import place_in_study
        from IXGSLib.scene.runs import CASE

        node.SetName(folder.name)
        place_in_study(slicer.mrmlScene, node.GetAttribute(CASE), node)
        slicer.util.setSliceViewerLayers(background=node, fit=fit)
        self.loaded.emit(node)
        return node

    def _on_failed(self, error: IXGSError) -> None:
        self.loading_result = False
        self.failed.emit(panel_text(str(error)))

    def stop_loading(self) -> None:
        """Abandon a preview that is being loaded."""
        self._loading.stop()

    def remove_preview(self) -> None:
        """Take the preview out of the scene."""
        if self.node is not None:
            node, self.node = self.node, None
            slicer.mrmlScene.RemoveNode(node)
            for state in self._before:
                state.restore()

    def on_node_removed(self, node: Any) -> None:
        if node is self.node:
            self.node = None

    def close(self) -> None:
        """Stop and leave the scene alone, because it is being closed."""
        self._loading.stop()
        self.node, self.loading_result = None, False
