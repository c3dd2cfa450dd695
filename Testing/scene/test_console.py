"""The examples of the user guide for Slicer's console run in a plain Python with slicer-core."""

import numpy as np
import pytest

from IXGSLib.reconstruction import settings
from IXGSLib.reconstruction.resolution import checked_changes
from IXGSLib.volume import Volume
from Testing.cli.test_routes import TINY
from Testing.markdown import USER_GUIDE, blocks


def examples():
    """The blocks of the user guide for Slicer's console, that of the module's logic aside."""
    return [code for code in blocks(USER_GUIDE, "python", "## In 3D Slicer") if "IXGSLogic" not in code]


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A small case instead of the sample case, a short preset and a finished run in the folder RUN."""
    from IXGSLib import resources
    from IXGSLib.cli import main
    from IXGSLib.simulation import simulate, write_simulation
    from Testing.simulation.phantom import GRID, hounsfield
    from Testing.simulation.phantom import settings as imaging

    folder = write_simulation(simulate((hounsfield(), GRID), imaging(name="bone")), tmp_path / "case")
    found = resources.resource
    monkeypatch.setattr(resources, "resource", lambda name: folder if name == "SampleCase" else found(name))
    monkeypatch.setitem(settings.PRESETS, "preview", settings.PRESETS["preview"].updated(checked_changes(TINY)))
    monkeypatch.chdir(tmp_path)
    assert main(["reconstruct", str(folder), "--out", "RUN", "--preset", "preview", "--threads", "1", "--json"]) == 0


def test_the_examples_of_the_guide_run_one_after_the_other(slicer, small):
    names = {}
    console, afterwards = examples()
    for code in (console, afterwards):
        exec(compile(code, USER_GUIDE.name, "exec"), names)
    scene = names["scene"]
    assert names["volume"].GetName() == "Spine"
    assert np.allclose(names["box"].center, names["case"].grid.center)
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1
    assert scene.GetNumberOfNodesByClass("vtkMRMLLinearTransformNode") == len(names["case"].views)
    assert Volume.load("volume.nrrd").values.shape == names["case"].grid.shape
