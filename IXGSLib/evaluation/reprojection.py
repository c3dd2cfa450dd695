"""How well standardised views agree with each other, measured by the volume that was reconstructed from them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..xray import XRay

MAX_RELATIVE_ERROR = 1.5
"""Re-projection error of a view over the median of all, above which the view disagrees with the others."""


def reprojection_errors(xrays: Sequence[XRay], renders: Sequence[np.ndarray]) -> list[float]:
    """The root mean square difference of render and X-ray over the measured pixels of each view, in line integrals.

    One volume cannot reproduce views that contradict each other, so the contradiction remains as this error. nan for a
    view without measured pixels.
    """
    return [
        float(np.sqrt(np.mean(np.square((render - xray.image)[xray.mask], dtype=np.float64))))
        if xray.mask.any()
        else float("nan")
        for xray, render in zip(xrays, renders, strict=True)
    ]


def disagreeing(errors: Sequence[float]) -> list[bool]:
    """Whether the error of each view is much larger than those of the others."""
    known = [error for error in errors if not np.isnan(error)]
    limit = MAX_RELATIVE_ERROR * float(np.median(known)) if known else np.inf
    return [error > limit for error in errors]
