"""Reads a case and writes what the panel shows of it: reading.json, and a picture and two arrays for each view."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

SIDE = 512
"""Pixels along the longer side of what is shown, at most."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("case", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--calibration", type=Path)
    parser.add_argument("--values")
    parser.add_argument("--i0", type=float)
    parser.add_argument("--pixel-spacing", type=float, nargs=2)
    options = parser.parse_args()
    from IXGSLib.formats import load_calibrated, load_case
    from IXGSLib.formats.rtk import Detector

    if options.calibration is None:
        case = load_case(options.case)
    else:
        detector = Detector(tuple(options.pixel_spacing)) if options.pixel_spacing else None
        case = load_calibrated(
            options.case, options.calibration, values=options.values, i0=options.i0, detector=detector
        )
    write(case, options.out)


def write(case: Any, folder: Path) -> None:
    """Everything about a case that the panel shows; reading.json comes last."""
    from IXGSLib.geometry.coverage import widest_angle

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
        "angle": widest_angle(case.views, grid.center),
    }
    (folder / "reading.json").write_text(json.dumps(found), encoding="utf-8")


def described(number: int, xray: Any, case: Any, folder: Path) -> dict[str, Any]:
    """One view for reading.json; its files are written on the way."""
    from PIL import Image

    from IXGSLib.geometry.coverage import visible_fraction
    from IXGSLib.geometry.trajectory import angles
    from IXGSLib.scene.xrays import grey
    from IXGSLib.xray.reduction import reduced

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
    from IXGSLib.cli.events import Reporter
    from IXGSLib.cli.stopping import stop_at_end_of_input, stoppable

    with stoppable(), Reporter(json_lines=True):
        stop_at_end_of_input()
        main()
