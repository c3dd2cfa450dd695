import numpy as np
import pytest
import tifffile
from pydicom.uid import UID

from IXGSLib.errors import FormatError, IXGSWarning
from IXGSLib.formats.folder import image_id
from IXGSLib.formats.shots import find_shots, refuse_image
from Testing.xray.test_dicom import SHOT, dicom


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("shot.tif", "shot"),
        ("1.2.840.113619.2.55.7", "1.2.840.113619.2.55.7"),
        ("1.2.840.113619.2.55.7.dcm", "1.2.840.113619.2.55.7"),
        ("IM0001", "IM0001"),
        ("XA.20260101.IMA", "XA.20260101"),
        ("lateral.v2.png", "lateral.v2"),
    ],
)
def test_ids_are_names_without_suffix_and_uids_have_none(name, id):
    assert image_id(name) == id


def test_names_that_are_no_letters_are_written_out():
    assert image_id("shot\udcff.dcm") == "shot\\xff"


def test_files_that_differ_only_in_suffix_keep_it(tmp_path):
    tifffile.imwrite(tmp_path / "ap.tif", SHOT)
    dicom(tmp_path / "ap.dcm")
    dicom(tmp_path / "lateral.dcm")
    assert [shot.id for shot in find_shots(tmp_path)] == ["ap.dcm", "ap.tif", "lateral"]


def test_dicom_files_are_in_the_order_of_their_numbers(tmp_path):
    for n, name in enumerate(["c", "a", "b"]):
        dicom(tmp_path / name, InstanceNumber=9 + n)
    with pytest.warns(IXGSWarning, match="in the order of InstanceNumber, which is not the order of their names"):
        assert [shot.id for shot in find_shots(tmp_path)] == ["c", "a", "b"]


def test_names_decide_where_numbers_do_not(tmp_path):
    for n in (10, 9, 1):
        dicom(tmp_path / f"shot{n}.dcm")
    assert [shot.id for shot in find_shots(tmp_path)] == ["shot1", "shot9", "shot10"]


def test_a_folder_with_other_images_is_in_the_order_of_names(tmp_path):
    for n in (2, 1):
        dicom(tmp_path / f"shot{n}.dcm", InstanceNumber=3 - n)
    tifffile.imwrite(tmp_path / "shot3.tif", SHOT)
    assert [shot.id for shot in find_shots(tmp_path)] == ["shot1", "shot2", "shot3"]


def test_each_frame_of_a_run_is_a_view(tmp_path):
    dicom(tmp_path / "a.dcm", InstanceNumber=1)
    dicom(tmp_path / "b.dcm", np.stack([SHOT] * 2), NumberOfFrames=2, InstanceNumber=2)
    assert [(shot.id, shot.frame) for shot in find_shots(tmp_path)] == [("a", None), ("b-000", 0), ("b-001", 1)]
    assert [(shot.id, shot.frame) for shot in find_shots(tmp_path / "b.dcm")] == [("000", 0), ("001", 1)]


OTHERS = {"PS1": "1.2.840.10008.5.1.4.1.1.11.1", "SR1": "1.2.840.10008.5.1.4.1.1.88.67", "3D": "13.1.1"}


def test_objects_that_are_no_x_rays_are_counted_in_one_warning_without_their_names(tmp_path):
    dicom(tmp_path / "IM1")
    for name, kind in OTHERS.items():
        dicom(tmp_path / name, SOPClassUID=kind if kind[1] == "." else f"1.2.840.10008.5.1.4.1.1.{kind}")
    (tmp_path / "README.txt").write_text("from the CD")
    with pytest.warns(IXGSWarning) as caught:
        assert [shot.id for shot in find_shots(tmp_path)] == ["IM1"]
    assert len(caught) == 1
    message = str(caught[0].message)
    for words in ("4 other files are not used", "1 '.txt'", "1 object 'Grayscale Softcopy", "1 object 'X-Ray 3D Angio"):
        assert words in message
    assert not any(name in message for name in ("README", "PS1", "SR1"))


def test_a_folder_of_other_dicom_objects_is_refused_with_their_names(tmp_path):
    dicom(tmp_path / "IM1", SOPClassUID=UID("1.2.840.10008.5.1.4.1.1.2"), Modality="CT")
    with pytest.raises(FormatError, match="CT Image Storage"):
        find_shots(tmp_path)


def test_screen_captures_among_x_rays_are_skipped(tmp_path):
    copy = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "Modality": "OT"}
    dicom(tmp_path / "DOSE", **copy)
    assert [shot.id for shot in find_shots(tmp_path)] == ["DOSE"]
    dicom(tmp_path / "IM1")
    with pytest.warns(IXGSWarning, match="1 secondary capture"):
        assert [shot.id for shot in find_shots(tmp_path)] == ["IM1"]


def test_colour_beside_x_rays_is_passed_over(tmp_path):
    dicom(tmp_path / "IM1")
    colour = np.stack([SHOT // 16] * 3, axis=-1).astype(np.uint8)
    tags = {"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3, "PlanarConfiguration": 0}
    dicom(tmp_path / "SHOT", colour, bits=8, Rows=SHOT.shape[0], Columns=SHOT.shape[1], **tags)
    with pytest.warns(IXGSWarning, match="1 colour image"):
        assert [shot.id for shot in find_shots(tmp_path)] == ["IM1"]


def test_an_order_in_doubt_is_warned_of(tmp_path):
    for n in range(3):
        dicom(tmp_path / f"shot{n}", InstanceNumber=n, AcquisitionTime=f"1{5 - n}0000")
    with pytest.warns(IXGSWarning, match="order of InstanceNumber.*AcquisitionTime says another order"):
        find_shots(tmp_path)


def test_a_folder_of_folders_names_them(tmp_path):
    (tmp_path / "SE000001").mkdir()
    with pytest.raises(FormatError, match=r"no image files.*SE000001"):
        find_shots(tmp_path)


def test_several_patients_are_warned_of_without_a_name(tmp_path):
    dicom(tmp_path / "a.dcm")
    dicom(tmp_path / "b.dcm", PatientID="ANOTHERSECRET")
    with pytest.warns(IXGSWarning, match="more than one patient or study") as caught:
        find_shots(tmp_path)
    assert "SECRET" not in " ".join(str(warning.message) for warning in caught)


def test_an_image_is_no_case(tmp_path):
    tifffile.imwrite(tmp_path / "run.tif", SHOT)
    with pytest.raises(FormatError, match=r"run\.tif: an image \(TIFF\).*--calibration"):
        refuse_image(tmp_path / "run.tif")


@pytest.mark.parametrize(
    ("content", "kind"), [(b"%PDF-1.4 \xe4", "PDF"), (b"\xff\xd8\xff\xe0", "JPEG"), (b"\x93NUMPY", "NumPy")]
)
def test_a_binary_file_is_no_case(tmp_path, content, kind):
    (tmp_path / "export").write_bytes(content)
    with pytest.raises(FormatError, match=f"export: {kind}, expected a folder with case.json"):
        refuse_image(tmp_path / "export")
