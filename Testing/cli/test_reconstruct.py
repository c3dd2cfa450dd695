import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

import IXGSLib
from IXGSLib import evaluation, reconstruction
from IXGSLib.cli.reconstruct import Reconstruct
from IXGSLib.errors import Cancelled, GeometryError, IXGSError
from IXGSLib.formats import load_case
from IXGSLib.formats.case_source import CaseOptions, evenly
from IXGSLib.reconstruction.resolution import TISSUE, TYPED, resolve
from IXGSLib.reconstruction.result import Progress
from IXGSLib.reconstruction.settings import PRESETS
from IXGSLib.volume import Volume
from IXGSLib.xray.radiograph import Values

PROGRESS = Progress("optimization", 1, 2, 0.1, None, 0.1, 1.0, 9)
ROOT = Path(IXGSLib.__file__).parents[1]
OUTPUTS = {"volume.nrrd", "confidence.nrrd", "expected_error.nrrd", "gaussians.ply", "bone.stl", "report.html"}
FILES = {"run.json", "progress.jsonl", "done.json"} | OUTPUTS


def names(folder):
    return {path.name for path in folder.iterdir()} if folder.exists() else None


def record(path):
    return json.loads(path.read_text())


def test_a_finished_run_is_whole(case, fake, ixgs, tmp_path):
    out = tmp_path / "runs" / "first"
    code, printed, err = ixgs("reconstruct", case, "--out", out, "--truth", case / "truth.nrrd")
    assert code == 0, err
    assert names(out) == FILES
    done = record(out / "done.json")
    assert set(done["outputs"]) == OUTPUTS
    for name, digest in done["outputs"].items():
        assert sha256((out / name).read_bytes()).hexdigest() == digest
    assert done["metrics"]["bone_dice"] == 1
    assert done["metrics"]["volume_psnr"] is None  # infinite, which JSON does not know
    assert "Bone overlap" in printed
    assert "Research use only" in printed
    page = (out / "report.html").read_text()
    assert "Drawn by hand." in page
    assert done["trust"]["signs"]["views"] == len(load_case(case).views)
    assert done["trust"]["verdict"] in ("no sign of a failure", "review with care")
    assert "Can this volume be trusted?" in page
    closing = done["trust"]["reasons"] or ["No sign of a failure was found."]
    assert all(reason in printed for reason in closing)


def test_confidence_is_written_on_the_grid_of_the_volume_and_stated(case, fake, ixgs, tmp_path):
    code, printed, err = ixgs("reconstruct", case, "--out", tmp_path / "out")
    assert code == 0, err
    done, volume = record(tmp_path / "out" / "done.json"), Volume.load(tmp_path / "out" / "volume.nrrd")
    confidence = Volume.load(tmp_path / "out" / "confidence.nrrd")
    assert (confidence.grid.world_from_index == volume.grid.world_from_index).all()
    assert 0 <= confidence.values.min() < confidence.values.max() <= 1
    assert Volume.load(tmp_path / "out" / "expected_error.nrrd").values.min() > 0
    assert done["confidence"]["kind"] == "clean"
    assert 0 <= done["confidence"]["surface"] <= 1
    assert done["confidence"]["sentence"] in printed
    assert done["confidence"]["sentence"] in (tmp_path / "out" / "report.html").read_text()
    assert done["durations"]["confidence"] > 0
    assert done["durations"]["reading"] > 0
    assert not done["durations"].keys() & {"standardization", "poses", "prior"}


def test_a_volume_without_confidence_is_kept_with_a_warning(case, fake, ixgs, tmp_path, monkeypatch):
    from IXGSLib.evaluation import confidence

    def refuse(*_, **__):
        raise GeometryError("no view sees the volume")

    monkeypatch.setattr(confidence, "confidence_of", refuse)
    code, _, err = ixgs("reconstruct", case, "--out", tmp_path / "out")
    assert code == 0
    assert "no confidence.nrrd: no view sees the volume" in err
    assert names(tmp_path / "out") == FILES - {"confidence.nrrd", "expected_error.nrrd"}


def test_confidence_can_be_left_out(case, fake, ixgs, tmp_path):
    code, printed, _ = ixgs("reconstruct", case, "--out", tmp_path / "out", "--no-confidence")
    assert code == 0
    assert names(tmp_path / "out") == FILES - {"confidence.nrrd", "expected_error.nrrd"}
    done = record(tmp_path / "out" / "done.json")
    assert "confidence" not in done
    assert "bone surface lies" not in printed
    assert record(tmp_path / "out" / "run.json")["confidence"] is False


def test_the_record_suffices_to_repeat_the_run(case, fake, ixgs, tmp_path):
    ixgs(
        "reconstruct", case, "--out", tmp_path / "out", "--seed", 7, "--preset", "preview", "--test", case / "test.json"
    )
    run = record(tmp_path / "out" / "run.json")
    _, preset, changes = fake.calls[0]
    assert (preset, changes) == ("preview", {"schedule.seed": 7})
    resolved = resolve("preview", 6, changes)
    assert run["settings"] == json.loads(json.dumps(resolved.settings.as_dict()))
    assert run["reasons"] == resolved.reasons
    assert run["changes"] == changes
    assert run["seed"] == 7
    assert run["device"] == {"asked": "auto", "used": "cpu"}
    assert run["inputs"]["case.json"] == sha256((case / "case.json").read_bytes()).hexdigest()
    assert len(run["inputs"]) == 7
    assert sha256((case / "test.json").read_bytes()).hexdigest() in run["references"].values()
    assert {"torch", "numpy"} <= set(run["packages"])


def test_json_lines(case, fake, ixgs, tmp_path):
    code, out, err = ixgs("reconstruct", case, "--out", tmp_path / "out", "--json")
    assert (code, err) == (0, "")
    events = [json.loads(line, parse_constant=pytest.fail) for line in out.splitlines()]
    assert [event["event"] for event in events] == ["start", *["progress"] * 3, "writing", "done"]
    assert events[2]["loss"] is None
    assert (tmp_path / "out" / "progress.jsonl").read_text() == out


def test_a_folder_with_a_result_is_left_alone(case, fake, ixgs, tmp_path):
    out = tmp_path / "out"
    ixgs("reconstruct", case, "--out", out)
    before = {path: path.read_bytes() for path in out.iterdir()}
    for flags in ((), ("--resume",)):
        code, _, err = ixgs("reconstruct", case, "--out", out, *flags)
        assert code == 2
        assert "holds a finished run" in err
    assert {path: path.read_bytes() for path in out.iterdir()} == before
    assert len(fake.calls) == 1


def test_a_folder_with_other_files_is_left_alone(case, fake, ixgs, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "holiday.jpg").write_text("mine")
    code, _, err = ixgs("reconstruct", case, "--out", tmp_path / "out")
    assert code == 2
    assert "holds other files" in err
    assert names(tmp_path / "out") == {"holiday.jpg"}


@pytest.mark.parametrize("error", [Cancelled("stopped"), KeyboardInterrupt()])
def test_cancelled_without_a_checkpoint_leaves_nothing(error, case, fake, ixgs, tmp_path):
    fake.error = error
    code, _, err = ixgs("reconstruct", case, "--out", tmp_path / "new" / "out")
    assert code == 130
    assert err.splitlines()[-1].startswith("ixgs: cancelled")
    assert not (tmp_path / "new").exists()


def test_an_output_that_cannot_be_written_leaves_nothing(case, fake, ixgs, tmp_path, monkeypatch):
    def full(report, path):
        assert (path.parent / "volume.nrrd").exists()
        raise IXGSError("report.html: cannot be written (No space left on device)")

    monkeypatch.setattr(evaluation, "write_report", full)
    code, _, err = ixgs("reconstruct", case, "--out", tmp_path / "out")
    assert code == 2
    assert "No space left" in err
    assert not (tmp_path / "out").exists()


def test_cancelled_with_a_checkpoint_can_go_on(case, fake, ixgs, tmp_path):
    out = tmp_path / "out"
    fake.error, fake.checkpoint = Cancelled("stopped"), True
    code, _, err = ixgs("reconstruct", case, "--out", out)
    assert code == 130
    assert "--resume" in err
    assert names(out) == {"run.json", "progress.jsonl", "checkpoints"}
    fake.error = None
    code, _, err = ixgs("reconstruct", case, "--out", out)
    assert code == 2
    assert "continue it with --resume" in err
    code, _, err = ixgs("reconstruct", case, "--out", out, "--resume", "--seed", 3)
    assert code == 2
    assert "differs in changes" in err
    assert names(out) == {"run.json", "progress.jsonl", "checkpoints"}
    code, _, err = ixgs("reconstruct", case, "--out", out, "--resume")
    assert code == 0, err
    assert names(out) == FILES


def test_resume_without_a_checkpoint_starts_a_new_run(case, fake, ixgs, tmp_path):
    assert ixgs("reconstruct", case, "--out", tmp_path / "out", "--resume")[0] == 0


def test_another_run_at_work_in_the_folder(case, fake, ixgs, tmp_path):
    out = tmp_path / "out"
    fake.error, fake.checkpoint = Cancelled("stopped"), True
    ixgs("reconstruct", case, "--out", out)
    fake.error = None
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        lock = json.dumps({"pid": other.pid, "host": socket.gethostname()})
        (out / "run.lock").write_text(lock)
        code, _, err = ixgs("reconstruct", case, "--out", out, "--resume")
        assert code == 2
        assert f"process {other.pid} on" in err
        assert (out / "run.lock").read_text() == lock
        other.communicate(b"\n")
    assert ixgs("reconstruct", case, "--out", out, "--resume")[0] == 0
    assert not (out / "run.lock").exists()


def test_a_lock_of_another_machine_counts(case, fake, ixgs, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "run.lock").write_text('{"pid": 1, "host": "elsewhere"}')
    code, _, err = ixgs("reconstruct", case, "--out", tmp_path / "out")
    assert code == 2
    assert "on elsewhere" in err
    assert "delete run.lock" in err


def test_an_unexpected_error_asks_for_a_report(case, fake, ixgs, tmp_path):
    fake.error = ZeroDivisionError("oops")
    code, _, err = ixgs("reconstruct", case, "--out", tmp_path / "out")
    assert code == 1
    assert "Traceback" not in err
    assert "internal error (ZeroDivisionError: oops)" in err.splitlines()[-1]
    assert "--debug" in err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("place", [0, 1, 4])
def test_debug_in_any_place_shows_where(place, case, fake, ixgs, tmp_path):
    fake.error = ZeroDivisionError("oops")
    words = ["reconstruct", case, "--out", tmp_path / "out"]
    words.insert(place, "--debug")
    code, _, err = ixgs(*words)
    assert code == 1
    assert "Traceback" in err


def test_a_signal_stops_a_run(case, ixgs, tmp_path, monkeypatch):
    def slow(case, preset, *, on_progress, **_):
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
        time.sleep(30)

    monkeypatch.setattr(reconstruction, "reconstruct", slow)
    began = time.monotonic()
    code, _, err = ixgs("reconstruct", case, "--out", tmp_path / "out")
    assert (code, err.splitlines()[-1]) == (130, "ixgs: cancelled")
    assert time.monotonic() - began < 20
    assert not (tmp_path / "out").exists()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@pytest.mark.parametrize(("count", "ids"), [(2, (0, 5)), (3, (0, 2, 5)), (6, range(6)), (None, range(6))])
def test_views_are_spread_evenly(count, ids, case):
    chosen = evenly(load_case(case), count)
    assert [int(view.id) for view in chosen.views] == list(ids)


def test_views_reach_the_reconstruction(case, fake, ixgs, tmp_path):
    ixgs("reconstruct", case, "--out", tmp_path / "out", "--views", 3)
    assert len(fake.calls[0][0].xrays) == 3
    assert len(record(tmp_path / "out" / "run.json")["case"]["views"]) == 3


def test_flags_override_the_region(case, fake, ixgs, tmp_path):
    own = load_case(case).grid
    ixgs("reconstruct", case, "--out", tmp_path / "out", "--size", 20, 16, 12, "--spacing", 1)
    grid = fake.calls[0][0].grid
    assert grid.shape == (12, 16, 20)
    assert grid.center == pytest.approx(own.center)


def test_settings_from_a_file_replace_those_of_the_preset(case, fake, ixgs, tmp_path):
    (tmp_path / "s.json").write_text('{"schedule": {"steps": 900}, "tv_weight": 1}')
    flags = ("--settings", tmp_path / "s.json", "--preset", "preview")
    assert ixgs("reconstruct", case, "--out", tmp_path / "out", *flags)[0] == 0
    assert fake.calls[0][2] == {"schedule.steps": 900, "loss.tv_weight": 1}
    run = record(tmp_path / "out" / "run.json")
    assert (run["settings"]["schedule"]["steps"], run["settings"]["loss"]["tv_weight"]) == (900, 1)
    assert run["reasons"]["schedule.steps"] == TYPED
    assert run["settings"]["cloud"]["gaussians"] == resolve("preview", 6).settings.cloud.gaussians
    page = (tmp_path / "out" / "report.html").read_text()
    assert TYPED in page
    assert "adapted to 6 views" in page


def test_what_the_start_finds_reaches_the_record(case, fake, ixgs, tmp_path, monkeypatch):
    def found_tissue(case, preset, *, settings, on_progress, **more):
        on_progress(replace(PROGRESS, resolved=resolve(preset, len(case.xrays), settings, tissue=True)))
        return fake(case, preset, settings=settings, on_progress=on_progress, **more)

    monkeypatch.setattr(reconstruction, "reconstruct", found_tissue)
    assert ixgs("reconstruct", case, "--out", tmp_path / "out", "--preset", "fine")[0] == 0
    run, expected = record(tmp_path / "out" / "run.json"), resolve("fine", 6, tissue=True)
    assert run["settings"] == json.loads(json.dumps(expected.settings.as_dict()))
    assert run["reasons"] == expected.reasons
    assert TISSUE in run["reasons"].values()


def test_warnings_are_shown_once_and_kept(case, fake, edit, ixgs, tmp_path):
    edit(lambda data: data.update(colour="blue"))
    code, _, err = ixgs("reconstruct", case, "--out", tmp_path / "out")
    assert code == 0
    assert err.count("unknown keys colour") == 1
    for name in ("run.json", "done.json"):
        assert "unknown keys colour" in record(tmp_path / "out" / name)["warnings"][0]


def test_notices_are_shown_as_such_and_kept_apart_from_warnings(intensities, fake, ixgs, tmp_path):
    code, _, err = ixgs("reconstruct", intensities, "--out", tmp_path / "out", "--standardize", "classical")
    assert code == 0, err
    assert "ixgs: the X-rays were standardised: the images are synthetic" in err
    for name in ("run.json", "done.json"):
        content = record(tmp_path / "out" / name)
        assert any("images are synthetic" in text for text in content["notices"])
        assert not any("images are synthetic" in text for text in content["warnings"])
    assert record(tmp_path / "out" / "done.json")["trust"]["signs"]["synthetic"]


def test_choices_are_those_of_the_library():
    kinds = get_type_hints(Reconstruct)
    assert set(get_args(kinds["preset"])) == set(PRESETS)
    values = get_type_hints(CaseOptions)["values"]
    assert get_args(get_args(values)[0]) == get_args(Values)


def test_a_closed_output_pipe_ends_the_run_quietly():
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "IXGSLib", "--help"]
    done = subprocess.run(command, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (130, "")


def test_help_is_quick_and_states_the_exit_codes():
    began = time.monotonic()
    command = [sys.executable, "-m", "IXGSLib", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert time.monotonic() - began < 1
    assert "130" in done.stdout
    probe = "import sys, IXGSLib.cli; IXGSLib.cli.main(['reconstruct', '--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"torch", "numba", "matplotlib", "SimpleITK"} & set(done.stderr.split())


def test_conventions_that_the_x_rays_choose_are_recorded(ixgs, fake, tmp_path):
    from Testing.calibration.tagged_shots import shots
    from Testing.formats.tagged import I0, write_tagged

    folder = write_tagged(tmp_path / "XA", shots(8, moving=False), ("quarter-turn",))
    words = ("--i0", I0, "--standardize", "none", "--tag-conventions", "auto")
    code, _, err = ixgs("reconstruct", folder, "--out", tmp_path / "run", *words)
    assert code == 0
    choice = json.loads((tmp_path / "run" / "run.json").read_text())["case"]["tag_choice"]
    assert choice["names"] == ["quarter-turn"]
    assert choice["decided_by"] == "epipolar consistency"
    assert f"ixgs: {choice['sentence']}" in err
    report = (tmp_path / "run" / "report.html").read_text()
    assert f"<p>T{choice['sentence'][1:]}</p>" in report
