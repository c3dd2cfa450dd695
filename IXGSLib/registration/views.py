"""The X-rays in the folder of a registration, with the outlines of its vertebrae."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FormatError
from ..formats.strict_json import parse_json
from ..geometry.rigid import Array
from ..parsing import read_file
from .record import OUTLINES, RegistrationRecord, checked_file

COLOURS = ("#56b4e9", "#e69f00", "#009e73", "#f0e442", "#cc79a7", "#d55e00", "#7fc7ff")
"""Colours that remain distinct for colour-blind readers (Okabe and Ito, 2008)."""


@dataclass(frozen=True, eq=False)
class OutlinedView:
    """A view of a registration.

    xray: a picture (PNG). compared: that of the enhanced bone that the CT was compared with, None where it was the
    X-ray itself. outlines: by vertebra, (n, 2) pixels (x, y) of the pictures.
    """

    id: str
    xray: Path
    compared: Path | None
    outlines: Mapping[str, tuple[Array, ...]]


def colour_of(number: int) -> str:
    """The colour of the outlines of a vertebra, by its number from the head on."""
    return COLOURS[number % len(COLOURS)]


def read_views(folder: Path, record: RegistrationRecord) -> tuple[OutlinedView, ...]:
    """The views of a registration in its folder; raises FormatError for files that it did not write."""
    data = read_file(checked_file(folder, record, OUTLINES))
    return parse_views(data, folder, record)


def parse_views(data: bytes, folder: Path, record: RegistrationRecord) -> tuple[OutlinedView, ...]:
    """The views in the bytes of an outlines.json; raises FormatError for anything else."""
    content = parse_json(data, OUTLINES)
    try:
        return tuple(_view(entry, folder, record) for entry in content["views"])
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise FormatError(
            f"{OUTLINES}: damaged ({error}), expected the outlines that `ixgs register` wrote; copy the folder again"
        ) from error


def _view(entry: dict[str, Any], folder: Path, record: RegistrationRecord) -> OutlinedView:
    names = [entry["xray"]] + ([] if entry["compared"] is None else [entry["compared"]])
    unknown = [name for name in names if name not in record.outputs]
    if unknown:
        raise ValueError(f"picture {unknown[0]!r} is no output")
    xray, compared = folder / names[0], folder / names[1] if names[1:] else None
    drawn = {str(name): tuple(map(_line, lines)) for name, lines in entry["outlines"].items()}
    return OutlinedView(str(entry["id"]), xray, compared, drawn)


def _line(points: Any) -> Array:
    array = np.array(points, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"an outline of shape {array.shape}")
    return array
