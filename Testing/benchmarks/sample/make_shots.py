"""Make the sample of raw shots with a phantom from the CT in the data folder beside the checkout.

    python Testing/benchmarks/sample/make_shots.py [FOLDER]

FOLDER: where to, Resources/SampleShots when not given. Realistic X-rays of a lumbar spine behind the plate of sixteen
balls, by a C-arm that is moved by hand; plate.csv holds the positions of the balls.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from IXGSLib.calibration.fiducials import load_phantom
from IXGSLib.files import write_atomically
from IXGSLib.geometry import View
from IXGSLib.geometry.rigid import apply, rigid
from IXGSLib.geometry.trajectory import CArm, trajectory
from IXGSLib.simulation import ImagingSettings
from IXGSLib.simulation.body import body
from IXGSLib.simulation.realistic import Subject, radiograph
from IXGSLib.simulation.realistic_case import stored
from IXGSLib.simulation.solids import ball
from IXGSLib.volume.images import read_image
from IXGSLib.xray import png

ROOT = Path(__file__).resolve().parents[3]
CT = ROOT.parent / "shared" / "data" / "ct_tcga_ov_09_2043" / "ct.nii.gz"
CENTER = np.array([-15.0, 60.0, 1300.0])
"""In the lumbar spine, LPS mm."""
IN_FRONT_MM, ISOCENTRE_MM = 90.0, 25.0
"""Distances of the plate and of the isocentre from the spine, towards the front."""
ANGLES = [(-44, 8), (-31, -12), (-18, 15), (-5, -6), (8, 18), (20, -15), (32, 6), (45, -9)]
"""Orbital and angular, degrees."""
TURNS = [4, -12, 8, 0, -6, 15, -3, 10]
"""Of each image in its plane, degrees."""
ARM = CArm(detector_pixels=(375, 375), detector_size=300.0)
CREDIT = """\
Simulated radiographs, derived by IXGS from a CT of the collection TCGA-OV (patient TCGA-09-2043) of The Cancer Imaging
Archive. No picture in this folder is a recording of a patient. What was changed: everything outside the body was set to
air, steel balls and a table were added, and X-rays with spectrum, scatter, blur and noise were simulated.

The CT: TCGA-OV, The Cancer Imaging Archive, licensed under CC BY 3.0 (https://creativecommons.org/licenses/by/3.0/).
This folder: the same licence, with this credit.
Cite: K. Clark et al., The Cancer Imaging Archive (TCIA): Maintaining and Operating a Public Information Repository,
Journal of Digital Imaging 26 (2013) 1045-1057, doi:10.1007/s10278-013-9622-7.
The CT came by way of github.com/xcist/phantoms-voxelized. Do not try to identify the patient.

Research use only. Not a medical device.
"""


def main(arguments: list[str]) -> None:
    folder = Path(arguments[0]) if arguments else ROOT / "Resources" / "SampleShots"
    folder.mkdir(parents=True, exist_ok=True)
    phantom, imaging = load_phantom("plate"), ImagingSettings(metal="steel")
    # The plate's z points to the front of the patient.
    R = (
        Rotation.from_euler("x", 90, degrees=True).as_matrix()
        @ Rotation.from_euler("xyz", (6, -4, 9), True).as_matrix()
    )
    middle = CENTER - (0, IN_FRONT_MM, 0)
    places = apply(rigid(R, middle - R @ phantom.positions.mean(axis=0)), phantom.positions)
    solids = [ball(place, radius) for place, radius in zip(places, phantom.radii, strict=True)]
    anatomy = body(*read_image(CT), imaging.bone_threshold, imaging.bone_softness)
    subject = Subject(anatomy, CENTER, solids)
    for n, view in enumerate(views()):
        pixels, _ = stored(radiograph(subject, view, imaging, n))
        write_atomically(folder / f"shot{n + 1}.png", png.encode(pixels))
    rows = [f"{label},{x:g},{y:g},{z:g},3" for label, (x, y, z) in zip(phantom.labels, phantom.positions, strict=True)]
    write_atomically(folder / "plate.csv", ("\n".join(["ball,x,y,z,diameter", *rows]) + "\n").encode())
    write_atomically(folder / "CREDIT.txt", CREDIT.encode())
    print(f"{folder}: {sum(file.stat().st_size for file in folder.iterdir()) / 1e6:.2f} MB")


def views() -> list[View]:
    """The true views, LPS mm."""
    found = trajectory(ARM, ANGLES, CENTER - (0, ISOCENTRE_MM, 0))
    turns = Rotation.from_euler("z", np.array(TURNS)[:, None], degrees=True).as_matrix()
    return [
        View(view.K, view.world_from_camera @ rigid(turn, np.zeros(3)), view.size, view.id, view.pixel_spacing)
        for view, turn in zip(found, turns, strict=True)
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
