"""The panel on offscreen PySide6 and slicer-core; all tests here are skipped if one of them is missing."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from IXGSLib.formats import load_case, save_case
from IXGSLib.geometry.rigid import rigid
from Testing.panel.registrations import (  # noqa: F401
    ct_chosen,
    registered,
    spine_case,
    spine_panel,
    spine_reading,
    stored_registration,
)
from Testing.simulation.phantom import GRID, hounsfield, settings

ROOT = Path(__file__).resolve().parents[2]
SMALL = {"steps": 24, "coarse_steps": 6, "refit_steps": 6, "gaussians": 400, "background_gaussians": 100}
"""Settings of a reconstruction that takes about a second, apart from its start-up."""


def _application():
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    try:
        import PySide6.QtWidgets  # noqa: F401
    except ImportError as error:  # of the package, or of a system library that Qt needs
        pytest.skip(
            f"needs PySide6 and the libraries that Qt needs (Debian: libegl1 libgl1 libxkbcommon0 libdbus-1-3): {error}"
        )
    pytest.importorskip("slicer", reason="needs slicer-core")
    from .harness import application

    return application


@pytest.fixture(scope="package")
def harness():
    """Makes this process look like Slicer to the module while these tests run."""
    application = _application()
    installed = application.install()
    yield application
    application.remove(installed)


@pytest.fixture
def app(harness):
    """slicer.app with an empty scene."""
    import slicer

    slicer.mrmlScene.Clear(0)
    harness.turns.clear()
    return slicer.app


class Packages:
    """A stand-in for Requirements, whose missing packages a test chooses."""

    def __init__(self):
        self.names, self.asked, self.answer = [], 0, ""

    def missing(self):
        return list(self.names)

    def ensure(self):
        self.asked += 1
        if not self.answer:
            self.names.clear()
        return self.answer


@pytest.fixture
def packages():
    return Packages()


@pytest.fixture
def window(app, harness, packages, tmp_path, monkeypatch):
    """The panel in its window, with tmp_path as the folder of runs."""
    from .harness.window import PanelWindow, load_module

    load_module()
    from IXGSPanel import panel

    monkeypatch.setattr(panel, "Requirements", lambda: packages)
    window = PanelWindow()
    window.show()
    window.panel.ui.outputFolder.currentPath = str(tmp_path / "runs")
    yield window
    window.dispose()


@pytest.fixture
def panel(window):
    return window.panel


@pytest.fixture
def ui(panel):
    return panel.ui


@pytest.fixture
def wait(harness):
    """wait(condition): run the event loop until the condition holds; fails after some minutes."""

    def until(condition, seconds=240):
        assert harness.wait(condition, seconds), f"the condition did not hold within {seconds} s"

    return until


@pytest.fixture(scope="session")
def small_case(tmp_path_factory):
    """A case with the X-rays of a small bone."""
    from IXGSLib.simulation import simulate, write_simulation

    simulation = simulate((hounsfield(), GRID), settings(name="bone", credit="Drawn by hand."))
    return write_simulation(simulation, tmp_path_factory.mktemp("panel") / "case")


@pytest.fixture(scope="session")
def reading(small_case, tmp_path_factory):
    """The files of the job read_case for the small case, for tests that are not about reading."""
    folder = tmp_path_factory.mktemp("reading")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "IXGSLib.jobs.read_case", small_case, "--out", folder]
    with subprocess.Popen(words, env=environment, stdin=subprocess.PIPE) as process:  # the job ends with its input
        assert process.wait() == 0
    return folder


def taken(panel, case, reading):
    """The panel with a case that was read, ready for Apply."""
    from IXGSPanel.reading import Reading

    panel.parameters.casePath = str(case)
    panel.parameters.settings = json.dumps(SMALL)
    panel.parameters.preset = "preview"
    panel.xrays.take(Reading.load(reading), case, [])
    return panel


@pytest.fixture
def read(panel, small_case, reading, tmp_path):
    """The panel after it has read the small case."""
    return taken(panel, small_case, shutil.copytree(reading, tmp_path / "reading"))


def finished_run(case, folder, *options):
    """The folder of a finished run with SMALL settings."""
    from IXGSLib.cli import main

    (folder / "settings.json").write_text(json.dumps(SMALL))
    words = ["reconstruct", case, "--out", folder / "run", "--preset", "preview", "--json", *options]
    assert main([str(word) for word in [*words, "--settings", folder / "settings.json"]]) == 0
    return folder / "run"


@pytest.fixture(scope="session")
def finished(small_case, tmp_path_factory):
    """The folder of a finished run on the small case."""
    return finished_run(small_case, tmp_path_factory.mktemp("finished"))


@pytest.fixture
def volume(finished, panel):
    """The volume of the run, selected in the panel."""
    import slicer

    from IXGSLib.scene.runs import load_run

    node = load_run(slicer.mrmlScene, finished)
    panel.parameters.volume = node
    return node


# Refined poses


@pytest.fixture(scope="session")
def moved_case(small_case, tmp_path_factory):
    """The small case with wrong poses: turned by about 2.5 degrees and moved by some millimetres, each by itself."""
    case, generator = load_case(small_case), np.random.default_rng(1)
    center, views = case.grid.center, []
    for view in case.views:
        turn = Rotation.from_rotvec(np.deg2rad(1.5) * generator.standard_normal(3)).as_matrix()
        views.append(view.moved(rigid(turn, center - turn @ center + generator.normal(0, 4, 3))))
    return save_case(case.with_poses(views), tmp_path_factory.mktemp("moved") / "case").parent


@pytest.fixture(scope="session")
def moved_reading(moved_case, tmp_path_factory):
    """The files of the job read_case for the case with wrong poses."""
    from IXGSLib.jobs.read_case import write_reading

    folder = tmp_path_factory.mktemp("reading")
    write_reading(load_case(moved_case), folder)
    return folder


@pytest.fixture
def read_moved(panel, moved_case, moved_reading, tmp_path):
    """The panel after it has read the case with wrong poses."""
    return taken(panel, moved_case, shutil.copytree(moved_reading, tmp_path / "moved"))


@pytest.fixture(scope="session")
def refined(moved_case, tmp_path_factory):
    """The folder of a finished run that has refined these poses."""
    return finished_run(moved_case, tmp_path_factory.mktemp("refined"), "--refine-poses")


@pytest.fixture
def run(refined, tmp_path):
    """A copy of that run, which a test may change."""
    return shutil.copytree(refined, tmp_path / "run")
