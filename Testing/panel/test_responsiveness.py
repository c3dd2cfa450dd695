"""Long computations run in child processes or step by step, so that Slicer stays responsive."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from Testing.registration.folders import written

ROOT = Path(__file__).resolve().parents[2]
PANEL = sorted((ROOT / "IXGS" / "IXGSPanel").glob("*.py"))
"""The modules that run in Slicer's process, unlike those of IXGSLib.jobs."""
LONG = {
    # extraction of surfaces, by the library and by Slicer
    *("add_bone", "labels_surface", "bone_surface", "CreateClosedSurfaceRepresentation", "CreateRepresentation"),
    *("CreateDefaultRepresentation", "ConvertToRepresentation"),
    # whole volumes at once
    *(
        "add_volume",
        "load_run",
        "load_registration",
        "load_preview",
        "nrrd_content",
        "read_image",
        "volume_of",
        "loadVolume",
    ),
    # decoding of X-rays, and conversion into line integrals
    *(
        "load_case",
        "save_case",
        "load_calibrated",
        "case_of",
        "xray_of",
        "xray_from_pixels",
        "line_integrals",
        "read_pixels",
    ),
    *("reduced", "standardize", "project", "voxelize"),
}


@pytest.mark.parametrize("source", PANEL, ids=lambda path: path.name)
def test_no_long_computation_is_called_in_slicers_process(source):
    words = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Name):
            words.add(node.id)
        elif isinstance(node, ast.Attribute):
            words.add(node.attr)
        elif isinstance(node, ast.ImportFrom):
            words |= {each.name for each in node.names}
    assert words & LONG == set()


SCRIPT = """
import sys
from pathlib import Path

import numpy as np


class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in PACKAGES or name in MODULES:
            raise ImportError(f"{name} in Slicer's process")


PACKAGES = set("torch numba pydicom safetensors tyro rich matplotlib skimage tifffile PIL SimpleITK".split())
MODULES = (
    *("IXGSLib.xray.reading", "IXGSLib.xray.collimation", "IXGSLib.formats.case"),
    *("IXGSLib.standardization.standardizer", "IXGSLib.reconstruction.pipeline"),
)
from Testing.panel.harness import application

app = application.install()
import slicer
import vtkmodules.vtkFiltersCore as filters

for name in ("vtkSurfaceNets3D", "vtkDiscreteFlyingEdges3D", "vtkMarchingCubes", "vtkWindowedSincPolyDataFilter"):
    setattr(filters, name, None)
from Testing.panel.harness.window import PanelWindow

window = PanelWindow()
panel, ui = window.panel, window.panel.ui
sys.meta_path.insert(0, Refused())
from IXGSLib.geometry.trajectory import CArm
from IXGSLib.scene.frames import flipped, vtk_matrix

arm = CArm(detector_pixels=(64, 48), detector_size=120)
panel.parameters.source = "scene"
panel.parameters.sourceDetector = arm.view(0, 0, (0, 0, 0), "").source_detector_distance
for orbital in (0, 45, 90):
    view = arm.view(orbital, 0, (0, 0, 0), f"at {orbital}")
    pixels = np.random.default_rng(orbital).integers(9000, 60000, (1, 48, 64)).astype(np.uint16)
    node = slicer.util.addVolumeFromArray(pixels, name=view.id)
    node.SetSpacing(*view.pixel_spacing, 1)
    pose = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", view.id)
    pose.SetMatrixTransformToParent(vtk_matrix(flipped(view.world_from_camera)))
    ui.imageNode.setCurrentNode(node)
    ui.poseNode.setCurrentNode(pose)
    ui.addImage.click()
ui.readImages.click()
assert application.wait(lambda: not panel.selection.busy)
assert panel.selection.reading is not None, panel.xrays.problem
assert ui.viewsTable.rowCount == 3
assert all(xray.picture.is_file() for xray in panel.selection.reading.xrays)

k, j, i = np.mgrid[:24, :24, :24] - 12
volume = slicer.util.addVolumeFromArray((0.05 * (k**2 + j**2 + i**2 < 64)).astype(np.float32))
panel.parameters.volume, panel.parameters.threshold = volume, 0.02
ui.segmentBone.click()
assert application.wait(lambda: not panel.review.surface.process.running)
segmentation = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSegmentationNode")
assert segmentation is not None, ui.surfaceMessage.text
panel.registration.loading.load(Path(sys.argv[1]))
assert application.wait(lambda: panel.parameters.registration is not None), ui.registrationProblem.text
assert ui.vertebraeTable.rowCount == 4
first = segmentation.GetSegmentation().GetNthSegmentID(0)
assert segmentation.GetClosedSurfaceInternalRepresentation(first).GetNumberOfPolys() > 100
window.dispose()
application.remove(app)
print("done")
"""


def test_slicers_process_neither_decodes_images_nor_extracts_surfaces(tmp_path):
    """Packages that do so cannot be imported there, only in the child processes."""
    pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
    pytest.importorskip("slicer")
    env = {**os.environ, "PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "offscreen"}
    folder = written(tmp_path / "spine-ct", {})
    words = [sys.executable, "-c", SCRIPT, folder]
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "done"


@pytest.fixture
def stepper(app):
    from .harness.window import load_module

    load_module()
    from IXGSPanel.stepper import Stepper

    return Stepper()


def counting(seen, parts):
    for part in range(parts):
        seen.append(part)
        yield
    return "whole"


def test_work_yields_to_the_event_loop_after_each_turn(stepper, wait, harness, monkeypatch):
    from IXGSPanel import stepper as module

    monkeypatch.setattr(module, "TURN_SECONDS", 0)  # a turn has time for one step only
    seen, done = [], []
    stepper.start(counting(seen, 5), done.append, pytest.fail)
    assert seen == []
    assert stepper.busy
    for turn in range(5):
        stepper._run_turn()
        assert seen == list(range(turn + 1))
    stepper._run_turn()
    assert (done, stepper.busy) == (["whole"], False)


def test_work_can_be_stopped_and_an_error_is_passed_on(stepper, wait):
    from IXGSLib.errors import FormatError

    seen, failed = [], []
    stepper.start(counting(seen, 5), pytest.fail, pytest.fail)
    stepper.stop()

    def failing():
        yield
        raise FormatError("no case")

    stepper.start(failing(), pytest.fail, failed.append)
    wait(lambda: failed)
    assert (seen, str(failed[0]), stepper.busy) == ([], "no case", False)


def test_large_images_are_copied_step_by_step(app, tmp_path):
    from .harness.window import load_module

    load_module()
    from IXGSPanel.scene_images import COPY_BYTES, write_steps

    array = np.random.default_rng(0).integers(0, 65535, (3000, 2500)).astype(np.uint16)
    parts = list(write_steps(tmp_path / "000.npy", array))
    assert len(parts) >= array.nbytes // COPY_BYTES
    assert np.array_equal(np.load(tmp_path / "000.npy"), array)
