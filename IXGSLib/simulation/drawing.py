"""Random patients like a given one, poses around a spine and imaging settings, from stated ranges."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..geometry import Grid, View
from ..geometry.rigid import Array, apply
from ..geometry.trajectory import CArm
from .body import Body
from .imaging_settings import ImagingSettings, Implant

UNIFORM = {
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
"""Settings that are drawn evenly between two values."""
LOGARITHMIC = {
    "quanta": (800.0, 30_000.0),
    "electronic_noise": (0.5, 8.0),
    "mtf50": (0.3, 2.5),
    "edge_width": (1.0, 15.0),
}
"""Settings whose logarithm is drawn evenly between two values."""
CHOICES: dict[str, tuple[Any, ...]] = {
    "field": ("square", "round", "open"),
    "metal": ("titanium", "steel"),
    "logarithmic": (*(True,) * 9, False),
    "inverted": (True, False),
    "bits": (8, 8, 12, 16),
    "table": (0.0, 8.0, 15.0, 25.0),
}
"""Settings that are one of several, each equally likely."""
IMPLANTS: dict[Implant, float] = {"screws": 0.15, "wires": 0.1, "balls": 0.25}
"""How often each kind of implant is there."""
WINDOW = ((0.1, 5.0), (88.0, 99.9))
"""Percentiles of black and of white."""
STATURE, BUILD, SOFT_DENSITY = 1.12, 1.06, 1.1
"""Factors by which a patient is larger or smaller at most, as a whole and along each axis, and denser or less dense."""
BONE_DENSITY = (0.7, 2.0)
"""Factors between which the density of bone is drawn: mostly above one, as thick slices show less than there is."""
SOURCE_DETECTOR, SOURCE_ISOCENTRE, DETECTOR = (950.0, 1250.0), (0.55, 0.68), (200.0, 400.0)
"""C-arm: mm, part of that, side of the detector in mm."""
ORBITAL, ANGULAR = (-110.0, 110.0), (-30.0, 30.0)
"""Gantry angles, degrees; half of the poses are turned to the other side, with the tube above."""
ATTEMPTS, DEEP = 50, 80.0
"""Draws of a pose, and half of a body's depth in mm."""
JITTER = 20.0
"""Standard deviation of the isocentre around the spine, mm."""


def draw_settings(generator: np.random.Generator, base: ImagingSettings) -> ImagingSettings:
    """Imaging settings from the ranges above; the target's bone threshold is that of `base`."""
    values: dict[str, Any] = {name: float(generator.uniform(*ends)) for name, ends in UNIFORM.items()}
    values |= {name: float(np.exp(generator.uniform(*np.log(ends)))) for name, ends in LOGARITHMIC.items()}
    values |= {name: options[int(generator.integers(len(options)))] for name, options in CHOICES.items()}
    return ImagingSettings(
        **values,
        implants=tuple(kind for kind, part in IMPLANTS.items() if generator.random() < part),
        window=(float(generator.uniform(*WINDOW[0])), float(generator.uniform(*WINDOW[1]))),
        bone_threshold=base.bone_threshold,
        bone_softness=base.bone_softness,
        seed=int(generator.integers(2**31)),
    )


def draw_patient(generator: np.random.Generator, patient: Body) -> Body:
    """The same anatomy in another size, build and density, around the same centre."""
    stature, soft = (_factor(generator, most) for most in (STATURE, SOFT_DENSITY))
    bone = float(np.exp(generator.uniform(*np.log(BONE_DENSITY))))
    size = stature * np.array([_factor(generator, BUILD) for _ in range(3)])
    grid = _resized(patient.grid, size)
    return replace(patient, grid=grid, back=float(grid.corners()[:, 1].max()), density=(soft, bone))


def _factor(generator: np.random.Generator, most: float) -> float:
    return float(np.exp(generator.uniform(-1, 1) * np.log(most)))


def _resized(grid: Grid, size: Array) -> Grid:
    spacing = grid.spacing * size
    middle = (np.array(grid.shape[::-1]) - 1) / 2
    return Grid(grid.shape, spacing, grid.center - grid.direction @ (middle * spacing), grid.direction)


def draw_view(generator: np.random.Generator, patient: Body, points: Array, size: int) -> tuple[View, Array]:
    """A view of size x size pixels, and its isocentre (3,) near one of the points (points, 3) of a spine, LPS mm.

    Of up to `ATTEMPTS` draws the first that sees no cut end of the CT, or the one that sees least of it.
    """
    draws: list[tuple[float, int, View, Array]] = []
    for _ in range(ATTEMPTS):
        view, center = _any_view(generator, points, size)
        beyond = _beyond(view, center, patient)
        draws.append((beyond, len(draws), view, center))
        if beyond == 0:
            break
    *_, view, center = min(draws, key=lambda draw: draw[:2])
    return view, center


def _beyond(view: View, center: Array, patient: Body) -> float:
    """By how many mm the corners of the field leave the CT's length in the depth of a body around `center`."""
    width, height = view.size
    depth = float(apply(view.camera_from_world, center)[2])
    corners = np.array([(x, y) for x in (0, width - 1) for y in (0, height - 1)], dtype=float)
    heights = np.concatenate([view.backproject(corners, np.full(4, depth + step))[:, 2] for step in (-DEEP, DEEP)])
    ends = patient.grid.corners()[:, 2]
    return float(max(0.0, heights.max() - ends.max(), ends.min() - heights.min()))


def _any_view(generator: np.random.Generator, spine: Array, size: int) -> tuple[View, Array]:
    center = spine[int(generator.integers(len(spine)))] + generator.normal(0, JITTER, 3)
    distance = float(generator.uniform(*SOURCE_DETECTOR))
    arm = CArm(
        distance * float(generator.uniform(*SOURCE_ISOCENTRE)),
        distance,
        (size, size),
        float(generator.uniform(*DETECTOR)),
    )
    turn = 180.0 * int(generator.integers(2))
    orbital, angular = float(generator.uniform(*ORBITAL)) + turn, float(generator.uniform(*ANGULAR))
    return arm.view(orbital, angular, center), center
