"""From a body and a pose to the picture that a C-arm takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..geometry import View
from ..geometry.rigid import Array, apply
from .beam import DENSITY, beam, detected, mass_attenuation
from .blur import blurred, gaussian, lorentzian, veiling_glare
from .body import Body
from .collimator import exposed
from .display import displayed
from .imaging_settings import ImagingSettings
from .implants import implants
from .scatter import scattered
from .solids import Box, Capsule, box_thickness, thickness

TABLE_GAP, TABLE_SIZE = 5.0, (450.0, 2200.0)
"""Between back and table, and the table's width and length, mm."""
UMBRA = 0.95
"""Part of the beam from which a pixel counts as open: shutters of the display lie inside the penumbra."""
LARGEST = 2.0
"""Signal over that of the open field that no detector is built for."""
ATTENUATING = 0.5
"""Line integral from which a pixel lies behind the patient."""


@dataclass(frozen=True, eq=False)
class Radiograph:
    """A detector image, the picture that is shown of it, and the clean target at the same pose.

    signal: (height, width) float32, one in the open field; not below 0, and not above what the detector can tell.
    ceiling: that largest signal.
    field: (height, width) bool, the pixels that the collimator leaves open.
    patient: (height, width) bool, the part of the field in which the patient is seen.
    target: (height, width) float32 line integrals of enhanced bone, without unit.
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
        """(height, width) uint16, of as many bits as the settings say."""
        return displayed(self.signal, self.field, self.patient, self.settings, self.pixel)


def radiograph(
    body: Body,
    view: View,
    settings: ImagingSettings,
    center: ArrayLike,
    solids: Sequence[Capsule] = (),
    exposure: int = 0,
    spine: ArrayLike | None = None,
) -> Radiograph:
    """The radiograph of a body in a view whose pixel spacing is known.

    center: (3,) LPS mm around which implants are placed and in whose depth the focal spot blurs.
    solids: further metal at given places.
    exposure: its number in a series with one seed, in which the implants stay and the noise does not.
    spine: (points, 3) LPS mm, rising, that screws follow; straight when not given.
    """
    pixel = _pixel(view)
    middle = np.asarray(center, dtype=np.float64)
    places, noise = np.random.default_rng([settings.seed, 0]), np.random.default_rng([settings.seed, 1, exposure])
    metal = [*solids, *implants(settings.implants, middle, places, spine)]
    lines, target = _line_integrals(body, view, settings, metal, middle)
    signal, gain = detected(beam(settings), lines)
    open_part = exposed(view, settings, pixel)
    field = open_part > UMBRA
    total = lines.sum(axis=0)
    primary = _focal_blur(signal, view, settings, middle, pixel) * open_part
    signal = primary + scattered(primary, total, settings, pixel) if settings.scatter else primary
    behind = _behind_patient(signal, total, field)
    signal = _measured(signal, gain, behind, settings, pixel, noise)
    ceiling = min(settings.saturation * behind, LARGEST)
    patient = field & (total > ATTENUATING) & (signal < ceiling)
    signal = np.clip(signal, 0, ceiling)
    return Radiograph(signal, ceiling, field, patient if patient.any() else field, target, settings, pixel)


def _line_integrals(
    body: Body, view: View, settings: ImagingSettings, metal: Sequence[Capsule], center: Array
) -> tuple[np.ndarray, np.ndarray]:
    """Those of (water, bone, metal) with table and implants, and the target's."""
    lines, target = body.line_integrals(view)
    water = mass_attenuation("water") / 10
    if settings.table:
        lines[0] += water * box_thickness(_table(body, settings, center), view)
    if metal:
        inside = thickness(metal, view)
        lines[0] = np.maximum(lines[0] - water * inside, 0)  # metal takes the place of tissue
        lines[2] += mass_attenuation(settings.metal) * DENSITY[settings.metal] / 10 * inside
    return lines, target


def _table(body: Body, settings: ImagingSettings, center: Array) -> Box:
    width, length = TABLE_SIZE
    y = body.back + TABLE_GAP + settings.table / 2
    return Box(np.array([body.grid.center[0], y, center[2]]), np.array([width, settings.table, length]))


def _focal_blur(signal: np.ndarray, view: View, settings: ImagingSettings, center: Array, pixel: float) -> np.ndarray:
    """The blur of a focal spot of even brightness, as a Gaussian of its variance, at the magnification of `center`."""
    magnification = view.K[0, 0] * pixel / max(apply(view.camera_from_world, center)[2], 1.0)
    sigma = settings.focal_spot * max(magnification - 1, 0) / np.sqrt(12)
    return blurred(signal, pixel, gaussian(sigma), 4 * sigma) if sigma else signal


def _behind_patient(signal: np.ndarray, line_integrals: np.ndarray, field: np.ndarray) -> float:
    """The mean signal behind the patient in the middle half of the image, which automatic exposure holds constant."""
    height, width = signal.shape
    sensor = np.zeros(signal.shape, bool)
    sensor[height // 4 : height - height // 4, width // 4 : width - width // 4] = True
    patient = sensor & field & (line_integrals > ATTENUATING)
    return float(signal[patient if patient.any() else field].mean())


def _measured(
    signal: np.ndarray,
    gain: np.ndarray,
    behind: float,
    settings: ImagingSettings,
    pixel: float,
    generator: np.random.Generator,
) -> np.ndarray:
    """The signal with quantum noise, blurred with it by the detector, veiled by glare, and with electronic noise.

    A compound Poisson signal is taken as `gain` times a Poisson number, which has its mean and its variance.
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
    """The side of a pixel in mm; on a detector whose pixels are not square, the mean."""
    assert view.pixel_spacing is not None, "simulated views know their pixel spacing"
    return float(np.mean(view.pixel_spacing))
