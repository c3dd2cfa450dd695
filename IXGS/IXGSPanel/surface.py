"""Bone as a segmentation with a closed surface, which a child process extracts."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import slicer
from slicer.i18n import tr as _

from IXGSLib.errors import IXGSError

from .child_process import ChildProcess, Ending, Event
from .labels import Message, message_of, text_of
from .segmentations import edit, is_shown_3d, show_3d
from .state import PanelState
from .wording import panel_text

MAKE_SURFACE = ("-m", "IXGSLib.jobs.make_surface")
BONE = "IXGS.Bone"
"""Reference from a volume node to its segmentation."""


class BoneSurface:
    """The segmentation of the volume under review, updated if it exists; a second press of the button cancels."""

    def __init__(self, ui: Any, state: PanelState) -> None:
        self.ui, self.state = ui, state
        self.message = Message(ui.surfaceMessage, self._basis)
        self.process = ChildProcess()
        self.process.event_received.connect(self._on_event)
        self.process.ended.connect(self._on_ended)
        self._volume: Any = None
        self._labels: np.ndarray | None = None
        self._folder: Path | None = None
        ui.segmentBone.connect("clicked()", self._on_clicked)
        ui.showSurface.connect("toggled(bool)", self._on_show_toggled)
        ui.editSegments.connect("clicked()", self.edit)
        self.discard()

    def _basis(self) -> tuple[Any, ...]:
        """What a message about bone depends on."""
        p = self.state.parameters
        return () if p is None else (p.volume, p.threshold)

    @property
    def segmentation(self) -> Any:
        """The segmentation of the volume under review, None if there is none."""
        p = self.state.parameters
        return None if p is None or p.volume is None else p.volume.GetNodeReference(BONE)

    def _on_show_toggled(self, checked: bool) -> None:
        show_3d(self.segmentation, checked)

    def edit(self) -> None:
        """Open the segmentation in the Segment Editor."""
        edit(self.segmentation, self.state.parameters.volume)

    def show_state(self) -> None:
        """Enable what can be done with the segmentation, as it is now."""
        node, ui = self.segmentation, self.ui
        ui.showSurface.enabled = ui.editSegments.enabled = node is not None
        ui.showSurface.checked = is_shown_3d(node)

    def update(self) -> None:
        self.show_state()
        if not self.process.running:
            self.message.refresh()

    def _on_clicked(self) -> None:
        if not self.process.running:
            self.start()
        elif not self.process.stopping:
            self.process.cancel()
            self.ui.segmentBone.enabled = False
            self.message.show(_("Stopping..."))

    def start(self) -> None:
        """Pass the voxels at or above the threshold to a child process."""
        from IXGSLib.scene.bone import bone_labels, ras_from_index

        self.discard()
        volume = self.state.parameters.volume
        try:
            labels = bone_labels(volume, self.state.parameters.threshold or None)
        except IXGSError as error:
            self.message.show(message_of(error))
            return
        self._volume, self._labels = volume, labels
        self._folder = Path(tempfile.mkdtemp(prefix="ixgs-surface-", dir=slicer.app.temporaryPath))
        np.save(self._folder / "labels.npy", labels)
        np.save(self._folder / "ras_from_index.npy", ras_from_index(volume))
        self.process.start([*MAKE_SURFACE, str(self._folder)])
        self.ui.segmentBone.text = _("Cancel")
        self.message.show(_("Extracting the surface..."))

    def _on_event(self, event: Event) -> None:
        if event["event"] == "progress" and not self.process.stopping:
            done = event["step"] / event["steps"]
            self.message.show(_("Extracting the surface: {done:.0%}...").format(done=done))

    def _on_ended(self, ending: Ending) -> None:
        problem = ending.error
        if ending.done:
            try:
                self._show()
            except IXGSError as error:
                problem = panel_text(str(error))
        self.discard()
        self.ui.segmentBone.enabled = True
        if ending.cancelled:
            self.message.show(_("Cancelled. No new surface was made."))
        elif problem:
            self.message.show(_("<b>No surface was made.</b> {error}").format(error=text_of(problem)))

    def _show(self) -> None:
        """Add the surface and its voxels to the scene as a segment."""
        from IXGSLib.scene.bone import add_segment
        from IXGSLib.scene.hierarchy import place_beside
        from IXGSLib.scene.surfaces import read_surface

        volume, earlier = self._volume, self._volume.GetNodeReference(BONE)
        surface = read_surface(self._folder / "surface.vtp")
        node = add_segment(slicer.mrmlScene, volume, self._labels, surface, name=_("Bone"), node=earlier)
        volume.SetNodeReferenceID(BONE, node.GetID())
        place_beside(slicer.mrmlScene, node, volume)
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetVisibility3D(True)
        self.show_state()
        if earlier is None:
            slicer.util.resetThreeDViews()  # a patient may lie far from the origin, where the camera looks

    def on_node_removed(self, node: Any) -> None:
        if self._volume is not None and node is self._volume:
            self.discard()

    def discard(self) -> None:
        """Stop the child process and delete its files."""
        self.process.abandon()
        self._volume = self._labels = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
        self.ui.segmentBone.text = _("Make surface")
        self.message.show("")
