"""The confidence in the volume under review, over the slice views."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from IXGSLib.errors import IXGSError

from .labels import escaped, set_text
from .state import PanelState
from .stepper import Stepper


class ConfidenceOverlay:
    """The check box *Show confidence*: loads the confidence of a run with its volume, and shows it on demand."""

    def __init__(self, ui: Any, state: PanelState) -> None:
        self.ui, self.state = ui, state
        self._loading = Stepper()
        self._volume: Any = None
        ui.showConfidence.connect("toggled(bool)", self._on_toggled)

    @property
    def node(self) -> Any:
        """The node with the confidence of the volume under review, None if there is none."""
        from IXGSLib.scene.confidence import confidence_node

        return confidence_node(self._volume)

    def review(self, volume: Any, run: Path | None) -> None:
        """Take another volume under review, None for none; run: its folder, None where nothing may be read from it."""
        from IXGSLib.scene.confidence import confidence_steps, has_confidence, show_confidence

        self._loading.stop()
        if self.node is not None:
            show_confidence(_composites(), self.node, False)
        self._volume = volume
        set_text(self.ui.confidenceMessage, "")
        if volume is not None and self.node is None and run is not None:
            try:
                if has_confidence(run):
                    self._loading.start(confidence_steps(run), self._place, self._on_failed)
            except IXGSError as error:
                self._on_failed(error)
        self.update()

    def _place(self, content: Any) -> None:
        from IXGSLib.scene.confidence import place_confidence

        place_confidence(slicer.mrmlScene, self._volume, content)
        self.update()

    def _on_failed(self, error: IXGSError) -> None:
        set_text(
            self.ui.confidenceMessage,
            _("<b>The confidence cannot be loaded.</b> {error}").format(error=escaped(str(error))),
        )

    def update(self) -> None:
        """Enable the check box where there is a confidence, and tick it where that is shown."""
        from IXGSLib.scene.confidence import shows_confidence

        node = self.node
        self.ui.showConfidence.enabled = node is not None
        self.ui.showConfidence.checked = node is not None and shows_confidence(_composites(), node)

    def _on_toggled(self, checked: bool) -> None:
        from IXGSLib.scene.confidence import show_confidence

        if self.node is not None:
            show_confidence(_composites(), self.node, checked)

    def on_node_removed(self, node: Any) -> None:
        if node is self._volume:
            self._loading.stop()
            self._volume = None

    def close(self) -> None:
        """Stop and leave the scene alone, because it is being closed."""
        self._loading.stop()
        self._volume = None
        self.update()


def _composites() -> list[Any]:
    return slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
