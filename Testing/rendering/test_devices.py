"""Which device and which kernels are taken, with each part missing in turn."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from IXGSLib.errors import IXGSWarning, SettingsError
from IXGSLib.rendering import devices, reference


@pytest.fixture
def gpu(monkeypatch):
    """A machine with a GPU, as far as the choice of a device can tell: what is to compute there does so on the CPU."""
    genuine = devices._prove
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(devices, "_prove", lambda module, device: genuine(module, torch.device("cpu")))
    devices.proven.cache_clear()
    yield monkeypatch
    devices.proven.cache_clear()


def missing(monkeypatch, *names):
    for name in names:
        monkeypatch.setitem(sys.modules, name, None)


def forget_kernels(monkeypatch):
    for name in [n for n in sys.modules if n.startswith("IXGSLib.rendering.cuda")]:
        monkeypatch.delitem(sys.modules, name)


def test_without_a_gpu_the_processor_computes_and_nobody_is_warned(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.chosen("auto").type == devices.chosen("cpu").type == "cpu"
    with pytest.raises(SettingsError, match=r"no CUDA device.*--device auto"):
        devices.chosen("cuda")


def test_without_gsplat_torch_projects(gpu):
    pytest.importorskip("triton")
    missing(gpu, "gsplat")
    with pytest.warns(IXGSWarning, match="by torch alone: gsplat does not work here"):
        assert devices.chosen("auto").type == "cuda"
    assert devices.proven().module.__name__.endswith(".cuda.render")


def test_without_triton_the_processor_computes(gpu):
    missing(gpu, "triton")
    forget_kernels(gpu)
    with pytest.warns(IXGSWarning, match="the GPU is not used: gsplat .*triton.*; Triton does not work here"):
        assert devices.chosen("auto").type == "cpu"
    with pytest.raises(SettingsError, match=r"--device cuda: .*; use --device auto or cpu"):
        devices.chosen("cuda")


def test_a_device_out_of_memory_is_stepped_down_from(gpu):
    def fail(module, device):
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate")

    gpu.setattr(devices, "_prove", fail)
    with pytest.warns(IXGSWarning, match="OutOfMemoryError: CUDA out of memory"):
        assert devices.chosen("auto").type == "cpu"


def test_kernels_that_compute_something_else_are_refused(monkeypatch):
    genuine = reference.project

    class Wrong:
        voxelize = staticmethod(reference.voxelize)

        @staticmethod
        def project(*arguments):
            return 1.01 * genuine(*arguments)

    with pytest.raises(RuntimeError, match="differs from the reference"):
        devices._prove(Wrong, torch.device("cpu"))


def test_the_probe_is_made_once(gpu):
    calls = []
    gpu.setattr(devices, "_prove", lambda module, device: calls.append(module))
    pytest.importorskip("triton")
    missing(gpu, "gsplat")
    assert devices.proven() is devices.proven()
    assert len(calls) == 1


def test_nothing_of_the_gpu_is_imported_at_the_start():
    code = (
        "import sys, IXGSLib.rendering, IXGSLib.reconstruction; "
        "sys.exit(any(n.split('.')[0] in ('triton', 'gsplat') for n in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
