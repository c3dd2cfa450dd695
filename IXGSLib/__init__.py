"""3D volumes of the spine from a handful of calibrated C-arm X-rays. Research use only. Not a medical device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .lazy import lazy_exports
from .version import __version__

if TYPE_CHECKING:
    from .formats import load_case
    from .reconstruction import reconstruct
    from .standardization import StandardizationSettings, standardize

__all__ = ["StandardizationSettings", "__version__", "load_case", "reconstruct", "standardize"]

# Slicer imports this package at its start, when nothing heavy may be loaded.
__getattr__ = lazy_exports(
    __name__,
    {
        "StandardizationSettings": ".standardization",
        "load_case": ".formats",
        "reconstruct": ".reconstruction",
        "standardize": ".standardization",
    },
)
