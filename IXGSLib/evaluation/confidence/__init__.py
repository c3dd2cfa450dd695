"""Confidence of each voxel of a reconstruction, calibrated on simulated patients."""

from .confidence import Confidence, confidence_of

__all__ = ["Confidence", "confidence_of"]
