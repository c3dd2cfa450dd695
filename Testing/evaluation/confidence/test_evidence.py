"""What X-rays tell of each voxel."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from IXGSLib.evaluation.confidence import evidence
from IXGSLib.evaluation.confidence.evidence import (
    MAX_LATTICE_SIDE,
    Evidence,
    enlarged,
    gathered,
    lattice_of,
)
from IXGSLib.geometry import Grid
from IXGSLib.geometry.rigid import apply, rigid
from IXGSLib.rendering.joseph import project_volume
from IXGSLib.volume import Volume
from IXGSLib.xray import XRay
from Testing.evaluation.confidence.conftest import ARM, GRID

FIELDS = tuple(Evidence.__dataclass_fields__)


def test_evidence_has_the_shape_of_the_volume_and_perfect_renders_leave_no_residual(ball, case, renders):
    found = gathered(ball, case.xrays, renders)
    for name in FIELDS:
        assert getattr(found, name).shape == GRID.shape
        assert np.isfinite(getattr(found, name)).all()
    assert not found.fine.any()
    assert not found.coarse.any()
    assert found.seen.max() == len(case.xrays)


def test_two_views_at_right_angles_measure_every_direction_once_one_view_measures_no_depth(ball):
    views = [ARM.view(angle, 0.0, GRID.center, f"{angle}") for angle in (0.0, 90.0)]
    xrays = [XRay(view, project_volume(ball.values, GRID, view), np.ones((60, 60), bool)) for view in views]
    middle = tuple(n // 2 for n in GRID.shape)
    both = gathered(ball, xrays, [xray.image for xray in xrays]).coverage
    assert both[middle] == pytest.approx(1, abs=0.01)
    one = gathered(ball, xrays[:1], [xrays[0].image]).coverage
    assert one.max() < 1e-3


def test_a_further_view_never_lowers_coverage(ball, case, renders):
    coverage = [gathered(ball, case.xrays[:count], renders[:count]).coverage for count in (1, 2, 4, 8, 12)]
    for fewer, more in pairwise(coverage):
        assert (more >= fewer - 1e-4).all()
    assert coverage[-1].mean() > 2 * coverage[2].mean()


def test_masked_pixels_see_nothing(ball, case, renders):
    left = np.zeros((60, 60), bool)
    left[:, :24] = True
    found = gathered(ball, [replace(xray, mask=left) for xray in case.xrays], renders)
    assert (found.seen == 0).any()
    assert not found.coverage[found.seen == 0].any()


def test_a_residual_is_found_where_it_is_and_in_its_band(ball, case, renders):
    rows, columns = np.mgrid[:60, :60]
    blob = np.exp(-((rows - 29.5) ** 2 + (columns - 29.5) ** 2) / (2 * 12.0**2))
    checked = np.where((rows + columns) // 2 % 2, 0.2, -0.2) * (abs(rows - 30) < 6) * (abs(columns - 30) < 6)
    wide = gathered(ball, case.xrays, [image + 0.2 * blob for image in renders])
    fine = gathered(ball, case.xrays, [image + checked for image in renders])
    middle, corner = tuple(n // 2 for n in GRID.shape), (0, 0, 0)
    assert wide.coarse[middle] > 4 * wide.fine[middle]
    assert fine.fine[middle] > 4 * fine.coarse[middle]
    assert fine.fine[middle] > 4 * fine.fine[corner]


def test_a_rigid_motion_of_everything_changes_nothing(ball, case, renders):
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    motion = rigid(turn * np.sign(np.linalg.det(turn)), (300.0, -40.0, 7.0))
    grid = Grid(GRID.shape, GRID.spacing, apply(motion, GRID.origin), motion[:3, :3] @ GRID.direction)
    xrays = [
        replace(xray, view=replace(xray.view, world_from_camera=motion @ xray.view.world_from_camera))
        for xray in case.xrays
    ]
    noisy = [image + np.random.default_rng(n).normal(0, 0.1, image.shape) for n, image in enumerate(renders)]
    here, there = gathered(ball, case.xrays, noisy), gathered(Volume(ball.values, grid), xrays, noisy)
    for name in FIELDS:
        # Rounding may move a point to the next pixel, which counts for few of them.
        differing = np.abs(getattr(here, name) - getattr(there, name)) > 1e-3 * np.ptp(getattr(here, name)) + 1e-6
        assert differing.mean() < 0.02, name


def test_slopes_are_per_millimetre_on_voxels_that_are_no_cubes(case, renders):
    grid = Grid((8, 10, 12), (1.0, 2.0, 4.0), GRID.center - (6.0, 10.0, 16.0), np.eye(3))
    x, y, z = np.moveaxis(grid.points() - grid.origin, -1, 0)
    found = gathered(Volume(0.001 * (x + 2 * y + 3 * z), grid), case.xrays, renders)
    assert found.slope == pytest.approx(0.001 * np.sqrt(14), rel=1e-3)


def test_slabs_are_the_whole(ball, case, renders, monkeypatch):
    noisy = [image + np.random.default_rng(n).normal(0, 0.1, image.shape) for n, image in enumerate(renders)]
    whole = gathered(ball, case.xrays, noisy)
    monkeypatch.setattr(evidence, "SLAB_VOXELS", 3 * GRID.shape[1] * GRID.shape[2])
    slabs = list(evidence.gathered_slabs(ball, case.xrays, noisy))
    assert [part.stop - part.start for part, _ in slabs] == [3] * (GRID.shape[0] // 3) + [GRID.shape[0] % 3]
    for part, slab in slabs:
        for name in FIELDS:
            assert getattr(slab, name) == pytest.approx(getattr(whole, name)[part], abs=1e-6), name


def test_the_lattice_fills_the_box_with_few_points():
    grid = Grid.centered((1.0, 2.0, 3.0), (160.0, 200.0, 90.0), 1.0)
    lattice = lattice_of(grid)
    assert max(lattice.shape) == MAX_LATTICE_SIDE
    assert np.abs(lattice.corners() - grid.corners()).max() < 1e-9
    assert lattice_of(Grid.centered((0.0, 0.0, 0.0), (6.0, 6.0, 2.0), 2.0)).shape == (1, 3, 3)


def test_values_are_interpolated_linearly_within_their_centres_and_kept_beyond():
    coarse, fine = Grid.centered((0, 0, 0), (8, 8, 8), 4.0), Grid.centered((0, 0, 0), (8, 8, 8), 1.0)
    x = coarse.points()[..., 0]
    assert enlarged(x, coarse, fine) == pytest.approx(np.clip(fine.points()[..., 0], -2, 2), abs=1e-6)
    assert enlarged(x, coarse, coarse) == pytest.approx(x)
