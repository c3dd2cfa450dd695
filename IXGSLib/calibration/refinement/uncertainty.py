"""How far refined poses are determined by the images: standard deviations from the pulls of all pairs of views."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial.transform import Rotation

from ...geometry import View
from ...geometry.rigid import Array
from ...geometry.similarity import Similarity
from ...geometry.twists import change_between, poses, with_poses
from .adjustment import Adjustment
from .epipolar import Evidence

SMALL_TURN, SMALL_SHIFT, SMALL_SCALE = 1e-4, 1e-2, 1e-4
"""Steps in radians, mm and parts of the scale, over which common motions are differentiated."""
UNDERESTIMATE = 2.0
"""Factor by which actual errors exceed what the images show, as many views err alike. Measured in ten cases with errors
of up to 3 degrees and 10 mm: 0.9 to 2.3 for line integrals, 1.5 to 3.2 for standardised X-rays."""
HELD = 1e3
"""Stiffness along common motions, relative to the mean curvature: it takes them out of the inverse."""


def standard_deviations(images: Evidence, adjustment: Adjustment) -> Array:
    """(views, 6) radians and mm: of the rotations and shifts of each view, without what all views share.

    The sandwich estimator, which needs no model of the errors: the inverse curvature on both sides of the variance of
    the gradient, whose parts are correlated within a pair and among the pairs of a view (White, Econometrica 48, 1980;
    Cameron, Gelbach and Miller, J. Bus. Econ. Stat. 29, 2011).
    """
    views = with_poses(images.sets[0].views, adjustment.poses)
    common = _common_motions(views, images.center, images.units)
    information = adjustment.information
    stiff = HELD * np.trace(information) / len(information)
    inverse = np.linalg.inv(information + stiff * common @ common.T)
    spread = inverse @ _gradients(images.pairs, adjustment.pulls, len(views)).T
    spread -= common @ (common.T @ spread)
    return UNDERESTIMATE * np.sqrt(np.square(spread).sum(axis=1)).reshape(-1, 6) * images.units


def _gradients(pairs: np.ndarray, pulls: Array, count: int) -> Array:
    """(pairs + views, 6 views) the gradients of each pair, and of all pairs of each view."""
    of_pairs = np.zeros((len(pairs), count, 6))
    rows = np.arange(len(pairs))
    for end in range(2):
        of_pairs[rows, pairs[:, end]] = pulls[:, 6 * end : 6 * end + 6]
    of_views = np.zeros((count, count, 6))
    for end in range(2):
        np.add.at(of_views, pairs[:, end], of_pairs)
    return np.concatenate([of_pairs, of_views]).reshape(-1, 6 * count)


def _common_motions(views: Sequence[View], center: Array, units: Array) -> Array:
    """(6 views, 7) an orthonormal basis of the changes that no X-ray shows: a rigid motion and a scale of the scene."""
    steps = np.diag([SMALL_TURN] * 3 + [SMALL_SHIFT] * 3 + [SMALL_SCALE])
    here = poses(views)
    changes = []
    for step in steps:
        turn, scale = Rotation.from_rotvec(step[:3]).as_matrix(), 1 + step[6]
        motion = Similarity(scale, turn, center + step[3:6] - scale * turn @ center)
        changes.append((change_between(here, poses(motion.views(views)), center) / units).ravel())
    return np.linalg.qr(np.array(changes).T)[0]
