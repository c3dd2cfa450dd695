"""From a case to a volume: the start, the optimisation and what comes of it."""

from .pipeline import reconstruct
from .result import Reconstruction
from .settings import ReconstructionSettings

__all__ = ["Reconstruction", "ReconstructionSettings", "reconstruct"]
