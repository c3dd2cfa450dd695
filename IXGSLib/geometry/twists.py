"""Small changes of a view's pose: six numbers, in the view's own axes, about the centre of the region.

A change turns what a view sees by a rotation vector about the image of the centre and then shifts it; x and y are
parallel to the detector, z points along the beam. Turning about the region and not about the source separates rotation
from shift, which are hard to tell apart otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from .rigid import Array
from .view import View


def poses(views: Sequence[View]) -> Array:
    """(views, 4, 4) world_from_camera, LPS mm."""
    return np.array([view.world_from_camera for view in views])


def with_poses(views: Sequence[View], world_from_camera: Array) -> list[View]:
    """The views at other poses (views, 4, 4)."""
    return [replace(view, world_from_camera=pose) for view, pose in zip(views, world_from_camera, strict=True)]


def changed(world_from_camera: Array, twists: Array, center: Array) -> Array:
    """Poses (n, 4, 4) after changes (n, 6): rotation vectors in radians, then shifts in mm, about `center` (3,) LPS."""
    R, source = world_from_camera[:, :3, :3], world_from_camera[:, :3, 3]
    turn = Rotation.from_rotvec(twists[:, :3]).as_matrix()
    seen = np.einsum("nji,nj->ni", R, center - source)
    back = np.swapaxes(turn, 1, 2)
    result = world_from_camera.copy()
    result[:, :3, :3] = R @ back
    result[:, :3, 3] = center - np.einsum("nij,nj->ni", R @ back, seen + twists[:, 3:])
    return result


def change_between(before: Array, after: Array, center: Array) -> Array:
    """(n, 6) the changes that lead from poses (n, 4, 4) to others: the inverse of `changed`."""
    turn = np.einsum("nji,njk->nik", after[:, :3, :3], before[:, :3, :3])
    seen = [np.einsum("nji,nj->ni", T[:, :3, :3], center - T[:, :3, 3]) for T in (before, after)]
    return np.concatenate([Rotation.from_matrix(turn).as_rotvec(), seen[1] - seen[0]], axis=1)
