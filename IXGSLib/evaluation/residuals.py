"""Residuals of the X-rays after a reconstruction, beyond their noise: for each view and overall."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..geometry.rigid import Array
from ..xray import XRay

OUTLIER_DEVIATIONS, OUTLIER_RATIO = 4.0, 3.0
"""A residual is an outlier when its logarithm lies this many robust standard deviations above the median, and the
residual itself exceeds the median by this factor."""
MIN_LOG_DEVIATION = 0.1
"""Smallest standard deviation assumed for the logarithms: even good views differ by some 10 %."""
MIN_COMPARED_RESIDUAL = 0.05
"""Relative residual below which all views count as equally good."""
MIN_VIEWS = 5
"""Number of views from which outliers can be judged."""


@dataclass(frozen=True)
class Residual:
    """The residual of one view.

    relative: root mean square of render minus X-ray without the noise of the X-ray, over the standard deviation of the
    X-ray; nan without measured pixels. outlier: whether the residual, noise included, is far above those of the others.
    """

    id: str
    relative: float
    outlier: bool


def residuals(xrays: Sequence[XRay], renders: Sequence[np.ndarray]) -> list[Residual]:
    """The residual of each view; renders: (height, width) line integrals in the order of the X-rays."""
    pairs = list(zip(xrays, renders, strict=True))
    flags = outliers(np.array([relative_residual(xray, render, noise=True) for xray, render in pairs]))
    return [
        Residual(x.view.id, relative_residual(x, render), bool(f)) for (x, render), f in zip(pairs, flags, strict=True)
    ]


def relative_residual(xray: XRay, render: np.ndarray, noise: bool = False) -> float:
    """Root mean square of the residual, over the standard deviation of the measured line integrals.

    noise: whether the noise of the X-ray is included; otherwise its estimate is subtracted.
    """
    if not xray.mask.any():
        return float("nan")
    image = xray.image.astype(np.float64)
    expected = 0.0 if noise else noise_variance(image, xray.mask)
    left = float(np.mean((render - image)[xray.mask] ** 2)) - expected
    return float(np.sqrt(max(left, 0.0)) / max(float(image[xray.mask].std()), 1e-9))


def noise_variance(image: Array, mask: np.ndarray) -> float:
    """Variance of the white noise in an image (height, width), from a filter that removes linear variation.

    Immerkaer, Fast noise variance estimation, Computer Vision and Image Understanding 64 (1996), with a median instead
    of the mean, so that edges do not count.
    """
    if min(image.shape) < 3:
        return 0.0
    second = image[:, :-2] - 2 * image[:, 1:-1] + image[:, 2:]
    both = second[:-2] - 2 * second[1:-1] + second[2:]
    inside = mask[:-2, :-2] & mask[1:-1, 1:-1] & mask[2:, 2:]
    if not inside.any():
        return 0.0
    return float((np.median(np.abs(both[inside])) / 0.6745) ** 2 / 36)


def outliers(values: Array) -> np.ndarray:
    """(views,) which residuals are far above the others, by the median absolute deviation of their logarithms."""
    known = np.isfinite(values)
    if known.sum() < MIN_VIEWS:
        return np.zeros(len(values), bool)
    logarithm = np.log(np.maximum(np.where(known, values, 1.0), MIN_COMPARED_RESIDUAL))
    middle = np.median(logarithm[known])
    width = max(1.4826 * float(np.median(np.abs(logarithm[known] - middle))), MIN_LOG_DEVIATION)
    return known & (logarithm - middle > max(OUTLIER_DEVIATIONS * width, np.log(OUTLIER_RATIO)))


def residual_warnings(xrays: Sequence[XRay], renders: Sequence[np.ndarray]) -> Iterator[str]:
    """A warning for each view whose residual is an outlier."""
    found = residuals(xrays, renders)
    typical = float(np.nanmedian([one.relative for one in found] or [np.nan]))
    for one in found:
        if one.outlier:
            yield (
                f"view '{one.id}': {100 * one.relative:.0f} % of its contrast remains unexplained, compared with "
                f"{100 * typical:.0f} % in a typical view; check its image and its pose, or leave it out with "
                f"--leave-out {one.id}."
            )
