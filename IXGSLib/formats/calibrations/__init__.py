"""Calibrations of other programs, one module per format."""

from .calibration import CalibratedView, Calibration, CalibrationOptions
from .registry import read_calibration

__all__ = ["CalibratedView", "Calibration", "CalibrationOptions", "read_calibration"]
