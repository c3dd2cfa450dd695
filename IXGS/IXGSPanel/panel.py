"""The panel as a whole: its sections, its parameters and the scene that it belongs to."""

from __future__ import annotations

from typing import Any

import slicer
import vtk
from slicer.util import VTKObservationMixin

from .c_arm import CArmView
from .parameters import IXGSParameterNode, connectors
from .reconstruction import ReconstructionSection
from .region import RegionSection
from .requirements import Requirements
from .review import ReviewSection
from .sequence import XRaySequence
from .standardization import StandardizationSection
from .xrays import XRaysSection


class Panel(VTKObservationMixin):
    """Five sections on one parameter node.

    ui: the widgets of IXGS.ui as attributes. logic: gives the parameter node of the scene. requirements: what says
    which packages are missing.
    """

    def __init__(self, ui: Any, logic: Any, requirements: Any = None) -> None:
        VTKObservationMixin.__init__(self)
        self.ui, self.logic = ui, logic
        self.requirements = requirements or Requirements()
        self.parameters: IXGSParameterNode | None = None
        self._tags: list[int] = []
        self.xrays = XRaysSection(self)
        self.c_arm = CArmView(self)
        self.sequence = XRaySequence(self)
        self.standardization = StandardizationSection(self)
        self.region = RegionSection(self)
        self.reconstruction = ReconstructionSection(self)
        self.review = ReviewSection(self)
        self.sections = (
            self.xrays,
            self.c_arm,
            self.sequence,
            self.standardization,
            self.region,
            self.reconstruction,
            self.review,
        )
        self.xrays.changed.connect(self.update)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self._on_closing)
        self.addObserver(scene, scene.EndCloseEvent, self._on_closed)
        self.addObserver(scene, scene.EndImportEvent, self._on_closed)
        self.addObserver(scene, scene.NodeAboutToBeRemovedEvent, self._on_removed)
        self.open()

    def open(self) -> None:
        """Take the parameters of the scene as it is now."""
        node = self.logic.getParameterNode()
        if self.parameters is not None and self.parameters.parameterNode is node.parameterNode:
            return
        self._detach()
        self.parameters = node
        self._tags = [node.connectGui(self.ui), node.connectParametersToGui(connectors(self.ui))]
        self.addObserver(node.parameterNode, vtk.vtkCommand.ModifiedEvent, self.update)
        self.update()

    def _detach(self) -> None:
        """Let go of the parameters."""
        if self.parameters is None:
            return
        for tag in self._tags:
            self.parameters.disconnectGui(tag)
        self.removeObserver(self.parameters.parameterNode, vtk.vtkCommand.ModifiedEvent, self.update)
        self.parameters = None

    def update(self, caller: Any = None, event: Any = None) -> None:
        """Show what the parameters say, in every section."""
        if self.parameters is None:
            return
        for section in self.sections:
            section.update()

    def check(self) -> None:
        """Whether Apply can run."""
        self.reconstruction.check()

    def inputs(self) -> list[Any]:
        """Nodes that a running reconstruction depends on."""
        if self.parameters is None:
            return []
        pairs = self.xrays.images.pairs() if self.parameters.source == "scene" else []
        found = [self.parameters.region, *(node for pair in pairs for node in pair)]
        return [node for node in found if node is not None]

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _on_removed(self, caller: Any, event: Any, node: Any) -> None:
        self.sequence.on_removed(node)
        self.reconstruction.on_removed(node)
        self.review.on_removed(node)

    def _on_closing(self, caller: Any, event: Any) -> None:
        """The scene goes, and with it what was going on in it."""
        for section in self.sections:
            section.close()
        self._detach()

    def _on_closed(self, caller: Any, event: Any) -> None:
        self.open()

    def cleanup(self) -> None:
        """Slicer closes or reloads the module: stop, and observe nothing any more."""
        for section in self.sections:
            section.close()
        self._detach()
        self.removeObservers()
