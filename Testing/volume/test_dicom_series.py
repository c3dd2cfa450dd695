"""A DICOM series as a volume: rescaled, in its place in the patient, and refused unless evenly spaced."""

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from IXGSLib.errors import FormatError, TruncatedFile
from IXGSLib.geometry.rigid import apply
from IXGSLib.volume.images import read_image

ROW, COLUMN = np.array([0.0, 0.8, 0.6]), np.array([1.0, 0.0, 0.0])
NORMAL = np.cross(ROW, COLUMN)
STEP = 2.5


def write_slice(path, number, series, position=None, **tags):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
    pixels = np.arange(12, dtype=np.uint16).reshape(3, 4) + 100 * number
    values = {
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
        "SeriesInstanceUID": series,
        "Modality": "CT",
        "ImagePositionPatient": [
            round(float(x), 4) for x in (np.array([5, 6, 7]) + number * STEP * NORMAL if position is None else position)
        ],
        "ImageOrientationPatient": [*ROW, *COLUMN],
        "PixelSpacing": [0.5, 0.75],
        "RescaleSlope": 2,
        "RescaleIntercept": -1024,
        "Rows": 3,
        "Columns": 4,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 0,
        "PixelData": pixels.tobytes(),
    }
    for tag, value in (values | tags).items():
        setattr(dataset, tag, value)
    dataset.save_as(path, enforce_file_format=True)


@pytest.fixture
def folder(tmp_path):
    series = generate_uid()
    for number, name in enumerate("dbacfe"):
        write_slice(tmp_path / f"{name}.dcm", number, series)
    (tmp_path / "README.txt").write_text("not an image")
    return tmp_path


def test_series_is_sorted_rescaled_and_placed(folder):
    values, grid = read_image(folder)
    assert values.shape == (6, 3, 4)
    assert np.array_equal(values[2], (np.arange(12).reshape(3, 4) + 200) * 2.0 - 1024)
    assert np.allclose(grid.spacing, (0.75, 0.5, STEP), atol=1e-4)
    place = np.array([5, 6, 7]) + 0.75 * 2 * ROW + 0.5 * 1 * COLUMN + 3 * STEP * NORMAL
    assert np.allclose(apply(grid.world_from_index, (2, 1, 3)), place, atol=1e-3)


def test_itk_agrees_on_the_series(folder):
    import SimpleITK as sitk

    image = sitk.ReadImage([str(folder / f"{name}.dcm") for name in "dbacfe"])
    values, grid = read_image(folder)
    assert np.array_equal(sitk.GetArrayFromImage(image), values)
    assert np.allclose(
        image.TransformIndexToPhysicalPoint((3, 2, 3)), apply(grid.world_from_index, (3, 2, 3)), atol=1e-3
    )


def test_missing_slice_is_refused(folder):
    (folder / "b.dcm").unlink()
    with pytest.raises(FormatError, match=r"5.000 mm apart, the others 2.500"):
        read_image(folder)


def test_gantry_tilt_is_refused(tmp_path):
    for number in range(4):
        write_slice(tmp_path / f"{number}.dcm", number, "1.2.3", position=number * (STEP * NORMAL + 0.4 * COLUMN))
    with pytest.raises(FormatError, match="tilt"):
        read_image(tmp_path)


def test_two_series_and_none_are_refused(folder, tmp_path_factory):
    write_slice(folder / "g.dcm", 6, generate_uid())
    with pytest.raises(FormatError, match="2 DICOM series"):
        read_image(folder)
    with pytest.raises(FormatError, match="0 DICOM slices"):
        read_image(tmp_path_factory.mktemp("empty"))


@pytest.mark.parametrize("part", [0.3, 0.98])
def test_cut_slice_is_refused_by_name(folder, part):
    path = folder / "a.dcm"
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
    with pytest.raises(TruncatedFile, match=r"a\.dcm"):
        read_image(folder)


def test_magnetic_resonance_is_refused(tmp_path):
    write_slice(tmp_path / "a.dcm", 0, "1.2.3", Modality="MR")
    with pytest.raises(FormatError, match="MR"):
        read_image(tmp_path)


def test_the_fixture_is_dicom(folder):
    assert pydicom.dcmread(folder / "a.dcm").Rows == 3
