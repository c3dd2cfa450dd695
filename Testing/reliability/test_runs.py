"""Faults around a run, in processes of their own as a user starts them; tests are named after rows of the page."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from IXGSLib.files import sha256
from Testing.cli.test_routes import TINY
from Testing.reliability.processes import finished, posix, start


@pytest.fixture
def quick(tmp_path):
    """Options of a run of seconds."""
    (tmp_path / "tiny.json").write_text(json.dumps(TINY))
    return ("--preset", "preview", "--settings", tmp_path / "tiny.json", "--threads", 1)


def test_42_without_a_gpu(case, quick, tmp_path):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    code, _, err = finished(start("reconstruct", case, "--out", tmp_path / "out", *quick, "--device", "cuda"))
    assert code == 2
    assert "--device cuda" in err
    code, _, err = finished(start("reconstruct", case, "--out", tmp_path / "out", *quick))
    assert code == 0, err
    assert json.loads((tmp_path / "out" / "run.json").read_text())["device"] == {"asked": "auto", "used": "cpu"}


def wait_for(condition, process, seconds=120):
    """Wait until a condition holds; fails when the process ends before or time runs out."""
    until = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "the process ended before it could be killed"
        assert time.monotonic() < until
        time.sleep(0.005)


@posix
@pytest.mark.parametrize("mark", ["run.json", "standardized", "progress.jsonl"])
def test_43_killed_and_resumed(case, quick, tmp_path, mark):
    words = ("reconstruct", case, "--out", tmp_path / "out", *quick, "--standardize", "classical")
    process = start(*words)
    wait_for((tmp_path / "out" / mark).exists, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    code, _, err = finished(start(*words, "--resume"))
    assert code == 0, err
    left = {path.name for path in (tmp_path / "out").iterdir()}
    assert not any(name.endswith(".tmp") for name in left)
    done = json.loads((tmp_path / "out" / "done.json").read_text())
    assert sha256((tmp_path / "out" / "volume.nrrd").read_bytes()) == done["outputs"]["volume.nrrd"]


@posix
@pytest.mark.parametrize("limit", [0, 3_000, 20_000])
def test_44_a_disk_that_is_full(case, quick, tmp_path, limit):
    import resource

    def full():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    process = start("reconstruct", case, "--out", tmp_path / "out", *quick, before=full, NUMBA_CACHE_DIR=str(tmp_path))
    code, _, err = finished(process)
    assert code == 2, err
    assert "cannot be written" in err
    assert not (tmp_path / "out" / "done.json").exists()
    code, _, err = finished(start("reconstruct", case, "--out", tmp_path / "out", *quick, "--resume"))
    assert code == 0, err


def test_44_too_little_space_is_found_before_the_work(case, fake, ixgs, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage._replace(free=2**20))
    code, _, err = ixgs("reconstruct", case, "--out", tmp_path / "out")
    assert code == 2
    assert "1 MiB are free there, expected at least" in err
    assert fake.calls == []
    assert not (tmp_path / "out").exists()


def test_45_a_folder_that_cannot_be_written_is_found_before_the_work(intensities, ixgs, tmp_path, monkeypatch):
    real = os.access
    monkeypatch.setattr(os, "access", lambda place, mode: Path(place) != tmp_path and real(place, mode))
    for words in (("reconstruct", intensities), ("standardize", intensities), ("check", intensities)):
        name = "out.png" if words[0] == "check" else "out"
        code, out, err = ixgs(*words, "--out", tmp_path / name)
        assert (code, out) == (2, "")
        assert "no permission" in err
        assert "step" not in err, "it was standardised in vain"


def test_45_other_files_and_finished_runs_are_left_alone(case, fake, ixgs, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    assert ixgs("reconstruct", case, "--out", tmp_path / "out")[0] == 2
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


@posix
def test_46_two_runs_in_one_folder(case, quick, tmp_path):
    words = ("reconstruct", case, "--out", tmp_path / "out", *quick)
    runs = [start(*words) for _ in range(2)]
    results = sorted(finished(run) for run in runs)
    assert [code for code, _, _ in results] == [0, 2], results
    assert any(words in results[1][2] for words in ("is working there", "unfinished run", "finished run", "starting"))
    assert (tmp_path / "out" / "done.json").is_file()


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_47_a_signal_stops_a_run(case, quick, tmp_path, number):
    (tmp_path / "long.json").write_text(json.dumps(TINY | {"steps": 100_000}))
    flags = ("--preset", "preview", "--settings", tmp_path / "long.json", "--threads", 1, "--json")
    process = start("reconstruct", case, "--out", tmp_path / "out", *flags)
    for line in process.stdout:
        if json.loads(line).get("stage") == "optimization":
            break
    process.send_signal(number)
    code, _, err = finished(process)
    assert code == 130, err
    assert not (tmp_path / "out" / "done.json").exists()


@posix
def test_50_other_surroundings(case, quick, tmp_path):
    (tmp_path / "home").touch()
    surroundings = {
        "HOME": str(tmp_path / "home" / "none"),
        "XDG_CACHE_HOME": "",
        "LANG": "de_DE.UTF-8",
        "LC_ALL": "C",
        "PYTHONIOENCODING": "ascii",
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
        "TMPDIR": str(tmp_path),
    }
    moved = shutil.move(case, tmp_path / "Würfel")
    data = json.loads((moved / "case.json").read_text(encoding="utf-8"))
    (moved / "case.json").write_text(json.dumps(data | {"name": "Würfel 脊椎"}), encoding="utf-8")
    code, out, err = finished(start("reconstruct", moved, "--out", tmp_path / "out", *quick, **surroundings))
    assert code == 0, err
    assert "W\\xfcrfel" in err
    assert "," not in out.split("PSNR")[-1].splitlines()[0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"version": 2}, "version 2, expected 1; update IXGS"),
        ({"ixgs": "0.0.1"}, "differs in ixgs"),
        ("{", "the file ends before its brackets close"),
        ("[]", "not written by IXGS"),
    ],
)
def test_51_folders_of_other_versions(case, fake, ixgs, tmp_path, content, words):
    fake.error, fake.checkpoint = KeyboardInterrupt(), True
    assert ixgs("reconstruct", case, "--out", tmp_path / "out")[0] == 130
    record = tmp_path / "out" / "run.json"
    old = json.loads(record.read_text())
    record.write_text(content if isinstance(content, str) else json.dumps(old | content))
    fake.error = None
    code, _, err = ixgs("reconstruct", case, "--out", tmp_path / "out", "--resume")
    assert code == 2
    assert words in err


@pytest.mark.parametrize(
    "content", ["{", '{"format": "ixgs-done", "version": 1, "outputs": 3}', '{"format": "x"}', "\xff"]
)
def test_51_a_damaged_done_json(case, fake, ixgs, tmp_path, content):
    assert ixgs("reconstruct", case, "--out", tmp_path / "out")[0] == 0
    (tmp_path / "out" / "done.json").write_text(content, encoding="latin-1")
    code, _, err = ixgs("evaluate", tmp_path / "out", "--truth", case / "truth.nrrd")
    assert code == 2
    assert "internal error" not in err


def test_one_pixel_beyond_all_measure_is_refused_with_its_view(case, edit, ixgs, tmp_path):
    import tifffile

    image = tifffile.imread(case / "images" / "002.tiff").copy()
    image[3, 4] = 1e30
    tifffile.imwrite(case / "images" / "002.tiff", image)
    edit(lambda data: data["views"][2].pop("sha256"))
    code, _, err = ixgs("reconstruct", case, "--out", tmp_path / "out")
    assert code == 2
    assert "view '002' (002.tiff): a line integral of 1e+30" in err


def test_memory_that_does_not_suffice_is_stated(case, fake, ixgs, tmp_path):
    fake.error = MemoryError("Unable to allocate 7.28 TiB")
    code, _, err = ixgs("reconstruct", case, "--out", tmp_path / "out")
    assert code == 2
    assert "7.28 TiB" in err
    assert "use fewer Gaussians" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ['{"gaussians": 1000000000000}', '{"largest_scale": 1%s}' % ("0" * 400)])
def test_settings_that_ask_for_too_much(case, fake, ixgs, tmp_path, text):
    (tmp_path / "s.json").write_text(text)
    code, _, err = ixgs("reconstruct", case, "--out", tmp_path / "out", "--settings", tmp_path / "s.json")
    assert code == 2
    assert "expected a" in err
    assert len(err) < 400
