"""Solids: the lengths of rays inside one, and inside several that overlap."""

import numpy as np
import pytest

from IXGSLib.geometry.trajectory import CArm
from IXGSLib.simulation.implants import implants
from IXGSLib.simulation.solids import Box, Capsule, ball, thickness
from Testing.simulation.phantom import CENTER

VIEW = CArm(detector_pixels=(96, 96), detector_size=160).view(30, 10, CENTER)


def chords(solid, source, directions):
    enter, leave = solid.span(source, directions)
    return np.maximum(leave - enter, 0)


def test_chords_through_ball_and_cylinder_match_geometry():
    source = np.array([0.0, -100.0, 0.0])
    heights = np.array([0.0, 1.0, 2.9, 3.1])
    directions = np.stack([np.zeros(4), np.full(4, 100.0), heights], axis=-1)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    distance = 100 * heights / np.hypot(100, heights)
    expected = 2 * np.sqrt(np.maximum(9 - distance**2, 0))
    np.testing.assert_allclose(chords(ball([0, 0, 0], 3.0), source, directions), expected, atol=1e-9)
    across = Capsule(np.array([-50.0, 0, 0]), np.array([50.0, 0, 0]), 3.0)
    np.testing.assert_allclose(chords(across, source, directions), expected, atol=1e-9)
    along = Capsule(np.array([0, -20.0, 0]), np.array([0, 20.0, 0]), 3.0)
    assert chords(along, source, directions)[0] == pytest.approx(46)
    slanted = Capsule(np.array([-40.0, -40, 0]), np.array([40.0, 40, 0]), 3.0)
    assert chords(slanted, source, directions)[0] == pytest.approx(6 * np.sqrt(2))
    assert Box(np.zeros(3), np.array([10.0, 20, 30])).chords(source, directions)[0] == pytest.approx(20)


def test_a_solid_is_found_wherever_it_is_visible():
    solids = implants(("screws", "wires", "balls"), np.array(CENTER), np.random.default_rng(1))
    width, height = VIEW.size
    rays = VIEW.ray(np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1))
    for solid in solids:
        np.testing.assert_allclose(thickness([solid], VIEW), chords(solid, *rays), atol=1e-4)
    assert (thickness(solids, VIEW) > 5).mean() > 0.005


def test_solids_that_overlap_count_once():
    rod = Capsule(np.add(CENTER, (-20, 0, 0)), np.add(CENTER, (20, 0, 0)), 3.0)
    halves = [Capsule(rod.start, np.add(CENTER, (5, 0, 0)), 3.0), Capsule(np.add(CENTER, (-5, 0, 0)), rod.end, 3.0)]
    np.testing.assert_allclose(thickness(halves, VIEW), thickness([rod], VIEW), atol=1e-4)
    apart = [ball(np.add(CENTER, offset), 3.0) for offset in ((0, -30, 0), (0, 30, 0))]
    np.testing.assert_allclose(
        thickness(apart, VIEW), thickness(apart[:1], VIEW) + thickness(apart[1:], VIEW), atol=1e-4
    )
    assert not thickness([], VIEW).any()
