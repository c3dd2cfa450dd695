"""A CT to X-rays: the pose of each vertebra."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_exports

if TYPE_CHECKING:
    from .anatomy import read_anatomy
    from .registration import register
    from .result import Registration
    from .saving import save_registration
    from .settings import RegistrationSettings

__all__ = ["Registration", "RegistrationSettings", "read_anatomy", "register", "save_registration"]

__getattr__ = lazy_exports(
    __name__,
    {
        "Registration": ".result",
        "RegistrationSettings": ".settings",
        "read_anatomy": ".anatomy",
        "register": ".registration",
        "save_registration": ".saving",
    },
)
