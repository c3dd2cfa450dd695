"""The progress of a reconstruction, and its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ..gaussians import Cloud
from ..geometry import View
from ..volume import Volume
from .resolution import ResolvedSettings
from .settings import ReconstructionSettings

Stage = Literal["initialization", "optimization", "refit"]


@dataclass(frozen=True)
class Progress:
    """The state of a reconstruction.

    loss: of the last step. held_out_psnr: dB, of the held-out views; None without any, or before the first check.
    seconds: since the start. remaining: estimated seconds, None before there is an estimate.
    volume: a coarse preview, if one is due. resolved: the settings as far as they are known, which may change once the
    start has determined whether soft tissue fills the region.
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
    resolved: ResolvedSettings | None = None

    def as_dict(self) -> dict[str, Any]:
        """The numbers, for JSON: everything but the volume and the settings."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in ("volume", "resolved")}


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """A volume, the cloud from which it was voxelized, and how well the cloud explains the X-rays.

    views: those of the case, in its order and frame, with their final poses if the poses were free.
    renders: one line-integral image (height, width) per view.
    held_out: ids of the views that were held out until the refit.
    metrics: `held_out_psnr` in dB before the refit, `fit_psnr` over all views after it.
    settings: those of the run. reasons: why some differ from those of the preset, by dotted name.
    durations: seconds by stage. used_prior: whether the volume was kept near expected bone.
    """

    volume: Volume
    cloud: Cloud
    views: tuple[View, ...]
    renders: tuple[np.ndarray, ...]
    held_out: tuple[str, ...]
    metrics: dict[str, float]
    settings: ReconstructionSettings
    reasons: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    durations: dict[str, float] = field(default_factory=dict)
    used_prior: bool = False
