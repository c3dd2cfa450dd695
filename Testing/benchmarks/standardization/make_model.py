"""Put trained weights of the network that standardises X-rays into Resources/Models, with their model card.

    python Testing/benchmarks/standardization/make_model.py WEIGHTS --pairs PAIRS --measured LEFT_OUT [--out FOLDER]

WEIGHTS: the weights to ship. PAIRS: the pairs of `ixgs pairs` that they were trained on. LEFT_OUT: weights trained
without the patient of study.py, which has measured them: trained in the same way, or those that WEIGHTS started from,
or WEIGHTS themselves. The model card, standardizer.json and as text README.md, states data, poses, simulator, network,
metrics and limits.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from IXGSLib.files import sha256, write_atomically
from IXGSLib.standardization.weights import load_weights
from Testing.benchmarks.scene import DATA
from Testing.benchmarks.standardization.exposures import digest
from Testing.benchmarks.standardization.study import STORE
from Testing.benchmarks.store import Store

ROOT = Path(__file__).resolve().parents[3]
MAX_WEIGHTS_BYTES = 20_000_000
"""Largest size of weights that may ship."""
CTS = {
    "ct_lidc_0314": "LIDC-IDRI (LIDC-IDRI-0314), The Cancer Imaging Archive, CC BY 3.0, "
    "doi:10.7937/K9/TCIA.2015.LO9QL9SX",
    "ct_crlm_1006": "Colorectal-Liver-Metastases (CRLM-CT-1006), The Cancer Imaging Archive, CC BY 4.0, "
    "doi:10.7937/QXK2-QG03",
    "ct_tcga_ov_09_2043": "TCGA-OV (TCGA-09-2043), The Cancer Imaging Archive, CC BY 3.0",
    "ct_totalseg_example": "TotalSegmentator's example CT, github.com/wasserth/TotalSegmentator, Apache-2.0",
}
"""Credits of the CTs in the data folder."""
CITE = (
    "K. Clark et al., The Cancer Imaging Archive (TCIA): Maintaining and Operating a Public Information Repository, "
    "Journal of Digital Imaging 26 (2013) 1045-1057, doi:10.1007/s10278-013-9622-7"
)
LIMITS = (
    "Research use only, not a medical device.",
    "Trained on X-rays simulated from CTs of a few adults, from neck to pelvis, never on recorded X-rays. It has seen "
    "no children, no extremities, no heads and no anatomy that those patients do not have.",
    "Two of the CTs have voxels of 3 and 5 mm; only the others show finer detail.",
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
    "dice": "bone Dice",
    "best_dice": "bone Dice at the best threshold",
    "surface_distance": "mean surface distance, mm",
    "reprojection_share": "re-projection error, fraction of the views' spread",
}
"""Metrics on the held-out patient, by their names in study.json."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--measured", type=Path, required=True)
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


def model_card(weights: Path, pairs: Path, measured: Path) -> dict[str, Any]:
    """The model card of weights. Raises SystemExit for pairs or measurements that do not belong to them."""
    about, other = load_weights(weights).about, load_weights(measured).about
    manifest = json.loads((pairs / "manifest.json").read_text(encoding="utf-8"))
    drawn = json.loads((pairs / "pairs.json").read_text(encoding="utf-8"))
    if not set(about["patients"]) <= set(manifest["cts"]) or about["pairs"]["sha256"] != other["pairs"]["sha256"]:
        raise SystemExit(f"{weights}: not trained on {pairs} like {measured}; name the pairs and weights that belong")
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
            "measured_weights_sha256": sha256(measured.read_bytes()),
            "measured_weights": _measured_weights(weights, measured),
            "measured_on": [credits()[patient] for patient in other["held_out"]],
            "held_out_pictures": other["scores"],
            "lumbar_25_views": lumbar_metrics(measured),
        },
        "limits": list(LIMITS),
        "cite": CITE,
    }


def _training(about: dict[str, Any]) -> dict[str, Any]:
    """How the weights were trained, and those that they started from."""
    before = about.get("start")
    earlier: list[dict[str, Any]] = []
    while before:
        patients = [credits()[patient] for patient in before["patients"]]
        earlier.insert(0, {"steps": before["step"], "pairs_sha256": before["pairs"]["sha256"], "patients": patients})
        before = before.get("start")
    return {
        "steps": about["step"],
        "pairs": about["pairs"]["count"],
        "pixels": about["pairs"]["size"],
        "pairs_sha256": about["pairs"]["sha256"],
        "patients": [credits()[patient] for patient in about["patients"]],
        "held_out": [credits()[patient] for patient in about["held_out"]],
        "earlier": earlier,
    }


def _measured_weights(weights: Path, measured: Path) -> str:
    """How the measured weights relate to those that ship."""
    about, other = load_weights(weights).about, load_weights(measured).about
    if about["sha256"] == other["sha256"]:
        return "these weights"
    if about.get("start", {}).get("sha256") == other["sha256"]:
        return "the weights that these started from"
    return "weights trained in the same way"


def lumbar_metrics(measured: Path) -> dict[str, float]:
    """The stored metrics of weights at the standard preset; raises SystemExit when there are none."""
    for run in Store(STORE).runs:
        if (run["case"], run["method"], run["weights"]) == ("lumbar-standard", "pix2pix", digest(measured)):
            return {name: run[name] for name in METRICS}
    raise SystemExit(
        f"{measured}: not measured yet; run Testing/benchmarks/standardization/study.py --weights {measured}"
    )


def credits() -> dict[str, str]:
    """The credit of each CT, by its name in pairs."""
    return {sha256((DATA / folder / "ct.nii.gz").read_bytes())[:12]: credit for folder, credit in CTS.items()}


def text(card: dict[str, Any]) -> str:
    """The model card as Markdown."""
    weights, network, training, metrics = (card[name] for name in ("weights", "network", "training", "metrics"))
    target = card["target"]
    rows = "\n".join(f"| {METRICS[name]} | {value:.3g} |" for name, value in metrics["lumbar_25_views"].items())
    before = "".join(
        f",\nafter {one['steps']} steps on {len(one['patients'])} patients" for one in training["earlier"][::-1]
    )
    ranges = "\n".join(f"- `{name}`: {json.dumps(value)}" for name, value in card["simulator"].items())
    return f"""\
# {card["name"]}

`standardizer.safetensors` ({weights["bytes"] / 1e6:.1f} MB): {card["task"]}.
SHA-256 `{weights["sha256"]}`. The same as JSON: `standardizer.json`.

**Network.** U-Net with {network["levels"]} levels and {network["width"]} channels in the first, 70 x 70 PatchGAN,
adversarial loss + {network["l1_weight"]:g} L1, trained for
{training["steps"]} steps of {network["batch"]} pairs of {training["pixels"]} x {training["pixels"]} pixels{before}.

**Data.** {training["pairs"]} simulated pairs, made from these CTs with varied shapes and densities:

{_listed(training["patients"])}

Cite: {card["cite"]}.

**Metrics.** Measured with {metrics["measured_weights"]}, on a patient that is not in their training data:
25 lumbar X-rays of 512 x 512 pixels of {"; ".join(metrics["measured_on"])},
and the volume that the standard preset reconstructs from them. How well screws, a fracture and a lesion are preserved
is in Testing/benchmarks/standardization/INSERTS.md.

| | |
| --- | ---: |
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
