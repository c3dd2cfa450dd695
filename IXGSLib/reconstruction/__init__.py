"""From a case to a volume: the start, the optimisation and what comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .settings import ReconstructionSettings

if TYPE_CHECKING:
    from .pipeline import reconstruct
    from .result import Reconstruction

__all__ = ["Reconstruction", "ReconstructionSettings", "reconstruct"]


def __getattr__(name: str) -> Any:
    # The panel shows the settings also where torch is not installed yet.
    if name == "reconstruct":
        from .pipeline import reconstruct

        return reconstruct
    if name == "Reconstruction":
        from .result import Reconstruction

        return Reconstruction
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
