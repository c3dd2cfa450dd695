"""Makes a case of X-rays that were copied from the scene, and reads it as read_case.py does."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("images", type=Path, help="folder with images.json and the pixels of each X-ray")
    parser.add_argument("--case", type=Path, required=True, help="new folder for the case")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    from ..formats import load_case, save_case
    from ..scene.xrays import case_of, view_from, xray_from
    from .read_case import write

    known = json.loads((options.images / "images.json").read_text(encoding="utf-8"))
    xrays = []
    for number, values in enumerate(known["views"]):
        pixels = np.load(options.images / f"{number:03d}.npy")
        xrays.append(xray_from(view_from(values), pixels, known["values"]))
    save_case(case_of(xrays, name="scene"), options.case)
    write(load_case(options.case), options.out)


if __name__ == "__main__":
    from .request import run

    run(main)
