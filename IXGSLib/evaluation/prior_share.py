"""Where the prior decided, and not the X-rays."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from ..files import write_atomically
from ..volume import Volume
from ..volume.bone import bone_threshold
from ..volume.nrrd import nrrd_bytes
from ..volume.resampling import resample

SMOOTHING_VOXELS = 1.0
"""Standard deviation of the filter under which volumes are compared, in voxels of the coarsest of them: finer
differences are those of resolution."""
MIN_DIFFERENCE = 0.2
"""Difference between prior and X-rays, as a share of the threshold of bone, below which they agree."""
STEP = 1 / 256
"""Shares are rounded to multiples of this, so that files compress."""
MEANING = (
    "Share of the prior: 0 where the volume is as the X-rays alone show it or both agree, 1 where it is as the "
    "prior expects it. Research use only. Not a medical device."
)


@dataclass(frozen=True, eq=False)
class PriorShare:
    """The share of the prior in each voxel of a volume.

    share: on the grid of the volume, from 0, as the X-rays alone show it, to 1, as the prior expects it; 0 where both
    agree. added: share of the bone that X-rays alone do not show as bone. removed: bone that X-rays alone show and the
    volume does not have, as a share of the bone.
    """

    volume: Volume
    share: Volume
    added: float
    removed: float

    @property
    def sentence(self) -> str:
        return (
            f"{self.added:.0%} of the bone of this volume is there because of the learnt prior; the X-rays alone, "
            f"reconstructed without it, do not show it as bone. They show further bone, {self.removed:.0%} as much, "
            "that the prior took away."
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the share as NRRD, atomically."""
        write_atomically(path, nrrd_bytes(self.share.values, self.share.grid, MEANING))

    def as_dict(self) -> dict[str, Any]:
        return {"added": self.added, "removed": self.removed, "sentence": self.sentence}


def prior_share(volume: Volume, prior: Volume, alone: Volume) -> PriorShare:
    """Where a volume lies between what X-rays alone show and what a prior expects.

    prior: expected attenuation of bone, 1/mm. alone: a reconstruction of the X-rays without it, on whose grid, the
    coarsest, they are compared.
    """
    threshold = bone_threshold(volume)
    found, expected = (_smoothed(resample(each, alone.grid)) for each in (volume, prior))
    bone, shown = found > threshold, _smoothed(alone)
    # Standardised views do not tell how dense bone is: their reconstruction is scaled to the bone of the volume.
    shown *= float((found[bone] * shown[bone]).sum() / max(np.square(shown[bone]).sum(), 1e-12))
    difference = expected - shown
    differ = np.abs(difference) > MIN_DIFFERENCE * threshold
    share = np.where(differ, np.clip((found - shown) / np.where(differ, difference, 1), 0, 1), 0).astype(np.float32)
    in_xrays = shown > threshold
    count = max(int(bone.sum()), 1)
    added, removed = (bone & ~in_xrays).sum() / count, (in_xrays & ~bone).sum() / count
    shares = resample(Volume(share, alone.grid), volume.grid)
    rounded = Volume((np.rint(shares.values / STEP) * STEP).astype(np.float32), volume.grid)
    return PriorShare(volume, rounded, float(added), float(removed))


def _smoothed(volume: Volume) -> np.ndarray:
    return ndimage.gaussian_filter(volume.values.astype(np.float32), SMOOTHING_VOXELS, mode="nearest")
