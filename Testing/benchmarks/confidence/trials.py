"""The reconstructions from which confidence is calibrated: simulated X-rays of several patients, in several conditions.

Each is cached in the build folder under a name that depends on its definition, so that a study can be interrupted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from IXGSLib.evaluation.confidence.calibration import Kind
from IXGSLib.files import sha256
from IXGSLib.formats import Case
from IXGSLib.geometry.twists import changed, poses, with_poses
from IXGSLib.reconstruction.settings import Preset
from IXGSLib.simulation import SimulationSettings
from IXGSLib.simulation.radiographs import noisy
from IXGSLib.simulation.realistic_case import simulate_realistic
from IXGSLib.standardization.weights import load_weights
from IXGSLib.volume import Volume
from IXGSLib.xray import XRay
from IXGSLib.xray.reduction import reduced
from Testing.benchmarks.scene import DATA
from Testing.benchmarks.standardization import exposures
from Testing.benchmarks.standardization.exposures import IMAGING, SETTINGS, Exposure

CACHE = Path(__file__).resolve().parents[3] / "build" / "benchmarks" / "confidence"
PHOTONS = 50_000.0
PIXELS = 256
"""Along each side of the X-rays that are reconstructed; a simulation may have more."""
NARROW = 0.6
"""Share of each side of the detector that narrow X-rays show."""
POSE_ERROR = (0.5, 1.0)
"""Standard deviation of erroneous poses: degrees about and mm along each axis."""


@dataclass(frozen=True)
class Patient:
    """A CT and the centre of the region, LPS mm."""

    ct: str
    center: tuple[float, float, float]

    @property
    def path(self) -> Path:
        return DATA / self.ct / "ct.nii.gz"

    def known_to(self, weights: Path) -> bool:
        """Whether a network was trained on the CT."""
        return sha256(self.path.read_bytes())[:12] in load_weights(weights).about.get("patients", ())


PATIENTS = {
    "lumbar": Patient("ct_tcga_ov_09_2043", (-15.0, 60.0, 1300.0)),
    "thoracic": Patient("ct_lidc_0314", (0.0, 170.0, -540.0)),
    "thoracolumbar": Patient("ct_crlm_1006", (16.0, 80.0, -251.0)),
    "thoracic-2": Patient("ct_lidc_0001", (21.0, 32.0, -220.0)),
    "thoracic-3": Patient("ct_pyradiomics_lung2", (-13.0, -93.0, -210.0)),
    "lumbar-2": Patient("ct_totalseg_example", (2.0, -100.0, 250.0)),
}
CONDITIONS: dict[Kind, tuple[str, ...]] = {
    "clean": ("25", "10", "narrow", "poses", "arc", "6"),
    "pix2pix": ("25", "10", "narrow", "poses"),
    "classical": ("25", "10"),
    "tissue": ("25", "10", "narrow"),
}
"""25, 10 or 6 views over 200 degrees; `arc`: 12 over 96 degrees; `narrow`: 25 that show a part of the region; `poses`:
25 with erroneous poses."""
HALVED = ("lumbar", "thoracic-2")
"""Patients whose views are halved, and who are reconstructed by the standard preset, too."""
HALVES = ("odd", "even")
"""Every second one of the 25 views, for the difference between two halves."""


@dataclass(frozen=True)
class Trial:
    """One reconstruction."""

    patient: str
    kind: Kind
    condition: str
    preset: Preset = "preview"

    @property
    def name(self) -> str:
        return f"{self.patient}-{self.kind}-{self.condition}-{self.preset}"


@dataclass(frozen=True, eq=False)
class Reconstructed:
    """A trial with its result: the case as it was reconstructed, renders of its views, and the truth."""

    trial: Trial
    case: Case
    renders: np.ndarray
    volume: Volume
    truth: Volume


def planned() -> Iterator[Trial]:
    """All trials, those first that matter most."""
    for n in range(max(map(len, CONDITIONS.values()))):
        for kind, conditions in CONDITIONS.items():
            yield from (Trial(patient, kind, conditions[n]) for patient in PATIENTS if n < len(conditions))
    for kind in ("clean", "pix2pix"):
        yield from (Trial(patient, kind, half) for patient in HALVED for half in HALVES)
        yield from (Trial(patient, kind, "25", "standard") for patient in HALVED)


def reconstructed(trial: Trial, weights: Path, cache: Path = CACHE) -> Reconstructed:
    """A trial from the cache, or computed."""
    file = trial_file(trial, weights, cache)
    exposure = _exposure(trial.patient, trial.kind, cache)
    if not file.exists():
        _make(trial, exposure, weights, file)
    with np.load(file) as stored:
        arrays = dict(stored)
    views = [reduced(xray, _factor(xray)).view for xray in _posed(trial, exposure, _chosen(trial, exposure.case.xrays))]
    xrays = [XRay(*each) for each in zip(views, arrays["images"], arrays["masks"], strict=True)]
    case = Case(tuple(xrays), exposure.truth.grid)
    return Reconstructed(trial, case, arrays["renders"], Volume(arrays["volume"], case.grid), exposure.truth)


def _make(trial: Trial, exposure: Exposure, weights: Path, file: Path) -> None:
    from IXGSLib import reconstruct

    case = _case(trial, exposure, weights)
    found = reconstruct(case, trial.preset)
    arrays = {
        "images": np.stack([xray.image for xray in case.xrays]),
        "masks": np.stack([xray.mask for xray in case.xrays]),
        "renders": np.stack(found.renders),
        "volume": found.volume.values,
    }
    unfinished = file.with_suffix(".part.npz")
    np.savez(unfinished, **arrays)
    unfinished.replace(file)


def _case(trial: Trial, exposure: Exposure, weights: Path) -> Case:
    """The case that a trial reconstructs."""
    kind = trial.kind
    if kind in ("classical", "pix2pix"):
        from IXGSLib.standardization import StandardizationSettings, standardize

        chosen = replace(exposure.case, xrays=_chosen(trial, exposure.case.xrays))
        settings = StandardizationSettings(method=kind, weights=weights if kind == "pix2pix" else None)
        xrays = standardize(chosen, settings).xrays
    elif kind == "tissue":
        xrays = _chosen(trial, exposure.case.xrays)
    else:
        random = np.random.default_rng(0)
        xrays = _chosen(trial, exposure.targets)
        xrays = tuple(replace(xray, image=noisy(xray.image, PHOTONS, random)) for xray in xrays)
    xrays = tuple(reduced(xray, _factor(xray)) for xray in _posed(trial, exposure, xrays))
    return Case(xrays, exposure.truth.grid)


def _chosen(trial: Trial, xrays: tuple[XRay, ...]) -> tuple[XRay, ...]:
    """The X-rays of a condition, at their true poses."""
    count, condition = len(xrays), trial.condition
    if condition in HALVES:
        return xrays[condition == "odd" :: 2]
    if condition == "arc":
        return xrays[count // 2 - 6 : count // 2 + 6]
    if condition.isdigit():
        return tuple(xrays[n] for n in np.linspace(0, count - 1, int(condition)).round().astype(int))
    return tuple(map(_narrowed, xrays)) if condition == "narrow" else xrays


def _narrowed(xray: XRay) -> XRay:
    width, height = xray.view.size
    left, top = (round(side * (1 - NARROW) / 2) for side in (width, height))
    mask = np.zeros_like(xray.mask)
    mask[top : height - top, left : width - left] = True
    return replace(xray, mask=xray.mask & mask)


def _posed(trial: Trial, exposure: Exposure, xrays: tuple[XRay, ...]) -> tuple[XRay, ...]:
    """The X-rays at the poses that the reconstruction is given."""
    if trial.condition != "poses":
        return xrays
    views = [xray.view for xray in xrays]
    turn, shift = POSE_ERROR
    twists = np.random.default_rng(1).normal(size=(len(views), 6)) * np.repeat([np.deg2rad(turn), shift], 3)
    moved = with_poses(views, changed(poses(views), twists, exposure.truth.grid.center))
    return tuple(replace(xray, view=view) for xray, view in zip(xrays, moved, strict=True))


def _factor(xray: XRay) -> int:
    return max(1, max(xray.view.size) // PIXELS)


def _exposure(name: str, kind: Kind, cache: Path) -> Exposure:
    patient = PATIENTS[name]
    settings = replace(SETTINGS, name=name, center=patient.center)
    if kind == "tissue":
        return _tissue(name, patient, settings, cache)
    folder = cache / "exposures"
    definition = exposures.definition(settings, IMAGING)
    return exposures.load(name, definition, lambda: simulate_realistic(patient.path, settings, IMAGING), folder)


def _tissue(name: str, patient: Patient, settings: SimulationSettings, cache: Path) -> Exposure:
    """X-rays of all tissue without scatter; its truth is all tissue, too."""
    from IXGSLib.formats import load_case
    from IXGSLib.simulation import simulate, write_simulation

    arm = replace(settings.arm, detector_pixels=(256, 256))
    settings = replace(settings, tissue="all", photons=PHOTONS, arm=arm)
    digest = hashlib.sha256(json.dumps(asdict(settings), sort_keys=True).encode()).hexdigest()[:12]
    folder = cache / "tissue" / f"{name}-{digest}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        write_simulation(simulate(patient.path, settings), folder)
    case = load_case(folder)
    return Exposure(case, case.xrays, Volume.load(folder / "truth.nrrd"), folder)


def is_made(trial: Trial, weights: Path, cache: Path = CACHE) -> bool:
    """Whether a trial is in the cache."""
    return trial_file(trial, weights, cache).exists()


def trial_file(trial: Trial, weights: Path, cache: Path) -> Path:
    """Where the cache keeps a trial."""
    return cache / f"{trial.name}-{_key(trial, weights)}.npz"


def _key(trial: Trial, weights: Path) -> str:
    definition = [asdict(trial), asdict(PATIENTS[trial.patient]), PHOTONS, NARROW, POSE_ERROR, PIXELS]
    if trial.kind == "pix2pix":
        definition.append(sha256(weights.read_bytes()))
    return hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()[:12]
