"""The arguments of jobs that read a case."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..formats.case_source import CaseOptions

if TYPE_CHECKING:
    from ..formats import Case


@dataclass(frozen=True)
class CaseArguments:
    """Which case to read, and where to write the results.

    case: a case, or images that `options` describe. out: an existing folder.
    """

    case: Path
    out: Path
    options: CaseOptions

    def load(self) -> Case:
        """The case; raises what the readers raise."""
        from ..runs.case_loading import load_case

        return load_case(self.options, self.case)


def case_parser(description: str | None) -> ArgumentParser:
    """A parser of these arguments, to which a job adds its own; the options are those of the command line."""
    parser = ArgumentParser(description=description)
    parser.add_argument("case", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--calibration", type=Path)
    parser.add_argument("--values")
    parser.add_argument("--i0", type=float)
    parser.add_argument("--pixel-spacing", type=float, nargs=2)
    parser.add_argument("--calibration-format")
    parser.add_argument("--unit")
    parser.add_argument("--tag-conventions", nargs="+", default=[])
    return parser


def case_arguments(parsed: Namespace) -> CaseArguments:
    """The arguments that a `case_parser` has parsed."""
    spacing = None if parsed.pixel_spacing is None else tuple(parsed.pixel_spacing)
    options = CaseOptions(
        parsed.calibration,
        parsed.values,
        parsed.i0,
        spacing,
        parsed.calibration_format,
        parsed.unit,
        tuple(parsed.tag_conventions),
    )
    return CaseArguments(parsed.case, parsed.out, options)
