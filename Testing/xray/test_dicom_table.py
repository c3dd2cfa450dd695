"""Positions and angles of the table move and turn the C-arm in the patient."""

from dataclasses import replace

import numpy as np
import pytest

from IXGSLib.xray.dicom.conventions import Conventions, TableAxes
from IXGSLib.xray.dicom.geometry import (
    _table_turn,
    approximate_view,
)
from IXGSLib.xray.dicom.tags import IsocentreTags, TableTop
from Testing.xray.c_arm_tags import TAGS, axes


def source_shift(moved, **conventions):
    """Where the source goes in the patient when the table moves, from the same place with the table at rest."""
    chosen = Conventions(**conventions)
    first = replace(TAGS, patient_position=moved.patient_position, table_top=moved.table_top and TableTop((0, 0, 0)))
    first = replace(first, isocentre=moved.isocentre and IsocentreTags((0.0, 0.0, 0.0), (1.0, 2.0, 3.0)))
    return approximate_view(moved, first, chosen).source - approximate_view(first, first, chosen).source


def test_a_table_that_moves_with_the_patient_moves_the_source_the_other_way():
    """Table 20 mm to its left, 10 mm down and 40 mm to its head."""
    moved = IsocentreTags((0.0, 0.0, 0.0), (21.0, 12.0, 43.0))
    assert np.allclose(source_shift(replace(TAGS, isocentre=moved)), (-20, -10, -40))
    assert np.allclose(source_shift(replace(TAGS, isocentre=moved, patient_position="HFP")), (20, 10, -40))


@pytest.mark.parametrize(
    ("movement", "expected"), [((20.0, 0, 0), (-20, 0, 0)), ((0, 10.0, 0), (0, -10, 0)), ((0, 0, 40.0), (0, 0, -40))]
)
def test_each_movement_of_the_table_top_has_its_direction(movement, expected):
    """Longitudinal is positive towards LAO, vertical downwards, lateral towards CRA (PS3.3 C.8.7.4, C.8.19.6.11)."""
    increments, position = replace(TAGS, table_shift=movement), replace(TAGS, table_top=TableTop(movement))
    assert np.allclose(source_shift(increments), expected)
    assert np.allclose(source_shift(position), expected)
    swapped = replace(position, table_top=TableTop(movement[::-1]))
    assert np.allclose(source_shift(swapped, table=TableAxes.LENGTHWISE), expected)


def test_the_table_top_moves_along_the_table_and_increments_along_the_patient():
    tags = replace(TAGS, patient_position="FFP")
    assert np.allclose(source_shift(replace(tags, table_top=TableTop((20, 10, 40)))), (-20, 10, 40))
    assert np.allclose(source_shift(replace(tags, table_shift=(20, 10, 40))), (-20, 10, -40))


@pytest.mark.parametrize(
    ("angles", "axis", "expected"),
    [((30, 0, 0), 2, (0.5, 0, np.sqrt(0.75))), ((0, 30, 0), 2, (0, -0.5, np.sqrt(0.75))), ((0, 0, 30), 0, None)],
)
def test_each_angle_of_the_table_has_its_sign(angles, axis, expected):
    """Horizontal rotation turns the head end from +Z to +X, head tilt lifts it (PS3.3 C.8.19.6.13.1.3)."""
    room_from_table = _table_turn(IsocentreTags((0.0, 0.0, 0.0), table_angles=angles)).T
    right_handed_cradle = (np.sqrt(0.75), 0.5, 0)
    assert np.allclose(room_from_table[:, axis], right_handed_cradle if expected is None else expected)


def test_a_table_that_turns_about_the_isocentre_turns_the_beam_in_the_patient():
    """Head tilt lifts the head, so that the vertical beam comes out nearer to the feet of the patient's front."""
    tilted = replace(TAGS, isocentre=IsocentreTags((0.0, 0.0, 0.0), table_angles=(0.0, 20.0, 0.0)))
    assert np.allclose(np.linalg.norm(approximate_view(tilted).source), 620)
    assert np.allclose(axes(tilted)[:, 2], (0, -np.cos(np.deg2rad(20)), np.sin(np.deg2rad(20))))
    point = np.array([10.0, -5.0, 30.0])
    turned = replace(TAGS, isocentre=IsocentreTags((0.0, 0.0, 0.0), (5.0, 6.0, 7.0), (30.0, 0.0, 0.0)))
    depth = approximate_view(turned, turned).project(point)[1]
    assert np.isclose(depth, 620 + 5.0)
