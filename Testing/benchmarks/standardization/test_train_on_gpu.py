"""The rehearsal of a training on a GPU."""

import json

import pytest
import SimpleITK as sitk

from IXGSLib.standardization.weights import load_weights
from Testing.benchmarks.standardization import train_on_gpu
from Testing.training.conftest import torso


@pytest.fixture
def ct(tmp_path):
    image = sitk.GetImageFromArray(torso(29, 4).astype("int16"))
    image.SetSpacing((6, 6, 6))
    sitk.WriteImage(image, str(tmp_path / "ct.nii.gz"))
    return tmp_path / "ct.nii.gz"


def test_a_rehearsal_makes_weights_and_what_their_card_needs(ct, tmp_path, monkeypatch, capsys):
    for name, count in (("FIRST_STEPS", 6), ("WARM_STEPS", 2), ("FEWEST_STEPS", 8)):
        monkeypatch.setattr(train_on_gpu, name, count)
    arguments = [str(ct), "--out", str(tmp_path / "out"), "--count", "4", "--minutes", "0.1", "--dry-run"]
    assert train_on_gpu.main(arguments) == 0
    weights = load_weights(tmp_path / "out" / "weights" / "weights.safetensors")
    assert weights.about["step"] == 8
    assert weights.distribution is not None
    manifest = json.loads((tmp_path / "out" / "weights" / "manifest.json").read_text())
    assert [name[:12] for name in manifest["cts"].values()] == weights.about["patients"]
    assert weights.about["pairs"]["count"] == 4
    assert "8 steps" in capsys.readouterr().out
    assert train_on_gpu.main(arguments) == 0


def test_a_ct_that_cannot_be_rendered_is_named(tmp_path):
    (tmp_path / "ct.nii.gz").write_bytes(b"no CT")
    with pytest.raises(SystemExit, match=r"ct\.nii\.gz"):
        train_on_gpu.main([str(tmp_path / "ct.nii.gz"), "--out", str(tmp_path / "out"), "--dry-run"])
