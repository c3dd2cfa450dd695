import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from Testing.xray.test_dicom import dicom


def tree(folder):
    """Every file below a folder with its content."""
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))}


def with_image(data, name):
    data["views"][2].pop("sha256")
    data["views"][2]["image"] = name


def truncated_dicom(case, edit):
    file = dicom(case / "images" / "2.dcm", np.ones((48, 48), np.uint16))
    file.write_bytes(file.read_bytes()[:-3000])
    edit(lambda data: with_image(data, "images/2.dcm"))


def text_named_tiff(case, edit):
    (case / "images" / "2.tiff").write_text("see attachment")
    edit(lambda data: with_image(data, "images/2.tiff"))


def without_pose(case, edit):
    edit(lambda data: data["views"][3].pop("world_from_camera"))


def other_size(case, edit):
    edit(lambda data: data["views"][1].update(size=[96, 90]))


def nan_in_matrix(case, edit):
    edit(lambda data: data["views"][1]["K"][0].__setitem__(0, float("nan")))


def mirrored(case, edit):
    def mirror(data):
        for row in data["views"][4]["world_from_camera"][:3]:
            row[0] *= -1

    edit(mirror)


def metres(case, edit):
    def shrink(data):
        for view in data["views"]:
            for row in view["world_from_camera"][:3]:
                row[3] /= 1000
        volume = data["volume"]
        volume["center"] = [x / 1000 for x in volume["center"]]
        volume["size"] = [x / 1000 for x in volume["size"]]
        volume["spacing"] /= 1000

    edit(shrink)


def missed_region(case, edit):
    edit(lambda data: data["volume"].update(center=[-8.5, 62.5, 1400.0]))


SPOILED = {
    truncated_dicom: ("2.dcm: 1608 bytes", "expected 4608", "copy or export it again"),
    text_named_tiff: ("2.tiff: a text file", "expected TIFF", "export"),
    without_pose: ("case.json: no pose for view 003", "expected", "calibrate"),
    other_size: ("view '001'", "48 x 48", "96 x 90", "calibrate"),
    nan_in_matrix: ("case.json: line 1 holds NaN", "expected a finite number", "export it again"),
    mirrored: ("view '004'", "reflection", "expected", "flip"),
    metres: ("metres", "give", "1000"),
    missed_region: ("no view sees the region", "1400.0", "check"),
}


def assert_refused(result, words):
    code, out, err = result
    assert code == 2
    assert out == ""
    assert err.startswith("ixgs: error: ")
    assert err.count("\n") == 1, err
    for word in words:
        assert word in err, err


@pytest.mark.parametrize("command", ["reconstruct", "check"])
@pytest.mark.parametrize("spoil", SPOILED, ids=lambda spoil: spoil.__name__)
def test_a_spoiled_case_is_refused_in_one_line(spoil, command, case, edit, ixgs, tmp_path):
    spoil(case, edit)
    before = tree(tmp_path)
    out = tmp_path / ("out" if command == "reconstruct" else "out.png")
    assert_refused(ixgs(command, case, "--out", out), SPOILED[spoil])
    assert tree(tmp_path) == before


def test_no_such_case(ixgs, tmp_path):
    words = ("nowhere", "does not exist", "expected a folder with case.json", "check the path")
    assert_refused(ixgs("reconstruct", tmp_path / "nowhere", "--out", tmp_path / "out"), words)
    assert tree(tmp_path) == {}


def test_several_spoiled_views_still_take_one_line(case, edit, ixgs, tmp_path):
    text_named_tiff(case, edit)
    (case / "images" / "000.tiff").write_bytes(b"")
    edit(lambda data: data["views"][0].pop("sha256"))
    words = ("2 of 6 views", "000.tiff", "2.tiff")
    assert_refused(ixgs("reconstruct", case, "--out", tmp_path / "out"), words)


@pytest.mark.parametrize("out", ["file/out", "file", "/proc/ixgs/out"])
def test_an_output_folder_that_cannot_be_written(out, case, fake, ixgs, tmp_path):
    (tmp_path / "file").write_text("mine")
    before = tree(tmp_path)
    assert_refused(ixgs("reconstruct", case, "--out", tmp_path / out), (str(tmp_path / out), "choose"))
    assert tree(tmp_path) == before
    assert fake.calls == []


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--views", 99), ("--views 99", "from 2 to 6")),
        (("--views", 1), ("--views 1", "from 2 to 6")),
        (("--device", "cuda"), ("--device cuda", "use --device auto")),
        (("--threads", 0), ("0 threads", "at least one")),
        (("--seed", -1), ("seed is -1", "at least 0")),
        (("--i0", 5), ("--i0", "--calibration")),
        (("--spacing", 0), ("volume spacing is 0", "positive")),
        (("--spacing", 0.001), ("voxels", "--spacing")),
        (("--center", -8.5, 62.5, 1400), ("no view sees the region", "1400")),
        (("--truth", "nowhere.nrrd"), ("nowhere.nrrd: no such file", "--truth")),
        (("--settings", "nowhere.json"), ("nowhere.json: cannot be opened",)),
    ],
    ids=lambda value: " ".join(map(str, value)) if str(value[0]).startswith("--") else "",
)
def test_flags_out_of_range(flags, words, case, fake, ixgs, tmp_path):
    assert_refused(ixgs("reconstruct", case, "--out", tmp_path / "out", *flags), words)
    assert not (tmp_path / "out").exists()
    assert fake.calls == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"stepz": 3}', ("unknown settings stepz", "expected some of", "schedule.steps")),
        ('{"steps": "many"}', ("steps is 'many'", "expected")),
        ('{"steps": 2.5}', ("steps is 2.5", "expected")),
        ('{"steps": 20, "coarse_steps": 30}', ("coarse_steps 30",)),
        ("[1]", ("not a JSON object", "expected")),
    ],
)
def test_settings_that_cannot_be_used(text, words, case, fake, ixgs, tmp_path):
    (tmp_path / "settings.json").write_text(text)
    flags = ("--settings", tmp_path / "settings.json")
    assert_refused(ixgs("reconstruct", case, "--out", tmp_path / "out", *flags), words)


def test_images_without_a_calibration(case, ixgs, tmp_path):
    result = ixgs("reconstruct", case / "images", "--out", tmp_path / "out")
    assert_refused(result, ("images: a folder without case.json", "--calibration FILE"))


def test_a_folder_of_folders(ixgs, tmp_path):
    (tmp_path / "PAT0" / "STUDY0").mkdir(parents=True)
    assert_refused(ixgs("check", tmp_path / "PAT0"), ("without case.json", "folders in it: STUDY0"))


def test_images_without_the_kind_of_their_values(case, ixgs, tmp_path):
    flags = ("--calibration", tmp_path / "m.csv")
    result = ixgs("reconstruct", case / "images", "--out", tmp_path / "out", *flags)
    assert_refused(result, ("--values is missing", "expected line_integral or intensity"))


def test_an_unknown_command_is_answered_with_the_nearest(ixgs):
    assert_refused(ixgs("reconstuct"), ("no command 'reconstuct'", "did you mean 'reconstruct'"))


def test_wrong_options_are_wrong_input(ixgs, case):
    code, out, err = ixgs("reconstruct", case)
    assert (code, out) == (2, "")
    assert "--out" in err


def process(*words, folder):
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    environment = os.environ | {"PYTHONPATH": root}
    command = [sys.executable, "-m", "IXGSLib", *map(str, words)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def test_a_separate_process_gives_the_same_message(case, edit, tmp_path):
    mirrored(case, edit)
    before = tree(tmp_path)
    done = process("reconstruct", "case", "--out", "out", folder=tmp_path)
    assert_refused((done.returncode, done.stdout, done.stderr), SPOILED[mirrored])
    assert tree(tmp_path) == before


def test_json_also_holds_the_error(case, edit, ixgs, tmp_path):
    shutil.rmtree(case / "images")
    code, out, err = ixgs("reconstruct", case, "--out", tmp_path / "out", "--json")
    assert code == 2
    (event,) = map(json.loads, out.splitlines())
    assert event["event"] == "error"
    assert not event["cancelled"]
    assert err == f"ixgs: error: {event['message']}\n"
