"""The views of a simulation: those to reconstruct from, and test views on the same trajectory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from ..geometry import View
from ..geometry.rigid import Array
from ..geometry.trajectory import arc, circular, random, trajectory
from .settings import SimulationSettings


def poses(settings: SimulationSettings, isocentre: ArrayLike) -> tuple[list[View], list[View]]:
    """The training and the test views around `isocentre` (3,) LPS mm.

    Test views of an arc or a circle lie midway between training views, or at finer steps when there are more tests
    than gaps; those of random poses are further draws. No test view is a training view.
    """
    training, test = _angles(settings)
    views = trajectory(settings.arm, test, isocentre)
    return (
        trajectory(settings.arm, training, isocentre),
        [replace(view, id=f"test_{view.id}") for view in views],
    )


def _angles(settings: SimulationSettings) -> tuple[Array, Array]:
    """(views, 2) and (test_views, 2) gantry angles in degrees."""
    count, tests = settings.views, settings.test_views
    if settings.trajectory == "random":
        drawn = random(count + tests, settings.span, settings.tilt, settings.seed)
        return drawn[:count], drawn[count:]
    if settings.trajectory == "circular":
        parts = _parts(tests, count)
        return circular(count), _between(circular(count * parts), parts, tests)
    parts = _parts(tests, count - 1)
    fine = arc((count - 1) * parts + 1, settings.span, settings.tilt)
    return arc(count, settings.span, settings.tilt), _between(fine, parts, tests)


def _parts(tests: int, gaps: int) -> int:
    """The number of steps into which each gap between training views is divided to make room for the tests."""
    return 1 + -(-tests // gaps)


def _between(fine: Array, parts: int, tests: int) -> Array:
    """`tests` evenly spaced angles of the fine ones, except every `parts`-th, which is a training view."""
    free = fine[np.arange(len(fine)) % parts != 0]
    return free[(2 * np.arange(tests) + 1) * len(free) // (2 * tests)]
