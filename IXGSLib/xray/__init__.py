"""From the recordings of a detector to line integrals of attenuation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_exports
from .line_integrals import line_integrals
from .radiograph import XRay

if TYPE_CHECKING:
    from .reading import read_pixels

__all__ = ["XRay", "line_integrals", "read_pixels"]

# The readers load SimpleITK and pydicom, which would delay the start of Slicer.
__getattr__ = lazy_exports(__name__, {"read_pixels": ".reading"})
