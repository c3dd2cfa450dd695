"""The standardisation benchmark, on a small phantom."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from IXGSLib.evaluation.metrics import bone_dice
from IXGSLib.geometry import Grid
from IXGSLib.geometry.trajectory import CArm
from IXGSLib.reconstruction.settings import PRESETS
from IXGSLib.simulation import ImagingSettings, SimulationSettings
from IXGSLib.simulation.lesions import LESION_HU, Ellipsoid, share
from IXGSLib.simulation.realistic_case import simulate_realistic
from IXGSLib.simulation.solids import Capsule
from IXGSLib.volume import Volume
from IXGSLib.xray import XRay
from Testing.benchmarks.quality.methods import shortened
from Testing.benchmarks.standardization import contrast, exposures, inserts, lesions, scores
from Testing.benchmarks.standardization import picture as standardization_picture
from Testing.benchmarks.standardization import study as standardization
from Testing.benchmarks.store import Store

SETTINGS = SimulationSettings(views=4, test_views=1, size=80.0, spacing=5.0, arm=CArm(detector_pixels=(40, 40)))
GRID = Grid.centered((10.0, -20.0, 300.0), (140.0, 140.0, 140.0), 4.0)


@pytest.fixture(scope="module")
def hounsfield():
    """A body with a spine along z."""
    across = np.linalg.norm((GRID.points() - GRID.center)[..., :2], axis=-1)
    return np.where(across < 16, 700.0, np.where(across < 60, 0.0, -1000.0)).astype(np.float32)


@pytest.fixture(scope="module")
def exposure(hounsfield, tmp_path_factory):
    def make():
        return simulate_realistic((hounsfield, GRID), SETTINGS, ImagingSettings())

    return exposures.load("phantom", "phantom", make, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def measured(exposure, tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("store") / "standardization.json")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "preview", shortened(PRESETS["preview"], 60).updated({"cloud.gaussians": 1000}))
        standardization.measure(exposure, store, "preview", None, ())
    return store


def test_an_exposure_is_made_once_and_holds_x_rays_with_their_targets(exposure):
    again = exposures.load("phantom", "phantom", None, exposure.folder.parent)
    for first, second in zip(exposure.case.xrays, again.case.xrays, strict=True):
        np.testing.assert_array_equal(first.image, second.image)
    assert [xray.view.id for xray in exposure.targets] == [xray.view.id for xray in exposure.case.xrays]
    assert exposure.targets[0].image.max() > 10 * exposure.targets[0].image.min()
    assert exposure.case.grid.shape == exposure.truth.grid.shape


def test_every_method_without_a_network_is_measured_and_kept(exposure, measured, capsys):
    runs = {run["method"]: run for run in measured.runs}
    assert set(runs) == {"raw", "classical", "target"}
    assert runs["target"]["volume_psnr"] > runs["raw"]["volume_psnr"]
    assert runs["target"]["best_dice"] > 0.8
    for run in runs.values():
        assert run["best_dice"] >= run["dice"]
        assert run["reprojection"] > 0
        assert exposures.kept(exposure, run["method"], "preview").exists()


def test_stored_results_are_skipped_unless_requested_again(exposure, measured, monkeypatch):
    asked = []
    monkeypatch.setattr(standardization, "scored", lambda exposure, method, *rest: asked.append(method) or dict(run))
    run = measured.runs[0]
    standardization.measure(exposure, Store(measured.file), "preview", None, ())
    assert asked == []
    standardization.measure(exposure, Store(measured.file), "preview", None, ["classical"])
    assert asked == ["classical"]


def test_a_network_is_measured_again_with_other_weights(tmp_path):
    store = Store(tmp_path / "store.json")
    files = [tmp_path / name for name in ("one", "two", "bone")]
    for file in files:
        file.write_text(file.name)
    one, two, with_bone = (exposures.Networks(*each) for each in (files[:1], files[1:2], (files[0], files[2])))
    store.add({"case": "lumbar", "method": "pix2pix", "seed": 0, "weights": exposures.digest(one)})
    assert standardization.is_stored(store, "lumbar", "pix2pix", one)
    assert not standardization.is_stored(store, "lumbar", "pix2pix", two)
    assert not standardization.is_stored(store, "lumbar", "learnt", with_bone)
    assert with_bone.of("pix2pix") == one
    assert with_bone.of("classical") is None
    assert not one.offers("learnt")


def test_missing_weights_are_reported(capsys):
    assert "pix2pix" not in standardization.chosen(None)
    assert "networks: skipped" in capsys.readouterr().out


def test_the_table_and_the_picture_show_what_is_stored(exposure, measured, tmp_path):
    part = standardization.page_part(measured.content | {"runs": _renamed(measured)}, "preview")
    assert "| X-rays, fitted |" in part
    assert "| classical |" in part
    assert "pix2pix |" not in part
    standardization_picture.draw(exposure, "preview", {}, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 5000
    with pytest.raises(FileNotFoundError, match="no volume of the fine preset"):
        standardization_picture.draw(exposure, "fine", {}, tmp_path / "none.png")


def _renamed(store):
    return [run | {"case": "lumbar-preview"} for run in store.runs]


@pytest.mark.skipif(not standardization.STORE.exists(), reason="nothing has been measured yet")
def test_the_page_shows_what_is_stored():
    content = Store(standardization.STORE).content
    assert standardization.PART.read() == standardization.page_part(content, "standard")


@pytest.mark.skipif(not inserts.STORE.exists(), reason="nothing has been measured yet")
def test_the_study_shows_what_is_stored():
    content = Store(inserts.STORE).content
    assert inserts.RESULTS.read_text(encoding="utf-8") == inserts.results(content, "standard")


def test_a_linear_fit_removes_slope_and_offset(exposure):
    targets = exposure.targets
    turned = [XRay(xray.view, 3 - 2 * xray.image, xray.mask) for xray in targets]
    found = scores.view_scores(turned, targets)
    assert found["fitted_view_psnr"] is None or found["fitted_view_psnr"] > 80
    assert found["view_psnr"] < 20


def test_the_best_threshold_is_the_best_of_all():
    generator = np.random.default_rng(0)
    bone = generator.random((6, 7, 8)) < 0.3
    values = (0.02 * bone + generator.normal(0, 0.01, bone.shape)).astype(np.float32)
    best = scores.best_threshold(values, bone)
    found = bone_dice((values > best).astype(float), bone, 0.5)
    assert found == max(bone_dice((values > t).astype(float), bone, 0.5) for t in values.ravel() - 1e-7)
    assert scores.best_threshold(np.array([1.0, 1.0, 0.0]), np.array([True, True, False])) == 0.5


def test_a_volume_like_its_truth_has_the_best_scores():
    values = np.where(np.linalg.norm(GRID.points() - GRID.center, axis=-1) < 30, 0.03, 0).astype(np.float32)
    truth = Volume(values, GRID)
    found = scores.volume_scores(truth, truth)
    assert found["dice"] == found["best_dice"] == 1
    assert found["surface_distance"] < 1
    halved = scores.volume_scores(Volume(values / 4, GRID), truth)
    assert halved["dice"] == 0
    assert halved["best_dice"] == 1
    assert halved["surface_distance"] is None
    assert halved["fitted_volume_psnr"] > 60 > halved["volume_psnr"]


def test_voxel_fractions_add_up_to_a_rod():
    solid = lesions.Rod(Capsule(GRID.center - (20, 3, 7), GRID.center + (20, 9, 1), 5.0))
    volume = np.pi * 25 * np.linalg.norm((40, 12, 8)) + 4 / 3 * np.pi * 125
    part = share([solid], GRID)
    assert part.min() == 0
    assert part.max() == 1
    assert part.sum() * GRID.voxel_volume == pytest.approx(volume, rel=0.05)
    weighted = (part[..., None] * GRID.points()).sum(axis=(0, 1, 2)) / part.sum()
    np.testing.assert_allclose(weighted, solid.center, atol=0.5)


def test_only_what_is_denser_is_replaced(hounsfield):
    part = share([Ellipsoid(GRID.center + (30, 0, 0), np.full(3, 25.0))], GRID)
    after = lesions.filled(hounsfield, part)
    assert (after <= hounsfield).all()
    assert (after[(part == 1) & (hounsfield == 700)] == LESION_HU).all()
    np.testing.assert_array_equal(after[hounsfield <= 0], hounsfield[hounsfield <= 0])


@pytest.fixture(scope="module")
def lesion():
    """A noisy block of bone, and the change by a ball of soft tissue in it."""
    values = np.random.default_rng(1).normal(0.03, 0.002, GRID.shape)
    change = -0.03 * share([Ellipsoid(GRID.center, np.full(3, 12.0))], GRID)
    return values, change


def test_the_surviving_part_of_an_insert_is_measured(lesion):
    values, change = lesion
    pattern = contrast.template(change, np.abs(change), GRID)
    elsewhere = contrast.locations(pattern, values)
    assert len(elsewhere) == contrast.MAX_LOCATIONS
    truths = (values, values + change)
    for part in (1.0, 0.5, 0.0, -0.2):
        found = contrast.survival(pattern, (values, values + part * change + 0.01), truths, elsewhere)
        assert found.part == pytest.approx(part, abs=1e-6)
        assert np.sign(round(found.detectability, 6)) == np.sign(part)
    blurred = contrast.survival(pattern, (2 * values, 2 * values + change), truths, elsewhere)
    whole = contrast.survival(pattern, truths, truths, elsewhere)
    assert blurred.detectability == pytest.approx(whole.detectability / 2)


def test_a_shell_lies_around_its_insert_and_holds_no_other(lesion):
    _, change = lesion
    other = np.abs(share([Ellipsoid(GRID.center + (18, 0, 0), np.full(3, 8.0))], GRID))
    pattern = contrast.template(change, other, GRID)
    points = GRID.points()
    away = np.linalg.norm(points[tuple(pattern.shell.T)] - GRID.center, axis=-1)
    assert (away > 12).all()
    assert (away < 12 + contrast.SHELL_DISTANCES_MM[1] + GRID.spacing.max()).all()
    assert (other[tuple(pattern.shell.T)] <= contrast.MAX_SHELL_CHANGE).all()


def test_an_insert_outside_the_region_is_refused():
    with pytest.raises(ValueError, match="changes nothing"):
        contrast.template(np.zeros(GRID.shape), np.zeros(GRID.shape), GRID)


def test_metal_darkens_x_rays_and_is_in_the_truth(hounsfield, exposure):
    screw = Capsule(GRID.center - (0, 12, 0), GRID.center + (0, 12, 0), 4.0)
    part = share([lesions.Rod(screw)], GRID)
    simulation = simulate_realistic(
        (lesions.filled(hounsfield, part), GRID), replace(SETTINGS, views=2), ImagingSettings(), [screw]
    )
    clean = simulate_realistic((hounsfield, GRID), replace(SETTINGS, views=2), ImagingSettings())
    for after, before in zip(simulation.radiographs, clean.radiographs, strict=True):
        middle = (slice(18, 22), slice(18, 22))
        assert after.signal[middle].mean() < before.signal[middle].mean()
        assert after.target[middle].mean() < before.target[middle].mean()


def test_the_study_s_table_names_every_insert_and_method():
    found = {"contrast": -0.01, "part": 0.5, "detectability": 2.0, "true_contrast": -0.02, "true_detectability": 4.0}
    runs = [
        {"case": "inserts-preview", "method": method, "inserts": dict.fromkeys(inserts.INSERTS, found)}
        | {"machine": "a machine", "date": "2030-01-01"}
        for method in ("raw", "pix2pix")
    ]
    text = inserts.results({"runs": runs}, "preview")
    for name in inserts.INSERTS:
        assert f"| {name} | X-rays | -0.0100 | -0.0200 | 0.50 | 2.0 | 4.0 |" in text
        assert f"| {name} | pix2pix |" in text
    assert "classical |" not in text
