"""The confidence in each voxel."""

import json
from dataclasses import replace
from itertools import pairwise
from typing import get_args

import numpy as np
import pytest
import SimpleITK as sitk

from IXGSLib.errors import FormatError, GeometryError, SettingsError
from IXGSLib.evaluation.confidence import Doubt, confidence_of
from IXGSLib.evaluation.confidence.calibration import Calibration, Kind, calibration_of, calibrations_from, kind_of
from IXGSLib.formats import Case
from IXGSLib.formats.standardization import Standardization
from IXGSLib.rendering.joseph import project_volume
from IXGSLib.resources import resource
from IXGSLib.volume import Volume
from Testing.evaluation.confidence.conftest import ARM, GRID

KINDS = get_args(Kind)


def of(case, ball, renders, kind="clean"):
    return confidence_of(ball, case, renders, calibration_of(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_a_map_is_a_probability_and_an_error_on_the_grid_of_the_volume(case, ball, renders, kind):
    found = of(case, ball, renders, kind)
    for values in (found.probability, found.error):
        assert values.shape == GRID.shape
        assert values.dtype == np.float32
    assert found.probability.min() >= 0
    assert found.probability.max() <= 1
    assert found.error.min() >= 0


@pytest.mark.parametrize("kind", KINDS)
def test_fewer_views_give_no_more_confidence(case, ball, renders, kind):
    maps = [of(replace(case, xrays=case.xrays[::step]), ball, renders[::step], kind) for step in (1, 3, 6)]
    for more, fewer in pairwise(maps):
        assert (fewer.error >= more.error - 1e-4).all()
        assert fewer.probability.mean() <= more.probability.mean() + 1e-6
    assert maps[-1].error.mean() > maps[0].error.mean()


@pytest.mark.parametrize("kind", KINDS)
def test_a_voxel_that_no_view_sees_has_the_lowest_confidence_and_the_largest_error(case, ball, renders, kind):
    left = np.zeros((60, 60), bool)
    left[:, :24] = True
    narrow = replace(case, xrays=tuple(replace(xray, mask=left) for xray in case.xrays))
    found = of(narrow, ball, renders, kind)
    corner = found.probability == 0
    assert corner.any()
    assert not corner.all()
    assert (found.error[corner] == found.error.max()).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_view_at_a_wrong_pose_lowers_confidence_where_it_disagrees(case, ball, renders, kind):
    wrong = case.xrays[5].view
    shifted = replace(
        wrong,
        world_from_camera=wrong.world_from_camera
        @ np.array([[1, 0, 0, 12.0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]),
    )
    xrays = list(case.xrays)
    xrays[5] = replace(xrays[5], view=shifted)
    moved = [*renders[:5], project_volume(ball.values, GRID, shifted), *renders[6:]]
    before, after = of(case, ball, renders, kind), of(replace(case, xrays=tuple(xrays)), ball, moved, kind)
    inside = np.linalg.norm(GRID.points() - GRID.center, axis=-1) < 12
    assert after.error[inside].mean() > 1.05 * before.error[inside].mean()
    assert after.probability[inside].mean() < before.probability[inside].mean()


def test_the_calibration_is_that_of_the_x_rays(case, ball):
    def standardized(method, synthetic=True):
        return replace(case, standardization=Standardization({"synthetic": synthetic, "method": method}))

    assert kind_of(case, ball) == "clean"
    assert kind_of(standardized("pix2pix"), ball) == "pix2pix"
    assert kind_of(standardized("classical"), ball) == "classical"
    assert kind_of(standardized("of tomorrow"), ball) == "pix2pix"
    assert kind_of(standardized("none", synthetic=False), ball) == "clean"
    assert kind_of(case, Volume(np.full(GRID.shape, 0.02), GRID)) == "tissue"
    assert kind_of(standardized("pix2pix"), ball, prior=True) == "learnt"


def test_a_network_that_no_calibration_was_fitted_to_is_noticed(case, ball, renders):
    def foreign(record):
        made = Standardization({"synthetic": True, **record})
        return confidence_of(ball, replace(case, standardization=made), renders).foreign

    fitted_to = json.loads(resource("confidence.json").read_text())["weights"]
    assert fitted_to
    assert not foreign({"method": "pix2pix", "weights": {"sha256": fitted_to[0]}})
    assert foreign({"method": "pix2pix", "weights": {"sha256": "0" * 64}})
    assert foreign({"method": "pix2pix"})
    assert foreign({"method": "of tomorrow"})
    assert not foreign({"method": "classical"})
    assert not confidence_of(ball, case, renders).foreign


def test_a_learnt_prior_has_a_calibration_of_its_own_and_its_doubt_counts(case, ball, renders):
    fitted_to = json.loads(resource("confidence.json").read_text())
    record = {"synthetic": True, "method": "pix2pix", "weights": {"sha256": fitted_to["weights"][0]}}
    case = replace(case, standardization=Standardization(record))

    def found(error, weights=fitted_to["prior_weights"][0]):
        doubt = Doubt(Volume(np.full(GRID.shape, error, np.float32), GRID), weights)
        return confidence_of(ball, case, renders, doubt=doubt)

    sure, doubtful = found(0.001), found(0.02)
    assert (sure.kind, sure.foreign) == ("learnt", False)
    assert (doubtful.error >= sure.error).all()
    assert doubtful.error.mean() > sure.error.mean()
    assert found(0.001, "0" * 64).foreign


def test_standardised_x_rays_are_trusted_less(case, ball, renders):
    """With the same evidence, since the network's errors leave no trace in it."""
    clean, made = of(case, ball, renders, "clean"), of(case, ball, renders, "pix2pix")
    assert made.error[ball.values > 0.01].mean() > clean.error[ball.values > 0.01].mean()
    assert made.probability.mean() < clean.probability.mean()


def test_probability_rises_with_the_distance_from_the_threshold():
    calibration = Calibration(-5.0, {"slope": 0.5}, 0.3, 2.0, 1.5)
    values = np.linspace(0, 0.05, 101)
    bone = calibration.bone_probability(values, np.full(101, 0.004), 0.0115)
    assert (np.diff(bone) >= 0).all()
    assert bone[0] < 0.2
    assert bone[-1] > 0.9
    less_sure = calibration.bone_probability(values, np.full(101, 0.02), 0.0115)
    assert less_sure[-1] < bone[-1]
    assert less_sure[0] > bone[0]


def test_both_maps_are_files_with_their_meaning(case, ball, renders, tmp_path):
    found = of(case, ball, renders)
    found.save(tmp_path / "confidence.nrrd")
    found.save_error(tmp_path / "expected_error.nrrd")
    image = sitk.ReadImage(tmp_path / "confidence.nrrd")
    assert np.array_equal(sitk.GetArrayFromImage(image), found.probability)
    assert image.GetOrigin() == pytest.approx(tuple(GRID.origin))
    assert b"probability that a voxel's label" in (tmp_path / "confidence.nrrd").read_bytes()[:600]
    assert b"Expected absolute error" in (tmp_path / "expected_error.nrrd").read_bytes()[:600]
    assert np.array_equal(Volume.load(tmp_path / "expected_error.nrrd").values, found.error)


def test_renders_that_do_not_match_are_refused(case, ball, renders):
    with pytest.raises(SettingsError, match="11 renders for 12 X-rays, expected one for each"):
        confidence_of(ball, case, renders[1:])
    with pytest.raises(SettingsError, match="view 'v0' has shape"):
        confidence_of(ball, case, [renders[0][1:], *renders[1:]])
    with pytest.raises(SettingsError, match=r"view 'v1'.*render it again"):
        confidence_of(ball, case, [renders[0], np.full((60, 60), np.nan), *renders[2:]])


def test_views_that_see_nothing_are_refused(ball, case, renders):
    away = [ARM.view(0.0, 0.0, GRID.center + (4000.0, 0, 0), "away")]
    elsewhere = Case((replace(case.xrays[0], view=away[0]),), GRID)
    with pytest.raises(GeometryError, match="no view sees the volume"):
        confidence_of(ball, elsewhere, renders[:1])


@pytest.mark.parametrize(
    "change",
    [
        lambda kinds: kinds.pop("tissue"),
        lambda kinds: kinds["clean"].pop("offset"),
        lambda kinds: kinds["clean"]["weights"].update(weather=1.0),
        lambda kinds: kinds["clean"]["weights"].update(slope=-1.0),
        lambda kinds: kinds["clean"].update(above="much"),
    ],
)
def test_another_file_of_calibrations_is_refused(change):
    one = {"intercept": -5.0, "weights": {"slope": 0.5}, "offset": 0.0, "above": 1.0, "below": 1.0}
    kinds = {kind: {**one, "weights": dict(one["weights"])} for kind in KINDS}
    assert set(calibrations_from({"calibrations": kinds})) == set(KINDS)
    change(kinds)
    with pytest.raises(FormatError, match="install IXGS again"):
        calibrations_from({"calibrations": kinds})
