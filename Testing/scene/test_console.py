"""The examples of the README for Slicer's console run in a plain Python with slicer-core."""

import textwrap
from pathlib import Path

import numpy as np
import pytest

from IXGSLib.reconstruction import settings
from IXGSLib.reconstruction.resolution import checked_changes
from IXGSLib.volume import Volume
from Testing.cli.test_routes import TINY

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def examples():
    """The Python blocks in the section on Slicer of the README, except those that use the logic of the module."""
    section = README.split("## In 3D Slicer\n")[1].split("\n## ")[0]
    blocks = [block for block in section.split("\n\n") if block.startswith("    ")]
    text = ["\n\n".join(part) for part in _joined(blocks, section)]
    return [textwrap.dedent(block) for block in text if "import" in block and "IXGSLogic" not in block]


def _joined(blocks, section):
    """Groups of blocks that follow each other directly."""
    groups = []
    for block in blocks:
        if groups and f"{groups[-1][-1]}\n\n{block}" in section:
            groups[-1].append(block)
        else:
            groups.append([block])
    return groups


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A small case instead of the sample case, a short preset and a finished run in the folder RUN."""
    from IXGSLib import resources
    from IXGSLib.cli import main
    from IXGSLib.simulation import simulate, write_simulation
    from Testing.simulation.phantom import GRID, hounsfield
    from Testing.simulation.phantom import settings as imaging

    folder = write_simulation(simulate((hounsfield(), GRID), imaging(name="bone")), tmp_path / "case")
    monkeypatch.setattr(resources, "resource", lambda name: folder)
    monkeypatch.setitem(settings.PRESETS, "preview", settings.PRESETS["preview"].updated(checked_changes(TINY)))
    monkeypatch.chdir(tmp_path)
    assert main(["reconstruct", str(folder), "--out", "RUN", "--preset", "preview", "--threads", "1", "--json"]) == 0


def test_the_examples_of_the_readme_run_one_after_the_other(slicer, small):
    names = {}
    console, afterwards = examples()
    for code in (console, afterwards):
        exec(compile(code, "README.md", "exec"), names)
    scene = names["scene"]
    assert names["volume"].GetName() == "Spine"
    assert np.allclose(names["box"].center, names["case"].grid.center)
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1
    assert scene.GetNumberOfNodesByClass("vtkMRMLLinearTransformNode") == len(names["case"].views)
    assert Volume.load("volume.nrrd").values.shape == names["case"].grid.shape
