import json

import numpy as np
import pytest

from IXGSLib.errors import FormatError, GeometryError
from IXGSLib.formats.geometry_json import (
    box_as_json,
    box_from_json,
    grid_as_json,
    grid_from_json,
    view_as_json,
    view_from_json,
)
from IXGSLib.geometry import Grid
from IXGSLib.geometry.trajectory import CArm

VIEW = CArm().view(30, 20, (5, -20, 30))
TURN = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])
GRID = Grid.centered((1, 2, 3), (40, 60, 80), 2.0, TURN)


def test_a_view_comes_back_bit_by_bit():
    back = view_from_json(json.loads(json.dumps(view_as_json(VIEW))))
    assert np.array_equal(back.K, VIEW.K)
    assert np.array_equal(back.world_from_camera, VIEW.world_from_camera)
    assert (back.id, back.size, back.pixel_spacing) == (VIEW.id, VIEW.size, VIEW.pixel_spacing)


def test_an_unknown_pixel_spacing_stays_unknown():
    entry = view_as_json(VIEW)
    del entry["pixel_spacing"]
    assert view_from_json(entry).pixel_spacing is None
    assert view_from_json(entry | {"pixel_spacing": None}).pixel_spacing is None


def test_a_grid_comes_back_bit_by_bit():
    back = grid_from_json(json.loads(json.dumps(grid_as_json(GRID))))
    assert back.shape == GRID.shape
    assert np.array_equal(back.world_from_index, GRID.world_from_index)


def test_the_region_of_a_case_comes_back():
    back = box_from_json(json.loads(json.dumps(box_as_json(GRID))), "volume")
    assert back.shape == GRID.shape
    assert np.abs(back.world_from_index - GRID.world_from_index).max() < 1e-10
    with pytest.raises(FormatError, match="expected cubes"):
        box_as_json(Grid((2, 2, 2), (1, 1, 2), (0, 0, 0), np.eye(3)))


@pytest.mark.parametrize("key", ["size", "K", "world_from_camera"])
def test_a_view_that_lacks_an_entry_is_refused(key):
    entry = view_as_json(VIEW)
    del entry[key]
    with pytest.raises(FormatError, match=f'no "{key}"'):
        view_from_json(entry)


def test_a_mirrored_view_is_refused():
    entry = view_as_json(VIEW)
    entry["world_from_camera"] = (VIEW.world_from_camera @ np.diag([-1.0, 1, 1, 1])).tolist()
    with pytest.raises(GeometryError, match="reflection"):
        view_from_json(entry)


def test_a_grid_that_lacks_an_entry_is_refused():
    entry = grid_as_json(GRID)
    del entry["origin"]
    with pytest.raises(FormatError, match='no "origin"'):
        grid_from_json(entry)
