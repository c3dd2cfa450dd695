"""Scores of standardised views and of the volumes reconstructed from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from IXGSLib.errors import ReconstructionError, SettingsError
from IXGSLib.evaluation import compare_views
from IXGSLib.evaluation.metrics import bone_dice, ssim, surface_distance
from IXGSLib.psnr import psnr
from IXGSLib.volume import Volume
from IXGSLib.volume.bone import bone_surface, bone_threshold, nominal_threshold
from IXGSLib.volume.resampling import resample
from IXGSLib.xray import XRay

Scores = dict[str, float | None]


def view_scores(xrays: Sequence[XRay], targets: Sequence[XRay]) -> Scores:
    """Mean PSNR and SSIM of the views against their targets, unchanged and after the best linear fit.

    The fit is one slope and offset for all views, by least squares on the measured pixels. The range is that of the
    target over the measured pixels of each view.
    """
    wanted = [replace(target, mask=xray.mask) for xray, target in zip(xrays, targets, strict=True)]
    images = [xray.image for xray in xrays]
    values = np.concatenate([xray.image[xray.mask] for xray in xrays])
    slope, offset = linear_fit(values, np.concatenate([target.image[target.mask] for target in wanted]))
    plain, fitted = compare_views(images, wanted), compare_views([slope * im + offset for im in images], wanted)
    return plain.as_dict() | {f"fitted_{name}": value for name, value in fitted.as_dict().items()}


def volume_scores(volume: Volume, truth: Volume) -> Scores:
    """Image metrics as it is and with the best linear fit; bone at three thresholds.

    They are the nominal one (`nominal_threshold`), that of the report (`bone_threshold`), and the one of the best Dice,
    which takes the truth to know; the truth has its nominal one. Surface distances in mm, None without a surface.
    """
    if volume.grid.shape != truth.grid.shape:
        volume = resample(volume, truth.grid)
    slope, offset = linear_fit(volume.values.ravel(), truth.values.ravel())
    found: Scores = {}
    for prefix, values in (("", volume.values), ("fitted_", slope * volume.values + offset)):
        clipped = np.clip(values, truth.values.min(), truth.values.max())
        found[f"{prefix}volume_psnr"] = psnr(clipped, truth.values)
        found[f"{prefix}volume_ssim"] = ssim(clipped, truth.values)
    level = nominal_threshold(truth)
    bone = truth.values > level
    thresholds = {
        "": nominal_threshold(volume),
        "report_": bone_threshold(volume),
        "best_": best_threshold(volume.values, bone),
    }
    for prefix, threshold in thresholds.items():
        found[f"{prefix}threshold"] = threshold
        found[f"{prefix}dice"] = bone_dice((volume.values > threshold).astype(np.float32), bone, 0.5)
        found[f"{prefix}surface_distance"] = _distance(volume, threshold, truth, level)
    return found


def linear_fit(values: np.ndarray, wanted: np.ndarray) -> tuple[float, float]:
    """Slope and offset that bring values closest to what is wanted, by least squares; a constant keeps slope 0."""
    values, wanted = values.astype(np.float64), wanted.astype(np.float64)
    variance = float(values.var())
    slope = float(((values - values.mean()) * (wanted - wanted.mean())).mean() / variance) if variance else 0.0
    return slope, float(wanted.mean() - slope * values.mean())


def best_threshold(values: np.ndarray, bone: np.ndarray) -> float:
    """The threshold at which the voxels above it have the best Dice with the bone, exactly."""
    order = np.argsort(-values, axis=None)
    hits = np.cumsum(bone.ravel()[order])
    dice = 2 * hits / (np.arange(1, len(hits) + 1) + hits[-1])
    ranked = values.ravel()[order]
    ends = np.append(ranked[1:] < ranked[:-1], True)  # equal voxels are taken together or not at all
    last = int(np.argmax(np.where(ends, dice, -1)))
    below = ranked[last + 1] if last + 1 < len(ranked) else ranked[last] - 1
    return float((float(ranked[last]) + float(below)) / 2)


def _distance(volume: Volume, threshold: float, truth: Volume, level: float) -> float | None:
    try:
        found = bone_surface(volume, threshold, closed=False)
        return surface_distance(found, bone_surface(truth, level, closed=False))
    except (ReconstructionError, SettingsError):  # no surface, or a best threshold at which everything is bone
        return None
