"""The choice of the device, and of the renderer on its GPU, which must render a small cloud correctly."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Any, Literal

import torch
from torch import Tensor

from ..compute.device import Device
from ..errors import IXGSWarning, SettingsError
from ..gaussians import Cloud
from ..geometry import Grid, View
from . import reference

_RENDERERS = {
    "with_gsplat": "gsplat, which needs nvcc and a C++ compiler at its first use, does not work here ({})",
    "render": "Triton, which needs a driver that supports this GPU and free memory on it, does not work here ({})",
}
"""Modules of `cuda` that render, best first, and the message about one that does not work."""
_TOLERANCE = 1e-3
"""Largest difference from the reference renderer, as a fraction of its largest value."""


@dataclass(frozen=True)
class GpuRenderer:
    """The module of `cuda` that renders on the GPU, or None, and why each better one does not work."""

    module: ModuleType | None
    failures: tuple[str, ...]


def choose_device(requested: Device) -> torch.device:
    """The device to compute on: for `auto` the GPU if it works, otherwise the CPU.

    Issues an IXGSWarning if a GPU is not used, or not with its best renderer. Raises SettingsError for `cuda` without a
    working GPU.
    """
    if requested == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        if requested == "cuda":
            raise SettingsError(
                "--device cuda: torch finds no CUDA device; install a CUDA build of torch and the GPU's driver, "
                "or use --device auto or cpu"
            )
        return torch.device("cpu")
    renderer = gpu_renderer()
    if renderer.module is None:
        if requested == "cuda":
            raise SettingsError(f"--device cuda: {'; '.join(renderer.failures)}; use --device auto or cpu")
        warnings.warn(f"the GPU is not used: {'; '.join(renderer.failures)}", IXGSWarning, stacklevel=2)
        return torch.device("cpu")
    if renderer.failures:
        warnings.warn(f"the GPU projects without gsplat: {'; '.join(renderer.failures)}", IXGSWarning, stacklevel=2)
    return torch.device("cuda")


def kernels_for(values: Tensor) -> Literal["cpu", "cuda"] | None:
    """The device whose compiled kernels can process a tensor; None where only plain torch can."""
    if values.dtype != torch.float32:
        return None
    if values.device.type == "cpu":
        return "cpu"
    return "cuda" if values.device.type == "cuda" and gpu_renderer().module is not None else None


@lru_cache(maxsize=1)
def gpu_renderer() -> GpuRenderer:
    """The best module that renders correctly on the GPU, determined once per process by rendering a small scene."""
    failures: list[str] = []
    for name, sentence in _RENDERERS.items():
        try:
            module = import_module(f"{__package__}.cuda.{name}")
            if name == "with_gsplat":
                import_module("gsplat")
            _verify(module, torch.device("cuda"))
        except Exception as error:  # compilers and drivers raise anything; the next module may still work
            text = (str(error).strip() or "no message").splitlines()[0]
            failures.append(sentence.format(f"{type(error).__name__}: {text}"))
        else:
            return GpuRenderer(module, tuple(failures))
    return GpuRenderer(None, tuple(failures))


def _verify(module: ModuleType, device: torch.device) -> None:
    """Compare values and gradients of two rendered Gaussians with the reference; raises RuntimeError if they differ."""
    view, grid = _scene()
    for render, target in ((module.project, view), (module.voxelize, grid)):
        found, expected = (
            _rendered(function, target, place)
            for function, place in (
                (render, device),
                (getattr(reference, render.__name__), torch.device("cpu")),
            )
        )
        for value, truth in zip(found, expected, strict=True):
            if not (value - truth).abs().max() <= _TOLERANCE * truth.abs().max():
                raise RuntimeError(f"{render.__name__} differs from the reference on this device")


def _scene() -> tuple[View, Grid]:
    import numpy as np

    K = np.array([[100.0, 0, 11], [0, 100, 7], [0, 0, 1]])
    view = View(K, np.eye(4), (20, 18), "probe")
    return view, Grid.centered((0.0, 0.0, 100.0), (12.0, 10.0, 9.0), 1.0)


def _rendered(render: Any, target: View | Grid, device: torch.device) -> list[Tensor]:
    """The render and its gradients with respect to every number of the cloud, on the CPU."""
    columns = (
        torch.tensor([[0.0, 1, 100], [2, -1, 103]]),
        torch.tensor([[1.0, 2, 1.5], [0.7, 0.8, 3]]),
        torch.tensor([[1.0, 0.1, 0.2, 0.3], [0.5, 0.5, -0.5, 0.2]]),
        torch.tensor([0.01, 0.02]),
    )
    leaves = [column.to(device).requires_grad_() for column in columns]
    cloud = Cloud(*leaves)
    pose = torch.eye(4, dtype=torch.float64, device=device)[:3]
    values = render(cloud, target, pose) if isinstance(target, View) else render(cloud, target)
    gradients = torch.autograd.grad((values * values).sum(), leaves)
    return [tensor.detach().cpu() for tensor in (values, *gradients)]
