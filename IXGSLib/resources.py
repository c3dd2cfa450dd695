"""Files that come with IXGS: the sample case and network weights."""

from __future__ import annotations

from pathlib import Path

from .errors import IXGSError

PACKAGE = Path(__file__).resolve().parent
FOLDERS = (PACKAGE / "Resources", PACKAGE.parent / "Resources")
"""Inside IXGSLib in a wheel and in the Slicer extension; next to it in the source tree."""


def resource(name: str) -> Path:
    """The file or folder of that name that comes with IXGS; raises IXGSError when it is missing."""
    for folder in FOLDERS:
        if (folder / name).exists():
            return folder / name
    raise IXGSError(
        f"{name}: not found, expected it in {' or '.join(map(str, FOLDERS))}; install IXGS again or "
        "get a complete copy of the repository"
    )


def shipped_weights() -> Path | None:
    """The weights of the network that standardises X-rays; None where this copy of IXGS comes without."""
    return _model("standardizer.safetensors")


def shipped_bone_weights() -> Path | None:
    """The weights of the network that estimates bone in 3D; None where this copy of IXGS comes without."""
    return _model("bone_prior.safetensors")


def _model(name: str) -> Path | None:
    files = (folder / "Models" / name for folder in FOLDERS)
    return next((file for file in files if file.is_file()), None)
