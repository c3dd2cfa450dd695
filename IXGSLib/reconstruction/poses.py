"""The poses of the views while they are optimised together with the cloud."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from ..gaussians import Cloud
from ..geometry import Grid, View
from ..geometry.rigid import inverse
from ..geometry.similarity import Similarity

BETA_1, BETA_2, EPSILON = 0.8, 0.95, 1e-12
"""Adam's decay rates, for the few steps that each view has, and the number that prevents a division by zero."""


@dataclass(frozen=True, eq=False)
class PoseUnits:
    """What counts as a change of one: a turn about the region's centre or a shift that moves it by about 1 mm.

    center: (3,) LPS mm. sizes: (6,) radians about x, y, z and mm along x, y, z of the view.
    """

    center: Tensor
    sizes: Tensor

    @classmethod
    def of(cls, views: Sequence[View], grid: Grid, device: torch.device) -> PoseUnits:
        """The units for a region. A shift along the beam only changes the magnification, and by so much less."""
        radius = float(np.linalg.norm(grid.size)) / np.sqrt(12)
        distance = float(np.mean([np.linalg.norm(view.source - grid.center) for view in views]))
        sizes = [1 / radius] * 3 + [1.0, 1.0, distance / radius]
        return cls(*(torch.tensor(np.array(numbers), device=device) for numbers in (grid.center, sizes)))


@dataclass
class Poses:
    """The poses of all views, and the state of their optimiser.

    matrices: (views, 3, 4) camera_from_world, float64. first, second: (views, 6) Adam's running means. steps: (views,)
    number of steps of each view.
    """

    matrices: Tensor
    first: Tensor
    second: Tensor
    steps: Tensor

    @classmethod
    def of(cls, views: Sequence[View], device: torch.device) -> Poses:
        matrices = torch.tensor(np.array([view.camera_from_world[:3] for view in views]), device=device)
        empty = matrices.new_zeros(len(views), 6)
        return cls(matrices, empty, empty.clone(), torch.zeros(len(views), dtype=torch.int64, device=device))

    @torch.no_grad()
    def step(self, n: int, gradient: Tensor, rate: float, units: PoseUnits) -> None:
        """Move view n by one step of Adam; gradient: (3, 4) of the loss by its matrix; rate: in units."""
        matrix = self.matrices[n]
        seen = matrix[:, :3] @ units.center + matrix[:, 3]
        # A turn w about the seen centre changes each column a by w x a, and thus the loss by w . (a x gradient of a).
        columns = torch.cat([matrix[:, :3], (matrix[:, 3] - seen)[:, None]], dim=1)
        turn = torch.linalg.cross(columns, gradient.double(), dim=0).sum(dim=1)
        slope = torch.cat([turn, gradient[:, 3].double()]) * units.sizes
        self.steps[n] += 1
        self.first[n].lerp_(slope, 1 - BETA_1)
        self.second[n].lerp_(slope.square(), 1 - BETA_2)
        steps = self.steps[n]
        mean, square = self.first[n] / (1 - BETA_1**steps), self.second[n] / (1 - BETA_2**steps)
        change = -rate * units.sizes * mean / (square.sqrt() + EPSILON)
        R = torch.linalg.matrix_exp(_cross_matrix(change[:3]))
        self.matrices[n] = R @ columns
        self.matrices[n, :, 3] += seen + change[3:]

    def copy(self) -> Poses:
        return Poses(*(tensor.clone() for tensor in (self.matrices, self.first, self.second, self.steps)))

    def views(self, views: Sequence[View]) -> list[View]:
        """The views at these poses."""
        bottom = np.array([[0.0, 0.0, 0.0, 1.0]])
        return [
            replace(view, world_from_camera=inverse(np.concatenate([matrix, bottom])))
            for view, matrix in zip(views, self.matrices.cpu().numpy(), strict=True)
        ]


@torch.no_grad()
def moved(cloud: Cloud, motion: Similarity) -> Cloud:
    """The cloud after a motion of the whole scene; its line integrals in views that move with it stay the same."""
    R = torch.tensor(motion.rotation).to(cloud.position)
    shift = torch.tensor(motion.shift).to(cloud.position)
    return Cloud(
        motion.scale * cloud.position @ R.T + shift,
        motion.scale * cloud.scale,
        _turned(motion.rotation, cloud.rotation),
        cloud.density / motion.scale,
    )


def _turned(rotation: np.ndarray, quaternions: Tensor) -> Tensor:
    """Quaternions (N, 4) wxyz after a rotation (3, 3)."""
    x, y, z, w = Rotation.from_matrix(rotation).as_quat().tolist()
    table = [[w, -x, -y, -z], [x, w, -z, y], [y, z, w, -x], [z, -y, x, w]]
    return quaternions @ torch.tensor(table).to(quaternions).T


def _cross_matrix(w: Tensor) -> Tensor:
    """(3, 3): the matrix of the cross product with w (3,)."""
    zero = torch.zeros_like(w[0])
    return torch.stack([zero, -w[2], w[1], w[2], zero, -w[0], -w[1], w[0], zero]).reshape(3, 3)
