"""Extract the closed surface of labelled voxels: surface.vtp from labels.npy and ras_from_index.npy in one folder."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

import numpy as np

from ..runs.events import Reporter
from ..scene.surfaces import STAGES, labels_surface, write_surface
from .process import run_job


def main(reporter: Reporter) -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder

    def report_stage(stage: str) -> None:
        reporter.report("progress", stage=stage, step=STAGES.index(stage), steps=len(STAGES))

    surface = labels_surface(np.load(folder / "labels.npy"), np.load(folder / "ras_from_index.npy"), report_stage)
    write_surface(folder / "surface.vtp", surface)


if __name__ == "__main__":
    run_job(main)
