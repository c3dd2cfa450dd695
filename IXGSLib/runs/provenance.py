"""The provenance of a result, as run.json records it."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import TYPE_CHECKING, Any

from ..messages import RESEARCH_ONLY
from ..version import __version__

if TYPE_CHECKING:
    from ..formats import Case

PACKAGES = ("torch", "numpy", "numba", "scipy", "scikit-image", "SimpleITK", "pydicom", "tifffile", "safetensors")


def case_record(case: Case) -> dict[str, Any]:
    """A case's name, views, region, origin of poses with the choice of tag conventions, and standardisation, and the
    SHA-256 of its files; no paths."""
    grid = case.grid
    region = {
        "center": grid.center.tolist(),
        "shape": list(grid.shape),
        "spacing": grid.spacing.tolist(),
        "direction": grid.direction.tolist(),
    }
    named: dict[str, Any] = {"name": case.name, "views": [view.id for view in case.views], "region": region}
    if case.provenance:
        named["provenance"] = case.provenance
    if case.tag_choice is not None:
        named["tag_choice"] = case.tag_choice.as_dict()
    made = None if case.standardization is None else case.standardization.record
    return {"case": named, "inputs": case.hashes, "standardization": made}


def environment_record() -> dict[str, Any]:
    """Versions and platform, without the names of the machine and the user."""
    return {
        "ixgs": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "notice": RESEARCH_ONLY,
    }
