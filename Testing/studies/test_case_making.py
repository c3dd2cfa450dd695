"""X-rays of a run: shared where they are the same, with the pose errors that were asked for."""

import json

import numpy as np
import pytest

from IXGSLib.errors import SettingsError
from IXGSLib.formats import load_case
from IXGSLib.geometry.trajectory import angles
from IXGSLib.geometry.twists import change_between, poses
from IXGSLib.studies import folder as places
from IXGSLib.studies.c_arms import CArmModel
from IXGSLib.studies.case_making import make_case, within_span
from IXGSLib.studies.condition import Condition
from IXGSLib.studies.inserts import Inserts, Place, insert, kept, read_inserts, write_inserts
from IXGSLib.studies.plan import Subject
from IXGSLib.studies.simulating import simulation_settings
from IXGSLib.volume import Volume
from IXGSLib.volume.images import read_image
from Testing.simulation.phantom import CENTER, GRID, hounsfield

SMALL = {"size": 32.0, "spacing": 2.0, "views": 6}
ARM = CArmModel.from_dict({"arm": {"detector_pixels": [48, 48], "detector_size": 80.0}})


@pytest.fixture
def make(ct, tmp_path):
    for name in (places.CASES, places.LOCKS):
        (tmp_path / "study" / name).mkdir(parents=True)

    def made(subject=None, c_arm=ARM, **settings):
        subject = Subject("one", ct=ct, center=CENTER) if subject is None else subject
        condition = Condition.from_dict(settings if subject.ct is None else {**SMALL, **settings})
        return make_case(subject, condition, c_arm, tmp_path / "study")

    return made


def test_runs_that_differ_in_the_reconstruction_share_their_x_rays(make):
    first = make()
    assert make(preset="preview", refine_poses=True, **{"schedule.steps": 500}) == first
    others = [make(seed=1), make(span=90.0), make(dose=0.1), make(trajectory="circular")]
    assert len({each.case for each in (first, *others)}) == 5


def test_the_dose_changes_the_noise(make):
    images = [np.stack([x.image for x in load_case(make(dose=dose).case).xrays]) for dose in (1e6, 1.0, 0.01)]
    errors = [np.std(image - images[0]) for image in images[1:]]
    assert errors[1] == pytest.approx(10 * errors[0], rel=0.3)


def test_pose_errors_are_as_large_as_asked_for(make):
    exact, moved = make(views=30), make(views=30, pose_error=4.0)
    assert moved.truth == exact.truth
    before, after = load_case(exact.case), load_case(moved.case)
    change = change_between(poses(before.views), poses(after.views), before.grid.center)
    shifts, turns = change[:, 3:], np.rad2deg(np.linalg.norm(change[:, :3], axis=1))
    assert np.abs(shifts[:, :2]).max() <= 4.0 + 1e-6
    assert np.abs(shifts[:, :2]).max() > 3.0
    assert 4.0 < np.abs(shifts[:, 2]).max() <= 6.0 + 1e-6
    assert 0.8 < turns.max() <= 1.2 + 1e-6
    assert all((a.image == b.image).all() for a, b in zip(before.xrays, after.xrays, strict=True))
    assert make(views=30, pose_error=4.0, seed=0) == moved


def test_views_of_a_case_within_a_span(make, simulated):
    made = make(Subject("real", case=simulated), span=100.0, views=2)
    case = load_case(made.case)
    assert len(case.views) == 2
    assert all(abs(angles(view)[0]) <= 50 for view in case.views)
    assert (made.truth, made.test) == (simulated / "truth.nrrd", simulated / "test.json")
    with pytest.raises(SettingsError, match="0 views lie within a span of 10 degrees"):
        within_span(load_case(simulated), 10.0)


def test_a_case_of_line_integrals_is_ideal(make, simulated):
    with pytest.raises(SettingsError, match=r"'real': its X-rays are line integrals, .*'network'; expected ideal"):
        make(Subject("real", case=simulated), standardization="network")


def test_display_pictures_are_8_bit_files(make):
    display = CArmModel.from_dict(
        {"arm": {"detector_pixels": [48, 48], "detector_size": 80.0}, "exports_display": True}
    )
    made = make(c_arm=display, standardization="raw")
    data = json.loads((made.case / "case.json").read_text())
    assert {view["i0"] for view in data["views"]} == {255.0}
    assert load_case(made.case).warnings


@pytest.mark.parametrize("finding", ["lesion", "fracture"])
def test_a_finding_lies_in_bone_and_is_in_the_truth(ct, finding):
    values, grid = read_image(ct)
    condition = Condition.from_dict({**SMALL, "finding": finding})
    settings = simulation_settings(Subject("one", ct=ct, center=CENTER), condition, ARM, (values, grid))
    changed, inserts = insert(values, grid, settings, condition)
    (place,) = inserts.places
    assert np.linalg.norm(place.start - np.add(CENTER, (3, -2, 1))) < 6
    middle = np.abs(place.distance(grid.points())) == np.abs(place.distance(grid.points())).min()
    assert changed[place.distance(grid.points()) < -1].max() < 200
    assert (changed <= values + 1e-3).all()
    assert (changed == values)[place.distance(grid.points()) > 6].all()
    assert middle.any()


def test_what_is_kept_is_one_for_the_truth_and_a_part_for_a_blurred_volume(tmp_path):
    place = Place("lesion", np.array(CENTER), np.array(CENTER), (5.0,))
    write_inserts(Inserts((place,)), tmp_path / "inserts.json")
    inserts = read_inserts(tmp_path / "inserts.json")
    values = np.where(place.distance(GRID.points()) <= 0, 0.0, 0.04).astype(np.float32)
    truth = Volume(values, GRID)
    assert kept(truth, truth, inserts)["finding_kept"] == pytest.approx(1)
    half = Volume(0.02 + values / 2, GRID)
    assert kept(half, truth, inserts)["finding_kept"] == pytest.approx(0.5)
    away = Inserts((Place("lesion", np.array(CENTER) + 500, np.array(CENTER) + 500, (5.0,)),))
    assert kept(truth, truth, away)["finding_kept"] is None


def test_metal_is_found_where_it_was_put(tmp_path):
    place = Place("metal", np.add(CENTER, (-8, 0, 0)), np.add(CENTER, (8, 0, 0)), (3.0,))
    assert Inserts((place,)).solids[0].radius == 3.0
    inside = place.distance(GRID.points()) <= 0
    bone = Volume(np.where(hounsfield() > 500, 0.04, 0).astype(np.float32), GRID)
    volume = Volume(np.where(inside, 0.12, bone.values * 0).astype(np.float32), GRID)
    assert kept(volume, bone, Inserts((place,)))["implant_contrast"] == pytest.approx(3, rel=1e-3)


def test_a_ct_without_a_centre_is_imaged_at_its_spine(ct):
    values, grid = read_image(ct)
    bone = np.add(CENTER, (3, -2, 1))
    center = simulation_settings(Subject("one", ct=ct), Condition(), ARM, (values, grid)).center
    assert np.linalg.norm(np.subtract(center, bone)[:2]) < 4
    assert abs(center[2] - grid.center[2]) <= grid.spacing[2]
