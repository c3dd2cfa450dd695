"""The CTs that the networks are trained on and measured with: credits, and how those of public archives are made.

    python Testing/benchmarks/standardization/cts.py SERIES [SERIES ...] --out FOLDER

SERIES: folders with the DICOM files of one series of `PUBLIC` each, as The Cancer Imaging Archive and the Imaging Data
Commons deliver them. Each becomes FOLDER/NAME/ct.nii.gz, cropped to the body, with air and table around it at -1024 HU.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import numpy as np
import SimpleITK as sitk
from pydicom import dcmread
from scipy import ndimage

from IXGSLib.files import sha256
from IXGSLib.geometry import Grid
from IXGSLib.geometry.rigid import apply
from IXGSLib.volume.images import read_image
from Testing.benchmarks.scene import DATA

DIGITS = 12
"""Digits of the SHA-256 by which pairs and series name a CT."""
OF_DATA = {
    "ct_lidc_0314": "LIDC-IDRI (LIDC-IDRI-0314), The Cancer Imaging Archive, CC BY 3.0, "
    "doi:10.7937/K9/TCIA.2015.LO9QL9SX",
    "ct_crlm_1006": "Colorectal-Liver-Metastases (CRLM-CT-1006), The Cancer Imaging Archive, CC BY 4.0, "
    "doi:10.7937/QXK2-QG03",
    "ct_tcga_ov_09_2043": "TCGA-OV (TCGA-09-2043), The Cancer Imaging Archive, CC BY 3.0",
    "ct_totalseg_example": "TotalSegmentator's example CT, github.com/wasserth/TotalSegmentator, Apache-2.0",
    "ct_lidc_0001": "LIDC-IDRI (LIDC-IDRI-0001), The Cancer Imaging Archive, CC BY 3.0, "
    "doi:10.7937/K9/TCIA.2015.LO9QL9SX",
    "ct_pyradiomics_lung2": "lung2 of PyRadiomics, github.com/AIM-Harvard/pyradiomics, BSD-3-Clause",
}
"""Credits of the CTs in the data folder."""
AIR_HU, MAX_HU = -1024, 3071
BODY_HU = -350.0
"""Value above which a voxel may be part of the body."""
OPENING, CLOSING = 5, 3
"""Voxels along each side of the square that separates body and table in a slice, and of the gaps in it that close."""

ACROSS_SLICES = 0.25
"""Standard deviation across the slices of the Gaussian that smooths in them, in slices."""


@dataclass(frozen=True)
class PublicSeries:
    """A series of a public archive.

    name: of the folder of the CT. digest: the first `DIGITS` of the SHA-256 of the file that is made of it.
    smoothing: standard deviation of a Gaussian in the slices, mm, for a kernel that enhances edges.
    """

    name: str
    digest: str
    credit: str
    smoothing: float = 0.0


PUBLIC = {
    "1.3.6.1.4.1.14519.5.2.1.7009.2401.307437172854557023978824805941": PublicSeries(
        "ct_acrin_flt_breast_001",
        "230c2b0a223b",
        "ACRIN-FLT-Breast (ACRIN-FLT-Breast_001), The Cancer Imaging Archive, CC BY 3.0, "
        "doi:10.7937/K9/TCIA.2017.ol20zmxg",
    ),
    "1.3.6.1.4.1.14519.5.2.1.7009.2401.288170261001662679765839634982": PublicSeries(
        "ct_acrin_flt_breast_013",
        "1f74ad257edc",
        "ACRIN-FLT-Breast (ACRIN-FLT-Breast_013), The Cancer Imaging Archive, CC BY 3.0, "
        "doi:10.7937/K9/TCIA.2017.ol20zmxg",
    ),
    "1.3.6.1.4.1.14519.5.2.1.7009.2403.226151125820845824875394858561": PublicSeries(
        "ct_acrin_nsclc_042",
        "860a06e79270",
        "ACRIN-NSCLC-FDG-PET (ACRIN-NSCLC-FDG-PET-042), The Cancer Imaging Archive, CC BY 3.0, "
        "doi:10.7937/tcia.2019.30ilqfcl",
    ),
    "1.3.6.1.4.1.14519.5.2.1.7085.2626.176520109931701354483419993926": PublicSeries(
        "ct_cptac_pda_c3n_00249",
        "dbf8e47eb6c9",
        "CPTAC-PDA (C3N-00249), The Cancer Imaging Archive, CC BY 4.0, doi:10.7937/K9/TCIA.2018.SC20FO18",
    ),
    "1.3.6.1.4.1.14519.5.2.1.9203.8273.254242588659825836950462054011": PublicSeries(
        "ct_crlm_1004",
        "e8ec85ace120",
        "Colorectal-Liver-Metastases (CRLM-CT-1004), The Cancer Imaging Archive, CC BY 4.0, doi:10.7937/QXK2-QG03",
    ),
    "1.3.6.1.4.1.14519.5.2.1.1600.1201.232452678303801622999914846513": PublicSeries(
        "ct_cmb_crc_msb_01068",
        "9573d518387c",
        "CMB-CRC (MSB-01068), The Cancer Imaging Archive, CC BY 4.0, doi:10.7937/DJG7-GZ87",
        smoothing=0.9,
    ),
}
"""The series of public archives, by SeriesInstanceUID."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("series", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    options = parser.parse_args(arguments)
    for folder in options.series:
        make(folder, options.out)
    return 0


def credits() -> dict[str, str]:
    """The credit of each CT, by the name that pairs and series give it."""
    of_data = {_name(DATA / folder / "ct.nii.gz"): credit for folder, credit in OF_DATA.items()}
    return of_data | {each.digest: each.credit for each in PUBLIC.values()}


def make(folder: Path, out: Path) -> Path:
    """The CT of a series of `PUBLIC`; raises SystemExit for another series."""
    first = next((file for file in sorted(folder.iterdir()) if file.is_file()), None)
    uid = "" if first is None else str(dcmread(first, stop_before_pixels=True).SeriesInstanceUID)
    if uid not in PUBLIC:
        raise SystemExit(f"{folder}: series {uid or 'missing'} is none of {', '.join(PUBLIC)}")
    source = PUBLIC[uid]
    values, grid = body_alone(*read_image(folder))
    if source.smoothing:
        values = _smooth(values, source.smoothing / grid.spacing[:2])
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(grid.spacing.tolist())
    image.SetOrigin(grid.origin.tolist())
    path = out / source.name / "ct.nii.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, str(path), True)
    if _name(path) != source.digest:
        print(f"{path}: not the file that the networks were trained on ({_name(path)}, expected {source.digest})")
    return path


def body_alone(values: np.ndarray, grid: Grid) -> tuple[np.ndarray, Grid]:
    """HU (int16 [k, j, i]) of the largest body, air elsewhere, and the grid cropped to it in the slices."""
    values = np.clip(values, AIR_HU, MAX_HU)
    body = ndimage.binary_opening(values > BODY_HU, np.ones((1, OPENING, OPENING)))
    labels, count = ndimage.label(body)
    body = labels == 1 + np.argmax(ndimage.sum_labels(body, labels, range(1, count + 1)))
    filled = [ndimage.binary_fill_holes(ndimage.binary_closing(each, iterations=CLOSING)) for each in body]
    body = ndimage.binary_dilation(np.stack(filled), np.ones((1, 3, 3)))
    _, j, i = np.nonzero(body)
    origin = apply(grid.world_from_index, np.array([i.min(), j.min(), 0]))
    part = slice(None), slice(j.min(), j.max() + 1), slice(i.min(), i.max() + 1)
    kept = np.round(np.where(body, values, AIR_HU)[part]).astype(np.int16)
    return kept, Grid(kept.shape, grid.spacing, origin, grid.direction)


def _smooth(values: np.ndarray, deviations: np.ndarray) -> np.ndarray:
    i, j = deviations
    smooth = ndimage.gaussian_filter(values.astype(np.float32), (ACROSS_SLICES, j, i))
    return np.round(np.where(values > AIR_HU, smooth, AIR_HU)).astype(np.int16)


def _name(ct: Path) -> str:
    return sha256(ct.read_bytes())[:DIGITS]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
