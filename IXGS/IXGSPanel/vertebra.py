"""Slice views along a vertebra that the user marks with three clicks."""

from __future__ import annotations

from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from IXGSLib.errors import IXGSError

from .labels import message_of, set_text
from .state import PanelState

LANDMARKS = 3
TURNED = 1e-3
"""Change of a component of a slice's directions from which it counts as turned."""


class VertebraAxes(VTKObservationMixin):
    """Asks for the left pedicle, the right pedicle and the front of the body; another press starts again."""

    def __init__(self, ui: Any, state: PanelState) -> None:
        VTKObservationMixin.__init__(self)
        self.ui, self.state = ui, state
        self.points: Any = None
        self.aligned: list[tuple[Any, Any]] = []
        ui.patientAxes.connect("clicked()", self.align_to_patient)
        ui.vertebraAxes.connect("clicked()", self.ask_for_landmarks)
        set_text(ui.slicesMessage, "")

    def align_to_patient(self) -> None:
        """Show axial, sagittal and coronal slices through the centre of the volume."""
        from IXGSLib.scene.slices import align_slices
        from IXGSLib.scene.volumes import grid_of

        self.discard()
        volume = self.state.parameters.volume
        try:
            align_slices(slice_nodes(), point=None if volume is None else grid_of(volume).center)
        except IXGSError as error:
            set_text(self.ui.slicesMessage, message_of(error))
            return
        self._say_while_it_holds(_("The slices are aligned with the patient."))

    def ask_for_landmarks(self) -> None:
        """Wait for three clicks in the slice views."""
        self.discard()
        self.points = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", _("Vertebra"))
        self.points.CreateDefaultDisplayNodes()
        self.addObserver(self.points, self.points.PointPositionDefinedEvent, self._on_point_placed)
        selection = slicer.app.applicationLogic().GetSelectionNode()
        selection.SetReferenceActivePlaceNodeClassName("vtkMRMLMarkupsFiducialNode")
        selection.SetActivePlaceNodeID(self.points.GetID())
        slicer.app.applicationLogic().GetInteractionNode().SwitchToPersistentPlaceMode()
        self._prompt(0)

    def _prompt(self, placed: int) -> None:
        prompts = (
            _("Click the left pedicle in a slice view (1 of 3)."),
            _("Click the right pedicle in a slice view (2 of 3)."),
            _("Click the front of the vertebral body in a slice view (3 of 3)."),
        )
        set_text(self.ui.slicesMessage, prompts[placed])

    def _on_point_placed(self, caller: Any, event: Any) -> None:
        placed = self.points.GetNumberOfDefinedControlPoints()
        if placed < LANDMARKS:
            self._prompt(placed)
        else:
            self._align_to_vertebra()

    def _align_to_vertebra(self) -> None:
        from IXGSLib.geometry.anatomy import vertebra_axes
        from IXGSLib.scene.slices import align_slices, points_of

        left, right, front = points_of(self.points)[:LANDMARKS]
        self.discard()
        try:
            align_slices(slice_nodes(), vertebra_axes(left, right, front), (left + right + front) / 3)
        except IXGSError as error:
            set_text(self.ui.slicesMessage, message_of(error))
            return
        self._say_while_it_holds(_("The slices are aligned with the vertebra."))

    def _say_while_it_holds(self, text: str) -> None:
        """Show a text until a slice view is turned; scrolling changes nothing."""
        from IXGSLib.scene.slices import directions_of

        set_text(self.ui.slicesMessage, text)
        self.aligned = [(node, directions_of(node)) for node in slice_nodes()]
        for node, _directions in self.aligned:
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self._on_slice_modified)

    def _on_slice_modified(self, caller: Any, event: Any) -> None:
        from IXGSLib.scene.slices import directions_of

        if any(abs(directions_of(node) - directions).max() > TURNED for node, directions in self.aligned):
            self._forget_alignment()
            set_text(self.ui.slicesMessage, "")

    def _forget_alignment(self) -> None:
        for node, _directions in self.aligned:
            self.removeObserver(node, vtk.vtkCommand.ModifiedEvent, self._on_slice_modified)
        self.aligned = []

    def _stop_asking(self) -> None:
        self.removeObserver(self.points, self.points.PointPositionDefinedEvent, self._on_point_placed)
        slicer.app.applicationLogic().GetInteractionNode().SwitchToViewTransformMode()
        self.points = None

    def on_node_removed(self, node: Any) -> None:
        if self.points is not None and node is self.points:
            self._stop_asking()
            set_text(self.ui.slicesMessage, "")

    def discard(self) -> None:
        """Stop asking and remove the points that were placed so far."""
        self._forget_alignment()
        if self.points is not None:
            points = self.points
            self._stop_asking()
            slicer.mrmlScene.RemoveNode(points)
        set_text(self.ui.slicesMessage, "")


def slice_nodes() -> list[Any]:
    return list(slicer.util.getNodesByClass("vtkMRMLSliceNode"))
