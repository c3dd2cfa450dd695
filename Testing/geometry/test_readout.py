"""Resized and cropped views: the same rays, sampled by other pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from IXGSLib.errors import GeometryError
from IXGSLib.geometry import View
from Testing.geometry.strategies import numbers, scene, vectors, views

sizes = st.tuples(st.integers(1, 800), st.integers(1, 800))


def rays(view: View, pixels: np.ndarray) -> np.ndarray:
    return view.ray(pixels)[1]


def edges(size: tuple[int, int]) -> np.ndarray:
    """(4, 2) the outer corners of the outer pixels of an image."""
    width, height = size
    return np.array([(u, v) for u in (-0.5, width - 0.5) for v in (-0.5, height - 0.5)])


@given(views(), sizes)
def test_a_pixel_edge_stays_on_its_ray_when_resized(view, size):
    resized = view.resized(size)
    assert resized.size == size
    np.testing.assert_allclose(rays(resized, edges(size)), rays(view, edges(view.size)), atol=1e-9)


@given(views(), sizes)
def test_resizing_there_and_back_is_the_identity(view, size):
    again = view.resized(size).resized(view.size)
    np.testing.assert_allclose(again.K, view.K, rtol=1e-12, atol=1e-9)
    assert again.size == view.size
    assert again.pixel_spacing == (view.pixel_spacing and pytest.approx(view.pixel_spacing))


@given(views(), sizes, sizes)
def test_resizing_twice_is_resizing_once(view, between, size):
    np.testing.assert_allclose(view.resized(between).resized(size).K, view.resized(size).K, rtol=1e-12, atol=1e-9)


@given(views(), sizes)
def test_resizing_keeps_what_is_seen_and_the_source_detector_distance(view, size):
    points = scene(view, 100)
    np.testing.assert_array_equal(view.resized(size).sees(points), view.sees(points))
    before, after = view.source_detector_distance, view.resized(size).source_detector_distance
    assert after == (before and pytest.approx(before))


@given(views(), vectors(-50, 50, 2), sizes)
def test_a_crop_at_any_offset_keeps_the_rays(view, corner, size):
    cropped = view.cropped(*corner, size)
    pixels = np.random.default_rng(0).uniform(0, 500, (9, 2))
    np.testing.assert_allclose(rays(cropped, pixels), rays(view, pixels + corner), atol=1e-9)
    assert (cropped.size, cropped.pixel_spacing) == (size, view.pixel_spacing)


@given(views(), st.integers(1, 6), st.integers(1, 6), vectors(-3, 3, 2), numbers(-100, 100))
def test_averaging_blocks_of_pixels_moves_a_feature_as_the_resized_view_says(view, across, down, slope, offset):
    width, height = 5 * across, 4 * down
    view = view.cropped(0, 0, (width, height))
    v, u = np.mgrid[:height, :width]
    ramp = slope[0] * u + slope[1] * v + offset
    averaged = ramp.reshape(4, down, 5, across).mean(axis=(1, 3))

    resized = view.resized((5, 4))
    pixels = np.stack(np.meshgrid(np.arange(5), np.arange(4)), axis=-1)
    there, _ = view.project(resized.backproject(pixels, np.full((4, 5), 700.0)))
    np.testing.assert_allclose(averaged, there @ slope + offset, atol=1e-6)


@given(views())
def test_cropping_a_resized_view_by_whole_blocks_is_resizing_the_crop(view):
    view = view.cropped(0, 0, (64, 48))
    one = view.resized((16, 12)).cropped(2, 3, (8, 6))
    other = view.cropped(8, 12, (32, 24)).resized((8, 6))
    np.testing.assert_allclose(one.K, other.K, rtol=1e-12, atol=1e-9)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [(0, 10), (10, -1), (10.5, 10), (np.nan, 10)])
def test_an_image_without_whole_pixels_is_refused(size):
    view = View(np.diag([2000.0, 2000.0, 1.0]), np.eye(4), (64, 48), "ap", (0.5, 0.5))
    for read_out in (view.resized, lambda s: view.cropped(0, 0, s)):
        with pytest.raises(GeometryError, match="view 'ap': image size"):
            read_out(size)
