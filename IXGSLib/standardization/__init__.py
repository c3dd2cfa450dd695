"""From an X-ray to the bone-enhanced radiograph that the reconstruction fits best."""

from .settings import StandardizationSettings
from .standardizer import standardize

__all__ = ["StandardizationSettings", "standardize"]
