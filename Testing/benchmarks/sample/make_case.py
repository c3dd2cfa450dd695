"""Make the sample case from the CT in the data folder beside the checkout.

    python Testing/benchmarks/sample/make_case.py [FOLDER]

FOLDER: where to, Resources/SampleCase when not given; new or empty. All of the CT is projected, as a C-arm does it:
ribs and pelvis from outside the region lie over the spine.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from IXGSLib.simulation import SimulationSettings, simulate, write_simulation

ROOT = Path(__file__).resolve().parents[3]
CT = ROOT.parent / "shared" / "data" / "ct_tcga_ov_09_2043" / "ct.nii.gz"
CREDIT = """\
Simulated radiographs and an attenuation volume, derived by IXGS from a CT of the collection TCGA-OV (patient
TCGA-09-2043) of The Cancer Imaging Archive. No picture in this folder is a recording of a patient. What was changed:
everything outside the body was set to air, Hounsfield units were turned into attenuation with soft tissue suppressed,
and line integrals with Poisson noise were computed along the rays of a C-arm.

The CT: TCGA-OV, The Cancer Imaging Archive, licensed under CC BY 3.0 (https://creativecommons.org/licenses/by/3.0/).
This folder: the same licence, with this credit.
Cite: K. Clark et al., The Cancer Imaging Archive (TCIA): Maintaining and Operating a Public Information Repository,
Journal of Digital Imaging 26 (2013) 1045-1057, doi:10.1007/s10278-013-9622-7.
The CT came by way of github.com/xcist/phantoms-voxelized. Do not try to identify the patient.

Research use only. Not a medical device.
"""


def main(arguments: list[str]) -> None:
    folder = Path(arguments[0]) if arguments else ROOT / "Resources" / "SampleCase"
    settings = SimulationSettings(name="Lumbar spine", center=(-15.0, 60.0, 1300.0), credit=CREDIT)
    start = time.perf_counter()
    simulation = simulate(CT, settings)
    simulated = time.perf_counter()
    write_simulation(simulation, folder)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    print(
        f"{folder}: {size / 1e6:.2f} MB, simulated in {simulated - start:.1f} s, "
        f"written in {time.perf_counter() - simulated:.1f} s"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
