"""How well standardised views agree with each other, as the volume made of all of them tells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..xray import XRay

ODD = 1.5
"""Re-projection error of a view over the median of all from which it disagrees with the others."""


def reprojection_errors(xrays: Sequence[XRay], renders: Sequence[np.ndarray]) -> list[float]:
    """The root mean square of render less X-ray over the measured pixels of each view, in line integrals.

    What the views say in contradiction to each other cannot be in one volume, and is left over here; nan for a view
    without a measured pixel.
    """
    return [
        float(np.sqrt(np.mean(np.square((render - xray.image)[xray.mask], dtype=np.float64))))
        if xray.mask.any()
        else float("nan")
        for xray, render in zip(xrays, renders, strict=True)
    ]


def disagreeing(errors: Sequence[float]) -> list[bool]:
    """Which views are left over much more than the others."""
    known = [error for error in errors if not np.isnan(error)]
    limit = ODD * float(np.median(known)) if known else np.inf
    return [error > limit for error in errors]
