"""The analysis of a reader study: agreement, correlation of metrics with ratings, and files with all of it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...files import check_new_folder, write_atomically, write_folder
from ...runs.events import finite
from ...version import __version__
from .agreement import Agreement, agreement
from .correlation import BASELINES, Correlation, Difference, corrected, correlation, difference, mean_ratings
from .key import Key
from .ratings import QUESTIONS, Ratings
from .resampling import resampled_over

PAGE, NUMBERS, TABLE = "readers.html", "readers.json", "ratings.csv"


@dataclass(frozen=True)
class Analysis:
    """What a reader study found.

    rated: by question the mean rating of each run. resampled: what intervals resample, "specimens" or "runs".
    notes: of the ratings and about metrics that cannot be compared.
    """

    key: Key
    ratings: Ratings
    rated: Mapping[str, Mapping[str, float]]
    agreements: tuple[Agreement, ...]
    correlations: tuple[Correlation, ...]
    differences: tuple[Difference, ...]
    resampled: str
    notes: tuple[str, ...]

    @property
    def better(self) -> dict[str, list[str]]:
        """By question the metrics that follow readers significantly better than every baseline there is."""
        found: dict[str, list[str]] = {}
        for question in self.rated:
            of = [each for each in self.differences if each.question == question]
            metrics = dict.fromkeys(each.metric for each in of if each.metric not in BASELINES)
            found[question] = [metric for metric in metrics if all(each.better for each in of if each.metric == metric)]
        return found


def analyse(ratings: Ratings, key: Key, seed: int = 0) -> Analysis:
    """Analyse the ratings of a study, for each question that was answered. seed: of the bootstrap."""
    specimens = {name: run.specimen for name, run in key.runs.items()}
    answered = [q for q in QUESTIONS if any(q in rating.answers for rating in ratings.ratings)]
    rated = {question: mean_ratings(ratings, question) for question in answered}
    metrics = list(dict.fromkeys(name for run in key.runs.values() for name in run.metrics))
    baselines = [name for name in BASELINES if name in metrics]
    correlations = [correlation(q, rated[q], metric, key.runs, seed) for q in answered for metric in metrics]
    differences = [
        difference(question, rated[question], (metric, baseline), key.runs, seed)
        for question in answered
        for metric in metrics
        for baseline in baselines
        if metric != baseline
    ]
    return Analysis(
        key=key,
        ratings=ratings,
        rated=rated,
        agreements=tuple(agreement(ratings, question, specimens, seed) for question in answered),
        correlations=tuple(correlations),
        differences=tuple(corrected(differences)),
        resampled=resampled_over(list(specimens.values())),
        notes=ratings.notes + _notes(metrics, baselines),
    )


def _notes(metrics: list[str], baselines: list[str]) -> tuple[str, ...]:
    if not metrics:
        return ("the key holds no metric, so that none is compared with the ratings; make the sets with --metrics",)
    lost = [name for name in BASELINES if name not in baselines]
    return (f"no metric is compared with {' and '.join(lost)}, which the key does not hold",) if lost else ()


def write_analysis(found: Analysis, out: Path) -> tuple[Path, ...]:
    """Write the page, all numbers as JSON and all ratings as CSV into a new folder; returns their paths."""
    from .page import readers_page

    check_new_folder(out)
    contents = {PAGE: readers_page(found), NUMBERS: _json(found), TABLE: _csv(found)}

    def write(folder: Path) -> None:
        for name, text in contents.items():
            write_atomically(folder / name, text.encode("utf-8", "replace"))

    write_folder(out, write)
    return tuple(out / name for name in contents)


def _json(found: Analysis) -> str:
    content: dict[str, Any] = {
        "format": "ixgs-reader-analysis",
        "version": 1,
        "ixgs": __version__,
        "simulated": found.ratings.simulated,
        "readers": list(found.ratings.readers),
        "intervals_resample": found.resampled,
        "agreement": [asdict(each) for each in found.agreements],
        "correlation": [asdict(each) for each in found.correlations],
        "differences": [asdict(each) for each in found.differences],
        "better_than_baselines": found.better,
        "notes": list(found.notes),
    }
    return json.dumps(finite(content), indent=1, ensure_ascii=False) + "\n"


def _csv(found: Analysis) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["simulated", "reader", "set", "number", "run", "specimen", "showing", *QUESTIONS])
    simulated = "yes" if found.ratings.simulated else "no"
    for each in found.ratings.ratings:
        answers = [each.answers.get(question, "") for question in QUESTIONS]
        place = [each.reader, each.set, each.number, each.run, found.key.runs[each.run].specimen, each.showing]
        writer.writerow([simulated, *place, *answers])
    return text.getvalue()
