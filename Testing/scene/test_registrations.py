"""A registration in the scene: transforms in the right direction, models in place, plans that move with vertebrae."""

import json
import shutil

import numpy as np
import pytest

from IXGSLib.errors import FormatError, GeometryError
from IXGSLib.geometry.rigid import apply
from IXGSLib.scene import load_registration
from IXGSLib.scene.bone import COLOUR
from IXGSLib.scene.frames import matrix_array
from IXGSLib.scene.registrations import (
    HIGHLIGHT_COLOUR,
    UNVERIFIED_COLOUR,
    highlight,
    move_with,
    moves_with,
    put_back,
    record_of,
    vertebrae_of,
)
from Testing.registration import phantom
from Testing.registration.folders import written
from Testing.scene.points import world_points


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return written(tmp_path_factory.mktemp("registration") / "spine-ct", {"L4": ("restarts end 3.0 mm apart",)})


@pytest.fixture
def node(scene, folder):
    return load_registration(scene, folder)


def matrix_of(transform):
    import vtk

    matrix = vtk.vtkMatrix4x4()
    transform.GetMatrixTransformToWorld(matrix)
    return matrix_array(matrix)


def test_each_vertebra_has_a_transform_as_slicer_loads_it_from_the_file(scene, slicer, node, folder):
    for name, nodes in vertebrae_of(node).items():
        loaded, storage = slicer.vtkMRMLLinearTransformNode(), slicer.vtkMRMLTransformStorageNode()
        scene.AddNode(loaded)
        storage.SetFileName(str(folder / "transforms" / f"{name}.tfm"))
        assert storage.ReadData(loaded)
        assert np.allclose(matrix_of(nodes.transform), matrix_of(loaded), atol=1e-9)


def test_models_lie_where_the_files_say(node, folder):
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    for name, nodes in vertebrae_of(node).items():
        reader = vtk.vtkSTLReader()
        reader.SetFileName(str(folder / "models" / f"{name}.stl"))
        reader.Update()
        wanted = vtk_to_numpy(reader.GetOutput().GetPoints().GetData())
        assert np.abs(world_points(nodes.model) - wanted).max() < 1e-3


def test_models_are_those_of_the_ct_without_their_transform(node):
    for label, name in zip(phantom.LABELS, phantom.NAMES, strict=True):
        model = vertebrae_of(node)[name].model
        bounds = np.reshape(model.GetPolyData().GetBounds(), (3, 2))
        middle = bounds.mean(axis=1) * (-1, -1, 1)
        points = phantom.points(label)
        assert np.abs(middle - (points.min(axis=0) + points.max(axis=0)) / 2).max() < 2


def test_models_point_outward(node):
    import vtk

    for nodes in vertebrae_of(node).values():
        mass = vtk.vtkMassProperties()
        mass.SetInputData(nodes.model.GetPolyData())
        normals = np.array([nodes.model.GetPolyData().GetPointData().GetNormals().GetTuple3(n) for n in range(50)])
        assert np.linalg.norm(normals, axis=1) == pytest.approx(1, abs=1e-3)
        points = np.array(
            [nodes.model.GetPolyData().GetPoint(n) for n in range(nodes.model.GetPolyData().GetNumberOfPoints())]
        )
        all_normals = np.array(
            [nodes.model.GetPolyData().GetPointData().GetNormals().GetTuple3(n) for n in range(len(points))]
        )
        assert np.sum((points - points.mean(axis=0)) * all_normals) > 0
        assert mass.GetVolume() > 0


def test_verified_vertebrae_are_solid_and_others_marked(node):
    found = vertebrae_of(node)
    solid, other = found["L1"].model, found["L4"].model
    assert (solid.GetName(), other.GetName()) == ("L1", "L4 (not verified)")
    assert "not verified" in found["L4"].transform.GetName()
    assert solid.GetDisplayNode().GetOpacity() == 1
    assert other.GetDisplayNode().GetOpacity() < 1
    assert solid.GetDisplayNode().GetColor() == pytest.approx(COLOUR)
    assert other.GetDisplayNode().GetColor() == pytest.approx(UNVERIFIED_COLOUR)


def test_one_vertebra_is_highlighted(node):
    color = {name: nodes.model.GetDisplayNode().GetColor for name, nodes in vertebrae_of(node).items()}
    highlight(node, "L4")
    assert color["L4"]() == pytest.approx(HIGHLIGHT_COLOUR)
    assert color["L1"]() == pytest.approx(COLOUR)
    vertebrae_of(node)["L2"].model.GetDisplayNode().SetColor(0, 1, 0)
    highlight(node, None)
    assert color["L4"]() == pytest.approx(UNVERIFIED_COLOUR)
    assert color["L2"]() == (0, 1, 0)


def test_everything_is_in_one_folder_of_the_study(scene, slicer, node):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    nodes = [node, *(each for pair in vertebrae_of(node).values() for each in (pair.transform, pair.model))]
    (parent,) = {hierarchy.GetItemParent(hierarchy.GetItemByDataNode(each)) for each in nodes}
    assert hierarchy.GetItemName(parent) == "spine-ct"
    assert hierarchy.GetItemName(hierarchy.GetItemParent(parent)) == "IXGS: phantom"


def test_a_plan_moves_with_its_vertebra_and_back(scene, node):
    plan = scene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", "screw")
    made = np.array([(-10.0, -30.0, -18.0), (-12.0, 5.0, -15.0)])  # LPS, in the CT
    for point in made:
        plan.AddControlPoint(*(point * (-1, -1, 1)))
    move_with(plan, vertebrae_of(node)["L3"].transform)
    place = [0.0, 0.0, 0.0]
    for n, point in enumerate(made):
        plan.GetNthControlPointPositionWorld(n, place)
        assert np.array(place) * (-1, -1, 1) == pytest.approx(apply(phantom.motions()[22], point), abs=1e-6)
    assert moves_with(plan) == "L3"
    move_with(plan, vertebrae_of(node)["L2"].transform)
    assert moves_with(plan) == "L2"
    put_back(plan)
    plan.GetNthControlPointPositionWorld(0, place)
    assert np.array(place) * (-1, -1, 1) == pytest.approx(made[0])
    assert moves_with(plan) is None


def test_removing_a_transform_takes_its_plan_back(scene, node):
    plan = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "plan")
    plan.AddControlPoint(1, 2, 3)
    transform = vertebrae_of(node)["L3"].transform
    move_with(plan, transform)
    scene.RemoveNode(transform)
    place = [0.0, 0.0, 0.0]
    plan.GetNthControlPointPositionWorld(0, place)
    assert place == [1, 2, 3]
    assert vertebrae_of(node)["L3"].transform is None


def test_what_is_no_plan_is_refused(scene, node):
    found = vertebrae_of(node)
    with pytest.raises(GeometryError, match="L2: a vertebra of a registration"):
        move_with(found["L2"].model, found["L3"].transform)
    plan = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "plan")
    other = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "table")
    plan.SetAndObserveTransformNodeID(other.GetID())
    with pytest.raises(GeometryError, match="already under the transform table"):
        move_with(plan, found["L3"].transform)
    put_back(plan)
    assert plan.GetParentTransformNode() is other


def test_it_is_small_and_survives_a_saved_scene(scene, node, tmp_path):
    plan = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "plan")
    plan.AddControlPoint(1, 2, 3)
    move_with(plan, vertebrae_of(node)["L3"].transform)
    before = {name: matrix_of(nodes.transform) for name, nodes in vertebrae_of(node).items()}
    points = world_points(vertebrae_of(node)["L2"].model)
    path = tmp_path / "scene.mrb"
    scene.SetRootDirectory(str(tmp_path))
    assert scene.WriteToMRB(str(path))
    assert path.stat().st_size < 1_000_000
    scene.Clear(0)
    assert scene.ReadFromMRB(str(path), True)
    found = scene.GetFirstNodeByClass("vtkMRMLTextNode")
    assert [vertebra.name for vertebra in record_of(found).vertebrae] == list(phantom.NAMES)
    for name, nodes in vertebrae_of(found).items():
        assert np.allclose(matrix_of(nodes.transform), before[name])
    assert np.abs(world_points(vertebrae_of(found)["L2"].model) - points).max() < 1e-3
    assert moves_with(scene.GetFirstNodeByName("plan")) == "L3"


def test_a_changed_folder_is_refused(scene, folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "models" / "L2.stl").write_bytes(b"solid")
    with pytest.raises(FormatError, match=r"models/L2\.stl: missing or changed"):
        load_registration(scene, copy)
    content = json.loads((copy / "registration.json").read_text())
    (copy / "registration.json").write_text(json.dumps(content | {"vertebrae": []}))
    with pytest.raises(FormatError, match="damaged"):
        load_registration(scene, copy)
    assert scene.GetFirstNodeByClass("vtkMRMLTextNode") is None
    with pytest.raises(FormatError, match="no registration"):
        load_registration(scene, tmp_path)


def test_other_texts_are_no_registration(scene):
    text = scene.AddNewNodeByClass("vtkMRMLTextNode", "notes")
    with pytest.raises(FormatError, match="notes: no registration of IXGS"):
        record_of(text)
