"""Reading and writing cases and calibrations."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .calibrated import load_calibrated
    from .case import Case
    from .case_json import load_case
    from .case_writing import save_case

__all__ = ["Case", "load_calibrated", "load_case", "save_case"]

_MODULES = {"Case": "case", "load_calibrated": "calibrated", "load_case": "case_json", "save_case": "case_writing"}


def __getattr__(name: str) -> Any:
    # The readers bring pydicom and more, for which Slicer shall not wait when it only wants a record.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)
