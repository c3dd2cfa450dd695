"""An optimisation on another device: checkpoints, and what is done when memory ends."""

from __future__ import annotations

import pytest
import torch

from IXGSLib.errors import ReconstructionError, SettingsError
from IXGSLib.reconstruction import optimization, reconstruct
from IXGSLib.rendering import devices
from Testing.reconstruction.phantom import QUICK


@pytest.fixture
def memory(monkeypatch):
    """Let `count` renders of the optimisation run out of memory."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (2**30, 2**33))
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    genuine, left = optimization.project, []

    def project(*arguments):
        if left:
            left.pop()
            raise torch.OutOfMemoryError("CUDA out of memory")
        return genuine(*arguments)

    monkeypatch.setattr(optimization, "project", project)
    yield lambda count: left.extend([None] * count)
    devices.whole_work()


def test_work_is_halved_once_and_goes_on(ellipsoids, memory):
    memory(1)
    assert reconstruct(ellipsoids[0], settings=QUICK, device="cpu").metrics["fit_psnr"] > 20
    assert devices.parts() == 2


def test_when_half_the_work_is_too_much_the_figures_are_told(ellipsoids, memory):
    memory(2)
    with pytest.raises(ReconstructionError, match=r"1500 Gaussians and 64 x 64 pixels, with 1.0 of 8.0 GiB free"):
        reconstruct(ellipsoids[0], settings=QUICK, device="cpu")


def test_cuda_without_a_gpu_is_refused(ellipsoids, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SettingsError, match="no CUDA device"):
        reconstruct(ellipsoids[0], settings=QUICK, device="cuda")
