"""Fiducials from which poses come, for the panel: their records, and pictures in which they are in sight."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..formats import Case, load_case
from ..formats.fiducial_findings import FIDUCIALS, ViewRecord, covered
from ..xray import XRay
from ..xray.windowing import grey_window, to_grey
from .pictures import reduced_for_display, save_picture


def write_fiducials(case: Case, path: Path, folder: Path, stems: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Write a picture with its fiducials of each X-ray whose pose comes from them.

    A case masks fiducials, which are no part of the patient. path: of the case.json or its folder. stems: how the names
    of files begin, by view id. Returns what `ViewRecord.as_dict` does by view id, with fiducials in pixels of the
    pictures and residuals in those of the X-rays, and the name of the "picture".
    """
    records = {xray.view.id: _record(xray, case) for xray in case.xrays}
    if not any(records.values()):
        return {}
    unmasked = {xray.view.id: xray for xray in load_case(path, check=False, masks=False).xrays}
    entries = {}
    for xray in case.xrays:
        id, record = xray.view.id, records[xray.view.id]
        if record is not None:
            name = f"{stems[id]}-fiducials.png"
            scale = _write_picture(xray, unmasked[id], record, folder / name)
            shown = tuple(one.resized((scale, scale)) for one in record.fiducials)
            entries[id] = replace(record, fiducials=shown).as_dict() | {"picture": name}
    return entries


def _record(xray: XRay, case: Case) -> ViewRecord | None:
    """What fiducials say about the pose of an X-ray, None for a pose of another origin."""
    if case.calibration is None or case.provenance.get(xray.view.id) != FIDUCIALS:
        return None
    record = case.calibration.view_record(xray.view.id)
    return record if record.fiducials else None


def write_full_fiducials(xray: XRay, case: Case, path: Path, picture: Path) -> None:
    """Write a picture of an X-ray with all of its pixels and its fiducials in sight, if its pose comes from them."""
    record = _record(xray, case)
    if record is not None:
        unmasked = load_case(path, check=False, masks=False).xrays
        own = next(each for each in unmasked if each.view.id == xray.view.id)
        _write_picture(xray, own, record, picture, lambda full: full)


def _write_picture(
    xray: XRay,
    unmasked: XRay,
    record: ViewRecord,
    path: Path,
    reduce: Callable[[XRay], XRay] = reduced_for_display,
) -> float:
    """Write the X-ray with its fiducials, in its own grey window; returns pixels of the picture for each of its own."""
    balls = covered(record.fiducials, xray.image.shape) & ~xray.mask & unmasked.mask
    with_balls = replace(xray, image=np.where(balls, unmasked.image, xray.image), mask=xray.mask | balls)
    small, shown = reduce(xray), reduce(with_balls)
    window = grey_window(small.image, small.mask)
    save_picture(path, np.where(shown.mask, to_grey(shown.image, *window), 0).astype(np.uint8))
    return float(shown.view.K[0, 0] / xray.view.K[0, 0])
