"""A picture of a run: slices of its volume above those of the truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..files import write_atomically
from ..volume import Volume
from ..xray import png

PICTURE = "slices.png"
HEIGHT_PX, MARGIN_PX = 200, 4


def save_picture(folder: Path, truth: Path | None) -> None:
    """Write axial, coronal and sagittal slices of volume.nrrd in a folder and, if it is known, of the truth."""
    from ..evaluation.planes import focus
    from ..evaluation.sections import window

    volume = Volume.load(folder / "volume.nrrd")
    true = None if truth is None else Volume.load(truth)
    reference = volume if true is None else true
    point, levels = focus(reference), window(reference)
    rows = [_row(each, point, levels) for each in (volume, true) if each is not None]
    width = max(row.shape[1] for row in rows)
    padded = [np.pad(row, ((0, MARGIN_PX), (0, width - row.shape[1]), (0, 0))) for row in rows]
    write_atomically(folder / PICTURE, png.encode(np.concatenate(padded)[:-MARGIN_PX]))


def _row(volume: Volume, point: np.ndarray, levels: tuple[float, float]) -> np.ndarray:
    """(HEIGHT_PX, w, 3) uint8: the slices of a volume beside each other."""
    from PIL import Image

    from ..evaluation.pictures import grey
    from ..evaluation.planes import SLICES, cut, slice_grid

    parts = []
    for plane in SLICES:
        grid = slice_grid(volume.grid, plane, point)
        picture = grey(cut(volume, grid), *levels)
        width = max(1, round(HEIGHT_PX * float(grid.size[0]) / float(grid.size[1])))
        sized = Image.fromarray(picture).resize((width, HEIGHT_PX), Image.Resampling.BILINEAR)
        parts += [np.asarray(sized), np.zeros((HEIGHT_PX, MARGIN_PX, 3), np.uint8)]
    return np.concatenate(parts[:-1], axis=1)
