"""Nothing about the patient gets into what a run writes; tests are named after rows of the page."""

import json
import os
import shutil

import numpy as np
import pytest

from Testing.reliability.processes import ROOT, finished, start
from Testing.xray.test_dicom import dicom

SECRETS = ("DOE", "JOHN", "4711SECRET", "1.2.840.99999.7")


def patient_case(intensities, edit):
    """The case in a folder, with files and tags named after a patient."""
    folder = intensities.rename(intensities.with_name("DOE_JOHN"))
    data = json.loads((folder / "case.json").read_text())
    data.pop("name")
    for n, view in enumerate(data["views"]):
        name = f"images/DOE_JOHN_4711SECRET_1.2.840.99999.7.{n}.dcm"
        (folder / view["image"]).rename(folder / name)
        view["image"] = name
    (folder / "case.json").write_text(json.dumps(data))
    return folder


def test_52_no_patient_in_anything_that_is_written(intensities, edit, fake, ixgs, tmp_path):
    """Neither from the header of a DICOM file, nor from the names of files and folders, in whichever way it is read."""
    folder = patient_case(intensities, edit)
    (tmp_path / "results").mkdir()
    shots = tmp_path / "1.2.840.99999.7 DOE"
    shots.mkdir()
    from IXGSLib.formats import load_case
    from IXGSLib.formats.calibrations.matrices import write_matrices

    write_matrices(tmp_path / "m.csv", load_case(folder).views)
    for file in (folder / "images").glob("*.dcm"):
        shutil.copy(file, shots)
    (shots / "DOE JOHN.txt").write_text("a note")
    flags = ("--calibration", tmp_path / "m.csv", "--values", "intensity", "--i0", 60000)
    os.chdir(tmp_path / "results")
    for number, words in enumerate(
        [
            ("reconstruct", folder, "--standardize", "classical"),
            ("reconstruct", shots, *flags, "--standardize", "classical"),
            ("standardize", folder, "--method", "classical"),
            ("standardize", shots, *flags, "--method", "classical"),
        ]
    ):
        code, out, err = ixgs(*words, "--out", f"run{number}", "--json")
        assert code == 0, err
        assert not any(secret in out for secret in SECRETS)
    assert ixgs("check", folder)[0] == 0
    os.chdir(ROOT)
    written = sorted((tmp_path / "results").rglob("*"))
    assert {"run.json", "done.json", "case.json", "report.html", "progress.jsonl", "case-check.png"} <= {
        path.name for path in written
    }
    for path in written:
        texts = [path.name.encode(), path.read_bytes() if path.is_file() else b""]
        for secret in SECRETS:
            assert not any(secret.encode() in text for text in texts), path


@pytest.mark.parametrize(
    "tag", ["PhotometricInterpretation", "PixelIntensityRelationship", "Modality", "BodyPartExamined"]
)
def test_52_a_name_in_the_wrong_tag_is_not_shown(intensities, tmp_path, tag):
    data = (intensities / "images" / "2.dcm").read_bytes()
    pixels = np.frombuffer(data[-48 * 48 * 2 :], "<u2").reshape(48, 48)
    dicom(intensities / "images" / "2.dcm", pixels, bits=16, **{tag: "DOE^JOHN"})
    _, out, err = finished(start("check", intensities, "--out", tmp_path / "c.png"))
    assert "DOE" not in out + err
