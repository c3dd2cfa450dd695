"""What a few X-rays show of bone at once: the learnt prior alone beside a reconstruction without it.

    python Testing/benchmarks/prior/preview.py --weights FILE [FILE ...] --bone-weights FILE [FILE ...]
                                               [--exposures NAME ...] [--table] [--out FOLDER]

2, 3 and 5 of the realistic X-rays of `standardization/patients.py` are standardised, and the bone is estimated as by
`ixgs estimate` and reconstructed without a prior by the preview preset. Surfaces are compared with the true one within
1 and 2 mm (F1: A. Knapitsch et al., ACM TOG 36, 2017), at the threshold of the report. Of several weights each patient
gets the first ones that have not seen it. Each result is stored in preview.json at once, and stored results are
skipped; the table in docs/prior.md is made from them.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import numpy as np
from scipy.spatial import cKDTree

from IXGSLib.errors import ReconstructionError
from IXGSLib.formats import Case
from IXGSLib.formats.case_source import evenly
from IXGSLib.prior.expectation import expected_bone
from IXGSLib.standardization import StandardizationSettings, standardize
from IXGSLib.volume import Volume
from IXGSLib.volume.bone import bone_surface, bone_threshold, nominal_threshold
from Testing.benchmarks.pages import ROOT, Part
from Testing.benchmarks.standardization import patients
from Testing.benchmarks.standardization.exposures import Networks, digest
from Testing.benchmarks.standardization.scores import volume_scores
from Testing.benchmarks.store import Store, measured_on

STORE = Path(__file__).with_name("preview.json")
PART = Part(ROOT / "docs" / "prior.md", "preview table", "Testing/benchmarks/prior/preview.py")
COUNTS = (2, 3, 5)
TOLERANCES = (1.0, 2.0)
"""Distances in mm within which points of two surfaces count as the same."""
METHODS = {"learnt": "learnt prior alone", "splatting": "reconstruction without it"}
COLUMNS = {
    "f1_1": ("F1 at 1 mm", "{:.2f}"),
    "f1_2": ("F1 at 2 mm", "{:.2f}"),
    "report_surface_distance": ("surface", "{:.2f} mm"),
    "report_dice": ("Dice", "{:.3f}"),
    "best_dice": ("best Dice", "{:.3f}"),
    "fitted_volume_psnr": ("PSNR, fitted", "{:.1f} dB"),
}


def main(arguments: list[str]) -> int:
    known = parser(__doc__ or "")
    known.add_argument("--exposures", nargs="+", choices=patients.EXPOSURES, default=patients.EXPOSURES, metavar="NAME")
    options = known.parse_args(arguments)
    store = Store(options.out / STORE.name if options.out else STORE)
    if not options.table:
        measure(store, options.exposures, options.weights, options.bone_weights)
    table = page_part(store.content)
    if options.out:
        (options.out / "preview.md").write_text(table + "\n", encoding="utf-8")
    else:
        PART.write(table)
    return 0


def measure(store: Store, names: Sequence[str], weights: Sequence[Path], bone_weights: Sequence[Path]) -> None:
    """Measure and store what is not stored yet."""
    for name in names:
        networks = patients.unseen(patients.PATIENTS[name.split("-")[0]].ct, weights, bone_weights)
        if networks is None or networks.bone is None:
            print(f"{name}: skipped, no weights of a prior that have not seen the patient", flush=True)
            continue
        for count in COUNTS:
            case = f"{name}-{count}"
            known = {(run["case"], run["method"], run["weights"]) for run in store.runs}
            used = {"learnt": digest(networks), "splatting": digest(networks.of("pix2pix"))}
            missing = [method for method in METHODS if (case, method, used[method]) not in known]
            if not missing:
                continue
            exposure = patients.exposure(name)
            few = standardized(evenly(exposure.case, count), networks)
            for method in missing:
                began = time.perf_counter()
                volume = volume_of(few, method, networks)
                seconds = time.perf_counter() - began
                run = {"case": case, "method": method, "seed": 0, "weights": used[method], "seconds": seconds}
                store.add(run | scores(volume, exposure.truth))
                print(f"{case}, {method}: best Dice {store.runs[-1]['best_dice']:.3f}", flush=True)


def scores(volume: Volume, truth: Volume) -> dict[str, Any]:
    """All scores of a volume, with F1 within each of TOLERANCES at the threshold of the report; 0 without a surface."""
    wanted = bone_surface(truth, nominal_threshold(truth), closed=False).vertices
    try:
        points = bone_surface(volume, bone_threshold(volume), closed=False).vertices
    except ReconstructionError:
        points = np.zeros((0, 3))
    return volume_scores(volume, truth) | {f"f1_{each:g}": f1(points, wanted, each) for each in TOLERANCES}


def f1(points: np.ndarray, wanted: np.ndarray, tolerance: float) -> float:
    """Harmonic mean of the shares of points (n, 3) of each surface that lie within a distance in mm of the other."""
    if len(points) == 0:
        return 0.0
    precision = float((cKDTree(wanted).query(points)[0] <= tolerance).mean())
    recall = float((cKDTree(points).query(wanted)[0] <= tolerance).mean())
    return 2 * precision * recall / max(precision + recall, 1e-9)


def page_part(content: dict[str, Any]) -> str:
    """The text between the marks of the page: means over the exposures."""
    titles = [title for title, _ in COLUMNS.values()]
    rows = [["X-rays", "method", *titles], ["---:", "---", *["---:"] * len(titles)]]
    for count in COUNTS:
        for method, words in METHODS.items():
            runs = [r for r in content["runs"] if r["method"] == method and r["case"].endswith(f"-{count}")]
            if runs:
                rows.append([str(count), words, *(_mean(runs, key, form) for key, (_, form) in COLUMNS.items())])
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
    return f"Measured on {measured_on(content['runs'])}.\n\n{table}"


def _mean(runs: Sequence[dict[str, Any]], key: str, form: str) -> str:
    values = [run[key] for run in runs if run[key] is not None]
    return form.format(np.mean(values)) if values else ""


def standardized(case: Case, networks: Networks) -> Case:
    """A case standardised by a network."""
    return standardize(case, StandardizationSettings("pix2pix", networks.standardizer))


def volume_of(case: Case, method: str, networks: Networks) -> Volume:
    """The volume of one of METHODS."""
    from IXGSLib import reconstruct

    if method == "splatting":
        return reconstruct(case, "preview").volume
    found = expected_bone(case, "learnt", networks.bone)
    assert found is not None  # learnt raises where it cannot be used
    return found.estimate.prior.bone


def parser(description: str) -> argparse.ArgumentParser:
    """The options that the scripts of this folder share."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--weights", type=Path, nargs="+", default=[], metavar="FILE", help="weights of pix2pix")
    made.add_argument("--bone-weights", type=Path, nargs="+", default=[], metavar="FILE", help="weights of the prior")
    made.add_argument("--table", action="store_true", help="only make the table from stored results")
    made.add_argument("--out", type=Path, metavar="FOLDER", help="folder for all output instead of the project")
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
