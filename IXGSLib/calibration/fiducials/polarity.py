"""X-rays that are stored as negatives, in which metal has the least line integral."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .camera import Intrinsics
from .detection import as_shadows, found_shadows
from .labelling import label
from .phantom import MIN_FIDUCIALS, Phantom
from .shots import Shot

TESTS = 3
"""Number of X-rays from which the polarity is judged."""


def with_dense_fiducials(
    shots: Sequence[Shot], phantom: Phantom, nominal: Intrinsics, seed: int
) -> tuple[Sequence[Shot], list[str]]:
    """The X-rays, inverted if only then the phantom is found in the first of them, with a warning that says so."""
    tested = shots[:: max(1, len(shots) // TESTS)][:TESTS]
    if any(_shows(shot, phantom, nominal, seed) for shot in tested):
        return shots, []
    if not any(_shows(_inverted(shot), phantom, nominal, seed) for shot in tested):
        return shots, []
    return [_inverted(shot) for shot in shots], [
        "the fiducials are brighter than their surroundings in the intensities: the X-rays are stored as negatives and "
        "were inverted to find the fiducials; reconstruct them with standardisation, which inverts them too"
    ]


def _shows(shot: Shot, phantom: Phantom, nominal: Intrinsics, seed: int) -> bool:
    shadows = as_shadows(found_shadows(shot, phantom.diameter_range), shot.mask)
    return len(shadows) >= MIN_FIDUCIALS and label(phantom, shadows, nominal, seed).labelling is not None


def _inverted(shot: Shot) -> Shot:
    return replace(shot, image=np.where(shot.mask, -shot.image, 0))
