"""Slicer's views draw the scene where the geometry says; they are drawn offscreen with EGL."""

import numpy as np
import pytest

from IXGSLib.geometry.trajectory import CArm
from IXGSLib.scene import add_volume
from IXGSLib.scene.bone import render_bone
from IXGSLib.scene.c_arm import look_through, show_c_arm
from IXGSLib.scene.slices import align_slices
from IXGSLib.xray import XRay

SIZE = (120, 120)


@pytest.fixture
def views(scene, egl):
    from Testing.scene.rendering import Views

    return Views(scene)


def sphere_center(volume):
    """(3,) LPS mm: the centre of the sphere in the fixture."""
    points = volume.grid.points()[volume.values > 0.03]
    return points.mean(axis=0)


def middle(picture):
    """(x, y) in pixels: the centre of the bright pixels."""
    rows, columns = np.nonzero(picture.max(axis=-1) > 128)
    assert len(rows) > 20
    return np.array([columns.mean(), rows.mean()])


@pytest.mark.parametrize("name", ["Red", "Yellow", "Green"])
def test_a_slice_view_shows_the_sphere_at_its_position(scene, views, volume, name):
    node = scene.AddNewNodeByClass("vtkMRMLSliceNode", name)
    node.SetLayoutName(name)
    align_slices([node], None, sphere_center(volume))
    x, y = middle(views.slice(node, add_volume(scene, volume), SIZE))
    position = node.GetXYToRAS().MultiplyPoint((x, SIZE[1] - 1 - y, 0, 1))[:3]
    assert np.abs(np.array(position) - sphere_center(volume) * (-1, -1, 1)).max() < 0.7


def test_volume_rendering_shows_the_sphere_where_the_x_ray_does(scene, views, volume):
    view = CArm(detector_pixels=SIZE, detector_size=80).view(35, 20, volume.grid.center, "ap")
    render_bone(scene, add_volume(scene, volume), 0.02)
    camera, space = (scene.AddNewNodeByClass(f"vtkMRML{kind}Node") for kind in ("Camera", "View"))
    for node in (camera, space):
        node.SetLayoutName("1")
    space.SetBoxVisible(False)
    space.SetAxisLabelsVisible(False)
    space.SetBackgroundColor(0, 0, 0)
    space.SetBackgroundColor2(0, 0, 0)
    look_through(camera, view)
    drawn = middle(views.space(camera, space, SIZE))
    assert np.abs(drawn - view.project(sphere_center(volume))[0]).max() < 1.5


def test_a_detector_seen_from_its_source_shows_the_x_ray(scene, views):
    view = CArm(detector_pixels=SIZE, detector_size=80).view(35, 20, (10, 20, 1300), "ap")
    image = np.zeros((SIZE[1], SIZE[0]), np.float32)
    image[20:40, 70:100] = 1
    show_c_arm(scene, [XRay(view, image, np.ones(image.shape, dtype=bool))])
    camera, space = (scene.AddNewNodeByClass(f"vtkMRML{kind}Node") for kind in ("Camera", "View"))
    for node in (camera, space):
        node.SetLayoutName("1")
    space.SetBoxVisible(False)
    space.SetAxisLabelsVisible(False)
    look_through(camera, view)
    picture = views.space(camera, space, SIZE)[..., 0].astype(float) / 255
    inner = np.s_[4:-4, 4:-4]  # the frame covers the border
    assert np.abs(picture - image)[inner].mean() < 0.02
