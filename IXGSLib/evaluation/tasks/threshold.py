"""The bone threshold at which both volumes of a comparison are measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...volume import Volume
from ...volume.bone import nominal_threshold
from .places import Places


def cortex_threshold(truth: Volume, places: Sequence[Places]) -> float:
    """The threshold in 1/mm that suits the truth: that of `nominal_threshold`, or a lower one where the cortex is thin.

    A cortex that is thinner than the voxels, as in osteoporosis, has a peak that may lie below any fixed threshold. The
    lower one is half way between the tissue outside and the peak, in the median over all edges of the vertebrae.
    """
    profiles = [profile for each in places for edges in each.edges() for profile in edges.profiles(truth)]
    middles = [(float(profile[0]) + float(profile.max())) / 2 for profile in profiles if len(profile)]
    return min(nominal_threshold(truth), float(np.median(middles)))
