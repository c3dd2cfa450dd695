"""Writing a case as a folder."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import IXGSError
from ..files import sha256, write_atomically
from ..xray import XRay, png, tiff
from ..xray.radiograph import Values
from .case import Case
from .case_json import VERSION
from .folder import safe_name
from .geometry_json import box_as_json, view_as_json

RAW = "raw"
"""The folder of the original X-rays of a standardised case."""


def save_case(
    case: Case, folder: str | os.PathLike[str], filename: str = "case.json", values: Values = "line_integral"
) -> Path:
    """Write a case (float32 TIFF) with masks where needed, the JSON last; returns its path.

    values: what the images hold; "intensity" are those of an open field of 1, so that X-rays that were intensities
    are still standardised.
    The original X-rays of a standardised case are written to raw/, as a separate case.
    Raises IXGSError when the folder cannot be written, FormatError for a region whose voxels are not cubes.
    """
    folder = Path(folder)
    volume = box_as_json(case.grid)
    try:
        (folder / "images").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise IXGSError(f"{folder}: cannot be created ({error.strerror}); choose another folder") from error
    taken: set[str] = set()
    views = [_write_view(xray, folder, safe_name(xray.view.id, taken), values) for xray in case.xrays]
    for view in views:
        if view["id"] in case.provenance:
            view["provenance"] = case.provenance[view["id"]]
    data = {
        "format": "ixgs-case",
        "version": VERSION,
        "frame": "LPS",
        "unit": "mm",
        "name": case.name,
        "values": values,
        "views": views,
        "volume": volume,
    }
    if values == "intensity":
        data["i0"] = 1.0
    if case.standardization is not None:
        data["standardization"] = _standardization(case, folder)
    if case.calibration is not None:
        data["calibration"] = case.calibration.record
    target = folder / filename
    write_atomically(target, json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False).encode())
    return target


def _standardization(case: Case, folder: Path) -> dict[str, Any]:
    """Write the original X-rays, then return the record that names them."""
    made = case.standardization
    assert made is not None
    record = {key: value for key, value in made.record.items() if key != "raw"}
    views = [made.raw[view.id] for view in case.views if view.id in made.raw]
    if views:
        path = save_case(Case(tuple(views), case.grid, case.name), folder / RAW)
        record["raw"] = path.relative_to(folder).as_posix()
    return record


def _write_view(xray: XRay, folder: Path, stem: str, values: Values) -> dict[str, Any]:
    """Write a view's image and mask, then return its entry in the JSON."""
    data = tiff.encode(np.exp(-xray.image) if values == "intensity" else xray.image)
    entry = {"id": xray.view.id, "image": f"images/{stem}.tiff", "sha256": sha256(data), **view_as_json(xray.view)}
    write_atomically(folder / entry["image"], data)
    if not xray.mask.all():
        entry["mask"] = f"images/{stem}.mask.png"
        write_atomically(folder / entry["mask"], png.encode(xray.mask.astype(np.uint8) * 255))
    return entry
