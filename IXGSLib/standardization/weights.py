"""The weights of a trained network on disk: safetensors, of which nothing is believed before it is checked."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ..errors import FormatError, SettingsError, TruncatedFile
from ..files import sha256, write_atomically
from ..formats.strict_json import parse_json
from ..training.settings import TrainingSettings
from .distribution import LIKENESS
from .generator import Generator

FORMAT, VERSION = "ixgs-standardizer", 1
LARGEST = 64 * 2**20
"""Bytes of a file that is opened at all; weights of 20 MB are 15 times as many numbers as a small network needs."""
LARGEST_HEADER = 2**20
"""Bytes."""
DTYPES = {torch.float16: "F16", torch.float32: "F32"}
_CURE = "use weights that ixgs train-standardizer has written, or copy them again"


@dataclass(frozen=True, eq=False)
class Weights:
    """What a file of weights holds.

    about: what the training was made from and how good it came out, as in training.json.
    generator: its tensors, float32. likeness: those of `LikenessModel`, None for weights without.
    """

    about: dict[str, Any]
    settings: TrainingSettings
    size: int
    generator: dict[str, Tensor]
    likeness: dict[str, Tensor] | None


def save_weights(
    path: Path, about: dict[str, Any], generator: dict[str, Tensor], likeness: dict[str, Tensor] | None = None
) -> None:
    """Write the generator in half precision, and what it is about with a hash of all numbers in the header.

    about: JSON with the keys that `load_weights` asks for: settings and size.
    """
    tensors = {f"generator.{name}": _stored(tensor, torch.float16) for name, tensor in generator.items()}
    tensors |= {f"likeness.{name}": _stored(tensor, torch.float32) for name, tensor in (likeness or {}).items()}
    content = {"version": VERSION, **about, "sha256": _digest(tensors)}
    # One entry: safetensors writes several in any order, and equal weights should be equal files.
    write_atomically(path, save(tensors, {FORMAT: json.dumps(content, allow_nan=False)}))


def load_weights(path: Path) -> Weights:
    """The weights of a file; nothing in it is run, and every number and name is checked.

    Raises FormatError for a file that is not of this format and version, TruncatedFile for one that was cut off.
    """
    data = _read(path)
    header = _header(data, path.name)
    about = _about(header.pop("__metadata__", None), path.name)
    settings, size = _settings(about, path.name)
    _check_tensors(header, _expected(settings), data, path.name)
    try:
        tensors = load(data)
    except (SafetensorError, ValueError, RuntimeError) as error:
        raise FormatError(f"{path.name}: not safetensors ({error}); {_CURE}") from error
    if about.get("sha256") != _digest(tensors):
        raise FormatError(f"{path.name}: its numbers are not those that were written; copy the file again")
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise FormatError(f"{path.name}: {name} holds NaN or infinity, expected finite numbers; {_CURE}")
    likeness = _part(tensors, "likeness") or None
    return Weights(about, settings, size, {n: t.float() for n, t in _part(tensors, "generator").items()}, likeness)


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise FormatError(f"{path.name}: {size} bytes, expected weights of at most {LARGEST}; {_CURE}")
        data = path.read_bytes()
    except OSError as error:
        raise FormatError(f"{path}: cannot be opened ({error.strerror}); check the path of the weights") from error
    if data.startswith(b"PK\x03\x04") or (data.startswith(b"\x80") and data[8:9] != b"{"):
        raise FormatError(
            f"{path.name}: a pickle, as torch.save writes it, expected safetensors; a pickle can run programs and is "
            f"never opened: {_CURE}"
        )
    return data


def _header(data: bytes, name: str) -> dict[str, Any]:
    """The JSON at the file's beginning, whose length its first eight bytes tell."""
    if len(data) < 8:
        raise TruncatedFile(f"{name}: {len(data)} bytes, expected the header of safetensors; copy the file again")
    length = int.from_bytes(data[:8], "little")
    if length > LARGEST_HEADER:
        raise FormatError(
            f"{name}: a header of {length} bytes, expected at most {LARGEST_HEADER}: not safetensors; {_CURE}"
        )
    if 8 + length > len(data):
        raise TruncatedFile(f"{name}: ends inside its header of {length} bytes; copy the file again")
    header = parse_json(data[8 : 8 + length], name)
    if not isinstance(header, dict):
        raise FormatError(f"{name}: its header is no JSON object, expected safetensors; {_CURE}")
    return header


def _about(metadata: Any, name: str) -> dict[str, Any]:
    if not isinstance(metadata, dict) or not isinstance(metadata.get(FORMAT), str):
        raise FormatError(f"{name}: safetensors of something else, expected weights marked {FORMAT}; {_CURE}")
    about = parse_json(metadata[FORMAT].encode(), name)
    version = about.get("version") if isinstance(about, dict) else None
    if version != VERSION:
        raise FormatError(f"{name}: weights of version {version}, expected {VERSION}; use those of this version")
    return about


def _settings(about: dict[str, Any], name: str) -> tuple[TrainingSettings, int]:
    """The settings of the training and the size of its pictures."""
    try:
        settings, size = TrainingSettings(**about["settings"]), about["size"]
    except (KeyError, TypeError, SettingsError) as error:
        raise FormatError(
            f"{name}: the settings in its header are not those of a training ({error}); {_CURE}"
        ) from error
    if type(size) is not int or not 0 < size <= 4096 or size % 2**settings.levels:
        raise FormatError(f"{name}: made for pictures of {size} pixels, expected a multiple of {2**settings.levels}")
    return settings, size


def _expected(settings: TrainingSettings) -> dict[str, tuple[str, list[int]]]:
    """Type and shape of each tensor of a generator with these settings."""
    with torch.device("meta"):
        tensors = Generator(settings.width, settings.levels, group=settings.group, initialized=False).state_dict()
    return {f"generator.{name}": ("F16", list(tensor.shape)) for name, tensor in tensors.items()}


def _check_tensors(header: dict[str, Any], expected: dict[str, tuple[str, list[int]]], data: bytes, name: str) -> None:
    """Raises FormatError unless the header lists the expected tensors, one after the other to the end of the file."""
    found = {key: _entry(value, f"{name}: {key}") for key, value in header.items()}
    extra = {key: value for key, value in found.items() if key.startswith("likeness.")}
    if extra:
        expected = {**expected, **_likeness_shapes(extra, name)}
    for key in sorted(found.keys() ^ expected.keys()):
        what = "is missing" if key in expected else "is unknown"
        raise FormatError(f"{name}: {key} {what}, expected the tensors of a generator of its settings; {_CURE}")
    for key, (kind, shape) in expected.items():
        if found[key][:2] != (kind, shape):
            raise FormatError(f"{name}: {key} is {found[key][0]} {found[key][1]}, expected {kind} {shape}; {_CURE}")
    start = 0
    for key, (kind, shape, (begin, end)) in sorted(found.items(), key=lambda item: item[1][2]):
        if begin != start or end - begin != math.prod(shape) * (2 if kind == "F16" else 4):
            raise FormatError(
                f"{name}: {key} lies at bytes {begin} to {end}, expected it after the one before; {_CURE}"
            )
        start = end
    whole = 8 + int.from_bytes(data[:8], "little") + start
    if len(data) < whole:
        raise TruncatedFile(f"{name}: {len(data)} bytes, expected {whole}; copy the file again")
    if len(data) > whole:
        raise FormatError(f"{name}: {len(data)} bytes, expected {whole}; something was added: {_CURE}")


def _entry(value: Any, what: str) -> tuple[str, list[int], tuple[int, int]]:
    """Type, shape and bytes of one tensor of the header."""
    if isinstance(value, dict) and value.keys() == {"dtype", "shape", "data_offsets"}:
        kind, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
        lists = isinstance(shape, list) and isinstance(offsets, list) and len(offsets) == 2
        if isinstance(kind, str) and lists and all(type(n) is int and 0 <= n < 2**40 for n in [*shape, *offsets]):
            return kind, shape, (offsets[0], offsets[1])
    raise FormatError(f"{what} is not described as safetensors does it; {_CURE}")


def _likeness_shapes(
    found: dict[str, tuple[str, list[int], tuple[int, int]]], name: str
) -> dict[str, tuple[str, list[int]]]:
    """Those of a likeness model with as many pictures and features as the one that was found."""
    pictures = found.get("likeness.pictures", ("", [], (0, 0)))[1]
    if len(pictures) != 2:
        raise FormatError(f"{name}: likeness.pictures is {pictures}, expected (pictures, features); {_CURE}")
    count = {"pictures": pictures[0], "features": pictures[1]}
    return {
        f"likeness.{key}": ("F32", [count[each] if isinstance(each, str) else each for each in shape])
        for key, shape in LIKENESS.items()
    }


def _stored(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    return tensor.detach().to("cpu", dtype).contiguous()


def _part(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key[len(name) + 1 :]: value for key, value in tensors.items() if key.startswith(f"{name}.")}


def _digest(tensors: dict[str, Tensor]) -> str:
    """SHA-256 of all numbers in the order of their names."""
    return sha256(b"".join(tensors[name].contiguous().numpy().tobytes() for name in sorted(tensors)))
