"""Training pairs on disk: a radiograph, its bone-enhanced target and a JSON record, written and read.

A folder of pairs holds pairs.json (written first), xray/NAME.png (16 bits), target/NAME.png (16 bits, line integrals
times TARGET_SCALE), lost/NAME.png (the same, of the bone that lesions have replaced), NAME.json (pose, settings and
hashes; written last for each pair) and, once all pairs are there, manifest.json with the SHA-256 of every file and CT.
NAME is the name of the CT and the number of the pair.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FormatError, IXGSError, SettingsError
from ..files import sha256, write_atomically
from ..formats.strict_json import numbers, read_json
from ..geometry import View
from ..geometry.rigid import Array
from ..simulation.body import Body
from ..simulation.collimator import exposed
from ..simulation.imaging_settings import ImagingSettings
from ..simulation.lesions import Solid, described
from ..simulation.realistic import MIN_OPEN_BEAM
from ..version import __version__
from ..xray import png
from .pair_ranges import drawn_ranges, lesion_ranges
from .pair_settings import PairSettings

VERSION = 6
"""Version of the format and of the way in which pairs are drawn."""
TARGET_SCALE = 4096
"""Grey levels per unit of line integral in the images of targets."""
MAX_GREY = 65535
IMAGES = ("xray", "target", "lost")
"""The folders of images, each with one of every pair."""
SAME_KEYS = (
    *("format", "version", "seed", "size", "displayed", "lesions"),
    *("bone_threshold", "bone_softness", "contrast_agent", "device"),
)
"""Keys of pairs.json that must agree for pairs to be added."""


@dataclass(frozen=True, eq=False)
class Taken:
    """A simulated radiograph and its target.

    picture: (rows, columns) uint16, of all 16 bits. target: (rows, columns) line integrals. lost: (rows, columns) line
    integrals of the bone that lesions have replaced.
    """

    picture: np.ndarray
    target: np.ndarray
    lost: np.ndarray


@dataclass(frozen=True, eq=False)
class RenderedPair:
    """A pair as it is written.

    ct: name of the CT. isocentre: (3,) LPS mm. patient: the body that was imaged. lesions: the fractures and lytic
    lesions in it. anatomy: its number among those drawn from the CT.
    """

    ct: str
    number: int
    taken: Taken
    view: View
    isocentre: Array
    patient: Body
    lesions: Sequence[Solid]
    anatomy: int
    settings: ImagingSettings


@dataclass(frozen=True, eq=False)
class Pair:
    """A pair as it is used in training.

    picture: (rows, columns) float32 from 0 to 1, dense tissue bright.
    field: (rows, columns) bool, the pixels that the collimator leaves open.
    target: (rows, columns) float32 line integrals of bone, also outside the field.
    lost: (rows, columns) float32 line integrals of the bone that fractures and lytic lesions have replaced.
    """

    picture: np.ndarray
    field: np.ndarray
    target: np.ndarray
    lost: np.ndarray


@dataclass(frozen=True)
class PairFolder:
    """The finished pairs of a folder.

    names: of the pairs, sorted; each begins with the name of its CT and an underscore.
    size: pixels along each side. digest: SHA-256 over the records, which hold those of the images.
    """

    path: Path
    names: tuple[str, ...]
    size: int
    digest: str

    @property
    def patients(self) -> tuple[str, ...]:
        """The names of the CTs: the first digits of their SHA-256."""
        return tuple(sorted({patient_of(name) for name in self.names}))

    def split(self, held_out: Sequence[str]) -> tuple[PairFolder, PairFolder]:
        """The pairs to train on, and the pairs of the patients whose names begin with one of `held_out`.

        Raises SettingsError for a beginning that does not match exactly one patient, and when no pair is left.
        """
        for start in held_out:
            matches = [patient for patient in self.patients if start and patient.startswith(start)]
            if len(matches) != 1:
                raise SettingsError(
                    f"--held-out {start}: {len(matches)} patients of {self.path} begin with it, expected one of "
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
        picture, target, lost = (_grey(self.path / part / f"{name}.png", self.size) for part in IMAGES)
        picture /= MAX_GREY
        if not record["settings"]["inverted"]:
            picture = 1 - picture
        scale = record["target_scale"]
        return Pair(picture, _field(record, self.size), target / scale, lost / scale)


def patient_of(name: str) -> str:
    """The name of the CT that a pair was made from."""
    return name.rpartition("_")[0]


def pair_name(ct: str, number: int) -> str:
    return f"{ct}_{number:06d}"


# Writing


def prepare_folder(folder: Path, settings: PairSettings) -> None:
    """Create the folder with its pairs.json; raises IXGSError if it holds other pairs or other files."""
    wanted = {"format": "ixgs-pairs", "version": VERSION, **asdict(settings)}
    file = folder / "pairs.json"
    if file.is_file():
        found = read_json(file)
        different = [key for key in SAME_KEYS if not isinstance(found, dict) or found.get(key) != wanted[key]]
        if different:
            raise IXGSError(
                f"{folder}: holds pairs with another {', '.join(different)}, expected the same to continue; "
                "give the same options or choose another --out"
            )
    elif folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise IXGSError(
            f"{folder}: holds other files, expected a new or an empty folder, or pairs; choose another --out"
        )
    try:
        for name in IMAGES:
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise IXGSError(f"{folder}: cannot be created ({error.strerror}); choose a writable --out") from error
    ranges = {**drawn_ranges(), "LESIONS": lesion_ranges()}
    if not file.is_file():
        write_atomically(file, _json({**wanted, "ixgs": __version__, "ranges": ranges}))


def write_pair(folder: Path, pair: RenderedPair) -> None:
    """Write the images of a pair, then its record."""
    name = pair_name(pair.ct, pair.number)
    images = pair.taken.picture, _stored(pair.taken.target), _stored(pair.taken.lost)
    files = {f"{part}/{name}.png": png.encode(image) for part, image in zip(IMAGES, images, strict=True)}
    for path, data in files.items():
        write_atomically(folder / path, data)
    record = {
        "ct": pair.ct,
        "number": pair.number,
        "target_scale": TARGET_SCALE,
        "K": pair.view.K.tolist(),
        "world_from_camera": pair.view.world_from_camera.tolist(),
        "size": list(pair.view.size),
        "pixel_spacing": list(pair.view.pixel_spacing or ()),
        "isocentre": pair.isocentre.tolist(),
        "patient": {
            "anatomy": pair.anatomy,
            "spacing": pair.patient.grid.spacing.tolist(),
            "density": list(pair.patient.density),
        },
        "lesions": [described(each) for each in pair.lesions],
        "settings": asdict(pair.settings),
        "sha256": {path: sha256(data) for path, data in files.items()},
    }
    write_atomically(folder / f"{name}.json", _json(record))


def _stored(lines: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(lines * TARGET_SCALE, 0, MAX_GREY)).astype(np.uint16)


def is_finished(folder: Path, name: str) -> bool:
    """Whether a pair exists and is unchanged since it was written."""
    try:
        hashes = read_json(folder / f"{name}.json")["sha256"]
        return all(sha256((folder / path).read_bytes()) == digest for path, digest in hashes.items())
    except (OSError, FormatError, KeyError, TypeError, AttributeError):
        return False


def write_manifest(folder: Path, cts: dict[str, str]) -> None:
    """Write manifest.json: the SHA-256 of every file of the folder and of every CT, including earlier pairs'."""
    file = folder / "manifest.json"
    try:
        earlier = read_json(file)["cts"] if file.is_file() else {}
    except (FormatError, KeyError, TypeError):
        earlier = {}
    names = ("pairs.json", *(path.name for path in folder.glob("*_*.json")))
    pictures = (f"{part}/{path.name}" for part in IMAGES for path in (folder / part).glob("*.png"))
    files = {name: sha256((folder / name).read_bytes()) for name in sorted([*names, *pictures])}
    write_atomically(
        file, _json({"format": "ixgs-pairs-manifest", "version": 1, "cts": {**earlier, **cts}, "files": files})
    )


# Reading


def open_pairs(path: Path) -> PairFolder:
    """The pairs of a folder; raises FormatError for a folder without any, or one that is not of `ixgs pairs`."""
    about = read_json(path / "pairs.json") if (path / "pairs.json").is_file() else None
    if not isinstance(about, dict) or about.get("format") != "ixgs-pairs":
        raise FormatError(f"{path}: no pairs.json of pairs, expected a folder that ixgs pairs has made; check the name")
    if about.get("version") != VERSION or not isinstance(about.get("size"), int):
        raise FormatError(f"{path}: pairs of version {about.get('version')}, expected {VERSION}; make them again")
    files = sorted(path.glob("*_*.json"))
    if not files:
        raise FormatError(f"{path}: no pair is finished, expected at least one; run ixgs pairs again")
    digest = sha256("\n".join(f"{file.name} {sha256(file.read_bytes())}" for file in files).encode())
    return PairFolder(path, tuple(file.stem for file in files), about["size"], digest)


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
        raise FormatError(f"{file}: cannot be read ({error.strerror}); run ixgs pairs to render it again") from error
    if values.shape != (size, size):
        raise FormatError(f"{file}: {values.shape[1]} x {values.shape[0]} pixels, expected {size} x {size}")
    return values.astype(np.float32)


def _field(record: dict[str, Any], size: int) -> np.ndarray:
    """(size, size) bool: the collimated field of the simulation, which follows from its settings exactly."""
    settings: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in record["settings"].items()}
    view = View(numbers(record["K"], (3, 3), "K"), np.eye(4), (size, size))
    pixel = float(np.mean(numbers(record["pixel_spacing"], (2,), "pixel_spacing")))
    return exposed(view, ImagingSettings(**settings), pixel) > MIN_OPEN_BEAM


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
