"""Inserts for a CT in HU: screws, and bone that is replaced by blood or tumour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from IXGSLib.geometry.rigid import Array
from IXGSLib.simulation.lesions import LESION_HU
from IXGSLib.simulation.solids import Capsule


@dataclass(frozen=True, eq=False)
class Rod:
    """A capsule of metal: a screw, a rod."""

    capsule: Capsule

    @property
    def center(self) -> Array:
        return (self.capsule.start + self.capsule.end) / 2

    @property
    def reach(self) -> float:
        return float(np.linalg.norm(self.capsule.end - self.capsule.start)) / 2 + self.capsule.radius

    def holds(self, points: Array) -> np.ndarray:
        return self.clearance(points) <= 0

    def clearance(self, points: Array) -> np.ndarray:
        axis = self.capsule.end - self.capsule.start
        offset = points - self.capsule.start
        along = np.clip(offset @ axis / max(float(axis @ axis), 1e-12), 0, 1)
        return np.linalg.norm(offset - along[..., None] * axis, axis=-1) - self.capsule.radius


def filled(hounsfield: np.ndarray, part: np.ndarray, value: float = LESION_HU) -> np.ndarray:
    """HU with this fraction of each voxel replaced by tissue of `value` HU where it was denser, as a new array."""
    return np.where(hounsfield > value, hounsfield + part * (value - hounsfield), hounsfield).astype(np.float32)
