"""Vertebrae as segments: of a registration, and of a label map that knows levels."""

from __future__ import annotations

from typing import Any

import slicer
from slicer.i18n import tr as _

from IXGSLib.errors import IXGSError

from .labels import Message, escaped, message_of
from .registration_result import RegistrationResult
from .segmentations import edit, is_shown_3d, show_3d
from .state import PanelState
from .stepper import Stepper


class VertebraSegments:
    """The segmentation of the registration that is shown, made one vertebra after the other."""

    def __init__(self, ui: Any, state: PanelState, result: RegistrationResult) -> None:
        self.ui, self.state, self.result = ui, state, result
        self.message = Message(ui.vertebraSegmentsMessage, lambda: (result.node,))
        self._steps = Stepper()
        self._made_for: Any = None
        ui.segmentVertebrae.connect("clicked()", self.make)
        ui.showVertebrae.connect("toggled(bool)", self._on_show_toggled)
        ui.editVertebrae.connect("clicked()", lambda: edit(self.segmentation, state.parameters.volume))
        self.update()

    @property
    def segmentation(self) -> Any:
        """The segmentation of the registration, None if there is none."""
        from IXGSLib.scene.vertebrae import SEGMENTATION

        return None if self.result.node is None else self.result.node.GetNodeReference(SEGMENTATION)

    def update(self) -> None:
        """Enable what can be done with the vertebrae, as they are now; work on another registration stops."""
        if self._made_for is not self.result.node:
            self._steps.stop()
        ui, node = self.ui, self.segmentation
        ui.segmentVertebrae.enabled = self.result.record is not None and not self._steps.busy
        ui.showVertebrae.enabled = ui.editVertebrae.enabled = node is not None
        ui.showVertebrae.checked = is_shown_3d(node)
        self.message.refresh()

    def make(self) -> None:
        """Make the segmentation, or make it again."""
        from IXGSLib.scene.vertebrae import registration_segment_steps

        self._made_for = self.result.node
        self.message.show(_("Making a segment of each vertebra..."))
        self._steps.start(registration_segment_steps(self.result.node), self._place, self._on_failed)
        self.update()

    def _place(self, segments: Any) -> None:
        from IXGSLib.scene.vertebrae import place_segments

        registration = self.result.node
        name = _("{registration} vertebrae").format(registration=registration.GetName())
        node = place_segments(slicer.mrmlScene, segments, name, registration)
        self._show(node, True)
        self.message.show("")
        self.update()

    def _on_show_toggled(self, checked: bool) -> None:
        if self.segmentation is not None and checked != is_shown_3d(self.segmentation):
            self._show(self.segmentation, checked)

    def _show(self, node: Any, shown: bool) -> None:
        """Show the segmentation in 3D in place of the models, or these."""
        from IXGSLib.scene.registrations import vertebrae_of

        show_3d(node, shown)
        for nodes in vertebrae_of(self.result.node).values():
            if nodes.model is not None and nodes.model.GetDisplayNode() is not None:
                nodes.model.GetDisplayNode().SetVisibility(not shown)

    def _on_failed(self, error: IXGSError) -> None:
        self.message.show(message_of(error))
        self.update()

    def on_node_removed(self, node: Any) -> None:
        """Show the models again when their segmentation is removed."""
        if node is self.segmentation:
            self._show(node, False)

    def close(self) -> None:
        self._steps.stop()
        self._made_for = None
        self.message.show("")


class LabelSegments:
    """Turns the label map that *Vertebrae from* names into a segmentation, which takes its place."""

    def __init__(self, ui: Any, state: PanelState) -> None:
        self.ui, self.state = ui, state
        self.message = Message(ui.labelsMessage, self._basis)
        self._steps = Stepper()
        self._labels: Any = None
        ui.segmentLabels.connect("clicked()", self.make)
        ui.segmentLabels.visible = False

    def _basis(self) -> tuple[Any, ...]:
        """What a message about a label map depends on."""
        p = self.state.parameters
        return () if p is None else (p.ctVertebrae,)

    def update(self) -> None:
        labels = self.state.parameters.ctVertebrae
        self.ui.segmentLabels.visible = labels is not None and labels.IsA("vtkMRMLScalarVolumeNode")
        self.ui.segmentLabels.enabled = not self._steps.busy
        self.message.refresh()

    def make(self) -> None:
        """Make the segmentation."""
        from IXGSLib.scene.vertebrae import label_segment_steps

        self._labels = self.state.parameters.ctVertebrae
        self.message.show(_("Making a segment of each vertebra..."))
        self._steps.start(label_segment_steps(self._labels), self._place, self._on_failed)
        self.update()

    def _place(self, segments: Any) -> None:
        from IXGSLib.scene.hierarchy import place_beside
        from IXGSLib.scene.vertebrae import place_segments

        labels, self._labels = self._labels, None
        node = place_segments(slicer.mrmlScene, segments, _("{labels} vertebrae").format(labels=labels.GetName()))
        node.SetAndObserveTransformNodeID(labels.GetTransformNodeID())
        place_beside(slicer.mrmlScene, node, labels)
        self.state.parameters.ctVertebrae = node
        names = escaped(", ".join(segment.level for segment in segments))
        self.message.show(_("Segments {names}. The module Segment Editor shows and edits them.").format(names=names))

    def _on_failed(self, error: IXGSError) -> None:
        self.message.show(message_of(error))
        self.update()

    def on_node_removed(self, node: Any) -> None:
        if node is self._labels:
            self._steps.stop()
            self._labels = None

    def close(self) -> None:
        self._steps.stop()
        self._labels = None
        self.message.show("")
