"""Small finished runs, blinded sets of them, and ratings as the panel saves them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from IXGSLib.files import file_sha256
from IXGSLib.geometry import Grid
from IXGSLib.volume import Volume

SECRET = "Doe-lumbar-fine"
"""Part of the names and settings of the runs, which must not be in the sets."""


@pytest.fixture
def make_run(tmp_path):
    """Writes a finished run of a few voxels."""

    def made(name, specimen, metrics, spacing=2.0, center=(10.0, -20.0, 300.0)):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        grid = Grid.centered(center, (12, 12, 12), spacing)
        values = np.random.default_rng(len(name)).random(grid.shape, dtype=np.float32)
        Volume(values, grid).save(folder / "volume.nrrd")
        run = {"format": "ixgs-run", "version": 1, "ixgs": "9.9", "case": {"name": specimen}, "preset": SECRET}
        done = {"format": "ixgs-done", "version": 1, "metrics": metrics, "durations": {"optimization": 12.5}}
        done["outputs"] = {"volume.nrrd": file_sha256(folder / "volume.nrrd")}
        (folder / "run.json").write_text(json.dumps(run))
        (folder / "done.json").write_text(json.dumps(done))
        return folder

    return made


@pytest.fixture
def runs(make_run):
    """Twelve runs of six specimens whose quality grows from run to run."""
    return [
        make_run(
            f"{SECRET}-{n:02d}",
            f"{SECRET}-patient-{n % 6}",
            {"volume_psnr": 20.0 + n, "bone_surface_distance": 3.0 / (1 + n)},
        )
        for n in range(12)
    ]


def rate(folder, reader, answers, time="2025-01-01T10:00:00+00:00", name=None, changes=None):
    """Save a rating as the panel does; changes: entries of its file to replace."""
    content = {
        "format": "ixgs-rating",
        "version": 1,
        "reader": reader,
        "time": time,
        "volume": folder.name,
        "answers": {"overall": None, "pedicles": None, "body": None, "navigation": None} | answers,
        "remarks": "",
    }
    (folder / (name or f"rating-{reader}.json")).write_text(json.dumps(content | (changes or {})))
