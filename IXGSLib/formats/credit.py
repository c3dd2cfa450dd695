"""The credit of the X-rays of a case, which stays with what is made of them."""

from __future__ import annotations

from pathlib import Path

from ..errors import FormatError
from ..messages import warn
from ..parsing import read_file
from .folder import inside

NAME = "CREDIT.txt"
MAX_BYTES = 2**20


def read_credit(case: Path) -> str:
    """The content of CREDIT.txt beside a case, "" where there is none.

    case: its folder, or a file in it. Warns of a link that leads out of the folder and of a file of more than
    MAX_BYTES, which are not read.
    """
    folder = case if case.is_dir() else case.parent
    if not (folder / NAME).exists():
        return ""
    try:
        file = inside(folder, NAME, "the credit")
        return read_file(file, MAX_BYTES).decode("utf-8", errors="replace")
    except FormatError as error:
        warn(f"{error}; it is not used")
        return ""
