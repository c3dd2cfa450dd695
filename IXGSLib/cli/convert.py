"""`ixgs convert`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from ..formats.calibrations.writing import Target
from ..formats.case_source import CaseOptions
from ..messages import collect_warnings, unique
from .displays import say, say_warning, tell


@dataclass(frozen=True)
class Convert:
    """Write the calibration of a case for another program, or images with a calibration as a case."""

    case: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="CASE")]
    """A folder with case.json, a JSON file like it, or, with --calibration, a folder of images."""
    to: Target
    """case: a folder with case.json; matrices: 3x4 matrices (.csv, .json); rtk: RTK geometry (.xml); transforms:
    transforms.json of nerfstudio; mayacam: a folder with MayaCam 2.0 files."""
    out: Path
    """File or folder to write, a new one."""
    force: bool = False
    """Replace an existing file."""
    images: Annotated[CaseOptions, tyro.conf.arg(name="")] = field(default_factory=CaseOptions)

    def run(self) -> None:
        from ..formats.calibrations.writing import write_calibration
        from ..runs.case_loading import load_case

        with collect_warnings() as messages:
            case = load_case(self.images, self.case, note=say)
            note = write_calibration(case, self.to, self.out, self.force)
        for message in unique(case.warnings, messages):
            say_warning(message)
        tell(f"{self.out}: {len(case.views)} views; {note}")
