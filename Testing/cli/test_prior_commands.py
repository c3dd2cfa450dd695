"""`ixgs series` and `ixgs train-prior`."""

import json

import pytest

from IXGSLib.prior.weights import load_bone_weights
from Testing.training.conftest import bone_settings, cts, series, series_folder, tiny_standardizer  # noqa: F401

SMALL = ("--views", 3, "--subsets", 1, "--min-views", 2, "--voxels", 16, "--spacing", 10, "--jobs", 1)
TINY = ("--width", 4, "--levels", 2, "--spacing", 10, "--pixels", 64, "--patch", 8, "--steps", 4)


def test_series_are_made_from_cts(ixgs, cts, tiny_standardizer, tmp_path):  # noqa: F811
    flags = ("--out", tmp_path / "series", "--standardizer", tiny_standardizer, "--count", 1, *SMALL)
    code, text, err = ixgs("series", cts[0], *flags, "--json")
    assert code == 0, err
    last = json.loads(text.splitlines()[-1])
    assert (last["event"], last["series"], last["made"]) == ("done", 1, 1)
    assert len(list((tmp_path / "series").glob("*.npz"))) == 1
    code, _, err = ixgs("series", cts[0], *flags, "--seed", 3)
    assert code == 2
    assert "another seed" in err


@pytest.mark.usefixtures("one_torch_thread")
def test_a_network_is_trained_on_series(ixgs, series, series_folder, tmp_path):  # noqa: F811
    flags = ("--out", tmp_path / "out", "--held-out", series.patients[1], "--device", "cpu", *TINY)
    code, text, err = ixgs("train-prior", series_folder, *flags, "--json")
    assert code == 0, err
    events = [json.loads(line) for line in text.splitlines()]
    assert events[-1]["event"] == "done"
    assert events[-2]["held_out_dice"] >= 0
    assert load_bone_weights(tmp_path / "out" / "weights.safetensors").about["held_out"] == [series.patients[1]]
    code, _, err = ixgs("train-prior", tmp_path, "--out", tmp_path / "other")
    assert code == 2
    assert "series.json" in err
