"""Between two checks the host does not wait for the GPU: a step runs on tensors that have no numbers to wait for."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
import torch

pytest.importorskip("triton")
from IXGSLib.compute import memory
from IXGSLib.reconstruction.optimization import FINITE_CHECK_STEPS
from IXGSLib.rendering.cuda import render, with_gsplat
from Testing.reconstruction import launches


@pytest.fixture(autouse=True)
def _one_torch_thread(one_torch_thread):
    """For every test of this file."""


@pytest.fixture
def gsplat(monkeypatch):
    """What gsplat returns, by shape and type."""
    stand_in = SimpleNamespace(fully_fused_projection=launches.fully_fused_projection)
    monkeypatch.setitem(sys.modules, "gsplat", stand_in)


@pytest.mark.parametrize("module", [render, with_gsplat])
def test_a_step_waits_for_nothing(module, gsplat):
    with launches.recorded(module) as launched:
        run = launches.optimization()
        for number in range(4):
            with launches.Asked() as asked:
                launches.step(number, run)
            assert asked.operations
    names = [launch.kernel.__name__ for launch in launched]
    assert [names.count(name) for name in ("draw", "move", "compare", "fill", "vary")] == [4, 4, 4, 2, 2]


@pytest.mark.parametrize("module", [render, with_gsplat])
def test_torch_waits_for_no_value_in_a_step(module, gsplat):
    with launches.recorded(module):
        run = launches.optimization(launches.CPU)
        assert launches.questions(lambda: [launches.step(number, run) for number in range(2)]) == set()


def test_half_of_the_work_at_a_time_waits_for_nothing(monkeypatch):
    monkeypatch.setitem(memory._work, "parts", 2)
    with launches.recorded(render) as launched:
        run = launches.optimization()
        with launches.Asked():
            launches.step(0, run)
    # Each part is drawn on the way there and once more on the way back.
    assert [launch.kernel.__name__ for launch in launched].count("draw") == 4


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_torch_sees_no_waiting_on_a_gpu():
    run = launches.optimization(torch.device("cuda"))
    launches.step(0, run)  # compiles
    torch.cuda.set_sync_debug_mode("error")
    try:
        for number in range(1, 4):
            launches.step(number, run)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_a_look_at_the_device_would_be_noticed():
    with launches.recorded(render):
        run = launches.optimization()
        with pytest.raises(RuntimeError, match="meta tensors"):
            launches.step(FINITE_CHECK_STEPS - 1, run)


WAITING = {
    "mask": lambda values: values[values > 0],
    "nonzero": lambda values: values.nonzero(),
    "where": lambda values: torch.where(values > 0),
    "number": lambda values: float(values.sum()),
    "truth": lambda values: bool(values.sum() > 0),
    "gradient of a product": lambda values: torch.autograd.grad(values.requires_grad_().prod(dim=0), values),
}


@pytest.mark.parametrize("name", WAITING)
def test_a_question_to_the_device_would_be_noticed(name):
    assert launches.questions(lambda: WAITING[name](torch.ones(3)))


@pytest.mark.parametrize("copied", [lambda v: v.cpu(), lambda v: v.numpy(), lambda v: torch.ones(3).to(v.device)])
def test_a_copy_between_host_and_device_would_be_noticed(copied):
    values = torch.ones(3, device=launches.META)
    with launches.Asked(), pytest.raises((AssertionError, NotImplementedError, RuntimeError, TypeError)):
        copied(values)
