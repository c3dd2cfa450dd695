"""Fiducials with exact line integrals, seen from an orbit of a C-arm without symmetry."""

from __future__ import annotations

import numpy as np

from IXGSLib.formats import Case
from IXGSLib.geometry import Grid, View
from IXGSLib.geometry.trajectory import CArm, trajectory
from IXGSLib.xray import XRay

CENTER = np.array([-15.0, 60.0, 1300.0])
FIDUCIALS = [
    ((0, 0, 0), 40, 0.01),
    ((25, 10, -20), 15, 0.03),
    ((-20, -15, 25), 10, 0.04),
    ((-30, 20, -10), 8, 0.05),
    ((10, -35, -30), 6, 0.06),
]
"""Centre from CENTER and radius in mm, attenuation in 1/mm."""


def views(count: int = 12, **arm: object) -> list[View]:
    turn = np.linspace(0, 1, count)
    angles = np.column_stack([150 * turn**1.2 - 70, 25 * np.sin(5 * turn) + 5])
    settings = {"detector_pixels": (80, 80), "detector_size": 260.0} | arm
    return trajectory(CArm(**settings), angles, CENTER)


def line_integrals(view: View) -> np.ndarray:
    width, height = view.size
    pixels = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)
    source, direction = view.ray(pixels)
    total = np.zeros((height, width))
    for place, radius, attenuation in FIDUCIALS:
        towards = CENTER + place - source
        squared = towards @ towards - (direction @ towards) ** 2
        total += 2 * attenuation * np.sqrt(np.clip(radius**2 - squared, 0, None))
    return total


def xrays(some: list[View], noise: float = 0.02, seed: int = 0) -> list[XRay]:
    generator = np.random.default_rng(seed)
    images = [line_integrals(view) for view in some]
    noisy = [image + generator.normal(0, noise, image.shape) for image in images]
    return [XRay(view, image, np.ones(image.shape, bool)) for view, image in zip(some, noisy, strict=True)]


def case(some: list[View], center: np.ndarray = CENTER) -> Case:
    return Case(tuple(xrays(some)), Grid.centered(center, (80, 80, 80), 2.0), "fiducials")
