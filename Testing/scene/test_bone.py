"""The bone of a volume node lies where the volume's own surface lies."""

import numpy as np
import pytest

from IXGSLib.errors import ReconstructionError
from IXGSLib.geometry import Grid
from IXGSLib.scene import add_volume
from IXGSLib.scene.bone import add_bone, render_bone, suggested_threshold
from IXGSLib.volume import Volume
from IXGSLib.volume.bone import bone_surface, bone_threshold


def surface_of(node):
    """(n, 3) LPS mm: the points of the closed surface of the only segment."""
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    surface = vtk.vtkPolyData()
    assert node.GetClosedSurfaceRepresentation(node.GetSegmentation().GetNthSegmentID(0), surface)
    edges = vtk.vtkFeatureEdges()
    edges.SetInputData(surface)
    edges.FeatureEdgesOff()
    edges.NonManifoldEdgesOff()
    edges.ManifoldEdgesOff()
    edges.Update()
    assert edges.GetOutput().GetNumberOfCells() == 0, "the surface is open"
    return vtk_to_numpy(surface.GetPoints().GetData()) * (-1.0, -1.0, 1.0)


def test_the_surface_is_closed_and_lies_within_a_voxel_of_the_volumes_own(scene, volume):
    points = surface_of(add_bone(scene, add_volume(scene, volume), 0.03))
    truth = bone_surface(volume, 0.03).vertices
    distances = np.linalg.norm(points[:, None] - truth[None], axis=-1).min(axis=1)
    assert np.median(distances) < 0.6
    assert distances.max() < 1.5
    assert np.allclose(points.mean(axis=0), truth.mean(axis=0), atol=0.3)


def test_a_ball_keeps_its_radius(scene):
    grid = Grid.centered((0, 0, 0), (60, 60, 60), 1.875)
    distance = np.linalg.norm(grid.points(), axis=-1)
    ball = Volume(np.clip(0.025 * (20 - distance) + 0.03, 0, 0.05), grid)
    radii = np.linalg.norm(surface_of(add_bone(scene, add_volume(scene, ball), 0.03)), axis=1)
    assert abs(radii.mean() - 20) < 0.1
    assert radii.std() < 0.15


def test_the_labels_are_the_voxels_above_the_threshold(scene, slicer, volume):
    node = add_bone(scene, add_volume(scene, volume), 0.03)
    labels = slicer.vtkOrientedImageData()
    node.GetBinaryLabelmapRepresentation(node.GetSegmentation().GetNthSegmentID(0), labels)
    from IXGSLib.scene.arrays import values_of

    assert values_of(labels).sum() == (volume.values >= 0.03).sum()


def test_another_threshold_replaces_the_bone_of_the_same_node(scene, volume):
    node = add_volume(scene, volume)
    bone = add_bone(scene, node, 0.03)
    size = len(surface_of(bone))
    assert add_bone(scene, node, 0.045, node=bone) is bone
    assert bone.GetSegmentation().GetNumberOfSegments() == 1
    assert len(surface_of(bone)) < size


def test_the_suggested_threshold_is_the_librarys(scene, volume):
    assert suggested_threshold(add_volume(scene, volume)) == bone_threshold(volume)


def test_where_nothing_is_bone_the_message_says_how_dense_it_is(scene, volume):
    with pytest.raises(ReconstructionError, match=r"largest attenuation is 0\.0500.*lower it"):
        add_bone(scene, add_volume(scene, volume), 0.2)


def test_rendering_is_clear_below_the_threshold_and_changed_in_place(scene, volume):
    node = add_volume(scene, volume)
    display = render_bone(scene, node, 0.02)
    opacity = display.GetVolumePropertyNode().GetVolumeProperty().GetScalarOpacity()
    assert opacity.GetValue(0.015) == 0
    assert opacity.GetValue(0.04) > 0.8
    assert render_bone(scene, node, 0.04, visible=False) is display
    opacity = display.GetVolumePropertyNode().GetVolumeProperty().GetScalarOpacity()
    assert opacity.GetValue(0.03) == 0
    assert not display.GetVisibility()
    assert node.GetNumberOfDisplayNodes() == 2
