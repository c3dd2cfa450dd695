"""Slice views along a vertebra, from three clicks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import slicer
from slicer.i18n import tr as _

from IXGSLib.errors import IXGSError

from .pictures import escaped, say

if TYPE_CHECKING:
    from .panel import Panel

LANDMARKS = 3


class VertebraAxes:
    """Asks for the left pedicle, the right pedicle and the front of the body; a fourth button press starts again."""

    def __init__(self, panel: Panel) -> None:
        self.panel, self.ui = panel, panel.ui
        self.points: Any = None
        self.ui.patientAxes.connect("clicked()", self.take_patient)
        self.ui.vertebraAxes.connect("clicked()", self.ask)
        say(self.ui.slicesMessage, "")

    def take_patient(self) -> None:
        """Axial, sagittal and coronal slices through the middle of the volume."""
        from IXGSLib.scene.slices import align_slices
        from IXGSLib.scene.volumes import grid_of

        self.forget()
        volume = self.panel.parameters.volume
        try:
            align_slices(slice_nodes(), point=None if volume is None else grid_of(volume).center)
        except IXGSError as error:
            say(self.ui.slicesMessage, escaped(str(error)))
            return
        say(self.ui.slicesMessage, _("The slices follow the patient's axes."))

    def ask(self) -> None:
        """Wait for three clicks in the slice views."""
        self.forget()
        self.points = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", _("Vertebra"))
        self.points.CreateDefaultDisplayNodes()
        self.panel.addObserver(self.points, self.points.PointPositionDefinedEvent, self._on_click)
        selection = slicer.app.applicationLogic().GetSelectionNode()
        selection.SetReferenceActivePlaceNodeClassName("vtkMRMLMarkupsFiducialNode")
        selection.SetActivePlaceNodeID(self.points.GetID())
        slicer.app.applicationLogic().GetInteractionNode().SwitchToPersistentPlaceMode()
        self._prompt(0)

    def _prompt(self, count: int) -> None:
        asked = (_("the left pedicle"), _("the right pedicle"), _("the front of the vertebral body"))
        text = _("Click {what} in a slice view ({number} of 3).").format(what=asked[count], number=count + 1)
        say(self.ui.slicesMessage, text)

    def _on_click(self, caller: Any, event: Any) -> None:
        count = self.points.GetNumberOfDefinedControlPoints()
        if count < LANDMARKS:
            self._prompt(count)
        else:
            self._align()

    def _align(self) -> None:
        from IXGSLib.geometry.anatomy import vertebra_axes
        from IXGSLib.scene.slices import align_slices, points_of

        left, right, front = points_of(self.points)[:LANDMARKS]
        self._stop_asking()
        try:
            align_slices(slice_nodes(), vertebra_axes(left, right, front), (left + right + front) / 3)
        except IXGSError as error:
            say(self.ui.slicesMessage, escaped(str(error)))
            return
        say(self.ui.slicesMessage, _("The slices follow the vertebra's axes."))

    def _stop_asking(self) -> None:
        self.panel.removeObserver(self.points, self.points.PointPositionDefinedEvent, self._on_click)
        slicer.app.applicationLogic().GetInteractionNode().SwitchToViewTransformMode()
        self.points = None

    def on_removed(self, node: Any) -> None:
        if self.points is not None and node is self.points:
            self._stop_asking()
            say(self.ui.slicesMessage, "")

    def forget(self) -> None:
        """Take back a question that was not answered."""
        if self.points is not None:
            points = self.points
            self._stop_asking()
            slicer.mrmlScene.RemoveNode(points)
        say(self.ui.slicesMessage, "")


def slice_nodes() -> list[Any]:
    return list(slicer.util.getNodesByClass("vtkMRMLSliceNode"))
