"""The standardisation method that is used for X-rays, with `auto` resolved; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..errors import SettingsError
from ..resources import shipped_weights

if TYPE_CHECKING:
    from ..xray.radiograph import Values
    from .settings import StandardizationSettings


@dataclass(frozen=True)
class ResolvedMethod:
    """The method that is used, the weights of pix2pix, and a message to show; empty when there is nothing to say."""

    method: Literal["none", "classical", "pix2pix"]
    weights: Path | None = None
    message: str = ""


def resolve_method(values: Values, settings: StandardizationSettings) -> ResolvedMethod:
    """The method for X-rays of one kind of values; whether the weights are valid is not checked.

    auto leaves line integrals as they are and uses pix2pix for intensities, or the classical method where there are no
    weights. Raises SettingsError for pix2pix without weights.
    """
    weights = settings.weights or shipped_weights()
    if settings.method == "pix2pix":
        if weights is None:
            raise SettingsError(
                "pix2pix without weights: none come with this IXGS; give --weights FILE.safetensors, or use classical"
            )
        return ResolvedMethod("pix2pix", weights)
    if settings.method != "auto":
        return ResolvedMethod(settings.method)
    if values == "line_integral":
        return ResolvedMethod("none")
    if weights is None:
        return ResolvedMethod(
            "classical",
            message="no weights of a network come with this IXGS, so auto uses the classical method; give weights to "
            "use pix2pix",
        )
    return ResolvedMethod("pix2pix", weights)
