"""A simulation whose X-rays are the intensities that a C-arm exports."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import SettingsError
from ..files import sha256, write_atomically, write_folder
from ..formats import save_case
from ..volume.images import read_image
from ..xray import png
from .body import body
from .contrast_agent import without_contrast_agent
from .imaging_settings import ImagingSettings
from .realistic import Radiograph, Subject, radiograph
from .settings import SimulationSettings
from .simulator import CT, Simulation, simulate
from .solids import Capsule
from .spine import spine

SATURATED_GREY = 65535
"""Grey value of a saturated pixel in a file."""


@dataclass(frozen=True, eq=False)
class RealisticSimulation:
    """The clean simulation, and a radiograph for each of its training views."""

    clean: Simulation
    radiographs: tuple[Radiograph, ...]


def simulate_realistic(
    ct: CT,
    settings: SimulationSettings | None = None,
    imaging: ImagingSettings | None = None,
    solids: Sequence[Capsule] = (),
) -> RealisticSimulation:
    """Radiographs of a CT as a C-arm takes and exports them, along the trajectory of `settings`.

    Seed, bone threshold and softness are those of `settings`. Each view has its own noise; the implants are the same in
    all views. solids: further metal at given positions, which targets and truth do not show.
    Raises SettingsError for another `tissue` than bone and for `crop`, and what `simulate` raises.
    """
    settings = SimulationSettings() if settings is None else settings
    imaging = ImagingSettings() if imaging is None else imaging
    if settings.tissue != "bone" or settings.crop:
        raise SettingsError(
            f"a realistic simulation of tissue '{settings.tissue}', crop {settings.crop}: X-rays pass through the "
            "whole patient and their targets are bone; leave tissue and crop as they are"
        )
    imaging = replace(
        imaging, bone_threshold=settings.bone_threshold, bone_softness=settings.bone_softness, seed=settings.seed
    )
    clean = simulate(ct, replace(settings, photons=None))
    values, grid = ct if isinstance(ct, tuple) else read_image(ct)
    bone = without_contrast_agent(values, grid) if settings.contrast_agent else None
    patient = body(values, grid, settings.bone_threshold, settings.bone_softness, spacing=0.0, bone=bone)
    center = clean.truth.grid.center
    along = spine(patient) if "screws" in imaging.implants else None
    subject = Subject(patient, center, solids, along)
    taken = (radiograph(subject, view, imaging, number) for number, view in enumerate(clean.training.views))
    return RealisticSimulation(clean, tuple(taken))


def write_realistic(simulation: RealisticSimulation, folder: str | os.PathLike[str]) -> Path:
    """Write a case of intensities, its clean targets, test views and truth; returns the folder.

    Files: case.json with images/*.png (16 bits, i0 in case.json, and masks of the collimated field), targets/ (line
    integrals of enhanced bone in the same views), test.json, truth.nrrd, simulation.json, imaging.json and CREDIT.txt
    (if any).
    folder, errors: as in `write_simulation`.
    """
    return write_folder(folder, lambda whole: _write(simulation, whole))


def stored(radiograph: Radiograph) -> tuple[np.ndarray, float]:
    """(height, width) uint16 proportional to the signal, and the grey value of the open field (i0)."""
    scale = SATURATED_GREY / radiograph.ceiling
    return np.rint(radiograph.signal * scale).astype(np.uint16), float(scale)


def _write(simulation: RealisticSimulation, folder: Path) -> None:
    clean = simulation.clean
    targets = save_case(clean.training, folder / "targets")
    save_case(clean.test, folder, "test.json")
    clean.truth.save(folder / "truth.nrrd")
    data = json.loads(targets.read_text(encoding="utf-8"))
    data["values"] = "intensity"
    for entry, picture in zip(data["views"], simulation.radiographs, strict=True):
        pixels, i0 = stored(picture)
        encoded = png.encode(pixels)
        entry.update(image=f"{entry['image'].removesuffix('.tiff')}.png", sha256=sha256(encoded), i0=i0)
        write_atomically(folder / entry["image"], encoded)
        if not picture.field.all():
            entry["mask"] = entry["image"].removesuffix(".png") + ".mask.png"
            write_atomically(folder / entry["mask"], png.encode(picture.field.astype(np.uint8) * 255))
    imaging = asdict(simulation.radiographs[0].settings)
    for name, content in (("imaging", imaging), ("simulation", asdict(clean.settings)), ("case", data)):
        write_atomically(folder / f"{name}.json", _json(content))
    if clean.settings.credit:
        write_atomically(folder / "CREDIT.txt", (clean.settings.credit.rstrip() + "\n").encode())


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
