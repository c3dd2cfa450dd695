"""The way that work takes on a GPU: on one where there is one, else on the CPU by Triton's interpreter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import torch

from IXGSLib.rendering import devices

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def the_gpus_way() -> Iterator[None]:
    """Let the Triton kernels serve every float32 tensor, on whatever device it is."""
    from IXGSLib.rendering.cuda import render

    proof = devices.Proof(render, ())
    with (
        patch.object(devices, "kernels_for", lambda values: "cuda" if values.dtype == torch.float32 else None),
        patch.object(devices, "proven", lambda: proof),
    ):
        yield
