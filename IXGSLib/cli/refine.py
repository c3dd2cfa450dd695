"""`ixgs refine`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ..calibration.refinement.settings import RefinementSettings
from ..compute.device import Device
from ..files import check_new_folder, write_atomically, write_folder
from ..formats.case_source import CaseOptions
from ..messages import RESEARCH_ONLY, collect_warnings, unique, visible
from ..reconstruction.settings import Preset
from ..runs.events import Reporter, finite
from ..runs.stopping import stop_at_end_of_input
from .displays import display, tell

if TYPE_CHECKING:
    from rich.table import Table

    from ..calibration.refinement import Refinement
    from ..runs.refining import Refined

RECORD, PICTURE = "refinement.json", "poses.png"


@dataclass(frozen=True)
class Refine:
    """Refine the poses of a case so that its X-rays agree, as a new case.

    First all poses together, by comparing the X-rays with each other; then together with a volume, which is not kept.
    Writes OUT/case.json, OUT/refinement.json with the numbers of every view, and OUT/poses.png: how well a volume
    explains the X-rays with the poses before and after. The input case is never changed. Research use only. Not a
    medical device.
    """

    case: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="CASE")]
    """A folder with case.json, a JSON file like it, or, with --calibration, a folder of images. Standardise X-rays with
    soft tissue first (ixgs standardize)."""
    out: Path
    """Folder for the new case: new or empty."""
    preset: Preset = "standard"
    """How precisely the poses are optimised together with a volume."""
    device: Device = "auto"
    """Where to compute; auto uses a GPU where one works."""
    refinement: Annotated[RefinementSettings, tyro.conf.arg(name="")] = field(default_factory=RefinementSettings)
    json: bool = False
    """Report progress on standard output as one JSON object per line."""
    stop_on_eof: bool = False
    """Stop when standard input ends, so that the program that started this one can cancel it."""
    images: Annotated[CaseOptions, tyro.conf.arg(name="")] = field(default_factory=CaseOptions)

    def run(self) -> None:
        from ..formats.credit import read_credit
        from ..runs.case_loading import load_case
        from ..runs.refining import both_stages

        check_new_folder(self.out)
        if self.stop_on_eof:
            stop_at_end_of_input()
        with Reporter(display(self.json)) as reporter:
            with collect_warnings() as messages:
                case = load_case(self.images, self.case, self.device, note=reporter.note)
                credit = read_credit(self.case)
                refined = both_stages(case, self.refinement, self.preset, self.device, reporter)
            for message in unique(refined.case.warnings, messages):
                reporter.warn(message)
            folder = write_folder(self.out, lambda whole: self._write(refined, whole, credit))
            found = refined.refinement
            reporter.report("done", case=case.name, views=len(refined.case.views), verified=found.verified)
        if not self.json:
            _print(found, folder)

    def _write(self, refined: Refined, folder: Path, credit: str) -> None:
        from ..formats import save_case
        from ..formats.credit import NAME
        from .refine_picture import picture

        save_case(refined.case, folder)
        record = {"settings": asdict(self.refinement), **refined.refinement.as_dict()}
        if refined.case.tag_choice is not None:
            record["tag_choice"] = refined.case.tag_choice.as_dict()
        record = finite(record)
        write_atomically(folder / RECORD, json.dumps(record, indent=1, allow_nan=False).encode())
        write_atomically(folder / PICTURE, picture(refined))
        if credit:
            write_atomically(folder / NAME, credit.encode())


def _print(found: Refinement, folder: Path) -> None:
    from rich.console import Console

    Console().print(table(found))
    for line in (found.summary, f"{folder}: {len(found.case.views)} views", RESEARCH_ONLY):
        tell(line)


def table(found: Refinement) -> Table:
    """One row per view."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from ..evaluation.poses import with_deviation

    heads = ("View", "Pose", "Before", "After", "Turned", "Moved", "Beam", "Spread")
    rows = Table(*heads, box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for column in rows.columns[2:]:
        column.justify, column.no_wrap = "right", True
    for view in found.views:
        spread = f"{view.spread:.1f} mm" if view.spread == view.spread else "–"
        changes = (("rotation", "°"), ("shift", " mm"), ("beam", " mm"))
        lengths = [with_deviation(getattr(view, key), getattr(view, f"{key}_sd"), 1, unit) for key, unit in changes]
        cells = (view.id, view.state, f"{view.before:.3f}", f"{view.after:.3f}", *lengths, spread)
        rows.add_row(*(Text(visible(cell)) for cell in cells))
    return rows
