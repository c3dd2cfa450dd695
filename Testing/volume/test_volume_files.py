"""Volumes in files: exact round trips, places in the world, and files that must be refused."""

import gzip

import numpy as np
import pytest
import SimpleITK as sitk

from IXGSLib.errors import FormatError, IXGSError, IXGSWarning, NotAnImage, TruncatedFile
from IXGSLib.geometry import Grid
from IXGSLib.geometry.rigid import apply
from IXGSLib.volume import Volume
from IXGSLib.volume.images import read_image
from IXGSLib.volume.resampling import resample

EVERY_SUFFIX = ["v.nrrd", "v.nhdr", "v.mha", "v.mhd", "v.nii", "v.nii.gz"]


def rotation(seed=0):
    Q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return Q * np.sign(np.linalg.det(Q))


@pytest.fixture
def volume():
    grid = Grid((5, 6, 7), [0.7, 1.1, 2.3], [-211.37, 95.1, 1310.9], rotation())
    return Volume(np.random.default_rng(1).normal(size=grid.shape), grid)


def itk(values, spacing=(1, 1, 1), origin=(0, 0, 0), direction=None):
    image = sitk.GetImageFromArray(np.asarray(values))
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection(np.ravel(np.eye(3) if direction is None else direction).tolist())
    return image


def outer_corners(volume):
    """Where the corner voxels lie and what they hold."""
    nk, nj, ni = volume.grid.shape
    index = np.array([(i, j, k) for i in (0, ni - 1) for j in (0, nj - 1) for k in (0, nk - 1)])
    return index, apply(volume.grid.world_from_index, index), volume.values[index[:, 2], index[:, 1], index[:, 0]]


def test_saved_volume_loads_identical(volume, tmp_path):
    volume.save(tmp_path / "volume.nrrd")
    loaded = Volume.load(tmp_path / "volume.nrrd")
    assert np.array_equal(loaded.values, volume.values)
    assert loaded.grid.shape == volume.grid.shape
    for name in ("spacing", "origin", "direction"):
        assert np.allclose(getattr(loaded.grid, name), getattr(volume.grid, name), rtol=0, atol=1e-12)
    assert [path.name for path in tmp_path.iterdir()] == ["volume.nrrd"]


def test_saving_twice_gives_the_same_bytes(volume, tmp_path):
    volume.save(tmp_path / "a.nrrd")
    volume.save(tmp_path / "b.nrrd")
    assert (tmp_path / "a.nrrd").read_bytes() == (tmp_path / "b.nrrd").read_bytes()


def test_itk_puts_the_corner_voxels_at_the_same_places(volume, tmp_path):
    volume.save(tmp_path / "volume.nrrd")
    image = sitk.ReadImage(str(tmp_path / "volume.nrrd"))
    for index, place, value in zip(*outer_corners(volume), strict=True):
        index = index.tolist()
        assert np.allclose(image.TransformIndexToPhysicalPoint(index), place, rtol=0, atol=1e-3)
        assert image[index] == value


@pytest.mark.parametrize("name", EVERY_SUFFIX)
def test_every_format_of_itk_is_read_in_place(volume, tmp_path, name):
    grid = volume.grid
    sitk.WriteImage(itk(volume.values, grid.spacing.tolist(), grid.origin.tolist(), grid.direction), tmp_path / name)
    loaded = Volume.load(tmp_path / name)
    assert np.array_equal(loaded.values, volume.values)
    assert np.allclose(loaded.grid.corners(), grid.corners(), rtol=0, atol=1e-3)


def test_left_handed_lattice_becomes_right_handed_without_moving_a_voxel(tmp_path):
    values = np.random.default_rng(2).integers(-1000, 1000, (3, 4, 5)).astype(np.int16)
    direction = rotation(3) * (1, -1, 1)
    image = itk(values, (0.5, 1.5, 2.5), (10, 20, 30), direction)
    sitk.WriteImage(image, tmp_path / "flipped.mha")
    found, grid = read_image(tmp_path / "flipped.mha")
    assert np.linalg.det(grid.direction) == pytest.approx(1)
    assert found.dtype == np.float32
    for index in [(0, 0, 0), (4, 0, 2), (1, 3, 1)]:
        place = image.TransformIndexToPhysicalPoint(index)
        i, j, k = np.rint(apply(np.linalg.inv(grid.world_from_index), place)).astype(int)
        assert found[k, j, i] == image[index]
        assert np.allclose(apply(grid.world_from_index, (i, j, k)), place, atol=1e-9)


@pytest.mark.parametrize("name", EVERY_SUFFIX)
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("part", [0.6, 0.98])
def test_cut_file_is_refused(tmp_path, name, compressed, part):
    sitk.WriteImage(
        itk(np.random.default_rng(4).normal(size=(16, 16, 16)).astype(np.float32)), tmp_path / name, compressed
    )
    largest = max(tmp_path.iterdir(), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[: int(part * largest.stat().st_size)])
    with pytest.raises(TruncatedFile, match=name):
        read_image(tmp_path / name)


def test_flipped_byte_in_own_file_is_noticed(volume, tmp_path):
    path = tmp_path / "volume.nrrd"
    volume.save(path)
    data = bytearray(path.read_bytes())
    data[-200] ^= 0x10
    path.write_bytes(data)
    with pytest.raises(FormatError, match=r"damaged|end too early"):
        Volume.load(path)


@pytest.mark.parametrize("name", EVERY_SUFFIX)
@pytest.mark.parametrize("content", [b"", b"These are words.\n" * 40, b"\x89PNG\r\n\x1a\n" + bytes(100)])
def test_other_content_is_refused_by_name(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(NotAnImage, match=f"{name}.*expected a"):
        read_image(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"%PDF-1.7\n", "PDF"), (b"\x89HDF\r\n\x1a\n", "HDF5"), (b"\x5c\1\0\0" + bytes(400), "NIfTI")],
)
def test_other_content_is_named_by_its_kind(tmp_path, content, kind):
    (tmp_path / "v.nrrd").write_bytes(content)
    with pytest.raises(NotAnImage, match=rf"\({kind}\), expected a NRRD"):
        read_image(tmp_path / "v.nrrd")


def test_gzip_of_text_named_nifti_is_refused(tmp_path):
    (tmp_path / "v.nii.gz").write_bytes(gzip.compress(b"words " * 200))
    with pytest.raises(NotAnImage, match="expected a NIfTI"):
        read_image(tmp_path / "v.nii.gz")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_voxels_that_are_not_finite_are_refused(tmp_path, value):
    values = np.zeros((3, 3, 3), dtype=np.float32)
    values[1, 1, 1] = value
    sitk.WriteImage(itk(values), tmp_path / "v.mha")
    with pytest.raises(FormatError, match="1 of 27 voxels are NaN"):
        read_image(tmp_path / "v.mha")


def test_shear_is_refused_and_a_slight_one_causes_a_warning(tmp_path):
    values = np.zeros((3, 3, 3), dtype=np.float32)
    sheared = np.array([[1, 0, 0], [0, 1, -0.2], [0, 0, np.sqrt(1 - 0.04)]])
    sitk.WriteImage(itk(values, direction=sheared), tmp_path / "v.nrrd")
    with pytest.raises(FormatError, match="right angles"):
        read_image(tmp_path / "v.nrrd")
    slight = np.array([[1, 0, 0], [0, 1, -0.002], [0, 0, 1]])
    sitk.WriteImage(itk(values, direction=slight), tmp_path / "w.nrrd")
    with pytest.warns(IXGSWarning, match="nearest rotation"):
        read_image(tmp_path / "w.nrrd")


def test_rounding_of_float32_headers_is_corrected_without_a_warning(tmp_path):
    values = np.zeros((3, 3, 3), dtype=np.float32)
    sitk.WriteImage(itk(values, direction=rotation(5).round(5)), tmp_path / "v.mha")
    _, grid = read_image(tmp_path / "v.mha")
    assert np.allclose(grid.direction @ grid.direction.T, np.eye(3), atol=1e-12)


def test_two_dimensions_and_vectors_are_refused(tmp_path):
    sitk.WriteImage(sitk.Image(4, 4, sitk.sitkFloat32), tmp_path / "flat.mha")
    sitk.WriteImage(sitk.Image([4, 4, 4], sitk.sitkVectorFloat32, 3), tmp_path / "vector.mha")
    for name in ("flat.mha", "vector.mha"):
        with pytest.raises(FormatError, match=r"expected 3 dimensions with one|expected one number per sample"):
            read_image(tmp_path / name)


def test_absurd_size_is_refused_before_reading(tmp_path):
    header = (
        "ObjectType = Image\nNDims = 3\nDimSize = 60000 60000 60000\nElementType = MET_SHORT\nElementDataFile = LOCAL\n"
    )
    (tmp_path / "v.mha").write_bytes(header.encode() + bytes(64))
    with pytest.raises(FormatError, match="at most"):
        read_image(tmp_path / "v.mha")


def test_missing_file_and_foreign_suffix_are_refused(volume, tmp_path):
    with pytest.raises(FormatError, match="no such file"):
        Volume.load(tmp_path / "none.nrrd")
    (tmp_path / "v.txt").write_text("x")
    with pytest.raises(NotAnImage, match=r"\.nrrd"):
        Volume.load(tmp_path / "v.txt")
    with pytest.raises(FormatError, match=r"\.nrrd"):
        volume.save(tmp_path / "v.nii.gz")


def test_saving_into_a_missing_folder_names_the_cure(volume, tmp_path):
    with pytest.raises(IXGSError, match="write permission"):
        volume.save(tmp_path / "none" / "volume.nrrd")


def test_resampling_on_the_same_grid_changes_nothing(volume):
    assert np.allclose(resample(volume, volume.grid).values, volume.values, atol=1e-6)


def test_resampling_keeps_a_linear_function_of_the_world():
    source = Grid.centered((5, -3, 900), (60, 60, 60), 2.0, rotation(6))
    slope = np.array([1e-3, -2e-3, 3e-3])
    volume = Volume(source.points() @ slope, source)
    target = Grid.centered((5, -3, 900), (20, 24, 28), 0.9, rotation(7))
    assert np.allclose(resample(volume, target).values, target.points() @ slope, atol=1e-5)


def test_resampling_is_zero_outside(volume):
    far = Grid.centered(volume.grid.center + 1000, (10, 10, 10), 1.0)
    assert not resample(volume, far).values.any()
