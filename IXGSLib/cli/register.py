"""`ixgs register`."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ..files import check_new_folder
from ..formats.case_source import CaseOptions
from ..messages import RESEARCH_ONLY, collect_warnings, unique, visible
from ..registration.settings import RegistrationSettings
from ..runs.events import Reporter
from ..runs.stopping import stop_at_end_of_input
from .displays import display, tell

if TYPE_CHECKING:
    from rich.table import Table

    from ..registration import Registration


@dataclass(frozen=True)
class Register:
    """Register the vertebrae of a CT to the X-rays of a case, each as a rigid body.

    Writes OUT/report.html, OUT/registration.json, a transform for 3D Slicer and a surface of each vertebra
    (OUT/transforms, OUT/models), the moved vertebrae as a volume and as labels, and the outlines on each X-ray
    (OUT/overlays). Results that cannot be trusted are marked as not verified. Research use only. Not a medical device.
    """

    ct: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="CT")]
    """The CT in Hounsfield units: .nii.gz, .nrrd, .mha, or a folder with one DICOM series."""
    case: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="CASE")]
    """A folder with case.json, a JSON file like it, or, with --calibration, a folder of images."""
    out: Path
    """Folder for the result: new or empty."""
    labels: Path | None = None
    """Label map of the CT's vertebrae, on the same voxels, such as TotalSegmentator's or VerSe's. Without it the
    spine is registered as one body."""
    names: Path | None = None
    """JSON file with the names of other labels, such as {"1": "L4", "2": "L5"}."""
    points: Path | None = None
    """In place of labels: a point in the body of each vertebra, named after it, as 3D Slicer's markups (.mrk.json) or
    JSON such as {"L3": [0, 20, -110]}, LPS mm. The bone around is divided between them."""
    vertebrae: tuple[str, ...] = ()
    """The vertebrae to register, such as L3 L4; by default all that the X-rays show."""
    start: Path | None = None
    """Transform (.tfm) that brings the CT near to its place, where it is known; by default it is searched along the
    whole spine, for a CT and X-rays in about the same orientation."""
    registration: Annotated[RegistrationSettings, tyro.conf.arg(name="")] = field(default_factory=RegistrationSettings)
    json: bool = False
    """Report progress on standard output as one JSON object per line."""
    stop_on_eof: bool = False
    """Stop when standard input ends, so that the program that started this one can cancel it."""
    images: Annotated[CaseOptions, tyro.conf.arg(name="")] = field(default_factory=CaseOptions)

    def run(self) -> None:
        from ..formats.credit import read_credit
        from ..registration import save_registration
        from ..runs.provenance import environment_record

        check_new_folder(self.out)
        if self.stop_on_eof:
            stop_at_end_of_input()
        with Reporter(display(self.json)) as reporter:
            with collect_warnings() as messages:
                found = self._registered(reporter)
                credit = read_credit(self.case)
            for message in unique(found.warnings, messages):
                reporter.warn(message)
            reporter.report("writing")
            about = {**self._inputs(found), **environment_record()}
            folder = save_registration(found, self.out, about, credit)
            reporter.report("done", case=found.case.name, views=len(found.case.xrays), verified=found.verified)
        if not self.json:
            _print(found, folder)

    def _registered(self, reporter: Reporter) -> Registration:
        from ..registration import read_anatomy, register
        from ..registration.labels import read_names
        from ..registration.splitting import read_points
        from ..registration.transforms import read_tfm
        from ..runs.case_loading import load_case

        names = None if self.names is None else read_names(self.names)
        points = None if self.points is None else read_points(self.points)
        start = None if self.start is None else read_tfm(self.start)
        case = load_case(self.images, self.case, note=reporter.note)
        began = time.monotonic()

        def progress(stage: str, step: int, steps: int) -> None:
            seconds = time.monotonic() - began
            remaining = seconds * (steps - step) / step if step else None
            reporter.report("progress", stage=stage, step=step, steps=steps, seconds=seconds, remaining=remaining)

        anatomy = read_anatomy(self.ct, self.labels, self.registration, names, points)
        return register(anatomy, case, None, self.vertebrae or None, start, self.registration, progress)

    def _inputs(self, found: Registration) -> dict:
        """What was registered, without paths."""
        from ..files import file_sha256
        from ..runs.provenance import case_record

        files = {"ct": self.ct, "labels": self.labels}
        hashes = {name: file_sha256(path) for name, path in files.items() if path is not None and path.is_file()}
        return {**case_record(found.case), "ct": hashes}


def _print(found: Registration, folder: Path) -> None:
    from rich.console import Console

    Console().print(table(found))
    if found.motions:
        Console().print(motion_table(found))
    for line in (found.summary, f"{folder}: {len(found.vertebrae)} vertebrae", RESEARCH_ONLY):
        tell(line)


def table(found: Registration) -> Table:
    """One row per vertebra."""
    from ..registration.page import number

    rows = _table("Vertebra", "Verified", "Residual", "Edges", "Spread")
    for vertebra in found.vertebrae:
        numbers = (
            number(vertebra.residual, ".2f"),
            number(vertebra.edges, ".1f", " mm"),
            number(vertebra.spread, ".2f", " mm"),
        )
        rows.add_row(visible(vertebra.name), "yes" if vertebra.verified else "no", *numbers)
    return rows


def motion_table(found: Registration) -> Table:
    """One row per level: its motion since the CT."""
    from ..registration.page import motion_row

    rows = _table("Level", "Rotation", "Flexion", "Bending", "Torsion", "Shift", "Left", "Back", "Up")
    for motion in found.motions:
        rows.add_row(*motion_row(motion))
    return rows


def _table(*heads: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    rows = Table(*heads, box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for column in rows.columns:
        column.no_wrap = True
    for column in rows.columns[1:]:
        column.justify = "right"
    return rows
