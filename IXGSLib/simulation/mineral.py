"""Cancellous bone as dense as in an older or a younger patient."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ..compute.lanes import kernel, part
from ..compute.threads import run
from ..volume.bone import WATER
from .body import BONE_MIXTURE_HU, Body

SOFT_HU, CANCELLOUS_HU, CORTICAL_HU = 40.0, 300.0, 900.0
"""Values of soft tissue; up to which bone changes by the whole factor; from which it does not change."""


def mineralized(patient: Body, factor: float) -> Body:
    """A patient whose cancellous bone exceeds soft tissue by `factor` times as many HU.

    Cortical bone stays as it is. Materials and enhanced bone follow from HU as in `body.body`, so that more or less
    bone is enhanced. What is not enhanced, such as contrast agent, stays so.
    """
    values = np.empty_like(patient.values)
    run(_mineralize, len(values), patient.values, factor, np.array(patient.step), values)
    return replace(patient, values=values)


@part
def _mixed(hounsfield):
    """The bone in a voxel of mixed tissue, 1/mm."""
    low, high = BONE_MIXTURE_HU
    return max((hounsfield - low) / (high - low), 0.0) * WATER * (1 + high / 1000)


@kernel
def _mineralize(chunk, start, stop, values, factor, step, changed):
    for k in range(start, stop):
        for j in range(values.shape[1]):
            for i in range(values.shape[2]):
                water, bone, metal, enhanced = values[k, j, i]
                before = 1000 * ((water + bone) / WATER - 1)
                if SOFT_HU < before < CORTICAL_HU:
                    share = min((CORTICAL_HU - before) / (CORTICAL_HU - CANCELLOUS_HU), 1.0)
                    after = SOFT_HU + (before - SOFT_HU) * factor**share
                    total = WATER * (1 + after / 1000)
                    # The quotient of the logistic steps after and before.
                    steps = (1 + math.exp((step[0] - before) / step[1])) / (1 + math.exp((step[0] - after) / step[1]))
                    enhanced = min(enhanced * steps * total / (water + bone), total)
                    bone = min(max(bone + _mixed(after) - _mixed(before), 0.0), total)
                    water = total - bone
                changed[k, j, i, 0] = water
                changed[k, j, i, 1] = bone
                changed[k, j, i, 2] = metal
                changed[k, j, i, 3] = enhanced
