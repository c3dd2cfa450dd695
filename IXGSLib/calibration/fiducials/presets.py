"""Phantoms that are described by a few numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .phantom import Phantom


def plate() -> Phantom:
    """Sixteen balls of 3 mm in two planes 40 mm apart, eight in each, on a field of 120 mm.

    No rotation or reflection maps the plate onto itself.
    """
    near = [(-55, -48), (-20, -57), (18, -44), (56, -52), (-58, 6), (52, 12), (-38, 55), (30, 58)]
    far = [(-40, -30), (2, -20), (44, -26), (-22, 8), (20, 22), (58, 46), (-50, 34), (-4, 44)]
    positions = [(x, y, 0) for x, y in near] + [(x, y, 40) for x, y in far]
    return Phantom(np.array(positions, float), diameters=np.full(16, 3.0), name="plate")


def helix() -> Phantom:
    """Twenty-four balls of 3.2 mm on two turns of a helix of radius 50 mm and height 120 mm, at uneven distances.

    After Rougee et al. (SPIE 1897, 161 (1993)), who calibrate rotational angiography with a helix of beads. Even
    distances would let a shadow pass for that of the next ball.
    """
    number = np.arange(24)
    steps = number + 0.3 * np.sin(number**2)
    angle = 2 * np.pi * steps / 12
    positions = np.stack([50 * np.cos(angle), 50 * np.sin(angle), 5.0 * steps - 60], axis=1)
    return Phantom(positions, diameters=np.full(24, 3.2), name="helix")


def lines() -> Phantom:
    """Three lines of four balls of 2 mm that no symmetry relates, and two more, within 60 mm.

    Like the fluoroscope tracking fiducial (Jain et al., Med. Phys. 32, 3185 (2005)), small enough to lie beside a
    patient; each line has its own cross-ratio.
    """
    starts = np.array([[-28.0, -24, -26], [26, -28, -22], [-20, 28, -20]])
    ends = np.array([[-22.0, -18, 30], [28, 20, 18], [24, 24, 28]])
    places = np.array([[0, 0.25, 0.55, 1], [0, 0.4, 0.75, 1], [0, 0.3, 0.45, 1]])
    on = starts[:, None] + places[..., None] * (ends - starts)[:, None]
    positions = np.concatenate([on.reshape(-1, 3), [(2.0, -4, 6), (10, 6, -12)]])
    return Phantom(positions, diameters=np.full(len(positions), 2.0), name="lines")


PRESETS: dict[str, Callable[[], Phantom]] = {"plate": plate, "helix": helix, "lines": lines}
"""The phantoms that have a name."""
