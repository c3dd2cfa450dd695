"""The prior of expected bone: its cost and its place, and what it does where X-rays tell little or much."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from IXGSLib import reconstruct
from IXGSLib.errors import Cancelled, ReconstructionError, SettingsError
from IXGSLib.geometry import Grid
from IXGSLib.geometry.rigid import apply
from IXGSLib.psnr import psnr
from IXGSLib.reconstruction import pipeline
from IXGSLib.reconstruction.bone_prior import MIN_ERROR, BonePrior, PriorPenalty
from IXGSLib.volume import Volume
from Testing.reconstruction.phantom import QUICK

RANDOM = QUICK.updated({"cloud.initialization": "random"})


def drawn(seed=0, error=0.002):
    generator = np.random.default_rng(seed)
    grid = Grid((6, 7, 8), np.array([1.0, 1.5, 2.0]), np.array([3.0, -4.0, 5.0]), np.eye(3))
    bone = Volume(generator.uniform(0, 0.03, grid.shape).astype(np.float32), grid)
    return BonePrior(bone, Volume(np.full(grid.shape, error, np.float32), grid))


def prior_of(truth, error):
    return BonePrior(truth, Volume(np.full(truth.grid.shape, error, np.float32), truth.grid))


def test_the_penalty_is_the_mean_square_of_differences_in_units_of_the_error():
    prior = drawn(error=0.004)
    penalty = PriorPenalty(prior, 0.02, torch.device("cpu"))
    grid, part = penalty.part(np.random.default_rng(1), 4)
    bone = torch.tensor(prior.bone.values[part])
    assert float(penalty(bone, part)) == 0
    assert float(penalty(bone + 0.008, part)) == pytest.approx(4, rel=1e-4)
    k, j, i = (each.start for each in part)
    np.testing.assert_allclose(grid.origin, apply(prior.bone.grid.world_from_index, (i, j, k)))
    assert grid.shape == (4, 4, 4)
    assert penalty.part(np.random.default_rng(1), 100)[0].shape == (6, 7, 8)


def test_small_errors_count_as_a_share_of_the_typical_attenuation():
    penalty = PriorPenalty(drawn(error=1e-6), 0.02, torch.device("cpu"))
    assert float(penalty.precision.max()) == pytest.approx(1 / (MIN_ERROR * 0.02) ** 2, rel=1e-5)


def test_the_gradient_of_the_penalty():
    penalty = PriorPenalty(drawn(), 0.02, torch.device("cpu"))
    penalty.bone, penalty.precision = penalty.bone.double(), penalty.precision.double()
    _, part = penalty.part(np.random.default_rng(0), 3)
    values = (penalty.bone[part] + 0.01 * torch.randn(3, 3, 3, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(lambda each: penalty(each, part), values)


def test_grids_that_differ_are_refused(ellipsoids):
    prior = drawn()
    with pytest.raises(SettingsError, match="one grid"):
        BonePrior(prior.bone, Volume(prior.error.values[1:], replace(prior.error.grid, shape=(5, 7, 8))))
    with pytest.raises(SettingsError, match="on the grid of the case"):
        reconstruct(ellipsoids[0], "preview", prior=prior)
    moved = replace(prior.bone.grid, origin=prior.bone.grid.origin + 1)
    assert prior.on(prior.bone.grid) is prior
    with pytest.raises(SettingsError, match="another grid"):
        prior.on(moved)


def test_a_true_prior_helps_where_two_views_tell_little(ellipsoids):
    case, truth = ellipsoids
    few = replace(case, xrays=case.xrays[:2])
    prior = prior_of(truth, 0.002)
    plain = reconstruct(few, settings=QUICK, device="cpu")
    helped = reconstruct(few, settings=QUICK, prior=prior, device="cpu")
    assert psnr(helped.volume.values, truth.values) > psnr(plain.volume.values, truth.values) + 3


def test_the_first_preview_is_the_expected_bone(ellipsoids):
    case, truth = ellipsoids
    settings, seen = QUICK.updated({"schedule.preview_every": 50}), []
    prior = prior_of(truth, 0.002)

    def stopped():
        return bool(seen)

    with pytest.raises(Cancelled):
        reconstruct(case, settings=settings, prior=prior, on_progress=seen.append, cancelled=stopped, device="cpu")
    assert seen[0].stage == "initialization"
    assert np.array_equal(seen[0].volume.grid.spacing, 2 * case.grid.spacing)
    assert seen[0].volume.values.mean() == pytest.approx(prior.bone.values.mean(), rel=0.05)
    del seen[:]
    with pytest.raises(Cancelled):
        reconstruct(case, settings=QUICK, prior=prior, on_progress=seen.append, cancelled=stopped, device="cpu")
    assert seen[0].volume is None


def test_a_doubtful_prior_changes_less(ellipsoids):
    """A prior without bone pulls the volume to zero, less so where its stated error is large."""
    case, truth = ellipsoids
    empty = Volume(np.full_like(truth.values, 1e-4), truth.grid)
    sure, doubtful = (
        reconstruct(case, settings=RANDOM, prior=prior_of(empty, error)).volume.values.mean() for error in (0.002, 0.2)
    )
    plain = reconstruct(case, settings=RANDOM).volume.values.mean()
    assert sure < doubtful < 1.1 * plain
    assert doubtful == pytest.approx(plain, rel=0.05)


def test_a_run_is_not_continued_with_another_prior(ellipsoids, tmp_path, monkeypatch):
    case, truth = ellipsoids

    def stopped(prior):
        seen = []

        def stop():
            return len(seen) > 10

        with pytest.raises(Cancelled):
            reconstruct(
                case,
                settings=QUICK,
                prior=prior,
                on_progress=lambda progress: seen.append(progress.step),
                cancelled=stop,
                checkpoints=tmp_path,
                device="cpu",
            )

    monkeypatch.setattr(pipeline, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(pipeline, "PROGRESS_SECONDS", 0.0)
    stopped(prior_of(truth, 0.002))
    assert any(tmp_path.iterdir())
    with pytest.raises(ReconstructionError, match="other X-rays or settings"):
        reconstruct(case, settings=QUICK, prior=prior_of(truth, 0.004), checkpoints=tmp_path, device="cpu")


def test_a_prior_of_bone_is_not_used_in_soft_tissue(in_a_body):
    case, truth = in_a_body
    prior = prior_of(truth, 0.002)
    found = reconstruct(case, settings=QUICK.updated({"schedule.steps": 40, "schedule.refit_steps": 5}), prior=prior)
    assert not found.used_prior
    assert any("soft tissue" in warning and "prior" in warning for warning in found.warnings)
