"""Maps of the volume under review, over the slice views."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from IXGSLib.errors import IXGSError

from .labels import escaped, set_text
from .stepper import Stepper


class OverlayBox:
    """A check box that shows a map of a run, which is loaded with its volume, and the label for its failures.

    overlay: an `IXGSLib.scene.overlays.Overlay`.
    """

    def __init__(self, box: Any, message: Any, overlay: Any) -> None:
        self.box, self.message, self.overlay = box, message, overlay
        self._loading = Stepper()
        self._volume: Any = None
        box.connect("toggled(bool)", self._on_toggled)

    @property
    def node(self) -> Any:
        """The node with the map of the volume under review, None if there is none."""
        from IXGSLib.scene.overlays import overlay_node

        return overlay_node(self._volume, self.overlay)

    def review(self, volume: Any, run: Path | None) -> None:
        """Take another volume under review, None for none; run: its folder, None where nothing may be read from it."""
        from IXGSLib.scene.overlays import has_overlay, overlay_steps, show_overlay

        self._loading.stop()
        if self.node is not None:
            show_overlay(_composites(), self.node, False)
        self._volume = volume
        set_text(self.message, "")
        if volume is not None and self.node is None and run is not None:
            try:
                if has_overlay(run, self.overlay):
                    self._loading.start(overlay_steps(run, self.overlay), self._place, self._on_failed)
            except IXGSError as error:
                self._on_failed(error)
        self.update()

    def _place(self, content: Any) -> None:
        from IXGSLib.scene.overlays import place_overlay

        place_overlay(slicer.mrmlScene, self._volume, self.overlay, content)
        self.update()

    def _on_failed(self, error: IXGSError) -> None:
        set_text(
            self.message,
            _("<b>The map cannot be loaded.</b> {error}").format(error=escaped(str(error))),
        )

    def update(self) -> None:
        """Enable the check box where there is a map, and tick it where that is shown."""
        from IXGSLib.scene.overlays import shows_overlay

        node = self.node
        self.box.enabled = node is not None
        self.box.checked = node is not None and shows_overlay(_composites(), node)

    def _on_toggled(self, checked: bool) -> None:
        from IXGSLib.scene.overlays import show_overlay

        if self.node is not None:
            show_overlay(_composites(), self.node, checked)

    def on_node_removed(self, node: Any) -> None:
        if node is self._volume:
            self._loading.stop()
            self._volume = None

    def close(self) -> None:
        """Stop and leave the scene alone, because it is being closed."""
        self._loading.stop()
        self._volume = None
        self.update()


class Overlays:
    """The check boxes of all maps, of which slice views show one at a time."""

    def __init__(self, ui: Any) -> None:
        from IXGSLib.scene.overlays import CONFIDENCE, PRIOR_SHARE

        self.confidence = OverlayBox(ui.showConfidence, ui.confidenceMessage, CONFIDENCE)
        self.prior_share = OverlayBox(ui.showPriorShare, ui.priorShareMessage, PRIOR_SHARE)
        self._all = (self.confidence, self.prior_share)
        for each in self._all:
            each.box.connect("toggled(bool)", lambda _: self.update())

    def review(self, volume: Any, run: Path | None) -> None:
        """Take another volume under review, as `OverlayBox.review`."""
        for each in self._all:
            each.review(volume, run)

    def update(self) -> None:
        for each in self._all:
            each.update()

    def on_node_removed(self, node: Any) -> None:
        for each in self._all:
            each.on_node_removed(node)

    def close(self) -> None:
        for each in self._all:
            each.close()


def _composites() -> list[Any]:
    return slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
