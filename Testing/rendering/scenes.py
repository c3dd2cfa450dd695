"""Clouds, cameras and lattices to render, and the gradients of a render."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import torch
from torch import Tensor

from IXGSLib.gaussians import Cloud
from IXGSLib.geometry import Grid, View
from IXGSLib.geometry.rigid import Array, apply, rigid
from IXGSLib.rendering import project, voxelize

NAMES = [f.name for f in fields(Cloud)]
HALF_TURNS = [np.diag(signs) for signs in ([1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0])]
"""The identity and the rotations by exactly 180 degrees around the axes."""
HALF_TURN_QUATERNIONS = torch.eye(4, dtype=torch.float64)
"""The same as quaternions."""


def random_rotation(seed: int) -> Array:
    Q, R = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    Q = Q * np.sign(np.diag(R))
    return Q * np.linalg.det(Q)


def c_arm(size: tuple[int, int] = (64, 48), R: Array | None = None, pitch: float = 2.0, skew: float = 0.0) -> View:
    """A C-arm 620 mm from the world's origin, its detector at 1000 mm; pixels of `pitch` by 1.1 `pitch` mm."""
    R = np.eye(3) if R is None else R
    K = [[1000 / pitch, skew, (size[0] - 1) / 2], [0, 1000 / (1.1 * pitch), (size[1] - 1) / 2], [0, 0, 1]]
    return View(np.array(K), rigid(R, -620 * R[:, 2]), size, "ap")


def oblique_grid(shape: tuple[int, int, int] = (10, 12, 13), seed: int = 3) -> Grid:
    """A lattice with other spacings along each axis, turned, around the world's origin."""
    grid = Grid(shape, np.array([1.5, 2.0, 2.5]), np.zeros(3), random_rotation(seed))
    return Grid(grid.shape, grid.spacing, -grid.center, grid.direction)


def random_cloud(
    count: int = 40,
    size: tuple[float, float] = (0.5, 6.0),
    extent: float = 60.0,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
) -> Cloud:
    """Anisotropic Gaussians of standard deviations `size` in a cube of side `extent` mm; quaternions of any length."""
    g = torch.Generator().manual_seed(seed)
    low, high = np.log(size)
    position = (torch.rand((count, 3), generator=g, dtype=torch.float64) - 0.5) * extent
    scale = torch.exp(low + (high - low) * torch.rand((count, 3), generator=g, dtype=torch.float64))
    rotation = torch.randn((count, 4), generator=g, dtype=torch.float64) * 3
    density = torch.rand(count, generator=g, dtype=torch.float64) * 0.02 + 0.001
    return Cloud(position, scale, rotation, density).to(dtype=dtype)


def needles(count: int = 12, seed: int = 0) -> Cloud:
    """Gaussians of 0.3 by 0.3 by 30 mm, in all directions."""
    cloud = random_cloud(count, extent=30, seed=seed)
    return Cloud(cloud.position, torch.tensor([0.3, 0.3, 30.0]).repeat(count, 1), cloud.rotation, cloud.density)


def one(position, scale=(2.0, 2.0, 2.0), rotation=(1.0, 0.0, 0.0, 0.0), density=0.02, dtype=torch.float32) -> Cloud:
    """A single Gaussian."""
    values = (torch.as_tensor(np.array([v])).to(dtype) for v in (position, scale, rotation, density))
    return Cloud(*values)


def moved(cloud: Cloud, T: Array) -> Cloud:
    """A cloud after a rigid motion, in float64."""
    R = torch.tensor(T[:3, :3])
    cloud = cloud.to(dtype=torch.float64)
    w, x, y, z = quaternion(T[:3, :3])
    left = torch.tensor([[w, -x, -y, -z], [x, w, -z, y], [y, z, w, -x], [z, -y, x, w]])
    return Cloud(cloud.position @ R.T + torch.tensor(T[:3, 3]), cloud.scale, cloud.rotation @ left.T, cloud.density)


def moved_grid(grid: Grid, T: Array) -> Grid:
    return Grid(grid.shape, grid.spacing, apply(T, grid.origin), T[:3, :3] @ grid.direction)


def quaternion(R: Array) -> Array:
    """wxyz: the eigenvector that every rotation matrix has by Bar-Itzhack's construction."""
    Q = np.array(
        [
            [R[0, 0] - R[1, 1] - R[2, 2], R[1, 0] + R[0, 1], R[2, 0] + R[0, 2], R[2, 1] - R[1, 2]],
            [R[1, 0] + R[0, 1], R[1, 1] - R[0, 0] - R[2, 2], R[2, 1] + R[1, 2], R[0, 2] - R[2, 0]],
            [R[2, 0] + R[0, 2], R[2, 1] + R[1, 2], R[2, 2] - R[0, 0] - R[1, 1], R[1, 0] - R[0, 1]],
            [R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1], np.trace(R)],
        ]
    )
    x, y, z, w = np.linalg.eigh(Q)[1][:, -1]
    return np.array([w, x, y, z])


def leaves(cloud: Cloud, dtype: torch.dtype) -> Cloud:
    """A copy of a cloud that collects gradients."""
    return Cloud(*(getattr(cloud, name).detach().to(dtype).clone().requires_grad_() for name in NAMES))


def rendered(cloud: Cloud, target: View | Grid, backend: str, pose: Tensor | None = None) -> dict[str, Tensor]:
    """The render of a cloud and the gradients of a fixed random weighting of it; the reference in float64."""
    cloud = leaves(cloud, torch.float64 if backend == "reference" else torch.float32)
    inputs = {name: getattr(cloud, name) for name in NAMES}
    if isinstance(target, View):
        pose = torch.tensor(target.camera_from_world) if pose is None else pose
        inputs["pose"] = pose.detach().clone().requires_grad_()
        values = project(cloud, target, inputs["pose"], backend=backend)
    else:
        values = voxelize(cloud, target, backend=backend)
    weights = torch.rand(values.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64) - 0.3
    values.backward(weights.to(values))
    return {"values": values.detach(), **{name: tensor.grad for name, tensor in inputs.items()}}


def differences(cloud: Cloud, target: View | Grid) -> dict[str, float]:
    """The largest deviation of the CPU kernels from the float64 reference in values and gradients, each relative to the
    largest of its kind, or to a tiny number where all are zero.
    """
    found, expected = (rendered(cloud, target, backend) for backend in ("cpu", "reference"))
    worst = {}
    for name, truth in expected.items():
        assert found[name].shape == truth.shape
        size = float(truth.abs().max()) if truth.numel() else 0.0
        error = float((found[name] - truth).abs().max()) if truth.numel() else 0.0
        worst[name] = error / max(size, 1e-12)
    return worst
