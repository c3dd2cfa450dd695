"""The bone in a volume: its threshold and its surface."""

from __future__ import annotations

import numpy as np

from ..errors import ReconstructionError, SettingsError
from ..geometry.rigid import apply
from .mesh import Mesh
from .volume import Volume

WATER = 0.0192
"""Attenuation of water at 70 keV, 1/mm."""
BONE_THRESHOLD = 0.025
"""Attenuation in 1/mm above which a voxel counts as bone where there is soft tissue: about 300 HU, 1.3 times water."""
ENHANCED_THRESHOLD = 0.0115
"""The same where soft tissue has been suppressed: half the attenuation of bone of 200 HU, which is where a blurred
edge of it has its surface. The cancellous bone of an old patient lies below BONE_THRESHOLD and would be lost."""
MIN_SOFT_TISSUE_FRACTION = 0.35
"""Fraction of a region of the spine above half the attenuation of water that only soft tissue can bring about."""


def bone_threshold(volume: Volume) -> float:
    """The bone threshold in 1/mm for a volume: one value with soft tissue, a lower one for bone alone."""
    dense = float((volume.values > WATER / 2).mean())
    return BONE_THRESHOLD if dense > MIN_SOFT_TISSUE_FRACTION else ENHANCED_THRESHOLD


def bone_surface(volume: Volume, threshold: float | None = None, closed: bool = True) -> Mesh:
    """The surface where attenuation crosses a threshold: LPS mm, triangles wound so that normals point outward.

    threshold: 1/mm; None takes that of `bone_threshold`.
    closed: whether bone that the border of the volume cuts is capped; otherwise the surface ends there.
    By marching cubes (Lewiner et al., J. Graphics Tools 2003). Raises ReconstructionError where there is no surface.
    """
    from skimage.measure import (
        marching_cubes,  # slow to import, and not needed for the threshold, which Slicer asks for
    )

    threshold = bone_threshold(volume) if threshold is None else threshold
    if not threshold > 0:
        raise SettingsError(f"bone threshold is {threshold} 1/mm, expected a positive number near {BONE_THRESHOLD}")
    lowest, highest = float(volume.values.min()), float(volume.values.max())
    if highest <= threshold:
        raise ReconstructionError(
            f"no bone surface: the largest attenuation is {highest:.4f} 1/mm, the threshold {threshold:.4f}; "
            "lower the threshold or check the reconstruction"
        )
    if not closed and (lowest >= threshold or min(volume.grid.shape) < 2):
        raise ReconstructionError(
            f"no bone surface: every voxel is above {threshold:.4f} 1/mm; raise the threshold or close the surface"
        )
    margin = 1 if closed else 0
    values = np.pad(volume.values, margin)
    vertices, faces, _, _ = marching_cubes(values, threshold, gradient_direction="descent")
    # In its order k, j, i marching_cubes winds triangles inward; reversing the order is a reflection, hence outward.
    return Mesh(apply(volume.grid.world_from_index, vertices[:, ::-1] - margin), faces)
