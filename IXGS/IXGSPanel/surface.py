"""Bone as a segmentation with a closed surface, which a process of its own makes."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
from slicer.i18n import tr as _

from IXGSLib.errors import IXGSError

from .child import Child, Ending, Event
from .pictures import escaped, say

if TYPE_CHECKING:
    from .panel import Panel

MAKE_SURFACE = ("-m", "IXGSLib.jobs.make_surface")
BONE = "IXGS.Bone"
"""Reference from a volume node to its segmentation."""


class BoneSurface:
    """Of the volume of section 5; made again for the same volume when there is one. A second press cancels."""

    def __init__(self, panel: Panel) -> None:
        self.panel, self.ui = panel, panel.ui
        self.child = Child()
        self.child.told.connect(self._on_event)
        self.child.ended.connect(self._on_made)
        self._volume: Any = None
        self._labels: np.ndarray | None = None
        self._folder: Path | None = None
        self.ui.segmentBone.connect("clicked()", self._on_clicked)
        self.forget()

    def _on_clicked(self) -> None:
        if not self.child.running:
            self.start()
        elif not self.child.stopping:
            self.child.cancel()
            self.ui.segmentBone.enabled = False
            say(self.ui.surfaceMessage, _("Stopping ..."))

    def start(self) -> None:
        """Hand the voxels at the threshold over to a child."""
        from IXGSLib.scene.bone import bone_labels, ras_from_index

        self.forget()
        volume = self.panel.parameters.volume
        try:
            labels = bone_labels(volume, self.panel.parameters.threshold or None)
        except IXGSError as error:
            say(self.ui.surfaceMessage, escaped(str(error)))
            return
        self._volume, self._labels = volume, labels
        self._folder = Path(tempfile.mkdtemp(prefix="ixgs-surface-", dir=slicer.app.temporaryPath))
        np.save(self._folder / "labels.npy", labels)
        np.save(self._folder / "ras_from_index.npy", ras_from_index(volume))
        self.child.start([*MAKE_SURFACE, str(self._folder)])
        self.ui.segmentBone.text = _("Cancel")
        say(self.ui.surfaceMessage, _("Making the surface ..."))

    def _on_event(self, event: Event) -> None:
        if event["event"] == "progress" and not self.child.stopping:
            share = event["step"] / event["steps"]
            say(self.ui.surfaceMessage, _("Making the surface: {share:.0%} ...").format(share=share))

    def _on_made(self, ending: Ending) -> None:
        error = ending.error
        if ending.done:
            try:
                self._show()
            except IXGSError as refused:
                error = str(refused)
        self.forget()
        self.ui.segmentBone.enabled = True
        if ending.cancelled:
            say(self.ui.surfaceMessage, _("Cancelled. There is no new surface."))
        elif error:
            say(self.ui.surfaceMessage, _("<b>There is no surface.</b> {error}").format(error=escaped(error)))

    def _show(self) -> None:
        """The surface and its voxels as a segment in the scene."""
        from IXGSLib.scene.bone import add_segment
        from IXGSLib.scene.surfaces import read_surface

        volume, earlier = self._volume, self._volume.GetNodeReference(BONE)
        surface = read_surface(self._folder / "surface.vtp")
        node = add_segment(slicer.mrmlScene, volume, self._labels, surface, name=_("Bone"), node=earlier)
        volume.SetNodeReferenceID(BONE, node.GetID())
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetVisibility3D(True)
        if earlier is None:
            slicer.util.resetThreeDViews()  # patients lie anywhere, the camera looks at the origin

    def on_removed(self, node: Any) -> None:
        if self._volume is not None and node is self._volume:
            self.forget()

    def forget(self) -> None:
        """Cancel without another word."""
        self.child.forget()
        self._volume = self._labels = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
        self.ui.segmentBone.text = _("Make surface")
        say(self.ui.surfaceMessage, "")
