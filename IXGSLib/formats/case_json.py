"""Reading case.json."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

from ..errors import FormatError
from ..geometry import Grid, View
from ..geometry.readout import at_image_size
from ..geometry.rigid import counts
from ..messages import warn
from ..xray.radiograph import Values
from .assembly import Ledger, Source, assemble
from .calibration_record import CalibrationRecord, check_places, checked_calibration
from .case import Case
from .folder import inside
from .geometry_json import box_from_json
from .shots import refuse_image
from .standardization import Standardization, checked_record
from .strict_json import numbers, read_json

VERSION = 1
_KEYS = {
    *("format", "version", "frame", "unit", "values", "i0", "views", "volume", "name", "standardization"),
    "calibration",
}
_VIEW_KEYS = {
    *("id", "image", "K", "world_from_camera", "P", "i0", "frame", "mask", "pixel_spacing", "sha256", "size"),
    "provenance",
}
_VOLUME_KEYS = {"center", "size", "spacing", "direction"}
_FRAME_CURES = {
    "RAS": "multiply every pose and the volume's centre by diag(-1, -1, 1, 1) from the left",
}
_UNIT_CURES = {"m": "multiply positions, spacings and sizes by 1000", "cm": "multiply them by 10"}


def load_case(path: str | os.PathLike[str], check: bool = True, masks: bool = True) -> Case:
    """The case in a folder with case.json, or in a JSON file such as test.json beside it.

    check: whether the views must be able to reconstruct the region; without it only units and depth are checked, as
    for a single test view.
    masks: whether the pixels that the masks of the case cover are masked; without it they show what they measured.
    Warnings are stored in the case instead of being shown. Raises FormatError, NotAnImage, TruncatedFile and
    GeometryError, which name the file, the view or the key.
    """
    path = Path(path)
    file = path / "case.json" if path.is_dir() else path
    if not file.is_file():
        raise FormatError(f"{file.name}: does not exist, expected a folder with case.json; check the path")
    refuse_image(file)
    ledger = Ledger(file.parent.resolve())
    with ledger.collecting():
        data = read_json(file)
        ledger.note(ledger.folder / file.name)
        _check_header(data, file.name)
        sources = _sources(data, ledger.folder, file.name)
        if not masks:
            sources = [replace(source, mask=None) for source in sources]
        case = assemble(sources, data["values"], ledger, _volume(data.get("volume"), file.name), check)
        standardization = _standardization(data, case, ledger, file.name)
    provenance = {v["id"]: _text(v, "provenance", f"view '{v['id']}'") for v in data["views"] if "provenance" in v}
    name = data.get("name", case.name)
    if not isinstance(name, str):
        raise FormatError(f'{file.name}: "name" is {name!r}, expected text; correct it')
    calibration = _calibration(data, case, file.name) if "calibration" in data else None
    return replace(
        case,
        name=name,
        warnings=tuple(ledger.messages),
        hashes=ledger.hashes,
        standardization=standardization,
        provenance=provenance,
        calibration=calibration,
    )


def _calibration(data: dict[str, Any], case: Case, name: str) -> CalibrationRecord:
    """The record of a calibration, in pixels of the images as they are now."""
    record = checked_calibration(data["calibration"], name)
    stated = {view["id"]: view["size"] for view in data["views"] if "size" in view}
    resized = {v.id: (stated[v.id], v.size) for v in case.views if v.id in stated and list(v.size) != stated[v.id]}
    record = record.resized(resized) if resized else record
    check_places(record, case.views, name)
    return record


def _standardization(data: dict[str, Any], case: Case, ledger: Ledger, name: str) -> Standardization | None:
    """The record of a standardisation, with the original X-rays if "raw" names their case."""
    if "standardization" not in data:
        return None
    record = checked_record(data["standardization"], name)
    if "raw" not in record:
        return Standardization(record)
    file = inside(ledger.folder, record["raw"], f'{name}: "standardization", "raw"')
    content = read_json(file)
    ledger.note(file)
    _check_header(content, file.name)
    sources = _sources(content, file.parent, file.name)
    raw = assemble(sources, content["values"], ledger, case.grid, check=False)
    for xray in raw.xrays:
        partner = next((x for x in case.xrays if x.view.id == xray.view.id), None)
        if partner is not None and partner.view.size != xray.view.size:
            raise FormatError(
                f"view '{xray.view.id}': {xray.view.size} pixels before standardisation, {partner.view.size} after, "
                "expected the same; standardise the case again"
            )
    return Standardization(record, {xray.view.id: xray for xray in raw.xrays})


def _check_header(data: Any, name: str) -> None:
    if not isinstance(data, dict) or data.get("format") != "ixgs-case":
        raise FormatError(f'{name}: not an IXGS case, expected an object with "format": "ixgs-case"')
    version = data.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise FormatError(f'{name}: "version" is {version!r}, expected {VERSION}; state it')
    if version > VERSION:
        raise FormatError(f"{name}: version {version} is newer than {VERSION}, which this IXGS reads; update IXGS")
    for key, expected, cures in (("frame", "LPS", _FRAME_CURES), ("unit", "mm", _UNIT_CURES)):
        found = data.get(key)
        if found != expected:
            cure = cures.get(str(found), "convert the calibration") if found is not None else "check the calibration"
            raise FormatError(
                f'{name}: "{key}" is {found!r}, expected "{expected}"; {cure} and state "{key}": "{expected}"'
            )
    if data.get("values") not in get_args(Values):
        raise FormatError(
            f'{name}: "values" is {data.get("values")!r}, expected "line_integral" or "intensity"; state what the '
            "images hold"
        )
    if data["values"] == "line_integral" and "i0" in data:
        warn(f'{name}: "i0" does not apply to line integrals and is not used')
    _warn_unknown(data, _KEYS, name)


def _sources(data: dict[str, Any], folder: Path, name: str) -> list[Source]:
    views = data.get("views")
    if not isinstance(views, list) or not views or not all(isinstance(view, dict) for view in views):
        raise FormatError(f'{name}: "views" is not a list of views, expected one object per X-ray')
    ids = [_text(view, "id", f"{name}: view {n + 1} of {len(views)}") for n, view in enumerate(views)]
    twice = sorted({id for id in ids if ids.count(id) > 1})
    if twice:
        raise FormatError(f"{name}: more than one view is named {', '.join(twice)}; give each its own id")
    lost = [id for id, view in zip(ids, views, strict=True) if not _has_pose(view)]
    if lost:
        raise FormatError(
            f'{name}: no pose for view {", ".join(lost)}, expected "K" with "world_from_camera", or "P"; calibrate them'
        )
    return [_source(view, data, folder) for view in views]


def _has_pose(view: dict[str, Any]) -> bool:
    return "P" in view or ("K" in view and "world_from_camera" in view)


def _source(entry: dict[str, Any], data: dict[str, Any], folder: Path) -> Source:
    what = f"view '{entry['id']}'"
    _warn_unknown(entry, _VIEW_KEYS, what)
    if "P" in entry and ("K" in entry or "world_from_camera" in entry):
        raise FormatError(f'{what}: both "P" and "K" or "world_from_camera", expected one of them; remove the other')
    i0 = entry.get("i0", data.get("i0"))
    return Source(
        entry["id"],
        inside(folder, _text(entry, "image", what), f"{what}, image"),
        _camera(entry, what),
        entry.get("frame"),
        inside(folder, entry["mask"], f"{what}, mask") if "mask" in entry else None,
        None if i0 is None or data["values"] == "line_integral" else float(numbers(i0, (), f'{what}: "i0"')),
        _text(entry, "sha256", what).lower() if "sha256" in entry else None,
    )


def _camera(entry: dict[str, Any], what: str) -> Any:
    """A function that makes the View once the size of the image is known."""
    spacing = entry.get("pixel_spacing")
    pair = None if spacing is None else tuple(numbers(spacing, (2,), f'{what}: "pixel_spacing"').tolist())
    stated = numbers(entry["size"], (2,), f'{what}: "size"').tolist() if "size" in entry else None
    if "P" in entry:
        make: Any = partial(View.from_projection_matrix, numbers(entry["P"], (3, 4), f'{what}: "P"'))
    else:
        K = numbers(entry["K"], (3, 3), f'{what}: "K"')
        make = partial(View, K, numbers(entry["world_from_camera"], (4, 4), f'{what}: "world_from_camera"'))

    def camera(size: tuple[int, int]) -> View:
        calibrated = size if stated is None else counts(stated, 2, f'{what}: "size"')
        view: View = make(calibrated, entry["id"], pair)
        return at_image_size(view, size)

    return camera


def _volume(volume: Any, name: str) -> Grid | None:
    if volume is None:
        return None
    what = f'{name}: "volume"'
    if isinstance(volume, dict):
        _warn_unknown(volume, _VOLUME_KEYS, what)
    return box_from_json(volume, what)


def _text(entry: dict[str, Any], key: str, what: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value.strip():
        raise FormatError(f'{what}: "{key}" is {value!r}, expected text; add it')
    return value


def _warn_unknown(entry: dict[str, Any], known: set[str], what: str) -> None:
    unknown = sorted(entry.keys() - known)
    if unknown:
        warn(f"{what}: unknown keys {', '.join(unknown)} are not used; check their spelling")
