"""The parameter node of the scene, shared by all sections of the panel."""

from __future__ import annotations

from typing import Any

import vtk
from slicer.util import VTKObservationMixin

from .parameters import IXGSParameterNode, connectors
from .signal import Signal


class PanelState(VTKObservationMixin):
    """The current parameter node, bound to the widgets.

    ui: the widgets of IXGS.ui as attributes. logic: provides the parameter node of the scene.
    parameters: None while no scene is open.
    changed: emitted after another node has taken its place, and after each change of a parameter.
    """

    def __init__(self, ui: Any, logic: Any) -> None:
        VTKObservationMixin.__init__(self)
        self.ui, self.logic = ui, logic
        self.parameters: IXGSParameterNode | None = None
        self.changed = Signal()
        self._gui_tags: list[int] = []

    def open(self) -> None:
        """Take the parameter node of the scene, unless it is the current one."""
        node = self.logic.getParameterNode()
        if self.parameters is not None and self.parameters.parameterNode is node.parameterNode:
            return
        self.close()
        self.parameters = node
        self._gui_tags = [node.connectGui(self.ui), node.connectParametersToGui(connectors(self.ui))]
        # After the node's own observer, which reads the parameters: at equal priority VTK calls the newest first.
        self.addObserver(node.parameterNode, vtk.vtkCommand.ModifiedEvent, self._on_modified, priority=-1.0)
        self.changed.emit()

    def refresh(self) -> None:
        """Read the parameters again, whose node references may have changed without an event of the parameter node."""
        if self.parameters is not None:
            self.parameters.parameterNode.Modified()

    def close(self) -> None:
        """Release the parameter node: it is neither bound nor observed any more."""
        if self.parameters is None:
            return
        for tag in self._gui_tags:
            self.parameters.disconnectGui(tag)
        self.removeObserver(self.parameters.parameterNode, vtk.vtkCommand.ModifiedEvent, self._on_modified)
        self.parameters = None

    def _on_modified(self, caller: Any, event: Any) -> None:
        if not self.parameters.parameterNode.GetScene().IsImporting():  # its references cannot be resolved yet
            self.changed.emit()
