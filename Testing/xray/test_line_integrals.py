import warnings

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from IXGSLib.errors import FormatError, IXGSNotice, IXGSWarning
from IXGSLib.xray import line_integrals, read_pixels
from IXGSLib.xray.collimation import collimated
from IXGSLib.xray.pixels import Pixels

I0 = 40000.0
LIMITS = (0.0, 65535.0)


def patient(size=200, thickest=6.0):
    """(size, size) line integrals of a long cylinder with a denser one in it, open field on either side."""
    x = np.linspace(-1.4, 1.4, size)
    chord = np.sqrt(np.maximum(0, 1 - x**2)) + 0.4 * np.sqrt(np.maximum(0, 0.09 - x**2))
    return np.tile(thickest * chord / chord.max(), (size, 1))


def shot(integrals, seed=0, i0=I0):
    """Counts of an X-ray with Poisson noise."""
    return np.random.default_rng(seed).poisson(i0 * np.exp(-integrals)).astype(np.float32)


def quietly(*args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IXGSWarning)
        return line_integrals(*args, **kwargs)


def disc(size, radius):
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return np.hypot(x, y) <= radius * size


def test_the_log_step_inverts_exponential_attenuation():
    truth = patient()
    image, mask = line_integrals(Pixels(I0 * np.exp(-truth), LIMITS), "intensity", I0)
    assert mask.all()
    assert image.dtype == np.float32
    assert np.abs(image - truth).max() < 1e-5


def test_open_field_is_kept_and_may_turn_negative():
    image, mask = line_integrals(Pixels(shot(patient()), LIMITS), "intensity", I0)
    field = patient() == 0
    assert mask[field].all()
    assert image[field].min() < 0
    assert abs(image[field].mean()) < 1e-3


@pytest.mark.parametrize("seed", range(3))
def test_i0_is_estimated_from_the_open_field_and_stated(seed):
    with pytest.warns(IXGSWarning, match="I0 estimated from the brightest region as") as caught:
        image, _ = line_integrals(Pixels(shot(patient(), seed), LIMITS), "intensity", name="view 'ap'")
    stated = float(str(caught[0].message).split(" as ")[1].split(";")[0])
    assert stated == pytest.approx(I0, rel=0.005)
    assert abs(image[patient() == 0].mean()) < 0.005


def test_hot_pixels_do_not_move_the_estimate():
    counts = shot(patient())
    counts[::40, ::40] = 65000
    image, _ = quietly(Pixels(counts, LIMITS), "intensity")
    assert abs(np.median(image[patient() == 0])) < 0.005


@pytest.mark.parametrize("top", [4095.0, 65535.0])
def test_clipped_pixels_are_masked_and_counted(top):
    counts = np.minimum(shot(patient(), i0=1.1 * top), top)
    with pytest.warns(IXGSNotice, match="% of the pixels are saturated and are masked"):
        image, mask = line_integrals(Pixels(counts, LIMITS), "intensity", 1.1 * top)
    assert np.array_equal(mask, counts < top)
    assert (image[~mask] == 0).all()


def test_a_bright_plateau_below_the_maximum_is_no_saturation():
    counts = np.rint(30000 * np.exp(-patient()))
    _, mask = line_integrals(Pixels(counts, LIMITS), "intensity", 30000.0)
    assert mask.all()


def test_starved_pixels_are_masked():
    counts = shot(patient())
    counts[90:110, 95:105] = 0
    with pytest.warns(IXGSWarning, match="starved"):
        _, mask = line_integrals(Pixels(counts, LIMITS), "intensity", I0)
    assert np.array_equal(mask, counts > 0)


@pytest.mark.parametrize("values", ["intensity", "line_integral"])
def test_nan_is_masked_up_to_one_percent_and_refused_beyond(values):
    numbers = np.exp(-patient())
    numbers[0, :200] = np.nan
    numbers[1, :200] = np.inf
    i0 = 10.0 if values == "intensity" else None
    with pytest.warns(IXGSWarning, match="1 % of the pixels are NaN or infinite"):
        image, mask = line_integrals(Pixels(numbers), values, i0)
    assert np.isfinite(image).all()
    assert not mask[:2].any()
    assert mask[2:].all()
    numbers[2, 0] = np.nan
    with pytest.raises(FormatError, match=r"view x: .* NaN or infinite"):
        line_integrals(Pixels(numbers), values, i0, name="view x")
    known = np.isfinite(numbers)
    assert np.array_equal(line_integrals(Pixels(numbers), values, i0, known)[1], known)


@pytest.mark.parametrize("value", [0.0, 700.0, 65535.0])
def test_a_constant_image_measures_nothing(value):
    with pytest.raises(FormatError, match=f"every pixel is {value:g}"):
        quietly(Pixels(np.full((32, 32), value), LIMITS), "intensity", 1000.0)


def test_an_empty_view_is_a_line_integral_image_but_another_constant_is_not():
    with pytest.warns(IXGSWarning, match="shows nothing"):
        image, mask = line_integrals(Pixels(np.zeros((32, 32))), "line_integral")
    assert mask.all()
    assert not image.any()
    with pytest.raises(FormatError, match="every pixel is 3"):
        line_integrals(Pixels(np.full((32, 32), 3.0)), "line_integral")


@pytest.mark.parametrize("i0", [0.0, -5.0, float("nan"), True])
def test_an_impossible_i0_is_refused(i0):
    with pytest.raises(FormatError, match="expected a positive intensity"):
        quietly(Pixels(shot(patient()), LIMITS), "intensity", i0)


def test_an_i0_below_the_open_field_is_warned_of():
    with pytest.warns(IXGSWarning, match="check i0"):
        line_integrals(Pixels(shot(patient()), LIMITS), "intensity", I0 / 2)


def test_intensity_stated_as_line_integrals_is_warned_of():
    with pytest.warns(IXGSWarning, match="expected about 0 to 10"):
        line_integrals(Pixels(shot(patient()), LIMITS), "line_integral")


def test_masks_must_fit_and_leave_something():
    pixels = Pixels(patient())
    with pytest.raises(FormatError, match="a mask of 200 x 199 pixels on an image of 200 x 200"):
        line_integrals(pixels, "line_integral", mask=np.ones((199, 200), bool))
    with pytest.raises(FormatError, match="covers every pixel"):
        line_integrals(pixels, "line_integral", mask=np.zeros((200, 200), bool))


SIZE = 300
FIELDS = {
    "round": disc(SIZE, 0.48),
    "one blade": np.arange(SIZE)[None, :] + 0 * np.arange(SIZE)[:, None] > 40,
    "four blades": np.pad(np.ones((SIZE - 60, SIZE - 90), bool), ((20, 40), (60, 30))),
    "slanted": np.add.outer(0.3 * np.arange(SIZE), np.arange(SIZE)) > 80,
}


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
@pytest.mark.parametrize("leak", [0.0, 3e-3])
def test_collimators_are_found_whatever_their_shape(field, leak):
    truth = patient(SIZE, 5.0)
    counts = shot(np.where(field, truth, 50)) + shot(np.full_like(truth, 8.0 if leak == 0 else -np.log(leak)), 1)
    covered = collimated(counts)
    assert covered[~field].mean() > 0.995
    assert (covered & field).mean() < 0.03


@pytest.mark.parametrize("thickest", [3.0, 6.0, 9.0])
def test_a_dense_patient_at_the_border_is_not_masked_for_a_collimator(thickest):
    assert not collimated(shot(patient(SIZE, thickest))).any()
    half = np.cumsum(np.full((SIZE, SIZE), thickest / SIZE), axis=0)
    assert not collimated(shot(half)).any()
    corner = np.hypot(*np.mgrid[:SIZE, :SIZE]) / SIZE
    shoulder = thickest * np.sqrt(np.clip(corner - 0.4, 0, None))
    assert not collimated(shot(shoulder)).any()


def test_metal_that_enters_from_the_border_is_not_masked_for_a_collimator():
    rod = patient(SIZE, 3.0)
    rod[140:150, :120] = 9
    spot = patient(SIZE, 3.0)
    spot[:8, 140:152] = 9
    noise = np.random.default_rng(5).uniform(0.1, 5, (30, 40))
    for integrals in (rod, spot, noise):
        assert not collimated(shot(integrals)).any()


def test_the_round_field_of_a_real_image_intensifier_is_found(data):
    frames = sorted((data / "xray_biplane_wrist_knee" / "frames").glob("xr_rad*0002.tif"))
    for frame in frames:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", IXGSWarning)
            pixels = read_pixels(frame)
        covered = collimated(pixels.values)
        center = disc(1760, 0.45)
        assert not (covered & center).any()
        assert covered[~disc(1760, 0.53)].mean() > 0.99


def lit(field, truth, penumbra=1.0):
    """Counts behind a collimator whose shadow is full of scatter, 0.4 of what is in the field beside it."""
    opened = gaussian_filter(field.astype(float), penumbra)
    scatter = 0.4 * gaussian_filter(field * np.exp(-truth), 30)
    return np.random.default_rng(4).poisson(I0 * (opened * np.exp(-truth) + scatter)).astype(np.float32)


@pytest.mark.parametrize("field", [*FIELDS.values(), disc(SIZE, 0.38)], ids=[*FIELDS, "small and round"])
def test_collimators_are_found_where_scatter_fills_their_shadow(field):
    counts = lit(field, patient(SIZE, 4.0))
    covered = collimated(counts)
    assert covered[~field].mean() > 0.85
    assert (covered & field).mean() < 0.08


@pytest.mark.parametrize("thickest", [2.0, 5.0])
def test_scatter_behind_an_open_field_is_no_collimator(thickest):
    for truth in (patient(SIZE, thickest), patient(SIZE, thickest).T):
        assert not collimated(lit(np.ones_like(truth, bool), truth)).any()


def test_pixels_outside_the_tagged_field_are_masked():
    truth = patient()
    field = disc(200, 0.45)
    with pytest.warns(IXGSWarning, match="outside the tagged field"):
        image, mask = line_integrals(Pixels(truth, field=field), "line_integral")
    assert np.array_equal(mask, field)
    assert not image[~field].any()


def test_a_tagged_field_must_fit_and_leave_something():
    with pytest.raises(FormatError, match="field of view of shape"):
        Pixels(patient(), field=np.ones((3, 3), bool))
    with pytest.raises(FormatError, match="outside all measured pixels"):
        line_integrals(Pixels(patient(), field=np.zeros((200, 200), bool)), "line_integral")
