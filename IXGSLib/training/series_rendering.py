"""The series of one CT, rendered: an anatomy, a patient, a C-arm and imaging settings drawn for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..geometry import Grid, View
from ..geometry.rigid import Array, apply
from ..geometry.twists import changed, poses, with_poses
from ..prior.channels import lattice_channels, parted
from ..prior.features import FeatureView, feature_view
from ..simulation.anatomy import draw_anatomy
from ..simulation.body import Body
from ..simulation.drawing import draw_patient, draw_settings
from ..simulation.imaging_settings import ImagingSettings
from ..simulation.lesions import Solid, draw_lesions, share, with_lesions
from ..simulation.realistic import Radiograph, Subject, radiograph
from ..simulation.region import means
from ..simulation.series_drawing import draw_center, draw_series
from ..simulation.spine import spine
from ..standardization.network import load_network
from ..volume import Volume
from ..volume.resampling import resample
from .pair_rendering import Scan
from .series_format import Series, write_series
from .series_settings import SeriesSettings

SERIES_PER_ANATOMY = 3
"""Series of each anatomy drawn from a CT; the first anatomy is that of the CT."""
MIN_SIGNAL = 1e-4
"""Signal, as a fraction of the open field's, below which line integrals are clipped."""
I0_DEVIATION = 0.05
"""Standard deviation of the logarithm of the open field's signal as it is known."""
MIN_SATURATION = 15.0
"""A series is taken so that the patient does not saturate the detector."""
POSE_DEG, POSE_MM = 0.3, 0.5
"""Standard deviations of pose errors of size 1, along each axis."""
POSE_ERROR_SIZES = (0.0, 0.0, 0.5, 1.0)


class SeriesRenderer:
    """Renders series of one CT and writes them to a folder; a series depends on CT, seed and its number only."""

    def __init__(self, scan: Scan, settings: SeriesSettings, folder: Path) -> None:
        self.scan, self.settings, self.folder = scan, settings, folder
        self.patient = scan.body()
        self.standardizer = load_network(settings.weights())
        self.seeds = [settings.seed, int(scan.name, 16), 2]

    def render(self, numbers: Sequence[int]) -> Iterator[None]:
        """Render and write the series of these numbers, which share one anatomy; yields after each."""
        anatomy = numbers[0] // SERIES_PER_ANATOMY
        person = self.patient
        if anatomy:
            person = draw_anatomy(np.random.default_rng([*self.seeds, anatomy, 1]), self.patient)
        along = spine(person)
        for number in numbers:
            write_series(self.folder, self.scan.name, number, self._series(person, along, number))
            yield

    def _series(self, person: Body, along: Array, number: int) -> Series:
        """One series of an anatomy, whose spine runs `along` (points, 3) LPS mm."""
        generator = np.random.default_rng([*self.seeds, number])
        patient = draw_patient(generator, person)
        along = apply(patient.grid.world_from_index @ np.linalg.inv(person.grid.world_from_index), along)
        center = draw_center(generator, patient, along)
        solids: list[Solid] = []
        if generator.random() < self.settings.lesions:
            solids = draw_lesions(generator, patient, center, self.settings.side, along)
            patient = with_lesions(patient, solids)
        views = draw_series(generator, center, self.settings.views, self.standardizer.size)
        imaging = draw_settings(generator, self.settings.imaging())
        imaging = replace(imaging, saturation=max(imaging.saturation, MIN_SATURATION))
        subject = Subject(patient, center, spine=along)
        taken = [radiograph(subject, view, imaging, n) for n, view in enumerate(views)]
        found = self._features(generator, views, taken, imaging, center)
        lattice = Grid.centered(center, np.full(3, self.settings.side), self.settings.spacing, np.eye(3))
        channels = []
        for subset in self._subsets(generator):
            size = self.settings.pose_errors * float(generator.choice(POSE_ERROR_SIZES))
            moved = with_pose_errors([found[n] for n in subset], size, center, generator)
            channels.append(lattice_channels(moved, lattice))
        parts = parted(lattice)
        return Series(np.stack(channels), _bone(patient, parts), share(solids, parts))

    def _features(
        self,
        generator: np.random.Generator,
        views: Sequence[View],
        taken: Sequence[Radiograph],
        imaging: ImagingSettings,
        center: Array,
    ) -> list[FeatureView]:
        """The features of line integrals, or of pictures as a C-arm displays them, dense tissue bright."""
        displayed = generator.random() < self.settings.displayed
        open_field = float(np.exp(generator.normal(0, I0_DEVIATION)))
        images = [_displayed(each, imaging) if displayed else _lines(each, open_field) for each in taken]
        return [
            feature_view(
                image,
                self.standardizer.apply(image, each.field),
                each.field,
                view,
                view.pixel_size(center),
                units=not displayed,
            )
            for image, each, view in zip(images, taken, views, strict=True)
        ]

    def _subsets(self, generator: np.random.Generator) -> list[np.ndarray]:
        """Numbers of views: all, then random subsets, whose size is drawn log-uniformly."""
        settings, found = self.settings, [np.arange(self.settings.views)]
        while len(found) < settings.subsets:
            count = np.exp(generator.uniform(np.log(settings.min_views), np.log(settings.views)))
            found.append(np.sort(generator.choice(settings.views, round(count), replace=False)))
        return found


def with_pose_errors(
    views: list[FeatureView], size: float, center: Array, generator: np.random.Generator
) -> list[FeatureView]:
    """The views with poses turned and shifted at random about a centre (3,) LPS mm; size: see POSE_DEG, POSE_MM."""
    if size == 0:
        return views
    exact = [each.standardized.view for each in views]
    deviations = size * np.repeat([np.deg2rad(POSE_DEG), POSE_MM], 3)
    twists = generator.normal(0, deviations, (len(views), 6))
    wrong = with_poses(exact, changed(poses(exact), twists, center))
    return [each.posed(view) for each, view in zip(views, wrong, strict=True)]


def _lines(taken: Radiograph, open_field: float) -> np.ndarray:
    return -np.log(np.maximum(taken.signal / open_field, MIN_SIGNAL)).astype(np.float32)


def _displayed(taken: Radiograph, imaging: ImagingSettings) -> np.ndarray:
    """The picture from 0 to 1, as a case of intensities without I0 would be read."""
    picture = taken.picture.astype(np.float32) / (2**imaging.bits - 1)
    return picture if imaging.inverted else 1 - picture


def _bone(patient: Body, region: Grid) -> np.ndarray:
    """Attenuation of enhanced bone in a region, 1/mm: means over its voxels, with the density that it has in the CT.

    The factor that is drawn for a patient cannot be told from X-rays of unknown exposure, scatter and spectrum.
    """
    bone = Volume(np.ascontiguousarray(patient.values[..., 3]), patient.grid)
    fine = resample(bone, region.with_spacing(float(region.spacing[0]) / 2))
    return means(fine, region.shape)
