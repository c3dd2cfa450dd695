"""Writing the calibration of a case for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ...errors import IXGSError
from ...files import check_new_folder, write_folder
from ..case import Case
from ..case_writing import save_case
from .matrices import write_matrices
from .mayacam import write_mayacam
from .nerfstudio import write_transforms
from .rtk import write_rtk

Target = Literal["case", "matrices", "rtk", "transforms", "mayacam"]


def write_calibration(case: Case, target: Target, out: Path, force: bool = False) -> str:
    """Write a case, or the calibration of its views; returns a note on the conventions of the output.

    case: a folder with case.json and line integrals. matrices: 3x4, .csv or .json. rtk: .xml. transforms:
    transforms.json. mayacam: a folder with a text file per view.
    force: whether an existing file is replaced; folders must be new or empty.
    Raises IXGSError for an output that exists or cannot be written, GeometryError and FormatError for views that the
    format cannot represent.
    """
    if target in ("case", "mayacam"):
        check_new_folder(out)
    elif out.exists() and not force:
        raise IXGSError(f"{out}: exists already, expected a new file; give another --out, or --force")
    if target == "case":
        write_folder(out, lambda folder: save_case(case, folder))
        return "line integrals as 32-bit TIFF, LPS, mm"
    if target == "mayacam":
        write_folder(out, lambda folder: write_mayacam(folder, case.views))
        return "MayaCam 2.0, mm, one file per view"
    if target == "rtk":
        detector = write_rtk(out, case.views)
        x, y = detector.origin or (0.0, 0.0)
        return (
            f"RTK expects the rows of each projection from bottom to top (numpy.flipud), with spacing "
            f"{detector.spacing[0]:g} x {detector.spacing[1]:g} mm and origin {x:g}, {y:g} mm"
        )
    if target == "transforms":
        write_transforms(out, case.views)
        return "OpenGL camera axes, lengths in mm, images expected as images/<view>.tiff"
    write_matrices(out, case.views)
    return "pixels from LPS mm, pixel centres at integers"
