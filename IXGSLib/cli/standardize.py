"""`ixgs standardize`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ..files import check_new_folder, write_atomically, write_folder
from ..formats.case_source import CaseOptions
from ..messages import RESEARCH_ONLY, collect_warnings, unique
from ..runs.events import Reporter
from ..runs.stopping import stop_at_end_of_input
from ..standardization.settings import StandardizationSettings
from .displays import display, tell

if TYPE_CHECKING:
    from ..formats import Case


@dataclass(frozen=True)
class Standardize:
    """Standardise the X-rays of a case to bone-enhanced radiographs, as a new case.

    Writes OUT/case.json with line integrals, marked as synthetic, and OUT/raw with the original X-rays. The input case
    is never changed. Research use only. Not a medical device.
    """

    case: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="CASE")]
    """A folder with case.json, a JSON file like it, or, with --calibration, a folder of images."""
    out: Path
    """Folder for the new case: new or empty."""
    settings: Annotated[StandardizationSettings, tyro.conf.arg(name="")] = field(
        default_factory=StandardizationSettings
    )
    json: bool = False
    """Report progress on standard output as one JSON object per line."""
    stop_on_eof: bool = False
    """Stop when standard input ends, so that the program that started this one can cancel it."""
    images: Annotated[CaseOptions, tyro.conf.arg(name="")] = field(default_factory=CaseOptions)

    def run(self) -> None:
        from ..formats.credit import read_credit
        from ..runs.case_loading import load_case

        check_new_folder(self.out)
        if self.stop_on_eof:
            stop_at_end_of_input()
        with Reporter(display(self.json)) as reporter:
            with collect_warnings() as messages:
                credit = read_credit(self.case)
                case = self._standardized(load_case(self.images, self.case, note=reporter.note), reporter)
            for message in unique(case.warnings, messages):
                reporter.warn(message)
            folder = write_folder(self.out, lambda whole: self._write(case, whole, credit))
            method = case.standardization.method if case.standardization else "none"
            reporter.report("done", case=case.name, views=len(case.xrays), method=method)
        if not self.json:
            tell(f"{folder}: {len(case.xrays)} views, method {method}\n{RESEARCH_ONLY}")

    def _write(self, case: Case, folder: Path, credit: str) -> None:
        """Write the case, and the credit of its X-rays."""
        from ..formats import save_case
        from ..formats.credit import NAME

        save_case(case, folder)
        if credit:
            write_atomically(folder / NAME, credit.encode())

    def _standardized(self, case: Case, reporter: Reporter) -> Case:
        from ..standardization import standardize

        return standardize(case, self.settings, progress_to(reporter))


def progress_to(reporter: Reporter) -> Callable[[int, int], None]:
    """What reports how many of all views are standardised, with the time left."""
    start = time.monotonic()

    def progress(done: int, total: int) -> None:
        seconds = time.monotonic() - start
        remaining = seconds / done * (total - done)
        reporter.report(
            "progress", stage="standardization", step=done, steps=total, seconds=seconds, remaining=remaining
        )

    return progress
