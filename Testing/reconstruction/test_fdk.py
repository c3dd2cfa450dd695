"""Filtered backprojection gives the attenuation of a known object, and refuses views that lie on no circle."""

from dataclasses import replace

import numpy as np
import pytest

from IXGSLib.errors import ReconstructionError
from IXGSLib.formats import Case
from IXGSLib.geometry import Grid
from IXGSLib.geometry.trajectory import CArm, arc, circular, trajectory
from IXGSLib.reconstruction import reconstruct
from IXGSLib.reconstruction.fdk import check_circle, filtered_backprojection
from IXGSLib.simulation.solids import Capsule, thickness
from IXGSLib.xray import XRay

CENTER, RADIUS, ATTENUATION = np.array([5.0, -20.0, 300.0]), 20.0, 0.03
ARM = CArm(detector_pixels=(96, 96), detector_size=160.0)
GRID = Grid.centered(CENTER, np.full(3, 64.0), 2.0)


def xrays(gantry_angles):
    """Exact line integrals of a ball."""
    ball = Capsule(CENTER, CENTER, RADIUS)
    views = trajectory(ARM, gantry_angles, CENTER)
    images = [ATTENUATION * thickness([ball], view) for view in views]
    return [XRay(v, i.astype(np.float32), np.ones(i.shape, bool)) for v, i in zip(views, images, strict=True)]


@pytest.mark.parametrize("count", [60, 61])
def test_a_ball_has_its_attenuation(count):
    values = filtered_backprojection(xrays(circular(count)), GRID)
    distance = np.linalg.norm(GRID.points() - CENTER, axis=-1)
    assert values[distance < RADIUS - 5].mean() == pytest.approx(ATTENUATION, rel=0.02)
    assert values[(distance > RADIUS + 5) & (distance < RADIUS + 10)].mean() < 0.1 * ATTENUATION
    assert values.min() >= 0


def test_views_count_by_their_share_of_the_circle():
    """Two of three views in one half of the circle do not make that half brighter."""
    dense = circular(60)
    uneven = np.array([angles for n, angles in enumerate(dense) if angles[0] < 0 or n % 2])
    values = filtered_backprojection(xrays(uneven), GRID)
    distance = np.linalg.norm(GRID.points() - CENTER, axis=-1)
    assert values[distance < RADIUS - 5].mean() == pytest.approx(ATTENUATION, rel=0.03)


def test_a_rigid_motion_of_everything_changes_nothing():
    from scipy.spatial.transform import Rotation

    T = np.eye(4)
    T[:3, :3] = Rotation.from_rotvec([0.5, -1.2, 2.0]).as_matrix()
    T[:3, 3] = 30, -200, 7
    still = xrays(circular(24))
    moved = [replace(x, view=replace(x.view, world_from_camera=T @ x.view.world_from_camera)) for x in still]
    origin = (T @ [*GRID.origin, 1])[:3]
    grid = Grid(GRID.shape, GRID.spacing, origin, T[:3, :3] @ GRID.direction)
    assert filtered_backprojection(moved, grid) == pytest.approx(filtered_backprojection(still, GRID), abs=1e-6)


def test_the_circle_is_found():
    center, radius = check_circle([x.view for x in xrays(circular(7))])
    assert center == pytest.approx(CENTER)
    assert radius == pytest.approx(ARM.source_isocentre)


@pytest.mark.parametrize(
    ("gantry_angles", "found"),
    [
        (circular(3), "3 views"),
        (arc(20, 200, 0), "gap of 1[67]"),
        (circular(20) + np.column_stack([np.zeros(20), 20 * np.sin(np.arange(20))]), "out of one plane"),
    ],
)
def test_views_on_no_circle_are_refused(gantry_angles, found):
    with pytest.raises(ReconstructionError, match=rf"{found}.*initialization\s+'algebraic'"):
        check_circle([x.view for x in xrays(gantry_angles)])


def test_sources_off_the_circle_are_refused():
    views = [x.view for x in xrays(circular(12))]
    pose = views[3].world_from_camera.copy()
    pose[:3, 3] += 100 * pose[:3, 2]
    views[3] = replace(views[3], world_from_camera=pose)
    with pytest.raises(ReconstructionError, match="from a circle"):
        check_circle(views)


def test_a_reconstruction_starts_from_it():
    """The start shows the ball, with the density that the optimisation would otherwise have to find."""
    few = {"schedule.steps": 0, "schedule.coarse_steps": 0, "schedule.refit_steps": 0, "cloud.gaussians": 3000}
    settings = {**few, "cloud.background_gaussians": 0, "cloud.initialization": "fdk"}
    case = Case(tuple(xrays(circular(40))), GRID)
    values = reconstruct(case, "preview", settings=settings, device="cpu").volume.values
    distance = np.linalg.norm(GRID.points() - CENTER, axis=-1)
    assert values[distance < RADIUS - 6].mean() == pytest.approx(ATTENUATION, rel=0.15)
    with pytest.raises(ReconstructionError, match="FDK"):
        reconstruct(Case(tuple(xrays(arc(12))), GRID), "preview", settings=settings, device="cpu")
