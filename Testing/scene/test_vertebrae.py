"""Vertebrae as segments: where the registration or a label map has them, and named, coloured and coded by level."""

import numpy as np
import pytest

from IXGSLib.errors import FormatError
from IXGSLib.geometry.rigid import apply
from IXGSLib.scene import load_registration
from IXGSLib.scene.arrays import array_view, image_of
from IXGSLib.scene.frames import FLIP, flipped, matrix_array, vtk_matrix
from IXGSLib.scene.registrations import vertebrae_of
from IXGSLib.scene.vertebrae import SEGMENTATION, SPACING_MM, segment_labels, segment_registration, terminology
from Testing.registration import phantom
from Testing.registration.folders import written


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return written(tmp_path_factory.mktemp("registration") / "spine-ct", {"L4": ("restarts end 3.0 mm apart",)})


@pytest.fixture
def registration(scene, folder):
    return load_registration(scene, folder)


def label_map(scene, values, kind="vtkMRMLLabelMapVolumeNode"):
    node = scene.AddNewNodeByClass(kind, "labels")
    node.SetIJKToRASMatrix(vtk_matrix(flipped(phantom.GRID.world_from_index)))
    node.SetAndObserveImageData(image_of(values))
    return node


def segments_of(node):
    segmentation = node.GetSegmentation()
    return {segmentation.GetNthSegment(n).GetName(): segmentation.GetNthSegment(n) for n in range(len(phantom.NAMES))}


def points_of(segment):
    """(n, 3) LPS mm: the centres of the voxels of a segment."""
    import vtk

    image, matrix = segment.GetRepresentation("Binary labelmap"), vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    low = np.array(image.GetExtent()[::2])
    index = np.argwhere(array_view(image) > 0)[:, ::-1] + low
    return apply(FLIP @ matrix_array(matrix), index)


def test_segments_lie_where_the_x_rays_show_the_vertebrae(scene, registration):
    node = segment_registration(scene, registration)
    segments = segments_of(node)
    assert list(segments) == ["L1", "L2", "L3", "L4 (not verified)"]
    for name, label in zip(segments, phantom.LABELS, strict=True):
        voxels = np.argwhere(phantom.ct()[1] == label)[:, ::-1]
        truth = apply(phantom.motions()[label] @ phantom.GRID.world_from_index, voxels)
        found = points_of(segments[name])
        assert np.abs(found.mean(axis=0) - truth.mean(axis=0)).max() < 1  # of voxels of 2 mm, smoothed by models
        assert (
            np.abs(np.array([found.min(axis=0) - truth.min(axis=0), found.max(axis=0) - truth.max(axis=0)])).max() < 2
        )


def test_voxels_fill_the_surfaces(scene, registration):
    import vtk

    for segment in segments_of(segment_registration(scene, registration)).values():
        mass = vtk.vtkMassProperties()
        mass.SetInputData(segment.GetRepresentation("Closed surface"))
        mass.Update()
        assert len(points_of(segment)) * SPACING_MM**3 == pytest.approx(mass.GetVolume(), rel=0.002)


def test_surfaces_are_those_of_the_models(scene, registration):
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    def points(surface):
        return vtk_to_numpy(surface.GetPoints().GetData()).astype(float)

    node = segment_registration(scene, registration)
    for name, segment in segments_of(node).items():
        nodes, matrix = vertebrae_of(registration)[name.split()[0]], vtk.vtkMatrix4x4()
        nodes.transform.GetMatrixTransformToWorld(matrix)
        shown = apply(matrix_array(matrix), points(nodes.model.GetPolyData()))
        assert np.abs(points(segment.GetRepresentation("Closed surface")) - shown).max() < 1e-3


def test_they_have_a_level_a_colour_and_a_code_of_their_own(scene, registration):
    from IXGSLib.registration.views import colour_of

    node = segment_registration(scene, registration)
    segments = list(segments_of(node).values())
    tags = [reference(segment) for segment in segments]
    assert "SCT^36470004^L3 vertebra" in tags[2]
    assert len(set(tags)) == len(tags)
    for number, segment in enumerate(segments):
        shown = "#" + "".join(f"{round(255 * part):02x}" for part in segment.GetColor())
        assert shown == colour_of(number)  # as the outlines over the X-rays
    display = node.GetDisplayNode()
    assert [display.GetSegmentOpacity3D(level) for level in phantom.NAMES] == [1.0, 1.0, 1.0, 0.5]


def reference(segment):
    """The entry of the terminology of a segment."""
    import vtk

    text = vtk.reference("")
    assert segment.GetTag(segment.GetTerminologyEntryTagName(), text)
    return str(text)


def test_every_level_has_an_entry_that_slicer_reads(slicer):
    from IXGSLib.registration.labels import LEVELS

    entries = [terminology(level) for level in LEVELS]
    assert all(entry.count("~") == 6 for entry in entries)
    codes = [entry.split("~")[2].split("^")[1] for entry in entries]
    assert len(set(codes)) == len(LEVELS) - 1  # T13 and L6 are both only a vertebra
    assert "^Sacrum" in terminology("S1")


def test_a_second_call_replaces_the_segments_of_the_same_node(scene, registration):
    node = segment_registration(scene, registration)
    scene.RemoveNode(vertebrae_of(registration)["L2"].model)
    assert segment_registration(scene, registration) is node
    assert registration.GetNodeReference(SEGMENTATION) is node
    assert node.GetSegmentation().GetNumberOfSegments() == 3


def test_without_models_there_is_a_message(scene, registration):
    for nodes in vertebrae_of(registration).values():
        scene.RemoveNode(nodes.model)
    with pytest.raises(FormatError, match="no models of vertebrae are left"):
        segment_registration(scene, registration)


@pytest.mark.parametrize("kind", ["vtkMRMLLabelMapVolumeNode", "vtkMRMLScalarVolumeNode"])
def test_a_label_map_becomes_segments_at_its_place(scene, kind):
    labels = label_map(scene, phantom.ct()[1].astype(np.int16), kind)
    node = segment_labels(scene, labels)
    for label, segment in zip(phantom.LABELS, segments_of(node).values(), strict=True):
        assert len(points_of(segment)) == (phantom.ct()[1] == label).sum()
        index = apply(np.linalg.inv(phantom.GRID.world_from_index), points_of(segment))
        assert np.abs(index - np.rint(index)).max() < 1e-6
        assert (phantom.ct()[1][tuple(np.rint(index).astype(int).T[::-1])] == label).all()


def test_a_label_map_follows_its_transform(scene):
    labels = label_map(scene, phantom.ct()[1].astype(np.int16))
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    labels.SetAndObserveTransformNodeID(transform.GetID())
    assert segment_labels(scene, labels).GetTransformNodeID() == transform.GetID()


def test_names_can_be_stated(scene):
    numbers = np.zeros_like(phantom.ct()[1], dtype=np.int16)
    for n, label in enumerate(phantom.LABELS, 1):
        numbers[phantom.ct()[1] == label] = n
    node = segment_labels(scene, label_map(scene, numbers), dict(enumerate(phantom.NAMES, 1)))
    assert list(segments_of(node)) == list(phantom.NAMES)


def test_labels_of_no_vertebrae_are_refused(scene):
    values = (phantom.ct()[1] > 0).astype(np.int16) * 90
    with pytest.raises(FormatError, match="labels"):
        segment_labels(scene, label_map(scene, values))


def test_a_ct_is_no_label_map(scene):
    with pytest.raises(FormatError, match="labels: more than 255 different values"):
        segment_labels(scene, label_map(scene, phantom.ct()[0].astype(np.int16), "vtkMRMLScalarVolumeNode"))


def test_the_order_of_a_large_label_map_is_found_on_a_part_of_its_voxels(scene, monkeypatch):
    from IXGSLib.scene import vertebrae

    expected = segments_of(segment_labels(scene, label_map(scene, phantom.ct()[1].astype(np.int16))))
    monkeypatch.setattr(vertebrae, "COARSE_VOXELS", phantom.ct()[1].size / 8)
    found = segments_of(segment_labels(scene, label_map(scene, phantom.ct()[1].astype(np.int16))))
    assert {name: len(points_of(each)) for name, each in found.items()} == {
        name: len(points_of(each)) for name, each in expected.items()
    }


def test_segments_survive_a_saved_scene(scene, registration, tmp_path):
    segment_registration(scene, registration)
    scene.SetRootDirectory(str(tmp_path))
    assert scene.WriteToMRB(str(tmp_path / "scene.mrb"))
    scene.Clear(0)
    assert scene.ReadFromMRB(str(tmp_path / "scene.mrb"), True)
    node = scene.GetFirstNodeByClass("vtkMRMLTextNode").GetNodeReference(SEGMENTATION)
    assert "L3 vertebra" in reference(segments_of(node)["L3"])
