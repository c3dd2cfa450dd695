"""From an X-ray to the bone-enhanced radiograph that the reconstruction fits best."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_exports

if TYPE_CHECKING:
    from .method import resolve_method
    from .settings import StandardizationSettings
    from .standardizer import standardize

__all__ = ["StandardizationSettings", "resolve_method", "standardize"]

# `standardize` loads scipy and the readers of images, which the settings and the choice of a method do not need.
__getattr__ = lazy_exports(
    __name__,
    {"StandardizationSettings": ".settings", "resolve_method": ".method", "standardize": ".standardizer"},
)
