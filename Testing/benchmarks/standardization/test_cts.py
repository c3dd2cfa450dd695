"""The CTs of the networks: their credits, and the body cut out of a series."""

import shutil

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from IXGSLib.geometry import Grid
from Testing.benchmarks.scene import DATA
from Testing.benchmarks.standardization import cts


def test_air_and_table_around_the_body_are_left_out():
    values = np.full((6, 40, 50), -1000.0)
    values[:, 5:25, 10:40] = 30  # a body with
    values[:, 12:16, 20:24] = -900  # air in it
    values[:, 8, 15] = 4000  # and a bright voxel,
    values[:, 30:32, 5:45] = 200  # above a table
    grid = Grid((6, 40, 50), [0.5, 1.0, 2.0], [-7.0, 3.0, 11.0], np.eye(3))
    body, cropped = cts.body_alone(values, grid)
    assert cropped.shape == body.shape == (6, 22, 32)
    np.testing.assert_allclose(cropped.origin, [-7 + 9 * 0.5, 3 + 4 * 1.0, 11])
    np.testing.assert_array_equal(body[:, 1:-1, 1:-1], np.minimum(values[:, 5:25, 10:40], cts.MAX_HU))
    assert (body[:, [0, -1]] <= -1000).all()
    assert 200 not in body


def test_another_series_is_refused_with_its_uid(tmp_path):
    file = get_testdata_file("CT_small.dcm")
    shutil.copy(file, tmp_path)
    with pytest.raises(SystemExit, match=str(dcmread(file).SeriesInstanceUID)):
        cts.main([str(tmp_path), "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not DATA.exists(), reason="needs the CTs")
def test_every_ct_has_a_credit_that_states_a_licence():
    found = cts.credits()
    assert len(found) == len(cts.OF_DATA) + len(cts.PUBLIC)
    assert all(len(name) == cts.DIGITS for name in found)
    assert all(any(licence in each for licence in ("CC BY ", "BSD-3", "Apache-2.0")) for each in found.values())
    assert not any("CC BY-NC" in each for each in found.values())
