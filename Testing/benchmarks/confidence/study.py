"""Calibration of confidence on simulated patients, and how it does on patients left out.

    python Testing/benchmarks/confidence/study.py --weights FILE ... --bone-weights FILE ...
                                                  [--cache FOLDER] [--trials N] [--kinds KIND ...] [--fit] [--table]

Reconstructs the trials of trials.py (by default all; stored ones are skipped, so that the study can be interrupted),
fits a calibration to each kind of X-rays with every patient left out in turn and measures it on that patient, fits the
calibrations that come with IXGS to all patients (Resources/confidence.json), and writes study.json, the tables of
docs/confidence.md and the picture. The X-rays of each patient are standardised by the first of --weights that was not
trained on it, and expected bone is that of the first of --bone-weights that belongs to them. --kinds renews the kinds
that are named, as after a training of the networks, --fit uses the trials that are stored, and --table only writes the
tables and the picture anew. The study needs the CTs in the data folder beside the
checkout; all trials take two hours on two cores.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, get_args

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import numpy as np

from IXGSLib.evaluation.confidence.calibration import Kind
from IXGSLib.files import sha256, write_atomically
from Testing.benchmarks.confidence import page
from Testing.benchmarks.confidence.fitting import HALVES, NAMES, WITH_DOUBT, Samples, columns_of, error_model, fitted
from Testing.benchmarks.confidence.scores import NEAR, error_ratio, scores, sparsification
from Testing.benchmarks.confidence.trials import (
    BY_NETWORK,
    CACHE,
    LEFT_OUT,
    PATIENTS,
    Trial,
    is_made,
    planned,
    reconstructed,
    trial_file,
)
from Testing.benchmarks.confidence.trials import HALVES as HALF_CONDITIONS
from Testing.benchmarks.pages import ROOT
from Testing.benchmarks.standardization.exposures import Networks
from Testing.benchmarks.standardization.patients import unseen
from Testing.benchmarks.store import commit, machine, rounded

STORE = Path(__file__).with_name("study.json")
CALIBRATIONS = ROOT / "Resources" / "confidence.json"
EVIDENCE_SETS = {"residuals": ("fine", "coarse"), "coverage": ("coverage",), "doubt": ("doubt",)}
"""Evidence that is left out to see what it is worth."""
Sampled = dict[Trial, Samples]
Stated = tuple[Trial, Samples, np.ndarray, np.ndarray]
"""A trial, its voxels, and their stated errors and confidence."""


def main(arguments: list[str]) -> int:
    options = _options().parse_args(arguments)
    if not options.table:
        measure(options)
    page.write(json.loads(STORE.read_text(encoding="utf-8")))
    return 0


def _options() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--weights", type=Path, nargs="+", default=[], metavar="FILE", help="weights of pix2pix")
    made.add_argument("--bone-weights", type=Path, nargs="+", default=[], metavar="FILE", help="weights of the prior")
    made.add_argument("--cache", type=Path, metavar="FOLDER", default=CACHE, help="folder of the trials")
    made.add_argument("--trials", type=int, metavar="N", help="compute only the first N trials")
    made.add_argument(
        "--kinds", nargs="+", choices=get_args(Kind), default=get_args(Kind), help="keep what is stored of all others"
    )
    made.add_argument("--fit", action="store_true", help="use the stored trials and compute no more")
    made.add_argument("--table", action="store_true", help="only write the page and the picture")
    return made


def measure(options: argparse.Namespace) -> None:
    """Compute the trials, fit, and store everything."""
    chosen = {name: unseen(PATIENTS[name].path, options.weights, options.bone_weights) for name in LEFT_OUT}
    samples: Sampled = {}
    for trial in list(planned())[: options.trials]:
        networks = chosen.get(trial.patient)
        if trial.kind not in options.kinds:
            continue
        if trial.condition in HALF_CONDITIONS:
            continue  # reconstructed where the trial of all views is sampled
        if trial.kind in BY_NETWORK and (networks is None or not networks.offers(trial.kind)):
            raise SystemExit(f"{trial.name}: no weights that have not seen the patient; give --weights, --bone-weights")
        if not options.fit or is_made(trial, networks, options.cache):
            samples[trial] = _samples(trial, networks, options.cache)
            print(trial.name, flush=True)
    earlier = json.loads(STORE.read_text(encoding="utf-8")) if STORE.exists() else {}
    fits, results = {}, {}
    for kind in options.kinds:
        of_kind = {trial: each for trial, each in samples.items() if trial.kind == kind}
        fits[kind] = fitted(list(of_kind.values()), names_of(kind))
        results[kind] = left_out(of_kind, kind)
    stored = earlier.get("calibrations", {}) | {kind: asdict(fit) for kind, fit in fits.items()}
    kept = [name for name in earlier.get("trials", []) if not any(f"-{kind}-" in name for kind in options.kinds)]
    content = {
        "machine": machine(),
        "date": time.strftime("%Y-%m-%d"),
        "commit": commit(),
        "trials": kept + [trial.name for trial in samples],
        "calibrations": stored,
        "kinds": earlier.get("kinds", {}) | results,
        "halves": _gain_of_halves(samples) if "clean" in options.kinds else earlier["halves"],
    }
    _write(STORE, rounded(content))
    calibrations = {
        "fitted_by": "Testing/benchmarks/confidence/study.py",
        "weights": [sha256(file.read_bytes()) for file in options.weights],
        "prior_weights": [sha256(file.read_bytes()) for file in options.bone_weights],
        "calibrations": stored,
    }
    _write(CALIBRATIONS, rounded(calibrations))


def names_of(kind: Kind) -> tuple[str, ...]:
    """The evidence that the calibration of a kind uses."""
    return WITH_DOUBT if kind == "learnt" else NAMES


def _samples(trial: Trial, networks: Networks | None, cache: Path) -> Samples:
    """The voxels of a trial, from the cache or drawn."""
    file = trial_file(trial, networks, cache).with_suffix(".voxels.npz")
    if not file.exists():
        found = reconstructed(trial, networks, cache)
        Samples.of(found, _halves(trial, networks, cache)).save(file)
    return Samples.load(file)


def left_out(samples: Sampled, kind: Kind) -> dict[str, Any]:
    """Scores of all patients, each by the calibration of the others; pooled, of each patient, by fewer evidence."""
    patients = list(dict.fromkeys(trial.patient for trial in samples))
    stated: list[Stated] = []
    for patient in patients:
        calibration = fitted([each for trial, each in samples.items() if trial.patient != patient], names_of(kind))
        stated += [(t, each, *each.stated(calibration)) for t, each in samples.items() if t.patient == patient]
    sets = {"all": names_of(kind)} | {
        f"without {words}": tuple(name for name in names_of(kind) if name not in missing)
        for words, missing in EVIDENCE_SETS.items()
    }
    return {
        "patients": len(patients),
        "trials": len(stated),
        "all": _pooled(stated, "all"),
        "near": _pooled(stated, "near"),
        "by_patient": {p: _brief(_pooled([row for row in stated if row[0].patient == p], "near")) for p in patients},
        "by_condition": _by_condition(stated),
        "evidence": {name: _by_evidence(samples, names) for name, names in sets.items()},
    }


def _by_condition(stated: Sequence[Stated]) -> dict[str, Any]:
    conditions = dict.fromkeys(_condition(row) for row in stated)
    return {name: _brief(_pooled([row for row in stated if _condition(row) == name], "near")) for name in conditions}


def _condition(row: Stated) -> str:
    trial = row[0]
    words = f"{trial.condition} views" if trial.condition.isdigit() else trial.condition
    return words if trial.preset == "preview" else f"{words}, {trial.preset}"


def _pooled(stated: Sequence[Stated], domain: str) -> dict[str, Any]:
    """Scores of the voxels of several trials that a view sees; domain: all of them, or those near bone."""
    chosen = [each.seen & ((domain == "all") | (each.evidence["near"] > NEAR)) for _, each, _, _ in stated]
    columns = [
        (error[mask], confidence[mask], each.error[mask], each.right[mask], each.evidence["coverage"][mask])
        for (_, each, error, confidence), mask in zip(stated, chosen, strict=True)
    ]
    return scores(*(np.concatenate(column) for column in zip(*columns, strict=True)))


def _brief(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if not name.endswith("_curve")}


def _by_evidence(samples: Sampled, names: Sequence[str]) -> dict[str, float]:
    """How well errors of patients left out are ranked and stated by some of the evidence, near bone."""
    pairs = []
    for patient in dict.fromkeys(trial.patient for trial in samples):
        model = error_model([each for trial, each in samples.items() if trial.patient != patient], names)
        for each in (each for trial, each in samples.items() if trial.patient == patient):
            mask = each.seen & (each.evidence["near"] > NEAR)
            pairs.append((np.exp(columns_of(each, names) @ model)[mask], each.error[mask]))
    stated, actual = (np.concatenate(column) for column in zip(*pairs, strict=True))
    return {"sparsification": sparsification(stated, actual), "error_ratio": error_ratio(stated, actual)}


def _halves(trial: Trial, networks: Networks | None, cache: Path) -> list[np.ndarray]:
    """The volumes of half the views of a trial, where they are planned."""
    halves = [replace(trial, condition=half) for half in HALF_CONDITIONS]
    if trial.condition != "25" or trial.preset != "preview" or halves[0] not in set(planned()):
        return []
    return [reconstructed(half, networks, cache).volume.values for half in halves]


def _gain_of_halves(samples: Sampled) -> dict[str, Any]:
    """What the difference between two halves of the views adds, of patients left out."""
    halved = {trial: each for trial, each in samples.items() if HALVES in each.evidence}
    found = {}
    for kind in dict.fromkeys(trial.kind for trial in halved):
        of_kind = {trial: each for trial, each in halved.items() if trial.kind == kind}
        if len(of_kind) > 1:
            found[kind] = {
                name: _by_evidence(of_kind, names)
                for name, names in (("without", NAMES), ("with", (*NAMES, HALVES)), ("alone", (HALVES,)))
            }
    return found


def _write(path: Path, content: dict[str, Any]) -> None:
    write_atomically(path, (json.dumps(content, indent=1) + "\n").encode())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
