"""The volume that IXGS wrote is read back without SimpleITK, exactly."""

import numpy as np
import pytest

from IXGSLib.errors import FormatError
from IXGSLib.geometry import Grid
from IXGSLib.volume import Volume
from IXGSLib.volume.nrrd import nrrd_bytes, nrrd_content

OBLIQUE = Grid((4, 3, 5), [0.8, 1.0, 1.25], [-15.1, 60.2, 1300.3], [[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])


def test_content_and_lattice_come_back(tmp_path):
    values = np.random.default_rng(0).random(OBLIQUE.shape, dtype=np.float32)
    found, grid = nrrd_content(nrrd_bytes(values, OBLIQUE))
    assert np.array_equal(found, values)
    assert np.allclose(grid.world_from_index, OBLIQUE.world_from_index, rtol=0, atol=1e-12)
    Volume(values, OBLIQUE).save(tmp_path / "v.nrrd")
    other = Volume.load(tmp_path / "v.nrrd")
    assert np.array_equal(found, other.values)
    assert np.allclose(grid.world_from_index, other.grid.world_from_index)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.6, 0.99])
def test_a_file_that_is_cut_is_refused(share):
    data = nrrd_bytes(np.ones(OBLIQUE.shape, np.float32), OBLIQUE)
    with pytest.raises(FormatError, match="no volume that IXGS wrote"):
        nrrd_content(data[: int(share * len(data))])
