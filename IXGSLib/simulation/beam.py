"""X-ray spectra and the attenuation of materials relative to 70 keV."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ..geometry.rigid import Array
from .imaging_settings import ImagingSettings

MATERIALS = ("water", "bone", "metal")
REFERENCE_KEV = 70.0
"""Photon energy at which line integrals of a material are stated."""
DENSITY_G_CM3 = {"titanium": 4.51, "steel": 7.9, "aluminium": 2.70, "copper": 8.96}


@dataclass(frozen=True, eq=False)
class Beam:
    """The open beam as the detector records it.

    quanta: (energies,) detected quanta, whose sum is one.
    energy: (energies,) contribution of a quantum to the signal, whose mean over the quanta is one.
    relative: (materials, energies) attenuation relative to that at 70 keV.
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


def mass_attenuation(material: str, energy: float = REFERENCE_KEV) -> float:
    """Mass attenuation in cm2/g at an energy in keV."""
    return float(np.interp(energy, tables()["energy"], tables()[material]))


def spectrum(kvp: float, aluminium: float, copper: float) -> Array:
    """Photons per bin of `tables` of a tungsten anode with filters in mm, interpolated between tube voltages."""
    low = int(np.clip(kvp // 5 * 5, 50, 120))
    part = (kvp - low) / 5
    photons = (1 - part) * tables()[f"tungsten_{low}"] + part * tables()[f"tungsten_{low + 5}"]
    for name, thickness in (("aluminium", aluminium), ("copper", copper)):
        photons = photons * np.exp(-tables()[name] * DENSITY_G_CM3[name] * thickness / 10)
    return photons


def beam(settings: ImagingSettings) -> Beam:
    """The beam as an energy-integrating caesium iodide screen detects it."""
    if settings.kvp is None:
        return Beam(np.ones(1), np.ones(1), np.ones((len(MATERIALS), 1)))
    absorbed = 1 - np.exp(-tables()["caesium_iodide"] * settings.screen)
    quanta = spectrum(settings.kvp, settings.aluminium, settings.copper) * absorbed
    kept = quanta > 1e-6 * quanta.max()
    quanta = quanta[kept] / quanta[kept].sum()
    energy = tables()["energy"][kept]
    names = ("water", "bone", settings.metal)
    relative = np.stack([tables()[name][kept] / mass_attenuation(name) for name in names])
    return Beam(quanta, energy / (quanta @ energy), relative)


def detected(beam: Beam, line_integrals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The signal (height, width) float32, one in the open field, and the ratio of its variance to its mean.

    line_integrals: (materials, height, width) at 70 keV. The signal follows the Beer-Lambert law at each energy. The
    variance, stated for one quantum, sums quanta times their squared signal over the energies (Swank, J. Appl. Phys.
    44, 4199 (1973)).
    """
    signal = np.zeros(line_integrals.shape[1:], np.float32)
    square = np.zeros_like(signal)
    for quanta, energy, relative in zip(beam.quanta, beam.energy, beam.relative.T, strict=True):
        passing = np.exp(-np.tensordot(relative.astype(np.float32), line_integrals, 1))
        signal += np.float32(quanta * energy) * passing
        square += np.float32(quanta * energy**2) * passing
    return signal, square / np.maximum(signal, 1e-30)
