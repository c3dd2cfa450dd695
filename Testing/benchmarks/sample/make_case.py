"""Make the sample cases from the CT in the data folder beside the checkout.

    python Testing/benchmarks/sample/make_case.py [--realistic] [FOLDER]

FOLDER: where to, in Resources when not given; new or empty. All of the CT is projected, as a C-arm does it: ribs and
pelvis from outside the region lie over the spine. --realistic: X-rays as a C-arm exports them, with the soft tissue,
scatter, noise and the collimator; what Resources holds is without the targets and the ground truth.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

from IXGSLib.geometry.trajectory import CArm
from IXGSLib.simulation import SimulationSettings, simulate, write_simulation
from IXGSLib.simulation.realistic_case import simulate_realistic, write_realistic

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


CHANGES = CREDIT[CREDIT.index("everything outside") : CREDIT.index("\n\nThe CT")]
REALISTIC_CREDIT = CREDIT.replace(
    CHANGES,
    """\
everything outside the body was set to air, Hounsfield units were turned into tissue and bone, and the intensities
that a C-arm exports were computed with its spectrum, scatter, blur, noise and collimator.""",
)
REALISTIC_VIEWS = 16


def main(arguments: list[str]) -> None:
    realistic = "--realistic" in arguments
    folders = [Path(word) for word in arguments if word != "--realistic"]
    folder = folders[0] if folders else ROOT / "Resources" / ("RealisticCase" if realistic else "SampleCase")
    settings = SimulationSettings(name="Lumbar spine", center=(-15.0, 60.0, 1300.0), credit=CREDIT)
    start = time.perf_counter()
    if realistic:
        arm = CArm(detector_pixels=(384, 384))
        settings = replace(
            settings, name="Lumbar spine, C-arm", views=REALISTIC_VIEWS, test_views=1, arm=arm, credit=REALISTIC_CREDIT
        )
        simulation = simulate_realistic(CT, settings)
        simulated = time.perf_counter()
        write_realistic(simulation, folder)
    else:
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
