from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import UID

from IXGSLib.errors import FormatError, NotAnImage
from IXGSLib.xray import read_pixels
from IXGSLib.xray.dicom.objects import open_header
from IXGSLib.xray.dicom.order import acquisition, in_acquisition_order
from Testing.xray.test_dicom import SHOT, dicom

STORAGE = "1.2.840.10008.5.1.4.1.1."
BUNDLED = Path(pydicom.__file__).parent / "data" / "test_files"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "shot.dcm"


VOLUMES = ["2", "2.1", "4", "13.1.1", "13.1.2", "13.1.3", "66.4", "128"]


@pytest.mark.parametrize("end", VOLUMES)
def test_other_images_are_refused_by_the_name_of_their_class(file, end):
    name = UID(STORAGE + end).name
    with pytest.raises(NotAnImage, match=rf"shot\.dcm: DICOM object '{name}'.*expected an X-ray projection"):
        read_pixels(dicom(file, SOPClassUID=STORAGE + end))


def test_a_reconstructed_volume_is_called_one(file):
    with pytest.raises(NotAnImage, match="a reconstructed volume"):
        read_pixels(dicom(file, SOPClassUID=STORAGE + "13.1.1"))


@pytest.mark.parametrize("end", ["1", "1.1", "1.1.1", "7", "12.1", "12.1.1", "12.2", "12.2.1", "481.1"])
@pytest.mark.filterwarnings("ignore:.*secondary capture")
def test_projections_of_every_class_are_read(file, end):
    assert np.array_equal(read_pixels(dicom(file, SOPClassUID=STORAGE + end, Modality="OT")).values, SHOT)


def test_an_unknown_class_is_judged_by_its_modality(file):
    assert np.array_equal(read_pixels(dicom(file, SOPClassUID="1.2.3.4.5")).values, SHOT)
    with pytest.raises(NotAnImage, match="modality US"):
        read_pixels(dicom(file, SOPClassUID="1.2.3.4.5", Modality="US"))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("CT_small.dcm", "CT Image Storage"),
        ("MR_small.dcm", "MR Image Storage"),
        ("rtplan.dcm", "RT Plan Storage"),
        ("rtdose.dcm", "RT Dose Storage"),
        ("rtstruct.dcm", "RT Structure Set Storage"),
        ("reportsi.dcm", "Basic Text SR Storage"),
        ("waveform_ecg.dcm", "12-lead ECG"),
        ("dicomdirtests/DICOMDIR", "Media Storage Directory Storage"),
    ],
)
def test_real_files_that_are_no_x_rays_are_named(name, found):
    with pytest.raises(NotAnImage, match=found):
        open_header(BUNDLED / name)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FormatError, match=r"gone\.dcm: cannot be opened"):
        open_header(tmp_path / "gone.dcm")


def order(folder, tags):
    """The names of files a, b, c ... with these tags, in order, the attributes that made it, and doubts."""
    files = {}
    for n, own in enumerate(tags):
        path = dicom(folder / "abcdef"[n], **own)
        files[path] = acquisition(path)
    found = in_acquisition_order(files)
    return "".join(path.name for path in found.paths), found.used, found.doubts


def test_series_and_instance_outrank_the_time(tmp_path):
    tags = [
        {"SeriesNumber": 2, "InstanceNumber": 1, "AcquisitionTime": "090000"},
        {"SeriesNumber": 1, "InstanceNumber": 10, "AcquisitionTime": "080000"},
        {"SeriesNumber": 1, "InstanceNumber": 9, "AcquisitionTime": "080500"},
    ]
    assert order(tmp_path, tags)[0] == "cba"


def test_the_time_decides_where_numbers_are_equal(tmp_path):
    tags = [{"InstanceNumber": 1, "AcquisitionDate": "20260102", "AcquisitionTime": f"1{n}0000"} for n in (2, 0, 1)]
    assert order(tmp_path, tags) == ("bca", ["AcquisitionTime"], [])


def test_the_time_of_the_content_replaces_a_missing_acquisition_time(tmp_path):
    assert order(tmp_path, [{"ContentTime": f"1{n}0000"} for n in (2, 0, 1)])[0] == "bca"


def test_what_not_every_file_states_does_not_count(tmp_path):
    tags = [{"InstanceNumber": 3}, {"InstanceNumber": 2}, {}]
    names, used, doubts = order(tmp_path, tags)
    assert (names, used) == ("abc", [])
    assert doubts == ["InstanceNumber is stated by 2 of 3 files only and not used"]


def test_the_time_decides_between_series_without_numbers(tmp_path):
    tags = [
        {"SeriesInstanceUID": uid, "InstanceNumber": number, "AcquisitionTime": f"1{time}0000"}
        for uid, number, time in (("1.9", 1, 0), ("1.9", 2, 1), ("1.3", 1, 2), ("1.3", 2, 3))
    ]
    assert order(tmp_path, tags)[0] == "abcd"
    for own in tags:
        del own["AcquisitionTime"]
    assert order(tmp_path, tags)[2] == ["several series have the same numbers"]


def test_a_time_that_contradicts_the_numbers_is_a_doubt(tmp_path):
    tags = [{"InstanceNumber": n, "AcquisitionTime": f"1{5 - n}0000"} for n in range(3)]
    assert order(tmp_path, tags) == (
        "abc",
        ["InstanceNumber", "AcquisitionTime"],
        ["AcquisitionTime says another order"],
    )


@pytest.mark.parametrize("kind", ["1.3.12.2.1107.5.9.1", "1.3.46.670589.2.5.1.1"])
def test_an_object_of_a_vendor_without_pixels_is_no_image(file, kind):
    tags = dict.fromkeys(("Rows", "Columns", "SamplesPerPixel", "BitsAllocated"))
    dicom(file, SOPClassUID=kind, Modality="OT", **tags)
    with pytest.raises(NotAnImage, match="without an image"):
        open_header(file)
