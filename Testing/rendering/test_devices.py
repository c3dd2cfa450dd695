"""Which device and which kernels are taken, with each part missing in turn."""

from __future__ import annotations

import re
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


def test_without_triton_the_processor_computes(gpu):
    missing(gpu, "triton")
    forget_kernels(gpu)
    with pytest.warns(IXGSWarning, match="the GPU is not used: gsplat .*triton.*; Triton does not work here"):
        assert devices.chosen("auto").type == "cpu"
    with pytest.raises(SettingsError, match=r"--device cuda: .*; use --device auto or cpu"):
        devices.chosen("cuda")


GSPLAT = {
    "is not installed": "raise ModuleNotFoundError(\"No module named 'gsplat'\")",
    "lacks a library": "raise OSError('libcudart.so.12: cannot open shared object file')",
    "found no compiler": "fully_fused_projection = lambda *a, **k: None.projection_ewa_3dgs_fused_fwd",
    "needs another torch": "raise ImportError('undefined symbol: _ZN2at4_ops5zeros')",
}
"""A gsplat that does not work, as a module, by what is wrong with it."""


@pytest.mark.parametrize("wrong", GSPLAT)
def test_without_a_gsplat_that_works_torch_projects_and_one_sentence_says_why(gpu, tmp_path, wrong):
    pytest.importorskip("triton")
    (tmp_path / "gsplat.py").write_text(GSPLAT[wrong])
    gpu.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.split(".")[0] == "gsplat"]:
        gpu.delitem(sys.modules, name)
    with pytest.warns(IXGSWarning) as told:
        assert devices.chosen("auto").type == "cuda"
    sys.modules.pop("gsplat", None)
    assert devices.proven().module.__name__.endswith(".cuda.render")
    (sentence,) = (str(warning.message) for warning in told)
    expected = r"the GPU projects by torch alone: gsplat does not work here \(\w+Error: .*\), which needs .* first use"
    assert re.fullmatch(expected, sentence)


FAILURES = {
    "no kernel image": RuntimeError("CUDA error: no kernel image is available\nmore"),
    "no memory": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 MiB.\nmore"),
    "no compiler": FileNotFoundError("Failed to find C compiler. Please specify via CC environment variable."),
    "other numbers": RuntimeError("project differs from the reference on this device"),
    "nothing said": AssertionError(),
}
"""What a probe may raise on a GPU, by what is wrong with it."""


@pytest.mark.parametrize("wrong", FAILURES)
def test_a_gpu_that_does_not_work_is_stepped_down_from_in_one_sentence(gpu, wrong):
    def fail(module, device):
        raise FAILURES[wrong]

    pytest.importorskip("triton")
    gpu.setattr(devices, "_prove", fail)
    with pytest.warns(IXGSWarning) as told:
        assert devices.chosen("auto").type == "cpu"
    (sentence,) = (str(warning.message) for warning in told)
    cause = rf"\({type(FAILURES[wrong]).__name__}: .*\)"
    assert re.fullmatch(rf"the GPU is not used: .*; Triton does not work here {cause}, which .* on it", sentence)
    assert "more" not in sentence
    with pytest.raises(SettingsError, match=r"^--device cuda: .*; use --device auto or cpu$"):
        devices.chosen("cuda")


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
