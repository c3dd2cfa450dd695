"""The CT of the ready studies in Resources/SampleCT: the lumbar spine of the sample cases, in voxels of 2.5 mm.

    python -m Testing.benchmarks.sample.make_ct

It needs the CT in the data folder beside the checkout.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from IXGSLib.files import write_atomically
from IXGSLib.geometry import Grid
from IXGSLib.volume import Volume
from IXGSLib.volume.images import read_image
from IXGSLib.volume.resampling import resample
from Testing.benchmarks.pages import ROOT
from Testing.benchmarks.scene import DATA

FOLDER = ROOT / "Resources" / "SampleCT"
SPACING, CENTER_Z, LENGTH = 2.5, 1300.0, 250.0
AIR = -1000.0
CREDIT = """\
A CT of the collection TCGA-OV (patient TCGA-09-2043) of The Cancer Imaging Archive, changed by IXGS: everything outside
the body was set to air, the part around the lumbar spine was cut out and resampled to voxels of 2.5 mm.

The CT: TCGA-OV, The Cancer Imaging Archive, licensed under CC BY 3.0 (https://creativecommons.org/licenses/by/3.0/).
This folder: the same licence, with this credit.
Cite: K. Clark et al., The Cancer Imaging Archive (TCIA): Maintaining and Operating a Public Information Repository,
Journal of Digital Imaging 26 (2013) 1045-1057, doi:10.1007/s10278-013-9622-7.
The CT came by way of github.com/xcist/phantoms-voxelized. Do not try to identify the patient.

Research use only. Not a medical device.
"""


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    small_ct(DATA / "ct_tcga_ov_09_2043" / "ct.nii.gz", CENTER_Z, FOLDER / "ct.nii.gz")
    write_atomically(FOLDER / "CREDIT.txt", CREDIT.encode())


def small_ct(source: Path, height: float, target: Path) -> None:
    """Write the part of a CT within LENGTH / 2 mm of a height, averaged over voxels of SPACING mm."""
    hounsfield, grid = read_image(source)
    corners = grid.corners()[:, 2]
    low, high = max(corners.min(), height - LENGTH / 2), min(corners.max(), height + LENGTH / 2)
    size = np.array([grid.size[0], grid.size[1], high - low])
    part = Grid.centered([*grid.center[:2], (low + high) / 2], np.floor(size / SPACING) * SPACING, SPACING)
    fine = resample(Volume(hounsfield - AIR, grid), part.with_spacing(SPACING / 2)).values
    nk, nj, ni = part.shape
    means = fine.reshape(nk, 2, nj, 2, ni, 2).mean(axis=(1, 3, 5)) + AIR
    image = sitk.GetImageFromArray(np.rint(np.maximum(means, AIR)).astype(np.int16))
    image.SetSpacing(part.spacing.tolist())
    image.SetOrigin(part.origin.tolist())
    sitk.WriteImage(image, str(target), useCompression=True)


if __name__ == "__main__":
    main()
