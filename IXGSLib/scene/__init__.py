"""Volumes, X-rays, C-arm poses and regions to and from a 3D Slicer scene; nothing else in IXGSLib uses MRML."""

from .registrations import load_registration
from .runs import load_run
from .session import open_scene
from .volumes import add_volume

__all__ = ["add_volume", "load_registration", "load_run", "open_scene"]
