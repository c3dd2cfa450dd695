"""Average weights of the network that standardises X-rays with those that they were trained from.

    python Testing/benchmarks/standardization/average.py WEIGHTS START --pairs PAIRS --out FILE [--share F]

Further training can make a network worse on images unlike those of that training; the mean of both is a compromise (M.
Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022). The header is that of WEIGHTS and states the share;
the model of the training images is made anew from PAIRS.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import torch

from IXGSLib.standardization.generator import Generator
from IXGSLib.standardization.weights import load_weights, save_weights
from IXGSLib.training.distribution import distribution_model
from IXGSLib.training.pair_format import PairFolder, open_pairs


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("start", type=Path)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.5, help="of WEIGHTS in the mean")
    options = parser.parse_args(arguments)
    average(options.weights, options.start, options.share, open_pairs(options.pairs), options.out)
    return 0


def average(weights: Path, start: Path, share: float, pairs: PairFolder, out: Path) -> None:
    """Write the mean of weights and their start; raises SystemExit for weights that were not trained from it."""
    trained, first = load_weights(weights), load_weights(start)
    if trained.about.get("start", {}).get("sha256") != first.about["sha256"]:
        raise SystemExit(f"{weights}: not trained from {start}; name the weights that it started from")
    generator = Generator(trained.settings).eval().requires_grad_(False)
    generator.load_state_dict(
        {name: torch.lerp(first.generator[name], value, share) for name, value in trained.generator.items()}
    )
    training, held_out = pairs.split(trained.about["held_out"])
    model = distribution_model(generator, training, held_out)
    save_weights(out, {**trained.about, "share_of_start": 1 - share}, generator.state_dict(), model.tensors())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
