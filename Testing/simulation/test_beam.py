"""The beam: its spectrum and its attenuation by materials."""

import numpy as np
import pytest

from IXGSLib.simulation import ImagingSettings
from IXGSLib.simulation.beam import beam, detected, mass_attenuation, spectrum, tables


def test_tables_agree_with_nist():
    """XCOM at 60 keV: water 0.2059, cortical bone (ICRU 44) 0.3148, aluminium 0.2778, copper 1.593 cm2/g."""
    for name, value in (("water", 0.2059), ("bone", 0.3148), ("aluminium", 0.2778), ("copper", 1.593)):
        assert mass_attenuation(name, 60) == pytest.approx(value, rel=0.02)


def mean_energy(kvp, aluminium, copper):
    photons = spectrum(kvp, aluminium, copper)
    return photons @ tables()["energy"] / photons.sum()


def test_voltage_and_filters_harden_a_beam_that_ends_at_its_voltage():
    assert mean_energy(60, 3, 0) < mean_energy(83, 3, 0) < mean_energy(120, 3, 0) < mean_energy(120, 3, 0.3)
    assert mean_energy(80, 3, 0) == pytest.approx(43.8, abs=1)
    assert spectrum(80, 3, 0)[tables()["energy"] > 80].max() == 0


def test_a_polychromatic_beam_hardens_so_that_thickness_counts_less_and_less():
    lines = np.zeros((3, 1, 50), np.float32)
    lines[0, 0] = np.linspace(0, 8, 50)
    measured = -np.log(detected(beam(ImagingSettings()), lines)[0][0])
    assert measured[0] == pytest.approx(0, abs=1e-5)
    slopes = np.diff(measured)
    assert slopes.min() > 0
    assert np.diff(slopes).max() < 1e-5
    assert slopes[-1] < 0.97 * slopes[0]


def test_bone_looks_denser_than_water_of_its_70_kev_attenuation_in_a_soft_beam():
    lines = np.eye(2, 3).T.reshape(3, 1, 2).astype(np.float32)
    water, bone = detected(beam(ImagingSettings(kvp=60)), lines)[0][0]
    assert bone < 0.95 * water
