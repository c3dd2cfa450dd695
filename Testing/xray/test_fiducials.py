"""Fiducials: detected in anatomy, no false detections, and inpainted."""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from IXGSLib.formats import load_case
from IXGSLib.standardization.inpainting import inpainted
from IXGSLib.xray.fiducials import Fiducial, fiducial_mask, find_fiducials, noise_level

SAMPLE = Path(__file__).resolve().parents[2] / "Resources" / "SampleCase"
PIXEL = 0.5
SIZE = 192
DIAMETERS = (2.0, 6.0)


def anatomy(seed):
    """Line integrals of smooth tissue, of round and long bones with blurred edges, of a wire, and noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE].astype(float)
    image = 3 + np.sin(x / 40 + seed) + np.cos(y / 30)
    for cy, cx, a, b, turn in rng.uniform((0, 0, 6, 12, 0), (SIZE, SIZE, 14, 40, 3.14), (12, 5)):
        u, v = (x - cx) * np.cos(turn) + (y - cy) * np.sin(turn), (y - cy) * np.cos(turn) - (x - cx) * np.sin(turn)
        image += ndimage.gaussian_filter(0.5 * np.sqrt(np.maximum(0, 1 - (u / a) ** 2 - (v / b) ** 2)), 1)
    image += 0.8 * (abs(x - 0.4 * y - 60) < 2)
    return image + 0.03 * rng.standard_normal(image.shape)


def with_fiducials(seed, count=6, radius=4.0, contrast=0.8, opaque=False):
    rng = np.random.default_rng([seed, 1])
    y, x = np.mgrid[:SIZE, :SIZE]
    places = []
    while len(places) < count:
        place = rng.uniform(15, SIZE - 15, 2)
        if all(np.hypot(*(place - other)) > 20 for other in places):
            places.append(place)
    image = anatomy(seed)
    for cx, cy in places:
        distance = np.hypot(x - cx, y - cy)
        dome = np.sqrt(np.maximum(0, 1 - (distance / radius) ** 2))
        disc = np.clip(radius - distance + 0.5, 0, 1)
        image += contrast * ndimage.gaussian_filter(disc if opaque else dome, 0.7)
    return image.astype(np.float32), np.array(places)


def find(images):
    return find_fiducials(images, [np.ones((SIZE, SIZE), bool)] * len(images), [PIXEL] * len(images), DIAMETERS)


@pytest.mark.parametrize("opaque", [False, True])
def test_fiducials_are_found_where_they_are_and_nothing_else_is(opaque):
    views = [with_fiducials(seed, opaque=opaque) for seed in range(4)]
    hits = wrong = 0
    for fiducials, (_, places) in zip(find([image for image, _ in views]), views, strict=True):
        for fiducial in fiducials:
            near = np.hypot(*(places - (fiducial.x, fiducial.y)).T).min() < 2
            hits, wrong = hits + near, wrong + (not near)
            assert fiducial.radius == pytest.approx(4, rel=0.3)
    assert hits >= 22
    assert wrong <= 1


@pytest.mark.parametrize("opaque", [False, True])
def test_centres_and_radii_are_found_between_the_pixels(opaque):
    views = [with_fiducials(seed, opaque=opaque) for seed in range(4)]
    errors, radii = [], []
    for fiducials, (_, places) in zip(find([image for image, _ in views]), views, strict=True):
        for fiducial in fiducials:
            distance = np.hypot(*(places - (fiducial.x, fiducial.y)).T).min()
            errors += [distance] if distance < 2 else []
            radii.append(fiducial.radius)
    assert np.median(errors) < 0.06
    assert np.quantile(errors, 0.9) < 0.25
    assert np.median(radii) == pytest.approx(4, rel=0.1)


def test_line_integrals_of_bone_without_balls_have_no_fiducials():
    case = load_case(SAMPLE)
    xrays = case.xrays[1::4]
    assert "005" in {xray.view.id for xray in xrays}
    pixels = [xray.view.pixel_size(case.grid.center) for xray in xrays]
    images, masks = [xray.image for xray in xrays], [xray.mask for xray in xrays]
    assert not any(find_fiducials(images, masks, pixels, DIAMETERS))
    for image, mask, pixel in zip(images, masks, pixels, strict=True):
        assert not any(find_fiducials([image], [mask], [pixel], DIAMETERS))


@pytest.mark.parametrize("sigma", [0.0, 0.02, 0.3])
def test_the_noise_is_measured_on_top_of_a_smooth_image(sigma):
    y, x = np.mgrid[:100, :100] / 20.0
    noise = np.random.default_rng(0).normal(0, 1, x.shape)
    image = (2 + np.sin(x) * np.cos(y) + sigma * noise).astype(np.float32)
    mask = np.ones(image.shape, bool)
    assert noise_level(image, mask) == pytest.approx(sigma, rel=0.1, abs=1e-3)
    mask[:, 50:] = False
    image[:, 50:] += 5 * noise[:, 50:]
    assert noise_level(image, mask) == pytest.approx(sigma, rel=0.1, abs=1e-3)
    assert noise_level(image, np.zeros(image.shape, bool)) == 0


def test_no_fiducials_are_found_in_anatomy_wires_and_noise():
    assert not any(find([anatomy(seed).astype(np.float32) for seed in range(6)]))
    noise = np.random.default_rng(0).standard_normal((2, SIZE, SIZE)).astype(np.float32)
    assert not any(find(list(noise)))


def test_fiducials_of_another_size_or_too_few_are_ignored():
    assert not any(find([with_fiducials(0, radius=12.0)[0]]))
    assert not any(find([with_fiducials(1, count=2)[0]]))


def test_a_few_similar_blobs_in_many_views_are_not_a_device():
    few = with_fiducials(1, count=4)[0]
    assert len(find([few])[0]) >= 3
    assert not any(find([few, *(anatomy(seed).astype(np.float32) for seed in range(7))]))


def test_the_mask_covers_fiducials_and_little_else():
    image, _ = with_fiducials(2)
    fiducials = find([image])[0]
    hidden = fiducial_mask(fiducials, image.shape)
    y, x = np.mgrid[:SIZE, :SIZE]
    for fiducial in fiducials:
        assert hidden[np.hypot(x - fiducial.x, y - fiducial.y) < 4].all()
    assert hidden.mean() < 0.04
    assert not fiducial_mask([], image.shape).any()


def test_holes_are_filled_from_their_rims_whatever_they_held():
    y, x = np.mgrid[:64, :64]
    plane = (0.05 * x - 0.03 * y + 2).astype(np.float32)
    holes = np.hypot(x - 30, y - 20) < 6
    holes[60:, 60:] = True
    spoilt = np.where(holes, 99, plane).astype(np.float32)
    filled = inpainted(spoilt, holes, ~holes)
    np.testing.assert_allclose(filled, plane, atol=1e-3)
    np.testing.assert_array_equal(spoilt[holes], 99)


def test_a_hole_without_a_rim_stays():
    image = np.ones((16, 16), np.float32)
    assert (inpainted(image, np.ones((16, 16), bool), np.zeros((16, 16), bool)) == 1).all()


@pytest.mark.parametrize("x", [0.0, 3.0, 30.0, 59.0, 62.0])
@pytest.mark.parametrize("y", [0.0, 2.0, 20.0, 38.0, 41.0])
def test_the_mask_of_a_fiducial_ends_at_the_border_of_the_image(x, y):
    mask = fiducial_mask([Fiducial(x, y, 4.0, 1.0, 1.0)], (40, 60))
    whole = fiducial_mask([Fiducial(x + 20, y + 20, 4.0, 1.0, 1.0)], (80, 100))
    np.testing.assert_array_equal(mask, whole[20:60, 20:80])
