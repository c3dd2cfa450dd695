from __future__ import annotations

import numpy as np
import pytest

from IXGSLib.compute import lanes
from IXGSLib.compute.lanes import WIDTH, kernel
from IXGSLib.rendering.splat import clipped


@kernel
def _samples(first, ratio, curvature, count, out):
    lanes.store(out, np.uint64(0), lanes.bell(first, ratio, curvature, count))


@kernel
def _powers(first, ratio, out):
    lanes.store(out, np.uint64(0), lanes.geometric(first, ratio))


@kernel
def _arithmetic(row, start, out):
    a, b = lanes.load(row, np.uint64(1)), lanes.ramp(start)
    lanes.store(out[0], np.uint64(2), lanes.add(a, b))
    lanes.store(out[1], np.uint64(2), lanes.multiply(a, b))
    lanes.store(out[2], np.uint64(2), lanes.scale(a, start))
    out[3, 0] = lanes.total(a)
    out[3, 1] = lanes.total(lanes.zeros())


@pytest.mark.parametrize("count", range(1, WIDTH + 2))
def test_bell_samples_a_gaussian_and_stops(count):
    A, dx = 0.3, -1.7
    x = dx + np.arange(WIDTH)
    out = np.full(WIDTH, np.nan, np.float32)
    _samples(*np.float32([np.exp(-A * dx * dx / 2), np.exp(-A * (dx + 0.5)), np.exp(-A)]), count, out)
    np.testing.assert_allclose(out, np.where(np.arange(WIDTH) < count, np.exp(-A * x * x / 2), 0), rtol=1e-5)


def test_geometric_is_a_geometric_sequence():
    out = np.empty(WIDTH, np.float32)
    _powers(np.float32(3), np.float32(0.7), out)
    np.testing.assert_allclose(out, 3 * 0.7 ** np.arange(WIDTH), rtol=1e-5)


def test_lanes_are_columns():
    row, out = np.arange(10, dtype=np.float32) ** 2, np.zeros((4, 12), np.float32)
    _arithmetic(row, np.float32(0.5), out)
    a, b = row[1:9], 0.5 + np.arange(8, dtype=np.float32)
    for line, expected in zip(out, (a + b, a * b, a / 2), strict=False):
        np.testing.assert_array_equal(line, [0, 0, *expected, 0, 0])
    assert out[3, 0] == a.sum()
    assert out[3, 1] == 0


@pytest.mark.parametrize(
    ("mean", "radius", "expected"),
    [
        (5.0, 2.0, (3, 7)),
        (5.2, 2.0, (4, 7)),
        (1.0, 3.0, (0, 4)),
        (8.0, 3.0, (5, 9)),
        (4.0, 1e30, (0, 9)),
        (4.0, np.inf, (0, 9)),
        (-5.0, 5.0, (0, 0)),
        (14.0, 5.0, (9, 9)),
    ],
)
def test_clipped_is_the_pixels_within_reach(mean, radius, expected):
    assert clipped(np.float32(mean), np.float32(radius), 10) == expected


@pytest.mark.parametrize(("mean", "radius"), [(-5.0, 2.0), (20.0, 2.0), (5.5, 0.2), (1e30, 1.0), (-1e30, 1.0)])
def test_a_range_out_of_reach_is_empty(mean, radius):
    first, last = clipped(np.float32(mean), np.float32(radius), 10)
    assert first > last
