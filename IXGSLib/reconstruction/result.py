"""What a reconstruction tells while it runs and what it gives in the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ..gaussians import Cloud
from ..volume import Volume
from .settings import ReconstructionSettings

Stage = Literal["initialization", "optimization", "refit"]


@dataclass(frozen=True)
class Progress:
    """Where a reconstruction stands.

    loss: of the last step. held_out_psnr: dB, of the views kept back; None when there are none or not yet checked.
    seconds: since the start; remaining: an estimate, None before there is one.
    volume: a coarse preview, when one was asked for.
    """

    stage: Stage
    step: int
    steps: int
    loss: float | None
    held_out_psnr: float | None
    seconds: float
    remaining: float | None
    gaussians: int
    volume: Volume | None = None

    def as_dict(self) -> dict[str, Any]:
        """Everything but the volume, for JSON."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "volume"}


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """A volume, the cloud that it was voxelized from, and how well the cloud explains the X-rays.

    renders: one line-integral image (height, width) per view of the case, in its order.
    held_out: ids of the views that were kept back until the refit.
    metrics: `held_out_psnr` in dB before the refit, `fit_psnr` over all views after it.
    durations: seconds by stage.
    """

    volume: Volume
    cloud: Cloud
    renders: tuple[np.ndarray, ...]
    held_out: tuple[str, ...]
    metrics: dict[str, float]
    settings: ReconstructionSettings
    warnings: tuple[str, ...] = ()
    durations: dict[str, float] = field(default_factory=dict)
