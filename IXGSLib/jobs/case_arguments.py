"""The arguments of jobs that read a case."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..formats.case_source import CaseFlags

if TYPE_CHECKING:
    from ..formats import Case


@dataclass(frozen=True)
class CaseArguments:
    """Which case to read, and where to write the results.

    case: a case, or images that `flags` describe. out: an existing folder.
    """

    case: Path
    out: Path
    flags: CaseFlags

    def load(self) -> Case:
        """The case; raises what the readers raise."""
        return self.flags.load(self.case)


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
    return parser


def case_arguments(options: Namespace) -> CaseArguments:
    """The arguments that a `case_parser` has parsed."""
    spacing = None if options.pixel_spacing is None else tuple(options.pixel_spacing)
    flags = CaseFlags(
        options.calibration, options.values, options.i0, spacing, options.calibration_format, options.unit
    )
    return CaseArguments(options.case, options.out, flags)
