"""From Hounsfield units to attenuation."""

from __future__ import annotations

import warnings

import numpy as np

from ..errors import IXGSWarning
from ..volume.bone import WATER


def all_tissue(hounsfield: np.ndarray) -> np.ndarray:
    """Attenuation at 70 keV, float32 1/mm: that of water times 1 + HU / 1000, and not negative."""
    return WATER * np.maximum(0, 1 + np.asarray(hounsfield, dtype=np.float32) / 1000)


def bone_enhanced(hounsfield: np.ndarray, threshold: float = 200.0, softness: float = 30.0) -> np.ndarray:
    """`all_tissue` times a logistic step at `threshold` HU of width `softness` HU, which removes soft tissue."""
    steps = (np.asarray(hounsfield, dtype=np.float32) - threshold) / softness
    # The hyperbolic tangent is the logistic function without its overflow.
    return all_tissue(hounsfield) * (0.5 + 0.5 * np.tanh(steps / 2))


def check_hounsfield(hounsfield: np.ndarray, threshold: float, name: str = "CT") -> None:
    """Warn of values that do not look like Hounsfield units: no air, or nothing above a threshold in HU."""
    lowest, highest = float(hounsfield.min()), float(hounsfield.max())
    if lowest >= 0:
        warnings.warn(
            f"{name}: the smallest value is {lowest:g}, expected air near -1000 HU; if the values are unsigned, "
            "subtract their offset (usually 1024)",
            IXGSWarning,
            stacklevel=3,
        )
    if highest <= threshold:
        warnings.warn(
            f"{name}: the largest value is {highest:g}, expected bone above {threshold:g} HU; give a CT in HU, or "
            "another tissue or bone_threshold",
            IXGSWarning,
            stacklevel=3,
        )
