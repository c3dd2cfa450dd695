"""A CT and its vertebrae are copied out of a scene where they are shown."""

import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from IXGSLib.errors import FormatError, GeometryError
from IXGSLib.geometry.rigid import apply, rigid
from IXGSLib.registration.labels import read_names
from IXGSLib.registration.splitting import read_points
from IXGSLib.scene.anatomies import copy_anatomy_steps, start_of
from IXGSLib.scene.arrays import image_of
from IXGSLib.scene.frames import FLIP, flipped, vtk_matrix
from IXGSLib.steps import result_of
from IXGSLib.volume.images import read_image
from Testing.registration import phantom

MOVED = rigid(Rotation.from_rotvec([0.1, 0.2, -0.3]).as_matrix(), (30.0, -20.0, 10.0))


def volume(scene, values, kind="vtkMRMLScalarVolumeNode", world_from_index=phantom.GRID.world_from_index):
    node = scene.AddNewNodeByClass(kind, "CT" if "Scalar" in kind else "labels")
    node.SetIJKToRASMatrix(vtk_matrix(flipped(world_from_index)))
    node.SetAndObserveImageData(image_of(values))
    return node


@pytest.fixture
def ct(scene):
    return volume(scene, phantom.ct()[0].astype(np.int16))


def segmentation(scene, names, offset=(0.0, 0.0, 0.0)):
    """The labels of the phantom as segments of one shared layer that is cropped as Slicer crops it."""
    import slicer

    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "vertebrae")
    labels = phantom.ct()[1].astype(np.uint8)
    low = np.argwhere(labels).min(axis=0)
    image = slicer.vtkOrientedImageData()
    image.ShallowCopy(image_of(labels[low[0] :, low[1] :, low[2] :]))
    size = image.GetDimensions()
    image.SetExtent(*(n for first, count in zip(low[::-1], size, strict=True) for n in (first, first + count - 1)))
    placed = phantom.GRID.world_from_index.copy()
    placed[:3, 3] += offset
    image.SetGeometryFromImageToWorldMatrix(vtk_matrix(flipped(placed)))
    for label, name in zip(phantom.LABELS, names, strict=True):
        segment = slicer.vtkSegment()
        segment.SetName(name)
        segment.SetLabelValue(label)
        segment.AddRepresentation("Binary labelmap", image)
        node.GetSegmentation().AddSegment(segment)
    return node


def copied(ct, vertebrae, folder):
    return result_of(copy_anatomy_steps(ct, vertebrae, folder))


def test_files_have_the_names_of_their_nodes(scene, ct, tmp_path):
    """So that messages name what the user sees."""
    ct.SetName('CT: "a/b"')
    node = volume(scene, phantom.ct()[1].astype(np.int16), "vtkMRMLLabelMapVolumeNode")
    node.SetName(ct.GetName())
    files = copied(ct, node, tmp_path)
    assert (files.ct.name, files.labels.name) == ("CT- -a-b-.nrrd",) * 2
    assert read_image(files.ct)[1].shape == phantom.GRID.shape


def test_a_ct_is_copied_with_its_place(ct, tmp_path):
    files = copied(ct, None, tmp_path)
    values, grid = read_image(files.ct)
    assert np.array_equal(values, phantom.ct()[0].astype(np.int16))
    assert np.allclose(grid.world_from_index, phantom.GRID.world_from_index)
    assert (files.labels, files.names, files.points) == (None, None, None)


def test_as_its_parent_transform_shows_it(scene, ct, tmp_path):
    parent = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    parent.SetMatrixTransformToParent(vtk_matrix(FLIP @ MOVED @ FLIP))
    ct.SetAndObserveTransformNodeID(parent.GetID())
    _, grid = read_image(copied(ct, None, tmp_path).ct)
    assert np.allclose(grid.world_from_index, MOVED @ phantom.GRID.world_from_index)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.float32, np.float64])
def test_a_left_handed_ct_keeps_its_voxels_in_place(scene, tmp_path, dtype):
    mirrored = phantom.GRID.world_from_index @ np.diag([1, 1, -1, 1])
    values = np.arange(np.prod(phantom.GRID.shape)).reshape(phantom.GRID.shape).astype(dtype)
    found, grid = read_image(copied(volume(scene, values, world_from_index=mirrored), None, tmp_path).ct)
    assert np.linalg.det(grid.direction) > 0
    for index in ((3, 5, 7), (40, 2, 11)):
        place = apply(mirrored, index[::-1])
        k, j, i = np.rint(apply(np.linalg.inv(grid.world_from_index), place)[::-1]).astype(int)
        assert found[k, j, i] == values[index]


def test_segments_become_labels_with_names(scene, ct, tmp_path):
    names = ("L1 vertebra", "vertebrae_L2", "L3", "L4")
    files = copied(ct, segmentation(scene, names), tmp_path)
    labels, grid = read_image(files.labels)
    found = read_names(files.names)
    assert sorted(found.values()) == list(phantom.NAMES)
    for label, name in found.items():
        wanted = phantom.ct()[1] == phantom.LABELS[phantom.NAMES.index(name)]
        assert np.array_equal(labels == label, wanted)
    assert np.allclose(grid.world_from_index, phantom.GRID.world_from_index)


def test_other_segments_are_left_out(scene, ct, tmp_path):
    files = copied(ct, segmentation(scene, ("liver", "L2", "L3", "Segment_4")), tmp_path)
    assert sorted(read_names(files.names).values()) == ["L2", "L3"]
    assert len(np.unique(read_image(files.labels)[0])) == 3


@pytest.mark.parametrize(
    ("names", "offset", "told"),
    [
        (("a", "b", "c", "d"), (0, 0, 0), r"no segment is a vertebra \(found: a, b, c, d\)"),
        (("L1", "L1", "L3", "L4"), (0, 0, 0), "two segments are L1"),
        (phantom.NAMES, (1.0, 0, 0), "its voxels are not those of CT"),
    ],
)
def test_segments_that_cannot_be_used_are_refused(scene, ct, tmp_path, names, offset, told):
    with pytest.raises((FormatError, GeometryError), match=told):
        copied(ct, segmentation(scene, names, offset), tmp_path)


def test_segments_that_reach_beyond_the_ct_are_cropped(scene, tmp_path):
    part = phantom.GRID.world_from_index.copy()
    part[:3, 3] = apply(phantom.GRID.world_from_index, (3, 2, 20))
    ct = volume(scene, phantom.ct()[0][20:60, 2:40, 3:40].astype(np.int16), world_from_index=part)
    files = copied(ct, segmentation(scene, phantom.NAMES), tmp_path)
    labels, names = read_image(files.labels)[0], read_names(files.names)
    wanted = phantom.ct()[1][20:60, 2:40, 3:40]
    for label, name in names.items():
        assert np.array_equal(labels == label, wanted == phantom.LABELS[phantom.NAMES.index(name)])


def test_a_label_map_keeps_its_numbers(scene, ct, tmp_path):
    node = volume(scene, phantom.ct()[1].astype(np.int16), "vtkMRMLLabelMapVolumeNode")
    files = copied(ct, node, tmp_path)
    assert np.array_equal(read_image(files.labels)[0], phantom.ct()[1])
    assert files.names is None


def test_the_colours_of_a_label_map_name_its_labels(scene, ct, tmp_path):
    """As when a segmentation is exported, whose labels count from 1."""
    node = volume(scene, phantom.ct()[1].astype(np.int16), "vtkMRMLLabelMapVolumeNode")
    table = scene.AddNewNodeByClass("vtkMRMLColorTableNode")
    table.SetTypeToUser()
    table.SetNumberOfColors(24)
    for label, name in zip(phantom.LABELS, ("L2 vertebra", "L3 vertebra", "L4 vertebra", "disc"), strict=True):
        table.SetColor(label, name, 1, 1, 1, 1)
    display = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeDisplayNode")
    display.SetAndObserveColorNodeID(table.GetID())
    node.SetAndObserveDisplayNodeID(display.GetID())
    assert read_names(copied(ct, node, tmp_path).names) == {20: "L2", 21: "L3", 22: "L4"}


def test_points_are_named_after_vertebrae(scene, ct, tmp_path):
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "bodies")
    node.AddControlPoint(10, 20, 30, "L3")
    node.AddControlPoint(1, 2, 3, "vertebra L4")
    found = read_points(copied(ct, node, tmp_path).points)
    assert {name: point.tolist() for name, point in found.items()} == {"L3": [-10, -20, 30], "L4": [-1, -2, 3]}
    assert json.loads((tmp_path / "points.json").read_text())


@pytest.mark.parametrize(
    ("labels", "told"), [(["F-1"], "a point named 'F-1'"), (["L3", "L3"], "L3"), ([], "no points")]
)
def test_other_points_are_refused(scene, ct, tmp_path, labels, told):
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "bodies")
    for label in labels:
        node.AddControlPoint(1, 2, 3, label)
    with pytest.raises(FormatError, match=told):
        copied(ct, node, tmp_path)


def test_a_volume_without_voxels_is_refused(scene, tmp_path):
    with pytest.raises(GeometryError, match="without voxels"):
        copied(scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT"), None, tmp_path)


def test_a_start_moves_the_ct_as_its_node_does(scene):
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    node.SetMatrixTransformToParent(vtk_matrix(FLIP @ MOVED @ FLIP))
    assert np.allclose(start_of(node), MOVED)
