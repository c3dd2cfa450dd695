"""The volume of a run is loaded at the position of its region in the patient."""

import json
import re
import shutil

import numpy as np
import pytest

from IXGSLib.cli import main
from IXGSLib.errors import IXGSError
from IXGSLib.geometry import Grid
from IXGSLib.resources import resource
from IXGSLib.scene import load_run
from IXGSLib.scene.runs import load_preview
from IXGSLib.scene.volumes import NOTICE, volume_of
from IXGSLib.volume import Volume
from Testing.cli.test_routes import TINY
from Testing.scene.test_volumes import corners, expected

CENTER, SIZE, SPACING = (-12.0, 55.0, 1301.0), (120.0, 100.0, 80.0), 5.0
UPRIGHT = np.eye(3)
OBLIQUE = np.array([[0.8, -0.6, 0.0], [0.48, 0.64, -0.6], [0.36, 0.48, 0.8]])


@pytest.fixture(scope="module", params=[UPRIGHT, OBLIQUE], ids=["upright", "oblique"])
def run(request, tmp_path_factory):
    """The folder of a short run on the sample case, and the grid of its region."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "tiny.json").write_text(json.dumps(TINY))
    region = ("--center", *CENTER, "--size", *SIZE, "--spacing", SPACING, "--direction", *request.param.ravel())
    words = ("reconstruct", resource("SampleCase"), "--out", folder / "out", "--settings", folder / "tiny.json")
    assert main([str(word) for word in (*words, "--views", 6, "--threads", 1, "--json", *region)]) == 0
    return folder / "out", Grid.centered(CENTER, SIZE, SPACING, request.param)


def test_its_corners_are_right_to_a_micrometre(scene, run):
    folder, grid = run
    assert np.abs(corners(load_run(scene, folder)) - expected(grid)).max() < 1e-3


def test_its_values_are_those_of_the_file(scene, run):
    folder, _ = run
    written = Volume.load(folder / "volume.nrrd")
    assert written.values.max() > 0.005
    assert np.array_equal(volume_of(load_run(scene, folder)).values, written.values)


def test_the_reader_of_slicer_loads_the_file_at_the_same_position(scene, slicer, run):
    folder, grid = run
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    reader = scene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    reader.SetFileName(str(folder / "volume.nrrd"))
    assert reader.ReadData(node)
    assert np.abs(corners(node) - expected(grid)).max() < 1e-3


def test_it_has_the_name_of_its_case_and_records_its_run(scene, run):
    folder, _ = run
    node = load_run(scene, folder)
    case = json.loads((folder / "run.json").read_text())["case"]["name"]
    assert node.GetName() == node.GetAttribute("IXGS.Case") == case
    assert node.GetAttribute("IXGS.Preset") == "standard"
    assert node.GetAttribute("IXGS.Run") == str(folder)
    assert node.GetAttribute(NOTICE).startswith("Research use only")
    assert load_run(scene, folder, "L3", node) is node
    assert node.GetName() == case  # the name that the user gave it is kept
    assert load_preview(scene, folder / "volume.nrrd", "L3").GetName() == "L3"


def test_a_folder_without_a_finished_run_is_refused(scene, tmp_path):
    count = scene.GetNumberOfNodes()
    with pytest.raises(IXGSError, match=r"no finished run \(no done\.json\)"):
        load_run(scene, tmp_path)
    assert scene.GetNumberOfNodes() == count


def spoil_header(folder):
    data = (folder / "volume.nrrd").read_bytes()
    (folder / "volume.nrrd").write_bytes(re.sub(rb"sizes: .*", b"sizes: 1290 1290 1290", data, count=1))


def take_another_volume(folder):
    volume = Volume.load(folder / "volume.nrrd")
    Volume(0 * volume.values, volume.grid).save(folder / "volume.nrrd")


@pytest.mark.parametrize("spoil", [spoil_header, take_another_volume])
def test_a_volume_that_the_run_did_not_write_is_refused_before_memory_is_taken(scene, run, tmp_path, spoil):
    folder = shutil.copytree(run[0], tmp_path / "out")
    spoil(folder)
    count = scene.GetNumberOfNodes()
    with pytest.raises(IXGSError, match="not the file that the run wrote"):
        load_run(scene, folder)
    assert scene.GetNumberOfNodes() == count


def test_a_record_without_its_keys_is_refused(scene, run, tmp_path):
    folder = shutil.copytree(run[0], tmp_path / "out")
    (folder / "run.json").write_text('{"format": "ixgs-run", "version": 1}')
    with pytest.raises(IXGSError, match=r"run\.json: lacks 'case'"):
        load_run(scene, folder)
