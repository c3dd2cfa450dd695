"""Pairs of a radiograph and its bone-enhanced target, as `ixgs pairs` writes them, in the form that training takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FormatError, SettingsError
from ..files import sha256
from ..formats.strict_json import numbers, read_json
from ..geometry import View
from ..simulation.collimator import exposed
from ..simulation.imaging_settings import ImagingSettings
from ..simulation.realistic import UMBRA
from ..xray import png
from .pair_making import VERSION


@dataclass(frozen=True, eq=False)
class Pair:
    """A picture and what it should become.

    picture: (rows, columns) float32 from 0 to 1, of a dense body bright.
    field: (rows, columns) bool, what the collimator leaves open.
    target: (rows, columns) float32 line integrals of bone, also outside the field.
    """

    picture: np.ndarray
    field: np.ndarray
    target: np.ndarray


@dataclass(frozen=True)
class PairFolder:
    """The finished pairs of a folder.

    names: of the pairs, sorted; each begins with the name of its CT and an underscore.
    size: pixels along either side. digest: SHA-256 over the records, which hold those of the pictures.
    """

    path: Path
    names: tuple[str, ...]
    size: int
    digest: str

    @property
    def patients(self) -> tuple[str, ...]:
        """The first digits of the SHA-256 of each CT."""
        return tuple(sorted({_patient(name) for name in self.names}))

    def split(self, held_out: Sequence[str]) -> tuple[PairFolder, PairFolder]:
        """The pairs to train on and those of the patients whose names begin with one of `held_out`.

        Raises SettingsError for one that is no patient's and when nobody is left.
        """
        for start in held_out:
            matches = [patient for patient in self.patients if start and patient.startswith(start)]
            if len(matches) != 1:
                raise SettingsError(
                    f"--held-out {start}: {len(matches)} patients of {self.path} begin so, expected one of "
                    f"{', '.join(self.patients)}"
                )
        out = tuple(name for name in self.names if name.startswith(tuple(held_out))) if held_out else ()
        rest = tuple(name for name in self.names if name not in set(out))
        if not rest:
            raise SettingsError(f"every patient of {self.path} is held out, expected one to train on; hold out fewer")
        return self._of(rest), self._of(out)

    def _of(self, names: tuple[str, ...]) -> PairFolder:
        return PairFolder(self.path, names, self.size, self.digest)

    def load(self, name: str) -> Pair:
        """One pair; raises FormatError for files that are missing, damaged or of another size."""
        record = _record(self.path / f"{name}.json")
        picture, target = (_grey(self.path / part / f"{name}.png", self.size) for part in ("xray", "target"))
        picture /= 65535
        if not record["settings"]["inverted"]:
            picture = 1 - picture
        return Pair(picture, _field(record, self.size), target / record["target_scale"])


def open_pairs(path: Path) -> PairFolder:
    """The pairs of a folder; raises FormatError for a folder without any, or one that is not of `ixgs pairs`."""
    about = read_json(path / "pairs.json") if (path / "pairs.json").is_file() else None
    if not isinstance(about, dict) or about.get("format") != "ixgs-pairs":
        raise FormatError(f"{path}: no pairs.json of pairs, expected a folder that ixgs pairs has made; check the name")
    if about.get("version") != VERSION or not isinstance(about.get("size"), int):
        raise FormatError(f"{path}: pairs of version {about.get('version')}, expected {VERSION}; make them again")
    files = sorted(path.glob("*_*.json"))
    if not files:
        raise FormatError(f"{path}: no pair is finished, expected some; let ixgs pairs go on")
    digest = sha256("\n".join(f"{file.name} {sha256(file.read_bytes())}" for file in files).encode())
    return PairFolder(path, tuple(file.stem for file in files), about["size"], digest)


def _patient(name: str) -> str:
    return name.rpartition("_")[0]


def _record(file: Path) -> dict[str, Any]:
    record = read_json(file)
    wanted = {"target_scale": int, "settings": dict, "K": list, "pixel_spacing": list}
    wrong = [k for k, kind in wanted.items() if not isinstance(record, dict) or not isinstance(record.get(k), kind)]
    if wrong or record["target_scale"] < 1 or not isinstance(record["settings"].get("inverted"), bool):
        raise FormatError(f"{file}: {', '.join(wrong) or 'its settings'} not as ixgs pairs writes it; make it again")
    return record


def _grey(file: Path, size: int) -> np.ndarray:
    try:
        values = png.read(file).values
    except OSError as error:
        raise FormatError(f"{file}: cannot be read ({error.strerror}); let ixgs pairs make it again") from error
    if values.shape != (size, size):
        raise FormatError(f"{file}: {values.shape[1]} x {values.shape[0]} pixels, expected {size} x {size}")
    return values.astype(np.float32)


def _field(record: dict[str, Any], size: int) -> np.ndarray:
    """(size, size) bool: the field as the simulation has drawn it; it follows from the settings exactly."""
    settings: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in record["settings"].items()}
    view = View(numbers(record["K"], (3, 3), "K"), np.eye(4), (size, size))
    pixel = float(np.mean(numbers(record["pixel_spacing"], (2,), "pixel_spacing")))
    return exposed(view, ImagingSettings(**settings), pixel) > UMBRA
