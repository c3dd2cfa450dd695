"""Reading and writing cases and calibrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_exports

if TYPE_CHECKING:
    from .calibrated import load_calibrated
    from .case import Case
    from .case_json import load_case
    from .case_writing import save_case

__all__ = ["Case", "load_calibrated", "load_case", "save_case"]

# The readers load pydicom and more, which a caller that only reads a settings file does not need.
__getattr__ = lazy_exports(
    __name__,
    {"Case": ".case", "load_calibrated": ".calibrated", "load_case": ".case_json", "save_case": ".case_writing"},
)
