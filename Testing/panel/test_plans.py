"""Section 6: plans move with the vertebrae of a registered CT."""

import numpy as np
import pytest

from IXGSLib.geometry.rigid import apply
from Testing.panel import spine
from Testing.panel.registrations import transforms
from Testing.registration import phantom


def test_a_plan_moves_with_the_selected_vertebra_and_back(registered, ui):
    assert not ui.movePlan.enabled
    plan = spine.add_screw()
    ui.plan.setCurrentNode(plan)
    ui.vertebraeTable.selectRow(2)
    assert ui.movePlan.text == "Move plan with L3"
    ui.movePlan.click()
    place = [0.0, 0.0, 0.0]
    plan.GetNthControlPointPositionWorld(1, place)
    assert np.array(place) * (-1, -1, 1) == pytest.approx(apply(phantom.motions()[22], (-8.0, -12.0, -18.0)), abs=1e-6)
    assert ui.planMessage.text == "screw moves with L3."
    assert not ui.movePlan.enabled
    ui.vertebraeTable.selectRow(0)
    assert ui.movePlan.enabled
    assert "moves with L3" in ui.planMessage.text
    ui.putPlanBack.click()
    plan.GetNthControlPointPositionWorld(1, place)
    assert place == pytest.approx([8, 12, -18])
    assert "back where it was made" in ui.planMessage.text
    assert not ui.putPlanBack.enabled


def test_a_vertebra_that_is_not_verified_or_far_from_the_plan_is_told(registered, ui):
    ui.plan.setCurrentNode(spine.add_screw())
    ui.vertebraeTable.selectRow(3)
    ui.movePlan.click()
    assert "<b>L4 is not verified:</b>" in ui.planMessage.text
    assert "nearer to L3" in ui.planMessage.text


def test_a_change_in_the_data_module_is_seen(registered, ui):
    plan = spine.add_screw()
    ui.plan.setCurrentNode(plan)
    plan.SetAndObserveTransformNodeID(transforms()["L2"].GetID())
    assert ui.planMessage.text == "screw moves with L2."
    assert ui.putPlanBack.enabled
    plan.SetAndObserveTransformNodeID(None)
    assert ui.planMessage.text == ""
    assert not ui.putPlanBack.enabled


def test_what_cannot_move_is_a_message(registered, ui):
    import slicer

    ui.plan.setCurrentNode(slicer.mrmlScene.GetFirstNodeByName("L2"))
    ui.vertebraeTable.selectRow(2)
    ui.movePlan.click()
    assert "a vertebra of a registration" in ui.planMessage.text
    ui.plan.setCurrentNode(spine.add_screw())
    assert ui.planMessage.text == ""
