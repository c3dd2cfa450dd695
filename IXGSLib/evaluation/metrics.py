"""Metrics of a volume against the truth, and of renders against X-rays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree
from skimage.metrics import structural_similarity

from ..errors import GeometryError, ReconstructionError
from ..psnr import psnr
from ..volume import Volume
from ..volume.bone import BONE_THRESHOLD, bone_surface, nominal_threshold
from ..volume.mesh import Mesh
from ..volume.resampling import resample
from ..xray import XRay

SSIM_SIGMA = 1.5
"""Standard deviation of SSIM's Gaussian window in pixels (Wang et al., IEEE TIP 2004)."""
SSIM_WINDOW = 11
"""Width of the window in pixels; SSIM is not defined for smaller images."""


@dataclass(frozen=True)
class VolumeMetrics:
    """A volume compared with the truth.

    psnr: dB, infinite for equal volumes. ssim: at most 1. dice: overlap of the bone, 0 to 1. surface_distance: mean
    distance between the bone surfaces, mm. A metric that is not defined is nan, and `notes` says why.
    """

    psnr: float
    ssim: float
    dice: float
    surface_distance: float
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, float | None]:
        """The metrics under unique names, for JSON and the report; None where not finite."""
        names = ("volume_psnr", "volume_ssim", "bone_dice", "bone_surface_distance")
        return _finite(dict(zip(names, (self.psnr, self.ssim, self.dice, self.surface_distance), strict=True)))


@dataclass(frozen=True)
class ViewMetrics:
    """Renders compared with X-rays: one value per view, as in `ids`; psnr in dB, nan without measured pixels."""

    ids: tuple[str, ...]
    psnr: tuple[float, ...]
    ssim: tuple[float, ...]

    @property
    def mean_psnr(self) -> float:
        return _mean(self.psnr)

    @property
    def mean_ssim(self) -> float:
        return _mean(self.ssim)

    def part(self, indices: Sequence[int]) -> ViewMetrics:
        """The metrics of some of the views, by their indices."""
        return ViewMetrics(
            tuple(self.ids[n] for n in indices),
            tuple(self.psnr[n] for n in indices),
            tuple(self.ssim[n] for n in indices),
        )

    def as_dict(self) -> dict[str, float | None]:
        """The means, for JSON and the report; None where not finite."""
        return _finite({"view_psnr": self.mean_psnr, "view_ssim": self.mean_ssim})


def compare_volumes(volume: Volume, truth: Volume, threshold: float | None = None) -> VolumeMetrics:
    """Image and bone metrics of a volume on the truth's grid, resampled there when the grids differ.

    PSNR and SSIM are those of the volume clipped to the range of the truth, since a display window for the truth shows
    nothing beyond it. Outside its own grid a volume counts as 0. threshold: of bone, 1/mm; by default the
    `nominal_threshold` of the truth.
    """
    if not _same_grid(volume, truth):
        volume = resample(volume, truth.grid)
    low, high = float(truth.values.min()), float(truth.values.max())
    clipped = np.clip(volume.values, low, high)
    threshold = nominal_threshold(truth) if threshold is None else threshold
    dice = bone_dice(volume.values, truth.values, threshold)
    distance, notes = _distance(volume, truth, threshold)
    similarity = ssim(clipped, truth.values)
    if np.isnan(similarity):
        notes += (f"SSIM needs a range of values and at least {SSIM_WINDOW} voxels along each side",)
    return VolumeMetrics(psnr(clipped, truth.values), similarity, dice, distance, notes)


def compare_views(renders: Sequence[np.ndarray], xrays: Sequence[XRay]) -> ViewMetrics:
    """PSNR and SSIM of renders (h, w) of line integrals against X-rays, in the same order.

    The peak of PSNR and the range of SSIM is the range of the X-ray's measured pixels; masked pixels are ignored.
    Raises GeometryError where the number or the size of the images differs.
    """
    if len(renders) != len(xrays):
        raise GeometryError(f"{len(renders)} renders for {len(xrays)} X-rays, expected one for each, in the same order")
    pairs = [_compare_view(np.asarray(render), xray) for render, xray in zip(renders, xrays, strict=True)]
    ids = tuple(xray.view.id for xray in xrays)
    return ViewMetrics(ids, tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs))


def ssim(values: np.ndarray, truth: np.ndarray, *, mask: np.ndarray | None = None) -> float:
    """Mean structural similarity of two images or volumes, at most 1 (Wang et al., IEEE TIP 2004).

    The window is a Gaussian of SSIM_SIGMA in all dimensions, the data range that of the measured pixels of the truth.
    mask: True where measured; other pixels are set to the truth in both images, windows centred on them are ignored.
    nan where a side is shorter than the window, the truth is constant or no pixel was measured.
    """
    measured = np.ones(truth.shape, dtype=bool) if mask is None else mask
    inner = tuple(slice(SSIM_WINDOW // 2, -(SSIM_WINDOW // 2)) for _ in truth.shape)
    if min(truth.shape) < SSIM_WINDOW or not measured[inner].any():
        return float("nan")
    data_range = float(np.ptp(truth[measured]))
    if data_range == 0:
        return float("nan")
    values = np.where(measured, values, truth).astype(np.float32)
    options = {"gaussian_weights": True, "sigma": SSIM_SIGMA, "use_sample_covariance": False}
    _, similarity = structural_similarity(values, truth.astype(np.float32), data_range=data_range, full=True, **options)
    return float(similarity[inner][measured[inner]].mean(dtype=np.float64))


def bone_dice(values: np.ndarray, truth: np.ndarray, threshold: float = BONE_THRESHOLD) -> float:
    """The Dice coefficient of the bone, 0 to 1; nan where neither volume contains bone."""
    bone, true_bone = values > threshold, truth > threshold
    total = int(bone.sum()) + int(true_bone.sum())
    return 2 * int((bone & true_bone).sum()) / total if total else float("nan")


def surface_distance(surface: Mesh, truth: Mesh) -> float:
    """Average symmetric surface distance in mm: from the vertices of each mesh to the other, the two means averaged.

    The other surface is represented by its vertices and triangle centres, with an error of a few hundredths of a mm for
    voxels of 1 mm.
    """
    return (_mean_distance(surface, truth) + _mean_distance(truth, surface)) / 2


def _mean_distance(source: Mesh, target: Mesh) -> float:
    points = np.concatenate([target.vertices, target.vertices[target.faces].mean(axis=1)])
    return float(cKDTree(points, balanced_tree=False).query(source.vertices)[0].mean())


def _distance(volume: Volume, truth: Volume, threshold: float) -> tuple[float, tuple[str, ...]]:
    """The distance of the bone surfaces, left open at the border, where caps would coincide and lower the distance."""
    try:
        surface = bone_surface(volume, threshold, closed=False)
    except ReconstructionError as error:
        return float("nan"), (f"surface distance of the reconstruction: {error}",)
    try:
        return surface_distance(surface, bone_surface(truth, threshold, closed=False)), ()
    except ReconstructionError as error:
        return float("nan"), (f"surface distance of the truth: {error}",)


def _compare_view(render: np.ndarray, xray: XRay) -> tuple[float, float]:
    image, mask = xray.image, xray.mask
    if render.shape != image.shape:
        raise GeometryError(
            f"view '{xray.view.id}': the render is {render.shape}, the X-ray {image.shape} (rows, columns); "
            "render at the size of the X-ray"
        )
    if not mask.any():
        return float("nan"), float("nan")
    data_range = float(np.ptp(image[mask]))
    return psnr(render[mask], image[mask], data_range=data_range), ssim(render, image, mask=mask)


def _same_grid(volume: Volume, truth: Volume) -> bool:
    if volume.grid.shape != truth.grid.shape:
        return False
    return np.allclose(volume.grid.world_from_index, truth.grid.world_from_index, rtol=0, atol=1e-6)


def _mean(values: tuple[float, ...]) -> float:
    """The mean over the views for which the metric is defined."""
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")


def _finite(values: dict[str, float]) -> dict[str, float | None]:
    return {name: value if np.isfinite(value) else None for name, value in values.items()}
