"""Properties that only a GPU can show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from IXGSLib import load_case, reconstruct
from IXGSLib.rendering import project, voxelize
from IXGSLib.rendering.devices import gpu_renderer
from Testing.rendering.scenes import NAMES, c_arm, leaves, needles, oblique_grid, random_cloud, random_rotation

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
SAMPLE = Path(__file__).resolve().parents[2] / "Resources" / "SampleCase"


def gradients(cloud, target, device, dtype):
    cloud = leaves(cloud.to(device), dtype)
    values = project(cloud, target) if hasattr(target, "K") else voxelize(cloud, target)
    values.backward(torch.linspace(-0.3, 0.7, values.numel(), dtype=torch.float64).reshape(values.shape).to(values))
    return [values.detach().cpu(), *(getattr(cloud, name).grad.cpu() for name in NAMES)]


@pytest.mark.parametrize("cloud", [random_cloud(300), needles(30), random_cloud(9, (20.0, 40.0))])
@pytest.mark.parametrize("shift", [0.0, 60.0])
@pytest.mark.parametrize("grid", [True, False])
def test_the_gpu_renders_like_the_reference(cloud, shift, grid):
    assert gpu_renderer().module is not None
    view = c_arm((130, 90), R=random_rotation(5))
    view = replace(view, K=view.K + np.array([[0, 0, shift], [0, 0, -shift / 4], [0, 0, 0]]))
    target = oblique_grid((30, 41, 52)) if grid else view
    found = gradients(cloud, target, "cuda", torch.float32)
    expected = gradients(cloud, target, "cpu", torch.float64)
    for value, truth in zip(found, expected, strict=True):
        assert (value - truth).abs().max() <= 1e-4 * truth.abs().max()


def test_the_sample_case_is_fitted_as_well_as_on_the_cpu():
    case = load_case(SAMPLE)
    found, expected = (reconstruct(case, device=device).metrics for device in ("cuda", "cpu"))
    assert found == pytest.approx(expected, abs=0.2)
