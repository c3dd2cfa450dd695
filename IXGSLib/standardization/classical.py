"""Bone-enhanced line integrals without a network."""

from __future__ import annotations

import numpy as np

from .bands import bands

WEIGHTS = (0.0, 1.5, 1.4, 0.85, -0.6, 0.93, -0.08)
"""How much of each band is bone, as Testing/standardization/fit_bands.py finds it."""
PEDESTAL = 0.41
"""Mean line integral of the bone that lies over everything."""
CONTRAST = 0.22
"""What a view's contrast is brought to, in line integrals."""
TEXTURE = (2, 3)
"""Bands in which bone shows most over soft tissue, from 2 to 8 mm."""


def enhanced(image: np.ndarray, mask: np.ndarray, pixel: float) -> np.ndarray:
    """Line integrals of bone (rows, columns) float32, not negative, estimated from an X-ray's.

    image, mask: line integrals and whether they were measured; others become 0. pixel: its side in the patient, mm.
    Soft tissue and scatter are smooth: their wide bands are damped, those in which bone shows are raised, by weights
    that least squares found on simulated X-rays (the Wiener filter in bands). The gain brings each view to the same
    contrast, so that views of any exposure agree, and so do X-rays whose scale is unknown.
    """
    parts = bands(image, mask, pixel)
    gain = CONTRAST / max(contrast(parts, mask), 1e-6)
    lines = PEDESTAL + gain * np.tensordot(np.array(WEIGHTS, np.float32), parts, 1)
    return np.where(mask, np.maximum(lines, 0), 0).astype(np.float32)


def contrast(parts: np.ndarray, mask: np.ndarray) -> float:
    """The 90th percentile of the absolute texture of a view: large where bone is, and hardly moved by metal."""
    texture = np.abs(parts[TEXTURE[0] : TEXTURE[1] + 1].sum(axis=0))[mask]
    return float(np.percentile(texture, 90)) if texture.size else 0.0
