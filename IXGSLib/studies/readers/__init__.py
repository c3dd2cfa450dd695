"""Reader studies: blinded sets of runs, the ratings that readers save in the panel, and what they say about metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...lazy import lazy_exports

if TYPE_CHECKING:
    from .analysis import analyse
    from .ratings import read_ratings
    from .sets import SetSettings, make_sets

__all__ = ["SetSettings", "analyse", "make_sets", "read_ratings"]

__getattr__ = lazy_exports(
    __name__,
    {
        "SetSettings": ".sets",
        "analyse": ".analysis",
        "make_sets": ".sets",
        "read_ratings": ".ratings",
    },
)
