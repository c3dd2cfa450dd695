"""The C-arm of every used view in the 3D view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import slicer
from slicer.i18n import tr as _

from IXGSLib.geometry import View

from .labels import set_text
from .reading import XRayPreview
from .selection import Selection
from .state import PanelState
from .timers import single_shot_timer

Posed = tuple[XRayPreview, View | None]
"""An X-ray at its final pose, and its view as it was given if a run has refined it."""


@dataclass(frozen=True)
class CameraState:
    """Where a vtkMRMLCameraNode is and how it looks; RAS mm and degrees."""

    position: tuple[float, float, float]
    focal_point: tuple[float, float, float]
    view_up: tuple[float, float, float]
    view_angle: float

    @classmethod
    def of(cls, camera: Any) -> CameraState:
        return cls(camera.GetPosition(), camera.GetFocalPoint(), camera.GetViewUp(), camera.GetViewAngle())

    def restore(self, camera: Any) -> None:
        camera.SetPosition(self.position)
        camera.SetFocalPoint(self.focal_point)
        camera.SetViewUp(self.view_up)
        camera.SetViewAngle(self.view_angle)
        camera.ResetClippingRange()


def camera_of_3d_view() -> Any:
    """The camera of the first 3D view of the layout; None without one."""
    layout = slicer.app.layoutManager()
    if not layout.threeDViewCount:
        return None
    name = layout.threeDWidget(0).mrmlViewNode().GetLayoutName()
    cameras = slicer.util.getNodesByClass("vtkMRMLCameraNode")
    return next((camera for camera in cameras if camera.GetLayoutName() == name), None)


def legend() -> str:
    """What the colors in the 3D view mean."""
    return _("3D view: gray or orange is the refined pose; green is the given pose, with lines to the refined one.")


class CArmView:
    """Draws sources, detectors and X-rays at their poses, one by one, so that Slicer stays responsive."""

    def __init__(self, ui: Any, state: PanelState, selection: Selection) -> None:
        self.ui, self.state, self.selection = ui, state, selection
        self._shown: list[Posed] = []
        self._remaining: list[Posed] = []
        self._nodes: list[Any] = []
        self._reset_camera = False
        self._draw_soon = single_shot_timer(0, self._draw_next)
        self._before: CameraState | None = None
        ui.lookThrough.connect("toggled(bool)", self.look_through)
        selection.current_changed.connect(self.show_current)

    def update(self) -> None:
        """Show the C-arm of the views that are used, or hide it."""
        from IXGSLib.scene.c_arm import hide_c_arm

        if self.selection.reading is None and self.ui.lookThrough.checked:
            self.ui.lookThrough.checked = False
        used = self.selection.used if self.state.parameters.showCArm else []
        wanted = [(self.selection.final(xray), self.selection.given_pose(xray)) for xray in used]
        set_text(self.ui.cArmLegend, legend() if any(given for xray, given in wanted) else "")
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
        xray, given = self._remaining.pop(0)
        before = {} if given is None else {xray.id: given}
        self._nodes += add_c_arm(slicer.mrmlScene, [xray], reading.grid, saved=False, given=before)
        self._draw_soon.start()

    def highlight(self) -> None:
        """Show the current view in colour."""
        from IXGSLib.scene.c_arm import highlight

        current = self.selection.current
        if self._nodes and current is not None:
            highlight(self._nodes, current.id)

    def look_through(self, checked: bool) -> None:
        """Let the 3D view look at the patient as the current X-ray does; unchecked, as it did before."""
        from IXGSLib.scene.c_arm import look_through

        camera, current = camera_of_3d_view(), self.selection.current
        if camera is None:
            return
        if checked and current is not None:
            if self._before is None:
                self._before = CameraState.of(camera)
            look_through(camera, self.selection.final(current).view)
        elif not checked and self._before is not None:
            self._before.restore(camera)
            self._before = None

    def show_current(self) -> None:
        """Highlight the current view and, if the 3D view looks through X-rays, look through this one."""
        self.highlight()
        if self.ui.lookThrough.checked:
            self.look_through(True)

    def close(self) -> None:
        self._draw_soon.stop()
        self._before = None  # the cameras are removed with the scene
        self.ui.lookThrough.checked = False
        self._shown, self._remaining, self._nodes = [], [], []
