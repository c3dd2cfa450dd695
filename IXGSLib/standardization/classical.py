"""Bone-enhanced line integrals without a network."""

from __future__ import annotations

import numpy as np

from ..xray.bands import bands

BAND_WEIGHTS = (0.0, 1.5, 1.4, 0.85, -0.6, 0.93, -0.08)
"""Weight of each band in the estimate of bone, fitted by Testing/standardization/fit_bands.py."""
MEAN_BONE_LINE_INTEGRAL = 0.41
"""Mean line integral of bone in a view."""
TARGET_CONTRAST = 0.22
"""Contrast to which each view is scaled, in line integrals."""
TEXTURE_BANDS = (2, 3)
"""First and last band in which bone stands out most from soft tissue, 2 to 8 mm."""


def enhanced(image: np.ndarray, mask: np.ndarray, pixel: float) -> np.ndarray:
    """Line integrals of bone (rows, columns) float32, not negative, estimated from those of an X-ray.

    image: line integrals. mask: bool, measured pixels; the others become 0. pixel: pixel size in the patient, mm.
    Soft tissue and scatter vary slowly, so coarse bands are attenuated and the bands of bone amplified, by weights
    fitted to simulated X-rays with least squares (a Wiener filter in bands). A gain brings every view to the same
    contrast, so that views of different exposure or unknown scale agree.
    """
    parts = bands(image, mask, pixel)
    gain = TARGET_CONTRAST / max(contrast(parts, mask), 1e-6)
    lines = MEAN_BONE_LINE_INTEGRAL + gain * np.tensordot(np.array(BAND_WEIGHTS, np.float32), parts, 1)
    return np.where(mask, np.maximum(lines, 0), 0).astype(np.float32)


def contrast(parts: np.ndarray, mask: np.ndarray) -> float:
    """The 90th percentile of the absolute texture of a view, which is large for bone and robust to metal.

    parts: (7, rows, columns) bands. mask: (rows, columns) bool, measured pixels.
    """
    texture = np.abs(parts[TEXTURE_BANDS[0] : TEXTURE_BANDS[1] + 1].sum(axis=0))[mask]
    return float(np.percentile(texture, 90)) if texture.size else 0.0
