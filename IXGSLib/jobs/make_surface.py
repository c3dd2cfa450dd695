"""Makes the closed surface of labels.npy, which lie where ras_from_index.npy says: surface.vtp in the same folder."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from .request import tell


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    from ..scene.surfaces import STAGES, labels_surface, write_surface

    labels, ras_from_index = np.load(folder / "labels.npy"), np.load(folder / "ras_from_index.npy")
    surface = labels_surface(
        labels, ras_from_index, lambda stage: tell("progress", step=STAGES.index(stage), steps=len(STAGES))
    )
    write_surface(folder / "surface.vtp", surface)


if __name__ == "__main__":
    from .request import run

    run(main)
