import dataclasses

import numpy as np
import pytest

from IXGSLib.errors import Cancelled
from IXGSLib.geometry import Grid
from IXGSLib.geometry.rigid import apply
from IXGSLib.reconstruction import reconstruct
from IXGSLib.reconstruction.algebraic import body_grid, coarse_volumes
from IXGSLib.reconstruction.body_model import BodyModel, fit_body_model
from IXGSLib.reconstruction.priors import Priors
from IXGSLib.reconstruction.start import Findings
from IXGSLib.rendering.joseph import project_volume
from IXGSLib.xray import XRay
from Testing.reconstruction.phantom import BODY, CENTER, QUICK, make_case

WITHOUT = QUICK.updated({"tissue.body_attenuation": 0.0})


def taken(body: BodyModel, views, noise: float = 0.0) -> list[XRay]:
    """X-rays of only a body, with noise that grows with the line integral."""
    generator, found = np.random.default_rng(0), []
    for view in views:
        rows, columns = np.indices(view.size[::-1])
        image = body.attenuation * body.path_lengths(*view.ray(np.stack([columns, rows], axis=-1)))
        image = image + noise * np.exp(image / 2) * generator.normal(size=image.shape)
        found.append(XRay(view, image.astype(np.float32), np.ones(image.shape, bool)))
    return found


REGION = make_case()[0].grid


def moved(body: BodyModel, motion: np.ndarray) -> BodyModel:
    return BodyModel(body.attenuation, apply(motion, body.center), np.asarray(body.across) @ motion[:3, :3].T)


def test_path_lengths_are_the_line_integrals_of_its_values(in_a_body):
    grid = Grid.centered(CENTER, (200, 200, 320), 2.0)
    for xray in in_a_body[0].xrays[:3]:
        expected = project_volume(BODY.values(grid), grid, xray.view)
        difference = taken(BODY, [xray.view])[0].image - expected
        assert np.sqrt(np.square(difference).mean()) < 0.02 * expected.max()


def test_lines_beside_it_and_along_it_do_not_touch_it():
    beside = BODY.path_lengths((-11.0, 42.0 + 56, 0.0), (1.0, 0.0, 0.0))
    assert beside == 0
    assert BODY.path_lengths((-11.0, 42.0, 0.0), (1.0, 0.0, 0.0)) == pytest.approx(160)
    assert BODY.path_lengths((-11.0 + 81, 42.0, 0.0), (0.0, 0.0, 1.0)) == 0


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_truncated_x_rays_tell_its_size_and_place(in_a_body, noise):
    views = [xray.view for xray in in_a_body[0].xrays]
    found = fit_body_model(taken(BODY, views, noise), REGION, BODY.attenuation)
    assert found is not None
    np.testing.assert_allclose(found.center[:2], BODY.center[:2], atol=0.2 + 30 * noise)
    lengths = np.sort(1 / np.linalg.norm(found.across, axis=1))
    np.testing.assert_allclose(lengths, (55, 80), atol=0.2 + 30 * noise)


def test_it_moves_with_everything(in_a_body):
    motion = np.array([[0.0, -1, 0, 100], [0, 0, -1, -40], [1, 0, 0, 7], [0, 0, 0, 1]])
    views = [xray.view.moved(motion) for xray in in_a_body[0].xrays]
    grid = Grid.centered(apply(motion, CENTER), (100, 100, 100), 5.0)
    found = fit_body_model(taken(moved(BODY, motion), views), grid, BODY.attenuation)
    assert found is not None
    assert np.mean(found.values(grid) != moved(BODY, motion).values(grid)) < 0.002


def test_pixels_that_were_not_measured_take_no_part(in_a_body):
    xrays = taken(BODY, [xray.view for xray in in_a_body[0].xrays])
    mask = np.ones((64, 64), bool)
    mask[:, :24] = False
    spoiled = [dataclasses.replace(x, image=np.where(mask, x.image, 99), mask=mask) for x in xrays]
    found = fit_body_model(spoiled, REGION, BODY.attenuation)
    assert found is not None
    np.testing.assert_allclose(found.center[:2], BODY.center[:2], atol=0.2)


def test_bones_alone_and_nothing_at_all_are_no_body(ellipsoids):
    case = ellipsoids[0]
    assert fit_body_model(case.xrays, REGION, 0.0198) is None
    assert fit_body_model(make_case(around=0.04)[0].xrays, REGION, 0.0198) is None
    empty = [dataclasses.replace(x, image=np.zeros_like(x.image)) for x in case.xrays]
    assert fit_body_model(empty, REGION, 0.0198) is None
    blind = [dataclasses.replace(x, mask=np.zeros_like(x.mask)) for x in case.xrays]
    assert fit_body_model(blind, REGION, 0.0198) is None


def test_what_does_not_hold_the_region_is_no_body(in_a_body):
    small = BodyModel(0.0198, CENTER, ((1 / 15, 0.0, 0.0), (0.0, 1 / 12, 0.0)))
    xrays = taken(small, [xray.view for xray in in_a_body[0].xrays])
    assert fit_body_model(xrays, REGION, 0.0198) is None
    assert fit_body_model(xrays, Grid.centered(CENTER, (16, 16, 16), 2.0), 0.0198) is not None


def test_the_level_in_the_region_is_that_of_the_tissue(in_a_body):
    case = in_a_body[0]
    start = coarse_volumes(case.xrays, case.grid, QUICK)
    assert start.body is not None
    assert np.median(start.region) == pytest.approx(BODY.attenuation, rel=0.03)
    unaware = coarse_volumes(case.xrays, case.grid, WITHOUT)
    assert unaware.body is None
    assert abs(np.median(unaware.region) / BODY.attenuation - 1) > 0.1


def test_a_region_of_soft_tissue_keeps_level_and_bone(in_a_body):
    case, truth = in_a_body

    def error(settings):
        return reconstruct(case, settings=settings).volume.values - truth.values

    found, without = error(QUICK), error(WITHOUT)
    assert np.median(np.abs(found)) < 0.06 * BODY.attenuation
    assert np.median(np.abs(without)) > 2 * np.median(np.abs(found))


def test_what_suits_tissue_is_the_most_that_is_spent_on_it(ellipsoids, in_a_body):
    settings = QUICK.updated(
        {
            "schedule.steps": 40,
            "schedule.coarse_steps": 10,
            "schedule.refit_steps": 10,
            "tissue.max_steps": 20,
            "tissue.max_gaussians": 200,
        }
    )
    for case, steps, gaussians in ((in_a_body[0], 20, 200), (ellipsoids[0], 40, QUICK.cloud.gaussians)):
        seen = []
        reconstruct(case, settings=settings, on_progress=seen.append)
        assert (seen[-1].step, seen[-1].steps, seen[-1].remaining) == (steps, steps, 0)
        assert gaussians <= seen[-1].gaussians <= gaussians + 1.2 * QUICK.cloud.background_gaussians


def test_an_interrupted_run_remembers_it(in_a_body, tmp_path, monkeypatch):
    monkeypatch.setattr("IXGSLib.reconstruction.pipeline.CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr("IXGSLib.reconstruction.pipeline.PROGRESS_SECONDS", 0.0)
    case, steps = in_a_body[0], []
    settings = QUICK.updated({"schedule.steps": 60, "schedule.refit_steps": 10})
    whole = reconstruct(case, settings=settings)

    def interrupt():
        return bool(steps) and steps[-1].step >= 20

    with pytest.raises(Cancelled):
        reconstruct(case, settings=settings, on_progress=steps.append, cancelled=interrupt, checkpoints=tmp_path)
    again = reconstruct(case, settings=settings, checkpoints=tmp_path)
    np.testing.assert_array_equal(again.volume.values, whole.volume.values)
    assert again.warnings == whole.warnings


def test_a_region_full_of_tissue_is_reported(ellipsoids, in_a_body):
    settings = QUICK.updated({"schedule.steps": 10, "schedule.coarse_steps": 5, "schedule.refit_steps": 5})
    for case, full in ((in_a_body[0], True), (ellipsoids[0], False)):
        warnings = reconstruct(case, settings=settings).warnings
        assert any("soft tissue fills most of the region" in text for text in warnings) == full


def test_a_cloud_unlike_the_body_costs_more(in_a_body):
    import torch

    from IXGSLib.gaussians.initialization import lattice_cloud

    grid = in_a_body[0].grid
    settings = QUICK.updated({"loss.tv_weight": 0.0, "loss.gap_weight": 0.0})
    around = body_grid(grid, settings)
    cloud = lattice_cloud(BODY.values(around), around, 4000, 0.7, np.random.default_rng(0))
    priors = Priors(grid, settings, Findings(BODY.attenuation, True, BODY), torch.device("cpu"))
    fainter = dataclasses.replace(cloud, density=cloud.density / 2)
    assert 0 < float(priors(cloud, 0)) < 0.3 * float(priors(fainter, 0))


def test_tissue_is_looked_at_beyond_the_border_and_bone_is_not(in_a_body):
    import torch

    from IXGSLib.gaussians.initialization import lattice_cloud

    grid = in_a_body[0].grid
    outside = Grid.centered(grid.center + (grid.size[0] / 2 + 4, 0, 0), (2, 2, 2), 2.0)
    speck = lattice_cloud(np.full(outside.shape, 0.02, np.float32), outside, 8, 0.3, np.random.default_rng(0))
    tissue, bone = (Priors(grid, QUICK, Findings(0.02, full), torch.device("cpu")) for full in (True, False))
    nothing = dataclasses.replace(speck, density=speck.density * 1e-9)
    assert float(bone(speck, 0)) == pytest.approx(float(bone(nothing, 0)))
    assert float(tissue(speck, 0)) > 1.5 * float(tissue(nothing, 0))
