"""Effect of standardisation, in 2D and 3D, on X-rays of a patient that the network was not trained on.

    python Testing/benchmarks/standardization/study.py [--weights FILE] [--preset NAME] [--again METHOD ...] [--table]
                                                 [--out FOLDER]

25 realistic X-rays of a lumbar spine are reconstructed unchanged, standardised by the classical method and by pix2pix,
and from their clean targets, a perfect standardisation. Each result is stored in study.json at once, so that the study
can be interrupted; stored results are skipped, those of pix2pix only for the same weights. The table in
docs/real-xrays.md and Resources/Screenshots/standardization.png are then made from the stored results of the standard
preset. With --out they are written to that folder instead, and those of the project stay unchanged. The study needs the
CT in the data folder beside the checkout and takes a few minutes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from IXGSLib.files import sha256
from IXGSLib.reconstruction.settings import Preset
from IXGSLib.resources import shipped_bone_weights, shipped_weights
from IXGSLib.simulation.realistic_case import simulate_realistic
from Testing.benchmarks.pages import REAL_XRAYS, ROOT, Part
from Testing.benchmarks.standardization import exposures
from Testing.benchmarks.standardization import picture as standardization_picture
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
    made,
)
from Testing.benchmarks.standardization.scores import view_scores, volume_scores
from Testing.benchmarks.store import Store, measured_on

STORE = Path(__file__).with_name("study.json")
PICTURE = ROOT / "Resources" / "Screenshots" / "standardization.png"
PART = Part(REAL_XRAYS, "standardisation table", "Testing/benchmarks/standardization/study.py")
COLUMNS = {
    "views": "---",
    "time": "---:",
    "2D PSNR": "---:",
    "2D SSIM": "---:",
    "3D PSNR": "---:",
    "3D SSIM": "---:",
    "bone Dice": "---:",
    "best Dice": "---:",
    "surface": "---:",
    "re-projection": "---:",
}
CAPTION = """\
*Above, the X-rays of three views, what the methods make of them, and the clean bone that they should become. Below,
slices of the volumes from 25 such views, and the truth. CT: TCGA-OV, The Cancer Imaging Archive, CC BY 3.0.*"""

Run = dict[str, Any]


def main(arguments: list[str]) -> int:
    options = parser(__doc__ or "").parse_args(arguments)
    store = Store(options.out / STORE.name if options.out else STORE)
    networks = left_out(options.weights, options.bone_weights)
    exposure = lumbar()
    if not options.table:
        measure(exposure, store, options.preset, networks, options.again)
    table = page_part(store.content, options.preset)
    if options.out:
        (options.out / "table.md").write_text(table + "\n", encoding="utf-8")
    elif options.preset == "standard":
        PART.write(table)
    else:
        print(f"{PART.page.name} shows the standard preset, this is {options.preset}: left as it is\n\n{table}")
        return 0
    picture = options.out / PICTURE.name if options.out else PICTURE
    standardization_picture.draw(exposure, options.preset, measured(store, options.preset), picture)
    return 0


def parser(description: str) -> argparse.ArgumentParser:
    """The options of this script and of inserts.py."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument(
        "--weights", type=Path, metavar="FILE", help="weights of pix2pix; by default those that come with IXGS"
    )
    made.add_argument(
        "--bone-weights", type=Path, metavar="FILE", help="weights of the prior; by default those that come with IXGS"
    )
    made.add_argument("--preset", choices=get_args(Preset), default="standard")
    made.add_argument("--again", nargs="+", default=[], choices=METHODS, help="methods to measure again")
    made.add_argument("--table", action="store_true", help="only make table and figure from stored results")
    made.add_argument("--out", type=_folder, metavar="FOLDER", help="folder for all output instead of the project")
    return made


def lumbar() -> Exposure:
    return exposures.load(
        "lumbar", exposures.definition(SETTINGS, IMAGING), lambda: simulate_realistic(CT, SETTINGS, IMAGING)
    )


def left_out(given: Path | None, bone: Path | None = None) -> Networks | None:
    """The given weights, or those that come with IXGS if they were not trained on the patient.

    Exits for given weights that were trained on the patient.
    """
    from IXGSLib.prior.weights import load_bone_weights
    from IXGSLib.standardization.weights import load_weights

    weights = _unseen(given, shipped_weights(), lambda file: load_weights(file).about)
    if weights is None:
        return None
    return Networks(weights, _unseen(bone, shipped_bone_weights(), lambda file: load_bone_weights(file).about))


def _unseen(given: Path | None, shipped: Path | None, about: Callable[[Path], dict[str, Any]]) -> Path | None:
    weights = given or shipped
    if weights is None:
        return None
    patient = sha256(CT.read_bytes())[:12]
    if patient in about(weights).get("patients", ()):
        if given is None:
            return None
        raise SystemExit(f"{weights} was trained on patient {patient}, expected weights that have not seen it")
    return weights


def chosen(networks: Networks | None) -> list[Method]:
    """The methods that can be measured; prints a message when a network is not among them."""
    if networks is None:
        print("networks: skipped, no weights that have not seen the patient; give --weights FILE", flush=True)
        return [method for method in METHODS if method not in BY_NETWORK]
    return [method for method in METHODS if networks.offers(method)]


def measure(exposure: Exposure, store: Store, preset: Preset, networks: Networks | None, again: Sequence[str]) -> None:
    """Measure and store what is not stored yet or requested again."""
    case = f"lumbar-{preset}"
    used = {method: None if networks is None else networks.of(method) for method in chosen(networks)}
    methods = [method for method in used if method in again or not is_stored(store, case, method, used[method])]
    store.check_machine([(case, method, 0) for method in methods])
    for method in methods:
        run = {"case": case, "method": method, "seed": 0, "weights": digest(used[method])}
        run |= scored(exposure, method, preset, used[method])
        store.add(run)
        print(f"{method}: {run['volume_psnr']:.2f} dB, bone Dice {run['dice']:.3f}", flush=True)


def is_stored(store: Store, case: str, method: Method, networks: Networks | None) -> bool:
    """Whether a run is stored, for a network with these weights."""
    return any((run["case"], run["method"], run["weights"]) == (case, method, digest(networks)) for run in store.runs)


def measured(store: Store, preset: Preset) -> dict[Method, str]:
    """The digest of the weights with which each method was measured last."""
    return {run["method"]: run["weights"] for run in store.runs if run["case"] == f"lumbar-{preset}"}


def scored(exposure: Exposure, method: Method, preset: Preset, networks: Networks | None = None) -> Run:
    """All measurements of a method."""
    found = made(exposure, method, preset, networks)
    views = view_scores(found.case.xrays, exposure.targets)
    return {**views, **volume_scores(found.volume, exposure.truth), **found.notes}


def page_part(content: dict[str, Any], preset: Preset) -> str:
    """The text between the marks of the page: the measurement, the table and the figure."""
    runs = {run["method"]: run for run in content["runs"] if run["case"] == f"lumbar-{preset}"}
    rows = [_row(method, runs[method]) for method in METHODS if method in runs]
    lines = [list(COLUMNS), list(COLUMNS.values()), *rows]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    pixels = " x ".join(map(str, SETTINGS.arm.detector_pixels))
    head = f"""\
{SETTINGS.views} X-rays of {pixels} pixels of a lumbar spine that the network was not trained on, simulated by
`ixgs simulate --realistic` at {IMAGING.kvp:g} kV, and the volumes that the {preset} preset makes of them, compared with
the line integrals and the attenuation of bone alone. Time is that of standardising all views. PSNR and SSIM of the
X-rays themselves are taken after the best linear fit, which needs the truth; the clean targets show what a perfect
standardisation would give. Dice is given at the nominal threshold of bone and at the best one, the surface distance at
the nominal one. Re-projection is the root mean square difference between the renders of a volume and the views
that it was reconstructed from, as a share of their standard deviation."""
    scores = _scores(runs.get("pix2pix", {}))
    measured = f"Measured by `Testing/benchmarks/standardization/study.py` on {measured_on(runs.values())}."
    picture = f"![X-rays, standardised views and volumes](../Resources/Screenshots/{PICTURE.name})"
    return "\n\n".join(part for part in (head, measured, table, scores, picture, CAPTION) if part)


def _row(method: Method, run: Run) -> list[str]:
    """The cells under COLUMNS."""
    fit = "fitted_" if method == "raw" else ""
    surface = run["surface_distance"]
    return [
        f"{METHODS[method]}, fitted" if fit else METHODS[method],
        _number("{:.1f} s", run["standardization_seconds"]) if method in ("classical", *BY_NETWORK) else "",
        _number("{:.1f} dB", run[f"{fit}view_psnr"]) if method != "target" else "",
        _number("{:.3f}", run[f"{fit}view_ssim"]) if method != "target" else "",
        _number("{:.1f} dB", run[f"{fit}volume_psnr"]),
        _number("{:.3f}", run[f"{fit}volume_ssim"]),
        _number("{:.3f}", run["dice"]),
        _number("{:.3f}", run["best_dice"]),
        _number("{:.2f} mm", surface),
        _number("{:.1%}", run["reprojection_share"]),
    ]


def _number(form: str, value: float | None) -> str:
    return "none" if value is None else form.format(value)


def _scores(run: Run) -> str:
    if "distribution_score" not in run:
        return ""
    return (
        f"In-distribution score of these X-rays: median {run['distribution_score']:.2f}, minimum "
        f"{run['min_distribution_score']:.2f}; views below 1 are reported."
    )


def _folder(text: str) -> Path:
    folder = Path(text)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
