"""The folder of a registration."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..files import file_sha256, write_atomically, write_folder
from ..messages import RESEARCH_ONLY
from .layers import save_layers
from .moved import save_volumes, surface
from .overlays import all_outlines, overlays
from .page import report_html
from .pictures import pictures
from .record import FORMAT, LABELS, MODELS, OVERLAYS, RECORD, REPORT, TRANSFORMS, VERSION, VOLUME
from .result import Registration
from .transforms import tfm_bytes


def save_registration(
    registration: Registration, folder: Path, about: Mapping[str, Any] | None = None, credit: str = ""
) -> Path:
    """Write a registration into a new folder, completely or not at all; returns the folder.

    Files: registration.json, report.html, for each vertebra transforms/NAME.tfm and models/NAME.stl, the moved
    vertebrae as vertebrae.nrrd (HU) and vertebrae-labels.nrrd, overlays/N.png with outlines on each X-ray, both also
    as outlines.json, xrays/N.png and compared/N.png, and CREDIT.txt where there is a credit.
    about: further entries of registration.json.
    Raises IXGSError for a folder that is not new or empty, and where it cannot be written.
    """
    return write_folder(folder, lambda whole: _write(registration, whole, about or {}, credit))


def _write(registration: Registration, folder: Path, about: Mapping[str, Any], credit: str) -> None:
    for name in (TRANSFORMS, MODELS, OVERLAYS):
        (folder / name).mkdir()
    for vertebra in registration.vertebrae:
        write_atomically(folder / TRANSFORMS / f"{vertebra.name}.tfm", tfm_bytes(vertebra.world_from_ct))
        surface(registration.anatomy, vertebra).save(folder / MODELS / f"{vertebra.name}.stl")
    save_volumes(registration, folder / VOLUME, folder / LABELS)
    compared, outlines = pictures(registration.case, registration.settings.pictures), all_outlines(registration)
    drawn = overlays(registration, {xray.view.id: xray.image for xray in compared}, outlines)
    for n, data in enumerate(drawn.values()):
        write_atomically(folder / OVERLAYS / f"{n:03d}.png", data)
    save_layers(folder, registration.case.xrays, compared, outlines)
    write_atomically(folder / REPORT, report_html(registration, drawn, credit).encode("utf-8", "replace"))
    if credit:
        write_atomically(folder / "CREDIT.txt", credit.encode())
    record = {
        "format": FORMAT,
        "version": VERSION,
        "notice": RESEARCH_ONLY,
        **about,
        "settings": asdict(registration.settings),
        **registration.as_dict(),
        "outputs": {path.relative_to(folder).as_posix(): file_sha256(path) for path in _files(folder)},
    }
    text = json.dumps(_finite(record), indent=1, ensure_ascii=False, allow_nan=False)
    write_atomically(folder / RECORD, (text + "\n").encode())


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _finite(value: Any) -> Any:
    """A value that JSON can express: None in place of numbers that are not finite."""
    if isinstance(value, Mapping):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
