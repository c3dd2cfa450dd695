"""Motions of a whole scene that no X-ray shows: a rigid motion and a scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from .rigid import Array, apply, rigid
from .view import View

BEAM_WEIGHT = 0.05
"""Weight of shifts along the beam, relative to those parallel to the detector, which images determine much better."""


@dataclass(frozen=True, eq=False)
class Similarity:
    """x -> scale R x + shift. If views and attenuation are changed together, all line integrals stay the same.

    rotation: R, (3, 3). shift: (3,) LPS mm.
    """

    scale: float
    rotation: Array
    shift: Array

    @classmethod
    def between(cls, views: Sequence[View], others: Sequence[View], center: ArrayLike) -> Similarity:
        """The similarity that takes the views closest to others of the same images, as seen at `center` (3,).

        The rotation is the mean of all differences, the scale the mean ratio of the distances from the sources to the
        centre, and the shift follows by least squares. center: in the frame of the others.
        """
        center = np.asarray(center, dtype=np.float64)
        pairs = list(zip(views, others, strict=True))
        turns = sum(b.world_from_camera[:3, :3] @ a.world_from_camera[:3, :3].T for a, b in pairs)
        U, _, Vt = np.linalg.svd(turns)
        R = U @ np.diag([1, 1, np.linalg.det(U @ Vt)]) @ Vt
        weights = np.array([1, 1, BEAM_WEIGHT])
        scale, shift = 1.0, np.zeros(3)
        for _ in range(3):  # the depth of the centre depends on the shift, but weakly
            here = R.T @ (center - shift) / scale
            depths = [(apply(a.camera_from_world, here)[2], apply(b.camera_from_world, center)[2]) for a, b in pairs]
            scale = float(np.exp(np.mean([np.log(other / own) for own, other in depths])))
            rows, targets = [], []
            for a, b in pairs:
                back = a.world_from_camera[:3, :3].T @ R.T
                rows.append(weights[:, None] * back)
                missing = back @ (center - scale * R @ a.source) - apply(b.camera_from_world, center)
                targets.append(weights * missing)
            shift = np.linalg.lstsq(np.concatenate(rows), np.concatenate(targets), rcond=None)[0]
        return cls(scale, R, shift)

    def points(self, points: ArrayLike) -> Array:
        """Points (..., 3) after the motion."""
        return self.scale * np.asarray(points, dtype=np.float64) @ self.rotation.T + self.shift

    def views(self, views: Sequence[View]) -> list[View]:
        """The views after the motion."""
        return [
            replace(
                view,
                world_from_camera=rigid(self.rotation @ view.world_from_camera[:3, :3], self.points(view.source)),
            )
            for view in views
        ]
