"""The page of the study of registration, from its store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from Testing.benchmarks.pages import ROOT, Part

PAGE = Part(ROOT / "docs" / "registration.md", "registration", "Testing/benchmarks/registration/study.py")
SUCCESS_MM, CLOSE_MM = 2.0, 1.0
MIN_IN_BIN = 5
"""Starts that a bin needs to count."""
MIN_RATE = 0.95
"""Rate of success up to which a bin of starts belongs to the capture range."""
TITLES = {
    "start": "IXGS, from a start",
    "anywhere": "IXGS, without a start",
    "plain 3D": "SimpleITK in the volume, from a start",
    "plain 2D": "Powell's method in the images, from a start",
}
Trials = dict[str, dict[str, Any]]


def write(store: dict[str, Any]) -> None:
    """Write the tables of what is stored into the page."""
    PAGE.write(text(store["trials"]))


def text(trials: Trials) -> str:
    """The table of accuracy, and that of swapped patients."""
    head = [
        "| X-rays | views | method | vertebrae | median mTRE | below 1 mm | below 2 mm | capture range | failures "
        "flagged | CPU time |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    rows = [row for task, title in TITLES.items() for row in _rows(trials, task, title)]
    return "\n".join([*head, *sorted(rows), "", swapped_text(trials)])


def _rows(trials: Trials, task: str, title: str) -> Iterable[str]:
    cases = dict.fromkeys(tuple(name.split("/")[1:3]) for name in trials if name.startswith(f"{task}/"))
    for kind, views in cases:
        own = [trial for name, trial in trials.items() if name.startswith(f"{task}/{kind}/{views}/")]
        results = [vertebra for trial in own for vertebra in trial["vertebrae"].values()]
        errors = np.array([result["end"] for result in results])
        bad = [result for result in results if result["end"] > SUCCESS_MM]
        flagged = sum(not result["verified"] for result in bad) if task in ("start", "anywhere") else None
        seconds = np.median([trial["cpu_seconds"] for trial in own])
        yield (
            f"| {kind} | {views:>2} | {title} | {len(results)} | {np.median(errors):.2f} mm | "
            f"{100 * np.mean(errors < CLOSE_MM):.0f} % | {100 * np.mean(errors < SUCCESS_MM):.0f} % | "
            f"{capture_text(results)} | {'–' if flagged is None else f'{flagged} of {len(bad)}'} | {seconds:.1f} s |"
        )


def capture_text(results: list[dict[str, Any]]) -> str:
    """The upper edge of the last 1 mm bin of starts up to which each bin succeeds at MIN_RATE."""
    if results[0]["start"] is None:
        return "anywhere"
    reached = 0
    while True:
        inside = [result["end"] < SUCCESS_MM for result in results if reached <= result["start"] < reached + 1]
        if len(inside) < MIN_IN_BIN:
            return f"at least {reached} mm" if reached else "too few starts"
        if np.mean(inside) < MIN_RATE:
            return f"{reached} mm"
        reached += 1


def swapped_text(trials: Trials) -> str:
    """How many registrations of another patient's CT were verified."""
    swapped = [trial for trial in trials.values() if "vertebrae" not in trial]
    wrong = sum(len(trial.get("verified", ())) for trial in swapped)
    refused = sum("refused" in trial for trial in swapped)
    return (
        f"CT and X-rays of different patients: {len(swapped)} registrations, {wrong} vertebrae verified, {refused} "
        "refused."
    )
