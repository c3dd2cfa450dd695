"""A CPU in the place of the GPU of `gpu.py`, to rehearse its every line, and those of gsplat where it is installed."""

from __future__ import annotations

import inspect
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from types import SimpleNamespace
from unittest.mock import patch

import torch

from IXGSLib.rendering import devices


class Event:
    """torch.cuda.Event with the clock of the CPU."""

    def __init__(self, enable_timing: bool) -> None:
        assert enable_timing

    def record(self) -> None:
        self.seconds = time.perf_counter()

    def elapsed_time(self, other: Event) -> float:
        return 1e3 * (other.seconds - self.seconds)


@contextmanager
def rehearsal() -> Iterator[None]:
    """Send float32 tensors through the GPU's code in Triton's interpreter, with a mock GPU clock and properties."""
    os.environ.setdefault("TRITON_INTERPRET", "1")
    from IXGSLib.rendering.cuda import render, with_gsplat

    properties = SimpleNamespace(multi_processor_count=1, clock_rate=1_000_000)
    with ExitStack() as stack:
        for name, value in {
            "is_available": lambda: True,
            "get_device_name": lambda: "no GPU, a dry run",
            "get_device_properties": lambda device: properties,
            "synchronize": lambda: None,
            "Event": Event,
        }.items():
            stack.enter_context(patch.object(torch.cuda, name, value))
        renderer = devices.GpuRenderer(render, ("gsplat is not installed",))
        if find_spec("gsplat") is not None:
            renderer = devices.GpuRenderer(with_gsplat, ())
            import gsplat

            stack.enter_context(patch.object(gsplat, "fully_fused_projection", projected))
            stack.enter_context(patch.object(gsplat, "rasterization", rasterized(gsplat.rasterization)))
        stack.enter_context(patch.object(devices, "kernels_for", served))
        stack.enter_context(patch.object(devices, "gpu_renderer", lambda: renderer))
        yield


def served(values: torch.Tensor) -> str | None:
    """`devices.kernels_for` as if everything were on a GPU."""
    return "cuda" if values.dtype == torch.float32 else None


def projected(means, covars, quats, scales, viewmats, Ks, width, height, eps2d, near_plane):
    """gsplat's projection by its own reference in torch."""
    from gsplat.cuda._torch_impl import _fully_fused_projection, _quat_scale_to_covar_preci

    assert covars is None
    covariance, _ = _quat_scale_to_covar_preci(quats, scales, True, False)
    return _fully_fused_projection(means, covariance, viewmats, Ks, width, height, eps2d, near_plane)


def rasterized(genuine):
    """gsplat's rasterisation, as far as its signature: an image of the right shape that depends on the cloud."""

    def rasterization(*arguments, **options):
        given = inspect.signature(genuine).bind(*arguments, **options).arguments
        assert given["colors"].shape == (len(given["means"]), 1)
        assert given["viewmats"].shape == (1, 4, 4)
        total = sum(given[name].sum() for name in ("means", "quats", "scales", "opacities", "colors"))
        return total * torch.ones(1, given["height"], given["width"], 1), None, {}

    return rasterization
