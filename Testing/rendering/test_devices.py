"""Which device and which kernels are used, with each part missing in turn."""

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
    """A machine that seems to have a GPU: what would run there runs on the CPU."""
    genuine = devices._verify
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(devices, "_verify", lambda module, device: genuine(module, torch.device("cpu")))
    devices.gpu_renderer.cache_clear()
    yield monkeypatch
    devices.gpu_renderer.cache_clear()


def missing(monkeypatch, *names):
    for name in names:
        monkeypatch.setitem(sys.modules, name, None)


def forget_kernels(monkeypatch):
    for name in [n for n in sys.modules if n.startswith("IXGSLib.rendering.cuda")]:
        monkeypatch.delitem(sys.modules, name)


def test_without_a_gpu_the_cpu_computes_without_a_warning(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.choose_device("auto").type == devices.choose_device("cpu").type == "cpu"
    with pytest.raises(SettingsError, match=r"no CUDA device.*--device auto"):
        devices.choose_device("cuda")


def test_without_triton_the_cpu_computes(gpu):
    missing(gpu, "triton")
    forget_kernels(gpu)
    with pytest.warns(IXGSWarning, match="the GPU is not used: gsplat.*triton.*; Triton, .* does not work here"):
        assert devices.choose_device("auto").type == "cpu"
    with pytest.raises(SettingsError, match=r"--device cuda: .*; use --device auto or cpu"):
        devices.choose_device("cuda")


GSPLAT = {
    "is not installed": "raise ModuleNotFoundError(\"No module named 'gsplat'\")",
    "lacks a library": "raise OSError('libcudart.so.12: cannot open shared object file')",
    "found no compiler": "fully_fused_projection = lambda *a, **k: None.projection_ewa_3dgs_fused_fwd",
    "needs another torch": "raise ImportError('undefined symbol: _ZN2at4_ops5zeros')",
}
"""A gsplat that does not work, as a module, by what is wrong with it."""


@pytest.mark.parametrize("wrong", GSPLAT)
def test_without_a_working_gsplat_torch_projects_and_one_sentence_says_why(gpu, tmp_path, wrong):
    pytest.importorskip("triton")
    (tmp_path / "gsplat.py").write_text(GSPLAT[wrong])
    gpu.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.split(".")[0] == "gsplat"]:
        gpu.delitem(sys.modules, name)
    with pytest.warns(IXGSWarning) as caught:
        assert devices.choose_device("auto").type == "cuda"
    sys.modules.pop("gsplat", None)
    assert devices.gpu_renderer().module.__name__.endswith(".cuda.render")
    (sentence,) = (str(warning.message) for warning in caught)
    expected = r"the GPU projects without gsplat: gsplat, which needs .* first use, does not work here \(\w+Error: .*\)"
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
def test_a_gpu_that_does_not_work_is_not_used_and_one_sentence_says_why(gpu, wrong):
    def fail(module, device):
        raise FAILURES[wrong]

    pytest.importorskip("triton")
    gpu.setattr(devices, "_verify", fail)
    with pytest.warns(IXGSWarning) as caught:
        assert devices.choose_device("auto").type == "cpu"
    (sentence,) = (str(warning.message) for warning in caught)
    cause = rf"\({type(FAILURES[wrong]).__name__}: .*\)"
    assert re.fullmatch(rf"the GPU is not used: .*; Triton, which .* on it, does not work here {cause}", sentence)
    assert "more" not in sentence
    with pytest.raises(SettingsError, match=r"^--device cuda: .*; use --device auto or cpu$"):
        devices.choose_device("cuda")


def test_kernels_that_compute_wrong_values_are_refused(monkeypatch):
    genuine = reference.project

    class Wrong:
        voxelize = staticmethod(reference.voxelize)

        @staticmethod
        def project(*arguments):
            return 1.01 * genuine(*arguments)

    with pytest.raises(RuntimeError, match="differs from the reference"):
        devices._verify(Wrong, torch.device("cpu"))


def test_the_probe_is_made_once(gpu):
    calls = []
    gpu.setattr(devices, "_verify", lambda module, device: calls.append(module))
    pytest.importorskip("triton")
    missing(gpu, "gsplat")
    assert devices.gpu_renderer() is devices.gpu_renderer()
    assert len(calls) == 1


def test_triton_and_gsplat_are_not_imported_at_the_start():
    code = (
        "import sys, IXGSLib.rendering, IXGSLib.reconstruction; "
        "sys.exit(any(n.split('.')[0] in ('triton', 'gsplat') for n in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
