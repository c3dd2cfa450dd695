"""X-ray spectra and how materials attenuate them, relative to 70 keV."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ..geometry.rigid import Array
from .imaging_settings import ImagingSettings

MATERIALS = ("water", "bone", "metal")
REFERENCE = 70.0
"""keV at which line integrals of a material are stated."""
DENSITY = {"titanium": 4.51, "steel": 7.9, "aluminium": 2.70, "copper": 8.96}
"""g/cm3."""


@dataclass(frozen=True, eq=False)
class Beam:
    """What a detector sees of an open beam.

    quanta: (energies,) detected quanta, their sum one.
    energy: (energies,) what a quantum adds to the signal, its mean over the quanta one.
    relative: (materials, energies) attenuation over that at 70 keV.
    """

    quanta: Array
    energy: Array
    relative: Array


@cache
def tables() -> dict[str, Array]:
    """The columns of beam.csv: energy in keV, mass attenuation in cm2/g, tungsten spectra in photons per bin."""
    path = Path(__file__).with_name("beam.csv")
    names = path.read_text(encoding="utf-8").partition("\n")[0].split(",")
    return dict(zip(names, np.loadtxt(path, delimiter=",", skiprows=1).T, strict=True))


def mass_attenuation(material: str, energy: float = REFERENCE) -> float:
    """cm2/g at an energy in keV."""
    return float(np.interp(energy, tables()["energy"], tables()[material]))


def spectrum(kvp: float, aluminium: float, copper: float) -> Array:
    """Photons per bin of `tables`: a tungsten anode behind aluminium and copper in mm; between voltages, a mixture."""
    low = int(np.clip(kvp // 5 * 5, 50, 120))
    part = (kvp - low) / 5
    photons = (1 - part) * tables()[f"tungsten_{low}"] + part * tables()[f"tungsten_{low + 5}"]
    for name, thickness in (("aluminium", aluminium), ("copper", copper)):
        photons = photons * np.exp(-tables()[name] * DENSITY[name] * thickness / 10)
    return photons


def beam(settings: ImagingSettings) -> Beam:
    """The beam of a setting, as an energy-integrating caesium iodide screen detects it."""
    if settings.kvp is None:
        return Beam(np.ones(1), np.ones(1), np.ones((len(MATERIALS), 1)))
    absorbed = 1 - np.exp(-tables()["caesium_iodide"] * settings.screen)
    quanta = spectrum(settings.kvp, settings.aluminium, settings.copper) * absorbed
    seen = quanta > 1e-6 * quanta.max()
    quanta = quanta[seen] / quanta[seen].sum()
    energy = tables()["energy"][seen]
    names = ("water", "bone", settings.metal)
    relative = np.stack([tables()[name][seen] / mass_attenuation(name) for name in names])
    return Beam(quanta, energy / (quanta @ energy), relative)


def detected(beam: Beam, line_integrals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The signal (height, width) float32, one in the open field, and its variance over its mean for one quantum.

    line_integrals: (materials, height, width) at 70 keV. Beer and Lambert's law for each energy; the variance is the
    sum over energies of quanta times their squared signal (Swank, J. Appl. Phys. 44, 4199 (1973)).
    """
    signal = np.zeros(line_integrals.shape[1:], np.float32)
    square = np.zeros_like(signal)
    for quanta, energy, relative in zip(beam.quanta, beam.energy, beam.relative.T, strict=True):
        passing = np.exp(-np.tensordot(relative.astype(np.float32), line_integrals, 1))
        signal += np.float32(quanta * energy) * passing
        square += np.float32(quanta * energy**2) * passing
    return signal, square / np.maximum(signal, 1e-30)
