"""The page of the study of registration, from its store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from scipy.stats import beta

from IXGSLib.registration.edges import REACH_MM
from Testing.benchmarks.pages import ROOT, Part

PAGE = Part(ROOT / "docs" / "registration.md", "registration", "Testing/benchmarks/registration/study.py")
SUCCESS_MM, CLOSE_MM = 2.0, 1.0
MIN_IN_BIN = 5
"""Starts that a bin needs to count."""
MIN_RATE = 0.95
"""Rate of success up to which a bin of starts belongs to the capture range."""
CONFIDENCE = 0.95
TITLES = {
    "start": "IXGS, from a start",
    "anywhere": "IXGS, without a start",
    "plain 3D": "SimpleITK in the volume, from a start",
    "plain 2D": "Powell's method in the images, from a start",
    "plain nanodrr": "nanodrr and Adam in the images, from a start",
}
MAIN = "totalseg"
SUBJECTS = {
    "tcga": "another lumbar spine, points",
    "lidc": "thoracic spine, points",
    "tptbox": "L3 alone, labels",
}
Trials = dict[str, dict[str, Any]]
Results = list[dict[str, Any]]


def write(store: dict[str, Any]) -> None:
    """Write the tables of what is stored into the page."""
    PAGE.write(text(store["trials"]))


def text(trials: Trials) -> str:
    """The tables of accuracy, of other patients and of verdicts."""
    return "\n".join([*_accuracy(trials), "", *_patients(trials), "", *_verdicts(trials)])


def _accuracy(trials: Trials) -> list[str]:
    head = [
        "| X-rays | views | method | starts | vertebrae | median mTRE | below 1 mm | below 2 mm | capture range | CPU "
        "time |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    return head + sorted(row for task, title in TITLES.items() for row in _rows(trials, task, title))


def _rows(trials: Trials, task: str, title: str) -> Iterator[str]:
    for kind, views in _cases(trials, f"{task}/{MAIN}/"):
        own = _of(trials, f"{task}/{MAIN}/{kind}/{views}/")
        results = _vertebrae(own)
        seconds = np.median([trial["cpu_seconds"] for trial in own])
        yield (
            f"| {kind} | {views:>2} | {title} | {len(own)} | {len(results)} | {_errors(results)} | "
            f"{capture_text(results)} | {seconds:.1f} s |"
        )


def _patients(trials: Trials) -> Iterable[str]:
    yield "| patient | X-rays | views | vertebrae | median mTRE | below 1 mm | below 2 mm | verified |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for subject, title in SUBJECTS.items():
        tasks = [f"{task}/{subject}/" for task in ("start", "anywhere")]
        for kind, views in sorted({case for task in tasks for case in _cases(trials, task)}):
            results = _vertebrae([trial for task in tasks for trial in _of(trials, f"{task}{kind}/{views}/")])
            verified = sum(result["verified"] for result in results)
            yield f"| {title} | {kind} | {views} | {len(results)} | {_errors(results)} | {verified} |"


def _verdicts(trials: Trials) -> Iterable[str]:
    yield "| registrations | vertebrae | 2 mm or more off | of these verified | within 2 mm | of these not verified |"
    yield "| --- | --- | --- | --- | --- | --- |"
    usual = [trial for task in ("start", "anywhere") for trial in _of(trials, f"{task}/")]
    for kind in ("bone", "realistic"):
        own = [
            trial for task in ("start", "anywhere") for name, trial in trials.items()
            if name.startswith(f"{task}/") and name.split("/")[2] == kind
        ]  # fmt: skip
        yield _verdict(f"own CT, {kind}", _vertebrae(own))
    hard = dict.fromkeys(name.split("/")[0] for name in trials if name.startswith("hard: "))
    for task in hard:
        yield _verdict(task, _vertebrae(_of(trials, f"{task}/")))
    everything = _vertebrae([*usual, *_of(trials, "hard: ")])
    yield _verdict("all of these", everything)
    yield from ("", swapped_text(trials), "", edges_text(trials))


def _verdict(title: str, results: Results) -> str:
    bad = [result for result in results if result["end"] > SUCCESS_MM]
    good = [result for result in results if result["end"] <= SUCCESS_MM]
    missed = sum(result["verified"] for result in bad)
    alarms = sum(not result["verified"] for result in good)
    return (
        f"| {title} | {len(results)} | {len(bad)} | {rate_text(missed, len(bad))} | {len(good)} | "
        f"{rate_text(alarms, len(good))} |"
    )


def rate_text(count: int, total: int) -> str:
    """A count with its Clopper-Pearson interval."""
    if not total:
        return "–"
    rest = (1 - CONFIDENCE) / 2
    low = beta.ppf(rest, count, total - count + 1) if count else 0.0
    high = beta.ppf(1 - rest, count + 1, total - count) if count < total else 1.0
    return f"{count} ({100 * low:.1f} to {100 * high:.1f} %)"


def capture_text(results: Results) -> str:
    """The upper edge of the last 1 mm bin of starts up to which each bin succeeds at MIN_RATE.

    Bins with fewer than MIN_IN_BIN starts are joined with the next.
    """
    if results[0]["start"] is None:
        return "anywhere"
    reached, inside = 0, []
    for edge in range(1, int(max(result["start"] for result in results)) + 2):
        inside += [result["end"] < SUCCESS_MM for result in results if edge - 1 <= result["start"] < edge]
        if len(inside) < MIN_IN_BIN:
            continue
        if np.mean(inside) < MIN_RATE:
            return f"{reached} mm"
        reached, inside = edge, []
    return f"at least {reached} mm" if reached else "too few starts"


def swapped_text(trials: Trials) -> str:
    """How many registrations of another patient's CT were verified."""
    swapped = _of(trials, "CT of ")
    wrong = [each for trial in swapped for each in trial.get("swapped", {}).values()]
    pairs = {tuple(name.split("/")[:2]) for name in trials if name.startswith("CT of ")}
    refused = sum("refused" in trial for trial in swapped)
    verified = sum(each["verified"] for each in wrong)
    return (
        f"CT and X-rays of different patients: {len(swapped)} registrations of {len(pairs)} pairs, {refused} refused; "
        f"of {len(wrong)} vertebrae {rate_text(verified, len(wrong))} verified."
    )


def edges_text(trials: Trials) -> str:
    """What the distance of edges, as the median over the vertebrae, tells apart."""
    own, swapped = medians(trials)
    if not own or not swapped:
        return "Distances of edges: not measured."
    parts = [
        f"{max(value for name, value in own.items() if f'/{kind}/' in name):.2f} mm with {title}"
        for kind, title in (("bone", "line integrals of bone"), ("realistic", "realistic X-rays"))
        if any(f"/{kind}/" in name for name in own)
    ]
    alarms, missed = left_out(own, swapped)
    return (
        f"Distances of edges, as the median over the vertebrae: with the own CT up to {' and '.join(parts)}, with that "
        f"of another patient {min(swapped.values()):.2f} mm or more. With a limit midway between the two, chosen "
        f"without one of the patients, {alarms} of {len(own)} of the own CT would be refused and {missed} "
        f"of {len(swapped)} of another patient's accepted."
    )


def medians(trials: Trials) -> tuple[dict[str, float], dict[str, float]]:
    """By the name of a trial, the median distance of edges: with the own CT, and with another patient's."""
    own, swapped = {}, {}
    for name, trial in trials.items():
        if name.startswith(("start/", "anywhere/")) and "vertebrae" in trial:
            own[name] = _median(trial["vertebrae"])
        elif "swapped" in trial:
            swapped[name] = _median(trial["swapped"])
    return own, swapped


def _median(vertebrae: dict[str, dict[str, Any]]) -> float:
    distances = [each.get("edges") for each in vertebrae.values()]
    return float(np.median([REACH_MM if distance is None else distance for distance in distances]))


def left_out(own: dict[str, float], swapped: dict[str, float]) -> tuple[int, int]:
    """Wrong verdicts about patients that were not used for the limit: own CTs refused, others' accepted."""
    alarms = missed = 0
    for subject in (MAIN, *SUBJECTS):
        rest = {name: value for name, value in own.items() if name.split("/")[1] != subject}
        others = {name: value for name, value in swapped.items() if subject not in _people(name)}
        if not rest or not others:
            continue
        limit = np.sqrt(max(rest.values()) * min(others.values()))
        alarms += sum(value > limit for name, value in own.items() if name not in rest)
        # Pairs are left out with the CT's patient and with that of the X-rays; each counts once.
        missed += sum(value <= limit for name, value in swapped.items() if _people(name)[0] == subject)
    return alarms, missed


def _people(name: str) -> tuple[str, str]:
    """Whose the CT and whose the X-rays of a swapped trial are."""
    task, subject = name.split("/")[:2]
    return task.removeprefix("CT of "), subject


def _errors(results: Results) -> str:
    errors = np.array([result["end"] for result in results])
    return (
        f"{np.median(errors):.2f} mm | {100 * np.mean(errors < CLOSE_MM):.0f} % | "
        f"{100 * np.mean(errors < SUCCESS_MM):.0f} %"
    )


def _cases(trials: Trials, beginning: str) -> list[tuple[str, int]]:
    names = [name.split("/") for name in trials if name.startswith(beginning) and "vertebrae" in trials[name]]
    return list(dict.fromkeys((name[2], int(name[3])) for name in names))


def _of(trials: Trials, beginning: str) -> list[dict[str, Any]]:
    return [trial for name, trial in trials.items() if name.startswith(beginning)]


def _vertebrae(trials: Iterable[dict[str, Any]]) -> Results:
    return [vertebra for trial in trials for vertebra in trial.get("vertebrae", {}).values()]
