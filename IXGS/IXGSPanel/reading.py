"""A case as the panel shows it; a child process reads it, so that Slicer does not have to wait."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from IXGSLib.formats.fiducial_findings import ViewRecord, view_record
from IXGSLib.formats.geometry_json import grid_from_json, view_from_json
from IXGSLib.geometry import Grid, View

from .wording import panel_text


@dataclass(frozen=True)
class XRayPreview:
    """An X-ray at the resolution of the screen; it stands in for XRay in the scene.

    view: the camera at that resolution. orbital, angular: gantry angles in degrees. visible: fraction of the region
    that projects into the image. poses: the origin of its pose, as in `Case.provenance`, empty for a given one. masked:
    fraction of the pixels that are masked. warnings, notices: those about this view. picture: a PNG file. arrays: NPY
    files with the line integrals and the mask. calibration: the fiducials from which its pose comes, in pixels of the
    picture, with residuals in pixels of the X-ray; fiducials_picture: a PNG file with them in sight. Both are None for
    a pose of another origin.
    """

    view: View
    orbital: float
    angular: float
    visible: float
    poses: str
    masked: float
    warnings: tuple[str, ...]
    picture: Path
    arrays: tuple[Path, Path]
    calibration: ViewRecord | None = None
    fiducials_picture: Path | None = None
    notices: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.view.id

    @cached_property
    def image(self) -> np.ndarray:
        """(rows, columns) float32 line integrals."""
        return np.load(self.arrays[0])

    @cached_property
    def mask(self) -> np.ndarray:
        """(rows, columns) bool, True where the pixel was measured."""
        return np.load(self.arrays[1])


@dataclass(frozen=True)
class Reading:
    """What the job read_case found in a case.

    folder: where the job wrote its files. grid: the region of the case. values: what the pixels of its files hold,
    intensity or line_integral. hashes: SHA-256 of the files that were read, by their path in the case.
    """

    name: str
    folder: Path
    xrays: tuple[XRayPreview, ...]
    grid: Grid
    warnings: tuple[str, ...]
    values: str
    hashes: dict[str, str]

    @classmethod
    def load(cls, folder: Path) -> Reading:
        """The reading in the folder of a job that has ended."""
        content = json.loads((folder / "reading.json").read_text(encoding="utf-8"))
        return cls(
            name=content["name"],
            folder=folder,
            xrays=tuple(_xray_preview(entry, folder) for entry in content["xrays"]),
            grid=grid_from_json(content["grid"]),
            warnings=_messages(content["warnings"]),
            values=content["values"],
            hashes=content["hashes"],
        )


def _messages(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(map(panel_text, texts))


def _xray_preview(entry: dict[str, Any], folder: Path) -> XRayPreview:
    stem, found = entry["files"], entry["calibration"]
    return XRayPreview(
        view=view_from_json(entry["view"]),
        orbital=entry["orbital"],
        angular=entry["angular"],
        visible=entry["visible"],
        poses=entry["poses"],
        masked=entry["masked"],
        warnings=_messages(entry["warnings"]),
        picture=folder / f"{stem}.png",
        arrays=(folder / f"{stem}.npy", folder / f"{stem}-mask.npy"),
        calibration=None if found is None else view_record(found, entry["view"]["id"]),
        fiducials_picture=None if found is None else folder / found["picture"],
        notices=_messages(entry["notices"]),
    )
