"""`ixgs simulate`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from ..errors import SettingsError
from ..files import check_new_folder
from ..messages import RESEARCH_ONLY, collect_warnings
from ..simulation import ImagingSettings, Simulation, SimulationSettings, simulate, write_simulation
from .displays import say_warning, tell


@dataclass(frozen=True)
class Simulate:
    """Simulate a case from a CT, with the true volume for comparison."""

    ct: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="CT")]
    """A CT in HU: a .nrrd, .mha, .nii or .nii.gz file, or a folder with one DICOM series."""
    out: Path
    """Folder for case.json, test.json, images/ and truth.nrrd: new or empty."""
    realistic: bool = False
    """Simulate X-rays as a C-arm exports them, with spectrum, scatter, blur, noise, collimator, table and implants, and
    write the clean targets with them; --photons is not used."""
    settings: Annotated[SimulationSettings, tyro.conf.arg(name="")] = field(default_factory=SimulationSettings)
    imaging: ImagingSettings = field(default_factory=ImagingSettings)
    """Imaging settings, used with --realistic."""

    def run(self) -> None:
        check_new_folder(self.out)
        with collect_warnings() as messages:
            simulation, folder = self._realistic() if self.realistic else self._plain()
        for message in messages:
            say_warning(message)
        count, tests = len(simulation.training.xrays), len(simulation.test.xrays)
        tell(f"{folder}: {count} views, {tests} test views, the true volume\n{RESEARCH_ONLY}")

    def _plain(self) -> tuple[Simulation, Path]:
        if self.imaging != ImagingSettings():
            raise SettingsError(
                "--imaging options apply only to realistic X-rays, expected --realistic with them; add --realistic"
            )
        simulation = simulate(self.ct, self.settings)
        return simulation, write_simulation(simulation, self.out)

    def _realistic(self) -> tuple[Simulation, Path]:
        from ..simulation.realistic_case import simulate_realistic, write_realistic

        simulation = simulate_realistic(self.ct, self.settings, self.imaging)
        return simulation.clean, write_realistic(simulation, self.out)
