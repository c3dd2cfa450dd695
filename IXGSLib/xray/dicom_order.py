"""The order in which DICOM X-rays were taken."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .dicom_groups import FrameTags
from .dicom_objects import SECONDARY_CAPTURES, sop_class

_NUMBERS = ("SeriesNumber", "InstanceNumber", "AcquisitionNumber")


@dataclass(frozen=True)
class Acquisition:
    """The attributes of a file that determine its place in a series, None where they are not stated.

    numbers: SeriesNumber, InstanceNumber and AcquisitionNumber (PS3.3 C.7.3.1, C.7.6.1).
    time: date and time of the acquisition, or of the content without it, as digits that sort like the time.
    copied: whether the file is a secondary capture and not the X-ray itself.
    patient: PatientID and study, for comparison only; never shown.
    """

    numbers: tuple[int | None, ...]
    time: str | None
    patient: tuple[str, str]
    copied: bool = False


def acquisition(path: Path) -> Acquisition:
    """When and in which series an X-ray was taken; raises like `FrameTags.of`."""
    tags = FrameTags.of(path)
    numbers = tuple(None if tags.get(keyword) is None else tags.integer(keyword) for keyword in _NUMBERS)
    patient = tags.text("PatientID"), tags.text("StudyInstanceUID")
    return Acquisition(numbers, _time(tags), patient, sop_class(tags.dataset) in SECONDARY_CAPTURES)


def _time(tags: FrameTags) -> str | None:
    stated = tags.text("FrameAcquisitionDateTime") or tags.text("AcquisitionDateTime")
    for kind in ("Acquisition", "Content"):
        if not stated and tags.text(f"{kind}Time"):
            stated = tags.text(f"{kind}Date") + tags.text(f"{kind}Time")
    return stated or None


def in_acquisition_order(files: dict[Path, Acquisition]) -> tuple[list[Path], list[str]]:
    """The files by series, instance and acquisition number, then by time, and the attributes that determine the order.

    Only attributes that every file states count, so that all files are sorted by the same ones. Files that are equal in
    all of them keep their order.
    """
    columns: dict[str, list] = {
        keyword: [place.numbers[n] for place in files.values()] for n, keyword in enumerate(_NUMBERS)
    }
    columns["AcquisitionTime"] = [place.time for place in files.values()]
    used = {keyword: column for keyword, column in columns.items() if None not in column}
    keys = list(zip(*used.values(), strict=True)) if used else [()] * len(files)
    order = sorted(range(len(files)), key=lambda n: keys[n])
    paths = list(files)
    return [paths[n] for n in order], [keyword for keyword, column in used.items() if len(set(column)) > 1]
