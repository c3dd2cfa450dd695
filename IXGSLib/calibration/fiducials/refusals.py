"""What no calibration can come from: mirrored X-rays, a phantom in a wrong unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...errors import GeometryError
from .bundle import Bundle
from .camera import Intrinsics
from .hypotheses import Shadows
from .labelling import Verdict, searched
from .phantom import UNITS_MM, Phantom

MIRROR_TESTS = 3
"""Number of views that are also searched for the phantom's mirror image, if they are hard to label."""
EASY_FRACTION = 0.8
"""Fraction of the fiducials inside the image from which a view is labelled without doubt about mirroring."""
SOURCE_DISTANCE_MM = (200.0, 2500.0)
"""Shortest and longest distance from the source to a phantom."""
USUAL_DISTANCE_MM = 700.0
"""Distance from source to phantom of a usual C-arm, to choose between two units."""


def refuse_mirrored(
    phantom: Phantom, shadows: Sequence[Shadows], verdicts: Sequence[Verdict], nominal: Intrinsics, seed: int
) -> None:
    """Raises GeometryError if the phantom's mirror image explains hard views better than the phantom."""
    hard = [n for n, one in enumerate(verdicts) if _is_hard(one) and len(shadows[n]) >= len(phantom) // 2]
    mirror = replace(phantom, positions=phantom.mirrored())
    own, other = 0, 0
    for n in hard[:MIRROR_TESTS]:
        first, second = (searched(each, shadows[n], nominal, seed).best() for each in (phantom, mirror))
        own, other = own + (len(first) if first else 0), other + (len(second) if second else 0)
    if other > own + len(hard[:MIRROR_TESTS]):
        raise GeometryError(
            f"{phantom.name}: its mirror image explains the X-rays, {other} fiducials to {own}: the X-rays are stored "
            "mirrored, or two axes of the phantom's positions are exchanged; give --mirrored if the X-rays "
            "are mirrored, else correct the positions"
        )


def _is_hard(verdict: Verdict) -> bool:
    one = verdict.labelling
    return one is None or len(one) < EASY_FRACTION * one.visible


def refuse_unit(phantom: Phantom, bundle: Bundle) -> None:
    """Raises GeometryError for a phantom that would be implausibly near to or far from the source."""
    middle = phantom.positions.mean(axis=0)
    distance = float(np.median([np.linalg.norm(p.rotation @ middle + p.translation) for p in bundle.scene.poses]))
    low, high = SOURCE_DISTANCE_MM
    if low <= distance <= high:
        return
    raise GeometryError(
        f"{phantom.name}: its size in the X-rays puts it {distance:.4g} mm from the source, expected {low:g} to "
        f"{high:g} mm; {_unit_cure(distance)}"
    )


def _unit_cure(distance: float) -> str:
    """The units with which a distance that was read as mm is plausible, the most usual distance first."""
    low, high = SOURCE_DISTANCE_MM
    lengths = {unit: distance * factor for unit, factor in UNITS_MM.items() if low <= distance * factor <= high}
    if not lengths:
        return "check the unit of its positions and the nominal focal length"
    likely = sorted(lengths, key=lambda unit: abs(np.log(lengths[unit] / USUAL_DISTANCE_MM)))
    return f"state the unit of its positions: {' or '.join(f'--unit {unit}' for unit in likely)}"
