"""How a vertebra has moved against its neighbour since the CT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from ..geometry.rigid import Array, apply, inverse


@dataclass(frozen=True)
class Motion:
    """The motion of a vertebra against the one below, in the axes of the CT.

    flexion: degrees forward, bending: degrees towards the left, torsion: degrees towards the left (seen from the head,
    anticlockwise); left, posterior, superior: mm, of the point midway between the two centres.
    """

    upper: str
    lower: str
    flexion: float
    bending: float
    torsion: float
    left: float
    posterior: float
    superior: float

    @property
    def rotation(self) -> float:
        """Degrees in all; the rotation vector's length."""
        return float(np.linalg.norm((self.flexion, self.bending, self.torsion)))

    @property
    def shift(self) -> float:
        """mm in all."""
        return float(np.linalg.norm((self.left, self.posterior, self.superior)))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**vars(self), "rotation": self.rotation, "shift": self.shift}


def motion_between(names: tuple[str, str], poses: tuple[Array, Array], centers: tuple[Array, Array]) -> Motion:
    """The motion of the upper vertebra as seen from the lower one.

    names, poses (4, 4) world_from_ct and centers (3,) in the CT: of the upper and of the lower vertebra.
    """
    ct_from_ct = inverse(poses[1]) @ poses[0]
    middle = (centers[0] + centers[1]) / 2
    x, y, z = np.rad2deg(Rotation.from_matrix(ct_from_ct[:3, :3]).as_rotvec())
    shift = apply(ct_from_ct, middle) - middle
    # In LPS a positive turn about x moves the head to the front, about y to the left, and about z the
    # front to the left.
    return Motion(*names, float(x), float(y), float(z), *(float(each) for each in shift))
