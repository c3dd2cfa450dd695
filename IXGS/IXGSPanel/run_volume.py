"""The volume of a run in the scene: first its previews, then the result, in one node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from IXGSLib.errors import IXGSError

from .signal import Signal
from .stepper import Stepper


class RunVolume:
    """Loads the volumes of one run step by step.

    loaded: emitted with the node of the result, and whether it was shown as a preview before.
    failed: emitted with the reason why the result cannot be loaded. preview_failed: the same for a preview.
    """

    def __init__(self) -> None:
        self.loaded, self.failed, self.preview_failed = Signal(), Signal(), Signal()
        self.node: Any = None
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
        self.node = place_volume(slicer.mrmlScene, *content, node=self.node)
        if first:
            self.node.SetName(_("IXGS preview"))
            slicer.util.setSliceViewerLayers(background=self.node, fit=True)

    def _on_preview_failed(self, error: IXGSError) -> None:
        self.preview_failed.emit(str(error))

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
        node.SetName(folder.name)
        slicer.util.setSliceViewerLayers(background=node, fit=not previewed)
        self.loaded.emit(node)

    def _on_failed(self, error: IXGSError) -> None:
        self.loading_result = False
        self.failed.emit(str(error))

    def stop_loading(self) -> None:
        """Abandon a preview that is being loaded."""
        self._loading.stop()

    def remove_preview(self) -> None:
        """Take the preview out of the scene."""
        if self.node is not None:
            node, self.node = self.node, None
            slicer.mrmlScene.RemoveNode(node)

    def on_node_removed(self, node: Any) -> None:
        if node is self.node:
            self.node = None

    def close(self) -> None:
        """Stop and leave the scene alone, because it is being closed."""
        self._loading.stop()
        self.node, self.loading_result = None, False
