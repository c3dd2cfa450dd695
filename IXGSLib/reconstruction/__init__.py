"""From a case to a volume: the start, the optimisation and its result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_exports
from .settings import ReconstructionSettings

if TYPE_CHECKING:
    from .pipeline import reconstruct
    from .result import Reconstruction

__all__ = ["Reconstruction", "ReconstructionSettings", "reconstruct"]

# The panel shows the settings even if torch is not installed yet.
__getattr__ = lazy_exports(__name__, {"Reconstruction": ".result", "reconstruct": ".pipeline"})
