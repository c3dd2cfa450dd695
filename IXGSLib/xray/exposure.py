"""The unattenuated intensity of the views of one series."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import IXGSWarning

PLATEAU = 0.9
"""Part of the 99.5th percentile from which intensities belong to the brightest plateau."""
OPEN_SHARE = 0.02
"""Part of the field that the plateau fills where the beam passes beside the patient."""
OPEN_SPREAD = 0.12
"""Spread of the plateau, as a part of its level, up to which noise and vignetting explain it."""


@dataclass(frozen=True)
class Brightest:
    """The brightest plateau of a view: its level, and whether it is open field and not the patient."""

    level: float
    is_open: bool


def brightest(intensity: np.ndarray, field: np.ndarray) -> Brightest:
    """The brightest plateau of an image (rows, columns) within its field; a few hot pixels do not move it.

    Where no ray misses the patient, the brightest tenth is a small and ragged part of the field.
    """
    values = intensity[field]
    plateau = values[values >= PLATEAU * np.percentile(values, 99.5)]
    level = float(np.median(plateau))
    share = np.mean(np.abs(values - level) <= OPEN_SPREAD * abs(level))
    below = np.mean(np.abs(values - level * (1 - 2 * OPEN_SPREAD)) <= OPEN_SPREAD * abs(level))
    return Brightest(level, bool(share >= OPEN_SHARE and share > below))


def series_i0(found: Sequence[Brightest | None], stated: Sequence[float | None], ids: Sequence[str]) -> list[float | None]:
    """I0 of each view of a series, None where its own image tells it.

    found: the brightest plateau of each view, None where it could not be read. stated: I0 where the case states it.
    A view without open field takes the median of the views that have or state one, for one generator takes them all;
    where no view has one, the brightest of all views. Both are warned of.
    """
    known = [i0 for i0 in stated if i0 is not None]
    known += [f.level for f, i0 in zip(found, stated, strict=True) if f is not None and i0 is None and f.is_open]
    blind = [i0 is None and f is not None and not f.is_open for f, i0 in zip(found, stated, strict=True)]
    if not any(blind):
        return list(stated)
    levels = [f.level for f in found if f is not None]
    common = float(np.median(known)) if known else max(levels)
    names = ", ".join(id for id, is_blind in zip(ids, blind, strict=True) if is_blind)
    source = "the median of the other views" if known else "the brightest region of all views"
    warnings.warn(
        f"view {names}: no open field and no i0; {source}, {common:.5g}, is taken, as if all views had one exposure; "
        'state "i0" for each view',
        IXGSWarning,
        stacklevel=2,
    )
    return [common if is_blind else i0 for is_blind, i0 in zip(blind, stated, strict=True)]
