"""A run that another program starts, watches and cancels, as the panel does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import IXGSLib
from IXGSLib.formats import load_case
from IXGSLib.volume import Volume

ROOT = Path(IXGSLib.__file__).parents[1]


@pytest.fixture
def driven(case, tmp_path):
    """Start a reconstruction with some settings; its standard input stays open."""
    started = []

    def start(**settings):
        (tmp_path / "settings.json").write_text(json.dumps(settings))
        words = ["-m", "IXGSLib", "reconstruct", case, "--out", tmp_path / "out", "--preset", "preview", "--json"]
        words += ["--settings", tmp_path / "settings.json", "--threads", 1, "--stop-on-eof"]
        process = subprocess.Popen(
            [sys.executable, *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def test_a_run_previews_its_volume(driven, case, tmp_path):
    small = {"steps": 20, "coarse_steps": 5, "refit_steps": 5, "gaussians": 500, "background_gaussians": 100}
    center = load_case(case).grid.center  # before the run, which removes its last preview when it ends
    process = driven(**small, preview_every=10)
    events = []
    for line in process.stdout:
        events.append(json.loads(line))
        if "preview" in events[-1] and events[-1]["step"] == 10:
            preview = Volume.load(tmp_path / "out" / events[-1]["preview"])
            assert preview.grid.center == pytest.approx(center)
            assert preview.values.max() > 0
    assert process.wait() == 0
    assert [event["step"] for event in events if "preview" in event] == [10, 20]
    assert not (tmp_path / "out" / "preview.nrrd").exists()


def test_a_run_ends_with_its_input(driven, tmp_path):
    process = driven(steps=100_000, gaussians=500, background_gaussians=100)
    events = [json.loads(process.stdout.readline()) for _ in range(5)]
    assert events[-1]["event"] == "progress"
    process.stdin.close()
    last = [json.loads(line) for line in process.stdout][-1]
    assert (last["event"], last["cancelled"]) == ("error", True)
    assert process.wait(20) == 130
    assert not (tmp_path / "out").exists()


def test_views_can_be_left_out(case, fake, ixgs, tmp_path):
    ids = [view.id for view in load_case(case).views]
    assert ixgs("reconstruct", case, "--out", tmp_path / "out", "--leave-out", ids[0], ids[3])[0] == 0
    assert [view.id for view in fake.calls[0][0].views] == [id for id in ids if id not in (ids[0], ids[3])]
    code, _, err = ixgs("reconstruct", case, "--out", tmp_path / "other", "--leave-out", "nobody")
    assert code == 2
    assert "nobody" in err


def test_the_region_can_be_oblique(case, fake, ixgs, tmp_path):
    turned = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])
    assert ixgs("reconstruct", case, "--out", tmp_path / "out", "--direction", *turned.ravel())[0] == 0
    grid, own = fake.calls[0][0].grid, load_case(case).grid
    assert grid.direction == pytest.approx(turned)
    assert grid.center == pytest.approx(own.center)
