"""The motion of a level in anatomical terms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from IXGSLib.geometry.rigid import rigid
from IXGSLib.registration.motion import motion_between

CENTERS = (np.array([0.0, 0.0, 30.0]), np.zeros(3))


def motion(turn=(0, 0, 0), shift=(0, 0, 0), common=None):
    """The upper vertebra turns about the middle of the level and shifts; LPS."""
    R, middle = Rotation.from_rotvec(np.deg2rad(turn)).as_matrix(), np.array([0, 0, 15.0])
    upper = rigid(R, middle + shift - R @ middle)
    common = np.eye(4) if common is None else common
    return motion_between(("L3", "L4"), (common @ upper, common), CENTERS)


@pytest.mark.parametrize(
    ("name", "turn", "moves"),
    [("flexion", (5, 0, 0), (0, -1, 0)), ("bending", (0, 5, 0), (1, 0, 0)), ("torsion", (0, 0, 5), (1, 0, 0))],
)
def test_rotations_are_named_for_where_they_lead(name, turn, moves):
    """Flexion and bending move the head to the front and to the left, torsion turns the front to the left."""
    found = motion(turn)
    assert getattr(found, name) == pytest.approx(5)
    assert found.rotation == pytest.approx(5)
    assert found.shift == pytest.approx(0, abs=1e-9)
    start = np.array([0.0, -1.0, 0.0]) if name == "torsion" else np.array([0.0, 0.0, 1.0])
    assert (Rotation.from_rotvec(np.deg2rad(turn)).apply(start) - start) @ moves > 0


def test_shifts():
    found = motion(shift=(1.0, 2.0, -3.0))
    assert (found.left, found.posterior, found.superior) == pytest.approx((1, 2, -3))
    assert found.shift == pytest.approx(np.sqrt(14))
    assert found.rotation == pytest.approx(0, abs=1e-9)


def test_a_common_motion_is_none():
    common = rigid(Rotation.from_rotvec([0.4, 0.2, -0.7]).as_matrix(), (50.0, 20.0, -80.0))
    own, moved = (motion((3, -2, 1), (1, 0, 2), common=each) for each in (None, common))
    for name in ("flexion", "bending", "torsion", "left", "posterior", "superior"):
        assert getattr(moved, name) == pytest.approx(getattr(own, name))
