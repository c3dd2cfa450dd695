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
OTSU_BINS = 256
MIN_SEPARABILITY = 0.8
"""Share of the variance between bone and the rest from which bone is as dense as it should be: 0.81 to 0.85 in volumes
of clean bone, 0.67 to 0.78 in those of standardised X-rays, with and without a learnt prior."""
MIN_THRESHOLD_SHARE = 0.3
"""Lowest bone threshold as a share of the nominal one: below, what stands out is noise."""
MIN_SOFT_TISSUE_FRACTION = 0.35
"""Fraction of a region of the spine above half the attenuation of water that only soft tissue can bring about."""


def bone_threshold(volume: Volume) -> float:
    """The bone threshold in 1/mm for a reconstructed volume.

    It is that of `nominal_threshold`, or a lower one by Otsu's method (IEEE Trans. SMC 1979) for bone alone that does
    not stand out clearly: networks and filters that standardise X-rays do not know how dense bone is, and often make it
    too thin.
    """
    nominal = nominal_threshold(volume)
    if nominal == BONE_THRESHOLD or np.ptp(volume.values) == 0:
        return nominal
    separating, separability = _otsu(volume.values)
    if separability >= MIN_SEPARABILITY:
        return nominal
    return float(np.clip(separating, MIN_THRESHOLD_SHARE * nominal, nominal))


def nominal_threshold(volume: Volume) -> float:
    """The bone threshold in 1/mm for a volume of true attenuation: one with soft tissue, a lower one for bone alone."""
    dense = float((volume.values > WATER / 2).mean())
    return BONE_THRESHOLD if dense > MIN_SOFT_TISSUE_FRACTION else ENHANCED_THRESHOLD


def _otsu(values: np.ndarray) -> tuple[float, float]:
    """The threshold that separates two classes of values best, and the share of the variance that lies between them.

    It is the mean of the means of the classes, which differs from Otsu's where there is a gap between the classes:
    all thresholds within that are equal.
    """
    import SimpleITK as sitk  # slow to import, and not needed where nothing is thresholded

    method = sitk.OtsuThresholdImageFilter()
    method.SetNumberOfHistogramBins(OTSU_BINS)
    method.Execute(sitk.GetImageFromArray(values.astype(np.float32)))
    above = values > method.GetThreshold()
    share, high, low = float(above.mean()), float(values[above].mean()), float(values[~above].mean())
    return (high + low) / 2, share * (1 - share) * (high - low) ** 2 / float(values.var(dtype=np.float64))


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
