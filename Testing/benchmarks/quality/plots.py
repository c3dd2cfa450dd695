"""The stored runs as pictures: quality against time, and against the number of views."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from Testing.benchmarks.quality.cases import CASES, SCENES
from Testing.benchmarks.quality.methods import METHODS, STEPS
from Testing.benchmarks.quality.tables import medians

FOLDER = Path(__file__).resolve().parents[3] / "Resources" / "Screenshots"
COLOURS = {"sart": "#E69F00", "cg": "#999999", "fista-tv": "#0072B2", "standard": "#D55E00"}
"""Colours of M. Okabe and K. Ito, which colour-blind readers can distinguish."""
BUDGETS = (*(f"standard-{steps}" for steps in STEPS), "standard")
MARKERS = {"preview": "v", "standard": "o", "fine": "s"}

Content = dict[str, Any]


def draw(content: Content, folder: Path = FOLDER) -> None:
    """Both pictures as PNG files in a folder."""
    save(quality_against_time(content), folder / "quality_time.png")
    save(quality_against_views(content), folder / "quality_views.png")


def quality_against_time(content: Content, cases: tuple[str, ...] = ("lumbar-10", "lumbar-30")) -> Figure:
    """PSNR after some seconds: of the peers at every iteration, of IXGS's presets and of standard with fewer steps."""
    figure, axes = panels(len(cases))
    found = medians(content["runs"])
    for axis, case in zip(axes, cases, strict=True):
        for name, run in _of(case, found).items():
            if "curve" in run:
                axis.plot(*zip(*run["curve"], strict=True), color=COLOURS[name], label=METHODS[name].title)
            elif name in MARKERS:
                point = [run["seconds"]], [run["volume_psnr"]]
                axis.plot(*point, MARKERS[name], color=COLOURS["standard"], label=METHODS[name].title)
        budgets = [found[case, name] for name in BUDGETS if (case, name) in found]
        points = [(run["seconds"], run["volume_psnr"]) for run in budgets]
        label = f"IXGS standard, {STEPS[0]} steps to all"
        axis.plot(*np.reshape(points, (-1, 2)).T, color=COLOURS["standard"], marker=".", zorder=1, label=label)
        axis.set(xscale="log", xlabel="seconds", ylabel="PSNR of the volume, dB", title=f"{CASES[case][1]} views")
    _legend(figure, axes)
    return figure


def quality_against_views(content: Content, scene: str = "lumbar") -> Figure:
    """PSNR and bone Dice with the number of views."""
    figure, axes = panels(2)
    found = medians(content["runs"])
    cases = {name: count for name, (of, count) in CASES.items() if of is SCENES[scene]}
    metrics = {"volume_psnr": "PSNR of the volume, dB", "bone_dice": "bone Dice"}
    for axis, (metric, label) in zip(axes, metrics.items(), strict=True):
        for method in ("sart", "cg", "fista-tv", "standard"):
            points = [(n, found[case, method][metric]) for case, n in cases.items() if (case, method) in found]
            axis.plot(*np.reshape(points, (-1, 2)).T, color=COLOURS[method], marker="o", label=METHODS[method].title)
        axis.set(xlabel="views", ylabel=label)
    _legend(figure, axes)
    return figure


def _legend(figure: Figure, axes: list[Axes]) -> None:
    """One legend for all axes, next to them."""
    lines = {label: line for axis in axes for line, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(list(lines.values()), list(lines), loc="outside right center", fontsize=8, frameon=False)


def _of(case: str, found: dict[tuple[str, str], Content]) -> dict[str, Content]:
    """The runs of a case by method."""
    return {method: run for (of, method), run in found.items() if of == case}


def panels(count: int) -> tuple[Figure, list[Axes]]:
    """A figure with some axes side by side."""
    figure = Figure(figsize=(4.2 * count + 1.4, 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = list(figure.subplots(1, count, squeeze=False)[0])
    for axis in axes:
        axis.grid(color="#dddddd", linewidth=0.6)
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def save(figure: Figure, file: Path) -> None:
    figure.savefig(file, dpi=90)
