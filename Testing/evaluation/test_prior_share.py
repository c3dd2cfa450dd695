"""The share of a prior: none where X-rays and prior agree, all of it where the volume follows the prior alone."""

import numpy as np
import pytest

from IXGSLib.evaluation.prior_share import prior_share
from IXGSLib.geometry import Grid
from IXGSLib.volume import Volume

COARSE = Grid.centered((1.0, 2.0, 3.0), np.full(3, 64.0), 4.0, np.eye(3))
FINE = COARSE.with_spacing(2.0)


def ball(grid, center, value=0.03):
    inside = ((grid.points() - np.add(grid.center, center)) ** 2).sum(axis=-1) < 10.0**2
    return np.where(inside, value, 0).astype(np.float32)


LEFT, RIGHT = (-16, 0, 0), (16, 0, 0)


def near(share, center):
    """The mean share in a small ball."""
    inside = ((share.grid.points() - np.add(share.grid.center, center)) ** 2).sum(axis=-1) < 5.0**2
    return share.values[inside].mean()


def test_bone_that_only_the_prior_knows_is_its_share():
    both = Volume(ball(FINE, LEFT) + ball(FINE, RIGHT), FINE)
    alone = Volume(ball(COARSE, LEFT, 0.02), COARSE)
    found = prior_share(both, both, alone)
    assert found.share.grid.shape == FINE.shape
    assert near(found.share, RIGHT) > 0.95
    assert near(found.share, LEFT) < 0.3
    assert found.added == pytest.approx(0.5, abs=0.05)
    assert found.removed == 0
    assert "50%" in found.sentence or "49%" in found.sentence or "51%" in found.sentence


def test_bone_that_the_prior_took_away_counts_too():
    alone, prior = Volume(ball(COARSE, LEFT) + ball(COARSE, RIGHT), COARSE), Volume(ball(FINE, LEFT), FINE)
    found = prior_share(prior, prior, alone)
    assert near(found.share, RIGHT) > 0.95
    assert (found.added, found.removed) == (0, pytest.approx(1, abs=0.05))


def test_a_volume_that_follows_the_xrays_has_no_share():
    volume = Volume(ball(FINE, LEFT), FINE)
    found = prior_share(volume, Volume(ball(FINE, LEFT) + ball(FINE, RIGHT), FINE), Volume(ball(COARSE, LEFT), COARSE))
    assert near(found.share, RIGHT) == 0
    assert (found.added, found.removed) == (0, 0)


def test_the_map_is_written(tmp_path):
    volume = Volume(ball(FINE, LEFT), FINE)
    found = prior_share(volume, volume, Volume(np.zeros(COARSE.shape, np.float32), COARSE))
    found.save(tmp_path / "share.nrrd")
    np.testing.assert_allclose(Volume.load(tmp_path / "share.nrrd").values, found.share.values)
    assert found.as_dict()["added"] == found.added == 1
