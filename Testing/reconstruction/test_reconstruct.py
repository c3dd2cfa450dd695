import dataclasses

import numpy as np
import pytest
import torch

from IXGSLib.errors import Cancelled, GeometryError, ReconstructionError
from IXGSLib.evaluation import compare_volumes
from IXGSLib.geometry import Grid
from IXGSLib.reconstruction import reconstruct
from IXGSLib.reconstruction.optimization import Images
from IXGSLib.reconstruction.resolution import resolve
from IXGSLib.reconstruction.settings import PRESETS
from Testing.reconstruction.phantom import QUICK, make_case


@pytest.fixture(scope="module")
def result(ellipsoids):
    return reconstruct(ellipsoids[0], settings=QUICK)


def test_the_volume_is_close_to_the_truth(ellipsoids, result):
    found = compare_volumes(result.volume, ellipsoids[1], threshold=0.012)
    # Seven seeds lie within 34.3 to 34.9 dB, 0.962 to 0.966 and 0.21 to 0.22 mm.
    assert found.psnr > 33.5
    assert found.dice > 0.955
    assert found.surface_distance < 0.25


def test_attenuation_keeps_its_unit(ellipsoids, result):
    assert result.volume.values.sum() == pytest.approx(ellipsoids[1].values.sum(), rel=0.02)


def test_two_runs_with_one_seed_give_the_same_volume(ellipsoids, result):
    again = reconstruct(ellipsoids[0], settings=QUICK)
    np.testing.assert_array_equal(again.volume.values, result.volume.values)


def test_another_seed_gives_another_volume(ellipsoids, result):
    other = reconstruct(ellipsoids[0], settings=QUICK.updated({"schedule.seed": 1}))
    assert np.abs(other.volume.values - result.volume.values).max() > 1e-4


def test_random_start_reaches_the_volume_too(ellipsoids):
    settings = QUICK.updated({"cloud.initialization": "random", "schedule.steps": 300})
    found = reconstruct(ellipsoids[0], settings=settings)
    assert compare_volumes(found.volume, ellipsoids[1], threshold=0.012).dice > 0.85


def test_the_surroundings_of_the_region_do_not_appear_in_it():
    case, truth = make_case(around=0.04)
    modelled = reconstruct(case, settings=QUICK)
    ignored = reconstruct(case, settings=QUICK.updated({"cloud.background_gaussians": 0}))
    with_background = compare_volumes(modelled.volume, truth, threshold=0.012).psnr
    without = compare_volumes(ignored.volume, truth, threshold=0.012).psnr
    assert with_background > without + 2


def test_an_isolated_region_needs_no_background(ellipsoids):
    steps = QUICK.updated({"schedule.steps": 0, "schedule.coarse_steps": 0, "schedule.refit_steps": 0})
    assert len(reconstruct(ellipsoids[0], settings=steps).cloud) == QUICK.cloud.gaussians


def test_progress_runs_to_the_last_step_and_reports_the_held_out_views(ellipsoids):
    seen = []
    reconstruct(ellipsoids[0], settings=QUICK.updated({"schedule.preview_every": 50}), on_progress=seen.append)
    steps = [p.step for p in seen]
    assert seen[0].stage == "initialization"
    assert steps == sorted(steps)
    assert steps[-1] == QUICK.schedule.steps
    assert seen[-1].stage == "refit"
    assert seen[-1].held_out_psnr > 20
    assert seen[-1].remaining == 0
    assert sum(p.volume is not None for p in seen) == 3
    assert all("volume" not in p.as_dict() for p in seen)


def test_held_out_views_do_not_reach_the_cloud_before_the_refit(ellipsoids):
    case = ellipsoids[0]
    settings = QUICK.updated(
        {"schedule.held_out": 1, "schedule.steps": 60, "schedule.refit_steps": 0, "schedule.check_every": 60}
    )
    first = reconstruct(case, settings=settings)
    number = [x.view.id for x in case.xrays].index(first.held_out[0])
    spoiled = [dataclasses.replace(x, image=x.image[::-1]) if n == number else x for n, x in enumerate(case.xrays)]
    second = reconstruct(dataclasses.replace(case, xrays=tuple(spoiled)), settings=settings)
    np.testing.assert_array_equal(first.volume.values, second.volume.values)
    assert first.metrics["held_out_psnr"] > second.metrics["held_out_psnr"] + 3


def test_without_a_refit_the_best_cloud_is_the_result(ellipsoids):
    case = ellipsoids[0]
    wild = {"rates.position": 2.0, "rates.scale": 0.4, "rates.density": 0.4, "rates.final": 1.0}
    settings = QUICK.updated(
        {"schedule.held_out": 1, "schedule.steps": 90, "schedule.refit_steps": 0, "schedule.check_every": 15, **wild}
    )
    result = reconstruct(case, settings=settings)
    number = [x.view.id for x in case.xrays].index(result.held_out[0])
    error = np.square(result.renders[number] - case.xrays[number].image).mean()
    top = max(np.percentile(x.image, 99.9) for x in case.xrays)
    assert result.metrics["held_out_psnr"] == pytest.approx(10 * np.log10(top**2 / error), abs=0.01)


def test_held_out_views_that_stop_improving_end_the_run_early(ellipsoids):
    still = dict.fromkeys(
        ("rates.position", "rates.scale", "rates.rotation", "rates.density", "control.split_fraction"), 0.0
    )
    settings = QUICK.updated({"schedule.check_every": 10, "schedule.patience": 2, "schedule.refit_steps": 20, **still})
    seen = []
    reconstruct(ellipsoids[0], settings=settings, on_progress=seen.append)
    assert (seen[-1].stage, seen[-1].step, seen[-1].steps, seen[-1].remaining) == ("refit", 50, 50, 0)


def test_the_refit_starts_from_the_newest_cloud_between_two_checks(ellipsoids):
    settings = QUICK.updated({"schedule.check_every": 1000, "schedule.steps": 60, "schedule.refit_steps": 10})
    assert reconstruct(ellipsoids[0], settings=settings).metrics["held_out_psnr"] > 20


def test_attenuation_in_any_unit_is_reconstructed_alike(ellipsoids, result):
    case = ellipsoids[0]
    faint = tuple(dataclasses.replace(x, image=x.image * 1e-3) for x in case.xrays)
    found = reconstruct(dataclasses.replace(case, xrays=faint), settings=QUICK).volume.values
    difference = found * 1e3 - result.volume.values
    assert np.sqrt((difference**2).mean()) < 0.05 * result.volume.values.std()


def test_a_held_out_view_without_measured_pixels_does_not_delay_the_end(ellipsoids):
    case = ellipsoids[0]
    settings = QUICK.updated({"schedule.held_out": 1})
    number = len(case.xrays) // 2
    blind = dataclasses.replace(case.xrays[number], mask=np.zeros((64, 64), bool))
    xrays = (*case.xrays[:number], blind, *case.xrays[number + 1 :])
    found = reconstruct(dataclasses.replace(case, xrays=xrays), settings=settings)
    assert found.held_out == ()
    assert compare_volumes(found.volume, ellipsoids[1], threshold=0.012).dice > 0.9


def test_masked_pixels_take_no_part(ellipsoids):
    case = ellipsoids[0]
    mask = np.ones((64, 64), bool)
    mask[:, 40:52] = False
    masked = [dataclasses.replace(x, mask=mask) for x in case.xrays]
    junk = [dataclasses.replace(x, image=np.where(mask, x.image, 1e3)) for x in masked]
    settings = QUICK.updated({"schedule.steps": 40, "schedule.coarse_steps": 10, "schedule.refit_steps": 10})
    volumes = [
        reconstruct(dataclasses.replace(case, xrays=tuple(xrays)), settings=settings).volume.values
        for xrays in (masked, junk)
    ]
    np.testing.assert_array_equal(*volumes)


def test_a_rigid_motion_of_everything_moves_the_volume(ellipsoids, result):
    case = ellipsoids[0]
    motion = np.array([[0.0, -1, 0, 100], [1, 0, 0, -40], [0, 0, 1, 7], [0, 0, 0, 1]])
    grid = case.grid
    moved_grid = Grid(
        grid.shape, grid.spacing, motion[:3, :3] @ grid.origin + motion[:3, 3], motion[:3, :3] @ grid.direction
    )
    xrays = tuple(dataclasses.replace(x, view=x.view.moved(motion)) for x in case.xrays)
    moved = reconstruct(dataclasses.replace(case, xrays=xrays, grid=moved_grid), settings=QUICK)
    difference = moved.volume.values - result.volume.values
    assert np.sqrt((difference**2).mean()) < 0.1 * result.volume.values.std()


def test_cancel_ends_the_run(ellipsoids):
    asked = []

    def cancelled():
        asked.append(None)
        return len(asked) > 1

    with pytest.raises(Cancelled):
        reconstruct(ellipsoids[0], settings=QUICK, cancelled=cancelled)


def test_an_interrupted_run_goes_on_to_the_same_volume(ellipsoids, result, tmp_path, monkeypatch):
    monkeypatch.setattr("IXGSLib.reconstruction.pipeline.CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr("IXGSLib.reconstruction.pipeline.PROGRESS_SECONDS", 0.0)
    steps = []

    def interrupt():
        return bool(steps) and steps[-1].step >= 70

    with pytest.raises(Cancelled):
        reconstruct(ellipsoids[0], settings=QUICK, on_progress=steps.append, cancelled=interrupt, checkpoints=tmp_path)
    resumed = []
    again = reconstruct(ellipsoids[0], settings=QUICK, on_progress=resumed.append, checkpoints=tmp_path)
    assert resumed[1].step >= 69
    np.testing.assert_array_equal(again.volume.values, result.volume.values)


def test_a_checkpoint_of_other_settings_is_refused(ellipsoids, tmp_path, monkeypatch):
    monkeypatch.setattr("IXGSLib.reconstruction.pipeline.CHECKPOINT_SECONDS", 0.0)
    short = QUICK.updated({"schedule.steps": 5, "schedule.coarse_steps": 0, "schedule.refit_steps": 0})
    reconstruct(ellipsoids[0], settings=short, checkpoints=tmp_path)
    with pytest.raises(ReconstructionError, match="other X-rays or settings"):
        reconstruct(ellipsoids[0], settings=short.updated({"schedule.seed": 5}), checkpoints=tmp_path)


def test_a_loss_that_is_not_finite_keeps_the_last_good_cloud(ellipsoids, monkeypatch):
    from IXGSLib.reconstruction import optimization

    calls = []
    sound = optimization.image_loss

    def failing(*arguments):
        calls.append(None)
        return sound(*arguments) * (float("nan") if len(calls) > 60 else 1.0)

    monkeypatch.setattr(optimization, "image_loss", failing)
    found = reconstruct(ellipsoids[0], settings=QUICK)
    assert "not finite after step 60" in found.warnings[0]
    assert compare_volumes(found.volume, ellipsoids[1], threshold=0.012).psnr > 20


def test_a_refit_that_fails_keeps_the_cloud_before_it(ellipsoids, monkeypatch):
    from IXGSLib.reconstruction import optimization

    calls = []
    sound = optimization.image_loss

    def failing(*arguments):
        calls.append(None)
        return sound(*arguments) * (float("nan") if len(calls) > 55 else 1.0)

    monkeypatch.setattr(optimization, "image_loss", failing)
    settings = QUICK.updated({"schedule.check_every": 1000, "schedule.steps": 60, "schedule.refit_steps": 10})
    found = reconstruct(ellipsoids[0], settings=settings)
    assert "not finite after step 55" in found.warnings[0]
    assert compare_volumes(found.volume, ellipsoids[1], threshold=0.012).psnr > 20


def test_a_loss_that_never_is_finite_is_an_error(ellipsoids, monkeypatch):
    from IXGSLib.reconstruction import optimization

    monkeypatch.setattr(optimization, "image_loss", lambda *a: a[0].sum() * float("nan"))
    with pytest.raises(ReconstructionError, match="not finite"):
        reconstruct(ellipsoids[0], settings=QUICK)


def test_one_view_is_refused(ellipsoids):
    case = ellipsoids[0]
    with pytest.raises(GeometryError, match="at least two"):
        reconstruct(dataclasses.replace(case, xrays=case.xrays[:1]), settings=QUICK)


def test_empty_x_rays_are_refused(ellipsoids):
    case = ellipsoids[0]
    empty = tuple(dataclasses.replace(x, image=np.zeros_like(x.image)) for x in case.xrays)
    with pytest.raises(ReconstructionError, match="line integral"):
        reconstruct(dataclasses.replace(case, xrays=empty), settings=QUICK)


def test_presets_spend_more_for_more():
    preview, standard, fine = (PRESETS[name] for name in ("preview", "standard", "fine"))
    assert preview.schedule.steps < standard.schedule.steps < fine.schedule.steps
    assert preview.cloud.gaussians < standard.cloud.gaussians < fine.cloud.gaussians


def test_pixels_count_by_their_noise(ellipsoids):
    """By exp(-noise p), one in the mean; masked pixels not at all."""
    case = ellipsoids[0]
    mask = np.ones((64, 64), bool)
    mask[:20] = False
    xrays = [dataclasses.replace(x, mask=mask) for x in case.xrays]
    for noise in (0.5, 0.0):
        settings = QUICK.updated({"loss.noise_exponent": noise})
        target = Images(xrays, [], settings, torch.device("cpu")).full[0]
        weight, image = target.weight.numpy()[mask], case.xrays[0].image[mask]
        np.testing.assert_allclose(weight / weight.max(), np.exp(-noise * (image - image.min())), rtol=1e-5)
        assert weight.mean() == pytest.approx(1, rel=1e-5)
        assert not target.weight.numpy()[~mask].any()


def test_a_preset_fits_the_number_of_views():
    case, _ = make_case(6)
    assert reconstruct(case, "preview").settings == resolve("preview", 6).settings != PRESETS["preview"]
