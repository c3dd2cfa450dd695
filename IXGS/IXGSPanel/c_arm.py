"""The C-arm of every used view in the 3D view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import slicer

from .reading import Shot
from .timing import timer

if TYPE_CHECKING:
    from .panel import Panel


class CArmView:
    """Sources, detectors and X-rays in their places; drawn one after the other, so that nothing waits for all."""

    def __init__(self, panel: Panel) -> None:
        self.panel, self.ui = panel, panel.ui
        self._shown: list[Shot] = []
        self._waiting: list[Shot] = []
        self._nodes: list[Any] = []
        self._first = False
        self._soon = timer(0, self._draw_next)
        self.ui.lookThrough.connect("clicked()", self.look_through)
        panel.xrays.table.selected.connect(self.highlight)

    def update(self) -> None:
        """Show or hide what the parameters ask for."""
        from IXGSLib.scene.c_arm import hide_c_arm

        wanted = self.panel.xrays.table.used() if self.panel.parameters.showCArm else []
        if wanted == self._shown:
            return
        hide_c_arm(slicer.mrmlScene)
        self._first = not self._shown
        self._shown, self._waiting, self._nodes = wanted, list(wanted), []
        self._soon.start()

    def _draw_next(self) -> None:
        from IXGSLib.scene.c_arm import add_c_arm

        if not self._waiting or self.panel.xrays.reading is None:
            self.highlight()
            if self._first and self._nodes:
                slicer.util.resetThreeDViews()  # the whole C-arm, once; a tick more or less leaves the camera alone
            return
        self._nodes += add_c_arm(slicer.mrmlScene, [self._waiting.pop(0)], self.panel.xrays.reading.grid)
        self._soon.start()

    def highlight(self) -> None:
        """The selected view in colour."""
        from IXGSLib.scene.c_arm import highlight

        shot = self.panel.xrays.table.current()
        if self._nodes and shot is not None:
            highlight(self._nodes, shot.id)

    def look_through(self) -> None:
        """The 3D view sees what the selected X-ray saw."""
        from IXGSLib.scene.c_arm import look_through

        shot = self.panel.xrays.table.current()
        if shot is not None:
            for camera in slicer.util.getNodesByClass("vtkMRMLCameraNode"):
                look_through(camera, shot.view)

    def close(self) -> None:
        self._soon.stop()
        self._shown, self._waiting, self._nodes = [], [], []
