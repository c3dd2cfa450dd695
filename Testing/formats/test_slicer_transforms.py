"""Poses that 3D Slicer itself saves."""

import json
from dataclasses import replace

import numpy as np
import pytest

from IXGSLib.formats.calibrations import CalibrationOptions, read_calibration
from IXGSLib.geometry.trajectory import CArm, arc, trajectory
from IXGSLib.scene.frames import flipped, vtk_matrix

ARM = CArm(detector_pixels=(40, 40), detector_size=240)
VIEWS = [replace(v, id=f"shot{n}") for n, v in enumerate(trajectory(ARM, arc(3, 100, 20), (5, -120, 300)))]


@pytest.mark.parametrize("suffix", ["tfm", "h5", "txt"])
def test_the_poses_of_the_c_arm_come_back_from_slicers_files(suffix, tmp_path):
    pytest.importorskip("slicer", reason="needs slicer-core", exc_type=ImportError)
    from IXGSLib.scene import open_scene

    scene = open_scene()
    for view in VIEWS:
        node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", view.id)
        node.SetMatrixTransformToParent(vtk_matrix(flipped(view.world_from_camera)))
        storage = scene.AddNode(node.CreateDefaultStorageNode())
        storage.SetFileName(str(tmp_path / f"{view.id}.{suffix}"))
        assert storage.WriteData(node)
    (tmp_path / "intrinsics.json").write_text(json.dumps({"K": VIEWS[0].K.tolist(), "size": [40, 40]}))
    found = read_calibration(tmp_path, CalibrationOptions("slicer")).views
    points = np.random.default_rng(0).uniform(-30, 30, (9, 3)) + (5, -120, 300)
    for calibrated, view in zip(found, VIEWS, strict=True):
        again = calibrated.view((40, 40), view.id)
        assert np.abs(again.project(points)[0] - view.project(points)[0]).max() < 1e-6
