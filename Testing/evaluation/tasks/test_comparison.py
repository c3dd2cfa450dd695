"""Task metrics recover known differences of widths, walls, endplates and screws, and say what cannot be measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from IXGSLib.errors import GeometryError, SettingsError
from IXGSLib.evaluation.tasks import TaskSettings, compare_tasks
from IXGSLib.evaluation.tasks.measures import (
    CANAL_WIDTH,
    ENDPLATE_TILT,
    PEDICLE_WIDTH,
    WALL_DETECTED,
    WALL_ERROR,
    WEDGE,
)
from IXGSLib.volume import Volume
from Testing.evaluation.tasks.phantom import BONE, UPRIGHT, Phantom, Pose, grid_around, labels, volume

SETTINGS = TaskSettings(threshold=BONE / 2)
LEVELS = {20: "L3"}
BASE = Phantom(superior=3.0, inferior=4.0)


def compared(changed, base=BASE, pose=UPRIGHT, spacing=2.0, settings=SETTINGS, voxel=1.5):
    grid = grid_around(pose, voxel, 110.0)
    mask = labels(base, pose, grid_around(pose, spacing))
    return compare_tasks(volume(changed, pose, grid), volume(base, pose, grid), mask, LEVELS, settings)


def of(metrics, quantity, side=None):
    """The measures of one quantity."""
    return [each for each in metrics.measures if each.quantity == quantity and side in (None, each.side)]


@pytest.fixture(scope="module")
def itself():
    return compared(BASE)


@pytest.mark.parametrize(("spacing", "seed"), [(1.5, 4), (3.0, 6)])
def test_sizes_of_the_truth_are_known_however_it_lies(spacing, seed):
    metrics = compared(BASE, pose=Pose.random(seed), spacing=spacing)
    assert [each.truth for each in of(metrics, PEDICLE_WIDTH)] == pytest.approx([9.0, 9.0], abs=0.4)
    assert [each.truth for each in of(metrics, CANAL_WIDTH)] == pytest.approx([BASE.canal_width], abs=0.4)
    assert [each.truth for each in of(metrics, WEDGE)] == pytest.approx([7.0], abs=0.3)


def test_the_truth_has_no_error(itself):
    values = itself.as_dict()
    for name, value in values.items():
        if name.endswith(("error", "tilt", "breach")) and name != "lordosis_error":
            assert value == pytest.approx(0.0, abs=1e-6), name
    assert values["medial_wall_detected"] == values["screws_acceptable"] == values["tasks_measured"] == 1.0
    assert values["lordosis_error"] is None  # of one vertebra
    assert values["screw_grade_kappa"] > 0.85


def test_wider_pedicles_are_measured_with_their_sign():
    # The pedicle grows to both sides of its middle, into the canal too.
    metrics = compared(replace(BASE, pedicle=11.0, shift=-1.0))
    assert [each.error for each in of(metrics, PEDICLE_WIDTH)] == pytest.approx([2.0, 2.0], abs=0.4)
    assert [each.error for each in of(metrics, CANAL_WIDTH)] == pytest.approx([-2.0], abs=0.4)
    assert metrics.as_dict()["pedicle_width_error"] == pytest.approx(2.0, abs=0.4)


@pytest.mark.parametrize(("shift", "detected"), [(-1.0, 1.0), (-3.0, 0.0)])
def test_a_medial_wall_counts_as_detected_within_its_tolerance(shift, detected):
    metrics = compared(replace(BASE, shift=shift))
    assert [each.error for each in of(metrics, WALL_DETECTED)] == [detected, detected]
    assert [each.error for each in of(metrics, WALL_ERROR)] == pytest.approx([-shift, -shift], abs=0.3)


def test_a_tilted_endplate_is_found():
    metrics = compared(replace(BASE, superior=BASE.superior + 5.0))
    assert of(metrics, ENDPLATE_TILT, "superior")[0].error == pytest.approx(5.0, abs=0.4)
    assert of(metrics, ENDPLATE_TILT, "inferior")[0].error == pytest.approx(0.0, abs=0.3)
    assert of(metrics, WEDGE)[0].error == pytest.approx(5.0, abs=0.4)


def test_screws_in_pedicles_elsewhere_have_their_entry_error_and_breach():
    # A screw of 6 mm in the middle of a pedicle of 9 mm that is shown 4 mm further out: breach 6/2 + 4 - 9/2.
    metrics = compared(replace(BASE, shift=4.0))
    for screw in metrics.screws:
        assert screw.entry_error == pytest.approx(4.0, abs=0.7)
        assert screw.axis_error < 8
        assert screw.breach == pytest.approx(2.5, abs=0.8)
        assert screw.grade in ("B", "C")
    assert metrics.as_dict()["screw_breach"] == pytest.approx(2.5, abs=0.8)


def test_screws_at_known_places_are_graded_by_what_a_volume_shows():
    metrics = compared(replace(BASE, shift=4.0))
    assert len(metrics.graded) == 2 * (1 + len(SETTINGS.displacements))
    medial = {each.displacement: each for each in metrics.graded if each.side == "left"}
    assert medial[4.0].true_breach > 1.5 > medial[4.0].seen_breach
    assert metrics.grade_kappa < 0.5


def test_two_levels_have_a_lordosis():
    pose, grid = UPRIGHT, grid_around(UPRIGHT, 2.0, 170.0)
    upper = Pose(np.eye(3), np.array([0.0, 0.0, 40.0]))
    true = Volume(volume(BASE, pose, grid).values + volume(BASE, upper, grid).values, grid)
    tilted = volume(replace(BASE, superior=BASE.superior + 6.0), upper, grid)
    other = Volume(volume(BASE, pose, grid).values + tilted.values, grid)
    mask = labels(BASE, upper, grid, 19)[0] + labels(BASE, pose, grid, 20)[0]
    metrics = compare_tasks(other, true, (mask, grid), {19: "L2", 20: "L3"}, SETTINGS)
    lordosis = metrics.measures[-1]
    assert lordosis.level == "L2 to L3"
    assert lordosis.truth == pytest.approx(7.0, abs=0.4)
    assert lordosis.error == pytest.approx(6.0, abs=0.5)


def test_an_empty_volume_has_reasons_and_no_errors():
    grid = grid_around(UPRIGHT, 2.0)
    true = volume(BASE, UPRIGHT, grid)
    empty = Volume(np.zeros(grid.shape), grid)
    metrics = compare_tasks(empty, true, labels(BASE, UPRIGHT, grid), LEVELS, SETTINGS)
    values = metrics.as_dict()
    assert values["pedicle_width_error"] is values["endplate_tilt"] is values["screw_entry_error"] is None
    assert values["medial_wall_detected"] == values["screws_acceptable"] == 0.0
    assert "L3 left: pedicle width: no medial and lateral edge in the volume" in metrics.notes()
    assert "L3 right: screw: no pedicle to follow in the volume" in metrics.notes()


def test_a_level_that_cannot_be_measured_has_a_reason_beside_those_that_can(itself):
    grid = grid_around(UPRIGHT, 2.0)
    true = volume(BASE, UPRIGHT, grid)
    metrics = compare_tasks(true, true, labels(BASE, UPRIGHT, grid), {19: "L2", 20: "L3"}, SETTINGS)
    assert metrics.reasons == {"L2": "L2: label 19 has 0 connected voxels, expected a whole vertebra; leave it out"}
    assert metrics.as_dict()["pedicle_width_error"] == pytest.approx(0.0, abs=1e-9)


def test_levels_outside_the_truth_are_refused():
    grid = grid_around(UPRIGHT, 2.0)
    mask = labels(BASE, UPRIGHT, grid)
    small = volume(BASE, UPRIGHT, grid_around(Pose(np.eye(3), np.array([0.0, 0.0, 40.0])), 2.0, 60.0))
    with pytest.raises(GeometryError, match=r"no vertebra can be measured: L3: \d+ % of its landmarks"):
        compare_tasks(small, small, mask, LEVELS, SETTINGS)


def test_the_threshold_is_lower_where_the_cortex_is_thin(itself):
    assert itself.threshold == BONE / 2
    settings = TaskSettings()
    grid = grid_around(UPRIGHT, 2.0, 110.0)
    thin = Volume(volume(BASE, UPRIGHT, grid).values * 0.3, grid)
    metrics = compare_tasks(thin, thin, labels(BASE, UPRIGHT, grid_around(UPRIGHT, 2.0)), LEVELS, settings)
    assert metrics.threshold < 0.0115
    assert metrics.threshold == pytest.approx(0.3 * BONE / 2, rel=0.05)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"threshold": -1.0}, "threshold is -1.0 1/mm"),
        ({"reach": 0.0}, "reach is 0.0 mm"),
        ({"screw_diameter": 99.0}, "screw_diameter is 99.0 mm"),
        ({"displacements": (2.0, 2.0)}, "expected each of them once"),
        ({"displacements": (float("nan"),)}, "displacements is nan mm"),
    ],
)
def test_settings_out_of_range_are_refused(changes, message):
    with pytest.raises(SettingsError, match=message):
        TaskSettings(**changes)
