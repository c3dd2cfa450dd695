"""Where a cloud can be rendered here, found out by rendering a small one."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Literal

import torch
from torch import Tensor

from ..compute.device import Device
from ..errors import IXGSWarning, SettingsError
from ..gaussians import Cloud
from ..geometry import Grid, View
from . import reference

_WAYS = {
    "with_gsplat": "gsplat does not work here ({}), which needs nvcc and a C++ compiler at its first use",
    "render": "Triton does not work here ({}), which needs a driver that knows this GPU, and memory on it",
}
"""Modules of `cuda` that render, the best first, and what is said of one that does not."""
_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Proof:
    """What renders on the GPU, None when nothing does, and why each better way does not."""

    module: ModuleType | None
    refused: tuple[str, ...]


def chosen(asked: Device) -> torch.device:
    """The device to compute on: for `auto` the GPU where it works, else the processor.

    Warns with an IXGSWarning when something less than the best is left. Raises SettingsError for `cuda` where there is
    no GPU that works.
    """
    if asked == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        if asked == "cuda":
            raise SettingsError(
                "--device cuda: torch finds no CUDA device; install a CUDA build of torch and the GPU's driver, "
                "or use --device auto or cpu"
            )
        return torch.device("cpu")
    proof = proven()
    if proof.module is None:
        if asked == "cuda":
            raise SettingsError(f"--device cuda: {'; '.join(proof.refused)}; use --device auto or cpu")
        warnings.warn(f"the GPU is not used: {'; '.join(proof.refused)}", IXGSWarning, stacklevel=2)
        return torch.device("cpu")
    if proof.refused:
        warnings.warn(f"the GPU projects by torch alone: {'; '.join(proof.refused)}", IXGSWarning, stacklevel=2)
    return torch.device("cuda")


def kernels_for(values: Tensor) -> Literal["cpu", "cuda"] | None:
    """Whose compiled kernels serve a tensor; None where plain torch has to."""
    if values.dtype != torch.float32:
        return None
    if values.device.type == "cpu":
        return "cpu"
    return "cuda" if values.device.type == "cuda" and proven().module is not None else None


@lru_cache(maxsize=1)
def proven() -> Proof:
    """The best way to render on the GPU of this process, by rendering in it; worked out once."""
    refused = []
    for name, sentence in _WAYS.items():
        try:
            module = import_module(f"{__package__}.cuda.{name}")
            if name == "with_gsplat":
                import_module("gsplat")
            _prove(module, torch.device("cuda"))
        except Exception as error:  # whatever a compiler or driver raises, there is a next best
            text = (str(error).strip() or "no message").splitlines()[0]
            refused.append(sentence.format(f"{type(error).__name__}: {text}"))
        else:
            return Proof(module, tuple(refused))
    return Proof(None, tuple(refused))


def _prove(module: ModuleType, device: torch.device) -> None:
    """Render two Gaussians and compare values and gradients with the reference; raises RuntimeError if they differ."""
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


def _rendered(render, target: View | Grid, device: torch.device) -> list[Tensor]:
    """The render and its gradients in every number of the cloud, on the host."""
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
