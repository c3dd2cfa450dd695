"""Series on disk: what the X-rays of one patient tell of a region, and the bone and the lesions in it.

A folder of series holds series.json (written first), NAME.npz for each series and, once all are there, manifest.json
with the SHA-256 of every file and CT. NAME is the name of the CT and the number of the series.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FormatError, IXGSError, SettingsError
from ..files import sha256, write_atomically
from ..formats.strict_json import read_json
from ..prior.channels import CHANNELS, PARTS
from ..standardization.weights import load_weights
from ..version import __version__
from .array_maps import map_arrays
from .pair_format import pair_name, patient_of
from .pair_ranges import drawn_ranges, lesion_ranges
from .series_settings import SeriesSettings

VERSION = 5
"""Version of the format and of the way in which series are drawn."""
ARRAYS = ("channels", "bone", "lesions")


@dataclass(frozen=True, eq=False)
class Series:
    """The channels of some subsets of the X-rays of one patient, and the bone that they show.

    channels: (subsets, CHANNELS, nk, nj, ni) of `prior.channels`. bone: [k, j, i] attenuation, 1/mm, of each part of
    the voxels. lesions: the fraction of each part in which a fracture or a lytic lesion has replaced bone.
    All are float32 or, in a series that is stored, read-only float16 maps of its file: a step of a training uses a
    small part of it.
    """

    channels: np.ndarray
    bone: np.ndarray
    lesions: np.ndarray


@dataclass(frozen=True)
class SeriesFolder:
    """The finished series of a folder.

    standardizer: SHA-256 of the weights of the network that standardised. pixels: along each side of its images.
    digest: SHA-256 over the names and sizes of the files.
    """

    path: Path
    names: tuple[str, ...]
    settings: SeriesSettings
    standardizer: str
    pixels: int
    digest: str

    @property
    def patients(self) -> tuple[str, ...]:
        """The names of the CTs: the first digits of their SHA-256."""
        return tuple(sorted({patient_of(name) for name in self.names}))

    def of(self, patient: str) -> tuple[str, ...]:
        """The names of the series of a patient."""
        return tuple(name for name in self.names if patient_of(name) == patient)

    def split(self, held_out: Sequence[str]) -> tuple[SeriesFolder, SeriesFolder]:
        """The series to train on, and those of the patients whose names begin with one of `held_out`.

        Raises SettingsError for a beginning that does not match exactly one patient, and when no series is left.
        """
        out = {self._patient(start) for start in held_out}
        if out >= set(self.patients):
            raise SettingsError(f"every patient of {self.path} is held out, expected one to train on; hold out fewer")
        rest, left = (tuple(n for n in self.names if (patient_of(n) in out) == held) for held in (False, True))
        return replace(self, names=rest), replace(self, names=left)

    def _patient(self, start: str) -> str:
        matches = [patient for patient in self.patients if start and patient.startswith(start)]
        if len(matches) != 1:
            raise SettingsError(
                f"--held-out {start}: {len(matches)} patients of {self.path} begin with it, expected one of "
                f"{', '.join(self.patients)}"
            )
        return matches[0]

    def load(self, name: str) -> Series:
        """One series as it is stored; raises FormatError for a file that is missing, damaged or of another size."""
        file = self.path / f"{name}.npz"
        try:
            found = Series(*map_arrays(file, ARRAYS))
        except (OSError, ValueError) as error:
            raise FormatError(f"{file}: not a series ({error}); delete it and run ixgs series again") from error
        shape = (self.settings.voxels,) * 3
        parts = (PARTS * self.settings.voxels,) * 3
        if (
            found.bone.shape != parts
            or found.lesions.shape != parts
            or found.channels.shape != (self.settings.subsets, CHANNELS, *shape)
        ):
            raise FormatError(f"{file}: of another size than series.json states; delete it and run ixgs series again")
        return found


def prepare_folder(folder: Path, settings: SeriesSettings) -> None:
    """Create the folder with its series.json; raises IXGSError if it holds other series or other files."""
    known = {name: value for name, value in asdict(settings).items() if name != "standardizer"}
    weights = settings.weights()
    network = {"standardizer": sha256(weights.read_bytes()), "pixels": load_weights(weights).size}
    wanted = {"format": "ixgs-series", "version": VERSION, **known, **network}
    file = folder / "series.json"
    if file.is_file():
        found = read_json(file)
        names = wanted.keys() - {"count"}
        different = sorted(key for key in names if not isinstance(found, dict) or found.get(key) != wanted[key])
        if different:
            raise IXGSError(
                f"{folder}: holds series with another {', '.join(different)}, expected the same to continue; "
                "give the same options or choose another --out"
            )
        return
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise IXGSError(
            f"{folder}: holds other files, expected a new or an empty folder, or series; choose another --out"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise IXGSError(f"{folder}: cannot be created ({error.strerror}); choose a writable --out") from error
    ranges = {**drawn_ranges(), "LESIONS": lesion_ranges()}
    write_atomically(file, _json({**wanted, "ixgs": __version__, "ranges": ranges}))


def write_series(folder: Path, ct: str, number: int, series: Series) -> None:
    """Write a series in half precision."""
    data = io.BytesIO()
    np.savez(data, **{key: getattr(series, key).astype(np.float16) for key in ARRAYS})
    write_atomically(folder / f"{pair_name(ct, number)}.npz", data.getvalue())


def is_finished(folder: Path, name: str) -> bool:
    """Whether a series has been written; a file that exists is complete."""
    return (folder / f"{name}.npz").is_file()


def write_manifest(folder: Path, cts: dict[str, str]) -> None:
    """Write manifest.json: the SHA-256 of every series and of every CT, including those of earlier calls."""
    file = folder / "manifest.json"
    earlier = read_json(file)["cts"] if file.is_file() else {}
    files = {path.name: sha256(path.read_bytes()) for path in sorted(folder.glob("*_*.npz"))}
    content = {"format": "ixgs-series-manifest", "version": 1, "cts": {**earlier, **cts}, "files": files}
    write_atomically(file, _json(content))


def open_series(path: Path) -> SeriesFolder:
    """The series of a folder; raises FormatError for a folder without any, or one that is not of `ixgs series`."""
    about = read_json(path / "series.json") if (path / "series.json").is_file() else None
    if not isinstance(about, dict) or about.get("format") != "ixgs-series":
        raise FormatError(f"{path}: no series.json, expected a folder that ixgs series has made; check the name")
    if about.get("version") != VERSION:
        raise FormatError(f"{path}: series of version {about.get('version')}, expected {VERSION}; make them again")
    files = sorted(path.glob("*_*.npz"))
    if not files:
        raise FormatError(f"{path}: no series is finished, expected at least one; run ixgs series again")
    names = {each.name for each in fields(SeriesSettings)} - {"standardizer"}
    settings = SeriesSettings(**{name: about[name] for name in names & about.keys()})
    digest = sha256("\n".join(f"{file.name} {file.stat().st_size}" for file in files).encode())
    standardizer, pixels = str(about.get("standardizer")), int(about.get("pixels", 0))
    return SeriesFolder(path, tuple(file.stem for file in files), settings, standardizer, pixels, digest)


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
