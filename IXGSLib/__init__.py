"""3D volumes of the spine from a handful of calibrated C-arm X-rays. Research use only. Not a medical device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .formats import load_case
    from .reconstruction import reconstruct
    from .standardization import StandardizationSettings, standardize

__all__ = ["StandardizationSettings", "load_case", "reconstruct", "standardize"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Slicer imports this package at its start, when nothing heavy may be loaded.
    if name == "load_case":
        from .formats import load_case

        return load_case
    if name == "reconstruct":
        from .reconstruction import reconstruct

        return reconstruct
    if name in ("StandardizationSettings", "standardize"):
        from . import standardization

        return getattr(standardization, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
