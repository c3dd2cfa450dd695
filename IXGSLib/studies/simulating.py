"""Simulated X-rays of a CT in a condition, written as a case."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..files import sha256, write_atomically
from ..simulation import SimulationSettings, simulate, write_simulation
from ..simulation.realistic_case import RealisticSimulation, simulate_realistic, write_realistic
from ..volume.images import read_image
from ..xray import png
from .case_making import INSERTS, PHOTONS, SPAN, TEST_VIEWS, VIEWS
from .condition import Condition
from .inserts import insert, write_inserts
from .plan import Subject

if TYPE_CHECKING:
    from ..geometry import Grid
    from ..geometry.rigid import Array
    from ..simulation.solids import Capsule
    from .c_arms import CArmModel


def write_case(subject: Subject, condition: Condition, c_arm: CArmModel, folder: Path) -> None:
    """Simulate the X-rays of a subject's CT and write case.json, test.json, truth.nrrd and images into a folder."""
    assert subject.ct is not None
    hounsfield, grid = read_image(subject.ct)
    settings = simulation_settings(subject, condition, c_arm, (hounsfield, grid))
    hounsfield, inserts = insert(hounsfield, grid, settings, condition)
    if condition.is_realistic:
        _write_realistic((hounsfield, grid), settings, condition, c_arm, inserts.solids, folder)
    else:
        write_simulation(simulate((hounsfield, grid), settings), folder)
    if inserts.places:
        write_inserts(inserts, folder / INSERTS)


def _write_realistic(
    ct: tuple[np.ndarray, Grid],
    settings: SimulationSettings,
    condition: Condition,
    c_arm: CArmModel,
    solids: tuple[Capsule, ...],
    folder: Path,
) -> None:
    quanta = c_arm.imaging.quanta
    imaging = replace(c_arm.imaging, quanta=None if quanta is None else quanta * condition.dose)
    simulation = simulate_realistic(ct, settings, imaging, solids)
    write_realistic(simulation, folder)
    if c_arm.exports_display:
        _show_pictures(simulation, folder)


def simulation_settings(
    subject: Subject, condition: Condition, c_arm: CArmModel, ct: tuple[np.ndarray, Grid]
) -> SimulationSettings:
    """The settings of the simulation of a CT in Hounsfield units [k, j, i].

    Where a subject has no centre, the isocentre is the middle of the spine.
    """
    center = spine_center(*ct) if subject.center is None else subject.center
    return SimulationSettings(
        name=subject.name,
        center=tuple(float(each) for each in center),  # type: ignore[arg-type]
        size=condition.size,
        spacing=condition.spacing,
        views=condition.views or VIEWS,
        test_views=TEST_VIEWS,
        trajectory=condition.trajectory,
        span=SPAN if condition.span is None else condition.span,
        tilt=condition.tilt,
        arm=c_arm.arm,
        photons=PHOTONS * condition.dose,
        seed=condition.seed,
    )


def spine_center(hounsfield: np.ndarray, grid: Grid) -> Array:
    """(3,) LPS mm: the point of the spine that is level with the centre of a CT."""
    from ..simulation.body import body
    from ..simulation.spine import spine

    defaults = SimulationSettings()
    points = spine(body(hounsfield, grid, defaults.bone_threshold, defaults.bone_softness))
    return points[int(np.abs(points[:, 2] - grid.center[2]).argmin())]


def _show_pictures(simulation: RealisticSimulation, folder: Path) -> None:
    """Replace the images of a case by the pictures of the C-arm's display, as intensities of an open field at their
    largest value."""
    data = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    for entry, taken in zip(data["views"], simulation.radiographs, strict=True):
        bits = taken.settings.bits
        encoded = png.encode(taken.picture.astype(np.uint8 if bits == 8 else np.uint16))
        entry.update(i0=float(2**bits - 1), sha256=sha256(encoded))
        write_atomically(folder / entry["image"], encoded)
    write_atomically(folder / "case.json", json.dumps(data, indent=1, ensure_ascii=False).encode())
