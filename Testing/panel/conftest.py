"""The panel on offscreen PySide6 and slicer-core; all tests here are skipped if one of them is missing."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.fixture
def read(panel, small_case, reading, tmp_path):
    """The panel after it has read the small case, ready for Apply."""
    from IXGSPanel.reading import Reading

    panel.parameters.casePath = str(small_case)
    panel.parameters.settings = json.dumps(SMALL)
    panel.parameters.preset = "preview"
    panel.xrays.take(Reading.load(shutil.copytree(reading, tmp_path / "reading")), small_case, [])
    return panel
