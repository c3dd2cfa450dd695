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
"""Largest standard deviation inside contrast agent; spongy bone varies more."""
CORE_DEPTH_MM = 3.5
"""Depth below the surface at which a part is judged, where no bone but a vertebra or a hip is left."""
MIN_CORE_MM3 = 500.0
SHELL_MM = (3.0, 9.0)
"""Distances from the core of what surrounds it: for bone its cortex."""
CORTEX_HU = 150.0
"""By how much cortex is denser than what it surrounds."""
MAX_CORTEX_SHARE = 0.012
"""Share of dense voxels in the shell above which a part is bone: vertebrae and hips of six CTs have at least .02,
contrast agent at most .007."""
REACH_MM = 6.5
"""Distance from the core up to which voxels belong to the part: its depth and what blurs its edge."""


def without_contrast_agent(hounsfield: np.ndarray, grid: Grid) -> np.ndarray:
    """The CT [k, j, i] in HU with contrast agent replaced by soft tissue.

    Parts that are uniform and as dense as bone are contrast agent unless something denser, the cortex, surrounds them.
    """
    return np.where(contrast_agent(hounsfield, grid), SOFT_TISSUE_HU, hounsfield).astype(np.float32)


def contrast_agent(hounsfield: np.ndarray, grid: Grid) -> np.ndarray:
    """Bool [k, j, i]: the voxels with contrast agent of a CT in HU."""
    spacing = grid.spacing[::-1]
    values = ndimage.gaussian_filter(np.asarray(hounsfield, np.float32), SMOOTHING_MM / spacing)
    depth = ndimage.distance_transform_edt(values > MIN_AGENT_HU, sampling=spacing)
    uniform = (_texture(values, TEXTURE_MM / spacing) < MAX_TEXTURE_HU) & (values < MAX_AGENT_HU)
    parts, count = ndimage.label((depth > CORE_DEPTH_MM) & uniform)
    found = np.zeros(values.shape, bool)
    sizes = np.bincount(parts.ravel(), minlength=count + 1)[1:] * grid.voxel_volume
    margin = np.ceil((SHELL_MM[1] + 1) / spacing).astype(int)
    for number, box in enumerate(ndimage.find_objects(parts)):
        if sizes[number] < MIN_CORE_MM3:
            continue
        window = tuple(slice(max(0, part.start - m), part.stop + m) for part, m in zip(box, margin, strict=True))
        core = parts[window] == number + 1
        away = ndimage.distance_transform_edt(~core, sampling=spacing)
        shell = (away > SHELL_MM[0]) & (away < SHELL_MM[1])
        cortex = hounsfield[window][shell] > np.median(values[window][core]) + CORTEX_HU
        if cortex.mean() < MAX_CORTEX_SHARE:
            found[window] |= (away <= REACH_MM) & (hounsfield[window] > MIN_AGENT_HU)
    return found


def _texture(values: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """The standard deviation of values in a Gaussian window."""
    mean, square = (ndimage.gaussian_filter(each, widths) for each in (values, values * values))
    return np.sqrt(np.maximum(square - mean * mean, 0))
