"""`ixgs simulate`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from ..simulation import SimulationSettings, simulate, write_simulation
from .messages import RESEARCH_ONLY, noticed, tell


@dataclass(frozen=True)
class Simulate:
    """Make a case from a CT, with the truth to compare with."""

    ct: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="CT")]
    """A CT in HU: .nrrd, .mha, .nii, .nii.gz, or a folder with one DICOM series."""
    out: Path
    """Folder for case.json, test.json, images/ and truth.nrrd: new or empty."""
    settings: Annotated[SimulationSettings, tyro.conf.arg(name="")] = field(default_factory=SimulationSettings)

    def run(self) -> None:
        with noticed() as messages:
            simulation = simulate(self.ct, self.settings)
            folder = write_simulation(simulation, self.out)
        for message in messages:
            tell(f"warning: {message}")
        count, tests = len(simulation.training.xrays), len(simulation.test.xrays)
        print(f"{folder}: {count} views, {tests} to test with, the true volume\n{RESEARCH_ONLY}")
