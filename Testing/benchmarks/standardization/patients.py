"""What a network that standardises X-rays is worth in 3D, on patients that it was not trained on.

    python Testing/benchmarks/standardization/patients.py --weights FILE [FILE ...] [--bone-weights FILE ...]
                                                    [--exposures NAME ...] [--preset NAME] [--table] [--out FOLDER]

25 realistic X-rays of a lumbar and a thoracic spine, in two exposures each, are standardised by the
classical method and by pix2pix and reconstructed, the latter with and without the learnt prior, beside their clean
targets. Of several weights each patient gets the first ones that have not seen it, so that patients can be left out of
training in turn. Each result is stored in patients.json at once, and stored results are skipped, those of networks only
for the same weights; the table in docs/real-xrays.md is made from them. Checkpoints and settings of a training are
chosen by this table, not by the images: what differs at random between views averages out in a volume, what they have
in common does not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import numpy as np

from IXGSLib.files import sha256
from IXGSLib.reconstruction.settings import Preset
from IXGSLib.simulation import ImagingSettings
from IXGSLib.simulation.realistic_case import simulate_realistic
from Testing.benchmarks.pages import REAL_XRAYS, Part
from Testing.benchmarks.scene import DATA
from Testing.benchmarks.standardization import exposures
from Testing.benchmarks.standardization.cts import DIGITS, credits
from Testing.benchmarks.standardization.exposures import (
    BY_NETWORK,
    CT,
    IMAGING,
    METHODS,
    SETTINGS,
    Exposure,
    Method,
    Networks,
    digest,
)
from Testing.benchmarks.standardization.study import is_stored, scored
from Testing.benchmarks.store import Store, measured_on

STORE = Path(__file__).with_name("patients.json")
PART = Part(REAL_XRAYS, "patients table", "Testing/benchmarks/standardization/patients.py")
SHOWN: tuple[Method, ...] = ("classical", "pix2pix", "learnt", "target")
"""The methods that are compared."""
AGAIN = ImagingSettings(kvp=100.0, quanta=1200.0, scatter=0.9, field="round", table=8.0)
"""The second exposure: harder, with less dose, more scatter, a round field and a table."""
COLUMNS = {
    "view_psnr": ("2D PSNR", "{:.1f} dB"),
    "volume_psnr": ("3D PSNR", "{:.1f} dB"),
    "fitted_volume_psnr": ("fitted", "{:.1f} dB"),
    "volume_ssim": ("3D SSIM", "{:.3f}"),
    "dice": ("Dice, nominal", "{:.3f}"),
    "report_dice": ("report", "{:.3f}"),
    "best_dice": ("best", "{:.3f}"),
    "report_surface_distance": ("surface", "{:.2f} mm"),
    "reprojection_share": ("re-projection", "{:.0%}"),
}
"""Title and form of each measurement in the table."""


@dataclass(frozen=True)
class Patient:
    """A part of a CT that is X-rayed."""

    ct: Path
    center: tuple[float, float, float] | None


PATIENTS = {
    "lumbar": Patient(CT, SETTINGS.center),
    "midthoracic": Patient(DATA / "ct_lidc_0001" / "ct.nii.gz", (8.4, 79.3, -210.0)),
}
SECOND = "again"
EXPOSURES = tuple(f"{name}{suffix}" for name in PATIENTS for suffix in ("", f"-{SECOND}"))


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    store = Store(options.out / STORE.name if options.out else STORE)
    if not options.table:
        measure(store, options.exposures, options.preset, options.weights, options.bone_weights)
    table = page_part(store.content, options.preset)
    if options.out:
        (options.out / "patients.md").write_text(table + "\n", encoding="utf-8")
    else:
        PART.write(table)
    return 0


def measure(
    store: Store, names: Sequence[str], preset: Preset, weights: Sequence[Path], bone_weights: Sequence[Path]
) -> None:
    """Measure and store what is not stored yet."""
    for name in names:
        networks = unseen(PATIENTS[name.split("-")[0]].ct, weights, bone_weights)
        case = f"{name}-{preset}"
        if networks is None:
            print(f"{name}: networks skipped, all weights were trained on the patient", flush=True)
            used: dict[Method, Networks | None] = {method: None for method in SHOWN if method not in BY_NETWORK}
        else:
            used = {method: networks.of(method) for method in SHOWN if networks.offers(method)}
        for method in used:
            if is_stored(store, case, method, used[method]):
                continue
            run = {"case": case, "method": method, "seed": 0, "weights": digest(used[method])}
            run |= scored(exposure(name), method, preset, used[method])
            store.add(run)
            print(f"{name}, {method}: bone Dice {run['report_dice']:.3f}, best {run['best_dice']:.3f}", flush=True)


def exposure(name: str) -> Exposure:
    """The X-rays of one of EXPOSURES."""
    patient, _, second = name.partition("-")
    ct = PATIENTS[patient].ct
    settings = replace(SETTINGS, name=patient, center=PATIENTS[patient].center, contrast_agent=True)
    imaging = IMAGING
    if second:
        settings, imaging = replace(settings, seed=3, trajectory="random"), AGAIN
    return exposures.load(
        name, exposures.definition(settings, imaging), lambda: simulate_realistic(ct, settings, imaging)
    )


def unseen(ct: Path, weights: Sequence[Path], bone_weights: Sequence[Path]) -> Networks | None:
    """The first weights that were not trained on a CT, and those of a prior that belong to them; None without any."""
    from IXGSLib.prior.weights import load_bone_weights
    from IXGSLib.standardization.weights import load_weights

    patient = sha256(ct.read_bytes())[:DIGITS]
    first = next((each for each in weights if patient not in load_weights(each).about.get("patients", ())), None)
    if first is None:
        return None
    belonging = {each: load_bone_weights(each) for each in bone_weights}
    own = sha256(first.read_bytes())
    fitting = (e for e, w in belonging.items() if w.standardizer == own and patient not in w.about.get("patients", ()))
    return Networks(first, next(fitting, None))


def credits_of_patients() -> list[str]:
    """The credits of the CTs of the patients."""
    return [credits()[sha256(each.ct.read_bytes())[:DIGITS]] for each in PATIENTS.values()]


def page_part(content: dict[str, Any], preset: Preset) -> str:
    """The text between the marks of the page."""
    stored = {(run["case"], run["method"]): run for run in content["runs"]}
    titles = [title for title, _ in COLUMNS.values()]
    rows = [["X-rays", "method", *titles], ["---", "---", *["---:"] * len(titles)]]
    for name in EXPOSURES:
        rows += [_row(name, m, [stored[f"{name}-{preset}", m]]) for m in SHOWN if (f"{name}-{preset}", m) in stored]
    for method in SHOWN:
        runs = [stored[f"{name}-{preset}", method] for name in EXPOSURES if (f"{name}-{preset}", method) in stored]
        if len(runs) == len(EXPOSURES):
            rows.append(_row("**mean**", method, runs))
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
    head = f"""\
Two patients, whom the networks were not trained on, in two exposures each: 25 X-rays of 512 x 512 pixels, at
{IMAGING.kvp:g} kV from an orbit with tilts and (*{SECOND}*) at {AGAIN.kvp:g} kV from random poses with less dose, more
scatter, a round field and a table. Volumes are those of the {preset} preset. *Fitted* PSNR is taken after the best
linear fit, which needs the truth. Dice is given at the nominal threshold of bone, at the one of the report and at the
best one; the surface distance at that of the report."""
    return f"{head}\n\nMeasured on {measured_on(content['runs'])}.\n\n{table}"


def _row(name: str, method: Method, runs: Sequence[dict[str, Any]]) -> list[str]:
    """The cells of a run, or of the mean of several."""
    cells = [name.replace(f"-{SECOND}", f", {SECOND}"), METHODS[method]]
    for key, (_, form) in COLUMNS.items():
        values = [run[key] for run in runs]
        blank = any(value is None for value in values) or (method == "target" and key == "view_psnr")
        cells.append("" if blank else form.format(np.mean(values)))
    return cells


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--weights", type=Path, nargs="+", default=[], metavar="FILE", help="weights of pix2pix")
    made.add_argument("--bone-weights", type=Path, nargs="+", default=[], metavar="FILE", help="weights of the prior")
    made.add_argument("--exposures", nargs="+", choices=EXPOSURES, default=EXPOSURES, metavar="NAME")
    made.add_argument("--preset", choices=get_args(Preset), default="preview")
    made.add_argument("--table", action="store_true", help="only make the table from stored results")
    made.add_argument("--out", type=Path, metavar="FOLDER", help="folder for all output instead of the project")
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
