"""Random cameras, motions and lattices, from the exact special cases to the general ones."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from IXGSLib.geometry import Grid, View
from IXGSLib.geometry.rigid import Array, rigid

HALF_TURNS = [np.diag(signs) for signs in ([1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0])]
"""The identity and the rotations by exactly 180 degrees around the axes."""


def numbers(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False, allow_subnormal=False)


def vectors(low: float, high: float, length: int = 3) -> st.SearchStrategy[Array]:
    return st.lists(numbers(low, high), min_size=length, max_size=length).map(np.array)


def _rotation(quaternion: Array) -> Array:
    w, x, y, z = quaternion / np.linalg.norm(quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def rotations() -> st.SearchStrategy[Array]:
    general = vectors(-1, 1, 4).filter(lambda q: np.linalg.norm(q) > 0.1).map(_rotation)
    return st.one_of(st.sampled_from(HALF_TURNS), general)


def motions(reach: float = 1000.0) -> st.SearchStrategy[Array]:
    """Rigid 4x4 transforms with translations of up to `reach` mm along each axis."""
    return st.builds(rigid, rotations(), vectors(-reach, reach))


@st.composite
def intrinsics(draw: st.DrawFn) -> Array:
    """Skewed, with non-square pixels and the principal point anywhere up to outside the image."""
    fx, fy = draw(numbers(300, 6000)), draw(numbers(300, 6000))
    skew, cx, cy = draw(numbers(-30, 30)), draw(numbers(-300, 900)), draw(numbers(-300, 900))
    return np.array([[fx, skew, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])


def views() -> st.SearchStrategy[View]:
    sizes = st.tuples(st.integers(1, 1024), st.integers(1, 1024))
    spacings = st.none() | st.tuples(numbers(0.05, 1.0), numbers(0.05, 1.0))
    return st.builds(View, intrinsics(), motions(), sizes, st.just("ap"), spacings)


def grids() -> st.SearchStrategy[Grid]:
    """Oblique lattices with a different number and size of voxels along each axis."""
    shapes = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9))
    return st.builds(Grid, shapes, vectors(0.2, 5.0), vectors(-500, 500), rotations())


def scene(view: View, count: int = 20) -> Array:
    """(count, 3) points in front of a view, inside and outside its image."""
    generator = np.random.default_rng(0)
    pixels = generator.uniform(-1, 2, (count, 2)) * view.size
    return view.backproject(pixels, generator.uniform(300, 1200, count))
