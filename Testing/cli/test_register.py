"""`ixgs register` as a user types it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk

from IXGSLib.cli.program import DONE, WRONG_INPUT
from IXGSLib.formats import save_case
from IXGSLib.registration.transforms import read_tfm, tfm_bytes
from Testing.registration import phantom


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A CT, its labels and a case on disk."""
    folder = tmp_path_factory.mktemp("files")
    for name, values in zip(("ct.nrrd", "labels.nii.gz"), phantom.ct(), strict=True):
        image = sitk.GetImageFromArray(values.astype(np.int16))
        image.SetOrigin(phantom.GRID.origin.tolist())
        image.SetSpacing(phantom.GRID.spacing.tolist())
        sitk.WriteImage(image, str(folder / name))
    save_case(phantom.case(2), folder / "case")
    (folder / "case" / "CREDIT.txt").write_text("Drawn by hand.")
    return folder


def words(files, out, *more):
    return ("register", files / "ct.nrrd", files / "case", "--labels", files / "labels.nii.gz", "--out", out, *more)


def test_vertebrae_are_registered(files, tmp_path, ixgs):
    code, output, _ = ixgs(*words(files, tmp_path / "run"))
    assert code == DONE
    assert "All 4 vertebrae verified (L1, L2, L3, L4)." in output
    assert "L1–L2" in output
    assert "Research use only" in output
    for label, name in zip(phantom.LABELS, phantom.NAMES, strict=True):
        pose = read_tfm(str(tmp_path / "run" / "transforms" / f"{name}.tfm"))
        assert phantom.target_error(pose, phantom.motions()[label], label) < 0.6
    record = json.loads((tmp_path / "run" / "registration.json").read_text())
    assert record["case"]["views"] == ["000", "001"]
    assert set(record["ct"]) == {"ct", "labels"}
    assert str(files) not in json.dumps(record)
    assert (tmp_path / "run" / "CREDIT.txt").read_text() == "Drawn by hand."


def test_progress_for_programs(files, tmp_path, ixgs):
    near = tmp_path / "near.tfm"
    near.write_bytes(tfm_bytes(np.eye(4)))
    code, output, _ = ixgs(*words(files, tmp_path / "run", "--start", near, "--vertebrae", "L2", "--json"))
    assert code == DONE
    events = [json.loads(line) for line in output.splitlines()]
    assert next(event["stage"] for event in events if event["event"] == "progress") == "reading"
    assert events[-1] == {"event": "done", "case": "phantom", "views": 2, "verified": True}
    assert [path.name for path in (tmp_path / "run" / "transforms").iterdir()] == ["L2.tfm"]


def test_what_is_not_verified_is_told(files, tmp_path, ixgs):
    """With a limit that no registration keeps."""
    code, output, errors = ixgs(*words(files, tmp_path / "run", "--max-spread", "0.01"))
    assert code == DONE
    assert "Not verified" in output
    assert "warning: L1: not verified: restarts end" in errors
    assert json.loads((tmp_path / "run" / "registration.json").read_text())["verified"] is False


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--vertebrae", "T3"), "the CT has no vertebra T3"),
        (("--scheme", "totalsegmentator-v1"), "out of order"),
        (("--leave-out", "000"), "1 view, expected at least 2"),
        (("--start", "no.tfm"), "no such file"),
        (("--restarts", "0"), "restarts"),
    ],
)
def test_wrong_inputs_leave_nothing_behind(files, tmp_path, ixgs, more, told):
    code, _, errors = ixgs(*words(files, tmp_path / "run", *more))
    assert code == WRONG_INPUT
    assert told in errors
    assert not (tmp_path / "run").exists()


def test_a_folder_in_use_is_refused_before_any_work(files, ixgs):
    code, _, errors = ixgs(*words(files, files))
    assert code == WRONG_INPUT
    assert "exists already" in errors
