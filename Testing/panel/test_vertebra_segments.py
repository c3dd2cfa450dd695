"""Section 6: vertebrae as segments, of a registration and of a label map."""

import types

import pytest

from Testing.panel import spine
from Testing.registration import phantom


def names_in(node):
    segmentation = node.GetSegmentation()
    return [segmentation.GetNthSegment(n).GetName() for n in range(segmentation.GetNumberOfSegments())]


@pytest.fixture
def segmented(registered, ui, wait):
    """The segmentation of the registration, as its button makes it."""
    ui.segmentVertebrae.click()
    wait(lambda: registered.registration.segments.segmentation is not None)
    return registered.registration.segments.segmentation


def models(panel):
    from IXGSLib.scene.registrations import vertebrae_of

    return [nodes.model for nodes in vertebrae_of(panel.parameters.registration).values() if nodes.model]


def test_the_button_makes_a_segment_of_each_vertebra_that_is_shown_in_3d(segmented, registered, ui):
    assert names_in(segmented) == ["L1", "L2", "L3", "L4 (not verified)"]
    assert ui.showVertebrae.checked
    assert segmented.GetDisplayNode().GetVisibility3D()
    assert not any(model.GetDisplayNode().GetVisibility() for model in models(registered))
    assert ui.vertebraSegmentsMessage.text == ""
    ui.showVertebrae.click()
    assert not segmented.GetDisplayNode().GetVisibility3D()
    assert all(model.GetDisplayNode().GetVisibility() for model in models(registered))


def test_it_is_handed_over_to_the_segment_editor(segmented, ui, monkeypatch):
    import slicer

    given = {}
    editor = types.SimpleNamespace(setSegmentationNode=lambda node: given.update(segmentation=node))
    module = types.SimpleNamespace(editor=editor)
    monkeypatch.setattr(slicer.modules, "SegmentEditorWidget", module, raising=False)
    monkeypatch.setattr(slicer.util, "selectModule", lambda name: given.update(module=name))
    ui.editVertebrae.click()
    assert given == {"module": "SegmentEditor", "segmentation": segmented}


def test_a_segmentation_that_is_removed_gives_way_to_the_models(segmented, registered, ui):
    import slicer

    slicer.mrmlScene.RemoveNode(segmented)
    assert all(model.GetDisplayNode().GetVisibility() for model in models(registered))
    assert not ui.showVertebrae.enabled
    assert not ui.showVertebrae.checked
    assert ui.segmentVertebrae.enabled


def test_there_is_nothing_to_segment_without_a_registration(panel, ui, registered, wait):
    import slicer

    ui.segmentVertebrae.click()
    registered.parameters.registration = None
    assert not ui.segmentVertebrae.enabled
    assert not ui.showVertebrae.enabled
    slicer.mrmlScene.Clear(0)
    wait(lambda: not panel.registration.segments._steps.busy)
    assert slicer.util.getNodesByClass("vtkMRMLSegmentationNode") == []


def test_a_label_map_becomes_named_segments_that_take_its_place(panel, ui, wait):
    panel.parameters.ctVertebrae = spine.add_label_map()
    ui.registrationButton.collapsed = False
    assert ui.segmentLabels.visible
    ui.segmentLabels.click()
    wait(lambda: panel.parameters.ctVertebrae.IsA("vtkMRMLSegmentationNode"))
    assert names_in(panel.parameters.ctVertebrae) == list(phantom.NAMES)
    assert "L1, L2, L3, L4" in ui.labelsMessage.text
    assert not ui.segmentLabels.visible
    panel.parameters.ctVertebrae = None
    assert ui.labelsMessage.text == ""


def test_a_volume_that_is_no_label_map_is_a_message(panel, ui, wait):
    panel.parameters.ctVertebrae = spine.add_ct()
    ui.segmentLabels.click()
    wait(lambda: not panel.registration.label_segments._steps.busy)
    assert "choose a label map, not the CT itself" in ui.labelsMessage.text
    assert ui.segmentLabels.enabled
