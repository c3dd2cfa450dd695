"""Rendering by the Triton kernels: on a GPU where there is one, else on the CPU by Triton's interpreter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import torch

from IXGSLib.rendering import devices

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def triton_kernels() -> Iterator[None]:
    """Use the Triton kernels for every float32 tensor, whatever its device."""
    from IXGSLib.rendering.cuda import render

    renderer = devices.GpuRenderer(render, ())
    with (
        patch.object(devices, "kernels_for", lambda values: "cuda" if values.dtype == torch.float32 else None),
        patch.object(devices, "gpu_renderer", lambda: renderer),
    ):
        yield
