"""Reading and writing cases and calibrations."""

from .calibrated import load_calibrated
from .case import Case
from .case_json import load_case
from .case_writing import save_case

__all__ = ["Case", "load_calibrated", "load_case", "save_case"]
