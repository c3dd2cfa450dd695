"""Names of files inside a case folder."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from ..errors import FormatError

_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?$", re.IGNORECASE)


def inside(folder: Path, reference: Any, what: str) -> Path:
    """The existing file that `reference` names in `folder`.

    Raises FormatError, which begins with `what`, for a path that leads out of the folder (absolute, .., or by a link)
    and for a file that does not exist.
    """
    if not isinstance(reference, str) or not reference.strip() or "\0" in reference:
        raise FormatError(f"{what}: {reference!r} is not a file name, expected a path inside the case's folder")
    windows = PureWindowsPath(reference)
    absolute = PurePosixPath(reference).is_absolute() or bool(windows.drive) or bool(windows.root)
    path = folder / reference
    try:
        leaves, exists = not path.resolve().is_relative_to(folder.resolve()), path.is_file()
    except (OSError, ValueError) as error:  # too long, or letters that no file name can have
        raise FormatError(f"{what}: {reference[:40]!r} ... cannot be a file name; correct it") from error
    if absolute or ".." in windows.parts or leaves:
        raise FormatError(
            f"{what}: '{windows.parts[-1]}' lies outside the case's folder; move it inside and name it there"
        )
    if not exists:
        raise FormatError(f"{what}: the file '{reference}' does not exist; put it into the case's folder")
    return path


def safe_name(id: str, taken: set[str]) -> str:
    """A file name without suffix for a view, valid on every system and not in `taken`, to which it is added."""
    name = re.sub(r"[^\w.-]+", "_", id).strip("._ ")[:80] or "view"
    if _RESERVED.match(name):
        name = f"view_{name}"
    unique, number = name, 2
    while unique.lower() in taken:
        unique, number = f"{name}_{number}", number + 1
    taken.add(unique.lower())
    return unique


def image_id(name: str) -> str:
    """The id of the view of an image file: its name without suffix.

    A number is not a suffix: files that are named by their UID, such as 1.2.840.113619.2.55, keep their whole name.
    """
    # Names of files are bytes on some systems; those that are no letters are written out.
    letters = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    path = PurePosixPath(letters)
    return letters if path.suffix[1:].isdecimal() else path.stem


def natural_key(path: Path) -> tuple[tuple[int, str], ...]:
    """A sort key that puts shot2 before shot10."""
    parts = re.split(r"(\d+)", path.name.lower())
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts)
