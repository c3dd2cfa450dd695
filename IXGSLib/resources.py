"""Files that come with IXGS: the sample case, and weights of networks."""

from __future__ import annotations

from pathlib import Path

from .errors import IXGSError

PACKAGE = Path(__file__).resolve().parent
PLACES = (PACKAGE / "Resources", PACKAGE.parent / "Resources")
"""Inside IXGSLib where it is installed, as a wheel or with the Slicer extension; beside it in the source tree."""


def resource(name: str) -> Path:
    """The file or folder of that name that comes with IXGS; raises IXGSError when it is missing."""
    for place in PLACES:
        if (place / name).exists():
            return place / name
    raise IXGSError(
        f"{name}: not found, expected it in {' or '.join(str(place) for place in PLACES)}; install IXGS again or "
        "take a whole copy of the repository"
    )


def shipped_weights() -> Path | None:
    """The weights of the network that standardises X-rays; None where none come with this IXGS."""
    for place in PLACES:
        if (place / "Models" / "standardizer.safetensors").is_file():
            return place / "Models" / "standardizer.safetensors"
    return None
