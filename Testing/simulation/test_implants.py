"""Implants where a surgeon would put them."""

import numpy as np

from IXGSLib.simulation.implants import implants
from Testing.simulation.phantom import CENTER


def test_screws_and_rods_follow_the_spine():
    heights = np.linspace(-150, 150, 31)
    straight = np.add(CENTER, np.column_stack([0 * heights, 0 * heights, heights]))
    bent = straight + np.column_stack([30 * (heights / 100) ** 2, 20 * (heights / 100) ** 2, 0 * heights])
    for spine in (straight, bent):
        solids = implants(("screws",), CENTER, np.random.default_rng(7), spine)
        ends = np.array([end for solid in solids for end in (solid.start, solid.end)])
        middles = np.array([np.interp(ends[:, 2], spine[:, 2], spine[:, n]) for n in (0, 1)]).T
        aside, behind = (ends[:, :2] - middles).T
        assert np.abs(aside).max() < 36
        assert np.abs(aside.mean()) < 4
        assert -30 < behind.min() < 5 < 25 < behind.max() < 60
    unspecified = implants(("screws",), CENTER, np.random.default_rng(7))
    along = implants(("screws",), CENTER, np.random.default_rng(7), straight)
    for one, other in zip(unspecified, along, strict=True):
        np.testing.assert_allclose((one.start, one.end), (other.start, other.end), atol=1e-9)
