"""From a body and a view to the image that a C-arm takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..geometry import View
from ..geometry.rigid import Array, apply
from .beam import DENSITY_G_CM3, beam, detected, mass_attenuation
from .blur import blurred, gaussian, lorentzian, veiling_glare
from .body import Body
from .collimator import exposed
from .display import displayed
from .imaging_settings import ImagingSettings
from .implants import implants
from .scatter import scattered
from .solids import Box, Capsule, box_thickness, thickness

TABLE_GAP_MM, TABLE_SIZE_MM = 5.0, (450.0, 2200.0)
"""Distance between back and table, and the table's width and length."""
MIN_OPEN_BEAM = 0.95
"""Fraction of the beam from which a pixel counts as open: the electronic shutter lies inside the penumbra."""
MAX_SIGNAL = 2.0
"""Largest signal of any detector, relative to the open field."""
MIN_PATIENT_LINE_INTEGRAL = 0.5
"""Line integral from which a pixel lies behind the patient."""


@dataclass(frozen=True, eq=False)
class Subject:
    """What is imaged: a body and the metal in it, around an isocentre.

    center: (3,) LPS mm, the isocentre, around which implants are placed and at whose depth the focal spot blurs.
    solids: metal at given positions, beside the implants of the imaging settings.
    spine: (points, 3) LPS mm, ordered upwards, along which screws are placed; straight by default.
    changes: what is added to the values of the body, on a part of its grid, as by `lesions.changes`.
    """

    body: Body
    center: ArrayLike
    solids: Sequence[Capsule] = ()
    spine: ArrayLike | None = None
    changes: Body | None = None

    @property
    def isocentre(self) -> Array:
        return np.asarray(self.center, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Radiograph:
    """A detector image, the picture displayed from it, and the clean target in the same view.

    signal: (height, width) float32, relative to the open field, from 0 to the detector's ceiling.
    ceiling: the signal at which the detector saturates.
    field: (height, width) bool, the pixels that the collimator leaves open.
    patient: (height, width) bool, the part of the field that lies behind the patient.
    target: (height, width) float32 line integrals of enhanced bone, no unit.
    """

    signal: np.ndarray
    ceiling: float
    field: np.ndarray
    patient: np.ndarray
    target: np.ndarray
    settings: ImagingSettings
    pixel: float

    @property
    def picture(self) -> np.ndarray:
        """(height, width) uint16, with the number of bits of the settings."""
        return displayed(self.signal, self.field, self.patient, self.settings, self.pixel)


def radiograph(subject: Subject, view: View, settings: ImagingSettings, exposure: int = 0) -> Radiograph:
    """The radiograph of a subject in a view whose pixel spacing is known.

    exposure: its number in a series with one seed, in which the implants stay the same and the noise differs.
    """
    pixel = _pixel(view)
    noise = np.random.default_rng([settings.seed, 1, exposure])
    lines, target = _line_integrals(subject, view, settings)
    signal, gain = detected(beam(settings), lines)
    open_part = exposed(view, settings, pixel)
    field = open_part > MIN_OPEN_BEAM
    total = lines.sum(axis=0)
    primary = _focal_blur(signal, view, settings, subject.isocentre, pixel) * open_part
    signal = primary + scattered(primary, total, settings, pixel) if settings.scatter else primary
    behind = _behind_patient(signal, total, field)
    signal = _measured(signal, gain, behind, settings, pixel, noise)
    ceiling = min(settings.saturation * behind, MAX_SIGNAL)
    patient = field & (total > MIN_PATIENT_LINE_INTEGRAL) & (signal < ceiling)
    signal = np.clip(signal, 0, ceiling)
    return Radiograph(signal, ceiling, field, patient if patient.any() else field, target, settings, pixel)


def _line_integrals(subject: Subject, view: View, settings: ImagingSettings) -> tuple[np.ndarray, np.ndarray]:
    """(3, height, width) of water, bone and metal with table and implants, and (height, width) of the target."""
    lines, target = subject.body.line_integrals(view)
    if subject.changes is not None:
        added = subject.changes.line_integrals(view)
        lines, target = lines + added[0], target + added[1]
    water = mass_attenuation("water") / 10
    if settings.table:
        lines[0] += water * box_thickness(table_of(subject, settings), view)
    metal = metal_in(subject, settings)
    if metal:
        inside = thickness(metal, view)
        lines[0] = np.maximum(lines[0] - water * inside, 0)  # metal replaces tissue
        lines[2] += mass_attenuation(settings.metal) * DENSITY_G_CM3[settings.metal] / 10 * inside
    return lines, target


def metal_in(subject: Subject, settings: ImagingSettings) -> list[Capsule]:
    """The solids of the subject and implants at positions drawn by the seed."""
    generator = np.random.default_rng([settings.seed, 0])
    return [*subject.solids, *implants(settings.implants, subject.isocentre, generator, subject.spine)]


def table_of(subject: Subject, settings: ImagingSettings) -> Box:
    """The table behind the patient."""
    width, length = TABLE_SIZE_MM
    x, y = subject.body.grid.center[0], subject.body.back + TABLE_GAP_MM + settings.table / 2
    return Box(np.array([x, y, subject.isocentre[2]]), np.array([width, settings.table, length]))


def _focal_blur(signal: np.ndarray, view: View, settings: ImagingSettings, center: Array, pixel: float) -> np.ndarray:
    """Blur by a uniform focal spot, as a Gaussian of equal variance, at the magnification of `center`."""
    magnification = view.K[0, 0] * pixel / max(apply(view.camera_from_world, center)[2], 1.0)
    sigma = settings.focal_spot * max(magnification - 1, 0) / np.sqrt(12)
    return blurred(signal, pixel, gaussian(sigma), 4 * sigma) if sigma else signal


def _behind_patient(signal: np.ndarray, line_integrals: np.ndarray, field: np.ndarray) -> float:
    """The mean signal behind the patient in the middle half of the image, which exposure control holds constant."""
    height, width = signal.shape
    sensor = np.zeros(signal.shape, bool)
    sensor[height // 4 : height - height // 4, width // 4 : width - width // 4] = True
    patient = sensor & field & (line_integrals > MIN_PATIENT_LINE_INTEGRAL)
    return float(signal[patient if patient.any() else field].mean())


def _measured(
    signal: np.ndarray,
    gain: np.ndarray,
    behind: float,
    settings: ImagingSettings,
    pixel: float,
    generator: np.random.Generator,
) -> np.ndarray:
    """The signal with quantum noise, detector blur, veiling glare and electronic noise, in this order.

    The compound Poisson signal is modelled as `gain` times a Poisson number, which has the same mean and variance.
    """
    if settings.quanta is not None:
        scale = settings.quanta * pixel**2 / behind
        numbers = generator.poisson(np.maximum(signal, 0) * (scale / gain).astype(np.float64))
        signal = (numbers * gain / scale).astype(np.float32)
    signal = blurred(signal, pixel, lorentzian(settings.mtf50), 5 / settings.mtf50)
    if settings.glare:
        glare = veiling_glare(settings.glare, settings.glare_width)
        signal = blurred(signal, pixel, glare, 4 * settings.glare_width, "constant")
    if settings.quanta is None:
        return signal
    readout = generator.standard_normal(signal.shape, np.float32) * np.float32(settings.electronic_noise / scale)
    return signal + readout


def _pixel(view: View) -> float:
    """The pixel size in mm; the mean of both sides where they differ."""
    assert view.pixel_spacing is not None, "simulated views know their pixel spacing"
    return float(np.mean(view.pixel_spacing))
