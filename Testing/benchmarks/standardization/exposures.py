"""Simulated X-rays of the patient left out of training, their targets, and the volumes reconstructed from them.

They are cached in the build folder: the X-rays under a name that depends on their settings and on the code of the
simulation.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

import IXGSLib.simulation
from IXGSLib.evaluation.prior_share import prior_share
from IXGSLib.evaluation.reprojection import reprojection_errors
from IXGSLib.files import sha256
from IXGSLib.formats import Case, load_case
from IXGSLib.geometry.trajectory import CArm
from IXGSLib.prior.estimation import BoneEstimate
from IXGSLib.prior.expectation import expected_bone
from IXGSLib.reconstruction.settings import Preset
from IXGSLib.simulation import ImagingSettings, SimulationSettings
from IXGSLib.simulation.realistic_case import RealisticSimulation, write_realistic
from IXGSLib.standardization.settings import StandardizationSettings
from IXGSLib.volume import Volume
from IXGSLib.xray import XRay
from Testing.benchmarks.scene import DATA

Method = Literal["raw", "classical", "pix2pix", "learnt", "target"]
METHODS: dict[Method, str] = {
    "raw": "X-rays",
    "classical": "classical",
    "pix2pix": "pix2pix",
    "learnt": "pix2pix, learnt prior",
    "target": "clean targets",
}
"""The inputs of the reconstruction; the last is a perfect standardisation."""
BY_NETWORK: tuple[Method, ...] = ("pix2pix", "learnt")
CACHE = Path(__file__).resolve().parents[3] / "build" / "benchmarks" / "standardization"
CT = DATA / "ct_tcga_ov_09_2043" / "ct.nii.gz"
"""The patient that the shipped network has not been trained on."""
SETTINGS = SimulationSettings(
    name="Lumbar spine", center=(-15.0, 60.0, 1300.0), arm=CArm(detector_pixels=(512, 512)), views=25
)
IMAGING = ImagingSettings()
SHOWN = (3, 8, 12, 16, 21)
"""Numbers of the views in figures."""


@dataclass(frozen=True, eq=False)
class Exposure:
    """X-rays, the clean line integrals of bone in the same views, and the attenuation of bone in the region.

    folder: where it is stored with everything that is made from it.
    """

    case: Case
    targets: tuple[XRay, ...]
    truth: Volume
    folder: Path


@dataclass(frozen=True)
class Networks:
    """Weights of the network that standardises, and of the one that expects bone in what that makes."""

    standardizer: Path
    bone: Path | None = None

    def of(self, method: Method) -> Networks | None:
        """What a method uses; None for one that uses no network."""
        if method == "pix2pix":
            return Networks(self.standardizer)
        return self if method == "learnt" else None

    def offers(self, method: Method) -> bool:
        """Whether a method can be measured with these."""
        return method != "learnt" or self.bone is not None


@dataclass(frozen=True, eq=False)
class Made:
    """Standardised views, the volume reconstructed from them, and notes.

    notes: seconds, re-projection error (in line integrals, and relative to the standard deviation of the views), and
    for a network the in-distribution scores of the views.
    """

    case: Case
    volume: Volume
    notes: dict[str, Any]


def load(name: str, definition: Any, make: Callable[[], RealisticSimulation], cache: Path = CACHE) -> Exposure:
    """An exposure from the cache, or a new one. definition: everything but the code that it depends on, as JSON."""
    sources = [file.read_bytes() for file in sorted(Path(IXGSLib.simulation.__path__[0]).glob("*.py"))]
    digest = hashlib.sha256(json.dumps(definition, sort_keys=True).encode() + b"".join(sources)).hexdigest()
    folder = cache / f"{name}-{digest[:12]}"
    if not (folder / "case").exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_realistic(make(), folder / "case")
    case, targets = load_case(folder / "case"), load_case(folder / "case" / "targets")
    return Exposure(case, targets.xrays, Volume.load(folder / "case" / "truth.nrrd"), folder)


def definition(settings: SimulationSettings, imaging: ImagingSettings) -> dict[str, Any]:
    return {"settings": asdict(settings), "imaging": asdict(imaging)}


def standardized(exposure: Exposure, method: Method, networks: Networks | None = None) -> Case:
    """The views that a volume is reconstructed from. Raises SettingsError for pix2pix without weights."""
    from IXGSLib.standardization import standardize

    if method == "raw":
        return exposure.case
    if method == "target":
        return replace(exposure.case, xrays=exposure.targets)
    if method not in BY_NETWORK:
        return standardize(exposure.case, StandardizationSettings(method))
    weights = None if networks is None else networks.standardizer
    return standardize(exposure.case, StandardizationSettings("pix2pix", weights))


def made(exposure: Exposure, method: Method, preset: Preset, networks: Networks | None = None) -> Made:
    """Standardise and reconstruct, and store the shown views and the volume for figures."""
    from IXGSLib import reconstruct

    start = time.perf_counter()
    case = standardized(exposure, method, networks)
    expected = _expected(case, networks) if method == "learnt" else None
    between = time.perf_counter()
    result = reconstruct(case, preset, prior=None if expected is None else expected.prior)
    notes: dict[str, Any] = {
        "standardization_seconds": between - start,
        "reconstruction_seconds": time.perf_counter() - between,
    }
    errors = reprojection_errors(case.xrays, result.renders)
    spread = [float(xray.image[xray.mask].std()) for xray in case.xrays]
    notes |= {"reprojection": float(np.mean(errors)), "reprojection_share": float(np.mean(errors) / np.mean(spread))}
    if expected is not None:
        share = prior_share(result.volume, expected.prior.bone, expected.alone)
        notes |= {"added": share.added, "removed": share.removed}
    if method in BY_NETWORK and case.standardization is not None:
        scores = [case.standardization.distribution_score(view.id) for view in case.views]
        found = [score for score in scores if score is not None]
        if found:
            notes |= {"distribution_score": float(np.median(found)), "min_distribution_score": float(min(found))}
    _keep(kept(exposure, method, preset, digest(networks)), case, result.volume)
    return Made(case, result.volume, notes)


def _expected(case: Case, networks: Networks | None) -> BoneEstimate:
    found = expected_bone(case, "learnt", None if networks is None else networks.bone)
    assert found is not None  # learnt raises where it cannot be used
    return found.estimate


def kept(exposure: Exposure, method: Method, preset: Preset, weights: str = "") -> Path:
    """The file with the volume and the shown views; for a network one per digest of the weights."""
    return exposure.folder / f"{method}{f'-{weights}' if method in BY_NETWORK else ''}-{preset}.npz"


def digest(networks: Networks | None) -> str:
    """The first digits of the hashes of files of weights."""
    files = () if networks is None else filter(None, (networks.standardizer, networks.bone))
    return "-".join(sha256(file.read_bytes())[:12] for file in files)


def _keep(file: Path, case: Case, volume: Volume) -> None:
    shown = np.stack([case.xrays[n % len(case.xrays)].image for n in SHOWN])
    unfinished = file.with_suffix(".part.npz")
    np.savez(unfinished, volume=volume.values, views=shown)
    unfinished.replace(file)
