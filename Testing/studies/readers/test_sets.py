"""Blinded sets can be loaded and rated, and tell nothing about the runs behind their numbers."""

from __future__ import annotations

import itertools
import json
from collections import Counter

import numpy as np
import pytest

from IXGSLib.errors import FormatError, IXGSError, SettingsError
from IXGSLib.studies.readers.key import Key
from IXGSLib.studies.readers.sets import SetSettings, make_sets
from IXGSLib.studies.readers.table import read_table
from IXGSLib.volume import Volume
from Testing.studies.readers.conftest import SECRET

SETTINGS = SetSettings(readers=2, repeats=0.25, seed=5)


@pytest.fixture
def made(runs, tmp_path):
    return make_sets(runs, tmp_path / "sets", tmp_path / "key.json", SETTINGS)


def numbers(tmp_path):
    return sorted(path for path in (tmp_path / "sets").glob("*/*"))


def test_each_set_shows_every_run_and_some_of_them_twice(made, runs):
    for numbers in made.sets.values():
        shown = Counter(numbers.values())
        assert set(shown) == {run.name for run in runs}
        assert sorted(shown.values()) == [1] * 9 + [2] * 3
        order = list(numbers.values())
        assert all(first != second for first, second in itertools.pairwise(order))


def test_orders_differ_between_readers_and_are_those_of_the_seed(made, runs, tmp_path):
    first, second = made.sets.values()
    assert list(first.values()) != list(second.values())
    again = make_sets(runs, tmp_path / "again", tmp_path / "again.json", SETTINGS)
    assert again.sets == made.sets


def test_without_a_seed_orders_differ(runs, tmp_path):
    orders = [
        make_sets(runs, tmp_path / f"sets{n}", tmp_path / f"key{n}.json", SetSettings(readers=1)).sets["set-1"]
        for n in range(2)
    ]
    assert orders[0] != orders[1]


def test_nothing_in_the_sets_tells_which_run_it_is(made, runs, tmp_path):
    files = [path for path in (tmp_path / "sets").rglob("*") if path.is_file()]
    assert {path.name for path in files} == {"run.json", "done.json", "volume.nrrd"}
    for path in files:
        content = path.read_bytes().split(b"\n\n")[0] if path.suffix == ".nrrd" else path.read_bytes()
        for word in (SECRET, "patient", "psnr", "optimization", "9.9", str(tmp_path), "300"):
            assert word.encode() not in content, (path, word)
    assert len({path.stat().st_mtime for path in (tmp_path / "sets").rglob("*")}) == 1
    records = {name: {path.read_bytes() for path in files if path.name == name} for name in ("run.json",)}
    assert len(records["run.json"]) == 1


def test_the_key_is_kept_apart_and_read_back(made, runs, tmp_path):
    key = Key.load(tmp_path / "key.json")
    assert key == made
    assert key.runs[runs[3].name].metrics["volume_psnr"] == 23.0
    assert key.runs[runs[3].name].specimen == f"{SECRET}-patient-3"
    assert not list((tmp_path / "sets").rglob("*key*"))


def test_volumes_are_those_of_the_runs_about_the_origin(made, runs, tmp_path):
    number, name = next(iter(made.sets["set-2"].items()))
    blinded = Volume.load(tmp_path / "sets" / "set-2" / number / "volume.nrrd")
    original = Volume.load(next(run for run in runs if run.name == name) / "volume.nrrd")
    assert np.array_equal(blinded.values, original.values)
    assert blinded.grid.center == pytest.approx((0, 0, 0), abs=1e-9)


def test_voxel_sizes_of_one_specimen_do_not_tell_the_settings(make_run, tmp_path):
    runs = [make_run("fine", "a", {}, spacing=1.0), make_run("coarse", "a", {}, spacing=2.0)]
    make_sets(runs, tmp_path / "sets", tmp_path / "key.json", SetSettings(readers=1, repeats=0.0))
    grids = [Volume.load(folder / "volume.nrrd").grid for folder in numbers(tmp_path)]
    assert [grid.shape for grid in grids] == [(12, 12, 12)] * 2
    assert all(np.allclose(grid.spacing, 1.0) for grid in grids)


def test_a_number_is_a_run_that_slicer_loads(made, tmp_path):
    pytest.importorskip("slicer", reason="needs slicer-core", exc_type=ImportError)
    from IXGSLib.scene import load_run, open_scene
    from IXGSLib.scene.runs import RUN_FOLDER

    folder = numbers(tmp_path)[0]
    node = load_run(open_scene(), folder)
    assert node.GetName() == "Reader study"
    assert node.GetAttribute(RUN_FOLDER) == str(folder)


def test_metrics_and_specimens_of_a_table_go_into_the_key(runs, tmp_path):
    lines = ["id,patient,note,bone_dice,empty", *(f"{run.name},p{n % 3},x,0.{n + 10}," for n, run in enumerate(runs))]
    (tmp_path / "results.csv").write_text("\n".join(lines))
    table = read_table(tmp_path / "results.csv")
    key = make_sets(runs, tmp_path / "sets", tmp_path / "key.json", SETTINGS, table)
    run = key.runs[runs[4].name]
    assert run.specimen == "p1"
    assert run.metrics == {"volume_psnr": 24.0, "bone_surface_distance": 0.6, "bone_dice": 0.14}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2", "no column run or id"),
        ("run,b\nx,y\n", "no column of numbers"),
        ("run,b\nx,1\nx,2\n", "run 'x' has two rows"),
        ("run,b\nx\n", "row 2 has another number of cells"),
    ],
)
def test_tables_that_cannot_be_used_are_refused(tmp_path, text, message):
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(FormatError, match=message):
        read_table(tmp_path / "table.csv")


def test_a_key_among_the_sets_is_refused(runs, tmp_path):
    with pytest.raises(SettingsError, match="lies in the folder of the sets"):
        make_sets(runs, tmp_path / "sets", tmp_path / "sets" / "key.json", SETTINGS)
    assert not (tmp_path / "sets").exists()


def test_a_key_is_not_overwritten(runs, tmp_path):
    (tmp_path / "key.json").write_text("{}")
    with pytest.raises(IXGSError, match="exists already"):
        make_sets(runs, tmp_path / "sets", tmp_path / "key.json", SETTINGS)


def test_runs_that_are_unfinished_changed_or_named_alike_are_refused(runs, make_run, tmp_path):
    def made(chosen):
        make_sets(chosen, tmp_path / "sets", tmp_path / "key.json", SETTINGS)

    with pytest.raises(SettingsError, match="1 runs for a reader study, expected at least 2"):
        made(runs[:1])
    other = tmp_path / "other" / runs[0].name
    other.parent.mkdir()
    runs[0].rename(other)
    with pytest.raises(IXGSError, match=r"no done\.json in it"):
        made(runs)
    with pytest.raises(SettingsError, match="a second run named"):
        made([other, other])
    Volume.load(runs[2] / "volume.nrrd")
    (runs[1] / "volume.nrrd").write_bytes((runs[2] / "volume.nrrd").read_bytes()[:-1])
    with pytest.raises(FormatError, match="missing or changed"):
        made(runs[1:])
    assert not (tmp_path / "sets").exists()


def test_a_run_without_a_row_is_refused(runs, tmp_path):
    (tmp_path / "table.csv").write_text(f"run,m\n{runs[0].name},1\n{runs[1].name},2\n")
    with pytest.raises(FormatError, match="no row for"):
        make_sets(runs, tmp_path / "sets", tmp_path / "key.json", SETTINGS, read_table(tmp_path / "table.csv"))


@pytest.mark.parametrize("changes", [{"readers": 0}, {"repeats": 1.5}, {"repeats": float("nan")}, {"seed": -1}])
def test_settings_out_of_range_are_refused(changes):
    with pytest.raises(SettingsError):
        SetSettings(**changes)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "not the key of a reader study"),
        ({"format": "ixgs-reader-key", "version": 2}, "version 2"),
        ({"format": "ixgs-reader-key", "version": 1}, "incomplete"),
        (
            {"format": "ixgs-reader-key", "version": 1, "seed": 1, "runs": {}, "sets": {"set-1": {"001": "x"}}},
            "no run x",
        ),
    ],
)
def test_files_that_are_no_key_are_refused(tmp_path, content, message):
    (tmp_path / "key.json").write_text(json.dumps(content))
    with pytest.raises(FormatError, match=message):
        Key.load(tmp_path / "key.json")
