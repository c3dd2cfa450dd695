"""Reading and writing cases and calibrations."""

from .case import Case

__all__ = ["Case"]
