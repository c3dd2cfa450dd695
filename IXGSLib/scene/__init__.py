"""Volumes, X-rays, C-arm poses and regions in and out of a 3D Slicer scene; the only place that touches MRML."""

from .runs import load_run
from .session import open_scene
from .volumes import add_volume

__all__ = ["add_volume", "load_run", "open_scene"]
