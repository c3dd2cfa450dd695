"""From recorded pixels to line integrals of attenuation."""

from .line_integrals import line_integrals
from .radiograph import XRay
from .reading import read_pixels

__all__ = ["XRay", "line_integrals", "read_pixels"]
