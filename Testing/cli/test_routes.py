"""From a CT to a volume, all by commands, with the real reconstruction."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from IXGSLib.compute.threads import set_thread_count, thread_count
from IXGSLib.files import write_atomically
from IXGSLib.formats import load_case
from IXGSLib.formats.calibrations.matrices import write_matrices
from IXGSLib.formats.calibrations.rtk import write_rtk
from IXGSLib.reconstruction import pipeline
from IXGSLib.runs import execution
from IXGSLib.volume import Volume
from IXGSLib.volume.nrrd import nrrd_bytes
from Testing.simulation.phantom import GRID, hounsfield

TINY = {
    "gaussians": 500,
    "background_gaussians": 50,
    "background_margin": 20,
    "steps": 20,
    "coarse_steps": 5,
    "refit_steps": 5,
    "check_every": 5,
    "control_every": 5,
}
ARM = ("--arm.detector-pixels", 48, 48, "--arm.detector-size", 80)
CASE = ("--size", 32, "--spacing", 2, "--views", 8, "--test-views", 2, *ARM, "--name", "bone")


@pytest.fixture
def made(ixgs, tmp_path):
    """A case that `ixgs simulate` made, and a file with settings for a short reconstruction."""
    write_atomically(tmp_path / "ct.nrrd", nrrd_bytes(hounsfield(), GRID))
    (tmp_path / "tiny.json").write_text(json.dumps(TINY))
    code, out, err = ixgs("simulate", tmp_path / "ct.nrrd", "--out", tmp_path / "case", *CASE)
    assert code == 0, err
    assert "8 views, 2 test views" in out
    return tmp_path / "case"


def region(case):
    grid = load_case(case).grid
    return ("--center", *grid.center, "--size", *grid.size, "--spacing", grid.spacing[0])


def rtk_stack(case, folder):
    """The X-rays as RTK keeps them: one stack, rows from bottom to top."""
    folder.mkdir()
    detector = write_rtk(folder / "geometry.xml", case.views)
    stack = sitk.GetImageFromArray(np.stack([xray.image[::-1] for xray in case.xrays]))
    stack.SetOrigin([*detector.origin, 0])
    stack.SetSpacing([*detector.spacing, 1])
    sitk.WriteImage(stack, str(folder / "stack.mha"))
    return folder / "stack.mha", folder / "geometry.xml"


def test_three_routes_lead_to_one_volume(made, ixgs, tmp_path):
    case = load_case(made)
    write_matrices(tmp_path / "matrices.csv", case.views)
    stack, geometry = rtk_stack(case, tmp_path / "rtk")
    training = tmp_path / "xrays"
    training.mkdir()
    for view in case.views:
        os.link(made / "images" / f"{view.id}.tiff", training / f"{view.id}.tiff")
    spacing = ("--pixel-spacing", *case.views[0].pixel_spacing)
    routes = {
        "case": (made,),
        "csv": (training, "--calibration", tmp_path / "matrices.csv", *spacing, "--values", "line_integral"),
        "rtk": (stack, "--calibration", geometry, "--values", "line_integral"),
    }
    volumes = {}
    for name, words in routes.items():
        flags = () if name == "case" else region(made)
        out = tmp_path / f"{name} out"
        code, _, err = ixgs("reconstruct", *words, "--out", out, "--settings", tmp_path / "tiny.json", *flags)
        assert code == 0, err
        volumes[name] = Volume.load(out / "volume.nrrd")
    truth = volumes["case"]
    assert truth.values.max() > 0.005
    for name in ("csv", "rtk"):
        assert volumes[name].grid.world_from_index == pytest.approx(truth.grid.world_from_index)
        assert np.abs(volumes[name].values - truth.values).max() < 1e-4 * truth.values.max(), name


@pytest.fixture
def threads():
    """Puts the number of threads back."""
    kernels, torch_threads = thread_count(), torch.get_num_threads()
    yield
    set_thread_count(kernels)
    torch.set_num_threads(torch_threads)


def test_a_run_is_compared_with_what_was_simulated(made, ixgs, tmp_path, threads):
    flags = ("--truth", made / "truth.nrrd", "--test", made / "test.json", "--settings", tmp_path / "tiny.json")
    code, out, err = ixgs("reconstruct", made, "--out", tmp_path / "out", *flags, "--json", "--threads", 1)
    assert code == 0, err
    last = json.loads(out.splitlines()[-1])
    assert last["event"] == "done"
    assert last["metrics"]["bone_dice"] > 0.5
    assert last["metrics"]["view_psnr"] > 20
    report = (tmp_path / "out" / "report.html").read_text()
    assert "test_000" in report
    assert json.loads((tmp_path / "out" / "run.json").read_text())["threads"] == 1


def test_a_stopped_run_continues_from_its_checkpoint(made, ixgs, tmp_path, monkeypatch):
    out = tmp_path / "out"
    words = ("reconstruct", made, "--out", out, "--settings", tmp_path / "tiny.json", "--json")
    monkeypatch.setattr(pipeline, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(execution, "stop_asked", lambda: any(out.glob("checkpoints/*.json")))
    code, _, err = ixgs(*words)
    assert code == 130
    assert any(out.glob("checkpoints/*.json"))
    monkeypatch.setattr(execution, "stop_asked", lambda: False)
    code, lines, err = ixgs(*words, "--resume")
    assert code == 0, err
    events = [json.loads(line) for line in lines.splitlines()]
    assert next(event["step"] for event in events if event.get("stage") == "optimization") >= 1
    assert (out / "done.json").is_file()
    assert not (out / "checkpoints").exists()


def test_an_interrupted_process_leaves_nothing(made, tmp_path):
    settings = json.dumps(TINY | {"steps": 100_000})
    (tmp_path / "long.json").write_text(settings)
    words = ("reconstruct", "case", "--out", "out", "--settings", "long.json", "--json")
    environment = os.environ | {"PYTHONPATH": os.getcwd()}
    command = [sys.executable, "-m", "IXGSLib", *words]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as run:
        for line in run.stdout:
            if json.loads(line).get("step", 0) > 5:
                break
        began = time.monotonic()
        run.send_signal(signal.SIGINT)
        rest = run.stdout.read()
    assert run.returncode == 130
    assert time.monotonic() - began < 10
    assert json.loads(rest.splitlines()[-1])["cancelled"]
    assert not (tmp_path / "out").exists()


def test_a_simulation_over_something_is_refused(made, ixgs, tmp_path):
    code, _, err = ixgs("simulate", tmp_path / "ct.nrrd", "--out", made, *CASE)
    assert (code, err.count("\n")) == (2, 1)
    assert "expected a new or an empty folder" in err


def test_a_setting_of_the_simulation_out_of_its_range(made, ixgs, tmp_path):
    code, _, err = ixgs("simulate", tmp_path / "ct.nrrd", "--out", tmp_path / "new", "--views", 1)
    assert code == 2
    assert "views is 1" in err
    assert not (tmp_path / "new").exists()
