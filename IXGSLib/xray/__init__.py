"""From what a detector recorded to line integrals of attenuation."""

from .radiograph import XRay

__all__ = ["XRay"]
