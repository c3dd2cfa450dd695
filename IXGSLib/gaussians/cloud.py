"""The model: a sum of 3D Gaussians of attenuation."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ..errors import GeometryError


@dataclass(frozen=True, eq=False)
class Cloud:
    """N Gaussians; attenuation at x is the sum of density exp(-1/2 (x - p)^T S^-1 (x - p)), S = R diag(scale^2) R^T.

    position: (N, 3) LPS mm.
    scale: (N, 3) standard deviations along the Gaussian's own axes, mm, > 0.
    rotation: (N, 4) quaternions wxyz, of any length > 0; the renderers normalise them.
    density: (N,) attenuation at the centre, 1/mm.
    All of one dtype and device. Raises GeometryError when shapes disagree.
    """

    position: Tensor
    scale: Tensor
    rotation: Tensor
    density: Tensor

    def __post_init__(self) -> None:
        n = self.density.shape[0]
        for name, columns in (("position", 3), ("scale", 3), ("rotation", 4)):
            if getattr(self, name).shape != (n, columns):
                raise GeometryError(
                    f"cloud: {name} has shape {tuple(getattr(self, name).shape)}, expected ({n}, {columns})"
                )

    def __len__(self) -> int:
        return self.density.shape[0]

    @classmethod
    def empty(cls, dtype: torch.dtype = torch.float32, device: str = "cpu") -> Cloud:
        return cls(*(torch.zeros((0, *columns), dtype=dtype, device=device) for columns in ((3,), (3,), (4,), ())))

    @property
    def mass(self) -> Tensor:
        """(N,) integral of each Gaussian's attenuation over space, mm^2."""
        return self.density * (2 * torch.pi) ** 1.5 * self.scale.prod(dim=1)

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Cloud:
        return Cloud(*(getattr(self, f.name).to(device=device, dtype=dtype) for f in fields(self)))

    def detach(self) -> Cloud:
        return Cloud(*(getattr(self, f.name).detach() for f in fields(self)))

    def __getitem__(self, index: Tensor) -> Cloud:
        """The Gaussians selected by a mask or by indices."""
        return Cloud(*(getattr(self, f.name)[index] for f in fields(self)))

    @staticmethod
    def concatenated(*clouds: Cloud) -> Cloud:
        return Cloud(*(torch.cat([getattr(c, f.name) for c in clouds]) for f in fields(Cloud)))
