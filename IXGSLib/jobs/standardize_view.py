"""Standardise one view of a case: before.png and after.png, each in its own grey window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..messages import collect_warnings
from ..runs.events import Reporter
from ..standardization import StandardizationSettings, standardize
from ..xray import XRay
from ..xray.windowing import grey_picture
from .case_arguments import CaseArguments, case_arguments, case_parser
from .pictures import reduced_for_display, save_picture
from .process import run_job


@dataclass(frozen=True)
class StandardizeViewArguments:
    """Which view of which case to standardise, and how."""

    case: CaseArguments
    view: str
    settings: StandardizationSettings

    @classmethod
    def parse(cls, words: Sequence[str] | None = None) -> StandardizeViewArguments:
        """The arguments of the command line, or of some words."""
        parser = case_parser(__doc__)
        parser.add_argument("--view", required=True, help="id of the view")
        parser.add_argument("--method", default="auto")
        parser.add_argument("--weights", type=Path)
        options = parser.parse_args(words)
        settings = StandardizationSettings(method=options.method, weights=options.weights)
        return cls(case_arguments(options), options.view, settings)


def main(reporter: Reporter) -> None:
    standardize_view(StandardizeViewArguments.parse(), reporter)


def standardize_view(arguments: StandardizeViewArguments, reporter: Reporter) -> None:
    """Write both pictures, and report every warning that standardisation adds to those of the case."""
    case = arguments.case.load()
    before = replace(case, xrays=tuple(xray for xray in case.xrays if xray.view.id == arguments.view))
    with collect_warnings() as messages:
        after = standardize(before, arguments.settings)
    for warning in (*messages, *after.warnings):
        if warning not in case.warnings:
            reporter.warn(warning)
    save_preview(arguments.case.out / "before.png", before.xrays[0])
    save_preview(arguments.case.out / "after.png", after.xrays[0])


def save_preview(path: Path, xray: XRay) -> None:
    """Write a small picture of an X-ray."""
    small = reduced_for_display(xray)
    save_picture(path, grey_picture(small.image, small.mask))


if __name__ == "__main__":
    run_job(main)
