"""Put trained weights of the bone network into Resources/Models, with their model card.

    python Testing/benchmarks/prior/make_model.py WEIGHTS --measured LEFT_OUT [...] [--out FOLDER]

WEIGHTS: the weights to ship. LEFT_OUT: weights trained in the same way without the patients that
`standardization/patients.py` has measured them on. The model card, bone_prior.json and as text bone_prior.md, states
data, network, metrics and limits.
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
from IXGSLib.prior.weights import load_bone_weights
from Testing.benchmarks.pages import ROOT
from Testing.benchmarks.standardization import patients
from Testing.benchmarks.standardization.cts import credits
from Testing.benchmarks.standardization.make_model import CITE, METRICS
from Testing.benchmarks.store import Store

NAME = "bone_prior"
MAX_WEIGHTS_BYTES = 10_000_000
"""Largest size of weights that may ship."""
SHOWN = {name: METRICS[name] for name in METRICS if not name.startswith("view_")}
LIMITS = (
    "Research use only, not a medical device.",
    "Trained on X-rays simulated from CTs of a few adults, from neck to pelvis, never on recorded X-rays.",
    "It states what bone looks like in other patients: fractures, lesions and implants may be weakened. Look "
    "where prior_share.nrrd shows that it decided, and in the X-rays.",
    "It belongs to one network that standardises X-rays, and is refused with the images of another.",
    "How dense bone is cannot be told from X-rays of unknown exposure: values are close to those of the patients in "
    "the training data.",
    "Trained with 3 to 24 X-rays of arcs around the spine and true poses.",
)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--measured", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, default=ROOT / "Resources" / "Models")
    options = parser.parse_args(arguments)
    data = options.weights.read_bytes()
    if len(data) > MAX_WEIGHTS_BYTES:
        raise SystemExit(f"{options.weights}: {len(data)} bytes, expected at most {MAX_WEIGHTS_BYTES}")
    card = model_card(options.weights, options.measured)
    options.out.mkdir(parents=True, exist_ok=True)
    write_atomically(options.out / f"{NAME}.safetensors", data)
    write_atomically(options.out / f"{NAME}.json", (json.dumps(card, indent=1) + "\n").encode())
    write_atomically(options.out / f"{NAME}.md", text(card).encode())
    return 0


def model_card(weights: Path, measured: Sequence[Path]) -> dict[str, Any]:
    """The model card of weights; raises SystemExit where measurements are missing."""
    about = load_bone_weights(weights).about
    return {
        "format": "ixgs-model-card",
        "name": "IXGS learnt prior",
        "task": "bone in 3D, and its own error, from standardised X-rays together",
        "weights": {"sha256": sha256(weights.read_bytes()), "bytes": weights.stat().st_size},
        "network": about["network"],
        "training": {
            "steps": about["step"],
            "series": about["series"],
            "standardizer": about["standardizer"],
            "trained_with": about.get("trained_with", about["standardizer"]),
            "patients": [credits()[patient] for patient in about["patients"]],
            "held_out": [credits()[patient] for patient in about["held_out"]],
            "earlier": _earlier(about),
        },
        "metrics": {
            "measured_weights_sha256": [sha256(each.read_bytes()) for each in measured],
            "left_out": patients.credits_of_patients(),
            "with_prior": means("learnt", measured),
            "without": means("pix2pix"),
        },
        "limits": list(LIMITS),
        "cite": CITE,
    }


def _earlier(about: dict[str, Any]) -> list[dict[str, int]]:
    """Steps and series of the trainings that weights started from, the first one first."""
    found: list[dict[str, int]] = []
    before = about.get("start")
    while before:
        found.insert(0, {"steps": before["step"], "series": before["series"]["count"]})
        before = before.get("start")
    return found


def means(method: str, measured: Sequence[Path] | None = None) -> dict[str, float]:
    """The means of the stored metrics of a method over the patients left out; raises SystemExit without them.

    measured: weights of the prior with which they must have been measured.
    """
    known = None if measured is None else {sha256(each.read_bytes())[:12] for each in measured}
    runs = [run for run in Store(patients.STORE).runs if run["method"] == method]
    if known is not None:
        runs = [run for run in runs if run["weights"].rpartition("-")[2] in known]
    missing = {f"{name}-preview" for name in patients.EXPOSURES} - {run["case"] for run in runs}
    if missing:
        raise SystemExit(
            f"{method}: {', '.join(sorted(missing))} not measured yet; run "
            "Testing/benchmarks/standardization/patients.py with --weights and --bone-weights"
        )
    return {name: round(sum(run[name] for run in runs) / len(runs), 4) for name in SHOWN}


def text(card: dict[str, Any]) -> str:
    """The model card as Markdown."""
    weights, network, training, metrics = (card[name] for name in ("weights", "network", "training", "metrics"))
    rows = "\n".join(
        f"| {title} | {metrics['without'][name]:.3g} | {metrics['with_prior'][name]:.3g} |"
        for name, title in SHOWN.items()
    )
    patients_seen, left_out = (
        "\n".join(f"- {each}" for each in names) for names in (training["patients"], metrics["left_out"])
    )
    series = training["series"]
    trained = [{"steps": training["steps"], "series": series["count"]}, *training["earlier"][::-1]]
    steps = ", after ".join(f"{one['steps']} steps on {one['series']} series" for one in trained)
    earlier, of_series = "", training.get("trained_with", training["standardizer"])
    if of_series != training["standardizer"]:
        earlier = f",\nwhich was trained further from the one that standardised its series, `{of_series}`"
    limits = "\n".join(f"- {each}" for each in card["limits"])
    return f"""\
# {card["name"]}

`{NAME}.safetensors` ({weights["bytes"] / 1e6:.1f} MB): {card["task"]}.
SHA-256 `{weights["sha256"]}`. The same as JSON: `{NAME}.json`.

**Network.** 3D U-Net with {network["levels"]} levels and {network["width"]} channels in the first, on voxels of
{network["spacing"]:g} mm; bone in voxels of half the size. Trained for {steps}.
It belongs to the standardising network of SHA-256 `{training["standardizer"]}`{earlier}.

**Data.** Simulated series of up to {series["views"]} X-rays, made from these CTs with varied shapes and densities,
{series["lesions"]:.0%} of them with fractures and lytic lesions:

{patients_seen}

Cite: {card["cite"]}.

**Metrics.** Volumes from 25 realistic X-rays by the preview preset, without and with the prior; means over two patients
in two exposures each, on whom neither network was trained:

{left_out}

| | without | with |
| --- | ---: | ---: |
{rows}

How well screws, a fracture and a lesion are preserved is in Testing/benchmarks/standardization/INSERTS.md.

**Limits.**

{limits}
"""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
