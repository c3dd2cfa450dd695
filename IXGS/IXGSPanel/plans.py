"""Plans that were made on the CT and move with a registered vertebra."""

from __future__ import annotations

from typing import Any

import numpy as np
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from IXGSLib.errors import IXGSError
from IXGSLib.registration.record import VertebraRecord
from IXGSLib.scene.frames import flipped_points
from IXGSLib.scene.registrations import move_with, moves_with, put_back

from .labels import Message, escaped, message_of
from .registration_result import RegistrationResult


class Plans(VTKObservationMixin):
    """Puts a plan under the transform of the vertebra that is selected in the table, and takes it back."""

    def __init__(self, ui: Any, result: RegistrationResult) -> None:
        VTKObservationMixin.__init__(self)
        self.ui, self.result = ui, result
        self.message = Message(ui.planMessage, self._basis)
        self._plan: Any = None
        ui.plan.connect("currentNodeChanged(vtkMRMLNode*)", lambda _: self.update())
        ui.movePlan.connect("clicked()", self.move)
        ui.putPlanBack.connect("clicked()", self.put_back)
        result.selected.connect(self.update)
        self.update()

    def _basis(self) -> tuple[Any, ...]:
        """What a message about a plan depends on."""
        return (self._plan, moves_with(self._plan), self.result.node, self.result.name)

    def update(self, *_args: Any) -> None:
        """Enable what can be done with the plan, and say what it moves with."""
        if self.ui.plan.currentNode() is not self._plan:
            self._observe(self.ui.plan.currentNode())
        self.message.refresh()
        ui, name, current = self.ui, self.result.name, moves_with(self._plan)
        ui.movePlan.text = _("Move plan with {name}").format(name=name or _("vertebra"))
        ui.movePlan.enabled = self._plan is not None and self.result.transform is not None and current != name
        ui.putPlanBack.enabled = current is not None
        if current is not None and not ui.planMessage.text:
            self.message.show(self._state(current))

    def _state(self, current: str) -> str:
        text = _("{plan} moves with {name}.").format(plan=escaped(self._plan.GetName()), name=escaped(current))
        vertebra = self._vertebra(current)
        if vertebra is not None and not vertebra.verified:
            text += _(" <b>{name} is not verified:</b> do not rely on the place of the plan.").format(
                name=escaped(current)
            )
        return text

    def move(self) -> None:
        """Let the plan move with the selected vertebra."""
        nearest = None if moves_with(self._plan) is not None else self._nearest()
        name = self.result.name
        try:
            move_with(self._plan, self.result.transform)
        except IXGSError as error:
            self.message.show(message_of(error))
            return
        text = self._state(name)
        if nearest not in (None, name):
            text += _(" In the CT the plan lies nearer to {nearest}.").format(nearest=escaped(nearest))
        self.message.show(text)
        self.update()

    def put_back(self) -> None:
        """Take the plan back to where it was made on the CT."""
        put_back(self._plan)
        self.message.show(_("{plan} is back where it was made on the CT.").format(plan=escaped(self._plan.GetName())))
        self.update()

    def _nearest(self) -> str | None:
        """The vertebra whose center in the CT is nearest to that of the plan, None for an empty plan."""
        bounds = [0.0] * 6
        self._plan.GetRASBounds(bounds)
        low, high = np.reshape(bounds, (3, 2)).T
        if self.result.record is None or not np.all(low <= high):
            return None
        center = flipped_points((low + high) / 2)
        vertebrae = self.result.record.vertebrae
        return min(vertebrae, key=lambda each: float(np.linalg.norm(each.center_in_ct - center))).name

    def _vertebra(self, name: str) -> VertebraRecord | None:
        record = self.result.record
        return None if record is None else next((each for each in record.vertebrae if each.name == name), None)

    def _observe(self, plan: Any) -> None:
        if self._plan is not None:
            self.removeObserver(self._plan, vtk.vtkCommand.ModifiedEvent, self._on_modified)
        self._plan = plan
        if plan is not None:
            self.addObserver(plan, vtk.vtkCommand.ModifiedEvent, self._on_modified)

    def _on_modified(self, caller: Any, event: Any) -> None:
        self.update()

    def on_node_removed(self, node: Any) -> None:
        if node is self._plan:
            self._observe(None)

    def close(self) -> None:
        self._observe(None)
        self.message.show("")
