"""How C-arms fill in DICOM attributes: the standard, and the ways in which systems deviate from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import combinations
from typing import Any, Literal, get_args

from ...errors import SettingsError

Deviation = Literal[
    "room-angles",
    "primary-reversed",
    "secondary-reversed",
    "angle-steps",
    "table-lengthwise",
    "seen-from-detector",
    "elements-from-source",
    "quarter-turn",
    "half-turn",
    "three-quarter-turn",
]
"""The names of the deviations from `STANDARD`, for the command line and the records of runs."""
Auto = Literal["auto"]
AUTO: Auto = "auto"
"""The word that has the X-rays choose the deviations."""


class Angles(Enum):
    """The reference of the positioner's primary and secondary angles."""

    PATIENT = "the patient, in any position (PS3.3 C.8.7.5.1.2)"
    ROOM = "the equipment, as if the patient lay head first and supine"


class Side(Enum):
    """The side from which an image is seen."""

    SOURCE = "from the source, facing the detector"
    DETECTOR = "from the detector, facing the source; in a frontal view, facing the patient"


class Increments(Enum):
    """The reference of angle and table increments."""

    FROM_FIRST = "offsets from the first frame (PS3.3 C.8.7.5.1.3)"
    FROM_PREVIOUS = "steps from the previous frame"


class TableAxes(Enum):
    """The directions in which table increments and table top positions are counted."""

    STANDARD = "longitudinal to the patient's left, lateral to the head (PS3.3 C.8.7.4.1.2, C.8.7.4.1.3, C.8.19.6.11)"
    LENGTHWISE = "longitudinal along the table to the head, lateral across it to the left"


@dataclass(frozen=True)
class Conventions:
    """A hypothesis of how a C-arm fills in its attributes; the default follows the standard where it decides.

    side: of images that state neither PatientOrientation nor rotation and flip of the field of view.
    elements: the side from which the rows of the detector run from left to right. The standard counts them looking
    towards the source (PS3.3 C.8.19.6.13.1.2; the worked example of PS3.17 FFF.2.5.1.4).
    primary_sign, secondary_sign: -1 for a system that counts the angle in the opposite sense.
    quarter_turns: additional clockwise rotations of the stored image by 90 degrees.
    """

    angles: Angles = Angles.PATIENT
    side: Side = Side.SOURCE
    elements: Side = Side.DETECTOR
    increments: Increments = Increments.FROM_FIRST
    table: TableAxes = TableAxes.STANDARD
    primary_sign: int = 1
    secondary_sign: int = 1
    quarter_turns: int = 0

    @classmethod
    def deviating(cls, names: Sequence[Deviation]) -> Conventions:
        """The standard's conventions with deviations; raises SettingsError for unknown names and two of one kind."""
        changes: dict[str, Any] = {}
        for name in dict.fromkeys(names):
            if name not in _CHANGES:
                raise SettingsError(
                    f"--tag-conventions {name}: unknown, expected one or more of {', '.join(get_args(Deviation))}"
                )
            field, value = _CHANGES[name]
            if field in changes:
                raise SettingsError(
                    f"--tag-conventions {' '.join(names)}: more than one turn of the image; choose one of them"
                )
            changes[field] = value
        return replace(STANDARD, **changes)

    @property
    def deviations(self) -> tuple[str, ...]:
        """The names of what deviates from the standard."""
        return tuple(name for name, (field, value) in _CHANGES.items() if getattr(self, field) == value)


STANDARD = Conventions()


def hypotheses() -> Iterator[tuple[Deviation, ...]]:
    """The deviations that one system may have: none, each one, and each two that do not exclude each other."""
    yield ()
    yield from ((name,) for name in get_args(Deviation))
    for one, other in combinations(get_args(Deviation), 2):
        if _CHANGES[one][0] != _CHANGES[other][0]:
            yield one, other


_CHANGES: dict[str, tuple[str, Any]] = {
    "room-angles": ("angles", Angles.ROOM),
    "primary-reversed": ("primary_sign", -1),
    "secondary-reversed": ("secondary_sign", -1),
    "angle-steps": ("increments", Increments.FROM_PREVIOUS),
    "table-lengthwise": ("table", TableAxes.LENGTHWISE),
    "seen-from-detector": ("side", Side.DETECTOR),
    "elements-from-source": ("elements", Side.SOURCE),
    "quarter-turn": ("quarter_turns", 1),
    "half-turn": ("quarter_turns", 2),
    "three-quarter-turn": ("quarter_turns", 3),
}
