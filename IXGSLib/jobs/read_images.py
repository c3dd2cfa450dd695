"""Write X-rays that were copied from the scene as a case, then read it as the job read_case does."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path

import numpy as np

from ..formats import load_case, save_case
from ..formats.geometry_json import view_from_json
from ..runs.events import Reporter
from ..scene.xrays import case_of, xray_from_pixels
from ..xray import XRay
from .process import run_job
from .read_case import write_reading


def main(reporter: Reporter) -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path, help="folder with images.json and the pixels of each X-ray")
    parser.add_argument("--case", type=Path, required=True, help="new folder for the case")
    parser.add_argument("--out", type=Path, required=True, help="existing folder for the reading")
    options = parser.parse_args()
    save_case(case_of(copied_xrays(options.images), name="scene"), options.case)
    write_reading(load_case(options.case), options.out)


def copied_xrays(folder: Path) -> list[XRay]:
    """The X-rays whose views and pixels the panel has copied into a folder; raises FormatError that names the view."""
    content = json.loads((folder / "images.json").read_text(encoding="utf-8"))
    return [
        xray_from_pixels(
            view_from_json(each["view"]), np.load(folder / f"{number:03d}.npy"), each["values"], each.get("i0")
        )
        for number, each in enumerate(content["views"])
    ]


if __name__ == "__main__":
    run_job(main)
