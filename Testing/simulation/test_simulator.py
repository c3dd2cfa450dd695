"""Simulated cases: truth and radiographs of the same object."""

import numpy as np
import pytest
import SimpleITK as sitk

from IXGSLib.errors import FormatError, GeometryError, IXGSWarning, SettingsError
from IXGSLib.geometry import Grid
from IXGSLib.geometry.trajectory import CArm
from IXGSLib.rendering.joseph import project_volume
from IXGSLib.simulation import SimulationSettings, region, simulate
from IXGSLib.simulation.attenuation import all_tissue, bone_enhanced
from IXGSLib.volume import Volume
from Testing.simulation.phantom import CENTER, GRID, OUTSIDE, blob, ellipsoid, hounsfield, settings


def images(case):
    return np.array([xray.image for xray in case.xrays])


@pytest.fixture(scope="module")
def cropped():
    return simulate((hounsfield(), GRID), settings(crop=True))


@pytest.mark.parametrize("tissue", ["all", "bone"])
def test_the_truth_holds_the_mass_that_the_ct_has_in_the_region(tissue):
    values = -1000 + 1800 * blob(CENTER, 5.0)
    truth = simulate((values, GRID), settings(size=40, tissue=tissue, bone_softness=150.0)).truth
    expected = all_tissue(values) if tissue == "all" else bone_enhanced(values, 200, 150)
    mass = truth.values.sum(dtype=float) * truth.grid.voxel_volume
    assert mass == pytest.approx(expected.sum(dtype=float) * GRID.voxel_volume, rel=2e-3)


def test_the_truth_is_averaged_not_sampled():
    """Layers far thinner than the truth's voxels are averaged; the value at the centres is twice as large."""
    grid = Grid((64, 64, 64), np.ones(3), np.zeros(3), np.eye(3))
    values = np.full(grid.shape, -1000.0)
    values[::2] = 1000.0
    truth = simulate((values, grid), settings(center=(32.0, 32.0, 32.0), size=40, spacing=4, tissue="all")).truth
    np.testing.assert_allclose(truth.values, 0.0192, rtol=1e-3)


def test_tissue_is_weighted_before_it_is_averaged():
    """Bone that fills a quarter of the truth's voxels counts a quarter, though its mean HU is that of soft tissue."""
    grid = Grid((64, 64, 64), np.ones(3), np.zeros(3), np.eye(3))
    values = np.full(grid.shape, -1000.0)
    values[:, :, ::4] = 1500.0
    truth = simulate((values, grid), settings(size=32, spacing=8)).truth
    assert truth.values.mean() == pytest.approx(0.0192 * 2.5 / 4, rel=0.03)


def test_radiographs_of_the_region_show_the_truth(cropped):
    for xray in (*cropped.training.xrays, *cropped.test.xrays):
        render = project_volume(cropped.truth.values, cropped.truth.grid, xray.view)
        assert xray.image.max() > 0.3
        assert np.abs(render - xray.image).mean() < 0.01 * xray.image.max()
        assert render.sum() == pytest.approx(xray.image.sum(), rel=0.01)


def test_bone_outside_the_region_projects_only_when_all_of_the_ct_does():
    inside, values = ellipsoid(np.add(CENTER, (3, -2, 1)), (6, 8, 10)), np.full(GRID.shape, -1000.0)
    values[inside] = 900
    alone, crop, whole = (
        images(simulate((scene, GRID), settings(crop=crop)).training)
        for scene, crop in ((values, False), (hounsfield(), True), (hounsfield(), False))
    )
    assert np.abs(crop - alone).mean() < 0.003
    above = values.copy()
    above[ellipsoid(OUTSIDE, (5, 5, 4))] = 900
    both = images(simulate((above, GRID), settings()).training)
    np.testing.assert_allclose(whole, both, atol=0.03)  # the bone step leaves next to nothing of water
    assert (both - alone).max() > 0.1


def test_enhancing_bone_removes_water_from_radiographs():
    bone, everything = (simulate((hounsfield(), GRID), settings(tissue=tissue)) for tissue in ("bone", "all"))
    water = ellipsoid(CENTER, (28, 28, 34)) & ~(hounsfield() > 0)
    of_water = np.array([project_volume(0.0192 * water, GRID, view) for view in bone.training.views])
    np.testing.assert_allclose(images(everything.training) - images(bone.training), of_water, atol=0.01)
    assert of_water.max() > 0.5


def test_one_seed_gives_one_case_and_another_seed_other_noise():
    first, again, other = (
        simulate((hounsfield(), GRID), settings(photons=5000, seed=seed, crop=True)) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(images(first.training), images(again.training))
    difference = images(first.training) - images(other.training)
    assert np.count_nonzero(difference) > 0.95 * difference.size


def test_only_training_views_have_noise(cropped):
    noisy = simulate((hounsfield(), GRID), settings(photons=5000, crop=True))
    np.testing.assert_array_equal(images(noisy.test), images(cropped.test))
    noise = images(noisy.training) - images(cropped.training)
    expected = np.sqrt(np.exp(images(cropped.training)) / 5000)
    assert (noise / expected).std() == pytest.approx(1, rel=0.02)


@pytest.mark.parametrize("photons", [None, 0])
def test_without_photons_there_is_no_noise(cropped, photons):
    case = simulate((hounsfield(), GRID), settings(photons=photons, crop=True)).training
    np.testing.assert_array_equal(images(case), images(cropped.training))


def test_no_two_views_share_a_pose_or_an_image(cropped):
    views = [*cropped.training.views, *cropped.test.views]
    poses = {tuple(np.round(view.world_from_camera.ravel(), 9)) for view in views}
    pictures = {image.tobytes() for case in (cropped.training, cropped.test) for image in images(case)}
    assert len(poses) == len(pictures) == len(views) == 9


def test_a_bone_is_seen_where_its_view_projects_it():
    place = np.add(CENTER, (7.0, -5.0, 4.0))
    values = -1000 + 2500 * blob(place, 2.0)
    case = simulate((values, GRID), settings(tissue="all")).training
    for xray in case.xrays:
        rows, columns = np.indices(xray.image.shape)
        center = [(xray.image * n).sum() / xray.image.sum() for n in (columns, rows)]
        np.testing.assert_allclose(center, xray.view.project(place)[0], atol=0.1)


def test_the_region_is_around_the_ct_unless_stated(cropped):
    np.testing.assert_allclose(cropped.training.grid.center, GRID.center, atol=1e-9)
    np.testing.assert_allclose(cropped.training.grid.size, 32)
    moved = simulate((hounsfield(), GRID), settings(center=tuple(np.add(CENTER, (4, 5, 6))), size=16))
    np.testing.assert_allclose(moved.truth.grid.center - GRID.center, (4, 5, 6), atol=1e-9)
    np.testing.assert_allclose(moved.training.views[0].project(moved.truth.grid.center)[0], 23.5, atol=1e-6)


def test_a_ct_from_a_file_is_the_ct_from_memory(tmp_path, cropped):
    image = sitk.GetImageFromArray(hounsfield().astype(np.int16))
    image.SetSpacing(GRID.spacing.tolist())
    image.SetOrigin(GRID.origin.tolist())
    sitk.WriteImage(image, str(tmp_path / "ct.nii.gz"))
    case = simulate(tmp_path / "ct.nii.gz", settings(crop=True)).training
    np.testing.assert_allclose(images(case), images(cropped.training), atol=0.001)
    with pytest.raises(FormatError, match="no such file"):
        simulate(tmp_path / "ct2.nii.gz")


def test_a_region_beyond_the_ct_causes_a_warning():
    with pytest.warns(IXGSWarning, match="reaches beyond the CT"):
        simulate((hounsfield(), GRID), settings(size=80, spacing=4))


def test_a_region_beside_the_ct_is_refused():
    with pytest.warns(IXGSWarning, match="beyond"), pytest.raises(SettingsError, match=r"holds no attenuation.*move"):
        simulate((hounsfield(), GRID), settings(center=(300.0, 0.0, 0.0)))


def test_unsigned_values_cause_a_warning():
    with pytest.warns(IXGSWarning, match="smallest value is 24"):
        simulate((hounsfield() + 1024, GRID), settings())


def test_values_that_do_not_fit_their_grid_are_refused():
    with pytest.raises(GeometryError, match="shape"):
        simulate((hounsfield()[1:], GRID), settings())
    values = hounsfield()
    values[3, 4, 5] = np.nan
    with pytest.raises(GeometryError, match="NaN"):
        simulate((values, GRID), settings())


def test_working_in_slabs_changes_nothing(cropped, monkeypatch):
    monkeypatch.setattr(region, "MAX_SLAB_VOXELS", 50_000)
    assert len(list(region.slabs(Volume(hounsfield(), GRID), cropped.truth.grid))) == 6
    slabs = simulate((hounsfield(), GRID), settings(crop=True))
    np.testing.assert_array_equal(slabs.truth.values, cropped.truth.values)
    np.testing.assert_allclose(images(slabs.training), images(cropped.training), atol=2.5e-4)  # one step of storage


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size", 0),
        ("spacing", 0),
        ("spacing", 200),
        ("spacing", 0.1),
        ("views", 1),
        ("test_views", 0),
        ("span", -1),
        ("span", 0),
        ("span", 360),
        ("tilt", 90),
        ("bone_softness", 0),
        ("photons", -1),
        ("photons", float("nan")),
        ("seed", -1),
        ("trajectory", "spiral"),
        ("tissue", "soft"),
        ("center", (1.0, 2.0)),
        ("center", (1.0, 2.0, float("nan"))),
    ],
)
def test_settings_out_of_range_are_refused_by_name(name, value):
    with pytest.raises(SettingsError, match=rf"{name}.* is .*expected"):
        SimulationSettings(**{name: value})


def test_a_source_inside_the_region_is_refused():
    with pytest.raises(GeometryError, match="source"):
        simulate((hounsfield(), GRID), settings(arm=CArm(15, 1000)))
