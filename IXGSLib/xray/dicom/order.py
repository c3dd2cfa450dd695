"""The order in which DICOM X-rays were taken."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .groups import FrameTags
from .objects import SECONDARY_CAPTURES, sop_class

_NUMBERS = ("SeriesNumber", "InstanceNumber", "AcquisitionNumber")
_TIME = "AcquisitionTime"


@dataclass(frozen=True)
class Acquisition:
    """The attributes of a file that determine its place in a series, None where they are not stated.

    numbers: SeriesNumber, InstanceNumber and AcquisitionNumber (PS3.3 C.7.3.1, C.7.6.1).
    time: date and time of the acquisition, or of the content without it, as digits that sort like the time.
    copy: what kind of copy of a screen the file is, such as a secondary capture; "" for the X-ray itself.
    patient, series: PatientID and study, and the series; for comparison alone, never to be shown.
    """

    numbers: tuple[int | None, ...]
    time: str | None
    patient: tuple[str, str]
    copy: str = ""
    series: str = ""


@dataclass(frozen=True)
class Order:
    """Files in order, the attributes that made it, and reasons to doubt it."""

    paths: list[Path]
    used: list[str]
    doubts: list[str]


def acquisition(path: Path) -> Acquisition:
    """When and in which series an X-ray was taken; raises like `FrameTags.of`."""
    tags = FrameTags.of(path)
    numbers = tuple(None if tags.get(keyword) is None else tags.integer(keyword) for keyword in _NUMBERS)
    patient = tags.text("PatientID"), tags.text("StudyInstanceUID")
    return Acquisition(numbers, _time(tags), patient, _copy(tags), tags.text("SeriesInstanceUID"))


def _copy(tags: FrameTags) -> str:
    if sop_class(tags.dataset) in SECONDARY_CAPTURES:
        return "secondary capture"
    return "colour image" if tags.integer("SamplesPerPixel", 1) > 1 else ""


def _time(tags: FrameTags) -> str | None:
    stated = tags.text("FrameAcquisitionDateTime") or tags.text("AcquisitionDateTime")
    for kind in ("Acquisition", "Content"):
        if not stated and tags.text(f"{kind}Time"):
            stated = tags.text(f"{kind}Date") + tags.text(f"{kind}Time")
    return stated or None


def in_acquisition_order(files: dict[Path, Acquisition]) -> Order:
    """The files by series, instance and acquisition number, then by time.

    Only what every file states counts, so that no file is placed by one attribute and its neighbour by another. Where
    several series count their instances from one and no number says which comes first, the time comes before those.
    Files that are equal in all of it keep the order in which they are given.
    """
    places = list(files.values())
    columns: dict[str, list[Any]] = {keyword: [p.numbers[n] for p in places] for n, keyword in enumerate(_NUMBERS)}
    columns[_TIME] = [place.time for place in places]
    first = ("SeriesNumber", _TIME) if _series_repeat(places) else _NUMBERS
    used = {keyword: columns[keyword] for keyword in (*first, *_NUMBERS, _TIME) if None not in columns[keyword]}
    keys = list(zip(*used.values(), strict=True)) if used else [()] * len(files)
    order = sorted(range(len(files)), key=lambda n: keys[n])
    paths = list(files)
    deciding = [keyword for keyword, column in used.items() if len(set(column)) > 1]
    return Order([paths[n] for n in order], deciding, _doubts(places, columns, used, order))


def _series_repeat(places: list[Acquisition]) -> bool:
    """Whether files of different series have the same series and instance number."""
    series: dict[tuple[int | None, ...], str] = {}
    return any(series.setdefault(place.numbers[:2], place.series) != place.series for place in places)


def _doubts(
    places: list[Acquisition], columns: dict[str, list[Any]], used: dict[str, list[Any]], order: list[int]
) -> list[str]:
    doubts = []
    if _series_repeat(places) and _TIME not in used and len(set(columns["InstanceNumber"])) > 1:
        doubts.append("several series have the same numbers")
    times = [used[_TIME][n] for n in order] if _TIME in used else []
    if times != sorted(times):
        doubts.append(f"{_TIME} says another order")
    if len(set(zip(*used.values(), strict=True))) < len(places):
        doubts += [
            f"{keyword} is stated by {len(column) - column.count(None)} of {len(column)} files only and not used"
            for keyword, column in columns.items()
            if 0 < column.count(None) < len(column)
        ]
    return doubts
