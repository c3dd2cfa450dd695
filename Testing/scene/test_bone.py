"""The bone of a volume node has the surface of the volume itself."""

import numpy as np
import pytest

from IXGSLib.errors import FormatError, ReconstructionError
from IXGSLib.geometry import Grid
from IXGSLib.scene import add_volume
from IXGSLib.scene.bone import add_bone, render_bone, suggested_threshold
from IXGSLib.scene.frames import matrix_array, vtk_matrix
from IXGSLib.scene.surfaces import labels_surface, read_surface, write_surface
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


def test_the_surface_is_closed_and_within_a_voxel_of_that_of_the_volume(scene, volume):
    points = surface_of(add_bone(scene, add_volume(scene, volume), 0.03))
    truth = bone_surface(volume, 0.03).vertices
    distances = np.linalg.norm(points[:, None] - truth[None], axis=-1).min(axis=1)
    assert np.median(distances) < 0.6
    assert distances.max() < 1.5
    assert np.allclose(points.mean(axis=0), truth.mean(axis=0), atol=0.3)


def mirror(node):
    """Reverse the slice axis of a volume node."""
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    node.SetIJKToRASMatrix(vtk_matrix(matrix_array(matrix) @ np.diag([1.0, 1.0, -1.0, 1.0])))


def shape_of(surface):
    """Points, polygons and the enclosed volume, which is negative if the normals point inward."""
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    triangles = vtk.vtkTriangleFilter()
    triangles.SetInputData(surface)
    triangles.Update()
    points = vtk_to_numpy(surface.GetPoints().GetData())
    corners = vtk_to_numpy(triangles.GetOutput().GetPolys().GetConnectivityArray()).reshape(-1, 3)
    a, b, c = (points[corners[:, n]].astype(float) - points.mean(axis=0) for n in range(3))
    inside = float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)
    return points, vtk_to_numpy(surface.GetPolys().GetConnectivityArray()), inside


@pytest.mark.parametrize("handed", ["right", "left"])
def test_it_is_the_surface_that_slicer_extracts_from_the_segment(scene, volume, handed):
    import vtk

    values = np.array(volume.values)
    values[0, :5, :6] = 0.05  # bone at the border
    node = add_volume(scene, Volume(values, volume.grid))
    if handed == "left":
        mirror(node)
    bone = add_bone(scene, node, 0.03)
    segmentation, ours, theirs = bone.GetSegmentation(), vtk.vtkPolyData(), vtk.vtkPolyData()
    segment = segmentation.GetNthSegmentID(0)
    assert bone.GetClosedSurfaceRepresentation(segment, ours)
    assert segmentation.CreateRepresentation("Closed surface", True)
    assert bone.GetClosedSurfaceRepresentation(segment, theirs)
    assert theirs.GetMTime() > ours.GetMTime()
    (points, polygons, inside), (their_points, their_polygons, their_inside) = map(shape_of, (ours, theirs))
    assert np.abs(points - their_points).max() < 1e-3
    assert sorted(polygons) == sorted(their_polygons)
    assert inside == pytest.approx(abs(their_inside), rel=1e-5)  # that of Slicer is inside out on a left-handed grid


def test_a_surface_survives_its_file(tmp_path, volume):
    surface = labels_surface(volume.values > 0.03, np.diag([-2.0, -1.0, 0.5, 1.0]))
    write_surface(tmp_path / "surface.vtp", surface)
    back = read_surface(tmp_path / "surface.vtp")
    for found, expected in zip(shape_of(back), shape_of(surface), strict=True):
        assert np.array_equal(found, expected)
    (tmp_path / "other.vtp").write_text("no surface")
    with pytest.raises(FormatError, match="make it again"):
        read_surface(tmp_path / "other.vtp")
    with pytest.raises(FormatError, match="cannot be written"):
        write_surface(tmp_path / "none" / "surface.vtp", surface)


def test_other_segments_of_the_node_are_not_changed(scene, volume, slicer):
    node = add_volume(scene, volume)
    bone = add_bone(scene, node, 0.03)
    other = slicer.vtkOrientedImageData()
    bone.GetBinaryLabelmapRepresentation(bone.GetSegmentation().GetNthSegmentID(0), other)
    drawn = bone.AddSegmentFromBinaryLabelmapRepresentation(other, "Screw", (1, 0, 0))
    size = len(surface_of(bone))
    add_bone(scene, node, 0.045, node=bone)
    segmentation = bone.GetSegmentation()
    names = {segmentation.GetSegment(n).GetName(): n for n in segmentation.GetSegmentIDs()}
    assert set(names) == {"Screw", "Bone"}
    assert names["Screw"] == drawn
    kept = bone.GetClosedSurfaceInternalRepresentation(drawn).GetNumberOfPoints()
    assert bone.GetClosedSurfaceInternalRepresentation(names["Bone"]).GetNumberOfPoints() < kept == size
    assert segmentation.GetSourceRepresentationName() == "Binary labelmap"


def test_a_sphere_keeps_its_radius(scene):
    grid = Grid.centered((0, 0, 0), (60, 60, 60), 1.875)
    distance = np.linalg.norm(grid.points(), axis=-1)
    sphere = Volume(np.clip(0.025 * (20 - distance) + 0.03, 0, 0.05), grid)
    radii = np.linalg.norm(surface_of(add_bone(scene, add_volume(scene, sphere), 0.03)), axis=1)
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


def test_without_bone_the_message_states_the_largest_attenuation(scene, volume):
    with pytest.raises(ReconstructionError, match=r"largest attenuation is 0\.0500.*lower the threshold"):
        add_bone(scene, add_volume(scene, volume), 0.2)


def test_rendering_is_transparent_below_the_threshold_and_updated_in_place(scene, volume):
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
