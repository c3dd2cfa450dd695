"""What the header of a NRRD or MetaImage file says: its numbers, where they are, and the lattice that they lie on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import FormatError

MAX_DIMENSIONS = 16
"""Most axes of a file; a header that states more is damaged."""
MAX_HEADER_BYTES = 2**20
"""Longest header; images with a long history in their header have some kilobytes."""


@dataclass(frozen=True, eq=False)
class Raster:
    """A checked header.

    name: of the file, for messages. sizes: along each axis, the fastest first. dtype: of the numbers, with their byte
    order. encoding: raw, zlib (any of zlib's containers) or text. data: the file of the numbers, which begin at
    `offset`, counted from the end of the file for -1; stored: their bytes in the file, None up to its end.
    spacing, origin: (n,) in the unit of the file, in LPS where it states a space; direction: (n, n), axes as columns.
    """

    name: str
    sizes: tuple[int, ...]
    dtype: np.dtype
    encoding: str
    data: Path
    offset: int
    stored: int | None
    spacing: np.ndarray
    origin: np.ndarray
    direction: np.ndarray

    def __post_init__(self) -> None:
        shapes = {"spacing": self.spacing.shape, "origin": self.origin.shape, "direction": self.direction.shape}
        n = len(self.sizes)
        if shapes != {"spacing": (n,), "origin": (n,), "direction": (n, n)}:
            raise FormatError(f"{self.name}: its lattice does not have {n} axes like its numbers; export it again")
        if not all(size >= 1 for size in self.sizes):
            raise FormatError(f"{self.name}: sizes {self.shown}, expected at least 1 along each axis; export it again")
        if not (np.isfinite(self.spacing).all() and (self.spacing > 0).all()):
            raise FormatError(f"{self.name}: spacing {self.spacing.tolist()}, expected positive numbers; correct it")
        if not (np.isfinite(self.origin).all() and np.isfinite(self.direction).all()):
            raise FormatError(f"{self.name}: origin or axes are not finite; export it again")

    @property
    def count(self) -> int:
        """How many numbers there are."""
        count = 1
        for size in self.sizes:
            count *= size
        return count

    @property
    def byte_count(self) -> int:
        """The bytes of all numbers before any compression."""
        return self.count * self.dtype.itemsize

    @property
    def shown(self) -> str:
        return " x ".join(map(str, self.sizes))


def header_lines(path: Path) -> tuple[list[str], bytes]:
    """The start of a file, up to MAX_HEADER_BYTES, as lines and as bytes; raises FormatError."""
    try:
        with path.open("rb") as file:
            start = file.read(MAX_HEADER_BYTES)
    except OSError as error:
        raise FormatError(f"{path.name}: cannot be opened ({error.strerror}); check the path") from error
    # Other characters that Python counts as ends of lines are none here.
    return [line + "\n" for line in start.decode("latin-1").split("\n")], start


def data_file(header: Path, stated: str) -> Path:
    """The file of the numbers beside its header; raises FormatError for one that lies elsewhere or is no file."""
    name = header.name
    try:
        path, folder = (header.parent / stated).resolve(), header.parent.resolve()
        usable = path.is_relative_to(folder) and path.is_file()
    except (OSError, ValueError) as error:
        raise FormatError(f"{name}: the name of its data file cannot be used; save header and data as one") from error
    if not usable:
        raise FormatError(
            f"{name}: its data file {stated!r} is not a file in the folder of the header; put it there, or save header "
            "and data as one .nrrd or .mha"
        )
    return path


def numbers(text: str, count: int | None, what: str) -> np.ndarray:
    """(count,) float64 numbers from a text, any number of them for None; raises FormatError."""
    words = text.replace(",", " ").split()
    try:
        values = np.array([float(word) for word in words])
    except ValueError as error:
        raise FormatError(f"{what} is {text[:60]!r}, expected numbers; export it again") from error
    if count is not None and len(values) != count:
        raise FormatError(f"{what} has {len(values)} numbers, expected {count}; export it again")
    return values


def whole(text: str, what: str) -> int:
    """A whole number of a sane size from a text; raises FormatError."""
    word = text.strip()
    if not word.lstrip("+-").isdigit() or len(word) > 18 or not word.isascii():
        raise FormatError(f"{what} is {word[:60]!r}, expected a whole number; export it again")
    return int(word)


def wholes(text: str, count: int, what: str) -> tuple[int, ...]:
    """`count` whole numbers from a text; raises FormatError."""
    words = text.split()
    if len(words) != count:
        raise FormatError(f"{what} has {len(words)} numbers, expected {count}; export it again")
    return tuple(whole(word, what) for word in words)


def dimensions(text: str, what: str) -> int:
    """The number of axes; raises FormatError for one that no file has."""
    count = whole(text, what)
    if not 1 <= count <= MAX_DIMENSIONS:
        raise FormatError(f"{what} is {count}, expected 2 or 3; export it again")
    return count
