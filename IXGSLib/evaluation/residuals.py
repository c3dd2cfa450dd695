"""What the reconstruction leaves of the X-rays, and whether it is more than noise: by view and overall."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..geometry.rigid import Array
from ..xray import XRay

MISFIT, STANDARDIZED_MISFIT = 0.3, 0.5
"""Typical relative residual from which X-rays contradict one volume, as they are and standardised."""
OUTLIER, TIMES = 4.0, 3.0
"""Robust standard deviations of the logarithm, and times the median, beyond which one view's residual is odd."""
NARROWEST = 0.1
"""Least standard deviation that is assumed of the logarithms: even good views differ by some 10 %."""
SMALL = 0.05
"""Relative residual below which one view counts as good as another."""
MIN_VIEWS = 5
"""Views from which on one can be odd."""


@dataclass(frozen=True)
class Residual:
    """What one view leaves.

    relative: root mean square of render less X-ray over the spread of the X-ray, its noise taken off; nan where nothing
    is measured. odd: whether that with noise is out of line with the other views.
    """

    id: str
    relative: float
    odd: bool


def residuals(xrays: Sequence[XRay], renders: Sequence[np.ndarray]) -> list[Residual]:
    """The residual of each view, renders (height, width) in line integrals in the order of the X-rays."""
    pairs = list(zip(xrays, renders, strict=True))
    odd = outliers(np.array([relative_residual(xray, render, noise=True) for xray, render in pairs]))
    return [
        Residual(x.view.id, relative_residual(x, render), bool(o)) for (x, render), o in zip(pairs, odd, strict=True)
    ]


def relative_residual(xray: XRay, render: np.ndarray, noise: bool = False) -> float:
    """Root mean square of the residual, over the standard deviation of the measured line integrals.

    noise: whether the noise of the X-ray is part of it, or is taken off.
    """
    if not xray.mask.any():
        return float("nan")
    image = xray.image.astype(np.float64)
    expected = 0.0 if noise else noise_variance(image, xray.mask)
    left = float(np.mean((render - image)[xray.mask] ** 2)) - expected
    return float(np.sqrt(max(left, 0.0)) / max(float(image[xray.mask].std()), 1e-9))


def noise_variance(image: Array, mask: np.ndarray) -> float:
    """Variance of white noise (height, width), from the median of a mask that no linear image passes.

    Immerkaer, Fast noise variance estimation, Computer Vision and Image Understanding 64 (1996), with a median in place
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
    """(views,) which residuals are far above the others, by the median and its absolute deviation of the logarithm."""
    known = np.isfinite(values)
    if known.sum() < MIN_VIEWS:
        return np.zeros(len(values), bool)
    logarithm = np.log(np.maximum(np.where(known, values, 1.0), SMALL))
    middle = np.median(logarithm[known])
    width = max(1.4826 * float(np.median(np.abs(logarithm[known] - middle))), NARROWEST)
    return known & (logarithm - middle > max(OUTLIER * width, np.log(TIMES)))


def residual_warnings(xrays: Sequence[XRay], renders: Sequence[np.ndarray], standardized: bool) -> Iterator[str]:
    """A warning for an overall misfit, and one for each view whose residual is odd."""
    found = residuals(xrays, renders)
    known = [one.relative for one in found if np.isfinite(one.relative)]
    if not known:
        return
    typical, limit = float(np.median(known)), STANDARDIZED_MISFIT if standardized else MISFIT
    if typical > limit:
        yield (
            f"the reconstruction leaves {100 * typical:.0f} % of the X-rays' contrast unexplained in the typical view, "
            f"expected less than {100 * limit:.0f} %: the X-rays contradict each other under these poses. Run ixgs "
            "check and see the differences in the report."
        )
    for one in found:
        if one.odd:
            yield (
                f"view '{one.id}' is left with {100 * one.relative:.0f} % of its contrast unexplained, the typical "
                f"view with {100 * typical:.0f} %; check its image and its pose, or leave it out with --leave-out "
                f"{one.id}."
            )
