"""`ixgs train-standardizer`: from pairs to weights on the command line."""

import json

import pytest
import torch

from IXGSLib.standardization.weights import load_weights
from Testing.training.conftest import pair_folder  # noqa: F401

pytestmark = pytest.mark.usefixtures("one_torch_thread")
FLAGS = ("--width", 4, "--levels", 4, "--discriminator-width", 4, "--steps", 6, "--device", "cpu")


def test_training_reports_progress_and_writes_weights(pair_folder, ixgs, tmp_path):  # noqa: F811
    held_out = sorted(pair_folder.glob("*_*.json"))[0].name[:8]
    flags = (*FLAGS, "--held-out", held_out, "--log-every", 2)
    code, text, err = ixgs("train-standardizer", pair_folder, "--out", tmp_path / "out", *flags, "--json")
    assert code == 0, err
    events = [json.loads(line) for line in text.splitlines()]
    steps = [event for event in events if event["event"] == "progress"]
    assert [event["step"] for event in steps] == [1, 2, 3, 4, 5, 6]
    assert [event["loss"] is not None for event in steps] == [False, True] * 3
    assert steps[-1]["held_out_psnr"] is not None
    assert events[-1] == {"event": "done", "weights": str(tmp_path / "out" / "weights.safetensors")}
    assert load_weights(tmp_path / "out" / "weights.safetensors").about["held_out"][0].startswith(held_out)
    assert not (tmp_path / ".out.lock").exists()
    code, text, err = ixgs("train-standardizer", pair_folder, "--out", tmp_path / "out", *flags)
    assert code == 0, err
    assert "weights.safetensors" in text
    start = tmp_path / "out" / "weights.safetensors"
    code, _, err = ixgs("train-standardizer", pair_folder, "--out", tmp_path / "more", *FLAGS, "--start", start)
    assert code == 0, err
    about = [load_weights(file).about for file in (start, tmp_path / "more" / "weights.safetensors")]
    assert about[1]["start"]["sha256"] == about[0]["sha256"]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--held-out", "nobody"), ("nobody", "expected one of")),
        (("--width", 0), ("width is 0", "expected")),
        (("--device", "cuda"), ("0 CUDA devices", "--device cpu")),
        (("--levels", 8), ("32 pixels", "fewer levels")),
    ],
)
def test_options_that_do_not_fit_are_refused(flags, words, pair_folder, ixgs, tmp_path):  # noqa: F811
    if "cuda" in flags and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    code, _, err = ixgs("train-standardizer", pair_folder, "--out", tmp_path / "out", *FLAGS, *flags)
    assert code == 2
    assert all(word in err for word in words), err
    assert not (tmp_path / "out").exists()


def test_a_folder_without_pairs_is_refused(ixgs, tmp_path):
    code, _, err = ixgs("train-standardizer", tmp_path, "--out", tmp_path / "out")
    assert code == 2
    assert "expected a folder that ixgs pairs has made" in err
