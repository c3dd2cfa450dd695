"""Slice views are aligned with the axes of the patient or of a vertebra."""

import numpy as np
import pytest

from IXGSLib.errors import GeometryError, SettingsError
from IXGSLib.geometry.anatomy import vertebra_axes
from IXGSLib.scene.frames import matrix_array
from IXGSLib.scene.slices import ORIENTATIONS, align_slices, points_of, slice_to_ras

VIEWS = {"Red": "Axial", "Yellow": "Sagittal", "Green": "Coronal"}


@pytest.fixture
def slices(scene):
    nodes = []
    for name, orientation in VIEWS.items():
        node = scene.AddNewNodeByClass("vtkMRMLSliceNode", name)
        node.SetLayoutName(name)
        node.SetOrientation(orientation)
        nodes.append(node)
    return nodes


def test_the_axes_of_the_patient_give_slicers_own_orientations(slices):
    for node in slices:
        own = matrix_array(node.GetSliceToRAS())
        assert np.array_equal(slice_to_ras(VIEWS[node.GetName()]), own)


def test_slices_are_aligned_with_the_planes_of_a_vertebra(slices, rotation):
    align_slices(slices, rotation, (12, -250, 1300))
    left, posterior, superior = (rotation.T[n] * (-1, -1, 1) for n in range(3))
    axial, sagittal, coronal = (matrix_array(node.GetSliceToRAS()) for node in slices)
    assert np.allclose(axial[:3, :3].T, [left, -posterior, superior])
    assert np.allclose(sagittal[:3, :3].T, [posterior, superior, left])
    assert np.allclose(coronal[:3, :3].T, [left, superior, -posterior])
    for matrix in (axial, sagittal, coronal):
        assert np.allclose(matrix[:3, 3], (-12, 250, 1300))


def test_realigned_slices_have_their_orientation_back_and_keep_their_position(slices, rotation):
    before = [matrix_array(node.GetSliceToRAS())[:3, :3] for node in slices]
    align_slices(slices, rotation, (1, 2, 3))
    align_slices(slices)
    for node, matrix in zip(slices, before, strict=True):
        assert np.allclose(matrix_array(node.GetSliceToRAS())[:3, :3], matrix)
        assert np.allclose(matrix_array(node.GetSliceToRAS())[:3, 3], (-1, -2, 3))
        assert node.GetOrientation() == VIEWS[node.GetName()]


def test_a_slice_view_of_unknown_orientation_is_refused_before_any_is_aligned(scene, slices, rotation):
    other = scene.AddNewNodeByClass("vtkMRMLSliceNode", "Blue")
    other.SetLayoutName("Blue")
    other.SetSliceToRASByNTP(0.3, 0.4, 0.87, 1, 0, 0, 0, 0, 0, 0)
    before = matrix_array(slices[0].GetSliceToRAS())
    with pytest.raises(GeometryError, match="slice view Blue"):
        align_slices([*slices, other], rotation)
    assert np.array_equal(matrix_array(slices[0].GetSliceToRAS()), before)


def test_unknown_orientations_and_mirrored_axes_are_refused():
    with pytest.raises(SettingsError, match=f"expected one of {', '.join(ORIENTATIONS)}"):
        slice_to_ras("Oblique")
    with pytest.raises(GeometryError, match="reflection"):
        slice_to_ras("Axial", np.diag([1.0, 1.0, -1.0]))


def test_three_points_of_a_markups_node_give_the_axes_of_a_vertebra(scene, rotation):
    center = np.array([12.0, -250, 1300])
    clicks = center + np.array([(15.0, 10, 0), (-15, 10, 0), (0, -25, 0)]) @ rotation.T
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    for point in clicks:
        node.AddControlPoint((point * (-1, -1, 1)).tolist())
    assert np.allclose(points_of(node), clicks)
    assert np.allclose(vertebra_axes(*points_of(node)), rotation)
    assert points_of(scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")).shape == (0, 3)
