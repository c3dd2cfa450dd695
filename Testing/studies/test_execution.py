"""Runs are computed once, whatever ends a study; failures are rows; results hold everything."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

import IXGSLib
from IXGSLib.cli import main
from IXGSLib.errors import IXGSError, SettingsError
from IXGSLib.files import file_sha256
from IXGSLib.runs.lock import Lock
from IXGSLib.studies import identity
from IXGSLib.studies.backends import LocalProcesses
from IXGSLib.studies.execution import run_study
from IXGSLib.studies.folder import Records
from IXGSLib.studies.identity import tasks
from IXGSLib.studies.plan import Plan, Subject
from IXGSLib.studies.plan_files import subjects_from
from Testing.studies import standin

ROOT = Path(IXGSLib.__file__).parents[1]
LOCAL = LocalProcesses(workers=2, threads=1, work=standin.work)


def begun(folder):
    return [id for what, id, _ in standin.notes(folder) if what == "begin"]


def test_every_run_is_computed_once(plan, tmp_path, reporter, heard):
    summary = run_study(plan, tmp_path / "out", reporter, LOCAL)
    assert (summary.runs, summary.failed) == (6, 0)
    ids = begun(tmp_path / "out")
    assert len(ids) == len(set(ids)) == 6
    run_study(plan, tmp_path / "out", reporter, LOCAL)
    assert begun(tmp_path / "out") == ids
    kinds = [event["event"] for event in heard.events]
    assert kinds[0] == "study"
    assert kinds.count("run") == 6
    assert [e["step"] for e in heard.events if e["event"] == "progress"] == [1, 2, 3, 4, 5, 6]
    assert heard.events[-1] == {"event": "done", "runs": 6, "failed": 0, "files": [f.name for f in summary.files]}


def test_a_longer_plan_computes_only_what_is_new(plan, tmp_path, reporter):
    run_study(plan, tmp_path / "out", reporter, LOCAL)
    before = set(begun(tmp_path / "out"))
    longer = replace(plan, factors={"views": (5, 10, 20, 40), "seed": (0, 1)})
    assert run_study(longer, tmp_path / "out", reporter, LOCAL).runs == 8
    assert len(begun(tmp_path / "out")) == 8
    assert before < set(begun(tmp_path / "out"))


def test_the_id_depends_on_everything_that_determines_the_result(plan, ct, tmp_path):
    def ids(plan):
        return {task.id for task in tasks(plan.runs(), tmp_path)}

    first = ids(plan)
    assert ids(plan) == first
    assert ids(replace(plan, name="Other", subjects=(Subject("renamed", ct=ct),))) == first
    assert not ids(replace(plan, subjects=(Subject("one", ct=ct, center=(0.0, 60.0, 930.0)),))) & first
    assert not ids(replace(plan, settings={"tilt": 1.0})) & first
    changed = bytearray(ct.read_bytes())
    changed[-1] ^= 1
    (tmp_path / "other.nrrd").write_bytes(changed)
    assert not ids(replace(plan, subjects=(Subject("one", ct=tmp_path / "other.nrrd"),))) & first


def test_the_same_data_twice_are_refused(plan, ct, tmp_path):
    (tmp_path / "copy.nrrd").write_bytes(ct.read_bytes())
    twice = replace(plan, subjects=(Subject("one", ct=ct), Subject("two", ct=tmp_path / "copy.nrrd")))
    with pytest.raises(SettingsError, match="'one' and 'two' hold the same data"):
        tasks(twice.runs(), tmp_path)


def test_a_failing_run_is_a_row_with_its_reason(plan, tmp_path, reporter, heard):
    failing = replace(plan, factors={"views": (7, 10), "seed": (0, 1)})
    summary = run_study(failing, tmp_path / "out", reporter, LOCAL)
    assert (summary.runs, summary.failed) == (4, 2)
    rows = list(csv.DictReader((tmp_path / "out" / "results.csv").open()))
    assert [(row["views"], row["status"], row["reason"]) for row in rows if row["views"] == "7"] == [
        ("7", "failed", "seven views never work")
    ] * 2
    assert "seven views never work" in (tmp_path / "out" / "study.html").read_text()
    run_study(failing, tmp_path / "out", reporter, LOCAL)
    assert len(begun(tmp_path / "out")) == 4
    run_study(failing, tmp_path / "out", reporter, LOCAL, retry_failed=True)
    assert len(begun(tmp_path / "out")) == 6


def test_csv_and_parquet_hold_every_setting_and_hash(plan, tmp_path, reporter):
    from pyarrow import parquet

    run_study(plan, tmp_path / "out", reporter, LOCAL)
    rows = list(csv.DictReader((tmp_path / "out" / "results.csv").open()))
    table = parquet.read_table(tmp_path / "out" / "results.parquet").to_pylist()
    assert list(rows[0]) == list(table[0])
    assert {"views", "span", "dose", "c_arm", "seed", "bone_dice", "inputs", "ixgs", "c_arm_model"} <= set(rows[0])
    for text, values in zip(rows, table, strict=True):
        assert text["id"] == values["id"]
        assert float(text["bone_dice"]) == values["bone_dice"] == 1 - 1 / values["views"]
        assert json.loads(values["c_arm_model"])["arm"]["source_detector"] == 1000
        assert len(values["inputs"]) == 64


def test_without_pyarrow_a_warning_says_so(plan, tmp_path, reporter, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    summary = run_study(plan, tmp_path / "out", reporter, LOCAL)
    assert [file.name for file in summary.files] == ["results.csv", "study.html"]
    assert "pip install 'IXGSLib[study]'" in reporter.warnings[0]


def test_results_of_an_unfinished_study_say_what_is_missing(plan, tmp_path, reporter):
    run_study(replace(plan, factors={"views": (5,), "seed": (0,)}), tmp_path / "out", reporter, LOCAL)
    summary = run_study(plan, tmp_path / "out", reporter, LOCAL, results_only=True)
    assert summary.runs == 1
    assert reporter.warnings == ["5 of 6 runs are not finished; the same command continues with them"]


def test_folders_of_others_are_refused(plan, tmp_path, reporter):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.doc").write_text("")
    with pytest.raises(IXGSError, match="holds other files"):
        run_study(plan, tmp_path / "full", reporter, LOCAL)
    run_study(plan, tmp_path / "out", reporter, LOCAL)
    with pytest.raises(IXGSError, match="holds the study 'Toy', this is 'Other'; choose another --out"):
        run_study(replace(plan, name="Other"), tmp_path / "out", reporter, LOCAL)
    (tmp_path / "out" / "study.lock").write_text(
        json.dumps({"pid": os.getppid(), "host": os.uname().nodename, "token": "x"})
    )
    with pytest.raises(IXGSError, match=f"process {os.getppid()} .* is working there"):
        run_study(plan, tmp_path / "out", reporter, LOCAL)


def test_a_damaged_record_is_refused_with_the_cure(plan, tmp_path, reporter):
    run_study(plan, tmp_path / "out", reporter, LOCAL)
    path = next((tmp_path / "out" / "records").iterdir())
    path.write_text('{"format": "else"}')
    with pytest.raises(IXGSError, match="delete the file to compute the run again"):
        run_study(plan, tmp_path / "out", reporter, LOCAL)


def test_a_worker_of_another_version_is_refused(plan, tmp_path, reporter):
    task = replace(tasks(plan.runs(), tmp_path)[0], ixgs="99.0")
    with pytest.raises(IXGSError, match=r"the study needs 99.0; install the same version"):
        standin.work(task)
    with pytest.raises(IXGSError, match=r"does not see .*; put the study into a folder that all workers share"):
        standin.work(replace(task, ixgs=IXGSLib.version.__version__, folder=str(tmp_path / "far")))


def test_two_processes_compute_a_run_once(plan, tmp_path, reporter):
    """As after a client was killed whose worker goes on, while a new client sends the run to another."""
    run_study(plan, tmp_path / "out", reporter, LOCAL, results_only=True)
    task = replace(tasks(plan.runs(), tmp_path / "out")[0], threads=1)
    slow = replace(task, condition={**task.condition, "tilt": 0.5})
    script = "import sys; from Testing.studies import standin; standin.work(standin.Task.from_json(sys.argv[1]))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    both = [subprocess.Popen([sys.executable, "-c", script, slow.as_json()], env=environment) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert begun(tmp_path / "out") == [task.id]


def study(plan, folder):
    """A client in a process of its own."""
    words = ["-m", "IXGSLib", "study", plan, "--out", folder, "--workers", "1", "--threads", "1", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, *map(str, words)], stdout=subprocess.PIPE, text=True, env=environment)


def test_a_killed_client_is_resumed_with_real_runs(tiny, tmp_path, capsys):
    client = study(tiny, tmp_path / "out")
    events = [json.loads(client.stdout.readline()) for _ in range(2)]
    assert [event["event"] for event in events] == ["study", "run"]
    assert events[1]["status"] == "done", events[1]["reason"]
    time.sleep(0.3)  # the second run has begun
    client.send_signal(signal.SIGKILL)
    client.wait()
    client.stdout.close()
    records = Records(tmp_path / "out")
    finished = {id: records.path(id).stat().st_mtime_ns for id in records.ids()}
    assert events[1]["id"] in finished
    assert len(finished) < 2
    assert main(["study", str(tiny), "--out", str(tmp_path / "out"), "--workers", "1", "--threads", "1"]) == 0
    assert "2 runs, 0 of them failed" in capsys.readouterr().out
    assert len(records.ids()) == 2
    assert {id: records.path(id).stat().st_mtime_ns for id in finished} == finished
    row = next(csv.DictReader((tmp_path / "out" / "results.csv").open()))
    assert float(row["bone_dice"]) > 0
    assert (tmp_path / "out" / "runs" / row["id"] / "slices.png").is_file()


def test_a_stopped_study_stops_its_runs(plan, tmp_path, reporter):
    slow = replace(plan, settings={"tilt": 60.0})

    class Stop(Exception): ...

    def show(event):
        if event["event"] == "study":
            raise Stop

    reporter.display.show = show
    began = time.monotonic()
    with pytest.raises(Stop):
        run_study(slow, tmp_path / "out", reporter, LOCAL)
    assert time.monotonic() - began < 30
    Lock(tmp_path / "out" / "study.lock").check()
    assert Records(tmp_path / "out").ids() == set()


def test_a_child_that_is_killed_is_a_failed_run(tiny, tmp_path):
    """As by a system without memory; the study goes on."""
    client = study(tiny, tmp_path / "out")
    assert json.loads(client.stdout.readline())["event"] == "study"
    child = killed = None
    deadline = time.monotonic() + 60
    while killed is None and time.monotonic() < deadline:
        found = subprocess.run(["pgrep", "-P", str(client.pid)], capture_output=True, text=True).stdout.split()
        if found:
            child = int(found[0])
            os.kill(child, signal.SIGKILL)
            killed = child
        time.sleep(0.02)
    event = json.loads(client.stdout.readline())
    client.kill()
    client.wait()
    client.stdout.close()
    assert (event["event"], event["status"]) == ("run", "failed")
    assert "ended unexpectedly with code -9" in event["reason"]


def test_a_client_needs_neither_torch_nor_numba():
    """Planning and following 10 000 runs is the work of a login node."""
    script = """
import sys
import IXGSLib.studies.execution, IXGSLib.studies.page, IXGSLib.studies.plan_files
assert not {"torch", "numba", "SimpleITK"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)


def test_no_patient_and_no_path_in_what_a_study_writes(ct, tmp_path, reporter):
    """Neither of a run that works nor of one that fails and says why."""
    named = ct.rename(ct.with_name("DOE_JOHN.nrrd"))
    cut = named.with_name("DOE_JANE.nrrd")
    cut.write_bytes(named.read_bytes()[:-5000])
    small = {"size": 32.0, "spacing": 2.0, "views": 4, "pixels": 24, "preset": "preview", "schedule.steps": 0}
    plan = Plan(
        "Toy",
        subjects_from([named, cut]),
        settings={**small, "schedule.coarse_steps": 0, "schedule.refit_steps": 0, "cloud.gaussians": 50},
        factors={"seed": (0,)},
    )
    summary = run_study(plan, tmp_path / "out", reporter, LocalProcesses(1, 1))
    assert (summary.runs, summary.failed) == (2, 1)
    written = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    failed = next(text for path, text in written.items() if b'"failed"' in text and path.suffix == ".json")
    assert b"ct of 'CT 2'" in failed
    for path, text in written.items():
        assert b"DOE" not in text, path
        assert str(tmp_path).encode() not in text, path


def test_a_run_depends_on_the_networks_that_it_uses(tmp_path, monkeypatch):
    bone = tmp_path / "bone.safetensors"
    bone.write_bytes(b"bone")
    monkeypatch.setattr(identity, "shipped_bone_weights", lambda: bone)
    identity._weights_sha256.cache_clear()
    found = {each: identity._weights_sha256(each) for each in ("raw", "network", "prior")}
    assert found["raw"] == ""
    assert found["prior"] == f"{found['network']}-{file_sha256(bone)}"
    monkeypatch.setattr(identity, "shipped_bone_weights", lambda: None)
    identity._weights_sha256.cache_clear()
    with pytest.raises(SettingsError, match="'prior' without weights"):
        identity._weights_sha256("prior")
    identity._weights_sha256.cache_clear()
