"""A plain alternative to the refinement of poses: each view is registered to the volume of all, by image similarity.

The volume is a coarse algebraic reconstruction with the poses so far; each view is moved by Powell's method until its
X-ray correlates best with the volume's projection, and this is repeated with the new poses.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from IXGSLib.formats import Case
from IXGSLib.geometry.twists import changed, poses, with_poses
from IXGSLib.reconstruction.algebraic import sirt
from IXGSLib.rendering.joseph import project_volume
from IXGSLib.xray import XRay
from IXGSLib.xray.reduction import reduced

ROUNDS = 3
SIDE = 64
"""Fewest pixels along the longer side of the reduced images."""
SPACING, MARGIN = 5.0, 80.0
"""Voxels and margin around the region of the coarse volume, mm."""
UNITS = np.array([0.02, 0.02, 0.02, 2.0, 2.0, 4.0])
"""Radians and mm that the search counts as one."""
EVALUATIONS = 150


def registered(case: Case) -> Case:
    """The case with poses after ROUNDS rounds."""
    grid = case.grid.padded(MARGIN).with_spacing(SPACING)
    for _ in range(ROUNDS):
        volume = sirt(case.xrays, grid)
        found = [_registered(reduced(xray, max(xray.view.size) // SIDE), volume, grid) for xray in case.xrays]
        case = case.with_poses(with_poses(case.views, np.array(found)))
    return case


def _registered(xray: XRay, volume: np.ndarray, grid) -> np.ndarray:
    """The pose (4, 4) of a view that correlates best."""
    start = poses([xray.view])

    def dissimilarity(change: np.ndarray) -> float:
        (view,) = with_poses([xray.view], changed(start, (change * UNITS)[None], grid.center))
        render = project_volume(volume, grid, view)
        return 1 - np.corrcoef(render[xray.mask], xray.image[xray.mask])[0, 1]

    best = minimize(dissimilarity, np.zeros(6), method="Powell", options={"maxfev": EVALUATIONS, "xtol": 0.02})
    return changed(start, (best.x * UNITS)[None], grid.center)[0]
