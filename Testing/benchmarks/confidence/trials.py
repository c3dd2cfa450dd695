"""The reconstructions from which confidence is calibrated: simulated X-rays of several patients, in several conditions.

Each is cached in the build folder under a name that depends on its definition, so that a study can be interrupted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from IXGSLib.evaluation.confidence.calibration import Kind
from IXGSLib.formats import Case
from IXGSLib.geometry.twists import changed, poses, with_poses
from IXGSLib.reconstruction.settings import Preset
from IXGSLib.simulation import SimulationSettings
from IXGSLib.simulation.radiographs import noisy
from IXGSLib.simulation.realistic_case import simulate_realistic
from IXGSLib.volume import Volume
from IXGSLib.xray import XRay
from IXGSLib.xray.reduction import reduced
from Testing.benchmarks.scene import DATA
from Testing.benchmarks.standardization import exposures
from Testing.benchmarks.standardization.exposures import IMAGING, SETTINGS, Exposure, Networks, digest

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
    "learnt": ("25", "10", "narrow", "poses"),
    "classical": ("25", "10"),
    "tissue": ("25", "10", "narrow"),
}
"""25, 10 or 6 views over 200 degrees; `arc`: 12 over 96 degrees; `narrow`: 25 that show a part of the region; `poses`:
25 with erroneous poses."""
HALVED = ("lumbar", "thoracic-2")
"""Patients whose views of bone alone are halved, and who are reconstructed by the standard preset, too."""
BY_NETWORK: tuple[Kind, ...] = ("pix2pix", "learnt")
LEFT_OUT = ("lumbar", "thoracic-2")
"""Patients whom there are networks for that were not trained on them."""
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
    """A trial with its result: the case as it was reconstructed, renders of its views, and the truth.

    doubt: the expected error of the learnt prior, if there was one.
    """

    trial: Trial
    case: Case
    renders: np.ndarray
    volume: Volume
    truth: Volume
    doubt: Volume | None = None


def planned() -> Iterator[Trial]:
    """All trials, those first that matter most."""
    for n in range(max(map(len, CONDITIONS.values()))):
        for kind, conditions in CONDITIONS.items():
            patients = LEFT_OUT if kind in BY_NETWORK else tuple(PATIENTS)
            yield from (Trial(patient, kind, conditions[n]) for patient in patients if n < len(conditions))
    yield from (Trial(patient, "clean", half) for patient in HALVED for half in HALVES)
    yield from (Trial(patient, "clean", "25", "standard") for patient in HALVED)


def reconstructed(trial: Trial, networks: Networks | None, cache: Path = CACHE) -> Reconstructed:
    """A trial from the cache, or computed; networks: for the kinds that need them."""
    file = trial_file(trial, networks, cache)
    exposure = _exposure(trial.patient, trial.kind, cache)
    if not file.exists():
        _make(trial, exposure, networks, file)
    with np.load(file) as stored:
        arrays = dict(stored)
    views = [reduced(xray, _factor(xray)).view for xray in _posed(trial, exposure, _chosen(trial, exposure.case.xrays))]
    xrays = [XRay(*each) for each in zip(views, arrays["images"], arrays["masks"], strict=True)]
    case = Case(tuple(xrays), exposure.truth.grid)
    volume = Volume(arrays["volume"], case.grid)
    doubt = Volume(arrays["doubt"], case.grid) if "doubt" in arrays else None
    return Reconstructed(trial, case, arrays["renders"], volume, exposure.truth, doubt)


def _make(trial: Trial, exposure: Exposure, networks: Networks | None, file: Path) -> None:
    from IXGSLib import reconstruct
    from IXGSLib.prior.expectation import expected_bone

    case = _case(trial, exposure, networks)
    expected = None
    if trial.kind == "learnt" and networks is not None:
        expected = expected_bone(case, "learnt", networks.bone)
    case = _reduced(case)
    prior = None if expected is None else expected.estimate.prior
    found = reconstruct(case, trial.preset, prior=prior)
    arrays = {
        "images": np.stack([xray.image for xray in case.xrays]),
        "masks": np.stack([xray.mask for xray in case.xrays]),
        "renders": np.stack(found.renders),
        "volume": found.volume.values,
    }
    if prior is not None:
        arrays["doubt"] = prior.error.values
    unfinished = file.with_suffix(".part.npz")
    np.savez(unfinished, **arrays)
    unfinished.replace(file)


def _case(trial: Trial, exposure: Exposure, networks: Networks | None) -> Case:
    """The case that a trial reconstructs, in full resolution."""
    kind = trial.kind
    if kind in ("classical", *BY_NETWORK):
        from IXGSLib.standardization import StandardizationSettings, standardize

        chosen = replace(exposure.case, xrays=_chosen(trial, exposure.case.xrays))
        weights = networks.standardizer if networks is not None and kind in BY_NETWORK else None
        method: Literal["pix2pix", "classical"] = "pix2pix" if kind in BY_NETWORK else "classical"
        case = standardize(chosen, StandardizationSettings(method, weights))
        return replace(case, xrays=_posed(trial, exposure, case.xrays))
    if kind == "tissue":
        xrays = _chosen(trial, exposure.case.xrays)
    else:
        random = np.random.default_rng(0)
        xrays = _chosen(trial, exposure.targets)
        xrays = tuple(replace(xray, image=noisy(xray.image, PHOTONS, random)) for xray in xrays)
    return Case(_posed(trial, exposure, xrays), exposure.truth.grid)


def _reduced(case: Case) -> Case:
    return Case(tuple(reduced(xray, _factor(xray)) for xray in case.xrays), case.grid)


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
    settings = replace(SETTINGS, name=name, center=patient.center, contrast_agent=kind in BY_NETWORK)
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


def is_made(trial: Trial, networks: Networks | None, cache: Path = CACHE) -> bool:
    """Whether a trial is in the cache."""
    return trial_file(trial, networks, cache).exists()


def trial_file(trial: Trial, networks: Networks | None, cache: Path) -> Path:
    """Where the cache keeps a trial."""
    return cache / f"{trial.name}-{_key(trial, networks)}.npz"


def _key(trial: Trial, networks: Networks | None) -> str:
    definition = [asdict(trial), asdict(PATIENTS[trial.patient]), PHOTONS, NARROW, POSE_ERROR, PIXELS]
    if trial.kind in BY_NETWORK:
        definition.append(digest(None if networks is None else networks.of(trial.kind)))
    return hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()[:12]
