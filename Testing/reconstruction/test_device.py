"""An optimisation on another device: behaviour when memory runs out, checkpoints, and the same quality."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from IXGSLib.compute import memory
from IXGSLib.errors import ReconstructionError, SettingsError
from IXGSLib.gaussians.initialization import random_cloud
from IXGSLib.reconstruction import optimization, pipeline, priors, reconstruct
from IXGSLib.reconstruction.checkpoint import load_checkpoint, save_checkpoint
from IXGSLib.reconstruction.optimization import Images, Optimization
from IXGSLib.reconstruction.start import Findings
from IXGSLib.reconstruction.state import State
from IXGSLib.rendering import devices
from IXGSLib.xray.reduction import reduced
from Testing.reconstruction.phantom import QUICK
from Testing.rendering.triton_kernels import DEVICE, triton_kernels

SHORT = QUICK.updated(
    {
        "cloud.gaussians": 100,
        "cloud.background_gaussians": 0,
        "schedule.steps": 4,
        "schedule.coarse_steps": 2,
        "schedule.refit_steps": 1,
        "schedule.check_every": 2,
    }
)
RENDERS = [(optimization, "project"), (priors, "voxelize"), (pipeline, "voxelize"), (pipeline, "project")]


@pytest.fixture
def memory_ends(monkeypatch):
    """Let the first `count` calls of a function run out of memory; the parts of the work at each call are noted."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (2**30, 2**33))
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)

    def at(module, name: str, count: int) -> list[int]:
        genuine, parts = getattr(module, name), []

        def failing(*arguments):
            parts.append(memory.part_count())
            if len(parts) <= count:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return genuine(*arguments)

        monkeypatch.setattr(module, name, failing)
        return parts

    return at


@pytest.fixture(scope="module")
def whole(ellipsoids):
    return reconstruct(ellipsoids[0], settings=SHORT, device="cpu")


@pytest.mark.parametrize(("module", "name"), RENDERS)
def test_work_is_halved_once_and_comes_to_the_same(ellipsoids, whole, memory_ends, module, name):
    parts = memory_ends(module, name, 1)
    found = reconstruct(ellipsoids[0], settings=SHORT, device="cpu")
    assert parts[0] == 1
    assert len(parts) > 1
    assert set(parts[1:]) == {2}
    np.testing.assert_allclose(found.volume.values, whole.volume.values, atol=1e-6)
    assert found.metrics == pytest.approx(whole.metrics)
    assert memory.part_count() == 1


@pytest.mark.parametrize(("module", "name"), RENDERS)
def test_when_half_the_work_is_too_much_the_message_has_the_figures(ellipsoids, memory_ends, module, name):
    memory_ends(module, name, 2)
    figures = r"1800 Gaussians, 12 views of 64 x 64 pixels and 24 x 24 x 24 voxels, with 1.0 of 8.0 GiB free; use fewer"
    with pytest.raises(ReconstructionError, match=figures):
        reconstruct(ellipsoids[0], settings=SHORT, device="cpu")
    assert memory.part_count() == 1


def test_x_rays_that_do_not_fit_at_once_are_reported_too(ellipsoids, memory_ends):
    memory_ends(optimization._Target, "of", 1)
    with pytest.raises(ReconstructionError, match=r"does not suffice for 1800 Gaussians.* with 1.0 of 8.0 GiB free"):
        reconstruct(ellipsoids[0], settings=SHORT, device="cpu")


def test_cuda_without_a_gpu_is_refused(ellipsoids, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SettingsError, match="no CUDA device"):
        reconstruct(ellipsoids[0], settings=QUICK, device="cuda")


def test_a_gpu_that_does_not_work_is_reported_in_the_result(ellipsoids, whole, monkeypatch):
    def fail(module, device):
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(devices, "_verify", fail)
    devices.gpu_renderer.cache_clear()
    found = reconstruct(ellipsoids[0], settings=SHORT, device="auto")
    devices.gpu_renderer.cache_clear()
    (warning,) = found.warnings
    assert warning.startswith("the GPU is not used: ")
    assert "no kernel image" in warning
    np.testing.assert_array_equal(found.volume.values, whole.volume.values)


def test_a_checkpoint_of_one_device_goes_on_on_the_other_and_back(ellipsoids, tmp_path, one_torch_thread):
    pytest.importorskip("triton")
    case = ellipsoids[0]
    settings = QUICK.updated({"cloud.gaussians": 40, "schedule.held_out": 0, "schedule.coarse_steps": 0})

    def begun(device: str, state: State) -> Optimization:
        images = Images(case.xrays, [], settings, torch.device(device))
        return Optimization(images, case.grid, settings, state)

    def losses(run: Optimization, steps: int) -> list[float]:
        return [float(state.loss) for _, state in zip(range(steps), run, strict=False)]

    def carried(run: Optimization, device: str) -> Optimization:
        save_checkpoint(tmp_path, run.state.step, "the same case", *run.state.stored())
        stored = load_checkpoint(tmp_path, "the same case")
        return begun(device, State.restored(*stored, torch.device(device)))

    cloud = random_cloud(case.grid, 40, 0.005, 0.7, np.random.default_rng(0))
    stayed = begun("cpu", State.beginning(cloud, Findings(0.02, tissue=False), settings.rates, case.views))
    losses(stayed, 3)
    went = carried(stayed, DEVICE)
    with triton_kernels():
        there = losses(went, 2)
    back = carried(went, "cpu")
    assert there + losses(back, 2) == pytest.approx(losses(stayed, 4), rel=1e-4)
    assert back.state.step == stayed.state.step == 7


def test_triton_kernels_fit_as_well_as_those_of_the_cpu(ellipsoids, one_torch_thread):
    pytest.importorskip("triton")
    case = ellipsoids[0]
    small = replace(case, xrays=tuple(reduced(x, 2) for x in case.xrays[:8]), grid=case.grid.with_spacing(4.0))
    settings = SHORT.updated(
        {
            "cloud.gaussians": 60,
            "schedule.steps": 16,
            "schedule.coarse_steps": 6,
            "schedule.refit_steps": 4,
            "schedule.check_every": 6,
            "rates.position": 0.5,
        }
    )
    expected = reconstruct(small, settings=settings, device="cpu").metrics
    start = reconstruct(
        small, settings=settings.updated({"schedule.steps": 0, "schedule.coarse_steps": 0, "schedule.refit_steps": 0})
    ).metrics
    with triton_kernels():
        found = reconstruct(small, settings=settings, device=DEVICE).metrics
    assert expected["fit_psnr"] > start["fit_psnr"] + 0.5
    assert found == pytest.approx(expected, abs=0.2)
