"""Training of the bone network: the loss falls, an interruption changes nothing, and wrong requests are refused."""

import csv
import io
import json
from dataclasses import replace

import pytest
import torch

from IXGSLib.errors import Cancelled, SettingsError
from IXGSLib.prior.network import Estimate
from IXGSLib.prior.weights import load_bone_weights
from IXGSLib.training.prior_loop import COLUMNS, PriorRequest, train_prior
from IXGSLib.training.prior_losses import prior_losses
from IXGSLib.training.prior_settings import PriorTrainingSettings

pytestmark = pytest.mark.usefixtures("one_torch_thread")


def rows(folder):
    return list(csv.DictReader(io.StringIO((folder / "log.csv").read_text())))


def test_the_loss_falls_and_scores_are_logged(bone_trained, bone_settings, series):
    found = rows(bone_trained)
    assert tuple(found[0]) == COLUMNS
    losses = [float(row["squared"]) for row in found if row["squared"]]
    assert len(losses) == bone_settings.steps // bone_settings.log_every
    assert min(losses[-2:]) < losses[0]
    scores = [float(row["dice"]) for row in found if row["dice"]]
    assert len(scores) == bone_settings.steps // bone_settings.checkpoint_every
    weights = load_bone_weights(bone_trained / "weights.safetensors")
    assert weights.about["patients"] == [series.patients[0]]
    assert weights.about["held_out"] == [series.patients[1]]
    assert weights.about["scores"]["dice"] == pytest.approx(max(scores), rel=1e-4)
    assert weights.standardizer == series.standardizer
    assert json.loads((bone_trained / "training.json").read_text())["settings"]["steps"] == bone_settings.steps


def test_an_interrupted_training_ends_with_the_same_weights(bone_trained, bone_settings, series, tmp_path):
    request = PriorRequest(series, tmp_path / "out", bone_settings, (series.patients[1],), device="cpu")
    steps = []

    def stop():
        steps.append(1)
        return len(steps) == 13

    with pytest.raises(Cancelled, match="continues"):
        train_prior(request, cancelled=stop)
    train_prior(request)
    one, two = (load_bone_weights(folder / "weights.safetensors") for folder in (bone_trained, tmp_path / "out"))
    for name, tensor in one.network.state_dict().items():
        torch.testing.assert_close(two.network.state_dict()[name], tensor, rtol=0, atol=0)


def test_weights_are_continued_on_further_patients(bone_trained, bone_settings, series, tmp_path):
    start = bone_trained / "weights.safetensors"
    settings = replace(bone_settings, steps=5)
    train_prior(PriorRequest(series, tmp_path / "out", settings, start=start, device="cpu"))
    about = load_bone_weights(tmp_path / "out" / "weights.safetensors").about
    assert about["start"]["sha256"] == load_bone_weights(start).about["sha256"]
    assert about["patients"] == list(series.patients)


def test_requests_that_do_not_fit_are_refused(bone_trained, bone_settings, series, tmp_path):
    start = bone_trained / "weights.safetensors"

    def refused(words, settings=bone_settings, **other):
        with pytest.raises(SettingsError, match=words):
            train_prior(PriorRequest(series, tmp_path / "out", settings, **other))

    refused("held-out patient", held_out=(series.patients[0],), start=start)
    refused("another network", replace(bone_settings, width=8), start=start)
    refused("spacing", replace(bone_settings, spacing=5.0))
    refused("--pixels 64", replace(bone_settings, pixels=256))
    refused("patch", replace(bone_settings, patch=32))
    with pytest.raises(SettingsError, match="patch"):
        PriorTrainingSettings(patch=20)


def test_a_perfect_estimate_has_no_loss_and_its_stated_error_costs_least_where_it_is_true():
    generator = torch.Generator().manual_seed(0)
    bone = torch.rand(1, 8, 8, 8, generator=generator)
    voxels = torch.zeros(1, 4, 4, 4)
    none = torch.zeros_like(bone)
    perfect = prior_losses(Estimate(bone, voxels - 5.0), bone, none)
    assert float(perfect.squared) == float(perfect.absolute) == float(perfect.edges) == 0
    assert float(perfect.overlap) < 0.2
    noise = 0.1 * torch.empty_like(bone).exponential_(generator=generator)
    stated = [
        float(prior_losses(Estimate(bone + noise, voxels + level), bone, none).doubt) for level in (-4.6, -2.3, 0.0)
    ]
    assert min(stated) == stated[1]


def test_a_lesion_that_is_filled_in_costs_its_contrast():
    bone, lesions, voxels = torch.full((1, 16, 16, 16), 0.6), torch.zeros(1, 16, 16, 16), torch.zeros(1, 8, 8, 8)
    lesions[:, 4:12, 4:12, 4:12] = 1
    truth = bone * (1 - lesions)
    right, half, filled = (
        prior_losses(Estimate(bone - part * bone * lesions, voxels), truth, lesions) for part in (1, 0.5, 0)
    )
    assert float(right.contrast) == float(right.lesions) == 0
    assert float(half.contrast) == pytest.approx(float(filled.contrast) / 2)
    assert float(half.lesions) == pytest.approx(float(filled.lesions) / 2)
    assert float(filled.contrast) == pytest.approx(0.6 * 512 / 562)
