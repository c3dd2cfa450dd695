"""Let a bone network be used with the images of another network that standardises X-rays.

    python Testing/benchmarks/prior/adopt.py BONE_WEIGHTS STANDARDIZER --out FILE

The bone network refuses images of any network but the one by which its series were standardised. Where that one was
trained further, its images may serve as well: measure it, by Testing/benchmarks/standardization/patients.py. The header
keeps the network of the series as trained_with.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from IXGSLib.files import sha256
from IXGSLib.prior.weights import load_bone_weights, save_bone_weights
from IXGSLib.standardization.weights import load_weights


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bone_weights", type=Path)
    parser.add_argument("standardizer", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    adopt(options.bone_weights, options.standardizer, options.out)
    return 0


def adopt(bone_weights: Path, standardizer: Path, out: Path) -> None:
    """Write a bone network that belongs to `standardizer`; raises SystemExit if that one has seen what it must not."""
    found, about = load_bone_weights(bone_weights), load_weights(standardizer).about
    known = set(found.about.get("held_out", ())) & set(about["patients"])
    if known:
        raise SystemExit(
            f"{standardizer.name}: trained on {', '.join(sorted(known))}, held out of {bone_weights.name}; expected a "
            "network that has not seen them"
        )
    earlier = {"trained_with": found.about.get("trained_with", found.standardizer)}
    save_bone_weights(out, {**found.about, **earlier, "standardizer": sha256(standardizer.read_bytes())}, found.network)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
