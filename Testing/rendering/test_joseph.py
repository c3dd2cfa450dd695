"""Line integrals of a voxel volume: path lengths, the adjoint, and agreement with RTK's projector."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from IXGSLib.geometry import Grid, View
from IXGSLib.geometry.rigid import apply, inverse, rigid
from IXGSLib.geometry.trajectory import CArm
from IXGSLib.rendering.joseph import backproject, project_volume
from Testing.geometry.strategies import grids, numbers

ARM = CArm(detector_pixels=(40, 30), detector_size=120.0)
AXES = [*np.eye(3), *-np.eye(3)]
angles = st.tuples(numbers(-180, 180), numbers(-90, 90))


def rotation(seed=0):
    Q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return Q * np.sign(np.linalg.det(Q))


def oblique(shape=(11, 14, 17), seed=0):
    """A lattice with three different spacings along three slanted axes."""
    return Grid(shape, [1.1, 2.3, 1.7], [40.0, -25.0, 310.0], rotation(seed))


def random_values(grid, seed=1):
    return np.random.default_rng(seed).uniform(0, 0.05, grid.shape).astype(np.float32)


def look(source, target, id="look"):
    """A view from a source (3,) at a target (3,), neither axis of its image along one of the world's."""
    axis = (target - source) / np.linalg.norm(target - source)
    right = np.cross(axis, [0.3, 0.5, 0.81])
    right /= np.linalg.norm(right)
    R = np.stack([right, np.cross(axis, right), axis], axis=1)
    K = np.array([[300.0, 0, 15.5], [0, 300.0, 11.5], [0, 0, 1]])
    return View(K, rigid(R, source), (32, 24), id, (3.0, 3.0))


def pixels(view):
    """(height, width, 2) pixel coordinates."""
    width, height = view.size
    return np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float64)


@given(grids(), angles, st.integers(0, 2**32 - 1))
def test_backprojection_is_the_adjoint_of_projection(grid, gantry, seed):
    view = replace(ARM.view(*gantry, grid.center), size=(20, 20))
    generator = np.random.default_rng(seed)
    x = generator.uniform(0, 1, grid.shape).astype(np.float32)
    y = generator.uniform(0, 1, (20, 20)).astype(np.float32)
    there = np.vdot(project_volume(x, grid, view).astype(np.float64), y)
    back = np.vdot(x, backproject(y, grid, view).astype(np.float64))
    assert there == pytest.approx(back, rel=2e-5, abs=1e-6)


@pytest.mark.parametrize("axis", range(6), ids=["+i", "+j", "+k", "-i", "-j", "-k"])
def test_a_uniform_box_has_the_length_of_the_path_through_it(axis):
    """From every side, on a slanted lattice; rays enter and leave through the faces across the main axis."""
    grid = oblique((41, 42, 43))
    toward = grid.direction @ AXES[axis]
    view = look(grid.center - 600 * toward, grid.center + grid.direction @ (3.0, -2.0, 2.5))
    view = replace(view, K=view.K * [[8], [8], [1]] + [[0, 0, -108.5], [0, 0, -80.5], [0, 0, 0]])
    _, directions = view.ray(pixels(view))
    length = grid.size[axis % 3] / np.abs(directions @ toward)
    image = project_volume(np.full(grid.shape, 0.02), grid, view)
    np.testing.assert_allclose(image, 0.02 * length, rtol=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_a_sphere_has_the_length_of_its_chords(seed):
    grid = Grid.centered([12.0, 70.0, 900.0], np.full(3, 50), 1.0, rotation(seed))
    fine = grid.with_spacing(0.25)
    inside = np.linalg.norm(fine.points() - grid.center, axis=-1) < 20
    covered = inside.reshape(50, 4, 50, 4, 50, 4).mean(axis=(1, 3, 5))
    view = look(grid.center + 600 * rotation(seed + 10)[0], grid.center)
    source, directions = view.ray(pixels(view))
    beside = np.linalg.norm(np.cross(directions, grid.center - source), axis=-1)
    chords = 2 * np.sqrt(np.maximum(0, 20**2 - beside**2))
    image = project_volume(covered, grid, view)
    assert image.sum() == pytest.approx(chords.sum(), rel=2e-3)
    np.testing.assert_allclose(image[np.abs(beside - 20) > 1], chords[np.abs(beside - 20) > 1], atol=0.8)  # of 40 mm


def test_projection_is_invariant_to_rigid_motion():
    grid, motion = oblique(), rigid(rotation(3), [110.0, -70.0, 33.0])
    moved = Grid(grid.shape, grid.spacing, apply(motion, grid.origin), motion[:3, :3] @ grid.direction)
    values = random_values(grid)
    for seed in range(6):
        view = look(grid.center + 300 * rotation(seed)[0], grid.center)
        image = project_volume(values, grid, view)
        assert image.max() > 0.2
        np.testing.assert_allclose(project_volume(values, moved, view.moved(motion)), image, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("order", [(1, 2, 0), (2, 0, 1)])
def test_the_order_of_the_lattice_axes_does_not_matter(order):
    grid, values = oblique(), random_values(oblique())
    turned = Grid(
        np.take(grid.shape[::-1], order)[::-1], grid.spacing[list(order)], grid.origin, grid.direction[:, order]
    )
    swapped = values.transpose([2 - order[2 - n] for n in range(3)])
    view = look(grid.center + 300 * rotation(5)[0], grid.center)
    image = project_volume(values, grid, view)
    np.testing.assert_allclose(project_volume(swapped, turned, view), image, rtol=1e-4, atol=1e-6)


def test_rays_that_miss_the_volume_are_zero():
    grid = oblique()
    values = random_values(grid)
    for axis in AXES:
        source = grid.center + 200 * axis
        assert not project_volume(values, grid, look(source, source + axis)).any(), "the volume is behind the source"
        aside = look(source, grid.center + 150 * np.roll(axis, 1))
        assert not project_volume(values, grid, aside).any()
        assert not backproject(np.ones((24, 32)), grid, look(source, source + axis)).any()


def test_only_what_lies_in_front_of_the_source_counts():
    grid = Grid.centered(np.zeros(3), np.full(3, 40), 1.0)
    for axis in AXES:
        view = look(0.25 * axis, 10 * axis)
        _, directions = view.ray(pixels(view))
        image = project_volume(np.ones(grid.shape), grid, view)
        np.testing.assert_allclose(image, (20 - 0.25) / np.abs(directions @ axis), atol=0.6)


def test_a_ray_along_the_border_takes_no_voxel_from_beyond_it():
    """The ray meets plane j = 10 exactly at i = 10, one voxel beyond the last; the next row in memory is not its."""
    grid = Grid((3, 20, 10), np.ones(3), np.zeros(3), np.eye(3))
    R = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    view = View(np.diag([2.0, 2.0, 1.0]), rigid(R, [0.0, -10.0, 1.0]), (2, 1))
    _, directions = view.ray([1, 0])
    np.testing.assert_allclose(directions, np.array([1, 2, 0]) / np.sqrt(5), atol=1e-15)
    values = np.zeros(grid.shape)
    values[1, 11, 0] = 1000.0
    assert project_volume(values, grid, view)[0, 1] == 0
    assert backproject(np.array([[0.0, 1.0]]), grid, view)[1, 11, 0] == 0


def test_an_isolated_voxel_holds_its_volume():
    """Line integrals summed over a plane through the voxel give its attenuation times its volume."""
    grid = Grid((7, 7, 7), [1.0, 1.5, 2.0], np.zeros(3), rotation(2))
    values = np.zeros(grid.shape)
    values[3, 3, 3] = 1.0
    center = grid.center
    for axis in AXES:
        toward = grid.direction @ (axis + [0.1, 0.15, -0.12])
        view = look(center - 5e4 * toward / np.linalg.norm(toward), center)
        view = replace(view, K=np.array([[360000.0, 0, 31.5], [0, 360000.0, 31.5], [0, 0, 1]]), size=(64, 64))
        mass = project_volume(values, grid, view).sum(dtype=float) * (5e4 / 360000) ** 2
        assert mass == pytest.approx(grid.voxel_volume, rel=0.01)


@pytest.fixture(scope="module")
def rtk():
    itk = pytest.importorskip("itk")
    try:
        return itk.RTK
    except AttributeError:
        pytest.skip("needs itk-rtk")


def rtk_projection(rtk, values, grid, view):
    """The same line integrals by RTK's Joseph projector, in the frame of the lattice's own axes."""
    import itk

    view = view.moved(inverse(rigid(grid.direction, grid.origin)))
    image = itk.Image[itk.F, 3]
    detector = view.source_detector_distance
    corner, R = view.backproject([[0, 0]], [detector])[0], view.world_from_camera[:3, :3]
    geometry = rtk.ThreeDCircularProjectionGeometry.New()
    point, vector = itk.Point[itk.D, 3], itk.Vector[itk.D, 3]
    arguments = (
        point(view.source.tolist()),
        point(corner.tolist()),
        vector(R[:, 0].tolist()),
        vector(R[:, 1].tolist()),
    )
    assert geometry.AddProjection(*arguments)
    stack = itk.image_from_array(np.zeros((1, view.size[1], view.size[0]), np.float32))
    stack.SetSpacing([*view.pixel_spacing, 1.0])
    volume = itk.image_from_array(np.ascontiguousarray(values, np.float32))
    volume.SetSpacing(grid.spacing.tolist())
    projector = rtk.JosephForwardProjectionImageFilter[image, image].New()
    projector.SetInput(0, stack)
    projector.SetInput(1, volume)
    projector.SetGeometry(geometry)
    projector.Update()
    return itk.array_from_image(projector.GetOutput())[0]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("gantry", [(0, 0), (-100, 0), (33, 25), (77, -25), (180, 0), (135, 10)])
def test_line_integrals_are_those_of_rtk(rtk, gantry):
    """Padded with zeros, because at the border RTK cuts the last half voxel and IXGS lets it fall to zero."""
    grid = Grid((34, 30, 28), [1.1, 1.3, 2.1], [-20.0, -15.0, 880.0], rotation(8))
    values = np.zeros(grid.shape)
    values[2:-2, 2:-2, 2:-2] = random_values(grid)[2:-2, 2:-2, 2:-2]
    view = ARM.view(*gantry, grid.center)
    image = project_volume(values, grid, view)
    assert image.max() > 0.5
    np.testing.assert_allclose(image, rtk_projection(rtk, values, grid, view), atol=0.01 * image.max())
