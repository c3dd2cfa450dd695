"""`ixgs calibrate`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ..calibration.fiducials.settings import FiducialSettings
from ..errors import IXGSError
from ..files import check_new_folder, write_atomically, write_folder
from ..formats.case_source import CaseOptions
from ..messages import RESEARCH_ONLY, collect_warnings, unique, visible
from .displays import say, say_warning, tell

if TYPE_CHECKING:
    from rich.table import Table

    from ..calibration.fiducials.reading import ShotImages
    from ..calibration.fiducials.result import FiducialCalibration
    from ..formats import Case

PICTURE = "fiducials.png"
"""The picture in the folder of the case."""


@dataclass(frozen=True)
class Calibrate:
    """Calibrate X-rays by the fiducials that they show, as a new case.

    With --phantom, the poses come from the known positions of its fiducials, which every X-ray must show; the C-arm may
    be moved by hand between shots. Without it, the poses of --calibration or of DICOM's tags are improved by markers
    at unknown positions. --values, by default intensity, and --i0 describe the images. Writes OUT/case.json, the
    images, in which fiducials are masked, and OUT/fiducials.png with every X-ray and its found and expected fiducials.
    Research use only. Not a medical device.
    """

    x_rays: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="IMAGES")]
    """A folder of X-rays, or a file whose frames are the X-rays."""
    out: Path
    """Folder for the case: new or empty."""
    phantom: Path | None = None
    """Positions of the phantom's fiducials: a table, JSON, .mrk.json or .fcsv; or plate, helix or lines. --unit is
    theirs."""
    grid: Path | None = None
    """X-rays of a grid of dots on an image intensifier, one for all, one for each X-ray, or DICOM with angles."""
    settings: Annotated[FiducialSettings, tyro.conf.arg(name="")] = field(default_factory=FiducialSettings)
    images: Annotated[CaseOptions, tyro.conf.arg(name="")] = field(default_factory=CaseOptions)

    def run(self) -> None:
        from ..formats.credit import read_credit

        check_new_folder(self.out)
        with collect_warnings() as messages:
            credit = read_credit(self.x_rays)
            images, calibration = self._calibrated()
            try:
                case = self._case(images, calibration)
            except IXGSError as error:
                raise type(error)(f"{error}{self._refused(images, calibration)}") from error
        for message in unique(case.warnings, messages):
            say_warning(message)
        folder = write_folder(self.out, lambda whole: self._write(case, images, calibration, whole, credit))
        show(calibration)
        tell(f"{folder}: {len(case.views)} of {len(calibration.findings)} views; see {PICTURE}\n{RESEARCH_ONLY}")

    def _calibrated(self) -> tuple[ShotImages, FiducialCalibration]:
        from ..calibration.fiducials.from_files import calibrate_by_markers, calibrate_by_phantom
        from ..runs.case_loading import load_case

        if self.phantom is None:
            return calibrate_by_markers(load_case(self.images, self.x_rays, note=say), self.settings)
        return calibrate_by_phantom(self.x_rays, self.phantom, self.settings, self.images, self.grid)

    def _case(self, images: ShotImages, calibration: FiducialCalibration) -> Case:
        from ..calibration.fiducials.calibrated_case import calibrated_case

        return self.images.selected(calibrated_case(images, calibration))

    def _write(
        self, case: Case, images: ShotImages, calibration: FiducialCalibration, folder: Path, credit: str
    ) -> None:
        from ..formats import save_case
        from ..formats.credit import NAME
        from .calibrate_picture import picture

        intensities = any(xray.values == "intensity" for xray in case.xrays)
        save_case(case, folder, values="intensity" if intensities else "line_integral")
        write_atomically(folder / PICTURE, picture(images.name, images.xrays, calibration))
        if credit:
            write_atomically(folder / NAME, credit.encode())

    def _refused(self, images: ShotImages, calibration: FiducialCalibration) -> str:
        """Write the picture beside the folder that is not written, and say so."""
        from .calibrate_picture import picture

        path = self.out.parent / f"{self.out.name}-refused.png"
        write_atomically(path, picture(images.name, images.xrays, calibration))
        return f"; {path} shows what was found"


def show(calibration: FiducialCalibration) -> None:
    """The residuals of each view, and where the scale comes from, on standard output."""
    from rich.console import Console

    Console().print(table(calibration))
    lens = calibration.intrinsics
    for line in (
        f"Residuals: {calibration.rms:.2f} px root mean square.",
        f"Focal length {lens.focal:.0f} px (± {lens.focal * lens.focal_sd:.0f}), principal point "
        f"({lens.centre[0]:.0f}, {lens.centre[1]:.0f}) px (± {lens.centre_sd:.0f}).",
        f"Scale: {calibration.scale}.",
    ):
        tell(line)


def table(calibration: FiducialCalibration) -> Table:
    """One row per view."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    rows = Table("View", "Fiducials", "Residual", "Rotation", "Position", "State", box=SIMPLE_HEAD, pad_edge=False)
    for column in rows.columns[1:5]:
        column.justify, column.no_wrap = "right", True
    for one in calibration.findings:
        cells = ["", "", "", ""]
        if one.fiducials:
            cells = [
                f"{one.used} of {len(one.fiducials)}",
                f"{one.rms:.2f} px",
                f"± {one.rotation_sd:.2f}°",
                f"± {one.translation_sd:.1f} mm",
            ]
        rows.add_row(*(Text(visible(cell)) for cell in (one.id, *cells, one.state)))
    return rows
