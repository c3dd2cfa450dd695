"""A figure of standardised views above slices of the volumes reconstructed from them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from IXGSLib.evaluation.planes import CORONAL, SAGITTAL, cut, focus, slice_grid
from IXGSLib.reconstruction.settings import Preset
from IXGSLib.volume import Volume
from Testing.benchmarks.standardization.exposures import METHODS, SHOWN, Exposure, Method, kept

ROWS = (1, 2, 4)
"""Indices into SHOWN of the views that are drawn."""
BACKGROUND, TEXT = "#0d0f12", "#d8dee6"
Picture = tuple[np.ndarray, float, float]
"""Values, and the values shown black and white."""


def draw(exposure: Exposure, preset: Preset, weights: Mapping[Method, str], target: Path) -> None:
    """Write the figure of the methods whose volumes are stored; raises FileNotFoundError when there are none.

    weights: the digest of the weights of each method, as in its stored run.
    """
    columns = _columns(exposure, preset, weights)
    if not columns:
        raise FileNotFoundError(
            f"{exposure.folder}: no volume of the {preset} preset is stored; measure without --table"
        )
    rows = len(ROWS) + 2
    figure = Figure(figsize=(2.5 * len(columns), 2.5 * rows + 0.4), facecolor=BACKGROUND)
    FigureCanvasAgg(figure)
    axes = figure.subplots(
        rows, len(columns), squeeze=False, gridspec_kw={"wspace": 0.03, "hspace": 0.03} | _margins(rows)
    )
    for column, (title, pictures) in zip(axes.T, columns.items(), strict=True):
        column[0].set_title(title, color=TEXT, fontsize=12)
        for axis, picture in zip(column, pictures, strict=True):
            axis.axis("off")
            if picture is not None:
                values, black, white = picture
                axis.imshow(values, cmap="gray", vmin=black, vmax=white)
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=80)


def _columns(exposure: Exposure, preset: Preset, weights: Mapping[Method, str]) -> dict[str, list[Picture | None]]:
    """The views, a coronal and a sagittal slice, by title; last the truth, which has no views."""
    point, top = focus(exposure.truth), float(exposure.truth.values.max())
    columns: dict[str, list[Picture | None]] = {}
    for method, title in METHODS.items():
        file = kept(exposure, method, preset, weights.get(method, ""))
        if file.exists():
            with np.load(file) as arrays:
                volume = Volume(arrays["volume"], exposure.case.grid)
                columns[title] = [*_views(arrays["views"], method, exposure), *_slices(volume, point, method, top)]
    if columns:
        columns["truth"] = [*[None] * len(ROWS), *_slices(exposure.truth, point, "target", top)]
    return columns


def _views(images: np.ndarray, method: Method, exposure: Exposure) -> list[Picture | None]:
    """The views: bone in the grey window of the target, X-rays in their own."""
    pictures: list[Picture | None] = []
    for row in ROWS:
        number = SHOWN[row] % len(exposure.case.xrays)
        image, field = images[row], exposure.case.xrays[number].mask
        reference = image[field] if method == "raw" else exposure.targets[number].image[field]
        low, high = np.percentile(reference, (0.5, 99.8))
        pictures.append((np.where(field, image, low), float(low), float(high)))
    return pictures


def _slices(volume: Volume, point: np.ndarray, method: Method, top: float) -> list[Picture | None]:
    """Two slices: bone in the grey window of the truth, the volume of X-rays in its own."""
    high = float(np.percentile(volume.values, 99.9)) if method == "raw" else 0.9 * top
    return [(cut(volume, slice_grid(volume.grid, plane, point)), 0.0, high) for plane in (CORONAL, SAGITTAL)]


def _margins(rows: int) -> dict[str, float]:
    return {"left": 0.005, "right": 0.995, "bottom": 0.005, "top": 1 - 0.4 / (2.5 * rows + 0.4)}
