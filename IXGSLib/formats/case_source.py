"""Where the X-rays of a case come from, and which of them and which region are used."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..errors import FormatError, GeometryError, SettingsError
from ..messages import collect_warnings
from ..xray.dicom.conventions import AUTO, Auto, Deviation

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from ..geometry import Grid
    from . import Case

MAX_REGION_VOXELS = 2**30
"""A volume of 4 GiB."""


@dataclass(frozen=True)
class CaseOptions:
    """How to read X-rays that are not a case, the views to leave out, and a region other than the case's own."""

    calibration: Path | None = None
    """Calibration of the images: projection matrices, K [R | t], RTK, ASTRA, TIGRE, MayaCam and more (docs/formats.md),
    as a file, a folder or a quoted pattern. CASE is then the folder of the images, a stack or a quoted pattern."""
    values: Literal["line_integral", "intensity"] | None = None
    """With --calibration, or for a folder of DICOM X-rays: what the pixels hold."""
    i0: float | None = None
    """With --calibration, or for a folder of DICOM X-rays: intensity of the unattenuated beam; estimated by default."""
    pixel_spacing: tuple[float, float] | None = None
    """With --calibration: width and height of a detector pixel, mm."""
    calibration_format: str | None = None
    """With --calibration: its format, such as astra, where a file can be read in more than one way."""
    unit: Literal["mm", "cm", "m", "in"] | None = None
    """With --calibration: its unit of length; mm by default."""
    tag_conventions: tuple[Deviation | Auto, ...] = ()
    """For a folder of DICOM X-rays: how its C-arm deviates from the standard; more than one can be given
    (docs/formats.md). auto: as the X-rays agree best; where they do not decide, the standard stays, with a warning."""
    file_names: bool = False
    """With --calibration, or for a folder of DICOM X-rays: name the views after their files, in all that is written. By
    default they are numbered in their order, because names of files may be those of patients."""
    center: tuple[float, float, float] | None = None
    """Centre of the region, LPS mm; by default that of the case."""
    size: tuple[float, float, float] | None = None
    """Size of the region, mm."""
    spacing: float | None = None
    """Side of a voxel, mm."""
    direction: tuple[float, float, float, float, float, float, float, float, float] | None = None
    """Directions of the region's axes in LPS, a rotation matrix row by row; its columns are the axes."""
    leave_out: tuple[str, ...] = ()
    """Ids of views to leave out."""

    def load(self, path: Path) -> Case:
        """The case at a path with the requested views and region; raises what the readers raise.

        `runs.case_loading.load_case` does the same and also chooses conventions of tags (`auto`).
        """
        if self.calibration is not None and self.tag_conventions:
            raise SettingsError(
                "--tag-conventions is for poses from DICOM tags; --calibration gives them; leave it out"
            )
        case = self._from_images(path) if self.calibration is not None else self._from_tags(path)
        return self.selected(case)

    def selected(self, case: Case) -> Case:
        """The case with the requested views and region."""
        return self._with_region(without(case, self.leave_out))

    @property
    def automatic(self) -> bool:
        """Whether the X-rays choose the conventions of tags; raises SettingsError for names beside auto."""
        if AUTO in self.tag_conventions and len(self.tag_conventions) > 1:
            raise SettingsError(
                f"--tag-conventions {' '.join(self.tag_conventions)}: auto beside other names, expected auto alone or "
                "names; leave one of them out"
            )
        return self.tag_conventions == (AUTO,)

    @property
    def _region(self) -> bool:
        return (self.center, self.size, self.spacing, self.direction) != (None, None, None, None)

    def _from_tags(self, path: Path) -> Case:
        """DICOM X-rays without a calibration, with the poses of their tags; else a case of its own."""
        from ..xray.dicom.conventions import Conventions
        from .dicom_folder import holds_dicom, load_tagged

        if not holds_dicom(path):
            return self._from_json(path)
        self._refuse(("pixel_spacing", "calibration_format", "unit"), "DICOM tags state it")
        grid = box(self.center, self.size, self.spacing) if self.center and self.size and self.spacing else None
        if self.automatic:
            raise SettingsError(
                "--tag-conventions auto has not been resolved, expected the names of deviations; read the case with "
                "IXGSLib.runs.case_loading.load_case"
            )
        conventions = Conventions.deviating(self.tag_conventions)  # type: ignore[arg-type]
        return load_tagged(
            path, values=self.values, i0=self.i0, grid=grid, conventions=conventions, file_names=self.file_names
        )

    def _from_json(self, path: Path) -> Case:
        from . import load_case

        self._refuse(("values", "i0", "pixel_spacing", "calibration_format", "unit"), "in a case, case.json states it")
        if self.tag_conventions:
            raise SettingsError("--tag-conventions is for DICOM X-rays alone; case.json states the poses; leave it out")
        if path.is_dir() and not (path / "case.json").is_file():
            inner = sorted(child.name for child in path.iterdir() if child.is_dir())
            deeper = f", or choose one of the folders in it: {', '.join(inner[:5])}" if inner else ""
            raise FormatError(
                f"{path.name}: a folder without case.json, expected one; for a folder of images, give their "
                f"calibration with --calibration FILE{deeper}"
            )
        return load_case(path, check=not self._region)

    def _refuse(self, names: tuple[str, ...], reason: str) -> None:
        """Raise SettingsError for the first of these options that is given."""
        for name in names:
            if getattr(self, name) is not None:
                option = name.replace("_", "-")
                raise SettingsError(f"--{option} is for images with --calibration; {reason}; leave it out")

    def _from_images(self, path: Path) -> Case:
        from . import load_calibrated
        from .calibrations import CalibrationOptions
        from .calibrations.detector import Detector

        if self.values is None or self.calibration is None:
            raise SettingsError(
                "--values is missing, expected line_integral or intensity; say what the pixels of the images hold"
            )
        detector = None if self.pixel_spacing is None else Detector(self.pixel_spacing)
        grid = box(self.center, self.size, self.spacing) if self.center and self.size and self.spacing else None
        options = CalibrationOptions(self.calibration_format, self.unit or "mm", detector)
        return load_calibrated(
            path,
            self.calibration,
            values=self.values,
            i0=self.i0,
            grid=grid,
            options=options,
            file_names=self.file_names,
        )

    def _with_region(self, case: Case) -> Case:
        """The case with the chosen region, completed by the case's own."""
        import numpy as np

        from ..geometry.coverage import check_views

        if not self._region:
            return case
        own = case.grid
        spacing = float(own.spacing[0]) if self.spacing is None else self.spacing
        with collect_warnings() as messages:
            direction = own.direction if self.direction is None else np.reshape(self.direction, (3, 3))
            grid = box(self.center or own.center, self.size or own.size, spacing, direction)
            check_views(case.views, grid)
        return replace(case, grid=grid).with_warnings(messages)


def box(center: ArrayLike, size: ArrayLike, spacing: float, direction: ArrayLike | None = None) -> Grid:
    """The region of `size` (3,) mm around `center` (3,) LPS mm; raises GeometryError where it cannot be one."""
    import numpy as np

    from ..geometry import Grid

    sides = np.asarray(size, dtype=np.float64)
    if spacing > 0 and np.prod(sides / spacing) > MAX_REGION_VOXELS:
        raise GeometryError(
            f"a region of {' x '.join(f'{side:g}' for side in sides)} mm in voxels of {spacing:g} mm has more than "
            f"{MAX_REGION_VOXELS:.0e} voxels; give a smaller --size or a larger --spacing, in mm"
        )
    return Grid.centered(center, size, spacing, direction)


def without(case: Case, ids: tuple[str, ...]) -> Case:
    """The case without some of its views; raises SettingsError for an id that it does not have."""
    unknown = sorted(set(ids) - {view.id for view in case.views})
    if unknown:
        known = ", ".join(view.id for view in case.views)
        raise SettingsError(f"--leave-out {' '.join(unknown)}: no such view in {case.name}, expected some of {known}")
    return replace(case, xrays=tuple(xray for xray in case.xrays if xray.view.id not in ids))


def evenly(case: Case, count: int | None) -> Case:
    """The case with `count` of its views, spread evenly over their order; all of them for None."""
    if count is None or count == len(case.xrays):
        return case
    if not 2 <= count <= len(case.xrays):
        raise SettingsError(f"--views {count}, expected a number from 2 to {len(case.xrays)}, the views of the case")
    last = len(case.xrays) - 1
    return replace(case, xrays=tuple(case.xrays[round(n * last / (count - 1))] for n in range(count)))
