"""Maps of a run in a scene: beside its volume, shown over it on demand, and saved with the scene."""

import json
import shutil

import numpy as np
import pytest

from IXGSLib.cli import main
from IXGSLib.errors import FormatError, IXGSError
from IXGSLib.files import sha256
from IXGSLib.resources import resource
from IXGSLib.scene import add_volume, load_run
from IXGSLib.scene.hierarchy import place_in_study
from IXGSLib.scene.overlays import (
    CONFIDENCE,
    PRIOR_SHARE,
    has_overlay,
    load_overlay,
    overlay_node,
    show_overlay,
    shows_overlay,
)
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
    node, written = load_overlay(scene, volume_node, CONFIDENCE), Volume.load(run / "confidence.nrrd")
    assert np.array_equal(voxel_view(node), written.values)
    assert np.abs(corners(node) - expected(written.grid)).max() < 1e-3
    assert node.GetAttribute(NOTICE) == "Research use only. Not a medical device."
    assert load_overlay(scene, volume_node, CONFIDENCE) is node
    assert overlay_node(volume_node, CONFIDENCE) is node


def test_it_is_placed_in_the_study_of_its_volume(scene, slicer, volume_node):
    node = load_overlay(scene, volume_node, CONFIDENCE)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    places = [hierarchy.GetItemParent(hierarchy.GetItemByDataNode(each)) for each in (node, volume_node)]
    assert places[0] == places[1] != hierarchy.GetSceneItemID()


def test_it_is_shown_over_the_volume_on_demand_only(scene, volume_node):
    view, other = composite(scene), composite(scene)
    view.SetBackgroundVolumeID(volume_node.GetID())
    node = load_overlay(scene, volume_node, CONFIDENCE)
    assert not shows_overlay([view], node)
    show_overlay([view], node, True)
    assert shows_overlay([view], node)
    assert not shows_overlay([other], node)
    assert view.GetBackgroundVolumeID() == volume_node.GetID()
    show_overlay([view], node, False)
    assert not shows_overlay([view], node)


def test_another_foreground_is_not_removed(scene, volume_node):
    view, node = composite(scene), load_overlay(scene, volume_node, CONFIDENCE)
    view.SetForegroundVolumeID(volume_node.GetID())
    show_overlay([view], node, False)
    assert view.GetForegroundVolumeID() == volume_node.GetID()


def test_a_guess_is_red_and_what_is_reliable_has_no_colour(scene, volume_node):
    display = load_overlay(scene, volume_node, CONFIDENCE).GetDisplayNode()
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == pytest.approx((0.5, 1.0))
    table = display.GetColorNode()
    assert table.GetName() == CONFIDENCE.table
    colour = [0.0] * 4
    table.GetColor(0, colour)
    assert colour[0] > 2 * max(colour[1:3])
    assert display.GetApplyThreshold()
    assert (display.GetLowerThreshold(), display.GetUpperThreshold()) == pytest.approx((0, CONFIDENCE.coloured[1]))


def test_two_runs_share_one_table(scene, run):
    for _ in range(2):
        load_overlay(scene, load_run(scene, run), CONFIDENCE)
    assert scene.GetNodesByName(CONFIDENCE.table).GetNumberOfItems() == 1


def test_a_saved_scene_keeps_it_with_its_colours(scene, volume_node, tmp_path):
    scene.Clear(0)
    node = load_overlay(scene, load_run(scene, volume_node.GetAttribute("IXGS.Run")), CONFIDENCE)
    values, name = voxel_view(node).copy(), node.GetName()
    assert scene.WriteToMRB(str(tmp_path / "scene.mrb"))
    after = new_scene()
    assert after.ReadFromMRB(str(tmp_path / "scene.mrb"))
    again = after.GetFirstNodeByName(name)
    assert np.array_equal(voxel_view(again), values)
    volume = after.GetFirstNodeByName(name.removesuffix(" confidence"))
    assert overlay_node(volume, CONFIDENCE) is again
    table, colour = again.GetDisplayNode().GetColorNode(), [0.0] * 4
    assert table.GetName() == CONFIDENCE.table
    table.GetColor(0, colour)
    assert colour == pytest.approx([202 / 255, 0, 32 / 255, 1], abs=0.01)
    assert again.GetDisplayNode().GetUpperThreshold() == pytest.approx(CONFIDENCE.coloured[1])


def test_the_share_of_the_prior_is_another_map(scene, run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    written = Volume.load(copy / "confidence.nrrd")
    Volume((written.values > 0.8).astype(np.float32), written.grid).save(copy / "prior_share.nrrd")
    record = json.loads((copy / "done.json").read_text())
    record["outputs"]["prior_share.nrrd"] = sha256((copy / "prior_share.nrrd").read_bytes())
    (copy / "done.json").write_text(json.dumps(record))
    assert has_overlay(copy, PRIOR_SHARE)
    volume = load_run(scene, copy)
    confidence, share = (load_overlay(scene, volume, each) for each in (CONFIDENCE, PRIOR_SHARE))
    assert share.GetName() == f"{volume.GetName()} share of the prior"
    colours = [[0.0] * 4, [0.0] * 4]
    for index, colour in zip((0, 255), colours, strict=True):
        share.GetDisplayNode().GetColorNode().GetColor(index, colour)
    assert colours[1][0] > 2 * max(colours[1][1:3])
    assert colours[0][2] > colours[0][0]
    view = composite(scene)
    show_overlay([view], share, True)
    show_overlay([view], confidence, True)
    assert shows_overlay([view], confidence)
    assert not shows_overlay([view], share)


def test_a_volume_without_a_run_and_a_run_without_confidence_are_refused(scene, run, volume_node, tmp_path):
    other = add_volume(scene, Volume.load(run / "volume.nrrd"), "Other")
    with pytest.raises(IXGSError, match=r"Other: no confidence.nrrd beside it"):
        load_overlay(scene, other, CONFIDENCE)
    copy = shutil.copytree(run, tmp_path / "run")
    done = json.loads((copy / "done.json").read_text())
    del done["outputs"]["confidence.nrrd"]
    (copy / "done.json").write_text(json.dumps(done))
    assert not has_overlay(copy, CONFIDENCE)
    with pytest.raises(IXGSError, match="reconstruct it again"):
        load_overlay(scene, load_run(scene, copy), CONFIDENCE)


def test_a_changed_file_is_refused(scene, run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    written = Volume.load(copy / "confidence.nrrd")
    Volume(0 * written.values, written.grid).save(copy / "confidence.nrrd")
    with pytest.raises(FormatError, match=r"confidence.nrrd: not the file that the run wrote"):
        load_overlay(scene, load_run(scene, copy), CONFIDENCE)
