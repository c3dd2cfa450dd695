"""X-rays of fiducials about the isocentre of a C-arm, on a table that moves from shot to shot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from IXGSLib.xray import XRay
from Testing.calibration.phantom import CENTER, line_integrals, views

TABLE_STEP = np.array([2.0, 0.0, 4.0])
"""Movement of the patient from each shot to the next, to the left and to the head, mm."""


def shots(count: int = 12, moving: bool = True) -> list[XRay]:
    """Line integrals with the poses of a C-arm about the origin; moving: under a table that moves."""
    step = TABLE_STEP if moving else 0 * TABLE_STEP
    found = []
    for n, view in enumerate(views(count)):
        pose = view.world_from_camera.copy()
        pose[:3, 3] -= (n - count / 2) * step
        image = np.clip(line_integrals(replace(view, world_from_camera=pose)), 0, None)
        pose[:3, 3] -= CENTER
        found.append(XRay(replace(view, world_from_camera=pose), image, np.ones(image.shape, bool)))
    return found
