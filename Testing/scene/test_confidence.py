"""The confidence of a run in a scene: beside its volume, shown over it on demand, and saved with the scene."""

import json
import shutil

import numpy as np
import pytest

from IXGSLib.cli import main
from IXGSLib.errors import FormatError, IXGSError
from IXGSLib.resources import resource
from IXGSLib.scene import add_volume, load_run
from IXGSLib.scene.confidence import (
    RELIABLE,
    TABLE,
    confidence_node,
    has_confidence,
    load_confidence,
    show_confidence,
    shows_confidence,
)
from IXGSLib.scene.hierarchy import place_in_study
from IXGSLib.scene.runs import CASE
from IXGSLib.scene.session import new_scene
from IXGSLib.scene.volumes import NOTICE, voxel_view
from IXGSLib.volume import Volume
from Testing.cli.test_routes import TINY
from Testing.scene.test_volumes import corners, expected


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a short run on the sample case."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "tiny.json").write_text(json.dumps(TINY))
    region = ("--center", -12, 55, 1301, "--size", 120, 100, 80, "--spacing", 5)
    words = ("reconstruct", resource("SampleCase"), "--out", folder / "out", "--settings", folder / "tiny.json")
    assert main([str(word) for word in (*words, "--views", 6, "--threads", 1, "--json", *region)]) == 0
    return folder / "out"


@pytest.fixture
def volume_node(scene, run):
    node = load_run(scene, run)
    place_in_study(scene, node.GetAttribute(CASE), node)
    return node


def composite(scene):
    return scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")


def test_it_lies_on_its_volume_with_the_values_of_the_file(scene, run, volume_node):
    node, written = load_confidence(scene, volume_node), Volume.load(run / "confidence.nrrd")
    assert np.array_equal(voxel_view(node), written.values)
    assert np.abs(corners(node) - expected(written.grid)).max() < 1e-3
    assert node.GetAttribute(NOTICE) == "Research use only. Not a medical device."
    assert load_confidence(scene, volume_node) is node
    assert confidence_node(volume_node) is node


def test_it_is_placed_in_the_study_of_its_volume(scene, slicer, volume_node):
    node = load_confidence(scene, volume_node)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    places = [hierarchy.GetItemParent(hierarchy.GetItemByDataNode(each)) for each in (node, volume_node)]
    assert places[0] == places[1] != hierarchy.GetSceneItemID()


def test_it_is_shown_over_the_volume_on_demand_only(scene, volume_node):
    view, other = composite(scene), composite(scene)
    view.SetBackgroundVolumeID(volume_node.GetID())
    node = load_confidence(scene, volume_node)
    assert not shows_confidence([view], node)
    show_confidence([view], node, True)
    assert shows_confidence([view], node)
    assert not shows_confidence([other], node)
    assert view.GetBackgroundVolumeID() == volume_node.GetID()
    show_confidence([view], node, False)
    assert not shows_confidence([view], node)


def test_another_foreground_is_not_removed(scene, volume_node):
    view, node = composite(scene), load_confidence(scene, volume_node)
    view.SetForegroundVolumeID(volume_node.GetID())
    show_confidence([view], node, False)
    assert view.GetForegroundVolumeID() == volume_node.GetID()


def test_a_guess_is_red_and_what_is_reliable_has_no_colour(scene, volume_node):
    display = load_confidence(scene, volume_node).GetDisplayNode()
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == pytest.approx((0.5, 1.0))
    table = display.GetColorNode()
    assert table.GetName() == TABLE
    colour = [0.0] * 4
    table.GetColor(0, colour)
    assert colour[0] > 2 * max(colour[1:3])
    assert display.GetApplyThreshold()
    assert (display.GetLowerThreshold(), display.GetUpperThreshold()) == pytest.approx((0, RELIABLE))


def test_two_runs_share_one_table(scene, run):
    for _ in range(2):
        load_confidence(scene, load_run(scene, run))
    assert scene.GetNodesByName(TABLE).GetNumberOfItems() == 1


def test_a_saved_scene_keeps_it_with_its_colours(scene, volume_node, tmp_path):
    scene.Clear(0)
    node = load_confidence(scene, load_run(scene, volume_node.GetAttribute("IXGS.Run")))
    values, name = voxel_view(node).copy(), node.GetName()
    assert scene.WriteToMRB(str(tmp_path / "scene.mrb"))
    after = new_scene()
    assert after.ReadFromMRB(str(tmp_path / "scene.mrb"))
    again = after.GetFirstNodeByName(name)
    assert np.array_equal(voxel_view(again), values)
    volume = after.GetFirstNodeByName(name.removesuffix(" confidence"))
    assert confidence_node(volume) is again
    table, colour = again.GetDisplayNode().GetColorNode(), [0.0] * 4
    assert table.GetName() == TABLE
    table.GetColor(0, colour)
    assert colour == pytest.approx([202 / 255, 0, 32 / 255, 1], abs=0.01)
    assert again.GetDisplayNode().GetUpperThreshold() == pytest.approx(RELIABLE)


def test_a_volume_without_a_run_and_a_run_without_confidence_are_refused(scene, run, volume_node, tmp_path):
    other = add_volume(scene, Volume.load(run / "volume.nrrd"), "Other")
    with pytest.raises(IXGSError, match=r"Other: no confidence.nrrd beside it"):
        load_confidence(scene, other)
    copy = shutil.copytree(run, tmp_path / "run")
    done = json.loads((copy / "done.json").read_text())
    del done["outputs"]["confidence.nrrd"]
    (copy / "done.json").write_text(json.dumps(done))
    assert not has_confidence(copy)
    with pytest.raises(IXGSError, match="reconstruct it again"):
        load_confidence(scene, load_run(scene, copy))


def test_a_changed_file_is_refused(scene, run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    written = Volume.load(copy / "confidence.nrrd")
    Volume(0 * written.values, written.grid).save(copy / "confidence.nrrd")
    with pytest.raises(FormatError, match=r"confidence.nrrd: not the file that the run wrote"):
        load_confidence(scene, load_run(scene, copy))
