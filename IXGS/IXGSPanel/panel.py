"""The panel as a whole: its sections, and the events of the scene that concern them."""

from __future__ import annotations

from typing import Any

import slicer
import vtk
from slicer.util import VTKObservationMixin

from .c_arm import CArmView
from .folding import Folding
from .parameters import IXGSParameterNode
from .pose_refinement import PoseRefinement
from .preparation import Preparation
from .reconstruction import ReconstructionSection
from .region import RegionSection
from .registration import RegistrationSection
from .requirements import Requirements
from .review import ReviewSection
from .run_poses import RunPoses
from .sequence import XRaySequence
from .standardization import StandardizationSection
from .state import PanelState
from .xrays import XRaysSection


class Panel(VTKObservationMixin):
    """The sections of the panel, connected to each other and to the scene.

    ui: the widgets of IXGS.ui as attributes. logic: provides the parameter node of the scene. requirements: the Python
    packages that IXGS needs, `Requirements()` by default.
    """

    def __init__(self, ui: Any, logic: Any, requirements: Any = None) -> None:
        VTKObservationMixin.__init__(self)
        self.ui = ui
        self.requirements = requirements or Requirements()
        self.state = state = PanelState(ui, logic)
        self.folding = Folding(ui)
        self.xrays = XRaysSection(ui, state, self.requirements)
        self.selection = selection = self.xrays.selection
        self.run_poses = RunPoses(state, selection)
        self.poses = PoseRefinement(ui, state, selection)
        self.c_arm = CArmView(ui, state, selection)
        self.sequence = XRaySequence(ui, selection)
        self.standardization = StandardizationSection(ui, state, selection)
        self.region = RegionSection(ui, state, selection)
        self.reconstruction = ReconstructionSection(
            ui, state, selection, Preparation(self.poses, self.standardization, self.region), self.requirements
        )
        self.review = ReviewSection(ui, state, selection)
        self.registration = RegistrationSection(ui, state, selection, self.requirements)
        self.sections = (
            self.xrays,
            self.run_poses,
            self.poses,
            self.c_arm,
            self.sequence,
            self.standardization,
            self.region,
            self.reconstruction,
            self.review,
            self.registration,
        )
        self._connect()
        self.open()

    def _connect(self) -> None:
        self.state.changed.connect(self.update)
        self.selection.changed.connect(self.reconstruction.on_xrays)
        self.selection.changed.connect(self.registration.on_xrays)
        self.selection.changed.connect(self.update)
        self.selection.status_changed.connect(self.reconstruction.check)
        self.selection.status_changed.connect(self.registration.check)
        self.run_poses.changed.connect(self.xrays.table.show_poses)
        self.run_poses.changed.connect(lambda _: self.c_arm.show_current())
        self.region.grid_changed.connect(self.xrays.table.show_coverage)
        self.reconstruction.xrays_needed.connect(self.xrays.read)
        self.registration.xrays_needed.connect(self.xrays.read)
        self.reconstruction.finished.connect(self._on_finished)
        self.review.loading.loaded.connect(self._on_finished)
        self.review.loading.registration_chosen.connect(self.registration.loading.load)
        self.registration.loading.run_chosen.connect(self.review.loading.load)
        self.registration.finished.connect(lambda: self.folding.show_only("registrationButton"))
        self.reconstruction.started.connect(lambda: self.folding.show_only("reconstructionButton"))
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self._on_scene_closing)
        self.addObserver(scene, scene.EndCloseEvent, self._on_scene_ready)
        self.addObserver(scene, scene.EndImportEvent, self._on_scene_ready)
        self.addObserver(scene, scene.NodeAboutToBeRemovedEvent, self._on_node_removed)
        self.addObserver(scene, scene.NodeRemovedEvent, self._on_references_changed)

    @property
    def parameters(self) -> IXGSParameterNode | None:
        """The parameter node of the scene."""
        return self.state.parameters

    def _on_finished(self) -> None:
        """Show the review of a volume, and only that."""
        self.folding.show_only("reviewButton")
        self.review.present()

    def open(self) -> None:
        """Take the parameter node of the scene as it is now."""
        self.state.open()

    def update(self) -> None:
        """Show the parameters in every section."""
        for section in self.sections:
            if self.state.parameters is not None:
                section.update()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _on_node_removed(self, caller: Any, event: Any, node: Any) -> None:
        self.sequence.on_node_removed(node)
        self.reconstruction.on_node_removed(node)
        self.review.on_node_removed(node)
        self.registration.on_node_removed(node)

    def _on_scene_closing(self, caller: Any, event: Any) -> None:
        self._close()

    def _on_scene_ready(self, caller: Any, event: Any) -> None:
        self.open()
        self.state.refresh()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _on_references_changed(self, caller: Any, event: Any, node: Any) -> None:
        p = self.state.parameters
        if p is not None and node in (p.region, p.volume, p.ct, p.ctVertebrae, p.registrationStart, p.registration):
            self.state.refresh()
        elif p is not None:
            self.registration.plans.update()  # it may be the transform that a plan moves with
            self.registration.segments.update()

    def _close(self) -> None:
        """Stop all work in the scene and release its parameter node."""
        self.state.close()
        for section in self.sections:
            section.close()

    def cleanup(self) -> None:
        """Stop all work and observe nothing any more, when Slicer closes or reloads the module."""
        self._close()
        self.folding.close()
        self.removeObservers()
