"""CONRAD's and Siemens' projtable: for each view two angles and a 3x4 matrix, pixels from world mm.

The matrices apply to voxels and detector pixels whose centres are at integers (CONRAD, ConeBeamProjector). The angles
are redundant and not used.
"""

from __future__ import annotations

import numpy as np

from ...errors import FormatError
from ...sniffing import TEXT
from .calibration import CalibratedView, CalibrationOptions, right_handed
from .content import Content


def matches(content: Content) -> bool:
    return content.kind == TEXT and "projtable version" in content.text[:200].lower()


def read(content: Content, options: CalibrationOptions) -> list[CalibratedView]:
    """The views of a projtable; raises FormatError where the matrices or their number are incomplete."""
    blocks = content.text.split("@")
    matrices = [_matrix(block, f"{content.name}: projection {n}") for n, block in enumerate(blocks[1:], 1)]
    heading = [line for line in blocks[0].splitlines() if line.strip().isdigit()]
    if not matches(content) or not matrices or (heading and int(heading[-1]) != len(matrices)):
        stated = heading[-1] if heading else "some"
        raise FormatError(
            f"{content.name}: {len(matrices)} projections, expected {stated} after 'projtable version'; export it again"
        )
    return [CalibratedView(right_handed(P)) for P in matrices]


def _matrix(block: str, what: str) -> np.ndarray:
    """The 12 numbers after the number of the projection and its two angles."""
    try:
        values = [float(word) for word in block.split()]
    except ValueError as error:
        raise FormatError(f"{what} holds something other than numbers; export it again") from error
    if len(values) != 15 or not np.isfinite(values).all():
        raise FormatError(f"{what}: {len(values)} numbers, expected its number, two angles and 12 of the matrix")
    return np.reshape(values[3:], (3, 4))
