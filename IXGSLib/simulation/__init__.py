"""Simulated C-arm radiographs of a CT, with the volume that they should lead back to."""

from .imaging_settings import ImagingSettings
from .settings import SimulationSettings
from .simulator import Simulation, simulate
from .writing import write_simulation

__all__ = ["ImagingSettings", "Simulation", "SimulationSettings", "simulate", "write_simulation"]
