"""The stored trials of the refinement of poses as tables and a picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.stats import binomtest

from Testing.benchmarks.pages import ROOT, Part

PAGE = Part(ROOT / "docs" / "poses.md", "refinement", "Testing/benchmarks/poses/refinement.py")
PICTURE = ROOT / "Resources" / "Screenshots" / "pose_success.png"
SUCCESS_MM = 1.0
"""Mean projection error at the region, mm, below which a trial is a success."""
COLOURS = {"line integrals": "#0072B2", "standardised": "#D55E00"}
MODES = {
    "true": "true poses",
    "true, refined": "true poses, refined",
    "given": "wrong poses",
    "registered": "wrong poses, each view registered to a first volume",
    "refined": "wrong poses, refined",
}

INTRODUCTION = f"""\
First stage alone, three patients: line integrals of bone, 30 views of 256 x 256 pixels from random poses over 200
degrees that truncate the patient, and 25 realistic X-rays standardised by the network that comes with IXGS. Errors
of the start are uniform up to the stated rotation about a random axis, the stated shift along both axes of the
detector, and 1.5 times that along the beam. A trial succeeds when points of the region are seen within
{SUCCESS_MM:g} mm of their true place on average, after a common motion and scale are taken off. Errors left are
medians of root mean squares over the views; the bound of the success is exact, one-sided, at 95 % confidence."""
HEAD = (
    "X-rays",
    "largest error of the start",
    "success",
    "at least",
    "rotation left",
    "shift left",
    "along the beam",
    "verified: successes, failures",
    "CPU time",
)

Rows = Mapping[tuple[str, str], list[dict[str, Any]]]


def write(store: dict[str, Any], picture: Path = PICTURE) -> None:
    """Both tables into the page, and the picture."""
    rows = by_kind_and_level(store["trials"])
    parts = [trials_text(rows), f"![Success and error left against the error of the start](../{_relative(picture)})"]
    if store["volumes"]:
        parts.append(volumes_text(store["volumes"]))
    PAGE.write("\n\n".join(parts))
    draw(rows, picture)


def by_kind_and_level(trials: Mapping[str, dict[str, Any]]) -> Rows:
    """The trials of all patients, by kind of X-rays and level of errors."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for name, trial in trials.items():
        patient, kind, level, _ = name.split("/")
        found.setdefault((kind, level), []).append({**trial, "patient": patient})
    return dict(sorted(found.items(), key=lambda item: (item[0][0], _turn(item[0][1]))))


def _turn(level: str) -> float:
    """The rotation of a level, degrees."""
    return float(level.split("-")[0])


def is_success(trial: Mapping[str, Any]) -> bool:
    return bool(trial["end"]["projection"] < SUCCESS_MM)


def trials_text(rows: Rows) -> str:
    """The table of success and of the errors left."""
    lines = [INTRODUCTION, "", f"| {' | '.join(HEAD)} |", f"|{' --- |' * len(HEAD)}"]
    for (kind, level), trials in rows.items():
        turn, shift = level.split("-")
        good = [trial for trial in trials if is_success(trial)]
        wrong = sum(trial["verified"] for trial in trials if not is_success(trial))
        ends = [f"{_median(trials, name):.2f}" for name in ("rotation", "shift", "beam")]
        right = sum(trial["verified"] for trial in good)
        lines.append(
            f"| {kind} | {turn}°, {shift} mm | {len(good)} of {len(trials)} | "
            f"{100 * lower_bound(len(good), len(trials)):.0f} % | {ends[0]}° | {ends[1]} mm | "
            f"{ends[2]} mm | "
            f"{right} of {len(good)}, {wrong} of {len(trials) - len(good)} | "
            f"{np.median([trial['cpu_seconds'] for trial in trials]):.0f} s |"
        )
    return "\n".join([*lines, "", by_patient(rows)])


def lower_bound(successes: int, trials: int) -> float:
    """The one-sided lower bound of a rate of success, at 95 % confidence (Clopper and Pearson, Biometrika 26, 1934)."""
    return float(binomtest(successes, trials, alternative="greater").proportion_ci(0.95, "exact").low)


def by_patient(rows: Rows) -> str:
    """A sentence about the trials of each kind that succeed, patient by patient, up to the goal."""
    parts = []
    for kind in dict.fromkeys(kind for kind, _ in rows):
        trials = [t for (one, level), group in rows.items() if one == kind and _turn(level) <= 3 for t in group]
        counts = [
            f"{patient} {sum(map(is_success, own))} of {len(own)}"
            for patient in dict.fromkeys(trial["patient"] for trial in trials)
            for own in [[trial for trial in trials if trial["patient"] == patient]]
        ]
        parts.append(f"{kind}: {', '.join(counts)}")
    return f"Successes with errors of up to 3° and 10 mm, by patient. {'; '.join(parts).capitalize()}."


def _median(trials: list[dict[str, Any]], name: str) -> float:
    return float(np.median([trial["end"][name] for trial in trials]))


def volumes_text(volumes: Mapping[str, dict[str, Any]]) -> str:
    """The table of whole reconstructions, one row a patient and origin of the poses."""
    lines = [
        "Whole reconstructions with the standard preset (wrong poses: up to 3° and 10 mm), in the frame of the truth:",
        "",
        "| patient | poses | PSNR | Dice | bone surface | rotation left | shift left | CPU time |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    patients = list(dict.fromkeys(name.split("/")[0] for name in volumes))
    for patient, (mode, title) in ((patient, mode) for patient in patients for mode in MODES.items()):
        found = volumes.get(f"{patient}/{mode}")
        if found is not None:
            end = found["end"]
            surface = found["bone_surface_distance"]
            lines.append(
                f"| {patient} | {title} | {found['volume_psnr']:.2f} dB | {found['bone_dice']:.3f} | "
                f"{surface:.2f} mm | {end['rotation']:.2f}° | {end['shift']:.2f} mm | {found['cpu_seconds']:.0f} s |"
            )
    return "\n".join(lines)


def draw(rows: Rows, path: Path) -> None:
    """Success and projection error left against the largest rotation of the start."""
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    share, left = figure.subplots(1, 2)
    places = {level: n for n, level in enumerate(sorted({level for _, level in rows}, key=_turn))}
    for kind in dict.fromkeys(kind for kind, _ in rows):
        levels = [(level, trials) for (one, level), trials in rows.items() if one == kind]
        x = [places[level] for level, _ in levels]
        rates = [100 * np.mean([is_success(trial) for trial in trials]) for _, trials in levels]
        share.plot(x, rates, "o-", color=COLOURS[kind], label=kind)
        left.plot(x, _medians(trials for _, trials in levels), "o-", color=COLOURS[kind], label=kind)
        for at, (_, trials) in zip(x, levels, strict=True):
            ends = [trial["end"]["projection"] for trial in trials]
            left.plot([at] * len(ends), ends, ".", color=COLOURS[kind], alpha=0.35)
    ticks = [f"{level.split('-')[0]}°\n{level.split('-')[1]} mm" for level in places]
    for axes in (share, left):
        axes.set_xticks(list(places.values()), ticks)
        axes.set_xlabel("largest error of the start")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    share.set_ylabel("success, %")
    share.set_ylim(0, 104)
    left.set_yscale("log")
    left.axhline(SUCCESS_MM, color="0.5", linewidth=0.8)
    left.set_ylabel("projection error left, mm")
    figure.savefig(path, dpi=110)


def _medians(groups: Iterable[list[dict[str, Any]]]) -> list[float]:
    return [float(np.median([trial["end"]["projection"] for trial in trials])) for trials in groups]


def _relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
