"""The record of a registration, registration.json, and what else its folder holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import FormatError, GeometryError
from ..files import file_sha256
from ..formats.strict_json import numbers, parse_json
from ..geometry.rigid import Array, proper_rotation, rigid
from ..parsing import read_file

FORMAT, VERSION = "ixgs-registration", 1
RECORD, REPORT, OUTLINES = "registration.json", "report.html", "outlines.json"
TRANSFORMS, MODELS, OVERLAYS, XRAYS, COMPARED = "transforms", "models", "overlays", "xrays", "compared"
VOLUME, LABELS = "vertebrae.nrrd", "vertebrae-labels.nrrd"
ENDS = ("upper", "lower")
"""Fields of a motion that name its vertebrae."""


@dataclass(frozen=True, eq=False)
class VertebraRecord:
    """What a record says about a vertebra; as in `VertebraPose`, with None for a number that does not exist."""

    name: str
    verified: bool
    doubts: tuple[str, ...]
    world_from_ct: Array
    center_in_ct: Array
    center_in_world: Array
    residual: float | None
    edges: float | None
    spread: float | None


@dataclass(frozen=True)
class MotionRecord:
    """The motion of a vertebra against the one below since the CT; as in `Motion`, degrees and mm."""

    upper: str
    lower: str
    rotation: float
    flexion: float
    bending: float
    torsion: float
    shift: float
    left: float
    posterior: float
    superior: float


@dataclass(frozen=True, eq=False)
class RegistrationRecord:
    """The content of a registration.json; case: empty where it is not named. outputs: SHA-256 by path in the folder."""

    case: str
    vertebrae: tuple[VertebraRecord, ...]
    motions: tuple[MotionRecord, ...]
    margin: float | None
    alternative: str
    outputs: Mapping[str, str]

    def motion(self, name: str) -> MotionRecord | None:
        """The motion of a vertebra against the one below, None where that one was not registered."""
        return next((motion for motion in self.motions if motion.upper == name), None)


def read_record(folder: Path) -> RegistrationRecord:
    """The record in the folder of a registration; raises FormatError for another folder and for a damaged record."""
    if not (folder / RECORD).is_file():
        raise FormatError(
            f"{folder.name}: no registration (no {RECORD}), expected a folder that `ixgs register` wrote; choose "
            "another folder"
        )
    return parse_record(read_file(folder / RECORD), RECORD)


def parse_record(data: bytes, name: str) -> RegistrationRecord:
    """The record in the bytes of a registration.json; name: for messages. Raises FormatError for anything else."""
    content = parse_json(data, name)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise FormatError(f"{name}: not the record of a registration; choose the one that `ixgs register` wrote")
    if content.get("version") != VERSION:
        raise FormatError(f"{name}: version {content.get('version')}, expected {VERSION}; update IXGS")
    try:
        return _record(content, name)
    except (AttributeError, KeyError, TypeError, ValueError, GeometryError) as error:
        raise FormatError(
            f"{name}: damaged ({error}), expected the record of `ixgs register`; copy it again"
        ) from error


def checked_file(folder: Path, record: RegistrationRecord, name: str) -> Path:
    """The path of an output; raises FormatError when the file is not what the registration wrote."""
    path = folder / name
    if not path.is_file() or file_sha256(path) != record.outputs.get(name):
        raise FormatError(
            f"{name}: missing or changed since the registration, expected the file that it wrote; copy the folder "
            "again or register again"
        )
    return path


def _record(content: dict[str, Any], name: str) -> RegistrationRecord:
    case = content.get("case", {}).get("name", "")
    outputs = {str(path): str(digest) for path, digest in content["outputs"].items()}
    vertebrae = tuple(_vertebra(entry, name) for entry in content["vertebrae"])
    if len({vertebra.name for vertebra in vertebrae}) != len(vertebrae) or not vertebrae:
        raise ValueError("vertebrae without a name of their own")
    motions = tuple(_motion(entry) for entry in content["motions"])
    alternative = str(content["alternative"])
    return RegistrationRecord(str(case), vertebrae, motions, _number(content["margin"]), alternative, outputs)


def _vertebra(entry: dict[str, Any], name: str) -> VertebraRecord:
    own = f"{name}: {entry['name']}"
    matrix = numbers(entry["world_from_ct"], (4, 4), own)
    if matrix[3].tolist() != [0, 0, 0, 1]:
        raise ValueError(f"{entry['name']}: no rigid transform")
    return VertebraRecord(
        name=_file_name(entry["name"]),
        verified=entry["verified"] is True,
        doubts=tuple(map(str, entry["doubts"])),
        world_from_ct=rigid(proper_rotation(matrix[:3, :3], own), matrix[:3, 3]),
        center_in_ct=numbers(entry["center_in_ct"], (3,), own),
        center_in_world=numbers(entry["center_in_world"], (3,), own),
        residual=_number(entry["residual"]),
        edges=_number(entry["edge_distance_mm"]),
        spread=_number(entry["spread_mm"]),
    )


def _motion(entry: dict[str, Any]) -> MotionRecord:
    numbers_of = {name: float(entry[name]) for name in MotionRecord.__dataclass_fields__ if name not in ENDS}
    return MotionRecord(str(entry["upper"]), str(entry["lower"]), **numbers_of)


def _file_name(name: Any) -> str:
    """The name of a vertebra, which becomes part of paths."""
    if not isinstance(name, str) or not name or set(name) & set("/\\:") or name.startswith("."):
        raise ValueError(f"a vertebra named {name!r}")
    return name


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
