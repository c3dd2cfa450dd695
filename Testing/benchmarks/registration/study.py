"""How well a CT is registered to X-rays: errors, capture range and verdicts, by the protocol of van de Kraats et al.

    python -m Testing.benchmarks.registration.study [--tasks T ...] [--rounds N] [--page]

Spines of several patients move: their vertebrae turn and shift against one another. X-rays show them, line integrals of
bone or realistic ones. Each CT is read again on other voxels, with noise. Every trial goes to study.json as soon as it
ends, and trials that are stored there are not repeated; those of nanodrr need that package and are left out without it.
--page: only the page and the figure of what is stored.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from IXGSLib.compute.threads import set_thread_count
from IXGSLib.errors import IXGSError
from IXGSLib.files import write_atomically
from IXGSLib.formats import Case
from IXGSLib.geometry.rigid import Array, apply
from IXGSLib.registration import Registration, RegistrationSettings, read_anatomy, register
from IXGSLib.registration.anatomy import Anatomy
from Testing.benchmarks.registration import figure, gradients, hard, page, plain
from Testing.benchmarks.registration.cases import HERE, VIEWS, enhanced
from Testing.benchmarks.registration.patients import Patient, motions, patient, random_motion, read_again

STORE = HERE / "study.json"
KINDS, COUNTS = ("bone", "realistic"), (2, 4, 25)
MAIN, POSTURES = "totalseg", 2
"""The patient of the starts, and random motions of the vertebrae; each posture has its own reading of the CT."""
ROUNDS = {"start": 200, "anywhere": 20, "plain 3D": 20, "plain 2D": 20, "plain nanodrr": 20}
"""Trials of each kind and number of views: from starts up to MAX_START_MM away, without a start, and by the plain
methods, which register one vertebra a trial."""
OTHER_ROUNDS = 4
"""The same, of each other patient, from a start and without one by turns, and with the CT of each other patient."""
HARD_ROUNDS = 10
MAX_START_MM, MAX_START_TURN = 20.0, 8.0
GOLDEN = 0.6180339887
"""Multiples of it fill an interval evenly, however many there are."""
GIVEN = RegistrationSettings(pictures="given")


@dataclass(frozen=True)
class Trial:
    """task: start, anywhere, plain 3D, plain 2D, a hard one, or "CT of" another patient. subject: who the X-rays show.
    number: of the trial."""

    task: str
    subject: str
    kind: str
    views: int
    number: int

    @property
    def name(self) -> str:
        return f"{self.task}/{self.subject}/{self.kind}/{self.views}/{self.number}"


SUBJECTS = {"totalseg": KINDS, "tcga": KINDS, "lidc": KINDS, "tptbox": ("bone",)}
"""Patients, and the X-rays that are made of them; of a small CT without skin those of bone alone."""


def plan() -> Iterator[Trial]:
    """All trials in rounds, so that an interrupted study covers every case."""
    for number in range(max(ROUNDS.values())):
        for views in COUNTS:
            for kind in KINDS:
                for task, count in ROUNDS.items():
                    # The plain searches in images take minutes for more views.
                    if number < count and not (task in ("plain 2D", "plain nanodrr") and views > 4):
                        yield Trial(task, MAIN, kind, views, number)
                if number < OTHER_ROUNDS:
                    yield from _with_others(kind, views, number)
        if number < HARD_ROUNDS:
            yield from (Trial(f"hard: {name}", MAIN, "realistic", views, number) for name, views in hard.TASKS.items())


def _with_others(kind: str, views: int, number: int) -> Iterator[Trial]:
    for subject, kinds in SUBJECTS.items():
        if kind not in kinds:
            continue
        if subject != MAIN:
            yield Trial("start" if number % 2 else "anywhere", subject, kind, views, number)
        for other in SUBJECTS:
            if other != subject:
                yield Trial(f"CT of {other}", subject, kind, views, number)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="*", help="only trials whose name begins so, such as start/totalseg/bone/4")
    parser.add_argument("--rounds", type=int, default=1000, help="only trials of these first rounds")
    parser.add_argument("--page", action="store_true", help="only the page and the figure")
    options = parser.parse_args(arguments)
    store = json.loads(STORE.read_text()) if STORE.exists() else {"trials": {}}
    # Times are those of one core.
    set_thread_count(1)
    for trial in () if options.page else plan():
        wanted = options.tasks is None or trial.name.startswith(tuple(options.tasks))
        if trial.task == "plain nanodrr" and find_spec("nanodrr") is None:
            continue
        if wanted and trial.number < options.rounds and trial.name not in store["trials"]:
            store["trials"][trial.name] = measured(trial)
            write_atomically(STORE, text_of(store).encode())
            print(trial.name, json.dumps(store["trials"][trial.name]), flush=True)
    page.write(store)
    figure.write(store)
    return 0


def text_of(store: dict[str, Any]) -> str:
    """JSON with one line a trial."""
    lines = [f"{json.dumps(name)}: {json.dumps(trial)}" for name, trial in store["trials"].items()]
    return '{"trials": {\n' + ",\n".join(lines) + "\n}}\n"


def measured(trial: Trial) -> dict[str, Any]:
    """The result of a trial: by vertebra the errors of start and end in mm and what its verdict rests on."""
    if trial.task.startswith("CT of "):
        return _swapped(trial)
    posture = trial.number % POSTURES
    case = enhanced(trial.subject, posture, trial.kind, VIEWS if trial.task.startswith("hard") else trial.views)
    start = None if trial.task == "anywhere" else start_of(trial.number, ct_of(trial.subject, posture))
    if trial.task.startswith("plain"):
        return _plain(trial, case, start)
    anatomy, vertebrae = anatomy_of(trial.subject, posture), ct_of(trial.subject, posture).registered
    if trial.task.startswith("hard: "):
        made = hard.made((trial.task[6:], trial.number), case, ct_of(trial.subject, posture), start)
        case, start, vertebrae = made.case, made.start, made.vertebrae
        anatomy = made.anatomy or anatomy
    cpu = time.process_time()
    try:
        found = register(anatomy, case, None, vertebrae, start, GIVEN)
    except IXGSError as error:
        return {"refused": str(error)}
    seconds = round(time.process_time() - cpu, 2)
    poses = {vertebra.name: vertebra.world_from_ct for vertebra in found.vertebrae}
    results = _errors(trial, start, poses)
    for name, evidence in _evidence(found).items():
        results[name] |= evidence
    return {"vertebrae": results, "margin": round(found.margin, 3), "cpu_seconds": seconds}


def _plain(trial: Trial, case: Case, start: Array | None) -> dict[str, Any]:
    """One vertebra by a plain method."""
    own = ct_of(trial.subject, trial.number % POSTURES)
    name = own.registered[trial.number % len(own.registered)]
    methods = {
        "plain 3D": plain.in_volume,
        "plain 2D": plain.in_images,
        "plain nanodrr": gradients.in_gradients,
    }
    method = methods[trial.task]
    cpu = time.process_time()
    assert start is not None
    poses = method(own, case, start, {name: own.label(name)})
    seconds = round(time.process_time() - cpu, 2)
    return {"vertebrae": _errors(trial, start, poses), "cpu_seconds": seconds}


def _errors(trial: Trial, start: Array | None, poses: dict[str, Array]) -> dict[str, dict[str, Any]]:
    """The mean target registration errors of vertebrae at the start and at the end, mm."""
    own, true = patient(trial.subject), motions(patient(trial.subject), trial.number % POSTURES)
    found = {}
    for name, pose in poses.items():
        label = own.label(name)
        points = own.points(label)[::7]
        place = apply(true[label], points)

        def error(at: Array, points: Array = points, place: Array = place) -> float:
            return round(float(np.linalg.norm(apply(at, points) - place, axis=1).mean()), 3)

        found[name] = {"start": None if start is None else error(start), "end": error(pose)}
    return found


def _evidence(found: Registration) -> dict[str, dict[str, Any]]:
    """What the verdicts rest on, by vertebra; None for what was not measured."""
    return {
        each.name: {
            "verified": each.verified,
            **{
                name: round(value, 3) if np.isfinite(value) else None
                for name, value in (("edges", each.edges), ("residual", each.residual), ("spread", each.spread))
            },
        }
        for each in found.vertebrae
    }


def _swapped(trial: Trial) -> dict[str, Any]:
    """The verdicts on the CT of another patient."""
    posture = trial.number % POSTURES
    case = enhanced(trial.subject, posture, trial.kind, trial.views)
    other = trial.task.removeprefix("CT of ")
    try:
        found = register(anatomy_of(other, posture), case, None, patient(other).registered, None, GIVEN)
    except IXGSError as error:
        return {"refused": str(error)}
    return {"swapped": _evidence(found), "margin": round(found.margin, 3)}


def start_of(number: int, own: Patient) -> Array:
    """(4, 4) a pose of the whole CT whose error at the middle of the spine is uniform up to MAX_START_MM."""
    generator = np.random.default_rng((number, 17))
    motion = random_motion(generator, own.middle, MAX_START_TURN, 1.0)
    way = generator.normal(size=3)
    motion[:3, 3] += MAX_START_MM * ((0.5 + number) * GOLDEN % 1) * way / np.linalg.norm(way)
    return motion


@cache
def ct_of(subject: str, posture: int) -> Patient:
    """The CT as it is read for registration."""
    return read_again(patient(subject), posture)


@cache
def anatomy_of(subject: str, posture: int) -> Anatomy:
    own = ct_of(subject, posture)
    return read_anatomy((own.hounsfield, own.grid), (own.labels.astype(np.float32), own.grid), names=own.vertebrae)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
