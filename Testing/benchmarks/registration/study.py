"""How well a CT is registered to X-rays: errors, capture range and verdicts, by the protocol of van de Kraats et al.

    python -m Testing.benchmarks.registration.study [--share S] [--page]

The lumbar spine of a labelled CT moves: its vertebrae turn and shift against one another. X-rays show it, line
integrals of bone or realistic ones. The CT is read again on other voxels, with noise. Every trial goes to study.json as
soon as it ends, and trials that are stored there are not repeated. --page: only the page of what is stored.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from IXGSLib.errors import IXGSError
from IXGSLib.formats import Case
from IXGSLib.geometry import Grid
from IXGSLib.geometry.rigid import Array, apply
from IXGSLib.geometry.trajectory import CArm, random, trajectory
from IXGSLib.registration import register
from IXGSLib.rendering.joseph import project_volume
from IXGSLib.simulation.attenuation import bone_enhanced
from IXGSLib.simulation.body import body
from IXGSLib.simulation.imaging_settings import ImagingSettings
from IXGSLib.simulation.realistic import Subject, radiograph
from IXGSLib.volume.images import read_image
from IXGSLib.xray import XRay
from Testing.benchmarks.registration import page, plain
from Testing.benchmarks.registration.patients import Patient, lumbar, motions, moved, random_motion, read_again
from Testing.benchmarks.scene import DATA

HERE = Path(__file__).parent
STORE = HERE / "study.json"
CACHE = HERE.parents[2] / "build" / "benchmarks" / "registration"
KINDS, COUNTS = ("bone", "realistic"), (2, 4, 25)
SPINES = 4
"""Random motions of the vertebrae; each has its own CT."""
STARTS, ANYWHERE, PLAIN = 200, 20, 20
"""Trials of each kind and number of views: from starts up to MAX_START_MM away, without a start, and by the plain
methods."""
MAX_START_MM, MAX_START_TURN = 20.0, 8.0
MOVED = (26, 27, 28, 29, 30, 31, 32)
REGISTERED = {"L1": 31, "L2": 30, "L3": 29, "L4": 28, "L5": 27}
ANGLES = {2: (0, 1), 4: (0, 1, 2, 3), 25: tuple(range(25))}
OTHERS = {
    "lumbar": ("ct_tcga_ov_09_2043", (-15.0, 60.0, 1300.0)),
    "thoracolumbar": ("ct_crlm_1006", (15.0, 100.0, -280.0)),
    "thoracic": ("ct_lidc_0314", (0.0, 245.0, -590.0)),
}
"""Patients whose X-rays meet a CT that is not theirs."""
PHOTONS = 5e4


@dataclass(frozen=True)
class Trial:
    """task: start, anywhere, plain 3D, plain 2D, or the name of another patient. number: of the trial."""

    task: str
    kind: str
    views: int
    number: int

    @property
    def name(self) -> str:
        return f"{self.task}/{self.kind}/{self.views}/{self.number}"


def plan(share: float = 1.0) -> Iterator[Trial]:
    """All trials in rounds, so that an interrupted study covers every case."""
    counts = {"start": STARTS, "anywhere": ANYWHERE, "plain 3D": PLAIN, "plain 2D": PLAIN, **dict.fromkeys(OTHERS, 1)}
    for number in range(max(counts.values())):
        for kind in KINDS:
            for views in COUNTS:
                for task, count in counts.items():
                    # The plain search in 2D takes minutes for more views.
                    if number < share * count and not (task == "plain 2D" and views > 4):
                        yield Trial(task, kind, views, number)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=1.0, help="of the trials, from 0 to 1")
    parser.add_argument("--page", action="store_true", help="only the page")
    options = parser.parse_args(arguments)
    store = json.loads(STORE.read_text()) if STORE.exists() else {"trials": {}}
    for trial in () if options.page else plan(options.share):
        if trial.name not in store["trials"]:
            store["trials"][trial.name] = measured(trial)
            STORE.write_text(json.dumps(store, indent=1) + "\n")
            page.write(store)
            print(trial.name, json.dumps(store["trials"][trial.name]), flush=True)
    page.write(store)
    return 0


def measured(trial: Trial) -> dict[str, Any]:
    """The result of a trial: by vertebra the errors of start and end in mm, and whether it is verified."""
    if trial.task in OTHERS:
        return _swapped(trial)
    spine = trial.number % SPINES
    patient, true = ct_of(spine), motions_of(spine)
    case = case_of(spine, trial.kind, trial.views)
    start = None if trial.task == "anywhere" else start_of(trial.number, patient)
    methods = {"plain 3D": plain.in_volume, "plain 2D": plain.in_images}
    began, cpu = time.perf_counter(), time.process_time()
    if trial.task in methods:
        poses = methods[trial.task](patient, case, start, REGISTERED)
        verdicts = dict.fromkeys(REGISTERED, True)
    else:
        labels = (patient.labels.astype(np.float32), patient.grid)
        found = register((patient.hounsfield, patient.grid), case, labels, list(REGISTERED), start)
        poses = {vertebra.name: vertebra.world_from_ct for vertebra in found.vertebrae}
        verdicts = {vertebra.name: vertebra.verified for vertebra in found.vertebrae}
    seconds = round(time.perf_counter() - began, 2), round(time.process_time() - cpu, 2)
    results = {
        name: {
            "start": None if start is None else _error(patient, label, start, true[label]),
            "end": _error(patient, label, poses[name], true[label]),
            "verified": verdicts[name],
        }
        for name, label in REGISTERED.items()
    }
    return {"vertebrae": results, "seconds": seconds[0], "cpu_seconds": seconds[1]}


def _error(patient: Patient, label: int, pose: Array, true: Array) -> float:
    """The mean target registration error of a vertebra, mm."""
    points = patient.points(label)
    return round(float(np.linalg.norm(apply(pose, points) - apply(true, points), axis=1).mean()), 3)


def _swapped(trial: Trial) -> dict[str, Any]:
    """The verdicts on the CT of another patient."""
    patient = ct_of(0)
    case = _other_case(trial.task, trial.kind, trial.views)
    labels = (patient.labels.astype(np.float32), patient.grid)
    try:
        found = register((patient.hounsfield, patient.grid), case, labels, list(REGISTERED))
    except IXGSError as error:
        return {"refused": str(error)}
    return {"verified": [vertebra.name for vertebra in found.vertebrae if vertebra.verified]}


def start_of(number: int, patient: Patient) -> Array:
    """(4, 4) a pose of the whole CT whose error at the middle of the spine is uniform up to MAX_START_MM."""
    generator = np.random.default_rng((number, 17))
    middle = patient.center(REGISTERED["L3"])
    motion = random_motion(generator, middle, MAX_START_TURN, 1.0)
    way = generator.normal(size=3)
    motion[:3, 3] += generator.uniform(0, MAX_START_MM) * way / np.linalg.norm(way)
    return motion


@cache
def ct_of(spine: int) -> Patient:
    """The CT as it is read for registration."""
    return read_again(lumbar(), spine)


def motions_of(spine: int) -> dict[int, Array]:
    return motions(lumbar(), list(MOVED), spine)


@cache
def case_of(spine: int, kind: str, views: int) -> Case:
    """The X-rays of a spine after its motion, from the cache or newly made."""
    file = CACHE / f"{spine}-{kind}.npz"
    center = np.mean([lumbar().center(label) for label in REGISTERED.values()], axis=0)
    if not file.exists():
        patient = lumbar()
        grid = Grid.centered(patient.grid.center, 0.999 * patient.grid.size, 1.5)
        _save(file, moved(patient, motions_of(spine), grid), grid, kind, center)
    return _case(file, kind, views, center)


def _other_case(name: str, kind: str, views: int) -> Case:
    ct, center = OTHERS[name]
    file = CACHE / f"{name}-{kind}.npz"
    if not file.exists():
        _save(file, *read_image(DATA / ct / "ct.nii.gz"), kind, np.array(center))
    return _case(file, kind, views, np.array(center))


def _views(center: Array) -> list:
    return trajectory(CArm(), random(max(COUNTS), seed=1)[_ORDER], center)


_ORDER = [0, 3, 5, 7, *(n for n in range(25) if n not in (0, 3, 5, 7))]
"""The first two views are 64 degrees apart."""


def _save(file: Path, hounsfield: np.ndarray, grid: Grid, kind: str, center: Array) -> None:
    """Images and masks of all views."""
    views = _views(center)
    if kind == "bone":
        attenuation = bone_enhanced(hounsfield)
        images = np.stack([project_volume(attenuation, grid, view) for view in views])
        counts = np.random.default_rng(0).poisson(PHOTONS * np.exp(-images))
        images, masks = -np.log(np.maximum(counts, 1) / PHOTONS), np.ones(images.shape, bool)
    else:
        subject = Subject(body(hounsfield, grid, 200.0, 30.0, spacing=1.25), center)
        taken = [radiograph(subject, view, ImagingSettings(seed=0), n) for n, view in enumerate(views)]
        images = np.stack([-np.log(np.maximum(each.signal, 1e-6)) for each in taken])
        masks = np.stack([each.field & (each.signal < each.ceiling) & (each.signal > 1e-5) for each in taken])
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez(file, images=images.astype(np.float32), masks=masks)


def _case(file: Path, kind: str, views: int, center: Array) -> Case:
    values = "line_integral" if kind == "bone" else "intensity"
    with np.load(file) as arrays:
        images, masks = arrays["images"], arrays["masks"]
    all_views = _views(center)
    xrays = [
        XRay(all_views[n], np.where(masks[n], images[n], 0), masks[n], values)  # type: ignore[arg-type]
        for n in ANGLES[views]
    ]
    return Case(tuple(xrays), Grid.centered(center, np.full(3, 160.0), 1.25), f"{kind}, {views} views")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
