"""The C-arm of every used view in the 3D view."""

from __future__ import annotations

from typing import Any

import slicer

from .reading import XRayPreview
from .selection import Selection
from .state import PanelState
from .timers import single_shot_timer


class CArmView:
    """Draws sources, detectors and X-rays at their poses, one by one, so that Slicer stays responsive."""

    def __init__(self, ui: Any, state: PanelState, selection: Selection) -> None:
        self.ui, self.state, self.selection = ui, state, selection
        self._shown: list[XRayPreview] = []
        self._remaining: list[XRayPreview] = []
        self._nodes: list[Any] = []
        self._reset_camera = False
        self._draw_soon = single_shot_timer(0, self._draw_next)
        ui.lookThrough.connect("clicked()", self.look_through)
        selection.current_changed.connect(self.highlight)

    def update(self) -> None:
        """Show the C-arm of the views that are used, or hide it."""
        from IXGSLib.scene.c_arm import hide_c_arm

        wanted = self.selection.used if self.state.parameters.showCArm else []
        if wanted == self._shown:
            return
        hide_c_arm(slicer.mrmlScene)
        self._reset_camera = not self._shown
        self._shown, self._remaining, self._nodes = wanted, list(wanted), []
        self._draw_soon.start()

    def _draw_next(self) -> None:
        from IXGSLib.scene.c_arm import add_c_arm

        reading = self.selection.reading
        if not self._remaining or reading is None:
            self.highlight()
            if self._reset_camera and self._nodes:
                slicer.util.resetThreeDViews()  # only when the C-arm appears, not when a view is ticked or unticked
            return
        self._nodes += add_c_arm(slicer.mrmlScene, [self._remaining.pop(0)], reading.grid)
        self._draw_soon.start()

    def highlight(self) -> None:
        """Show the current view in colour."""
        from IXGSLib.scene.c_arm import highlight

        current = self.selection.current
        if self._nodes and current is not None:
            highlight(self._nodes, current.id)

    def look_through(self) -> None:
        """Let the 3D view look at the patient as the current X-ray does."""
        from IXGSLib.scene.c_arm import look_through

        current = self.selection.current
        if current is not None:
            for camera in slicer.util.getNodesByClass("vtkMRMLCameraNode"):
                look_through(camera, current.view)

    def close(self) -> None:
        self._draw_soon.stop()
        self._shown, self._remaining, self._nodes = [], [], []
