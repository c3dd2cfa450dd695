import numpy as np
import pytest

from IXGSLib.geometry.trajectory import CArm, circular, random, trajectory
from IXGSLib.reconstruction.order import Order


def views(count, angles=random):
    return trajectory(CArm(detector_pixels=(16, 16)), angles(count), np.zeros(3))


@pytest.mark.parametrize("count", [1, 2, 7, 24, 25, 40])
def test_every_pass_takes_every_view_once(count):
    order = Order(views(count), 0)
    steps = np.array([order(step) for step in range(5 * count)]).reshape(5, count)
    assert (np.sort(steps, axis=1) == np.arange(count)).all()


def test_one_seed_gives_one_order_from_any_step():
    first, second = Order(views(30), 3), Order(views(30), 3)
    assert second(100) == first(100)
    assert [second(step) for step in range(120)] == [first(step) for step in range(120)]
    assert [Order(views(30), 4)(step) for step in range(120)] != [first(step) for step in range(120)]


@pytest.mark.parametrize("count", [12, 30])
def test_passes_differ(count):
    order = Order(views(count), 0)
    assert len({tuple(order(count * turn + place) for place in range(count)) for turn in range(10)}) > 5


def test_neighbours_in_time_look_from_far_apart():
    """On a half circle of 40 views, 4.5 degrees apart, views in a random order are 45 degrees apart on average."""
    half = views(80, circular)[:40]
    directions = np.array([view.world_from_camera[:3, 2] for view in half])
    order = Order(half, 0)
    steps = np.array([order(step) for step in range(400)])
    cosine = np.abs((directions[steps[1:]] * directions[steps[:-1]]).sum(axis=1))
    angle = np.degrees(np.arccos(np.clip(cosine, 0, 1)))
    assert angle.mean() > 60
    assert np.percentile(angle, 5) > 20
