"""How well poses are refined: success against the error of the start, and what is lost against true poses.

    python -m Testing.benchmarks.poses.refinement [--trials N] [--volumes] [--page]

Three patients, line integrals of bone and standardised realistic X-rays; images are made by Joseph's method from the
CT's own voxels, of which the region is a part, with noise. Every trial goes to refinement.json as soon as it ends, and
trials that are stored there are not repeated. --volumes: also whole reconstructions with true, given, refined and
registered poses. --page: only the page and the picture of what is stored.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from IXGSLib.calibration.refinement import RefinementSettings, refine
from IXGSLib.evaluation.metrics import compare_volumes
from IXGSLib.formats import Case, load_case
from IXGSLib.geometry import Grid, View
from IXGSLib.geometry.similarity import Similarity
from IXGSLib.geometry.trajectory import CArm, random, trajectory
from IXGSLib.geometry.twists import change_between, changed, poses, with_poses
from IXGSLib.reconstruction import reconstruct
from IXGSLib.reconstruction.poses import moved
from IXGSLib.rendering import voxelize
from IXGSLib.rendering.joseph import project_volume
from IXGSLib.runs.refining import pose_rate
from IXGSLib.simulation.attenuation import bone_enhanced
from IXGSLib.volume import Volume
from IXGSLib.volume.images import read_image
from IXGSLib.volume.resampling import resample
from IXGSLib.xray import XRay
from Testing.benchmarks.poses import refinement_page, registration
from Testing.benchmarks.scene import DATA

HERE = Path(__file__).parent
STORE = HERE / "refinement.json"
CACHE = HERE.parents[2] / "build" / "benchmarks" / "poses"
PATIENTS = {
    "lumbar": ("ct_tcga_ov_09_2043", (-15.0, 60.0, 1300.0)),
    "thoracic": ("ct_lidc_0314", (0.0, 245.0, -590.0)),
    "thoracolumbar": ("ct_crlm_1006", (15.0, 100.0, -280.0)),
}
KINDS = ("line integrals", "standardised")
LEVELS = ((1.0, 3.0), (2.0, 6.0), (3.0, 10.0), (4.0, 15.0), (5.0, 20.0), (10.0, 30.0))
"""Largest errors of a start, uniform: degrees about a random axis, and mm along each axis parallel to the detector;
along the beam they are BEAM times as large."""
GOAL = (3.0, 10.0)
BEAM = 1.5
TRIALS = {"line integrals": (20, 4), "standardised": (8, 2)}
"""Trials of each patient at the GOAL, and at each other level."""
VIEWS, PHOTONS = 30, 5e4
SIZE, SPACING = 160.0, 1.25


@dataclass(frozen=True)
class Trial:
    """One start: a patient, a kind of X-rays, errors in degrees and mm, and a seed."""

    patient: str
    kind: str
    level: tuple[float, float]
    seed: int

    @property
    def name(self) -> str:
        return f"{self.patient}/{self.kind}/{self.level[0]:g}-{self.level[1]:g}/{self.seed}"


def plan(share: float = 1.0) -> Iterator[Trial]:
    """All trials in rounds, so that an interrupted study covers every patient and level."""
    for seed in range(max(many for many, _ in TRIALS.values())):
        for kind in KINDS:
            for level in sorted(LEVELS, key=lambda level: level != GOAL):
                count = TRIALS[kind][level != GOAL]
                if seed < share * count:
                    yield from (Trial(patient, kind, level, seed) for patient in PATIENTS)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=1.0, help="of the trials, from 0 to 1")
    parser.add_argument("--volumes", action="store_true", help="also whole reconstructions")
    parser.add_argument("--page", action="store_true", help="only the page and the picture")
    options = parser.parse_args(arguments)
    store = json.loads(STORE.read_text()) if STORE.exists() else {"trials": {}, "volumes": {}}
    if not options.page:
        _add(store, "trials", {trial.name: lambda trial=trial: measured(trial) for trial in plan(options.share)})
        if options.volumes:
            _add(store, "volumes", {f"{p}/{m}": lambda p=p, m=m: reconstructed(p, m) for p in PATIENTS for m in MODES})
    refinement_page.write(store)
    return 0


def _add(store: dict[str, Any], part: str, work: dict[str, Any]) -> None:
    """Do what is not stored yet."""
    for name, measure in work.items():
        if name not in store[part]:
            store[part][name] = measure()
            STORE.write_text(json.dumps(store, indent=1) + "\n")
            print(name, json.dumps(store[part][name]), flush=True)


def measured(trial: Trial) -> dict[str, Any]:
    """The errors of a start, and of the poses that `refine` finds from it."""
    true = case_of(trial.patient, trial.kind)
    given = perturbed(true, trial.level, trial.seed)
    turn, shift = trial.level
    expected = RefinementSettings(
        rotation_error=turn / np.sqrt(3), shift_error=shift / np.sqrt(3), beam_error=BEAM * shift / np.sqrt(3)
    )
    began, cpu = time.perf_counter(), time.process_time()
    found = refine(given, expected)
    seconds = time.perf_counter() - began, time.process_time() - cpu
    return {
        "start": pose_errors(given.views, true),
        "end": pose_errors(found.case.views, true),
        "disagreement": [found.before, found.after],
        "verified": found.verified,
        "left_out": len(given.views) - len(found.case.views),
        "seconds": round(seconds[0], 1),
        "cpu_seconds": round(seconds[1], 1),
    }


MODES = ("true", "true, refined", "given", "refined", "registered")


def reconstructed(patient: str, mode: str) -> dict[str, Any]:
    """The volume of the standard preset with poses of a mode, compared with the truth in the same frame."""
    true = case_of(patient, KINDS[0])
    given = true if mode.startswith("true") else perturbed(true, GOAL, 0)
    began, cpu = time.perf_counter(), time.process_time()
    case, changes = given, {}
    if mode in ("refined", "true, refined"):
        found = refine(given)
        case, changes = found.case, {"rates.pose": pose_rate(found)}
    elif mode == "registered":
        case = registration.registered(given)
    result = reconstruct(case, "standard", settings=changes)
    cpu = time.process_time() - cpu
    motion = Similarity.between(result.views, true.views, true.grid.center)
    truth = truth_of(patient)
    volume = Volume(voxelize(moved(result.cloud, motion), truth.grid).numpy(), truth.grid)
    metrics = compare_volumes(volume, truth)
    return {
        **metrics.as_dict(),
        "fit_psnr": result.metrics["fit_psnr"],
        "end": pose_errors(result.views, true),
        "cpu_seconds": round(cpu, 1),
        "seconds": round(time.perf_counter() - began, 1),
    }


def perturbed(case: Case, level: tuple[float, float], seed: int) -> Case:
    """The case with errors of a level in all poses; turns about the region's centre, seen from each view."""
    generator, count = np.random.default_rng((seed, 7)), len(case.views)
    axes = generator.normal(size=(count, 3))
    axes *= np.deg2rad(generator.uniform(0, level[0], (count, 1))) / np.linalg.norm(axes, axis=1, keepdims=True)
    shifts = generator.uniform(-1, 1, (count, 3)) * (level[1], level[1], BEAM * level[1])
    moved_poses = changed(poses(case.views), np.concatenate([axes, shifts], axis=1), case.grid.center)
    return case.with_poses(with_poses(case.views, moved_poses))


def pose_errors(views: tuple[View, ...], true: Case) -> dict[str, float]:
    """Errors after the common motion and scale are taken off: root mean squares over the views, and the projection.

    projection: mm at the region, the mean distance over views and points of the region between where a point is seen
    and where it should be, scaled from the detector to the region.
    """
    others = {view.id: view for view in true.views}
    expected = [others[view.id] for view in views]
    center = true.grid.center
    aligned = Similarity.between(views, expected, center).views(views)
    change = change_between(poses(aligned), poses(expected), center)
    points = true.grid.with_spacing(SIZE / 4).points().reshape(-1, 3)
    distance = [
        np.linalg.norm(a.project(points)[0] - b.project(points)[0], axis=1).mean() * b.pixel_size(center)
        for a, b in zip(aligned, expected, strict=True)
    ]
    return {
        "rotation": round(float(np.rad2deg(np.sqrt((change[:, :3] ** 2).sum(axis=1).mean()))), 3),
        "shift": round(float(np.sqrt((change[:, 3:5] ** 2).sum(axis=1).mean())), 3),
        "beam": round(float(np.sqrt((change[:, 5] ** 2).mean())), 3),
        "projection": round(float(np.mean(distance)), 3),
        "worst": round(float(np.max(distance)), 3),
    }


def case_of(patient: str, kind: str) -> Case:
    """The X-rays with true poses, from the cache or newly made."""
    return _standardized(patient) if kind == KINDS[1] else _bone(patient)


def truth_of(patient: str) -> Volume:
    with np.load(_bone_file(patient)) as arrays:
        return Volume(arrays["truth"], _region(patient))


def _region(patient: str) -> Grid:
    return Grid.centered(PATIENTS[patient][1], np.full(3, SIZE), SPACING)


def _bone_file(patient: str) -> Path:
    return CACHE / f"{patient}.npz"


def _bone(patient: str) -> Case:
    """Line integrals of the bone of the whole CT, which the images truncate, with quantum noise."""
    views = trajectory(CArm(), random(VIEWS, seed=1), PATIENTS[patient][1])
    file, grid = _bone_file(patient), _region(patient)
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        hounsfield, lattice = read_image(DATA / PATIENTS[patient][0] / "ct.nii.gz")
        body = Volume(bone_enhanced(hounsfield), lattice)
        images = np.stack([project_volume(body.values, lattice, view) for view in views])
        counts = np.random.default_rng(0).poisson(PHOTONS * np.exp(-images))
        images = -np.log(np.maximum(counts, 1) / PHOTONS).astype(np.float32)
        np.savez(file, images=images, truth=resample(body, grid).values)
    with np.load(file) as arrays:
        images = arrays["images"]
    xrays = [XRay(view, image, np.ones(image.shape, bool)) for view, image in zip(views, images, strict=True)]
    return Case(tuple(xrays), grid, patient)


def _standardized(patient: str) -> Case:
    """Realistic X-rays, standardised by the network that comes with IXGS."""
    ct, center = PATIENTS[patient]
    folder = CACHE / f"{patient}-standardised"
    if not folder.exists():
        raw = CACHE / f"{patient}-realistic"
        place = [str(number) for number in center]
        simulate = ["simulate", str(DATA / ct / "ct.nii.gz"), "--realistic", "--center", *place, "--views", "25"]
        simulate += ["--trajectory", "random", "--test-views", "1", "--seed", "3", "--name", patient]
        for words in ([*simulate, "--out", str(raw)], ["standardize", str(raw), "--out", str(folder)]):
            subprocess.run([sys.executable, "-m", "IXGSLib", *words], check=True)
    return replace(load_case(folder), name=patient)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
