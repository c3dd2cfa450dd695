"""Training and test views: on one trajectory, and never the same."""

import numpy as np
import pytest

from IXGSLib.geometry.coverage import convergence
from IXGSLib.geometry.trajectory import angles
from IXGSLib.simulation.poses import poses
from Testing.simulation.phantom import settings

ISOCENTRE = np.array([-15.0, 60.0, 1300.0])


def gantry(views):
    return np.array([angles(view) for view in views])


@pytest.mark.parametrize("trajectory", ["arc", "circular", "random"])
@pytest.mark.parametrize(("views", "test_views"), [(25, 5), (2, 1), (3, 10), (10, 9), (10, 11), (25, 24), (25, 100)])
def test_there_are_as_many_different_views_as_asked(trajectory, views, test_views):
    chosen = settings(trajectory=trajectory, views=views, test_views=test_views)
    training, test = poses(chosen, ISOCENTRE)
    assert (len(training), len(test)) == (views, test_views)
    both = [*training, *test]
    assert len({view.id for view in both}) == len(both)
    axes = np.array([view.axis for view in both])
    apart = np.linalg.norm(axes[:, None] - axes, axis=-1)[~np.eye(len(both), dtype=bool)]
    assert np.rad2deg(apart.min()) > (0.3 if trajectory != "random" else 0)
    np.testing.assert_allclose(convergence(both), ISOCENTRE, atol=1e-6)


def test_test_views_of_an_arc_lie_halfway_between_training_views():
    training, test = (gantry(views) for views in poses(settings(views=25, test_views=24, tilt=0.0), ISOCENTRE))
    np.testing.assert_allclose(test, (training[1:] + training[:-1]) / 2, atol=1e-9)


def test_test_views_are_spread_over_the_whole_arc():
    _, test = poses(settings(views=25, test_views=5, span=200.0), ISOCENTRE)
    orbital = gantry(test)[:, 0]
    assert orbital.min() < -70
    assert orbital.max() > 70
    assert np.abs(np.diff(orbital)).max() < 45


def test_random_poses_follow_the_seed_and_stay_in_range():
    chosen = settings(trajectory="random", views=40, test_views=40, span=120.0, tilt=20.0, seed=4)
    (training, test), (again, _) = poses(chosen, ISOCENTRE), poses(chosen, ISOCENTRE)
    other, _ = poses(settings(trajectory="random", views=40, seed=5), ISOCENTRE)
    np.testing.assert_array_equal(gantry(training), gantry(again))
    assert np.abs(gantry(training) - gantry(other)).max() > 1
    assert np.abs(gantry([*training, *test])).max(axis=0) == pytest.approx((60, 20), abs=4)


def test_more_test_views_leave_the_training_views_as_they_are():
    for trajectory in ("arc", "circular", "random"):
        few, _ = poses(settings(trajectory=trajectory, test_views=1), ISOCENTRE)
        many, _ = poses(settings(trajectory=trajectory, test_views=50), ISOCENTRE)
        np.testing.assert_array_equal(gantry(few), gantry(many))
