"""Writes IXGSLib/simulation/beam.csv: attenuation coefficients and tungsten spectra in bins of 2 keV.

Needs `pip install spekpy xraydb`, which IXGS itself does not: python Testing/simulation/make_beam.py
Attenuation: xraydb (MIT), tables of Elam, Ravel and Sieber, Radiat. Phys. Chem. 63, 121 (2002), within 1 % of
NIST's XCOM. Spectra: SpekPy 2.5 (MIT; Poludniowski, Omar, Bujila and Andreo, Med. Phys. 48, 3630 (2021)),
12 degree anode.
"""

from pathlib import Path

import numpy as np
import spekpy
import xraydb

TARGET = Path(__file__).resolve().parents[2] / "IXGSLib" / "simulation" / "beam.csv"
BINS = np.arange(10.0, 126.0, 2.0)
MASS_PARTS = {
    "water": {"H": 0.1119, "O": 0.8881},
    # ICRU Report 44, cortical bone.
    "bone": dict(H=0.034, C=0.155, N=0.042, O=0.435, Na=0.001, Mg=0.002, P=0.103, S=0.003, Ca=0.225),  # noqa: C408
    "titanium": {"Ti": 1.0},
    "steel": {"Fe": 0.65, "Cr": 0.18, "Ni": 0.14, "Mo": 0.03},
    "aluminium": {"Al": 1.0},
    "copper": {"Cu": 1.0},
    "caesium_iodide": {"Cs": 0.5115, "I": 0.4885},
}


def attenuation(parts: dict[str, float]) -> np.ndarray:
    """Total mass attenuation in cm2/g, the mean over each bin."""
    energies = 1000 * (BINS[:-1, None] + np.array([0.25, 0.75, 1.25, 1.75]))
    return (
        sum(part * xraydb.mu_elam(element, energies.ravel()) for element, part in parts.items()).reshape(-1, 4).mean(1)
    )


def spectrum(kvp: int) -> np.ndarray:
    """Unfiltered photons per bin, their sum one."""
    energies, fluence = spekpy.Spek(kvp=kvp, th=12, dk=1).get_spectrum()
    photons = np.histogram(energies, BINS, weights=fluence)[0]
    return photons / photons.sum()


def main() -> None:
    columns = {"energy": BINS[:-1] + 1}
    columns |= {name: attenuation(parts) for name, parts in MASS_PARTS.items()}
    columns |= {f"tungsten_{kvp}": spectrum(kvp) for kvp in range(50, 126, 5)}
    rows = np.stack(list(columns.values()), axis=1)
    lines = [",".join(columns), *(",".join(f"{value:.6g}" for value in row) for row in rows)]
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
