import json
import shutil

import numpy as np
import pytest
import torch

from IXGSLib import reconstruction
from IXGSLib.cli import main
from IXGSLib.errors import Cancelled
from IXGSLib.formats import load_case
from IXGSLib.gaussians import Cloud
from IXGSLib.reconstruction.resolution import resolve
from IXGSLib.reconstruction.result import Progress, Reconstruction
from IXGSLib.simulation import simulate, write_simulation
from IXGSLib.volume import Volume
from Testing.simulation.phantom import GRID, hounsfield, settings
from Testing.xray.test_dicom import dicom


@pytest.fixture(scope="session")
def simulated(tmp_path_factory):
    """A folder with case.json, test.json and truth.nrrd of a small bone."""
    simulation = simulate((hounsfield(), GRID), settings(name="bone", credit="Drawn by hand."))
    return write_simulation(simulation, tmp_path_factory.mktemp("cli") / "case")


@pytest.fixture
def case(simulated, tmp_path):
    """A copy of the case that a test may spoil."""
    return shutil.copytree(simulated, tmp_path / "case")


@pytest.fixture
def edit(case):
    """Change case.json: edit(function of its content)."""

    def change(function):
        data = json.loads((case / "case.json").read_text())
        function(data)
        (case / "case.json").write_text(json.dumps(data))

    return change


@pytest.fixture
def intensities(case, edit):
    """The case with its X-rays as intensities, in DICOM files that name a patient."""
    for n, xray in enumerate(load_case(case).xrays):
        intensity = np.rint(60000 * np.exp(-xray.image)).clip(1, 60000).astype(np.uint16)
        dicom(case / "images" / f"{n}.dcm", intensity, bits=16)

    def as_dicom(data):
        data.update(values="intensity", i0=60000)
        for n, view in enumerate(data["views"]):
            view.pop("sha256")
            view["image"] = f"images/{n}.dcm"

    edit(as_dicom)
    return case


@pytest.fixture
def ixgs(capsys):
    """Run a command; returns (exit code, standard output, standard error)."""

    def run(*words):
        capsys.readouterr()
        code = main([str(word) for word in words])
        return (code, *capsys.readouterr())

    return run


class Fake:
    """A reconstruction that returns the truth at once, or stops in the middle."""

    def __init__(self, truth):
        self.truth = Volume.load(truth)
        self.calls = []
        self.prior = None
        self.error = None
        self.checkpoint = False

    def __call__(self, case, preset, *, settings, prior, on_progress, cancelled, checkpoints, device):
        self.calls.append((case, preset, settings))
        self.prior = prior
        for step in range(3):
            on_progress(Progress("optimization", step, 2, float("nan") if step else None, None, 0.1, 1.0, 9))
            if self.checkpoint:
                checkpoints.mkdir(exist_ok=True)
                (checkpoints / "checkpoint-000001.json").write_text("{}")
            if self.error is not None:
                raise self.error
            if cancelled():
                raise Cancelled("the reconstruction was cancelled")
        cloud = Cloud(torch.tensor(case.grid.center)[None], torch.ones(1, 3), torch.eye(4)[:1], torch.full((1,), 0.01))
        renders = tuple(np.array(xray.image) for xray in case.xrays)
        metrics = {"fit_psnr": 40.0}
        resolved = resolve(preset, len(case.xrays), settings)
        return Reconstruction(
            volume=self.truth,
            cloud=cloud.to(dtype=torch.float32),
            views=case.views,
            renders=renders,
            held_out=(),
            metrics=metrics,
            settings=resolved.settings,
            reasons=resolved.reasons,
            warnings=case.warnings,
            used_prior=prior is not None,
        )


@pytest.fixture
def fake(simulated, monkeypatch):
    fake = Fake(simulated / "truth.nrrd")
    monkeypatch.setattr(reconstruction, "reconstruct", fake)
    return fake
