"""A case as the panel shows it: read in a process of its own, looked at here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from IXGSLib.geometry import Grid, View


@dataclass(frozen=True)
class Shot:
    """One row of the table; for the scene it stands for an XRay, which takes long to import.

    orbital, angular: gantry angles in degrees. sees: share of the region in the image, 0 to 1.
    picture: a PNG of the X-ray. view: its camera, at the size of the arrays in the reading's folder.
    """

    view: View
    orbital: float
    angular: float
    sees: float
    masked: float
    notes: tuple[str, ...]
    picture: Path
    arrays: tuple[Path, Path]

    @property
    def id(self) -> str:
        return self.view.id

    @cached_property
    def image(self) -> np.ndarray:
        """(height, width) float32 line integrals, reduced for display."""
        return np.load(self.arrays[0])

    @cached_property
    def mask(self) -> np.ndarray:
        """(height, width) bool, True where the pixel was measured."""
        return np.load(self.arrays[1])


@dataclass(frozen=True)
class Reading:
    """What jobs/read_case.py found out about a case; values: what its files hold, intensity or line_integral."""

    name: str
    folder: Path
    shots: tuple[Shot, ...]
    grid: Grid
    warnings: tuple[str, ...]
    values: str

    @classmethod
    def load(cls, folder: Path) -> Reading:
        """The reading that a child wrote into a folder."""
        found = json.loads((folder / "reading.json").read_text(encoding="utf-8"))
        grid = found["grid"]
        return cls(
            name=found["name"],
            folder=folder,
            shots=tuple(_shot(values, folder) for values in found["views"]),
            grid=Grid(tuple(grid["shape"]), grid["spacing"], grid["origin"], grid["direction"]),
            warnings=tuple(found["warnings"]),
            values=found["values"],
        )


def _shot(values: dict[str, Any], folder: Path) -> Shot:
    spacing, stem = values["pixel_spacing"], values["files"]
    view = View(
        values["K"],
        values["world_from_camera"],
        tuple(values["size"]),
        values["id"],
        None if spacing is None else tuple(spacing),
    )
    return Shot(
        view=view,
        orbital=values["orbital"],
        angular=values["angular"],
        sees=values["sees"],
        masked=values["masked"],
        notes=tuple(values["notes"]),
        picture=folder / f"{stem}.png",
        arrays=(folder / f"{stem}.npy", folder / f"{stem}-mask.npy"),
    )
