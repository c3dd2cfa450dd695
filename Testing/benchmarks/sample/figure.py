"""Draw the README's picture from a finished run of the sample case.

    python Testing/benchmarks/sample/figure.py RUN [PNG]

RUN: the folder that `ixgs demo` wrote. PNG: Resources/Screenshots/demo.png when not given.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from IXGSLib import load_case
from IXGSLib.evaluation.bone_picture import bone_picture, smoothed
from IXGSLib.evaluation.planes import SLICES, VIEWING_DIRECTIONS, cut, focus, slice_grid
from IXGSLib.resources import resource
from IXGSLib.volume import Volume
from IXGSLib.volume.bone import bone_threshold

ROOT = Path(__file__).resolve().parents[3]
SHOWN = (3, 8, 12, 16, 21)
"""Numbers of the X-rays that are shown."""


def main(arguments: list[str]) -> None:
    run = Path(arguments[0])
    target = Path(arguments[1]) if len(arguments) > 1 else ROOT / "Resources" / "Screenshots" / "demo.png"
    sample = resource("SampleCase")
    case, truth = load_case(sample), Volume.load(sample / "truth.nrrd")
    volume = Volume.load(run / "volume.nrrd")
    figure = Figure(figsize=(12.5, 7.6), facecolor="#0d0f12")
    rows = figure.subfigures(3, 1, height_ratios=(1, 1, 1))
    _row(rows[0], f"{len(SHOWN)} of {len(case.xrays)} X-rays", [(case.xrays[n].image, {"cmap": "gray"}) for n in SHOWN])
    for row, name, shown in ((rows[1], "Reconstruction", volume), (rows[2], "CT", truth)):
        _row(row, name, _anatomy(shown, focus(truth), float(truth.values.max())))
    FigureCanvasAgg(figure)
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=96)


def _anatomy(volume: Volume, point: np.ndarray, top: float) -> list[tuple[np.ndarray, dict]]:
    """Three slices and two bone pictures."""
    slices = [cut(volume, slice_grid(volume.grid, plane, point)) for plane in SLICES]
    bones = [
        bone_picture(smoothed(volume), direction, bone_threshold(volume))[0] for direction in VIEWING_DIRECTIONS[1:]
    ]
    return [(s, {"cmap": "gray", "vmin": 0, "vmax": 0.9 * top}) for s in slices] + [(b, {}) for b in bones]


def _row(figure, title: str, pictures: list[tuple[np.ndarray, dict]]) -> None:
    figure.set_facecolor("#0d0f12")
    axes = figure.subplots(
        1, len(pictures), gridspec_kw={"left": 0.05, "right": 0.995, "wspace": 0.03, "bottom": 0.02, "top": 0.98}
    )
    figure.text(0.022, 0.5, title, color="#d8dee6", rotation=90, ha="center", va="center", fontsize=12)
    for axis, (picture, options) in zip(axes, pictures, strict=True):
        axis.imshow(picture, **options)
        axis.axis("off")


if __name__ == "__main__":
    main(sys.argv[1:])
