"""Poses from fiducials: a known phantom in every X-ray, or markers at unknown positions."""

from __future__ import annotations

from .phantom import Phantom
from .phantom_files import load_phantom
from .settings import FiducialSettings
from .with_phantom import calibrate_with_phantom

__all__ = ["FiducialSettings", "Phantom", "calibrate_with_phantom", "load_phantom"]
