"""docs/calibration.md: its commands and its Python run on the sample shots, and the result is right."""

import shlex

import numpy as np
import pytest

from IXGSLib.calibration.fiducials import load_phantom
from IXGSLib.cli import main
from IXGSLib.formats import load_case
from IXGSLib.geometry.rigid import inverse
from IXGSLib.reconstruction import settings
from IXGSLib.reconstruction.resolution import checked_changes
from IXGSLib.reconstruction.settings import PRESETS
from Testing.benchmarks.sample import make_shots
from Testing.cli.test_routes import TINY
from Testing.markdown import ROOT, blocks

PAGE = ROOT / "docs" / "calibration.md"
SECTION = "## From shots with a plate to a volume"


def relative(views):
    """(views - 1, 4, 4): the pose of each camera in the first one."""
    return np.stack([inverse(views[0].world_from_camera) @ view.world_from_camera for view in views[1:]])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "Resources").symlink_to(ROOT / "Resources")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_commands_lead_from_shots_to_a_volume(folder, monkeypatch):
    monkeypatch.setitem(settings.PRESETS, "preview", PRESETS["preview"].updated(checked_changes(TINY)))
    for line in "\n".join(blocks(PAGE, "sh", SECTION)).splitlines():
        assert main(shlex.split(line)[1:]) == 0, line
    assert (folder / "RUN" / "volume.nrrd").is_file()
    assert (folder / "CASE" / "CREDIT.txt").is_file()
    case = load_case(folder / "CASE")
    assert len(case.views) == 8
    np.testing.assert_allclose(relative(case.views)[:, :3, :3], relative(make_shots.views())[:, :3, :3], atol=0.01)
    assert case.calibration.record["rms_px"] < 0.15


def test_the_python_gives_the_same_case(folder, capsys):
    names = {}
    for code in blocks(PAGE, "python"):
        exec(compile(code, PAGE.name, "exec"), names)
    assert capsys.readouterr().out.count("calibrated") == 8
    assert len(names["case"].views) == 8


def test_the_plate_of_the_sample_is_the_preset():
    sample = load_phantom(ROOT / "Resources" / "SampleShots" / "plate.csv")
    np.testing.assert_array_equal(sample.positions, load_phantom("plate").positions)
    np.testing.assert_array_equal(sample.diameters, load_phantom("plate").diameters)
