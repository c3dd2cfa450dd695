"""The attributes of one frame of a DICOM image, wherever the image stores them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from ...errors import FormatError
from .objects import DAMAGE, open_header


class FrameTags:
    """Attributes of one frame by their keyword.

    Enhanced images store them in functional groups (PS3.3 C.7.6.16): those of the frame take precedence over the shared
    ones, and these over the attributes of the image itself.
    """

    def __init__(self, dataset: Dataset, frame: int, name: str) -> None:
        self.dataset, self.frame, self.name = dataset, frame, name

    @classmethod
    def of(cls, path: Path, frame: int = 0) -> FrameTags:
        """The attributes of a frame of an X-ray file; raises like `open_header`."""
        return cls(open_header(path), frame, path.name)

    def get(self, keyword: str) -> Any:
        """The value of an attribute, None where it is absent or empty; raises FormatError for a broken value."""
        try:
            for level in self._levels():
                value = level.get(keyword)
                if value is not None and value != "" and not (hasattr(value, "__len__") and len(value) == 0):
                    return value
        except DAMAGE:
            raise FormatError(f"{self.name}: {keyword} cannot be read; export the file again") from None
        return None

    def group(self, sequence: str) -> FrameTags | None:
        """The attributes in the first item of a sequence, None where there is none."""
        items = self.get(sequence)
        return FrameTags(items[0], self.frame, self.name) if items else None

    def text(self, keyword: str) -> str:
        """An attribute as text without spaces around it, "" where it is absent."""
        value = self.get(keyword)
        return "" if value is None else str(value).strip()

    def texts(self, keyword: str) -> tuple[str, ...]:
        """The values of a text attribute with any number of values."""
        value = self.get(keyword)
        if value is None:
            return ()
        return (value.strip(),) if isinstance(value, str) else tuple(str(part).strip() for part in value)

    def number(self, keyword: str) -> float | None:
        """A finite number, None where it is absent; raises FormatError for anything else."""
        values = self.numbers(keyword)
        if len(values) > 1:
            raise FormatError(f"{self.name}: {keyword} has {len(values)} values, expected one number; export it again")
        return values[0] if values else None

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """The finite numbers of an attribute with any number of values; raises FormatError for anything else."""
        value = self.get(keyword)
        if value is None:
            return ()
        parts = value if hasattr(value, "__iter__") and not isinstance(value, str) else [value]
        try:
            numbers = tuple(float(part) for part in parts)
        except (TypeError, ValueError):
            raise FormatError(f"{self.name}: {keyword} is not a number; export it again") from None
        if not all(math.isfinite(number) for number in numbers):
            raise FormatError(f"{self.name}: {keyword} is {numbers}, expected finite numbers; export it again")
        return numbers

    def integer(self, keyword: str, default: int | None = None) -> int:
        """A whole number; raises FormatError where it is absent and has no default, or is anything else."""
        value = self.get(keyword)
        if value is None and default is not None:
            return default
        try:
            return int(value)
        except (TypeError, ValueError):
            raise FormatError(
                f"{self.name}: DICOM without a usable {keyword}, expected a whole number; export it again"
            ) from None

    def _levels(self) -> Iterator[Dataset]:
        for groups, index in (("PerFrameFunctionalGroupsSequence", self.frame), ("SharedFunctionalGroupsSequence", 0)):
            items = self.dataset.get(groups) or []
            if index < len(items):
                yield items[index]
                yield from (group.value[0] for group in items[index] if group.VR == "SQ" and group.value)
        yield self.dataset
