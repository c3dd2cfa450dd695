"""Reads a case and writes what the panel shows of it: reading.json, and a picture and two arrays for each view."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .request import Request

SIDE = 512
"""Pixels along the longer side of what is shown, at most."""


def main() -> None:
    from IXGSLib.calibration import examine

    request = Request.parsed()
    case = request.load()
    write(replace(case, warnings=(*case.warnings, *examine(case).warnings)), request.out)


def write(case: Any, folder: Path) -> None:
    """Everything about a case that the panel shows; reading.json comes last."""
    grid = case.grid
    found = {
        "name": case.name,
        "views": [described(number, xray, case, folder) for number, xray in enumerate(case.xrays)],
        "grid": {
            "shape": grid.shape,
            "spacing": grid.spacing.tolist(),
            "origin": grid.origin.tolist(),
            "direction": grid.direction.tolist(),
        },
        "warnings": list(case.warnings),
        "values": case.xrays[0].values,
    }
    (folder / "reading.json").write_text(json.dumps(found), encoding="utf-8")


def described(number: int, xray: Any, case: Any, folder: Path) -> dict[str, Any]:
    """One view for reading.json; its files are written on the way."""
    from PIL import Image

    from ..geometry.coverage import visible_fraction
    from ..geometry.trajectory import angles
    from ..scene.xrays import grey
    from ..xray.reduction import reduced

    small, stem = reduced(xray, -(-max(xray.view.size) // SIDE)), f"{number:03d}"
    np.save(folder / f"{stem}.npy", small.image)
    np.save(folder / f"{stem}-mask.npy", small.mask)
    Image.fromarray(grey(small)).save(folder / f"{stem}.png")
    orbital, angular = angles(xray.view)
    view = small.view
    return {
        "id": view.id,
        "files": stem,
        "K": view.K.tolist(),
        "world_from_camera": view.world_from_camera.tolist(),
        "size": view.size,
        "pixel_spacing": view.pixel_spacing,
        "orbital": orbital,
        "angular": angular,
        "sees": visible_fraction(xray.view, case.grid),
        "masked": float(1 - xray.mask.mean()),
        "notes": [warning for warning in case.warnings if f"'{view.id}'" in warning],
    }


if __name__ == "__main__":
    from .request import run

    run(main)
