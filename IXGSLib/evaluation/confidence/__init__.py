"""Confidence of each voxel of a reconstruction, calibrated on simulated patients."""

from .confidence import Confidence, Doubt, confidence_of

__all__ = ["Confidence", "Doubt", "confidence_of"]
