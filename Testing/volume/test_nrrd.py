"""The volume that IXGS wrote is read back without SimpleITK, exactly."""

import io

import numpy as np
import pytest

from IXGSLib.errors import FormatError
from IXGSLib.geometry import Grid
from IXGSLib.volume import Volume
from IXGSLib.volume.nrrd import PIECE_BYTES, nrrd_bytes, nrrd_content, nrrd_steps

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
    with pytest.raises(FormatError, match="not a volume that IXGS wrote"):
        nrrd_content(data[: int(share * len(data))])


@pytest.mark.parametrize("sizes", [b"5 3 5", b"5 3 3", b"99999999 99999999 9"])
def test_a_header_with_another_number_of_voxels_is_refused(sizes):
    data = nrrd_bytes(np.ones(OBLIQUE.shape, np.float32), OBLIQUE).replace(b"sizes: 5 3 4", b"sizes: " + sizes)
    with pytest.raises(FormatError, match="not a volume that IXGS wrote"):
        nrrd_content(data)


@pytest.mark.parametrize("more", [b"# " + b"x" * 70_000 + b"\n", b"# comment\n" * 10_000])
def test_a_header_without_end_is_refused(more):
    data = nrrd_bytes(np.ones(OBLIQUE.shape, np.float32), OBLIQUE).replace(b"kinds:", more + b"kinds:")
    with pytest.raises(FormatError, match="not a volume that IXGS wrote"):
        nrrd_content(data)


def test_a_large_file_is_unpacked_in_small_parts():
    """However well it was packed: here 1000 to 1."""
    grid, parts = Grid.centered((0, 0, 0), (160, 160, 96), 1.0), []
    values = np.full(grid.shape, np.nan, np.float32)
    for _ in nrrd_steps(io.BytesIO(nrrd_bytes(np.ones(grid.shape), grid)), lambda shape: values):
        parts.append(int(np.isfinite(values).sum()))
    assert parts[-1] == values.size
    assert 4 * np.diff([0, *parts]).max() <= PIECE_BYTES
