"""The mean shape that is placed best: where it ends up, and the table."""

import numpy as np
import pytest

from IXGSLib.geometry import Grid
from IXGSLib.volume import Volume
from IXGSLib.volume.bone import bone_surface
from Testing.benchmarks.prior import mean_shape
from Testing.benchmarks.store import Store


def test_a_shape_is_moved_turned_and_scaled_onto_its_surface():
    grid = Grid.centered((30.0, -20.0, 900.0), np.array([90.0, 60.0, 110.0]), 2.0)
    away = (grid.points() - grid.center) / (34.0, 16.0, 45.0) - 0.15 * np.sin(grid.points()[..., ::-1] / 15)
    surface = bone_surface(Volume(np.exp(-(away**2).sum(axis=-1)).astype(np.float32), grid), np.exp(-1))
    angle = np.deg2rad(6)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    shape = (surface.vertices - grid.center) @ turn.T / 1.08 + (4.0, 2.0, -200.0)
    placed = mean_shape.placed(shape, surface)
    assert np.median(np.linalg.norm(placed - surface.vertices, axis=1)) < 1.0


def test_only_points_in_the_box_around_the_shape_count():
    shape = np.array([(0.0, 0.0, 0.0), (10.0, 10.0, 10.0)])
    points = np.array([(5.0, 5.0, 5.0), (12.0, 5.0, 5.0), (14.0, 5.0, 5.0)])
    np.testing.assert_array_equal(mean_shape._beside(points, shape), points[:2])


@pytest.mark.skipif(not mean_shape.STORE.exists(), reason="nothing has been measured yet")
def test_the_page_shows_what_is_stored():
    assert mean_shape.PART.read() == mean_shape.page_part(Store(mean_shape.STORE).content)
