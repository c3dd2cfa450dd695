"""Bad CTs, JSON files, paths and weights as a user hands them to `ixgs`; tests are named after rows of the page."""

import gzip
import json
import os
import pickle
import shutil
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from IXGSLib.formats import save_case
from IXGSLib.volume import Volume
from Testing.registration import phantom
from Testing.volume.test_dicom_series import NORMAL, ROW, STEP, write_slice

CT = np.full((12, 16, 16), -1000, np.int16)
CT[4:8, 5:11, 5:11] = 700


@pytest.fixture
def refused(ixgs, tmp_path):
    """refused(words of the message, words of the command): the command writes nothing and says so in one line."""

    def run(expected, *words):
        out = tmp_path / "out"
        code, text, err = ixgs(*words, "--out", out)
        assert (code, text) == (2, "")
        assert err.startswith("ixgs: error: ")
        assert err.count("\n") == 1, err
        assert not out.exists()
        for word in expected:
            assert word in err, err

    return run


def itk(path, values=CT):
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((2, 2, 2))
    sitk.WriteImage(image, path)
    return path


# CTs


@pytest.mark.parametrize(
    ("what", "words"),
    [("gap", "equal steps"), ("tilt", "gantry tilt"), ("MR", "is an MR image, expected CT"), ("two", "2 DICOM series")],
)
def test_33_slices_that_are_no_straight_stack_of_a_ct(refused, tmp_path, what, words):
    (tmp_path / "ct").mkdir()
    for n in range(6):
        place = (n + (what == "gap" and n > 3)) * STEP * NORMAL + (0.4 * n * ROW if what == "tilt" else 0)
        tags = {"Modality": "MR"} if what == "MR" else {}
        series = "1.2.4" if what == "two" and n > 3 else "1.2.3"
        write_slice(tmp_path / "ct" / f"{n}.dcm", n, series, position=place, **tags)
    refused((words,), "simulate", tmp_path / "ct")


def test_33_values_without_an_offset_are_warned_of(ixgs, tmp_path):
    words = ("--size", 24, "--spacing", 4, "--views", 2, "--test-views", 1)
    _, _, err = ixgs("simulate", itk(tmp_path / "ct.nrrd", CT + 1024), "--out", tmp_path / "out", *words)
    assert "expected air near -1000 HU" in err


def test_34_a_truth_elsewhere(case, fake, ixgs, tmp_path, refused):
    truth = Volume.load(case / "truth.nrrd")
    moved = Volume(truth.values, replace(truth.grid, origin=truth.grid.origin + 10_000))
    moved.save(tmp_path / "far.nrrd")
    refused(("does not overlap the region", "check --truth"), "reconstruct", case, "--truth", tmp_path / "far.nrrd")
    assert fake.calls == []
    assert ixgs("reconstruct", case, "--out", tmp_path / "run")[0] == 0
    code, _, err = ixgs("evaluate", tmp_path / "run", "--truth", tmp_path / "far.nrrd")
    assert code == 2
    assert "does not overlap" in err


@pytest.mark.parametrize("name", ["ct.nii", "ct.nii.gz", "ct.nrrd", "ct.mha"])
def test_35_cut_volumes(refused, tmp_path, name):
    file = itk(tmp_path / name)
    data = file.read_bytes()
    file.write_bytes(data[: int(0.6 * len(data))])
    refused((name,), "simulate", file)


def test_35_a_compressed_volume_with_one_bit_flipped(refused, tmp_path):
    file = itk(tmp_path / "ct.nii")
    data = bytearray(gzip.compress(file.read_bytes()))
    data[len(data) // 2] ^= 4
    (tmp_path / "ct.nii.gz").write_bytes(data)
    refused(("ct.nii.gz", "damaged"), "simulate", tmp_path / "ct.nii.gz")


# Transforms


def test_36_transforms_that_are_not_linear(refused, case, tmp_path):
    transform = sitk.BSplineTransformInitializer(sitk.GetImageFromArray(CT), [2, 2, 2])
    sitk.WriteTransform(transform, tmp_path / "a.tfm")
    flags = ("--calibration", tmp_path / "a.tfm", "--values", "line_integral", "--calibration-format", "itk")
    (tmp_path / "intrinsics.json").write_text('{"K": [[500, 0, 24], [0, 500, 24], [0, 0, 1]]}')
    refused(("a.tfm: not a linear transform",), "reconstruct", case / "images" / "00?.tiff", *flags)


# JSON

BROKEN = {
    "NaN": ('"version": 1', '"version": NaN', "NaN"),
    "a key twice": ('"version": 1', '"version": 1, "version": 1', "appears twice"),
    "a newer version": ('"version": 1', '"version": 99', "update IXGS"),
    "a comma too many": ('"views": [', '"views": [,', "line"),
    "decimal commas": ('"version": 1', '"version": 1,5', "line"),
    "half of a letter": ('"bone"', r'"bone \ud800"', "surrogate"),
    "a number without end": ('"version": 1', f'"version": {"9" * 5000}', "number too long"),
    "nested without end": ('"version": 1', f'"version": {"[" * 50_000}', "case.json"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_37_json_that_is_not_strict(refused, case, what):
    old, new, words = BROKEN[what]
    text = (case / "case.json").read_text()
    assert old in text
    (case / "case.json").write_text(text.replace(old, new, 1))
    refused(("case.json", words), "reconstruct", case)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_37_json_in_other_encodings(refused, case, encoding):
    data = json.loads((case / "case.json").read_text())
    data["name"] = "Würfel"
    (case / "case.json").write_text(json.dumps(data, ensure_ascii=False), encoding=encoding)
    refused(("case.json: line", "UTF-8"), "reconstruct", case)


def test_37_unknown_keys_are_warned_of(case, edit, ixgs, tmp_path):
    edit(lambda data: data.update(i_0=3))
    code, _, err = ixgs("check", case, "--out", tmp_path / "c.png")
    assert code == 0
    assert "unknown keys i_0 are not used" in err


# Paths


@pytest.mark.parametrize(
    "name", ["../secret.tiff", "/etc/passwd", "C:\\secret.tiff", "link.tiff", "a" * 300, "a\0b", "."]
)
def test_38_images_that_lead_out_of_the_folder(refused, case, edit, tmp_path, name):
    shutil.copy(case / "images" / "002.tiff", tmp_path / "secret.tiff")
    (case / "link.tiff").symlink_to(tmp_path / "secret.tiff")
    edit(lambda data: data["views"][2].update(image=name))
    refused(("view '002', image",), "reconstruct", case)


def test_38_folders_with_spaces_and_letters_of_any_script(case, fake, ixgs, tmp_path):
    moved = tmp_path / "Fall 1 – Wirbelsäule 脊椎 "
    shutil.move(case, moved)
    assert ixgs("reconstruct", moved, "--out", tmp_path / "Ergebnis ü 1")[0] == 0


@pytest.mark.skipif(os.name != "posix", reason="names of files are bytes on POSIX alone")
def test_38_names_that_are_no_letters(case, ixgs, tmp_path):
    moved = os.fsencode(tmp_path) + b"/f\xff\xfe"
    os.rename(case, moved)
    code, out, err = ixgs("check", os.fsdecode(moved), "--out", tmp_path / "c.png")
    assert code == 0, err
    assert "6 views" in out


def test_38_credit_outside_the_folder_is_not_read(case, fake, ixgs, tmp_path):
    (tmp_path / "secret.txt").write_text("TOP SECRET")
    (case / "CREDIT.txt").unlink(missing_ok=True)
    (case / "CREDIT.txt").symlink_to(tmp_path / "secret.txt")
    code, _, err = ixgs("reconstruct", case, "--out", tmp_path / "run")
    assert code == 0
    assert "the credit: 'CREDIT.txt' lies outside the case's folder" in err
    assert "TOP SECRET" not in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    code, _, err = ixgs("standardize", case, "--out", tmp_path / "standard", "--method", "classical")
    assert code == 0
    assert "outside the case's folder" in err
    assert not (tmp_path / "standard" / "CREDIT.txt").exists()


def test_38_a_credit_of_any_size_is_not_read(case, fake, ixgs, tmp_path):
    with (case / "CREDIT.txt").open("wb") as file:
        file.truncate(300 << 20)
    code, _, err = ixgs("reconstruct", case, "--out", tmp_path / "run")
    assert code == 0
    assert "CREDIT.txt: 300 MiB, expected at most 1 MiB" in err
    assert (tmp_path / "run" / "report.html").stat().st_size < 2**22


# Weights


class Bomb:
    """A pickle of it makes a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", [2, 4])
def test_39_pickles_are_never_opened(refused, intensities, tmp_path, protocol):
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(pickle.dumps(Bomb(tmp_path / "owned"), protocol=protocol))
    refused(
        ("w.safetensors", "safetensors"), "reconstruct", intensities, "--weights", weights, "--standardize", "pix2pix"
    )
    assert not (tmp_path / "owned").exists()
    pickle.loads(weights.read_bytes())
    assert (tmp_path / "owned").exists(), "the bomb does not go off, so the test shows nothing"


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="has no devices as files")
@pytest.mark.parametrize("content", [None, b"", b"\x08\0\0\0\0\0\0\0{}      ", b"\xff" * 99])
def test_39_other_files_as_weights(refused, intensities, tmp_path, content):
    weights = tmp_path / "w.safetensors"
    if content is None:
        weights = "/dev/zero"
    else:
        weights.write_bytes(content)
    refused(("expected",), "reconstruct", intensities, "--weights", weights, "--standardize", "pix2pix")


def test_40_an_image_unlike_the_training_data(intensities, edit, ixgs, tmp_path):
    edit(lambda data: data.update(views=data["views"][:2]))
    code, _, err = ixgs("standardize", intensities, "--out", tmp_path / "s", "--method", "pix2pix")
    assert code == 0, err
    assert "in-distribution score below 1" in err
    written = json.loads((tmp_path / "s" / "case.json").read_text())
    assert written["standardization"]["synthetic"] is True
    assert (tmp_path / "s" / "raw" / "case.json").is_file()


# Registration


def spine(folder, patient=0, change=lambda values, labels: (values, labels)):
    """The CT of a spine, its labels, and X-rays of patient 0, as words of `ixgs register`."""
    for name, values in zip(("ct.nrrd", "labels.nrrd"), change(*phantom.ct(patient)), strict=True):
        image = sitk.GetImageFromArray(values.astype(np.int16))
        image.SetOrigin(phantom.GRID.origin.tolist())
        image.SetSpacing(phantom.GRID.spacing.tolist())
        sitk.WriteImage(image, folder / name)
    save_case(phantom.case(2), folder / "case")
    return "register", folder / "ct.nrrd", folder / "case", "--labels", folder / "labels.nrrd"


def test_49_a_ct_of_another_patient_is_not_verified(ixgs, tmp_path):
    code, out, err = ixgs(*spine(tmp_path, patient=5), "--out", tmp_path / "run")
    assert code in (0, 2)
    if code == 2:  # by chance its mirror image is nearer
        assert "mirror" in err
        return
    assert "another patient" in out
    assert err.count("not verified") == 4
    record = json.loads((tmp_path / "run" / "registration.json").read_text())
    assert record["verified"] is False
    assert not any(vertebra["verified"] for vertebra in record["vertebrae"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda values, labels: (np.abs(values) / 2, labels), "an MR has no such unit"),
        (lambda values, labels: (values, labels[:-4]), "labels of 44 x 50 x 72 voxels, the CT has 44 x 50 x 76"),
        (lambda values, labels: (values[:, :, ::-1], labels[:, :, ::-1]), "the CT is mirrored"),
        (lambda values, labels: (values, 0 * labels), "no label fills"),
    ],
)
def test_49_what_is_no_ct_of_a_spine_is_refused(ixgs, tmp_path, change, words):
    code, out, err = ixgs(*spine(tmp_path, change=change), "--out", tmp_path / "run")
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith("ixgs: error: ")
    assert words in err
    assert not (tmp_path / "run").exists()
