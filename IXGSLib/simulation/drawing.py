"""Random body sizes, C-arm poses around a spine and imaging settings, drawn from fixed ranges."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..geometry import Grid, View
from ..geometry.rigid import Array, apply
from ..geometry.trajectory import CArm
from .body import Body
from .imaging_settings import ImagingSettings, Implant

UNIFORM_RANGES = {
    "kvp": (60.0, 120.0),
    "aluminium": (2.0, 5.0),
    "copper": (0.0, 0.3),
    "scatter": (0.1, 1.0),
    "scatter_width": (25.0, 70.0),
    "focal_spot": (0.3, 1.2),
    "glare": (0.0, 0.2),
    "glare_width": (10.0, 50.0),
    "saturation": (8.0, 100.0),
    "field_size": (0.7, 1.05),
    "field_angle": (-20.0, 20.0),
    "field_penumbra": (0.5, 4.0),
    "leakage": (0.0, 0.01),
    "gamma": (0.7, 1.4),
    "edge_amount": (0.0, 3.0),
}
"""Settings drawn uniformly between two values."""
LOG_UNIFORM_RANGES = {
    "quanta": (800.0, 30_000.0),
    "electronic_noise": (0.5, 8.0),
    "mtf50": (0.3, 2.5),
    "edge_width": (1.0, 15.0),
}
"""Settings drawn log-uniformly between two values."""
CHOICES: dict[str, tuple[Any, ...]] = {
    "field": ("square", "round", "open"),
    "metal": ("titanium", "steel"),
    "logarithmic": (*(True,) * 9, False),
    "inverted": (True, False),
    "bits": (8, 8, 12, 16),
    "table": (0.0, 8.0, 15.0, 25.0),
}
"""Settings drawn from a list, each entry equally likely."""
IMPLANT_PROBABILITIES: dict[Implant, float] = {"screws": 0.15, "wires": 0.1, "balls": 0.25}
WINDOW_PERCENTILE_RANGES = ((0.1, 5.0), (88.0, 99.9))
"""Ranges of the percentiles shown black and white."""
MAX_STATURE_FACTOR, MAX_BUILD_FACTOR = 1.12, 1.06
"""Largest factor by which a patient grows or shrinks, as a whole and along each axis."""
MAX_SOFT_DENSITY_FACTOR = 1.1
"""Largest factor by which the density of soft tissue rises or falls."""
BONE_DENSITY_FACTORS = (0.7, 2.0)
"""Smallest and largest factor on the density of bone: mostly above one, since thick slices show too little bone."""
SOURCE_DETECTOR_MM, DETECTOR_SIZES_MM = (950.0, 1250.0), (200.0, 400.0)
SOURCE_ISOCENTRE_FRACTIONS = (0.55, 0.68)
"""Distance from source to isocentre as a fraction of that from source to detector."""
ORBITAL_ANGLES_DEG, ANGULAR_ANGLES_DEG = (-110.0, 110.0), (-30.0, 30.0)
"""Gantry angles; half of the poses are rotated by 180 degrees, with the tube above."""
MAX_POSE_DRAWS = 50
"""Draws of a pose until one does not see the ends of the CT."""
HALF_BODY_DEPTH_MM = 80.0
ISOCENTRE_DEVIATION_MM = 20.0
"""Standard deviation of the isocentre's distance from the spine along each axis."""


def draw_settings(generator: np.random.Generator, base: ImagingSettings) -> ImagingSettings:
    """Imaging settings from the ranges above, with the bone threshold and softness of `base`."""
    values: dict[str, Any] = {name: float(generator.uniform(*ends)) for name, ends in UNIFORM_RANGES.items()}
    values |= {name: float(np.exp(generator.uniform(*np.log(ends)))) for name, ends in LOG_UNIFORM_RANGES.items()}
    values |= {name: options[int(generator.integers(len(options)))] for name, options in CHOICES.items()}
    return ImagingSettings(
        **values,
        implants=tuple(kind for kind, probability in IMPLANT_PROBABILITIES.items() if generator.random() < probability),
        window=(
            float(generator.uniform(*WINDOW_PERCENTILE_RANGES[0])),
            float(generator.uniform(*WINDOW_PERCENTILE_RANGES[1])),
        ),
        bone_threshold=base.bone_threshold,
        bone_softness=base.bone_softness,
        seed=int(generator.integers(2**31)),
    )


def draw_patient(generator: np.random.Generator, patient: Body) -> Body:
    """The same anatomy with another size, build and density, around the same centre."""
    stature, soft = (_factor(generator, largest) for largest in (MAX_STATURE_FACTOR, MAX_SOFT_DENSITY_FACTOR))
    bone = float(np.exp(generator.uniform(*np.log(BONE_DENSITY_FACTORS))))
    size = stature * np.array([_factor(generator, MAX_BUILD_FACTOR) for _ in range(3)])
    grid = _resized(patient.grid, size)
    return replace(patient, grid=grid, back=float(grid.corners()[:, 1].max()), density=(soft, bone))


def _factor(generator: np.random.Generator, largest: float) -> float:
    return float(np.exp(generator.uniform(-1, 1) * np.log(largest)))


def _resized(grid: Grid, size: Array) -> Grid:
    spacing = grid.spacing * size
    middle = (np.array(grid.shape[::-1]) - 1) / 2
    return Grid(grid.shape, spacing, grid.center - grid.direction @ (middle * spacing), grid.direction)


def draw_view(generator: np.random.Generator, patient: Body, points: Array, size: int) -> tuple[View, Array]:
    """A view of size x size pixels and its isocentre (3,) near one of the points (points, 3) of a spine, LPS mm.

    It is the first of up to `MAX_POSE_DRAWS` draws that does not see beyond the ends of the CT, or the one that sees
    the least beyond them.
    """
    draws: list[tuple[float, int, View, Array]] = []
    for _ in range(MAX_POSE_DRAWS):
        view, center = _any_view(generator, points, size)
        beyond = _beyond(view, center, patient)
        draws.append((beyond, len(draws), view, center))
        if beyond == 0:
            break
    *_, view, center = min(draws, key=lambda draw: draw[:2])
    return view, center


def _beyond(view: View, center: Array, patient: Body) -> float:
    """By how many mm the corners of the field pass the ends of the CT, within a body's depth around `center`."""
    width, height = view.size
    depth = float(apply(view.camera_from_world, center)[2])
    corners = np.array([(x, y) for x in (0, width - 1) for y in (0, height - 1)], dtype=float)
    heights = np.concatenate(
        [
            view.backproject(corners, np.full(4, depth + step))[:, 2]
            for step in (-HALF_BODY_DEPTH_MM, HALF_BODY_DEPTH_MM)
        ]
    )
    ends = patient.grid.corners()[:, 2]
    return float(max(0.0, heights.max() - ends.max(), ends.min() - heights.min()))


def _any_view(generator: np.random.Generator, spine: Array, size: int) -> tuple[View, Array]:
    center = spine[int(generator.integers(len(spine)))] + generator.normal(0, ISOCENTRE_DEVIATION_MM, 3)
    distance = float(generator.uniform(*SOURCE_DETECTOR_MM))
    arm = CArm(
        distance * float(generator.uniform(*SOURCE_ISOCENTRE_FRACTIONS)),
        distance,
        (size, size),
        float(generator.uniform(*DETECTOR_SIZES_MM)),
    )
    turn = 180.0 * int(generator.integers(2))
    orbital, angular = (
        float(generator.uniform(*ORBITAL_ANGLES_DEG)) + turn,
        float(generator.uniform(*ANGULAR_ANGLES_DEG)),
    )
    return arm.view(orbital, angular, center), center
