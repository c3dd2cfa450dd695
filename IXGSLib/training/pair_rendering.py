"""The pairs of one CT, rendered: an anatomy, a patient, a view and imaging settings drawn for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import SettingsError
from ..geometry import Grid
from ..geometry.rigid import Array, apply
from ..simulation.anatomy import draw_anatomy
from ..simulation.attenuation import check_hounsfield
from ..simulation.body import Body, body
from ..simulation.contrast_agent import without_contrast_agent
from ..simulation.drawing import draw_patient, draw_settings, draw_view
from ..simulation.lesions import Solid, changes, draw_lesions
from ..simulation.realistic import Subject
from ..simulation.spine import spine
from ..volume.images import read_image
from .cameras import Camera, camera
from .pair_format import RenderedPair, write_pair
from .pair_settings import PairSettings
from .series_settings import SeriesSettings

PAIRS_PER_ANATOMY = 10
"""Pairs of each anatomy drawn from a CT; the first anatomy is that of the CT."""
LESION_BOX_MM = 160.0
"""Side of the box around the isocentre in which lesions are drawn: about what an image shows."""
UNDISPLAYED: dict[str, Any] = {
    "logarithmic": True,
    "inverted": True,
    "window": (0.0, 100.0),
    "gamma": 1.0,
    "edge_amount": 0.0,
    "bits": 16,
}
"""Imaging settings of a picture that is the logarithm of the signal, with dense tissue bright."""


@dataclass(frozen=True, eq=False)
class Scan:
    """A CT ready for projection, its voxels in a file that all processes share.

    name: the first digits of its SHA-256, with which the names of its pairs begin. back, step: of `Body`.
    """

    name: str
    voxels: Path
    grid: Grid
    back: float
    step: tuple[float, float]

    def body(self) -> Body:
        return Body(np.load(self.voxels, mmap_mode="r"), self.grid, self.back, step=self.step)


def load_scan(ct: Path, name: str, settings: PairSettings | SeriesSettings, folder: Path) -> Scan:
    """Read a CT and store its voxels in a folder; raises SettingsError for a CT in which nothing attenuates."""
    values, grid = read_image(ct)
    check_hounsfield(values, settings.bone_threshold, ct.name)
    bone = without_contrast_agent(values, grid) if settings.contrast_agent else None
    patient = body(values, grid, settings.bone_threshold, settings.bone_softness, bone=bone)
    if not patient.values[..., 3].max() > 0:
        raise SettingsError(f"{ct.name}: nothing in it attenuates, expected a CT in HU of a body; check its scale")
    voxels = folder / f"{name}.npy"
    np.save(voxels, patient.values)
    return Scan(name, voxels, patient.grid, patient.back, patient.step)


class PairRenderer:
    """Renders pairs of one CT and writes them to a folder; a pair depends on CT, settings and its number only."""

    def __init__(self, scan: Scan, settings: PairSettings, folder: Path) -> None:
        self.scan, self.settings, self.folder = scan, settings, folder
        self.patient = scan.body()
        self.seeds = [settings.seed, int(scan.name, 16)]

    def render(self, numbers: Sequence[int]) -> Iterator[None]:
        """Render and write the pairs of these numbers, which share one anatomy; yields after each."""
        anatomy = numbers[0] // PAIRS_PER_ANATOMY
        person = self.patient
        if anatomy:
            person = draw_anatomy(np.random.default_rng([*self.seeds, anatomy, 1]), self.patient)
        along, taker = spine(person), camera(person, self.settings.device)
        for number in numbers:
            write_pair(self.folder, self._pair(person, along, taker, number))
            yield

    def _pair(self, person: Body, along: Array, taker: Camera, number: int) -> RenderedPair:
        """One pair of an anatomy, whose spine runs `along` (points, 3) LPS mm."""
        generator = np.random.default_rng([*self.seeds, number])
        patient = draw_patient(generator, person)
        along = apply(patient.grid.world_from_index @ np.linalg.inv(person.grid.world_from_index), along)
        view, center = draw_view(generator, patient, along, self.settings.size)
        imaging = draw_settings(generator, self.settings.imaging())
        if generator.random() >= self.settings.displayed:
            imaging = replace(imaging, **UNDISPLAYED)
        solids = self._lesions(patient, center, along, number)
        added = changes(patient, solids) if solids else None
        taken = taker.take(Subject(patient, center, spine=along, changes=added), view, imaging)
        anatomy = number // PAIRS_PER_ANATOMY
        return RenderedPair(self.scan.name, number, taken, view, center, patient, solids, anatomy, imaging)

    def _lesions(self, patient: Body, center: Array, along: Array, number: int) -> list[Solid]:
        """Those of a pair, by random numbers of their own: without them the pair is the same in everything else."""
        generator = np.random.default_rng([*self.seeds, number, 3])
        if generator.random() >= self.settings.lesions:
            return []
        return draw_lesions(generator, patient, center, LESION_BOX_MM, along)
