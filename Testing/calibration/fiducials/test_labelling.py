"""Labels: right for every pose, never by chance, and refused where two are possible."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from IXGSLib.calibration.fiducials import Phantom, load_phantom
from IXGSLib.calibration.fiducials.adjustment import Scene, _Problem, adjusted, joined
from IXGSLib.calibration.fiducials.camera import Intrinsics, Pose, project, shadow_centres
from IXGSLib.calibration.fiducials.hypotheses import Shadows, cross_ratio
from IXGSLib.calibration.fiducials.labelling import label
from IXGSLib.calibration.fiducials.three_points import three_point_poses

LENS = Intrinsics(3400.0, (511.5, 511.5), (1024, 1024), centre_sd=20.0)


def random_pose(rng, phantom, tilt=70.0, depth=(550, 800)):
    turn = Rotation.from_euler("zxy", [rng.uniform(-180, 180), *rng.uniform(-tilt, tilt, 2)], degrees=True)
    R = turn.as_matrix()
    middle = np.array([*rng.uniform(-15, 15, 2), rng.uniform(*depth)])
    return Pose(R, middle - R @ phantom.positions.mean(axis=0))


def seen(rng, phantom, pose, lens=LENS, noise=0.2, missing=0.1, clutter=0):
    """Shadows in a random order, and the true label of each, -1 for clutter."""
    pixels, _ = project(lens, pose, phantom.positions, phantom.radii)
    inside = ((pixels > 0) & (pixels < 1023)).all(axis=1) & (rng.random(len(pixels)) > missing)
    labels = np.concatenate([np.flatnonzero(inside), np.full(clutter, -1)])
    places = np.concatenate([pixels[inside], rng.uniform(0, 1023, (clutter, 2))])
    places += noise * rng.standard_normal(places.shape)
    order = rng.permutation(len(labels))
    count = len(labels)
    return Shadows(places[order], np.full(count, 8.0), np.full(count, 0.8)), labels[order]


@pytest.mark.parametrize(("name", "clutter"), [("plate", 0), ("plate", 15), ("helix", 4), ("lines", 4)])
def test_labels_are_right_in_random_poses_with_clutter_and_missing_fiducials(name, clutter):
    phantom, rng = load_phantom(name), np.random.default_rng(3)
    accepted = 0
    for _ in range(6):
        pose = random_pose(rng, phantom)
        shadows, true = seen(rng, phantom, pose, clutter=clutter)
        found = label(phantom, shadows, LENS).labelling
        if found is not None:
            accepted += 1
            np.testing.assert_array_equal(true[found.shadows], found.fiducials)
    assert accepted >= 5


def test_an_unknown_focal_length_is_found_with_the_labels():
    phantom, rng = load_phantom("plate"), np.random.default_rng(1)
    guess = Intrinsics(LENS.focal * 1.14, LENS.centre, LENS.size, focal_sd=0.15, centre_sd=20.0)
    for _ in range(3):
        shadows, true = seen(rng, phantom, random_pose(rng, phantom), clutter=3)
        found = label(phantom, shadows, guess).labelling
        assert found is not None
        np.testing.assert_array_equal(true[found.shadows], found.fiducials)


def test_shadows_in_random_places_get_no_labels():
    phantom, rng = load_phantom("plate"), np.random.default_rng(5)
    for count in (6, 16, 40):
        places = rng.uniform(0, 1023, (count, 2))
        verdict = label(phantom, Shadows(places, np.full(count, 8.0), np.full(count, 0.8)), LENS)
        assert verdict.labelling is None
        assert verdict.reason


def test_fewer_than_six_fiducials_get_no_labels():
    phantom, rng = load_phantom("plate"), np.random.default_rng(0)
    shadows, _ = seen(rng, phantom, random_pose(rng, phantom), missing=0)
    few = Shadows(shadows.pixels[:5], shadows.radii[:5], shadows.certainty[:5])
    assert label(phantom, few, LENS).reason == "5 round shadows, expected at least 6 fiducials"


def test_a_phantom_that_almost_repeats_itself_gets_no_labels():
    """Eight even steps of a helix: a screw motion by one step leaves one fiducial without a partner."""
    angle = np.deg2rad(40) * np.arange(9)
    steps = np.stack([40 * np.cos(angle), 40 * np.sin(angle), 9.0 * np.arange(9)], axis=1)
    phantom = Phantom(np.concatenate([steps, [(0.0, 0, 0)]]))
    rng = np.random.default_rng(2)
    shadows, _ = seen(rng, phantom, random_pose(rng, phantom, tilt=30), missing=0)
    hidden = Shadows(*(value[:9] for value in (shadows.pixels, shadows.radii, shadows.certainty)))
    for some in (shadows, hidden):
        verdict = label(phantom, some, LENS)
        if verdict.labelling is None:
            assert "two poses" in verdict.reason or "no pose" in verdict.reason
    assert label(phantom, hidden, LENS).labelling is None or len(label(phantom, hidden, LENS).labelling) >= 8


def test_sizes_decide_where_positions_cannot():
    positions = np.array([(x, y, 0.0) for x in (0, 30, 60) for y in (0, 30, 60)])
    diameters = np.full(9, 3.0)
    diameters[[0, 1]] = 5
    phantom, rng = Phantom(positions, diameters=diameters), np.random.default_rng(4)
    pose = random_pose(rng, phantom, tilt=40)
    shadows, true = seen(rng, phantom, pose, missing=0)
    sized = Shadows(shadows.pixels, 3400 * phantom.radii[true] / 650, shadows.certainty)
    found = label(phantom, sized, LENS).labelling
    assert found is not None
    np.testing.assert_array_equal(true[found.shadows], found.fiducials)
    alike = label(phantom, Shadows(shadows.pixels, np.full(9, 8.0), shadows.certainty), LENS)
    assert alike.labelling is None
    assert "two poses explain the shadows about equally well" in alike.reason


def test_one_of_the_poses_of_three_points_is_the_true_one():
    rng = np.random.default_rng(0)
    R = Rotation.random(200, random_state=0).as_matrix()
    t = rng.normal(0, 40, (200, 3)) + (0, 0, 700)
    points = rng.uniform(-60, 60, (200, 3, 3))
    cameras = np.einsum("nij,nkj->nki", R, points) + t[:, None]
    rotations, translations, triple = three_point_poses(
        points, cameras / np.linalg.norm(cameras, axis=2, keepdims=True)
    )
    off = np.linalg.norm(translations - t[triple], axis=1) + 100 * np.abs(rotations - R[triple]).max(axis=(1, 2))
    best = np.full(200, np.inf)
    np.minimum.at(best, triple, off)
    assert np.mean(best < 1e-2) > 0.98
    np.testing.assert_allclose(np.linalg.det(rotations), 1)
    moved = np.einsum("nij,nkj->nki", rotations, points[triple]) + translations[:, None]
    depth_free = moved / np.linalg.norm(moved, axis=2, keepdims=True)
    rays = (cameras / np.linalg.norm(cameras, axis=2, keepdims=True))[triple]
    assert np.median(np.abs(depth_free - rays)) < 1e-9


def test_cross_ratios_survive_projection_and_reversal():
    rng = np.random.default_rng(0)
    start, end = rng.uniform(-50, 50, (2, 3))
    points = start + np.array([0, 0.25, 0.55, 1])[:, None] * (end - start)
    pose = random_pose(rng, load_phantom("plate"))
    pixels, _ = project(LENS, pose, points, np.zeros(4))
    assert cross_ratio(pixels) == pytest.approx(cross_ratio(points))
    assert cross_ratio(pixels[::-1]) == pytest.approx(cross_ratio(points))


def test_the_centre_of_a_shadow_is_that_of_the_ellipse_that_a_cone_of_rays_draws():
    lens, place, radius = Intrinsics(1000.0, (0.0, 0.0), (512, 512)), np.array([120.0, -60.0, 300.0]), 40.0
    axis = place / np.linalg.norm(place)
    aside = np.linalg.svd(axis[None])[2][1:]
    half = np.arcsin(radius / np.linalg.norm(place))
    turn = np.linspace(0, 2 * np.pi, 361)[:-1]
    rays = np.cos(half) * axis + np.sin(half) * (np.outer(np.cos(turn), aside[0]) + np.outer(np.sin(turn), aside[1]))
    outline = 1000 * rays[:, :2] / rays[:, 2:]
    middle = (outline.min(axis=0) + outline.max(axis=0)) / 2
    np.testing.assert_allclose(shadow_centres(lens, place, np.array(radius)), middle, atol=0.02)
    assert np.linalg.norm(shadow_centres(lens, place, np.array(0.0)) - middle) > 5


def test_slopes_are_those_of_the_residuals():
    phantom, rng = load_phantom("plate"), np.random.default_rng(0)
    poses = tuple(random_pose(rng, phantom) for _ in range(3))
    numbers = np.arange(len(phantom))
    views = [(numbers, project(LENS, pose, phantom.positions, phantom.radii)[0] + 1) for pose in poses]
    problem = _Problem(Scene(LENS, poses, phantom.positions, phantom.radii, 0.05), joined(views))
    vector = 1e-3 * rng.standard_normal(problem.length)
    slopes = problem.jacobian(vector)
    for n in rng.choice(problem.length, 12, replace=False):
        step = np.zeros(problem.length)
        step[n] = 1e-5
        change = (problem.residuals(vector + step) - problem.residuals(vector - step)) / 2e-5
        np.testing.assert_allclose(slopes[:, n], change, rtol=1e-4, atol=1e-3)


def test_an_adjustment_finds_intrinsics_and_poses_that_it_was_started_away_from():
    phantom, rng = load_phantom("plate"), np.random.default_rng(0)
    poses = tuple(random_pose(rng, phantom, tilt=50) for _ in range(6))
    numbers = np.arange(len(phantom))
    views = [(numbers, project(LENS, pose, phantom.positions, phantom.radii)[0]) for pose in poses]
    off = Intrinsics(LENS.focal * 1.02, (505.0, 517.0), LENS.size, focal_sd=0.05, centre_sd=30.0)
    start = tuple(
        Pose(Rotation.from_rotvec(rng.normal(0, 0.02, 3)).as_matrix() @ p.rotation, p.translation) for p in poses
    )
    found = adjusted(Scene(off, start, phantom.positions, phantom.radii), joined(views)).scene
    assert found.intrinsics.focal == pytest.approx(LENS.focal, rel=2e-3)
    assert np.abs(found.residuals(joined(views))).max() < 0.02
