"""Put trained weights of the network that standardises X-rays into Resources/Models, with their model card.

    python Testing/benchmarks/standardization/make_model.py WEIGHTS --pairs PAIRS --measured LEFT_OUT [...] [--out DIR]

WEIGHTS: the weights to ship. PAIRS: the pairs of `ixgs pairs` that they were trained on. LEFT_OUT: weights trained in
the same way without the patients that patients.py has measured them on, or those that WEIGHTS started from; the first
of them without the patient of study.py, which has measured it too. The model card, standardizer.json and as text
README.md, states data, poses, simulator, network, metrics and limits.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from IXGSLib.files import sha256, write_atomically
from IXGSLib.standardization.weights import load_weights
from Testing.benchmarks.standardization import patients
from Testing.benchmarks.standardization.cts import credits
from Testing.benchmarks.standardization.exposures import Networks, digest
from Testing.benchmarks.standardization.study import STORE
from Testing.benchmarks.store import Store

ROOT = Path(__file__).resolve().parents[3]
MAX_WEIGHTS_BYTES = 20_000_000
"""Largest size of weights that may ship."""
CITE = (
    "K. Clark et al., The Cancer Imaging Archive (TCIA): Maintaining and Operating a Public Information Repository, "
    "Journal of Digital Imaging 26 (2013) 1045-1057, doi:10.1007/s10278-013-9622-7"
)
LIMITS = (
    "Research use only, not a medical device.",
    "Trained on X-rays simulated from CTs of a few adults, from neck to pelvis, never on recorded X-rays. It has seen "
    "no children, no extremities, no heads and no anatomy that those patients do not have.",
    "Nine of the CTs have slices of 2.5 to 5 mm; only the other one shows finer detail.",
    "A network can invent and erase bone, fracture lines in particular. Compare its images with the X-rays: the report "
    "shows both and marks the differences.",
    "Bone density cannot be determined from an image of unknown exposure: the values are close to those of the "
    "patients in the training data.",
    "Its resolution is that of images of 256 pixels, whatever the size of the X-ray.",
)
METRICS = {
    "view_psnr": "2D PSNR, dB",
    "view_ssim": "2D SSIM",
    "volume_psnr": "3D PSNR, dB",
    "volume_ssim": "3D SSIM",
    "report_dice": "bone Dice at the report's threshold",
    "best_dice": "bone Dice at the best threshold",
    "report_surface_distance": "mean surface distance at the report's threshold, mm",
    "reprojection_share": "re-projection error, fraction of the views' spread",
}
"""Metrics on patients left out, by their names in study.json and patients.json."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--measured", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, default=ROOT / "Resources" / "Models")
    options = parser.parse_args(arguments)
    data = options.weights.read_bytes()
    if len(data) > MAX_WEIGHTS_BYTES:
        raise SystemExit(
            f"{options.weights}: {len(data)} bytes, expected at most {MAX_WEIGHTS_BYTES}; train a narrower network"
        )
    card = model_card(options.weights, options.pairs, options.measured)
    options.out.mkdir(parents=True, exist_ok=True)
    write_atomically(options.out / "standardizer.safetensors", data)
    write_atomically(options.out / "standardizer.json", (json.dumps(card, indent=1) + "\n").encode())
    write_atomically(options.out / "README.md", text(card).encode())
    return 0


def model_card(weights: Path, pairs: Path, measured: Sequence[Path]) -> dict[str, Any]:
    """The model card of weights. Raises SystemExit for pairs or measurements that do not belong to them."""
    about = load_weights(weights).about
    manifest = json.loads((pairs / "manifest.json").read_text(encoding="utf-8"))
    drawn = json.loads((pairs / "pairs.json").read_text(encoding="utf-8"))
    if not set(about["patients"]) <= set(manifest["cts"]):
        raise SystemExit(f"{weights}: not trained on {pairs}; name the pairs that belong")
    return {
        "format": "ixgs-model-card",
        "name": "IXGS standardizer",
        "task": "bone-enhanced line integrals from an X-ray (Pix2Pix: P. Isola et al., CVPR 2017)",
        "weights": {"sha256": sha256(weights.read_bytes()), "bytes": weights.stat().st_size},
        "network": about["settings"],
        "training": _training(about),
        "target": {name: drawn[name] for name in ("bone_threshold", "bone_softness")},
        "simulator": drawn["ranges"],
        "metrics": {
            "measured_weights_sha256": [sha256(each.read_bytes()) for each in measured],
            "left_out": patients.credits_of_patients(),
            "lumbar_25_views": lumbar_metrics(measured[0]),
            "patients_25_views": patients_metrics(measured),
        },
        "limits": list(LIMITS),
        "cite": CITE,
    }


def _training(about: dict[str, Any]) -> dict[str, Any]:
    """How the weights were trained, and those that they started from."""
    before = about.get("start")
    earlier: list[dict[str, Any]] = []
    while before:
        seen = [credits()[patient] for patient in before["patients"]]
        earlier.insert(0, {"steps": before["step"], "pairs_sha256": before["pairs"]["sha256"], "patients": seen})
        before = before.get("start")
    return {
        "steps": about["step"],
        "pairs": about["pairs"]["count"],
        "pixels": about["pairs"]["size"],
        "pairs_sha256": about["pairs"]["sha256"],
        "patients": [credits()[patient] for patient in about["patients"]],
        "held_out": [credits()[patient] for patient in about["held_out"]],
        "earlier": earlier,
        "share_of_start": about.get("share_of_start", 0.0),
    }


def lumbar_metrics(measured: Path) -> dict[str, float]:
    """The stored metrics of weights at the standard preset; raises SystemExit when there are none."""
    for run in Store(STORE).runs:
        if (run["case"], run["method"], run["weights"]) == ("lumbar-standard", "pix2pix", digest(Networks(measured))):
            return {name: run[name] for name in METRICS}
    raise SystemExit(
        f"{measured}: not measured yet; run Testing/benchmarks/standardization/study.py --weights {measured}"
    )


def patients_metrics(measured: Sequence[Path]) -> dict[str, float]:
    """The means of the stored metrics over the patients left out; raises SystemExit when one is missing."""
    known = {digest(Networks(each)) for each in measured}
    runs = [run for run in Store(patients.STORE).runs if run["method"] == "pix2pix" and run["weights"] in known]
    missing = {f"{name}-preview" for name in patients.EXPOSURES} - {run["case"] for run in runs}
    if missing:
        raise SystemExit(
            f"{', '.join(sorted(missing))}: not measured yet; run Testing/benchmarks/standardization/patients.py "
            f"--weights {' '.join(map(str, measured))}"
        )
    return {name: round(sum(run[name] for run in runs) / len(runs), 4) for name in METRICS}


def text(card: dict[str, Any]) -> str:
    """The model card as Markdown."""
    weights, network, training, metrics = (card[name] for name in ("weights", "network", "training", "metrics"))
    target = card["target"]
    columns = metrics["lumbar_25_views"], metrics["patients_25_views"]
    rows = "\n".join(
        f"| {title} | {' | '.join(f'{each[name]:.3g}' for each in columns)} |" for name, title in METRICS.items()
    )
    before = "".join(
        f",\nafter {one['steps']} steps on {len(one['patients'])} patients" for one in training["earlier"][::-1]
    )
    share = training.get("share_of_start", 0.0)
    before += f",\naveraged with the weights before, which have a share of {share:g}" if share else ""
    weight = network["adversarial_weight"]
    adversarial = f" and an adversarial loss of weight {weight:g}" if weight else ""
    ranges = "\n".join(f"- `{name}`: {json.dumps(value)}" for name, value in card["simulator"].items())
    return f"""\
# {card["name"]}

`standardizer.safetensors` ({weights["bytes"] / 1e6:.1f} MB): {card["task"]}.
SHA-256 `{weights["sha256"]}`. The same as JSON: `standardizer.json`.

**Network.** Residual U-Net with {network["levels"]} levels and {network["width"]} channels in the first, squared
differences in octaves{adversarial}, trained for
{training["steps"]} steps of {network["batch"]} pairs of {training["pixels"]} x {training["pixels"]} pixels{before}.

**Data.** {training["pairs"]} simulated pairs, made from these CTs with varied shapes and densities:

{_listed(training["patients"])}

Cite: {card["cite"]}.

**Metrics.** 25 X-rays of 512 x 512 pixels, and the volume that is reconstructed from them: of a lumbar spine (TCGA-OV)
with the standard preset, and the means over a lumbar and a thoracic patient in two exposures each with the preview
preset. Neither patient was trained on:

{_listed(metrics["left_out"])}

How well screws, a fracture and a lesion are preserved is in Testing/benchmarks/standardization/INSERTS.md.

| | lumbar | two patients |
| --- | ---: | ---: |
{rows}

**Limits.**

{_listed(card["limits"])}

**Target.** Bone above {target["bone_threshold"]:g} HU (a logistic step with a width of {target["bone_softness"]:g} HU).

**Simulator.** These parameters are drawn at random for each pair:

{ranges}

The weights may be used under the licence of IXGS with the credits above.
"""


def _listed(items: list[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
