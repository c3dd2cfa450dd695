"""3D volumes of the spine from a handful of calibrated C-arm X-rays. Research use only. Not a medical device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .lazy import lazy_exports
from .version import __version__

if TYPE_CHECKING:
    from .formats import load_case
    from .reconstruction import reconstruct
    from .registration import RegistrationSettings, register, save_registration
    from .standardization import StandardizationSettings, standardize

__all__ = [
    "RegistrationSettings",
    "StandardizationSettings",
    "__version__",
    "load_case",
    "reconstruct",
    "register",
    "save_registration",
    "standardize",
]

# Slicer imports this package at its start, when nothing heavy may be loaded.
__getattr__ = lazy_exports(
    __name__,
    {
        "RegistrationSettings": ".registration",
        "StandardizationSettings": ".standardization",
        "load_case": ".formats",
        "reconstruct": ".reconstruction",
        "register": ".registration",
        "save_registration": ".registration",
        "standardize": ".standardization",
    },
)
