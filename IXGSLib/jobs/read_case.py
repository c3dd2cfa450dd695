"""Read a case and write what the panel shows: reading.json, and for each view a picture and two arrays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ..calibration import examine
from ..errors import alarms_and_notices
from ..formats import Case
from ..formats.geometry_json import grid_as_json, view_as_json
from ..geometry.coverage import visible_fraction
from ..geometry.trajectory import angles
from ..runs.events import Reporter
from ..xray import XRay
from ..xray.windowing import grey_picture
from .case_arguments import case_arguments, case_parser
from .fiducials import write_fiducials
from .pictures import reduced_for_display, save_picture
from .process import run_job


def main(reporter: Reporter) -> None:
    arguments = case_arguments(case_parser(__doc__).parse_args())
    case = arguments.load()
    write_reading(case.with_warnings(examine(case).warnings), arguments.out, arguments.case)


def write_reading(case: Case, folder: Path, path: Path | None = None) -> None:
    """Write everything that the panel shows of a case; reading.json comes last.

    path: where the case was read from; None where it names no fiducials.
    """
    stems = {xray.view.id: f"{number:03d}" for number, xray in enumerate(case.xrays)}
    fiducials = {} if path is None else write_fiducials(case, path, folder, stems)
    content = {
        "name": case.name,
        "xrays": [
            write_xray(xray, case, folder, stems[xray.view.id]) | {"calibration": fiducials.get(xray.view.id)}
            for xray in case.xrays
        ],
        "grid": grid_as_json(case.grid),
        "warnings": alarms_and_notices(case.warnings)[0],
        "hashes": case.hashes,
        "values": "line_integral" if all(xray.values == "line_integral" for xray in case.xrays) else "intensity",
    }
    (folder / "reading.json").write_text(json.dumps(content), encoding="utf-8")


def write_xray(xray: XRay, case: Case, folder: Path, stem: str) -> dict[str, Any]:
    """Write the picture and the arrays of one X-ray; returns its entry in reading.json."""
    small = reduced_for_display(xray)
    np.save(folder / f"{stem}.npy", small.image)
    np.save(folder / f"{stem}-mask.npy", small.mask)
    save_picture(folder / f"{stem}.png", grey_picture(small.image, small.mask))
    orbital, angular = angles(xray.view)
    alarms, notices = alarms_and_notices(text for text in case.warnings if f"'{xray.view.id}'" in text)
    return {
        "files": stem,
        "view": view_as_json(small.view),
        "orbital": orbital,
        "angular": angular,
        "visible": visible_fraction(xray.view, case.grid),
        "poses": case.provenance.get(xray.view.id, ""),
        "masked": float(1 - xray.mask.mean()),
        "warnings": alarms,
        "notices": notices,
    }


if __name__ == "__main__":
    run_job(main)
