"""Simulated C-arm radiographs of a CT, with the volume that they should lead back to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_exports
from .imaging_settings import ImagingSettings
from .settings import SimulationSettings

if TYPE_CHECKING:
    from .simulator import Simulation, simulate
    from .writing import write_simulation

__all__ = ["ImagingSettings", "Simulation", "SimulationSettings", "simulate", "write_simulation"]

# A command that only plans simulations needs neither torch nor numba.
__getattr__ = lazy_exports(
    __name__, {"Simulation": ".simulator", "simulate": ".simulator", "write_simulation": ".writing"}
)
