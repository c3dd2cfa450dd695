"""Contrast agent in a CT: vessels, heart, kidneys and bowel that are as dense as bone."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..geometry import Grid

SOFT_TISSUE_HU = 40.0
MIN_AGENT_HU, MAX_AGENT_HU = 120.0, 700.0
SMOOTHING_MM, TEXTURE_MM = 1.5, 4.0
"""Widths over which values are averaged and over which they must be uniform."""
MAX_TEXTURE_HU = 70.0
"""Largest standard deviation inside contrast agent."""
MIN_WEIGHT = 1e-3
"""Smallest share of a window inside for which a mean is taken."""
CORE_DEPTH_MM = 3.5
"""Depth below the surface at which a part is judged, where no bone but a vertebra or a hip is left."""
MIN_CORE_MM3 = 500.0
CORTEX_REACH_MM = 9.0
"""Largest distance of the cortex of a bone from the surface of its core."""
CORTEX_HU = 150.0
"""By how much cortex is denser than what it surrounds."""
MAX_SURROUNDED = 0.25
"""Share of the core's surface with dense voxels near, above which a part is bone. A vessel beside the spine has the
spine's cortex on one side: vessels, hearts, kidneys and bowel of two CTs have at most .17, but for a few parts of
1 cm3, and the bone of four has at least .32."""
REACH_MM = 6.5
"""Distance from the core up to which voxels belong to the part: its depth and what blurs its edge."""


def without_contrast_agent(hounsfield: np.ndarray, grid: Grid) -> np.ndarray:
    """The CT [k, j, i] in HU with contrast agent replaced by soft tissue.

    Parts that are uniform and as dense as bone are contrast agent unless something denser, the cortex, surrounds them.
    Undiluted agent, above MAX_AGENT_HU, stays.
    """
    return np.where(contrast_agent(hounsfield, grid), SOFT_TISSUE_HU, hounsfield).astype(np.float32)


def contrast_agent(hounsfield: np.ndarray, grid: Grid) -> np.ndarray:
    """Bool [k, j, i]: the voxels with contrast agent of a CT in HU."""
    spacing = grid.spacing[::-1]
    values = ndimage.gaussian_filter(np.asarray(hounsfield, np.float32), SMOOTHING_MM / spacing)
    inside = values > MIN_AGENT_HU
    depth = ndimage.distance_transform_edt(inside, sampling=spacing)
    uniform = (_texture(values, inside, TEXTURE_MM / spacing) < MAX_TEXTURE_HU) & (values < MAX_AGENT_HU)
    parts, count = ndimage.label((depth > CORE_DEPTH_MM) & uniform)
    found = np.zeros(values.shape, bool)
    sizes = np.bincount(parts.ravel(), minlength=count + 1)[1:] * grid.voxel_volume
    margin = np.ceil((CORTEX_REACH_MM + 1) / spacing).astype(int)
    for number, box in enumerate(ndimage.find_objects(parts)):
        if sizes[number] < MIN_CORE_MM3:
            continue
        window = tuple(slice(max(0, part.start - m), part.stop + m) for part, m in zip(box, margin, strict=True))
        core = parts[window] == number + 1
        dense = hounsfield[window] > np.median(values[window][core]) + CORTEX_HU
        if _surrounded(core, dense, spacing) <= MAX_SURROUNDED:
            away = ndimage.distance_transform_edt(~core, sampling=spacing)
            found[window] |= (away <= REACH_MM) & (hounsfield[window] > MIN_AGENT_HU)
    return found


def _surrounded(core: np.ndarray, dense: np.ndarray, spacing: np.ndarray) -> float:
    """The share of the surface of a core near which something dense lies; bool [k, j, i], spacing in mm along them."""
    if not dense.any():
        return 0.0
    surface = core & ~ndimage.binary_erosion(core)
    return float((ndimage.distance_transform_edt(~dense, sampling=spacing)[surface] < CORTEX_REACH_MM).mean())


def _texture(values: np.ndarray, inside: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """The standard deviation of the values inside (bool) in a Gaussian window; 0 outside."""
    weights = ndimage.gaussian_filter(inside.astype(np.float32), widths)
    mean, square = (
        ndimage.gaussian_filter(np.where(inside, each, 0), widths) / np.maximum(weights, MIN_WEIGHT)
        for each in (values, values * values)
    )
    return np.where(inside, np.sqrt(np.maximum(square - mean * mean, 0)), 0)
