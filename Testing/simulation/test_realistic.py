"""Realistic radiographs: the limits of their physics, one stage at a time."""

import json
from dataclasses import replace

import numpy as np
import pytest

from IXGSLib.errors import SettingsError
from IXGSLib.formats import load_case
from IXGSLib.geometry.trajectory import CArm
from IXGSLib.rendering.joseph import project_volume
from IXGSLib.simulation import ImagingSettings
from IXGSLib.simulation.attenuation import all_tissue, bone_enhanced
from IXGSLib.simulation.beam import mass_attenuation
from IXGSLib.simulation.blur import blurred, gaussian, lorentzian, veiling_glare
from IXGSLib.simulation.body import body, materials
from IXGSLib.simulation.display import quantized, windowed
from IXGSLib.simulation.drawing import draw_patient
from IXGSLib.simulation.realistic import Subject, radiograph
from IXGSLib.simulation.realistic_case import simulate_realistic, write_realistic
from IXGSLib.simulation.scatter import REFERENCE_LINE_INTEGRAL, scattered
from IXGSLib.simulation.solids import Box, ball, box_thickness, thickness
from Testing.simulation.phantom import CENTER, GRID, hounsfield, settings

ARM = CArm(detector_pixels=(96, 96), detector_size=160)
VIEW = ARM.view(30, 10, CENTER)
IDEAL = ImagingSettings(
    kvp=None,
    quanta=None,
    focal_spot=0,
    mtf50=100,
    scatter=0,
    glare=0,
    field="open",
    table=0,
    saturation=1e9,
    edge_amount=0,
    bits=16,
)


@pytest.fixture(scope="module")
def patient():
    return body(hounsfield(), GRID, 200, 30, spacing=0)


def take(patient, solids=(), exposure=0, **changes):
    return radiograph(Subject(patient, CENTER, solids), VIEW, replace(IDEAL, **changes), exposure)


def test_an_ideal_monochromatic_image_follows_the_beer_lambert_law(patient):
    expected = np.exp(-project_volume(all_tissue(hounsfield()), GRID, VIEW))
    assert expected.min() < 0.3
    np.testing.assert_allclose(take(patient).signal, expected, rtol=2e-3)


def test_the_target_is_the_line_integral_of_enhanced_bone_whatever_the_picture(patient):
    expected = project_volume(bone_enhanced(hounsfield()), GRID, VIEW)
    np.testing.assert_allclose(take(patient).target, expected, atol=1e-4)
    realistic = radiograph(
        Subject(patient, CENTER), VIEW, ImagingSettings(implants=("screws",), gamma=2, inverted=False)
    )
    np.testing.assert_array_equal(realistic.target, take(patient).target)


def test_projecting_four_volumes_at_once_equals_projecting_each():
    values = np.random.default_rng(0).uniform(-600, 4000, GRID.shape).astype(np.float32)
    full = body(values, GRID, 200, 30, spacing=0)
    for angles in ((30, 10), (0, 0), (90, -20), (45, 85)):
        view = ARM.view(*angles, CENTER)
        lines, target = full.line_integrals(view)
        for image, part in zip((*lines, target), (*materials(values), bone_enhanced(values)), strict=True):
            np.testing.assert_allclose(image, project_volume(part, GRID, view), rtol=1e-4, atol=1e-5)


def test_materials_add_up_to_the_attenuation_of_the_voxel():
    values = np.linspace(-1100, 4000, 2000)
    parts = materials(values)
    np.testing.assert_allclose(sum(parts), all_tissue(values), rtol=1e-5, atol=1e-8)
    assert min(part.min() for part in parts) >= 0
    water, bone, metal = parts
    assert bone[values < 100].max() == metal[values < 3000].max() == 0
    assert water[values > 1500].max() < 1e-6


def test_a_coarser_body_keeps_its_line_integrals(patient):
    coarse = body(hounsfield(), GRID, 200, 30, spacing=2.0)
    assert coarse.values.size < patient.values.size / 2
    for fine, rough in zip(patient.line_integrals(VIEW)[0][:2], coarse.line_integrals(VIEW)[0][:2], strict=True):
        assert np.abs(fine - rough).mean() < 0.05 * fine.max()


def test_a_drawn_patient_is_scaled_around_the_centre_and_has_other_densities(patient):
    changed = [draw_patient(np.random.default_rng(seed), patient) for seed in range(20)]
    for other in changed:
        size = other.grid.size / patient.grid.size
        assert np.all((size > 1 / 1.2) & (size < 1.2))
        np.testing.assert_allclose(other.grid.center, patient.grid.center)
        lines, target = other.line_integrals(VIEW)
        soft, bone = other.density
        plain, plain_target = replace(other, density=(1.0, 1.0)).line_integrals(VIEW)
        np.testing.assert_allclose(lines, plain * np.array([soft, bone, 1])[:, None, None], rtol=1e-6)
        np.testing.assert_allclose(target, plain_target * bone, rtol=1e-6)
    assert np.ptp([other.density[1] for other in changed]) > 0.2


@pytest.mark.parametrize("kvp", [None, 80.0])
def test_noise_has_the_variance_of_the_detected_quanta(patient, kvp):
    clean = take(patient, kvp=kvp)
    noisy = take(patient, kvp=kvp, quanta=1000.0, electronic_noise=0)
    assert noisy.signal.mean() == pytest.approx(clean.signal.mean(), rel=5e-3)
    behind = clean.patient
    relative = (noisy.signal - clean.signal)[behind] / np.sqrt(clean.signal[behind])
    pixel = 160 / 96
    level = clean.signal[24:72, 24:72][clean.patient[24:72, 24:72]].mean()
    expected = level / (1000 * pixel**2)
    if kvp is None:
        assert relative.var() == pytest.approx(expected, rel=0.1)
    else:  # an energy-integrating detector is a little noisier than counting (Swank)
        assert expected < relative.var() < 1.3 * expected


def test_four_times_the_quanta_halve_the_noise_which_the_detector_correlates(patient):
    clean = take(patient, mtf50=0.2).signal
    few, many = (take(patient, mtf50=0.2, quanta=q, electronic_noise=0).signal - clean for q in (500.0, 2000.0))
    assert few.std() / many.std() == pytest.approx(2, rel=0.1)
    neighbours = np.corrcoef(few[:, 1:].ravel(), few[:, :-1].ravel())[0, 1]
    white = take(patient, quanta=500.0, electronic_noise=0).signal - take(patient).signal
    assert neighbours > 0.3 > 0.1 > abs(np.corrcoef(white[:, 1:].ravel(), white[:, :-1].ravel())[0, 1])


def test_scatter_adds_low_frequencies_only(patient):
    added = take(patient, scatter=1.0).signal - take(patient).signal
    assert added.mean() > 0.02
    power = np.abs(np.fft.fft2((added - added.mean()) * np.outer(np.hanning(96), np.hanning(96)))) ** 2
    frequency = np.hypot(np.fft.fftfreq(96)[:, None], np.fft.fftfreq(96))
    assert power[frequency > 0.1].sum() < 1e-3 * power.sum()


def test_scatter_reaches_its_ratio_behind_20_cm_of_water_and_grows_with_thickness_and_field():
    chosen = replace(IDEAL, scatter=0.8, scatter_width=20.0)

    def ratio(thickness, side):
        primary = np.zeros((201, 201), np.float32)
        primary[100 - side : 101 + side, 100 - side : 101 + side] = np.exp(-thickness)
        lines = np.full(primary.shape, thickness, np.float32)
        return scattered(primary, lines, chosen, 2.0)[100, 100] / primary[100, 100]

    assert ratio(REFERENCE_LINE_INTEGRAL, 100) == pytest.approx(0.8, rel=0.01)
    assert ratio(REFERENCE_LINE_INTEGRAL / 2, 100) == pytest.approx(0.4, rel=0.01)
    assert (
        ratio(REFERENCE_LINE_INTEGRAL, 5)
        < ratio(REFERENCE_LINE_INTEGRAL, 15)
        < 0.95 * ratio(REFERENCE_LINE_INTEGRAL, 100)
    )


@pytest.mark.parametrize("transfer", [gaussian(3.0), lorentzian(0.2), veiling_glare(0.3, 4.0)])
def test_blur_conserves_the_signal_and_keeps_constant_images(transfer):
    np.testing.assert_allclose(blurred(np.full((40, 30), 2.0), 1.0, transfer, 10.0), 2.0, rtol=1e-5)
    point = np.zeros((101, 101))
    point[50, 50] = 1
    spread = blurred(point, 1.0, transfer, 50.0, "constant")
    assert spread.sum() == pytest.approx(1, rel=0.03)
    np.testing.assert_allclose(spread, spread[::-1, ::-1], atol=1e-6)


def test_the_focal_spot_blurs_only_what_is_magnified(patient):
    sharp, soft = take(patient, focal_spot=0).signal, take(patient, focal_spot=3).signal
    edges = [np.abs(np.diff(image, axis=1)).max() for image in (sharp, soft)]
    assert edges[1] < 0.95 * edges[0]
    near = radiograph(Subject(patient, VIEW.source + 1000 * VIEW.axis), VIEW, replace(IDEAL, focal_spot=3)).signal
    np.testing.assert_array_equal(near, sharp)


@pytest.mark.parametrize("field", ["square", "round"])
def test_outside_the_collimated_field_only_leakage_is_left(patient, field):
    picture = take(patient, field=field, field_size=0.6, leakage=0.001)
    area = {"square": 0.36, "round": 0.36 * np.pi / 4}[field]
    assert picture.field.mean() == pytest.approx(area, rel=0.1)
    assert picture.signal[:10, :10].max() < 0.0011
    assert picture.picture[~picture.field].max() == 0


def test_one_seed_gives_one_image_and_another_seed_another(patient):
    chosen = ImagingSettings(implants=("screws", "wires", "balls"), seed=4)
    first, again, other, next_one = (
        radiograph(Subject(patient, CENTER), VIEW, replace(chosen, seed=seed), exposure)
        for seed, exposure in ((4, 0), (4, 0), (5, 0), (4, 1))
    )
    np.testing.assert_array_equal(first.signal, again.signal)
    np.testing.assert_array_equal(first.picture, again.picture)
    for different in (other, next_one):
        assert np.count_nonzero(first.signal != different.signal) > 0.5 * first.signal.size


def test_display_is_undone_by_its_inverse(patient):
    picture = take(patient, logarithmic=True, inverted=False, gamma=2.0, window=(0.0, 100.0))
    low, high = np.percentile(np.log(picture.signal[picture.patient]), (0, 100))
    grey = (picture.picture / 65535) ** 0.5
    restored = np.exp(low + grey * (high - low))[picture.patient]
    np.testing.assert_allclose(restored, picture.signal[picture.patient], rtol=0.02)


def test_inversion_mirrors_the_grey_scale(patient):
    dark, bright = (take(patient, inverted=inverted, bits=12).picture.astype(int) for inverted in (False, True))
    np.testing.assert_allclose(dark + bright, 4095, atol=1)


def test_eight_bits_are_256_greys_and_the_window_is_linear():
    assert len(np.unique(quantized(np.linspace(-1, 2, 5000), 8))) == 256
    np.testing.assert_allclose(windowed(np.array([2.0, 3.0, 6.0]), 2, 4), [0, 0.5, 2])


def test_edge_enhancement_keeps_uniform_regions_and_overshoots_at_edges(patient):
    plain, sharp = (take(patient, edge_amount=amount).picture.astype(float) for amount in (0.0, 1.0))
    assert np.abs(np.diff(sharp, axis=1)).max() > 1.1 * np.abs(np.diff(plain, axis=1)).max()
    assert np.median(np.abs(sharp - plain)) < 0.02 * 65535


def test_a_given_ball_attenuates_by_its_chord_where_it_is_projected(patient):
    place = np.add(CENTER, (0.0, -60.0, 0.0))
    solid = ball(place, 3.0)
    added = take(patient, [solid], metal="steel").signal
    ratio = np.log(take(patient).signal / added)
    expected = mass_attenuation("steel") * 7.9 / 10 * thickness([solid], VIEW)
    open_air = expected > 0.2
    assert open_air.any()
    assert np.abs(ratio - expected)[open_air].max() < 0.03 * expected.max() + 0.0192 * 6
    row, column = np.unravel_index(ratio.argmax(), ratio.shape)
    np.testing.assert_allclose((column, row), VIEW.project(place)[0], atol=1.5)


def test_the_table_is_behind_the_patient_and_adds_its_thickness(patient):
    view = ARM.view(0, 0, CENTER)
    lines = [-np.log(radiograph(Subject(patient, CENTER), view, replace(IDEAL, table=t)).signal) for t in (0.0, 20.0)]
    np.testing.assert_allclose(lines[1] - lines[0], 0.0193 * 20, rtol=0.03)
    box = Box(np.array([0, patient.back + 15, CENTER[2]]), np.array([450.0, 20, 2200]))
    np.testing.assert_allclose(box_thickness(box, view)[48, 48], 20, rtol=1e-3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kvp", 40.0),
        ("kvp", 200.0),
        ("quanta", 0.0),
        ("scatter", -1.0),
        ("scatter", float("nan")),
        ("glare", 1.0),
        ("bits", 17),
        ("gamma", 0.0),
        ("field", "oval"),
        ("metal", "gold"),
        ("implants", ("plates",)),
        ("window", (60.0, 40.0)),
        ("seed", -1),
    ],
)
def test_imaging_settings_out_of_range_are_refused_by_name(name, value):
    with pytest.raises(SettingsError, match=rf"{name} (is|holds) .*expected"):
        ImagingSettings(**{name: value})


def test_a_realistic_case_reads_back_as_line_integrals_near_the_truth(tmp_path):
    imaging = replace(IDEAL, quanta=1e6, electronic_noise=0)
    folder = write_realistic(simulate_realistic((hounsfield(), GRID), settings(seed=3), imaging), tmp_path / "case")
    case, targets = load_case(folder), load_case(folder / "targets")
    assert json.loads((folder / "case.json").read_text())["values"] == "intensity"
    assert json.loads((folder / "imaging.json").read_text())["seed"] == 3
    assert (folder / "truth.nrrd").is_file()
    assert (folder / "test.json").is_file()
    for xray, target in zip(case.xrays, targets.xrays, strict=True):
        np.testing.assert_array_equal(xray.view.projection_matrix, target.view.projection_matrix)
        clean = project_volume(all_tissue(hounsfield()), GRID, xray.view)
        assert np.abs(xray.image - clean)[xray.mask].mean() < 0.01
        bone = project_volume(bone_enhanced(hounsfield()), GRID, xray.view)
        np.testing.assert_allclose(target.image, bone, atol=1e-3)


def test_a_collimated_case_carries_the_mask_of_its_field(tmp_path):
    imaging = replace(IDEAL, field="round", field_size=0.9, quanta=1e5, scatter=0.5)
    simulation = simulate_realistic((hounsfield(), GRID), settings(), imaging)
    case = load_case(write_realistic(simulation, tmp_path / "case"))
    for xray, picture in zip(case.xrays, simulation.radiographs, strict=True):
        measured = picture.field & (picture.signal > 0)
        assert not (xray.mask & ~measured).any()
        assert np.mean(xray.mask != measured) < 0.01  # the field found in the picture may cut pixels at the rim


@pytest.mark.parametrize("change", [{"tissue": "all"}, {"crop": True}])
def test_a_realistic_case_of_other_tissue_or_a_cropped_patient_is_refused(change):
    with pytest.raises(SettingsError, match="leave tissue and crop"):
        simulate_realistic((hounsfield(), GRID), settings(**change))
