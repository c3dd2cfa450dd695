"""`ixgs pairs` and `ixgs simulate --realistic`: writing, continuing and refusing."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

from IXGSLib.files import sha256
from IXGSLib.formats import load_case
from IXGSLib.training.pair_rendering import PAIRS_PER_ANATOMY
from IXGSLib.xray import png
from Testing.simulation.phantom import GRID, hounsfield

COUNT = PAIRS_PER_ANATOMY + 2
"""Pairs, some of them of a second anatomy."""
FLAGS = ("--count", COUNT, "--size", 32, "--jobs", 1)


@pytest.fixture
def ct(tmp_path):
    image = sitk.GetImageFromArray(hounsfield().astype(np.int16))
    image.SetSpacing(GRID.spacing.tolist())
    image.SetOrigin(GRID.origin.tolist())
    sitk.WriteImage(image, str(tmp_path / "ct.nii.gz"))
    return tmp_path / "ct.nii.gz"


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_pairs_are_two_images_and_a_record_listed_in_the_manifest(ct, ixgs, tmp_path):
    out = tmp_path / "pairs"
    code, text, err = ixgs("pairs", ct, "--out", out, *FLAGS, "--json")
    assert code == 0, err
    events = [json.loads(line) for line in text.splitlines()]
    assert [event["step"] for event in events if event["event"] == "progress"] == list(range(COUNT + 1))
    assert events[-1]["event"] == "done"
    manifest = json.loads((out / "manifest.json").read_text())
    assert list(manifest["cts"].values()) == [sha256(ct.read_bytes())]
    written = contents(out)
    assert manifest["files"] == {name: sha256(data) for name, data in written.items() if name != "manifest.json"}
    stems = sorted(name[:-5] for name in written if "_" in name and name.endswith(".json"))
    assert len(stems) == COUNT
    for stem in stems:
        record = json.loads(written[f"{stem}.json"])
        assert record["settings"]["bone_threshold"] == 200
        pictures = [png.read(out / part / f"{stem}.png").values for part in ("xray", "target", "lost")]
        assert all(picture.shape == (32, 32) and picture.max() <= 65535 for picture in pictures)
        assert np.ptp(pictures[0]) > 0
    assert str(tmp_path).encode() not in b"".join(data for name, data in written.items() if name.endswith(".json"))


def test_missing_and_damaged_pairs_are_rendered_again_identically_and_the_others_kept(ct, ixgs, tmp_path):
    out = tmp_path / "pairs"
    ixgs("pairs", ct, "--out", out, *FLAGS)
    before = contents(out)
    records = sorted(out.glob("*_*.json"))
    records[0].unlink()
    (out / "target" / f"{records[-1].stem}.png").write_bytes(b"half")
    kept = out / "xray" / f"{records[2].stem}.png"
    time = kept.stat().st_mtime_ns
    code, text, err = ixgs("pairs", ct, "--out", out, *FLAGS, "--json")
    assert code == 0, err
    assert json.loads(text.splitlines()[-1])["made"] == 2
    assert contents(out) == before
    assert kept.stat().st_mtime_ns == time
    assert json.loads(ixgs("pairs", ct, "--out", out, *FLAGS, "--json")[1].splitlines()[-1])["made"] == 0


def test_pairs_do_not_depend_on_their_count_or_the_number_of_processes(ct, ixgs, tmp_path):
    ixgs("pairs", ct, "--out", tmp_path / "one", *FLAGS)
    code, _, err = ixgs("pairs", ct, "--out", tmp_path / "two", "--count", COUNT + 1, "--size", 32, "--jobs", 2)
    assert code == 0, err
    one, two = contents(tmp_path / "one"), contents(tmp_path / "two")
    same = [name for name in one if "/" in name or "_" in name]
    assert len(same) == 4 * COUNT
    assert all(one[name] == two[name] for name in same)
    assert len(two) == len(one) + 4


def test_a_seed_gives_other_pairs(ct, ixgs, tmp_path):
    for seed in (0, 1):
        ixgs("pairs", ct, "--out", tmp_path / str(seed), "--count", 1, "--size", 32, "--jobs", 1, "--seed", seed)
    zero, one = contents(tmp_path / "0"), contents(tmp_path / "1")
    assert zero.keys() == one.keys()
    assert all(zero[name] != one[name] for name in zero if name.endswith(".png"))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--size", 64), ("pairs with another size", "expected the same", "choose another --out")),
        (("--count", 0), ("count is 0", "expected")),
        (("--jobs", 0), ("jobs is 0", "at least 1")),
        (("--bone-threshold", -5000), ("bone_threshold is -5000", "expected")),
    ],
)
def test_options_that_do_not_fit_are_refused_and_change_nothing(flags, words, ct, ixgs, tmp_path):
    out = tmp_path / "pairs"
    ixgs("pairs", ct, "--out", out, "--count", 1, "--size", 32, "--jobs", 1)
    before = contents(out)
    given = {"--count": 1, "--size": 32, "--jobs": 1} | {flags[0]: flags[1]}
    code, _, err = ixgs("pairs", ct, "--out", out, *[word for pair in given.items() for word in pair])
    assert code == 2
    assert all(word in err for word in words), err
    assert contents(out) == before


def test_a_missing_ct_a_repeated_ct_and_a_foreign_folder_are_refused(ct, ixgs, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    for given, out, words in (
        ([tmp_path / "nowhere.nii.gz"], "out", ("nowhere.nii.gz: no such file", "check the name")),
        ([ct, ct], "out", ("same content", "name each once")),
        ([ct], "mine", ("holds other files", "choose another --out")),
    ):
        code, _, err = ixgs("pairs", *given, "--out", tmp_path / out, *FLAGS)
        assert code == 2
        assert all(word in err for word in words), err
    assert contents(tmp_path / "mine") == {"notes.txt": b"mine"}
    assert not (tmp_path / "out").exists()


def test_simulate_realistic_writes_a_case_of_intensities(ct, ixgs, tmp_path):
    flags = ("--size", 32, "--spacing", 2, "--views", 3, "--test-views", 1, "--arm.detector-pixels", 48, 48)
    code, _, err = ixgs("simulate", ct, "--out", tmp_path / "case", "--realistic", "--imaging.kvp", 100, *flags)
    assert code == 0, err
    case = load_case(tmp_path / "case")
    assert len(case.xrays) == 3
    assert {xray.values for xray in case.xrays} == {"intensity"}
    assert json.loads((tmp_path / "case" / "imaging.json").read_text())["kvp"] == 100


def test_imaging_options_without_realistic_are_refused(ct, ixgs, tmp_path):
    code, _, err = ixgs("simulate", ct, "--out", tmp_path / "case", "--imaging.kvp", 100)
    assert code == 2
    assert "add --realistic" in err
