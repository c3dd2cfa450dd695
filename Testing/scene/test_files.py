"""Everything that IXGS adds to a scene survives being saved by Slicer."""

import numpy as np
import pytest

from IXGSLib.geometry import Grid
from IXGSLib.scene import add_volume
from IXGSLib.scene.bone import add_bone, render_bone
from IXGSLib.scene.c_arm import VIEW_ID, show_c_arm, view_of_pose
from IXGSLib.scene.regions import add_region, region_of
from IXGSLib.scene.session import new_scene
from IXGSLib.scene.volumes import NOTICE, volume_of
from IXGSLib.scene.xrays import add_xray_browser, add_xrays, view_of_image, xrays_of
from IXGSLib.volume import Volume
from Testing.scene.test_volumes import corners, expected


def nodes(scene, kind):
    return [scene.GetNthNodeByClass(n, kind) for n in range(scene.GetNumberOfNodesByClass(kind))]


@pytest.mark.parametrize("writer", ["vtkMRMLNRRDStorageNode", "vtkMRMLVolumeArchetypeStorageNode"])
def test_a_volume_saved_by_slicer_is_the_same_volume(scene, volume, tmp_path, writer):
    storage = scene.AddNewNodeByClass(writer)
    storage.SetFileName(str(tmp_path / "volume.nrrd"))
    assert storage.WriteData(add_volume(scene, volume))
    back = Volume.load(tmp_path / "volume.nrrd")
    assert np.array_equal(back.values, volume.values)
    assert np.abs(back.grid.corners() - volume.grid.corners()).max() < 1e-3


def test_a_volume_saved_by_ixgs_is_the_same_in_slicer(scene, volume, tmp_path):
    volume.save(tmp_path / "volume.nrrd")
    for kind in ("vtkMRMLNRRDStorageNode", "vtkMRMLVolumeArchetypeStorageNode"):
        node, storage = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode"), scene.AddNewNodeByClass(kind)
        storage.SetFileName(str(tmp_path / "volume.nrrd"))
        assert storage.ReadData(node)
        assert np.abs(corners(node) - expected(volume.grid)).max() < 1e-3
        assert np.array_equal(volume_of(node).values, volume.values)


@pytest.fixture
def reopened(scene, volume, xrays, tmp_path):
    """A scene with everything that IXGS can add, saved as MRB and read into a new scene."""
    node = add_volume(scene, volume, "Spine")
    add_bone(scene, node, 0.03)
    render_bone(scene, node, 0.03)
    add_xray_browser(scene, add_xrays(scene, xrays))
    show_c_arm(scene, xrays)
    add_region(scene, Grid.centered(volume.grid.center, (30, 40, 50), 1.0, volume.grid.direction))
    assert scene.WriteToMRB(str(tmp_path / "scene.mrb"))
    after = new_scene()
    assert after.ReadFromMRB(str(tmp_path / "scene.mrb"))
    return after


def test_a_saved_scene_contains_everything(reopened, volume, xrays):
    node = reopened.GetFirstNodeByName("Spine")
    assert np.abs(corners(node) - expected(volume.grid)).max() < 1e-3
    assert np.array_equal(volume_of(node).values, volume.values)
    assert node.GetAttribute(NOTICE) == "Research use only. Not a medical device."
    assert node.GetVoxelValueUnits().GetCodeMeaning() == "1/mm"
    assert node.GetNthDisplayNode(1).GetVolumePropertyNode().GetVolumeProperty().GetScalarOpacity().GetValue(0.01) == 0

    (sequence,), (browser,) = (nodes(reopened, f"vtkMRMLSequence{kind}") for kind in ("Node", "BrowserNode"))
    for a, b in zip(xrays_of(sequence), xrays, strict=True):
        assert np.abs(a.view.projection_matrix - b.view.projection_matrix).max() < 1e-6
        assert np.array_equal(a.image, b.image)
        assert np.array_equal(a.mask, b.mask)
    assert view_of_image(browser.GetProxyNode(sequence)).id == "ap"

    poses = {pose.GetAttribute(VIEW_ID): pose for pose in nodes(reopened, "vtkMRMLLinearTransformNode")}
    for xray in xrays:
        view = view_of_pose(poses[xray.view.id])
        assert np.abs(view.projection_matrix - xray.view.projection_matrix).max() < 1e-6

    (region,), (bone,) = nodes(reopened, "vtkMRMLMarkupsROINode"), nodes(reopened, "vtkMRMLSegmentationNode")
    box = Grid.centered(volume.grid.center, (30, 40, 50), 1.0, volume.grid.direction)
    assert np.abs(region_of(region, 1.0).corners() - box.corners()).max() < 1e-3
    assert bone.GetSegmentation().GetNthSegment(0).GetName() == "Bone"
