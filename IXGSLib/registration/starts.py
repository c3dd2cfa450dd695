"""Poses around a given one, from which a whole spine or a single vertebra is registered."""

from __future__ import annotations

import numpy as np

from ..geometry.rigid import Array, apply
from .adjustment import turned
from .bones import Bone

SHIFT_MM, TURN_DEG = 14.0, 10.0
"""Distance of the starts around a given pose, along and about each axis of the world."""
RESTART_SHIFT_MM, RESTART_TURN_DEG = 4.0, 4.0
"""The same for the restarts of a vertebra, of which each is a random mixture."""


def around(pose: Array, bone: Bone) -> list[Array]:
    """The pose and those shifted and turned to either side along and about each axis."""
    steps = np.diag([np.deg2rad(TURN_DEG)] * 3 + [SHIFT_MM] * 3)
    center = apply(pose, bone.center)
    return [pose, *(turned(pose, change, center) for change in np.concatenate([steps, -steps]))]


def restarts(pose: Array, bone: Bone, count: int, generator: np.random.Generator) -> list[Array]:
    """Poses at random within the distance of restarts."""
    scale = np.array([np.deg2rad(RESTART_TURN_DEG)] * 3 + [RESTART_SHIFT_MM] * 3)
    changes = generator.uniform(-1, 1, (count, 6)) * scale
    return [turned(pose, change, apply(pose, bone.center)) for change in changes]


def moved_along(centers: Array, levels: int) -> Array:
    """(4, 4) the rigid motion that brings each vertebra of a chain to the place of the one `levels` further down.

    centers: (n, 3) in their order; the motion fits the pairs by least squares (Kabsch, Acta Cryst. 1976).
    """
    source, target = (centers[:-levels], centers[levels:]) if levels > 0 else (centers[-levels:], centers[:levels])
    middle, goal = source.mean(axis=0), target.mean(axis=0)
    if len(source) < 3:
        R = np.eye(3)
    else:
        U, _, Vt = np.linalg.svd((source - middle).T @ (target - goal))
        R = (U @ np.diag([1, 1, np.linalg.det(U @ Vt)]) @ Vt).T
    motion = np.eye(4)
    motion[:3, :3], motion[:3, 3] = R, goal - R @ middle
    return motion
