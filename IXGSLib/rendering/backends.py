"""The two operations of the renderer, dispatched to the implementation that suits a cloud."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ..errors import GeometryError, SettingsError
from ..gaussians import Cloud
from ..geometry import Grid, View
from . import cpu, devices, reference

Backend = Literal["auto", "cpu", "cuda", "reference"]


def project(cloud: Cloud, view: View, pose: Tensor | None = None, backend: Backend = "auto") -> Tensor:
    """The line integrals (height, width) of a cloud in a view, dimensionless.

    Differentiable with respect to the cloud and to `pose`: camera_from_world (3 or 4, 4), which replaces that of the
    view if it is given. `auto` uses the kernels of the CPU or the GPU for float32, and the reference for other types
    and on a GPU without a working kernel.
    Gaussians behind the source are not drawn; a Gaussian with values that are not finite makes the image NaN.
    """
    if pose is None:
        pose = torch.tensor(view.camera_from_world)
    if pose.shape not in ((3, 4), (4, 4)):
        raise GeometryError(f"view '{view.id}': pose has shape {tuple(pose.shape)}, expected camera_from_world (4, 4)")
    return _implementation(cloud, backend).project(cloud, view, pose[:3])


def voxelize(cloud: Cloud, grid: Grid, backend: Backend = "auto") -> Tensor:
    """The attenuation [k, j, i] of a cloud in 1/mm, averaged over each voxel of a grid; differentiable."""
    return _implementation(cloud, backend).voxelize(cloud, grid)


def _implementation(cloud: Cloud, backend: Backend):
    kernels = devices.kernels_for(cloud.position)
    if backend in ("auto", kernels) and kernels is not None:
        return cpu if kernels == "cpu" else devices.gpu_renderer().module
    if backend in ("auto", "reference"):
        return reference
    raise SettingsError(
        f"backend '{backend}' cannot render a {cloud.position.dtype} cloud on '{cloud.position.device}'; "
        "use backend='auto', or a float32 cloud on that backend's device"
    )
