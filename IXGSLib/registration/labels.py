"""Which vertebra a label of a segmentation is: the numbers of TotalSegmentator and VerSe, or names of one's own."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..errors import FormatError
from ..formats.strict_json import read_json
from ..geometry import Grid
from ..geometry.rigid import Array, apply
from .settings import Scheme

LEVELS = (
    *(f"C{n}" for n in range(1, 8)),
    *(f"T{n}" for n in range(1, 14)),
    *(f"L{n}" for n in range(1, 7)),
    "S1",
)
"""All vertebrae from the head to the feet; T13 and L6 are variants."""
_COMMON = tuple(name for name in LEVELS if name not in ("T13", "L6", "S1"))


def _upwards(first: int) -> dict[int, str]:
    return {first + n: name for n, name in enumerate(reversed(_COMMON))}


SCHEMES: dict[str, dict[int, str]] = {
    "totalsegmentator": {26: "S1", **_upwards(27)},
    "totalsegmentator-v1": {92: "S1", **_upwards(18)},
    "verse": {**{n + 1: name for n, name in enumerate(_COMMON)}, 25: "L6", 26: "S1", 28: "T13"},
}
"""The vertebra of each label. TotalSegmentator 2 and 1 count upwards, VerSe (Sekuboyina et al., Med. Image Anal. 2021)
counts downwards; VerSe's label of the sacrum stands for S1 here."""
MIN_VOLUME_MM3 = 3000.0
"""Volume of a label below which it is a remnant at the border of the CT and no vertebra; C1 has about 8000."""
_NAME = re.compile(r"(?:vertebrae?[ _-]?)?([CTL]\d{1,2}|S1|sacrum)(?:[ _-]vertebra)?", re.IGNORECASE)


def vertebra_names(labels: np.ndarray, grid: Grid, scheme: Scheme | Mapping[int, str] = "auto") -> dict[int, str]:
    """The vertebra of each label of a segmentation [k, j, i], from the head to the feet.

    scheme: whose numbers they are, or the name of each label. auto compares their order with the patient's axis:
    labels of VerSe grow towards the feet, those of TotalSegmentator towards the head.
    Raises FormatError where no label is a vertebra, where auto cannot decide, and for a spine that is upside down.
    """
    values, counts = np.unique(labels, return_counts=True)
    volumes = counts * np.prod(grid.spacing)
    found = [int(v) for v, n in zip(values, volumes, strict=True) if v != 0 and n >= MIN_VOLUME_MM3]
    if not found:
        raise FormatError(
            f"labels: no label fills {MIN_VOLUME_MM3 / 1000:g} cm3, expected a number for each vertebra; segment "
            "the CT, for example with TotalSegmentator"
        )
    heights = {label: _height(labels, grid, label) for label in found}
    table = dict(scheme) if isinstance(scheme, Mapping) else SCHEMES[_recognised(heights, scheme)]
    names = {label: table[label] for label in found if label in table}
    if not names:
        raise FormatError(
            f"labels: {_listed(found)} are not vertebrae of {_title(scheme)}, expected for example 20 to 24 (VerSe) or "
            "27 to 31 (TotalSegmentator) for L1 to L5; give labels of whole vertebrae, or their names in a JSON file"
        )
    ordered = dict(sorted(names.items(), key=lambda item: LEVELS.index(item[1])))
    _check_order(ordered, heights)
    return ordered


def read_names(path: str | os.PathLike[str]) -> dict[int, str]:
    """The names of labels from a JSON file: {"27": "L5", "28": "L4"} or {"L5": 27}; raises FormatError."""
    name, content = Path(path).name, read_json(Path(path))
    expected = f'{name}: expected a JSON object such as {{"27": "L5", "28": "L4"}}'
    if not isinstance(content, dict) or not content:
        raise FormatError(expected)
    found: dict[int, str] = {}
    for key, value in content.items():
        label, text = (key, value) if str(key).isdigit() else (value, key)
        level = level_of(text) if isinstance(text, str) else None
        if level is None or not str(label).isdigit():
            raise FormatError(f"{expected}, found {key!r}: {value!r}; vertebrae are {', '.join(LEVELS)}")
        if level in found.values():
            raise FormatError(f"{name}: {level} is named twice; give each vertebra one label")
        found[int(label)] = level
    return found


def level_of(name: str) -> str | None:
    """The vertebra that a name means, such as L3 for "L3", "vertebrae_L3" and "L3 vertebra"; None for other names."""
    match = _NAME.fullmatch(name.strip())
    if match is None:
        return None
    level = "S1" if match[1].lower() == "sacrum" else match[1].upper()
    return level if level in LEVELS else None


def _recognised(heights: Mapping[int, float], scheme: str) -> str:
    """The scheme whose order along the patient's axis fits."""
    if scheme != "auto":
        return scheme
    labels = sorted(label for label in heights if label <= 50)
    rises = np.diff([heights[label] for label in labels])
    upwards, downwards = bool((rises > 0).all()), bool((rises < 0).all())
    if len(labels) < 2 or not (upwards or downwards):
        raise FormatError(
            f"labels: whose numbers {_listed(list(heights))} are cannot be told from their order, expected at least "
            "two whole vertebrae one above the other; state the scheme, verse or totalsegmentator, or give names"
        )
    if downwards:
        return "verse"
    return "totalsegmentator-v1" if labels[0] < 25 else "totalsegmentator"


def _height(labels: np.ndarray, grid: Grid, label: int) -> float:
    index = np.argwhere(labels == label).mean(axis=0)[::-1]
    return float(apply(grid.world_from_index, index)[2])


def _check_order(names: Mapping[int, str], heights: Mapping[int, float]) -> None:
    falls = np.diff([heights[label] for label in names])
    if len(falls) and falls.max() > 0:
        order = ", ".join(names.values())
        raise FormatError(
            f"labels: {order} lie upside down or out of order along the patient's axis, expected each below the one "
            "before; the CT is flipped, or the labels are of another scheme: export it again or state the scheme"
        )


def _title(scheme: Scheme | Mapping[int, str]) -> str:
    return (
        "the names given"
        if isinstance(scheme, Mapping)
        else "TotalSegmentator and VerSe"
        if scheme == "auto"
        else scheme
    )


def _listed(labels: list[int]) -> str:
    shown = ", ".join(str(label) for label in labels[:12])
    return shown + (" ..." if len(labels) > 12 else "")


def centers(labels: np.ndarray, grid: Grid, names: Mapping[int, str]) -> dict[str, Array]:
    """(3,) LPS mm, the centre of each vertebra."""
    return {
        name: apply(grid.world_from_index, np.argwhere(labels == label).mean(axis=0)[::-1])
        for label, name in names.items()
    }
