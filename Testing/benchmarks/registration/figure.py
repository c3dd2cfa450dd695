"""The figure of the study of registration: errors at the end against errors at the start."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from Testing.benchmarks.pages import ROOT
from Testing.benchmarks.registration.page import MAIN, MIN_IN_BIN, SUCCESS_MM

PICTURE = ROOT / "Resources" / "Screenshots" / "registration_success.png"
COLOURS = {"start": "#1f77b4", "plain 3D": "#d62728", "plain 2D": "#7f7f7f", "plain nanodrr": "#2ca02c"}
LABELS = {
    "start": "IXGS",
    "plain 3D": "SimpleITK in the volume",
    "plain 2D": "Powell's method in the images",
    "plain nanodrr": "nanodrr and Adam in the images",
}
KINDS = {"bone": "line integrals of bone", "realistic": "realistic X-rays"}
FLOOR_MM, CEILING_MM, MAX_START_MM = 0.05, 60.0, 45
DPI = 110


def write(store: dict[str, Any]) -> None:
    """Draw the trials from starts: one panel a kind and number of views."""
    trials = {name: trial for name, trial in store["trials"].items() if name.split("/")[1] == MAIN}
    counts = sorted({int(name.split("/")[3]) for name in trials if name.startswith("start/")})
    figure = Figure(figsize=(3.6 * max(1, len(counts)), 6.2), layout="constrained")
    axes = np.atleast_2d(figure.subplots(len(KINDS), max(1, len(counts)), sharex=True, sharey=True, squeeze=False))
    for row, (kind, title) in enumerate(KINDS.items()):
        for column, views in enumerate(counts):
            _panel(axes[row, column], trials, kind, views)
            axes[row, column].set_title(f"{title}, {views} views", fontsize=9)
    for axis in axes[-1]:
        axis.set_xlabel("error at the start, mm")
    for axis in axes[:, 0]:
        axis.set_ylabel("error at the end, mm")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    axes[0, -1].legend(handles, labels, fontsize=8, loc="upper right")
    FigureCanvasAgg(figure)
    figure.savefig(PICTURE, dpi=DPI)


def _panel(axis: Any, trials: dict[str, dict[str, Any]], kind: str, views: int) -> None:
    axis.axhline(SUCCESS_MM, color="#999999", linewidth=0.8, linestyle=":")
    for task, label in LABELS.items():
        results = [
            each for name, trial in trials.items() if name.startswith(f"{task}/{MAIN}/{kind}/{views}/")
            for each in trial["vertebrae"].values()
        ]  # fmt: skip
        if not results:
            continue
        start, end = (np.array([each[key] for each in results]) for key in ("start", "end"))
        size = 3 if task == "start" else 14
        axis.scatter(start, np.clip(end, FLOOR_MM, CEILING_MM), s=size, color=COLOURS[task], alpha=0.5, label=label)
        _success(axis, start, end, COLOURS[task])
    axis.set_yscale("log")
    axis.set_xlim(0, MAX_START_MM)
    axis.set_ylim(FLOOR_MM, CEILING_MM)


def _success(axis: Any, start: np.ndarray, end: np.ndarray, colour: str) -> None:
    """The rate of success by bins of 1 mm, on an axis of its own."""
    bins = start.astype(int)
    counted = [n for n in range(MAX_START_MM) if (bins == n).sum() >= MIN_IN_BIN]
    if not counted:
        return
    own = axis.twinx()
    rates = [100 * float((end[bins == n] < SUCCESS_MM).mean()) for n in counted]
    own.plot(np.array(counted) + 0.5, rates, color=colour, linewidth=1.2)
    own.set_ylim(0, 105)
    own.set_ylabel("below 2 mm, %", fontsize=7)
    own.tick_params(labelsize=7)
