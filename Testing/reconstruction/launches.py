"""The kernel launches and host waits of an optimisation step on a GPU, counted on a machine without one.

python Testing/reconstruction/launches.py

The step runs on the `meta` device of torch, whose tensors have a shape and a type but no numbers: code that reads one
or needs a shape that depends on one raises an error there, just as it would make the host wait for a GPU. torch skips
some of its own reads on such tensors, so the step can also run on the CPU, whose profiler records all of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from IXGSLib.gaussians import Cloud
from IXGSLib.geometry import Grid
from IXGSLib.geometry.trajectory import CArm, random, trajectory
from IXGSLib.reconstruction import ReconstructionSettings
from IXGSLib.reconstruction.optimization import Images, Optimization
from IXGSLib.reconstruction.start import Findings
from IXGSLib.reconstruction.state import State
from IXGSLib.rendering import devices
from IXGSLib.rendering.cuda import images, render, with_gsplat
from IXGSLib.xray import XRay

META, CPU = torch.device("meta"), torch.device("cpu")
MEMORY = ("aten.empty", "aten.new_empty", "aten._unsafe_view", "aten.detach")
"""Operations of torch that launch nothing."""
QUESTIONS = {"aten::item", "aten::_local_scalar_dense", "aten::nonzero", "aten::is_nonzero", "aten::equal"}
"""Operations of torch that tell the host a number or make a shape of numbers; others of the kind call these."""
STEPS = ReconstructionSettings().updated({"schedule.coarse_steps": 0, "loss.tv_every": 3})
"""Every third step looks at the volume."""


@dataclass(frozen=True)
class Launch:
    """A kernel of Triton with what it was launched with."""

    kernel: Any
    grid: tuple[int, ...]
    arguments: tuple[Any, ...]
    options: dict[str, Any]


class Asked(TorchDispatchMode):
    """Notes what torch launches on the device, and refuses copies that the host would wait for."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        tensors = [t for t in tree_leaves((args, kwargs, result)) if isinstance(t, torch.Tensor)]
        if func is torch.ops.aten._to_copy.default and len({t.device for t in tensors}) > 1:
            assert kwargs.get("non_blocking"), f"a copy to {result.device} is waited for"
        if not (func.is_view or str(func).startswith(MEMORY)) and any(t.device == META for t in tensors):
            self.operations.append(str(func))
        return result


def questions(work: Callable[[], object]) -> set[str]:
    """Which operations that answer the host some work on the CPU calls, on the way back too.

    Memory that kernels would write holds zeros where they are only noted: what follows computes with numbers.
    """
    with (
        torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler,
        patch.object(torch.Tensor, "new_empty", torch.Tensor.new_zeros),
        patch.object(torch, "empty_like", torch.zeros_like),
    ):
        work()
    return {event.key for event in profiler.key_averages()} & QUESTIONS


@contextmanager
def recorded(module: Any) -> Iterator[list[Launch]]:
    """Let `module` render on the meta device; what is launched is noted and not run."""
    launches: list[Launch] = []

    def launcher(kernel, grid):
        return lambda *arguments, **options: launches.append(Launch(kernel, grid, arguments, options))

    renderer = devices.GpuRenderer(module, ())
    with (
        patch.object(devices, "kernels_for", lambda values: "cuda" if values.dtype == torch.float32 else None),
        patch.object(devices, "gpu_renderer", lambda: renderer),
        patch.object(type(images.draw), "__getitem__", launcher),
        patch.object(torch.Tensor, "pin_memory", lambda tensor: tensor),
    ):
        yield launches


def optimization(device: torch.device = META, pixels: int = 128, count: int = 1000) -> Optimization:
    """An optimisation ready for its first step."""
    grid = Grid.centered((0.0, 0.0, 0.0), (160.0,) * 3, 160 / 64)
    views = trajectory(CArm(detector_pixels=(pixels, pixels)), random(3, 200, 25, seed=1), grid.center)
    xrays = [XRay(view, np.ones((pixels, pixels), np.float32), np.ones((pixels, pixels), bool)) for view in views]
    columns = (torch.zeros(count, 3), torch.ones(count, 3), torch.ones(count, 4), torch.ones(count))
    cloud = Cloud(*(column.to(device) for column in columns))
    state = State.beginning(cloud, Findings(0.02, tissue=False), STEPS.rates, views)
    return Optimization(Images(xrays, [], STEPS, device), grid, STEPS, state)


def step(number: int, run: Optimization) -> None:
    """One step, up to where density control or a look at held-out views may follow.

    On the CPU, which is asked after every step whether its loss is finite, without that.
    """
    run.state.step = number
    with patch.object(run, "_finite", lambda *_: True) if run.device == CPU else nullcontext():
        assert run._descend()


class Projected(torch.autograd.Function):
    """What gsplat's projection gives there and back, by shape and type."""

    @staticmethod
    def forward(ctx, means, quats, scales, viewmats):
        assert viewmats.shape == (1, 4, 4)
        ctx.shapes = means.shape, quats.shape, scales.shape
        radii = means.new_empty((1, len(means), 2), dtype=torch.int32)
        return radii, *(means.new_empty((1, len(means), *columns)) for columns in ((2,), (), (3,)))

    @staticmethod
    def backward(ctx, *upstream):
        return *(upstream[1].new_empty(shape) for shape in ctx.shapes), None


def fully_fused_projection(means, covars, quats, scales, viewmats, Ks, width, height, eps2d, near_plane):
    assert covars is None
    assert Ks.shape == (1, 3, 3)
    return *Projected.apply(means, quats, scales, viewmats), None


def main() -> None:
    sys.modules["gsplat"] = SimpleNamespace(fully_fused_projection=fully_fused_projection)
    for module in (render, with_gsplat):
        with recorded(module) as launched:
            run = optimization()
            for number, what in ((1, "a step"), (3, "a step that looks at the volume")):
                before = len(launched)
                with Asked() as asked:
                    step(number, run)
                print(
                    f"{module.__name__}, {what}: {len(asked.operations)} of torch, {len(launched) - before} of Triton"
                )


if __name__ == "__main__":
    main()
